//! The effects: what can be done to one host, a file each.
//!
//! An effect is a plain async function over a [`Context`]. It is a *read* (looks, always runs), a *change* (brings the
//! host to a state, can be predicted) or an *action* (does something each time). In check mode a change computes what
//! it would do and records it in the host's [`Predictions`], so that later reads of the same run see it.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::host::{Command, Exit, Output, Pipe, Stdin, Transport, User};

pub mod absent;
pub mod attributes;
pub mod backup;
pub mod boot;
pub mod command;
pub mod copy;
pub mod directory;
pub mod facts;
pub mod http;
pub mod journal;
pub mod line;
pub mod link;
pub mod lock;
pub mod path;
pub mod prediction;
pub mod printable;
pub mod process;
pub mod read;
pub mod service;
pub mod shell;
pub mod stat;
pub mod tcp;
pub mod template;
pub mod tls;
pub mod write;

#[cfg(test)]
mod bench;

pub use prediction::Predictions;
pub use printable::{acts, printable};
pub use shell::{Script, quoted};

/// The kinds of effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Looks; runs in check mode too.
    Read,
    /// Brings the host to a state; predicted in check mode.
    Change,
    /// Does something each time; not run in check mode.
    Action,
}

/// Hears how an effect gets on while it runs. Must not block.
pub trait Progress: Send + Sync {
    /// A line that the host printed.
    fn line(&self, pipe: Pipe, line: &str);
    /// What a wait is looking at now.
    fn waiting(&self, status: &str);
}

/// Nobody listens.
pub struct Silent;

impl Progress for Silent {
    fn line(&self, _: Pipe, _: &str) {}
    fn waiting(&self, _: &str) {}
}

/// What an effect works with: one host, one way to reach it, one mode.
pub struct Context<'a> {
    /// The host's name in the inventory.
    pub host: &'a str,
    /// The connection.
    pub transport: &'a dyn Transport,
    /// Who does it on the host.
    pub user: User,
    /// Check mode: nothing on the host may change.
    pub check: bool,
    /// What earlier effects of a check mode run would have changed on this host.
    pub predictions: &'a Predictions,
    /// How long the effect may take.
    pub timeout: Duration,
    /// Who hears how it gets on.
    pub progress: &'a dyn Progress,
}

/// What a change did, or in check mode would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changed {
    /// Whether anything differs.
    pub changed: bool,
    /// The texts before and after, where the change is about a text.
    pub diff: Option<Diff>,
    /// What was done, as a fragment: "mode 0644 → 0600".
    pub summary: Option<String>,
}

/// A text before and after a change.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Diff {
    /// The file it is about.
    pub path: String,
    /// The text before; empty when there was none.
    pub before: String,
    /// The text after; empty when there will be none.
    pub after: String,
}

/// What an effect has left on its host, so that a later attempt of the run can see whether it still stands.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// A file with this content.
    File {
        /// Its path.
        path: String,
        /// The SHA-256 of its content.
        sha256: String,
    },
    /// Nothing at a path.
    Absent {
        /// The path.
        path: String,
    },
    /// Something at a path, with what was asked of it; what is none was not asked.
    Kept {
        /// The path.
        path: String,
        /// A folder.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        directory: bool,
        /// A symbolic link that leads there.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        target: Option<String>,
        /// The permissions.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        mode: Option<u32>,
        /// The owner.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        owner: Option<String>,
        /// The group.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        group: Option<String>,
    },
    /// A unit in this state.
    Unit {
        /// The unit.
        unit: String,
        /// The state.
        goal: service::Goal,
    },
    /// A unit whose main process was started at this time or later.
    Started {
        /// The unit.
        unit: String,
        /// Seconds since 1970, by the host's clock.
        at: f64,
    },
}

/// A copy of a file as it was before the run changed it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Copied {
    /// The file.
    pub path: String,
    /// The copy on the host.
    pub backup: String,
    /// The SHA-256 of the copy.
    pub sha256: String,
    /// Where the file's symbolic link led, if it was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<String>,
}

