//! The account of a run: what its record tells of all its attempts, in the form that every report is made from and that
//! `--format json` writes.
//!
//! Moments are milliseconds of work since the run began: the time between two attempts is not counted, so that a run that was
//! resumed the next morning still has one time line. An attempt says when it was begun on the operator's clock.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::recap::{Counts, Recap};
use super::wording::{INTERRUPTED, word};
use crate::error::Result;
use crate::run::availability::{AVAILABILITY, Availability, MEMBERS, View};
use crate::run::events::{Event, Outcome, What};
use crate::run::record::story::{self, State};
use crate::run::record::{Manifest, Story};
use crate::task::{Copied, Kind};

/// The version of the JSON form. It grows when a field changes its meaning or goes away, not when one is added.
pub const VERSION: u32 = 1;

/// What a run did.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// The version of this form.
    pub v: u32,
    /// How it was asked for.
    pub asked: Manifest,
    /// The same, as a command line without secrets.
    pub command_line: String,
    /// How far it is: `done`, `failed`, `unreachable`, `stopped`, `interrupted`, `killed`, `running` …
    pub outcome: String,
    /// The exit code of its last attempt, once that is over.
    pub exit_code: Option<u8>,
    /// What stopped it.
    pub message: Option<String>,
    /// The command that goes on with it, where there is something left.
    pub go_on: Option<String>,
    /// The command that undoes it, where it has changed something and the playbook names one.
    pub go_back: Option<String>,
    /// When the last thing happened.
    pub ended: Timestamp,
    /// How long it worked, in milliseconds.
    pub ms: u64,
    /// The attempts, in order.
    pub attempts: Vec<Attempt>,
    /// The counts of all hosts together.
    pub total: Counts,
    /// The hosts with their counts.
    pub hosts: Vec<HostCounts>,
    /// How many warnings there were, and checks that warn or were not made.
    pub warning_count: usize,
    /// The steps, each time that one was begun or skipped.
    pub steps: Vec<Step>,
    /// What was done, in the order in which it began.
    pub effects: Vec<Effect>,
    /// The differences that were made or predicted, each once.
    pub diffs: Vec<Difference>,
    /// The groups of servers that were watched.
    pub groups: Vec<Group>,
    /// The turns of rolling blocks.
    pub turns: Vec<Turn>,
    /// What is known of the run beside its effects, in order: notes, warnings, checks, questions, interrupts.
    pub said: Vec<Said>,
    /// The playbook's own data.
    pub data: Vec<Data>,
    /// The copies of files as they were before.
    pub copies: Vec<HostCopy>,
}

/// One attempt.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// Counts from 1.
    pub attempt: u32,
    /// zkmig's version.
    pub version: String,
    /// When it began, by the operator's clock.
    pub started: Timestamp,
    /// The same on the run's time line.
    pub at_ms: u64,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// Its exit code; none when its process was killed or is under way.
    pub exit_code: Option<u8>,
    /// What stopped it.
    pub message: Option<String>,
}

/// The counts of a host.
#[derive(Clone, Debug, Serialize)]
pub struct HostCounts {
    /// The host.
    pub host: String,
    /// Its counts.
    #[serde(flatten)]
    pub counts: Counts,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// It came to its end.
    Done,
    /// It failed.
    Failed,
    /// The operator interrupted it.
    Interrupted,
    /// An earlier attempt did it.
    Skipped,
    /// It did not end.
    Open,
}

/// A step that was begun, or skipped.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its name.
    pub step: String,
    /// Its place among the steps, counted from 1.
    pub number: usize,
    /// In which attempt.
    pub attempt: u32,
    /// When it began.
    pub at_ms: u64,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// How it went.
    pub outcome: StepEnd,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// An effect.
