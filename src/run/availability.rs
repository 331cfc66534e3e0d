//! When a group of servers had a quorum and when it had none, from looks at them that were taken one by one.
//!
//! What a look says of a server is for its system to tell: that it leads, that it follows, or that it is no part of the quorum. A
//! server that leads or follows serves. A quorum is one leader and more than half of the servers serving. A look tells of one
//! server at one moment, and no two moments are the same: so a gap is as long as from the look that ended the quorum to the
//! one that found it again, and both ends may lie earlier by as much as the looks before them are old. That is a gap's
//! uncertainty, about one interval between two looks; it is measured and told, never assumed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The name of an event with a [`View`].
pub const MEMBERS: &str = "members";

/// The name of an event with an [`Availability`].
pub const AVAILABILITY: &str = "availability";

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It leads, in this epoch if it tells: what every election raises (Raft's term).
    Leads(Option<u64>),
    /// It follows.
    Follows,
    /// It was asked and does not serve: it looks for a leader, stands alone, observes, or does not run.
    Idle,
    /// It could not be asked: nobody knows whether it serves, and it counts as if it did not.
    Unseen,
}

/// A look at one server. Times are in milliseconds of one clock.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Which server, counted from 0.
    pub server: usize,
    /// When it was asked.
    pub asked_ms: u64,
    /// When the answer was there, or when it was no longer waited for.
    pub ended_ms: u64,
    /// What it found.
    pub found: Found,
}

/// The members as the latest looks show them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Who leads or follows.
    pub serving: Vec<String>,
    /// Who leads, in the newest epoch that is claimed.
    pub leader: Option<String>,
    /// The leader's epoch.
    pub epoch: Option<u64>,
    /// Whether there is one leader and more than half of the servers serve.
    pub quorum: bool,
    /// How many servers may stop serving before there is no quorum.
    pub spare: usize,
    /// Who can't be asked, and since when.
    pub unseen: Vec<Unseen>,
}

/// A server that can't be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// The server.
    pub host: String,
    /// When the first question went out that was not answered.
    pub since_ms: u64,
}

/// A time without a quorum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// When it began.
    pub began_ms: u64,
    /// How long it lasted.
    pub seconds: f64,
    /// How much earlier each of its ends may have been.
    pub uncertainty_seconds: f64,
    /// Who led before.
    pub leader_before: Option<String>,
    /// Who led after.
    pub leader_after: Option<String>,
    /// Whether another leads after it, or the same in a new epoch.
    pub election: bool,
    /// Whether it ended before the watching did.
    pub over: bool,
    /// Who could not be asked while it lasted: with them there may have been a quorum.
    pub unseen: Vec<String>,
}

/// Two servers that claimed to lead at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rivals {
    /// When both did.
    pub at_ms: u64,
    /// Who they are.
    pub leaders: Vec<Claimant>,
}

/// A server that claims to lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimant {
    /// The server.
    pub host: String,
    /// Its epoch.
    pub epoch: Option<u64>,
}

/// How long a server could not be asked, in all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blind {
    /// The server.
    pub host: String,
    /// How long.
    pub seconds: f64,
}

/// What came of watching a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Availability {
    /// The servers.
    pub hosts: Vec<String>,
    /// How long it was watched: from when each server had been looked at.
    pub watched_seconds: f64,
    /// The times without a quorum.
    pub gaps: Vec<Gap>,
    /// The longest of them.
    pub longest_gap_seconds: f64,
    /// All of them together.
    pub without_quorum_seconds: f64,
    /// How long there was a quorum that one more failure would have ended.
    pub without_spare_seconds: f64,
    /// How often a leader of a new epoch was seen, also where no gap was.
    pub elections: usize,
    /// Who led, one after the other.
    pub leaders: Vec<String>,
    /// Servers that claimed to lead at the same time.
    pub two_leaders: Vec<Rivals>,
    /// Who could not be asked, and how long.
    pub unseen: Vec<Blind>,
    /// How many looks were taken.
    pub looks: u64,
    /// How many of them could not ask.
    pub failed_looks: u64,
}

