//! Bringing a unit to a state, and restarting it: what counts is how the unit is afterwards.

use std::time::{Duration, Instant};

use super::{Answer, Goal, Status, Transition, Verb, ask, foretold, tell, unit_name};
use crate::error::{Error, Result};
use crate::task::{Changed, Context, prediction};

/// How long a service that can't tell when it is up is watched after its start, unless the caller says otherwise: one that can't
/// run at all has mostly ended by then.
const SETTLES: Duration = Duration::from_millis(300);

/// How often a unit is looked at that has to stay as it is.
const LOOKS: Duration = Duration::from_secs(1);

/// Brings a unit to a state. It is an error when the unit is not in it afterwards, whatever systemd says of the way there.
/// `stable` is how long a unit has to run that was started.
pub async fn ensure(context: &Context<'_>, unit: &str, goal: Goal, stable: Option<Duration>) -> Result<Transition> {
    let unit = unit_name(unit)?;
    stays(context, stable)?;
    let before = look(context, &unit, goal).await?;
    if !before.exists && matches!(goal, Goal::Stopped | Goal::Disabled) && before.is(goal) {
        // Who stops a unit and removes its file does so a second time, too.
        let summary = Some("there is no such unit, and nothing of it runs".to_owned());
        let changed = Changed { changed: false, diff: None, summary };
        return Ok(Transition { changed, after: before.clone(), before });
    }
    if context.check
        && !before.exists
        && !before.is_active()
        && let Some(unknown) = context.predictions.unknown(&before.unit)
    {
        let summary = Some(format!("unknown: there is no unit {unit} yet, and {unknown}"));
        let changed = Changed { changed: true, diff: None, summary };
        return Ok(Transition { changed, after: before.clone(), before });
    }
    if goal != Goal::Stopped || !before.is_active() {
        before.must_exist(context)?;
    }
    let missing = match (&before.install, goal) {
        (Some(install), Goal::Enabled) if before.enabled_state == "enabled" => install.missing(&before.links),
        _ => Vec::new(),
    };
    if before.is(goal) && missing.is_empty() {
        return Ok(Transition { changed: Changed::default(), after: before.clone(), before });
    }
    before.must_allow(context, goal)?;
    let (verb, summary) = match goal {
        Goal::Started => ("start", "started".to_owned()),
        Goal::Stopped => ("stop", "stopped".to_owned()),
        Goal::Enabled if missing.is_empty() => ("enable", "enabled".to_owned()),
        Goal::Enabled => ("reenable", format!("enabled anew: it was not in {}", missing.join(", "))),
        Goal::Disabled => ("disable", "disabled".to_owned()),
    };
    let mut changed = Changed { changed: true, diff: None, summary: Some(summary) };
    if context.check {
        let predicted = match goal {
            Goal::Started | Goal::Stopped => prediction::Service { active: Some(goal == Goal::Started), enabled: None },
            Goal::Enabled | Goal::Disabled => {
                prediction::Service { active: None, enabled: Some(goal == Goal::Enabled) }
            }
        };
        context.predictions.record_service(unit.as_str(), predicted);
        if goal == Goal::Enabled {
            foretold::link(context, &before);
        }
        return Ok(Transition { changed, after: before.clone().would_be(goal), before });
    }
    // An alias can't be enabled in the place of what it stands for.
    let named =
        if matches!(goal, Goal::Enabled | Goal::Disabled) && !before.id.is_empty() { &before.id } else { &unit };
    let more = if goal == Goal::Enabled { "install" } else { "" };
    let answer = tell(context, verb, named, "", more).await?;
    let mut after = answer.after(context, verb, &unit)?;
    after.unit.clone_from(&unit);
    also(context, &mut after).await?;
    if goal == Goal::Started {
        if after.ran_to_its_end() {
            let unless = if after.is_conditional && after.condition_held.is_none() {
                ", unless one of its conditions does not hold"
            } else {
                ""
            };
            changed.summary = Some(format!("ran to its end{unless}"));
        } else {
            after = settled(context, verb, after, stable).await?;
        }
    } else if !after.is(goal) {
        return Err(not_reached(context, &after, goal));
    }
    Ok(Transition { changed, before, after })
}

