//! Lines of the unit that runs Exhibitor and ZooKeeper: which id a line tells, and the patterns that a playbook waits for.
//!
//! DC/OS prints ZooKeeper's messages in three layouts: bare (1.8), `LEVEL [thread:Class@line] - message` (1.9.0), and
//! that behind `[myid:N]` (from 1.9.1 on).

use std::sync::LazyLock;

use regex::Regex;

use super::ensemble::ServerId;

/// A pattern that a playbook can wait for, by name.
pub struct Pattern {
    /// Its name.
    pub name: &'static str,
    /// The regular expression.
    pub regex: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// The patterns, for ZooKeeper 3.4.6 to 3.9.
pub const PATTERNS: &[Pattern] = &[
    Pattern { name: "election", regex: r"New election\. My id =", doc: "ZooKeeper looks for a leader" },
    Pattern {
        name: "not_running",
        regex: r"ZooKeeperServer not running",
        doc: "a client was refused: the server has no quorum",
    },
    Pattern {
        name: "duplicate_id",
        regex: r"connection request from a server with our own ID",
        doc: "another server claims this id (3.5.8 and later)",
    },
];

/// A line as journalctl prints it in its short form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The time, as printed.
    pub time: &'a str,
    /// The host.
    pub host: &'a str,
    /// The identifier, such as `java`.
    pub identifier: &'a str,
    /// The process.
    pub pid: Option<u32>,
    /// The message.
    pub message: &'a str,
}

/// Reads a line of journalctl's short form: `Oct 03 13:49:08 ip-10-10-0-193 java[24740]: message`.
pub fn short(line: &str) -> Option<Line<'_>> {
    static SHORT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(\w{3} +\d+ \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) (\S+) ([^:\[\s]+)(?:\[(\d+)\])?: (.*)$").ok()
    });
    let captures = SHORT.as_ref()?.captures(line)?;
    let group = |number| captures.get(number).map_or("", |group| group.as_str());
    Some(Line {
        time: group(1),
        host: group(2),
        identifier: group(3),
        pid: captures.get(4).and_then(|pid| pid.as_str().parse().ok()),
        message: group(5),
    })
}

/// The id that a line tells of the process that printed it. What stands after "for id" or is the label of a connection
/// is another's; of "Have smaller server identifier", the second number is the process's own.
pub fn own_id(line: &str) -> Option<ServerId> {
    static OWN: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        [
            // The layout and the thread's name are set by the process from its own configuration.
            r"^\[myid:(\d+)\]",
            r"\[myid=(\d+)\]",
            // 3.4 and early 3.5 name the peer first, later versions name themselves.
            r"(?i)smaller server identifier, so dropping the connection: \(myid:(\d+) -->",
            r"(?i)smaller server identifier, so dropping the connection: \(\d+, (\d+)\)",
            r"(?i)\bmy ?id\s*[=:]\s*(\d+)",
        ]
        .into_iter()
        .filter_map(|pattern| Regex::new(pattern).ok())
        .collect()
    });
    OWN.iter().find_map(|regex| regex.captures(line)).and_then(|captures| captures.get(1)?.as_str().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &[(&str, Option<ServerId>)] = &[
        ("New election. My id =  5, proposed zxid=0x100000000", Some(5)),
        ("New election. My id = 5, proposed zxid=0x100000000", Some(5)),
        ("New election. My id = 1 , proposed zxid=0x400000000", Some(1)),
        ("Connection broken for id 2, my id = 4, error = ", Some(4)),
        ("Connection broken for id 2, my id = 4 , error =", Some(4)),
        ("Connection broken for id 2, my id = 4", Some(4)),
        ("Exception when using channel: for id 2 my id = 4 error = java.net.SocketException", Some(4)),
        ("Send worker leaving thread  id 2 my id = 4", Some(4)),
        ("Interrupting SendWorker thread from RecvWorker. sid: 2. myId: 4", Some(4)),
        ("Have smaller server identifier, so dropping the connection: (5, 4)", Some(4)),
        ("Have smaller server identifier, so dropping the connection: (myId:4 --> sid:5)", Some(4)),
        ("Starting quorum peer, myid=5", Some(5)),
        (
            "Notification: 1 (message format version), 2 (n.leader), 0x6000001a0 (n.zxid), 0x1 (n.round), LOOKING (n.state), 2 (n.sid), 0x6 (n.peerEpoch) FOLLOWING (my state)",
            None,
        ),
        ("Cannot open channel to 3 at election address /10.10.0.169:3888", None),
        ("Follower sid: 4 : info : org.apache.zookeeper.server.quorum.QuorumPeer$QuorumServer@1", None),
        ("Closed socket connection for client /127.0.0.1:48022 (no session established for client)", None),
    ];

    #[test]
    fn the_own_id_is_read_in_every_version_and_layout() {
        for (message, id) in MESSAGES {
            assert_eq!(own_id(message), *id, "{message}");
            let thread = format!("WARN  [RecvWorker:2:QuorumCnxManager$RecvWorker@780] - {message}");
            assert_eq!(own_id(&thread), *id, "{thread}");
            let myid =
                format!("[myid:7] INFO  [QuorumPeer[myid=7]/0:0:0:0:0:0:0:0:2181:FastLeaderElection@818] - {message}");
            assert_eq!(own_id(&myid), Some(7), "{myid}");
        }
    }

    #[test]
    fn the_procedures_own_lines_tell_the_procedures_ids() {
        for (line, pid, id) in [
            (
                "Oct 03 13:49:08 ip-10-10-0-193.us-west-2.compute.internal java[24740]: New election. My id = 1 , proposed zxid=0x400000000",
                24740,
                1,
            ),
            (
                "Oct 03 13:49:09 ip-10-10-0-122.us-west-2.compute.internal java[24286]: Connection broken for id 2, my id = 4 , error =",
                24286,
                4,
            ),
            (
                "Oct 03 13:49:09 ip-10-10-0-203.us-west-2.compute.internal java[24432]: Connection broken for id 5, my id = 2 , error =",
                24432,
                2,
            ),
            (
                "Oct 03 13:49:09 ip-10-10-0-104.us-west-2.compute.internal java[23835]: Connection broken for id 2, my id = 5 , error =",
                23835,
                5,
            ),
            (
                "Oct 03 13:49:09 ip-10-10-0-169.us-west-2.compute.internal java[24055]: Connection broken for id 2, my id = 3 , error =",
                24055,
                3,
            ),
        ] {
            let read = short(line);
            assert_eq!(read.as_ref().and_then(|line| line.pid), Some(pid), "{line}");
            assert_eq!(read.and_then(|line| own_id(line.message)), Some(id), "{line}");
        }
    }

    #[test]
    fn the_patterns_match_the_lines_that_they_are_for() {
        for (name, line) in [
            ("election", "New election. My id =  5, proposed zxid=0x500000012"),
            (
                "not_running",
                "Exception causing close of session 0x0 due to java.io.IOException: ZooKeeperServer not running",
            ),
            ("not_running", "Exception causing close of session 0x0: ZooKeeperServer not running"),
            (
                "duplicate_id",
                "We got a connection request from a server with our own ID. This should be either a configuration error, or a bug.",
            ),
        ] {
            let pattern = PATTERNS.iter().find(|pattern| pattern.name == name).map(|pattern| Regex::new(pattern.regex));
            assert!(matches!(pattern, Some(Ok(regex)) if regex.is_match(line)), "{name}");
        }
    }
}
