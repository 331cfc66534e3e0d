//! The report of a run as one self-contained page.
//!
//! `page.html` is a template in which every value is escaped by default; `page.css` and `page.js` are put into it as they are. The
//! page asks no network for anything, and its content security policy names the hashes of its style and of its script: nothing
//! else is carried out, whatever a host has printed.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::account::{Account, Effect, Group, HostCounts, Said, Saying, Step, StepEnd, by_hosts};
use super::wording::{INTERRUPTED, clean, clock, day_and_time, exact, host_of, inventories, names, seconds, span};
use super::{diff, ndjson, quorum};
use crate::error::{Error, Result};
use crate::run::events::Outcome;
use crate::task::{Kind, printable};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How many rows a table has at most: what a browser shows without delay, and more than anybody reads.
const MOST_ROWS: usize = 2000;

/// How much text of differences a page has at most, in bytes.
const MOST_DIFFERENCE: usize = 1024 * 1024;

/// The longest text that the script's data has whole, in characters.
const LONGEST: usize = 400;

/// The page.
pub fn render(account: &Account) -> Result<String> {
    let failed = |error: minijinja::Error| Error::defect("the report's page can't be made").caused_by(error);
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(failed)?;
    environment.set_syntax(syntax);
    environment.add_template("page", PAGE).map_err(failed)?;
    environment.get_template("page").and_then(|page| page.render(Serde(view(account)))).map_err(failed)
}

/// What the template is filled with.
fn view(account: &Account) -> serde_json::Map<String, Value> {
    let mut view = frame(account);
    view.extend(sections(account));
    let there = PARTS.iter().filter(|(field, ..)| view.get(*field).is_none_or(is_there));
    let parts: Vec<Value> = there.map(|(_, id, name)| json!({ "id": id, "name": name })).collect();
    view.insert("parts".to_owned(), parts.into());
    view
}

fn map<const N: usize>(fields: [(&str, Value); N]) -> serde_json::Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The page's frame and its head.
fn frame(account: &Account) -> serde_json::Map<String, Value> {
    let asked = &account.asked;
    let (tone, mark, headline) = headline(account);
    map([
        ("title", format!("{headline}: {} ({})", printable(&asked.playbook), asked.run).into()),
        ("style", STYLE.into()),
        ("style_hash", hash(STYLE).into()),
        ("script", SCRIPT.into()),
        ("script_hash", hash(SCRIPT).into()),
        ("script_data", script_data(account).into()),
        ("tone", tone.into()),
        ("mark", mark.into()),
        ("headline", headline.into()),
        ("kind", if asked.check { "check: nothing was changed" } else { "run report" }.into()),
        ("playbook", printable(&asked.playbook).into()),
        ("inventories", inventories(account).into()),
        ("limit", asked.limit.as_deref().map(printable).into()),
        ("began", day_and_time(asked.started).into()),
        ("ended", day_and_time(account.ended).into()),
        ("who", printable(&asked.who).into()),
        ("from", printable(&asked.from).into()),
        ("run", asked.run.clone().into()),
        ("json_command", format!("zkmig runs report {} --format json", asked.run).into()),
    ])
}

/// The page's sections.
fn sections(account: &Account) -> serde_json::Map<String, Value> {
    let check = account.asked.check;
    let (changes, changes_left) = limited(changes(account));
    let (waits, waits_left) = limited(waits(account));
    let (diffs, diffs_left) = diffs(account);
    map([
        ("figures", figures(account).into()),
        ("message", account.message.as_deref().map(clean).into()),
        ("stop_title", if account.exit_code == Some(INTERRUPTED) { "Interrupted" } else { "What stopped it" }.into()),
        ("commands", commands(account).into()),
        ("hosts", hosts(account).into()),
        ("changed_word", if check { "would change" } else { "changed" }.into()),
        ("has_timeline", (!account.effects.is_empty()).into()),
        ("groups", groups(account).into()),
        ("tables", tables(account).into()),
        ("several", (account.attempts.len() > 1).into()),
        ("steps", steps(account).into()),
        ("failures", failures(account).into()),
        ("warnings", warnings(account).into()),
        ("changes_title", if check { "What would change" } else { "What was changed" }.into()),
        ("changes", changes.into()),
        ("changes_left", changes_left.into()),
        ("diffs", diffs.into()),
        ("diffs_left", diffs_left.into()),
        ("waits", waits.into()),
        ("waits_left", waits_left.into()),
        ("checks", checks(account).into()),
        ("notes", notes(account).into()),
        ("facts", facts(account).into()),
        ("copies", copies(account).into()),
    ])
}

