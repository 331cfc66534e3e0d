//! `zkmig runs show`: what one run did, on which hosts, and how it goes on and back.

use std::time::Duration;

use super::super::print;
use super::time;
use crate::error::Result;
use crate::report::recap::Recap;
use crate::report::wording::word;
use crate::run::record::Story;
use crate::script::options::shown_duration;
use crate::task::printable;

/// Prints a run's story.
pub fn show(story: &Story) -> Result<()> {
    let manifest = &story.manifest;
    let recap = Recap::of_record(&story.folder)?;
    let mut text = format!(
        "run       {}\nstate     {}\nstarted   {} by {} on {}\ncommand   {}\nfolder    {}\nrecord    {}\nattempts  {}\n",
        story.id(),
        word(story.state),
        time(manifest.started),
        printable(&manifest.who),
        printable(&manifest.from),
        printable(&manifest.command_line()),
        manifest.folder.display(),
        story.folder.display(),
        attempts(&recap),
    );
    if let Some(message) = &story.message {
        text.push_str(&format!("stopped   {}\n", indented(message)));
    }
    if !story.steps.is_empty() {
        text.push_str("\nsteps\n");
        for step in &story.steps {
            let took = shown_duration(Duration::from_millis(step.ms));
            let (mark, took) = match step.ok {
                Some(true) => ("✓", took),
                Some(false) if recap.was_interrupted(&step.name) => ("…", format!("interrupted after {took}")),
                Some(false) => ("✗", format!("failed after {took}")),
                None => ("…", "did not end".to_owned()),
            };
            text.push_str(&format!("  {mark} {}  {took}\n", printable(&step.name)));
        }
    }
    text.push('\n');
    let width = recap.hosts().map(|(host, _)| host.len()).max().unwrap_or(0);
    for (host, counts) in recap.hosts() {
        text.push_str(&format!("{host:width$}  {}\n", counts.line(manifest.check)));
    }
    recap.quorum_lines().iter().for_each(|line| text.push_str(&format!("{line}\n")));
    text.push_str(&format!("\n{}\n", story.standing.changes().lines().map(printable).collect::<Vec<_>>().join("\n")));
    if !story.copies.is_empty() {
        text.push_str("\nbackups on the hosts\n");
        for (host, copy) in &story.copies {
            let link = copy.link.as_ref().map(|link| format!(" (a link to {})", printable(link))).unwrap_or_default();
            text.push_str(&format!(
                "  {host:<15}  {}{link} → {}  sha256 {}\n",
                printable(&copy.path),
                printable(&copy.backup),
                printable(&copy.sha256.chars().take(12).collect::<String>())
            ));
        }
        let kept = story.folder.join("backups");
        if kept.is_dir() {
            text.push_str(&format!("  copies of them are in {}\n", kept.display()));
        }
    }
    text.push('\n');
    if story.can_be_resumed() {
        text.push_str(&format!("go on:    zkmig resume {}\n", story.id()));
    }
    match story.standing.undo() {
        _ if !story.standing.has_changed() => text.push_str("go back:  nothing has to be undone\n"),
        Some(undo) if std::env::current_dir().is_ok_and(|folder| folder == manifest.folder) => {
            text.push_str(&format!("go back:  {}\n", printable(undo)));
        }
        Some(undo) => {
            let folder = crate::run::record::manifest::word(&manifest.folder.display().to_string());
            text.push_str(&format!("go back:  cd {folder} && {}\n", printable(undo)));
        }
        None => text.push_str("go back:  the playbook names no other that undoes it; the backups are named above\n"),
    }
    print(&text)
}

/// How many attempts there were, and how long they took together.
fn attempts(recap: &Recap) -> String {
    let took = shown_duration(Duration::from_millis(recap.ms()));
    match recap.attempts {
        0 | 1 => format!("1, {took}"),
        attempts => format!("{attempts}, {took} in all; what follows counts all of them"),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n          ")
}
