//! The framed shell: one long-lived `sh` on the host that runs one script after the other, a round trip each.
//!
//! A task owns the connection; callers talk to it through channels, so that a caller who goes away (its future dropped)
//! leaves the connection usable: the task then has the script's process group ended and reads to the end mark.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::becoming::Becomes;
use super::greeting::{greet, send};
use super::marker::{Found, Marks};
use super::pulse::Pulse;
pub use super::pulse::SILENCE;
use super::{Command, Exit, MAX_STDIN, Output, Pipe, Stdin};
use crate::clock;
use crate::error::{Error, Result};

/// The loop that runs on the host.
pub static LOOP: LazyLock<String> = LazyLock::new(|| bare(include_str!("shell.sh")));

/// A script of ours as it travels: without its comments and its indentation. No text in it goes over several indented lines.
pub fn bare(script: &str) -> String {
    let lines = script.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The longest script: it travels as one argument of `sh`, which Linux limits to 128 KiB.
pub const MAX_SCRIPT: usize = 100_000;

/// How long after a script's own deadline its end mark may take, and how long the end of a killed one.
const GRACE: Duration = Duration::from_secs(10);

/// What takes a will back, and how long that may take.
const NO_WILL: &[u8] = b"will l0\n";
const UNHEARD: Duration = Duration::from_secs(1);

/// How often a job that has to end is told so again: the first time it may not be there yet.
const AGAIN: Duration = Duration::from_millis(250);

/// How long a shell may take to come up, and how long where it is another user's.
const STARTING: Duration = Duration::from_secs(30);
/// See [`STARTING`].
pub const BECOMING: Duration = Duration::from_secs(90);

/// The three pipes of a connection and what has to live as long as they do.
pub struct Channel {
    /// What the host reads.
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// What the host writes.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// What the host writes as errors.
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// What has to live as long as the pipes do: the local process or ssh's channel.
    pub guard: Box<dyn std::any::Any + Send>,
}

struct Job {
    command: Command,
    /// Told when it begins; dropped where the connection had ended before.
    begins: oneshot::Sender<()>,
    output: mpsc::Sender<(Pipe, Bytes)>,
    end: oneshot::Sender<Result<Exit>>,
}

enum Request {
    Run(Job),
    Will(Vec<u8>),
}

/// A script that is under way: what it prints, and how it ends.
pub type Begun = (mpsc::Receiver<(Pipe, Bytes)>, oneshot::Receiver<Result<Exit>>);

/// A framed shell that is ready. Dropping it ends the connection and what runs on it.
pub struct Shell {
    requests: mpsc::Sender<Request>,
    round_trips: Arc<AtomicU64>,
    /// A script was given to it and has not ended, whether anybody waits for that or not.
    busy: Arc<AtomicBool>,
}

/// A way to tell a shell what is done when its connection ends, while another has the shell. It keeps no shell up.
pub struct Heir(mpsc::WeakSender<Request>);

/// A nonce for a connection: nothing that a host prints can be taken for a mark by accident.
pub fn nonce() -> String {
    use std::collections::hash_map::RandomState;
    use std::hash::{BuildHasher as _, Hasher as _};
    let word = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u128(
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_nanos()),
        );
        hasher.finish()
    };
    format!("zkmig-{:016x}{:016x}", word(), word())
}

impl Shell {
    /// Brings the loop up on a channel on which its command line was started.
    pub async fn start(
        mut channel: Channel,
        becomes: &Becomes,
        nonce: String,
        round_trips: Arc<AtomicU64>,
    ) -> Result<Self> {
        // A directory of users that is slow to answer takes its time for each question.
        let patience = if matches!(becomes, Becomes::Nobody) { STARTING } else { BECOMING };
        let started = tokio::time::timeout(patience, greet(&mut channel, becomes, &nonce)).await;
        started.map_err(|_| {
            let by = if becomes.name().is_empty() { String::new() } else { format!(" through {}", becomes.name()) };
            Error::unreachable(format!("no shell came up on the host{by} within {} s", patience.as_secs()))
        })??;
        round_trips.fetch_add(1, Ordering::Relaxed);
        let (requests, queue) = mpsc::channel(1);
        let busy = Arc::new(AtomicBool::new(false));
        tokio::spawn(serve(channel, nonce, queue, Arc::clone(&busy)));
        Ok(Self { requests, round_trips, busy })
    }

