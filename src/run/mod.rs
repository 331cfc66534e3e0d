//! One run: its mode, its hosts, its events, and how an effect is carried out in it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use indexmap::IndexSet;
use tokio::runtime::Handle;

pub mod absent;
pub mod availability;
pub mod effect;
pub mod events;
pub mod fan;
pub mod hosts;
pub mod interrupt;
pub mod joined;
pub mod locks;
pub mod progress;
pub mod record;
pub mod resume;
pub mod secrets;
pub mod signals;
pub mod standing;
pub mod stream;
pub mod watch;

use crate::clock::Watch;
use crate::error::{Error, Result};
use crate::host::descriptors;
use crate::inventory::{Extra, Inventory};
use absent::Absent;
pub use effect::{Call, Report, Who};
use events::What;
use hosts::RunHost;
use interrupt::Interrupt;
use locks::Locks;
use record::Record;
use record::manifest::Manifest;
use resume::{Replay, Turn};
use secrets::Secrets;
use standing::Standing;
use stream::Events;

/// How a run was asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Predict changes and make none.
    pub check: bool,
    /// How many hosts are worked on at once.
    pub forks: usize,
    /// Answer every question with yes.
    pub yes: bool,
    /// Hosts that can't be reached are left out, unless the playbook says otherwise.
    pub skip_unreachable: bool,
    /// The hosts that the run is limited to, by name; all when there is none.
    pub limit: Option<IndexSet<String>>,
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
    pub ask: Arc<dyn Ask>,
    /// The hosts that exist.
    pub inventory: Arc<Inventory>,
    runtime: Handle,
    hosts: Mutex<HashMap<String, Arc<RunHost>>>,
    connector: Box<dyn hosts::Connect>,
    absent: Mutex<Absent>,
    steps: Mutex<Steps>,
    effects: AtomicU64,
    touched: AtomicBool,
    turns: AtomicUsize,
    changed: AtomicBool,
    record: OnceLock<Record>,
    locks: OnceLock<Locks>,
    lock_early: AtomicBool,
    manifest: OnceLock<Manifest>,
    replay: Mutex<Replay>,
}

#[derive(Default)]
struct Steps {
    current: Option<String>,
    count: usize,
    by_name: HashMap<String, usize>,
}

/// The stack of a thread that works on a host without a playbook.
const STACK: usize = 4 * 1024 * 1024;

/// How long after the end of a terminal's input its signal may come.
const HANG_UP: Duration = Duration::from_millis(200);

/// How long an effect that is under way goes on once the operator asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// Until it has ended; only a second signal ends it earlier.
    End,
    /// No longer: it changes nothing.
    None,
}