/// The parts that the page's navigation names: the field that is not empty where the part is there, its id, its name.
const PARTS: [(&str, &str, &str); 13] = [
    ("figures", "glance", "At a glance"),
    ("has_timeline", "timeline", "Timeline"),
    ("groups", "quorum", "Quorum"),
    ("tables", "told", "Tables"),
    ("steps", "steps", "Steps"),
    ("failures", "failures", "Failures"),
    ("warnings", "warnings", "Warnings"),
    ("changes", "changes", "Changes"),
    ("diffs", "diffs", "Differences"),
    ("waits", "waits", "Waits"),
    ("checks", "checks", "Checks"),
    ("notes", "notes", "Notes"),
    ("facts", "about", "How it was run"),
];

fn is_there(value: &Value) -> bool {
    match value {
        Value::Bool(is) => *is,
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}

/// The page's tone, its mark, and how the run ended in words.
fn headline(account: &Account) -> (&'static str, &'static str, String) {
    let took = span(account.ms);
    match (account.exit_code, account.outcome.as_str()) {
        (Some(0), _) if account.asked.check => ("good", "✓", format!("Checked in {took}")),
        (Some(0), _) => ("good", "✓", format!("Done in {took}")),
        (Some(INTERRUPTED), _) => ("warn", "‖", format!("Interrupted after {took}")),
        (Some(3), _) => ("bad", "✗", format!("Failed after {took}")),
        (Some(4), _) => ("bad", "✗", format!("Stopped after {took}: a host is unreachable")),
        (Some(5), _) => ("bad", "✗", format!("Stopped after {took}")),
        (None, "running") => ("warn", "…", format!("Under way for {took}")),
        (None, _) => ("bad", "✗", format!("Killed after {took}")),
        (Some(_), outcome) => ("bad", "✗", format!("Ended after {took}: {outcome}")),
    }
}

/// The numbers at a glance.
fn figures(account: &Account) -> Vec<Value> {
    let total = account.total;
    let figure = |id: &str, label: &str, value: String, note: String, tone: &str| json!({ "id": id, "label": label, "value": value, "note": note, "tone": tone });
    let none = String::new;
    let bad = |count: usize| if count > 0 { "bad" } else { "" };
    let attempts = match account.attempts.len() {
        0 | 1 => none(),
        attempts => format!("in {attempts} attempts"),
    };
    let hosts = account.hosts.iter().filter(|host| host.counts.changed > 0).count();
    let mut figures = vec![
        figure("took", "took", span(account.ms), attempts, ""),
        figure("hosts", "hosts", account.hosts.len().to_string(), none(), ""),
    ];
    figures.push(if account.asked.check {
        figure("would", "would change", total.would.to_string(), none(), "")
    } else {
        let note = if total.changed > 0 { format!("on {hosts} of {} hosts", account.hosts.len()) } else { none() };
        figure("changed", "changed", total.changed.to_string(), note, "")
    });
    figures.push(figure("failed", "failed", total.failed.to_string(), none(), bad(total.failed)));
    if total.unreachable > 0 {
        figures.push(figure("unreachable", "unreachable", total.unreachable.to_string(), none(), "bad"));
    }
    let warned = if account.warning_count > 0 { "warn" } else { "" };
    figures.push(figure("warnings", "warnings", account.warning_count.to_string(), none(), warned));
    let found: Vec<_> = account.groups.iter().filter_map(|group| group.found.as_ref()).collect();
    if !found.is_empty() {
        let gaps: usize = found.iter().map(|found| found.gaps.len()).sum();
        let without: f64 = found.iter().map(|found| found.without_quorum_seconds).sum();
        let longest = found.iter().map(|found| found.longest_gap_seconds).fold(0.0, f64::max);
        let note = match gaps {
            0 => none(),
            1 => "1 gap".to_owned(),
            gaps => format!("{gaps} gaps, the longest {}", seconds(longest)),
        };
        figures.push(figure("gap", "without a quorum", seconds(without), note, ""));
        let spare: f64 = found.iter().map(|found| found.without_spare_seconds).sum();
        figures.push(figure("spare", "without a spare", seconds(spare), none(), ""));
        let elections: usize = found.iter().map(|found| found.elections).sum();
        figures.push(figure("elections", "elections", elections.to_string(), none(), ""));
    }
    figures
}

fn commands(account: &Account) -> Vec<Value> {
    let pairs = [("go on", &account.go_on), ("go back", &account.go_back)];
    pairs
        .iter()
        .filter_map(|(label, text)| Some(json!({ "label": label, "text": printable((*text).as_ref()?) })))
        .collect()
}

fn hosts(account: &Account) -> Vec<Value> {
    let row = |host: &HostCounts| {
        let counts = host.counts;
        let changed = if account.asked.check { counts.would } else { counts.changed };
        json!({ "host": printable(&host.host), "ok": counts.ok, "changed": changed, "failed": counts.failed, "unreachable": counts.unreachable })
    };
    account.hosts.iter().map(row).collect()
}

fn groups(account: &Account) -> Vec<Value> {
    let group = |group: &Group| {
        let step = group.step.as_deref().map_or_else(|| "Outside of a step".to_owned(), printable);
        let Some(found) = &group.found else {
            return json!({ "step": step, "line": "The run was gone before what came of the watching could be told.", "gaps": [] });
        };
        let name = |name: &Option<String>| name.as_deref().map_or_else(|| "nobody".to_owned(), printable);
        let gaps = found.gaps.iter().zip(&group.gaps_at_ms).map(|(gap, at)| {
            json!({
                "at": clock(account, *at),
                "span": format!("{}{}", seconds(gap.seconds), if gap.over { "" } else { ", not over" }),
                "exact": exact(gap.uncertainty_seconds),
                "before": name(&gap.leader_before),
                "after": name(&gap.leader_after),
                "election": if gap.election { "yes" } else { "no" },
            })
        });
        json!({ "step": step, "line": quorum::line(found), "gaps": gaps.collect::<Vec<_>>() })
    };
    account.groups.iter().map(group).collect()
}

/// The playbook's data that has the form of a table: `columns`, a list of texts, and `rows`, a list of lists.
fn tables(account: &Account) -> Vec<Value> {
    account
        .data
        .iter()
        .filter_map(|told| {
            let columns = told.data.get("columns")?.as_array()?.iter().map(cell).collect::<Vec<_>>();
            let rows = told.data.get("rows")?.as_array()?;
            let rows = rows
                .iter()
                .map(|row| Some(row.as_array()?.iter().map(cell).collect()))
                .collect::<Option<Vec<Vec<String>>>>()?;
            let title = told.data.get("title").map_or_else(|| printable(&told.name), cell);
            Some(json!({ "title": title, "columns": columns, "rows": rows }))
        })
        .collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Null => String::new(),
        other => printable(&other.to_string()),
    }
}

