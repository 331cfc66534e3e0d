//! systemd units: how they are, and starting, stopping, restarting, enabling them.

use std::time::Duration;

use super::printable::last_lines;
use super::{Changed, Context, printable, shell};
use crate::error::{Error, Result};
use crate::host::Stdin;

mod change;
mod foretold;
mod install;

pub use change::{act, ensure, foresee};
use install::Install;

/// How long systemd may take to say how a unit is that did not get where it should.
const TIME_TO_SHOW: Duration = Duration::from_secs(10);

/// How a unit is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// The unit's name.
    pub unit: String,
    /// Whether the host knows such a unit.
    pub exists: bool,
    /// `loaded`, `not-found`, `masked`, `error`.
    pub load_state: String,
    /// `active`, `inactive`, `failed`, `activating`, `deactivating`, `reloading`.
    pub active_state: String,
    /// The unit type's own word: `running`, `dead`, `auto-restart`.
    pub sub_state: String,
    /// The main process, while it runs.
    pub main_pid: Option<u32>,
    /// When the main process was last started, in seconds since 1970 with fraction, by the host's clock of now. Exact
    /// to some 20 ms.
    pub started_at: Option<f64>,
    /// How often systemd restarted it by itself; systemd 219 can't tell.
    pub restarts: Option<u64>,
    /// `enabled`, `disabled`, `static`, `masked`.
    pub enabled_state: String,
    /// The unit file.
    pub fragment_path: Option<String>,
    /// Files that add to the unit file.
    pub drop_ins: Vec<String>,
    /// The unit's control group, such as `/system.slice/x.service`.
    pub control_group: Option<String>,
    /// Why it ended the last time: `success`, `exit-code`, `signal`.
    pub result: String,
    /// The main process's last exit status.
    pub exit_status: Option<i32>,
    /// The number of systemd's job for it that has not ended.
    pub job: Option<u32>,
    /// The units that pull it in.
    pulled_in_by: Vec<String>,
    /// The units that trigger it.
    triggered_by: Vec<String>,
    /// The kind of service: `simple`, `oneshot`, `notify`; empty for other units.
    service_type: String,
    /// Whether its conditions held when it was last started, where that is remembered.
    condition_held: Option<bool>,
    /// Whether it has conditions, where that was looked at.
    is_conditional: bool,
    /// When the main process was last started, in microseconds since boot.
    start_stamp: u64,
    /// Whether it can read its configuration again.
    can_reload: bool,
    /// The name that systemd knows it by; another one than the unit's is an alias.
    id: String,
    /// What its file asks for when it is enabled, where that was looked at.
    install: Option<Install>,
    /// The links by which it is enabled, likewise.
    links: Vec<String>,
    /// How the units are that are enabled with it, where it is enabled by nothing else.
    also: Vec<Status>,
}

impl Status {
    /// Whether it runs.
    pub fn is_active(&self) -> bool {
        matches!(self.active_state.as_str(), "active" | "reloading" | "refreshing")
    }

    /// Whether it is in this state.
    pub fn is(&self, goal: Goal) -> bool {
        match goal {
            Goal::Started => self.is_active(),
            // A failed unit does not run, and one that waits for its automatic restart does not rest.
            Goal::Stopped => matches!(self.active_state.as_str(), "inactive" | "failed"),
            Goal::Enabled => self.is_enabled(),
            Goal::Disabled => !self.is_enabled() && self.also.iter().all(|also| !also.is_enabled()),
        }
    }

    /// Whether it is started at boot, and stays so: what is enabled until the next boot only is not.
    pub fn is_enabled(&self) -> bool {
        match self.enabled_state.as_str() {
            "enabled" => true,
            // It has nothing to enable, and something starts it all the same.
            "static" => !self.pulled_in_by.is_empty(),
            "indirect" => !self.also.is_empty() && self.also.iter().all(Status::is_enabled),
            _ => false,
        }
    }
}

/// What starting, stopping, enabling or disabling did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transition {
    /// Whether anything differs, and what.
    pub changed: Changed,
    /// How the unit was.
    pub before: Status,
    /// How it is; in check mode how it would be, as far as that can be told.
    pub after: Status,
}

/// A state that a unit can be brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// It runs.
    Started,
    /// It doesn't run.
    Stopped,
    /// It is started at boot.
    Enabled,
    /// It is not started at boot.
    Disabled,
}

