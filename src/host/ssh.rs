//! A host over SSH: one master connection, on which the shells, the streams and the forwarded ports run.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use openssh::{ControlPersist, ForwardType, KnownHosts, SessionBuilder, Stdio};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use super::becoming::{Become, Becomes, command_line};
use super::control::{Control, end_ssh};
use super::session::{Opener, Session};
use super::shell::Channel;
use super::ssh_error::{explain, is_worth_another_try};
use super::{Command, Exit, Output, Socket, Stream, Transport, User};
use crate::error::{Error, Result};

/// How often a connection is tried when the host's sshd refuses it for the moment.
const TRIES: u32 = 3;

/// How long a master without any channel lives on: it is ended by `close`, and this is for a zkmig that was killed.
const IDLE: std::num::NonZeroUsize = match std::num::NonZeroUsize::new(10) {
    Some(seconds) => seconds,
    None => std::num::NonZeroUsize::MIN,
};

/// How long a login may take once the host answers: ssh's own time-out ends there, and a key may have to be touched.
const LOGIN: Duration = Duration::from_secs(30);

/// How long the question who logged in may take, and the most bytes that are read of the answer.
const ANSWER: Duration = Duration::from_secs(30);
const MOST_ANSWERED: u64 = 64 * 1024;

/// Where and how to connect.
#[derive(Clone, Debug)]
pub struct Target {
    /// The host's name in the inventory.
    pub name: String,
    /// What ssh is given: an address, a name, or a `Host` of the ssh configuration.
    pub address: String,
    /// The port; ssh's configuration says otherwise.
    pub port: Option<u16>,
    /// The login user.
    pub user: Option<String>,
    /// The private key; only this one is tried then.
    pub key: Option<PathBuf>,
    /// An ssh client configuration instead of the user's own.
    pub config_file: Option<PathBuf>,
    /// Options of ssh's configuration that win over it.
    pub options: Vec<(String, String)>,
    /// Refuse hosts whose key is not known; otherwise a new key is accepted and remembered.
    pub strict: bool,
    /// How long a connection may take.
    pub connect_timeout: Duration,
}

/// A connection over SSH.
pub struct Ssh {
    session: Session<Channels>,
    control: Arc<Control>,
}

struct Channels {
    name: String,
    master: Mutex<Option<Arc<openssh::Session>>>,
    forwards: Mutex<HashMap<(String, u16), PathBuf>>,
    sockets: AtomicU64,
    round_trips: Arc<AtomicU64>,
}

impl Ssh {
    /// Connects; the shell of `user`, who is become in this way, is up when it returns.
    pub async fn connect(target: Target, how: Become, user: User, control: Arc<Control>) -> Result<Self> {
        // A connection in the making must not be abandoned: its ssh would go on by itself. So it is made on a task that
        // sees to its end even when nobody waits for it any more.
        let (give, take) = tokio::sync::oneshot::channel();
        let held = Arc::clone(&control);
        tokio::spawn(async move {
            let result = establish(&target, &held).await.map(|session| (target, session));
            if let Err(Ok((_, session))) = give.send(result) {
                let _ = session.close().await;
            }
        });
        let (target, master) = take.await.map_err(|_| Error::defect("the connection was lost while it was made"))??;
        let round_trips = Arc::new(AtomicU64::new(0));
        let channels = Channels {
            name: target.name,
            master: Mutex::new(Some(Arc::new(master))),
            forwards: Mutex::default(),
            sockets: AtomicU64::new(0),
            round_trips: Arc::clone(&round_trips),
        };
        let ssh = Self { session: Session::new(channels, how, round_trips), control };
        if let Err(error) = ssh.session.prepare(&user).await {
            ssh.close().await;
            return Err(error);
        }
        Ok(ssh)
    }
}

