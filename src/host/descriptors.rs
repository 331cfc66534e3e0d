//! The open files of this process: every connected host takes some, and the system gives a process only so many.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::{Error, Result};

/// What a run has open for itself: its record, its terminal, its inventory, the runtime.
const OURS: u64 = 64;

/// What a connected host takes at least: two shells, each with three pipes and a conversation with ssh.
const HOST: u64 = 8;

/// What a host may take while a playbook works on it: streams, ports, the shells of further users.
const BUSY: u64 = 24;

/// What a host takes beside that while it is connected to: ssh's log, its process, a channel that only asks something.
const CONNECTING: u64 = 8;

/// How many hosts can be connected to at once, of `wanted`, so that all of `hosts` can stay connected. The soft limit is raised as far
/// as that takes, and no further than the hard one: commands on this machine inherit it. Fails where the hosts are too many.
pub fn room(hosts: usize, wanted: usize) -> Result<usize> {
    let limit = getrlimit(Resource::Nofile);
    let (now, most) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
    let (hosts, wanted) = (u64::try_from(hosts).unwrap_or(u64::MAX), u64::try_from(wanted.max(1)).unwrap_or(u64::MAX));
    let comfortable = OURS.saturating_add(BUSY.saturating_mul(hosts)).saturating_add(CONNECTING.saturating_mul(wanted));
    let mut has = now;
    if now < comfortable {
        let wish = comfortable.min(most);
        if setrlimit(Resource::Nofile, Rlimit { current: Some(wish), maximum: limit.maximum }).is_ok() {
            has = wish;
        }
    }
    bound(hosts, wanted, has)
}

fn bound(hosts: u64, wanted: u64, limit: u64) -> Result<usize> {
    let least = OURS.saturating_add(HOST.saturating_mul(hosts));
    let room = limit.saturating_sub(least) / CONNECTING;
    if room == 0 {
        let fit = limit.saturating_sub(OURS + CONNECTING) / HOST;
        return Err(Error::input(format!(
            "{hosts} hosts at once need {} open files, and this process may have {limit}",
            least.saturating_add(CONNECTING)
        ))
        .hint(format!("raise the hard limit (`ulimit -Hn`; LimitNOFILE= of a systemd unit; `nofile` in limits.conf), or work on at most {fit} hosts at once with --limit")));
    }
    Ok(usize::try_from(room.min(wanted)).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_the_limit_bounds_how_many_are_connected_to_at_once() {
        assert_eq!(bound(5, 5, 1024).ok(), Some(5));
        assert_eq!(bound(1000, 1000, 20_000).ok(), Some(1000));
        assert_eq!(bound(1000, 1000, OURS + 8000 + 100).ok(), Some(12));
        let error = bound(1000, 32, 1024).expect_err("too many hosts");
        assert_eq!(error.kind().exit_code(), 2);
        assert!(error.to_string().contains("need 8072 open files, and this process may have 1024"), "{error}");
        let hints = error.parts().hints.join(" ");
        assert!(hints.contains("at most 119 hosts"), "{hints}");
        assert!(bound(119, 32, 1024).is_ok() && bound(120, 32, 1024).is_err());
    }
}
