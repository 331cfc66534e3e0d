//! How an ensemble of ZooKeeper servers behaves while their lists of servers differ: who hears whom, who joins, who is
//! elected. From the code of 3.4.14 (`QuorumCnxManager`, `FastLeaderElection`, `Learner`, `Leader`); rules that differ in
//! 3.5 and later are marked.
//!
//! 1. *Channels.* Elections are held over one connection for each pair of servers, which the one with the higher id
//!    opens. Who opens one labels it by its own list and never learns the other's true id; who accepts one labels it with
//!    the id that it is told. A server that is called by one with a lower id hangs up and calls back: 3.4 at the address
//!    that its own list has for that id, 3.5 and later at the address that the caller has told.
//!    So a server `a` hears `b`, with `a`'s id the higher, when `a`'s list has `b` under a lower id than `a`'s own, and
//!    then under that id; with `a`'s id the lower, when `b`'s list has `a` under `a`'s id (3.4), and then under `b`'s id.
//!    Two servers with one id never hear each other.
//!    Who looks calls everybody of its list, so that a server hears one that looks, too, when that one's list has it under a
//!    lower id than that one's own, without being called back.
//!    On 3.4 a call that is answered by the list may reach a third server: `c`, which looks, calls `b`; `b` hangs up and
//!    calls whoever its own list has under `c`'s id. That server then hears `b`. Who looks keeps calling, so it happens
//!    within seconds. (Seen in the recorded runs.) Where both have one id, only what `b` last said to that id comes through:
//!    seen to make a server join in one run and not in another, so the model does not count on it.
//! 2. *Joining.* A server that looks for a leader joins one that serves when servers under more than n/2 different ids
//!    tell it the same leader, the leader itself among them under its own id, and when the server's own list has the
//!    leader under that id: it goes to that address. Its own vote does not count.
//!    What one that looks says does not wipe out what those that serve have said. So another one that looks, and takes a
//!    connection of the server's over, only delays it on 3.8, and so does another one with the same id on both; on 3.4, who
//!    is connected under an id is not called again, and the server may never hear the one that has the id by right.
//!    Where its list has another server under the leader's id, it goes there in vain, for four seconds and again and
//!    again: until the leader is gone it is hardly ever there for an election, also where one that looks takes the leader's
//!    connection over in between: who begins to look anew calls the leader anew, under whatever id it has it. (Seen in the
//!    lab.)
//!    On 3.4 a server that was just started calls the others one after the other, in the order in which its list is kept. One
//!    that it called early may have called it back, under the id that its list has for another one, before that one's turn
//!    comes: that one is then never called, and is not heard if it has a higher id and so would have had to call back. Which of
//!    the two comes first is a race, lost in four of nine runs. (Seen in the lab. From 3.6 on all are called at once.)
//! 3. *Electing.* Servers that all look adopt the highest vote they hear: by epoch, by last transaction, by id. A vote is a
//!    number: who has that id leads, whoever cast the vote, and whoever adopted it goes to the address that its own list
//!    has for it. So a vote that one server casts can elect another server, with older data, which nobody can follow
//!    for `initLimit` ticks: 20 seconds.
//!    From 3.5 on a server with older data than the elected one may be late: where it has the missing transactions to
//!    write, what it acknowledges of them may come before its answer to the new leader, which then waits in vain for
//!    that, for `initLimit` ticks (ZOOKEEPER-4685, and seen on 3.8). Where those that served until now
//!    are not enough for a quorum, an election may be so late.
//! 4. *Serving.* A leader counts the ids that its followers say they have, and keeps its quorum as long as more than n/2
//!    different ids follow, itself included. On 3.4 it looks at no list; from 3.5 on it counts only ids that its own list
//!    has, and others follow without being counted. Established followers are not disturbed by elections of others. A leader that loses its quorum notices within a tick, looks like the others, and they elect it if it is
//!    there to be elected. So one that is to be stopped together with a follower that carries the quorum is stopped in the
//!    same moment, and only where neither of the two would be elected.
//!
//! Which of several servers that served until now has seen the last transaction depends on the moment. The model takes
//! every one of them for possible, and an election as certain only when each of these votes ends in a quorum. A server
//! that was restarted and has not joined since has older data than those that served: the ensemble is written to, by its
//! clients, or by the playbook before such an election.