#[derive(Clone, Debug, Serialize)]
pub struct Effect {
    /// Its number in the run.
    pub effect: u64,
    /// In which attempt.
    pub attempt: u32,
    /// The host; none for what the operator's side does for several.
    pub host: Option<String>,
    /// The step.
    pub step: Option<String>,
    /// The function's name.
    pub name: String,
    /// Read, change or action.
    pub kind: Kind,
    /// What it was to do or to wait for.
    pub summary: String,
    /// What it did, where that says more: for a wait in the journal, the line that ended it.
    pub told: Option<String>,
    /// What it saw last while it waited.
    pub seen: Option<String>,
    /// When it began.
    pub at_ms: u64,
    /// How long it took, in milliseconds; up to the end of its attempt when it did not end.
    pub ms: u64,
    /// How it ended; none when it did not.
    pub outcome: Option<Outcome>,
    /// What went wrong.
    pub message: Option<String>,
    /// Which of the differences it made, counted from 0.
    pub diff: Option<usize>,
    /// The line of the playbook that called it.
    pub place: Option<String>,
    /// It was one of several attempts, inside a wait or a retry: a failure was no news.
    pub tried: bool,
}

impl Effect {
    /// Whether it waits: for a line of a journal, or for what the playbook looks at.
    pub fn waits(&self) -> bool {
        self.kind == Kind::Action && self.name.starts_with("wait")
    }

    /// Whether it failed, and that was news.
    pub fn failed(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Failed | Outcome::Unreachable)) && !self.tried
    }

    /// What it did, or was to do.
    pub fn what(&self) -> &str {
        self.told.as_ref().unwrap_or(&self.summary)
    }
}

/// A text before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The file.
    pub path: String,
    /// The text before; empty when there was none.
    pub before: String,
    /// The text after; empty when there is none.
    pub after: String,
    /// The step in which it was made.
    pub step: Option<String>,
    /// Where it was made.
    pub hosts: Vec<String>,
}

/// A group of servers while it was watched.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The step in which the watching began.
    pub step: Option<String>,
    /// The members, from each moment at which they differ from before.
    pub members: Vec<Members>,
    /// When the watching ended.
    pub until_ms: u64,
    /// When each of the gaps that `found` names began.
    pub gaps_at_ms: Vec<u64>,
    /// What came of it; none when the run was killed before it could be told.
    pub found: Option<Availability>,
}

/// The members of a group from a moment on.
#[derive(Clone, Debug, Serialize)]
pub struct Members {
    /// The moment.
    pub at_ms: u64,
    /// The members.
    #[serde(flatten)]
    pub view: View,
}

/// A turn of a rolling block.
#[derive(Clone, Debug, Serialize)]
pub struct Turn {
    /// When it began.
    pub at_ms: u64,
    /// The host.
    pub host: String,
    /// Its place in the block, counted from 1.
    pub number: usize,
    /// How many hosts the block has.
    pub total: usize,
    /// The step.
    pub step: Option<String>,
}

/// Something that was said.
#[derive(Clone, Debug, Serialize)]
pub struct Said {
    /// When.
    pub at_ms: u64,
    /// The host it is about.
    pub host: Option<String>,
    /// The step.
    pub step: Option<String>,
    /// What.
    #[serde(flatten)]
    pub what: Saying,
}

/// What can be said.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "said", rename_all = "snake_case")]
pub enum Saying {
    /// The playbook tells the operator something.
    Note {
        /// The text.
        text: String,
    },
    /// Something that the operator should know.
    Warning {
        /// The text.
        text: String,
    },
    /// A check of the playbook.
    Check {
        /// Its name.
        name: String,
        /// `ok`, `warning`, `failed` or `not made`.
        result: String,
        /// What was found.
        found: String,
    },
    /// A question, and the answer.
    Question {
        /// The question.
        text: String,
        /// The answer.
        yes: bool,
        /// Who gave it.
        by: String,
    },
    /// The operator interrupted.
    Interrupt {
        /// Stop now, rather than at the next safe place.
        now: bool,
    },
    /// A host could not be reached, or refused what was wanted on it.
    Unreachable {
        /// Why.
        text: String,
    },
}

/// Data of the playbook.
#[derive(Clone, Debug, Serialize)]
pub struct Data {
    /// When it was told.
    pub at_ms: u64,
    /// The host it is about.
    pub host: Option<String>,
    /// The step.
    pub step: Option<String>,
    /// What kind of data it is.
    pub name: String,
    /// The data.
    pub data: Map<String, Value>,
}

