//! Waiting with a deadline for whatever a function finds, and trying again.

use std::time::Duration;

use rhai::{Dynamic, Engine, FnPtr, Map, NativeCallContext};

use super::Scripted;
use crate::clock::Watch;
use crate::error::{Error, Kind, Result};
use crate::run::Call;
use crate::run::progress::EffectProgress;
use crate::script::Script;
use crate::script::catalog::{Entry, Opt, opt};
use crate::script::failure::{failure_in, is_thrown, raise};
use crate::script::here::{attempt, here};
use crate::script::options::{Options, shown_duration};
use crate::script::value::Unknown;
use crate::task::{self, Progress as _};

/// What the operator should do when a wait comes to its deadline.
pub const HINT: Opt = opt("hint", "a text or a list of texts", "what to do next when it is in vain, for the error");

const WAIT_UNTIL: Entry = Entry {
    name: "wait_until",
    on: "",
    usage: "wait_until(what, || …) or wait_until(what, || …, options)",
    arguments: &[2, 3],
    options: &[
        opt("timeout", "seconds, or a text such as \"5m\"", "when to give up; 60 seconds"),
        opt("interval", "seconds, or a text such as \"500ms\"", "the pause between two looks; 1 second"),
        HINT,
    ],
    kind: Some(task::Kind::Action),
    doc: "Calls the function until it gives true, or any value but false, () and a text; gives that value. A text says what \
          is still missing, and is shown while it waits; so is a failed command, and a host that can't be reached: each look \
          connects again. At the deadline the error shows what was seen last. Check mode does not wait.",
    example: "wait_until(\"the clock runs\", || now() > 0, #{ timeout: \"5s\" });",
};

const RETRY: Entry = Entry {
    name: "retry",
    on: "",
    usage: "retry(|| …) or retry(|| …, options)",
    arguments: &[1, 2],
    options: &[
        opt("times", "a count", "how often it is tried; 3"),
        opt("delay", "seconds, or a text such as \"2s\"", "the pause before the second try; 1 second"),
        opt("backoff", "a count", "what each pause is multiplied with; 1"),
    ],
    kind: None,
    doc: "Calls the function until it doesn't fail; gives what it gives. The last failure is thrown. A host that can't be reached \
          is a failure, and the next try connects again; what the function throws is one, too. An interrupt and a mistake in \
          the script are not tried again.",
    example: "let answer = retry(|| 42, #{ times: 2 });",
};

const PAUSE: Entry = Entry {
    name: "pause",
    on: "",
    usage: "pause(span)",
    arguments: &[1],
    options: &[],
    kind: Some(task::Kind::Action),
    doc: "Does nothing for a while: seconds, or a text such as \"2s\". Where there is something to see, wait_until is better. \
          Check mode does not pause.",
    example: "pause(\"10ms\");",
};

const SECONDS: Entry = Entry {
    name: "seconds",
    on: "",
    usage: "seconds(span)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "A time span, a text such as \"1m 30s\" or a number of seconds, as a number of seconds with a fraction.",
    example: "let limit = seconds(\"1m 30s\"); // 90.0",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[WAIT_UNTIL, RETRY, PAUSE, SECONDS];

/// What a function's result says.
pub enum Truth {
    /// It holds; the value.
    Yes(Dynamic),
    /// It doesn't, and perhaps why.
    No(Option<String>),
    /// Check mode can't tell.
    Unknown(Unknown),
}

/// Reads the result of a condition: false, `()` and a text mean no, anything else yes.
pub fn truth(value: &Dynamic) -> Truth {
    if let Some(unknown) = value.read_lock::<Unknown>() {
        return Truth::Unknown(unknown.clone());
    }
    if value.is_string() {
        return Truth::No(Some(value.to_string()));
    }
    if value.is_unit() || value.as_bool() == Ok(false) { Truth::No(None) } else { Truth::Yes(value.clone()) }
}

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    let s = script.clone();
    engine.register_fn("wait_until", move |ctx: NativeCallContext, what: &str, condition: FnPtr| {
        wait_until(&s, &ctx, what, &condition, Map::new())
    });
    let s = script.clone();
    engine.register_fn("wait_until", move |ctx: NativeCallContext, what: &str, condition: FnPtr, options: Map| {
        wait_until(&s, &ctx, what, &condition, options)
    });
    let s = script.clone();
    engine.register_fn("retry", move |ctx: NativeCallContext, work: FnPtr| retry(&s, &ctx, &work, Map::new()));
    let s = script.clone();
    engine
        .register_fn("retry", move |ctx: NativeCallContext, work: FnPtr, options: Map| retry(&s, &ctx, &work, options));
    let s = script.clone();
    engine.register_fn("pause", move |ctx: NativeCallContext, span: Dynamic| -> Scripted<()> {
        let span = crate::script::options::duration(&span)
            .ok_or_else(|| s.raise(&ctx, Error::input("pause takes seconds, or a text such as \"2s\"")))?;
        if s.run.options.check { Ok(()) } else { s.scripted(&ctx, s.sleep(span)) }
    });
    let s = script.clone();
    engine.register_fn("seconds", move |ctx: NativeCallContext, span: Dynamic| -> Scripted<f64> {
        let span = crate::script::options::duration(&span);
        let span = span.ok_or_else(|| Error::input("seconds takes a number, or a text such as \"1m 30s\""));
        s.scripted(&ctx, span.map(|span| span.as_secs_f64()))
    });
}

