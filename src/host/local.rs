//! The operator's own machine as a host: the same framed shell, without a network.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::net::TcpStream;
use tokio::process;

use super::becoming::{Become, Becomes, command_line};
use super::session::{Opener, Session};
use super::shell::Channel;
use super::{Command, Exit, LOOPBACK, LOOPBACK6, Output, Socket, Stream, Transport};
use crate::error::{Error, Result};

/// A transport to this machine.
pub struct Local {
    session: Session<Shells>,
}

/// Opens shells on this machine.
pub(super) struct Shells;

#[async_trait::async_trait]
impl Opener for Shells {
    async fn open(&self, becomes: &Becomes, nonce: &str) -> Result<Channel> {
        let failed = |error: std::io::Error| Error::failed("can't start a shell").caused_by(error);
        // A group of its own: an interrupt of the terminal is for zkmig to pass on.
        let mut child = process::Command::new("/bin/sh")
            .arg("-c")
            .arg(command_line(becomes, nonce))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(false)
            .spawn()
            .map_err(failed)?;
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(stdin), Some(stdout), Some(stderr)) => Ok(Channel {
                stdin: Box::new(stdin),
                stdout: Box::new(stdout),
                stderr: Box::new(stderr),
                guard: Box::new(child),
            }),
            _ => Err(Error::defect("a shell without pipes")),
        }
    }

    async fn login(&self) -> Result<String> {
        let output = process::Command::new("/bin/sh").args(["-c", "id -u; id -un"]).output().await;
        let output = output.map_err(|error| Error::failed("can't run `id`").caused_by(error))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn connections(&self) -> u64 {
        1
    }
}

impl Local {
    /// A transport to this machine, which becomes other users in this way.
    pub fn new(how: Become) -> Self {
        Self { session: Session::new(Shells, how, Arc::new(AtomicU64::new(0))) }
    }
}

#[async_trait::async_trait]
impl Transport for Local {
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
        let failed = |error| Error::failed(format!("can't connect to port {port} of {address}")).caused_by(error);
        let stream = match TcpStream::connect((address, port)).await {
            // What listens on the host itself may do so by the new protocol alone.
            Err(error) if address == LOOPBACK => TcpStream::connect((LOOPBACK6, port)).await.map_err(|_| error),
            result => result,
        };
        Ok(Box::new(stream.map_err(failed)?))
    }

    async fn close(&self) {
        self.session.close().await;
    }

    fn round_trips(&self) -> u64 {
        self.session.round_trips()
    }
}