async fn establish(target: &Target, control: &Control) -> Result<openssh::Session> {
    // ssh itself takes what follows an `@` for the host.
    if target.address.rsplit('@').any(|part| part.is_empty() || part.starts_with('-')) {
        return Err(Error::input(format!("`{}` can't be a host's address", target.address.escape_debug())));
    }
    if let Some(user) = target.user.as_ref().filter(|user| user.is_empty() || user.starts_with('-')) {
        return Err(Error::input(format!("`{}` can't be a user's name", user.escape_debug())));
    }
    let folder = control.connection();
    let folder = folder.map_err(|error| Error::input("can't make a folder for ssh").caused_by(error))?;
    let config = configuration(target, &folder)?;
    let mut builder = SessionBuilder::default();
    builder
        .known_hosts_check(if target.strict { KnownHosts::Strict } else { KnownHosts::Add })
        .connect_timeout(target.connect_timeout)
        .control_directory(&folder)
        .control_persist(ControlPersist::IdleFor(IDLE))
        .config_file(&config);
    if let Some(user) = &target.user {
        builder.user(user.clone());
    }
    if let Some(port) = target.port {
        builder.port(port);
    }
    if let Some(key) = &target.key {
        builder.keyfile(key);
    }
    let mut pause = Duration::from_millis(500);
    let mut tried = 1;
    let patience = target.connect_timeout + LOGIN;
    loop {
        let address = &target.address;
        let connected = tokio::select! {
            connected = builder.connect_mux(address) => connected,
            () = tokio::time::sleep(patience) => {
                end_ssh(&folder);
                return Err(Error::unreachable(format!("{address} let nobody in within {} s", patience.as_secs()))
                    .hint(format!("it takes connections and then says nothing more: try it by hand, ssh -v {address}"))
                    .hint("`zkmig_connect_timeout` sets the time"));
            }
            () = talkative(&folder) => {
                end_ssh(&folder);
                return Err(Error::unreachable(format!("{address} sends text without end instead of letting anybody in"))
                    .hint("look at the banner of its sshd"));
            }
        };
        match connected {
            Ok(session) => return Ok(session),
            Err(error) if tried < TRIES && is_worth_another_try(&error) => {
                tokio::time::sleep(pause).await;
                pause *= 3;
                tried += 1;
            }
            Err(error) => return Err(explain(&error, target)),
        }
    }
}

/// Ends when what ssh has written to its log is more than it ever has to say: a host's banners go there, however many.
async fn talkative(folder: &Path) {
    const MOST: u64 = 1024 * 1024;
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let masters = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let logs = masters.filter_map(|entry| std::fs::metadata(entry.path().join("log")).ok());
        if logs.map(|log| log.len()).sum::<u64>() > MOST {
            return;
        }
    }
}

/// Writes the ssh configuration of one connection: what zkmig needs, what the inventory says, then the user's own. ssh
/// takes the first value that it finds.
fn configuration(target: &Target, folder: &Path) -> Result<PathBuf> {
    let mut text = String::from("Host *\n");
    for (key, value) in &target.options {
        // `Host` and `Match` would end the part in which what follows stands.
        let ends = ["host", "match", "include"].contains(&key.to_ascii_lowercase().as_str());
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric());
        if ends || !plain || value.trim().is_empty() || value.chars().any(char::is_control) {
            return Err(Error::input(format!("`{}` can't be given to ssh as an option", key.escape_debug())));
        }
        // The text can be written to: it is memory.
        let _ = writeln!(text, "  {key} {value}");
    }
    // What a user's configuration may ask for and a connection without a person can't bear; a silent peer is noticed.
    for line in [
        "RemoteCommand none",
        "RequestTTY no",
        "PermitLocalCommand no",
        "ForwardAgent no",
        "ForwardX11 no",
        "ServerAliveInterval 5",
        "ServerAliveCountMax 3",
        "ConnectionAttempts 1",
    ] {
        let _ = writeln!(text, "  {line}");
    }
    match &target.config_file {
        Some(path) => text.push_str(&include(path)?),
        None => {
            if let Some(home) = std::env::var_os("HOME") {
                text.push_str(&include(&PathBuf::from(home).join(".ssh/config"))?);
            }
            text.push_str("Include /etc/ssh/ssh_config\n");
        }
    }
    let file = tempfile::Builder::new()
        .prefix("config")
        .tempfile_in(folder)
        .and_then(|mut file| {
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            file.into_temp_path().keep().map_err(|error| error.error)
        })
        .map_err(|error| Error::input("can't write the configuration of ssh").caused_by(error))?;
    Ok(file)
}

