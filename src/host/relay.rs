//! Reaching a port by what the host has for it, where its sshd forbids to do it through the connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

use super::becoming::quoted;
use super::shell::Channel;
use super::{LOOPBACK, LOOPBACK6};

/// The most of its errors that is kept.
const MOST_SAID: usize = 4096;

/// A program of the host that connects to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// bash, whose redirections know `/dev/tcp`.
    Bash,
    /// socat.
    Socat,
    /// Any of the programs of this name.
    Nc,
}

/// What tells which of them there is: prints their names. OpenBSD's nc and Nmap's go on when the other side has closed, until their
/// input ends too: with them nobody would see the end of an answer.
pub const LOOK: &str = "exec /bin/sh -c 'PATH=$PATH:/usr/local/bin:/usr/bin:/bin; for tool in bash socat nc; do command -v $tool >/dev/null 2>&1 || continue; case $tool in nc) case $(nc -h 2>&1 </dev/null) in *OpenBSD*|*Ncat*) continue;; esac;; esac; echo has $tool; done'";

impl Tool {
    /// The first of what [`LOOK`] printed.
    pub fn read(printed: &str) -> Option<Self> {
        printed.lines().find_map(|line| match line.trim() {
            "has bash" => Some(Self::Bash),
            "has socat" => Some(Self::Socat),
            "has nc" => Some(Self::Nc),
            _ => None,
        })
    }

    /// The command line that connects its standard input and output with a port. The host itself is tried by both protocols.
    pub fn command_line(self, address: &str, port: u16) -> String {
        let itself = address == LOOPBACK;
        let shown = match (self, address.contains(':')) {
            (Self::Socat, true) => format!("[{address}]"),
            (Self::Socat | Self::Nc, false) if itself => "localhost".to_owned(),
            _ => address.to_owned(),
        };
        let other = if itself { LOOPBACK6 } else { address };
        let script = match self {
            // Who reads what is sent must hold nothing else open, or the end of the answer would not be seen.
            Self::Bash => {
                "exec bash -c \"{ exec 3<>/dev/tcp/\\$1/\\$2; } 2>/dev/null || exec 3<>/dev/tcp/\\$3/\\$2 || exit 1; exec 4<&0 0</dev/null; cat <&4 >&3 2>/dev/null & exec cat <&3 4<&-\" zkmig \"$1\" \"$2\" \"$3\""
            }
            Self::Socat => "exec socat - \"TCP:$1:$2\"",
            Self::Nc => "exec nc \"$1\" \"$2\"",
        };
        let script = format!("PATH=$PATH:/usr/local/bin:/usr/bin:/bin; {script}");
        format!("exec /bin/sh -c {} zkmig {} {port} {}", quoted(&script), quoted(&shown), quoted(other))
    }
}

/// A connection to a port that a program of the host holds. Its end without an answer is an error in the program's words, if it has
/// any.
pub struct Relay {
    channel: Channel,
    answered: bool,
    ended: bool,
    said: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl Relay {
    /// On a channel on which the program was started.
    pub fn new(channel: Channel, permit: OwnedSemaphorePermit) -> Self {
        Self { channel, answered: false, ended: false, said: Vec::new(), _permit: permit }
    }

    fn refusal(&self) -> Option<io::Error> {
        let text = String::from_utf8_lossy(&self.said);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
        let why = line.rsplit(": ").next().unwrap_or(line).to_owned();
        let kind = match why.to_lowercase() {
            lower if lower.contains("refused") => io::ErrorKind::ConnectionRefused,
            _ => io::ErrorKind::NotConnected,
        };
        Some(io::Error::new(kind, why))
    }
}

impl AsyncRead for Relay {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.ended {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.channel.stdout).poll_read(cx, buffer))?;
            if buffer.filled().len() > before {
                this.answered = true;
                return Poll::Ready(Ok(()));
            }
            this.ended = true;
        }
        if this.answered {
            return Poll::Ready(Ok(()));
        }
        loop {
            let mut space = [0; 512];
            let mut piece = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut this.channel.stderr).poll_read(cx, &mut piece))?;
            if piece.filled().is_empty() || this.said.len() > MOST_SAID {
                break;
            }
            this.said.extend_from_slice(piece.filled());
        }
        this.answered = true;
        Poll::Ready(this.refusal().map_or(Ok(()), Err))
    }
}

impl AsyncWrite for Relay {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.channel.stdin).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel.stdin).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel.stdin).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    #[test]
    fn the_first_tool_counts_and_its_line_is_one_that_a_shell_takes() {
        assert_eq!(Tool::read("motd\nhas socat\nhas nc\n"), Some(Tool::Socat));
        assert_eq!(Tool::read("has no bash\n"), None);
        for tool in [Tool::Bash, Tool::Socat, Tool::Nc] {
            let line = tool.command_line("it's::1", 1);
            let parsed = Command::new("sh").args(["-n", "-c", &line]).output().expect("a shell");
            assert!(parsed.status.success(), "{line}: {}", String::from_utf8_lossy(&parsed.stderr));
        }
    }

    /// Where a program of this machine is.
    fn program(name: &str) -> PathBuf {
        let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output().expect("a shell");
        assert!(found.status.success(), "{name} is missing: tools/packages installs it");
        String::from_utf8(found.stdout).expect("text").trim().into()
    }

    #[test]
    fn of_the_programs_that_are_called_nc_those_are_used_that_end_with_the_answer() {
        for (itself, used) in [("nc.openbsd", false), ("ncat", false), ("nc.traditional", true), ("busybox", true)] {
            let folder = tempfile::tempdir().expect("a folder");
            std::os::unix::fs::symlink(program(itself), folder.path().join("nc")).expect("a link");
            let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").expect("a path"));
            let looked = Command::new("sh").args(["-c", LOOK]).env("PATH", path).output().expect("a shell");
            let said = String::from_utf8(looked.stdout).expect("text");
            assert_eq!(said.lines().any(|line| line == "has nc"), used, "{itself}: {said}");
            assert!(said.contains("has bash\nhas socat\n"), "{said}");
        }
    }
}
