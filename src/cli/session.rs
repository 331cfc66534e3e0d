//! What every command that reaches hosts shares: its options, its runtime, its connections, its signals.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::runtime::Runtime;

use super::connection::{ConnectionArgs, defaults};
use super::vault_options::VaultArgs;
use crate::error::{Error, Kind, Result};
use crate::host::control::Control;
use crate::host::secret::{Password, Secret};
use crate::host::target::Target;
use crate::host::{Transport, User, local, ssh};
use crate::inventory::{Connection, Extra, Host, Ignored, Inventory, LoadOptions, Warning};
use crate::report::account::Account;
use crate::report::format::Format;
use crate::report::recap::Recap;
use crate::report::terminal::{Pen, Settings, Terminal};
use crate::report::{log, ndjson};
use crate::run::events::What;
use crate::run::hosts::Connect;
use crate::run::record::manifest::{hash, new_id};
use crate::run::record::{Manifest, Record, Story};
use crate::run::secrets::Secrets;
use crate::run::signals;
use crate::run::stream::{Events, Reader, Sure};
use crate::run::{Ask as _, Options, Run};
use crate::task::lock::Holder;
use crate::task::printable;

/// The options that say which hosts, and how they are reached.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct HostArgs {
    /// An inventory: a file (INI, YAML, TOML, a program), a folder of them, or hosts as `host1,host2,`. May be given several
    /// times
    #[arg(short, long = "inventory", value_name = "PATH")]
    pub inventory: Vec<PathBuf>,
    /// Work on these hosts only (a pattern such as `masters[0:2]` or `10.10.0.*:!10.10.0.9`)
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Option<String>,
    /// Set a variable: KEY=VALUE, @FILE (YAML or JSON), or a YAML map. May be given several times
    #[arg(short, long = "extra-vars", value_name = "KEY=VALUE|@FILE")]
    pub extra_vars: Vec<String>,
    /// How many hosts are worked on at once; 32 unless a setting says otherwise
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub forks: Option<u16>,
    /// Ask for the sudo password
    #[arg(short = 'K', long)]
    pub ask_become_pass: bool,
    #[command(flatten)]
    pub connection: ConnectionArgs,
    #[command(flatten)]
    pub vault: VaultArgs,
}

/// The options that say what is shown.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct OutputArgs {
    /// Show more: -v reads too, -vv what hosts print
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Show only what went wrong, warnings, questions, and how it ended
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Write what -vv --diff would show to this file, behind what is there, each line with its time
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Write a report of the run when it is over: a page (.html), Markdown (.md), JSON (.json) or JUnit's XML (.xml)
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write the event stream as NDJSON; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    pub events: Option<PathBuf>,
    /// What earlier attempts of the run did: the recap counts it, too.
    #[arg(skip)]
    pub earlier: Recap,
}

/// Says on standard error what is taken as Ansible takes it.
pub fn warn(warnings: &[Warning]) {
    use std::io::Write as _;
    let mut out = std::io::stderr();
    for warning in warnings {
        // Standard error may be closed; what is warned of is no failure.
        let _ = writeln!(out, "warning: {}", printable(&warning.to_string()));
    }
}

/// A run that is ready to begin.
pub struct Session {
    /// The run.
    pub run: Arc<Run>,
    runtime: Runtime,
    report: Option<Destination>,
}

/// A run that has begun: it has its record, and says in whose name it locks hosts. Only such a one can change anything.
pub struct UnderWay(Session);

/// What a run is made from and may do, for its record.
pub struct Subject<'a> {
    /// The command: `run` or `exec`.
    pub command: &'static str,
    /// The playbook, or what stands for it.
    pub playbook: String,
    /// The folders of shared libraries.
    pub libraries: Vec<PathBuf>,
    /// The names of its steps.
    pub steps: Vec<String>,
    /// Its texts, by path.
    pub sources: BTreeMap<String, String>,
    /// Whether it looks as if it changed hosts: then it locks them as it connects to them, and not only before its first
    /// change. What really is a change is found by [`Run::effect`], whatever this says.
    pub may_change: bool,
    /// The options that say which hosts.
    pub hosts: &'a HostArgs,
    /// `--diff`.
    pub diff: bool,
    /// The run that it goes on with, and whether it may although something has changed.
    pub resumes: Option<(&'a Story, bool)>,
}

