//! A host over SSH: one master connection, on which the shells, the streams and the connections to ports run. When it has ended, the
//! next that needs it makes another.

use std::collections::HashSet;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use openssh::Stdio;
use tokio::io::AsyncReadExt as _;
use tokio::sync::{Mutex, RwLock};
use tokio::task::AbortHandle;

use super::becoming::{Become, Becomes, command_line};
use super::control::Control;
use super::master::establish;
use super::mux::{Mux, Opened};
use super::relay::{LOOK, Relay, Tool};
use super::session::{Opener, Session};
use super::shell::Channel;
use super::target::Target;
use super::{Command, Exit, LOOPBACK, LOOPBACK6, Output, Resumed, Socket, Stream, Transport, User};
use crate::error::{Error, Kind, Result};

/// How long a question to the login shell may take, and the most bytes that are read of the answer.
const ANSWER: Duration = Duration::from_secs(30);
const MOST_ANSWERED: u64 = 64 * 1024;

/// How long a master may take to end.
const ENDING: Duration = Duration::from_secs(5);

/// How long a master's log may get before it is begun anew.
const LONG_LOG: u64 = 1024 * 1024;

/// A connection over SSH.
pub struct Ssh {
    session: Session<Channels>,
}

struct Channels(Arc<Inner>);

struct Inner {
    target: Target,
    control: Arc<Control>,
    master: Mutex<Slot>,
    closed: AtomicBool,
    connecting: std::sync::Mutex<Option<AbortHandle>>,
    connections: AtomicU64,
    ports: Ports,
    round_trips: Arc<AtomicU64>,
}

/// What is known of the ports of the host.
#[derive(Default)]
struct Ports {
    /// Those that sshd forbids.
    forbidden: Mutex<HashSet<(String, u16)>>,
    /// What reaches them instead, once it was looked for.
    tool: Mutex<Option<Option<Tool>>>,
    /// Why a port was not reached stands in the master's log, without saying which: who has to know asks alone.
    asking: RwLock<()>,
}

/// Where the connection is.
#[derive(Default)]
struct Slot {
    open: Option<Master>,
    /// When the last attempt failed, and why: it is the answer to all who have waited for it.
    failed: Option<(Instant, Error)>,
}

/// An ssh that holds a connection.
#[derive(Clone)]
struct Master {
    session: Arc<openssh::Session>,
    socket: PathBuf,
    log: PathBuf,
}

impl Master {
    fn of(session: openssh::Session) -> Self {
        let socket = session.control_socket().to_path_buf();
        Self { session: Arc::new(session), log: socket.with_file_name("log"), socket }
    }

    async fn lives(&self) -> bool {
        match Mux::connect(&self.socket).await {
            Ok(mux) => mux.alive().await.is_ok(),
            Err(_) => false,
        }
    }

    async fn end(&self) {
        let ended = async {
            if let Ok(mux) = Mux::connect(&self.socket).await {
                // It may end before it has answered.
                let _ = mux.terminate().await;
            }
        };
        let _ = tokio::time::timeout(ENDING, ended).await;
    }
}

impl Ssh {
    /// Connects; the shell of `user`, who is become in this way, is up when it returns.
    pub async fn connect(target: Target, how: Become, user: User, control: Arc<Control>) -> Result<Self> {
        let round_trips = Arc::new(AtomicU64::new(0));
        let channels = Channels(Arc::new(Inner {
            target,
            control,
            master: Mutex::default(),
            closed: AtomicBool::new(false),
            connecting: std::sync::Mutex::default(),
            connections: AtomicU64::new(0),
            ports: Ports::default(),
            round_trips: Arc::clone(&round_trips),
        }));
        let ssh = Self { session: Session::new(channels, how, round_trips) };
        if let Err(error) = ssh.session.prepare(&user).await {
            ssh.close().await;
            return Err(error);
        }
        Ok(ssh)
    }
}

impl Inner {
    fn is_closed(&self) -> Error {
        Error::unreachable(format!("the connection to {} is closed", self.target.name))
    }

