//! Asking a TCP port of a host something, through the connection to the host.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Context;
use super::command::span;
use super::printable::last_lines;
use crate::error::{Error, Kind, Result};
pub use crate::host::LOOPBACK;

/// The longest answer that is taken unless the caller says otherwise, in bytes.
pub const LIMIT: usize = 1024 * 1024;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address as the host sees it: its own loopback, or one that it can reach.
    pub address: String,
    /// The port.
    pub port: u16,
    /// What is sent.
    pub send: Vec<u8>,
    /// The longest answer that is taken, in bytes.
    pub limit: usize,
}

impl Options {
    /// Sends `text` to `port` and takes the whole answer.
    pub fn new(port: u16, text: impl Into<Vec<u8>>) -> Self {
        Self { address: LOOPBACK.to_owned(), port, send: text.into(), limit: LIMIT }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The other side closed the connection after it said this; perhaps nothing. Through SSH that can also be how a
    /// refused connection looks.
    Said {
        /// The answer.
        bytes: Vec<u8>,
        /// It was longer than the limit.
        truncated: bool,
    },
    /// Nothing listens on the port.
    Refused {
        /// In the connection's words.
        why: String,
    },
}

/// Connects, sends, and reads until the other side closes or the limit is reached. Not answered in time is a failure.
pub async fn ask(context: &Context<'_>, options: &Options) -> Result<Answer> {
    let mut bytes = Vec::new();
    match tokio::time::timeout(context.timeout, exchange(context, options, &mut bytes)).await {
        Ok(answer) => match answer? {
            Some(why) => Ok(Answer::Refused { why }),
            None => {
                let truncated = bytes.len() > options.limit;
                bytes.truncate(options.limit);
                Ok(Answer::Said { bytes, truncated })
            }
        },
        Err(_) => Err(timed_out(context, options.port, context.timeout, &bytes)),
    }
}

/// The time-out of a port.
pub(super) fn timed_out(context: &Context<'_>, port: u16, time: Duration, bytes: &[u8]) -> Error {
    let error = context.failed(format!("port {port} did not answer within {}", span(time)));
    if bytes.is_empty() { error } else { error.detail(format!("so far it said:\n{}", last_lines(bytes, 10))) }
}

/// Says why the connection was refused, if it was.
async fn exchange(context: &Context<'_>, options: &Options, bytes: &mut Vec<u8>) -> Result<Option<String>> {
    let mut socket = match context.transport.dial(&options.address, options.port).await {
        Ok(socket) => socket,
        Err(error) if error.kind() == Kind::Failed => {
            return Ok(Some(error.parts().causes.last().cloned().unwrap_or_else(|| error.to_string())));
        }
        Err(error) => return Err(error.on_host(context.host)),
    };
    // A server that answers without having read all may close first: what it said counts.
    let sent = async {
        socket.write_all(&options.send).await?;
        socket.flush().await
    };
    let unsent = sent.await.err();
    let most = u64::try_from(options.limit).unwrap_or(u64::MAX).saturating_add(1);
    let unread = (&mut socket).take(most).read_to_end(bytes).await.err();
    match unread.or(unsent) {
        // What the host has for it says so once it has tried.
        Some(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotConnected) => {
            Ok(Some(error.to_string()))
        }
        Some(error) if bytes.is_empty() => {
            Err(context.failed(format!("the connection to port {} broke", options.port)).caused_by(error))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::super::bench::Bench;
    use super::*;

    async fn server(answer: &'static [u8], hold: bool) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut word = [0; 4];
                drop(socket.read_exact(&mut word).await);
                drop(socket.write_all(answer).await);
                if hold {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            }
        });
        port
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_end_or_the_limit() {
        let bench = Bench::new();
        let port = server(b"imok", false).await;
        let answer = ask(&bench.context(), &Options::new(port, "ruok")).await.expect("success");
        assert_eq!(answer, Answer::Said { bytes: b"imok".to_vec(), truncated: false });
        let options = Options { limit: 2, ..Options::new(port, "ruok") };
        let answer = ask(&bench.context(), &options).await.expect("success");
        assert_eq!(answer, Answer::Said { bytes: b"im".to_vec(), truncated: true });
    }

    #[tokio::test]
    async fn a_refusal_and_a_silence_are_not_the_same() {
        let mut bench = Bench::new();
        let closed = TcpListener::bind("127.0.0.1:0").await.and_then(|listener| listener.local_addr()).expect("a port");
        let answer = ask(&bench.context(), &Options::new(closed.port(), "ruok")).await.expect("success");
        assert!(matches!(answer, Answer::Refused { .. }));
        bench.timeout = Duration::from_millis(300);
        let port = server(b"half\x1b", true).await;
        let error = ask(&bench.context(), &Options::new(port, "ruok")).await.expect_err("a time-out");
        assert_eq!(error.to_string(), format!("here: port {port} did not answer within 0.3 s"));
        assert_eq!(error.parts().details, ["so far it said:\nhalf\\u{1b}"]);
    }
}
