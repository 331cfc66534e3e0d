//! systemd units: how they are, and starting, stopping, restarting, enabling them.

use std::time::Duration;

use super::prediction;
use super::printable::last_lines;
use super::{Changed, Context, printable, shell};
use crate::error::{Error, Result};
use crate::host::Stdin;

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
}

impl Status {
    /// Whether it runs.
    pub fn is_active(&self) -> bool {
        matches!(self.active_state.as_str(), "active" | "reloading")
    }

    /// Whether it is in this state.
    pub fn is(&self, goal: Goal) -> bool {
        match goal {
            Goal::Started => self.is_active(),
            // A failed unit does not run, and one that waits for its automatic restart does not rest.
            Goal::Stopped => matches!(self.active_state.as_str(), "inactive" | "failed"),
            Goal::Enabled => self.is_enabled(),
            Goal::Disabled => !self.is_enabled(),
        }
    }

    /// Whether it is started at boot.
    pub fn is_enabled(&self) -> bool {
        matches!(self.enabled_state.as_str(), "enabled" | "enabled-runtime")
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
        let predicted = context.predictions.service(&unit);
        if let Some(active) = predicted.active.filter(|active| *active != status.is_active()) {
            status = status.would_be(if active { Goal::Started } else { Goal::Stopped });
        }
        if let Some(enabled) = predicted.enabled.filter(|enabled| *enabled != status.is_enabled()) {
            status = status.would_be(if enabled { Goal::Enabled } else { Goal::Disabled });
        }
    }
    Ok(status)
}

/// Brings a unit to a state. Starting takes as long as systemd takes: for a unit of type `simple` that is no time at all,
/// and says nothing about whether it serves.
pub async fn ensure(context: &Context<'_>, unit: &str, goal: Goal) -> Result<Transition> {
    let unit = unit_name(unit)?;
    let before = status(context, &unit).await?;
    before.must_exist(context)?;
    if before.is(goal) {
        return Ok(Transition { changed: Changed::default(), after: before.clone(), before });
    }
    let (verb, summary) = match goal {
        Goal::Started => ("start", "started"),
        Goal::Stopped => ("stop", "stopped"),
        Goal::Enabled => ("enable", "enabled"),
        Goal::Disabled => ("disable", "disabled"),
    };
    let changed = Changed { changed: true, diff: None, summary: Some(summary.to_owned()) };
    if context.check {
        let predicted = match goal {
            Goal::Started | Goal::Stopped => prediction::Service { active: Some(goal == Goal::Started), enabled: None },
            Goal::Enabled | Goal::Disabled => {
                prediction::Service { active: None, enabled: Some(goal == Goal::Enabled) }
            }
        };
        context.predictions.record_service(unit.as_str(), predicted);
        return Ok(Transition { changed, after: before.clone().would_be(goal), before });
    }
    let answer = ask(context, verb, &unit).await?;
    Ok(Transition { changed, before, after: answer.after(context, verb, &unit)? })
}

/// Does something to a unit. Gives how it was and how it is: two start times tell that it was really restarted. Without
/// `wait` systemd is only told to, and `after` is how the unit is while it is at it: whether it comes up is not known.
pub async fn act(context: &Context<'_>, unit: &str, verb: Verb, wait: bool) -> Result<Transition> {
    let unit = unit_name(unit)?;
    let (verb, summary) = match (verb, wait) {
        (Verb::Restart, true) => ("restart", "restarted"),
        (Verb::Restart, false) => ("restart", "told to restart"),
        (Verb::Reload, true) => ("reload", "reloaded"),
        (Verb::Reload, false) => ("reload", "told to reload"),
    };
    context.refuse_in_check_mode(verb)?;
    let answer = tell(context, verb, &unit, if wait { "" } else { "--no-block" }).await?;
    answer.before.must_exist(context)?;
    let before = answer.before.clone();
    let after = answer.after(context, verb, &unit)?;
    Ok(Transition { changed: Changed { changed: true, diff: None, summary: Some(summary.to_owned()) }, before, after })
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
    tell(context, verb, unit, "").await
}