    fn connecting(&self) -> std::sync::MutexGuard<'_, Option<AbortHandle>> {
        self.connecting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection: the one that is there, or another where it has ended.
    async fn connected(&self, asked: Instant) -> Result<Master> {
        let mut slot = self.master.lock().await;
        if self.closed.load(Ordering::SeqCst) {
            return Err(self.is_closed());
        }
        if let Some(master) = &slot.open {
            if master.lives().await {
                return Ok(master.clone());
            }
            slot.open = None;
        }
        if let Some((_, error)) = slot.failed.as_ref().filter(|(at, _)| *at > asked) {
            return Err(error.clone());
        }
        let (target, control) = (self.target.clone(), Arc::clone(&self.control));
        let making = tokio::spawn(async move { establish(&target, &control).await });
        *self.connecting() = Some(making.abort_handle());
        if self.closed.load(Ordering::SeqCst) {
            making.abort();
        }
        let made = match making.await {
            Ok(made) => made,
            Err(error) if error.is_cancelled() => Err(self.is_closed()),
            Err(_) => Err(Error::defect("making a connection ended in a panic")),
        };
        match made {
            Ok(session) => {
                let master = Master::of(session);
                slot.open = Some(master.clone());
                slot.failed = None;
                self.connections.fetch_add(1, Ordering::SeqCst);
                Ok(master)
            }
            Err(error) => {
                slot.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}

impl Channels {
    async fn master(&self) -> Result<Master> {
        let (inner, asked) = (Arc::clone(&self.0), Instant::now());
        // A connection in the making must not be abandoned: its ssh would go on by itself, and who asks next wants it. So it is made
        // on a task that sees to its end even when nobody waits for it any more.
        let made = tokio::spawn(async move { inner.connected(asked).await });
        made.await.map_err(|_| Error::defect("waiting for a connection ended in a panic"))?
    }

    /// A channel on which this command line of the login shell was started.
    async fn channel(&self, line: String) -> Result<Channel> {
        let master = self.master().await?.session;
        // mux-client's calls must not be cancelled half way: a task of its own carries each through.
        let spawned = tokio::spawn(async move {
            openssh::Session::to_raw_command(master, line)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .await
        });
        // A channel takes a round trip to open and one to start the command.
        self.0.round_trips.fetch_add(2, Ordering::Relaxed);
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

    /// What a command line of the login shell prints; its start files may print before it.
    async fn answer(&self, line: &str) -> Result<String> {
        let failed = || Error::unreachable("the login shell gives no answer");
        let mut channel = self.channel(line.to_owned()).await?;
        let mut said = Vec::new();
        // A host that prints without end is cut off.
        let mut most = (&mut channel.stdout).take(MOST_ANSWERED);
        let read = tokio::time::timeout(ANSWER, most.read_to_end(&mut said)).await;
        let read = read.map_err(|_| failed().caused_by(format!("none within {} s", ANSWER.as_secs())))?;
        read.map_err(|error| failed().caused_by(error))?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    /// Asks for a port through the connection: the port, or why not.
    async fn port(&self, address: &str, port: u16) -> Result<std::result::Result<Box<dyn Socket>, String>> {
        let ended = |error: std::io::Error| Error::unreachable("the connection to the host ended").caused_by(error);
        let mut whys = Vec::new();
        for alone in [false, true] {
            let (_shared, _alone) = match alone {
                false => (Some(self.0.ports.asking.read().await), None),
                true => (None, Some(self.0.ports.asking.write().await)),
            };
            let known = self.0.master.lock().await.open.clone();
            let (master, mux) = match known {
                Some(master) => match Mux::connect(&master.socket).await {
                    Ok(mux) => (master, mux),
                    Err(_) => self.again().await?,
                },
                None => self.again().await?,
            };
            let from = std::fs::metadata(&master.log).map_or(0, |log| log.len());
            if alone && from > LONG_LOG {
                // ssh writes at its end, wherever that is.
                let _ = std::fs::File::options().write(true).open(&master.log).and_then(|log| log.set_len(0));
            }
            self.0.round_trips.fetch_add(1, Ordering::Relaxed);
            match mux.open(address, port).await.map_err(ended)? {
                Opened::Port(port) => return Ok(Ok(Box::new(port))),
                Opened::Refused => {}
            }
            whys = refusals(&master.log, if alone && from > LONG_LOG { 0 } else { from });
            if from <= LONG_LOG && whys.first().is_some_and(|first| whys.iter().all(|why| why == first)) {
                break;
            }
        }
        Ok(Err(whys.pop().unwrap_or_else(|| "ssh does not say why".to_owned())))
    }

    async fn again(&self) -> Result<(Master, Mux)> {
        let master = self.master().await?;
        let mux = Mux::connect(&master.socket).await;
        let mux = mux.map_err(|error| Error::unreachable("the connection to the host ended").caused_by(error))?;
        Ok((master, mux))
    }
}

/// Why ports were not reached, by what a master has written to its log since it was this long.
fn refusals(log: &Path, from: u64) -> Vec<String> {
    let read = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(log)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(MOST_ANSWERED).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let whys = text.lines().filter_map(|line| line.split_once("open failed: ")).map(|(_, why)| why.trim().to_owned());
    whys.collect()
}

/// Whether sshd did not let the connection be made, so that nothing is known of the port.
fn is_forbidden(why: &str) -> bool {
    ["administratively prohibited", "unknown channel type"].iter().any(|text| why.contains(text))
}

#[async_trait::async_trait]
impl Opener for Channels {
    async fn open(&self, becomes: &Becomes, nonce: &str) -> Result<Channel> {
        self.channel(command_line(becomes, nonce)).await
    }

    async fn login(&self) -> Result<String> {
        self.answer("id -u; id -un").await
    }

    fn connections(&self) -> u64 {
        self.0.connections.load(Ordering::SeqCst)
    }
}

impl Ssh {
    /// Connects to a port at one address.
    async fn reach(&self, address: &str, port: u16) -> Result<Box<dyn Socket>> {
        let channels = self.session.opener();
        let key = (address.to_owned(), port);
        if channels.0.ports.forbidden.lock().await.contains(&key)
            && let Some(tool) = self.tool().await?
        {
            return self.relay(tool, address, port).await;
        }
        let why = match channels.port(address, port).await? {
            Ok(socket) => return Ok(socket),
            Err(why) => why,
        };
        if !is_forbidden(&why) {
            let why = why.strip_prefix("connect failed: ").unwrap_or(&why);
            return Err(Error::failed(format!("can't connect to port {port} of {address}")).caused_by(why));
        }
        let tool = self.tool().await?.ok_or_else(|| {
            Error::new(Kind::Forbidden, format!("the host's sshd forbids the connection to port {port} of {address}"))
                .caused_by(why)
                .hint("sshd has to allow it: AllowTcpForwarding, PermitOpen, DisableForwarding, or the key's line in authorized_keys")
                .hint("or the host needs one of bash, socat and nc (of BusyBox, or the traditional one), which would do instead")
        })?;
        channels.0.ports.forbidden.lock().await.insert(key);
        self.relay(tool, address, port).await
    }

    /// What the host has that connects to ports.
    async fn tool(&self) -> Result<Option<Tool>> {
        let channels = self.session.opener();
        let mut known = channels.0.ports.tool.lock().await;
        if let Some(tool) = *known {
            return Ok(tool);
        }
        // The question takes the place of a stream.
        let _permit = self.session.permit().await?;
        let tool = Tool::read(&channels.answer(LOOK).await?);
        *known = Some(tool);
        Ok(tool)
    }

    async fn relay(&self, tool: Tool, address: &str, port: u16) -> Result<Box<dyn Socket>> {
        // It takes the place of a stream.
        let permit = self.session.permit().await?;
        let channel = self.session.opener().channel(tool.command_line(address, port)).await?;
        Ok(Box::new(Relay::new(channel, permit)))
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

    async fn leave_will(&self, will: &str) {
        self.session.leave_will(will).await;
    }

    async fn stream(&self, command: Command) -> Result<Box<dyn Stream>> {
        self.session.stream(command).await
    }

    async fn dial(&self, address: &str, port: u16) -> Result<Box<dyn Socket>> {
        let socket = match self.reach(address, port).await {
            // What listens on the host itself may do so by the new protocol alone.
            Err(error) if address == LOOPBACK && error.kind() == Kind::Failed => {
                self.reach(LOOPBACK6, port).await.map_err(|_| error)
            }
            result => result,
        }?;
        self.session.resume().await?;
        Ok(socket)
    }

    fn on_reconnect(&self, resumed: Resumed) {
        self.session.on_reconnect(resumed);
    }

    async fn resume(&self) -> Result<()> {
        self.session.resume().await
    }

    async fn close(&self) {
        let inner = &self.session.opener().0;
        inner.closed.store(true, Ordering::SeqCst);
        if let Some(making) = inner.connecting().take() {
            making.abort();
        }
        self.session.close().await;
        let master = inner.master.lock().await.open.take();
        // Channels that end late still hold the master; asking it to end needs no ownership.
        if let Some(master) = master {
            master.end().await;
        }
    }

    fn round_trips(&self) -> u64 {
        self.session.round_trips()
    }
}
