//! Watching the quorum of a group of servers while the playbook works: what is asked and what an answer means, the caller says.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rhai::{Array, Dynamic, Engine, FnPtr, Map, NativeCallContext};
use serde::Serialize;
use serde_json::Value;

use super::Scripted;
use super::flow::snapshot;
use super::host::Host;
use super::network::port_of;
use crate::error::{Error, Result};
use crate::run::Run;
use crate::run::availability::{self, Claimant, Found, Noticed, Timeline};
use crate::run::events::What;
use crate::run::hosts::RunHost;
use crate::run::watch::{self, Look, Question};
use crate::script::catalog::{Entry, opt};
use crate::script::failure::raise;
use crate::script::here;
use crate::script::options::{Options, hosts_of};
use crate::script::{STACK, Script};
use crate::task::http::in_url;
use crate::task::tcp;

/// A pause that shows a gap well before a client's session is lost, and does not flood a server's log.
const INTERVAL: Duration = Duration::from_millis(250);

/// The shortest: a question through ssh takes some 50 ms.
const SHORTEST: Duration = Duration::from_millis(50);

/// A host that takes longer can't be told from one that is gone.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A page of metrics has some 100 KiB; a four letter word is answered with 200 bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;

const PROBE: Entry = Entry {
    name: "probe",
    on: "",
    usage: "probe(hosts, || …, options)",
    arguments: &[3],
    options: &[
        opt("port", "a port", "where the servers are asked; it has to be given"),
        opt(
            "send",
            "a text",
            "what is sent there: the answer is all that comes until the server closes the connection",
        ),
        opt("http", "a path", "in place of `send`: the answer is the body of a GET of this path, whatever its status"),
        opt("headers", "a map", "header fields of that GET"),
        opt(
            "verdict",
            "a function |host, answer| …",
            "what an answer, a text, makes of a server: a map with `serves` (it is one of those that make the quorum), `leads`, and \
             `epoch`, the number that every election raises (Raft's term), where it tells; or () for no part of the quorum. It has \
             to be given, reads the answer, and calls nothing that reaches a host",
        ),
        opt(
            "interval",
            "seconds, or a text such as \"250ms\"",
            "from one look at a host to the next; 250 ms, at least 50 ms",
        ),
        opt(
            "timeout",
            "seconds, or a text such as \"2s\"",
            "when a host that does not answer counts as unseen; 2 seconds",
        ),
    ],
    kind: None,
    doc: "Calls the function, and meanwhile asks every host at every interval, beside what else happens there. Gives what the \
          function gives. The hosts are all voting members of one group. The recap, `zkmig runs show` and the event \
          `availability` then tell each gap (a time without one leader and more than half of the hosts serving), the time \
          without a spare (one more failure would have ended the quorum), elections and leaders; the event `members` tells every \
          change. A gap is as long as from the look that missed the quorum to the one that found it again: that is exact to \
          about one interval, and the ± behind it says how exact it was. A host that can't be asked counts as not \
          serving. Two leaders at once are a warning. No look disturbs the function. Check mode only calls the function. \
          `zkmig:quorum/zookeeper`, `/etcd` and `/rabbitmq` have a `watched` that knows the question and the verdict of its system.",
    example: "let masters = hosts(\"masters\");\nlet verdict = |m, answer| zookeeper::role(answer, 3);\nlet answer = probe(masters, || step(\"Restart\", || 42), #{ port: 2181, send: \"srvr\", verdict: verdict });",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[PROBE];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    let s = script.clone();
    engine.register_fn("probe", move |ctx: NativeCallContext, hosts: Array, work: FnPtr, options: Map| {
        probe(&s, &ctx, &hosts, &work, options)
    });
}

fn probe(script: &Script, ctx: &NativeCallContext, hosts: &Array, work: &FnPtr, options: Map) -> Scripted<Dynamic> {
    let hosts = script.scripted(ctx, members(hosts))?;
    let (question, verdict) = script.scripted(ctx, question(options))?;
    let call = || work.call_within_context::<Dynamic>(ctx, ()).map(Dynamic::flatten);
    if script.run.options.check {
        return call();
    }
    let reader = Reader::of(&script.run, &hosts);
    let targets: Result<Vec<(Arc<RunHost>, Question)>> = hosts
        .iter()
        .map(|host| {
            Ok((Arc::clone(&host.0), question.of(script.own_address(host)?.as_deref().unwrap_or(&host.0.name))))
        })
        .collect();
    let targets = script.scripted(ctx, targets)?;
    let (sender, looks) = mpsc::channel::<Look>();
    #[allow(deprecated, reason = "Rhai marks its own context store as volatile; it is the only way to call on threads")]
    let stored = ctx.store_data();
    let engine = ctx.engine();
    let place = here::here();
    let result = std::thread::scope(|scope| {
        let (reader, hosts, verdict, is_http) = (&reader, &hosts, snapshot(&verdict), question.get.is_some());
        let read = move || {
            #[allow(deprecated, reason = "as above")]
            let context = stored.create_context(engine);
            here::at(place, || {
                for look in looks {
                    let found = match &look.found {
                        watch::Found::Said(bytes) => reader.judge(&context, &verdict, hosts, look.host, bytes, is_http),
                        watch::Found::Refused => Found::Idle,
                        watch::Found::Unseen => Found::Unseen,
                    };
                    reader.take(&look, found);
                }
            });
        };
        let reading = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, read);
        reading.map_err(|error| script.raise(ctx, Error::failed("can't start a thread").caused_by(error)))?;
        let watch = script.run.watch(&targets, move |look| {
            // The reader is gone only when the whole probe is.
            drop(sender.send(look));
        });
        let watch = script.scripted(ctx, watch)?;
        // A verdict that can't be had is a mistake of the playbook's: it is told before the work begins.
        reader.await_first(targets.len());
        let result = match reader.mistake() {
            Some(error) => Err(error),
            None => call(),
        };
        watch.end();
        result
    });
    // The thread has ended, so every look was taken.
    let result = result.and_then(|value| reader.mistake().map_or(Ok(value), Err));
    reader.tell_all();
    result
}