/// A copy of a file of a host as it was before the run.
#[derive(Clone, Debug, Serialize)]
pub struct HostCopy {
    /// The host.
    pub host: String,
    /// The copy.
    #[serde(flatten)]
    pub copy: Copied,
}

impl Account {
    /// The account of a recorded run.
    pub fn of(story: &Story) -> Result<Self> {
        let mut reading = Reading::default();
        for event in story::events(&story.folder)? {
            reading.take(event?);
        }
        Ok(reading.end(story))
    }

    /// The waits that came to their end or to nothing, in order. Those inside another wait are a part of it.
    pub fn waits(&self) -> impl Iterator<Item = &Effect> {
        self.effects.iter().filter(|effect| effect.waits() && !effect.tried)
    }

    /// What was changed, or would be, in order; the same on several hosts once, with the hosts.
    pub fn changes(&self) -> Vec<(&Effect, Vec<String>)> {
        let made = |effect: &&Effect| {
            let changed = matches!(effect.outcome, Some(Outcome::Changed | Outcome::WouldChange | Outcome::WouldRun));
            changed && effect.kind != Kind::Read && !effect.waits()
        };
        let rows = self.effects.iter().filter(made).map(|effect| {
            let key = (effect.step.clone(), effect.name.clone(), effect.what().to_owned(), effect.diff);
            (key, effect.host.clone(), effect)
        });
        by_hosts(rows)
    }

    /// The moment on the operator's clock.
    pub fn clock(&self, at_ms: u64) -> Timestamp {
        let attempt = self.attempts.iter().rev().find(|attempt| attempt.at_ms <= at_ms);
        let (began, since) = attempt.map_or((self.asked.started, at_ms), |own| (own.started, at_ms - own.at_ms));
        let since = jiff::SignedDuration::from_millis(i64::try_from(since).unwrap_or(i64::MAX));
        began.checked_add(since).unwrap_or(began)
    }
}

/// The account as far as the events were read.
#[derive(Default)]
struct Reading {
    recap: Recap,
    last: Option<Timestamp>,
    attempts: Vec<Attempt>,
    /// Where the attempt that is read begins on the time line, and how long it took so far.
    offset: u64,
    elapsed: u64,
    step: Option<String>,
    steps: Vec<Step>,
    effects: Vec<Effect>,
    /// Where the effects are that have not ended, by their numbers.
    open: HashMap<u64, usize>,
    diffs: Vec<Difference>,
    /// Which differences there are, by a hash of their texts.
    known: HashMap<(Option<String>, String), usize>,
    groups: Vec<Group>,
    watching: bool,
    turns: Vec<Turn>,
    said: Vec<Said>,
    data: Vec<Data>,
}