/// A set of servers, by their number.
pub type Set = u16;

/// Servers are numbered in the order of their addresses; ZooKeeper's rules do not depend on it.
pub type Server = usize;

/// An ensemble of at most nine servers: more than DC/OS ever had.
pub const MOST: usize = 9;

/// What differs between the versions of ZooKeeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// 3.4: who is called by a lower id calls back by its own list.
    V34,
    /// 3.5 and later: who calls tells its address.
    V35,
}

/// Under which rank servers hear each other: by the list of who hears, itself, the other's list, the other.
type Labels = [[[[Option<u8>; MOST]; 2]; MOST]; 2];

/// Two lists of servers, the one before a stage and the one after it, and what follows from them.
#[derive(Clone, Debug)]
pub struct Lists {
    /// How many servers there are.
    pub count: usize,
    /// How many different ids a quorum needs.
    pub majority: u32,
    rules: Rules,
    /// Ids as ranks among all ids of both lists, by list and server.
    ids: [[u8; MOST]; 2],
    /// The server of a rank, by list.
    owners: [[Option<u8>; 2 * MOST]; 2],
    /// Under which rank a server that looks hears another one that serves: by its list, itself, the other's list, the other.
    heard: Labels,
    /// The same, where the other one looks too.
    heard_looking: Labels,
    /// In which order a server calls the others: by its list and them. Those with the same number come in any order.
    turns: [[u8; MOST]; 2],
}

/// What an ensemble looks like between two restarts. Everybody is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State {
    /// Who has the new list.
    pub moved: Set,
    /// Who leads or follows; when nobody leads, who has the newest data.
    pub serving: Set,
    /// Who leads.
    pub leader: Option<u8>,
    /// Who was seen not to take part in elections, as long as nobody else leads.
    pub absent: Set,
    /// Who has not joined though it could have: until it is started anew, only an election lets it in.
    pub deaf: Set,
}

/// What servers that look depend on, besides those that serve.
#[derive(Clone, Copy)]
struct Moment {
    /// Who has the new list.
    moved: Set,
    /// Who looks.
    looking: Set,
    /// Who has just been started.
    fresh: Set,
    /// Who does not join.
    deaf: Set,
}

/// Who leads, and who serves then.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Elected {
    leader: Server,
    serving: Set,
    /// Whether a quorum needs one that may be late.
    late: bool,
}

/// What an election, or waiting, leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The state afterwards.
    pub state: State,
    /// Nobody leads while the servers are down.
    pub lost_while_down: bool,
    /// Whoever is elected then needs a server that may be late.
    pub late: bool,
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
    /// Who of those that were restarted joins only if it calls somebody in time.
    pub racing: Set,
}

/// Where a server of this id has its turn among those that another one calls: the lists are kept in a `HashMap` of sixteen.
fn turn(id: u8) -> u8 {
    id % 16
}

/// The members of a set.
pub fn members(set: Set) -> impl Iterator<Item = Server> {
    (0..MOST).filter(move |server| set & (1 << server) != 0)
}

impl Lists {
    /// The lists `before` and `after` of the same servers: their ids, in the same order.
    pub fn new(before: &[u8], after: &[u8], rules: Rules) -> Self {
        let count = before.len().min(MOST);
        let mut all: Vec<u8> = before.iter().chain(after).copied().collect();
        all.sort_unstable();
        all.dedup();
        let rank = |id: &u8| u8::try_from(all.partition_point(|other| other < id)).unwrap_or(u8::MAX);
        let mut lists = Self {
            count,
            majority: u32::try_from(count / 2 + 1).unwrap_or(u32::MAX),
            rules,
            ids: [[0; MOST]; 2],
            owners: [[None; 2 * MOST]; 2],
            heard: [[[[None; MOST]; 2]; MOST]; 2],
            heard_looking: [[[[None; MOST]; 2]; MOST]; 2],
            turns: [[0; MOST]; 2],
        };
        for (version, list) in [before, after].into_iter().enumerate() {
            for (server, id) in list.iter().take(count).enumerate() {
                lists.ids[version][server] = rank(id);
                lists.turns[version][server] = turn(*id);
                lists.owners[version][usize::from(rank(id))] = u8::try_from(server).ok();
            }
        }
        for own in 0..2 {
            for server in 0..count {
                for others in 0..2 {
                    for other in (0..count).filter(|other| *other != server) {
                        let hears = |looks| lists.hears((own, server), (others, other), looks);
                        let (serving, looking) = (hears(false), hears(true));
                        lists.heard[own][server][others][other] = serving;
                        lists.heard_looking[own][server][others][other] = looking;
                    }
                }
            }
        }
        lists
    }