/// The line that has ssh read this file. ssh reads a path as a pattern with placeholders, in quotes or not.
fn include(path: &Path) -> Result<String> {
    let text = path.to_str().filter(|text| !text.chars().any(|c| c.is_control() || "\"'\\*?[]$%".contains(c)));
    let text = text.ok_or_else(|| {
        Error::input(format!("the path of ssh's configuration {} can't be given to ssh", path.display())).hint(
            "ssh takes quotes, backslashes and any of * ? [ ] $ % for more than a character: use a path without them",
        )
    })?;
    Ok(format!("Include \"{text}\"\n"))
}

impl Channels {
    async fn master(&self) -> Result<Arc<openssh::Session>> {
        let master = self.master.lock().await.clone();
        master.ok_or_else(|| Error::unreachable(format!("the connection to {} is closed", self.name)))
    }
}

#[async_trait::async_trait]
impl Opener for Channels {
    async fn open(&self, becomes: &Becomes, nonce: &str) -> Result<Channel> {
        let master = self.master().await?;
        // mux-client's calls must not be cancelled half way: a task of its own carries each through.
        let line = command_line(becomes, nonce);
        let spawned = tokio::spawn(async move {
            openssh::Session::to_raw_command(master, line)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .await
        });
        // A channel takes a round trip to open and one to start the command.
        self.round_trips.fetch_add(2, Ordering::Relaxed);
        let child = spawned.await.map_err(|_| Error::defect("opening a channel ended in a panic"))?;
        let mut child = child.map_err(|error| {
            Error::unreachable("the connection carries no further channel")
                .caused_by(super::ssh_error::whole(&error))
                .hint("sshd's MaxSessions on the host allows ten by default, and zkmig needs one or two and one for each stream")
        })?;
        match (child.stdin().take(), child.stdout().take(), child.stderr().take()) {
            (Some(stdin), Some(stdout), Some(stderr)) => Ok(Channel {
                stdin: Box::new(stdin),
                stdout: Box::new(stdout),
                stderr: Box::new(stderr),
                guard: Box::new(child),
            }),
            _ => Err(Error::defect("a channel without pipes")),
        }
    }

