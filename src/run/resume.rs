//! What a further attempt takes from the record of a run: the results of the steps that are over, as far as the hosts bear
//! them out, and the answers of the operator.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::events::What;
use super::hosts::RunHost;
use super::record::story::{replaces, subject};
use super::record::{StepResult, Story};
use super::{Call, Report, Run};
use crate::error::Result;
use crate::task::{Fact, Kind, printable, service, stat};

/// The event that tells, before a host is rebooted, in which boot it was.
pub const REBOOT: &str = "reboot";

/// What a run has of earlier attempts.
#[derive(Debug, Default)]
pub struct Replay {
    results: Vec<StepResult>,
    next: usize,
    answered: HashSet<String>,
    skip_until: Option<String>,
    /// The boots that hosts were in before they were rebooted by steps that did not end: the step, the host, the boot.
    rebooted: Vec<(String, String, String)>,
    /// What was changed in steps that did not end: the step, the host, and what.
    changed: HashSet<(String, String, String)>,
}

/// What is to be done about a step.
pub enum Turn {
    /// It is carried out.
    Run,
    /// It gave this before.
    Gave(serde_json::Value),
    /// It is left out, and nobody knows what it would give.
    Skip,
}

impl Replay {
    /// The replay of a run that goes on. `from` is the step from which everything is carried out again.
    pub fn of(story: &Story, from: Option<&str>, answers: bool) -> Self {
        let mut results = story.results.clone();
        if let Some(from) = from
            && let Some(at) = results.iter().position(|result| result.step == from)
        {
            results.truncate(at);
        }
        // What could not be kept is found anew, and with it all that came after.
        if let Some(at) = results.iter().position(|result| result.value.is_none()) {
            results.truncate(at);
        }
        let answered = if answers { story.answered.clone() } else { HashSet::new() };
        let (rebooted, changed) = (story.rebooted.clone(), story.changed_in_open_steps.clone());
        Self { results, next: 0, answered, skip_until: None, rebooted, changed }
    }

    /// A run without a record that leaves out the steps before this one.
    pub fn skipping(until: &str) -> Self {
        Self { skip_until: Some(until.to_owned()), ..Self::default() }
    }

    /// What is to be done about the next step. `recorded` is its name as a record has it, without secrets.
    pub fn turn(&mut self, step: &str, recorded: &str, nth: usize) -> Turn {
        if let Some(until) = &self.skip_until {
            if until != step {
                return Turn::Skip;
            }
            self.skip_until = None;
        }
        match self.results.get(self.next) {
            Some(StepResult { step: name, nth: number, value: Some(value) }) if name == recorded && *number == nth => {
                self.next += 1;
                Turn::Gave(value.clone())
            }
            _ => {
                // From the first step on that is carried out, what came later is of no account.
                self.results.clear();
                Turn::Run
            }
        }
    }

    /// Whether an attempt before has made this change in a step that did not end: the step, the host, and what.
    pub fn changed_before(&self, what: &(String, String, String)) -> bool {
        self.changed.contains(what)
    }

    /// Whether the operator has said yes to this before.
    pub fn has_answered(&self, question: &str) -> bool {
        self.answered.contains(question)
    }

    /// The boot that a host was in before an earlier attempt rebooted it in this step, once for each reboot.
    pub fn rebooted_from(&mut self, step: &str, host: &str) -> Option<String> {
        let at = self.rebooted.iter().position(|(known, on, _)| known == step && on == host)?;
        Some(self.rebooted.remove(at).2)
    }

    /// The names of the steps that are taken from the record.
    pub fn steps(&self) -> Vec<&str> {
        self.results.iter().map(|result| result.step.as_str()).collect()
    }
}

