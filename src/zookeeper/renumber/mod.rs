//! Plans the restarts by which the servers of an ensemble get other ids, so that nothing is lost on the way but the time of
//! elections.
//!
//! While servers run with different lists, some of those that were restarted can't join the others, and a quorum can break
//! with every server up. Who hears whom is in [`lists`], who joins in [`joining`], who is elected and what a restart comes to in
//! [`electing`]: together they are the model, which the recorded runs are held against. [`between`] tells the lists that a stage
//! between may give, [`ways`] whether there is a way with nothing but elections, [`search`] finds the order that costs least in a
//! stage, and [`plan`] the stages; [`follow`] tells what a given order comes to.
//!
//! What makes a renumbering cheap: a leader that has the same id in both lists, so that servers with the new one can join
//! it; those first that get the highest ids, because they hear everybody; the leader last, when all others have one list
//! and can elect among themselves. Where no id stays, a list between, in which the leader's does.

pub mod between;
pub mod choices;
pub mod cost;
pub mod electing;
pub mod follow;
pub mod joining;
pub mod lists;
mod pairs;
pub mod plan;
#[cfg(test)]
mod runs;
pub mod search;
pub mod state;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod times;
pub mod versions;
pub mod ways;
mod why;

use std::fmt;

use choices::stop_order;
use cost::{Cost, Exposure};
use electing::Outcome;
use follow::{Cluster, Leg, Order, Step};
use lists::{MOST, Set, members};
use serde::Serialize;

use super::ensemble::Ensemble;
pub use versions::Rules;

/// How long an election takes, most likely, in seconds.
pub const ELECTION: f64 = 1.5;

/// How long an election takes at the most, in seconds. Thirty restarts of a leader, on an idle machine with 3.4.14, took up to 2.1.
/// Beside other ensembles on the same two cores seven of some 350 took 3.2 to 4.3.
pub const LONGEST_ELECTION: f64 = 3.0;

/// How often a leader looks whether it still has its quorum, in seconds: once a tick (`tickTime`). An election that begins so
/// takes longer by half of it, most likely, and by all of it at the most. Exhibitor's default, and DC/OS's.
pub const TICK: f64 = 2.0;

/// How many ticks a new leader waits for an answer that does not come (`initLimit`). Exhibitor's default, and DC/OS's.
pub const INIT_LIMIT: u32 = 10;

/// How often in a row a new leader is taken to wait in vain for servers whose data is older. ZooKeeper sets no end to it: each time it depends on
/// which of two threads is quicker. Twice was seen.
pub const WAITS: f64 = 2.0;

/// How long servers that read their database again before they vote take for that at the most, in seconds, where it is not given. With
/// 20,000 transactions beside other ensembles on the same two cores it took up to 4.2.
pub const RELOAD: f64 = 5.0;

/// How long it is, in seconds, from the end of one restart to the beginning of the next, where nobody waits on purpose.
pub const PAUSE: f64 = 5.0;

/// How often the leader may be changed before a stage. Which server an election makes the leader is not sure, so that one change
/// may not be enough; each costs an election.
pub const LEADER_CHANGES: u8 = 2;

/// How many lists may be put between at the most. Two are looked for only of three servers: of more, one nearly always is enough.
pub const LISTS_BETWEEN: u8 = 2;

