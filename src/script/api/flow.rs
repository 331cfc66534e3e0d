//! The course of a playbook: hosts, each, step, confirm, note, fail, checks, secrets.

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::Scripted;
use super::host::Host;
use super::notify::Handlers;
use crate::error::{Error, Kind};
use crate::inventory::Order;
use crate::run::events::What;
use crate::run::{fan, joined};
use crate::script::catalog::{Entry, opt};
use crate::script::failure::{Failure, failure_in, raise};
use crate::script::here::{self, Here};
use crate::script::options::{Options, hosts_of};
use crate::script::value::shown;
use crate::script::{STACK, Script, recorded};

const HOSTS: Entry = Entry {
    name: "hosts",
    on: "",
    usage: "hosts(pattern, #{…})",
    arguments: &[1, 2],
    options: &[
        opt(
            "order",
            "`inventory`, `reverse_inventory`, `sorted`, `reverse_sorted` or `shuffle`",
            "the order in which they are worked on, as a play's `order` in Ansible; `inventory`",
        ),
        opt(
            "unreachable",
            "`stop` or `skip`",
            "what becomes of a host that can't be reached: it stops the run, or is left out from then on; `stop`, or `skip` with \
             --skip-unreachable",
        ),
    ],
    kind: None,
    doc: "The hosts that a pattern selects, in the pattern's and the inventory's order, limited by --limit and connected. \
          Patterns are Ansible's: `masters`, `a:b`, `a:!b`, `a:&b`, `10.10.0.*`, `~regex`, `masters[0:2]`. A part of one \
          that matches nothing is warned of; a pattern without any host is an error before the run, and a host that can't \
          be reached stops the run, unless it may be left out: then the run goes on with the others, the recap names it, and the exit \
          code is 4. A rolling block stops all the same.",
    example: "let masters = hosts(\"masters\");\nnote(`${masters.len()} masters`);",
};

const EACH: Entry = Entry {
    name: "each",
    on: "list of hosts",
    usage: "hosts.each(|host| …) or hosts.each(|host| …, options)",
    arguments: &[1, 2],
    options: &[opt(
        "on_failure",
        "`stop` or `collect`",
        "what becomes of failures: they are thrown, or given beside the results, as `ok` and `failed`, two maps by host name; `stop`",
    )],
    kind: None,
    doc: "Calls the function for every host, on all of them at once (at most --forks), and gives a map of the results by \
          host name. Variables from outside are copies: what the function assigns to them is lost, so return it instead. \
          When it fails on some hosts it still ends on the others; then the failures are thrown as one. A host that can't be reached \
          and may be left out (see `hosts`) is none.",
    example: "let names = hosts(\"masters\").each(|m| m.run(\"hostname\", #{ read_only: true }).stdout.trimmed());",
};

const STEP: Entry = Entry {
    name: "step",
    on: "",
    usage: "step(name, || …)",
    arguments: &[2],
    options: &[],
    kind: None,
    doc: "A named part of the playbook: what the output, --list-steps and the errors call it. Gives what the function gives. \
          That is recorded: a resumed run does not carry out again what is over. What can't be recorded (functions, values that \
          hold a secret) makes the step run again, and those after it.",
    example: "let answer = step(\"Think\", || 6 * 7);",
};

const CONFIRM: Entry = Entry {
    name: "confirm",
    on: "",
    usage: "confirm(text)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "Shows the text and asks the operator whether to go on; anything but yes stops the run. --yes answers yes, so does \
          check mode. Without a terminal and without --yes the run stops.",
    example: "confirm(\"Restart all masters?\");",
};

const NOTE: Entry = Entry {
    name: "note",
    on: "",
    usage: "note(text) or host.note(text)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "Tells the operator something; it is part of the record.",
    example: "note(\"nothing to do\");",
};

