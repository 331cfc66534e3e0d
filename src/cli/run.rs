//! `zkmig run`: runs a playbook.

use std::path::PathBuf;
use std::sync::Arc;

use super::library::LibraryArgs;
use super::print;
use super::session::{HostArgs, OutputArgs, Session, Subject};
use crate::error::{Error, Result};
use crate::run::Run;
use crate::run::record::Story;
use crate::run::resume::Replay;
use crate::script::playbook::{Playbook, folder_of};
use crate::script::variables::Variables;
use crate::script::{self, STACK, Script};

#[derive(clap::Args)]
pub struct Args {
    /// The playbook, a Rhai file; `zkmig:NAME` for one that ships with zkmig
    playbook: PathBuf,
    #[command(flatten)]
    library: LibraryArgs,
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
    /// Leave out the steps before this one. What they would give is not known then; `zkmig resume` has it from the record
    #[arg(long, value_name = "NAME")]
    from_step: Option<String>,
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

pub fn run(mut args: Args) -> Result<()> {
    let config = args.hosts.settle(Some(&args.playbook))?;
    let key = args.hosts.check_key(&config);
    let libraries = args.library.folders(config);
    if args.help_vars || args.list_steps {
        let playbook = Playbook::load(&args.playbook, &libraries, &script::language())?;
        return print(&if args.help_vars { help_vars(&playbook) } else { list_steps(&playbook) });
    }
    key?;
    let session = Session::of(folder_of(&args.playbook), &args.hosts, &args.output, args.diff, args.check, args.yes)?;
    limit_leaves_hosts(&session.run)?;
    let playbook = Playbook::load(&args.playbook, &libraries, &script::language())?;
    let script = prepare(&session.run, &playbook)?;
    if args.list_hosts {
        let hosts = session.run.inventory.hosts();
        let chosen =
            hosts.filter(|host| session.run.options.limit.as_ref().is_none_or(|limit| limit.contains(&host.name)));
        return print(&chosen.map(|host| format!("{}\n", host.name)).collect::<String>());
    }
    if let Some(name) = &args.from_step {
        known_step(&playbook, name)?;
        session.run.replay(Replay::skipping(name));
    }
    let run = session.begin(subject(&playbook, &args.hosts, args.diff, None))?;
    run.conduct(STACK, |_| script::run(&script, &playbook))
}

/// A playbook as the subject of a run.
pub fn subject<'a>(
    playbook: &Playbook,
    hosts: &'a HostArgs,
    diff: bool,
    resumes: Option<(&'a Story, bool)>,
) -> Subject<'a> {
    Subject {
        command: "run",
        playbook: playbook.path.clone(),
        libraries: playbook.sources.libraries(),
        steps: playbook.steps.clone(),
        sources: playbook.sources.all().into_iter().map(|(path, text)| (path, text.to_string())).collect(),
        may_change: script::check::may_change(playbook),
        hosts,
        diff,
        resumes,
    }
}

/// As for ansible-playbook, the limit has to leave one of the inventory's hosts, if there are any: a `localhost` that no
/// inventory names is none of them.
fn limit_leaves_hosts(run: &Run) -> Result<()> {
    let Some(limit) = &run.options.limit else { return Ok(()) };
    let mut hosts = run.inventory.hosts().peekable();
    if hosts.peek().is_none() || hosts.any(|host| limit.contains(&host.name)) {
        return Ok(());
    }
    let names: Vec<&str> = limit.iter().map(String::as_str).collect();
    Err(Error::input("--limit leaves no host of the inventory")
        .detail(format!("it leaves {}, which no inventory names", names.join(", ")))
        .hint("leave --limit out for a playbook that works on this machine alone, or add `localhost` to an inventory"))
}

/// Fails unless the playbook names a step so.
pub fn known_step(playbook: &Playbook, name: &str) -> Result<()> {
    if playbook.steps.iter().any(|step| step == name) {
        return Ok(());
    }
    Err(Error::input(format!("the playbook has no step \"{name}\""))
        .did_you_mean(name, playbook.steps.iter().map(String::as_str))
        .hint("--list-steps lists them"))
}

/// The playbook with its variables, checked as far as it can be without a host.
pub fn prepare(run: &Arc<Run>, playbook: &Playbook) -> Result<Script> {
    check_extra(run, playbook)?;
    let variables = Arc::new(Variables::new(run, playbook));
    variables.check(playbook)?;
    let compiled = Arc::clone(&playbook.compiled);
    let script = Script { run: Arc::clone(run), sources: playbook.sources.clone(), compiled, variables };
    script::check(&script, playbook)?;
    Ok(script)
}

/// `-e` names what the playbook or the inventory knows: a typo must not be taken for silence.
fn check_extra(run: &Run, playbook: &Playbook) -> Result<()> {
    match run.inventory.extra_names().into_iter().find(|name| !playbook.takes(&run.inventory, name)) {
        None => Ok(()),
        Some(name) => Err(Error::input(format!("the playbook has no variable `{name}`"))
            .did_you_mean(
                name,
                playbook.declared_below(&playbook.path).into_iter().map(|declaration| declaration.name.as_str()),
            )
            .hint("--help-vars lists its variables")),
    }
}

fn help_vars(playbook: &Playbook) -> String {
    let mut text = String::new();
    if !playbook.about.is_empty() {
        text.push_str(&format!("{}\n\n", playbook.about));
    }
    let declared = playbook.declared_below(&playbook.path);
    if declared.is_empty() {
        return text + "The playbook declares no variables.\n";
    }
    text.push_str("Variables, set with -e NAME=VALUE:\n\n");
    for declaration in declared {
        let kind =
            if declaration.choices.is_empty() { declaration.kind.clone() } else { declaration.choices.join("|") };
        let default = match &declaration.default {
            Some(serde_json::Value::String(text)) => {
                format!(", default {}", if text.is_empty() { "empty" } else { text })
            }
            Some(value) => format!(", default {value}"),
            None => ", required".to_owned(),
        };
        text.push_str(&format!("  {} ({kind}{default})\n", declaration.name));
        if !declaration.help.is_empty() {
            text.push_str(&format!("      {}\n", declaration.help));
        }
    }
    text
}

fn list_steps(playbook: &Playbook) -> String {
    playbook.steps.iter().enumerate().map(|(index, step)| format!("{:3}  {step}\n", index + 1)).collect()
}
