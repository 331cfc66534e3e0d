//! `zkmig lint`: checks a playbook without running it.

use std::path::PathBuf;

use super::library::LibraryArgs;
use super::print;
use super::run::prepare;
use super::session::{HostArgs, OutputArgs, Session};
use crate::error::Result;
use crate::inventory::Surprised;
use crate::script;
use crate::script::playbook::{Playbook, folder_of};
use crate::task::printable;

#[derive(clap::Args)]
pub struct Args {
    /// The playbook, a Rhai file
    playbook: PathBuf,
    #[command(flatten)]
    library: LibraryArgs,
    #[command(flatten)]
    hosts: HostArgs,
}

pub fn run(mut args: Args) -> Result<()> {
    let config = args.hosts.settle(Some(&args.playbook))?;
    let libraries = args.library.folders(config);
    let playbook = Playbook::load(&args.playbook, &libraries, &script::language())?;
    let session = Session::of(folder_of(&args.playbook), &args.hosts, &OutputArgs::default(), false, true, false)?;
    surprises(session.run.inventory.surprises());
    prepare(&session.run, &playbook)?;
    print(&format!("{} is fine: {} files, {} steps\n", playbook.path, playbook.compiled.len(), playbook.steps.len()))
}

/// Says on standard error which scalars of the inventories are something else than they look like.
fn surprises(found: &[Surprised]) {
    use std::io::Write as _;
    const SHOWN: usize = 20;
    let mut out = std::io::stderr();
    for surprise in found.iter().take(SHOWN) {
        // Standard error may be closed; a surprise is no failure.
        let _ = writeln!(out, "note: {}", printable(&surprise.message()));
    }
    if found.len() > SHOWN {
        let _ = writeln!(out, "note: and {} more of them", found.len() - SHOWN);
    }
}
