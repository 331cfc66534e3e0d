//! Whom servers elect while their lists differ, and what a restart comes to.
//!
//! From the code of 3.4.14 (`FastLeaderElection`, `Learner`, `Leader`); what differs in 3.5 and later is marked.
//!
//! *Electing.* Servers that all look adopt the highest vote they hear: by epoch, by last transaction, by id. A vote is a
//! number: who has that id leads, whoever cast the vote, and whoever adopted it goes to the address that its own list
//! has for it. So a vote that one server casts can elect another server, with older data, which nobody can follow
//! for `initLimit` ticks: 20 seconds.
//! From 3.6.3 to 3.9.2 a server with older data than the elected one may be late: where it has the missing transactions to
//! write, what it acknowledges of them may come before its answer to the new leader, which then waits in vain for
//! that, for `initLimit` ticks (ZOOKEEPER-4685, and seen on 3.8). While clients write, those that served differ by what was on its
//! way when the leader ended, so that every election may be late; one for which those that served until now are not enough
//! most likely is, because the others have much to write.
//!
//! *Losing writes.* A server that is late has written down the new epoch (`QuorumPeer.setCurrentEpoch`), and forgets what it was sent when it
//! gives up after `syncLimit` ticks: its shutdown is not carried out, because it never began to serve (`ZooKeeperServer.canShutdown`@3.8.0), so
//! that its database stays as it was. Its vote is then above all others but those of who took part in the same attempt. So where those others,
//! with who comes back, can elect it without the leader that still waits, all is lost that was written since it served last.
//!
//! *Serving.* A leader counts the ids that its followers say they have, and keeps its quorum as long as more than n/2
//! different ids follow, itself included. On 3.4 it looks at no list; from 3.5 on it counts only ids that its own list
//! has, and others follow without being counted. Established followers are not disturbed by elections of others.
//! A leader that loses its quorum notices within a tick, looks like the others, and they elect it if it is there to be
//! elected. So one that is to be stopped together with a follower that carries the quorum is stopped in the same moment,
//! and only where neither of the two would be elected.
//!
//! Which of several servers that served until now has seen the last transaction depends on the moment. The model takes
//! every one of them for possible, and an election as certain only when each of these votes ends in a quorum. A server
//! that was restarted and has not joined since has older data than those that served: the ensemble is written to, by its
//! clients, or by the playbook before such an election.

use std::cmp::Reverse;

use super::joining::Moment;
use super::lists::{Lists, Ranks, Server, Set, members};
use super::state::State;

/// Who leads, and who serves then.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Elected {
    leader: Server,
    serving: Set,
    /// Those without whom there is no quorum, and who did not serve: they may be late.
    older: Set,
}

/// What an election, or waiting, leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The state afterwards.
    pub state: State,
    /// Nobody leads while the servers are down.
    pub lost_while_down: bool,
    /// Whoever is elected then needs a server that did not serve, and may be late.
    pub late: bool,
    /// That server may be elected itself, and writes be lost.
    pub lossy: bool,
    /// There is an election.
    pub election: bool,
    /// Who takes part in it while the servers are down.
    pub electing: Set,
    /// Who serves while the servers are down.
    pub serving_down: Set,
    /// How many of them, and of different ids, their leader counts.
    pub counted_while_down: u32,
    /// Who leads while the servers are down.
    pub leader_while_down: Option<u8>,
}

impl Outcome {
    /// Whether nothing is lost but the time of an election, which waits for nobody.
    pub fn elections_only(&self) -> bool {
        !self.lost_while_down && !self.late && !self.lossy && self.state.leader.is_some()
    }

    /// Who of the `group` that was restarted joins only if it calls somebody in time.
    pub fn racing(&self, lists: &Lists, group: Set) -> Set {
        let State { moved, serving, leader, .. } = self.state;
        let leader = leader.filter(|_| !self.lost_while_down);
        leader.map_or(0, |leader| lists.racing(moved, group, serving, usize::from(leader)))
    }
}