/// What a plan is made from.
#[derive(Clone, Debug)]
pub struct Request {
    /// The rules of the ensemble's ZooKeeper.
    pub rules: Rules,
    /// The list of those servers that have not been restarted in the stage under way; of all when none is.
    pub list: Ensemble,
    /// The list that the stage under way gives, and who has it already.
    pub next: Option<(Ensemble, Vec<String>)>,
    /// The list at the end.
    pub target: Ensemble,
    /// Who leads.
    pub leader: Option<String>,
    /// Who leads or follows.
    pub serving: Vec<String>,
    /// Who was seen not to take part in elections though it serves nobody.
    pub absent: Vec<String>,
    /// Whether every server has to be restarted once, even if its id stays.
    pub due: bool,
    /// How many stages may be put between, each with a list that is neither today's nor the one at the end, and the one under way
    /// counted: [`LISTS_BETWEEN`] at most.
    pub between: u8,
    /// How often a leader may be restarted only so that another one leads: [`LEADER_CHANGES`] where nothing was tried yet, and at
    /// most.
    pub leader_changes: u8,
    /// How many servers may be down at once by plan, 1 or 2; without it whichever of both has less time without a spare.
    pub max_down: Option<u8>,
    /// How long things take.
    pub timing: Timing,
}

/// How long things take, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// One restart, until the server serves again.
    pub restart: f64,
    /// From the end of one restart to the beginning of the next: [`PAUSE`], or as long as somebody waits on purpose.
    pub pause: f64,
    /// A tick of the ensemble, `tickTime`.
    pub tick: f64,
    /// How many ticks a new leader waits for an answer that does not come, `initLimit`.
    pub init_limit: u32,
    /// How long a server may take to read its database before it votes, 0 where it does not.
    pub reload: f64,
}

impl Timing {
    /// How long an election takes at the most by these rules. Where a new leader waits in vain, [`WAITS`] times are taken to be the end of it, or
    /// the end of the restart, with which there is one more to follow it.
    fn longest_election(self, rules: Rules) -> f64 {
        let waits = (WAITS * self.tick * f64::from(self.init_limit)).max(self.restart);
        LONGEST_ELECTION + self.reload + if rules.waits_for_the_late() { waits } else { 0.0 }
    }

    /// How much a time without a spare counts, in whole seconds.
    fn exposure(self) -> Exposure {
        // Rounded, and of a size that a sum of them is a number still.
        let whole = |seconds: f64| seconds.clamp(1.0, 3600.0).round() as i32;
        Exposure { restart: whole(self.restart), pause: whole(self.pause) }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self { restart: 60.0, pause: PAUSE, tick: TICK, init_limit: INIT_LIMIT, reload: 0.0 }
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplannable {
    /// The lists are not of the same servers.
    OtherServers,
    /// Too few servers, or too many.
    Count(usize),
    /// A server that is named is none of the lists.
    Unknown(String),
}

impl fmt::Display for Unplannable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherServers => write!(f, "the lists are not of the same servers"),
            Self::Count(count) => write!(f, "{count} servers can't be planned for: 3 to {MOST} can"),
            Self::Unknown(server) => write!(f, "{server} is in no list"),
        }
    }
}

/// Stages, in order, and what they cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The stages.
    pub stages: Vec<Stage>,
    /// What they cost.
    pub price: Price,
    /// Whether it was made sure that no other plan costs less: not where the search was cut short, nor of a given order.
    pub cheapest: bool,
    /// Who could join those that serve, and has not: the plan does not count on it.
    pub not_joined: Vec<String>,
    /// How many servers are down at once by plan, at the most, 1 or 2: what was asked for, or taken.
    pub max_down: u8,
    /// Why this plan, in a sentence for whoever operates the ensemble.
    pub why: String,
    /// What else an election may come to with this ZooKeeper, in sentences.
    pub cautions: Vec<String>,
}

/// A stage: every server gets one list, or some are restarted with the list that they have so that another leads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// The list.
    #[serde(serialize_with = "as_text")]
    pub ensemble: Ensemble,
    /// The restarts, in order.
    pub restarts: Vec<Restart>,
}