/// Does something to a unit. Gives how it was and how it is: two start times tell that it was really restarted. Without
/// `wait` systemd is only told to, and `after` is how the unit is while it is at it: whether it comes up is not known.
/// `stable` is how long it has to run after a restart.
pub async fn act(
    context: &Context<'_>,
    unit: &str,
    verb: Verb,
    wait: bool,
    stable: Option<Duration>,
) -> Result<Transition> {
    let unit = unit_name(unit)?;
    if stable.is_some() && !wait {
        return Err(Error::input("`stable` and `wait: false` exclude each other")
            .hint("what systemd was only told to do is watched with wait_until"));
    }
    stays(context, stable)?;
    let (word, summary) = match (verb, wait) {
        (Verb::Restart, true) => ("restart", "restarted"),
        (Verb::Restart, false) => ("restart", "told to restart"),
        (Verb::Reload, true) => ("reload", "reloaded"),
        (Verb::Reload, false) => ("reload", "told to reload"),
    };
    context.refuse_in_check_mode(word)?;
    let answer = tell(context, word, &unit, if wait { "" } else { "--no-block" }, "").await?;
    if answer.failed {
        answer.before.must_exist(context)?;
    }
    let before = answer.before.clone();
    let mut after = answer.after(context, word, &unit)?;
    if wait && verb == Verb::Restart && !after.ran_to_its_end() {
        after = settled(context, word, after, stable).await?;
    }
    Ok(Transition { changed: Changed { changed: true, diff: None, summary: Some(summary.to_owned()) }, before, after })
}

/// Whether [`act`] is sure to fail, as far as a look can tell: for check mode.
pub async fn foresee(context: &Context<'_>, unit: &str, verb: Verb) -> Result<()> {
    let unit = unit_name(unit)?;
    let before = super::status(context, &unit).await?;
    if context.predictions.unknown(&unit).is_some() {
        return Ok(());
    }
    before.must_exist(context)?;
    if verb == Verb::Restart {
        return before.must_allow(context, Goal::Started);
    }
    let error = context.failed(format!("{unit} can't be reloaded"));
    match () {
        () if !before.is_active() => Err(error.caused_by(format!("it is {}", before.active_state))),
        () if !before.can_reload => {
            Err(error.caused_by("its unit file does not say how").hint("restart it, or give it an ExecReload="))
        }
        () => Ok(()),
    }
}

/// A time that fits into that of the whole effect.
fn stays(context: &Context<'_>, stable: Option<Duration>) -> Result<()> {
    match stable {
        Some(stable) if stable >= context.timeout => {
            Err(Error::input("`stable` is not shorter than `timeout`").hint("give it a longer `timeout`"))
        }
        _ => Ok(()),
    }
}

/// How the unit is, with all that the goal needs to know.
async fn look(context: &Context<'_>, unit: &str, goal: Goal) -> Result<Status> {
    let more = if matches!(goal, Goal::Enabled | Goal::Disabled) { "install" } else { "" };
    let mut status = tell(context, "", unit, "", more).await?.before;
    also(context, &mut status).await?;
    if context.check {
        foretold::foretell(context, &mut status);
    }
    Ok(status)
}

/// Looks at the units that are enabled in the place of this one.
async fn also(context: &Context<'_>, status: &mut Status) -> Result<()> {
    if status.enabled_state != "indirect" {
        return Ok(());
    }
    for unit in status.install.iter().flat_map(|install| install.also.clone()) {
        status.also.push(ask(context, "", &unit_name(&unit)?).await?.before);
    }
    Ok(())
}

/// The unit as it is after it was started, once it is clear that it runs, and stays so.
async fn settled(context: &Context<'_>, verb: &str, mut after: Status, stable: Option<Duration>) -> Result<Status> {
    let settles = match after.service_type.as_str() {
        "simple" | "exec" | "idle" => SETTLES,
        _ => Duration::ZERO,
    };
    let (began, stable) = (Instant::now(), stable.unwrap_or(settles));
    let stamp = after.start_stamp;
    loop {
        let restarted = after.start_stamp != stamp;
        if !after.is_active() || restarted {
            return Err(not_up(context, verb, after, restarted).await);
        }
        let left = stable.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Ok(after);
        }
        tokio::time::sleep(left.min(LOOKS)).await;
        let is_conditional = after.is_conditional;
        after = Status { is_conditional, ..ask(context, "", &after.unit).await?.before };
    }
}

