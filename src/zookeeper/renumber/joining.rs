//! Who joins those that serve, while the servers' lists differ.
//!
//! From the code of 3.4.14 (`FastLeaderElection`, `Learner`, `QuorumCnxManager`); what differs in 3.5 and later is marked.
//!
//! *Joining.* A server that looks for a leader joins one that serves when servers under more than n/2 different ids
//! tell it the same leader, the leader itself among them under its own id, and when the server's own list has the
//! leader under that id: it goes to that address. Its own vote does not count.
//! What one that looks says does not wipe out what those that serve have said. So another one that looks, and takes a
//! connection of the server's over, only delays it on 3.8, and so does another one with the same id on both; on 3.4, who
//! is connected under an id is not called again, and the server may never hear the one that has the id by right.
//! Where its list has another server under the leader's id, it goes there in vain, for four seconds and again and
//! again: until the leader is gone it is hardly ever there for an election, also where one that looks takes the leader's
//! connection over in between: who begins to look anew calls the leader anew, under whatever id it has it. (Seen in the
//! lab.)
//! On 3.4 a server that was just started calls the others one after the other, in the order in which its list is kept. One
//! that it called early may have called it back, under the id that its list has for another one, before that one's turn
//! comes: that one is then never called, and is not heard if it has a higher id and so would have had to call back. Which of
//! the two comes first is a race, lost in four of nine runs. (Seen in the lab. From 3.6 on all are called at once.)

use super::lists::{Lists, Ranks, Server, Set, members, version};
use super::state::State;

/// What servers that look depend on, besides those that serve.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// Who has the new list.
    pub moved: Set,
    /// Who looks.
    pub looking: Set,
    /// Who has just been started.
    pub fresh: Set,
    /// Who does not join.
    pub deaf: Set,
}

impl Lists {
    /// Whether a server that looks joins those that serve, whatever others do that look too.
    fn joins(&self, at: Moment, server: Server, serving: Set, leader: Server) -> bool {
        at.deaf & (1 << server) == 0
            && self.finding(at.moved, leader, self.id(at.moved, leader)) & 1 << server != 0
            && self.follows(at, server, serving, leader, self.contested(at, server), |_| true)
    }

    /// Whether a server that was just started hears this one only if it calls it before somebody calls back who has, as its own,
    /// the id that the server's list has for it.
    fn races(&self, moved: Set, server: Server, other: Server) -> bool {
        let own = version(moved, server);
        let (id, listed) = (self.ids[own][server], self.ids[own][other]);
        self.rules.calls_in_turn()
            && id < self.id(moved, other)
            && id < listed
            && members(self.all() & !(1 << server | 1 << other)).any(|rival| {
                self.id(moved, rival) == listed
                    && (!self.rules.calls_back_by_list() || self.owner(version(moved, rival), id) == Some(server))
                    && self.turns[own][rival] <= self.turns[own][other]
            })
    }

    /// Who of those that were just started has joined only if it called somebody in time.
    pub(super) fn racing(&self, moved: Set, fresh: Set, serving: Set, leader: Server) -> Set {
        let surely = |server: Server| {
            let serving = serving & !(1 << server);
            let at = Moment { moved, looking: self.all() & !serving, fresh, deaf: 0 };
            self.follows(at, server, serving, leader, self.contested(at, server), |other| {
                !self.races(moved, server, other)
            })
        };
        members(fresh & serving)
            .filter(|server| *server != leader && !surely(*server))
            .fold(0, |racing: Set, server| racing | 1 << server)
    }

    /// Those who look, hear enough of a leader to follow it, and go to another server.
    pub(super) fn astray(&self, before: State) -> Set {
        let Some(leader) = before.leader.map(usize::from) else { return 0 };
        let looking = self.all() & !before.serving;
        let led_by = self.id(before.moved, leader);
        let at = Moment { moved: before.moved, looking, fresh: 0, deaf: 0 };
        let elsewhere = self.listing(before.moved, led_by) & !self.finding(before.moved, leader, led_by);
        members(looking & elsewhere)
            .filter(|server| self.follows(at, *server, before.serving, leader, 0, |_| true))
            .fold(0, |astray: Set, server| astray | 1 << server)
    }

    /// The labels under which a server that looks may hear another one that looks, and not the one that has the id by right.
    fn contested(&self, at: Moment, server: Server) -> Ranks {
        let rivals = if self.rules.calls_in_turn() { at.looking & !(1 << server) } else { 0 };
        members(rivals).fold(0, |labels, rival| labels | self.label(at.moved, server, rival))
    }

    /// Whether a server that looks hears enough of a leader to follow it, without what it hears under these labels, and from
    /// those only that count.
    fn follows(
        &self,
        at: Moment,
        server: Server,
        serving: Set,
        leader: Server,
        contested: Ranks,
        counts: impl Fn(Server) -> bool,
    ) -> bool {
        let Moment { moved, .. } = at;
        let led_by = self.id(moved, leader);
        if led_by == self.id(moved, server) {
            return false;
        }
        let (mut heard, mut leads): (Ranks, bool) = (0, false);
        for other in members(serving) {
            let called = self.label(moved, server, other);
            let called = if called != 0 && counts(other) { called } else { self.misdirected(at, server, other) };
            let label = called & !contested;
            heard |= label;
            leads |= other == leader && label == 1 << led_by;
        }
        leads && heard.count_ones() >= self.majority
    }

    /// The label, if there is one, under which a server hears another that calls it back in the place of one that looks and has, as its own,
    /// the id that the other's list has for the server. Where each of the two is called in the place of the other, only the
    /// one hears it that was there before: the one that has come keeps calling, and the other one has no need to.
    fn misdirected(&self, at: Moment, server: Server, other: Server) -> Ranks {
        let Moment { moved, looking, fresh, .. } = at;
        let other_id = self.id(moved, other);
        let listed = self.ids[version(moved, other)][server];
        let called = self.rules.calls_back_by_list()
            && self.id(moved, server) < other_id
            && listed < other_id
            && members(looking & !(1 << server)).any(|caller| {
                let exchanged = self.owner(version(moved, other), self.id(moved, server)) == Some(caller);
                let before = fresh & (1 << server) == 0 && fresh & (1 << caller) != 0;
                self.id(moved, caller) == listed && (!exchanged || before)
            });
        if called { 1 << other_id & self.listed(moved, server) } else { 0 }
    }

    /// Lets everybody who is up and looks join who can; gives who serves then.
    pub(super) fn settle(&self, at: Moment, up: Set, serving: Set, leader: Server) -> Set {
        let mut serving = serving;
        loop {
            let looking = up & !serving;
            let at = Moment { looking, ..at };
            let joined = members(looking)
                .filter(|server| self.joins(at, *server, serving, leader))
                .fold(0, |joined: Set, server| joined | 1 << server);
            if joined == 0 {
                return serving;
            }
            serving |= joined;
        }
    }

    /// Who looks and could join those that serve.
    pub fn could_join(&self, state: State) -> Set {
        let at = Moment { moved: state.moved, looking: 0, fresh: 0, deaf: 0 };
        let joined = |leader| self.settle(at, self.all(), state.serving, usize::from(leader));
        state.leader.map_or(0, |leader| joined(leader) & !state.serving)
    }
}
