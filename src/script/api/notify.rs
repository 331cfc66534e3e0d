//! Notifications: what a change asks to be done once, later in its step. They are in the run's record before the playbook goes
//! on, and so outlive a failure, a kill and a resumed attempt.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Array, Dynamic, Engine, FnPtr, NativeCallContext};

use super::Scripted;
use super::host::Host;
use crate::error::{Error, Result};
use crate::script::Script;
use crate::script::catalog::Entry;
use crate::script::here::on_host;
use crate::script::options::hosts_of;

const NOTIFY: Entry = Entry {
    name: "notify",
    on: "",
    usage: "notify(name, host) or notify(name, hosts)",
    arguments: &[2],
    options: &[],
    kind: None,
    doc: "Asks, inside a step, for what on_notify has under this name to be done on the host: once, at the end of the step or where \
          flush_notified() stands, however often it is asked for. It is in the run's record before the playbook goes on: a step that \
          fails or is killed leaves it to be done by the resumed run. In the step of a resumed run, the `changed` that a change gives \
          is true as well when an earlier attempt has changed it.",
    example: "on_notify(\"tell\", |m| m.note(\"was changed\"));\nstep(\"Configure\", || { notify(\"tell\", hosts(\"masters\")[0]); });",
};

const ON_NOTIFY: Entry = Entry {
    name: "on_notify",
    on: "",
    usage: "on_notify(name, |host| …)",
    arguments: &[2],
    options: &[],
    kind: None,
    doc: "Says what is done on a host for a notification of this name. Call it before the steps. Several names are carried out in the \
          order in which they were given here, each on one host after the other, in the order in which they were notified.",
    example: "on_notify(\"tell\", |m| m.note(\"was changed\"));",
};

const FLUSH: Entry = Entry {
    name: "flush_notified",
    on: "",
    usage: "flush_notified()",
    arguments: &[0],
    options: &[],
    kind: None,
    doc: "Carries out here what was notified so far, and not only at the end of the step.",
    example: "on_notify(\"tell\", |m| m.note(\"was changed\"));\nstep(\"Configure\", || { notify(\"tell\", hosts(\"masters\")[0]); flush_notified(); });",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[NOTIFY, ON_NOTIFY, FLUSH];

/// What is done for the notifications, by name, in the order of the playbook.
#[derive(Clone, Default)]
pub struct Handlers(Arc<Mutex<Vec<(String, FnPtr)>>>);

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script, handlers: &Handlers) {
    let h = handlers.clone();
    let s = script.clone();
    engine.register_fn("on_notify", move |ctx: NativeCallContext, name: &str, work: FnPtr| -> Scripted<()> {
        let mut known = h.known();
        if known.iter().any(|(other, _)| other == name) {
            let error = Error::input(format!("on_notify says twice what is done for \"{name}\""));
            return Err(s.raise(&ctx, error.hint("one name is one thing to do: give the other another name")));
        }
        known.push((name.to_owned(), work));
        Ok(())
    });
    let (s, h) = (script.clone(), handlers.clone());
    engine.register_fn("notify", move |ctx: NativeCallContext, name: &str, host: Host| -> Scripted<()> {
        s.scripted(&ctx, s.notify(&h, name, &[host]))
    });
    let (s, h) = (script.clone(), handlers.clone());
    engine.register_fn("notify", move |ctx: NativeCallContext, name: &str, hosts: Array| -> Scripted<()> {
        let hosts = hosts_of(&hosts).ok_or_else(|| Error::input("notify takes a host or a list of hosts"));
        s.scripted(&ctx, hosts.and_then(|hosts| s.notify(&h, name, &hosts)))
    });
    let (s, h) = (script.clone(), handlers.clone());
    engine.register_fn("flush_notified", move |ctx: NativeCallContext| h.flush(&s, &ctx));
}

impl Script {
    fn notify(&self, handlers: &Handlers, name: &str, hosts: &[Host]) -> Result<()> {
        if self.run.current_step().is_none() {
            return Err(Error::input("notify is called outside of a step")
                .hint("a notification is carried out at the end of its step: put the call into one"));
        }
        {
            let known = handlers.known();
            if !known.iter().any(|(known, _)| known == name) {
                return Err(Error::input(format!("nothing says what is done for the notification \"{name}\""))
                    .did_you_mean(name, known.iter().map(|(name, _)| name.as_str()))
                    .hint(format!("before the steps: on_notify(\"{name}\", |host| …)")));
            }
        }
        hosts.iter().try_for_each(|host| self.run.notify(name, &host.0.name))
    }
}

impl Handlers {
    fn known(&self) -> MutexGuard<'_, Vec<(String, FnPtr)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out what was notified and is not done yet. One that fails stays, and so do those after it.
    pub fn flush(&self, script: &Script, ctx: &NativeCallContext<'_>) -> Scripted<()> {
        loop {
            let pending = script.run.of_standing(|standing| standing.notified().to_vec());
            let Some(first) = pending.first() else { return Ok(()) };
            let next = self.known().iter().find_map(|(name, work)| {
                pending.iter().find(|pending| pending.name == *name).map(|pending| (pending.clone(), work.clone()))
            });
            let Some((next, work)) = next else {
                let error = Error::input(format!("nothing says what is done for the notification \"{}\"", first.name))
                    .on_host(&first.host)
                    .hint("the run has it from an earlier attempt: the playbook has to say on_notify for it");
                return Err(script.raise(ctx, error));
            };
            let hosts = script.scripted(ctx, script.hosts(std::slice::from_ref(&next.host)))?;
            for host in hosts {
                on_host(&next.host, || work.call_within_context::<Dynamic>(ctx, (host,)).map(drop))?;
            }
            script.scripted(ctx, script.run.notification_done(&next.name, &next.host))?;
        }
    }
}