    async fn login(&self) -> Result<String> {
        let failed = || Error::unreachable("can't ask who logged in");
        let master = self.master().await?;
        let spawned = tokio::spawn(async move {
            let mut command = openssh::Session::to_raw_command(master, "id -u; id -un");
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().await
        });
        self.round_trips.fetch_add(2, Ordering::Relaxed);
        let child = spawned.await.map_err(|_| Error::defect("opening a channel ended in a panic"))?;
        let mut child = child.map_err(|error| failed().caused_by(super::ssh_error::whole(&error)))?;
        let mut said = Vec::new();
        if let Some(stdout) = child.stdout().take() {
            // A login shell's start files may print before it; a host that prints without end is cut off.
            let read = tokio::time::timeout(ANSWER, stdout.take(MOST_ANSWERED).read_to_end(&mut said)).await;
            let read = read.map_err(|_| failed().caused_by(format!("no answer within {} s", ANSWER.as_secs())))?;
            read.map_err(|error| failed().caused_by(error))?;
        }
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

#[async_trait::async_trait]
impl Transport for Ssh {
    async fn run(&self, command: Command, output: &mut dyn Output) -> Result<Exit> {
        self.session.run(command, output).await
    }

    async fn aside(&self, command: Command, will: &str, output: &mut dyn Output) -> Result<Exit> {
        self.session.aside(command, will, output).await
    }

    async fn stream(&self, command: Command) -> Result<Box<dyn Stream>> {
        self.session.stream(command).await
    }

    async fn dial(&self, address: &str, port: u16) -> Result<Box<dyn Socket>> {
        let channels = self.session.opener();
        let mut forwards = channels.forwards.lock().await;
        let path = match forwards.get(&(address.to_owned(), port)) {
            Some(path) => path.clone(),
            None => {
                // Whoever asked may give up while ssh makes the socket: no later one may want the same name.
                let number = channels.sockets.fetch_add(1, Ordering::Relaxed);
                let path = self.control.path().join(format!("f{}-{number}", self.session.number()));
                let master = channels.master().await?;
                let (listen, connect) = (path.clone(), address.to_owned());
                let asked = tokio::spawn(async move {
                    let listen = openssh::Socket::UnixSocket { path: listen.into() };
                    let connect = openssh::Socket::TcpSocket { host: connect.into(), port };
                    master.request_port_forward(ForwardType::Local, listen, connect).await
                });
                asked.await.map_err(|_| Error::defect("asking for a forwarded port ended in a panic"))?.map_err(
                    |error| {
                        Error::failed(format!("can't forward to port {port} of {address}"))
                            .caused_by(super::ssh_error::whole(&error))
                            .hint("sshd on the host has to allow it: AllowTcpForwarding, PermitOpen")
                    },
                )?;
                forwards.insert((address.to_owned(), port), path.clone());
                path
            }
        };
        drop(forwards);
        channels.round_trips.fetch_add(1, Ordering::Relaxed);
        let stream = UnixStream::connect(&path)
            .await
            .map_err(|error| Error::unreachable("the connection to the host ended").caused_by(error))?;
        Ok(Box::new(stream))
    }

    async fn close(&self) {
        self.session.close().await;
        let channels = self.session.opener();
        let Some(master) = channels.master.lock().await.take() else { return };
        // Channels that end late still hold the master; asking it to end needs no ownership.
        let socket = master.control_socket().to_path_buf();
        let ended = tokio::process::Command::new("ssh")
            .arg("-S")
            .arg(&socket)
            .args(["-O", "exit", "-F", "none", "none"])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status();
        let _ = tokio::time::timeout(Duration::from_secs(5), ended).await;
    }

    fn round_trips(&self) -> u64 {
        self.session.round_trips()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(config_file: Option<&str>, options: &[(&str, &str)]) -> Result<String> {
        let control = Control::new()?;
        let target = Target {
            name: "m1".to_owned(),
            address: "m1".to_owned(),
            port: None,
            user: None,
            key: None,
            config_file: config_file.map(PathBuf::from),
            options: options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            strict: true,
            connect_timeout: Duration::from_secs(1),
        };
        let path = configuration(&target, control.path())?;
        std::fs::read_to_string(path).map_err(|error| Error::defect("no file").caused_by(error))
    }

    #[test]
    fn nothing_can_break_out_of_its_line_in_the_configuration_of_ssh() {
        for path in ["/a\"b", "/a\nHost *", "/a'b", "/a\\b", "/a*", "/a[b]", "/$HOME/x", "/a%h"] {
            assert!(written(Some(path), &[]).is_err(), "{path:?}");
        }
        for option in [
            ("", "ProxyCommand x"),
            ("Host", "none"),
            ("match", "all"),
            ("Include", "/x"),
            ("A B", "x"),
            ("A", "x\nB y"),
            ("A", ""),
        ] {
            assert!(written(None, &[option]).is_err(), "{option:?}");
        }
        let text = written(Some("/it is/fine"), &[("ProxyJump", "bastion")]).expect("a configuration");
        assert!(
            text.starts_with("Host *\n  ProxyJump bastion\n") && text.ends_with("Include \"/it is/fine\"\n"),
            "{text}"
        );
    }
}
