//! `zkmig runs`: the runs that were made here, and what one of them did.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::print;
use crate::error::{Error, Result};
use crate::report::recap::Recap;
use crate::run::record::story::{self, State};
use crate::run::record::{Story, store};
use crate::script::options::{parse_duration, shown_duration};
use crate::task::printable;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(clap::Subcommand)]
enum What {
    /// The runs, the newest first
    List,
    /// What a run did, on which hosts, how it goes on, and the command that undoes it
    Show {
        /// The run, or the beginning of its name; the newest unless given
        run: Option<String>,
    },
    /// Remove the records of old runs. One that is under way stays, and so does one that has changed something and can be gone
    /// on with
    Prune {
        /// Keep the newest N, whatever their age
        #[arg(long, value_name = "N", required_unless_present = "older_than")]
        keep: Option<usize>,
        /// Remove those that began longer ago than this, such as 90d
        #[arg(long, value_name = "SPAN")]
        older_than: Option<String>,
        /// Say which would be removed, and remove none
        #[arg(short = 'C', long)]
        check: bool,
    },
}

pub fn run(args: Args) -> Result<()> {
    match args.what {
        None | Some(What::List) => list(),
        Some(What::Show { run }) => show(run.as_deref()),
        Some(What::Prune { keep, older_than, check }) => prune(keep.unwrap_or(0), older_than.as_deref(), check),
    }
}

fn prune(keep: usize, older_than: Option<&str>, check: bool) -> Result<()> {
    let limit = match older_than {
        None => None,
        Some(text) => Some(long_ago(text).ok_or_else(|| {
            Error::input(format!("`{text}` is not a time span")).hint("--older-than takes spans such as 90d or 12h")
        })?),
    };
    let (mut removed, mut text) = (0, String::new());
    for id in store::ids()?.into_iter().skip(keep) {
        let story = match store::read(&id) {
            Ok(story) => story,
            Err(error) => {
                text.push_str(&format!("{id}  stays: {error}\n"));
                continue;
            }
        };
        if limit.is_some_and(|limit| story.manifest.started >= limit) || story.state == State::Running {
            continue;
        }
        if story.can_be_resumed() && story.standing.has_changed() {
            text.push_str(&format!("{id}  stays: it has changed something, and can be gone on with\n"));
            continue;
        }
        if !check {
            store::remove(&story)?;
        }
        removed += 1;
        text.push_str(&format!(
            "{id}  {}  {}\n",
            if check { "would go" } else { "removed" },
            printable(&story.manifest.playbook)
        ));
    }
    let runs = if removed == 1 { "1 run".to_owned() } else { format!("{removed} runs") };
    print(&format!("{text}{runs} {}\n", if check { "would be removed" } else { "removed" }))
}

/// The moment that was this span ago: whole days, or what other options take.
fn long_ago(span: &str) -> Option<Timestamp> {
    let days = |days: &str| days.trim().parse::<u32>().ok().map(|days| i64::from(days) * 24 * 3600);
    let seconds = match span.trim().strip_suffix('d').and_then(days) {
        Some(seconds) => seconds,
        None => i64::try_from(parse_duration(span)?.as_secs()).ok()?,
    };
    Timestamp::now().checked_sub(jiff::SignedDuration::from_secs(seconds)).ok()
}

fn list() -> Result<()> {
    let mut text = String::new();
    for id in store::ids()? {
        match store::read(&id) {
            Ok(story) => {
                let hosts = story.standing.changed_hosts().count();
                let changed = match hosts {
                    0 => "nothing changed".to_owned(),
                    1 => "1 host changed".to_owned(),
                    hosts => format!("{hosts} hosts changed"),
                };
                let check = if story.manifest.check { "  check" } else { "" };
                text.push_str(&format!(
                    "{id}  {:<12}  {changed:<16}  {}{check}\n",
                    state(&story),
                    printable(&story.manifest.playbook)
                ));
            }
            Err(error) => text.push_str(&format!("{id}  {error}\n")),
        }
    }
    if text.is_empty() {
        text = "no run was made here yet\n".to_owned();
    }
    print(&text)
}

/// How far a run is, in a word or two.
pub(super) fn state(story: &Story) -> String {
    match story.state {
        State::Running => "running".to_owned(),
        State::Killed => "killed".to_owned(),
        State::Ended(0) => "done".to_owned(),
        State::Ended(2) => "wrong input".to_owned(),
        State::Ended(3) => "failed".to_owned(),
        State::Ended(4) => "unreachable".to_owned(),
        State::Ended(5) => "stopped".to_owned(),
        State::Ended(6) => "locked out".to_owned(),
        State::Ended(130) => "interrupted".to_owned(),
        State::Ended(code) => format!("exit code {code}"),
    }
}

pub(super) fn time(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

fn show(given: Option<&str>) -> Result<()> {
    let story = match given {
        Some(given) => store::find(given)?,
        None => store::newest()?.ok_or_else(|| Error::input("no run was made here yet"))?,
    };
    let manifest = &story.manifest;
    let mut text = format!(
        "run       {}\nstate     {}\nstarted   {} by {} on {}\ncommand   {}\nfolder    {}\nrecord    {}\nattempts  {}\n",
        story.id(),
        state(&story),
        time(manifest.started),
        printable(&manifest.who),
        printable(&manifest.from),
        printable(&manifest.command_line()),
        manifest.folder.display(),
        story.folder.display(),
        story.attempts,
    );
    if let Some(message) = &story.message {
        text.push_str(&format!("stopped   {}\n", indented(message)));
    }
    if !story.steps.is_empty() {
        text.push_str("\nsteps\n");
        for step in &story.steps {
            let (mark, took) = match step.ok {
                Some(true) => ("✓", shown_duration(Duration::from_millis(step.ms))),
                Some(false) => ("✗", format!("failed after {}", shown_duration(Duration::from_millis(step.ms)))),
                None => ("…", "did not end".to_owned()),
            };
            text.push_str(&format!("  {mark} {}  {took}\n", printable(&step.name)));
        }
    }
    let mut recap = Recap::default();
    for event in story::events(&story.folder)? {
        recap.count(&event?);
    }
    let quorum = recap.quorum_lines();
    if !quorum.is_empty() {
        text.push_str(&format!("\n{}\n", quorum.join("\n")));
    }
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

fn indented(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n          ")
}