/// What can be done to a unit each time anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Stop it and start it.
    Restart,
    /// Have it read its configuration again.
    Reload,
}

/// The unit's name as systemd has it: `x` is `x.service`. Refused is what is no name.
pub fn unit_name(unit: &str) -> Result<String> {
    const KINDS: &[&str] =
        &["service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope"];
    let plain = |character: char| character.is_ascii_alphanumeric() || ":-_.\\@".contains(character);
    if unit.is_empty() || unit.len() > 255 || unit.starts_with(['-', '.']) || !unit.chars().all(plain) {
        return Err(Error::input(format!("`{}` can't be the name of a unit", printable(unit))));
    }
    match unit.rsplit_once('.') {
        Some((_, kind)) if KINDS.contains(&kind) => Ok(unit.to_owned()),
        _ => Ok(format!("{unit}.service")),
    }
}

/// How a unit is. In check mode it is as this run would have left it.
pub async fn status(context: &Context<'_>, unit: &str) -> Result<Status> {
    let unit = unit_name(unit)?;
    let mut status = ask(context, "", &unit).await?.before;
    if context.check {
        foretold::foretell(context, &mut status);
    }
    Ok(status)
}

/// Has systemd read all unit files again.
pub async fn daemon_reload(context: &Context<'_>) -> Result<()> {
    context.refuse_in_check_mode("daemon-reload")?;
    let printed = context.script("LC_ALL=C systemctl daemon-reload", Stdin::Closed).await?;
    if printed.exit.status == 0 {
        return Ok(());
    }
    Err(with_hint(context.failed("systemctl daemon-reload failed"), &printed.stderr))
}

struct Answer {
    before: Status,
    after: Option<Status>,
    failed: bool,
    journal: String,
    stderr: Vec<u8>,
}

async fn ask(context: &Context<'_>, verb: &str, unit: &str) -> Result<Answer> {
    tell(context, verb, unit, "", "").await
}

async fn tell(context: &Context<'_>, verb: &str, unit: &str, option: &str, more: &str) -> Result<Answer> {
    let script = shell::script(include_str!("sh/service.sh"), &[verb, unit, option, more]);
    let Some(printed) = context.script_in_time(script, Stdin::Closed).await? else {
        return Err(not_in_time(context, verb, unit).await);
    };
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    let (states, journal) = text.split_once("\njournal\n").unwrap_or((&text, ""));
    let (before, after) = match states.split_once("\nafter\n") {
        Some((before, after)) => (before, Some(Status::parse(unit, after))),
        None => (states, None),
    };
    if printed.exit.status != 0 || (after.is_none() && !verb.is_empty()) {
        let error = context.failed(format!("systemctl {} {unit} failed", if verb.is_empty() { "show" } else { verb }));
        return Err(with_hint(error, &printed.stderr));
    }
    Ok(Answer {
        before: Status::parse(unit, before),
        after,
        failed: before.lines().any(|line| line == "failed"),
        journal: journal.to_owned(),
        stderr: printed.stderr,
    })
}

/// The error of a `systemctl` that did not end in time. Ending that does not end what systemd was told to do.
async fn not_in_time(context: &Context<'_>, verb: &str, unit: &str) -> Error {
    let error = context.not_in_time(&format!("systemctl {} {unit} ", if verb.is_empty() { "show" } else { verb }));
    if verb.is_empty() {
        return error;
    }
    let script = shell::script(include_str!("sh/service.sh"), &["", unit]);
    match context.within(TIME_TO_SHOW.min(context.timeout)).script(script, Stdin::Closed).await {
        Ok(printed) => {
            let status = Status::parse(unit, &String::from_utf8_lossy(&printed.stdout));
            let state = format!("{unit} is still {} ({})", status.active_state, status.sub_state);
            match status.job {
                Some(job) => error
                    .detail(format!("{state}; systemd's job {job} for it goes on"))
                    .hint(format!(
                        "wait for it: `systemctl status {unit}` on the host; or give up: `systemctl cancel {job}`"
                    ))
                    .hint("the option `timeout` gives it more time"),
                None => error.detail(format!("{unit} is {} ({})", status.active_state, status.sub_state)),
            }
        }
        Err(unknown) => error.detail(format!("how {unit} is could not be found out: {unknown}")),
    }
}