    /// Runs a script; pieces of its output go to `output` as they come. Nothing comes of it where the connection had ended before
    /// the script could begin.
    pub async fn run(&self, command: Command, output: &mut dyn Output) -> Result<Option<Exit>> {
        let Some((mut pieces, end)) = self.begin(command).await? else { return Ok(None) };
        while let Some((pipe, bytes)) = pieces.recv().await {
            output.write(pipe, &bytes);
        }
        end.await.map_err(|_| gone())?.map(Some)
    }

    /// Begins a script, unless the connection has ended; its output comes through the first channel, its end through the second.
    pub async fn begin(&self, command: Command) -> Result<Option<Begun>> {
        let length = command.common.len() + command.script.len();
        if length > MAX_SCRIPT {
            return Err(Error::input(format!(
                "the script is {length} bytes long, and at most {MAX_SCRIPT} can be run"
            )));
        }
        if command.script.contains('\0') {
            return Err(Error::input("the script holds a NUL character"));
        }
        if matches!(&command.stdin, Stdin::Bytes(bytes) if bytes.len() > MAX_STDIN) {
            return Err(Error::input(format!("a script is given at most {MAX_STDIN} bytes on its standard input")));
        }
        let (output, pieces) = mpsc::channel(64);
        let ((begins, begun), (end, ended)) = (oneshot::channel(), oneshot::channel());
        self.busy.store(true, Ordering::SeqCst);
        let sent = self.requests.send(Request::Run(Job { command, begins, output, end })).await;
        // What lies in the queue of a connection that ends is not begun.
        if sent.is_err() || begun.await.is_err() {
            return Ok(None);
        }
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        Ok(Some((pieces, ended)))
    }

    /// Leaves a script on the host that it runs when the connection ends, whyever it does: also when this process is
    /// killed. At most 4 KiB of printable ASCII; a later one takes its place, and an empty one is none.
    pub async fn leave_will(&self, script: &str) -> Result<()> {
        self.requests.send(Request::Will(will(script)?)).await.map_err(|_| gone())
    }

    /// A way to leave another will here while somebody else has the shell.
    pub fn heir(&self) -> Heir {
        Heir(self.requests.downgrade())
    }

    /// Whether the connection has ended.
    pub fn is_gone(&self) -> bool {
        self.requests.is_closed()
    }

    /// Whether a script that it is given now begins at once.
    pub fn is_free(&self) -> bool {
        !self.is_gone() && !self.busy.load(Ordering::SeqCst)
    }
}

impl Heir {
    /// Puts another will in the place of the one that was left in the shell, if that is still there and can be told so at once.
    pub fn leave_will(&self, script: &str) -> Result<()> {
        let request = Request::Will(will(script)?);
        if let Some(requests) = self.0.upgrade() {
            // One that has so much to do already is about to end.
            let _ = requests.try_send(request);
        }
        Ok(())
    }
}

/// What leaves a will.
fn will(script: &str) -> Result<Vec<u8>> {
    let (mark, lines) =
        as_lines(script.as_bytes(), true).ok_or_else(|| Error::defect("a last will that can't be sent"))?;
    let mut request = format!("will {mark}\n").into_bytes();
    request.extend(lines);
    Ok(request)
}

/// The connection is not there any more.
pub fn gone() -> Error {
    Error::unreachable(
        "the connection to the host ended while this was under way, so that whether it was done is not known",
    )
    .hint("what ran on it was ended on the host; look at the network and at the host, then start again")
}

