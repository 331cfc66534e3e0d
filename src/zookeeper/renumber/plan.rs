//! The stages of a renumbering: through which lists the servers go, and in which order they are restarted in each.

use std::rc::Rc;

use super::between::{EXHAUSTIVE, TWICE, candidates};
use super::choices::groups;
use super::cost::{Cost, Exposure, count};
use super::follow::{Cluster, Leg, Step, follow, take};
use super::lists::{Ids, Lists, Server, Set, members, packed};
use super::pairs::Pairs;
use super::search::{Effort, Memory, Stage, together, uniform};
use super::state::{Quick, State};
use super::ways::Ways;

/// How many states are looked into, at most. For few servers it is known from which of them there is a way with nothing but
/// elections, so that the cheapest such way takes some hundred; the rest is for those that have none.
const FEW: Bounds = Bounds { quick: 1_000, enough: 3_000, most: 4_000 };
const MANY: Bounds = Bounds { quick: 8_000, enough: 6_000, most: 15_000 };

/// Bounds of a search, in states.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// In which the quick search looks for a plan, for each limit.
    quick: u32,
    /// After which the search for a better plan takes the first that has fewer outages or elections.
    enough: u32,
    /// After which that search ends.
    most: u32,
}

/// For so many restarts without a spare a plan is looked for, one after the other.
const EXPOSED: [i32; 6] = [0, 1, 2, 3, 5, 8];

/// Into so many of each stage, one after the other: a stage that suits is soon found, and most do not.
const QUICK_OF_STAGE: [u32; 2] = [60, 600];

/// A plan: what it costs, its legs, and how it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it costs.
    pub cost: Cost,
    /// Its legs.
    pub legs: Vec<Leg>,
    /// Whether nothing costs less.
    pub cheapest: bool,
    /// How many states were looked into.
    pub states: u32,
}

/// The cheapest plan, or one that is good where the search is cut short.
pub fn plan(cluster: &Cluster) -> Found {
    let few = cluster.list.len() <= EXHAUSTIVE;
    let bounds = if few { FEW } else { MANY };
    let pairs = Rc::new(Pairs::new(cluster));
    let last = pairs.of(&cluster.target, &cluster.target);
    let mut planner = Planner {
        whole: cluster.clone(),
        target: cluster.target.clone(),
        last: Cost::at_least(&last, count(last.all()), true),
        room: Room { leads: cluster.leader_changes, stages: stages(cluster) },
        known: Quick::default(),
        memories: Quick::default(),
        effort: Rc::new(Effort::new(few)),
        ways: few.then(|| Ways::new(Rc::clone(&pairs), &cluster.target)),
        pairs,
    };
    let quick = planner.quick(cluster, bounds.quick);
    planner.forget();
    planner.effort.allow(bounds.enough, bounds.most, u32::MAX);
    let limits = limits(quick.cost, cluster.exposure);
    let better = limits.iter().find_map(|limit| planner.first(cluster, *limit));
    let found = match better {
        Some((cost, first)) => {
            let cheapest = !planner.effort.hasty();
            let legs = planner.legs(cluster, first, &limits);
            Found { cost, legs, cheapest, states: 0 }
        }
        None => Found { cheapest: !planner.effort.over(), ..quick },
    };
    // For many servers what would save restarts and no election is not looked for to the end.
    Found { states: planner.effort.spent(), cheapest: few && found.cheapest, ..found }
}

/// How many lists between may still be given, after the one under way.
fn stages(cluster: &Cluster) -> u8 {
    let most = if cluster.list.len() <= TWICE { cluster.between } else { cluster.between.min(1) };
    let under_way = cluster.next.as_ref().is_some_and(|next| *next != cluster.target && *next != cluster.list);
    most.saturating_sub(u8::from(under_way))
}

