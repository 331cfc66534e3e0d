//! Units of systemd, and processes.

use rhai::{Array, Dynamic, Engine, Map, NativeCallContext};

use super::host::{BECOME, Common, Effect, Host, TIMEOUT, text, unknown};
use super::{method0, method1};
use crate::error::{Error, Result};
use crate::run::Report;
use crate::script::Script;
use crate::script::catalog::{Entry, Opt, opt};
use crate::script::options::Options;
use crate::task::process::{self, Process};
use crate::task::service::{self, Goal, Status, Verb};
use crate::task::{Fact, Kind};

/// A unit on a host.
#[derive(Clone)]
pub struct Service {
    host: Host,
    unit: String,
}

const SERVICE: Entry = Entry {
    name: "service",
    on: "host",
    usage: "host.service(unit)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "A unit of systemd on the host, on which status, start, stop, restart, reload, enable and disable can be called.",
    example: "let chrony = hosts(\"masters\")[0].service(\"chronyd\");",
};

const STATUS: Entry = Entry {
    name: "status",
    on: "service",
    usage: "service.status()",
    arguments: &[0, 1],
    options: &[TIMEOUT, BECOME],
    kind: Some(Kind::Read),
    doc: "How a unit is: `exists`, `active_state`, `sub_state`, `main_pid` (0 when none runs), `started` (when the main process \
          was started, in seconds since 1970, or ()), `enabled_state`, `drop_ins`, `control_group`, `fragment_path`, `restarts`.",
    example: "// let started = hosts(\"masters\")[0].service(\"sshd\").status().started;",
};

const STABLE: Opt = opt(
    "stable",
    "seconds, or a text such as \"2s\"",
    "how long it has to run without an end or a new start; 300 ms for a service that can't tell when it is up, else 0",
);

const RESTART: Entry = Entry {
    name: "restart",
    on: "service",
    usage: "service.restart() or service.restart(options)",
    arguments: &[0, 1],
    options: &[
        opt("wait", "true or false", "go on when it is stopped and started (true), or when systemd has been told to"),
        STABLE,
        TIMEOUT,
        BECOME,
    ],
    kind: Some(Kind::Action),
    doc: "Stops and starts a unit. Gives `before` and `after`, each as status gives it. A unit that does not come up, or does not \
          stay up, is a failure that shows its last journal lines, and so is a condition of the unit that does not hold. With `wait: false` systemd is told to, and the playbook goes on at once: so the units \
          of several hosts are stopped in the same moment; wait_until and journal tell whether they came up.",
    example: "// hosts(\"masters\")[0].service(\"sshd\").restart();",
};

const RELOAD: Entry = Entry {
    name: "reload",
    usage: "service.reload()",
    options: &[TIMEOUT, BECOME],
    doc: "Has a unit read its configuration again.",
    example: "// hosts(\"masters\")[0].service(\"sshd\").reload();",
    ..RESTART
};

const START: Entry = Entry {
    name: "start",
    on: "service",
    usage: "service.start()",
    arguments: &[0, 1],
    options: &[STABLE, TIMEOUT, BECOME],
    kind: Some(Kind::Change),
    doc: "Has a unit run. Gives `changed`. One that does not run afterwards is a failure that shows its last journal lines; a unit \
          of Type=oneshot may run to its end.",
    example: "// hosts(\"masters\")[0].service(\"sshd\").start();",
};

const STOP: Entry = Entry {
    name: "stop",
    usage: "service.stop()",
    options: &[TIMEOUT, BECOME],
    doc: "Has a unit not run, also one whose file is gone; one that the host does not know does not run. Gives `changed`.",
    example: "// hosts(\"masters\")[0].service(\"cups\").stop();",
    ..START
};

const ENABLE: Entry = Entry {
    name: "enable",
    usage: "service.enable()",
    doc: "Has a unit start at boot. Gives `changed`. A unit that is enabled and whose file wants it elsewhere now is enabled anew. \
          One whose file has no [Install] section can't be enabled, and needs not to be where another unit pulls it in.",
    example: "// hosts(\"masters\")[0].service(\"sshd\").enable();",
    ..STOP
};

