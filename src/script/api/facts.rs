//! Facts about a host: only those asked for.

use rhai::{Dynamic, Engine, Map, NativeCallContext};

use super::files::map_of;
use super::host::{BECOME, Common, Effect, Host, TIMEOUT, text};
use super::method1;
use crate::error::{Error, Result};
use crate::script::Script;
use crate::script::catalog::{Entry, opt};
use crate::script::options::Options;
use crate::task::{Kind, facts};

const FACTS: Entry = Entry {
    name: "facts",
    on: "host",
    usage: "host.facts(names) or host.facts(names, options)",
    arguments: &[1, 2],
    options: &[opt("folders", "a list of texts", "the folders that the fact `disk` is about"), TIMEOUT, BECOME],
    kind: Some(Kind::Read),
    doc: "The facts of these names as a map, in one round trip: architecture, boot_id, cpus, disk, fqdn, groups, hostname, kernel, \
          machine_id, memory_bytes, mounts, os_release, selinux, systemd_version, time, uptime_seconds, user.",
    example: "let facts = hosts(\"masters\")[0].facts([\"kernel\", \"cpus\"]);",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[FACTS];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    method1(engine, script, "facts", gather);
}

fn gather(script: &Script, ctx: &NativeCallContext<'_>, host: &Host, names: &Dynamic, options: Map) -> Result<Dynamic> {
    let mut options = Options::new(&FACTS, options)?;
    let names = match names.as_array_ref() {
        Ok(items) => items.iter().map(|item| text("facts", "a name", item)).collect::<Result<Vec<_>>>()?,
        Err(_) => return Err(Error::input("facts takes a list of names").hint("host.facts([\"kernel\", \"cpus\"])")),
    };
    let folders = options.texts("folders")?.unwrap_or_default();
    let common = Common::take(&mut options)?;
    let effect = Effect { name: "facts", summary: names.join(", "), kind: Kind::Read, ctx, common };
    let found = script.read(host, effect, async |context| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        facts::facts(context, &names, &folders).await
    })?;
    script.variables.learns(&host.0.name, &found);
    Ok(map_of(found))
}
