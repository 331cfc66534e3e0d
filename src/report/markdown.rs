//! The report of a run as Markdown that reads well in a ticket: the outcome first, then hosts, quorum, steps, what was changed,
//! the differences, and warnings. What hosts have said is escaped or fenced.

use std::fmt::Write as _;

use super::account::{Account, Effect, Saying, StepEnd};
use super::wording::{clean, clock, day_and_time, exact, host_of, inventories, names, seconds, span};
use super::{diff, quorum};
use crate::task::printable;

/// How many rows a table has at most: a ticket is no archive.
const MOST_ROWS: usize = 100;

/// How much text of differences there is at most, in bytes.
const MOST_DIFFERENCE: usize = 30 * 1024;

/// The Markdown text.
pub fn render(account: &Account) -> String {
    let mut text = String::new();
    head(account, &mut text);
    hosts(account, &mut text);
    groups(account, &mut text);
    steps(account, &mut text);
    failures(account, &mut text);
    changes(account, &mut text);
    diffs(account, &mut text);
    warnings(account, &mut text);
    notes(account, &mut text);
    text
}

// Writing to a text does not fail, which is why the results are dropped below.

fn head(account: &Account, text: &mut String) {
    let asked = &account.asked;
    let check = if asked.check { " (check: nothing was changed)" } else { "" };
    let _ = writeln!(text, "# zkmig {}: {}{check}\n", inline(&asked.playbook), account.outcome);
    let _ = writeln!(text, "| | |\n|---|---|");
    let attempts = match account.attempts.len() {
        0 | 1 => String::new(),
        attempts => format!(", {attempts} attempts"),
    };
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "| {name} | {value} |");
    };
    row("run", inline(&asked.run));
    row("when", format!("{}, {}{attempts}", day_and_time(asked.started), span(account.ms)));
    row("who", inline(&format!("{} on {}", asked.who, asked.from)));
    row("inventory", inline(&inventories(account)));
    row("command", code(&account.command_line));
    row("zkmig", inline(&asked.version));
    if let Some(command) = &account.go_on {
        row("go on", code(command));
    }
    if let Some(command) = &account.go_back {
        row("go back", code(command));
    }
    if let Some(message) = &account.message {
        let _ = writeln!(text, "\nWhat stopped it:\n\n{}", fenced(&clean(message), ""));
    }
}

fn hosts(account: &Account, text: &mut String) {
    if account.hosts.is_empty() {
        return;
    }
    let check = account.asked.check;
    let changed = if check { "would change" } else { "changed" };
    let _ = writeln!(text, "\n| host | ok | {changed} | failed | unreachable |\n|---|--:|--:|--:|--:|");
    let all = account.hosts.iter().map(|host| (inline(&host.host), host.counts));
    for (host, counts) in all.chain([("**all**".to_owned(), account.total)]) {
        let changed = if check { counts.would } else { counts.changed };
        let _ = writeln!(text, "| {host} | {} | {changed} | {} | {} |", counts.ok, counts.failed, counts.unreachable);
    }
}

fn groups(account: &Account, text: &mut String) {
    let found: Vec<_> = account.groups.iter().filter_map(|group| Some((group, group.found.as_ref()?))).collect();
    if found.is_empty() {
        return;
    }
    text.push_str("\n## Quorum\n\n");
    for (group, found) in found {
        let step = group.step.as_deref().unwrap_or("outside of a step");
        let _ = writeln!(text, "- {}: {}", inline(step), inline(&quorum::line(found)));
        for (gap, at) in found.gaps.iter().zip(&group.gaps_at_ms) {
            let name = |name: &Option<String>| name.as_deref().map_or_else(|| "nobody".to_owned(), inline);
            let (before, after) = (name(&gap.leader_before), name(&gap.leader_after));
            let span = format!("{} (±{})", seconds(gap.seconds), exact(gap.uncertainty_seconds));
            let _ =
                writeln!(text, "  - {} without a quorum for {span}, leader {before} → {after}", clock(account, *at));
        }
    }
}

fn steps(account: &Account, text: &mut String) {
    if account.steps.is_empty() {
        return;
    }
    text.push_str("\n## Steps\n\n| | step | began | took | outcome |\n|--:|---|---|--:|---|\n");
    for step in account.steps.iter().take(MOST_ROWS) {
        let outcome = match step.outcome {
            StepEnd::Done => "done".to_owned(),
            StepEnd::Failed => "**failed**".to_owned(),
            StepEnd::Interrupted => "interrupted".to_owned(),
            StepEnd::Skipped => inline(step.why.as_deref().unwrap_or("skipped")),
            StepEnd::Open => "did not end".to_owned(),
        };
        let took = if step.outcome == StepEnd::Skipped { String::new() } else { span(step.ms) };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {took} | {outcome} |",
            step.number,
            inline(&step.step),
            clock(account, step.at_ms)
        );
    }
    left(account.steps.len(), text);
}

