//! What happens in a run, as typed events. How they reach their readers is [`stream`](super::stream)'s.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::task::{Copied, Diff, Fact, Kind as EffectKind};

/// The version of the NDJSON form. It grows when a field changes its meaning or goes away, not when one is added.
pub const VERSION: u32 = 1;

/// One thing that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// The version of this form.
    pub v: u32,
    /// Counts from 1 within the run.
    pub seq: u64,
    /// When, by the operator's clock.
    pub time: Timestamp,
    /// Milliseconds since the run began, by a clock that never jumps.
    pub elapsed_ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// A place in a playbook or in a file that it imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file, as the user would type it.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// How an effect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It looked, or found nothing to change.
    Ok,
    /// It changed the host.
    Changed,
    /// Check mode: it would change the host.
    WouldChange,
    /// Check mode: it would do this.
    WouldRun,
    /// It failed.
    Failed,
    /// The host could not be reached.
    Unreachable,
    /// It was interrupted.
    Interrupted,
    /// It was announced, and then not begun: something stood in its way.
    NotBegun,
}

/// The kinds of event.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The run begins, or goes on in a further attempt.
    RunStarted {
        /// The run's id; empty where nothing is recorded.
        #[serde(default)]
        run: String,
        /// Counts the attempts from 1: each further one resumed the run.
        #[serde(default = "first")]
        attempt: u32,
        /// zkmig's version.
        version: String,
        /// The playbook's path.
        playbook: String,
        /// The inventories' paths.
        inventories: Vec<String>,
        /// Check mode.
        check: bool,
        /// The steps that the playbook names, in order.
        steps: Vec<String>,
    },
    /// A connection stands.
    HostConnected {
        /// The host.
        host: String,
        /// How long it took, in milliseconds.
        ms: u64,
    },
    /// A connection could not be made.
    HostUnreachable {
        /// The host.
        host: String,
        /// Why.
        message: String,
    },
    /// A connection was made, and nothing can be done on it: the host says no to who it is to be done as.
    HostRefused {
        /// The host.
        host: String,
        /// Why.
        message: String,
    },
    /// A step begins.
    StepStarted {
        /// Its name.
        step: String,
        /// Its place among the steps, counted from 1.
        number: usize,
    },
    /// A step is not carried out: an earlier attempt did, and what it gave is taken from the run's record.
    StepSkipped {
        /// Its name.
        step: String,
        /// Its place among the steps, counted from 1.
        number: usize,
        /// Why.
        why: String,
    },
    /// A step is over.
    StepFinished {
        /// Its name.
        step: String,
        /// Whether it got to its end.
        ok: bool,
        /// How long it took, in milliseconds.
        ms: u64,
    },
    /// An effect begins.
    EffectStarted {
        /// The effect's number in the run.
        effect: u64,
        /// The host; none for what the operator's side does for several.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        host: Option<String>,
        /// The step it belongs to.
        step: Option<String>,
        /// The function's name.
        name: String,
        /// What it is about, for a person.
        summary: String,
        /// Read, change or action.
        kind: EffectKind,
        /// The line that called it.
        place: Option<Place>,
    },
    /// A host printed a line while an effect runs.
    EffectOutput {
        /// The effect's number.
        effect: u64,
        /// The host; none for what the operator's side does for several.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        host: Option<String>,
        /// The line, control characters escaped.
        line: String,
    },
    /// An effect waits.
    EffectWaiting {
        /// The effect's number.
        effect: u64,
        /// The host; none for what the operator's side does for several.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        host: Option<String>,
        /// What it sees now.
        status: String,
    },
    /// An effect is over.
    EffectFinished {
        /// The effect's number.
        effect: u64,
        /// The host; none for what the operator's side does for several.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        host: Option<String>,
        /// The step it belongs to.
        step: Option<String>,
        /// The function's name.
        name: String,
        /// What it did, for a person.
        summary: String,
        /// Read, change or action.
        kind: EffectKind,
        /// How it ended.
        outcome: Outcome,
        /// How long it took, in milliseconds.
        ms: u64,
        /// The text before and after.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        diff: Option<Diff>,
        /// What went wrong.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message: Option<String>,
        /// What it left on the host, to be seen again by a further attempt.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        facts: Vec<Fact>,
        /// The copy that it made, or found, of a file as it was before.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        copied: Option<Copied>,
        /// It was one of several attempts, inside a wait or a retry: a failure was no news.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        attempt: bool,
    },
    /// The locks of these hosts are the run's.
    Locked {
        /// The hosts.
        hosts: Vec<String>,
    },
    /// The locks of these hosts were given back.
    Unlocked {
        /// The hosts.
        hosts: Vec<String>,
    },
    /// How the run can be undone.
    UndoKnown {
        /// The command, as it is typed.
        command: String,
    },
    /// A change asks for something to be done once, later in its step.
    Notified {
        /// What is to be done.
        name: String,
        /// The host.
        host: String,
        /// The step.
        step: Option<String>,
    },
    /// It was done.
    NotificationDone {
        /// What.
        name: String,
        /// The host.
        host: String,
    },
    /// A rolling block goes to its next host.
    RollingTurn {
        /// The host.
        host: String,
        /// Its place in the block, counted from 1.
        number: usize,
        /// How many hosts the block has.
        total: usize,
    },
    /// Something the playbook tells the operator.
    Note {
        /// The host it is about.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        host: Option<String>,
        /// The text; may have several lines.
        text: String,
    },
    /// What tools that read the stream are told; a person is shown nothing.
    Data {
        /// The host it is about.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        host: Option<String>,
        /// The step it belongs to.
        step: Option<String>,
        /// What kind of data it is.
        name: String,
        /// The data.
        data: serde_json::Map<String, serde_json::Value>,
    },
    /// A named check of the playbook.
    Checked {
        /// The host it is about.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        host: Option<String>,
        /// The check's name.
        name: String,
        /// `ok`, `warning`, `failed` or `not made`.
        result: String,
        /// What was found.
        found: String,
    },
    /// A question to the operator, and the answer.
    Answered {
        /// The question.
        question: String,
        /// Whether the answer was yes.
        yes: bool,
        /// Who said it: the operator, `--yes` or check mode.
        by: String,
    },
    /// Something that the operator should know and that does not stop the run.
    Warning {
        /// The text.
        text: String,
    },
    /// The operator interrupted.
    Interrupted {
        /// Stop now, rather than at the next safe place.
        now: bool,
    },
    /// The run is over.
    RunFinished {
        /// The exit code.
        exit_code: u8,
        /// What stopped it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message: Option<String>,
        /// How long it took, in milliseconds.
        ms: u64,
    },
}

/// Streams of before there were attempts.
fn first() -> u32 {
    1
}
