//! How a host is reached, from its `ansible_*` and `zkmig_*` variables.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::{Host, Variable};
use crate::error::{Error, Result};
use crate::host::secret::Secret;

/// The variables that say how a host is reached.
pub const KNOWN: &[&str] = &[
    "ansible_host",
    "ansible_port",
    "ansible_user",
    "ansible_connection",
    "ansible_ssh_private_key_file",
    "ansible_ssh_common_args",
    "ansible_ssh_extra_args",
    "ansible_become",
    "ansible_become_user",
    "ansible_become_method",
    "ansible_become_password",
    "ansible_become_pass",
    "zkmig_ssh_config",
    "zkmig_host_key_checking",
    "zkmig_connect_timeout",
    "zkmig_lock_file",
];

/// How a host is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// It is this machine: no ssh.
    pub local: bool,
    /// What ssh is given.
    pub address: String,
    /// The port.
    pub port: Option<u16>,
    /// The login user.
    pub user: Option<String>,
    /// The private key.
    pub key: Option<PathBuf>,
    /// Effects run as root.
    pub become_root: bool,
    /// What sudo is given when it asks.
    pub become_password: Option<Secret>,
    /// An ssh client configuration instead of the user's own.
    pub ssh_config: Option<PathBuf>,
    /// Options of ssh's configuration.
    pub ssh_options: Vec<(String, String)>,
    /// Refuse hosts whose key is not known.
    pub strict_host_keys: bool,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// Where the host's lock is, instead of the user's own place.
    pub lock_file: Option<String>,
}

impl Connection {
    /// The connection that a host without any variable has.
    pub fn to(name: &str) -> Self {
        Self {
            local: false,
            address: name.to_owned(),
            port: None,
            user: None,
            key: None,
            become_root: false,
            become_password: None,
            ssh_config: None,
            ssh_options: Vec::new(),
            strict_host_keys: true,
            connect_timeout: Duration::from_secs(10),
            lock_file: None,
        }
    }
}

/// Reads a host's connection from its variables.
pub fn read(host: &Host) -> Result<Connection> {
    let mut connection = Connection::to(&host.name);
    let get = |name: &str| host.variable(name);
    if let Some(variable) = get("ansible_host") {
        connection.address = text(variable, "ansible_host", "an address or a name")?;
        if !super::load::is_host_name(&connection.address) {
            return Err(wrong(variable, "ansible_host", "an address or a name"));
        }
    }
    if let Some(variable) = get("ansible_port") {
        let port = match &variable.value {
            Value::Number(number) => number.as_u64().and_then(|port| u16::try_from(port).ok()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        connection.port = Some(
            port.filter(|port| *port > 0).ok_or_else(|| wrong(variable, "ansible_port", "a port from 1 to 65535"))?,
        );
    }
    if let Some(variable) = get("ansible_user") {
        let user = text(variable, "ansible_user", "a user's name")?;
        // A `ProxyCommand` of the user's own configuration may give the name to a shell.
        let plain = |c: char| c.is_alphanumeric() || "._-@\\+".contains(c);
        let good = !user.is_empty() && !user.starts_with('-') && user.chars().all(plain);
        connection.user = Some(good.then_some(user).ok_or_else(|| wrong(variable, "ansible_user", "a user's name"))?);
    }
    if let Some(variable) = get("ansible_connection") {
        connection.local = match text(variable, "ansible_connection", "ssh or local")?.as_str() {
            "local" => true,
            "ssh" => false,
            _ => return Err(wrong(variable, "ansible_connection", "ssh or local")),
        };
    }
    if let Some(variable) = get("ansible_become") {
        connection.become_root = flag(variable, "ansible_become")?;
    }
    for (name, only) in [("ansible_become_user", "root"), ("ansible_become_method", "sudo")] {
        if let Some(variable) = get(name)
            && variable.value != only
        {
            return Err(wrong(variable, name, only).hint(format!("zkmig knows only {only} here")));
        }
    }
    if let Some(variable) = get("ansible_become_password").or_else(|| get("ansible_become_pass")) {
        connection.become_password = Some(Secret::from(match &variable.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(variable.origin.at(Error::input("ansible_become_password has to be a text"))),
        }));
    }
    if let Some(variable) = get("ansible_ssh_private_key_file") {
        connection.key = Some(path(variable, "ansible_ssh_private_key_file")?);
    }
    if let Some(variable) = get("zkmig_ssh_config") {
        connection.ssh_config = Some(path(variable, "zkmig_ssh_config")?);
    }
    if let Some(variable) = get("zkmig_host_key_checking") {
        connection.strict_host_keys = match text(variable, "zkmig_host_key_checking", "strict or accept-new")?.as_str()
        {
            "strict" => true,
            "accept-new" => false,
            _ => return Err(wrong(variable, "zkmig_host_key_checking", "strict or accept-new")),
        };
    }
    if let Some(variable) = get("zkmig_connect_timeout") {
        let seconds = match &variable.value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim_end_matches('s').parse().ok(),
            _ => None,
        };
        let seconds = seconds.filter(|seconds| (1..=600).contains(seconds));
        connection.connect_timeout = Duration::from_secs(
            seconds.ok_or_else(|| wrong(variable, "zkmig_connect_timeout", "seconds from 1 to 600"))?,
        );
    }
    if let Some(variable) = get("zkmig_lock_file") {
        let path = text(variable, "zkmig_lock_file", "an absolute path on the host")?;
        let plain = |c: char| c.is_ascii_graphic() || c == ' ';
        if !path.starts_with('/') || path.ends_with('/') || path.len() > 1000 || !path.chars().all(plain) {
            return Err(wrong(variable, "zkmig_lock_file", "an absolute path on the host, in ASCII"));
        }
        connection.lock_file = Some(path);
    }
    for name in ["ansible_ssh_extra_args", "ansible_ssh_common_args"] {
        if let Some(variable) = get(name) {
            let text = text(variable, name, "arguments of ssh")?;
            connection.ssh_options.extend(arguments(&text).map_err(|message| {
                variable
                    .origin
                    .at(Error::input(format!("{name}: {message}"))
                        .hint("zkmig takes `-o Key=Value` and `-J HOST` there"))
            })?);
        }
    }
    Ok(connection)
}