/// The inventories and `-e`, read and checked.
pub fn load(hosts: &HostArgs, playbook_folder: Option<PathBuf>) -> Result<Inventory> {
    if hosts.inventory.is_empty() {
        return Err(Error::input("no inventory was given")
            .hint("name one with -i, such as -i inventories/prod.yaml, or as `inventory` in zkmig.toml"));
    }
    let vault = hosts.vault.load()?;
    // Before anything that a missing password makes fail.
    for text in vault.warnings() {
        super::warn(&printable(&format!("{text}; the other vault passwords are used")));
    }
    let extra = Extra::parse_with(&hosts.extra_vars, &vault)?;
    let defaults = defaults(&hosts.connection.reached)?;
    let pipe = hosts.connection.allow_pipe;
    let settings = crate::template::Settings { playbook_dir: playbook_folder.clone(), pipe, ..Default::default() };
    let templates = Some(Arc::new(crate::template::InInventory::new(settings)) as _);
    let reached = &hosts.connection.reached;
    let ignored = Ignored::new(reached.ignored_ends.as_deref(), reached.ignored_patterns.as_deref())?;
    let options = LoadOptions { extra, vault, playbook_folder, templates, defaults, allow_pipe: pipe, ignored };
    let inventory = Inventory::load(&hosts.inventory, &options)?;
    warn(inventory.warnings());
    Ok(inventory)
}

impl Session {
    /// Makes a run of no playbook: `check` and `yes` as the command has them.
    pub fn new(hosts: &HostArgs, output: &OutputArgs, diff: bool, check: bool, yes: bool) -> Result<Self> {
        Self::of(None, hosts, output, diff, check, yes)
    }

    /// Makes a run of a playbook in this folder, beside which `group_vars` and `host_vars` may stand.
    pub fn of(
        playbook_folder: Option<&Path>,
        hosts: &HostArgs,
        output: &OutputArgs,
        diff: bool,
        check: bool,
        yes: bool,
    ) -> Result<Self> {
        let inventory = load(hosts, playbook_folder.map(Path::to_path_buf))?;
        if output.verbose > 0 {
            warn(inventory.notes());
        }
        let limit = match &hosts.limit {
            Some(pattern) => {
                let selected = inventory.limit(pattern)?;
                warn(selected.warnings.all());
                Some(selected.hosts.into_iter().map(|host| host.name.clone()).collect())
            }
            None => None,
        };
        let quiet = output.events.as_deref() == Some(std::path::Path::new("-"));
        let pen = Pen::default();
        let settings = Settings { diff, verbose: output.verbose, brief: output.quiet, quiet };
        let terminal = Terminal::new(settings, output.earlier.clone(), pen.clone());
        let secrets = Secrets::default();
        let mut readers: Vec<Box<dyn Reader>> = vec![Box::new(terminal)];
        if let Some(path) = &output.events {
            readers.push(ndjson::open(path)?);
        }
        if let Some(path) = &output.log {
            readers.push(log::open(path, output.earlier.clone())?);
        }
        let report = output.report.as_deref().map(Destination::new).transpose()?;
        let asked = if hosts.ask_become_pass {
            if !pen.can_ask() {
                return Err(Error::input("--ask-become-pass needs a terminal to ask at")
                    .hint("set `ansible_become_password` in a protected file and give it with -e @FILE"));
            }
            let password = pen
                .password("sudo password")
                .map_err(|error| Error::input("no password could be read").caused_by(error))?;
            Some(Secret::from(password))
        } else {
            None
        };
        for password in inventory.passwords() {
            secrets.add(&password);
        }
        if let Some(password) = &asked {
            secrets.add(password.expose());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Error::failed("can't start the runtime").caused_by(error))?;
        let revealed = secrets.clone();
        let vault = inventory.options().vault.clone();
        vault.tell(move |text| revealed.add(text));
        let events = Events::new(readers, secrets.clone())
            .map_err(|error| Error::failed("can't start a thread").caused_by(error))?;
        let skip_unreachable = hosts.connection.reached.skip_unreachable;
        let options = Options { check, forks: usize::from(hosts.forks()), yes, skip_unreachable, limit };
        let connector = Connector { secrets: secrets.clone(), asked, control: Mutex::default() };
        let handle = runtime.handle().clone();
        let run = Run::new(options, events, secrets, Arc::new(pen), inventory, Box::new(connector), handle);
        Ok(Self { run: Arc::new(run), runtime, report })
    }