async fn tell(context: &Context<'_>, verb: &str, unit: &str, option: &str) -> Result<Answer> {
    let script = shell::script(include_str!("sh/service.sh"), &[verb, unit, option]);
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
    let script = shell::script(include_str!("sh/service.sh"), &["", unit, ""]);
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
        let error = context.failed(format!("systemctl {verb} {unit} failed"));
        let mut error = with_hint(error, &self.stderr);
        error =
            error.detail(format!("{unit} is {} ({}), result {}", after.active_state, after.sub_state, after.result));
        let journal = last_lines(self.journal.as_bytes(), 10);
        Err(if journal.is_empty() { error } else { error.detail(format!("the unit's journal:\n{journal}")) })
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
            enabled_state: word("UnitFileState"),
            fragment_path: value("FragmentPath"),
            drop_ins: word("DropInPaths").split_whitespace().map(str::to_owned).collect(),
            control_group: value("ControlGroup"),
            result: word("Result"),
            exit_status: value("ExecMainStatus").and_then(|status| status.parse().ok()),
            job: number("Job").and_then(|job| u32::try_from(job).ok()).filter(|job| *job > 0),
        }
    }

    fn must_exist(&self, context: &Context<'_>) -> Result<()> {
        if self.exists {
            return Ok(());
        }
        Err(context
            .failed(format!("there is no unit {}", self.unit))
            .hint("`systemctl list-units --all` on the host lists them"))
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
            Goal::Disabled => self.enabled_state = "disabled".to_owned(),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;
    use crate::error::Kind;

    const SYSTEMCTL: &str = r#"#!/bin/sh
state=$0.state
case $1 in
    show)
        for unit; do :; done
        case $unit in no-such*) echo LoadState=not-found; echo ActiveState=inactive; exit 0 ;; esac
        echo "Id=$unit"; echo LoadState=loaded; echo "ActiveState=$(cat "$state")"; echo SubState=running
        [ "$(cat "$state")" = active ] && echo MainPID=4711 || echo MainPID=0
        echo ExecMainStartTimestampMonotonic=1500000; echo UnitFileState=disabled
        echo FragmentPath=/etc/systemd/system/x.service; echo "DropInPaths=/a.conf /b.conf"; echo Result=exit-code
        [ ! -f "$0.slow" ] || echo Job=815 ;;
    start|restart) [ ! -f "$0.slow" ] || { echo activating >"$state"; exec sleep 60; } ;;
esac
case $1 in
    --no-block) echo deactivating >"$state" ;;
    start|restart) [ ! -f "$0.broken" ] || { echo failed >"$state"; echo "Job for $2 failed." >&2; exit 1; }; echo active >"$state" ;;
    stop) echo inactive >"$state" ;;