fn wrong(variable: &Variable, name: &str, wanted: &str) -> Error {
    let shown = variable.value.as_str().map_or_else(|| variable.value.to_string(), str::to_owned);
    let shown: String = shown.chars().take(100).collect();
    variable.origin.at(Error::input(format!("{name} has to be {wanted}, and `{shown}` is not")))
}

fn text(variable: &Variable, name: &str, wanted: &str) -> Result<String> {
    variable.value.as_str().map(str::to_owned).ok_or_else(|| wrong(variable, name, wanted))
}

fn flag(variable: &Variable, name: &str) -> Result<bool> {
    match &variable.value {
        Value::Bool(value) => Ok(*value),
        // What YAML 1.1, and so Ansible, takes for truth values.
        Value::String(text) if matches!(text.to_ascii_lowercase().as_str(), "yes" | "true" | "on") => Ok(true),
        Value::String(text) if matches!(text.to_ascii_lowercase().as_str(), "no" | "false" | "off") => Ok(false),
        _ => Err(wrong(variable, name, "true or false")),
    }
}

/// A path: `~` is the user's home, and a relative one is relative to the file that names it.
fn path(variable: &Variable, name: &str) -> Result<PathBuf> {
    let text = text(variable, name, "a path")?;
    if text.is_empty() || text.chars().any(|c| c.is_control() || c == '"') {
        return Err(wrong(variable, name, "a path"));
    }
    if let Some(rest) = text.strip_prefix("~/") {
        let home = std::env::var_os("HOME")
            .ok_or_else(|| variable.origin.at(Error::input("HOME is not set, so `~` means nothing")))?;
        return Ok(PathBuf::from(home).join(rest));
    }
    let folder = match &variable.origin.source {
        Some(source) if source.path != super::vars::EXTRA => Path::new(&source.path).parent().map(Path::to_path_buf),
        _ => None,
    };
    let path = folder.unwrap_or_default().join(text);
    // ssh runs elsewhere, and reads relative paths in its own way.
    std::path::absolute(&path)
        .map_err(|error| variable.origin.at(Error::input(format!("{name} is no path")).caused_by(error)))
}

/// ssh's options from a line of arguments.
fn arguments(text: &str) -> std::result::Result<Vec<(String, String)>, String> {
    let words = words(text)?;
    let mut words = words.into_iter();
    let mut options = Vec::new();
    while let Some(word) = words.next() {
        let (flag, attached) = word.split_at(word.char_indices().nth(2).map_or(word.len(), |(at, _)| at));
        let value = if attached.is_empty() {
            words.next().ok_or_else(|| format!("`{word}` lacks its value"))?
        } else {
            attached.to_owned()
        };
        match flag {
            "-o" => {
                let (key, value) = value
                    .split_once('=')
                    .or_else(|| value.split_once(' '))
                    .ok_or_else(|| format!("`-o {value}` is not `Key=Value`"))?;
                options.push((key.trim().to_owned(), value.trim().to_owned()));
            }
            "-J" => options.push(("ProxyJump".to_owned(), value)),
            _ => return Err(format!("`{word}` is not supported")),
        }
    }
    // ssh starts another ssh for it, with a shell.
    let jump = |host: &str| {
        let good = |c: char| c.is_alphanumeric() || "._-@:[]%/".contains(c);
        host.chars().all(good) && host.split(['@', '/']).all(|part| !part.starts_with('-'))
    };
    for (_, value) in options.iter().filter(|(key, _)| key.eq_ignore_ascii_case("ProxyJump")) {
        if value.is_empty() || !value.split(',').all(jump) {
            return Err(format!("`{}` is no host to jump over", value.escape_debug()));
        }
    }
    Ok(options)
}

fn words(text: &str) -> std::result::Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote does not end".to_owned());
    }
    words.extend(word);
    Ok(words)
}

/// Fails when the host's private key can't be read.
pub fn check_key(host: &Host) -> Result<()> {
    for (name, path) in
        [("ansible_ssh_private_key_file", &host.connection.key), ("zkmig_ssh_config", &host.connection.ssh_config)]
    {
        let (Some(path), Some(variable)) = (path, host.variable(name)) else { continue };
        let readable = File::open(path).and_then(|file| file.metadata()).and_then(|metadata| {
            if metadata.is_file() { Ok(()) } else { Err(std::io::Error::other("it is not a file")) }
        });
        if let Err(error) = readable {
            return Err(variable.origin.at(Error::input(format!("can't read {name} {}", path.display()))
                .caused_by(error)
                .hint("a relative path is relative to the inventory file that names it")));
        }
    }
    Ok(())
}
