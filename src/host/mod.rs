//! Reaching a host: what a transport can do, whatever carries it.
//!
//! A [`Transport`] is one connection to one host. It runs scripts in a POSIX shell, follows long outputs on channels of
//! their own, and dials ports on the host. Two implementations: [`ssh`] and [`local`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::Result;

pub mod becoming;
pub mod control;
pub mod descriptors;
mod greeting;
pub mod local;
#[doc(hidden)]
pub mod marker;
mod master;
mod mux;
mod pulse;
mod relay;
pub mod secret;
mod session;
mod shell;
pub use pulse::rest;
pub use shell::{BECOMING, bare};
pub mod ssh;
mod ssh_error;
pub mod target;
mod way;

/// Who runs a script on the host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum User {
    /// The user that the connection logged in as.
    Login,
    /// `root`: through `sudo` or what the host has instead, unless that is who logged in.
    Root,
    /// Another user of the host, become in the same way.
    Named(Arc<str>),
}

impl User {
    /// The user of this name.
    pub fn named(name: &str) -> Self {
        if name == "root" { Self::Root } else { Self::Named(name.into()) }
    }
}

/// Whether a text can be a user's name: nothing in it means anything to a shell or a program's options.
pub fn is_user_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "._-@\\+$".contains(c);
    !name.is_empty() && name.len() <= 255 && !name.starts_with('-') && name.chars().all(plain)
}

/// What a script reads from its standard input.
#[derive(Clone, Debug)]
pub enum Stdin {
    /// Nothing: reading gives the end of the file at once.
    Closed,
    /// These bytes, then the end of the file. At most [`MAX_STDIN`] of them.
    Bytes(Bytes),
}

/// The most that one script can be given on its standard input: larger contents are sent in several.
pub const MAX_STDIN: usize = 1024 * 1024;

/// A script to run in `sh` on a host.
#[derive(Clone, Debug)]
pub struct Command {
    /// What the script begins with and others do too: it is sent to a shell once. Empty for nothing.
    pub common: &'static str,
    /// The text of the script, at most 100,000 bytes with what is in common, without NUL.
    pub script: String,
    /// Who runs it.
    pub user: User,
    /// What it reads.
    pub stdin: Stdin,
    /// How long it may take. When it is over the script and all that it started are ended on the host.
    pub timeout: Duration,
}

/// How a script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit status, as a shell reports it: 128 and the signal's number where a signal ended the script.
    pub status: i32,
    /// It was ended because its time was over.
    pub timed_out: bool,
}

/// One of the two outputs of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipe {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Takes what a script prints while it runs, in pieces of any size, binary-safe.
pub trait Output: Send {
    /// A piece of one of the outputs.
    fn write(&mut self, pipe: Pipe, bytes: &[u8]);
}

/// A script that runs on a channel of its own. Dropping it ends the channel, and with it the script.
#[async_trait]
pub trait Stream: Send {
    /// The next piece of output; nothing when the script has ended.
    async fn next(&mut self) -> Result<Option<(Pipe, Bytes)>>;
    /// How it ended, once `next` gave nothing.
    fn exit(&self) -> Option<Exit>;
}

/// The host itself: by the old protocol, which everything speaks that listens there, and by the new one alone.
pub const LOOPBACK: &str = "127.0.0.1";
/// See [`LOOPBACK`].
pub const LOOPBACK6: &str = "::1";

/// What is done when a connection was made anew.
pub type Resumed = Box<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A connection to a port on a host.
pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// One connection to one host.
///
/// Every method can be cancelled by dropping its future: the script's process group on the host is then ended, and the
/// transport stays usable. Errors are `Unreachable` when the connection is what failed, `Failed` when the host refused, `Forbidden`
/// when nothing can be known because it may not be looked. A connection that has ended is made anew by the next call, and what it
/// ended is not done again.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Runs a script and gives what it prints to `output`. Scripts for the same user run one after the other.
    async fn run(&self, command: Command, output: &mut dyn Output) -> Result<Exit>;
    /// Runs a script beside the others, without waiting for them. From then on `will` is what the host runs by itself when the
    /// connection ends, whyever it does: a script of at most 4 KiB of ASCII, or an empty one for none.
    async fn aside(&self, command: Command, will: &str, output: &mut dyn Output) -> Result<Exit>;
    /// Puts another will in the place of the one that was left with [`aside`](Self::aside), where its shell is still there. Takes no
    /// round trip.
    async fn leave_will(&self, _: &str) {}
    /// Runs a script on a channel of its own. At most 7 of them at once; a further one waits for a place.
    async fn stream(&self, command: Command) -> Result<Box<dyn Stream>>;
    /// Connects from the host to a TCP port: on its own loopback address, or at an address that it can reach.
    async fn dial(&self, address: &str, port: u16) -> Result<Box<dyn Socket>>;
    /// Has this done whenever the connection was made anew, before anything else is done on it. Its error is then that of what was to be
    /// done. What needs no connection never makes it anew.
    fn on_reconnect(&self, _: Resumed) {}
    /// Does that now where the connection was made anew since it was done.
    async fn resume(&self) -> Result<()> {
        Ok(())
    }
    /// Ends everything that runs on the host for this transport, then the connection. Idempotent.
    async fn close(&self);
    /// How many round trips to the host were made so far.
    fn round_trips(&self) -> u64;
}
