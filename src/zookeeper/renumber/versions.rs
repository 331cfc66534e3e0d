//! What differs between the versions of ZooKeeper, as far as a renumbering depends on it.

use std::fmt;

/// The versions whose servers hear, vote and count alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rules {
    /// 3.4.6 to 3.4.12.
    V346,
    /// 3.4.13 and 3.4.14.
    V3413,
    /// 3.5.
    V35,
    /// 3.6.0 to 3.6.2, and 3.9.3 and later of 3.9.
    V36,
    /// 3.6.3 to 3.9.2.
    V363,
}

impl Rules {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::V346, Self::V3413, Self::V35, Self::V36, Self::V363];

    /// Those of a version such as `3.4.14`, also with what a build adds to it (`3.4.8--1`); none of one that they were never
    /// held against.
    pub fn of(version: &str) -> Option<Self> {
        let mut parts = version.split(['.', '-', '_', ' ']).map(|part| part.parse::<u32>().ok());
        let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next().flatten());
        match (major, minor, patch) {
            (3, 4, Some(6..=12)) => Some(Self::V346),
            (3, 4, Some(13..)) => Some(Self::V3413),
            (3, 5, _) => Some(Self::V35),
            (3, 6, Some(0..=2)) | (3, 9, Some(3..)) => Some(Self::V36),
            (3, 6..=9, _) => Some(Self::V363),
            _ => None,
        }
    }

    /// Whether a server that is called by one with a lower id calls back at the address that its own list has for that id, and not at
    /// the one that the caller tells: `QuorumCnxManager.receiveConnection`@3.4.6 and `handleConnection`@3.4.14 call `connectOne(sid)`;
    /// `handleConnection`@3.5 and later `connectOne(sid, electionAddr)`.
    pub fn calls_back_by_list(self) -> bool {
        matches!(self, Self::V346 | Self::V3413)
    }

    /// Whether a server calls the others one after the other, each when the one before it is connected: `QuorumCnxManager.toSend`
    /// connects by itself up to 3.5, and hands the connection to others from 3.6 on (`initiateConnectionAsync`).
    pub fn calls_in_turn(self) -> bool {
        !matches!(self, Self::V36 | Self::V363)
    }

    /// Whether a leader that is established counts only ids of its own list among those who follow it. `Leader.lead` puts every
    /// synced follower's id into a set, and `QuorumMaj.containsQuorum` asks for its size, up to 3.4.14;
    /// `SyncedLearnerTracker.addAck`@3.5 and later asks for membership.
    pub fn counts_by_list(self) -> bool {
        matches!(self, Self::V35 | Self::V36 | Self::V363)
    }

    /// Whether a leader that forms its quorum does: `Leader.isParticipant` in `getEpochToPropose`, `waitForEpochAck` and
    /// `waitForNewLeaderAck`, from 3.4.13 on (ZOOKEEPER-2959).
    pub fn forms_by_list(self) -> bool {
        self != Self::V346
    }

    /// Whether a server takes votes for a leader that is in no list of its own: `FastLeaderElection.lookForLeader`@3.4.6 asks only
    /// for the sender (`getVotingView().containsKey(n.sid)`), from 3.4.13 on for both (`validVoter`).
    pub fn adopts_strangers(self) -> bool {
        self == Self::V346
    }

    /// Whether a leader that forms may wait in vain for a server that has missing transactions to write first (ZOOKEEPER-4685).
    /// `Learner.syncWithLeader`@3.6.3 and 3.8.0 hands them to the thread that logs and acknowledges them (`logRequest`) before it
    /// answers the new leader, which takes the first acknowledgement for the answer. In 3.5.9 and 3.6.2 that thread is started
    /// after the answer, and 3.9.3 has them logged first.
    pub fn waits_for_the_late(self) -> bool {
        self == Self::V363
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V346 => "3.4.6 to 3.4.12",
            Self::V3413 => "3.4.13 and 3.4.14",
            Self::V35 => "3.5",
            Self::V36 => "3.6.0 to 3.6.2, and 3.9.3 on",
            Self::V363 => "3.6.3 to 3.9.2",
        })
    }
}

