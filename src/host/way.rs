//! The way to a host where it leads over others: which they are, and which of them is the one that refuses.
//!
//! Only ssh knows: a jump may stand in the inventory or in any file of its configuration. So it is asked, and only once a connection
//! has failed. What the ssh of a jump host says is lost as long as the one for the host has been told to stay: it is kept when
//! that one is asked to say what it does, as the attempts are that follow the first.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process;

use super::ssh_error::{Peer, explain};
use super::target::Target;
use crate::error::Error;

/// More jump hosts than anybody has one behind the other: a configuration may name a host as its own.
const MOST: usize = 8;

/// How long ssh may take to read its configuration.
const READING: Duration = Duration::from_secs(10);

/// How ssh gets to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By itself.
    Direct,
    /// Over these hosts, the first that it connects to first; as ssh is told them, `user@host:port`.
    Jumps(Vec<String>),
    /// By a command of the user's.
    Command(String),
}

impl Way {
    /// Asks ssh how it gets to the host.
    pub async fn of(target: &Target, config: &Path, arguments: &[OsString]) -> Self {
        let mut way = asked(arguments, target.address.as_ref()).await;
        let config: [OsString; 2] = ["-F".into(), config.into()];
        while let Self::Jumps(jumps) = &mut way
            && jumps.len() < MOST
            && let Some((user, host, port)) = jumps.first().map(|jump| parts(jump))
        {
            // What leads to the first of them is that one's own matter.
            let mut arguments = config.to_vec();
            arguments.extend(user.into_iter().flat_map(|user| ["-l".into(), OsString::from(user)]));
            arguments.extend(port.into_iter().flat_map(|port| ["-p".into(), OsString::from(port)]));
            match asked(&arguments, host.as_ref()).await {
                Self::Jumps(before) => {
                    jumps.splice(0..0, before);
                }
                Self::Direct | Self::Command(_) => break,
            }
        }
        way
    }

    /// How many connections there are one behind the other.
    pub fn parts(&self) -> u32 {
        match self {
            Self::Direct => 1,
            Self::Jumps(jumps) => u32::try_from(jumps.len()).unwrap_or(u32::MAX).saturating_add(1),
            Self::Command(_) => 2,
        }
    }

    /// What went wrong on it: `log` is what the ssh for the host said, `beside` what those on the way did.
    pub fn explain(&self, target: &Target, log: &str, beside: &str) -> Error {
        let of_host = || explain(&said(log), &Peer::of(target));
        if is_of_the_host(log) {
            return of_host();
        }
        match self {
            Self::Direct => of_host(),
            Self::Command(command) => {
                let said = said(beside);
                let error = Error::unreachable(format!("the ProxyCommand gives no connection to {}", target.address))
                    .detail(format!("it is `{command}`"));
                if said.is_empty() {
                    return error.hint("it said nothing: try it by hand, without its `-q` if it has one");
                }
                error.detail(format!("it said:\n{said}")).hint("it has no terminal here, and nobody to answer it")
            }
            Self::Jumps(jumps) => {
                let passed = beside.lines().filter(|line| line.starts_with("Authenticated to ")).count();
                let said = said(beside);
                let refused = said.lines().rev().find_map(|line| line.split_once("open failed: "));
                if let Some(last) = passed.checked_sub(1).and_then(|at| jumps.get(at))
                    && let Some((_, why)) = refused
                {
                    let next = jumps.get(passed).unwrap_or(&target.address);
                    let error = Error::unreachable(format!("the jump host {last} does not get through to {next}"))
                        .caused_by(why)
                        .detail(format!("ssh said:\n{said}"));
                    return match why.contains("prohibited") {
                        true => {
                            error.hint(format!("the sshd of {last} has to allow it: AllowTcpForwarding, PermitOpen"))
                        }
                        false => error.hint(format!("is {next} up, and is that its address as {last} sees it?")),
                    };
                }
                match jumps.get(passed) {
                    Some(jump) => {
                        let (user, host, port) = parts(jump);
                        let port = port.and_then(|port| port.parse().ok());
                        let peer = Peer { address: host, port, user, key: None, timeout: target.connect_timeout };
                        let why = explain(&said, &peer);
                        let parts = why.parts();
                        let error = Error::new(parts.kind, format!("can't get through the jump host {jump}"));
                        let error = error.caused_by(&parts.message);
                        let error = parts.details.iter().cloned().fold(error, Error::detail);
                        let error = parts.hints.iter().cloned().fold(error, Error::hint);
                        error.hint(format!(
                            "its user and its key are those of ssh's configuration: `Host {host}` in ~/.ssh/config, or in the file \
                             that `zkmig_ssh_config` names"
                        ))
                    }
                    None => of_host(),
                }
            }
        }
    }
}

