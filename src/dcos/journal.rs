//! The lines that Exhibitor, as DC/OS ships it, and its start script log, as patterns that a playbook waits for.

use crate::zookeeper::journal::Pattern;

/// The patterns.
pub const PATTERNS: &[Pattern] = &[
    Pattern {
        name: "configured_static",
        regex: r"^Exhibitor configured for (static ZK ensemble|single master/static backend)",
        doc: "the start script took the static backend",
    },
    Pattern {
        name: "configured_dynamic",
        regex: r"^Exhibitor configured for (Zookeeper|shared filesystem|AWS S3|Azure|GCE)",
        doc: "the start script took a backend that keeps the configuration in a shared store",
    },
    Pattern {
        name: "start_failed",
        regex: r"^ERROR: ",
        doc: "the start script refuses its configuration; systemd tries again every 5 s",
    },
    Pattern {
        name: "process_started",
        regex: r"Process started via: .*zkServer\.sh",
        doc: "Exhibitor started a new ZooKeeper process",
    },
    Pattern {
        name: "already_running",
        regex: r"already running as process (?P<pid>[0-9]+)",
        doc: "the start script found the old ZooKeeper process alive and started none",
    },
    Pattern {
        name: "could_not_kill",
        regex: r"Could not kill zookeeper process: ?(?P<pid>[0-9]+)?",
        doc: "Exhibitor could not end the old ZooKeeper process",
    },
    Pattern {
        name: "restart_skipped",
        regex: r"skipped due to control panel setting",
        doc: "the control panel keeps Exhibitor from restarting ZooKeeper",
    },
    Pattern {
        name: "standalone",
        regex: r"Starting in standalone mode",
        doc: "Exhibitor did not find itself in the list of servers",
    },
    Pattern { name: "state_serving", regex: r"State: serving", doc: "Exhibitor saw ZooKeeper serve" },
];

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn the_patterns_match_the_lines_that_they_are_for() {
        for (name, line) in [
            ("configured_static", "Exhibitor configured for static ZK ensemble"),
            ("configured_dynamic", "Exhibitor configured for Zookeeper"),
            ("configured_dynamic", "Exhibitor configured for shared filesystem"),
            (
                "standalone",
                "INFO  com.netflix.exhibitor.core.activity.ActivityLog  Starting in standalone mode [ActivityQueue-0]",
            ),
            ("start_failed", "ERROR: ip-detect returned 10.0.0.1. 10.0.0.1 is not in the configured list of masters."),
            (
                "process_started",
                "INFO  com.netflix.exhibitor.core.activity.ActivityLog  Process started via: /opt/mesosphere/active/exhibitor/usr/zookeeper/bin/zkServer.sh [ActivityQueue-0]",
            ),
            (
                "already_running",
                "INFO  com.netflix.exhibitor.core.activity.ActivityLog  ZooKeeper Server: Starting zookeeper ... already running as process 4711. [pool-3-thread-1]",
            ),
            (
                "could_not_kill",
                "ERROR com.netflix.exhibitor.core.activity.ActivityLog  Could not kill zookeeper process: 4711 [ActivityQueue-0]",
            ),
            ("restart_skipped", "INFO  x  Restart of ZooKeeper skipped due to control panel setting [ActivityQueue-0]"),
            (
                "state_serving",
                "INFO  com.netflix.exhibitor.core.activity.ActivityLog  State: serving [ActivityQueue-0]",
            ),
        ] {
            let pattern = PATTERNS.iter().find(|pattern| pattern.name == name).map(|pattern| Regex::new(pattern.regex));
            assert!(matches!(pattern, Some(Ok(regex)) if regex.is_match(line)), "{name}");
        }
    }
}