/// Looks on the hosts whether what the finished steps left there still stands. Where it does not, the step that left it and all
/// that came after are carried out again.
pub fn verify(run: &Arc<Run>, story: &Story, replay: &mut Replay) -> Result<()> {
    let kept: Vec<(String, usize)> = replay.results.iter().map(|result| (result.step.clone(), result.nth)).collect();
    let mut by_host: HashMap<&str, Vec<&super::record::story::Left>> = HashMap::new();
    for left in &story.left {
        let newest = by_host.entry(&left.host).or_default();
        newest.retain(|known| !replaces(&left.fact, &known.fact));
        newest.push(left);
    }
    // What a step that did not end was about may be as it was before or after.
    for (host, newest) in &mut by_host {
        let begun: Vec<&str> = story.begun.iter().filter(|(on, _)| on == host).map(|(_, what)| what.as_str()).collect();
        newest.retain(|left| {
            let about = subject(&left.fact);
            kept.contains(&left.step) && !begun.iter().any(|what| what.contains(&about))
        });
    }
    by_host.retain(|_, newest| !newest.is_empty());
    if by_host.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = by_host.keys().map(|name| (*name).to_owned()).collect();
    let hosts = run.connect_or_skip(&names, run.options.skip_unreachable)?;
    let mut again: Option<usize> = None;
    let results = run.on_hosts(&hosts, |host| {
        let facts = by_host.get(host.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        look(run, host, facts, &kept)
    })?;
    for result in results {
        for (step, text) in result? {
            run.events.emit(What::Warning { text });
            again = Some(again.map_or(step, |known| known.min(step)));
        }
    }
    if let Some(step) = again {
        replay.results.truncate(step);
    }
    Ok(())
}

/// The facts of a host that do not hold any more: the step's place among the kept ones, and what a person is told.
fn look(
    run: &Arc<Run>,
    host: &RunHost,
    facts: &[&super::record::story::Left],
    kept: &[(String, usize)],
) -> Result<Vec<(usize, String)>> {
    let call = Call {
        host: Some(host),
        name: "verify",
        summary: format!("{} facts of the steps that are over", facts.len()),
        kind: Kind::Read,
        place: None,
        timeout: std::time::Duration::from_secs(60),
        user: None,
        attempt: false,
    };
    let facts_held = run.effect(call, async |context| {
        let paths: Vec<&str> = facts
            .iter()
            .filter_map(|left| match &left.fact {
                Fact::File { path, .. } | Fact::Absent { path } | Fact::Kept { path, .. } => Some(path.as_str()),
                Fact::Started { .. } | Fact::Unit { .. } => None,
            })
            .collect();
        let mut stats = stat::stat_all(context, &paths, true).await?.into_iter();
        let mut wrong = Vec::new();
        for left in facts {
            let found = match &left.fact {
                Fact::File { sha256, .. } => match stats.next().unwrap_or_default() {
                    stat if stat.sha256.as_deref() == Some(sha256) => continue,
                    stat if stat.exists => "has another content now",
                    _ => "is gone",
                },
                Fact::Absent { .. } => match stats.next().unwrap_or_default() {
                    stat if !stat.exists && stat.link.is_none() => continue,
                    _ => "is there again",
                },
                kept @ Fact::Kept { .. } => match otherwise(kept, &stats.next().unwrap_or_default()) {
                    None => continue,
                    Some(found) => found,
                },
                Fact::Unit { unit, goal } => {
                    if service::status(context, unit).await?.is(*goal) {
                        continue;
                    }
                    match goal {
                        service::Goal::Started => "does not run any more",
                        service::Goal::Stopped => "runs again",
                        service::Goal::Enabled => "is no longer started at boot",
                        service::Goal::Disabled => "is started at boot again",
                    }
                }
                Fact::Started { unit, at } => {
                    let status = service::status(context, unit).await?;
                    // The times are exact to some 20 ms, and clocks are set.
                    if status.started_at.is_some_and(|started| started + 2.0 >= *at) {
                        continue;
                    }
                    "runs with a process from before its restart"
                }
            };
            let step = kept.iter().position(|step| *step == left.step).unwrap_or(0);
            let text = format!(
                "{}: {} {found}: step \"{}\" and those after it are carried out again",
                host.name,
                printable(&subject(&left.fact)),
                left.step.0
            );
            wrong.push((step, text));
        }
        Ok((wrong, Report::default()))
    })?;
    Ok(facts_held.unwrap_or_default())
}

/// In what way something at a path is not what it was made to be.
fn otherwise(kept: &Fact, stat: &stat::Stat) -> Option<&'static str> {
    let Fact::Kept { directory, target, mode, owner, group, .. } = kept else { return None };
    if target.is_some() {
        return (stat.link != *target).then_some("is another link now");
    }
    if !stat.exists {
        return Some("is gone");
    }
    if *directory && stat.kind != Some(stat::FileKind::Directory) {
        return Some("is no folder any more");
    }
    // A number can't be compared with the name that the host has for it.
    let differs = |wanted: &Option<String>, found: &str| {
        wanted.as_deref().is_some_and(|wanted| wanted != found && wanted.parse::<u32>().is_err())
    };
    let other_mode = mode.is_some_and(|mode| u32::from_str_radix(&stat.mode, 8) != Ok(mode));
    (other_mode || differs(owner, &stat.owner) || differs(group, &stat.group))
        .then_some("has another mode or owner now")
}