impl Lists {
    /// How many different ids a leader counts among those who follow it, and itself.
    pub fn counted(&self, moved: Set, leader: Server, serving: Set) -> u32 {
        let counted = if self.rules.counts_by_list() { self.listed(moved, leader) } else { Ranks::MAX };
        (self.ranks(moved, serving) & counted).count_ones()
    }

    /// How many different ids a leader counts while it forms its quorum.
    fn forming(&self, moved: Set, leader: Server, followers: Set) -> u32 {
        let counted = if self.rules.forms_by_list() { self.listed(moved, leader) } else { Ranks::MAX };
        (self.ranks(moved, followers) & counted).count_ones()
    }

    /// Who adopts the vote of `candidate`, the highest of those that the others hear.
    fn adopted(&self, moved: Set, up: Set, candidate: Server) -> Set {
        let vote = self.id(moved, candidate);
        let takers = if self.rules.adopts_strangers() { up } else { up & self.listing(moved, vote) };
        let mut adopted: Set = 1 << candidate;
        loop {
            let more = members(takers & !adopted)
                .filter(|server| self.hears_vote(moved, *server, adopted))
                .fold(0, |more: Set, server| more | 1 << server);
            if more == 0 {
                return adopted;
            }
            adopted |= more;
        }
    }

    /// What the votes of those who look come to, when `candidate` has the highest. `newest` have the newest data.
    fn elected(&self, moved: Set, up: Set, newest: Set, candidate: Server) -> Option<Elected> {
        let adopted = self.adopted(moved, up, candidate);
        let has_quorum = |server: Server| {
            let own: Ranks = 1 << self.id(moved, server);
            (own | self.vote_labels(moved, server, adopted & !(1 << server))).count_ones() >= self.majority
        };
        if !has_quorum(candidate) {
            return None;
        }
        // Who has the same id finds itself.
        let followers =
            members(adopted & !(1 << candidate) & self.finding(moved, candidate, self.id(moved, candidate)))
                .filter(|server| has_quorum(*server))
                .fold(0, |followers: Set, server| followers | 1 << server);
        let serving = followers | 1 << candidate;
        let forms = |followers: Set| {
            self.forming(moved, candidate, followers) >= self.majority
                && self.counted(moved, candidate, followers) >= self.majority
        };
        let known = newest | 1 << candidate;
        let older = if self.rules.waits_for_the_late() && !forms(serving & known) { serving & !known } else { 0 };
        forms(serving).then_some(Elected { leader: candidate, serving, older })
    }

    /// Whether one that this leader needs, and that is late, may be elected in its place once all are up: by those that have not taken part in
    /// the leader's attempt, or are late too.
    fn loses_writes(&self, moved: Set, elected: Elected) -> bool {
        let Elected { leader, serving, older } = elected;
        let voters = self.all() & !(1 << leader) & !(serving & !older);
        members(older).any(|server| self.elected(moved, voters, voters, server).is_some())
    }

    /// What an election of those who are up may come to: the likeliest first. `newest` have the newest data. Nothing where it must be
    /// `lossless` and may end without a leader.
    fn elections(&self, moved: Set, up: Set, newest: Set, lossless: bool) -> Option<Vec<Option<Elected>>> {
        let mut found: Vec<Option<Elected>> = Vec::new();
        self.vote(moved, up, newest, &mut |outcome| {
            if !found.contains(&outcome) {
                found.push(outcome);
            }
            !lossless || outcome.is_some()
        })
        .then(|| if found.is_empty() { vec![None] } else { found })
    }

