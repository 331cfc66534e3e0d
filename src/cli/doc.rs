//! `zkmig doc`: explains what a playbook can call.

use super::print;
use crate::error::{Error, Result};
use crate::script::catalog::{self, Entry};

/// What is explained beside the functions: its name, its title, its text.
const INTERRUPT: (&str, &str, &str) =
    ("interrupt", "what the first Ctrl-C ends, and what it lets come to its end", include_str!("doc/interrupt.txt"));

#[derive(clap::Args)]
pub struct Args {
    /// The function, or `interrupt`; all are listed without it
    name: Option<String>,
}

pub fn run(args: Args) -> Result<()> {
    let Some(name) = args.name else { return print(&overview()) };
    if name == INTERRUPT.0 {
        return print(INTERRUPT.2);
    }
    let entries = found(&name);
    if entries.is_empty() {
        return Err(Error::input(format!("there is no function `{name}`"))
            .did_you_mean(last_name(&name), catalog::entries().map(Entry::last_name))
            .hint("zkmig doc lists them all"));
    }
    print(&entries.into_iter().map(page).collect::<Vec<_>>().join("\n"))
}

/// What goes by a name as playbooks write it: `run`, `host.run`, `m.run(…)`, `zookeeper::plan`. What a module has is found
/// without the module's name, too.
fn found(name: &str) -> Vec<&'static Entry> {
    let called = bare(name);
    let Some((receiver, method)) = called.rsplit_once('.') else {
        return catalog::entries().filter(|entry| [entry.name, entry.last_name()].contains(&called)).collect();
    };
    let methods: Vec<&Entry> =
        catalog::entries().filter(|entry| !entry.on.is_empty() && entry.last_name() == method).collect();
    // Several things may have a method of one name: the receiver's own, where its name says which it is.
    let own: Vec<&Entry> = methods.iter().copied().filter(|entry| entry.usage.contains(called)).collect();
    if own.is_empty() || receiver.is_empty() { methods } else { own }
}

/// A name without the arguments of its call.
fn bare(name: &str) -> &str {
    name.split('(').next().unwrap_or(name).trim()
}

fn last_name(name: &str) -> &str {
    let called = catalog::last_name(bare(name));
    called.rsplit('.').next().unwrap_or(called)
}

fn overview() -> String {
    let width = catalog::entries().map(|entry| entry.usage.chars().count()).max().unwrap_or(0).min(56);
    let mut text = String::from("What a playbook can call, beside Rhai itself. `zkmig doc NAME` explains one.\n\n");
    for entry in catalog::entries() {
        let first = entry.doc.split_inclusive(". ").next().unwrap_or(entry.doc).trim_end();
        let kind = entry.kind.map_or(String::new(), |kind| format!("[{}] ", word(kind)));
        text.push_str(&format!("  {:width$}  {kind}{first}\n", entry.usage));
    }
    text.push_str(&format!("\n`zkmig doc {}`: {}.\n", INTERRUPT.0, INTERRUPT.1));
    text
}

fn word(kind: crate::task::Kind) -> &'static str {
    match kind {
        crate::task::Kind::Read => "read",
        crate::task::Kind::Change => "change",
        crate::task::Kind::Action => "action",
    }
}

fn page(entry: &Entry) -> String {
    let mut text = format!("{}\n", entry.usage);
    if let Some(kind) = entry.kind {
        let check = match kind {
            crate::task::Kind::Read => "runs in check mode too",
            crate::task::Kind::Change => "predicted in check mode",
            crate::task::Kind::Action => "not run in check mode",
        };
        text.push_str(&format!("  {}: {check}\n", word(kind)));
    }
    text.push('\n');
    text.push_str(&wrapped(entry.doc, "  "));
    if !entry.options.is_empty() {
        text.push_str(if entry.arguments.is_empty() { "\nNames\n" } else { "\nOptions\n" });
        for option in entry.options {
            text.push_str(&format!("  {}: {}\n", option.name, option.takes));
            text.push_str(&wrapped(option.doc, "      "));
        }
    }
    text.push_str("\nExample\n");
    for line in entry.example.lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() + indent.len() >= 100 {
            lines.push_str(&format!("{indent}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push_str(&format!("{indent}{line}\n"));
    lines
}