const FAIL: Entry = Entry {
    name: "fail",
    on: "",
    usage: "fail(message) or fail(message, options)",
    arguments: &[1, 2],
    options: &[
        opt("host", "a host or its name", "the host it is about"),
        opt("details", "a text or a list of texts", "what was seen, shown below the message"),
        opt("hint", "a text or a list of texts", "what to do next"),
    ],
    kind: None,
    doc: "Stops the run: the playbook decided that it must not go on. Exit code 5. A script can catch it.",
    example: "if vars.get(\"stop\") == true { fail(\"stopped as asked\", #{ hint: \"leave out -e stop=true\" }); }",
};

const CHECKED: Entry = Entry {
    name: "checked",
    on: "",
    usage: "checked(name, result, found) or checked(name, result, found, options)",
    arguments: &[3, 4],
    options: &[opt("host", "a host or its name", "the host it is about")],
    kind: None,
    doc: "Reports a named check: `result` is true (ok), false (failed), \"warning\" or \"not made\"; `found` is what was \
          seen. Gives whether it did not fail. The run goes on either way: collect the failures and call fail.",
    example: "checked(\"five masters\", hosts(\"masters\").len() == 5, `${hosts(\"masters\").len()} masters`);",
};

const DECLARE: Entry = Entry {
    name: "declare",
    on: "",
    usage: "declare(#{ name: #{ type, value, choices, help }, … })",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "The variables of the playbook, written out at its top. Types: text, int, float, bool, duration, list, map. \
          `--help-vars` lists them; `vars.name` has the value: the default, the inventory's `all` vars, then -e.",
    example: "declare(#{ greeting: #{ type: \"text\", value: \"hello\", help: \"what to say\" } });\nnote(vars.greeting);",
};

const CHECK_MODE: Entry = Entry {
    name: "check_mode",
    on: "",
    usage: "check_mode()",
    arguments: &[0],
    options: &[],
    kind: None,
    doc: "Whether this run predicts changes and makes none (--check).",
    example: "if check_mode() { note(\"nothing will change\"); }",
};

const NOW: Entry = Entry {
    name: "now",
    on: "",
    usage: "now()",
    arguments: &[0],
    options: &[],
    kind: None,
    doc: "The operator's clock, in seconds since 1970-01-01 UTC, with fraction.",
    example: "let began = now();",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[HOSTS, EACH, STEP, CONFIRM, NOTE, FAIL, CHECKED, DECLARE, CHECK_MODE, NOW];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script, handlers: &Handlers) {
    let s = script.clone();
    engine.register_fn("hosts", move |ctx: NativeCallContext, pattern: &str| -> Scripted<Array> {
        s.scripted(&ctx, s.select(pattern, Order::Inventory, None))
    });
    let s = script.clone();
    engine.register_fn("hosts", move |ctx: NativeCallContext, pattern: &str, options: Map| -> Scripted<Array> {
        s.scripted(&ctx, chosen(options).and_then(|(order, skip)| s.select(pattern, order, skip)))
    });
    let s = script.clone();
    engine.register_fn("each", move |ctx: NativeCallContext, hosts: Array, work: FnPtr| {
        each(&s, &ctx, &hosts, &work, Map::new())
    });
    let s = script.clone();
    engine.register_fn("each", move |ctx: NativeCallContext, hosts: Array, work: FnPtr, options: Map| {
        each(&s, &ctx, &hosts, &work, options)
    });
    let (s, handlers) = (script.clone(), handlers.clone());
    engine.register_fn("step", move |ctx: NativeCallContext, name: &str, work: FnPtr| -> Scripted<Dynamic> {
        s.run.step(
            name,
            |error| s.raise(&ctx, error),
            || {
                let value = work.call_within_context::<Dynamic>(&ctx, ()).map(Dynamic::flatten)?;
                handlers.flush(&s, &ctx)?;
                Ok(value)
            },
            |value| s.kept(value),
            |kept| match kept {
                Some(value) => recorded::decode(&s, &value),
                None => Ok(recorded::left_out(name)),
            },
        )
    });
    let s = script.clone();
    engine.register_fn("confirm", move |ctx: NativeCallContext, text: &str| s.scripted(&ctx, s.confirm(text)));
    let s = script.clone();
    engine.register_fn("note", move |text: &str| s.run.events.emit(What::Note { host: None, text: text.to_owned() }));
    let s = script.clone();
    engine.register_fn("note", move |host: &mut Host, text: &str| {
        s.run.events.emit(What::Note { host: Some(host.0.name.clone()), text: text.to_owned() });
    });
    let s = script.clone();
    engine.register_fn("fail", move |ctx: NativeCallContext, message: &str| -> Scripted<()> {
        Err(s.raise(&ctx, Error::stopped(message)))
    });
    let s = script.clone();
    engine.register_fn("fail", move |ctx: NativeCallContext, message: &str, options: Map| -> Scripted<()> {
        let error = failure(message, options).unwrap_or_else(|error| error);
        Err(s.raise(&ctx, error))
    });
    for with_options in [false, true] {
        register_checked(engine, script, with_options);
    }
    engine.register_fn("declare", |_: Map| ());
    let s = script.clone();
    engine.register_fn("check_mode", move || s.run.options.check);
    engine.register_fn("now", || {
        let now = jiff::Timestamp::now().as_microsecond();
        // Microseconds since 1970 fit a float's 53 bits until the year 2255.
        #[allow(clippy::cast_precision_loss, reason = "exact for the next two centuries")]
        let seconds = now as f64 / 1e6;
        seconds
    });
}