fn steps(account: &Account) -> Vec<Value> {
    let row = |step: &Step| {
        let (outcome, tone) = match step.outcome {
            StepEnd::Done => ("done".to_owned(), "good"),
            StepEnd::Failed => ("failed".to_owned(), "bad"),
            StepEnd::Interrupted => ("interrupted".to_owned(), "warn"),
            StepEnd::Skipped => (step.why.as_deref().map_or_else(|| "skipped".to_owned(), printable), ""),
            StepEnd::Open => ("did not end".to_owned(), "warn"),
        };
        let took = if step.outcome == StepEnd::Skipped { String::new() } else { span(step.ms) };
        json!({
            "number": step.number, "step": printable(&step.step), "began": clock(account, step.at_ms), "took": took,
            "outcome": outcome, "tone": tone, "attempt": step.attempt,
        })
    };
    account.steps.iter().map(row).collect()
}

fn failures(account: &Account) -> Vec<Value> {
    let row = |effect: &Effect| {
        let mut parts = vec![clock(account, effect.at_ms)];
        parts.extend(effect.step.as_deref().map(printable));
        parts.extend(effect.place.as_deref().map(printable));
        json!({
            "host": host_of(effect), "what": printable(&format!("{} {}", effect.name, effect.what())), "where": parts.join(", "),
            "message": effect.message.as_deref().map(clean),
        })
    };
    account.effects.iter().filter(|effect| effect.failed()).take(MOST_ROWS).map(row).collect()
}

