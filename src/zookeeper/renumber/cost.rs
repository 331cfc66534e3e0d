//! What a plan costs, so that plans can be compared.

use super::electing::Outcome;
use super::lists::{Lists, Set};
use super::state::State;

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

    /// Whether everything that costs less is nothing but elections.
    pub fn admits_only_elections(self) -> bool {
        self <= Self::below_late(0, 1)
    }

    /// What the ends of a restart that are not the likeliest have to cost less than: they count for their outages, and for elections
    /// that may be late.
    pub fn other(self) -> Self {
        let fewer = Self::below_late(self.outages, self.late);
        if self <= fewer { fewer } else { Self { late: self.late + 1, ..fewer } }
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
            racing: count(outcome.racing(lists, group)),
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

/// How many are in a set.
pub fn count(set: Set) -> i32 {
    i32::try_from(set.count_ones()).unwrap_or(i32::MAX)
}
