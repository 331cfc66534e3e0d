//! A host over SSH: one master connection, on which the shells, the streams and the forwarded ports run.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use openssh::{ForwardType, Stdio};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use super::becoming::{Become, Becomes, command_line};
use super::control::Control;
use super::master::establish;
use super::session::{Opener, Session};
use super::shell::Channel;
use super::target::Target;
use super::{Command, Exit, Output, Socket, Stream, Transport, User};
use crate::error::{Error, Result};

/// How long the question who logged in may take, and the most bytes that are read of the answer.
const ANSWER: Duration = Duration::from_secs(30);
const MOST_ANSWERED: u64 = 64 * 1024;

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