fn register_checked(engine: &mut Engine, script: &Script, with_options: bool) {
    let s = script.clone();
    let report =
        move |ctx: &NativeCallContext, name: &str, result: &Dynamic, found: &Dynamic, options: Map| -> Scripted<bool> {
            let host =
                s.scripted(ctx, Options::new(&CHECKED, options).map(|mut options| host_name(options.any("host"))))?;
            let result = match (result.as_bool(), result.as_immutable_string_ref()) {
                (Ok(true), _) => "ok".to_owned(),
                (Ok(false), _) => "failed".to_owned(),
                (_, Ok(text)) if matches!(text.as_str(), "ok" | "warning" | "failed" | "not made") => text.to_string(),
                _ => {
                    return Err(crate::script::value::wrong_type(
                        "the result of a check",
                        "true, false, \"warning\" or \"not made\"",
                        result,
                    ));
                }
            };
            let ok = result != "failed";
            s.run.events.emit(What::Checked { host, name: name.to_owned(), result, found: shown(found) });
            Ok(ok)
        };
    if with_options {
        engine.register_fn(
            "checked",
            move |ctx: NativeCallContext, name: &str, result: Dynamic, found: Dynamic, options: Map| {
                report(&ctx, name, &result, &found, options)
            },
        );
    } else {
        engine.register_fn("checked", move |ctx: NativeCallContext, name: &str, result: Dynamic, found: Dynamic| {
            report(&ctx, name, &result, &found, Map::new())
        });
    }
}

fn host_name(value: Option<Dynamic>) -> Option<String> {
    let value = value?;
    let host = value.read_lock::<Host>().map(|host| host.0.name.clone());
    Some(host.unwrap_or_else(|| value.to_string()))
}

fn failure(message: &str, options: Map) -> crate::error::Result<Error> {
    let mut options = Options::new(&FAIL, options)?;
    let mut error = Error::stopped(message);
    if let Some(host) = host_name(options.any("host")) {
        error = error.on_host(&host);
    }
    for detail in options.texts("details")?.unwrap_or_default() {
        error = error.detail(detail);
    }
    for hint in options.texts("hint")?.unwrap_or_default() {
        error = error.hint(hint);
    }
    Ok(error)
}

/// The order that the options of `hosts` ask for, and whether hosts that can't be reached are left out.
fn chosen(options: Map) -> crate::error::Result<(Order, Option<bool>)> {
    let mut options = Options::new(&HOSTS, options)?;
    let skip = options.either("unreachable", ["stop", "skip"])?;
    let Some(word) = options.text("order")? else { return Ok((Order::Inventory, skip)) };
    Order::parse(&word).map(|order| (order, skip)).ok_or_else(|| {
        Error::input(format!("`{word}` is no order of hosts"))
            .did_you_mean(&word, Order::WORDS.iter().copied())
            .hint(format!("there are {}", Order::WORDS.join(", ")))
    })
}

