//! A host as a script has it, and running commands on it.

use std::sync::Arc;
use std::time::Duration;

use rhai::{Dynamic, Engine, Map, NativeCallContext};

use super::method1;
use crate::error::{Error, Result};
use crate::run::hosts::RunHost;
use crate::run::{Call, Report, Who};
use crate::script::catalog::{Entry, Opt, opt};
use crate::script::here::here;
use crate::script::options::Options;
use crate::script::value::Unknown;
use crate::script::variables::Vars;
use crate::script::{DEFAULT_TIMEOUT, Script};
use crate::task::{Context, Kind, command};

/// A host as a script has it: `m.name` and `m.vars`, and the effects as methods.
#[derive(Clone)]
pub struct Host(pub Arc<RunHost>);

/// The option that every effect takes.
pub const TIMEOUT: Opt = opt("timeout", "seconds, or a text such as \"5m\"", "how long it may take; 60 seconds");
/// The option of every effect that has a user.
pub const BECOME: Opt = opt(
    "become",
    "true, false or a user's name",
    "do it as this user of the host; true is root, or whom `ansible_become_user` names; false is who logged in; what the inventory says",
);

const RUN: Entry = Entry {
    name: "run",
    on: "host",
    usage: "host.run(command) or host.run(command, options)",
    arguments: &[1, 2],
    options: &[
        opt(
            "read_only",
            "true or false",
            "it only looks: it runs in check mode too, and never counts as a change; false",
        ),
        opt("accept", "a number or a list of numbers", "the exit statuses that are no failure; 0"),
        opt("stdin", "a text", "what it reads; nothing"),
        opt("cwd", "a text", "the folder it runs in; the user's home"),
        opt("env", "a map", "variables added to its environment"),
        opt("capture", "bytes", "how much of each output is kept, the first and the last half; 1 MiB"),
        opt("save", "a text", "a file on the operator's machine that takes the whole standard output"),
        opt("save_max", "bytes", "the most that `save` takes: a longer output is a failure, and leaves no file; 1 GiB"),
        opt("changed", "true or false", "whether it counts as a change; true"),
        TIMEOUT,
        BECOME,
    ],
    kind: Some(Kind::Action),
    doc: "Runs a command: a text for the host's shell, or a list of words that no shell looks into. Gives a map: `status`, \
          `stdout`, `stderr`, and `is_utf8`, which is false where bytes that are no UTF-8 were replaced by U+FFFD in them. An exit status that is not accepted is a failure that shows the last lines. It has the `PATH` and \
          the `LC_ALL` of the login, or of the user in `become`, and nothing of zkmig's own. What it leaves in the background goes on \
          after it has ended; redirect its output (`>/dev/null 2>&1`), as a write to an output that nobody reads any more \
          ends it. The deadline, an interrupt and a lost connection end the command and all that it started, in the background \
          too.",
    example: "let m = hosts(\"masters\")[0];\nlet name = m.run(\"uname -n\", #{ read_only: true }).stdout.trimmed();",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[RUN];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    let variables = Arc::clone(&script.variables);
    engine
        .register_type_with_name::<Host>("host")
        .register_get("name", |host: &mut Host| host.0.name.clone())
        .register_get("vars", move |ctx: NativeCallContext, host: &mut Host| {
            Vars::of_host(&variables, ctx.call_source(), &host.0.name)
        })
        .register_fn("to_string", |host: &mut Host| host.0.name.clone())
        .register_fn("to_debug", |host: &mut Host| format!("host {}", host.0.name))
        .register_fn("==", |left: Host, right: Host| left.0.name == right.0.name)
        .register_fn("!=", |left: Host, right: Host| left.0.name != right.0.name);
    method1(engine, script, "run", run);
}

/// What the options say that every effect takes.
#[derive(Clone)]
pub struct Common {
    /// How long it may take.
    pub timeout: Duration,
    /// As whom it is done.
    pub user: Option<Who>,
}

impl Common {
    /// Takes them from a call's options.
    pub fn take(options: &mut Options) -> Result<Self> {
        Self::take_with(options, DEFAULT_TIMEOUT)
    }

    /// The same for an effect that may take so long where the call says nothing.
    pub fn take_with(options: &mut Options, timeout: Duration) -> Result<Self> {
        let timeout = options.duration("timeout")?.unwrap_or(timeout);
        let user = options.user("become")?;
        Ok(Self { timeout, user })
    }
}

/// An effect as a script calls it.
pub struct Effect<'a> {
    /// The function.
    pub name: &'static str,
    /// What it is about.
    pub summary: String,
    /// Read, change or action.
    pub kind: Kind,
    /// The call.
    pub ctx: &'a NativeCallContext<'a>,
    /// Its options.
    pub common: Common,
}

impl Script {
    /// The address or the name by which a host is reached.
    pub fn own_address(&self, host: &Host) -> Result<Option<String>> {
        let inventory = &self.run.inventory;
        let connection = inventory.host(&host.0.name).map(|own| inventory.connection(own)).transpose()?;
        Ok(connection.map(|connection| connection.address))
    }

