//! The cheapest way through one stage: in which order its servers are restarted, whatever its elections come to.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::electing::Outcome;
use super::joining::State;
use super::lists::{Lists, Server, Set, members};

/// How many elections that begin at once are better than one that begins when the leader notices that it has lost its quorum: one
/// more, or two, for the longest time in which nothing can be written.
const SLOW: i32 = 3;

/// What a plan costs. The order of the fields is their weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost {
    /// Restarts through which nobody leads, where the elections come to the worst.
    pub outages: i32,
    /// Elections that may wait for a server that is late.
    pub late: i32,
    /// Elections, where they come to the likeliest. One that begins only when the leader notices counts [`SLOW`] times.
    pub elections: i32,
    /// Elections that begin when the leader notices that it has lost its quorum, which takes it up to a tick.
    pub slow: i32,
    /// Servers that join only if they call somebody in time, and otherwise have to be restarted again.
    pub racing: i32,
    /// Servers that are restarted, each time that they are.
    pub restarts: i32,
    /// Restarts during which one more failure would end the quorum.
    pub spareless: i32,
    /// Restarts after which it would.
    pub thin: i32,
    /// Servers that look after a restart, each time: what they do to each other's connections is a matter of moments.
    pub looking: i32,
    /// Elections that may come to more than one end.
    pub open: i32,
    /// Servers that are restarted together with another.
    pub together: i32,
}

impl Cost {
    /// More than everything costs that has no outage and fewer elections that may be late.
    pub const fn below_late(outages: i32, late: i32) -> Self {
        Self { late, ..Self::below(outages, 0) }
    }

    /// Whether it is nothing but elections, none of which may wait for a server that is late.
    pub fn elections_only(self) -> bool {
        self.outages == 0 && self.late == 0
    }

    /// Whether it is nothing but elections, each of which begins at once.
    pub fn at_once_only(self) -> bool {
        self.elections_only() && self.slow == 0
    }

    /// More than anything costs that can be done.
    pub const NEVER: Self = Self::below(1 << 20, 0);

    /// What everything costs less than that has fewer outages, or as many and fewer elections.
    pub const fn below(outages: i32, elections: i32) -> Self {
        Self {
            outages,
            late: 0,
            elections,
            slow: 0,
            racing: 0,
            restarts: 0,
            open: 0,
            spareless: 0,
            thin: 0,
            looking: 0,
            together: 0,
        }
    }

    /// What is left of a limit: costs are compared field by field, so what is spent can be taken off each.
    pub fn minus(self, spent: Self) -> Self {
        Self {
            late: self.late - spent.late,
            outages: self.outages - spent.outages,
            elections: self.elections - spent.elections,
            slow: self.slow - spent.slow,
            racing: self.racing - spent.racing,
            restarts: self.restarts - spent.restarts,
            open: self.open - spent.open,
            spareless: self.spareless - spent.spareless,
            thin: self.thin - spent.thin,
            looking: self.looking - spent.looking,
            together: self.together - spent.together,
        }
    }

    /// Both, one after the other.
    pub fn plus(self, other: Self) -> Self {
        Self {
            late: self.late + other.late,
            outages: self.outages + other.outages,
            elections: self.elections + other.elections,
            slow: self.slow + other.slow,
            racing: self.racing + other.racing,
            restarts: self.restarts + other.restarts,
            open: self.open + other.open,
            spareless: self.spareless + other.spareless,
            thin: self.thin + other.thin,
            looking: self.looking + other.looking,
            together: self.together + other.together,
        }
    }

    /// What one restart costs that comes to this.
    pub fn of(lists: &Lists, before: State, group: Set, outcome: &Outcome) -> Self {
        let leader = outcome.state.leader.map(usize::from);
        let after = leader.map_or(0, |leader| lists.counted(outcome.state.moved, leader, outcome.state.serving));
        let size = count(group);
        let slow = i32::from(outcome.election && before.leader.is_some_and(|leader| group & (1 << leader) == 0));
        Self {
            late: i32::from(outcome.late),
            outages: i32::from(outcome.lost_while_down || before.leader.is_none() || outcome.state.leader.is_none()),
            elections: i32::from(outcome.election) + slow * (SLOW - 1),
            slow,
            racing: count(outcome.racing),
            restarts: size,
            open: 0,
            spareless: i32::from(outcome.counted_while_down <= lists.majority),
            thin: i32::from(after <= lists.majority),
            looking: count(lists.all() & !outcome.state.serving),
            together: size - 1,
        }
    }

    /// The cost of something that may come to each of these: the likeliest stands first.
    pub fn whichever(each: impl IntoIterator<Item = Self>) -> Self {
        let mut each = each.into_iter();
        let Some(mut total) = each.next() else { return Self::NEVER };
        let mut open = 0;
        for other in each {
            open = 1;
            total.outages = total.outages.max(other.outages);
            total.late = total.late.max(other.late);
        }
        total.open += open;
        total
    }
}