const DISABLE: Entry = Entry {
    name: "disable",
    usage: "service.disable()",
    doc: "Has a unit not start at boot. Gives `changed`.",
    example: "// hosts(\"masters\")[0].service(\"cups\").disable();",
    ..STOP
};

const PROCESS: Entry = Entry {
    name: "process",
    on: "host",
    usage: "host.process(pid)",
    arguments: &[1, 2],
    options: &[TIMEOUT, BECOME],
    kind: Some(Kind::Read),
    doc: "A process, or () when there is none: `pid`, `parent`, `name`, `state`, `command` (its words), `user`, `cgroup`, `started` (in \
          seconds since 1970).",
    example: "let init = hosts(\"masters\")[0].process(1);",
};

const PROCESSES: Entry = Entry {
    name: "processes",
    on: "host",
    usage: "host.processes(text)",
    arguments: &[1, 2],
    options: &[TIMEOUT, BECOME],
    kind: Some(Kind::Read),
    doc: "The processes whose command line holds the text, each as process gives it, by their ids.",
    example: "let shells = hosts(\"masters\")[0].processes(\"/bin/sh\").len();",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[SERVICE, STATUS, RESTART, RELOAD, START, STOP, ENABLE, DISABLE, PROCESS, PROCESSES];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    engine.register_type_with_name::<Service>("service");
    let s = script.clone();
    engine.register_fn("service", move |ctx: NativeCallContext, host: &mut Host, unit: &str| {
        s.scripted(&ctx, service::unit_name(unit).map(|unit| Service { host: host.clone(), unit }))
    });
    method0(engine, script, "status", status);
    for (name, verb) in [("restart", Verb::Restart), ("reload", Verb::Reload)] {
        method0(engine, script, name, move |script, ctx, service: &Service, options| {
            act(script, ctx, service, name, verb, options)
        });
    }
    let goals = [(&START, Goal::Started), (&STOP, Goal::Stopped), (&ENABLE, Goal::Enabled), (&DISABLE, Goal::Disabled)];
    for (entry, goal) in goals {
        method0(engine, script, entry.name, move |script, ctx, service: &Service, options| {
            ensure(script, ctx, service, entry, goal, options)
        });
    }
    method1(engine, script, "process", one_process);
    method1(engine, script, "processes", find_processes);
}

fn status_map(status: &Status) -> Map {
    let text = |value: &Option<String>| value.clone().map_or(Dynamic::UNIT, Dynamic::from);
    let mut map = Map::new();
    map.insert("unit".into(), status.unit.clone().into());
    map.insert("exists".into(), status.exists.into());
    map.insert("active_state".into(), status.active_state.clone().into());
    map.insert("sub_state".into(), status.sub_state.clone().into());
    map.insert("main_pid".into(), i64::from(status.main_pid.unwrap_or(0)).into());
    map.insert("started".into(), status.started_at.map_or(Dynamic::UNIT, Dynamic::from));
    map.insert("enabled_state".into(), status.enabled_state.clone().into());
    map.insert("drop_ins".into(), status.drop_ins.iter().cloned().map(Dynamic::from).collect::<Array>().into());
    map.insert("control_group".into(), text(&status.control_group));
    map.insert("fragment_path".into(), text(&status.fragment_path));
    let restarts = status.restarts.and_then(|count| i64::try_from(count).ok());
    map.insert("restarts".into(), restarts.map_or(Dynamic::UNIT, Dynamic::from));
    map
}

fn status(script: &Script, ctx: &NativeCallContext<'_>, service: &Service, options: Map) -> Result<Map> {
    let common = Common::take(&mut Options::new(&STATUS, options)?)?;
    let effect = Effect { name: "status", summary: service.unit.clone(), kind: Kind::Read, ctx, common };
    let status = script.read(&service.host, effect, async |context| service::status(context, &service.unit).await)?;
    Ok(status_map(&status))
}

