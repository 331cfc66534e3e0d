//! The lists of servers of an ensemble while it gets another one, and who hears whom by them.
//!
//! From the code of 3.4.14 (`QuorumCnxManager`, `FastLeaderElection`); what differs in 3.5 and later is marked.
//!
//! *Channels.* Elections are held over one connection for each pair of servers, which the one with the higher id
//! opens. Who opens one labels it by its own list and never learns the other's true id; who accepts one labels it with
//! the id that it is told. A server that is called by one with a lower id hangs up and calls back: 3.4 at the address
//! that its own list has for that id, 3.5 and later at the address that the caller has told.
//! So a server `a` hears `b`, with `a`'s id the higher, when `a`'s list has `b` under a lower id than `a`'s own, and
//! then under that id; with `a`'s id the lower, when `b`'s list has `a` under `a`'s id (3.4), and then under `b`'s id.
//! Two servers with one id never hear each other.
//! Who looks calls everybody of its list, so that a server hears one that looks, too, when that one's list has it under a
//! lower id than that one's own, without being called back.
//! On 3.4 a call that is answered by the list may reach a third server: `c`, which looks, calls `b`; `b` hangs up and
//! calls whoever its own list has under `c`'s id. That server then hears `b`. Who looks keeps calling, so it happens
//! within seconds. (Seen in the recorded runs.) Where both have one id, only what `b` last said to that id comes through:
//! seen to make a server join in one run and not in another, so the model does not count on it.

use std::cmp::Reverse;

use super::cost::Exposure;
use super::versions::Rules;

/// A set of servers, by their number.
pub type Set = u16;

/// Servers are numbered in the order of their addresses; ZooKeeper's rules do not depend on it.
pub type Server = usize;

/// An ensemble of at most nine servers: more than DC/OS ever had.
pub const MOST: usize = 9;

/// Ranks of ids, a bit for each.
pub type Ranks = u32;

/// Under which rank servers hear each other, none where they do not: by the list of who hears, itself, the other's list, the other.
type Labels = [[[[Ranks; MOST]; 2]; MOST]; 2];

/// Two lists of servers, the one before a stage and the one after it, and what follows from them.
#[derive(Clone, Debug)]
pub struct Lists {
    /// How many servers there are.
    pub count: usize,
    /// How many different ids a quorum needs.
    pub majority: u32,
    pub(super) rules: Rules,
    /// How much a time without a spare counts.
    pub exposure: Exposure,
    /// How many servers may be down at once by plan.
    pub max_down: u32,
    /// Ids as ranks among all ids of both lists, by list and server.
    pub(super) ids: [[u8; MOST]; 2],
    /// The server of a rank, by list.
    owners: [[Option<u8>; 2 * MOST]; 2],
    /// The ranks that a list has.
    listed: [Ranks; 2],
    /// Under which rank a server that looks hears another one that serves: by its list, itself, the other's list, the other.
    heard: Labels,
    /// The same, where the other one looks too.
    heard_looking: Labels,
    /// Whom a server that looks hears of those that look: by its list, itself, and the others' list.
    hears_looking: [[[Set; 2]; MOST]; 2],
    /// The servers, those first that get the highest ids.
    pub(super) highest_first: [u8; MOST],
    /// In which order a server calls the others: by its list and them. Those with the same number come in any order.
    pub(super) turns: [[u8; MOST]; 2],
}

/// Where a server of this id has its turn among those that another one calls: the lists are kept in a `HashMap` of sixteen.
fn turn(id: u8) -> u8 {
    id % 16
}

/// The ids of a list, with which what is known of it is found: zeros after the last.
pub type Ids = [u8; MOST];

/// The ids of a list of at most [`MOST`].
pub fn packed(list: &[u8]) -> Ids {
    let mut ids = [0; MOST];
    ids.iter_mut().zip(list).for_each(|(place, id)| *place = *id);
    ids
}

