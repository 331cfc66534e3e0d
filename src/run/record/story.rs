//! A run's record, read back: what it did, how it ended, and what a further attempt can take from it.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use super::{Manifest, StepResult};
use crate::error::{Error, Result};
use crate::run::events::{Event, Outcome, What};
use crate::run::resume::REBOOT;
use crate::run::standing::Standing;
use crate::task::service::Goal;
use crate::task::{Copied, Fact};

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is under way, on this machine.
    Running,
    /// It came to its end, with this exit code.
    Ended(u8),
    /// Its process is gone without having said how it ended.
    Killed,
}

/// A fact that a step of the run has left on a host.
#[derive(Clone, Debug)]
pub struct Left {
    /// The step's name, and which of that name.
    pub step: (String, usize),
    /// The host.
    pub host: String,
    /// The fact.
    pub fact: Fact,
}

/// A step as it went, in the last attempt in which it was begun.
#[derive(Clone, Debug)]
pub struct Went {
    /// Its name.
    pub name: String,
    /// Whether it came to its end; none when it did not end at all.
    pub ok: Option<bool>,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// The story of a run.
#[derive(Clone, Debug)]
pub struct Story {
    /// Its folder.
    pub folder: PathBuf,
    /// How it was asked for.
    pub manifest: Manifest,
    /// How far it is.
    pub state: State,
    /// How many attempts it had.
    pub attempts: u32,
    /// The number of its last event.
    pub seq: u64,
    /// The number of its last effect.
    pub effects: u64,
    /// What it changed.
    pub standing: Standing,
    /// Its steps.
    pub steps: Vec<Went>,
    /// What its steps gave, in the order of the steps.
    pub results: Vec<StepResult>,
    /// What its finished steps left on the hosts.
    pub left: Vec<Left>,
    /// What was begun and perhaps done by steps that did not end: the host, and what it was about.
    pub begun: Vec<(String, String)>,
    /// The boots that hosts were in before steps that did not end rebooted them: the step, the host, the boot.
    pub rebooted: Vec<(String, String, String)>,
    /// What was changed in steps that did not end: the step, the host, and what.
    pub changed_in_open_steps: HashSet<(String, String, String)>,
    /// The questions that were answered with yes.
    pub answered: HashSet<String>,
    /// The copies of files that it made or found, by host.
    pub copies: Vec<(String, Copied)>,
    /// What stopped it.
    pub message: Option<String>,
    /// Whether the hosts' locks were taken.
    pub locked: bool,
}

impl Story {
    /// Reads a record.
    pub fn read(folder: &Path) -> Result<Self> {
        let failed = |name: &str, error: &dyn std::fmt::Display| unreadable(folder, name, error);
        let text = std::fs::read_to_string(folder.join("run.json")).map_err(|error| failed("run.json", &error))?;
        let manifest: Manifest = serde_json::from_str(&text).map_err(|error| failed("run.json", &error))?;
        let mut story = Self {
            folder: folder.to_owned(),
            manifest,
            state: State::Killed,
            attempts: 0,
            seq: 0,
            effects: 0,
            standing: Standing::default(),
            steps: Vec::new(),
            results: Vec::new(),
            left: Vec::new(),
            begun: Vec::new(),
            rebooted: Vec::new(),
            changed_in_open_steps: HashSet::new(),
            answered: HashSet::new(),
            copies: Vec::new(),
            message: None,
            locked: false,
        };
        let mut place = Places::default();
        for event in events(folder)? {
            story.take(&event?, &mut place);
        }
        story.begun.extend(place.open.into_values());
        if let Ok(results) = File::open(folder.join("results.ndjson")) {
            for line in BufReader::new(results).lines() {
                let line = line.map_err(|error| failed("results.ndjson", &error))?;
                if let Ok(result) = serde_json::from_str::<StepResult>(&line) {
                    let same = |known: &StepResult| known.step == result.step && known.nth == result.nth;
                    // A step that was carried out again makes those that came after it of no account.
                    if let Some(at) = story.results.iter().position(same) {
                        story.results.truncate(at);
                    }
                    story.results.push(result);
                }
            }
        }
        if story.is_alive() {
            story.state = State::Running;
        }
        Ok(story)
    }

    /// Whether the run's process lives: it holds a lock on a file of the record.
    fn is_alive(&self) -> bool {
        let file = OpenOptions::new().append(true).open(self.folder.join("alive"));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
    }

    /// The run's id.
    pub fn id(&self) -> &str {
        &self.manifest.run
    }

    /// Whether a further attempt can go on with it.
    pub fn can_be_resumed(&self) -> bool {
        let open = match self.state {
            State::Running => false,
            State::Killed => true,
            State::Ended(0) => false,
            // With 2 and 6 an attempt has begun nothing; an earlier one may have.
            State::Ended(code) => !matches!(code, 2 | 6) || self.standing.has_changed() || !self.results.is_empty(),
        };
        open && self.manifest.command == "run" && !self.manifest.check
    }

