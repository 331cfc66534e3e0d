//! Where an ensemble stands, and what restarts in a given order come to.

use super::cost::{Cost, Exposure};
use super::electing::Outcome;
use super::lists::{Lists, Set};
use super::state::State;
use super::versions::Rules;

/// Where an ensemble stands, with its servers as numbers.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The rules of its ZooKeeper.
    pub rules: Rules,
    /// The ids of the list that those have who have not been restarted in this stage.
    pub list: Vec<u8>,
    /// The ids of the list that the others have; none when all have one list.
    pub next: Option<Vec<u8>>,
    /// Who has the next list.
    pub moved: Set,
    /// Who serves.
    pub serving: Set,
    /// Who leads.
    pub leader: Option<u8>,
    /// Who was seen not to take part in elections.
    pub absent: Set,
    /// The ids at the end.
    pub target: Vec<u8>,
    /// Every server has to be restarted once, even if no id changes.
    pub due: bool,
    /// How many lists between may be given, the one under way counted.
    pub between: u8,
    /// How often the leader may be changed before a stage.
    pub leader_changes: u8,
    /// How much a time without a spare counts.
    pub exposure: Exposure,
    /// How many servers may be down at once by plan.
    pub max_down: u32,
}

impl Cluster {
    /// Two lists of its servers.
    pub fn lists(&self, before: &[u8], after: &[u8]) -> Lists {
        Lists::new(before, after, self.rules).within(self.exposure, self.max_down)
    }

    /// How it stands. Who could have joined and has not is not counted on.
    pub fn state(&self) -> State {
        let state = State { absent: self.absent, ..State::new(self.moved, self.serving, self.leader) };
        let lists = Lists::new(&self.list, self.next.as_ref().unwrap_or(&self.list), self.rules);
        State { deaf: lists.could_join(state), ..state }
    }
}

/// A restart: who is stopped together, from which state, and what it may come to, the likeliest first.
#[derive(Clone, Debug)]
pub struct Step {
    /// The state before.
    pub before: State,
    /// Who is restarted.
    pub group: Set,
    /// What it may come to.
    pub outcomes: Vec<Outcome>,
}

/// A stage: the list that its servers get, and their restarts in order.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The ids of the list.
    pub list: Vec<u8>,
    /// Both lists of the stage.
    pub lists: Lists,
    /// The restarts.
    pub steps: Vec<Step>,
}

/// The ids of a stage's list, and the groups that are restarted, in order.
pub type Order = (Vec<u8>, Vec<Set>);

/// What it comes to when the servers are restarted in this order, a stage for each list.
pub fn follow(cluster: &Cluster, stages: &[Order]) -> (Cost, Vec<Leg>) {
    let mut state = cluster.state();
    let mut list = cluster.list.clone();
    let mut cost = Cost::default();
    let mut legs = Vec::new();
    for (next, order) in stages {
        let lists = cluster.lists(&list, next);
        let mut steps = Vec::new();
        for group in order {
            state = take(&lists, state, *group, &mut steps);
        }
        for step in &steps {
            let each = step.outcomes.iter().map(|one| Cost::of(&lists, step.before, step.group, one));
            cost = cost.plus(Cost::whichever(each));
        }
        state = whole(state, lists.all());
        legs.push(Leg { list: next.clone(), lists, steps });
        list.clone_from(next);
    }
    (cost, legs)
}

/// The state at the end of a stage, when all have one list: whoever looked for a leader finds one.
fn whole(end: State, all: Set) -> State {
    State::new(0, if end.leader.is_some() { all } else { end.serving }, end.leader)
}

/// Restarts these, and goes on from the likeliest that it comes to.
pub fn take(lists: &Lists, before: State, group: Set, steps: &mut Vec<Step>) -> State {
    let outcomes = lists.restart(before, group);
    let after = outcomes.first().map_or(before, |outcome| outcome.state);
    steps.push(Step { before, group, outcomes });
    after
}
