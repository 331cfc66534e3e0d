//! The shells of one host: a lasting one for each user, and one for each stream.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::becoming::{Become, Becomes};
use super::shell::{Channel, Heir, Shell, nonce};
use super::{Command, Exit, Output, Pipe, Resumed, Stream, User};
use crate::error::{Error, Result};

/// How many channels of streams a host carries at once: sshd allows ten in all by default, and there may be a shell of the
/// login user, one of root and the one beside them. The shell of a further user takes the place of a stream.
const STREAMS: usize = 7;

/// How often a shell is brought up for one script where its connection ends before the script could begin.
const ATTEMPTS: usize = 3;

/// Opens channels to a host.
#[async_trait]
pub trait Opener: Send + Sync {
    /// A channel on which the framed shell's command line was started.
    async fn open(&self, becomes: &Becomes, nonce: &str) -> Result<Channel>;
    /// Who logged in: what `id -u; id -un` prints.
    async fn login(&self) -> Result<String>;
    /// How many connections were made so far.
    fn connections(&self) -> u64;
}

/// The shells of one host.
pub struct Session<O> {
    opener: O,
    how: Become,
    shells: Mutex<HashMap<User, Slot>>,
    aside: Mutex<Option<Aside>>,
    /// The will, while it is in a user's own shell.
    will: std::sync::Mutex<Option<Will>>,
    login: Mutex<Option<Login>>,
    streams: Arc<Semaphore>,
    round_trips: Arc<AtomicU64>,
    resumed: OnceLock<Resumed>,
    /// The number of the connection for which that was done.
    resumed_on: Mutex<u64>,
}

/// Where a user's shell is, once it was needed.
type Slot = Arc<Mutex<Option<Lasting>>>;

struct Lasting {
    shell: Shell,
    /// The place that it takes, where it is one more than there is room for beside the streams.
    _permit: Option<OwnedSemaphorePermit>,
}

/// The shell beside the others, and what was left there to be done when the connection ends.
struct Aside {
    shell: Shell,
    will: String,
}

/// The same, where it was left in a user's own shell.
struct Will {
    user: User,
    text: String,
    heir: Heir,
}

/// Who logged in.
#[derive(Clone)]
struct Login {
    is_root: bool,
    name: String,
}

impl Login {
    /// From what `id` printed, which comes after whatever the login user's start files print.
    fn read(printed: &str) -> Self {
        let mut lines = printed.lines().rev().map(str::trim).filter(|line| !line.is_empty());
        let name = lines.next().unwrap_or_default().to_owned();
        Self { is_root: lines.next() == Some("0"), name }
    }
}