    /// Begins: makes the record, or goes on with one, and announces the run.
    pub fn begin(self, subject: Subject<'_>) -> Result<UnderWay> {
        let now = Timestamp::now();
        let mut manifest = self.manifest(&subject, now)?;
        let inventory: BTreeMap<String, String> =
            self.run.inventory.files().map(|file| (file.path.to_string(), file.text.to_string())).collect();
        let secrets = &self.run.secrets;
        let attempt = match subject.resumes {
            None => {
                match Record::create(&manifest, &subject.sources, &inventory, secrets) {
                    Ok(record) => self.run.record_in(record, 0, 0)?,
                    // Where nothing is changed, nothing can be lost; and without a record nothing is.
                    Err(error) if !subject.may_change || manifest.check => {
                        self.run.events.emit(What::Warning { text: error.to_string() });
                        manifest.run.clear();
                    }
                    Err(error) => return Err(error),
                }
                1
            }
            Some((story, accept)) => {
                manifest.run.clone_from(&story.manifest.run);
                manifest.started = story.manifest.started;
                let changes = story.manifest.changes(&manifest);
                if !changes.is_empty() && !accept {
                    return Err(Error::input(format!(
                        "run {} was made from something else than what is there now",
                        story.id()
                    ))
                    .detail(changes.join("\n"))
                    .hint("--accept-changes goes on with what is there now")
                    .hint("a plain `zkmig run` goes on from what the hosts show"));
                }
                let record = Record::reopen(&story.folder, story.id())?;
                if !changes.is_empty() {
                    let suffix = format!("-{}", story.attempts + 1);
                    record.write_inputs(&suffix, &manifest, &subject.sources, &inventory, secrets).map_err(
                        |error| Error::input(format!("can't write to {}", record.folder().display())).caused_by(error),
                    )?;
                }
                self.run.record_in(record, story.seq, story.effects)?;
                self.run.stands_at(story.standing.clone());
                story.attempts + 1
            }
        };
        self.run.made_from(manifest.clone());
        if !manifest.check {
            let holder = Holder {
                run: manifest.run.clone(),
                token: format!("{}-{}", new_id(now), std::process::id()),
                who: manifest.who.clone(),
                from: manifest.from.clone(),
                since: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                playbook: manifest.playbook.clone(),
            };
            self.run.lock_as(holder, subject.may_change);
        }
        self.run.events.emit(What::RunStarted {
            run: manifest.run,
            attempt,
            version: manifest.version,
            playbook: subject.playbook,
            inventories: manifest.inventories.iter().map(|path| path.display().to_string()).collect(),
            check: manifest.check,
            steps: subject.steps,
        });
        Ok(UnderWay(self))
    }