    /// Gives `each` what an election may come to, the likeliest first, as long as it says to go on; whether it has said so to the end.
    fn vote(&self, moved: Set, up: Set, newest: Set, each: &mut impl FnMut(Option<Elected>) -> bool) -> bool {
        let newest = if newest & up == 0 { up } else { newest & up };
        let mut left = newest;
        while let Some(candidate) = members(left).min_by_key(|server| Reverse(self.id(moved, *server))) {
            left &= !(1 << candidate);
            let outcome = self.elected(moved, up, newest, candidate);
            // Whom nobody has in its list, nobody hears: the others elect as if it were not there.
            let unheard = outcome.is_none()
                && !self.rules.adopts_strangers()
                && self.unlisted(moved, up & !(1 << candidate), candidate)
                && up.count_ones() > self.majority;
            let go_on = if unheard {
                self.vote(moved, up & !(1 << candidate), newest & !(1 << candidate), each)
            } else {
                each(outcome)
            };
            if !go_on {
                return false;
            }
        }
        true
    }

    /// Whether none of these has in its list the id that this server claims.
    fn unlisted(&self, moved: Set, others: Set, server: Server) -> bool {
        self.listing(moved, self.id(moved, server)) & others == 0
    }

    /// Whether it takes an election to stop these.
    pub fn elects(&self, before: State, group: Set) -> bool {
        let leads = before.leader.map(usize::from).filter(|leader| group & (1 << leader) == 0);
        leads.is_none_or(|leader| self.counted(before.moved, leader, before.serving & !group) < self.majority)
    }

    /// Whether the leader, which is stopped last, has no quorum once the others of the group are stopped. It notices within a
    /// tick, unless it is stopped first: they are stopped at once.
    pub fn at_once(&self, before: State, group: Set) -> bool {
        let Some(leader) = before.leader.map(usize::from) else { return false };
        let others = group & !(1 << leader);
        group != others && others != 0 && self.counted(before.moved, leader, before.serving & !others) < self.majority
    }

    /// Whether one of those who are stopped at once would be elected in the moment in which one of them is still there. Who is
    /// elected by others whom it hears and is gone then, they try to follow for seconds.
    ///
    /// Here the data of those that served is taken for the same: that they differ just in this moment, and one of them is still
    /// there long enough to be elected, takes two things at once that are both rare.
    fn elected_and_gone(&self, before: State, group: Set, up: Set) -> bool {
        let Some(leader) = before.leader.map(usize::from) else { return false };
        [group & !(1 << leader), 1 << leader].into_iter().any(|first| {
            let rest = group & !first;
            let newest = (before.serving & !first) | rest;
            let Some(winner) = members(newest).max_by_key(|server| self.id(before.moved, *server)) else { return true };
            let stays = self.elected(before.moved, up | rest, newest, winner).is_some_and(|elected| {
                elected.older == 0 && self.counted(before.moved, winner, elected.serving & !rest) >= self.majority
            });
            rest & (1 << winner) != 0 || !stays
        })
    }

    /// Who serves under who was elected, once everybody is up and those who can have joined.
    fn settled(&self, at: Moment, elected: Elected) -> Elected {
        Elected { serving: self.settle(at, self.all(), elected.serving, elected.leader), ..elected }
    }

    /// Who elects when `group` is stopped; nobody has to while somebody leads.
    fn electing(&self, before: State, group: Set) -> Set {
        self.all() & !group & !before.absent & !self.astray(before)
    }

    /// How an ensemble stands after a restart of `group` that ended so, with an `election` or without.
    fn after(&self, before: State, group: Set, election: bool, end: Elected) -> State {
        State {
            moved: before.moved | group,
            serving: end.serving,
            leader: u8::try_from(end.leader).ok(),
            absent: if election { 0 } else { before.absent & !group & !end.serving },
            deaf: before.deaf & !group & !end.serving,
        }
    }