/// The error of a unit that does not run, though systemd has started it.
async fn not_up(context: &Context<'_>, verb: &str, mut status: Status, restarted: bool) -> Error {
    let is_conditional = status.is_conditional;
    let mut journal = String::new();
    if let Ok(Answer { before, journal: said, .. }) = tell(context, "", &status.unit, "", "journal").await {
        (status, journal) = (before, said);
    }
    let done = if verb == "restart" { "restarted" } else { "started" };
    let error = context.failed(format!("{} was {done} and does not stay up", status.unit));
    let error = match () {
        () if status.condition_held == Some(false) => {
            let error =
                context.failed(format!("{} was not {done}: a condition of its unit does not hold", status.unit));
            error.hint(format!("`systemctl status {}` on the host says which", status.unit))
        }
        () if restarted => error.caused_by("it ended, and systemd started it again"),
        () if is_conditional && status.is(Goal::Stopped) && status.condition_held.is_none() => {
            error.caused_by("it ended at once, or a condition of its unit does not hold")
        }
        () if status.is(Goal::Stopped) && status.result == "success" => error
            .caused_by("it ended at once, with success")
            .hint("a unit that does something and ends is of Type=oneshot"),
        () => error,
    };
    status.shown(error, &journal)
}

/// The error of a unit that is not as systemd was told to make it.
fn not_reached(context: &Context<'_>, after: &Status, goal: Goal) -> Error {
    let unit = &after.unit;
    match goal {
        Goal::Started | Goal::Stopped => {
            let error = after.shown(context.failed(format!("{unit} was stopped and runs again")), "");
            match after.triggered_by.is_empty() {
                true => error,
                false => error.hint(format!("it is started by {}: stop that first", after.triggered_by.join(", "))),
            }
        }
        Goal::Enabled => context
            .failed(format!("{unit} was enabled and is {}", after.enabled_state))
            .hint(format!("`systemctl status {unit}` on the host says more")),
        Goal::Disabled => context
            .failed(format!("{unit} was disabled and is {}", after.enabled_state))
            .hint(format!("it is pulled in by {}", after.pulled_in_by.join(", "))),
    }
}

impl Status {
    /// Fails for a unit that is not there.
    fn must_exist(&self, context: &Context<'_>) -> Result<()> {
        if self.exists {
            return Ok(());
        }
        Err(context
            .failed(format!("there is no unit {}", self.unit))
            .hint("`systemctl list-units --all` on the host lists them"))
    }

    /// Fails where the unit is sure not to get there: in check mode as in a run.
    fn must_allow(&self, context: &Context<'_>, goal: Goal) -> Result<()> {
        let unit = &self.unit;
        let state = self.enabled_state.as_str();
        let refused = |what: &str, why: &str| context.failed(format!("{unit} can't be {what}")).caused_by(why);
        let masked = self.load_state == "masked" || state.starts_with("masked");
        match goal {
            Goal::Started | Goal::Enabled if masked => {
                let what = if goal == Goal::Started { "started" } else { "enabled" };
                Err(refused(what, "it is masked")
                    .hint(format!("`systemctl unmask {unit}` on the host allows it again")))
            }
            Goal::Started if matches!(self.load_state.as_str(), "error" | "bad-setting") => {
                Err(refused("started", "systemd can't make sense of its unit file")
                    .hint(format!("`systemctl status {unit}` on the host says why")))
            }
            Goal::Enabled if state == "static" || (state == "linked" && self.asks_for_nothing()) => {
                let error = refused("enabled", "its unit file has no [Install] section that says where");
                Err(match self.triggered_by.is_empty() {
                    true => error.hint("give the unit file `[Install]` and `WantedBy=multi-user.target`"),
                    false => error.hint(format!("it is started by {}: enable that", self.triggered_by.join(", "))),
                })
            }
            Goal::Disabled if state == "static" => Err(refused("disabled", "its unit file has no [Install] section")
                .detail(format!("it is pulled in by {}", self.pulled_in_by.join(", ")))
                .hint(format!("`systemctl mask {unit}` keeps it from being started at all"))),
            _ => Ok(()),
        }
    }

    fn asks_for_nothing(&self) -> bool {
        self.install.as_ref().is_none_or(|install| !install.any)
    }

    /// Whether it is a unit that does something and ends, and has done so.
    fn ran_to_its_end(&self) -> bool {
        self.service_type == "oneshot"
            && self.is(Goal::Stopped)
            && self.result == "success"
            && self.condition_held != Some(false)
    }
}