/// What follows a stage, by who leads at its end: its cost, if that is less than a limit.
pub type After<'a> = &'a mut dyn FnMut(Server, Cost) -> Option<Cost>;

/// What is known of a state.
#[derive(Clone, Copy)]
enum Known {
    /// The least that it costs, and who is restarted next.
    Best(Cost, Set),
    /// It does not cost less.
    AtLeast(Cost),
}

/// How many states may be looked into. A plan is always found: what is left out is looking for a better one.
#[derive(Debug, Default)]
pub struct Effort {
    spent: Cell<u32>,
    /// After so many, the first way that is found is taken, where one is.
    enough: Cell<u32>,
    /// After so many, nothing more is looked into.
    most: Cell<u32>,
    /// After so many of one stage, nothing more of that stage.
    most_of_stage: Cell<u32>,
}

impl Effort {
    /// None at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many states have been looked into.
    pub fn spent(&self) -> u32 {
        self.spent.get()
    }

    /// Whether the first way that is found is to be taken.
    pub fn hasty(&self) -> bool {
        self.spent.get() >= self.enough.get()
    }

    /// Whether nothing more is looked into.
    pub fn over(&self) -> bool {
        self.spent.get() >= self.most.get()
    }

    /// Allows so many states more, so many of each stage; and after how many of them the first way is taken.
    pub fn allow(&self, enough: u32, most: u32, most_of_stage: u32) {
        self.enough.set(self.spent.get().saturating_add(enough));
        self.most.set(self.spent.get().saturating_add(most));
        self.most_of_stage.set(most_of_stage);
    }

    fn spend(&self) {
        self.spent.set(self.spent.get().saturating_add(1));
    }
}

/// What is known of the states of a stage.
#[derive(Default)]
pub struct Memory {
    known: HashMap<State, Known, BuildHasherDefault<Mixed>>,
}

/// A quick hash: states are small numbers, and nobody chooses them to do harm.
#[derive(Default)]
pub struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// A stage in which the lists differ. All orders are tried that can be the cheapest.
pub struct Stage<'a> {
    lists: &'a Lists,
    /// What follows costs at least this.
    rest: Cost,
    after: After<'a>,
    effort: &'a Effort,
    memory: &'a mut Memory,
    /// How many states of this stage have been looked into.
    spent: u32,
}

impl<'a> Stage<'a> {
    /// A stage that is followed by what costs so much, and at the least `rest`; its memory belongs to just that.
    pub fn new(lists: &'a Lists, rest: Cost, after: After<'a>, effort: &'a Effort, memory: &'a mut Memory) -> Self {
        Self { lists, rest, after, effort, memory, spent: 0 }
    }

    /// What it costs from here, if that is less than `limit`, and who is restarted next; nobody when the stage is over.
    pub fn best(&mut self, state: State, limit: Cost) -> Option<(Cost, Set)> {
        if state.moved == self.lists.all() {
            // Everybody has one list: who does not serve yet will.
            return match state.leader {
                Some(leader) => (self.after)(usize::from(leader), limit).map(|cost| (cost, 0)),
                None => Some((Cost::below(1, 0), 0)).filter(|(cost, _)| *cost < limit),
            };
        }
        match self.memory.known.get(&state) {
            Some(Known::Best(cost, group)) => return Some((*cost, *group)).filter(|(cost, _)| *cost < limit),
            Some(Known::AtLeast(known)) if limit <= *known => return None,
            _ => {}
        }
        if self.at_least(state) >= limit || self.over() {
            return None;
        }
        self.effort.spend();
        self.spent += 1;
        let mut best: Option<(Cost, Set)> = None;
        for group in self.choices(state) {
            let limit = best.map_or(limit, |(cost, _)| cost);
            if let Some(cost) = self.cost(state, group, limit) {
                best = Some((cost, group));
                if self.effort.hasty() {
                    break;
                }
            }
        }
        match best {
            Some((cost, group)) => self.memory.known.insert(state, Known::Best(cost, group)),
            // What was not looked into to the end is not known.
            None if self.effort.over() => None,
            None => self.memory.known.insert(state, Known::AtLeast(limit)),
        };
        best
    }

    fn over(&self) -> bool {
        self.spent >= self.effort.most_of_stage.get() || self.effort.over()
    }

    /// What the rest of the stage costs at the least: the leader has to be restarted, and so has everybody else.
    fn at_least(&self, state: State) -> Cost {
        let left = self.lists.all() & !state.moved;
        let leads = state.leader.is_some_and(|leader| left & (1 << leader) != 0);
        Cost { elections: i32::from(leads), restarts: count(left), ..Cost::default() }.plus(self.rest)
    }

