//! ZooKeeper's answers to the four letter words `srvr`, `conf` and `mntr`, of 3.4.6 to 3.9.

use std::collections::BTreeMap;

use super::ensemble::ServerId;

/// A transaction id. The upper half is the epoch, which an election raises; the lower counts within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zxid(pub u64);

impl Zxid {
    /// Reads `0x500000012`.
    pub fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok().map(Self)
    }

    /// The epoch in which it was made.
    pub fn epoch(self) -> u32 {
        // The shift leaves no more than 32 bits.
        u32::try_from(self.0 >> 32).unwrap_or(u32::MAX)
    }
}

/// What `srvr` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Srvr {
    /// It has a mode, so it serves. A server that looks for a leader answers that it does not serve.
    pub serving: bool,
    /// `leader`, `follower`, `standalone` or `observer`.
    pub mode: Option<String>,
    /// The version, such as `3.4.14`.
    pub version: Option<String>,
    /// The last transaction, as it was printed.
    pub zxid: Option<String>,
    /// How many znodes there are.
    pub node_count: Option<u64>,
}

/// Reads the answer to `srvr`; an empty one or a refusal is a server that does not serve.
pub fn srvr(text: &str) -> Srvr {
    let fields = fields(text, ": ");
    let mode = fields.get("Mode").cloned();
    let version =
        fields.get("Zookeeper version").map(|version| version.split(['-', ',']).next().unwrap_or(version).to_owned());
    Srvr {
        serving: mode.is_some(),
        mode,
        version,
        zxid: fields.get("Zxid").cloned(),
        node_count: fields.get("Node count").and_then(|count| count.parse().ok()),
    }
}

/// What a server of an ensemble is to its quorum, by its answer to `srvr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It leads, in this epoch if it tells.
    Leads(Option<u32>),
    /// It follows.
    Follows,
    /// It is no part of it: it looks for a leader, stands alone, observes, or does not run.
    None,
}

impl Srvr {
    /// Its role among so many servers.
    pub fn role(&self, servers: usize) -> Role {
        let epoch = || self.zxid.as_deref().and_then(Zxid::parse).map(Zxid::epoch);
        match self.mode.as_deref() {
            Some("leader") => Role::Leads(epoch()),
            Some("follower") => Role::Follows,
            // An ensemble of one is its own quorum; among several it is no part of theirs.
            Some("standalone") if servers == 1 => Role::Leads(epoch()),
            _ => Role::None,
        }
    }
}

/// The id of the running process, from the answer to `conf`. A server that does not serve, or is not allowed to say
/// (3.5 and later allow only `srvr` by default), gives none; a standalone one has none.
pub fn server_id(conf: &str) -> Option<ServerId> {
    fields(conf, "=").get("serverId")?.parse().ok().filter(|id| *id > 0)
}

/// How many followers the leader has in sync, from the answer to `mntr`; only a leader tells.
pub fn synced_followers(mntr: &str) -> Option<u64> {
    let value = fields(mntr, "\t").get("zk_synced_followers")?.clone();
    // 3.6 and later print it as a float.
    value.split('.').next()?.parse().ok()
}

/// Whether the server refuses the word: it is not in its whitelist.
pub fn is_refused(answer: &str) -> bool {
    answer.contains("is not executed because it is not in the whitelist")
}

fn fields(text: &str, separator: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once(separator))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEADER: &str = "Zookeeper version: 3.4.14-4c25d480e66aadd371de8bd2fd8da255ac140bcf, built on 03/06/2019 16:18 GMT\nLatency min/avg/max: 0/0/12\nReceived: 20\nSent: 19\nConnections: 1\nOutstanding: 0\nZxid: 0x500000012\nMode: leader\nNode count: 4\n";

    #[test]
    fn an_answer_tells_who_leads_in_which_epoch_and_who_is_no_part_of_the_quorum() {
        let of = |mode: &str, servers| srvr(&format!("Zxid: 0x500000012\nMode: {mode}\n")).role(servers);
        assert_eq!((of("leader", 3), of("follower", 3)), (Role::Leads(Some(5)), Role::Follows));
        assert_eq!(
            (of("observer", 3), of("standalone", 3), of("standalone", 1)),
            (Role::None, Role::None, Role::Leads(Some(5)))
        );
        assert_eq!(srvr("Mode: leader\n").role(3), Role::Leads(None));
        assert_eq!(srvr("This ZooKeeper instance is not currently serving requests\n").role(3), Role::None);
    }

    #[test]
    fn a_serving_server_tells_its_mode() {
        let srvr = srvr(LEADER);
        assert!(srvr.serving);
        assert_eq!(
            (srvr.mode.as_deref(), srvr.version.as_deref(), srvr.node_count),
            (Some("leader"), Some("3.4.14"), Some(4))
        );
        assert_eq!(srvr.zxid.as_deref().and_then(Zxid::parse), Some(Zxid(0x5_0000_0012)));
        assert_eq!(Zxid(0x5_0000_0012).epoch(), 5);
    }

    #[test]
    fn a_server_without_a_leader_does_not_serve() {
        assert!(!srvr("This ZooKeeper instance is not currently serving requests\n").serving);
        assert!(!srvr("").serving);
        assert_eq!(server_id("This ZooKeeper instance is not currently serving requests\n"), None);
    }

    #[test]
    fn conf_tells_the_running_id_unless_it_stands_alone() {
        assert_eq!(server_id("clientPort=2181\nserverId=5\ninitLimit=10\n"), Some(5));
        assert_eq!(server_id("clientPort=2181\nserverId=0\n"), None);
        assert_eq!(server_id("conf is not executed because it is not in the whitelist.\n"), None);
        assert!(is_refused("conf is not executed because it is not in the whitelist.\n"));
    }

    #[test]
    fn mntr_tells_the_followers_in_sync() {
        assert_eq!(synced_followers("zk_version\t3.4.14\nzk_followers\t4\nzk_synced_followers\t4\n"), Some(4));
        assert_eq!(synced_followers("zk_synced_followers\t4.0\n"), Some(4));
        assert_eq!(synced_followers("zk_server_state\tfollower\n"), None);
    }

    #[test]
    fn transactions_are_ordered_by_epoch_first() {
        assert!(Zxid::parse("0x4ffffffff") < Zxid::parse("0x500000000"));
        assert_eq!(Zxid::parse("500000012"), None);
    }
}