/// Limits up to what costs less than this, ever more seconds without a spare, then one election more each: what has few is found
/// quickly, because everything else is cut off.
fn limits(cost: Cost, exposure: Exposure) -> Vec<Cost> {
    let no_writes_lost =
        [Cost::NONE.fewer_late(1), Cost::fewer_outages(1), Cost::fewer_outages(3), Cost::fewer_outages(1 << 20)];
    let no_writes_lost = no_writes_lost.into_iter().filter(|_| cost.lossy > 0);
    let fewer = (0..cost.outages.min(3)).map(|outages| Cost { lossy: cost.lossy, ..Cost::fewer_outages(outages) });
    let in_time = (1..=cost.late.min(3)).map(|late| cost.fewer_late(late));
    let at_once = (1..=cost.slow.min(3)).map(|slow| cost.fewer_slow(slow));
    let sure = (1..=cost.racing.min(3)).map(|racing| cost.fewer_racing(racing));
    let exposed = EXPOSED
        .map(|restarts| restarts * exposure.restart + 1)
        .into_iter()
        .filter(|exposed| *exposed < cost.exposed)
        .map(|exposed| cost.less_exposed(exposed));
    let elections = (2..=cost.elections).map(|elections| cost.fewer_elections(elections));
    no_writes_lost
        .chain(fewer)
        .chain(in_time)
        .chain(at_once)
        .chain(sure)
        .chain(exposed)
        .chain(elections)
        .chain([cost])
        .collect()
}

/// One stage, the leader last: the plan of last resort.
fn as_they_stand(cluster: &Cluster) -> Found {
    let list = cluster.next.as_ref().unwrap_or(&cluster.target);
    let left = (0..cluster.list.len()).filter(|server| cluster.moved & (1 << server) == 0);
    let leads = |server: &Server| cluster.leader.map(usize::from) == Some(*server);
    let (last, others): (Vec<Server>, Vec<Server>) = left.partition(leads);
    let order = |servers: Vec<Server>| servers.into_iter().map(|server| 1 << server).collect::<Vec<Set>>();
    let mut stages = vec![(list.clone(), order([others, last].concat()))];
    if *list != cluster.target {
        stages.push((cluster.target.clone(), order((0..cluster.list.len()).collect())));
    }
    let (cost, legs) = follow(cluster, &stages);
    Found { cost, legs, cheapest: false, states: 0 }
}

struct Planner {
    /// What is planned for.
    whole: Cluster,
    pairs: Rc<Pairs>,
    target: Vec<u8>,
    /// What a stage with an election costs at the least, whichever its lists are.
    last: Cost,
    room: Room,
    /// From one list and leader to the target, with this room.
    known: Quick<(Ids, Server, Room), Known>,
    /// Of the stages between two lists, by what may follow.
    memories: Quick<(Ids, Ids, Room), Memory>,
    effort: Rc<Effort>,
    /// Where there is a way with nothing but elections, if that is known.
    ways: Option<Ways>,
}

enum Known {
    /// The least that it costs, and what is done first.
    Best(Cost, Onward),
    /// It does not cost less.
    AtLeast(Cost),
}

/// How a whole ensemble with one list goes on.
#[derive(Clone, Debug)]
enum Onward {
    /// It stays.
    Stay,
    /// With the stage that gives this list.
    Stage(Vec<u8>),
    /// With a restart of these that changes nothing but who leads.
    Lead(Set),
}

/// What may be done besides the last stage.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Room {
    /// Changes of the leader.
    leads: u8,
    /// Stages between.
    stages: u8,
}

