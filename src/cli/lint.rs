//! `zkmig lint`: checks a playbook without running it.

use std::path::PathBuf;

use super::print;
use super::run::prepare;
use super::session::{HostArgs, OutputArgs, Session};
use crate::error::Result;
use crate::script;
use crate::script::playbook::Playbook;

#[derive(clap::Args)]
pub struct Args {
    /// The playbook, a Rhai file
    playbook: PathBuf,
    #[command(flatten)]
    hosts: HostArgs,
}

pub fn run(args: Args) -> Result<()> {
    let playbook = Playbook::load(&args.playbook, &script::language())?;
    let session = Session::new(&args.hosts, &OutputArgs::default(), false, true, false)?;
    prepare(&session.run, &playbook)?;
    print(&format!("{} is fine: {} files, {} steps\n", playbook.path, playbook.compiled.len(), playbook.steps.len()))
}
