//! Rolling blocks: one host after the other, gates between them, a stop at the first failure.

use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext};

use super::Scripted;
use super::flow::each_of;
use super::host::Host;
use super::wait::{Truth, truth};
use crate::error::{Error, Kind, Result};
use crate::script::Script;
use crate::script::catalog::{Entry, opt};
use crate::script::failure::{failure_in, raise};
use crate::script::here::on_host;
use crate::script::options::{Options, hosts_of};

const ROLLING: Entry = Entry {
    name: "rolling",
    on: "",
    usage: "rolling(hosts, |host| …) or rolling(hosts, |host| …, options)",
    arguments: &[2, 3],
    options: &[
        opt(
            "serial",
            "a count, a percentage such as \"30%\", or a list of these",
            "how many hosts a turn has; 1. The last of a list repeats",
        ),
        opt("before", "a function |host| …", "the gate before a host's turn: true lets it begin, a text says why not"),
        opt("after", "a function |host| …", "the gate after a host's turn, as `before`"),
        opt(
            "order",
            "a function |remaining| …",
            "chooses the next host among those that remain, anew before each turn",
        ),
        opt(
            "unreachable",
            "`stop` or `skip`",
            "what becomes of hosts that can't be reached: they stop the block, or their turn is left out; `stop`, whatever `hosts` says",
        ),
        opt(
            "on_stop",
            "a function |host| …",
            "called when the block stops, with the host that it stopped at: gives a text or a list of texts for the error, such \
             as how the others are",
        ),
    ],
    kind: None,
    doc: "Calls the function for one host after the other, in the given order, and stops at the first failure, whatever it \
          is: what was not reached is left untouched. Gives the results by host name. A gate that is not passed ends the \
          run with exit code 5. An interrupt waits for the end of the turn.",
    example: "rolling(hosts(\"masters\"), |m| m.run(\"true\"), #{ before: |m| true });",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[ROLLING];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    let s = script.clone();
    engine.register_fn("rolling", move |ctx: NativeCallContext, hosts: Array, work: FnPtr| {
        rolling(&s, &ctx, &hosts, &work, Map::new())
    });
    let s = script.clone();
    engine.register_fn("rolling", move |ctx: NativeCallContext, hosts: Array, work: FnPtr, options: Map| {
        rolling(&s, &ctx, &hosts, &work, options)
    });
}

struct Plan {
    serial: Vec<usize>,
    before: Option<FnPtr>,
    after: Option<FnPtr>,
    order: Option<FnPtr>,
    on_stop: Option<FnPtr>,
    skip: bool,
}

fn plan(hosts: usize, options: Map) -> Result<Plan> {
    let mut options = Options::new(&ROLLING, options)?;
    let serial = match options.any("serial") {
        None => vec![1],
        Some(value) => serial(&value, hosts)?,
    };
    Ok(Plan {
        serial,
        before: options.function("before")?,
        after: options.function("after")?,
        order: options.function("order")?,
        on_stop: options.function("on_stop")?,
        skip: options.either("unreachable", ["stop", "skip"])?.unwrap_or(false),
    })
}

/// The sizes of the turns: counts and percentages, the last repeats.
fn serial(value: &Dynamic, hosts: usize) -> Result<Vec<usize>> {
    if let Ok(items) = value.as_array_ref() {
        if items.is_empty() {
            return Err(Error::input("`serial` is an empty list").hint("leave it out: one host after the other"));
        }
        let sizes: Result<Vec<Vec<usize>>> = items.iter().map(|item| serial(item, hosts)).collect();
        return sizes.map(|sizes| sizes.concat());
    }
    let wrong = || {
        Error::input(format!("`serial` can't be {value}"))
            .hint("a count from 1, a percentage such as \"30%\", or a list of these")
    };
    if let Ok(count) = value.as_int() {
        return usize::try_from(count).ok().filter(|count| *count > 0).map(|count| vec![count]).ok_or_else(wrong);
    }
    let text = value.as_immutable_string_ref().map_err(|_| wrong())?;
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<usize>().ok()).ok_or_else(wrong)?;
    if !(1..=100).contains(&percent) {
        return Err(wrong());
    }
    // Rounded down like Ansible's, but never to nothing.
    Ok(vec![(hosts * percent / 100).max(1)])
}