fn warnings(account: &Account) -> Vec<Value> {
    let text = |said: &Said| {
        let host = said.host.as_deref().map(|host| format!("{}: ", printable(host))).unwrap_or_default();
        match &said.what {
            Saying::Warning { text } | Saying::Unreachable { text } => Some(format!("{host}{}", clean(text))),
            Saying::Check { name, result, found } if result != "ok" => {
                Some(format!("{host}{} ({}): {}", printable(name), printable(result), clean(found)))
            }
            Saying::Interrupt { now: false } => {
                Some("the operator interrupted: the run stops at the next safe place".to_owned())
            }
            Saying::Interrupt { now: true } => Some("the operator interrupted: the run stops now".to_owned()),
            _ => None,
        }
    };
    let row = |said: &Said| Some(json!({ "at": clock(account, said.at_ms), "text": text(said)? }));
    account.said.iter().filter_map(row).take(MOST_ROWS).collect()
}

fn changes(account: &Account) -> Vec<Value> {
    let row = |(effect, hosts): (&Effect, Vec<String>)| {
        json!({
            "at": clock(account, effect.at_ms), "name": effect.name, "what": printable(effect.what()), "hosts": names(&hosts),
            "step": effect.step.as_deref().map(printable), "diff": effect.diff.map(|at| format!("diff-{at}")),
        })
    };
    account.changes().into_iter().map(row).collect()
}

fn waits(account: &Account) -> Vec<Value> {
    let row = |effect: &Effect| {
        let (ended, bad) = match effect.outcome {
            Some(Outcome::Failed | Outcome::Unreachable) => (effect.message.clone().unwrap_or_default(), true),
            Some(Outcome::Interrupted) => ("interrupted".to_owned(), false),
            Some(Outcome::NotBegun) => ("not begun".to_owned(), false),
            Some(Outcome::WouldRun) => ("check mode does not wait".to_owned(), false),
            None => ("it did not end".to_owned(), false),
            _ => match (&effect.told, &effect.seen) {
                (Some(told), _) => (told.clone(), false),
                (None, Some(seen)) => (format!("it became true; seen before: {seen}"), false),
                (None, None) => ("it became true at once".to_owned(), false),
            },
        };
        json!({
            "at": clock(account, effect.at_ms), "host": host_of(effect), "what": printable(&effect.summary), "ended": clean(&ended),
            "bad": bad, "took": span(effect.ms),
        })
    };
    account.waits().map(row).collect()
}

fn checks(account: &Account) -> Vec<Value> {
    let row = |said: &Said| {
        let Saying::Check { name, result, found } = &said.what else { return None };
        let tone = match result.as_str() {
            "ok" => "good",
            "failed" => "bad",
            _ => "warn",
        };
        let host = said.host.as_deref().map(|host| format!("{host}: ")).unwrap_or_default();
        Some(
            json!({ "name": printable(&format!("{host}{name}")), "result": printable(result), "tone": tone, "found": clean(found) }),
        )
    };
    account.said.iter().filter_map(row).collect()
}

fn notes(account: &Account) -> Vec<Value> {
    let row = |said: &Said| {
        let at = clock(account, said.at_ms);
        match &said.what {
            Saying::Note { text } => {
                let title = said.host.as_deref().map_or_else(|| "Note".to_owned(), printable);
                Some(json!({ "at": at, "title": title, "text": clean(text) }))
            }
            Saying::Question { text, yes, by } => {
                let answer = format!("{} ({})", if *yes { "yes" } else { "no" }, printable(by));
                Some(json!({ "at": at, "title": "Question", "text": clean(text), "answer": answer }))
            }
            _ => None,
        }
    };
    account.said.iter().filter_map(row).take(MOST_ROWS).collect()
}

