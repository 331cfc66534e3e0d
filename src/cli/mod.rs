//! The command line: a file a command.

use std::process::ExitCode;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

mod colour;
mod completions;
mod config;
mod connection;
mod doc;
mod exec;
mod inventory;
mod library;
mod lint;
mod resume;
mod run;
mod runs;
mod session;
mod unlock;
mod vault;
mod vault_options;

use crate::error::{Error, Kind};
use crate::report::diagnostic;
use crate::run::signals;

/// Runs playbooks written in Rhai against inventories of hosts over SSH.
#[derive(Parser)]
#[command(name = "zkmig", version, propagate_version = true, max_term_width = 110, after_help = EXIT_CODES)]
pub struct Cli {
    /// Whether output is coloured
    #[arg(long, global = true, value_name = "WHEN", value_parser = ["auto", "always", "never"], default_value = "auto")]
    #[allow(
        dead_code,
        reason = "it is taken from the arguments before they are read: what is wrong with them is coloured, too"
    )]
    color: String,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  a defect of zkmig
    2  the command line, an inventory or a playbook is wrong; no host was changed
    3  a step failed on a host
    4  a host is unreachable
    5  stopped by a gate, by a check of the playbook, or by the operator's answer
    6  another run holds the lock
  130  interrupted";

#[derive(Subcommand)]
enum Command {
    /// Run a playbook
    Run(run::Args),
    /// Go on with a run that did not come to its end
    Resume(resume::Args),
    /// List the runs that were made here, or show one
    Runs(runs::Args),
    /// Look at the locks of hosts, and remove those of dead runs
    Unlock(unlock::Args),
    /// Look at an inventory: what hosts there are, in which groups, and where their variables come from
    Inventory(inventory::Args),
    /// Run a command on hosts
    Exec(exec::Args),
    /// Check a playbook without running it
    Lint(lint::Args),
    /// Look at Ansible's vaults, and make and change them
    Vault(vault::Args),
    /// Show the settings that count, and where each is from
    Config(config::Args),
    /// Explain what a playbook can call
    Doc(doc::Args),
    /// Print the completions for a shell
    Completions(completions::Args),
}

/// Runs the command line; gives the process's exit code.
pub fn main() -> ExitCode {
    let colour = colour::of_arguments(std::env::args_os());
    let matched = Cli::command().color(colour).try_get_matches();
    let cli = match matched.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { Kind::Input.exit_code() } else { 0 };
            // Nothing is left to tell when even the message can't be written.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    if let Err(error) = signals::listen() {
        report(&Error::failed("signals can't be heard").caused_by(error));
        return ExitCode::from(Kind::Failed.exit_code());
    }
    let result = match cli.command {
        Command::Run(args) => run::run(args),
        Command::Resume(args) => resume::run(args),
        Command::Runs(args) => runs::run(args),
        Command::Unlock(args) => unlock::run(args),
        Command::Inventory(args) => inventory::run(args),
        Command::Exec(args) => exec::run(args),
        Command::Lint(args) => lint::run(args),
        Command::Vault(args) => vault::run(args),
        Command::Config(args) => config::run(args),
        Command::Doc(args) => doc::run(args),
        Command::Completions(args) => completions::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

fn report(error: &Error) {
    use std::io::Write as _;
    let text = diagnostic::render(error, console::colors_enabled_stderr());
    // Standard error may be closed; the exit code still tells. It may be stopped, too: who wants to stop now need not wait.
    let (end, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = std::io::stderr().write_all(text.as_bytes());
        let _ = end.send(());
    });
    while ended.recv_timeout(Duration::from_millis(50)) == Err(RecvTimeoutError::Timeout) && signals::is_patient() {}
}

/// Says on standard error what is done.
fn say(text: &str) {
    use std::io::Write as _;
    // As above.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Warns on standard error.
fn warn(text: &str) {
    use std::io::Write as _;
    // As above.
    let _ = writeln!(std::io::stderr(), "warning: {text}");
}

/// Writes to standard output; a reader that went away (`| head`) is no failure.
fn print(text: &str) -> crate::error::Result<()> {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::failed("can't write to standard output").caused_by(error))
        }
        _ => Ok(()),
    }
}