fn rolling(script: &Script, ctx: &NativeCallContext, hosts: &Array, work: &FnPtr, options: Map) -> Scripted<Map> {
    let mut remaining =
        hosts_of(hosts).ok_or_else(|| script.raise(ctx, Error::input("rolling is for lists of hosts")))?;
    let plan = script.scripted(ctx, plan(remaining.len(), options))?;
    let total = remaining.len();
    let names: Vec<String> = remaining.iter().map(|host| host.0.name.clone()).collect();
    if !plan.skip {
        let missing = script.run.missing_beside(&names);
        if !missing.is_empty() {
            let error = Error::unreachable(format!("the rolling block does not begin without {}", missing.join(", ")));
            return Err(script.raise(
                ctx,
                error.hint("who is down counts: the option `unreachable: \"skip\"` of rolling goes on all the same"),
            ));
        }
    }
    let mut results = Map::new();
    let mut finished: Vec<String> = Vec::new();
    let mut sizes = plan.serial.iter().copied();
    let mut size = 1;
    while !remaining.is_empty() {
        if script.run.interrupt.is_stopping() {
            let failure = script.run.interrupt.error();
            return Err(stopped(
                script,
                ctx,
                &plan,
                failure,
                "between two turns",
                &finished,
                &remaining,
                remaining.first(),
            ));
        }
        size = sizes.next().unwrap_or(size);
        let mut turn = Vec::new();
        while turn.len() < size && !remaining.is_empty() {
            let index = match &plan.order {
                Some(order) => script.run.look_around(|| next(script, ctx, order, &remaining))?,
                None => 0,
            };
            turn.push(remaining.remove(index));
        }
        let names: Vec<String> = turn.iter().map(|host| host.0.name.clone()).collect();
        let name = names.join(", ");
        let number = finished.len() + 1;
        let begun = std::cell::Cell::new(false);
        let outcome = script.run.turn(&name, number, total, raise, || {
            begun.set(true);
            gate(script, ctx, plan.before.as_ref(), &turn, "before")?;
            let turn_results = if turn.len() == 1 {
                let mut map = Map::new();
                for host in &turn {
                    map.insert(
                        host.0.name.as_str().into(),
                        on_host(&host.0.name, || work.call_within_context::<Dynamic>(ctx, (host.clone(),)))?.flatten(),
                    );
                }
                map
            } else {
                each_of(script, ctx, &turn, work)?
            };
            gate(script, ctx, plan.after.as_ref(), &turn, "after")?;
            Ok(turn_results)
        });
        match outcome {
            Ok(turn_results) => results.extend(turn_results),
            Err(error) => {
                let Some(failure) = failure_in(&error) else { return Err(error) };
                let away = failure.kind() == Kind::Unreachable && turn.len() == 1;
                if plan.skip && away && script.run.leave_out_always(&name) {
                    continue;
                }
                let (failure, place) = if begun.get() {
                    (failure.on_host(&name), format!("at {name} ({number} of {total})"))
                } else {
                    remaining = [turn.clone(), remaining].concat();
                    (failure, format!("before {name} ({number} of {total})"))
                };
                return Err(stopped(script, ctx, &plan, failure, &place, &finished, &remaining, turn.first()));
            }
        }
        finished.extend(names);
    }
    Ok(results)
}

