//! `zkmig resume`: goes on with a run that did not come to its end, from its record.

use super::connection::ConnectionArgs;
use super::run::{known_step, prepare, subject};
use super::runs::{found, time};
use super::session::{HostArgs, OutputArgs, Session};
use super::vault_options::VaultArgs;
use crate::error::{Error, Kind, Result};
use crate::inventory::Extra;
use crate::report::recap::Recap;
use crate::report::terminal::Pen;
use crate::report::wording::word;
use crate::run::Ask as _;
use crate::run::record::story::State;
use crate::run::record::{Story, store};
use crate::run::resume::{Replay, verify};
use crate::script::playbook::{Playbook, folder_of};
use crate::script::{self, STACK};
use crate::task::printable;

#[derive(clap::Args)]
pub struct Args {
    /// The run, as `zkmig runs` names it, or the beginning of its whole name. Unless it is given, the newest that did not come to
    /// its end is named, and taken when you say so
    run: Option<String>,
    /// Carry out this step and those after it again, although they are over
    #[arg(long, value_name = "NAME")]
    from_step: Option<String>,
    /// Go on although the playbook, the inventory or the options have changed since
    #[arg(long)]
    accept_changes: bool,
    /// Answer every question of the playbook with yes
    #[arg(short, long)]
    yes: bool,
    /// Show the differences of the files that change
    #[arg(short = 'D', long)]
    diff: bool,
    /// Give a secret again that the record does not keep, or another value: KEY=VALUE, @FILE or a YAML map
    #[arg(short, long = "extra-vars", value_name = "KEY=VALUE|@FILE")]
    extra_vars: Vec<String>,
    /// Ask for the sudo password
    #[arg(short = 'K', long)]
    ask_become_pass: bool,
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub fn run(mut args: Args) -> Result<()> {
    let story = chosen(args.run.as_deref(), args.yes)?;
    let manifest = &story.manifest;
    let output = &mut args.output;
    for path in [&mut output.events, &mut output.log, &mut output.report].into_iter().flatten() {
        if path.as_os_str() != "-" {
            *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
        }
    }
    for argument in &mut args.extra_vars {
        if let Some(path) = argument.strip_prefix('@') {
            *argument = format!("@{}", std::path::absolute(path).unwrap_or_else(|_| path.into()).display());
        }
    }
    let vault = args.vault.after(&manifest.vault);
    std::env::set_current_dir(&manifest.folder).map_err(|error| {
        Error::input(format!("the folder {} in which the run was started can't be entered", manifest.folder.display()))
            .caused_by(error)
    })?;
    let hosts = HostArgs {
        inventory: manifest.inventories.clone(),
        limit: manifest.limit.clone(),
        extra_vars: manifest.extra_vars.iter().chain(&args.extra_vars).cloned().collect(),
        forks: Some(manifest.forks),
        connection: ConnectionArgs { reached: manifest.reached.clone(), ..ConnectionArgs::default() },
        ask_become_pass: args.ask_become_pass || manifest.ask_become_pass,
        vault,
    };
    let (_, given) = Extra::recordable(&args.extra_vars)?;
    let missing: Vec<&str> =
        manifest.secret_vars.iter().filter(|name| !given.contains(name)).map(String::as_str).collect();
    if !missing.is_empty() && !hosts.ask_become_pass {
        return Err(Error::input(format!(
            "the record of run {} keeps no secrets: {} is missing",
            story.id(),
            missing.join(", ")
        ))
        .hint("give it again: -e NAME=VALUE, -e @FILE, or -K for the sudo password"));
    }
    let folder = folder_of(std::path::Path::new(&manifest.playbook));
    let (diff, yes) = (args.diff || manifest.diff, args.yes || manifest.yes);
    args.output.earlier = Recap::of_record(&story.folder)?;
    let session = Session::of(folder, &hosts, &args.output, diff, false, yes)?;
    let playbook = Playbook::load(manifest.playbook.as_ref(), &manifest.libraries, &script::language())?;
    let prepared = prepare(&session.run, &playbook)?;
    if let Some(from) = &args.from_step {
        from_step(&story, &playbook, from)?;
    }
    let under_way = session.begin(subject(&playbook, &hosts, args.diff, Some((&story, args.accept_changes))))?;
    let mut replay = Replay::of(&story, args.from_step.as_deref(), !args.accept_changes);
    under_way.conduct(STACK, |run| {
        verify(run, &story, &mut replay)?;
        run.replay(replay);
        script::run(&prepared, &playbook)
    })
}

fn chosen(given: Option<&str>, yes: bool) -> Result<Story> {
    let Some(given) = given else {
        let story = store::newest_unfinished()?.ok_or_else(|| {
            Error::input("there is no run to go on with")
                .hint("`zkmig runs list` shows the runs that were made here")
                .hint("on another machine, `zkmig run` goes on from what the hosts show")
        })?;
        return agreed(story, yes);
    };
    let story = found(given)?;
    if story.can_be_resumed() {
        return Ok(story);
    }
    let id = story.id();
    Err(match story.state {
        State::Running => Error::new(Kind::Locked, format!("run {id} is under way"))
            .hint("it runs in another terminal of this machine: look there"),
        State::Ended(0) => Error::input(format!("run {id} came to its end: there is nothing to go on with"))
            .hint(format!("start it again: {}", story.manifest.command_line())),
        _ if story.manifest.check => {
            Error::input(format!("run {id} was in check mode: there is nothing to go on with"))
        }
        _ => Error::input(format!("run {id} had not begun with anything"))
            .hint(format!("start it again: {}", story.manifest.command_line())),
    })
}

/// The run that nobody named, once the operator has said that it is the one.
fn agreed(story: Story, yes: bool) -> Result<Story> {
    let named = |story: &Story| {
        let manifest = &story.manifest;
        let (playbook, who) = (printable(&manifest.playbook), printable(&manifest.who));
        format!("run {} of {playbook}, {} by {who} ({})", story.id(), time(manifest.started), word(story.state))
    };
    let what = named(&story);
    if let Some(newer) = store::newer_on_same_hosts(&story)? {
        return Err(Error::input("a newer run has changed the hosts of the run that did not come to its end")
            .detail(format!("not at its end: {what}\nnewer:          {}", named(&newer)))
            .hint(format!("what it did: zkmig runs show {}", newer.id()))
            .hint(format!("go on with the older one all the same: zkmig resume {}", story.id()))
            .hint("a plain `zkmig run` goes on from what the hosts show"));
    }
    if yes {
        super::say(&format!("going on with {what}"));
        return Ok(story);
    }
    let ask = Pen::default();
    if !ask.can_ask() {
        return Err(Error::stopped("nobody is there to say whether this is the run to go on with")
            .detail(what)
            .hint(format!("zkmig resume {} names it; -y takes it without asking", story.id())));
    }
    match ask.confirm(&format!("Go on with {what}?")) {
        Ok(true) => Ok(story),
        Ok(false) => Err(Error::stopped("the operator answered no").hint("`zkmig runs list` shows the others")),
        Err(error) => Err(Error::stopped("no answer could be read").caused_by(error)),
    }
}

/// Fails when the steps before this one are not all over.
fn from_step(story: &Story, playbook: &Playbook, from: &str) -> Result<()> {
    known_step(playbook, from)?;
    let before = playbook.steps.iter().take_while(|step| *step != from);
    // A step that the run did not come by is one that it had no reason for.
    let open = story.steps.iter().find(|went| went.ok == Some(false) || went.ok.is_none());
    match before.into_iter().find(|step| open.is_some_and(|open| open.name == **step)) {
        None => Ok(()),
        Some(step) => Err(Error::input(format!("step \"{step}\" before it did not come to its end"))
            .hint(format!("leave --from-step out: the run goes on with \"{step}\""))),
    }
}