    /// Carries out an effect on a host; nothing comes of an action in check mode.
    pub fn effect<T>(
        &self,
        host: &Host,
        effect: Effect<'_>,
        work: impl AsyncFnOnce(&Context<'_>) -> Result<(T, Report)>,
    ) -> Result<Option<T>> {
        self.run.effect(Self::call(host, effect), work)
    }

    /// The same for one that only waits, which the first interrupt ends.
    pub fn waiting_effect<T>(
        &self,
        host: &Host,
        effect: Effect<'_>,
        work: impl AsyncFnOnce(&Context<'_>) -> Result<(T, Report)>,
    ) -> Result<Option<T>> {
        self.run.waiting_effect(Self::call(host, effect), work)
    }

    fn call<'a>(host: &'a Host, effect: Effect<'_>) -> Call<'a> {
        Call {
            host: Some(&host.0),
            name: effect.name,
            summary: effect.summary,
            kind: effect.kind,
            place: Self::place(effect.ctx),
            timeout: effect.common.timeout,
            user: effect.common.user,
            attempt: here().attempt,
        }
    }

    /// A read: it always gives something.
    pub fn read<T>(
        &self,
        host: &Host,
        effect: Effect<'_>,
        work: impl AsyncFnOnce(&Context<'_>) -> Result<T>,
    ) -> Result<T> {
        let name = effect.name;
        let value = self.effect(host, effect, async |context| Ok((work(context).await?, Report::default())))?;
        value.ok_or_else(|| Error::defect(format!("{name} did not run")))
    }
}

/// The value of an action that check mode did not run.
pub fn unknown(name: &str, summary: &str, host: &Host) -> Dynamic {
    Dynamic::from(Unknown::not_run(format!("{name} `{summary}` on {}", host.0.name)))
}

/// An argument that has to be a text.
pub fn text(function: &str, name: &str, value: &Dynamic) -> Result<String> {
    if let Some(unknown) = value.read_lock::<Unknown>() {
        return Err(unknown.error());
    }
    value
        .as_immutable_string_ref()
        .map(|text| text.to_string())
        .map_err(|_| Error::input(format!("{name} of {function} has to be a text, not {}", value.type_name())))
}

fn run(script: &Script, ctx: &NativeCallContext<'_>, host: &Host, what: &Dynamic, options: Map) -> Result<Dynamic> {
    let mut given = Options::new(&RUN, options)?;
    let (mut command, summary) = match what.as_array_ref() {
        Ok(words) => {
            let words: Result<Vec<String>> = words.iter().map(|word| text("run", "a word", word)).collect();
            let words = words?;
            let shown = words.join(" ");
            (command::Options::words(words), shown)
        }
        Err(_) => {
            let text = text("run", "the command", what)?;
            (command::Options::script(text.clone()), text)
        }
    };
    let summary = summary.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    command.read_only = given.flag("read_only")?.unwrap_or(false);
    if let Some(statuses) = given.any("accept") {
        command.accept = statuses_of(&statuses)?;
    }
    command.stdin = given.text("stdin")?.map(String::into_bytes);
    command.cwd = given.text("cwd")?;
    for (name, value) in given.json("env")?.unwrap_or_default() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        command.env.push((name, value));
    }
    if let Some(capture) = given.count("capture")? {
        command.capture = usize::try_from(capture).unwrap_or(usize::MAX).min(64 * 1024 * 1024);
    }
    command.save = given.text("save")?.map(Into::into);
    if let Some(most) = given.count("save_max")? {
        command.save_max = most;
    }
    let counts = given.flag("changed")?.unwrap_or(true);
    let common = Common::take(&mut given)?;
    let kind = if command.read_only { Kind::Read } else { Kind::Action };
    let effect = Effect { name: "run", summary: summary.clone(), kind, ctx, common };
    let output = script.effect(host, effect, async |context| {
        let output = command::run(context, &command).await?;
        let unchanged = (kind == Kind::Action && !counts).then(crate::task::Changed::default);
        let told = output.told(&summary);
        Ok((output, Report { changed: unchanged, summary: told, ..Report::default() }))
    })?;
    let Some(output) = output else {
        host.0.predictions.record_not_run(script.run.current_step(), &summary);
        return Ok(unknown("run", &summary, host));
    };
    let mut map = Map::new();
    map.insert("status".into(), i64::from(output.status).into());
    map.insert("stdout".into(), output.stdout.into());
    map.insert("stderr".into(), output.stderr.into());
    map.insert("is_utf8".into(), output.is_utf8.into());
    Ok(map.into())
}

fn statuses_of(value: &Dynamic) -> Result<Vec<i32>> {
    let wrong = || Error::input("option `accept` of run has to be an exit status or a list of them, from 0 to 255");
    let one = |value: &Dynamic| value.as_int().ok().and_then(|status| u8::try_from(status).ok()).map(i32::from);
    match value.as_array_ref() {
        Ok(items) => items.iter().map(one).collect::<Option<_>>().ok_or_else(wrong),
        Err(_) => one(value).map(|status| vec![status]).ok_or_else(wrong),
    }
}