impl Answer {
    fn after(self, context: &Context<'_>, verb: &str, unit: &str) -> Result<Status> {
        let after = self.after.unwrap_or_default();
        if !self.failed {
            return Ok(after);
        }
        let error = with_hint(context.failed(format!("systemctl {verb} {unit} failed")), &self.stderr);
        Err(after.shown(error, &self.journal))
    }
}

fn with_hint(error: Error, stderr: &[u8]) -> Error {
    let said = last_lines(stderr, 5);
    let error = if said.is_empty() { error } else { error.caused_by(said.replace('\n', "; ")) };
    if ["authentication required", "ccess denied", "not permitted"].iter().any(|refusal| said.contains(refusal)) {
        return error.hint("does it need `become: true`?");
    }
    if said.contains("not found") && said.contains("systemctl:") {
        return error.hint("the host has no systemd");
    }
    error
}

impl Status {
    fn parse(unit: &str, text: &str) -> Self {
        let value = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            found.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let word = |name: &str| value(name).unwrap_or_default();
        let number = |name: &str| value(name).and_then(|value| value.parse::<u64>().ok());
        let load_state = word("LoadState");
        let all = |name: &str| {
            let lines = text.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix('='));
            lines.map(str::to_owned).collect::<Vec<String>>()
        };
        let file = all("File");
        let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
        let clock = word("Clock");
        let mut clock = clock.split(' ').map(|part| part.parse::<f64>().ok());
        let booted = match (clock.next().flatten(), clock.next().flatten()) {
            (Some(now), Some(uptime)) => Some(now - uptime),
            _ => None,
        };
        #[allow(clippy::cast_precision_loss, reason = "microseconds since boot are exact for 285 years")]
        let since_boot =
            number("ExecMainStartTimestampMonotonic").filter(|micros| *micros > 0).map(|micros| micros as f64 / 1e6);
        Self {
            unit: unit.to_owned(),
            exists: !matches!(load_state.as_str(), "" | "not-found"),
            load_state,
            active_state: word("ActiveState"),
            sub_state: word("SubState"),
            main_pid: number("MainPID").and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0),
            started_at: booted.zip(since_boot).map(|(booted, since)| booted + since),
            restarts: number("NRestarts"),
            enabled_state: value("SysV").or_else(|| value("UnitFileState")).unwrap_or_default(),
            fragment_path: value("FragmentPath"),
            drop_ins: words(word("DropInPaths")),
            control_group: value("ControlGroup"),
            result: word("Result"),
            exit_status: value("ExecMainStatus").and_then(|status| status.parse().ok()),
            job: number("Job").and_then(|job| u32::try_from(job).ok()).filter(|job| *job > 0),
            pulled_in_by: words(["WantedBy", "RequiredBy"].map(&word).join(" ")),
            triggered_by: words(word("TriggeredBy")),
            service_type: word("Type"),
            condition_held: number("ConditionTimestampMonotonic")
                .filter(|since_boot| *since_boot > 0)
                .map(|_| word("ConditionResult") != "no"),
            is_conditional: word("Conditional") == "yes",
            start_stamp: number("ExecMainStartTimestampMonotonic").unwrap_or_default(),
            can_reload: word("CanReload") != "no",
            id: value("Id").unwrap_or_else(|| unit.to_owned()),
            install: (!file.is_empty()).then(|| Install::parse(&file.join("\n"))),
            links: all("Link"),
            also: Vec::new(),
        }
    }

    /// An error with how the unit is, and what it said last.
    fn shown(&self, error: Error, journal: &str) -> Error {
        let (active, sub, result) = (&self.active_state, &self.sub_state, &self.result);
        let error = error.detail(format!("{} is {active} ({sub}), result {result}", self.unit));
        let journal = last_lines(journal.as_bytes(), 10);
        if journal.is_empty() { error } else { error.detail(format!("the unit's journal:\n{journal}")) }
    }

    fn would_be(mut self, goal: Goal) -> Self {
        let set = |active: &str, sub: &str, this: &mut Self| {
            this.active_state = active.to_owned();
            this.sub_state = sub.to_owned();
            this.main_pid = None;
            this.started_at = None;
        };
        match goal {
            Goal::Started => set("active", "running", &mut self),
            Goal::Stopped => set("inactive", "dead", &mut self),
            Goal::Enabled => self.enabled_state = "enabled".to_owned(),
            Goal::Disabled => {
                self.enabled_state = "disabled".to_owned();
                self.also.clear();
            }
        }
        self
    }
}

#[cfg(test)]
mod tests;
