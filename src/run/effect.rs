//! How an effect is carried out in a run: announced, recorded, done unless check mode forbids, and reported.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::events::{Outcome, Place, What};
use super::hosts::RunHost;
use super::progress::EffectProgress;
use super::stream::Sure;
use super::{Patience, Run, lock, millis};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::host::User;
use crate::task::{Changed, Context, Copied, Fact, Kind};

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
    pub user: Option<Who>,
    /// It is one of several attempts: inside a wait or a retry, where a failure is no news.
    pub attempt: bool,
}

/// Whom a call wants an effect to be done as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The user that the host's inventory says is become: root, unless it names another.
    Become,
    /// This user.
    User(User),
}

/// How an effect is reported once it is over.
#[derive(Default)]
pub struct Report {
    /// What it changed; none for reads and actions.
    pub changed: Option<Changed>,
    /// What it did, for a person, where that says more than the announcement.
    pub summary: Option<String>,
    /// What it left on the host.
    pub facts: Vec<Fact>,
    /// The copy that it made, or found, of a file as it was before.
    pub copied: Option<Copied>,
}

impl Run {
    /// Carries out an effect: announces it, does it unless check mode forbids, and reports how it ended.
    ///
    /// `work` is not called for an action in check mode; the result is then `None`.
    pub fn effect<T>(
        &self,
        call: Call<'_>,
        work: impl AsyncFnOnce(&Context<'_>) -> Result<(T, Report)>,
    ) -> Result<Option<T>> {
        let patience = if call.kind == Kind::Read { Patience::None } else { Patience::End };
        self.carry_out(call, patience, work)
    }

    /// The same for an action that only waits for what the host does by itself. It changes nothing, so that it has no end to come to when
    /// the operator wants to stop.
    pub fn waiting_effect<T>(
        &self,
        call: Call<'_>,
        work: impl AsyncFnOnce(&Context<'_>) -> Result<(T, Report)>,
    ) -> Result<Option<T>> {
        self.carry_out(call, Patience::None, work)
    }

    fn carry_out<T>(
        &self,
        call: Call<'_>,
        patience: Patience,
        work: impl AsyncFnOnce(&Context<'_>) -> Result<(T, Report)>,
    ) -> Result<Option<T>> {
        let host = call.host.ok_or_else(|| Error::defect("an effect on no host"))?;
        self.announce(&call, |effect| {
            if call.kind == Kind::Action && self.options.check {
                return Ok((None, Report::default()));
            }
            let progress = EffectProgress::new(self.events.clone(), effect, &host.name);
            let context = Context {
                host: &host.name,
                transport: &*host.transport,
                user: match &call.user {
                    None => host.user.clone(),
                    Some(Who::Become) => host.becomes.clone(),
                    Some(Who::User(user)) => user.clone(),
                },
                check: self.options.check,
                predictions: &host.predictions,
                timeout: call.timeout,
                progress: &progress,
            };
            self.block_on(patience, work(&context)).map(|(value, report)| (Some(value), report))
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
        let result = self.announce(call, |effect| {
            if self.options.check {
                return Ok((None, Report::default()));
            }
            let host = call.host.map_or("", |host| host.name.as_str());
            let progress = EffectProgress::new(self.events.clone(), effect, host);
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

    /// Waits until all that happened so far is on the record's disk. Where it is not, nothing may be changed that was not
    /// begun before; that is told by the stream itself.
    fn may_change(&self) -> Result<()> {
        let Some(record) = self.record.get() else { return Ok(()) };
        // A disk may take its time, and the operator's second signal is heard meanwhile.
        match self.block_on(Patience::End, async { Ok(record.sure(Sure::Synced).await) })? {
            Err(why) => self.unrecorded(why),
            Ok(()) => Ok(()),
        }
    }

    /// The record can't be written, for this reason: what has not begun does not begin.
    fn unrecorded(&self, why: String) -> Result<()> {
        if self.changed.load(Ordering::SeqCst) {
            return Ok(());
        }
        let folder = self.record.get().map_or_else(|| "it".to_owned(), |record| record.folder().display().to_string());
        Err(Error::input("the run's record can't be written, and no host was changed yet")
            .caused_by(why)
            .hint(format!("make room for {folder}, or set XDG_STATE_HOME to another folder")))
    }

    /// Asks for something to be done on a host later in the step; it is on the record's disk when this returns.
    pub fn notify(&self, name: &str, host: &str) -> Result<()> {
        if self.of_standing(|standing| standing.notified().iter().any(|known| known.name == name && known.host == host))
        {
            return Ok(());
        }
        let step = self.current_step();
        self.events.emit(What::Notified { name: name.to_owned(), host: host.to_owned(), step });
        self.may_change()
    }

    /// It was done.
    pub fn notification_done(&self, name: &str, host: &str) -> Result<()> {
        self.events.emit(What::NotificationDone { name: name.to_owned(), host: host.to_owned() });
        self.recorded();
        Ok(())
    }

    /// Whether this change was made by an earlier attempt of the step that is under way.
    pub fn changed_before(&self, host: &str, name: &str, summary: &str) -> bool {
        let Some(step) = self.current_step() else { return false };
        let what = (self.secrets.redact(&step), host.to_owned(), format!("{name} {}", self.secrets.redact(summary)));
        lock(&self.replay).changed_before(&what)
    }

    /// Waits until what a change has done is written, before the playbook goes on: it outlives this process then.
    fn recorded(&self) {
        if let Some(record) = self.record.get() {
            // Interrupted or broken: either is told elsewhere, and takes nothing back of what was done.
            let _ = self.block_on(Patience::End, async { Ok(record.sure(Sure::Taken).await) });
        }
    }

    fn announce<T>(&self, call: &Call<'_>, work: impl FnOnce(u64) -> Result<(Option<T>, Report)>) -> Result<Option<T>> {
        let changes = call.kind != Kind::Read;
        if changes && self.interrupt.is_stopping() && self.turns.load(Ordering::SeqCst) == 0 {
            return Err(self.interrupt.error());
        }
        self.touched.store(true, Ordering::SeqCst);
        let changes_host = changes && call.host.is_some() && !self.options.check;
        if changes_host {
            match self.record.get() {
                Some(record) => record.broken().map_or(Ok(()), |why| self.unrecorded(why))?,
                None => self.unrecorded("it was not begun".to_owned())?,
            }
        }
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
        // The announcement of a change is on the disk before it begins.
        let allowed = match call.host.filter(|_| changes_host) {
            Some(host) => self.may_change().and_then(|()| self.locked(host)),
            None => Ok(()),
        };
        let trips = call.host.map(|host| host.transport.round_trips());
        let begun = allowed.is_ok();
        let result = match allowed {
            Ok(()) => {
                self.changed.fetch_or(changes_host, Ordering::SeqCst);
                work(effect)
            }
            Err(error) => Err(error),
        };
        let (mut facts, mut copied) = (Vec::new(), None);
        let (outcome, diff, message, summary) = match &result {
            Ok((value, report)) => {
                facts.clone_from(&report.facts);
                copied.clone_from(&report.copied);
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
                // Nothing was begun, and still it has to be told why: under the name that it has everywhere.
                if let Some(host) = host.as_ref().filter(|_| !begun && !call.attempt)
                    && error.kind() == ErrorKind::Unreachable
                {
                    self.events.emit(What::HostUnreachable { host: host.clone(), message: error.to_string() });
                }
                let outcome = match error.kind() {
                    _ if !begun => Outcome::NotBegun,
                    // What is wrong with the call was found before the host was told anything.
                    ErrorKind::Input if trips == call.host.map(|host| host.transport.round_trips()) => {
                        Outcome::NotBegun
                    }
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
            facts,
            copied,
            attempt: call.attempt,
        });
        if changes_host {
            self.recorded();
        }
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
