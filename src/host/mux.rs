//! The protocol that an ssh speaks which holds a connection open for others: asking whether it lives, ending it, and connecting from
//! the host to a port. It is OpenSSH's own (`PROTOCOL.mux`, version 4), spoken over the socket of the master.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, Interest, ReadBuf};
use tokio::net::UnixStream;

const VERSION: u32 = 4;
const HELLO: u32 = 0x0000_0001;
const ALIVE_CHECK: u32 = 0x1000_0004;
const TERMINATE: u32 = 0x1000_0005;
const STDIO_FORWARD: u32 = 0x1000_0008;
const PERMISSION_DENIED: u32 = 0x8000_0002;
const FAILURE: u32 = 0x8000_0003;
const SESSION_OPENED: u32 = 0x8000_0006;

/// The longest message that is taken.
const LONGEST: usize = 64 * 1024;

/// The one request that a conversation has.
const REQUEST: u32 = 0;

/// A conversation with a master.
pub struct Mux(UnixStream);

/// What came of asking for a port.
pub enum Opened {
    /// The connection.
    Port(Port),
    /// There is none; the master has noted why in its log.
    Refused,
}

impl Mux {
    /// Begins to talk with the master of this socket. Fails where there is none any more.
    pub async fn connect(socket: &Path) -> io::Result<Self> {
        let mut mux = Self(UnixStream::connect(socket).await?);
        mux.send(&[&HELLO.to_be_bytes(), &VERSION.to_be_bytes()]).await?;
        let hello = mux.receive().await?;
        match (word(&hello, 0), word(&hello, 1)) {
            (Some(HELLO), Some(VERSION)) => Ok(mux),
            _ => Err(unexpected()),
        }
    }

    /// Whether the master lives.
    pub async fn alive(mut self) -> io::Result<()> {
        self.send(&[&ALIVE_CHECK.to_be_bytes(), &REQUEST.to_be_bytes()]).await?;
        self.receive().await.map(|_| ())
    }

    /// Ends the master, its connection, and all that is open on it.
    pub async fn terminate(mut self) -> io::Result<()> {
        self.send(&[&TERMINATE.to_be_bytes(), &REQUEST.to_be_bytes()]).await?;
        self.receive().await.map(|_| ())
    }

    /// Connects from the host to a port at an address.
    pub async fn open(mut self, address: &str, port: u16) -> io::Result<Opened> {
        // One pair for each direction: the master closes each on its own.
        let (ours_in, theirs_out) = UnixStream::pair()?;
        let (ours_out, theirs_in) = UnixStream::pair()?;
        let length = u32::try_from(address.len()).map_err(io::Error::other)?;
        self.send(&[
            &STDIO_FORWARD.to_be_bytes(),
            &REQUEST.to_be_bytes(),
            &0_u32.to_be_bytes(),
            &length.to_be_bytes(),
            address.as_bytes(),
            &u32::from(port).to_be_bytes(),
        ])
        .await?;
        for end in [theirs_in, theirs_out] {
            let end = OwnedFd::from(end.into_std()?);
            self.hand_over(end.as_fd()).await?;
        }
        let answer = self.receive().await?;
        match word(&answer, 0) {
            Some(SESSION_OPENED) => Ok(Opened::Port(Port { from: ours_in, to: ours_out, _master: self.0 })),
            Some(FAILURE | PERMISSION_DENIED) => Ok(Opened::Refused),
            _ => Err(unexpected()),
        }
    }

    async fn send(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let body = parts.concat();
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        self.0.write_all(&[&length.to_be_bytes(), body.as_slice()].concat()).await
    }

    /// Passes an open file on, with the byte that has to go with it.
    async fn hand_over(&self, end: BorrowedFd<'_>) -> io::Result<()> {
        self.0
            .async_io(Interest::WRITABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
                let mut control = SendAncillaryBuffer::new(&mut space);
                let files = [end];
                control.push(SendAncillaryMessage::ScmRights(&files));
                let sent = sendmsg(&self.0, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL)?;
                if sent == 1 { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
            })
            .await
    }

    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).await?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(unexpected());
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok(body)
    }
}

/// The word at this place of a message.
fn word(message: &[u8], place: usize) -> Option<u32> {
    let bytes = message.get(place * 4..place * 4 + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

fn unexpected() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "ssh's own answer is not what its protocol says")
}

/// A connection to a port on the host. The master ends it when the conversation about it ends.
pub struct Port {
    from: UnixStream,
    to: UnixStream,
    _master: UnixStream,
}

impl AsyncRead for Port {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.from).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Port {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.to).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.to).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.to).poll_shutdown(cx)
    }
}
