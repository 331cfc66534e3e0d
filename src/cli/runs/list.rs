//! `zkmig runs list`: the runs that were made here, as a table or as JSON.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::super::print;
use super::{end_of, long_ago};
use crate::error::{Error, Result};
use crate::report::ndjson;
use crate::report::recap::Recap;
use crate::report::wording::word;
use crate::run::record::story::State;
use crate::run::record::{Story, store};
use crate::script::options::shown_duration;
use crate::task::printable;

/// Which runs are listed, and how.
#[derive(clap::Args)]
pub struct Filters {
    /// List those of check mode and of `exec`, too
    #[arg(short, long)]
    all: bool,
    /// Only those whose playbook has this in its path
    #[arg(long, value_name = "TEXT")]
    playbook: Option<String>,
    /// Only those that worked on this host
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Only those that ended so
    #[arg(long, value_name = "OUTCOME", value_parser = OUTCOMES)]
    outcome: Option<String>,
    /// Only those that began no longer ago than this, such as 7d or 12h
    #[arg(long, value_name = "SPAN")]
    since: Option<String>,
    /// Only the newest N of them
    #[arg(short = 'n', long, value_name = "N")]
    newest: Option<usize>,
    /// As JSON, an object a run
    #[arg(long)]
    json: bool,
}

const OUTCOMES: [&str; 9] =
    ["running", "done", "failed", "unreachable", "stopped", "interrupted", "killed", "locked-out", "wrong-input"];

impl Filters {
    /// Whether a run that is of the right kind is one of those that are asked for.
    fn take(&self, Run { story, recap }: &Run) -> bool {
        let manifest = &story.manifest;
        self.playbook.as_ref().is_none_or(|text| manifest.playbook.contains(text))
            && self.host.as_ref().is_none_or(|host| recap.hosts().any(|(known, _)| known == host))
            && self.outcome.as_ref().is_none_or(|outcome| word(story.state).replace(' ', "-") == *outcome)
    }
}

/// A run with what it did.
struct Run {
    story: Story,
    recap: Recap,
}

impl Run {
    fn read(id: &str) -> Result<Self> {
        let story = store::read(id)?;
        let recap = Recap::of_record(&story.folder)?;
        Ok(Self { story, recap })
    }
}

/// Prints the runs that the filters leave, the newest first.
pub fn list(filters: &Filters) -> Result<()> {
    let since = filters.since.as_ref().map(|span| long_ago("--since", span)).transpose()?;
    let (mut runs, mut hidden, mut broken) = (Vec::<Run>::new(), 0, Vec::new());
    let ids = store::ids()?;
    for id in &ids {
        // Ids tell the runs of one second apart, and not which of them was first.
        let is_older = |run: &Run| second_of(run.story.id()) != second_of(id);
        if filters.newest.is_some_and(|newest| runs.len() >= newest) && runs.last().is_none_or(is_older) {
            break;
        }
        match Run::read(id) {
            Ok(run) if since.is_some_and(|since| run.story.manifest.started < since) => break,
            Ok(run) if !filters.take(&run) => {}
            Ok(run) if !filters.all && is_aside(&run.story) => hidden += 1,
            Ok(run) => runs.push(run),
            Err(error) => broken.push((id, error)),
        }
    }
    runs.sort_by_key(|run| std::cmp::Reverse(run.story.manifest.started));
    runs.truncate(filters.newest.unwrap_or(usize::MAX));
    if filters.json {
        let runs: Vec<Value> = runs.iter().map(object).collect();
        let text = serde_json::to_string_pretty(&runs)
            .map_err(|error| Error::defect("the runs can't be put into JSON").caused_by(error))?;
        broken.iter().for_each(|(id, error)| super::super::warn(&format!("{id}: {error}")));
        return print(&format!("{}\n", ndjson::json(&text)));
    }
    let mut text = table(&runs, &ids, width());
    for (id, error) in broken {
        text.push_str(&format!("{id}  {}\n", printable(&error.to_string())));
    }
    if text.is_empty() {
        text = if ids.is_empty() { "no run was made here yet\n" } else { "no run to show\n" }.to_owned();
    }
    if hidden > 0 {
        let runs = if hidden == 1 {
            "1 more, a check or an exec".to_owned()
        } else {
            format!("{hidden} more, checks and execs")
        };
        text.push_str(&format!("{runs}: --all shows {}\n", if hidden == 1 { "it" } else { "them" }));
    }
    print(&text)
}

/// Whether it is one of those that tell no story: it changed nothing by intention, or was a single command.
fn is_aside(story: &Story) -> bool {
    story.manifest.check || story.manifest.command != "run"
}

