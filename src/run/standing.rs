//! Where a run stands: what it has changed on which host, which steps are over, what it has in hand. Made from its events.

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::IndexSet;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::events::{Event, Outcome, What};
use crate::task::Kind;

/// Where a run stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    hosts: IndexSet<String>,
    changes: HashMap<String, Vec<String>>,
    in_hand: BTreeMap<u64, InHand>,
    done: Vec<String>,
    step: Option<String>,
    undo: Option<String>,
    notified: Vec<Notification>,
}

/// What a change has asked for, and what is not done yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// What is to be done.
    pub name: String,
    /// The host.
    pub host: String,
}

/// An effect of which it is not known whether it was done.
#[derive(Clone, Debug)]
struct InHand {
    host: String,
    what: String,
    failed: bool,
}

impl Standing {
    /// Takes the next event.
    pub fn take(&mut self, event: &Event) {
        match &event.what {
            What::RunStarted { .. } => {
                // What an attempt that was killed had in hand stays named until it is done again.
                self.done.clear();
                self.step = None;
            }
            What::HostConnected { host, .. } => self.host(host),
            What::StepStarted { step, .. } => self.step = Some(step.clone()),
            What::StepSkipped { step, .. } => self.done.push(step.clone()),
            What::StepFinished { step, ok: true, .. } => {
                self.done.push(step.clone());
                self.step = None;
            }
            What::EffectStarted { effect, host: Some(host), name, summary, kind, .. } if *kind != Kind::Read => {
                self.host(host);
                let what = format!("{name} {summary}");
                self.in_hand.retain(|_, known| !(known.host == *host && known.what == what));
                self.in_hand.insert(*effect, InHand { host: host.clone(), what, failed: false });
            }
            What::EffectFinished { effect, host: Some(host), name, summary, kind, outcome, .. }
                if *kind != Kind::Read =>
            {
                let started = self.in_hand.remove(effect);
                match outcome {
                    Outcome::Changed => {
                        // What was announced is enough here; how it was done stands in the stream.
                        let what = started.map_or_else(|| format!("{name} {summary}"), |started| started.what);
                        let text = format!("{}  {what}", clock(event.time));
                        self.changes.entry(host.clone()).or_default().push(text);
                    }
                    // Whether it was done before it failed is not known.
                    Outcome::Interrupted | Outcome::Unreachable | Outcome::Failed => {
                        if let Some(started) = started {
                            let failed = *outcome == Outcome::Failed;
                            self.in_hand.insert(*effect, InHand { failed, ..started });
                        }
                    }
                    _ => {}
                }
            }
            What::Notified { name, host, .. } => {
                self.notified.push(Notification { name: name.clone(), host: host.clone() });
            }
            What::NotificationDone { name, host } => {
                self.notified.retain(|known| !(known.name == *name && known.host == *host));
            }
            What::UndoKnown { command } => self.undo = Some(command.clone()),
            _ => {}
        }
    }

    fn host(&mut self, name: &str) {
        if !self.hosts.contains(name) {
            self.hosts.insert(name.to_owned());
        }
    }

    /// Whether anything was changed, or may have been.
    pub fn has_changed(&self) -> bool {
        !self.changes.is_empty() || !self.in_hand.is_empty()
    }

    /// The hosts that were changed.
    pub fn changed_hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(String::as_str).filter(|host| self.changes.contains_key(*host))
    }

    /// The hosts that were changed, or may have been.
    pub fn worked_on(&self) -> impl Iterator<Item = &str> {
        let in_hand: HashSet<&str> = self.in_hand.values().map(|known| known.host.as_str()).collect();
        let is_changed = move |host: &&str| self.changes.contains_key(*host) || in_hand.contains(host);
        self.hosts.iter().map(String::as_str).filter(is_changed)
    }

    /// What was notified and is not done yet, in the order in which it was.
    pub fn notified(&self) -> &[Notification] {
        &self.notified
    }

    /// The command that undoes the run, if the playbook named one.
    pub fn undo(&self) -> Option<&str> {
        self.undo.as_deref()
    }

    /// The steps that are over.
    pub fn done(&self) -> &[String] {
        &self.done
    }

    /// The step that is under way.
    pub fn step(&self) -> Option<&str> {
        self.step.as_deref()
    }

    /// What was changed on which host, for a person.
    pub fn changes(&self) -> String {
        if !self.has_changed() {
            return "no host was changed".to_owned();
        }
        let mut lines = vec!["changed so far:".to_owned()];
        let mut all_in_hand: HashMap<&str, Vec<&InHand>> = HashMap::new();
        for known in self.in_hand.values() {
            all_in_hand.entry(&known.host).or_default().push(known);
        }
        for host in &self.hosts {
            let nothing = Vec::new();
            let changes = self.changes.get(host).unwrap_or(&nothing);
            let in_hand = all_in_hand.get(host.as_str()).into_iter().flatten().map(|known| match known.failed {
                true => format!("{}: it failed", known.what),
                false => format!("{}: begun, and whether it was done is not known", known.what),
            });
            let in_hand: Vec<String> = in_hand.collect();
            if changes.is_empty() && in_hand.is_empty() {
                lines.push(format!("  {host:<15}  nothing"));
                continue;
            }
            let notified = self.notified.iter().filter(|known| known.host == *host);
            let notified: Vec<String> =
                notified.map(|known| format!("notified, and not done yet: {}", known.name)).collect();
            for (index, text) in changes.iter().chain(&in_hand).chain(&notified).enumerate() {
                let name = if index == 0 { host.as_str() } else { "" };
                lines.push(format!("  {name:<15}  {text}"));
            }
        }
        lines.join("\n")
    }
}

/// The time of day on the operator's clock.
fn clock(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::system()).strftime("%H:%M:%S").to_string()
}