    /// Rule 1: the label under which a server that looks hears another, each with its list.
    fn hears(&self, (own, server): (usize, Server), (others, other): (usize, Server), looks: bool) -> Option<u8> {
        let (id, other_id) = (self.ids[own][server], self.ids[others][other]);
        let label = if id > other_id {
            Some(self.ids[own][other]).filter(|label| *label < id)
        } else if id < other_id {
            let calls = looks && self.ids[others][server] < other_id;
            let calls_back = self.rules == Rules::V35 || self.owner(others, id) == Some(server);
            (calls || calls_back).then_some(other_id)
        } else {
            None
        };
        // A vote from an id that is not in the own list is an observer's, and does not count.
        label.filter(|label| self.owner(own, *label).is_some())
    }

    fn owner(&self, version: usize, rank: u8) -> Option<Server> {
        self.owners[version][usize::from(rank)].map(usize::from)
    }

    /// All servers.
    pub fn all(&self) -> Set {
        (1 << self.count) - 1
    }

    /// How many servers the quorum can spare.
    pub fn spare(&self) -> u32 {
        u32::try_from(self.count).unwrap_or(u32::MAX) - self.majority
    }

    /// Whether both lists are the same.
    pub fn uniform(&self) -> bool {
        self.ids[0] == self.ids[1]
    }

    /// The rank of a server's id.
    pub fn id(&self, moved: Set, server: Server) -> u8 {
        self.ids[version(moved, server)][server]
    }

    fn label(&self, moved: Set, server: Server, other: Server) -> Option<u8> {
        self.heard[version(moved, server)][server][version(moved, other)][other]
    }

    fn vote_label(&self, moved: Set, server: Server, other: Server) -> Option<u8> {
        self.heard_looking[version(moved, server)][server][version(moved, other)][other]
    }

    /// Rule 4: how many different ids a leader counts among those who follow it, and itself.
    pub fn counted(&self, moved: Set, leader: Server, serving: Set) -> u32 {
        let listed = |id: u8| self.rules == Rules::V34 || self.owner(version(moved, leader), id).is_some();
        let ids = members(serving).map(|server| self.id(moved, server)).filter(|id| listed(*id));
        ids.fold(0_u32, |ids, id| ids | 1 << id).count_ones()
    }

    /// Rule 2: whether a server that looks joins those that serve, whatever others do that look too.
    fn joins(&self, at: Moment, server: Server, serving: Set, leader: Server) -> bool {
        at.deaf & (1 << server) == 0
            && self.owner(version(at.moved, server), self.id(at.moved, leader)) == Some(leader)
            && self.follows(at, server, serving, leader, self.contested(at, server), |_| true)
    }

    /// Whether a server that was just started hears this one only if it calls it before somebody calls back who has, as its own,
    /// the id that the server's list has for it.
    fn races(&self, moved: Set, server: Server, other: Server) -> bool {
        let own = version(moved, server);
        let (id, listed) = (self.ids[own][server], self.ids[own][other]);
        self.rules == Rules::V34
            && id < self.id(moved, other)
            && id < listed
            && members(self.all() & !(1 << server | 1 << other)).any(|rival| {
                self.id(moved, rival) == listed
                    && self.owner(version(moved, rival), id) == Some(server)
                    && self.turns[own][rival] <= self.turns[own][other]
            })
    }

