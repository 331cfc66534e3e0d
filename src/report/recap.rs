//! What a run did, counted from its events, by host.

use std::collections::BTreeMap;
use std::path::Path;

use super::quorum;
use super::wording::INTERRUPTED;
use crate::error::Result;
use crate::run::availability::{AVAILABILITY, Availability};
use crate::run::events::{Event, Outcome, What};
use crate::run::record::story;
use crate::task::{Kind, printable};

/// The counts of one host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
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
    /// How many attempts were counted.
    pub attempts: u32,
    /// How long the attempts took that are over, and the last one up to then, in milliseconds.
    took: (u64, u64),
    /// The operator has ended what was in hand: that it failed then is no news.
    is_cut: bool,
    /// The steps of the attempt that did not come to their end, and whether the operator interrupted them.
    open: BTreeMap<String, bool>,
}

impl Recap {
    /// What the attempts of a recorded run did, up to now.
    pub fn of_record(folder: &Path) -> Result<Self> {
        let mut recap = Self::default();
        for event in story::events(folder)? {
            recap.count(&event?);
        }
        Ok(recap)
    }

    /// Counts an event.
    pub fn count(&mut self, event: &Event) {
        if let What::RunStarted { attempt, .. } = &event.what {
            self.attempts = self.attempts.max(*attempt);
            self.took = (self.ms(), 0);
            self.is_cut = false;
            self.open.clear();
        }
        self.took.1 = self.took.1.max(event.elapsed_ms);
        match &event.what {
            What::StepStarted { step, .. } => {
                self.open.insert(step.clone(), false);
            }
            What::StepFinished { step, ok: true, .. } => {
                self.open.remove(step);
            }
            What::RunFinished { exit_code: INTERRUPTED, .. } => {
                self.open.values_mut().for_each(|interrupted| *interrupted = true);
            }
            What::Interrupted { now: true } => self.is_cut = true,
            What::HostUnreachable { .. } | What::HostRefused { .. } if self.is_cut => {}
            What::EffectFinished { outcome: Outcome::Failed | Outcome::Unreachable, .. } if self.is_cut => {}
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

    /// How long the attempts took, in milliseconds.
    pub fn ms(&self) -> u64 {
        self.took.0 + self.took.1
    }

    /// Whether a step that did not come to its end in the last attempt was interrupted, and so has not failed.
    pub fn was_interrupted(&self, step: &str) -> bool {
        self.open.get(step) == Some(&true)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::events::VERSION;

    fn count(recap: &mut Recap, elapsed_ms: u64, what: serde_json::Value) {
        let mut event =
            serde_json::json!({ "v": VERSION, "seq": 1, "time": "2026-11-28T11:00:00Z", "elapsed_ms": elapsed_ms });
        if let (Some(event), serde_json::Value::Object(what)) = (event.as_object_mut(), what) {
            event.extend(what);
        }
        recap.count(&serde_json::from_value(event).expect("an event"));
    }

    fn started(attempt: u32) -> serde_json::Value {
        serde_json::json!({
            "event": "run_started", "attempt": attempt, "version": "1", "playbook": "p", "inventories": [], "check": false, "steps": [],
        })
    }

    fn finished(outcome: &str) -> serde_json::Value {
        serde_json::json!({
            "event": "effect_finished", "effect": 1, "host": "m1", "step": null, "name": "run", "summary": "x", "kind": "action",
            "outcome": outcome, "ms": 1,
        })
    }

    #[test]
    fn all_attempts_are_counted_and_what_the_operator_cut_off_has_not_failed() {
        let mut recap = Recap::default();
        count(&mut recap, 0, started(1));
        count(&mut recap, 10, finished("failed"));
        count(&mut recap, 2000, serde_json::json!({ "event": "interrupted", "now": true }));
        count(&mut recap, 2010, finished("failed"));
        count(&mut recap, 2011, finished("unreachable"));
        count(&mut recap, 0, started(2));
        count(&mut recap, 500, finished("changed"));
        count(&mut recap, 600, finished("failed"));
        let total = Counts { changed: 1, failed: 2, ..Counts::default() };
        assert_eq!((recap.total(), recap.attempts, recap.ms()), (total, 2, 2611));
    }
}