/// The differences, as far as a page has room for them, and how many are left out.
fn diffs(account: &Account) -> (Vec<Value>, usize) {
    let (mut room, mut shown) = (MOST_DIFFERENCE, Vec::new());
    for (at, difference) in account.diffs.iter().enumerate() {
        let lines = diff::lines(&difference.before, &difference.after);
        let size: usize = lines.iter().map(|(_, text)| text.len() + 30).sum();
        if size > room {
            continue;
        }
        room -= size;
        let lines: Vec<Value> =
            lines.iter().map(|(class, text)| json!({ "class": class.word(), "text": text })).collect();
        shown.push(json!({
            "id": format!("diff-{at}"), "path": printable(&difference.path),
            "hosts": names(&difference.hosts), "step": difference.step.as_deref().map(printable), "lines": lines,
        }));
    }
    let left = account.diffs.len() - shown.len();
    (shown, left)
}

fn facts(account: &Account) -> Vec<Value> {
    let asked = &account.asked;
    let mut facts = vec![("command", account.command_line.clone()), ("folder", asked.folder.display().to_string())];
    let yes = [
        ("--check", asked.check),
        ("--diff", asked.diff),
        ("--yes", asked.yes),
        ("--ask-become-pass", asked.ask_become_pass),
    ];
    let options: Vec<&str> = yes.iter().filter(|(_, is)| *is).map(|(option, _)| *option).collect();
    facts.push((
        "options",
        format!("{}--forks {}", options.iter().map(|option| format!("{option} ")).collect::<String>(), asked.forks),
    ));
    if !asked.extra_vars.is_empty() {
        facts.push(("variables", asked.extra_vars.join("\n")));
    }
    if !asked.secret_vars.is_empty() {
        facts.push(("secret variables", format!("{} (not kept)", asked.secret_vars.join(", "))));
    }
    facts.push(("zkmig", versions(account)));
    facts.push(("operator", format!("{} on {}", asked.who, asked.from)));
    for attempt in &account.attempts {
        let ended = match attempt.exit_code {
            Some(code) => format!("exit code {code}"),
            None => "no end is recorded".to_owned(),
        };
        let line = format!("{}, {}, {ended}", day_and_time(attempt.started), span(attempt.ms));
        facts.push((if account.attempts.len() > 1 { "attempt" } else { "time" }, line));
    }
    let inputs = asked.inputs.iter().map(|(name, hash)| format!("{name}  sha256 {}", hash.get(..12).unwrap_or(hash)));
    facts.push(("made from", inputs.collect::<Vec<_>>().join("\n")));
    facts.into_iter().map(|(name, text)| json!({ "name": name, "text": clean(&text) })).collect()
}

/// The versions of zkmig that made the attempts.
fn versions(account: &Account) -> String {
    let mut versions: Vec<&str> = account.attempts.iter().map(|attempt| attempt.version.as_str()).collect();
    versions.dedup();
    if versions.is_empty() { account.asked.version.clone() } else { versions.join(", then ") }
}

fn copies(account: &Account) -> Vec<Value> {
    let rows = account.copies.iter().map(|kept| {
        let copy = &kept.copy;
        ((copy.path.clone(), copy.backup.clone(), copy.sha256.clone()), Some(kept.host.clone()), copy)
    });
    by_hosts(rows)
        .into_iter()
        .map(|(copy, hosts)| {
            let sha256 = copy.sha256.get(..12).unwrap_or(&copy.sha256);
            json!({ "path": printable(&copy.path), "backup": printable(&copy.backup), "sha256": printable(sha256), "hosts": names(&hosts) })
        })
        .collect()
}

