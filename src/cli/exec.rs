//! `zkmig exec`: runs one command on the hosts of a pattern, on `--forks` of them at once.

use std::sync::Arc;

use super::session::{HostArgs, OutputArgs, Session, Subject};
use crate::error::{self, Error, Result};
use crate::run::events::What;
use crate::run::hosts::RunHost;
use crate::run::joined::joined;
use crate::run::{Call, Report};
use crate::script::STACK;
use crate::script::options::parse_duration;
use crate::task::{Kind, command, printable};

#[derive(clap::Args)]
pub struct Args {
    /// The hosts, a pattern such as `masters` or `all`
    pattern: String,
    #[command(flatten)]
    hosts: HostArgs,
    /// How long the command may take, such as 90s or 5m
    #[arg(long, default_value = "60s", value_name = "SPAN")]
    timeout: String,
    /// Say what would be run, and run nothing
    #[arg(short = 'C', long)]
    check: bool,
    /// The command only looks: it takes no lock, and runs in check mode too
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    output: OutputArgs,
    /// The command; several words are run as they are, a single one is a shell's text
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

pub fn run(mut args: Args) -> Result<()> {
    let config = args.hosts.settle(None)?;
    args.hosts.check_key(&config)?;
    let timeout = parse_duration(&args.timeout).ok_or_else(|| {
        Error::input(format!("`{}` is not a time span", args.timeout)).hint("--timeout takes spans such as 90s or 5m")
    })?;
    let session = Session::new(&args.hosts, &args.output, false, args.check, false)?;
    let selected = session.run.inventory.select(&args.pattern)?;
    let mut names: Vec<String> = selected.hosts.iter().map(|host| host.name.clone()).collect();
    if let Some(limit) = &session.run.options.limit {
        names.retain(|name| limit.contains(name));
    }
    let script = match args.command.as_slice() {
        [text] => text.clone(),
        words => words.iter().map(|word| crate::task::quoted(word)).collect::<Vec<_>>().join(" "),
    };
    let under_way = session.begin(Subject {
        command: "exec",
        playbook: args.pattern.clone(),
        libraries: Vec::new(),
        steps: Vec::new(),
        sources: [("command".to_owned(), script.clone())].into(),
        may_change: !args.read_only,
        hosts: &args.hosts,
        diff: false,
        resumes: None,
    })?;
    under_way.conduct(STACK, |run| {
        let hosts = run.connect_or_skip(&names, run.options.skip_unreachable)?;
        let results = run.on_hosts(&hosts, |host| {
            let call = Call {
                host: Some(host),
                name: "run",
                summary: script.clone(),
                kind: if args.read_only { Kind::Read } else { Kind::Action },
                place: None,
                timeout,
                user: None,
                attempt: false,
            };
            let output = run.effect(call, async |context| {
                let mut options = command::Options::script(script.as_str());
                options.read_only = args.read_only;
                let output = command::run(context, &options).await?;
                let told = output.told(&script);
                Ok((output, Report { summary: told, ..Report::default() }))
            })?;
            if let Some(output) = output {
                let text: Vec<String> = output.stdout.lines().chain(output.stderr.lines()).map(printable).collect();
                if !text.is_empty() {
                    run.events.emit(What::Note { host: Some(host.name.clone()), text: text.join("\n") });
                }
            }
            Ok(())
        })?;
        let failed = |(host, result): (&Arc<RunHost>, Result<()>)| Some((host.name.clone(), result.err()?));
        let mut failures: Vec<(String, Error)> = hosts.iter().zip(results).filter_map(failed).collect();
        // An interrupt is the same on every host.
        if let Some(at) = failures.iter().position(|(_, error)| error.kind() == error::Kind::Interrupted) {
            return Err(failures.swap_remove(at).1);
        }
        if failures.is_empty() { Ok(()) } else { Err(joined(hosts.len(), failures)) }
    })
}
