//! What a plan costs, so that plans can be compared.

use super::electing::Outcome;
use super::lists::{Lists, Set};
use super::state::State;

/// How much a time counts in which one more failure would end the quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// A restart, in seconds.
    pub restart: i32,
    /// The time after it until the next one begins, in seconds.
    pub pause: i32,
}

impl Default for Exposure {
    fn default() -> Self {
        Self { restart: 60, pause: 5 }
    }
}

/// What a plan costs. The order of the fields is their weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost {
    /// Restarts by which writes can be lost that were acknowledged.
    pub lossy: i32,
    /// Restarts through which nobody leads, where the elections come to the worst.
    pub outages: i32,
    /// Elections that most likely wait for a server that is late.
    pub late: i32,
    /// Elections that begin when the leader notices that it has lost its quorum, which takes it up to a tick.
    pub slow: i32,
    /// Servers that join only if they call somebody in time, and otherwise have to be restarted again.
    pub racing: i32,
    /// Seconds in which one more failure would end the quorum, where one server is down at a time by plan and elections are short.
    pub exposed: i32,
    /// Elections, where they come to the likeliest.
    pub elections: i32,
    /// Servers that are restarted, each time that they are.
    pub restarts: i32,
    /// Seconds in which one more failure would end the quorum, where two may be down at once to save an election or a restart; and those
    /// between restarts that are short beside one.
    pub thin: i32,
    /// Servers that look after a restart, each time: what they do to each other's connections is a matter of moments.
    pub looking: i32,
    /// Elections that may come to more than one end.
    pub open: i32,
    /// Servers that are restarted together with another.
    pub together: i32,
}

impl Cost {
    /// Nothing.
    pub const NONE: Self = Self {
        lossy: 0,
        outages: 0,
        late: 0,
        slow: 0,
        racing: 0,
        exposed: 0,
        elections: 0,
        restarts: 0,
        thin: 0,
        looking: 0,
        open: 0,
        together: 0,
    };

    /// More than anything costs that can be done.
    pub const NEVER: Self = Self { lossy: 1 << 20, ..Self::NONE };

    /// What everything costs less than that loses no writes, and has fewer outages than this.
    pub const fn fewer_outages(outages: i32) -> Self {
        Self { outages, ..Self::NONE }
    }

    /// What everything costs less than that has as many outages, and fewer elections that may be late.
    pub const fn fewer_late(self, late: i32) -> Self {
        Self { lossy: self.lossy, outages: self.outages, late, ..Self::NONE }
    }

    /// What everything costs less than that has no more outages or late elections, and fewer that begin late.
    pub const fn fewer_slow(self, slow: i32) -> Self {
        Self { slow, ..self.fewer_late(self.late) }
    }

    /// What everything costs less than that is no worse in all that weighs more, and has fewer servers that may have to be
    /// restarted again.
    pub const fn fewer_racing(self, racing: i32) -> Self {
        Self { racing, ..self.fewer_slow(self.slow) }
    }

    /// The same, and has fewer seconds without a spare.
    pub const fn less_exposed(self, exposed: i32) -> Self {
        Self { exposed, ..self.fewer_racing(self.racing) }
    }

    /// The same, and has fewer elections.
    pub const fn fewer_elections(self, elections: i32) -> Self {
        Self { elections, ..self.less_exposed(self.exposed) }
    }

    /// Whether it is nothing but elections, none of which may wait for a server that is late.
    pub fn elections_only(self) -> bool {
        self.lossy == 0 && self.outages == 0 && self.late == 0
    }

    /// Whether it is nothing but elections, each of which begins at once.
    pub fn at_once_only(self) -> bool {
        self.elections_only() && self.slow == 0
    }

    /// Whether everything that costs less is nothing but elections.
    pub fn admits_only_elections(self) -> bool {
        self <= Self::NONE.fewer_late(1)
    }