impl Planner {
    /// The first way that is found with as few outages as a short search can show.
    fn quick(&mut self, cluster: &Cluster, quick: u32) -> Found {
        let late = self.whole.rules.waits_for_the_late().then_some(Cost::NONE.fewer_late(3));
        if self.ways.is_some() {
            // If there is a way, nothing else is looked at. A second list between is given only where there is none without.
            let most = self.room.stages;
            let in_time = (most.min(1)..=most).find_map(|stages| {
                self.room.stages = stages;
                self.pass(cluster, Cost::NONE.fewer_late(1), u32::MAX, u32::MAX)
            });
            if in_time.is_none() {
                self.room.stages = most.min(1);
            }
            let found = in_time
                .or_else(|| QUICK_OF_STAGE.iter().find_map(|of_stage| self.pass(cluster, late?, quick, *of_stage)));
            if let Some(found) = found {
                return found;
            }
        } else {
            let restart = cluster.exposure.restart;
            let in_time = [1, restart + 1, 4 * restart].map(|exposed| Cost::NONE.less_exposed(exposed));
            let in_time = in_time.into_iter().chain([Cost::NONE.fewer_slow(1), Cost::NONE.fewer_late(1)]);
            for of_stage in QUICK_OF_STAGE {
                let mut limits = in_time.clone().chain(late);
                if let Some(found) = limits.find_map(|limit| self.pass(cluster, limit, quick, of_stage)) {
                    return found;
                }
            }
        }
        let outages = [2, 2, 3, 3, 1 << 20, 1 << 20].map(Cost::fewer_outages);
        let outages = outages.into_iter().chain([Cost::NEVER; 2]);
        let whole = self.room;
        // Where elections are not enough, a list between seldom helps.
        self.room = Room { leads: whole.leads.min(1), stages: 0 };
        let found = outages
            .zip(QUICK_OF_STAGE.iter().cycle())
            .find_map(|(limit, of_stage)| self.hasty(cluster, limit, quick, *of_stage));
        self.room = whole;
        found.unwrap_or_else(|| as_they_stand(cluster))
    }

    /// The first way that is found below a limit, first with the leader that there is: with fewer ways to go, one that goes through
    /// is found sooner.
    fn pass(&mut self, cluster: &Cluster, limit: Cost, quick: u32, of_stage: u32) -> Option<Found> {
        let whole = self.room;
        let found = [(Room { leads: 0, ..whole }, quick / 2), (whole, quick)].into_iter().find_map(|(room, quick)| {
            self.room = room;
            self.hasty(cluster, limit, quick, of_stage)
        });
        self.room = whole;
        found
    }

    /// The first way that is found below a limit with so many states looked into, and so many of each stage.
    fn hasty(&mut self, cluster: &Cluster, limit: Cost, quick: u32, of_stage: u32) -> Option<Found> {
        self.forget();
        self.effort.allow(0, quick, of_stage);
        let (cost, first) = self.first(cluster, limit)?;
        Some(Found { cost, legs: self.legs(cluster, first, &[limit]), cheapest: false, states: 0 })
    }

    /// How the cheapest plan begins, if it costs less than `limit`.
    fn first(&mut self, cluster: &Cluster, limit: Cost) -> Option<(Cost, Onward)> {
        let state = cluster.state();
        let same = cluster.list == self.target;
        let whole = cluster.serving == self.lists(&cluster.list, &cluster.list).all();
        let list = match (&cluster.next, cluster.leader) {
            (Some(next), _) => next.clone(),
            (None, _) if same && !cluster.due => return Some((Cost::NONE, Onward::Stay)),
            (None, Some(leader)) if whole && !cluster.due => {
                return self.onward(&cluster.list, usize::from(leader), self.room, limit);
            }
            // The first stage keeps the ids: its lists are the same, and nothing can go wrong in it but an election.
            (None, Some(_)) if whole && cluster.due => cluster.list.clone(),
            (None, _) => self.target.clone(),
        };
        let lists = self.lists(&cluster.list, &list);
        self.stage((&cluster.list, &*lists), &list, state, self.room, limit).map(|cost| (cost, Onward::Stage(list)))
    }