/// What a look made known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Noticed {
    /// The members, where they differ from before.
    pub view: Option<View>,
    /// Two leaders that were not known of.
    pub rivals: Option<Rivals>,
}

/// Looks, one after the other as they end, and what follows from them.
pub struct Timeline {
    servers: Vec<Server>,
    view: Option<View>,
    began_ms: Option<u64>,
    turned_ms: u64,
    gap: Option<Open>,
    gaps: Vec<Gap>,
    without_spare_ms: u64,
    led: Option<Leader>,
    newest: Option<Leader>,
    leaders: Vec<usize>,
    elections: usize,
    rivals: Vec<([Leader; 2], Rivals)>,
    looks: u64,
    failed: u64,
}

struct Server {
    name: String,
    found: Option<Found>,
    looked_ms: u64,
    unseen_since: Option<u64>,
    unseen_ms: u64,
    claim: Option<Claim>,
}

/// A server's claim to lead: it holds for sure from the end of the first look that found it to the beginning of the last one,
/// because who loses the lead gets it back only in a new epoch.
#[derive(Clone, Copy)]
struct Claim {
    epoch: Option<u64>,
    from_ms: u64,
    to_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leader {
    server: usize,
    epoch: Option<u64>,
}

/// A gap that is not over.
struct Open {
    began_ms: u64,
    uncertainty_ms: u64,
    before: Option<Leader>,
    unseen: BTreeSet<usize>,
}

/// What the latest look at each server amounts to.
#[derive(Default)]
struct Standing {
    serving: Vec<usize>,
    leader: Option<Leader>,
}

impl Timeline {
    /// A timeline of these servers, all voting members of one group.
    pub fn new(servers: impl IntoIterator<Item = String>) -> Self {
        let server = |name| Server { name, found: None, looked_ms: 0, unseen_since: None, unseen_ms: 0, claim: None };
        Self {
            servers: servers.into_iter().map(server).collect(),
            view: None,
            began_ms: None,
            turned_ms: 0,
            gap: None,
            gaps: Vec::new(),
            without_spare_ms: 0,
            led: None,
            newest: None,
            leaders: Vec::new(),
            elections: 0,
            rivals: Vec::new(),
            looks: 0,
            failed: 0,
        }
    }

    /// Whether a look was taken.
    pub fn has_begun(&self) -> bool {
        self.looks > 0
    }

    /// Takes the next look. Nothing is known before each server was looked at.
    pub fn take(&mut self, look: Look) -> Noticed {
        let oldest_ms = self.oldest(look.server);
        let Some(server) = self.servers.get_mut(look.server) else { return Noticed::default() };
        self.looks += 1;
        // An answer tells of the moment at which it was given; a question without one, of the moment at which it was put.
        let at_ms = if look.found == Found::Unseen { look.asked_ms } else { look.ended_ms };
        if look.found == Found::Unseen {
            self.failed += 1;
            server.unseen_since.get_or_insert(look.asked_ms);
        } else if let Some(since) = server.unseen_since.take() {
            server.unseen_ms += at_ms.saturating_sub(since);
        }
        if let Found::Leads(epoch) = look.found {
            match &mut server.claim {
                Some(claim) if claim.epoch == epoch && matches!(server.found, Some(Found::Leads(_))) => {
                    claim.to_ms = look.asked_ms;
                }
                claim => *claim = Some(Claim { epoch, from_ms: look.ended_ms, to_ms: look.asked_ms }),
            }
        }
        server.found = Some(look.found);
        server.looked_ms = at_ms;
        if self.servers.iter().any(|server| server.found.is_none()) {
            return Noticed::default();
        }
        if self.began_ms.is_none() {
            self.began_ms = Some(look.ended_ms);
            self.turned_ms = look.ended_ms;
            self.turn(look.ended_ms, 0)
        } else {
            self.turn(at_ms.max(self.turned_ms), at_ms.saturating_sub(oldest_ms))
        }
    }