    /// What the ends of a restart that are not the likeliest have to cost less than: they count for the writes that they may lose, for
    /// their outages, and for elections that may be late.
    pub fn other(self) -> Self {
        let fewer = self.fewer_late(self.late);
        if self <= fewer { fewer } else { self.fewer_late(self.late + 1) }
    }

    /// What is left of a limit: costs are compared field by field, so what is spent can be taken off each.
    pub fn minus(self, spent: Self) -> Self {
        Self {
            lossy: self.lossy - spent.lossy,
            outages: self.outages - spent.outages,
            late: self.late - spent.late,
            slow: self.slow - spent.slow,
            racing: self.racing - spent.racing,
            exposed: self.exposed - spent.exposed,
            elections: self.elections - spent.elections,
            restarts: self.restarts - spent.restarts,
            thin: self.thin - spent.thin,
            looking: self.looking - spent.looking,
            open: self.open - spent.open,
            together: self.together - spent.together,
        }
    }

    /// Both, one after the other.
    pub fn plus(self, other: Self) -> Self {
        Self {
            lossy: self.lossy + other.lossy,
            outages: self.outages + other.outages,
            late: self.late + other.late,
            slow: self.slow + other.slow,
            racing: self.racing + other.racing,
            exposed: self.exposed + other.exposed,
            elections: self.elections + other.elections,
            restarts: self.restarts + other.restarts,
            thin: self.thin + other.thin,
            looking: self.looking + other.looking,
            open: self.open + other.open,
            together: self.together + other.together,
        }
    }

    /// What it costs at the least to restart so many servers, one of them in an election where `elects` is true.
    pub fn at_least(lists: &Lists, restarts: i32, elects: bool) -> Self {
        // Of three servers one is enough to have no spare.
        let spareless = if lists.spare() <= 1 { restarts } else { 0 };
        let (exposed, thin) = lists.exposed(spareless, 0);
        Self { exposed, elections: i32::from(elects), restarts, thin, ..Self::NONE }
    }

    /// What one restart costs that comes to this.
    pub fn of(lists: &Lists, before: State, group: Set, outcome: &Outcome) -> Self {
        let leader = outcome.state.leader.map(usize::from);
        let after = leader.map_or(0, |leader| lists.counted(outcome.state.moved, leader, outcome.state.serving));
        let size = count(group);
        let slow = i32::from(outcome.election && before.leader.is_some_and(|leader| group & (1 << leader) == 0));
        let (exposed, thin) =
            lists.exposed(i32::from(outcome.counted_while_down <= lists.majority), i32::from(after <= lists.majority));
        Self {
            lossy: i32::from(outcome.lossy),
            outages: i32::from(outcome.lost_while_down || before.leader.is_none() || outcome.state.leader.is_none()),
            late: i32::from(outcome.late),
            slow,
            racing: count(outcome.racing(lists, group)),
            exposed,
            elections: i32::from(outcome.election),
            thin,
            restarts: size,
            looking: count(lists.all() & !outcome.state.serving),
            open: 0,
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
            total.lossy = total.lossy.max(other.lossy);
            total.outages = total.outages.max(other.outages);
            total.late = total.late.max(other.late);
        }
        total.open += open;
        total
    }
}

impl Lists {
    /// What so many restarts and pauses without a spare count, before elections and after them.
    fn exposed(&self, restarts: i32, pauses: i32) -> (i32, i32) {
        let Exposure { restart, pause } = self.exposure;
        // Where an election may take longer than a restart, fewer of them weigh more.
        match (self.max_down > 1 || self.rules.waits_for_the_late(), 4 * pause < restart) {
            (false, true) => (restarts * restart, pauses * pause),
            (false, false) => (restarts * restart + pauses * pause, 0),
            (true, _) => (0, restarts * restart + pauses * pause),
        }
    }
}

/// How many are in a set.
pub fn count(set: Set) -> i32 {
    i32::try_from(set.count_ones()).unwrap_or(i32::MAX)
}