/// Whether a server of this version reads its whole database again before it votes: `ZooKeeperServer.shutdown`@3.4.6 clears it
/// (`ZKDatabase.clear`), and `QuorumPeer.getLastLoggedZxid` loads it. Not from 3.4.10 on (ZOOKEEPER-2678).
pub fn reloads(version: &str) -> bool {
    let patch = version.strip_prefix("3.4.").and_then(|rest| rest.split(['.', '-', '_', ' ']).next());
    patch.and_then(|patch| patch.parse::<u32>().ok()).is_some_and(|patch| patch < 10)
}

/// The rules that hold for servers of these versions: of each that tells its own.
pub fn common(versions: &[String]) -> Result<Rules, Mixed> {
    let mut found: Option<(Rules, &String)> = None;
    for version in versions {
        let rules = Rules::of(version).ok_or_else(|| Mixed::Unknown(version.clone()))?;
        match found {
            Some((other, first)) if other != rules => return Err(Mixed::Several(first.clone(), version.clone())),
            _ => found = Some((rules, version)),
        }
    }
    found.map(|(rules, _)| rules).ok_or(Mixed::None)
}

/// Why there are no rules for the versions of an ensemble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mixed {
    /// No server tells its version.
    None,
    /// One of which nothing is known.
    Unknown(String),
    /// Two that differ.
    Several(String, String),
}

impl fmt::Display for Mixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "no version of ZooKeeper is given"),
            Self::Unknown(version) => {
                write!(f, "what ZooKeeper {version} does is not known: 3.4.6 and later of 3.4, and 3.5 to 3.9 are")
            }
            Self::Several(one, other) => {
                write!(
                    f,
                    "servers of ZooKeeper {one} and {other} count and call each other in different ways: bring all to one version first"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_its_rules() {
        for (version, rules) in [
            ("3.4.6", Some(Rules::V346)),
            ("3.4.8--1", Some(Rules::V346)),
            ("3.4.12", Some(Rules::V346)),
            ("3.4.13-5+deb11u1", Some(Rules::V3413)),
            ("3.4.14-4c25d48", Some(Rules::V3413)),
            ("3.5.10", Some(Rules::V35)),
            ("3.6.0", Some(Rules::V36)),
            ("3.6.3", Some(Rules::V363)),
            ("3.8.0", Some(Rules::V363)),
            ("3.9.2", Some(Rules::V363)),
            ("3.9.3-c26634f34490bb0ea7a09cc51e05ede3b4e320ee", Some(Rules::V36)),
            ("3.4.5", None),
            ("3.10.0", None),
            ("4.0", None),
            ("", None),
        ] {
            assert_eq!(Rules::of(version), rules, "{version}");
        }
    }

    #[test]
    fn up_to_3_4_9_a_database_is_read_again_before_a_vote() {
        for (version, expected) in
            [("3.4.6", true), ("3.4.8--1", true), ("3.4.10", false), ("3.4.14-4c25d48", false), ("3.8.0", false)]
        {
            assert_eq!(reloads(version), expected, "{version}");
        }
    }

    #[test]
    fn servers_of_two_kinds_are_refused() {
        let of = |versions: &[&str]| common(&versions.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["3.4.6", "3.4.10", "3.4.12"]), Ok(Rules::V346));
        assert_eq!(of(&["3.4.10", "3.4.14"]), Err(Mixed::Several("3.4.10".to_owned(), "3.4.14".to_owned())));
        assert_eq!(of(&["3.4.14", "4.0"]), Err(Mixed::Unknown("4.0".to_owned())));
        assert_eq!(of(&[]), Err(Mixed::None));
    }
}