    /// The time of the oldest look that still counts when this server is looked at again: what has happened since then may
    /// not have been noticed. Who is known to be unseen tells nothing and is not waited for.
    fn oldest(&self, looked_at: usize) -> u64 {
        let counts = |(index, server): &(usize, &Server)| *index == looked_at || server.found != Some(Found::Unseen);
        self.servers.iter().enumerate().filter(counts).map(|(_, server)| server.looked_ms).min().unwrap_or(0)
    }

    fn needed(&self) -> usize {
        self.servers.len() / 2 + 1
    }

    fn standing(&self) -> Standing {
        let claims: Vec<Leader> = self
            .servers
            .iter()
            .enumerate()
            .filter_map(|(server, known)| match known.found {
                Some(Found::Leads(epoch)) => Some(Leader { server, epoch }),
                _ => None,
            })
            .collect();
        // Who leads in an older epoch has been left by the majority, or was looked at before it was: it commits nothing.
        let newest = claims.iter().map(|claim| claim.epoch).max();
        let claims: Vec<Leader> = claims.into_iter().filter(|claim| Some(claim.epoch) == newest).collect();
        let serves = |(server, known): (usize, &Server)| match known.found {
            Some(Found::Follows) => Some(server),
            Some(Found::Leads(_)) => claims.iter().any(|claim| claim.server == server).then_some(server),
            _ => None,
        };
        let serving = self.servers.iter().enumerate().filter_map(serves).collect();
        let leader = match claims.as_slice() {
            [leader] => Some(*leader),
            _ => None,
        };
        Standing { serving, leader }
    }

    /// Draws the conclusions of a look that tells of this moment.
    fn turn(&mut self, at_ms: u64, uncertainty_ms: u64) -> Noticed {
        let standing = self.standing();
        let view = self.view_of(&standing);
        if let Some(leader) = standing.leader {
            self.lead(leader);
        }
        let before = self.view.as_ref().map(|view| (view.quorum, view.spare));
        if before != Some((view.quorum, view.spare)) {
            self.count_to(at_ms);
        }
        match (&mut self.gap, view.quorum) {
            (None, false) => {
                self.gap = Some(Open { began_ms: at_ms, uncertainty_ms, before: self.led, unseen: BTreeSet::new() });
            }
            (Some(gap), true) => {
                gap.uncertainty_ms = gap.uncertainty_ms.max(uncertainty_ms);
                self.close(at_ms, standing.leader);
            }
            _ => {}
        }
        if view.quorum {
            self.led = standing.leader;
        }
        if let Some(gap) = &mut self.gap {
            let unseen = self.servers.iter().enumerate().filter(|(_, server)| server.unseen_since.is_some());
            gap.unseen.extend(unseen.map(|(index, _)| index));
        }
        let rivals = self.rivals_of_now();
        let changed = self.view.as_ref() != Some(&view);
        if changed {
            self.view = Some(view.clone());
        }
        Noticed { view: changed.then_some(view), rivals }
    }

    fn view_of(&self, standing: &Standing) -> View {
        let quorum = standing.leader.is_some() && standing.serving.len() >= self.needed();
        View {
            serving: standing.serving.iter().map(|server| self.name(*server)).collect(),
            leader: standing.leader.map(|leader| self.name(leader.server)),
            epoch: standing.leader.and_then(|leader| leader.epoch),
            quorum,
            spare: if quorum { standing.serving.len() - self.needed() } else { 0 },
            unseen: self
                .servers
                .iter()
                .filter_map(|server| Some(Unseen { host: server.name.clone(), since_ms: server.unseen_since? }))
                .collect(),
        }
    }

    fn name(&self, server: usize) -> String {
        self.servers.get(server).map(|server| server.name.clone()).unwrap_or_default()
    }

