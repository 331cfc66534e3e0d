//! The journal of a host: a place in it, the entries after that place, and waiting for one of them.
//!
//! Made for systemd 219 as for later ones: what is looked for is looked for here, as its `journalctl` has no `--grep`.

pub mod entry;
pub mod wait;

pub use entry::Entry;

use super::printable::last_lines;
use super::{Context, quoted};
use crate::error::{Error, Result};
use crate::host::Stdin;

/// How many entries `read` gives unless the caller says otherwise.
pub const LINES: usize = 1000;

/// The most entries that `read` can give.
pub const MOST_LINES: usize = 10_000;

/// Which entries are meant.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Those after this place, as [`cursor`] gave it. An empty text is the place before all entries.
    pub since: Option<String>,
    /// Those of and about this unit.
    pub unit: Option<String>,
    /// Those of the process with this id.
    pub pid: Option<u32>,
}

impl Selection {
    /// The options of `journalctl` for it, each a word of a script.
    ///
    /// Not `--after-cursor`: `journalctl` skips one entry after seeking, without looking whether the one it found is the
    /// cursor's. With a filter that the cursor's entry does not pass it skips the first entry that was asked for.
    fn options(&self) -> Result<String> {
        let mut options = String::new();
        if let Some(cursor) = self.since.as_deref().filter(|cursor| !cursor.is_empty()) {
            if !cursor.chars().all(|character| character.is_ascii_alphanumeric() || "=;-_".contains(character)) {
                return Err(Error::input(format!("`{}` is not a cursor", super::printable(cursor)))
                    .hint("a cursor is what journal_cursor() gave on the same host"));
            }
            options.push_str(&format!(" --cursor={}", quoted(cursor)));
        }
        if let Some(unit) = &self.unit {
            options.push_str(&format!(" -u {}", quoted(&super::service::unit_name(unit)?)));
        }
        if let Some(pid) = self.pid {
            options.push_str(&format!(" _PID={pid}"));
        }
        Ok(options)
    }

    /// Whether an entry that `journalctl` gave comes after the cursor.
    fn is_after(&self, entry: &Entry) -> bool {
        let Some(since) = self.since.as_deref().filter(|since| !since.is_empty()) else { return true };
        if entry.cursor == since {
            return false;
        }
        // Where the cursor's own entry is no longer in the journal, journalctl seeks to the nearest, which can be an
        // older one. The clock since boot tells; the wall clock can be set back.
        let part = |name: &str| since.split(';').find_map(|part| part.strip_prefix(name));
        match (part("b="), part("m=").and_then(|monotonic| u64::from_str_radix(monotonic, 16).ok())) {
            (Some(boot), Some(monotonic)) if entry.boot == boot => entry.monotonic >= monotonic,
            _ => true,
        }
    }
}

/// The place after the newest entry of the host's whole journal. Taken before an action, it is where a wait for the
/// action's outcome begins. An empty journal gives an empty text.
pub async fn cursor(context: &Context<'_>) -> Result<String> {
    let entries = entries(context, "journalctl -n 1 -o json --no-pager").await?;
    Ok(entries.into_iter().next_back().map(|entry| entry.cursor).unwrap_or_default())
}

/// The last `lines` entries of a selection, oldest first.
pub async fn read(context: &Context<'_>, selection: &Selection, lines: usize) -> Result<Vec<Entry>> {
    if lines > MOST_LINES {
        return Err(Error::input(format!("{lines} journal entries can't be read at once; the most is {MOST_LINES}")));
    }
    let options = selection.options()?;
    // With a cursor `-n` would give the first ones after it.
    let script = match &selection.since {
        Some(_) => format!("journalctl -a -o json --no-pager{options} | tail -n {}", lines.saturating_add(1)),
        None => format!("journalctl -a -o json --no-pager -n {lines}{options}"),
    };
    let mut entries = entries(context, &script).await?;
    entries.retain(|entry| selection.is_after(entry));
    let excess = entries.len().saturating_sub(lines);
    entries.drain(..excess);
    Ok(entries)
}

