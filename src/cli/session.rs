//! What every command that reaches hosts shares: its options, its runtime, its connections, its signals.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Error, Kind, Result};
use crate::host::control::Control;
use crate::host::secret::Secret;
use crate::host::{Transport, User, local, ssh};
use crate::inventory::{Extra, Host, Inventory};
use crate::report::ndjson;
use crate::report::terminal::{Settings, Terminal};
use crate::run::events::{Events, Reader, What};
use crate::run::hosts::Connect;
use crate::run::secrets::Secrets;
use crate::run::{Ask as _, Options, Run};

/// The options that say which hosts, and how they are reached.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct HostArgs {
    /// An inventory: a YAML file, or a folder of them. May be given several times
    #[arg(short, long = "inventory", value_name = "PATH")]
    pub inventory: Vec<PathBuf>,
    /// Work on these hosts only (a pattern such as `masters[0:2]` or `10.10.0.*:!10.10.0.9`)
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Option<String>,
    /// Set a variable: KEY=VALUE, @FILE (YAML or JSON), or a YAML map. May be given several times
    #[arg(short, long = "extra-vars", value_name = "KEY=VALUE|@FILE")]
    pub extra_vars: Vec<String>,
    /// How many hosts are worked on at once
    #[arg(short, long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub forks: u16,
    /// Ask for the sudo password
    #[arg(short = 'K', long)]
    pub ask_become_pass: bool,
}

/// The options that say what is shown.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct OutputArgs {
    /// Show more: -v reads too, -vv what hosts print
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Write the event stream as NDJSON; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    pub events: Option<PathBuf>,
}

/// A run that is ready to begin.
pub struct Session {
    /// The run.
    pub run: Arc<Run>,
    runtime: Runtime,
}

/// The inventories and `-e`, read and checked.
pub fn load(hosts: &HostArgs) -> Result<Inventory> {
    if hosts.inventory.is_empty() {
        return Err(Error::input("no inventory was given").hint("name one with -i, such as -i inventories/prod.yaml"));
    }
    let extra = Extra::parse(&hosts.extra_vars)?;
    let inventory = Inventory::load(&hosts.inventory, &extra)?;
    inventory.check_keys()?;
    Ok(inventory)
}

impl Session {
    /// Makes a run: `check` and `yes` as the command has them.
    pub fn new(hosts: &HostArgs, output: &OutputArgs, diff: bool, check: bool, yes: bool) -> Result<Self> {
        let inventory = load(hosts)?;
        let limit = match &hosts.limit {
            Some(pattern) => Some(inventory.select(pattern)?.into_iter().map(|host| host.name.clone()).collect()),
            None => None,
        };
        let quiet = output.events.as_deref() == Some(std::path::Path::new("-"));
        let terminal = Terminal::new(Settings { diff, verbose: output.verbose, quiet });
        let secrets = Secrets::default();
        let mut readers: Vec<Box<dyn Reader>> = vec![Box::new(terminal.clone())];
        if let Some(path) = &output.events {
            readers.push(ndjson::open(path)?);
        }
        let asked = if hosts.ask_become_pass {
            if !terminal.can_ask() {
                return Err(Error::input("--ask-become-pass needs a terminal to ask at")
                    .hint("set `ansible_become_password` in a protected file and give it with -e @FILE"));
            }
            let password = terminal
                .password("sudo password")
                .map_err(|error| Error::input("no password could be read").caused_by(error))?;
            Some(Secret::from(password))
        } else {
            None
        };
        for host in inventory.hosts() {
            if let Some(password) = &host.connection.become_password {
                secrets.add(password.expose());
            }
        }
        if let Some(password) = &asked {
            secrets.add(password.expose());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Error::failed("can't start the runtime").caused_by(error))?;
        let events = Events::new(readers, secrets.clone());
        let options = Options { check, forks: usize::from(hosts.forks), yes, limit };
        let connector = Connector { asked, control: Arc::new(Control::new()?) };
        let handle = runtime.handle().clone();
        let run =
            Run::new(options, events, secrets, Box::new(terminal.clone()), inventory, Box::new(connector), handle);
        Ok(Self { run: Arc::new(run), runtime })
    }

    /// Does the work on a thread of its own while signals are heard; then ends every connection.
    pub fn conduct(self, stack: usize, work: impl FnOnce(&Arc<Run>) -> Result<()> + Send) -> Result<()> {
        let signals = self.runtime.spawn(listen(Arc::clone(&self.run)));
        let run = &self.run;
        let result = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new()
                .name("playbook".to_owned())
                .stack_size(stack)
                .spawn_scoped(scope, || work(run));
            match thread.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(Error::defect("the thread of the playbook ended in a panic")),
                Err(error) => Err(Error::failed("can't start a thread").caused_by(error)),
            }
        });
        self.runtime.block_on(self.run.close());
        signals.abort();
        // It holds the run, and with it the folder of the control sockets, until it has ended.
        let _ = self.runtime.block_on(signals);
        let result = result.map_err(|error| {
            let error = self.run.secrets.redact_error(error);
            if self.run.interrupt.is_stopping() && error.kind() == Kind::Failed && self.run.interrupt.is_now() {
                let mut error = error;
                error.parts_mut().kind = Kind::Interrupted;
                return error;
            }
            error
        });
        let (exit_code, message) = match &result {
            Ok(()) => (0, None),
            Err(error) => (error.kind().exit_code(), Some(error.to_string())),
        };
        self.run.events.emit(What::RunFinished { exit_code, message, ms: self.run.events.elapsed_ms() });
        self.runtime.shutdown_background();
        result
    }
}

/// Turns the operator's signals into wishes to stop.
async fn listen(run: Arc<Run>) {
    let streams = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()));
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = streams else { return };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        let now = run.interrupt.signal();
        run.events.emit(What::Interrupted { now });
    }
}

/// Connects as the inventory says.
struct Connector {
    asked: Option<Secret>,
    control: Arc<Control>,
}

#[async_trait]
impl Connect for Connector {
    async fn connect(&self, host: &Host) -> Result<Arc<dyn Transport>> {
        let connection = &host.connection;
        let password = connection.become_password.clone().or_else(|| self.asked.clone());
        if connection.local {
            return Ok(Arc::new(local::Local::new(password)));
        }
        let user = if connection.become_root { User::Root } else { User::Login };
        let target = ssh::Target {
            name: host.name.clone(),
            address: connection.address.clone(),
            port: connection.port,
            user: connection.user.clone(),
            key: connection.key.clone(),
            config_file: connection.ssh_config.clone(),
            options: connection.ssh_options.clone(),
            strict: connection.strict_host_keys,
            connect_timeout: connection.connect_timeout,
        };
        let transport = ssh::Ssh::connect(target, password, user, Arc::clone(&self.control)).await?;
        Ok(Arc::new(transport))
    }
}
