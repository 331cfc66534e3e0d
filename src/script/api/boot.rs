//! Hosts that reboot, and hosts that come back.

use std::time::{Duration, Instant};

use rhai::{Dynamic, Engine, Map, NativeCallContext};

use super::host::{BECOME, Common, Effect, Host, unknown};
use super::method0;
use crate::error::Result;
use crate::run::Report;
use crate::run::events::What;
use crate::run::resume::REBOOT;
use crate::script::Script;
use crate::script::catalog::{Entry, opt};
use crate::script::options::Options;
use crate::task::{Changed, Kind, boot};

/// A host with a slow firmware takes some minutes.
const REBOOTING: Duration = Duration::from_secs(600);

const REACHABLE: Entry = Entry {
    name: "reachable",
    on: "host",
    usage: "host.reachable() or host.reachable(options)",
    arguments: &[0, 1],
    options: &[opt("timeout", "seconds, or a text such as \"5m\"", "when to give up; 60 seconds"), BECOME],
    kind: Some(Kind::Read),
    doc: "Waits until the host can be worked on: until a connection is there, or is made anew, and a shell runs on it. At the \
          deadline that is an error of kind `unreachable`.",
    example: "let m = hosts(\"masters\")[0];\nm.reachable(#{ timeout: \"10s\" });",
};

const REBOOT_ENTRY: Entry = Entry {
    name: "reboot",
    on: "host",
    usage: "host.reboot() or host.reboot(options)",
    arguments: &[0, 1],
    options: &[
        opt("timeout", "seconds, or a text such as \"5m\"", "when it has to be back; 10 minutes"),
        opt("delay", "seconds, or a text such as \"5s\"", "from the command to the first look; none"),
        opt("command", "a text", "what reboots it; `systemctl reboot`, or `reboot` where there is no systemd"),
        BECOME,
    ],
    kind: Some(Kind::Action),
    doc: "Reboots the host and waits until it is back: until the kernel's boot id is another one, and systemd, where the host has it, says \
          `running` or `degraded`. Gives a map: `boot_id`, `seconds`, and `changed`, which is false where a resumed run finds that its \
          earlier attempt has rebooted the host already. Root may reboot: `become: true`.",
    example: "// hosts(\"masters\")[0].reboot(#{ become: true, timeout: \"15m\" });",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[REACHABLE, REBOOT_ENTRY];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    method0(engine, script, "reachable", reachable);
    method0(engine, script, "reboot", reboot);
}

fn reachable(script: &Script, ctx: &NativeCallContext<'_>, host: &Host, options: Map) -> Result<Dynamic> {
    let common = Common::take(&mut Options::new(&REACHABLE, options)?)?;
    let effect = Effect { name: "reachable", summary: "a connection".to_owned(), kind: Kind::Read, ctx, common };
    script.read(host, effect, async |context| boot::reachable(context).await)?;
    Ok(Dynamic::UNIT)
}

fn reboot(script: &Script, ctx: &NativeCallContext<'_>, host: &Host, options: Map) -> Result<Dynamic> {
    let mut given = Options::new(&REBOOT_ENTRY, options)?;
    let how = boot::Options { command: given.text("command")?, delay: given.duration("delay")?.unwrap_or_default() };
    let common = Common::take_with(&mut given, REBOOTING)?;
    let read = Common { timeout: common.timeout, user: None };
    let effect =
        Effect { name: "boot_id", summary: "the boot that it is in".to_owned(), kind: Kind::Read, ctx, common: read };
    let now = script.read(host, effect, async |context| boot::id(context).await)?;
    let began = Instant::now();
    let effect =
        Effect { name: "reboot", summary: "and wait until it is back".to_owned(), kind: Kind::Action, ctx, common };
    let earlier = script.run.rebooted_from(&host.0.name);
    let done = earlier.filter(|before| *before != now);
    if done.is_none() && !script.run.options.check {
        // On the disk before the reboot: from then on a further attempt can tell.
        let data = [("boot_id".to_owned(), now.clone().into())].into_iter().collect();
        let step = script.run.current_step();
        script.run.events.emit(What::Data { host: Some(host.0.name.clone()), step, name: REBOOT.to_owned(), data });
    }
    let booted = script.effect(host, effect, async |context| match &done {
        Some(before) => {
            let id = boot::again(context, before, began).await?;
            let summary = Some("an earlier attempt has done it".to_owned());
            Ok((id, Report { changed: Some(Changed { summary, ..Changed::default() }), ..Report::default() }))
        }
        None => Ok((boot::reboot(context, &how, &now).await?, Report::default())),
    })?;
    let Some(boot_id) = booted else { return Ok(unknown("reboot", "and wait until it is back", host)) };
    let mut map = Map::new();
    map.insert("boot_id".into(), boot_id.into());
    map.insert("seconds".into(), began.elapsed().as_secs_f64().into());
    map.insert("changed".into(), done.is_none().into());
    Ok(map.into())
}