    /// Who of those that were just started has joined only if it called somebody in time.
    fn racing(&self, moved: Set, fresh: Set, end: Elected) -> Set {
        let surely = |server: Server| {
            let serving = end.serving & !(1 << server);
            let at = Moment { moved, looking: self.all() & !serving, fresh, deaf: 0 };
            self.follows(at, server, serving, end.leader, self.contested(at, server), |other| {
                !self.races(moved, server, other)
            })
        };
        members(fresh & end.serving)
            .filter(|server| *server != end.leader && !surely(*server))
            .fold(0, |racing: Set, server| racing | 1 << server)
    }

    /// Those who look, hear enough of a leader to follow it, and go to another server.
    fn astray(&self, before: State) -> Set {
        let Some(leader) = before.leader.map(usize::from) else { return 0 };
        let looking = self.all() & !before.serving;
        let led_by = self.id(before.moved, leader);
        let at = Moment { moved: before.moved, looking, fresh: 0, deaf: 0 };
        members(looking)
            .filter(|server| self.owner(version(before.moved, *server), led_by).is_some_and(|there| there != leader))
            .filter(|server| self.follows(at, *server, before.serving, leader, 0, |_| true))
            .fold(0, |astray: Set, server| astray | 1 << server)
    }

    /// The labels under which a server that looks may hear another one that looks, and not the one that has the id by right.
    fn contested(&self, at: Moment, server: Server) -> u32 {
        members(at.looking & !(1 << server))
            .filter(|_| self.rules == Rules::V34)
            .filter_map(|rival| self.label(at.moved, server, rival))
            .fold(0, |labels, label| labels | 1 << label)
    }

    /// Whether a server that looks hears enough of a leader to follow it, without what it hears under these labels, and from
    /// those only that count.
    fn follows(
        &self,
        at: Moment,
        server: Server,
        serving: Set,
        leader: Server,
        contested: u32,
        counts: impl Fn(Server) -> bool,
    ) -> bool {
        let Moment { moved, .. } = at;
        let led_by = self.id(moved, leader);
        if led_by == self.id(moved, server) {
            return false;
        }
        let (mut heard, mut leads) = (0_u32, false);
        for other in members(serving) {
            let called = self.label(moved, server, other).filter(|_| counts(other));
            let label = called.or_else(|| self.misdirected(at, server, other));
            if let Some(label) = label.filter(|label| contested & (1 << *label) == 0) {
                heard |= 1 << label;
                leads |= other == leader && label == led_by;
            }
        }
        leads && heard.count_ones() >= self.majority
    }

    /// The label under which a server hears another that calls it back in the place of one that looks and has, as its own,
    /// the id that the other's list has for the server. Where each of the two is called in the place of the other, only the
    /// one hears it that was there before: the one that has come keeps calling, and the other one has no need to.
    fn misdirected(&self, at: Moment, server: Server, other: Server) -> Option<u8> {
        let Moment { moved, looking, fresh, .. } = at;
        let other_id = self.id(moved, other);
        let listed = self.ids[version(moved, other)][server];
        let called = self.rules == Rules::V34
            && self.id(moved, server) < other_id
            && listed < other_id
            && members(looking & !(1 << server)).any(|caller| {
                let exchanged = self.owner(version(moved, other), self.id(moved, server)) == Some(caller);
                let before = fresh & (1 << server) == 0 && fresh & (1 << caller) != 0;
                self.id(moved, caller) == listed && (!exchanged || before)
            });
        Some(other_id).filter(|id| called && self.owner(version(moved, server), *id).is_some())
    }