impl<O: Opener> Session<O> {
    /// A session that opens its channels with `opener`.
    pub fn new(opener: O, how: Become, round_trips: Arc<AtomicU64>) -> Self {
        Self {
            opener,
            how,
            shells: Mutex::default(),
            aside: Mutex::default(),
            will: std::sync::Mutex::default(),
            login: Mutex::default(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            round_trips,
            resumed: OnceLock::new(),
            resumed_on: Mutex::default(),
        }
    }

    /// What opens the channels.
    pub fn opener(&self) -> &O {
        &self.opener
    }

    async fn becomes(&self, user: &User) -> Result<Becomes> {
        let name: Arc<str> = match user {
            User::Login => return Ok(Becomes::Nobody),
            User::Root => "root".into(),
            User::Named(name) => Arc::clone(name),
        };
        let mut known = self.login.lock().await;
        let login = match &*known {
            Some(login) => login.clone(),
            None => known.insert(Login::read(&self.opener.login().await?)).clone(),
        };
        let is_there = if *name == *"root" { login.is_root } else { login.name == *name };
        Ok(if is_there { Becomes::Nobody } else { Becomes::Other { user: name, how: self.how.clone() } })
    }

    async fn lasting(&self, user: &User) -> Result<Lasting> {
        let permit = match user {
            User::Named(_) => Some(self.permit().await?),
            User::Login | User::Root => None,
        };
        Ok(Lasting { shell: self.shell(user).await?, _permit: permit })
    }

    /// A place for one more channel beside the lasting ones.
    pub async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.streams).acquire_owned().await;
        permit.map_err(|_| Error::defect("the streams are closed"))
    }

    async fn shell(&self, user: &User) -> Result<Shell> {
        let becomes = self.becomes(user).await?;
        let nonce = nonce();
        let channel = self.opener.open(&becomes, &nonce).await?;
        Shell::start(channel, &becomes, nonce, Arc::clone(&self.round_trips)).await
    }

    /// Brings the user's shell up, so that the first step does not have to.
    pub async fn prepare(&self, user: &User) -> Result<()> {
        let slot = self.slot(user).await;
        let mut slot = slot.lock().await;
        if slot.as_ref().is_none_or(|lasting| lasting.shell.is_gone()) {
            *slot = Some(self.lasting(user).await?);
        }
        self.resume().await
    }

    fn will(&self) -> MutexGuard<'_, Option<Will>> {
        self.will.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A user's shell that has taken the place of another has its will.
    async fn inherit(&self, user: &User, shell: &Shell) -> Result<()> {
        let text = match &mut *self.will() {
            Some(will) if will.user == *user => {
                will.heir = shell.heir();
                will.text.clone()
            }
            _ => return Ok(()),
        };
        if text.is_empty() { Ok(()) } else { shell.leave_will(&text).await }
    }

    async fn slot(&self, user: &User) -> Slot {
        Arc::clone(self.shells.lock().await.entry(user.clone()).or_default())
    }

    /// Has this done whenever the connection was made anew.
    pub fn on_reconnect(&self, resumed: Resumed) {
        // A host belongs to one run.
        let _ = self.resumed.set(resumed);
    }

    /// Does what has to be done first on a connection that was made anew.
    pub async fn resume(&self) -> Result<()> {
        let mut on = self.resumed_on.lock().await;
        let now = self.opener.connections();
        if *on == now {
            return Ok(());
        }
        if let Some(resumed) = self.resumed.get().filter(|_| *on != 0) {
            resumed().await?;
        }
        *on = now;
        Ok(())
    }

    /// Runs a script in the user's shell, which is brought up when there is none.
    pub async fn run(&self, command: Command, output: &mut dyn Output) -> Result<Exit> {
        let slot = self.slot(&command.user).await;
        let mut slot = slot.lock().await;
        for _ in 0..ATTEMPTS {
            if slot.as_ref().is_none_or(|lasting| lasting.shell.is_gone()) {
                // The place of one that is gone is free for the next.
                slot.take();
                let lasting = self.lasting(&command.user).await?;
                self.inherit(&command.user, &lasting.shell).await?;
                *slot = Some(lasting);
            }
            self.resume().await?;
            let Some(lasting) = &*slot else { continue };
            if let Some(exit) = lasting.shell.run(command.clone(), output).await? {
                return Ok(exit);
            }
            slot.take();
        }
        Err(ends_again_and_again())
    }

    /// Runs a script beside what else runs on the host: in the user's own shell while nothing runs in it, else in one that lasts beside
    /// the others, which is brought up once it is needed. From then on `will` is what the host does when the connection ends.
    pub async fn aside(&self, command: Command, will: &str, output: &mut dyn Output) -> Result<Exit> {
        let mut aside = self.aside.lock().await;
        for _ in 0..ATTEMPTS {
            if aside.as_ref().is_none_or(|aside| aside.shell.is_gone()) {
                aside.take();
                if let Some(exit) = self.in_passing(&command, will, output).await? {
                    return Ok(exit);
                }
                *aside = Some(Aside { shell: self.shell(&command.user).await?, will: String::new() });
                // It is in one shell alone: the other's end says nothing.
                if let Some(other) = self.will().take() {
                    other.heir.leave_will("")?;
                }
            }
            let Some(Aside { shell, will: left }) = &mut *aside else { continue };
            if *left != will {
                shell.leave_will(will).await?;
                will.clone_into(left);
            }
            if let Some(exit) = shell.run(command.clone(), output).await? {
                return Ok(exit);
            }
            aside.take();
        }
        Err(ends_again_and_again())
    }

    /// Runs a script in the user's own shell, unless there is none or something runs in it.
    async fn in_passing(&self, command: &Command, will: &str, output: &mut dyn Output) -> Result<Option<Exit>> {
        // Who waits here for a turn may be waited for by who has it.
        let Ok(slot) = self.slot(&command.user).await.try_lock_owned() else { return Ok(None) };
        let Some(shell) = slot.as_ref().map(|lasting| &lasting.shell).filter(|shell| shell.is_free()) else {
            return Ok(None);
        };
        let left = self.will().as_ref().map_or_else(String::new, |known| known.text.clone());
        if left != will {
            if shell.leave_will(will).await.is_err() {
                return Ok(None);
            }
            *self.will() = Some(Will { user: command.user.clone(), text: will.to_owned(), heir: shell.heir() });
        }
        shell.run(command.clone(), output).await
    }

    /// Puts another will in the place of the one that was left with [`aside`](Self::aside), where that shell is still there.
    pub async fn leave_will(&self, will: &str) {
        // A connection that has ended has done it already.
        if let Some(aside) = &mut *self.aside.lock().await {
            if aside.shell.leave_will(will).await.is_ok() {
                will.clone_into(&mut aside.will);
            }
        } else if let Some(known) = &mut *self.will() {
            will.clone_into(&mut known.text);
            let _ = known.heir.leave_will(will);
        }
    }

    /// Runs a script in a shell of its own.
    pub async fn stream(&self, command: Command) -> Result<Box<dyn Stream>> {
        let permit = self.permit().await?;
        for _ in 0..ATTEMPTS {
            let shell = self.shell(&command.user).await?;
            self.resume().await?;
            if let Some((pieces, end)) = shell.begin(command.clone()).await? {
                return Ok(Box::new(Streaming { pieces, end: Some(end), exit: None, _shell: shell, _permit: permit }));
            }
        }
        Err(ends_again_and_again())
    }

    /// Ends every shell.
    pub async fn close(&self) {
        self.aside.lock().await.take();
        self.shells.lock().await.clear();
    }

    /// How many round trips were made.
    pub fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }
}

