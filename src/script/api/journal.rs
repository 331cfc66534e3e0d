//! The journal of a host: a cursor before an action, and waits that begin there.

use rhai::{Array, Dynamic, Engine, Map, NativeCallContext};

use super::host::{BECOME, Common, Effect, Host, TIMEOUT, unknown};
use super::wait::HINT;
use super::{method0, method1};
use crate::error::{Error, Kind as Cause, Result};
use crate::run::Report;
use crate::script::Script;
use crate::script::catalog::{Entry, opt};
use crate::script::options::Options;
use crate::task::journal::wait::{self, Match, Need, Pattern};
use crate::task::journal::{self, Entry as Line, LINES, Selection};
use crate::task::{Kind, service};

/// The journal of a unit on a host.
#[derive(Clone)]
pub struct Journal {
    host: Host,
    unit: String,
}

const JOURNAL: Entry = Entry {
    name: "journal",
    on: "host",
    usage: "host.journal(unit)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "The journal of a unit on the host, on which cursor, entries and wait can be called.",
    example: "let journal = hosts(\"masters\")[0].journal(\"sshd\");",
};

const CURSOR: Entry = Entry {
    name: "cursor",
    on: "journal",
    usage: "journal.cursor()",
    arguments: &[0, 1],
    options: &[TIMEOUT, BECOME],
    kind: Some(Kind::Read),
    doc: "The place after the newest entry of the host's journal. Take it before the action whose lines are waited for.",
    example: "// let cursor = hosts(\"masters\")[0].journal(\"sshd\").cursor();",
};

const ENTRIES_OF: Entry = Entry {
    name: "entries",
    on: "journal",
    usage: "journal.entries(options)",
    arguments: &[0, 1],
    options: &[
        opt("since", "a cursor", "only what comes after it"),
        opt("pid", "a number", "only what this process printed"),
        opt("last", "a count", "at most so many, the last ones; 1000"),
        TIMEOUT,
        BECOME,
    ],
    kind: Some(Kind::Read),
    doc: "The unit's entries, the oldest first, each with `message`, `time` (seconds since 1970), `pid`, `identifier`, `priority`, \
          `cursor` and `fields` (a map of all other fields).",
    example: "// let last = hosts(\"masters\")[0].journal(\"sshd\").entries(#{ last: 10 });",
};

const WAIT: Entry = Entry {
    name: "wait",
    on: "journal",
    usage: "journal.wait(patterns, options)",
    arguments: &[2],
    options: &[
        opt("since", "a cursor", "where the wait begins; it has to be given"),
        opt("pid", "a number", "only lines of this process"),
        opt("all", "true or false", "wait for every pattern rather than for one of them; false"),
        opt("fail_on", "a regular expression or a list of them", "a line that ends the wait as a failure"),
        HINT,
        TIMEOUT,
        BECOME,
    ],
    kind: Some(Kind::Action),
    doc: "Waits for a line of the unit that a regular expression, or one of a list of them, matches. Gives a map: `pattern` \
          (which), `message`, `time`, `pid`, `captures` (by group number and name); with `all` a list of these. At the deadline the \
          error shows what was waited for and the last lines.",
    example: "// journal.wait(\"listening on port (?<port>[0-9]+)\", #{ since: cursor, timeout: \"90s\" });",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[JOURNAL, CURSOR, ENTRIES_OF, WAIT];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    engine.register_type_with_name::<Journal>("journal");
    let s = script.clone();
    engine.register_fn("journal", move |ctx: NativeCallContext, host: &mut Host, unit: &str| {
        s.scripted(&ctx, service::unit_name(unit).map(|unit| Journal { host: host.clone(), unit }))
    });
    method0(engine, script, "cursor", cursor);
    method0(engine, script, "entries", entries);
    method1(engine, script, "wait", wait_for);
}

fn cursor(script: &Script, ctx: &NativeCallContext<'_>, journal: &Journal, options: Map) -> Result<String> {
    let common = Common::take(&mut Options::new(&CURSOR, options)?)?;
    let effect = Effect { name: "cursor", summary: journal.unit.clone(), kind: Kind::Read, ctx, common };
    script.read(&journal.host, effect, async |context| journal::cursor(context).await)
}

fn selection(journal: &Journal, options: &mut Options) -> Result<Selection> {
    let pid = options
        .count("pid")?
        .map(|pid| u32::try_from(pid).map_err(|_| Error::input("`pid` is not the id of a process")));
    Ok(Selection { since: options.text("since")?, unit: Some(journal.unit.clone()), pid: pid.transpose()? })
}