/// Whether the host itself answered and refused, so that the way to it is not to blame.
pub fn is_of_the_host(log: &str) -> bool {
    let lower = said(log).to_lowercase();
    ["host key verification failed", "permission denied", "identification has changed", "too many authentication"]
        .iter()
        .any(|text| lower.contains(text))
}

/// What ssh said, without what it does when it is asked to say what it does.
pub fn said(log: &str) -> String {
    let ours =
        ["debug1:", "debug2:", "debug3:", "Authenticated to ", "OpenSSH_", "Transferred: ", "Bytes per second: "];
    let lines = log.lines().map(str::trim_end);
    let lines: Vec<&str> = lines.filter(|line| !ours.iter().any(|start| line.starts_with(start))).collect();
    lines.join("\n").trim().to_owned()
}

/// Asks ssh for what it has read of a destination.
async fn asked(arguments: &[OsString], destination: &std::ffi::OsStr) -> Way {
    let asked = process::Command::new("ssh")
        .arg("-G")
        .args(arguments)
        .arg("--")
        .arg(destination)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let Ok(Ok(output)) = tokio::time::timeout(READING, asked).await else { return Way::Direct };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    match (value("proxyjump "), value("proxycommand ")) {
        (Some(jumps), _) if jumps != "none" => Way::Jumps(jumps.split(',').map(plain).collect()),
        (_, Some(command)) if command != "none" => Way::Command(command.to_owned()),
        _ => Way::Direct,
    }
}

/// A jump as a person writes it: ssh puts every address into brackets, where only those with colons need them.
fn plain(jump: &str) -> String {
    let (user, host, port) = parts(jump);
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    match (host.contains(':'), port) {
        (true, Some(port)) => format!("{user}[{host}]:{port}"),
        (false, Some(port)) => format!("{user}{host}:{port}"),
        (_, None) => format!("{user}{host}"),
    }
}

/// The user, the host and the port of a jump as ssh writes it: `user@host:port`, `host`, `[::1]:22`.
fn parts(jump: &str) -> (Option<&str>, &str, Option<&str>) {
    let jump = jump.strip_prefix("ssh://").unwrap_or(jump);
    let (user, rest) = match jump.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, jump),
    };
    if let Some((host, port)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (user, host, port.strip_prefix(':'));
    }
    match rest.split_once(':') {
        Some((host, port)) if !port.contains(':') => (user, host, Some(port)),
        _ => (user, rest, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_read_as_ssh_writes_it() {
        assert_eq!(parts("bastion"), (None, "bastion", None));
        assert_eq!(parts("me@bastion:2222"), (Some("me"), "bastion", Some("2222")));
        assert_eq!(parts("a@b@[fe80::1]:22"), (Some("a@b"), "fe80::1", Some("22")));
        assert_eq!(parts("ssh://[::1]"), (None, "::1", None));
        assert_eq!(parts("fe80::1"), (None, "fe80::1", None));
        assert_eq!(plain("me@[10.0.0.1]:22"), "me@10.0.0.1:22");
        assert_eq!(plain("[fe80::1]:22"), "[fe80::1]:22");
    }
}