    fn manifest(&self, subject: &Subject<'_>, now: Timestamp) -> Result<Manifest> {
        let hosts = subject.hosts;
        let (extra_vars, secret_vars) = Extra::recordable(&hosts.extra_vars)?;
        let sources = subject.sources.iter().map(|(path, text)| (format!("playbook {path}"), hash(text.as_bytes())));
        let files = self.run.inventory.files();
        let files = files.map(|file| (format!("inventory {}", file.path), hash(file.text.as_bytes())));
        let folder =
            std::env::current_dir().map_err(|error| Error::input("can't tell the current folder").caused_by(error))?;
        Ok(Manifest {
            v: 1,
            run: new_id(now),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: subject.command.to_owned(),
            playbook: subject.playbook.clone(),
            libraries: subject.libraries.clone(),
            inventories: hosts.inventory.clone(),
            limit: hosts.limit.clone(),
            extra_vars,
            secret_vars,
            forks: hosts.forks(),
            reached: hosts.connection.reached.clone(),
            check: self.run.options.check,
            diff: subject.diff,
            yes: self.run.options.yes,
            ask_become_pass: hosts.ask_become_pass,
            vault: hosts.vault.kept(),
            may_change: subject.may_change,
            folder,
            who: operator(),
            from: machine(),
            started: now,
            inputs: sources.chain(files).collect(),
        })
    }

    /// The error of a run with where the run stands, and how it goes on and back.
    fn with_standing(&self, mut error: Error) -> Error {
        let run = &self.run;
        let standing = run.standing();
        let changed = standing.has_changed() && !run.options.check;
        if changed && error.kind() == Kind::Input {
            // What was written wrongly was found too late: the run failed, and can be gone on with.
            error.parts_mut().kind = Kind::Failed;
        }
        let ours = !matches!(error.kind(), Kind::Input | Kind::Locked);
        if !(ours || changed) || run.options.check || !run.has_touched_hosts() {
            return error;
        }
        let error = error.detail(standing.changes());
        let Some(record) = run.record().filter(|_| changed || !standing.done().is_empty()) else {
            return error.hint("nothing has to be undone: start again when you like");
        };
        let mut error = match record.broken() {
            Some(why) => error.detail(not_whole(record, &why)),
            None => error,
        };
        error = error.hint(format!("go on: zkmig resume {}", record.id()));
        if let Some(undo) = standing.undo().filter(|_| changed) {
            error = error.hint(format!("go back: {undo}"));
        }
        error.hint(format!("what was done: zkmig runs show {}", record.id()))
    }

    /// Does work that is no run on a thread of its own, then ends every connection: nothing is announced, nothing can be changed.
    pub fn conduct_quietly(self, stack: usize, work: impl FnOnce(&Arc<Run>) -> Result<()> + Send) -> Result<()> {
        let result = self.work(stack, work);
        self.over(result.as_ref().map_or_else(|error| error.kind().exit_code(), |()| 0));
        result
    }

    fn over(self, exit_code: u8) {
        signals::run_is_over(exit_code);
        self.run.events.end(signals::is_patient);
        self.runtime.shutdown_background();
    }

    fn work(&self, stack: usize, work: impl FnOnce(&Arc<Run>) -> Result<()> + Send) -> Result<()> {
        let run = &self.run;
        signals::run_begins(run.interrupt.clone(), run.events.clone());
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
        let lost = self.runtime.block_on(self.run.close());
        result.map_err(|error| {
            // One that stopped the run for it says so itself.
            let error = if error.kind() == Kind::Locked { error } else { lost.into_iter().fold(error, Error::detail) };
            let error = self.run.secrets.redact_error(error);
            if self.run.interrupt.is_stopping() && error.kind() == Kind::Failed && self.run.interrupt.is_now() {
                let mut error = error;
                error.parts_mut().kind = Kind::Interrupted;
                return error;
            }
            error
        })
    }
}