fn members(hosts: &Array) -> Result<Vec<Host>> {
    let hosts = hosts_of(hosts).ok_or_else(|| Error::input("probe is for lists of hosts"))?;
    if hosts.is_empty() {
        return Err(Error::input("probe is given no host").hint("it takes all members of one group"));
    }
    let twice =
        hosts.iter().enumerate().find(|(at, host)| hosts[..*at].iter().any(|known| known.0.name == host.0.name));
    if let Some((_, host)) = twice {
        return Err(Error::input(format!("probe is given {} twice", host.0.name))
            .hint("each member counts once, or what a quorum is would be wrong"));
    }
    Ok(hosts)
}

/// What is asked.
struct Asked {
    /// As every host is asked.
    ask: Question,
    /// What is asked by HTTP in the place of what is sent.
    get: Option<Get>,
}

impl Asked {
    /// What a host of this address or name is asked.
    fn of(&self, address: &str) -> Question {
        let mut ask = self.ask.clone();
        if let Some(get) = &self.get {
            ask.options.send = get.request(address, ask.options.port).into_bytes();
        }
        ask
    }
}

fn question(options: Map) -> Result<(Asked, FnPtr)> {
    let mut options = Options::new(&PROBE, options)?;
    let lacks = |name: &str, example: &str| Error::input(format!("probe lacks its `{name}`")).hint(example);
    let port = options.any("port").ok_or_else(|| lacks("port", "such as port: 2181"))?;
    let port = port_of("probe", &port)?;
    let verdict = options.function("verdict")?;
    let verdict = verdict
        .ok_or_else(|| lacks("verdict", "such as |m, answer| #{ serves: true, leads: answer.contains(\"leader\") }"))?;
    let (send, http) = (options.text("send")?, options.text("http")?);
    let headers = options.json("headers")?.unwrap_or_default();
    let (send, get) = match (send, http) {
        (Some(send), None) if headers.is_empty() => (send, None),
        (None, Some(path)) => (String::new(), Some(Get::new(path, &headers)?)),
        (Some(_), None) => return Err(Error::input("`headers` go with `http`, and probe is given `send`")),
        _ => return Err(lacks("send", "either `send: \"text\"` or `http: \"/path\"`")),
    };
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
    let options = tcp::Options { limit: LONGEST_ANSWER, ..tcp::Options::new(port, send) };
    Ok((Asked { ask: Question { options, interval, timeout }, get }, verdict))
}

/// A GET whose answer ends with the connection: of HTTP/1.0, so that it comes in one piece.
struct Get {
    path: String,
    /// Header fields, each with its line end.
    headers: String,
    /// The caller says whom it is for.
    names_host: bool,
}

impl Get {
    fn new(path: String, headers: &serde_json::Map<String, Value>) -> Result<Self> {
        let plain = |text: &str| !text.chars().any(char::is_control);
        if !path.starts_with('/') || path.contains(' ') || !plain(&path) {
            return Err(Error::input(format!("`{}` is no path of a web server", path.escape_debug()))
                .hint("it begins with `/`"));
        }
        let mut get = Self { path, headers: String::new(), names_host: false };
        for (name, value) in headers {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if !plain(name) || !plain(&value) || name.contains([':', ' ']) {
                return Err(Error::input(format!("`{}` can't be a header field", name.escape_debug())));
            }
            get.names_host |= name.eq_ignore_ascii_case("host");
            get.headers.push_str(&format!("{name}: {value}\r\n"));
        }
        Ok(get)
    }

    fn request(&self, address: &str, port: u16) -> String {
        let Self { path, headers, names_host } = self;
        let host = if *names_host { String::new() } else { format!("Host: {}:{port}\r\n", in_url(address)) };
        format!("GET {path} HTTP/1.0\r\n{host}Connection: close\r\n{headers}\r\n")
    }
}

