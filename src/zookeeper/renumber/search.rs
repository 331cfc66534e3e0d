//! The cheapest way through one stage: in which order its servers are restarted, whatever its elections come to.

use std::cell::Cell;

use super::choices::{choices, groups};
use super::cost::{Cost, count};
use super::lists::{Lists, Server, Set, members};
use super::state::{State, States};
use super::ways::{SharedWay, ends};

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
    /// Whether everything is looked into that may cost less, and not only what makes an election less.
    thorough: bool,
}

impl Effort {
    /// None at all, until some is allowed.
    pub fn new(thorough: bool) -> Self {
        Self { thorough, ..Self::default() }
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

    /// Whether the search for something that costs less goes on once it can't make an election less.
    pub fn thorough(&self) -> bool {
        self.thorough
    }

    fn spend(&self) {
        self.spent.set(self.spent.get().saturating_add(1));
    }
}

/// What is known of the states of a stage.
#[derive(Default)]
pub struct Memory {
    known: States<Known>,
    /// From which of them there is a way with nothing but elections, where that is known.
    pub way: Option<SharedWay>,
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
                None => Some((Cost::fewer_outages(1), 0)).filter(|(cost, _)| *cost < limit),
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
        if limit.admits_only_elections() && self.memory.way.as_ref().is_some_and(|way| !way.borrow_mut().leads(state)) {
            return None;
        }
        self.effort.spend();
        self.spent += 1;
        let mut best: Option<(Cost, Set)> = None;
        for group in choices(self.lists, state) {
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
        Cost::at_least(self.lists, count(left), leads).plus(self.rest)
    }

    /// What it costs to restart these next, if that is less than `limit`.
    fn cost(&mut self, state: State, group: Set, limit: Cost) -> Option<Cost> {
        let left = self.lists.all() & !state.moved;
        if Cost::at_least(self.lists, count(left), self.lists.elects(state, group)).plus(self.rest) >= limit {
            return None;
        }
        let lossless = limit.lossy < 1 && (limit.outages < 1 || limit <= Cost::fewer_outages(1).plus(self.rest));
        let ends = match &self.memory.way {
            Some(way) => way.borrow_mut().ends(state, group, lossless)?,
            None => ends(self.lists, state, group, lossless)?,
        };
        let mut each = Vec::new();
        for (at, end) in ends.iter().enumerate() {
            // The likeliest end counts whole, each other one for its outages.
            let limit = if at == 0 { limit } else { limit.other() };
            each.push(end.cost.plus(self.best(end.state, limit.minus(end.cost))?.0));
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
            if effort.hasty() || cost.at_once_only() && !effort.thorough() {
                break;
            }
        }
    }
    best
}

/// What it costs to restart a group with the leader while everybody has one list, if that is less than `limit`.
pub fn together(lists: &Lists, moved: Set, group: Set, leader: Server, limit: Cost, after: After<'_>) -> Option<Cost> {
    let before = State { moved, ..State::led_by(leader, lists.all()) };
    let mut each = Vec::new();
    for (at, outcome) in lists.restart(before, group).iter().enumerate() {
        let here = Cost::of(lists, before, group, outcome);
        let limit = if at == 0 { limit } else { limit.other() };
        each.push(here.plus(after(usize::from(outcome.state.leader?), limit.minus(here))?));
    }
    Some(Cost::whichever(each)).filter(|cost| *cost < limit)
}

/// What it costs to restart these one by one, none of whom leads, while everybody has one list.
fn in_turn(lists: &Lists, moved: Set, leader: Server, servers: Set) -> Cost {
    let state = State { moved, ..State::led_by(leader, lists.all()) };
    let one = |server: Server| {
        let group: Set = 1 << server;
        Cost::whichever(lists.restart(state, group).iter().map(|outcome| Cost::of(lists, state, group, outcome)))
    };
    members(servers).map(one).fold(Cost::default(), Cost::plus)
}