esac
"#;

    fn bench(state: &str) -> Bench {
        let mut bench = Bench::new();
        bench.program("systemctl", SYSTEMCTL);
        bench.program("journalctl", "#!/bin/sh\necho '2017 java: ERROR: \u{1b}[1m EXHIBITOR_BACKEND must be set'\n");
        bench.file("bin/systemctl.state", state);
        bench
    }

    #[tokio::test]
    async fn a_status_has_times_by_the_wall_clock() {
        let bench = bench("active");
        let status = status(&bench.context(), "x").await.expect("success");
        assert_eq!((status.unit.as_str(), status.exists, status.main_pid), ("x.service", true, Some(4711)));
        assert_eq!(status.drop_ins, ["/a.conf", "/b.conf"]);
        assert_eq!((status.restarts, status.is_active(), status.is_enabled()), (None, true, false));
        let uptime = std::fs::read_to_string("/proc/uptime").expect("a clock");
        let uptime: f64 = uptime.split(' ').next().and_then(|text| text.parse().ok()).expect("a number");
        let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64();
        let expected = now - uptime + 1.5;
        assert!((status.started_at.expect("a time") - expected).abs() < 1.0);
    }

    #[tokio::test]
    async fn a_unit_is_brought_to_a_state_once() {
        let bench = bench("inactive");
        let done = ensure(&bench.context(), "x", Goal::Started).await.expect("success");
        assert!(done.changed.changed && !done.before.is_active() && done.after.is_active());
        assert!(!ensure(&bench.context(), "x", Goal::Started).await.expect("success").changed.changed);
        assert!(ensure(&bench.context(), "x", Goal::Stopped).await.expect("success").changed.changed);
    }

    #[tokio::test]
    async fn check_mode_predicts_a_state_and_makes_no_action() {
        let bench = bench("active");
        assert!(ensure(&bench.check(), "x", Goal::Stopped).await.expect("success").changed.changed);
        assert!(!status(&bench.check(), "x").await.expect("success").is_active());
        assert!(!ensure(&bench.check(), "x", Goal::Stopped).await.expect("success").changed.changed);
        assert!(status(&bench.context(), "x").await.expect("success").is_active());
        let error = act(&bench.check(), "x", Verb::Restart, true).await.expect_err("a defect");
        assert_eq!(error.kind(), Kind::Defect);
    }

    #[tokio::test]
    async fn a_failed_start_shows_the_units_journal() {
        let bench = bench("inactive");
        bench.file("bin/systemctl.broken", "");
        let error = act(&bench.context(), "x", Verb::Restart, true).await.expect_err("a failure");
        assert_eq!(error.to_string(), "here: systemctl restart x.service failed: Job for x.service failed.");
        assert_eq!(error.parts().details[0], "x.service is failed (running), result exit-code");
        assert!(error.parts().details[1].ends_with("ERROR: \\u{1b}[1m EXHIBITOR_BACKEND must be set"), "{error:?}");
    }

    #[tokio::test]
    async fn a_start_that_takes_too_long_says_that_systemd_is_still_at_it() {
        let mut bench = bench("inactive");
        bench.file("bin/systemctl.slow", "");
        bench.timeout = Duration::from_secs(1);
        let error = ensure(&bench.context(), "x", Goal::Started).await.expect_err("a time-out");
        assert_eq!(error.to_string(), "here: systemctl start x.service did not end within 1 s");
        assert_eq!(
            error.parts().details,
            ["x.service is still activating (running); systemd's job 815 for it goes on"]
        );
        assert!(error.parts().hints[0].contains("systemctl cancel 815"), "{error:?}");
    }

    #[tokio::test]
    async fn a_restart_need_not_be_waited_for() {
        let bench = bench("active");
        let done = act(&bench.context(), "x", Verb::Restart, false).await.expect("success");
        assert_eq!(done.changed.summary.as_deref(), Some("told to restart"));
        assert_eq!((done.before.is_active(), done.after.active_state.as_str()), (true, "deactivating"));
    }

    #[tokio::test]
    async fn a_unit_that_is_not_there_can_not_be_started() {
        let bench = bench("inactive");
        assert!(!status(&bench.context(), "no-such").await.expect("success").exists);
        let error = ensure(&bench.context(), "no-such", Goal::Started).await.expect_err("a failure");
        assert_eq!(error.to_string(), "here: there is no unit no-such.service");
    }

    #[test]
    fn what_is_no_unit_name_is_refused() {
        assert_eq!(unit_name("dcos-exhibitor").ok().as_deref(), Some("dcos-exhibitor.service"));
        assert_eq!(unit_name("getty@tty1.service").ok().as_deref(), Some("getty@tty1.service"));
        assert_eq!(unit_name("a.b").ok().as_deref(), Some("a.b.service"));
        assert_eq!(unit_name("x.timer").ok().as_deref(), Some("x.timer"));
        for wrong in ["", "--all", "a b", "a;b", "a/b", "*", "$(id)"] {
            assert!(unit_name(wrong).is_err(), "{wrong}");
        }
    }
}
