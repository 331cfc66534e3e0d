//! What check mode knows of a unit: the files that this run would have written, and what it would have done to it.

use super::install::Install;
use super::{Goal, Status};
use crate::task::Context;
use crate::task::prediction::Predicted;

/// Where unit files are, the folder that wins first.
const FOLDERS: &[&str] = &[
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Makes of how a unit is how this run would have left it.
pub(super) fn foretell(context: &Context<'_>, status: &mut Status) {
    file(context, status);
    let folders = status.install.iter().flat_map(|install| &install.folders);
    let links: Vec<String> = folders.map(|folder| format!("{}/{folder}/{}", FOLDERS[0], status.unit)).collect();
    status.links.extend(
        links.into_iter().filter(|link| context.predictions.at(link).is_some_and(|at| at != Predicted::Absent)),
    );
    let predicted = context.predictions.service(&status.unit);
    if let Some(active) = predicted.active.filter(|active| *active != status.is_active()) {
        *status = std::mem::take(status).would_be(if active { Goal::Started } else { Goal::Stopped });
    }
    match predicted.enabled {
        Some(true) => *status = std::mem::take(status).would_be(Goal::Enabled),
        Some(false) if !status.is(Goal::Disabled) => *status = std::mem::take(status).would_be(Goal::Disabled),
        _ => {}
    }
}

/// The links by which the unit would be enabled.
pub(super) fn link(context: &Context<'_>, status: &Status) {
    for folder in status.install.iter().flat_map(|install| &install.folders) {
        let target = status.fragment_path.clone().unwrap_or_default();
        context.predictions.record(format!("{}/{folder}/{}", FOLDERS[0], status.unit), Predicted::Link(target));
    }
}

/// The unit's file, where this run would have written or removed it.
fn file(context: &Context<'_>, status: &mut Status) {
    let template = status.unit.split_once('@').zip(status.unit.rsplit_once('.'));
    let template = template.map(|((name, _), (_, kind))| format!("{name}@.{kind}"));
    let names = [Some(status.unit.clone()), template];
    for folder in FOLDERS {
        for name in names.iter().flatten() {
            let path = format!("{folder}/{name}");
            match context.predictions.resolve(&path).1 {
                Some(Predicted::File(content)) => return status.has_file(&path, &String::from_utf8_lossy(&content)),
                Some(Predicted::Absent) if status.fragment_path.as_deref() == Some(&path) => {
                    status.fragment_path = None;
                    (status.exists, status.load_state) = (false, "not-found".to_owned());
                }
                _ => {}
            }
            // What is in a folder that counts more is what the host goes by.
            if status.fragment_path.as_deref() == Some(&path) {
                return;
            }
        }
    }
}

impl Status {
    /// The unit would have this file.
    fn has_file(&mut self, path: &str, text: &str) {
        let install = Install::parse(text);
        if !self.exists {
            self.exists = true;
            self.load_state = "loaded".to_owned();
            if !self.is_active() {
                self.active_state = "inactive".to_owned();
                self.sub_state = "dead".to_owned();
            }
        }
        // A link that is there stays; a file that asks for nothing can't be enabled.
        self.enabled_state = match (install.any, self.enabled_state.as_str()) {
            (true, "enabled") => "enabled",
            (true, _) if install.folders.is_empty() && !install.also.is_empty() => "indirect",
            (true, _) => "disabled",
            (false, _) => "static",
        }
        .to_owned();
        self.fragment_path = Some(path.to_owned());
        self.install = Some(install);
    }
}
