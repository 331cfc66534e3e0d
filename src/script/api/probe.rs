//! Watching the quorum of a ZooKeeper ensemble while the playbook works.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rhai::{Array, Dynamic, Engine, FnPtr, Map, NativeCallContext};
use serde::Serialize;
use serde_json::Value;

use super::Scripted;
use super::network::port_of;
use crate::error::{Error, Result};
use crate::run::Run;
use crate::run::events::What;
use crate::run::hosts::RunHost;
use crate::run::watch::{self, Question};
use crate::script::Script;
use crate::script::catalog::{Entry, opt};
use crate::script::options::{Options, hosts_of};
use crate::task::tcp;
use crate::zookeeper::availability::{self, Claimant, Found, Noticed, Timeline};
use crate::zookeeper::four_letter;

/// Where ZooKeeper listens unless it was told otherwise.
const PORT: u16 = 2181;

/// A pause that shows a gap well before a client's session is lost, and does not flood ZooKeeper's log.
const INTERVAL: Duration = Duration::from_millis(250);

/// The shortest: a question through ssh takes some 50 ms.
const SHORTEST: Duration = Duration::from_millis(50);

/// A host that takes longer can't be told from one that is gone.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The answer has some 200 bytes.
const LONGEST_ANSWER: usize = 16 * 1024;

const PROBE: Entry = Entry {
    name: "probe",
    on: "",
    usage: "probe(hosts, || …) or probe(hosts, || …, options)",
    arguments: &[2, 3],
    options: &[
        opt(
            "interval",
            "seconds, or a text such as \"250ms\"",
            "from one look at a host to the next; 250 ms, at least 50 ms",
        ),
        opt("port", "a port", "where ZooKeeper listens; 2181"),
        opt(
            "timeout",
            "seconds, or a text such as \"2s\"",
            "when a host that does not answer counts as unseen; 2 seconds",
        ),
    ],
    kind: None,
    doc: "Calls the function, and meanwhile asks the ZooKeeper of each host `srvr` at every interval, beside what else happens \
          there. Gives what the function gives. The hosts are all voting members of one ensemble. The recap, `zkmig runs show` and \
          the event `availability` then tell each gap (a time without one leader and more than half of the hosts serving), the time \
          without a spare (one more failure would have ended the quorum), elections and leaders; the event `ensemble` tells every \
          change. A gap is as long as from the look that missed the quorum to the one that found it again: that is exact to \
          about one interval, and the ± behind it says how exact it was. A host that can't be asked counts as not \
          serving. Two leaders at once are a warning. No look disturbs the function. ZooKeeper logs each one. Check mode only calls \
          the function.",
    example: "let masters = hosts(\"masters\");\nlet answer = probe(masters, || step(\"Restart\", || 42), #{ interval: \"500ms\" });",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[PROBE];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    let s = script.clone();
    engine.register_fn("probe", move |ctx: NativeCallContext, hosts: Array, work: FnPtr| {
        probe(&s, &ctx, &hosts, &work, Map::new())
    });
    let s = script.clone();
    engine.register_fn("probe", move |ctx: NativeCallContext, hosts: Array, work: FnPtr, options: Map| {
        probe(&s, &ctx, &hosts, &work, options)
    });
}

fn probe(script: &Script, ctx: &NativeCallContext, hosts: &Array, work: &FnPtr, options: Map) -> Scripted<Dynamic> {
    let hosts = script.scripted(ctx, members(hosts))?;
    let question = script.scripted(ctx, question(options))?;
    let call = || work.call_within_context::<Dynamic>(ctx, ()).map(Dynamic::flatten);
    if script.run.options.check {
        return call();
    }
    let probe = Arc::new(Probe::of(&script.run, &hosts));
    let looking = Arc::clone(&probe);
    let watch = script.run.watch(&hosts, &question, move |look| looking.take(&look));
    let watch = script.scripted(ctx, watch)?;
    let result = call();
    watch.end();
    probe.tell_all();
    result
}