impl Script {
    fn select(&self, pattern: &str, order: Order, skip: Option<bool>) -> crate::error::Result<Array> {
        let selected = self.run.inventory.select(pattern)?;
        for warning in selected.warnings.all() {
            self.run.events.emit(What::Warning { text: warning.to_string() });
        }
        let mut names: Vec<String> = selected.hosts.iter().map(|host| host.name.clone()).collect();
        if let Some(limit) = &self.run.options.limit {
            names.retain(|name| limit.contains(name));
            if names.is_empty() {
                return Err(Error::input(format!("--limit leaves no host of `{pattern}`"))
                    .hint("limit to hosts that the playbook works on, or leave --limit out"));
            }
        }
        order.apply(&mut names);
        self.connected(&names, skip.unwrap_or(self.run.options.skip_unreachable))
    }

    /// What a step gave, in the form in which it is kept; none when that would keep a secret.
    fn kept(&self, value: &Dynamic) -> Option<serde_json::Value> {
        let kept = recorded::encode(value)?;
        (!self.run.secrets.are_in_value(&kept)).then_some(kept)
    }

    /// The hosts of these names as a script has them, connected.
    pub fn hosts(&self, names: &[String]) -> crate::error::Result<Array> {
        self.connected(names, false)
    }

    fn connected(&self, names: &[String], skip: bool) -> crate::error::Result<Array> {
        let hosts = self.run.connect_or_skip(names, skip)?;
        self.variables.works_on(names);
        Ok(hosts.into_iter().map(|host| Dynamic::from(Host(host))).collect())
    }

    fn confirm(&self, text: &str) -> crate::error::Result<()> {
        let answer = |yes: bool, by: &str| {
            self.run.events.emit(What::Answered { question: text.to_owned(), yes, by: by.to_owned() });
        };
        if self.run.options.check {
            answer(true, "check mode");
            return Ok(());
        }
        if self.run.has_answered(text) {
            answer(true, "an earlier attempt of this run");
            return Ok(());
        }
        if self.run.options.yes {
            answer(true, "--yes");
            return Ok(());
        }
        if !self.run.ask.can_ask() {
            answer(false, "no terminal");
            return Err(Error::stopped("the playbook asks a question, and there is no terminal to answer at")
                .detail(text)
                .hint("run it with --yes if the answer is yes"));
        }
        // Not the run itself: a thread that nobody answers would keep its folders from being removed.
        let (ask, question) = (std::sync::Arc::clone(&self.run.ask), self.run.secrets.redact(text));
        let yes = self.run.await_answer(move || ask.confirm(&question))?;
        let yes = yes.map_err(|error| Error::stopped("no answer could be read").caused_by(error))?;
        answer(yes, "the operator");
        if yes { Ok(()) } else { Err(Error::stopped("the operator answered no")) }
    }
}

/// Calls `work` on every host at once. Each call runs on a thread of its own, with copies of what the function captured.
fn each(script: &Script, ctx: &NativeCallContext, hosts: &Array, work: &FnPtr, options: Map) -> Scripted<Map> {
    let collect =
        Options::new(&EACH, options).and_then(|mut options| options.either("on_failure", ["stop", "collect"]));
    let collect = script.scripted(ctx, collect)?.unwrap_or(false);
    let mut hosts = hosts_of(hosts).ok_or_else(|| {
        script.raise(
            ctx,
            Error::input("each is for lists of hosts")
                .hint("for other lists: `for item in list { … }` or list.map(|item| …)"),
        )
    })?;
    hosts.retain(|host| !script.run.is_left_out(&host.0.name));
    let (results, mut failures) = on_each(script, ctx, &hosts, work)?;
    failures.retain(|(host, error)| {
        let away = failure_in(error).is_some_and(|failure| failure.kind() == Kind::Unreachable);
        !(away && script.run.leave_out(host))
    });
    // A mistake in the script and the operator's wish are no host's failures.
    let of_hosts = |(_, error): &(String, Box<EvalAltResult>)| {
        failure_in(error).is_some_and(|failure| failure.kind() != Kind::Interrupted)
    };
    if collect && failures.iter().all(of_hosts) {
        let failed = failures.iter().filter_map(|(host, error)| Some((host, failure_in(error)?)));
        let failed: Map = failed.map(|(host, error)| (host.as_str().into(), Dynamic::from(Failure(error)))).collect();
        return Ok([("ok".into(), results.into()), ("failed".into(), failed.into())].into_iter().collect());
    }
    if failures.is_empty() { Ok(results) } else { Err(joined(hosts.len(), failures)) }
}

