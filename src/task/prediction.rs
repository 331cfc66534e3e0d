//! What a check mode run would have changed on a host so far.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::path::parent;

/// What would be at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicted {
    /// A file with this content.
    File(Vec<u8>),
    /// A folder.
    Directory,
    /// A symbolic link to this target.
    Link(String),
    /// Nothing.
    Absent,
}

/// The permissions and owners that would be at a path; `None` is what is there now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes {
    /// Permissions.
    pub mode: Option<u32>,
    /// Owner.
    pub owner: Option<String>,
    /// Group.
    pub group: Option<String>,
}

/// How a unit would be; `None` is as it is now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Service {
    /// Whether it would run.
    pub active: Option<bool>,
    /// Whether it would be started at boot.
    pub enabled: Option<bool>,
}

/// The predictions of one host.
#[derive(Debug, Default)]
pub struct Predictions(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    paths: HashMap<String, Predicted>,
    attributes: HashMap<String, Attributes>,
    services: HashMap<String, Service>,
    /// What was not run: the step that it stands in, and the command.
    not_run: Vec<(Option<String>, String)>,
    /// Paths that were removed at some time: below them is only what was made after that.
    removed: HashSet<String>,
}

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

impl Predictions {
    /// What would be at `path` itself, when something of this run would have changed it.
    pub fn at(&self, path: &str) -> Option<Predicted> {
        let (path, _) = self.through_folders(path);
        self.state().at(&path)
    }

    /// The path that `path` would lead to through the symbolic links of this run, and what would be there.
    pub fn resolve(&self, path: &str) -> (String, Option<Predicted>) {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let (real, _) = self.through_folders(&path);
            match self.state().at(&real) {
                Some(Predicted::Link(target)) => path = joined(parent(&real), &target),
                predicted => return (real, predicted),
            }
        }
        (path, Some(Predicted::Absent))
    }

    /// Records what would be at `path`.
    pub fn record(&self, path: impl Into<String>, predicted: Predicted) {
        let path = path.into();
        let mut state = self.state();
        if predicted == Predicted::Absent {
            let below = format!("{path}/");
            state.paths.retain(|known, _| !known.starts_with(&below));
            state.attributes.retain(|known, _| !known.starts_with(&below) && *known != path);
            state.removed.insert(path.clone());
        }
        state.paths.insert(path, predicted);
    }

    /// The permissions and owners that would be at `path`, as far as this run would have changed them.
    pub fn attributes(&self, path: &str) -> Attributes {
        self.state().attributes.get(path).cloned().unwrap_or_default()
    }

    /// Records permissions and owners; what is `None` stays as it is.
    pub fn record_attributes(&self, path: impl Into<String>, attributes: Attributes) {
        let mut state = self.state();
        let known = state.attributes.entry(path.into()).or_default();
        known.mode = attributes.mode.or(known.mode);
        known.owner = attributes.owner.or(known.owner.take());
        known.group = attributes.group.or(known.group.take());
    }

    /// How a unit would be.
    pub fn service(&self, unit: &str) -> Service {
        self.state().services.get(unit).copied().unwrap_or_default()
    }

    /// Records how a unit would be; what is `None` stays as it is.
    pub fn record_service(&self, unit: impl Into<String>, service: Service) {
        let mut state = self.state();
        let known = state.services.entry(unit.into()).or_default();
        known.active = service.active.or(known.active);
        known.enabled = service.enabled.or(known.enabled);
    }

    /// Records a command that check mode does not run: what it would make is not known.
    pub fn record_not_run(&self, step: Option<String>, command: &str) {
        self.state().not_run.push((step, command.to_owned()));
    }

    /// Why it is not known whether something would be there that is not there now: a command that was not run may make it, most
    /// likely one that names it. None where nothing was left out.
    pub fn unknown(&self, what: &str) -> Option<String> {
        let state = self.state();
        let names = |(_, command): &&(Option<String>, String)| command.contains(what);
        let (step, command) = state.not_run.iter().rev().find(names).or_else(|| state.not_run.last())?;
        Some(match step {
            Some(step) => format!("step \"{step}\" was not run (`{command}`)"),
            None => format!("`{command}` was not run"),
        })
    }

    /// The path with the links of this run in its folders followed, the last part left alone.
    fn through_folders(&self, path: &str) -> (String, usize) {
        let state = self.state();
        let mut path = path.to_owned();
        let mut followed = 0;
        'again: while followed < MOST_LINKS {
            let ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).collect();
            for end in ends {
                if let Some(Predicted::Link(target)) = state.paths.get(&path[..end]) {
                    path = format!("{}{}", joined(parent(&path[..end]), target), &path[end..]);
                    followed += 1;
                    continue 'again;
                }
            }
            break;
        }
        (path, followed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn at(&self, path: &str) -> Option<Predicted> {
        if let Some(predicted) = self.paths.get(path) {
            return Some(predicted.clone());
        }
        let mut above = path;
        while above != "/" {
            above = parent(above);
            if self.removed.contains(above) {
                return Some(Predicted::Absent);
            }
        }
        None
    }
}

/// A link's target as seen from the link's folder.
fn joined(folder: &str, target: &str) -> String {
    let whole = if target.starts_with('/') { target.to_owned() } else { format!("{folder}/{target}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_removed_folder_is_gone_until_it_is_made_again() {
        let predictions = Predictions::default();
        predictions.record("/a/b", Predicted::File(b"old".to_vec()));
        predictions.record("/a", Predicted::Absent);
        assert_eq!(predictions.at("/a/b"), Some(Predicted::Absent));
        predictions.record("/a", Predicted::Directory);
        assert_eq!(predictions.at("/a/b"), Some(Predicted::Absent));
        predictions.record("/a/b", Predicted::File(b"new".to_vec()));
        assert_eq!(predictions.at("/a/b"), Some(Predicted::File(b"new".to_vec())));
        assert_eq!(predictions.at("/b"), None);
    }

    #[test]
    fn links_that_a_run_would_make_are_followed() {
        let predictions = Predictions::default();
        predictions.record("/etc/app", Predicted::Link("../opt/app".to_owned()));
        predictions.record("/opt/app/conf", Predicted::File(b"x".to_vec()));
        assert_eq!(
            predictions.resolve("/etc/app/conf"),
            ("/opt/app/conf".to_owned(), Some(Predicted::File(b"x".to_vec())))
        );
        assert_eq!(predictions.resolve("/etc/app").0, "/opt/app");
        assert_eq!(predictions.at("/etc/app"), Some(Predicted::Link("../opt/app".to_owned())));
    }

    #[test]
    fn a_circle_of_links_leads_nowhere() {
        let predictions = Predictions::default();
        predictions.record("/a", Predicted::Link("/b".to_owned()));
        predictions.record("/b", Predicted::Link("/a".to_owned()));
        assert_eq!(predictions.resolve("/a").1, Some(Predicted::Absent));
    }
}
