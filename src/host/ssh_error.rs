//! What ssh said when it could not connect, as errors that tell what to do.

use std::path::Path;
use std::time::Duration;

use super::target::Target;
use crate::error::{Error, Kind};

/// The error with everything that caused it, in one text.
pub fn whole(error: &openssh::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Whether the host's sshd refused for the moment: it starts, or has too many connections in the making.
pub fn is_worth_another_try(text: &str) -> bool {
    let text = text.to_lowercase();
    let passing = [
        "connection refused",
        "connection reset",
        "kex_exchange_identification",
        "ssh_exchange_identification",
        "connection closed by",
        "banner exchange",
    ];
    let lasting = ["host key verification failed", "permission denied", "host identification has changed"];
    passing.iter().any(|one| text.contains(one)) && !lasting.iter().any(|one| text.contains(one))
}

/// Whom ssh wanted to reach.
pub struct Peer<'a> {
    /// The address, a name, or a `Host` of the ssh configuration.
    pub address: &'a str,
    /// The port, where it was named.
    pub port: Option<u16>,
    /// The user, where one was named.
    pub user: Option<&'a str>,
    /// The private key, where one was named.
    pub key: Option<&'a Path>,
    /// How long it was waited for.
    pub timeout: Duration,
}

impl<'a> Peer<'a> {
    /// The host itself.
    pub fn of(target: &'a Target) -> Self {
        Self {
            address: &target.address,
            port: target.port,
            user: target.user.as_deref(),
            key: target.key.as_deref(),
            timeout: target.connect_timeout,
        }
    }
}

/// What went wrong and what to do about it.
pub fn explain(text: &str, target: &Peer<'_>) -> Error {
    let lower = text.to_lowercase();
    let has = |needle: &str| lower.contains(needle);
    let address = target.address;
    let at = target.port.map_or_else(|| address.to_owned(), |port| format!("{address} port {port}"));
    let user = target.user.map_or_else(|| address.to_owned(), |user| format!("{user}@{address}"));
    let unreachable = |message: String| Error::unreachable(message);
    let explained = if has("remote host identification has changed") {
        unreachable(format!("the key of {address} is not the one that is known"))
            .hint("somebody may listen in, or the host was installed anew: compare its key over another way first")
            .hint(format!("then: ssh-keygen -R {address}, and connect once by hand"))
    } else if has("host key verification failed") || has("no matching host key") && has("strict") {
        unreachable(format!("the key of {address} is not known"))
            .hint(format!("compare and remember it: ssh {user}"))
            .hint("or set `zkmig_host_key_checking: accept-new` in the inventory to remember new hosts without asking")
    } else if has("unprotected private key file") || has("bad permissions") {
        unreachable(format!("ssh does not use the key of {user}: others may read the file"))
            .hint("chmod 600 the key file")
    } else if has("permission denied") {
        denied(&lower, &user, target)
    } else if has("too many authentication failures") {
        unreachable(format!("{user}: too many keys were tried"))
            .hint("name the right one with `ansible_ssh_private_key_file`")
    } else if has("could not resolve") {
        unreachable(format!("{address} is not a name that can be resolved")).hint("set `ansible_host` to its address")
    } else if has("connection refused") {
        unreachable(format!("{at} refuses connections"))
            .hint("is sshd running there, and on that port? (`ansible_port`)")
    } else if has("no route to host") || has("network is unreachable") {
        unreachable(format!("there is no way to {address}")).hint("check the network, the address and the jump host")
    } else if has("timed out") || has("timeout") {
        unreachable(format!("{at} did not answer within {} s", target.timeout.as_secs()))
            .hint("is the host up, and does a firewall let you through? `zkmig_connect_timeout` sets the time")
    } else if has("kex_exchange_identification") || has("connection closed") || has("connection reset") || has("banner")
    {
        unreachable(format!("{at} ended the connection before anybody could log in"))
            .hint("sshd may have too many connections in the making (MaxStartups), or refuse your address")
    } else if has("bad configuration option") || has("terminating,") {
        Error::new(Kind::Input, "ssh does not understand its configuration")
            .hint("look at `ansible_ssh_common_args`, `zkmig_ssh_config` and ~/.ssh/config")
    } else {
        unreachable(format!("can't connect to {at}")).hint(format!("try it by hand: ssh {user}"))
    };
    let said = text.trim();
    explained.detail(format!("ssh said:\n{}", said.chars().take(2000).collect::<String>()))
}

fn denied(lower: &str, user: &str, target: &Peer<'_>) -> Error {
    let methods =
        lower.rsplit_once("permission denied (").and_then(|(_, rest)| rest.split_once(')')).map(|(methods, _)| methods);
    let password_only = methods.is_some_and(|methods| !methods.contains("publickey"));
    if password_only {
        return Error::unreachable(format!("{user} can only log in with a password, and zkmig never types one"))
            .hint(format!("put a key there: ssh-copy-id {user}"));
    }
    if let Some(key) = target.key
        && is_encrypted(key)
    {
        return Error::unreachable(format!(
            "the key {} is protected by a passphrase, and no agent holds it",
            key.display()
        ))
        .hint(format!("start an agent and add it: ssh-add {}", key.display()));
    }
    let tried = target.key.map_or_else(String::new, |key| format!(" with the key {}", key.display()));
    Error::unreachable(format!("{user} may not log in{tried}"))
        .hint("check `ansible_user` and `ansible_ssh_private_key_file`, and that the public key is in authorized_keys")
}

/// Whether a private key file is protected by a passphrase: the cipher's name stands in its first bytes.
fn is_encrypted(path: &Path) -> bool {
    use base64::Engine as _;
    let Ok(text) = std::fs::read_to_string(path) else { return false };
    if text.contains("ENCRYPTED") {
        return true;
    }
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).take(2).collect();
    let whole = body.len() / 4 * 4;
    match base64::engine::general_purpose::STANDARD.decode(&body.as_bytes()[..whole]) {
        // openssh-key-v1\0, then the length and the name of the cipher.
        Ok(bytes) => bytes.starts_with(b"openssh-key-v1\0") && bytes.get(19..23).is_some_and(|name| name != b"none"),
        Err(_) => false,
    }
}
