//! `zkmig unlock`: shows the locks of hosts, and removes those whose runs are dead.

use std::sync::Arc;

use super::print;
use super::session::{HostArgs, OutputArgs, Session};
use crate::error::{Error, Kind, Result};
use crate::run::Run;
use crate::run::hosts::RunHost;
use crate::run::locks::with;
use crate::script::STACK;
use crate::task::lock::Held;

#[derive(clap::Args)]
pub struct Args {
    /// The hosts, a pattern such as `masters`; all of the inventory unless given
    #[arg(default_value = "all")]
    pattern: String,
    #[command(flatten)]
    hosts: HostArgs,
    /// Show the locks and remove none
    #[arg(long)]
    list: bool,
    /// Remove the locks of runs that live, too: only when you know that they do not
    #[arg(long)]
    force: bool,
    /// Remove them without asking
    #[arg(short, long)]
    yes: bool,
}

pub fn run(mut args: Args) -> Result<()> {
    let config = args.hosts.settle(None)?;
    args.hosts.check_key(&config)?;
    let session = Session::new(&args.hosts, &OutputArgs::default(), false, args.list, args.yes)?;
    let selected = session.run.inventory.select(&args.pattern)?;
    let limit = session.run.options.limit.as_ref();
    let names: Vec<String> = selected
        .hosts
        .iter()
        .map(|host| host.name.clone())
        .filter(|name| limit.is_none_or(|limit| limit.contains(name)))
        .collect();
    session.conduct_quietly(STACK, |run| {
        let hosts = run.connect(&names)?;
        let found = look(run, &hosts)?;
        if found.is_empty() {
            return print("no host is locked\n");
        }
        for (host, held) in &found {
            print(&format!("{}\n  {}\n", host.name, held.facts().replace('\n', "\n  ")))?;
        }
        if args.list {
            return Ok(());
        }
        let (dead, alive): (Vec<_>, Vec<_>) = found.iter().partition(|(_, held)| held.is_dead() || args.force);
        if let Some((host, held)) = alive.first() {
            return Err(Error::new(Kind::Locked, format!("the lock on {} is that of a run that lives; no lock was removed", host.name))
                .detail(held.facts())
                .hint("wait for its end, or talk to who started it")
                .hint("a run that lost its network is dead after a minute without a renewal; --force does not wait, and two runs at once would take the cluster down"));
        }
        confirm(run, &dead)?;
        for (host, held) in &dead {
            let removed = run.quietly(with(host, async |lock| lock.remove(&held.holder).await))?;
            print(&if removed {
                format!("{}: unlocked\n", host.name)
            } else {
                format!("{}: the lock has changed hands meanwhile, and was left alone\n", host.name)
            })?;
        }
        Ok(())
    })
}

type Found = Vec<(Arc<RunHost>, Held)>;

fn look(run: &Arc<Run>, hosts: &[Arc<RunHost>]) -> Result<Found> {
    let answers = run.quietly(async {
        let looks = hosts.iter().map(|host| with(host, async |lock| lock.look().await));
        Ok(futures_util::future::join_all(looks).await)
    })?;
    let mut found = Vec::new();
    for (host, answer) in hosts.iter().zip(answers) {
        if let Some(held) = answer? {
            found.push((Arc::clone(host), held));
        }
    }
    Ok(found)
}

fn confirm(run: &Arc<Run>, dead: &[&(Arc<RunHost>, Held)]) -> Result<()> {
    if run.options.yes {
        return Ok(());
    }
    if !run.ask.can_ask() {
        return Err(Error::stopped("nobody is there to say whether the locks are to be removed")
            .hint("`zkmig unlock --yes` removes those of dead runs without asking"));
    }
    let names = dead.iter().map(|(host, _)| host.name.as_str()).collect::<Vec<_>>().join(", ");
    let question = format!("Remove the locks on {names}? What their run had in hand stays as it is on the hosts.");
    let ask = Arc::clone(&run.ask);
    let yes = run.await_answer(move || ask.confirm(&question))?;
    match yes.map_err(|error| Error::stopped("no answer could be read").caused_by(error))? {
        true => Ok(()),
        false => Err(Error::stopped("the operator answered no")),
    }
}