impl Reading {
    fn take(&mut self, event: Event) {
        self.recap.count(&event);
        self.last = self.last.max(Some(event.time));
        if matches!(event.what, What::RunStarted { .. }) {
            self.end_attempt();
        }
        let at_ms = self.offset + event.elapsed_ms;
        self.elapsed = self.elapsed.max(event.elapsed_ms);
        let attempt = self.attempts.last().map_or(1, |attempt| attempt.attempt);
        match event.what {
            What::RunStarted { attempt, version, .. } => {
                let before = jiff::SignedDuration::from_millis(i64::try_from(event.elapsed_ms).unwrap_or(0));
                let started = event.time.checked_sub(before).unwrap_or(event.time);
                let at_ms = self.offset;
                self.attempts.push(Attempt { attempt, version, started, at_ms, ms: 0, exit_code: None, message: None });
            }
            What::StepStarted { step, number } => {
                self.step = Some(step.clone());
                self.steps.push(Step { step, number, attempt, at_ms, ms: 0, outcome: StepEnd::Open, why: None });
            }
            What::StepSkipped { step, number, why } => {
                let (outcome, why) = (StepEnd::Skipped, Some(why));
                self.steps.push(Step { step, number, attempt, at_ms, ms: 0, outcome, why });
            }
            What::StepFinished { step, ok, ms } => {
                let open = |known: &&mut Step| known.step == step && known.outcome == StepEnd::Open;
                if let Some(known) = self.steps.iter_mut().rev().find(open) {
                    (known.ms, known.outcome) = (ms, if ok { StepEnd::Done } else { StepEnd::Failed });
                }
                self.step = None;
            }
            What::EffectStarted { effect, host, step, name, summary, kind, place } => {
                self.open.insert(effect, self.effects.len());
                self.effects.push(Effect {
                    effect,
                    attempt,
                    host,
                    step,
                    name,
                    kind,
                    summary,
                    told: None,
                    seen: None,
                    at_ms,
                    ms: 0,
                    outcome: None,
                    message: None,
                    diff: None,
                    place: place.map(|place| format!("{}:{}", place.file, place.line)),
                    tried: false,
                });
            }
            What::EffectWaiting { effect, status, .. } => {
                if let Some(known) = self.open.get(&effect).and_then(|at| self.effects.get_mut(*at)) {
                    known.seen = Some(status);
                }
            }
            What::EffectFinished {
                effect, host, step, summary, outcome, ms, diff, message, attempt: tried, ..
            } => {
                let diff = diff.map(|diff| {
                    let difference =
                        Difference { path: diff.path, before: diff.before, after: diff.after, step, hosts: Vec::new() };
                    self.difference(difference, host)
                });
                if let Some(known) = self.open.remove(&effect).and_then(|at| self.effects.get_mut(at)) {
                    known.told = Some(summary).filter(|told| *told != known.summary);
                    known.outcome = Some(outcome);
                    (known.ms, known.message, known.diff, known.tried) = (ms, message, diff, tried);
                }
            }
            What::RollingTurn { host, number, total } => {
                self.turns.push(Turn { at_ms, host, number, total, step: self.step.clone() });
            }
            What::Data { host, step, name, data } => self.data(at_ms, Data { at_ms, host, step, name, data }),
            What::Note { host, text } => self.say(at_ms, host, Saying::Note { text }),
            What::Warning { text } => self.say(at_ms, None, Saying::Warning { text }),
            What::Checked { host, name, result, found } => self.say(at_ms, host, Saying::Check { name, result, found }),
            What::Answered { question, yes, by } => self.say(at_ms, None, Saying::Question { text: question, yes, by }),
            What::Interrupted { now } => self.say(at_ms, None, Saying::Interrupt { now }),
            What::HostUnreachable { host, message } | What::HostRefused { host, message } => {
                self.say(at_ms, Some(host), Saying::Unreachable { text: message });
            }
            What::RunFinished { exit_code, message, .. } => {
                if let Some(attempt) = self.attempts.last_mut() {
                    (attempt.exit_code, attempt.message) = (Some(exit_code), message);
                }
            }
            What::HostConnected { .. }
            | What::EffectOutput { .. }
            | What::Locked { .. }
            | What::Unlocked { .. }
            | What::UndoKnown { .. }
            | What::Notified { .. }
            | What::NotificationDone { .. } => {}
        }
    }

    fn say(&mut self, at_ms: u64, host: Option<String>, what: Saying) {
        self.said.push(Said { at_ms, host, step: self.step.clone(), what });
    }

    /// The place of a difference among those that are known, which it now is one of.
    fn difference(&mut self, difference: Difference, host: Option<String>) -> usize {
        let texts = format!("{}\0{}\0{}", difference.path, difference.before, difference.after);
        let at = *self.known.entry((difference.step.clone(), texts)).or_insert_with(|| {
            self.diffs.push(difference);
            self.diffs.len() - 1
        });
        if let (Some(known), Some(host)) = (self.diffs.get_mut(at), host)
            && !known.hosts.contains(&host)
        {
            known.hosts.push(host);
        }
        at
    }

