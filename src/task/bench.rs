//! What the tests of the effects work on: a folder, and a shell of this machine in the place of a host.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;

use super::{Context, Predictions, Progress, Silent};
use crate::error::{Error, Result};
use crate::host::{Command, Exit, Output, Pipe, Socket, Stdin, Stream, Transport, User};

/// Runs each script in a shell of its own.
pub struct Shell {
    pub program: &'static str,
    /// Folders that come first in the scripts' PATH.
    pub first_in_path: Vec<PathBuf>,
}

impl Shell {
    fn spawn(&self, command: &Command) -> Result<Child> {
        let path = std::env::var("PATH").unwrap_or_default();
        let path: Vec<String> =
            self.first_in_path.iter().map(|folder| folder.display().to_string()).chain([path]).collect();
        let mut child = tokio::process::Command::new(self.program)
            .arg("-c")
            .arg(format!("{}{}", command.common, command.script))
            .env("PATH", path.join(":"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Error::unreachable("no shell").caused_by(error))?;
        let mut stdin = child.stdin.take().ok_or_else(|| Error::defect("no stdin"))?;
        let bytes = match &command.stdin {
            Stdin::Closed => Bytes::new(),
            Stdin::Bytes(bytes) => bytes.clone(),
        };
        tokio::spawn(async move {
            // A script that doesn't read all of it is no failure.
            drop(stdin.write_all(&bytes).await);
        });
        Ok(child)
    }
}

#[async_trait]
impl Transport for Shell {
    async fn run(&self, command: Command, output: &mut dyn Output) -> Result<Exit> {
        let child = self.spawn(&command)?;
        let Some(pid) = child.id() else { return Err(Error::defect("no pid")) };
        let mut running = Running::new(child)?;
        let ended = tokio::time::timeout(command.timeout, async {
            while let Some((pipe, bytes)) = running.next().await? {
                output.write(pipe, &bytes);
            }
            Ok::<_, Error>(())
        })
        .await;
        match ended {
            Ok(result) => result.map(|()| running.exit.unwrap_or(Exit { status: -1, timed_out: false })),
            Err(_) => {
                drop(std::process::Command::new("kill").args(["-KILL", "--", &format!("-{pid}")]).status());
                Ok(Exit { status: 137, timed_out: true })
            }
        }
    }

    async fn aside(&self, command: Command, _: &str, output: &mut dyn Output) -> Result<Exit> {
        self.run(command, output).await
    }

    async fn stream(&self, command: Command) -> Result<Box<dyn Stream>> {
        Ok(Box::new(Running::new(self.spawn(&command)?)?))
    }

    async fn dial(&self, _: &str, port: u16) -> Result<Box<dyn Socket>> {
        match tokio::net::TcpStream::connect(("127.0.0.1", port)).await {
            Ok(socket) => Ok(Box::new(socket)),
            Err(error) => Err(Error::failed(format!("nothing listens on port {port}")).caused_by(error)),
        }
    }

    async fn close(&self) {}

    fn round_trips(&self) -> u64 {
        0
    }
}

struct Running {
    child: Child,
    stdout: tokio::process::ChildStdout,
    stderr: tokio::process::ChildStderr,
    open: [bool; 2],
    exit: Option<Exit>,
}

impl Running {
    fn new(mut child: Child) -> Result<Self> {
        match (child.stdout.take(), child.stderr.take()) {
            (Some(stdout), Some(stderr)) => Ok(Self { child, stdout, stderr, open: [true, true], exit: None }),
            _ => Err(Error::defect("no pipes")),
        }
    }
}

#[async_trait]
impl Stream for Running {
    async fn next(&mut self) -> Result<Option<(Pipe, Bytes)>> {
        use std::os::unix::process::ExitStatusExt as _;
        let (mut out, mut err) = (vec![0; 65536], vec![0; 65536]);
        while self.open != [false, false] {
            let (index, read) = tokio::select! {
                read = self.stdout.read(&mut out), if self.open[0] => (0, read),
                read = self.stderr.read(&mut err), if self.open[1] => (1, read),
            };
            match read {
                Ok(0) | Err(_) => self.open[index] = false,
                Ok(read) if index == 0 => return Ok(Some((Pipe::Stdout, Bytes::copy_from_slice(&out[..read])))),
                Ok(read) => return Ok(Some((Pipe::Stderr, Bytes::copy_from_slice(&err[..read])))),
            }
        }
        let status = self.child.wait().await.map_err(|error| Error::defect("no status").caused_by(error))?;
        let status = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
        self.exit = Some(Exit { status, timed_out: false });
        Ok(None)
    }

    fn exit(&self) -> Option<Exit> {
        self.exit
    }
}

/// A folder to work in and everything that a context needs.
pub struct Bench {
    pub shell: Shell,
    pub predictions: Predictions,
    pub folder: tempfile::TempDir,
    pub timeout: Duration,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            shell: Shell { program: "sh", first_in_path: Vec::new() },
            predictions: Predictions::default(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            timeout: Duration::from_secs(20),
        }
    }

    /// A context that does things.
    pub fn context(&self) -> Context<'_> {
        self.context_with(false, &Silent)
    }

    /// A context in check mode.
    pub fn check(&self) -> Context<'_> {
        self.context_with(true, &Silent)
    }

    pub fn context_with<'a>(&'a self, check: bool, progress: &'a dyn Progress) -> Context<'a> {
        Context {
            host: "here",
            transport: &self.shell,
            user: User::Login,
            check,
            predictions: &self.predictions,
            timeout: self.timeout,
            progress,
        }
    }

    /// The path of `name` in the folder.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Puts a file into the folder; gives its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a written file");
        path
    }

    /// What is in the folder, hidden files too.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder");
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Puts a program into a folder that comes first in PATH.
    pub fn program(&mut self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = self.folder.path().join("bin");
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a written file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        if self.shell.first_in_path.is_empty() {
            self.shell.first_in_path.push(folder);
        }
    }
}
