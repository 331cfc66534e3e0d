//! The locks of a run: on all of its hosts or on none, renewed while it lives, given back at its end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::events::What;
use super::fan::{self, at_most};
use super::hosts::RunHost;
use super::interrupt::Interrupt;
use super::stream::Events;
use crate::error::{Error, Kind, Result};
use crate::host::{BECOMING, Resumed, User};
use crate::task::lock::{Held, Holder, Lock, RENEWED_EVERY, refusal};
use crate::task::{Context, Silent};

/// How long one word with a host about its lock may take, once a shell is there for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A lock that was renewed so lately is the run's without a further word with the host: others take it for dead only after
/// [`DEAD_AFTER`](crate::task::lock::DEAD_AFTER).
const SURE_FOR: Duration = Duration::from_secs(30);

/// The locks of one run. Every change asks here first; see [`sure_of`](Self::sure_of).
pub struct Locks {
    keeper: Keeper,
    taking: tokio::sync::Mutex<()>,
    /// How many hosts may get a shell for their lock at once.
    bound: usize,
    renewing: Mutex<Option<JoinHandle<()>>>,
}

/// What is known of the locks, for all who ask for them: each change, the renewing, and each connection that was made anew. Clones share it.
#[derive(Clone)]
struct Keeper {
    holder: Holder,
    events: Events,
    interrupt: Interrupt,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    held: HashMap<String, Kept>,
    /// The hosts whose lock is no longer the run's, and whose it is.
    lost: HashMap<String, String>,
    /// The hosts that did not answer when they were asked for their lock: it may have been taken all the same.
    doubtful: Vec<Arc<RunHost>>,
}

/// A lock that is the run's.
struct Kept {
    host: Arc<RunHost>,
    /// When the host last said so, by a clock that goes on while the process is stopped and the machine sleeps.
    renewed: Duration,
    /// How often it was taken again because the host had lost it with its connection.
    retaken: u64,
}

impl Locks {
    /// Locks that `holder` will hold; they are taken on at most `bound` hosts at once.
    pub fn new(holder: Holder, events: Events, interrupt: Interrupt, bound: usize) -> Self {
        let keeper = Keeper { holder, events, interrupt, state: Arc::default() };
        Self { keeper, taking: tokio::sync::Mutex::default(), bound, renewing: Mutex::default() }
    }

    /// Whether any were taken.
    pub fn any(&self) -> bool {
        let state = lock(&self.keeper.state);
        !state.held.is_empty() || !state.lost.is_empty()
    }

    /// Returns when the lock of this host is certainly the run's. Where it was not taken yet, it is taken with those of
    /// `all`. Where it was not renewed for long, because the process was stopped, the machine slept or the network was away,
    /// the host is asked. One that was lost stays lost.
    pub async fn sure_of(&self, host: &str, all: impl FnOnce() -> Vec<Arc<RunHost>>) -> Result<()> {
        let asked = clock();
        let known = {
            let state = lock(&self.keeper.state);
            if let Some(whose) = state.lost.get(host) {
                return Err(lost(host, whose));
            }
            state.held.get(host).map(|kept| (Arc::clone(&kept.host), kept.renewed))
        };
        let Some((kept, renewed)) = known else { return self.take(&all()).await };
        if asked.saturating_sub(renewed) < SURE_FOR {
            return Ok(());
        }
        self.keeper.ask(PATIENCE + BECOMING, &kept).await
    }

    /// Takes the locks of these hosts, of all or of none; those that it has already stay.
    ///
    /// The first by name is taken before the others: of two runs that want the same hosts at the same moment one gets that
    /// one, and so all, and the other none. The others are taken at once, as many as may be. Where one stands in the way no further
    /// one is asked.
    pub async fn take(&self, hosts: &[Arc<RunHost>]) -> Result<()> {
        let _one = self.taking.lock().await;
        let asked = clock();
        let mut hosts: Vec<_> = {
            let state = lock(&self.keeper.state);
            if let Some((host, whose)) = hosts.iter().find_map(|host| state.lost.get_key_value(&host.name)) {
                return Err(lost(host, whose));
            }
            hosts.iter().filter(|host| !state.held.contains_key(&host.name)).cloned().collect()
        };
        hosts.sort_by(|one, other| one.name.cmp(&other.name));
        let Some((first, others)) = hosts.split_first() else { return Ok(()) };
        let mut answers = vec![(first, self.take_one(first).await)];
        if matches!(answers[0].1, Ok(None)) {
            let refused = AtomicBool::new(false);
            let more = others.iter().map(|host| async {
                if refused.load(Ordering::SeqCst) {
                    return None;
                }
                let answer = self.take_one(host).await;
                refused.fetch_or(!matches!(answer, Ok(None)), Ordering::SeqCst);
                Some(answer)
            });
            let more = at_most(self.bound, more.collect()).await;
            answers.extend(others.iter().zip(more).filter_map(|(host, answer)| Some((host, answer?))));
        }
        let is_taken = |answer: &Result<Option<Held>>| matches!(answer, Ok(None));
        if !answers.iter().all(|(_, answer)| is_taken(answer)) {
            let of = |which: &dyn Fn(&Result<Option<Held>>) -> bool| -> Vec<_> {
                answers.iter().filter(|(_, answer)| which(answer)).map(|(host, _)| Arc::clone(host)).collect()
            };
            let got = of(&is_taken);
            // Asked again at the end, when it had time to answer.
            lock(&self.keeper.state).doubtful.extend(of(&|answer| answer.is_err()));
            self.give_back(&got).await;
            return answers.into_iter().try_for_each(|(host, answer)| self.refused(host, answer));
        }
        drop(answers);
        hosts.iter().for_each(|host| self.keep_over_reconnects(host));
        let names = hosts.iter().map(|host| host.name.clone()).collect();
        {
            let mut state = lock(&self.keeper.state);
            state.doubtful.retain(|known| !hosts.iter().any(|host| host.name == known.name));
            state
                .held
                .extend(hosts.into_iter().map(|host| (host.name.clone(), Kept { host, renewed: asked, retaken: 0 })));
        }
        self.keeper.events.emit(What::Locked { hosts: names });
        self.renew();
        Ok(())
    }