    /// A stage from a state on and all that follows, if that costs less than `limit`.
    fn stage(
        &mut self,
        (before, lists): (&[u8], &Lists),
        list: &[u8],
        state: State,
        room: Room,
        limit: Cost,
    ) -> Option<Cost> {
        let rest = self.rest(list);
        let effort = Rc::clone(&self.effort);
        let key = (packed(before), packed(list), room);
        let mut memory = self.memories.remove(&key).unwrap_or_default();
        let whole = state.leader.filter(|_| lists.uniform() && state.serving == lists.all());
        if whole.is_none() && memory.way.is_none() {
            memory.way = self.ways.as_mut().map(|ways| {
                let goal = (0..list.len())
                    .filter(|leader| ways.lead(list, *leader, room.leads, room.stages))
                    .fold(0, |leaders: Set, leader| leaders | 1 << leader);
                ways.way(before, list, goal)
            });
        }
        let mut after = |leader, limit| self.onward(list, leader, room, limit).map(|(cost, _)| cost);
        let best = match whole {
            Some(leader) => uniform(lists, state.moved, usize::from(leader), limit, &mut after, &effort),
            None => Stage::new(lists, rest, &mut after, &effort, &mut memory).best(state, limit),
        };
        self.memories.insert(key, memory);
        best.map(|(cost, _)| cost)
    }

    /// From a whole ensemble with one list to the target, if that costs less than `limit`; and what is done first.
    fn onward(&mut self, list: &[u8], leader: Server, room: Room, limit: Cost) -> Option<(Cost, Onward)> {
        if list == self.target.as_slice() {
            return Some((Cost::NONE, Onward::Stay)).filter(|(cost, _)| *cost < limit);
        }
        let key = (packed(list), leader, room);
        match self.known.get(&key) {
            Some(Known::Best(cost, onward)) => return Some((*cost, onward.clone())).filter(|(cost, _)| *cost < limit),
            Some(Known::AtLeast(known)) if limit <= *known => return None,
            _ if self.effort.over() => return None,
            _ => {}
        }
        if limit.admits_only_elections() && !self.may_lead(list, leader, room) {
            return None;
        }
        let target = self.target.clone();
        let same = self.lists(list, list);
        let state = State::led_by(leader, same.all());
        let lists = self.lists(list, &target);
        let straight = self.stage((list, &*lists), &target, state, Room { leads: 0, stages: 0 }, limit);
        let mut best = straight.map(|cost| (cost, Onward::Stage(target)));
        let below = |best: &Option<(Cost, Onward)>| best.as_ref().map_or(limit, |(cost, _)| *cost);
        let enough = |best: &Option<(Cost, Onward)>, effort: &Effort| effort.over() || best.is_some() && effort.hasty();
        if room.leads > 0 && !enough(&best, &self.effort) {
            for group in groups(&same, same.all(), leader) {
                let limit = below(&best);
                let room = Room { leads: room.leads - 1, ..room };
                let mut after = |leader, limit| self.onward(list, leader, room, limit).map(|(cost, _)| cost);
                if let Some(cost) = together(&same, 0, group, leader, limit, &mut after) {
                    best = Some((cost, Onward::Lead(group)));
                }
                if enough(&best, &self.effort) {
                    break;
                }
            }
        }
        // Both stages take an election each.
        let both = self.last.plus(self.last);
        if room.stages > 0 && both < below(&best) && !enough(&best, &self.effort) {
            for between in candidates(list, &self.target, leader) {
                let dead = |ways: &mut Ways| ways.goal(&between, room.stages - 1) == 0;
                if below(&best).admits_only_elections() && self.ways.as_mut().is_some_and(dead) {
                    continue;
                }
                let lists = self.lists(list, &between);
                let room = Room { leads: 0, stages: room.stages - 1 };
                if let Some(cost) = self.stage((list, &*lists), &between, state, room, below(&best)) {
                    best = Some((cost, Onward::Stage(between)));
                    // With fewer elections none was found before: the rest is taste.
                    if cost.elections_only() && !self.effort.thorough() {
                        break;
                    }
                }
                if enough(&best, &self.effort) {
                    break;
                }
            }
        }
        match &best {
            Some((cost, onward)) => self.known.insert(key, Known::Best(*cost, onward.clone())),
            None if self.effort.over() => None,
            None => self.known.insert(key, Known::AtLeast(limit)),
        };
        best
    }