/// The members of a set.
pub fn members(set: Set) -> impl Iterator<Item = Server> {
    let mut left = set;
    std::iter::from_fn(move || {
        let server = (left != 0).then(|| left.trailing_zeros() as usize)?;
        left &= left - 1;
        Some(server)
    })
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
            exposure: Exposure::default(),
            max_down: 2,
            ids: [[0; MOST]; 2],
            owners: [[None; 2 * MOST]; 2],
            listed: [0; 2],
            heard: [[[[0; MOST]; 2]; MOST]; 2],
            heard_looking: [[[[0; MOST]; 2]; MOST]; 2],
            hears_looking: [[[0; 2]; MOST]; 2],
            highest_first: [0, 1, 2, 3, 4, 5, 6, 7, 8],
            turns: [[0; MOST]; 2],
        };
        for (version, list) in [before, after].into_iter().enumerate() {
            for (server, id) in list.iter().take(count).enumerate() {
                lists.ids[version][server] = rank(id);
                lists.turns[version][server] = turn(*id);
                lists.owners[version][usize::from(rank(id))] = u8::try_from(server).ok();
                lists.listed[version] |= 1 << rank(id);
            }
        }
        let highest = lists.ids[1];
        lists.highest_first[..count].sort_by_key(|server| Reverse(highest[usize::from(*server)]));
        for own in 0..2 {
            for server in 0..count {
                for others in 0..2 {
                    for other in (0..count).filter(|other| *other != server) {
                        let hears = |looks| lists.hears((own, server), (others, other), looks);
                        let (serving, looking) = (hears(false), hears(true));
                        lists.heard[own][server][others][other] = serving;
                        lists.heard_looking[own][server][others][other] = looking;
                        lists.hears_looking[own][server][others] |= Set::from(looking != 0) << other;
                    }
                }
            }
        }
        lists
    }

    /// The same, where a time without a spare counts so much, and so many may be down at once by plan.
    pub fn within(self, exposure: Exposure, max_down: u32) -> Self {
        Self { exposure, max_down, ..self }
    }

    /// The label under which a server that looks hears another, each with its list; none where it does not.
    fn hears(&self, (own, server): (usize, Server), (others, other): (usize, Server), looks: bool) -> Ranks {
        let (id, other_id) = (self.ids[own][server], self.ids[others][other]);
        let label = if id > other_id {
            Some(self.ids[own][other]).filter(|label| *label < id)
        } else if id < other_id {
            let calls = looks && self.ids[others][server] < other_id;
            let calls_back = !self.rules.calls_back_by_list() || self.owner(others, id) == Some(server);
            (calls || calls_back).then_some(other_id)
        } else {
            None
        };
        // A vote from an id that is not in the own list is an observer's, and does not count.
        label.map_or(0, |label| 1 << label & self.listed[own])
    }

    /// Who has this rank in a list.
    pub(super) fn owner(&self, version: usize, rank: u8) -> Option<Server> {
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

    /// Those whose list has this rank.
    pub(super) fn listing(&self, moved: Set, rank: u8) -> Set {
        self.whose(moved, |version| self.listed[version] & 1 << rank != 0)
    }

    /// Those whose list has this server under this rank.
    pub(super) fn finding(&self, moved: Set, server: Server, rank: u8) -> Set {
        self.whose(moved, |version| self.owner(version, rank) == Some(server))
    }

    /// Those of whose list something holds.
    fn whose(&self, moved: Set, holds: impl Fn(usize) -> bool) -> Set {
        (if holds(0) { self.all() & !moved } else { 0 }) | if holds(1) { moved } else { 0 }
    }

    /// The ranks of the servers' ids.
    pub(super) fn ranks(&self, moved: Set, servers: Set) -> Ranks {
        members(servers).fold(0, |ranks, server| ranks | 1 << self.id(moved, server))
    }

    /// The ranks that are in a server's list.
    pub(super) fn listed(&self, moved: Set, server: Server) -> Ranks {
        self.listed[version(moved, server)]
    }

    /// Under which rank a server that looks hears another one that serves; none where it does not.
    pub(super) fn label(&self, moved: Set, server: Server, other: Server) -> Ranks {
        self.heard[version(moved, server)][server][version(moved, other)][other]
    }

    /// Under which ranks a server that looks hears these, which look too.
    pub(super) fn vote_labels(&self, moved: Set, server: Server, others: Set) -> Ranks {
        let heard = &self.heard_looking[version(moved, server)][server];
        members(others).fold(0, |labels, other| labels | heard[version(moved, other)][other])
    }

    /// Whether a server that looks hears one of these, which look too.
    pub(super) fn hears_vote(&self, moved: Set, server: Server, others: Set) -> bool {
        let [before, after] = self.hears_looking[version(moved, server)][server];
        (before & !moved | after & moved) & others != 0
    }
}

/// Which of both lists a server has.
pub(super) fn version(moved: Set, server: Server) -> usize {
    usize::from(moved & (1 << server) != 0)
}