    fn refused(&self, host: &RunHost, answer: Result<Option<Held>>) -> Result<()> {
        match answer {
            Ok(None) => Ok(()),
            Ok(Some(held)) => Err(refusal(&host.name, &held)),
            Err(error) => Err(error),
        }
    }

    async fn take_one(&self, host: &RunHost) -> Result<Option<Held>> {
        with(host, async |lock| lock.take(&self.keeper.holder).await).await
    }

    /// Begins to renew what is held, unless that has begun.
    fn renew(&self) {
        let mut renewing = lock(&self.renewing);
        if renewing.is_some() {
            return;
        }
        let keeper = self.keeper.clone();
        *renewing = Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEWED_EVERY).await;
                let hosts: Vec<_> = lock(&keeper.state).held.values().map(|kept| Arc::clone(&kept.host)).collect();
                let asked = hosts.iter().map(|host| keeper.ask(PATIENCE, host)).collect();
                for answer in at_most(fan::SHORT, asked).await {
                    // A host that can't be reached is noticed by the next change there.
                    if let Err(error) = answer
                        && error.kind() == Kind::Locked
                    {
                        let text = format!("{error}; stopping at the next safe place");
                        keeper.events.emit(What::Warning { text });
                    }
                }
            }
        }));
    }

    /// Has the lock, and what the host does with it when the connection ends, taken up again before anything is done on a
    /// connection that was made anew.
    fn keep_over_reconnects(&self, host: &Arc<RunHost>) {
        let (known, keeper) = (Arc::downgrade(host), self.keeper.clone());
        let resumed: Resumed = Box::new(move || {
            let (host, keeper) = (known.upgrade(), keeper.clone());
            Box::pin(async move {
                match host {
                    Some(host) => keeper.take_up_again(&host).await,
                    None => Ok(()),
                }
            })
        });
        host.transport.on_reconnect(resumed);
    }

    /// Gives all of them back; says where that failed, and where it was too late. Gives the same for each host whose lock was lost,
    /// whenever that was found: what was in hand there may not have come to its end.
    pub async fn release(&self) -> Vec<String> {
        if let Some(renewing) = lock(&self.renewing).take() {
            renewing.abort();
        }
        let (hosts, held) = {
            let mut state = lock(&self.keeper.state);
            let mut hosts: Vec<_> = state.held.drain().map(|(_, kept)| kept.host).collect();
            let held = hosts.len();
            hosts.append(&mut state.doubtful);
            (hosts, held)
        };
        let answers = self.give_back(&hosts).await;
        let (mut given, mut taken, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (host, answer)) in hosts.iter().zip(answers).enumerate() {
            match answer {
                Err(_) => failed.push(host.name.clone()),
                // What may have been taken was not, or has been given back.
                Ok(_) if place >= held => {}
                Ok(None) => given.push(host.name.clone()),
                Ok(Some(other)) => {
                    let whose = whose(&other);
                    taken.push(lost(&host.name, &whose).to_string());
                    lock(&self.keeper.state).loses(&host.name, &whose);
                }
            }
        }
        given.sort();
        failed.sort();
        if !given.is_empty() {
            self.keeper.events.emit(What::Unlocked { hosts: given });
        }
        for text in &taken {
            self.keeper.events.emit(What::Warning { text: text.clone() });
        }
        for host in failed {
            self.keeper.events.emit(What::Warning {
                text: format!(
                    "the lock on {host} could not be given back, and is dead from now on: `zkmig resume {}` takes it again, `zkmig unlock` removes it",
                    self.keeper.holder.run
                ),
            });
        }
        let mut all: Vec<_> =
            lock(&self.keeper.state).lost.iter().map(|(host, whose)| lost(host, whose).to_string()).collect();
        all.sort();
        all
    }

    async fn give_back(&self, hosts: &[Arc<RunHost>]) -> Vec<Result<Option<Held>>> {
        let works = hosts.iter().map(|host| within(PATIENCE, host, async |lock| self.release_one(lock).await));
        at_most(fan::SHORT, works.collect()).await
    }

    async fn release_one(&self, lock: Lock<'_>) -> Result<Option<Held>> {
        match lock.release(&self.keeper.holder).await {
            // A connection that ended a moment ago may not be known to have: the second word makes another.
            Err(error) if error.kind() == Kind::Unreachable => lock.release(&self.keeper.holder).await,
            answer => answer,
        }
    }
}