    /// Whether there may be a way with nothing but elections from a whole ensemble.
    fn may_lead(&mut self, list: &[u8], leader: Server, room: Room) -> bool {
        self.ways.as_mut().is_none_or(|ways| ways.lead(list, leader, room.leads, room.stages))
    }

    /// Forgets what a search cut short has found.
    fn forget(&mut self) {
        self.known.clear();
        self.memories.clear();
    }

    /// What it costs at the least to go on from a list: the last stage takes an election.
    fn rest(&self, list: &[u8]) -> Cost {
        if list == self.target.as_slice() { Cost::NONE } else { self.last }
    }

    fn lists(&self, before: &[u8], after: &[u8]) -> Rc<Lists> {
        self.pairs.of(before, after)
    }

    /// The legs of a plan that begins so.
    fn legs(&mut self, cluster: &Cluster, first: Onward, limits: &[Cost]) -> Vec<Leg> {
        let mut legs = Vec::new();
        let mut state = cluster.state();
        let mut list = cluster.list.clone();
        let (mut onward, mut room) = (first, self.room);
        loop {
            let next = match onward {
                Onward::Stay => return legs,
                Onward::Lead(group) => {
                    let lists = self.lists(&list, &list);
                    let mut steps = Vec::new();
                    state = take(&lists, state, group, &mut steps);
                    legs.push(Leg { list: list.clone(), lists: Lists::clone(&lists), steps });
                    room.leads -= 1;
                    list.clone()
                }
                Onward::Stage(next) => {
                    let lists = self.lists(&list, &next);
                    // A stage that is under way, or in which all are restarted once, has all the room behind it.
                    if !legs.is_empty() || (cluster.next.is_none() && !cluster.due) {
                        room = Room { leads: 0, stages: room.stages.saturating_sub(u8::from(next != self.target)) };
                    }
                    let steps = self.steps((&list, &*lists), &next, &mut state, room, limits);
                    legs.push(Leg { list: next.clone(), lists: Lists::clone(&lists), steps });
                    next
                }
            };
            let Some(leader) = state.leader.map(usize::from) else { return legs };
            state = State::new(0, self.lists(&next, &next).all(), state.leader);
            list = next;
            let Some((_, found)) = limits.iter().find_map(|limit| self.onward(&list, leader, room, *limit)) else {
                return legs;
            };
            onward = found;
        }
    }

    /// The restarts of a stage.
    fn steps(
        &mut self,
        (before, lists): (&[u8], &Lists),
        list: &[u8],
        state: &mut State,
        room: Room,
        limits: &[Cost],
    ) -> Vec<Step> {
        let rest = self.rest(list);
        let effort = Rc::clone(&self.effort);
        let key = (packed(before), packed(list), room);
        let mut memory = self.memories.remove(&key).unwrap_or_default();
        let mut after = |leader, limit| self.onward(list, leader, room, limit).map(|(cost, _)| cost);
        let mut steps = Vec::new();
        if let Some(leader) = state.leader.map(usize::from).filter(|_| lists.uniform() && state.serving == lists.all())
        {
            let best = limits.iter().find_map(|limit| uniform(lists, state.moved, leader, *limit, &mut after, &effort));
            let group = best.map_or(0, |(_, group)| group);
            let alone = members(lists.all() & !state.moved & !group).map(|server| 1 << server);
            for group in alone.chain(Some(group).filter(|group| *group != 0)) {
                *state = take(lists, *state, group, &mut steps);
            }
            return steps;
        }
        let mut stage = Stage::new(lists, rest, &mut after, &effort, &mut memory);
        while state.moved != lists.all() {
            let Some((_, group)) = limits.iter().find_map(|limit| stage.best(*state, *limit)) else { break };
            *state = take(lists, *state, group, &mut steps);
        }
        steps
    }
}