/// Servers that are stopped together, in this order, and started again when the others have a leader.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Restart {
    /// The servers.
    pub servers: Vec<String>,
    /// Whether they are to be stopped in the same moment, none waiting for another: without the first the leader, which is the
    /// last, has no quorum, and it must not have the time to notice. Otherwise each is stopped when the one before it is.
    pub at_once: bool,
    /// Who serves while they are down.
    pub serving_while_down: Vec<String>,
    /// How many more could fail meanwhile before the quorum is lost; none when there is no quorum.
    pub spare_while_down: Option<u32>,
    /// Whether stopping them makes an election.
    pub election: bool,
    /// Whether it begins only when the leader notices that it has lost its quorum, up to a tick later.
    pub noticed: bool,
    /// Who takes part in it.
    pub electing: Vec<String>,
    /// Whether who is elected may wait for servers that are late, for `initLimit` ticks and more than once.
    pub late: bool,
    /// Whether such a server may be elected in its place, and all that was written since it served last be lost.
    pub loses_writes: bool,
    /// Whether nobody leads while they are down.
    pub lost_while_down: bool,
    /// Who serves afterwards.
    pub serving: Vec<String>,
    /// Who of the servers serves afterwards only if it calls the others in time, and otherwise has to be restarted again.
    pub racing: Vec<String>,
    /// Who does not serve afterwards, and looks for a leader that its list can find.
    pub looking: Vec<String>,
    /// Who may lead afterwards, the likeliest first: which of those that served has the last transaction depends on the
    /// moment.
    pub leaders: Vec<String>,
    /// How many more could fail afterwards before the quorum is lost; none when there is none.
    pub spare: Option<u32>,
    /// How long one more failure would end the quorum, in seconds: while they are down, and until the next restart begins.
    pub seconds_without_spare: f64,
    /// How long nothing can be written, in seconds, most likely.
    pub gap: f64,
    /// The same, where the election comes to the worst.
    pub worst_gap: f64,
}

/// What a plan costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Price {
    /// Servers restarted, each time that they are.
    pub restarts: u32,
    /// Elections.
    pub elections: u32,
    /// Restarts while which nobody leads, where the elections come to the worst.
    pub outages: u32,
    /// Whether nothing is lost but the time of elections, whatever they come to, and none of them may be late or lose writes.
    pub elections_only: bool,
    /// Seconds in which nothing can be written, in all.
    pub gap: f64,
    /// The longest time in which nothing can be written, in seconds, most likely.
    pub longest_gap: f64,
    /// The same, where the elections come to the worst.
    pub worst_gap: f64,
    /// Seconds in which one more failure would end the quorum.
    pub no_spare: f64,
}

fn as_text<S: serde::Serializer>(ensemble: &Ensemble, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(ensemble)
}