/// The body of an answer of HTTP.
fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The looks of one call, and the events that come of them.
struct Reader {
    run: Arc<Run>,
    timeline: Mutex<Option<Timeline>>,
    taken: (Mutex<usize>, std::sync::Condvar),
    mistake: Mutex<Option<Box<rhai::EvalAltResult>>>,
    mistakes: AtomicUsize,
}

impl Reader {
    fn of(run: &Arc<Run>, hosts: &[Host]) -> Self {
        let timeline = Timeline::new(hosts.iter().map(|host| host.0.name.clone()));
        Self {
            run: Arc::clone(run),
            timeline: Mutex::new(Some(timeline)),
            taken: (Mutex::new(0), std::sync::Condvar::new()),
            mistake: Mutex::default(),
            mistakes: AtomicUsize::new(0),
        }
    }

    /// What an answer makes of a server. After a verdict that could not be had, nobody is asked for another.
    fn judge(
        &self,
        context: &NativeCallContext,
        verdict: &FnPtr,
        hosts: &[Host],
        host: usize,
        bytes: &[u8],
        http: bool,
    ) -> Found {
        let Some(host) = hosts.get(host).filter(|_| self.mistakes.load(Ordering::SeqCst) == 0) else {
            return Found::Unseen;
        };
        let text = String::from_utf8_lossy(bytes);
        let answer = if http { body(&text) } else { &text };
        let said = here::on_host(&host.0.name, || {
            snapshot(verdict).call_within_context::<Dynamic>(context, (host.clone(), answer.to_owned()))
        });
        match said.and_then(|said| found(&said)) {
            Ok(found) => found,
            Err(error) => {
                self.mistakes.fetch_add(1, Ordering::SeqCst);
                self.mistake.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                Found::Unseen
            }
        }
    }

    fn mistake(&self) -> Option<Box<rhai::EvalAltResult>> {
        self.mistake.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until so many looks were taken: those that were sent before.
    fn await_first(&self, looks: usize) {
        let (taken, more) = &self.taken;
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken < looks {
            taken = more.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn take(&self, look: &Look, found: Found) {
        let look = availability::Look {
            server: look.host,
            asked_ms: self.run.events.elapsed_at(look.asked),
            ended_ms: self.run.events.elapsed_at(look.ended),
            found,
        };
        let noticed =
            self.timeline.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(|timeline| timeline.take(look));
        let Noticed { view, rivals } = noticed.unwrap_or_default();
        if let Some(view) = view {
            self.tell(availability::MEMBERS, &view);
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
        let (taken, more) = &self.taken;
        *taken.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        more.notify_all();
    }

    fn tell_all(&self) {
        let timeline = self.timeline.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(timeline) = timeline.filter(Timeline::has_begun) {
            self.tell(availability::AVAILABILITY, &timeline.end(self.run.events.elapsed_at(Instant::now())));
        }
    }

    fn tell(&self, name: &str, data: &impl Serialize) {
        if let Ok(Value::Object(data)) = serde_json::to_value(data) {
            self.run.events.emit(What::Data { host: None, step: self.run.current_step(), name: name.to_owned(), data });
        }
    }
}

/// What a verdict says.
fn found(said: &Dynamic) -> Scripted<Found> {
    if said.is_unit() {
        return Ok(Found::Idle);
    }
    let wrong = |why: &str| {
        raise(
            Error::input(format!("the verdict of probe {why}"))
                .hint("|m, answer| #{ serves: true, leads: false, epoch: 7 }, or ()"),
        )
    };
    let Ok(map) = said.as_map_ref() else {
        return Err(wrong(&format!("has to be a map or (), not {}", said.type_name())));
    };
    if let Some(unknown) = map.keys().find(|key| !["serves", "leads", "epoch"].contains(&key.as_str())) {
        return Err(wrong(&format!("has no field `{unknown}`")));
    }
    let flag = |name: &str| match map.get(name) {
        None => Ok(false),
        Some(value) => value.as_bool().map_err(|_| wrong(&format!("has a `{name}` that is neither true nor false"))),
    };
    let epoch = match map.get("epoch") {
        None => None,
        Some(value) if value.is_unit() => None,
        Some(value) => {
            let epoch = value.as_int().ok().and_then(|epoch| u64::try_from(epoch).ok());
            Some(epoch.ok_or_else(|| wrong("has an `epoch` that is no whole number from 0"))?)
        }
    };
    match (flag("leads")?, flag("serves")?) {
        (true, true) => Ok(Found::Leads(epoch)),
        (true, false) => Err(wrong("says that a server leads and does not serve")),
        (false, true) => Ok(Found::Follows),
        (false, false) => Ok(Found::Idle),
    }
}

fn claim(claimant: &Claimant) -> String {
    match claimant.epoch {
        Some(epoch) => format!("{} (epoch {epoch})", claimant.host),
        None => claimant.host.clone(),
    }
}