fn act(
    script: &Script,
    ctx: &NativeCallContext<'_>,
    service: &Service,
    name: &'static str,
    verb: Verb,
    options: Map,
) -> Result<Dynamic> {
    let mut options = Options::new(if verb == Verb::Restart { &RESTART } else { &RELOAD }, options)?;
    let wait = options.flag("wait")?.unwrap_or(true);
    let stable = options.duration("stable")?;
    let common = Common::take(&mut options)?;
    if script.run.options.check {
        // What is sure to fail fails in check mode too.
        let (summary, common) = (service.unit.clone(), common.clone());
        let look = Effect { name: STATUS.name, summary, kind: Kind::Read, ctx, common };
        script.read(&service.host, look, async |context| service::foresee(context, &service.unit, verb).await)?;
    }
    let effect = Effect { name, summary: service.unit.clone(), kind: Kind::Action, ctx, common };
    let done = script.effect(&service.host, effect, async |context| {
        let done = service::act(context, &service.unit, verb, wait, stable).await?;
        let report = Report { facts: started(&done.after), ..Report::default() };
        Ok((done, report))
    })?;
    let Some(done) = done else { return Ok(unknown(name, &service.unit, &service.host)) };
    let mut map = Map::new();
    map.insert("before".into(), status_map(&done.before).into());
    map.insert("after".into(), status_map(&done.after).into());
    Ok(map.into())
}

/// When the main process of a unit was started, for a later attempt to see that it did not go back.
fn started(status: &Status) -> Vec<Fact> {
    status.started_at.map(|at| Fact::Started { unit: status.unit.clone(), at }).into_iter().collect()
}

fn ensure(
    script: &Script,
    ctx: &NativeCallContext<'_>,
    service: &Service,
    entry: &'static Entry,
    goal: Goal,
    options: Map,
) -> Result<Map> {
    let mut options = Options::new(entry, options)?;
    let stable = options.duration("stable")?;
    let common = Common::take(&mut options)?;
    let effect = Effect { name: entry.name, summary: service.unit.clone(), kind: Kind::Change, ctx, common };
    let before = script.run.changed_before(&service.host.0.name, effect.name, &effect.summary);
    let changed = script.effect(&service.host, effect, async |context| {
        let done = service::ensure(context, &service.unit, goal, stable).await?;
        // What runs to its end is not there to be looked at later.
        let stands = done.after.is(goal) && done.after.exists;
        let facts = stands.then_some(Fact::Unit { unit: done.after.unit, goal }).into_iter().collect();
        Ok((done.changed.changed, Report { changed: Some(done.changed), facts, ..Report::default() }))
    })?;
    let mut map = Map::new();
    map.insert("changed".into(), (before || changed.unwrap_or(false)).into());
    Ok(map)
}

fn process_map(process: &Process) -> Map {
    let mut map = Map::new();
    map.insert("pid".into(), i64::from(process.pid).into());
    map.insert("parent".into(), i64::from(process.parent).into());
    map.insert("name".into(), process.name.clone().into());
    map.insert("state".into(), process.state.clone().into());
    map.insert("command".into(), process.command.iter().cloned().map(Dynamic::from).collect::<Array>().into());
    map.insert("user".into(), process.user.clone().into());
    map.insert("cgroup".into(), process.control_group.clone().unwrap_or_default().into());
    map.insert("started".into(), process.started_at.into());
    map
}

fn one_process(
    script: &Script,
    ctx: &NativeCallContext<'_>,
    host: &Host,
    pid: &Dynamic,
    options: Map,
) -> Result<Dynamic> {
    let common = Common::take(&mut Options::new(&PROCESS, options)?)?;
    let pid = pid
        .as_int()
        .ok()
        .and_then(|pid| u32::try_from(pid).ok())
        .ok_or_else(|| Error::input("process takes the id of a process"))?;
    let effect = Effect { name: "process", summary: pid.to_string(), kind: Kind::Read, ctx, common };
    let found = script.read(host, effect, async |context| process::process(context, pid, false).await)?;
    Ok(found.map_or(Dynamic::UNIT, |found| process_map(&found).into()))
}

fn find_processes(
    script: &Script,
    ctx: &NativeCallContext<'_>,
    host: &Host,
    needle: &Dynamic,
    options: Map,
) -> Result<Array> {
    let common = Common::take(&mut Options::new(&PROCESSES, options)?)?;
    let needle = text("processes", "the text", needle)?;
    let effect = Effect { name: "processes", summary: needle.clone(), kind: Kind::Read, ctx, common };
    let found = script.read(host, effect, async |context| process::find(context, &needle, false).await)?;
    Ok(found.iter().map(|process| process_map(process).into()).collect())
}