impl UnderWay {
    /// Does the work on a thread of its own; then ends every connection, the record, and at last what tells of it.
    pub fn conduct(self, stack: usize, work: impl FnOnce(&Arc<Run>) -> Result<()> + Send) -> Result<()> {
        let session = self.0;
        let result = session.work(stack, work).and_then(|()| session.run.told_of_absent());
        let result = result.map_err(|error| session.with_standing(error));
        if let (Ok(()), Some(record)) = (&result, session.run.record())
            && let Some(why) = record.broken()
        {
            session.run.events.emit(What::Warning { text: not_whole(record, &why) });
        }
        let (exit_code, message) = match &result {
            Ok(()) => (0, None),
            Err(error) => (error.kind().exit_code(), Some(error.to_string())),
        };
        session.run.events.emit(What::RunFinished { exit_code, message, ms: session.run.events.elapsed_ms() });
        if let Some(record) = session.run.record() {
            session.runtime.block_on(async {
                tokio::select! {
                    // A disk that does not answer is not waited for by somebody who wants to stop now.
                    () = session.run.interrupt.now() => {}
                    _ = record.sure(Sure::Synced) => {}
                }
            });
            record.finish();
        }
        let report =
            session.report.clone().map(|to| (to, session.run.record().map(|record| record.folder().to_owned())));
        session.over(exit_code);
        if let Some((to, record)) = report {
            // The run is over, and how it ended is not for its report to change.
            match to.write(record.as_deref()) {
                Ok(()) => super::say(&format!("report: {}", to.path.display())),
                Err(error) => super::warn(&error.to_string()),
            }
        }
        result
    }
}

/// Where the report of a run goes once that is over.
#[derive(Clone)]
struct Destination {
    path: PathBuf,
    format: Format,
}

impl Destination {
    /// Fails where it can be seen before the run that no report can be written there.
    fn new(path: &Path) -> Result<Self> {
        let format = Format::of(path)?;
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if path.parent().is_none_or(|folder| !folder.is_dir()) || path.is_dir() {
            return Err(Error::input(format!("can't write a report to {}", path.display()))
                .hint("name a file in a folder that exists and that you may write to"));
        }
        Ok(Self { path, format })
    }

    fn write(&self, record: Option<&Path>) -> Result<()> {
        let record = record.ok_or_else(|| Error::failed("the run has no record, and so there is no report of it"))?;
        let account = Account::of(&Story::read(record)?)?;
        std::fs::write(&self.path, self.format.render(&account)?).map_err(|error| {
            Error::failed(format!("the report can't be written to {}", self.path.display())).caused_by(error)
        })
    }
}

/// What is said at the end of a run whose record's disk has failed.
fn not_whole(record: &Record, why: &str) -> String {
    format!(
        "the run's record {} is not whole: {why}; what happened after that is told here and nowhere else, and `zkmig resume` does not know of it",
        record.folder().display()
    )
}

/// Who works here: the login name.
fn operator() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .or_else(login_name)
        .unwrap_or_else(|| "somebody".to_owned())
}

/// The name that this process's user has in the local user database.
fn login_name() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let uid = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

/// The name of this machine.
fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "a machine".to_owned())
}

/// Connects as the inventory says.
struct Connector {
    secrets: Secrets,
    asked: Option<Secret>,
    /// Made with the first connection: what only checks makes no folder.
    control: Mutex<Option<Arc<Control>>>,
}

impl Connector {
    fn control(&self) -> Result<Arc<Control>> {
        let mut made = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(control) = &*made {
            return Ok(Arc::clone(control));
        }
        Ok(Arc::clone(made.insert(Arc::new(Control::new()?))))
    }
}

#[async_trait]
impl Connect for Connector {
    async fn connect(&self, host: &Host, connection: &Connection) -> Result<Arc<dyn Transport>> {
        if let Some(Password::Known(password)) = &connection.become_with.password {
            self.secrets.add(password.expose());
        }
        let mut how = connection.become_with.clone();
        how.password = match how.password {
            Some(Password::Later(open)) => {
                let secrets = self.secrets.clone();
                Some(Password::Later(Arc::new(move || open().inspect(|password| secrets.add(password.expose())))))
            }
            known => known.or_else(|| self.asked.clone().map(Password::Known)),
        };
        if connection.local {
            return Ok(Arc::new(local::Local::new(how)));
        }
        let user = if connection.becomes { connection.become_user() } else { User::Login };
        let target = Target {
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
        let transport = ssh::Ssh::connect(target, how, user, self.control()?).await?;
        Ok(Arc::new(transport))
    }
}
