//! One run: its mode, its hosts, its events, and how an effect is carried out in it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

pub mod events;
pub mod hosts;
pub mod interrupt;
pub mod progress;
pub mod secrets;

use crate::error::{Error, Kind as ErrorKind, Result};
use crate::host::User;
use crate::inventory::Inventory;
use crate::task::{Changed, Context, Kind};
use events::{Events, Outcome, Place, What};
use hosts::RunHost;
use interrupt::Interrupt;
use progress::EffectProgress;
use secrets::Secrets;

/// How a run was asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Predict changes and make none.
    pub check: bool,
    /// How many hosts are worked on at once.
    pub forks: usize,
    /// Answer every question with yes.
    pub yes: bool,
    /// The hosts that the run is limited to, by name; all when there is none.
    pub limit: Option<Vec<String>>,
}

/// Asks the operator. The terminal's reader implements it, because it owns the screen.
pub trait Ask: Send + Sync {
    /// Whether somebody is there to answer.
    fn can_ask(&self) -> bool;
    /// Shows `text` and waits for yes or no.
    fn confirm(&self, text: &str) -> std::io::Result<bool>;
    /// Shows `text` and reads a line without showing it.
    fn password(&self, text: &str) -> std::io::Result<String>;
}

/// One run.
pub struct Run {
    /// How it was asked for.
    pub options: Options,
    /// Where its events go.
    pub events: Events,
    /// What must never be shown.
    pub secrets: Secrets,
    /// The operator's wish to stop.
    pub interrupt: Interrupt,
    /// Who answers questions.
    pub ask: Box<dyn Ask>,
    /// The hosts that exist.
    pub inventory: Inventory,
    runtime: Handle,
    hosts: Mutex<HashMap<String, Arc<RunHost>>>,
    connector: Box<dyn hosts::Connect>,
    steps: Mutex<Steps>,
    effects: AtomicU64,
    touched: AtomicBool,
    turns: AtomicUsize,
}

#[derive(Default)]
struct Steps {
    current: Option<String>,
    count: usize,
}

/// An effect as it is announced.
pub struct Call<'a> {
    /// The host; none for what the operator's side does for several.
    pub host: Option<&'a RunHost>,
    /// The function's name.
    pub name: &'static str,
    /// What it is about, for a person.
    pub summary: String,
    /// Read, change or action.
    pub kind: Kind,
    /// The line that calls it.
    pub place: Option<Place>,
    /// How long it may take.
    pub timeout: Duration,
    /// Who does it on the host; the host's own user when the call doesn't say.
    pub user: Option<User>,
}

/// How an effect is reported once it is over.
#[derive(Default)]
pub struct Report {
    /// What it changed; none for reads and actions.
    pub changed: Option<Changed>,
    /// What it did, for a person, where that says more than the announcement.
    pub summary: Option<String>,
}

impl Run {
    /// A run that is about to begin.
    pub fn new(
        options: Options,
        events: Events,
        secrets: Secrets,
        ask: Box<dyn Ask>,
        inventory: Inventory,
        connector: Box<dyn hosts::Connect>,
        runtime: Handle,
    ) -> Self {
        Self {
            options,
            events,
            secrets,
            interrupt: Interrupt::default(),
            ask,
            inventory,
            runtime,
            hosts: Mutex::default(),
            connector,
            steps: Mutex::default(),
            effects: AtomicU64::new(0),
            touched: AtomicBool::new(false),
            turns: AtomicUsize::new(0),
        }
    }