    /// Lets everybody who is up and looks join who can; gives who serves then.
    fn settle(&self, at: Moment, up: Set, serving: Set, leader: Server) -> Set {
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

    /// The same, with everybody up and those who can have joined.
    fn settled(&self, at: Moment, elected: Elected) -> Elected {
        Elected { serving: self.settle(at, self.all(), elected.serving, elected.leader), ..elected }
    }

    /// Rule 3: what the votes of those who look come to, when `candidate` has the highest. `newest` have the newest data.
    fn elected(&self, moved: Set, up: Set, newest: Set, candidate: Server) -> Option<Elected> {
        let vote = self.id(moved, candidate);
        let mut adopted: Set = 1 << candidate;
        loop {
            let more = members(up & !adopted)
                .filter(|server| self.owner(version(moved, *server), vote).is_some())
                .filter(|server| members(adopted).any(|other| self.vote_label(moved, *server, other).is_some()))
                .fold(0, |more: Set, server| more | 1 << server);
            if more == 0 {
                break;
            }
            adopted |= more;
        }
        let has_quorum = |server: Server| {
            let own = 1_u32 << self.id(moved, server);
            let heard = members(adopted & !(1 << server)).filter_map(|other| self.vote_label(moved, server, other));
            heard.fold(own, |ids, id| ids | 1 << id).count_ones() >= self.majority
        };
        if !has_quorum(candidate) {
            return None;
        }
        let followers = members(adopted & !(1 << candidate))
            .filter(|server| {
                self.id(moved, *server) != vote && self.owner(version(moved, *server), vote) == Some(candidate)
            })
            .filter(|server| has_quorum(*server))
            .fold(0, |followers: Set, server| followers | 1 << server);
        let serving = followers | 1 << candidate;
        let has_quorum = |serving: Set| self.counted(moved, candidate, serving) >= self.majority;
        let late = self.rules == Rules::V35 && !has_quorum(serving & (newest | 1 << candidate));
        has_quorum(serving).then_some(Elected { leader: candidate, serving, late })
    }

    /// What an election of those who are up may come to: the likeliest first. `newest` have the newest data.
    fn elections(&self, moved: Set, up: Set, newest: Set) -> Vec<Option<Elected>> {
        let mut candidates: Vec<Server> = members(newest & up).collect();
        candidates.sort_unstable_by_key(|server| std::cmp::Reverse(self.id(moved, *server)));
        if candidates.is_empty() {
            // Only those are up whose data is older: whoever of them has the newest.
            candidates = members(up).collect();
            candidates.sort_unstable_by_key(|server| std::cmp::Reverse(self.id(moved, *server)));
        }
        let mut found: Vec<Option<Elected>> = Vec::new();
        for candidate in candidates {
            let outcome = self.elected(moved, up, newest, candidate);
            if !found.contains(&outcome) {
                found.push(outcome);
            }
        }
        if found.is_empty() { vec![None] } else { found }
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
                !elected.late && self.counted(before.moved, winner, elected.serving & !rest) >= self.majority
            });
            rest & (1 << winner) != 0 || !stays
        })
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
        let electing = if leads.is_some() { 0 } else { up & !before.absent & !self.astray(before) };
        let middles = match leads {
            Some(leader) => vec![(Some(Elected { leader, serving: left, late: false }), false)],
            None if self.at_once(before, group) && self.elected_and_gone(before, group, electing) => vec![(None, true)],
            None => self.elections(before.moved, electing, left).into_iter().map(|one| (one, true)).collect(),
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
                    (Some(down), vec![Some(self.settled(now, down))])
                }
                None => {
                    let ends = self.elections(moved, all, before.serving).into_iter();
                    (None, ends.map(|end| end.map(|elected| self.settled(now, elected))).collect())
                }
            };
            for end in ends {
                let outcome = Outcome {
                    state: match end {
                        Some(end) => State {
                            moved,
                            serving: end.serving,
                            leader: u8::try_from(end.leader).ok(),
                            absent: if election { 0 } else { before.absent & !group & !end.serving },
                            deaf: deaf & !end.serving,
                        },
                        None => State { moved, serving: before.serving, leader: None, absent: 0, deaf },
                    },
                    lost_while_down: down.is_none(),
                    late: down.is_some_and(|down| down.late),
                    electing,
                    election,
                    serving_down: down.map_or(0, |down| down.serving),
                    counted_while_down: down.map_or(0, |down| self.counted(before.moved, down.leader, down.serving)),
                    leader_while_down: down.and_then(|down| u8::try_from(down.leader).ok()),
                    racing: match end {
                        Some(end) if down.is_some() => self.racing(moved, group, end),
                        _ => 0,
                    },
                };
                if !found.contains(&outcome) {
                    found.push(outcome);
                }
            }
        }
        Some(found)
    }
}

fn version(moved: Set, server: Server) -> usize {
    usize::from(moved & (1 << server) != 0)
}
