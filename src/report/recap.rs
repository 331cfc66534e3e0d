//! What a run did, counted from its events, by host.

use std::collections::BTreeMap;

use super::quorum;
use crate::run::availability::{AVAILABILITY, Availability};
use crate::run::events::{Event, Outcome, What};
use crate::task::{Kind, printable};

/// The counts of one host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Effects that looked or found nothing to change.
    pub ok: usize,
    /// Changes and actions that were made.
    pub changed: usize,
    /// Changes and actions that check mode predicts.
    pub would: usize,
    /// Effects that failed.
    pub failed: usize,
    /// Times that the host could not be reached.
    pub unreachable: usize,
}

/// The counts of all hosts, in the order in which they appeared.
#[derive(Clone, Debug, Default)]
pub struct Recap {
    order: Vec<String>,
    hosts: BTreeMap<String, Counts>,
    probes: Vec<(Option<String>, Availability)>,
    /// Waits of the operator's side that came to nothing.
    waits: Counts,
    /// Warnings and checks that were not made, in order.
    pub warnings: usize,
}

impl Recap {
    /// Counts an event.
    pub fn count(&mut self, event: &Event) {
        match &event.what {
            What::HostConnected { host, .. } => {
                self.host(host);
            }
            What::HostUnreachable { host, .. } => self.host(host).unreachable += 1,
            What::HostRefused { host, .. } => self.host(host).failed += 1,
            // It is tried again, or what it belongs to fails for its sake and is counted then.
            What::EffectFinished { outcome: Outcome::Failed | Outcome::Unreachable, attempt: true, .. } => {}
            What::EffectFinished { host: None, outcome: Outcome::Failed, .. } => self.waits.failed += 1,
            What::EffectFinished { host: None, outcome: Outcome::Unreachable, .. } => self.waits.unreachable += 1,
            What::EffectFinished { host: Some(host), outcome, kind, .. } => {
                let counts = self.host(host);
                match outcome {
                    Outcome::Ok => counts.ok += 1,
                    Outcome::Changed if *kind == Kind::Read => counts.ok += 1,
                    Outcome::Changed => counts.changed += 1,
                    Outcome::WouldChange | Outcome::WouldRun => counts.would += 1,
                    Outcome::Failed => counts.failed += 1,
                    Outcome::Unreachable => counts.unreachable += 1,
                    Outcome::Interrupted | Outcome::NotBegun => {}
                }
            }
            What::Data { step, name, data, .. } if name == AVAILABILITY => {
                if let Ok(found) = serde_json::from_value(data.clone().into()) {
                    self.probes.push((step.clone(), found));
                }
            }
            What::Warning { .. } => self.warnings += 1,
            What::Checked { result, .. } if result == "warning" || result == "not made" => self.warnings += 1,
            _ => {}
        }
    }

    fn host(&mut self, name: &str) -> &mut Counts {
        if !self.hosts.contains_key(name) {
            self.order.push(name.to_owned());
        }
        self.hosts.entry(name.to_owned()).or_default()
    }

    /// The hosts with their counts.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, Counts)> {
        self.order.iter().filter_map(|name| Some((name.as_str(), *self.hosts.get(name)?)))
    }

    /// What the probes of ensembles found, a line each; several are told apart by their steps.
    pub fn quorum_lines(&self) -> Vec<String> {
        let several = self.probes.len() > 1;
        let line = |(step, found): &(Option<String>, Availability)| match step.as_ref().filter(|_| several) {
            Some(step) => format!("quorum in \"{}\": {}", printable(step), quorum::line(found)),
            None => format!("quorum: {}", quorum::line(found)),
        };
        self.probes.iter().map(line).collect()
    }

    /// The sums over all hosts.
    pub fn total(&self) -> Counts {
        self.hosts.values().fold(self.waits, |sum, one| Counts {
            ok: sum.ok + one.ok,
            changed: sum.changed + one.changed,
            would: sum.would + one.would,
            failed: sum.failed + one.failed,
            unreachable: sum.unreachable + one.unreachable,
        })
    }
}

impl Counts {
    /// The counts as people know them: `ok=4 changed=2 failed=0 unreachable=0`.
    pub fn line(self, check: bool) -> String {
        let changed = if check { format!("would-change={}", self.would) } else { format!("changed={}", self.changed) };
        format!("ok={} {changed} failed={} unreachable={}", self.ok, self.failed, self.unreachable)
    }
}