/// The data of the page's script: rows of numbers, and each text once.
fn script_data(account: &Account) -> String {
    let mut texts = Texts::default();
    let hosts = host_names(account);
    let index: HashMap<&str, i64> = hosts.iter().zip(0..).map(|(host, at)| (host.as_str(), at)).collect();
    let host = |name: Option<&String>| name.and_then(|name| index.get(name.as_str())).copied().unwrap_or(-1);
    let effects = account.effects.iter().map(|effect| {
        let kind = match effect.kind {
            Kind::Read => 0,
            Kind::Change => 1,
            Kind::Action => 2,
        };
        json!([
            effect.effect,
            host(effect.host.as_ref()),
            texts.maybe(effect.step.as_ref()),
            texts.of(&effect.name),
            texts.of(&effect.summary),
            texts.maybe(effect.told.as_ref()),
            kind,
            outcome_number(effect),
            effect.at_ms,
            effect.ms,
            texts.maybe(effect.message.as_ref()),
            effect.diff.map_or(-1, |at| i64::try_from(at).unwrap_or(-1)),
            texts.maybe(effect.place.as_ref()),
            u8::from(effect.tried),
            texts.maybe(effect.seen.as_ref()),
        ])
    });
    let effects: Vec<Value> = effects.collect();
    let steps = account.steps.iter().filter(|step| step.outcome != StepEnd::Skipped);
    let steps: Vec<Value> = steps.map(|step| json!([texts.of(&step.step), step.number, step.at_ms, step.ms])).collect();
    let groups = account.groups.iter().map(|group| {
        let members = group.members.iter().map(|members| {
            let view = &members.view;
            let serving: Vec<i64> = view.serving.iter().map(|name| host(Some(name))).collect();
            json!([members.at_ms, host(view.leader.as_ref()), serving, view.quorum, view.spare])
        });
        let members: Vec<Value> = members.collect();
        let gaps = group.found.iter().flat_map(|found| &found.gaps).zip(&group.gaps_at_ms);
        let gaps: Vec<Value> = gaps.map(|(gap, at)| json!([at, gap.seconds * 1000.0, seconds(gap.seconds)])).collect();
        let most = group.members.iter().map(|members| members.view.serving.len()).max().unwrap_or(0);
        let size = group.found.as_ref().map_or(most, |found| found.hosts.len());
        json!({ "size": size, "members": members, "until": group.until_ms, "gaps": gaps })
    });
    let groups: Vec<Value> = groups.collect();
    let attempts: Vec<Value> = account
        .attempts
        .iter()
        .map(|attempt| json!([attempt.at_ms, attempt.ms, attempt.started.as_millisecond()]))
        .collect();
    let data = json!({
        "zone": TimeZone::system().to_offset(account.asked.started).seconds(),
        "total": account.ms,
        "attempts": if attempts.is_empty() { vec![json!([0, 0, account.asked.started.as_millisecond()])] } else { attempts },
        "hosts": hosts.iter().map(|host| printable(host)).collect::<Vec<_>>(),
        "texts": texts.all,
        "steps": steps,
        "effects": effects,
        "groups": groups,
    });
    // No text in it can end the element that it stands in, and none acts on a terminal that shows the page's source.
    ndjson::json(&data.to_string()).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// The hosts that have a lane, in the order in which they appeared.
fn host_names(account: &Account) -> Vec<String> {
    let mut names: Vec<String> = account.hosts.iter().map(|host| host.host.clone()).collect();
    let watched = account.groups.iter().filter_map(|group| group.found.as_ref()).flat_map(|found| &found.hosts);
    for name in account.effects.iter().filter_map(|effect| effect.host.as_ref()).chain(watched) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// The place of an outcome in the script's list of them.
fn outcome_number(effect: &Effect) -> u8 {
    match effect.outcome {
        Some(Outcome::Ok) => 0,
        // What a wait or a command is counted as is not what it did.
        Some(Outcome::Changed) if effect.waits() || effect.kind == Kind::Read => 0,
        Some(Outcome::Changed) => 1,
        Some(Outcome::WouldChange) => 2,
        Some(Outcome::WouldRun) => 3,
        Some(Outcome::Failed) => 4,
        Some(Outcome::Unreachable) => 5,
        Some(Outcome::Interrupted) => 6,
        Some(Outcome::NotBegun) => 7,
        None => 8,
    }
}

/// Texts, each of which is kept once.
#[derive(Default)]
struct Texts {
    all: Vec<String>,
    known: HashMap<String, usize>,
}

impl Texts {
    fn of(&mut self, text: &str) -> usize {
        let text = match text.char_indices().nth(LONGEST) {
            Some((at, _)) => format!("{}…", clean(&text[..at])),
            None => clean(text),
        };
        if let Some(at) = self.known.get(&text) {
            return *at;
        }
        self.all.push(text.clone());
        self.known.insert(text, self.all.len() - 1);
        self.all.len() - 1
    }

    fn maybe(&mut self, text: Option<&String>) -> i64 {
        text.map_or(-1, |text| i64::try_from(self.of(text)).unwrap_or(-1))
    }
}

fn limited(mut rows: Vec<Value>) -> (Vec<Value>, usize) {
    let left = rows.len().saturating_sub(MOST_ROWS);
    rows.truncate(MOST_ROWS);
    (rows, left)
}

/// The hash of a text as a content security policy names it.
fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}