fn failures(account: &Account, text: &mut String) {
    let failed: Vec<&Effect> = account.effects.iter().filter(|effect| effect.failed()).collect();
    if failed.is_empty() {
        return;
    }
    text.push_str("\n## Failures\n\n");
    for effect in failed.iter().take(MOST_ROWS) {
        let what = inline(&format!("{} {}", effect.name, effect.what()));
        let place = effect.place.as_deref().map(|place| format!(", {}", inline(place))).unwrap_or_default();
        let _ = writeln!(text, "- {} **{}** {what}{place}\n", clock(account, effect.at_ms), inline(&host_of(effect)));
        let message = fenced(&clean(effect.message.as_deref().unwrap_or_default()), "");
        let _ = writeln!(text, "{}\n", message.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"));
    }
    left(failed.len(), text);
}

fn changes(account: &Account, text: &mut String) {
    let rows = account.changes();
    if rows.is_empty() {
        return;
    }
    let title = if account.asked.check { "What would change" } else { "What was changed" };
    let _ = writeln!(text, "\n## {title}\n\n| at | what | hosts |\n|---|---|---|");
    for (effect, hosts) in rows.iter().take(MOST_ROWS) {
        let what = inline(&format!("{} {}", effect.name, effect.what()));
        let _ = writeln!(text, "| {} | {what} | {} |", clock(account, effect.at_ms), inline(&names(hosts)));
    }
    left(rows.len(), text);
}

fn diffs(account: &Account, text: &mut String) {
    if account.diffs.is_empty() {
        return;
    }
    text.push_str("\n## Differences\n");
    let (mut room, mut hidden) = (MOST_DIFFERENCE, 0);
    for difference in &account.diffs {
        let lines = diff::lines(&difference.before, &difference.after);
        let lines = lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        if lines.len() > room {
            hidden += 1;
            continue;
        }
        room -= lines.len();
        let _ = writeln!(
            text,
            "\n{} on {}\n\n{}",
            code(&difference.path),
            inline(&names(&difference.hosts)),
            fenced(&lines, "diff")
        );
    }
    if hidden > 0 {
        let _ = writeln!(text, "\n{hidden} more are too long for a ticket.");
    }
}

fn warnings(account: &Account, text: &mut String) {
    let rows: Vec<String> = account
        .said
        .iter()
        .filter_map(|said| {
            let host = said.host.as_deref().map(|host| format!("**{}** ", inline(host))).unwrap_or_default();
            let what = match &said.what {
                Saying::Warning { text } | Saying::Unreachable { text } => inline(text),
                Saying::Check { name, result, found } if result != "ok" => {
                    format!("{} ({}): {}", inline(name), inline(result), inline(found))
                }
                Saying::Interrupt { .. } => "the operator interrupted".to_owned(),
                _ => return None,
            };
            Some(format!("- {} {host}{what}", clock(account, said.at_ms)))
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n## Warnings\n\n{}", rows.iter().take(MOST_ROWS).cloned().collect::<Vec<_>>().join("\n"));
    left(rows.len(), text);
}

fn notes(account: &Account, text: &mut String) {
    let notes: Vec<(u64, Option<&String>, &String)> = account
        .said
        .iter()
        .filter_map(|said| match &said.what {
            Saying::Note { text } => Some((said.at_ms, said.host.as_ref(), text)),
            _ => None,
        })
        .collect();
    if notes.is_empty() {
        return;
    }
    text.push_str("\n## Notes\n");
    for (at_ms, host, note) in notes.iter().take(MOST_ROWS) {
        let host = host.map(|host| format!(" {}", inline(host))).unwrap_or_default();
        let _ = writeln!(text, "\n{}{host}\n\n{}", clock(account, *at_ms), fenced(&clean(note), ""));
    }
    left(notes.len(), text);
}

/// Says how many rows are not there.
fn left(rows: usize, text: &mut String) {
    if rows > MOST_ROWS {
        let _ = writeln!(text, "\n{} more are not listed here.", rows - MOST_ROWS);
    }
}

/// A text in a line or in a cell of a table: nothing in it is Markdown or HTML.
fn inline(text: &str) -> String {
    let mut shown = String::new();
    let line = text.split('\n').map(printable).collect::<Vec<_>>().join(" ");
    for character in line.trim_end().chars() {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '@' => {
                shown.push('\\');
                shown.push(character);
            }
            other => shown.push(other),
        }
    }
    shown
}

/// A text as code in a cell of a table.
fn code(text: &str) -> String {
    let text = printable(text).replace('|', "\\|");
    let fence = "`".repeat(longest_run(&text) + 1);
    let room = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{room}{text}{room}{fence}")
}

/// A text of several lines as a block of code, whatever fences are in it.
fn fenced(text: &str, language: &str) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// How many backticks stand side by side at most.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_says_is_no_markup() {
        assert_eq!(inline("<b>a|b*c_[d](e) & `f`\n"), "&lt;b>a\\|b\\*c\\_\\[d\\](e) &amp; \\`f\\`");
        assert_eq!(code("a `b` | c"), "``a `b` \\| c``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(fenced("a\n```\nb\n", "diff"), "````diff\na\n```\nb\n````");
    }
}