/// The error of a rolling block that stopped: where it stands, and how things are around it.
#[allow(clippy::too_many_arguments, reason = "two call sites, and each is a different part of what is said")]
fn stopped(
    script: &Script,
    ctx: &NativeCallContext,
    plan: &Plan,
    failure: Error,
    place: &str,
    finished: &[String],
    untouched: &[Host],
    asked: Option<&Host>,
) -> Box<EvalAltResult> {
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let untouched: Vec<String> = untouched.iter().map(|host| host.0.name.clone()).collect();
    let failure = failure.detail(format!(
        "the rolling block stopped {place}; done before: {}; not touched: {}",
        list(finished),
        list(&untouched)
    ));
    let seen = plan.on_stop.as_ref().map(|on_stop| around(script, ctx, on_stop, asked));
    script.raise(ctx, seen.into_iter().flatten().fold(failure, Error::detail))
}

/// What the playbook sees when it looks around after a stop. That it can't look must not hide why the block stopped.
fn around(script: &Script, ctx: &NativeCallContext, on_stop: &FnPtr, host: Option<&Host>) -> Vec<String> {
    let Some(host) = host else { return Vec::new() };
    let seen = script
        .run
        .look_around(|| on_host(&host.0.name, || on_stop.call_within_context::<Dynamic>(ctx, (host.clone(),))));
    match seen {
        Ok(texts) => match texts.as_array_ref() {
            Ok(texts) => texts.iter().map(ToString::to_string).collect(),
            Err(_) if texts.is_unit() => Vec::new(),
            Err(_) => vec![texts.to_string()],
        },
        Err(error) => {
            let why = failure_in(&error).map_or_else(|| error.to_string(), |failure| failure.to_string());
            vec![format!("how things are could not be seen: {why}")]
        }
    }
}

fn next(script: &Script, ctx: &NativeCallContext, order: &FnPtr, remaining: &[Host]) -> Scripted<usize> {
    let list: Array = remaining.iter().cloned().map(Dynamic::from).collect();
    let chosen = order.call_within_context::<Dynamic>(ctx, (list,))?;
    let chosen = chosen.read_lock::<Host>().map(|host| host.0.name.clone());
    chosen.and_then(|name| remaining.iter().position(|host| host.0.name == name)).ok_or_else(|| {
        script.raise(
            ctx,
            Error::input("`order` has to give one of the remaining hosts").hint("order: |remaining| remaining[0]"),
        )
    })
}

fn gate(script: &Script, ctx: &NativeCallContext, gate: Option<&FnPtr>, turn: &[Host], when: &str) -> Scripted<()> {
    let Some(gate) = gate else { return Ok(()) };
    for host in turn {
        let verdict =
            on_host(&host.0.name, || gate.call_within_context::<Dynamic>(ctx, (host.clone(),))).map_err(|error| {
                match failure_in(&error) {
                    // What a gate waits for and does not get is the gate's verdict, not a failed command.
                    Some(failure) if failure.kind() == Kind::Failed => {
                        let mut failure = failure;
                        failure.parts_mut().kind = Kind::Stopped;
                        raise(failure.on_host(&host.0.name))
                    }
                    _ => error,
                }
            })?;
        match truth(&verdict) {
            Truth::Yes(_) => {}
            Truth::Unknown(unknown) => return Err(script.raise(ctx, unknown.error())),
            Truth::No(_) if script.run.options.check && verdict.is_unit() => {}
            Truth::No(why) => {
                let why = why.unwrap_or_else(|| "it does not hold".to_owned());
                return Err(script.raise(
                    ctx,
                    Error::stopped(format!("the gate {when} {}'s turn is closed: {why}", host.0.name))
                        .on_host(&host.0.name),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_takes_counts_percentages_and_lists() {
        let of = |value: Dynamic| serial(&value, 10).map_err(|error| error.to_string());
        assert_eq!(of(3.into()), Ok(vec![3]));
        assert_eq!(of("30%".into()), Ok(vec![3]));
        assert_eq!(of("1%".into()), Ok(vec![1]));
        assert_eq!(of(vec![Dynamic::from(1_i64), "50%".into()].into()), Ok(vec![1, 5]));
        assert!(of(0.into()).is_err());
        assert!(of("150%".into()).is_err());
        assert!(of("half".into()).is_err());
        assert!(of(Array::new().into()).is_err());
    }
}
