//! Whether there is a way at all on which nothing is lost but the time of elections.
//!
//! What it costs is not asked here: so it is known to the end, for few servers, sooner than a search for the cheapest way has
//! seen that there is none, and the search needs to look at nothing from which there is none.

use std::cell::RefCell;
use std::rc::Rc;

use super::between::candidates;
use super::choices::{choices, groups};
use super::cost::Cost;
use super::electing::Outcome;
use super::lists::{Ids, Lists, Server, Set, packed};
use super::pairs::Pairs;
use super::state::{Quick, State, States};

/// The ways through one stage.
pub struct Way {
    lists: Rc<Lists>,
    /// Who may lead at its end.
    goal: Set,
    known: States<bool>,
    /// What restarts of these in these states come to, as far as that was asked.
    restarts: Quick<(State, Set), Option<Ends>>,
}

/// What a restart comes to, the likeliest first.
pub type Ends = Rc<[End]>;

/// One of the ends to which a restart comes.
pub struct End {
    /// What it costs.
    pub cost: Cost,
    /// How the ensemble stands then.
    pub state: State,
    /// Nobody leads while the servers are down.
    lost: bool,
}

/// What a restart comes to; nothing where it must be `lossless` and may lose the quorum.
pub fn ends(lists: &Lists, state: State, group: Set, lossless: bool) -> Option<Ends> {
    let outcomes = lists.restart_unless(state, group, lossless)?;
    let end =
        |one: &Outcome| End { cost: Cost::of(lists, state, group, one), state: one.state, lost: one.lost_while_down };
    Some(outcomes.iter().map(end).collect())
}

impl Way {
    /// A stage between two lists, at the end of which one of `goal` has to lead.
    pub fn new(lists: Rc<Lists>, goal: Set) -> Self {
        Self { lists, goal, known: States::default(), restarts: Quick::default() }
    }

    /// Whether there is one from here, whatever its elections come to.
    pub fn leads(&mut self, state: State) -> bool {
        if state.moved == self.lists.all() {
            return state.leader.is_some_and(|leader| self.goal & (1 << leader) != 0);
        }
        if let Some(known) = self.known.get(&state) {
            return *known;
        }
        let lists = Rc::clone(&self.lists);
        let leads = choices(&lists, state).any(|group| lists.only_elects(state, group, |state| self.leads(state)));
        self.known.insert(state, leads);
        leads
    }

    /// What [`ends`] tells. Searches ask for it again and again, each time for what costs less.
    pub fn ends(&mut self, state: State, group: Set, lossless: bool) -> Option<Ends> {
        match self.restarts.get(&(state, group)) {
            Some(Some(ends)) => {
                return Some(Rc::clone(ends)).filter(|ends| !lossless || ends.iter().all(|end| !end.lost));
            }
            Some(None) if lossless => return None,
            _ => {}
        }
        let ends = ends(&self.lists, state, group, lossless);
        self.restarts.insert((state, group), ends.clone());
        ends
    }
}

/// The ways from lists that all servers have to the one at the end.
pub struct Ways {
    pairs: Rc<Pairs>,
    target: Vec<u8>,
    /// With which leaders one stage is enough.
    straight: Quick<Ids, Set>,
    /// Whether so many lists between are, with this leader.
    between: Quick<(Ids, Server, u8), bool>,
    /// What is known of each stage: between these lists, for who may lead at its end.
    ways: Quick<(Ids, Ids, Set), SharedWay>,
}

/// What several searches ask and learn of a stage.
pub type SharedWay = Rc<RefCell<Way>>;

impl Ways {
    /// To this list.
    pub fn new(pairs: Rc<Pairs>, target: &[u8]) -> Self {
        Self {
            pairs,
            target: target.to_vec(),
            straight: Quick::default(),
            between: Quick::default(),
            ways: Quick::default(),
        }
    }

    /// The ways through the stage between two lists, at the end of which one of `goal` has to lead.
    pub fn way(&mut self, before: &[u8], after: &[u8], goal: Set) -> SharedWay {
        let key = (packed(before), packed(after), goal);
        if let Some(known) = self.ways.get(&key) {
            return Rc::clone(known);
        }
        let way = Rc::new(RefCell::new(Way::new(self.pairs.of(before, after), goal)));
        self.ways.insert(key, Rc::clone(&way));
        way
    }

    /// With which leaders one stage is enough.
    pub fn straight(&mut self, list: &[u8]) -> Set {
        if let Some(known) = self.straight.get(&packed(list)) {
            return *known;
        }
        let target = self.target.clone();
        let all = (1 << list.len()) - 1;
        let leaders = if list == target {
            all
        } else if shares(list, &target) {
            let way = self.way(list, &target, all);
            let mut way = way.borrow_mut();
            (0..list.len())
                .filter(|leader| way.leads(State::led_by(*leader, all)))
                .fold(0, |leaders: Set, leader| leaders | 1 << leader)
        } else {
            0
        };
        self.straight.insert(packed(list), leaders);
        leaders
    }

    /// Whether there is a way with this leader, which may be changed so often, and through so many lists between.
    pub fn lead(&mut self, list: &[u8], leader: Server, changes: u8, stages: u8) -> bool {
        self.straight(list) & (1 << leader) != 0
            || (1..=stages).any(|stages| self.between(list, leader, stages))
            || changes > 0 && self.change(list, leader, changes - 1, stages)
    }

    /// Whether there is one once another server leads, whichever it is.
    fn change(&mut self, list: &[u8], leader: Server, changes: u8, stages: u8) -> bool {
        let lists = self.pairs.of(list, list);
        groups(&lists, lists.all(), leader).any(|group| {
            lists.restart(State::led_by(leader, lists.all()), group).iter().all(|outcome| {
                let leader = outcome.state.leader.filter(|_| outcome.elections_only());
                leader.is_some_and(|leader| self.lead(list, usize::from(leader), changes, stages))
            })
        })
    }

    /// With which leaders there is a way through at most so many lists between.
    pub fn goal(&mut self, list: &[u8], stages: u8) -> Set {
        if stages == 0 {
            return self.straight(list);
        }
        (0..list.len())
            .filter(|leader| self.lead(list, *leader, 0, stages))
            .fold(0, |leaders: Set, leader| leaders | 1 << leader)
    }

    fn between(&mut self, list: &[u8], leader: Server, stages: u8) -> bool {
        let key = (packed(list), leader, stages);
        if let Some(known) = self.between.get(&key) {
            return *known;
        }
        let found = candidates(list, &self.target, leader).into_iter().any(|between| {
            shares(list, &between) && {
                let goal = self.goal(&between, stages - 1);
                let start = State::led_by(leader, (1 << list.len()) - 1);
                goal != 0 && self.way(list, &between, goal).borrow_mut().leads(start)
            }
        });
        self.between.insert(key, found);
        found
    }
}

/// Whether a server has one id in both lists.
///
/// Without one there is no way between them. A server that leads is followed only by those whose list has it under its id, which
/// then are those with its own list. More than half of the servers have the old one at first, and the new one in the end; so at
/// some restart there are, while it lasts, too few of either.
fn shares(before: &[u8], after: &[u8]) -> bool {
    before.iter().zip(after).any(|(before, after)| before == after)
}
