//! `zkmig run`: runs a playbook.

use std::path::PathBuf;
use std::sync::Arc;

use super::print;
use super::session::{HostArgs, OutputArgs, Session};
use crate::error::Result;
use crate::run::Run;
use crate::run::events::What;
use crate::script::declare::{Declaration, values};
use crate::script::playbook::Playbook;
use crate::script::{self, STACK, Script};

#[derive(clap::Args)]
pub struct Args {
    /// The playbook, a Rhai file
    playbook: PathBuf,
    #[command(flatten)]
    hosts: HostArgs,
    /// Predict what would change and change nothing
    #[arg(short = 'C', long)]
    check: bool,
    /// Show the differences of the files that change
    #[arg(short = 'D', long)]
    diff: bool,
    /// Answer every question of the playbook with yes
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    output: OutputArgs,
    /// List the playbook's variables, with their types, defaults and meaning, and run nothing
    #[arg(long)]
    help_vars: bool,
    /// List the hosts that the playbook may work on, and run nothing
    #[arg(long)]
    list_hosts: bool,
    /// List the playbook's steps, and run nothing
    #[arg(long)]
    list_steps: bool,
}

pub fn run(args: Args) -> Result<()> {
    if args.help_vars || args.list_steps {
        let playbook = Playbook::load(&args.playbook, &script::language())?;
        return print(&if args.help_vars { help_vars(&playbook) } else { list_steps(&playbook) });
    }
    let session = Session::new(&args.hosts, &args.output, args.diff, args.check, args.yes)?;
    let playbook = Playbook::load(&args.playbook, &script::language())?;
    let script = prepare(&session.run, &playbook)?;
    if args.list_hosts {
        let hosts = session.run.inventory.hosts();
        let chosen =
            hosts.filter(|host| session.run.options.limit.as_ref().is_none_or(|limit| limit.contains(&host.name)));
        return print(&chosen.map(|host| format!("{}\n", host.name)).collect::<String>());
    }
    session.run.events.emit(What::RunStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        playbook: playbook.path.clone(),
        inventories: args.hosts.inventory.iter().map(|path| path.display().to_string()).collect(),
        check: args.check,
        steps: playbook.steps.clone(),
    });
    session.conduct(STACK, |_| script::run(&script, &playbook))
}

/// The playbook with its variables, checked as far as it can be without a host.
pub fn prepare(run: &Arc<Run>, playbook: &Playbook) -> Result<Script> {
    let given = run.inventory.playbook_vars();
    check_extra(run, &playbook.declared)?;
    let vars = values(&playbook.declared, &given)?;
    let script = Script { run: Arc::clone(run), sources: playbook.sources.clone(), vars };
    script::check(&script, playbook)?;
    Ok(script)
}

/// `-e` names what the playbook or the inventory knows: a typo must not be taken for silence.
fn check_extra(run: &Run, declared: &[Declaration]) -> Result<()> {
    if declared.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = declared.iter().map(|declaration| declaration.name.as_str()).collect();
    for name in run.inventory.extra_names() {
        let is_known = known.contains(&name) || name.starts_with("ansible_") || name.starts_with("zkmig_");
        if !is_known && !run.inventory.names_variable(name) {
            return Err(crate::error::Error::input(format!("the playbook has no variable `{name}`"))
                .did_you_mean(name, known.iter().copied())
                .hint("--help-vars lists its variables"));
        }
    }
    Ok(())
}

fn help_vars(playbook: &Playbook) -> String {
    let mut text = String::new();
    if !playbook.about.is_empty() {
        text.push_str(&format!("{}\n\n", playbook.about));
    }
    if playbook.declared.is_empty() {
        return text + "The playbook declares no variables.\n";
    }
    text.push_str("Variables, set with -e NAME=VALUE:\n\n");
    for declaration in &playbook.declared {
        let kind =
            if declaration.choices.is_empty() { declaration.kind.clone() } else { declaration.choices.join("|") };
        let default = match &declaration.default {
            Some(serde_json::Value::String(text)) => {
                format!(", default {}", if text.is_empty() { "empty" } else { text })
            }
            Some(value) => format!(", default {value}"),
            None => ", required".to_owned(),
        };
        text.push_str(&format!("  {} ({kind}{default})\n      {}\n", declaration.name, declaration.help));
    }
    text
}

fn list_steps(playbook: &Playbook) -> String {
    playbook.steps.iter().enumerate().map(|(index, step)| format!("{:3}  {step}\n", index + 1)).collect()
}
