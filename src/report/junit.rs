//! The report of a run as JUnit's XML, for what shows test results: a suite a step, a case for each thing that was done.
//!
//! Reads are cases only where they failed. What the operator interrupted is an error, not a failure; what was predicted or not
//! begun is skipped. A run that stopped without a failed effect has a case of its own for that.

use std::fmt::Write as _;

use indexmap::IndexMap;

use super::account::{Account, Effect, Saying};
use super::wording::{INTERRUPTED, clean, host_of};
use crate::run::events::Outcome;
use crate::task::Kind;

/// What a case came to.
enum End {
    Good,
    Failure(String),
    Error(String),
    Skipped(String),
}

struct Case {
    name: String,
    host: String,
    ms: u64,
    end: End,
}

/// The XML text.
pub fn render(account: &Account) -> String {
    let mut suites: IndexMap<String, (u64, Vec<Case>)> = IndexMap::new();
    let outside = || "outside of a step".to_owned();
    for step in &account.steps {
        suites.entry(step.step.clone()).or_insert_with(|| (step.at_ms, Vec::new()));
    }
    let mut add = |step: Option<&String>, at_ms: u64, case: Case| {
        suites.entry(step.cloned().unwrap_or_else(outside)).or_insert_with(|| (at_ms, Vec::new())).1.push(case);
    };
    let told = |effect: &&Effect| !effect.tried && (effect.kind != Kind::Read || effect.failed());
    for effect in account.effects.iter().filter(told) {
        let name = format!("{} {}", effect.name, effect.summary);
        let case = Case { name, host: host_of(effect), ms: effect.ms, end: end(effect) };
        add(effect.step.as_ref(), effect.at_ms, case);
    }
    for said in &account.said {
        if let Saying::Check { name, result, found } = &said.what {
            let end = match result.as_str() {
                "failed" => End::Failure(found.clone()),
                "not made" => End::Skipped(found.clone()),
                _ => End::Good,
            };
            let host = said.host.clone().unwrap_or_else(|| "all hosts".to_owned());
            add(said.step.as_ref(), said.at_ms, Case { name: format!("check: {name}"), host, ms: 0, end });
        }
    }
    let message = account.message.clone().unwrap_or_else(|| account.outcome.clone());
    let end = match account.exit_code {
        Some(0) => End::Good,
        Some(INTERRUPTED) | None => End::Error(message),
        Some(_) => End::Failure(message),
    };
    let whole = Case { name: account.asked.playbook.clone(), host: "all hosts".to_owned(), ms: account.ms, end };
    suites.entry("the run".to_owned()).or_insert_with(|| (0, Vec::new())).1.push(whole);
    write(account, &suites)
}

fn end(effect: &Effect) -> End {
    let message = || effect.message.clone().unwrap_or_default();
    match effect.outcome {
        Some(Outcome::Failed | Outcome::Unreachable) => End::Failure(message()),
        Some(Outcome::Interrupted) => End::Error("interrupted".to_owned()),
        Some(Outcome::NotBegun) => End::Skipped(format!("not begun: {}", message())),
        Some(Outcome::WouldChange) => End::Skipped("check mode: it would be changed".to_owned()),
        Some(Outcome::WouldRun) => End::Skipped("check mode: it would be done".to_owned()),
        Some(Outcome::Ok | Outcome::Changed) => End::Good,
        None => End::Error("it did not end".to_owned()),
    }
}

fn write(account: &Account, suites: &IndexMap<String, (u64, Vec<Case>)>) -> String {
    let all: Vec<&Case> = suites.values().flat_map(|(_, cases)| cases).collect();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = attribute(&format!("zkmig {} {}", account.asked.playbook, account.asked.run));
    // Writing to a text does not fail.
    let _ = writeln!(xml, "<testsuites name=\"{name}\" {} time=\"{}\">", counts(&all, false), time(account.ms));
    for (id, (step, (at_ms, cases))) in suites.iter().enumerate() {
        let cases: Vec<&Case> = cases.iter().collect();
        let took = cases.iter().map(|case| case.ms).sum();
        let began = account.clock(*at_ms).strftime("%Y-%m-%dT%H:%M:%S");
        let (name, counts, host) = (attribute(step), counts(&cases, true), attribute(&account.asked.from));
        let _ = writeln!(
            xml,
            "  <testsuite id=\"{id}\" name=\"{name}\" package=\"zkmig\" hostname=\"{host}\" timestamp=\"{began}\" {counts} time=\"{}\">",
            time(took)
        );
        for case in cases {
            let (name, host) = (attribute(&case.name), attribute(&case.host));
            let head = format!("    <testcase classname=\"{host}\" name=\"{name}\" time=\"{}\"", time(case.ms));
            let (element, kind, message) = match &case.end {
                End::Good => {
                    let _ = writeln!(xml, "{head}/>");
                    continue;
                }
                End::Failure(message) => ("failure", Some("failed"), message),
                End::Error(message) => ("error", Some("stopped"), message),
                End::Skipped(message) => ("skipped", None, message),
            };
            let kind = kind.map(|kind| format!(" type=\"{kind}\"")).unwrap_or_default();
            let first = attribute(message.lines().next().unwrap_or_default());
            let _ = writeln!(
                xml,
                "{head}>\n      <{element} message=\"{first}\"{kind}>{}</{element}>\n    </testcase>",
                content(message)
            );
        }
        xml.push_str("  </testsuite>\n");
    }
    xml + "</testsuites>\n"
}

fn counts(cases: &[&Case], skipped: bool) -> String {
    let count = |is: fn(&End) -> bool| cases.iter().filter(|case| is(&case.end)).count();
    let (failures, errors) = (count(|end| matches!(end, End::Failure(_))), count(|end| matches!(end, End::Error(_))));
    let mut text = format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"", cases.len());
    if skipped {
        let _ = write!(text, " skipped=\"{}\"", count(|end| matches!(end, End::Skipped(_))));
    }
    text
}

/// Seconds, as JUnit counts.
fn time(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// A text as XML may have it in an attribute.
fn attribute(text: &str) -> String {
    content(text).replace('"', "&quot;").replace('\n', "&#10;")
}

/// A text as XML may have it: without what it can't hold even escaped.
fn content(text: &str) -> String {
    let text: String =
        clean(text).chars().map(|c| if matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c }).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_not_in_it() {
        assert_eq!(attribute("a \"b\" <c>&\u{1}\u{ffff}\nd"), "a &quot;b&quot; &lt;c&gt;&amp;\\u{1}\u{fffd}&#10;d");
        assert_eq!(time(61_007), "61.007");
    }
}
