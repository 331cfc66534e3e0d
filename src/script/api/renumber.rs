//! `zookeeper::plan` and `zookeeper::follow`: what a renumbering's restarts will do, and in which order they cost least.

use rhai::{Dynamic, EvalAltResult};
use serde::Deserialize;
use serde_json::Value;

use crate::error::Error;
use crate::script::failure::raise;
use crate::script::value::{from_json, to_json};
use crate::zookeeper::ensemble::Ensemble;
use crate::zookeeper::renumber::versions::{common, reloads};
use crate::zookeeper::renumber::{self, Plan, Request, Timing, Unplannable};

/// A request as a playbook writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    versions: Vec<String>,
    list: String,
    next: Option<String>,
    #[serde(default)]
    moved: Vec<String>,
    target: String,
    leader: Option<String>,
    serving: Vec<String>,
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    due: bool,
    #[serde(default)]
    between: u8,
    #[serde(default = "leader_changes")]
    leader_changes: u8,
    restart_seconds: f64,
    #[serde(default = "pause_seconds")]
    pause_seconds: f64,
    #[serde(default = "tick_seconds")]
    tick_seconds: f64,
    #[serde(default = "init_limit")]
    init_limit: u32,
    reload_seconds: Option<f64>,
    max_down: Option<u8>,
}

fn leader_changes() -> u8 {
    renumber::LEADER_CHANGES
}

fn pause_seconds() -> f64 {
    renumber::PAUSE
}

fn tick_seconds() -> f64 {
    renumber::TICK
}

fn init_limit() -> u32 {
    renumber::INIT_LIMIT
}

/// A stage in a given order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    ensemble: String,
    restarts: Vec<Vec<String>>,
}

type Scripted = Result<Dynamic, Box<EvalAltResult>>;

/// The cheapest plan.
pub fn plan(asked: &Dynamic) -> Scripted {
    let request = request(asked).map_err(raise)?;
    tell(renumber::plan(&request))
}

/// Who could join those that serve.
pub fn joins(asked: &Dynamic) -> Scripted {
    let request = request(asked).map_err(raise)?;
    let joins =
        renumber::joins(&request).map_err(|why| raise(Error::stopped(format!("it can't be told who joins: {why}"))))?;
    Ok(joins.into_iter().map(Dynamic::from).collect::<rhai::Array>().into())
}

/// What a given order comes to.
pub fn follow(asked: &Dynamic, stages: &Dynamic) -> Scripted {
    let request = request(asked).map_err(raise)?;
    let orders: Vec<Order> = read(stages, "the stages").map_err(raise)?;
    let stages = orders.into_iter().map(|order| Ok((ensemble(&order.ensemble)?, order.restarts)));
    tell(renumber::follow(&request, &stages.collect::<Result<Vec<_>, Error>>().map_err(raise)?))
}

fn request(asked: &Dynamic) -> Result<Request, Error> {
    let asked: Asked = read(asked, "the request")?;
    let next = asked.next.as_deref().map(ensemble).transpose()?;
    let rules = common(&asked.versions).map_err(|why| Error::stopped(format!("there is no plan: {why}")))?;
    if asked.between > renumber::LISTS_BETWEEN {
        return Err(Error::input("between of a plan is 0, 1 or 2"));
    }
    if !matches!(asked.max_down, None | Some(1 | 2)) {
        return Err(Error::input("max_down of a plan is 1 or 2"));
    }
    let reload = if asked.versions.iter().any(|version| reloads(version)) {
        asked.reload_seconds.unwrap_or(renumber::RELOAD)
    } else {
        0.0
    };
    let timing = Timing {
        restart: asked.restart_seconds,
        pause: asked.pause_seconds,
        tick: asked.tick_seconds,
        init_limit: asked.init_limit,
        reload,
    };
    if [timing.restart, timing.pause, timing.tick, timing.reload]
        .iter()
        .any(|seconds| !seconds.is_finite() || *seconds < 0.0)
    {
        return Err(Error::input("the seconds of a plan's request are no times: none may be below 0"));
    }
    Ok(Request {
        rules,
        list: ensemble(&asked.list)?,
        next: next.map(|next| (next, asked.moved)),
        target: ensemble(&asked.target)?,
        leader: asked.leader,
        serving: asked.serving,
        absent: asked.absent,
        due: asked.due,
        between: asked.between,
        leader_changes: asked.leader_changes,
        max_down: asked.max_down,
        timing,
    })
}

fn read<T: serde::de::DeserializeOwned>(value: &Dynamic, what: &str) -> Result<T, Error> {
    serde_json::from_value(to_json(value)?)
        .map_err(|error| Error::input(format!("{what} of a plan can't be read")).caused_by(error))
}

fn ensemble(text: &str) -> Result<Ensemble, Error> {
    Ensemble::parse(text).map_err(|error| Error::stopped(format!("this is no ensemble: {error}")))
}

fn tell(plan: Result<Plan, Unplannable>) -> Scripted {
    let plan = plan.map_err(|why| raise(Error::stopped(format!("there is no plan: {why}"))))?;
    let told: Value =
        serde_json::to_value(plan).map_err(|error| raise(Error::defect(format!("a plan is no JSON: {error}"))))?;
    Ok(from_json(&told))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::script::catalog;

    #[test]
    fn the_fields_of_a_request_and_those_described_are_the_same() {
        let error = serde_json::from_value::<Asked>(serde_json::json!({ "?": 1 })).err().expect("it is unknown");
        let error = error.to_string();
        // "unknown field `?`, expected one of `version`, …"
        let taken: BTreeSet<&str> = error.split('`').skip(3).step_by(2).collect();
        let described = catalog::entries().filter(|entry| entry.name == "zookeeper::plan");
        assert_eq!(taken, described.flat_map(|entry| entry.options).map(|option| option.name).collect());
    }
}
