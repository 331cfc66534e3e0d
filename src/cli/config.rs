//! `zkmig config`: which settings count, and where each is from.

use std::path::PathBuf;

use super::library::LibraryArgs;
use super::print;
use super::session::HostArgs;
use crate::config::SETTINGS;
use crate::error::Result;

#[derive(clap::Args)]
pub struct Args {
    /// The playbook: a zkmig.toml beside it counts, too
    playbook: Option<PathBuf>,
    #[command(flatten)]
    library: LibraryArgs,
    #[command(flatten)]
    hosts: HostArgs,
}

pub fn run(mut args: Args) -> Result<()> {
    let mut config = args.hosts.settle(args.playbook.as_deref())?;
    args.library.say(&mut config);
    let mut text = String::new();
    for setting in SETTINGS {
        let (value, place) = match (config.get(setting.name), config.place(setting.name)) {
            (Some(value), Some(place)) => (value.shown(), place),
            _ => (setting.default.to_owned(), "default"),
        };
        text.push_str(&format!("{:<20} {value}  ({place})\n", setting.name));
    }
    for note in &config.notes {
        text.push_str(&format!("{note}\n"));
    }
    print(&text)
}