/// Owns the connection: serves one request after the other, until nobody is left to send any.
async fn serve(mut channel: Channel, nonce: String, mut queue: mpsc::Receiver<Request>, busy: Arc<AtomicBool>) {
    let mut id = 0;
    let mut loaded = Vec::new();
    let mut pulse = Pulse::begin();
    let mut has_will = false;
    // It is given up, and whoever has it goes on with another.
    let given_up = loop {
        let request = tokio::select! {
            biased;
            // Nothing is begun on a connection that has ended.
            () = idle(&mut channel) => break true,
            word = pulse.next() => match send(&mut channel, word).await {
                Ok(()) => {
                    pulse.was_sent();
                    continue;
                }
                Err(_) => break true,
            },
            request = queue.recv() => request,
        };
        let Some(request) = request else { break false };
        let Job { command, begins, output, end } = match request {
            Request::Run(job) => job,
            Request::Will(bytes) => match send(&mut channel, &bytes).await {
                Ok(()) => {
                    has_will = true;
                    continue;
                }
                Err(_) => break true,
            },
        };
        // Who asked for it may have gone away: then it is ended at once.
        let _ = begins.send(());
        id += 1;
        let result = conduct(&mut channel, &nonce, (id, &mut loaded), command, output, &mut pulse).await;
        let result = result.map_err(|error| match pulse.silence() {
            Some(span) => error.detail(format!(
                "the host had heard nothing for {} s (this process was stopped, this machine slept, or the network was away), and \
                 has ended what ran there",
                span.as_secs()
            )),
            None => error,
        });
        // What goes on may print at any time, and nothing of it may come into what the next script prints.
        let usable = matches!(&result, Ok((_, left)) if !left);
        if !usable {
            queue.close();
        }
        busy.store(false, Ordering::SeqCst);
        let _ = end.send(result.map(|(exit, _)| exit));
        if !usable {
            break true;
        }
    };
    queue.close();
    if given_up && has_will {
        // The run goes on: the end of this shell is not that of its connection. One that does not listen any more has done it already,
        // or will have cause to.
        let _ = tokio::time::timeout(UNHEARD, send(&mut channel, NO_WILL)).await;
    }
    // The end of its input makes the loop end what still runs, and itself.
    let _ = channel.stdin.shutdown().await;
    drop(channel.guard);
}

/// Ends when the connection does while nothing runs on it, and when something comes: that is of earlier scripts, which left
/// processes behind, and the next script gets a shell on which they do not print.
async fn idle(channel: &mut Channel) {
    let (mut out, mut err) = ([0; 1024], [0; 1024]);
    tokio::select! {
        _ = channel.stdout.read(&mut out) => {}
        _ = channel.stderr.read(&mut err) => {}
    }
}

/// The longest text that is sent as lines: the far shell takes them byte by byte.
const MAX_LINES: usize = 4096;

/// The text as lines with their mark, where it can be sent so: short, of printable ASCII. A last line without its end is
/// given one where that does not matter.
fn as_lines(text: &[u8], end_freely: bool) -> Option<(String, Vec<u8>)> {
    let plain = text.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t'));
    if text.len() > MAX_LINES || !plain || !(text.ends_with(b"\n") || end_freely) {
        return None;
    }
    let mut lines = text.to_vec();
    if !lines.is_empty() && !lines.ends_with(b"\n") {
        lines.push(b'\n');
    }
    let count = lines.iter().filter(|byte| **byte == b'\n').count();
    Some((format!("l{count}"), lines))
}