impl Keeper {
    /// Asks a host in this time whether its lock is still the run's, and keeps what it says.
    async fn ask(&self, patience: Duration, host: &RunHost) -> Result<()> {
        let retaken = || lock(&self.state).held.get(&host.name).map(|kept| kept.retaken);
        let (asked, before) = (clock(), retaken());
        let answer = within(patience, host, async |lock| lock.renew(&self.holder).await).await?;
        if answer.as_ref().is_some_and(is_none) {
            // The question may have come before what is done first on a connection that was made anew: a lock that went with the old
            // one is taken again there, and only one that was there after that was removed by somebody.
            bounded(patience, host, host.transport.resume()).await?;
            if retaken().is_some_and(|now| Some(now) != before) {
                return Ok(());
            }
        }
        self.keep(host, asked, answer)
    }

    /// Takes up the lock of a host again whose connection was made anew. Nothing is done there where it is not the run's any more.
    async fn take_up_again(&self, host: &RunHost) -> Result<()> {
        let asked = clock();
        {
            let state = lock(&self.state);
            if let Some(whose) = state.lost.get(&host.name) {
                return Err(lost(&host.name, whose));
            }
            if !state.held.contains_key(&host.name) {
                return Ok(());
            }
        }
        let answer = match with(host, async |lock| lock.renew(&self.holder).await).await? {
            // A host that has lost it, as one that boots anew may, gives it again.
            Some(other) if is_none(&other) => {
                let other = with(host, async |lock| lock.take(&self.holder).await).await?;
                if other.is_none() {
                    lock(&self.state).retaken(&host.name);
                }
                other
            }
            answer => answer,
        };
        self.keep(host, asked, answer)
            .map_err(|error| error.hint("its connection had ended: nothing was done there after that"))?;
        let text = "connected again, and its lock is held again".to_owned();
        self.events.emit(What::Note { host: Some(host.name.clone()), text });
        Ok(())
    }

    /// Keeps what a host said of its lock when it was asked: none that is another's. One that was lost stays lost, and the
    /// run stops for it.
    fn keep(&self, host: &RunHost, asked: Duration, answer: Option<Held>) -> Result<()> {
        let Some(other) = answer else {
            lock(&self.state).renewed(&host.name, asked);
            return Ok(());
        };
        let whose = whose(&other);
        lock(&self.state).loses(&host.name, &whose);
        self.interrupt.stop(lost(&host.name, &whose));
        Err(lost(&host.name, &whose))
    }
}

impl State {
    fn renewed(&mut self, host: &str, when: Duration) {
        if let Some(kept) = self.held.get_mut(host) {
            kept.renewed = kept.renewed.max(when);
        }
    }

    fn retaken(&mut self, host: &str) {
        if let Some(kept) = self.held.get_mut(host) {
            kept.retaken += 1;
        }
    }

    fn loses(&mut self, host: &str, whose: &str) {
        self.held.remove(host);
        self.lost.insert(host.to_owned(), whose.to_owned());
    }
}

/// Time by a clock that goes on while the process is stopped and the machine sleeps.
fn clock() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Whether the host's answer is that there is no lock at all.
fn is_none(other: &Held) -> bool {
    other.holder.run.is_empty()
}

fn whose(other: &Held) -> String {
    match other.holder.run.as_str() {
        "" => "somebody has removed it".to_owned(),
        run => format!("{} has it now, with run {run}", other.holder.who),
    }
}

fn lost(host: &str, whose: &str) -> Error {
    Error::new(Kind::Locked, format!("the lock on {host} is no longer this run's: {whose}"))
        .hint("look at what the other has done there before this run goes on")
}

/// Has a word with a host about its lock, for which a shell may have to come up first.
pub async fn with<T>(host: &RunHost, word: impl AsyncFnOnce(Lock<'_>) -> Result<T>) -> Result<T> {
    within(PATIENCE + BECOMING, host, word).await
}

/// The same in this time: who renews or gives back has many hosts, and must not wait for one.
async fn within<T>(patience: Duration, host: &RunHost, word: impl AsyncFnOnce(Lock<'_>) -> Result<T>) -> Result<T> {
    let context = Context {
        host: &host.name,
        transport: &*host.transport,
        user: if host.user == User::Root { User::Root } else { User::Login },
        check: false,
        predictions: &host.predictions,
        timeout: PATIENCE,
        progress: &Silent,
    };
    bounded(patience, host, word(Lock { context: &context, path: &host.lock })).await
}

/// Bounds what a host is asked about its lock.
async fn bounded<T>(patience: Duration, host: &RunHost, word: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(patience, word).await.unwrap_or_else(|_| {
        Err(Error::unreachable(format!("the host did not answer within {} s about its lock", patience.as_secs()))
            .on_host(&host.name))
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