fn line_map(line: &Line) -> Map {
    let mut map = Map::new();
    map.insert("message".into(), line.message.clone().into());
    map.insert("time".into(), line.time.into());
    map.insert("pid".into(), line.pid.map_or(Dynamic::UNIT, |pid| i64::from(pid).into()));
    map.insert("identifier".into(), line.identifier.clone().map_or(Dynamic::UNIT, Dynamic::from));
    map.insert("priority".into(), line.priority.map_or(Dynamic::UNIT, |priority| i64::from(priority).into()));
    map.insert("cursor".into(), line.cursor.clone().into());
    let fields: Map = line.fields.iter().map(|(name, value)| (name.as_str().into(), value.clone().into())).collect();
    map.insert("fields".into(), fields.into());
    map
}

fn entries(script: &Script, ctx: &NativeCallContext<'_>, journal: &Journal, options: Map) -> Result<Array> {
    let mut options = Options::new(&ENTRIES_OF, options)?;
    let selection = selection(journal, &mut options)?;
    let last = options.count("last")?.and_then(|last| usize::try_from(last).ok()).unwrap_or(LINES);
    let common = Common::take(&mut options)?;
    let effect = Effect { name: "entries", summary: journal.unit.clone(), kind: Kind::Read, ctx, common };
    let lines = script.read(&journal.host, effect, async |context| journal::read(context, &selection, last).await)?;
    Ok(lines.iter().map(|line| line_map(line).into()).collect())
}

fn wait_for(
    script: &Script,
    ctx: &NativeCallContext<'_>,
    journal: &Journal,
    patterns: &Dynamic,
    options: Map,
) -> Result<Dynamic> {
    let mut options = Options::new(&WAIT, options)?;
    let wanted = match patterns.as_array_ref() {
        Ok(items) => {
            items.iter().map(|item| super::host::text("wait", "a pattern", item)).collect::<Result<Vec<_>>>()?
        }
        Err(_) => vec![super::host::text("wait", "the pattern", patterns)?],
    };
    let named = |texts: Vec<String>| {
        texts.into_iter().map(|text| Pattern::new(text.clone(), &text)).collect::<Result<Vec<_>>>()
    };
    let all = options.flag("all")?.unwrap_or(false);
    let how = wait::Options {
        selection: selection(journal, &mut options)?,
        patterns: named(wanted.clone())?,
        need: if all { Need::All } else { Need::Any },
        fail_on: named(options.texts("fail_on")?.unwrap_or_default())?,
    };
    if how.selection.since.is_none() && !script.run.options.check {
        return Err(Error::input("wait needs `since`: the cursor from before the action")
            .hint("let cursor = journal.cursor(); … journal.wait(pattern, #{ since: cursor })"));
    }
    let hints = options.texts("hint")?.unwrap_or_default();
    let common = Common::take(&mut options)?;
    let summary = format!("{}: {}", journal.unit, wanted.join(" | "));
    let effect = Effect { name: "wait", summary: summary.clone(), kind: Kind::Action, ctx, common };
    let found = script.waiting_effect(&journal.host, effect, async |context| {
        let matches = wait::wait(context, &how).await.map_err(|error| match error.kind() {
            Cause::Failed => hints.iter().cloned().fold(error, Error::hint),
            _ => error,
        })?;
        let told = matches.first().map(|found| format!("{}: {}", journal.unit, found.entry.message));
        // A wait changes nothing: it is reported like a read that took its time.
        Ok((matches, Report { changed: Some(crate::task::Changed::default()), summary: told, ..Report::default() }))
    })?;
    let Some(found) = found else { return Ok(unknown("wait", &summary, &journal.host)) };
    if all {
        return Ok(found.iter().map(|found| match_map(found).into()).collect::<Array>().into());
    }
    Ok(found.first().map_or(Dynamic::UNIT, |found| match_map(found).into()))
}

fn match_map(found: &Match) -> Map {
    let mut map = line_map(&found.entry);
    map.insert("pattern".into(), found.name.clone().into());
    let mut captures = Map::new();
    for (number, value) in found.captures.iter().enumerate() {
        captures.insert(number.to_string().as_str().into(), value.clone().map_or(Dynamic::UNIT, Dynamic::from));
    }
    for (name, value) in &found.named {
        captures.insert(name.as_str().into(), value.clone().into());
    }
    map.insert("captures".into(), captures.into());
    map
}
