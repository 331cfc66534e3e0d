//! `zkmig runs`: the runs that were made here, and what one of them did.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::{Error, Result};
use crate::report::format::Format;
use crate::run::record::{Story, store};
use crate::script::options::parse_duration;

mod list;
mod prune;
mod report;
mod show;

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(flatten)]
    list: list::Filters,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(clap::Subcommand)]
enum What {
    /// The runs, the newest first
    List(list::Filters),
    /// What a run did, on which hosts, how it goes on, and the command that undoes it
    Show {
        /// The run, the beginning of its name, or what stands behind the last `-` of it; the newest unless given
        run: Option<String>,
    },
    /// Tell what a run did in all its attempts: as a page, or for a ticket, a tool or what shows test results
    Report {
        /// The run, as for `show`
        run: Option<String>,
        /// The form. Unless it is given, the file's ending says it; without a file it is Markdown
        #[arg(long, value_name = "FORM", value_enum)]
        format: Option<Format>,
        /// Write it to this file. A page is written to zkmig-RUN.html when it would come on a terminal
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
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
        None => list::list(&args.list),
        Some(What::List(filters)) => list::list(&filters),
        Some(What::Show { run }) => show::show(&named(run.as_deref())?),
        Some(What::Report { run, format, out }) => report::report(&named(run.as_deref())?, format, out),
        Some(What::Prune { keep, older_than, check }) => prune::prune(keep.unwrap_or(0), older_than.as_deref(), check),
    }
}

/// The run of this name, or the newest.
fn named(given: Option<&str>) -> Result<Story> {
    match given {
        Some(given) => found(given),
        None => store::newest()?.ok_or_else(|| Error::input("no run was made here yet")),
    }
}

/// The run with this id, or with the only id that begins like this, or that has this behind its last `-`.
pub(super) fn found(given: &str) -> Result<Story> {
    let ids = store::ids()?;
    let mut fitting = ids.iter().filter(|id| end_of(id) == given && !given.is_empty());
    match (fitting.next(), fitting.next()) {
        (Some(id), None) => store::read(id),
        _ => store::find(given),
    }
}

/// What stands behind the last `-` of an id.
fn end_of(id: &str) -> &str {
    id.rsplit_once('-').map_or(id, |(_, end)| end)
}

/// A moment on the operator's clock.
pub(super) fn time(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// The moment that was this span ago: whole days, or what other options take.
fn long_ago(option: &str, span: &str) -> Result<Timestamp> {
    let days = |days: &str| days.trim().parse::<u32>().ok().map(|days| i64::from(days) * 24 * 3600);
    let seconds = span.trim().strip_suffix('d').and_then(days);
    let seconds = seconds.or_else(|| i64::try_from(parse_duration(span)?.as_secs()).ok());
    seconds.and_then(|seconds| Timestamp::now().checked_sub(jiff::SignedDuration::from_secs(seconds)).ok()).ok_or_else(
        || {
            Error::input(format!("`{span}` is not a time span"))
                .hint(format!("{option} takes spans such as 90d or 12h"))
        },
    )
}