fn members(hosts: &Array) -> Result<Vec<Arc<RunHost>>> {
    let hosts = hosts_of(hosts).ok_or_else(|| Error::input("probe is for lists of hosts"))?;
    if hosts.is_empty() {
        return Err(Error::input("probe is given no host").hint("it takes all members of one ensemble"));
    }
    let twice =
        hosts.iter().enumerate().find(|(at, host)| hosts[..*at].iter().any(|known| known.0.name == host.0.name));
    if let Some((_, host)) = twice {
        return Err(Error::input(format!("probe is given {} twice", host.0.name))
            .hint("each member counts once, or what a quorum is would be wrong"));
    }
    Ok(hosts.into_iter().map(|host| host.0).collect())
}

fn question(options: Map) -> Result<Question> {
    let mut options = Options::new(&PROBE, options)?;
    let port = options.any("port").map_or(Ok(PORT), |port| port_of("probe", &port))?;
    let interval = options.duration("interval")?.unwrap_or(INTERVAL);
    let timeout = options.duration("timeout")?.unwrap_or(TIMEOUT);
    for (name, span) in [("interval", interval), ("timeout", timeout)] {
        if span < SHORTEST {
            return Err(Error::input(format!(
                "option `{name}` of probe has to be at least {} ms",
                SHORTEST.as_millis()
            )));
        }
    }
    let options = tcp::Options { limit: LONGEST_ANSWER, ..tcp::Options::new(port, "srvr") };
    Ok(Question { options, interval, timeout })
}

/// The looks of one call, and the events that come of them.
struct Probe {
    run: Arc<Run>,
    servers: usize,
    timeline: Mutex<Option<Timeline>>,
}

impl Probe {
    fn of(run: &Arc<Run>, hosts: &[Arc<RunHost>]) -> Self {
        let timeline = Timeline::new(hosts.iter().map(|host| host.name.clone()));
        Self { run: Arc::clone(run), servers: hosts.len(), timeline: Mutex::new(Some(timeline)) }
    }

    fn take(&self, look: &watch::Look) {
        let found = match &look.found {
            watch::Found::Said(bytes) => Found::of(&four_letter::srvr(&String::from_utf8_lossy(bytes)), self.servers),
            watch::Found::Refused => Found::Idle,
            watch::Found::Unseen => Found::Unseen,
        };
        let look = availability::Look {
            server: look.host,
            asked_ms: self.run.events.elapsed_at(look.asked),
            ended_ms: self.run.events.elapsed_at(look.ended),
            found,
        };
        // Held until it is told, so that the events come in the order of what they tell.
        let mut timeline = self.timeline.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(timeline) = timeline.as_mut() else { return };
        let Noticed { view, rivals } = timeline.take(look);
        if let Some(view) = view {
            self.tell(availability::ENSEMBLE, &view);
        }
        if let Some(rivals) = rivals {
            let leaders: Vec<String> = rivals.leaders.iter().map(claim).collect();
            self.run.events.emit(What::Warning {
                text: format!(
                    "two servers lead at once: {}; the one of the older epoch can commit nothing, look at the network between them",
                    leaders.join(" and ")
                ),
            });
        }
    }

    fn tell_all(&self) {
        let timeline = self.timeline.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(timeline) = timeline {
            self.tell(availability::AVAILABILITY, &timeline.end(self.run.events.elapsed_at(Instant::now())));
        }
    }

    fn tell(&self, name: &str, data: &impl Serialize) {
        if let Ok(Value::Object(data)) = serde_json::to_value(data) {
            self.run.events.emit(What::Data { host: None, step: self.run.current_step(), name: name.to_owned(), data });
        }
    }
}

fn claim(claimant: &Claimant) -> String {
    match claimant.epoch {
        Some(epoch) => format!("{} (epoch {epoch})", claimant.host),
        None => claimant.host.clone(),
    }
}