    /// Who can be restarted next: every server alone, those that the new list makes the highest first and the leader last,
    /// which is most often best; then the leader with another one, where two can be spared.
    fn choices(&self, state: State) -> Vec<Set> {
        let lists = self.lists;
        let left = lists.all() & !state.moved;
        let leads = |server: Server| state.leader.map(usize::from) == Some(server);
        let mut alone: Vec<Server> = members(left).collect();
        alone.sort_by_key(|server| (leads(*server), std::cmp::Reverse(lists.id(lists.all(), *server))));
        let mut found: Vec<Set> = alone.iter().map(|server| 1 << server).collect();
        if let Some(leader) = alone.iter().find(|server| leads(**server)).filter(|_| lists.spare() >= 2) {
            found.extend(alone.iter().filter(|server| *server != leader).map(|other| 1 << other | 1 << leader));
        }
        found
    }

    /// What it costs to restart these next, if that is less than `limit`.
    fn cost(&mut self, state: State, group: Set, limit: Cost) -> Option<Cost> {
        let election = i32::from(self.lists.elects(state, group));
        let left = self.lists.all() & !state.moved;
        if (Cost { elections: election, restarts: count(left), ..Cost::default() }).plus(self.rest) >= limit {
            return None;
        }
        let lossless = limit.outages < 1 || limit <= Cost::below(1, 0).plus(self.rest);
        let outcomes = self.lists.restart_unless(state, group, lossless)?;
        let mut each = Vec::new();
        for (at, outcome) in outcomes.iter().enumerate() {
            let here = Cost::of(self.lists, state, group, outcome);
            // The likeliest end counts whole, each other one for its outages.
            let limit = if at == 0 { limit } else { Cost::below(limit.outages + 1, 0) };
            each.push(here.plus(self.best(outcome.state, limit.minus(here))?.0));
        }
        Some(Cost::whichever(each)).filter(|cost| *cost < limit)
    }
}

/// A stage of one list: everybody joins again, so that all that matters is who is stopped together with the leader, at the
/// end. Gives the cost, if that is less than `limit`, and that group: nobody when the leader has been restarted already.
pub fn uniform(
    lists: &Lists,
    moved: Set,
    leader: Server,
    limit: Cost,
    after: After<'_>,
    effort: &Effort,
) -> Option<(Cost, Set)> {
    let left = lists.all() & !moved;
    if left & (1 << leader) == 0 {
        let spent = in_turn(lists, moved, leader, left);
        return after(leader, limit.minus(spent)).map(|cost| (spent.plus(cost), 0));
    }
    let mut best: Option<(Cost, Set)> = None;
    for group in groups(lists, left, leader) {
        let limit = best.map_or(limit, |(cost, _)| cost);
        let spent = in_turn(lists, moved, leader, left & !group);
        if let Some(cost) = together(lists, lists.all() & !group, group, leader, limit.minus(spent), after) {
            best = Some((spent.plus(cost), group));
            // Groups come in the order of their size, and with fewer elections none was found before.
            if cost.at_once_only() || effort.hasty() {
                break;
            }
        }
    }
    best
}

/// What it costs to restart a group with the leader while everybody has one list, if that is less than `limit`.
pub fn together(lists: &Lists, moved: Set, group: Set, leader: Server, limit: Cost, after: After<'_>) -> Option<Cost> {
    let before = State::new(moved, lists.all(), u8::try_from(leader).ok());
    let mut each = Vec::new();
    for (at, outcome) in lists.restart(before, group).iter().enumerate() {
        let here = Cost::of(lists, before, group, outcome);
        let limit = if at == 0 { limit } else { Cost::below(limit.outages + 1, 0) };
        each.push(here.plus(after(usize::from(outcome.state.leader?), limit.minus(here))?));
    }
    Some(Cost::whichever(each)).filter(|cost| *cost < limit)
}

/// What it costs to restart these one by one, none of whom leads, while everybody has one list.
fn in_turn(lists: &Lists, moved: Set, leader: Server, servers: Set) -> Cost {
    let state = State::new(moved, lists.all(), u8::try_from(leader).ok());
    let one = |server: Server| {
        let group: Set = 1 << server;
        Cost::whichever(lists.restart(state, group).iter().map(|outcome| Cost::of(lists, state, group, outcome)))
    };
    members(servers).map(one).fold(Cost::default(), Cost::plus)
}

fn count(set: Set) -> i32 {
    i32::try_from(set.count_ones()).unwrap_or(i32::MAX)
}

/// The groups of servers with the leader that can be stopped together: as many as the quorum can spare.
pub fn groups(lists: &Lists, left: Set, leader: Server) -> impl Iterator<Item = Set> {
    let others = left & !(1 << leader);
    let spare = lists.spare();
    let mut found: Vec<Set> =
        (0..=others).filter(|set| set & !others == 0 && set.count_ones() < spare.max(1)).collect();
    found.sort_by_key(|set| set.count_ones());
    found.into_iter().map(move |set| set | 1 << leader)
}

/// The servers of a group in the order in which they are stopped: the leader last, so that one election is enough.
pub fn stop_order(group: Set, leader: Option<u8>) -> Vec<Server> {
    let leads = |server: &Server| leader.map(usize::from) == Some(*server);
    members(group).filter(|server| !leads(server)).chain(members(group).filter(leads)).collect()
}