    /// Drives a future on the run's runtime from a script's thread, until it ends or the operator wants to stop now.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.interrupt.now() => Err(Interrupt::error()),
                result = work => result,
            }
        })
    }

    /// The hosts of these names, connected; those that are not yet are connected to at once.
    pub fn connect(&self, names: &[String]) -> Result<Vec<Arc<RunHost>>> {
        let missing: Vec<&str> = {
            let known = lock(&self.hosts);
            names.iter().filter(|name| !known.contains_key(*name)).map(String::as_str).collect()
        };
        if !missing.is_empty() {
            self.touched.store(true, Ordering::SeqCst);
            let bound = self.forks();
            let connected = self.block_on(async {
                hosts::connect_all(&*self.connector, &self.inventory, &missing, bound, &self.events).await
            })?;
            let mut known = lock(&self.hosts);
            known.extend(connected.into_iter().map(|host| (host.name.clone(), host)));
        }
        let known = lock(&self.hosts);
        names
            .iter()
            .map(|name| known.get(name).cloned().ok_or_else(|| Error::defect(format!("{name} is not connected"))))
            .collect()
    }

    /// Ends every connection. What still runs on a host for this run is ended with it.
    pub async fn close(&self) {
        let hosts: Vec<_> = lock(&self.hosts).drain().map(|(_, host)| host).collect();
        futures_util::future::join_all(hosts.iter().map(|host| host.transport.close())).await;
    }

    /// How many hosts may be worked on at once.
    pub fn forks(&self) -> usize {
        if self.options.forks == 0 { 32 } else { self.options.forks }
    }

    /// Whether any host has been reached yet: from then on an error in the playbook is a failed run.
    pub fn has_touched_hosts(&self) -> bool {
        self.touched.load(Ordering::SeqCst)
    }

    /// The step that the playbook is in.
    pub fn current_step(&self) -> Option<String> {
        lock(&self.steps).current.clone()
    }

    /// Carries out a step of the playbook.
    pub fn step<T, E>(
        &self,
        name: &str,
        refuse: impl FnOnce(Error) -> E,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let number = {
            let mut steps = lock(&self.steps);
            if let Some(outer) = &steps.current {
                let error = Error::input(format!("step \"{name}\" is inside step \"{outer}\""))
                    .hint("steps follow one another: end the outer one first, or make the inner one a function");
                return Err(refuse(error));
            }
            if self.interrupt.is_stopping() {
                return Err(refuse(Interrupt::error().detail(format!("stopped before step \"{name}\""))));
            }
            steps.current = Some(name.to_owned());
            steps.count += 1;
            steps.count
        };
        self.events.emit(What::StepStarted { step: name.to_owned(), number });
        let began = Instant::now();
        let result = work();
        lock(&self.steps).current = None;
        self.events.emit(What::StepFinished { step: name.to_owned(), ok: result.is_ok(), ms: millis(began) });
        result
    }

    /// Carries out one host's turn of a rolling block. An interrupt waits for its end.
    pub fn turn<T, E>(
        &self,
        host: &str,
        number: usize,
        total: usize,
        refuse: impl FnOnce(Error) -> E,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if self.interrupt.is_stopping() {
            return Err(refuse(Interrupt::error().detail(format!("stopped before {host}'s turn"))));
        }
        self.events.emit(What::RollingTurn { host: host.to_owned(), number, total });
        self.turns.fetch_add(1, Ordering::SeqCst);
        let result = work();
        self.turns.fetch_sub(1, Ordering::SeqCst);
        result
    }

    /// Carries out an effect: announces it, does it unless check mode forbids, and reports how it ended.
    ///
    /// `work` is not called for an action in check mode; the result is then `None`.
    pub fn effect<T>(
        &self,
        call: Call<'_>,
        work: impl AsyncFnOnce(&Context<'_>) -> Result<(T, Report)>,
    ) -> Result<Option<T>> {
        let host = call.host.ok_or_else(|| Error::defect("an effect on no host"))?;
        self.announce(&call, || {
            if call.kind == Kind::Action && self.options.check {
                return Ok((None, Report::default()));
            }
            let progress = EffectProgress::new(self.events.clone(), self.effects.load(Ordering::SeqCst), &host.name);
            let context = Context {
                host: &host.name,
                transport: &*host.transport,
                user: call.user.unwrap_or(host.user),
                check: self.options.check,
                predictions: &host.predictions,
                timeout: call.timeout,
                progress: &progress,
            };
            self.block_on(work(&context)).map(|(value, report)| (Some(value), report))
        })
    }

    /// Carries out a wait of the operator's side. Nothing is waited for in check mode; the result is then `None`.
    pub fn wait<T, E>(
        &self,
        call: &Call<'_>,
        work: impl FnOnce(&EffectProgress) -> Result<T, E>,
        refuse: impl Fn(Error) -> E,
        describe: impl Fn(&E) -> Error,
    ) -> Result<Option<T>, E> {
        let mut failure = None;
        let result = self.announce(call, || {
            if self.options.check {
                return Ok((None, Report::default()));
            }
            let host = call.host.map_or("", |host| host.name.as_str());
            let progress = EffectProgress::new(self.events.clone(), self.effects.load(Ordering::SeqCst), host);
            match work(&progress) {
                Ok(value) => Ok((Some(value), Report::default())),
                Err(error) => {
                    let described = describe(&error);
                    failure = Some(error);
                    Err(described)
                }
            }
        });
        result.map_err(|error| failure.unwrap_or_else(|| refuse(error)))
    }

    fn announce<T>(&self, call: &Call<'_>, work: impl FnOnce() -> Result<(Option<T>, Report)>) -> Result<Option<T>> {
        let changes = call.kind != Kind::Read;
        if changes && self.interrupt.is_stopping() && self.turns.load(Ordering::SeqCst) == 0 {
            return Err(Interrupt::error());
        }
        self.touched.store(true, Ordering::SeqCst);
        let effect = self.effects.fetch_add(1, Ordering::SeqCst) + 1;
        let host = call.host.map(|host| host.name.clone());
        let step = self.current_step();
        self.events.emit(What::EffectStarted {
            effect,
            host: host.clone(),
            step: step.clone(),
            name: call.name.to_owned(),
            summary: call.summary.clone(),
            kind: call.kind,
            place: call.place.clone(),
        });
        let began = Instant::now();
        let result = work();
        let (outcome, diff, message, summary) = match &result {
            Ok((value, report)) => {
                let outcome = match &report.changed {
                    Some(changed) if changed.changed && self.options.check => Outcome::WouldChange,
                    Some(changed) if changed.changed => Outcome::Changed,
                    Some(_) => Outcome::Ok,
                    None if value.is_none() => Outcome::WouldRun,
                    None if call.kind == Kind::Action => Outcome::Changed,
                    None => Outcome::Ok,
                };
                let diff = report.changed.as_ref().and_then(|changed| changed.diff.clone());
                let summary = report
                    .summary
                    .clone()
                    .or_else(|| {
                        let changed = report.changed.as_ref()?;
                        changed.summary.as_ref().map(|what| format!("{}: {what}", call.summary))
                    })
                    .unwrap_or_else(|| call.summary.clone());
                (outcome, diff, None, summary)
            }
            Err(error) => {
                let outcome = match error.kind() {
                    ErrorKind::Unreachable => Outcome::Unreachable,
                    ErrorKind::Interrupted => Outcome::Interrupted,
                    _ => Outcome::Failed,
                };
                (outcome, None, Some(error.to_string()), call.summary.clone())
            }
        };
        self.events.emit(What::EffectFinished {
            effect,
            host: host.clone(),
            step: step.clone(),
            name: call.name.to_owned(),
            summary,
            kind: call.kind,
            outcome,
            ms: millis(began),
            diff,
            message,
        });
        result.map(|(value, _)| value).map_err(|mut error| {
            if let Some(step) = step {
                error = error.in_step(&step);
            }
            match host {
                Some(host) => error.on_host(&host),
                None => error,
            }
        })
    }
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