    fn data(&mut self, at_ms: u64, told: Data) {
        match told.name.as_str() {
            MEMBERS => {
                if let Ok(view) = serde_json::from_value(told.data.into()) {
                    self.group(told.step, at_ms).members.push(Members { at_ms, view });
                }
            }
            AVAILABILITY => {
                let Ok(found) = serde_json::from_value::<Availability>(told.data.into()) else { return };
                let offset = self.offset;
                let group = self.group(told.step, at_ms);
                group.gaps_at_ms = found.gaps.iter().map(|gap| offset + gap.began_ms).collect();
                group.found = Some(found);
                self.watching = false;
            }
            _ => self.data.push(told),
        }
    }

    /// The group that is being watched.
    fn group(&mut self, step: Option<String>, at_ms: u64) -> &mut Group {
        if !self.watching || self.groups.is_empty() {
            let (members, gaps_at_ms) = (Vec::new(), Vec::new());
            self.groups.push(Group { step, members, until_ms: at_ms, gaps_at_ms, found: None });
        }
        self.watching = true;
        let last = self.groups.len() - 1;
        self.groups[last].until_ms = at_ms;
        &mut self.groups[last]
    }

    /// What the attempt has left open ends with it.
    fn end_attempt(&mut self) {
        let end = self.offset + self.elapsed;
        let Some(attempt) = self.attempts.last_mut() else { return };
        attempt.ms = self.elapsed;
        let interrupted = attempt.exit_code == Some(INTERRUPTED);
        for step in self.steps.iter_mut().filter(|step| step.attempt == attempt.attempt) {
            if step.outcome == StepEnd::Open {
                step.ms = end.saturating_sub(step.at_ms);
            }
            if interrupted && step.outcome == StepEnd::Failed {
                step.outcome = StepEnd::Interrupted;
            }
        }
        for at in std::mem::take(&mut self.open).into_values() {
            self.effects[at].ms = end.saturating_sub(self.effects[at].at_ms);
        }
        if self.watching
            && let Some(group) = self.groups.last_mut()
        {
            group.until_ms = end;
        }
        (self.watching, self.step) = (false, None);
        (self.offset, self.elapsed) = (end, 0);
    }

    fn end(mut self, story: &Story) -> Account {
        self.end_attempt();
        let asked = story.manifest.clone();
        let mut story = story.clone();
        let exit_code = self.attempts.last().and_then(|attempt| attempt.exit_code);
        if let Some(code) = exit_code {
            // The process that has made the run may still be there, and write this.
            story.state = State::Ended(code);
        }
        let hosts = self.recap.hosts().map(|(host, counts)| HostCounts { host: host.to_owned(), counts }).collect();
        Account {
            v: VERSION,
            command_line: asked.command_line(),
            asked,
            outcome: word(story.state),
            exit_code,
            message: story.message.clone(),
            go_on: story.can_be_resumed().then(|| format!("zkmig resume {}", story.id())),
            go_back: story.standing.undo().filter(|_| story.standing.has_changed()).map(str::to_owned),
            ended: self.last.unwrap_or(story.manifest.started),
            ms: self.recap.ms(),
            attempts: self.attempts,
            total: self.recap.total(),
            hosts,
            warning_count: self.recap.warnings,
            steps: self.steps,
            effects: self.effects,
            diffs: self.diffs,
            groups: self.groups,
            turns: self.turns,
            said: self.said,
            data: self.data,
            copies: story
                .copies
                .iter()
                .map(|(host, copy)| HostCopy { host: host.clone(), copy: copy.clone() })
                .collect(),
        }
    }
}

/// What stands in several places of a report for the same: rows that differ in their hosts alone are one.
pub fn by_hosts<K: Ord + Clone, T>(rows: impl IntoIterator<Item = (K, Option<String>, T)>) -> Vec<(T, Vec<String>)> {
    let mut order: Vec<(T, Vec<String>)> = Vec::new();
    let mut known: BTreeMap<K, usize> = BTreeMap::new();
    for (key, host, row) in rows {
        let at = *known.entry(key).or_insert_with(|| {
            order.push((row, Vec::new()));
            order.len() - 1
        });
        if let Some(host) = host
            && !order[at].1.contains(&host)
        {
            order[at].1.push(host);
        }
    }
    order
}