fn ends_again_and_again() -> Error {
    Error::unreachable("the connection to the host ends again and again")
}

struct Streaming {
    pieces: mpsc::Receiver<(Pipe, Bytes)>,
    end: Option<oneshot::Receiver<Result<Exit>>>,
    exit: Option<Exit>,
    // The shell ends when the stream does, and with it what runs in it.
    _shell: Shell,
    _permit: OwnedSemaphorePermit,
}

#[async_trait]
impl Stream for Streaming {
    async fn next(&mut self) -> Result<Option<(Pipe, Bytes)>> {
        if let Some(piece) = self.pieces.recv().await {
            return Ok(Some(piece));
        }
        if let Some(end) = self.end.take() {
            let exit = end.await.unwrap_or_else(|_| {
                Err(Error::unreachable("the connection to the host ended while its output was followed"))
            })?;
            self.exit = Some(exit);
        }
        Ok(None)
    }

    fn exit(&self) -> Option<Exit> {
        self.exit
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

    use std::io::{self, Cursor};
    use std::pin::Pin;
    use std::sync::atomic::AtomicUsize;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use tokio::io::{AsyncRead, ReadBuf};

    use super::*;
    use crate::host::Stdin;
    use crate::host::local::Shells;

    /// Opens shells on this machine, of which the first so many end as soon as they are ready.
    struct Ending(AtomicUsize);

    #[async_trait]
    impl Opener for Ending {
        async fn open(&self, becomes: &Becomes, nonce: &str) -> Result<Channel> {
            let ends = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
            if !ends {
                return Shells.open(becomes, nonce).await;
            }
            let said = Arc::new(AtomicUsize::new(0));
            let pipe = |text: String| Box::new(Ends { text: Cursor::new(text.into_bytes()), said: Arc::clone(&said) });
            Ok(Channel {
                stdin: Box::new(tokio::io::sink()),
                stdout: pipe(format!("{nonce} up\n{nonce} ready\n")),
                stderr: pipe(format!("{nonce} ready\n")),
                guard: Box::new(()),
            })
        }

        async fn login(&self) -> Result<String> {
            Shells.login().await
        }

        fn connections(&self) -> u64 {
            Shells.connections()
        }
    }

    /// A pipe of a shell that ends when all was read that it has said on both.
    struct Ends {
        text: Cursor<Vec<u8>>,
        said: Arc<AtomicUsize>,
    }

    impl AsyncRead for Ends {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.text.get_ref().len() as u64 > self.text.position() {
                self.said.fetch_add(1, Ordering::Relaxed);
                return Pin::new(&mut self.text).poll_read(context, into);
            }
            // What the other pipe has to say is read by the same task.
            if self.said.load(Ordering::Relaxed) < 2 { Poll::Pending } else { Poll::Ready(Ok(())) }
        }
    }

    #[derive(Default)]
    struct Seen(Vec<u8>);

    impl Output for Seen {
        fn write(&mut self, _: Pipe, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
    }

    fn session(ending: usize) -> Session<Ending> {
        Session::new(Ending(AtomicUsize::new(ending)), Become::default(), Arc::default())
    }

    fn hello() -> Command {
        Command {
            common: "",
            script: "echo hello".to_owned(),
            user: User::Login,
            stdin: Stdin::Closed,
            timeout: Duration::from_secs(30),
        }
    }

    async fn streamed(session: &Session<Ending>) -> Result<Vec<u8>> {
        let mut stream = session.stream(hello()).await?;
        let mut seen = Vec::new();
        while let Some((_, bytes)) = stream.next().await? {
            seen.extend_from_slice(&bytes);
        }
        Ok(seen)
    }

    #[tokio::test]
    async fn what_its_shell_ended_before_is_begun_in_another_one() {
        for ending in 0..ATTEMPTS {
            let mut seen = Seen::default();
            let exit = session(ending).run(hello(), &mut seen).await.unwrap();
            assert_eq!((exit.status, seen.0), (0, b"hello\n".to_vec()), "{ending}");
            assert_eq!(streamed(&session(ending)).await.unwrap(), b"hello\n", "{ending}");
        }
    }

    #[tokio::test]
    async fn shells_that_end_again_and_again_are_an_unreachable_host() {
        let error = streamed(&session(ATTEMPTS)).await.unwrap_err();
        assert_eq!(error.to_string(), ends_again_and_again().to_string());
    }
}