impl Script {
    /// A pause that an interrupt ends.
    fn sleep(&self, span: Duration) -> Result<()> {
        self.run.pause(span)
    }
}

fn wait_until(
    script: &Script,
    ctx: &NativeCallContext,
    what: &str,
    condition: &FnPtr,
    options: Map,
) -> Scripted<Dynamic> {
    let read = || -> Result<(Duration, Duration, Vec<String>)> {
        let mut options = Options::new(&WAIT_UNTIL, options)?;
        let timeout = options.duration("timeout")?.unwrap_or(Duration::from_secs(60));
        let interval = options.duration("interval")?.unwrap_or(Duration::from_secs(1));
        Ok((timeout, interval, options.texts("hint")?.unwrap_or_default()))
    };
    let (timeout, interval, hints) = script.scripted(ctx, read())?;
    let call = Call {
        host: None,
        name: WAIT_UNTIL.name,
        summary: what.to_owned(),
        kind: task::Kind::Action,
        place: Script::place(ctx),
        timeout,
        user: None,
        attempt: here().attempt,
    };
    let result = script.run.wait(
        &call,
        |progress| poll(script, ctx, &Wait { what, condition, timeout, interval, hints: &hints }, progress),
        |error| script.raise(ctx, error),
        |error| failure_in(error).unwrap_or_else(|| Error::failed(error.to_string())),
    )?;
    Ok(result.unwrap_or_default())
}

/// What is waited for, and for how long.
struct Wait<'a> {
    what: &'a str,
    condition: &'a FnPtr,
    timeout: Duration,
    interval: Duration,
    hints: &'a [String],
}

fn poll(script: &Script, ctx: &NativeCallContext, wait: &Wait<'_>, progress: &EffectProgress) -> Scripted<Dynamic> {
    let began = Watch::begin();
    loop {
        let mut last: Option<Error> = None;
        let status = match attempt(|| wait.condition.call_within_context::<Dynamic>(ctx, ())) {
            Ok(value) => match truth(&value) {
                Truth::Yes(value) => return Ok(value),
                Truth::Unknown(unknown) => return Err(script.raise(ctx, unknown.error())),
                Truth::No(why) => why.unwrap_or_else(|| "not yet".to_owned()),
            },
            Err(error) => match failure_in(&error) {
                Some(failure) if matches!(failure.kind(), Kind::Failed | Kind::Unreachable) => {
                    let status = failure.to_string();
                    last = Some(failure);
                    status
                }
                _ => return Err(error),
            },
        };
        progress.waiting(&status);
        let left = wait.timeout.saturating_sub(began.elapsed());
        if left.is_zero() {
            let kind = last.as_ref().map_or(Kind::Failed, Error::kind);
            let error =
                Error::new(kind, format!("waited {} in vain until {}", shown_duration(wait.timeout), wait.what))
                    .detail(format!("seen last: {status}"));
            let error = last.into_iter().flat_map(|last| last.parts().details.clone()).fold(error, Error::detail);
            let error = wait.hints.iter().cloned().fold(error, Error::hint);
            return Err(script.raise(ctx, error));
        }
        script.sleep(wait.interval.min(left)).map_err(raise)?;
    }
}

fn retry(script: &Script, ctx: &NativeCallContext, work: &FnPtr, options: Map) -> Scripted<Dynamic> {
    let read = || -> Result<(u64, Duration, u32)> {
        let mut options = Options::new(&RETRY, options)?;
        let times = options.count("times")?.unwrap_or(3).max(1);
        let delay = options.duration("delay")?.unwrap_or(Duration::from_secs(1));
        let backoff = u32::try_from(options.count("backoff")?.unwrap_or(1)).unwrap_or(u32::MAX).max(1);
        Ok((times, delay, backoff))
    };
    let (times, mut delay, backoff) = script.scripted(ctx, read())?;
    for _ in 1..times {
        match attempt(|| work.call_within_context::<Dynamic>(ctx, ())) {
            Err(error)
                if failure_in(&error).map_or_else(
                    || is_thrown(&error),
                    |failure| matches!(failure.kind(), Kind::Failed | Kind::Unreachable | Kind::Stopped),
                ) =>
            {
                script.sleep(delay).map_err(raise)?;
                delay = delay.saturating_mul(backoff);
            }
            result => return result,
        }
    }
    work.call_within_context(ctx, ())
}