async fn entries(context: &Context<'_>, script: &str) -> Result<Vec<Entry>> {
    let printed = context.script(format!("LC_ALL=C; export LC_ALL; {script}"), Stdin::Closed).await?;
    // journalctl was told how many; a host that gives more is not asked to fill this machine's memory.
    let lines = printed.stdout.split(|byte| *byte == b'\n');
    let entries: Vec<Entry> = lines.filter_map(Entry::parse).take(MOST_LINES + 1).collect();
    let said = String::from_utf8_lossy(&printed.stderr);
    // Who may not read the system's journal is shown their own, and a wait in it would wait for nothing.
    if said.contains("insufficient permissions") || said.contains("not seeing messages from other users") {
        return Err(not_allowed(context));
    }
    let failed = printed.exit.status != 0 || (entries.is_empty() && !said.trim().is_empty());
    if failed && !said.contains("No journal files were found") {
        return Err(context
            .failed("can't read the journal")
            .caused_by(last_lines(&printed.stderr, 3).replace('\n', "; ")));
    }
    Ok(entries)
}

fn not_allowed(context: &Context<'_>) -> Error {
    context
        .failed("the user may not read the host's journal")
        .hint("become root, or add the user to the host's group `systemd-journal`")
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    const JOURNALCTL: &str = r#"#!/bin/sh
echo "$*" >>"$0.calls"
cat "$0.entries"
[ ! -f "$0.stderr" ] || cat "$0.stderr" >&2
"#;

    fn bench(entries: &str) -> Bench {
        let mut bench = Bench::new();
        bench.program("journalctl", JOURNALCTL);
        bench.file("bin/journalctl.entries", entries);
        bench
    }

    fn entry(number: u64, message: &str) -> String {
        format!(
            "{{\"__CURSOR\":\"s=a;i={number:x};b=b0;m={number:x};t={number:x};x=1\",\"_BOOT_ID\":\"b0\",\
             \"__MONOTONIC_TIMESTAMP\":\"{number}\",\"__REALTIME_TIMESTAMP\":\"{number}\",\"MESSAGE\":\"{message}\"}}\n"
        )
    }

    #[tokio::test]
    async fn the_cursor_is_the_newest_entrys_and_empty_for_an_empty_journal() {
        let bench = bench(&entry(31, "newest"));
        assert_eq!(cursor(&bench.context()).await.ok().as_deref(), Some("s=a;i=1f;b=b0;m=1f;t=1f;x=1"));
        bench.file("bin/journalctl.entries", "-- No entries --\n");
        assert_eq!(cursor(&bench.context()).await.ok().as_deref(), Some(""));
    }

    #[tokio::test]
    async fn only_entries_after_the_cursor_are_read_and_of_them_the_last() {
        let bench = bench(&[entry(3, "old"), entry(5, "here"), entry(6, "one"), entry(7, "two")].concat());
        let selection = Selection {
            since: Some("s=a;i=5;b=b0;m=5;t=5;x=1".to_owned()),
            unit: Some("dcos-exhibitor".to_owned()),
            pid: Some(7),
        };
        let context = bench.context();
        let read = |lines| read(&context, &selection, lines);
        let messages = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.message).collect::<Vec<_>>();
        assert_eq!(messages(read(10).await.expect("success")), ["one", "two"]);
        assert_eq!(messages(read(1).await.expect("success")), ["two"]);
        let calls = std::fs::read_to_string(bench.path("bin/journalctl.calls")).expect("calls");
        assert_eq!(
            calls.lines().next(),
            Some("-a -o json --no-pager --cursor=s=a;i=5;b=b0;m=5;t=5;x=1 -u dcos-exhibitor.service _PID=7")
        );
    }

    #[tokio::test]
    async fn who_may_not_read_the_journal_is_told_so() {
        let bench = bench("");
        bench.file(
            "bin/journalctl.stderr",
            "Hint: You are currently not seeing messages from other users and the system.\n",
        );
        let error = cursor(&bench.context()).await.expect_err("a failure");
        assert!(error.to_string().contains("may not read"), "{error}");
        bench.file("bin/journalctl.stderr", "Failed to open journal: Bad message\n");
        let error = cursor(&bench.context()).await.expect_err("a failure");
        assert_eq!(error.to_string(), "here: can't read the journal: Failed to open journal: Bad message");
    }

    #[test]
    fn what_is_no_cursor_and_what_is_no_unit_is_refused() {
        let cursor = Selection { since: Some("$(id)".to_owned()), ..Selection::default() };
        let unit = Selection { unit: Some("--all".to_owned()), ..Selection::default() };
        assert!(cursor.options().is_err() && unit.options().is_err());
    }
}