/// The cheapest plan with as many servers down at once as may be; where that is left open, the one with less time without a
/// spare of the two that keep one down at a time, and two.
pub fn plan(request: &Request) -> Result<Plan, Unplannable> {
    let names = names(request)?;
    let planned = |max_down: u8| -> Result<Plan, Unplannable> {
        let cluster = Cluster { max_down: u32::from(max_down), ..cluster(request, &names)? };
        let found = plan::plan(&cluster);
        let told = told(&names, found.cost, &found.legs, request.timing);
        Ok(Plan { cheapest: found.cheapest, not_joined: named(&names, cluster.state().deaf), max_down, ..told })
    };
    if let Some(max_down) = request.max_down {
        let plan = planned(max_down)?;
        let why = why::asked(&plan);
        return Ok(Plan { why, ..plan });
    }
    // Of three servers none but one can be spared.
    if names.len() < 5 {
        let one = planned(1)?;
        let why = why::asked(&one);
        return Ok(Plan { why, ..one });
    }
    let (one, two) = std::thread::scope(|scope| {
        let two = scope.spawn(|| planned(2));
        (planned(1), two.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let (one, two) = (one?, two?);
    let better = why::rank(&two) < why::rank(&one);
    let why = why::chosen(&one, &two, better);
    Ok(Plan { why, ..if better { two } else { one } })
}

/// Who looks for a leader now, and could join those that serve: by what they and the others hear, and by where their own lists lead
/// them. Most do within seconds; the others are waited for in vain, until a restart changes who hears whom.
pub fn joins(request: &Request) -> Result<Vec<String>, Unplannable> {
    let names = names(request)?;
    let cluster = cluster(request, &names)?;
    Ok(named(&names, cluster.state().deaf))
}

/// What it comes to when the servers are restarted one by one in this order in every stage.
pub fn follow(request: &Request, stages: &[(Ensemble, Vec<Vec<String>>)]) -> Result<Plan, Unplannable> {
    let names = names(request)?;
    let stages: Result<Vec<Order>, Unplannable> = stages
        .iter()
        .map(|(ensemble, order)| {
            let groups: Result<Vec<Set>, _> = order.iter().map(|group| set(&names, group)).collect();
            Ok((ids(&names, ensemble)?, groups?))
        })
        .collect();
    let cluster = cluster(request, &names)?;
    let (cost, legs) = follow::follow(&cluster, &stages?);
    let told = told(&names, cost, &legs, request.timing);
    Ok(Plan { not_joined: named(&names, cluster.state().deaf), ..told })
}

fn names(request: &Request) -> Result<Vec<String>, Unplannable> {
    let names: Vec<String> = request.list.servers().map(|(address, _)| address.to_owned()).collect();
    if names.len() < 3 || names.len() > MOST { Err(Unplannable::Count(names.len())) } else { Ok(names) }
}

fn ids(names: &[String], ensemble: &Ensemble) -> Result<Vec<u8>, Unplannable> {
    let ids: Vec<u8> = names.iter().filter_map(|name| ensemble.id(name)).collect();
    let same = ids.len() == names.len() && ensemble.servers().count() == names.len();
    if same { Ok(ids) } else { Err(Unplannable::OtherServers) }
}

fn named(names: &[String], set: Set) -> Vec<String> {
    members(set).filter_map(|server| names.get(server).cloned()).collect()
}

fn set(names: &[String], servers: &[String]) -> Result<Set, Unplannable> {
    servers.iter().try_fold(0, |set: Set, server| Ok(set | 1 << number(names, server)?))
}

fn number(names: &[String], server: &str) -> Result<usize, Unplannable> {
    names.iter().position(|name| name == server).ok_or_else(|| Unplannable::Unknown(server.to_owned()))
}

fn cluster(request: &Request, names: &[String]) -> Result<Cluster, Unplannable> {
    let leader = request.leader.as_deref().map(|leader| number(names, leader)).transpose()?;
    let (next, moved) = match &request.next {
        Some((next, moved)) => (Some(ids(names, next)?), set(names, moved)?),
        None => (None, 0),
    };
    Ok(Cluster {
        rules: request.rules,
        list: ids(names, &request.list)?,
        next,
        moved,
        serving: set(names, &request.serving)?,
        leader: leader.and_then(|leader| u8::try_from(leader).ok()),
        absent: set(names, &request.absent)?,
        target: ids(names, &request.target)?,
        due: request.due,
        between: request.between,
        leader_changes: request.leader_changes.min(LEADER_CHANGES),
        exposure: request.timing.exposure(),
        max_down: u32::from(request.max_down.unwrap_or(2)),
    })
}

fn told(names: &[String], cost: Cost, legs: &[Leg], timing: Timing) -> Plan {
    let outages = u32::try_from(cost.outages).unwrap_or(0);
    let mut price = Price { elections_only: cost.elections_only(), outages, ..Price::default() };
    // A time without a leader may go on over several restarts.
    let mut lasting = 0.0_f64;
    let mut stages = Vec::new();
    for leg in legs {
        let servers: Vec<(u8, String)> = leg.list.iter().copied().zip(names.iter().cloned()).collect();
        let restarts: Vec<Restart> = leg.steps.iter().map(|step| restart(names, leg, step, timing)).collect();
        for one in &restarts {
            price.restarts += u32::try_from(one.servers.len()).unwrap_or(0);
            price.elections += u32::from(one.election);
            price.elections_only &= !one.late;
            price.gap += one.gap;
            lasting = if one.lost_while_down { lasting + one.gap } else { one.gap };
            price.longest_gap = price.longest_gap.max(lasting);
            if one.spare.is_some() {
                lasting = 0.0;
            }
            price.worst_gap = price.worst_gap.max(one.worst_gap).max(lasting);
            price.no_spare += one.seconds_without_spare;
        }
        // The lists were taken from ensembles: their ids and addresses are each different.
        if let Ok(ensemble) = Ensemble::from_servers(servers) {
            stages.push(Stage { ensemble, restarts });
        }
    }
    let restarts = stages.iter().flat_map(|stage| &stage.restarts);
    let max_down = restarts.filter_map(|one| u8::try_from(one.servers.len()).ok()).max().unwrap_or(1);
    let why = "this is the order that was given".to_owned();
    let cautions = why::cautions(&stages, timing);
    Plan { stages, price, cheapest: false, not_joined: Vec::new(), max_down, why, cautions }
}

fn restart(names: &[String], leg: &Leg, step: &Step, timing: Timing) -> Restart {
    let named = |set: Set| named(names, set);
    let lists = &leg.lists;
    let leads = step.before.leader.is_some_and(|leader| step.group & (1 << leader) == 0);
    let gap = |outcome: &Outcome, election: f64, notice: f64| match (outcome.lost_while_down, outcome.election) {
        (true, _) => timing.restart + election,
        (false, true) => election + if leads { notice } else { 0.0 },
        (false, false) => 0.0,
    };
    let mut leaders: Vec<String> = Vec::new();
    for leader in step.outcomes.iter().filter_map(|outcome| outcome.state.leader) {
        if let Some(name) = names.get(usize::from(leader)).filter(|name| !leaders.contains(name)) {
            leaders.push(name.clone());
        }
    }
    let stopped = stop_order(step.group, step.before.leader);
    let mut told = Restart {
        servers: stopped.into_iter().filter_map(|server| names.get(server).cloned()).collect(),
        at_once: lists.at_once(step.before, step.group),
        serving_while_down: Vec::new(),
        spare_while_down: None,
        election: false,
        noticed: false,
        electing: Vec::new(),
        late: lists.rules.waits_for_the_late() && step.outcomes.iter().any(|outcome| outcome.election),
        loses_writes: step.outcomes.iter().any(|outcome| outcome.lossy),
        lost_while_down: false,
        serving: Vec::new(),
        racing: Vec::new(),
        looking: Vec::new(),
        leaders,
        spare: None,
        seconds_without_spare: 0.0,
        gap: 0.0,
        worst_gap: step
            .outcomes
            .iter()
            .map(|outcome| gap(outcome, timing.longest_election(lists.rules), timing.tick))
            .fold(0.0, f64::max),
    };
    if let Some(likely) = step.outcomes.first() {
        let serving = if likely.state.leader.is_some() { likely.state.serving } else { 0 };
        told.serving_while_down = named(likely.serving_down);
        told.spare_while_down =
            likely.leader_while_down.map(|_| likely.counted_while_down.saturating_sub(lists.majority));
        told.election = likely.election;
        told.noticed = likely.election && leads;
        told.electing = named(likely.electing);
        told.lost_while_down = likely.lost_while_down;
        told.serving = named(serving);
        told.racing = named(likely.racing(lists, step.group));
        told.looking = named(lists.all() & !serving);
        told.spare = likely
            .state
            .leader
            .map(usize::from)
            .map(|leader| lists.counted(likely.state.moved, leader, serving).saturating_sub(lists.majority));
        told.seconds_without_spare = if told.spare_while_down == Some(0) { timing.restart } else { 0.0 }
            + if told.spare == Some(0) { timing.pause } else { 0.0 };
        told.gap = gap(likely, ELECTION, timing.tick / 2.0);
    }
    told
}