/// How wide the table may be: where nobody looks at it, nothing is cut.
fn width() -> usize {
    let given = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
    let terminal = console::Term::stdout();
    given.unwrap_or_else(|| if terminal.is_term() { usize::from(terminal.size().1) } else { usize::MAX })
}

const HEAD: [&str; 6] = ["run", "began", "took", "playbook", "changed", "outcome"];

/// The column that gives way.
const PLAYBOOK: usize = 3;

fn table(runs: &[Run], ids: &[String], width: usize) -> String {
    if runs.is_empty() {
        return String::new();
    }
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(runs.iter().map(|run| row(run, ids)));
    let mut widths = [0; HEAD.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = console::measure_text_width(cell).max(*width);
        }
    }
    let all = widths.iter().sum::<usize>() + 2 * (HEAD.len() - 1);
    widths[PLAYBOOK] = widths[PLAYBOOK].saturating_sub(all.saturating_sub(width)).max(8);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            let cell = if column == PLAYBOOK { cut(cell, width) } else { cell.clone() };
            // Spans are compared at their ends.
            let side = if column == 2 { console::Alignment::Right } else { console::Alignment::Left };
            console::pad_str(&cell, width, side, None).into_owned()
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn row(Run { story, recap }: &Run, ids: &[String]) -> [String; HEAD.len()] {
    let manifest = &story.manifest;
    let began = manifest.started.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
    let mut playbook = printable(&manifest.playbook);
    if manifest.command != "run" {
        playbook = format!("{} {playbook}", printable(&manifest.command));
    }
    let hosts = recap.hosts().count();
    let changed = match story.standing.changed_hosts().count() {
        _ if manifest.check => "check".to_owned(),
        changed => format!("{changed} of {hosts}"),
    };
    [
        short(story.id(), ids),
        began,
        shown_duration(Duration::from_millis(recap.ms())),
        playbook,
        changed,
        outcome(story),
    ]
}

/// How it ended, and in which attempt where there were several.
fn outcome(story: &Story) -> String {
    match story.attempts {
        0 | 1 => word(story.state),
        attempts => format!("{} ({attempts})", word(story.state)),
    }
}

/// What stands behind the last `-` of an id, where no other run has the same.
fn short(id: &str, ids: &[String]) -> String {
    let is_only = ids.iter().filter(|other| end_of(other) == end_of(id)).count() == 1;
    if is_only { end_of(id) } else { id }.to_owned()
}

/// The second in which the run of this id began.
fn second_of(id: &str) -> &str {
    id.rsplit_once('-').map_or(id, |(second, _)| second)
}

/// A path that is cut at its beginning, where it says the least.
fn cut(path: &str, width: usize) -> String {
    let all = console::measure_text_width(path);
    if all <= width {
        return path.to_owned();
    }
    let mut rest = path;
    while console::measure_text_width(rest) + 1 > width {
        let mut chars = rest.chars();
        if chars.next().is_none() {
            break;
        }
        rest = chars.as_str();
    }
    format!("…{rest}")
}

fn object(Run { story, recap }: &Run) -> Value {
    let manifest = &story.manifest;
    let exit_code = match story.state {
        State::Ended(code) => Some(code),
        State::Running | State::Killed => None,
    };
    json!({
        "run": story.id(),
        "command": manifest.command,
        "playbook": manifest.playbook,
        "inventories": manifest.inventories,
        "check": manifest.check,
        "started": manifest.started,
        "ms": recap.ms(),
        "attempts": story.attempts,
        "outcome": word(story.state),
        "exit_code": exit_code,
        "message": story.message,
        "hosts": recap.hosts().map(|(host, _)| host).collect::<Vec<_>>(),
        "changed": story.standing.changed_hosts().collect::<Vec<_>>(),
        "can_be_resumed": story.can_be_resumed(),
        "who": manifest.who,
        "from": manifest.from,
        "record": story.folder,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_its_end_and_an_id_what_tells_it_apart() {
        assert_eq!(cut("playbooks/zk-to-static.rhai", 40), "playbooks/zk-to-static.rhai");
        assert_eq!(cut("playbooks/zk-to-static.rhai", 18), "…zk-to-static.rhai");
        assert_eq!(console::measure_text_width(&cut("漢字漢字漢字.rhai", 9)), 8);
        let ids = ["20261128-112721-673f", "20261128-112721-673e", "20261127-112721-673e"].map(str::to_owned);
        assert_eq!(short(&ids[0], &ids), "673f");
        assert_eq!(short(&ids[1], &ids), ids[1]);
    }
}