/// Calls `work` on every one of these hosts at once, as `each` does.
pub fn each_of(script: &Script, ctx: &NativeCallContext, hosts: &[Host], work: &FnPtr) -> Scripted<Map> {
    let (results, failures) = on_each(script, ctx, hosts, work)?;
    if failures.is_empty() { Ok(results) } else { Err(joined(hosts.len(), failures)) }
}

/// What came of a function on each host, and where it failed.
type OnEach = (Map, Vec<(String, Box<EvalAltResult>)>);

fn on_each(script: &Script, ctx: &NativeCallContext, hosts: &[Host], work: &FnPtr) -> Scripted<OnEach> {
    #[allow(deprecated, reason = "Rhai marks its own context store as volatile; it is the only way to call on threads")]
    let stored = ctx.store_data();
    let (engine, place, stored) = (ctx.engine(), here::here(), &stored);
    let results = fan::on_threads(script.run.forks(), STACK, hosts, |host| {
        #[allow(deprecated, reason = "as above")]
        let context = stored.create_context(engine);
        let name = Some(host.0.name.as_str().into());
        let place = Here { host: name, parallel: true, ..place.clone() };
        let result = here::at(place, || snapshot(work).call_within_context::<Dynamic>(&context, (host.clone(),)));
        // A value of a captured variable may still be shared; the result must not be.
        result.map(|value| value.flatten())
    });
    let results = results.map_err(|error| raise(Error::failed("can't start a thread").caused_by(error)))?;
    let mut map = Map::new();
    let mut failures = Vec::new();
    for (host, slot) in hosts.iter().zip(results) {
        match slot {
            Some(Ok(value)) => {
                map.insert(host.0.name.as_str().into(), value);
            }
            Some(Err(error)) => failures.push((host.0.name.clone(), error)),
            None => failures.push((host.0.name.clone(), raise(Error::defect("a host's turn did not end")))),
        }
    }
    Ok((map, failures))
}

/// A function whose captured variables are copies, so that threads share nothing.
pub fn snapshot(function: &FnPtr) -> FnPtr {
    let mut copy = function.clone();
    let values: Vec<Dynamic> = function.curry().iter().map(Dynamic::flatten_clone).collect();
    copy.set_curry(values);
    copy
}

/// The failures of several hosts as one: a lone one as it is, several with the first leading.
fn joined(hosts: usize, mut failures: Vec<(String, Box<EvalAltResult>)>) -> Box<EvalAltResult> {
    if failures.len() == 1 {
        return failures.remove(0).1;
    }
    let errors: Vec<(String, Option<Error>)> =
        failures.iter().map(|(host, error)| (host.clone(), failure_in(error))).collect();
    // A mistake in the script is the same on every host: show it once, with its frames.
    if errors.iter().any(|(_, error)| error.is_none())
        || errors.iter().any(|(_, e)| e.as_ref().is_some_and(|e| e.kind() == Kind::Interrupted))
    {
        let index = errors
            .iter()
            .position(|(_, error)| error.as_ref().is_none_or(|error| error.kind() == Kind::Interrupted))
            .unwrap_or(0);
        return failures.swap_remove(index).1;
    }
    let errors = errors.into_iter().filter_map(|(host, error)| Some((host, error?))).collect();
    EvalAltResult::ErrorRuntime(Dynamic::from(Failure(joined::joined(hosts, errors))), rhai::Position::NONE).into()
}