/// What a script of ours printed, whole.
#[derive(Clone, Debug)]
pub struct Printed {
    /// How it ended.
    pub exit: Exit,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// The most that a script of zkmig's own may print; a host that prints more is wrong or hostile.
pub const MAX_PRINTED: usize = 16 * 1024 * 1024;

struct Collect {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    overflow: bool,
}

impl Output for Collect {
    fn write(&mut self, pipe: Pipe, bytes: &[u8]) {
        if self.stdout.len() + self.stderr.len() + bytes.len() > MAX_PRINTED {
            self.overflow = true;
            return;
        }
        match pipe {
            Pipe::Stdout => self.stdout.extend_from_slice(bytes),
            Pipe::Stderr => self.stderr.extend_from_slice(bytes),
        }
    }
}

impl Context<'_> {
    /// Runs a script of zkmig's own on the host and collects what it prints. Whether its exit status is a failure is for
    /// the caller to say; a time-out is one here.
    pub async fn script(&self, script: impl Into<Script>, stdin: Stdin) -> Result<Printed> {
        self.script_in_time(script, stdin).await?.ok_or_else(|| self.not_in_time(""))
    }

    /// The same; nothing where it did not end in time and was ended.
    pub async fn script_in_time(&self, script: impl Into<Script>, stdin: Stdin) -> Result<Option<Printed>> {
        let mut output = Collect { stdout: Vec::new(), stderr: Vec::new(), overflow: false };
        let command = self.command(script.into(), stdin);
        let exit = self.transport.run(command, &mut output).await.map_err(|error| error.on_host(self.host))?;
        Ok(if exit.timed_out { None } else { Some(self.printed(exit, output)?) })
    }

    fn command(&self, script: Script, stdin: Stdin) -> Command {
        let Script { common, text } = script;
        Command { common, script: text, user: self.user.clone(), stdin, timeout: self.timeout }
    }

    /// The error of what did not end in time.
    fn not_in_time(&self, what: &str) -> Error {
        self.failed(format!("{what}did not end within {}", command::span(self.timeout)))
    }

    /// Like [`script`](Self::script), beside what else runs on the host; see [`Transport::aside`] for `will`.
    pub async fn script_aside(&self, script: impl Into<Script>, will: &str, stdin: Stdin) -> Result<Printed> {
        let mut output = Collect { stdout: Vec::new(), stderr: Vec::new(), overflow: false };
        let command = self.command(script.into(), stdin);
        let exit = self.transport.aside(command, will, &mut output).await.map_err(|error| error.on_host(self.host))?;
        self.printed(exit, output)
    }

    fn printed(&self, exit: Exit, output: Collect) -> Result<Printed> {
        if output.overflow {
            return Err(self
                .failed(format!("the host printed more than {MAX_PRINTED} bytes, the most that is taken of it"))
                .hint("what zkmig asks for is never that long: look at what the host's shell and its tools print"));
        }
        if exit.timed_out {
            return Err(self.not_in_time(""));
        }
        Ok(Printed { exit, stdout: output.stdout, stderr: output.stderr })
    }

    /// The same, with another time for what is done.
    pub fn within(&self, timeout: Duration) -> Context<'_> {
        Context {
            host: self.host,
            transport: self.transport,
            user: self.user.clone(),
            check: self.check,
            predictions: self.predictions,
            timeout,
            progress: self.progress,
        }
    }

    /// A failure on this context's host.
    pub fn failed(&self, message: impl Into<String>) -> Error {
        Error::failed(message).on_host(self.host)
    }

    /// The error of an action that a caller asked for in check mode.
    ///
    /// Whether an action runs is decided once, above the effects; this is the second lock on that door.
    pub fn refuse_in_check_mode(&self, action: &str) -> Result<()> {
        if self.check {
            return Err(Error::defect(format!("{action} was asked for in check mode")).on_host(self.host));
        }
        Ok(())
    }
}
