//! The locks of a run: on all of its hosts or on none, renewed while it lives, given back at its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use super::events::{Events, What};
use super::hosts::RunHost;
use super::interrupt::Interrupt;
use crate::error::{Error, Kind, Result};
use crate::host::{BECOMING, Resumed, User};
use crate::task::lock::{Held, Holder, Lock, RENEWED_EVERY, refusal};
use crate::task::{Context, Silent};

/// How long one word with a host about its lock may take, once a shell is there for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The locks of one run.
pub struct Locks {
    holder: Holder,
    events: Events,
    interrupt: Interrupt,
    held: Arc<Mutex<Vec<Arc<RunHost>>>>,
    renewing: Mutex<Option<JoinHandle<()>>>,
}

impl Locks {
    /// Locks that `holder` will hold.
    pub fn new(holder: Holder, events: Events, interrupt: Interrupt) -> Self {
        Self { holder, events, interrupt, held: Arc::default(), renewing: Mutex::default() }
    }

    /// Takes the locks of these hosts, of all or of none.
    ///
    /// The first by name is taken before the others: of two runs that want the same hosts at the same moment one gets that
    /// one, and so all, and the other none. The others are taken at once.
    pub async fn take(&self, hosts: &[Arc<RunHost>]) -> Result<()> {
        let mut hosts = hosts.to_vec();
        hosts.sort_by(|one, other| one.name.cmp(&other.name));
        let Some((first, others)) = hosts.split_first() else { return Ok(()) };
        self.refused(first, self.take_one(first).await)?;
        let answers = join_all(others.iter().map(|host| self.take_one(host))).await;
        let got: Vec<_> = std::iter::once(first)
            .chain(others.iter().zip(&answers).filter(|(_, answer)| matches!(answer, Ok(None))).map(|(host, _)| host))
            .cloned()
            .collect();
        for (host, answer) in others.iter().zip(answers) {
            if !matches!(answer, Ok(None)) {
                self.give_back(&got).await;
                return self.refused(host, answer);
            }
        }
        hosts.iter().for_each(|host| self.keep_over_reconnects(host));
        let names = hosts.iter().map(|host| host.name.clone()).collect();
        lock(&self.held).extend(hosts);
        self.events.emit(What::Locked { hosts: names });
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
        with(host, async |lock| lock.take(&self.holder).await).await
    }

    /// Has the lock, and what the host does with it when the connection ends, taken up again before anything is done on a connection
    /// that was made anew.
    fn keep_over_reconnects(&self, host: &Arc<RunHost>) {
        let (host, holder, events) = (Arc::downgrade(host), self.holder.clone(), self.events.clone());
        let transport = host.upgrade().map(|host| Arc::clone(&host.transport));
        let resumed: Resumed = Box::new(move || {
            let (host, holder, events) = (host.upgrade(), holder.clone(), events.clone());
            Box::pin(async move {
                let Some(host) = host else { return Ok(()) };
                let other = match with(&host, async |lock| lock.renew(&holder).await).await? {
                    // A host that has lost it, as one that boots anew may, gives it again.
                    Some(other) if other.holder.run.is_empty() => {
                        with(&host, async |lock| lock.take(&holder).await).await?
                    }
                    other => other,
                };
                match other {
                    Some(other) => {
                        // The run has begun: it is stopped rather than refused.
                        let mut error = refusal(&host.name, &other);
                        error.parts_mut().kind = Kind::Stopped;
                        Err(error.hint(
                            "the connection had ended, and meanwhile the lock was taken: nothing more was done there",
                        ))
                    }
                    None => {
                        let text = "connected again, and its lock is held again".to_owned();
                        events.emit(What::Note { host: Some(host.name.clone()), text });
                        Ok(())
                    }
                }
            })
        });
        if let Some(transport) = transport {
            transport.on_reconnect(resumed);
        }
    }

    /// Begins to renew what is held, unless that has begun.
    fn renew(&self) {
        let mut renewing = lock(&self.renewing);
        if renewing.is_some() {
            return;
        }
        let (held, holder) = (Arc::clone(&self.held), self.holder.clone());
        let (events, interrupt) = (self.events.clone(), self.interrupt.clone());
        *renewing = Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEWED_EVERY).await;
                let hosts = lock(&held).clone();
                let renewals = hosts.iter().map(|host| async {
                    // A host that can't be reached is noticed by what the run does there.
                    let answer = within(PATIENCE, host, async |lock| lock.renew(&holder).await).await.ok().flatten();
                    answer.map(|other| (host.name.clone(), other))
                });
                for (host, other) in join_all(renewals).await.into_iter().flatten() {
                    lock(&held).retain(|known| known.name != host);
                    let whose = match other.holder.run.as_str() {
                        "" => "somebody has removed it".to_owned(),
                        run => format!("{} has it now, with run {run}", other.holder.who),
                    };
                    events.emit(What::Warning {
                        text: format!(
                            "the lock on {host} is no longer this run's: {whose}; stopping at the next safe place"
                        ),
                    });
                    interrupt.stop();
                }
            }
        }));
    }

    /// Gives all of them back; says where that failed.
    pub async fn release(&self) {
        if let Some(renewing) = lock(&self.renewing).take() {
            renewing.abort();
        }
        let hosts: Vec<_> = lock(&self.held).drain(..).collect();
        if hosts.is_empty() {
            return;
        }
        let failed = self.give_back(&hosts).await;
        let given = hosts.iter().map(|host| host.name.clone()).filter(|name| !failed.contains(name)).collect();
        self.events.emit(What::Unlocked { hosts: given });
        for host in failed {
            self.events.emit(What::Warning {
                text: format!(
                    "the lock on {host} could not be given back, and is dead from now on: `zkmig resume {}` takes it again, `zkmig unlock` removes it",
                    self.holder.run
                ),
            });
        }
    }

    async fn give_back(&self, hosts: &[Arc<RunHost>]) -> Vec<String> {
        let answers =
            join_all(hosts.iter().map(|host| within(PATIENCE, host, async |lock| lock.release(&self.holder).await)))
                .await;
        hosts.iter().zip(answers).filter(|(_, answer)| answer.is_err()).map(|(host, _)| host.name.clone()).collect()
    }
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
    let answer = tokio::time::timeout(patience, word(Lock { context: &context, path: &host.lock })).await;
    answer.unwrap_or_else(|_| {
        Err(Error::unreachable(format!("the host did not answer within {} s about its lock", patience.as_secs()))
            .on_host(&host.name))
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