    /// Whether a restart of `group` with the new list costs nothing but the time of an election, which waits for nobody, whatever
    /// that comes to, and `then` is so of each state that it may come to.
    ///
    /// The same as is told by [`restart`](Self::restart) and [`Outcome::elections_only`], without all the rest that they tell.
    pub fn only_elects(&self, before: State, group: Set, mut then: impl FnMut(State) -> bool) -> bool {
        let mut ends = |elected: Elected, election: bool| {
            let deaf = before.deaf & !group;
            let down = Moment { moved: before.moved, looking: 0, fresh: 0, deaf };
            let now = Moment { moved: before.moved | group, looking: 0, fresh: group, deaf };
            let serving = self.settle(down, self.all() & !group, elected.serving, elected.leader);
            then(self.after(before, group, election, self.settled(now, Elected { serving, ..elected })))
        };
        let left = before.serving & !group;
        if let Some(leader) = before.leader.map(usize::from).filter(|_| !self.elects(before, group)) {
            return ends(Elected { leader, serving: left, older: 0 }, false);
        }
        let electing = self.electing(before, group);
        if self.at_once(before, group) && self.elected_and_gone(before, group, electing) {
            return false;
        }
        let mut last = None;
        let all = self.vote(before.moved, electing, left, &mut |outcome| {
            let Some(elected) = outcome.filter(|elected| elected.older == 0) else { return false };
            last.replace(elected) == Some(elected) || ends(elected, true)
        });
        all && last.is_some()
    }

    /// What a restart of `group` with the new list leads to, the likeliest first. The group is stopped together, the leader
    /// last; what remains elects where it has to; then the group is started.
    pub fn restart(&self, before: State, group: Set) -> Vec<Outcome> {
        self.restart_unless(before, group, false).unwrap_or_default()
    }

    /// The same, but nothing where it must be `lossless` and may lose the quorum: then the rest need not be known.
    pub fn restart_unless(&self, before: State, group: Set, lossless: bool) -> Option<Vec<Outcome>> {
        let all = self.all();
        let up = all & !group;
        let moved = before.moved | group;
        let left = before.serving & !group;
        let leads = before.leader.map(usize::from).filter(|_| !self.elects(before, group));
        let electing = if leads.is_some() { 0 } else { self.electing(before, group) };
        let middles = match leads {
            Some(leader) => vec![(Some(Elected { leader, serving: left, older: 0 }), false)],
            None if self.at_once(before, group) && self.elected_and_gone(before, group, electing) => vec![(None, true)],
            None => {
                self.elections(before.moved, electing, left, lossless)?.into_iter().map(|one| (one, true)).collect()
            }
        };
        if lossless && middles.iter().any(|(middle, _)| middle.is_none()) {
            return None;
        }
        let mut found: Vec<Outcome> = Vec::new();
        let deaf = before.deaf & !group;
        let then = Moment { moved: before.moved, looking: 0, fresh: 0, deaf };
        let now = Moment { moved, looking: 0, fresh: group, deaf };
        for (middle, election) in middles {
            let (down, ends) = match middle {
                Some(elected) => {
                    let serving = self.settle(then, up, elected.serving, elected.leader);
                    let down = Elected { serving, ..elected };
                    (Some(down), vec![(Some(self.settled(now, down)), self.loses_writes(moved, elected))])
                }
                None => {
                    let ends = self.elections(moved, all, before.serving, false).unwrap_or_default().into_iter();
                    let settled = |end: Option<Elected>| {
                        let lossy = end.is_some_and(|elected| self.loses_writes(moved, elected));
                        (end.map(|elected| self.settled(now, elected)), lossy)
                    };
                    (None, ends.map(settled).collect())
                }
            };
            for (end, lossy) in ends {
                let outcome = Outcome {
                    state: match end {
                        Some(end) => self.after(before, group, election, end),
                        None => State { deaf, ..State::new(moved, before.serving, None) },
                    },
                    lost_while_down: down.is_none(),
                    late: down.is_some_and(|down| down.older != 0),
                    lossy,
                    electing,
                    election,
                    serving_down: down.map_or(0, |down| down.serving),
                    counted_while_down: down.map_or(0, |down| self.counted(before.moved, down.leader, down.serving)),
                    leader_while_down: down.and_then(|down| u8::try_from(down.leader).ok()),
                };
                if !found.contains(&outcome) {
                    found.push(outcome);
                }
            }
        }
        Some(found)
    }
}