/// Runs one job to its end mark. Gives how it ended, and whether what it started goes on.
async fn conduct(
    channel: &mut Channel,
    nonce: &str,
    (id, loaded): (u64, &mut Vec<&'static str>),
    command: Command,
    output: mpsc::Sender<(Pipe, Bytes)>,
    pulse: &mut Pulse,
) -> Result<(Exit, bool)> {
    let frame = framed(id, &command, loaded);
    let watch = clock::Watch::begin();
    // Its own deadline at first, then that of its end.
    let mut deadline = Instant::now() + command.timeout;
    let (mut timed_out, mut unheard) = (false, false);
    let mut ending: Option<Interval> = None;
    let (mut written, mut status, mut left) = (0, None, false);
    let (mut on_stdout, mut on_stderr) = (Marks::new(nonce, id), Marks::new(nonce, id));
    let (mut from_stdout, mut from_stderr) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    while !(on_stdout.is_over() && on_stderr.is_over()) {
        // A word that came before the frame is whole would be taken for a part of it.
        let is_sent = written == frame.len();
        let (pipe, read) = tokio::select! {
            sent = channel.stdin.write(&frame[written..]), if !is_sent => {
                written += sent.map_err(|error| gone().caused_by(error))?;
                if written == frame.len() {
                    channel.stdin.flush().await.map_err(|error| gone().caused_by(error))?;
                }
                pulse.said();
                continue;
            }
            read = channel.stdout.read(&mut from_stdout), if !on_stdout.is_over() => (Pipe::Stdout, read),
            read = channel.stderr.read(&mut from_stderr), if !on_stderr.is_over() => (Pipe::Stderr, read),
            word = pulse.next(), if is_sent => {
                tell(channel, word).await?;
                pulse.was_sent();
                continue;
            }
            () = tick(&mut ending), if is_sent => {
                tell(channel, b"kill\n").await?;
                continue;
            }
            () = output.closed(), if !unheard => {
                unheard = true;
                if ending.is_none() {
                    ending = Some(again());
                    deadline = Instant::now() + GRACE;
                }
                continue;
            }
            () = tokio::time::sleep_until(deadline) => {
                let spent = watch.elapsed();
                if ending.is_some() {
                    return Err(Error::unreachable(format!("the host did not answer within {} s", spent.as_secs()))
                        .hint("the connection was ended, and what ran on it is ended by the host itself"));
                }
                // A process that was stopped meanwhile has no less time for that.
                match command.timeout.checked_sub(spent).filter(|rest| !rest.is_zero()) {
                    Some(rest) => deadline = Instant::now() + rest,
                    None => {
                        timed_out = true;
                        ending = Some(again());
                        deadline = Instant::now() + GRACE;
                    }
                }
                continue;
            }
        };
        let read = read.map_err(|error| gone().caused_by(error))?;
        if read == 0 {
            return Err(gone());
        }
        let (marks, bytes) = match pipe {
            Pipe::Stdout => (&mut on_stdout, &from_stdout[..read]),
            Pipe::Stderr => (&mut on_stderr, &from_stderr[..read]),
        };
        let mut pieces = Vec::new();
        marks.feed(bytes, |found| match found {
            Found::Output(bytes) => pieces.push(Bytes::copy_from_slice(bytes)),
            Found::End { status: code, left: more } => {
                status = Some(code);
                left |= more;
            }
        });
        for piece in pieces {
            // A slow reader slows the host down, up to the deadline. One that went away is noticed above.
            if unheard {
                break;
            }
            loop {
                tokio::select! {
                    place = output.reserve() => {
                        if let Ok(place) = place {
                            place.send((pipe, piece));
                        }
                        break;
                    }
                    word = pulse.next(), if written == frame.len() => {
                        tell(channel, word).await?;
                        pulse.was_sent();
                    }
                    () = tokio::time::sleep_until(deadline) => break,
                }
            }
        }
    }
    Ok((Exit { status: status.unwrap_or(-1), timed_out }, left))
}

/// Sends a word while a job is under way.
async fn tell(channel: &mut Channel, word: &[u8]) -> Result<()> {
    send(channel, word).await.map_err(|error| error.parts().causes.iter().fold(gone(), Error::caused_by))
}

/// What a job is for the loop, which has these texts already.
fn framed(id: u64, command: &Command, loaded: &mut Vec<&'static str>) -> Vec<u8> {
    let in_base64 = |bytes: &[u8]| {
        let encoded = base64::engine::general_purpose::STANDARD.encode(bytes).into_bytes();
        (format!("b{}", encoded.len()), encoded)
    };
    let (mut load, mut with) = (Vec::new(), String::new());
    if !command.common.is_empty() {
        let place = loaded.iter().position(|known| *known == command.common).unwrap_or_else(|| {
            loaded.push(command.common);
            let place = loaded.len() - 1;
            let (mark, text) =
                as_lines(command.common.as_bytes(), true).unwrap_or_else(|| in_base64(command.common.as_bytes()));
            load = [format!("load {place} {mark}\n").into_bytes(), text].concat();
            place
        });
        with = format!(" {place}");
    }
    let script = command.script.as_bytes();
    let (script_mark, script) = as_lines(script, true).unwrap_or_else(|| in_base64(script));
    let (input_mark, input) = match &command.stdin {
        Stdin::Closed => ("-".to_owned(), Vec::new()),
        Stdin::Bytes(bytes) => as_lines(bytes, false).unwrap_or_else(|| in_base64(bytes)),
    };
    let run = format!("run {id} {script_mark} {input_mark}{with}\n").into_bytes();
    [load, run, script, input].concat()
}

fn again() -> Interval {
    let mut again = interval(AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    again
}

/// The next time, if there is one.
async fn tick(interval: &mut Option<Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_goes_as_lines_and_others_do_not() {
        let mark = |text: &[u8], freely| {
            as_lines(text, freely).map(|(mark, lines)| (mark, String::from_utf8_lossy(&lines).into_owned()))
        };
        assert_eq!(mark(b"a\nb", true), Some(("l2".to_owned(), "a\nb\n".to_owned())));
        assert_eq!(mark(b"a\nb", false), None);
        assert_eq!(mark(b"a\n", false), Some(("l1".to_owned(), "a\n".to_owned())));
        assert_eq!(mark("ä".as_bytes(), true), None);
        assert_eq!(mark(&[b'x'; 5000], true), None);
    }
}