    fn take(&mut self, event: &Event, place: &mut Places) {
        self.seq = self.seq.max(event.seq);
        self.standing.take(event);
        match &event.what {
            What::RunStarted { attempt, .. } => {
                self.attempts = self.attempts.max(*attempt);
                self.state = State::Killed;
                self.message = None;
                place.counts.clear();
                // What an attempt had in hand when it was killed stays begun.
                self.begun.extend(std::mem::take(&mut place.open).into_values());
            }
            What::Locked { .. } => self.locked = true,
            What::StepSkipped { step, .. } => {
                place.enter(step);
                self.went(step, |_| {});
            }
            What::StepStarted { step, .. } => {
                place.enter(step);
                place.facts.clear();
                self.went(step, |went| went.ok = None);
            }
            What::StepFinished { step, ok, ms } => {
                self.went(step, |went| {
                    went.ok = Some(*ok);
                    went.ms = *ms;
                });
                let facts = std::mem::take(&mut place.facts);
                if *ok {
                    self.rebooted.retain(|(known, ..)| known != step);
                    self.changed_in_open_steps.retain(|(open, ..)| open != step);
                    self.left.extend(facts);
                    self.begun.clear();
                } else {
                    self.begun.extend(facts.into_iter().map(|left| (left.host, subject(&left.fact))));
                }
            }
            What::EffectStarted { effect, host, summary, kind, step, name, .. } => {
                self.effects = self.effects.max(*effect);
                if let (Some(host), Some(step), crate::task::Kind::Change) = (host, step, kind) {
                    place.changes.insert(*effect, (step.clone(), host.clone(), format!("{name} {summary}")));
                }
                if let Some(host) = host
                    && *kind != crate::task::Kind::Read
                {
                    place.open.insert(*effect, (host.clone(), summary.clone()));
                }
            }
            What::EffectFinished { effect, host: Some(host), outcome, facts, copied, .. } => {
                if let Some(change) = place.changes.remove(effect).filter(|_| *outcome == Outcome::Changed) {
                    self.changed_in_open_steps.insert(change);
                }
                if matches!(outcome, Outcome::Ok | Outcome::Changed | Outcome::NotBegun) {
                    place.open.remove(effect);
                }
                let step = place.step.clone();
                place.facts.extend(facts.iter().map(|fact| Left {
                    step: step.clone(),
                    host: host.clone(),
                    fact: fact.clone(),
                }));
                if let Some(copied) = copied
                    && !self.copies.iter().any(|(known, copy)| known == host && copy == copied)
                {
                    self.copies.push((host.clone(), copied.clone()));
                }
            }
            What::Data { host: Some(host), step, name, data } if name == REBOOT => {
                if let Some(boot) = data.get("boot_id").and_then(|boot| boot.as_str()) {
                    self.rebooted.push((step.clone().unwrap_or_default(), host.clone(), boot.to_owned()));
                }
            }
            What::Answered { question, yes: true, .. } => {
                self.answered.insert(question.clone());
            }
            What::RunFinished { exit_code, message, .. } => {
                self.state = State::Ended(*exit_code);
                self.message.clone_from(message);
            }
            _ => {}
        }
    }

    fn went(&mut self, name: &str, change: impl FnOnce(&mut Went)) {
        if !self.steps.iter().any(|step| step.name == name) {
            self.steps.push(Went { name: name.to_owned(), ok: None, ms: 0 });
        }
        if let Some(step) = self.steps.iter_mut().find(|step| step.name == name) {
            change(step);
        }
    }
}

/// The events of a record, in the order in which they happened.
pub fn events(folder: &Path) -> Result<impl Iterator<Item = Result<Event>>> {
    const NAME: &str = "events.ndjson";
    let file = File::open(folder.join(NAME)).map_err(|error| unreadable(folder, NAME, &error))?;
    let folder = folder.to_owned();
    Ok(BufReader::new(file).lines().filter_map(move |line| match line {
        // The last line of a killed process may be cut; what it was about had not begun.
        Ok(line) => serde_json::from_str(&line).ok().map(Ok),
        Err(error) => Some(Err(unreadable(&folder, NAME, &error))),
    }))
}

fn unreadable(folder: &Path, name: &str, error: &dyn std::fmt::Display) -> Error {
    Error::input(format!("the record {} can't be read", folder.display())).caused_by(format!("{name}: {error}"))
}

/// What a fact is about.
pub fn subject(fact: &Fact) -> String {
    match fact {
        Fact::File { path, .. } | Fact::Absent { path } | Fact::Kept { path, .. } => path.clone(),
        Fact::Started { unit, .. } | Fact::Unit { unit, .. } => unit.clone(),
    }
}

/// Whether what an earlier change has left is of no account any more once a later one has left this.
pub fn replaces(later: &Fact, earlier: &Fact) -> bool {
    let boot = |goal: &Goal| matches!(goal, Goal::Enabled | Goal::Disabled);
    subject(later) == subject(earlier)
        && match (later, earlier) {
            // Another mode or owner leaves the content as it is.
            (Fact::Kept { directory: false, target: None, .. }, Fact::File { .. }) => false,
            // What runs now and what is started at boot are two things.
            (Fact::Unit { goal, .. }, Fact::Unit { goal: other, .. }) => boot(goal) == boot(other),
            (Fact::Unit { goal, .. }, Fact::Started { .. }) | (Fact::Started { .. }, Fact::Unit { goal, .. }) => {
                !boot(goal)
            }
            _ => true,
        }
}

/// Where the reading of the events is.
#[derive(Default)]
struct Places {
    step: (String, usize),
    counts: HashMap<String, usize>,
    facts: Vec<Left>,
    open: HashMap<u64, (String, String)>,
    /// The changes that are under way: the step, the host, and what.
    changes: HashMap<u64, (String, String, String)>,
}

impl Places {
    fn enter(&mut self, step: &str) {
        let count = self.counts.entry(step.to_owned()).or_default();
        *count += 1;
        self.step = (step.to_owned(), *count);
    }
}