impl Run {
    /// A run that is about to begin.
    pub fn new(
        options: Options,
        events: Events,
        secrets: Secrets,
        ask: Arc<dyn Ask>,
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
            inventory: Arc::new(inventory),
            runtime,
            hosts: Mutex::default(),
            connector,
            absent: Mutex::default(),
            steps: Mutex::default(),
            effects: AtomicU64::new(0),
            touched: AtomicBool::new(false),
            turns: AtomicUsize::new(0),
            changed: AtomicBool::new(false),
            record: OnceLock::new(),
            locks: OnceLock::new(),
            lock_early: AtomicBool::new(false),
            manifest: OnceLock::new(),
            replay: Mutex::default(),
        }
    }

    /// Has the run recorded, from its next event on. `seq` and `effects` are the last numbers of earlier attempts.
    pub fn record_in(&self, record: Record, seq: u64, effects: u64) -> Result<()> {
        let line = self.events.attach(record.reader(), seq);
        record.reached_by(line.map_err(|error| Error::failed("can't start a thread").caused_by(error))?);
        self.effects.store(effects, Ordering::SeqCst);
        // There is one record a run; a second would be a defect, and the first one goes on.
        let _ = self.record.set(record);
        Ok(())
    }

    /// The run's record, if it has one.
    pub fn record(&self) -> Option<&Record> {
        self.record.get()
    }

    /// Says as whom the run locks the hosts on which it changes something: all that it is connected to before the first
    /// change, and from then on each one as it connects to it. With `early` it begins so: there is no use in looking around
    /// where another run works.
    pub fn lock_as(&self, holder: crate::task::lock::Holder, early: bool) {
        self.lock_early.store(early, Ordering::SeqCst);
        let _ = self.locks.set(Locks::new(holder, self.events.clone(), self.interrupt.clone(), self.connections()));
    }

    /// Tells the run what it was made from.
    pub fn made_from(&self, manifest: Manifest) {
        let _ = self.manifest.set(manifest);
    }

    /// The command that runs another playbook on the same hosts with the same variables, as far as it takes them, and
    /// these besides.
    pub fn command_on_same_hosts(
        &self,
        playbook: &str,
        takes: impl Fn(&str) -> bool,
        vars: &[(String, String)],
    ) -> Result<String> {
        let mut words = vec!["zkmig".to_owned(), "run".to_owned(), record::manifest::word(playbook)];
        if let Some(manifest) = self.manifest.get() {
            words.extend(manifest.target_words(&Extra::meant(&manifest.extra_vars, takes)?));
        }
        for (name, value) in vars {
            words.extend(["-e".to_owned(), record::manifest::word(&Extra::argument(name, value))]);
        }
        Ok(words.join(" "))
    }

    /// Gives the run what earlier attempts got done.
    pub fn replay(&self, replay: Replay) {
        *lock(&self.replay) = replay;
    }

    /// Where the run stands.
    pub fn standing(&self) -> Standing {
        self.events.standing()
    }

    /// What is asked of where the run stands, without a copy of all that it has changed.
    pub fn of_standing<T>(&self, ask: impl FnOnce(&Standing) -> T) -> T {
        self.events.of_standing(ask)
    }

    /// Begins with what earlier attempts have changed.
    pub fn stands_at(&self, standing: Standing) {
        self.events.stands_at(standing);
    }

    /// Whether the operator said yes to this question in an earlier attempt.
    pub fn has_answered(&self, question: &str) -> bool {
        lock(&self.replay).has_answered(&self.secrets.redact(question))
    }

    /// The boot that a host was in before an earlier attempt of the run rebooted it in the step that is under way.
    pub fn rebooted_from(&self, host: &str) -> Option<String> {
        // As the record has it.
        let step = self.secrets.redact(&self.current_step().unwrap_or_default());
        lock(&self.replay).rebooted_from(&step, host)
    }

    /// Drives a future on the run's runtime from a script's thread, until it ends or the operator wants to stop. One that
    /// changes nothing is ended by the first signal, unless a host is in hand; anything else by the second.
    fn block_on<T>(&self, patience: Patience, work: impl Future<Output = Result<T>>) -> Result<T> {
        let leave = patience == Patience::None && self.turns.load(Ordering::SeqCst) == 0;
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.interrupt.now() => Err(self.interrupt.error()),
                () = self.interrupt.soon(), if leave => Err(self.interrupt.error()),
                result = work => result,
            }
        })
    }

    /// Drives what is no effect of the run on its runtime, until it ends or the operator wants to stop.
    pub fn quietly<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.block_on(Patience::None, work)
    }

    /// Waits on a script's thread. An interrupt ends it.
    pub fn pause(&self, span: Duration) -> Result<()> {
        let watch = Watch::begin();
        self.block_on(Patience::None, async {
            loop {
                let left = span.saturating_sub(watch.elapsed());
                if left.is_zero() {
                    return Ok(());
                }
                tokio::time::sleep(left).await;
            }
        })
    }

    /// Waits for what another thread finds, such as the operator's answer. The first interrupt ends it.
    pub fn await_answer<T: Send + 'static>(
        &self,
        ask: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<std::io::Result<T>> {
        let (give, take) = tokio::sync::oneshot::channel();
        // A thread that reads from the terminal can't be ended; it ends with the process.
        std::thread::Builder::new()
            .name("question".to_owned())
            .spawn(move || {
                let _ = give.send(ask());
            })
            .map_err(|error| Error::failed("can't start a thread").caused_by(error))?;
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.interrupt.soon() => {
                    crate::tty::show_again();
                    Err(self.interrupt.error())
                }
                answer = take => match answer {
                    // A terminal that closes ends its input and sends a signal: the signal is what is meant.
                    Ok(Err(error)) => match tokio::time::timeout(HANG_UP, self.interrupt.soon()).await {
                        Ok(()) => Err(self.interrupt.error().caused_by(error)),
                        Err(_) => Ok(Err(error)),
                    },
                    Ok(answer) => Ok(answer),
                    Err(_) => Err(Error::defect("the thread of a question ended in a panic")),
                },
            }
        })
    }

    /// The hosts of these names, connected; those that are not yet are connected to at once.
    pub fn connect(&self, names: &[String]) -> Result<Vec<Arc<RunHost>>> {
        self.connected(names, false)
    }

    /// The same, without those that can't be reached where `skip` says so. They stay left out.
    pub fn connect_or_skip(&self, names: &[String], skip: bool) -> Result<Vec<Arc<RunHost>>> {
        if !skip {
            return self.connect(names);
        }
        let there: Vec<String> = {
            let mut absent = lock(&self.absent);
            absent.may_be(names);
            names.iter().filter(|name| !absent.is_out(name)).cloned().collect()
        };
        self.connected(&there, true)
    }

    /// Leaves out a host that can't be reached, if it may be, and says so. Gives whether it may.
    pub fn leave_out(&self, name: &str) -> bool {
        let new = !lock(&self.absent).is_out(name);
        let may = lock(&self.absent).leave_out(name);
        if may && new {
            self.events.emit(What::Warning { text: format!("{name} can't be reached, and is left out from now on") });
        }
        may
    }

    /// The same for a host that a block may leave out, whatever was said when it was selected.
    pub fn leave_out_always(&self, name: &str) -> bool {
        lock(&self.absent).may_be(&[name.to_owned()]);
        self.leave_out(name)
    }

    /// Whether a host was left out.
    pub fn is_left_out(&self, name: &str) -> bool {
        lock(&self.absent).is_out(name)
    }

    /// The hosts that were left out of what these were selected with.
    pub fn missing_beside(&self, names: &[String]) -> Vec<String> {
        lock(&self.absent).missing_beside(names)
    }

    /// Fails where the run left out hosts.
    pub fn told_of_absent(&self) -> Result<()> {
        lock(&self.absent).told()
    }

    fn connected(&self, names: &[String], skip: bool) -> Result<Vec<Arc<RunHost>>> {
        let missing: Vec<&str> = {
            let known = lock(&self.hosts);
            names.iter().filter(|name| !known.contains_key(*name)).map(String::as_str).collect()
        };
        if !missing.is_empty() {
            let all = lock(&self.hosts).len() + missing.len();
            let bound = descriptors::room(all, self.connections().min(missing.len()))?;
            self.touched.store(true, Ordering::SeqCst);
            let (connected, left_out) = self.block_on(Patience::None, async {
                hosts::connect_all(&*self.connector, &self.inventory, &missing, bound, &self.events, skip).await
            })?;
            for name in &left_out {
                self.leave_out(name);
            }
            {
                let mut known = lock(&self.hosts);
                known.extend(connected.iter().map(|host| (host.name.clone(), Arc::clone(host))));
            }
            if let Some(locks) = self.locks.get().filter(|locks| self.lock_early.load(Ordering::SeqCst) || locks.any())
            {
                // Not to be left half way: what was taken has to be known, so that it is given back.
                self.block_on(Patience::End, locks.take(&connected))?;
            }
        }
        let known = lock(&self.hosts);
        names
            .iter()
            .filter(|name| !skip || !self.is_left_out(name))
            .map(|name| known.get(name).cloned().ok_or_else(|| Error::defect(format!("{name} is not connected"))))
            .collect()
    }

    /// Returns when this host's lock is certainly the run's: nothing is changed on it before.
    fn locked(&self, host: &RunHost) -> Result<()> {
        let locks = self.locks.get().ok_or_else(|| Error::defect("a change of a run that has not begun"))?;
        // Only before the first change.
        let all = || {
            let mut all: Vec<_> = lock(&self.hosts).values().cloned().collect();
            // One that was left out can't be asked, and nothing is done there.
            all.retain(|known| known.name == host.name || !self.is_left_out(&known.name));
            all
        };
        self.block_on(Patience::End, locks.sure_of(&host.name, all))
    }

    /// Gives the locks back and ends every connection. What still runs on a host for this run is ended with it. Gives what is to be
    /// said of locks that were lost.
    pub async fn close(&self) -> Vec<String> {
        let lost = match self.locks.get() {
            Some(locks) => locks.release().await,
            None => Vec::new(),
        };
        let hosts: Vec<_> = lock(&self.hosts).drain().map(|(_, host)| host).collect();
        fan::at_most(fan::SHORT, hosts.iter().map(|host| host.transport.close()).collect()).await;
        lost
    }

    /// How many hosts may be worked on at once.
    pub fn forks(&self) -> usize {
        if self.options.forks == 0 { 32 } else { self.options.forks }
    }

    /// How many connections, and shells for locks, are made at once: with --forks, and no more than this machine can carry without hosts
    /// being taken for dead that only wait for it. Each is an ssh of its own that exchanges keys.
    pub fn connections(&self) -> usize {
        const FOR_EACH_PROCESSOR: usize = 16;
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.forks().min((processors * FOR_EACH_PROCESSOR).max(32))
    }

    /// Does this for each of these hosts, on at most --forks of them at once, and begins in their order. No playbook can run in it.
    pub fn on_hosts<T: Send>(
        &self,
        hosts: &[Arc<RunHost>],
        work: impl Fn(&Arc<RunHost>) -> Result<T> + Sync,
    ) -> Result<Vec<Result<T>>> {
        let results = fan::on_threads(self.forks(), STACK, hosts, work)
            .map_err(|error| Error::failed("can't start a thread").caused_by(error))?;
        let ended = |result: Option<_>| result.unwrap_or_else(|| Err(Error::defect("a thread ended in a panic")));
        Ok(results.into_iter().map(ended).collect())
    }

    /// Whether any host has been reached yet: from then on an error in the playbook is a failed run.
    pub fn has_touched_hosts(&self) -> bool {
        self.touched.load(Ordering::SeqCst)
    }

    /// The step that the playbook is in.
    pub fn current_step(&self) -> Option<String> {
        lock(&self.steps).current.clone()
    }

    /// Carries out a step of the playbook, unless an earlier attempt did: then `recall` makes its value from what was
    /// kept, or from nothing where the step is to be left out. `keep` gives the form in which its value is kept.
    pub fn step<T, E>(
        &self,
        name: &str,
        refuse: impl FnOnce(Error) -> E,
        work: impl FnOnce() -> Result<T, E>,
        keep: impl FnOnce(&T) -> Option<serde_json::Value>,
        recall: impl FnOnce(Option<serde_json::Value>) -> Result<T>,
    ) -> Result<T, E> {
        // Asked for on its own: to refuse looks at the steps too.
        if let Some(outer) = self.current_step() {
            let error = Error::input(format!("step \"{name}\" is inside step \"{outer}\""))
                .hint("steps follow one another: end the outer one first, or make the inner one a function");
            return Err(refuse(error));
        }
        if self.interrupt.is_stopping() {
            return Err(refuse(self.interrupt.error().detail(format!("stopped before step \"{name}\""))));
        }
        let (number, nth) = {
            let mut steps = lock(&self.steps);
            steps.count += 1;
            let nth = steps.by_name.entry(name.to_owned()).or_default();
            *nth += 1;
            let nth = *nth;
            (steps.count, nth)
        };
        // As the record has it.
        let recorded = self.secrets.redact(name);
        let turn = lock(&self.replay).turn(name, &recorded, nth);
        let skipped = |why: &str| {
            self.events.emit(What::StepSkipped { step: name.to_owned(), number, why: why.to_owned() });
        };
        match turn {
            Turn::Run => {}
            Turn::Gave(value) => {
                let value = recall(Some(value)).map_err(refuse)?;
                skipped("done by an earlier attempt of this run");
                return Ok(value);
            }
            Turn::Skip => {
                let value = recall(None).map_err(refuse)?;
                skipped("left out by --from-step");
                return Ok(value);
            }
        }
        lock(&self.steps).current = Some(name.to_owned());
        self.events.emit(What::StepStarted { step: name.to_owned(), number });
        let began = Instant::now();
        let result = work();
        if let (Ok(value), Some(record)) = (&result, self.record.get()) {
            let result = record::StepResult { step: recorded, nth, value: keep(value) };
            if let Err(error) = record.step(&result) {
                self.events
                    .emit(What::Warning { text: format!("what step \"{name}\" gave could not be recorded: {error}") });
            }
        }
        lock(&self.steps).current = None;
        self.events.emit(What::StepFinished { step: name.to_owned(), ok: result.is_ok(), ms: millis(began) });
        result
    }

    /// Looks around after a failure. Like in a turn, only the second interrupt ends it.
    pub fn look_around<T>(&self, work: impl FnOnce() -> T) -> T {
        self.turns.fetch_add(1, Ordering::SeqCst);
        let result = work();
        self.turns.fetch_sub(1, Ordering::SeqCst);
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
            return Err(refuse(self.interrupt.error().detail(format!("stopped before {host}'s turn"))));
        }
        self.events.emit(What::RollingTurn { host: host.to_owned(), number, total });
        self.turns.fetch_add(1, Ordering::SeqCst);
        let result = work();
        self.turns.fetch_sub(1, Ordering::SeqCst);
        result
    }
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
