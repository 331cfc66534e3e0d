//! Whether there is a way at all on which nothing is lost but the time of elections.
//!
//! What it costs is not asked here: so it is known to the end, for few servers, sooner than a search for the cheapest way has
//! seen that there is none, and the search needs to look at nothing from which there is none.

use std::collections::HashMap;

use super::between::candidates;
use super::choices::{choices, groups};
use super::cost::Exposure;
use super::lists::{Lists, Server, Set};
use super::state::{State, States};
use super::versions::Rules;

/// The ways through one stage.
pub struct Way {
    lists: Lists,
    /// Who may lead at its end.
    goal: Set,
    known: States<bool>,
}

impl Way {
    /// A stage between two lists, at the end of which one of `goal` has to lead.
    pub fn new(lists: Lists, goal: Set) -> Self {
        Self { lists, goal, known: States::default() }
    }

    /// Whether there is one from here, whatever its elections come to.
    pub fn leads(&mut self, state: State) -> bool {
        if state.moved == self.lists.all() {
            return state.leader.is_some_and(|leader| self.goal & (1 << leader) != 0);
        }
        if let Some(known) = self.known.get(&state) {
            return *known;
        }
        let leads = choices(&self.lists, state).into_iter().any(|group| {
            let outcomes = self.lists.restart_unless(state, group, true);
            outcomes.is_some_and(|all| all.iter().all(|one| one.elections_only() && self.leads(one.state)))
        });
        self.known.insert(state, leads);
        leads
    }
}

/// The ways from lists that all servers have to the one at the end.
pub struct Ways {
    rules: Rules,
    max_down: u32,
    target: Vec<u8>,
    /// With which leaders one stage is enough.
    straight: HashMap<Vec<u8>, Set>,
    /// Whether so many lists between are, with this leader.
    between: HashMap<(Vec<u8>, Server, u8), bool>,
}

impl Ways {
    /// To this list.
    pub fn new(rules: Rules, max_down: u32, target: &[u8]) -> Self {
        Self { rules, max_down, target: target.to_vec(), straight: HashMap::new(), between: HashMap::new() }
    }

    fn lists(&self, before: &[u8], after: &[u8]) -> Lists {
        Lists::new(before, after, self.rules).within(Exposure::default(), self.max_down)
    }

    /// With which leaders one stage is enough.
    pub fn straight(&mut self, list: &[u8]) -> Set {
        if let Some(known) = self.straight.get(list) {
            return *known;
        }
        let lists = self.lists(list, &self.target);
        let leaders = if lists.uniform() {
            lists.all()
        } else if shares(list, &self.target) {
            let all = lists.all();
            let count = lists.count;
            let mut way = Way::new(lists, all);
            (0..count)
                .filter(|leader| way.leads(State::led_by(*leader, all)))
                .fold(0, |leaders: Set, leader| leaders | 1 << leader)
        } else {
            0
        };
        self.straight.insert(list.to_vec(), leaders);
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
        let lists = self.lists(list, list);
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
        let key = (list.to_vec(), leader, stages);
        if let Some(known) = self.between.get(&key) {
            return *known;
        }
        let found = candidates(list, &self.target, leader).into_iter().any(|between| {
            shares(list, &between) && {
                let goal = self.goal(&between, stages - 1);
                let lists = self.lists(list, &between);
                let start = State::led_by(leader, lists.all());
                goal != 0 && Way::new(lists, goal).leads(start)
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