    /// Counts the time that went by as the last view had it.
    fn count_to(&mut self, at_ms: u64) {
        if self.view.as_ref().is_some_and(|view| view.quorum && view.spare == 0) {
            self.without_spare_ms += at_ms.saturating_sub(self.turned_ms);
        }
        self.turned_ms = at_ms;
    }

    fn lead(&mut self, leader: Leader) {
        let newer = match (&self.newest, leader.epoch) {
            (None, _) => true,
            (Some(Leader { epoch: Some(known), .. }), Some(epoch)) => epoch > *known,
            (Some(known), _) => known.server != leader.server,
        };
        if !newer {
            return;
        }
        if self.newest.is_some() {
            self.elections += 1;
        }
        if self.leaders.last() != Some(&leader.server) {
            self.leaders.push(leader.server);
        }
        self.newest = Some(leader);
    }

    fn close(&mut self, at_ms: u64, after: Option<Leader>) {
        let Some(gap) = self.gap.take() else { return };
        let election = match (gap.before, after) {
            (Some(before), Some(after)) => before.server != after.server || after.epoch > before.epoch,
            _ => false,
        };
        self.gaps.push(Gap {
            began_ms: gap.began_ms,
            seconds: seconds(at_ms.saturating_sub(gap.began_ms)),
            uncertainty_seconds: seconds(gap.uncertainty_ms),
            leader_before: gap.before.map(|leader| self.name(leader.server)),
            leader_after: after.map(|leader| self.name(leader.server)),
            election,
            over: after.is_some(),
            unseen: gap.unseen.into_iter().map(|server| self.name(server)).collect(),
        });
    }

    /// Two servers whose claims to lead held at one time, unless that was told already.
    fn rivals_of_now(&mut self) -> Option<Rivals> {
        let claims: Vec<(usize, Claim)> =
            self.servers.iter().enumerate().filter_map(|(server, known)| Some((server, known.claim?))).collect();
        for (at, (one, first)) in claims.iter().enumerate() {
            for (other, second) in &claims[at + 1..] {
                let (from, to) = (first.from_ms.max(second.from_ms), first.to_ms.min(second.to_ms));
                let pair =
                    [(*one, first), (*other, second)].map(|(server, claim)| Leader { server, epoch: claim.epoch });
                if from > to || self.rivals.iter().any(|(known, _)| *known == pair) {
                    continue;
                }
                let leaders =
                    pair.map(|leader| Claimant { host: self.name(leader.server), epoch: leader.epoch }).to_vec();
                let rivals = Rivals { at_ms: to, leaders };
                self.rivals.push((pair, rivals.clone()));
                return Some(rivals);
            }
        }
        None
    }

    /// What came of it; the watching ends now.
    pub fn end(mut self, now_ms: u64) -> Availability {
        let now_ms = now_ms.max(self.turned_ms);
        self.count_to(now_ms);
        self.close(now_ms, None);
        let unseen = self.servers.iter().filter_map(|server| {
            let still = server.unseen_since.map_or(0, |since| now_ms.saturating_sub(since));
            let ms = server.unseen_ms + still;
            (ms > 0).then(|| Blind { host: server.name.clone(), seconds: seconds(ms) })
        });
        Availability {
            hosts: self.servers.iter().map(|server| server.name.clone()).collect(),
            watched_seconds: seconds(self.began_ms.map_or(0, |began| now_ms.saturating_sub(began))),
            longest_gap_seconds: self.gaps.iter().map(|gap| gap.seconds).fold(0.0, f64::max),
            without_quorum_seconds: rounded(self.gaps.iter().map(|gap| gap.seconds).sum()),
            without_spare_seconds: seconds(self.without_spare_ms),
            elections: self.elections,
            leaders: self.leaders.iter().map(|server| self.name(*server)).collect(),
            two_leaders: self.rivals.iter().map(|(_, rivals)| rivals.clone()).collect(),
            unseen: unseen.collect(),
            looks: self.looks,
            failed_looks: self.failed,
            gaps: self.gaps,
        }
    }
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}

/// The sum of milliseconds as a person writes it: floats add dust.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests;
