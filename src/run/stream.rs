//! The one stream of a run's events, and its readers.
//!
//! What happens is numbered here and nowhere else. Each reader (the screen, the record, `--events`) lives on a thread of its
//! own and is handed the events through a queue: one that is slow, stalls, fails or panics is a matter of its own. It can't
//! hold up, crash or reorder the run, nor any other reader. A reader that ends early is told of in the stream itself.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::events::{Event, VERSION, What};
use super::secrets::Secrets;
use super::standing::Standing;

/// How many events may wait for one reader before it is no longer told what hosts print and what waits look at. All else
/// is kept for it, however slow it is.
const BACKLOG: usize = 10_000;

/// How many events a reader is handed at once at most.
const BATCH: usize = 1_000;

/// A sink of the event stream.
pub trait Reader: Send {
    /// Takes the next events, in order. After an error the reader gets no more.
    fn read(&mut self, events: &[Arc<Event>]) -> io::Result<()>;

    /// Puts what it was given where it outlives this machine's next moment; not every reader can.
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// How long it may be left alone; then [`idle`](Self::idle) is called.
    fn rest(&self) -> Duration {
        Duration::from_secs(3600)
    }

    /// Nothing has happened for that long.
    fn idle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// What it is called in the report of its failure.
    fn name(&self) -> String;
}

/// How sure it has to be that a reader has what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sure {
    /// It was given to the reader: it outlives this process.
    Taken,
    /// The reader has put it on its disk.
    Synced,
}

type Answer = tokio::sync::oneshot::Sender<Result<(), String>>;

enum Message {
    Event(Arc<Event>),
    /// Answers when all that was sent before is with the reader.
    Wait(Sure, Answer),
    End,
}

/// The writing end of one reader's queue. Clones write to the same one.
#[derive(Clone)]
pub struct Line {
    send: Sender<Message>,
    waiting: Arc<AtomicUsize>,
    left_out: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    ended: Arc<Mutex<Option<Receiver<()>>>>,
}

impl Line {
    /// Ends when the reader has all that happened so far; says why it has not.
    pub async fn sure(&self, sure: Sure) -> Result<(), String> {
        let (give, take) = tokio::sync::oneshot::channel();
        // A reader that is over drops its end, and with it the answer.
        let _ = self.send.send(Message::Wait(sure, give));
        take.await.unwrap_or_else(|_| Err("it ended early".to_owned()))
    }

    fn send(&self, event: &Arc<Event>) {
        if self.over.load(Ordering::SeqCst) {
            return;
        }
        let passing = matches!(event.what, What::EffectOutput { .. } | What::EffectWaiting { .. });
        if passing && self.waiting.load(Ordering::SeqCst) >= BACKLOG {
            self.left_out.fetch_add(1, Ordering::SeqCst);
            return;
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // As above.
        let _ = self.send.send(Message::Event(Arc::clone(event)));
    }

    /// Ends the reader once it has all that happened, and waits for that as long as `patient` says.
    fn end(&self, patient: &dyn Fn() -> bool) {
        let _ = self.send.send(Message::End);
        let Some(ended) = lock(&self.ended).take() else { return };
        while ended.recv_timeout(Duration::from_millis(50)) == Err(RecvTimeoutError::Timeout) && patient() {}
    }
}

struct State {
    seq: u64,
    standing: Arc<Mutex<Standing>>,
    lines: Vec<Line>,
}

/// The stream's writing end. Clones write to the same stream.
#[derive(Clone)]
pub struct Events {
    state: Arc<Mutex<State>>,
    began: Instant,
    secrets: Secrets,
}

impl Events {
    /// A stream with these readers, from which `secrets` are redacted.
    pub fn new(readers: Vec<Box<dyn Reader>>, secrets: Secrets) -> io::Result<Self> {
        let state = State { seq: 0, standing: Arc::default(), lines: Vec::new() };
        let events = Self { state: Arc::new(Mutex::new(state)), began: Instant::now(), secrets };
        for reader in readers {
            events.attach(reader, 0)?;
        }
        Ok(events)
    }

    /// Adds a reader; it gets what happens from now on. The events' numbers go on after `seq`.
    pub fn attach(&self, reader: Box<dyn Reader>, seq: u64) -> io::Result<Line> {
        let (send, take) = channel();
        let (end, ended) = channel();
        let line = Line {
            send,
            waiting: Arc::default(),
            left_out: Arc::default(),
            over: Arc::default(),
            ended: Arc::new(Mutex::new(Some(ended))),
        };
        let (events, reading) = (self.clone(), line.clone());
        std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
            serve(reader, &take, &reading, &events);
            // Who waited for it may have gone.
            let _ = end.send(());
        })?;
        let mut state = lock(&self.state);
        state.seq = state.seq.max(seq);
        state.lines.push(line.clone());
        Ok(line)
    }

    /// Where the run stands. It is the one thing that is made of each event before the next can happen.
    pub fn standing(&self) -> Standing {
        let standing = Arc::clone(&lock(&self.state).standing);
        lock(&standing).clone()
    }

    /// What is asked of where the run stands. Nothing can happen meanwhile.
    pub fn of_standing<T>(&self, ask: impl FnOnce(&Standing) -> T) -> T {
        let standing = Arc::clone(&lock(&self.state).standing);
        let standing = lock(&standing);
        ask(&standing)
    }

    /// Begins with what earlier attempts have changed.
    pub fn stands_at(&self, standing: Standing) {
        *lock(&lock(&self.state).standing) = standing;
    }

    /// Gives an event to every reader. Never waits for one.
    pub fn emit(&self, what: What) {
        let mut event = Event {
            v: VERSION,
            seq: 0,
            time: Timestamp::now(),
            elapsed_ms: self.elapsed_ms(),
            what: self.secrets.redact_event(what),
        };
        let mut state = lock(&self.state);
        state.seq += 1;
        event.seq = state.seq;
        lock(&state.standing).take(&event);
        let event = Arc::new(event);
        state.lines.iter().for_each(|line| line.send(&event));
    }

    /// Ends the readers, the last added first, each once it has all that happened; waits for that as long as `patient` says.
    pub fn end(&self, patient: impl Fn() -> bool) {
        let lines = lock(&self.state).lines.clone();
        for line in lines.iter().rev() {
            line.end(&patient);
        }
    }

    /// Milliseconds since the run began.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Milliseconds from the beginning of the run to this moment.
    pub fn elapsed_at(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

/// A reader's whole life.
fn serve(mut reader: Box<dyn Reader>, take: &Receiver<Message>, line: &Line, events: &Events) {
    let name = reader.name();
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read_all(&mut *reader, take, line, events)));
    line.over.store(true, Ordering::SeqCst);
    let why = match told {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it ended in a panic, which is a defect of zkmig".to_owned(),
    };
    events.emit(What::Warning { text: format!("{name} gets no more events: {why}") });
    // Whoever waits for it is told why in vain, until nobody can ask any more.
    while let Ok(message) = take.recv() {
        match message {
            Message::Wait(_, answer) => {
                let _ = answer.send(Err(why.clone()));
            }
            Message::Event(_) => {}
            Message::End => return,
        }
    }
}

fn read_all(reader: &mut dyn Reader, take: &Receiver<Message>, line: &Line, events: &Events) -> io::Result<()> {
    loop {
        let first = match take.recv_timeout(reader.rest()) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => {
                reader.idle()?;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let (mut batch, mut waits, mut ends) = (Vec::new(), Vec::new(), false);
        for message in std::iter::once(first).chain(take.try_iter()) {
            match message {
                Message::Event(event) => batch.push(event),
                Message::Wait(sure, answer) => waits.push((sure, answer)),
                Message::End => ends = true,
            }
            if ends || batch.len() >= BATCH {
                break;
            }
        }
        let mut result = reader.read(&batch);
        line.waiting.fetch_sub(batch.len(), Ordering::SeqCst);
        if result.is_ok() && waits.iter().any(|(sure, _)| *sure == Sure::Synced) {
            result = reader.sync();
        }
        for (_, answer) in waits {
            let _ = answer.send(result.as_ref().copied().map_err(ToString::to_string));
        }
        result?;
        let left_out = line.left_out.swap(0, Ordering::SeqCst);
        if left_out > 0 {
            let name = reader.name();
            events.emit(What::Warning { text: format!("{name} was too slow for {left_out} lines of output") });
        }
        if ends {
            return Ok(());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;

    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
    }

    /// A reader that waits for a word at each event, or fails, or panics.
    struct Odd {
        seen: Arc<Mutex<Vec<u64>>>,
        gate: Arc<(Mutex<bool>, Condvar)>,
        fails_at: Option<u64>,
        panics_at: Option<u64>,
    }

    impl Odd {
        fn new() -> Self {
            Self {
                seen: Arc::default(),
                gate: Arc::new((Mutex::new(true), Condvar::new())),
                fails_at: None,
                panics_at: None,
            }
        }
    }

    impl Reader for Odd {
        fn read(&mut self, events: &[Arc<Event>]) -> io::Result<()> {
            for event in events {
                let (open, word) = &*self.gate;
                let _open = word.wait_while(lock(open), |open| !*open).unwrap_or_else(PoisonError::into_inner);
                assert_ne!(Some(event.seq), self.panics_at, "as wanted");
                if Some(event.seq) == self.fails_at {
                    return Err(io::Error::from(io::ErrorKind::StorageFull));
                }
                lock(&self.seen).push(event.seq);
            }
            Ok(())
        }

        fn name(&self) -> String {
            "an odd reader".to_owned()
        }
    }

    fn note(text: &str) -> What {
        What::Note { host: None, text: text.to_owned() }
    }

    #[test]
    fn a_reader_that_stalls_holds_up_neither_the_run_nor_another_reader() {
        let (stalled, good) = (Odd::new(), Odd::new());
        *lock(&stalled.gate.0) = false;
        let (gate, late, seen) = (Arc::clone(&stalled.gate), Arc::clone(&stalled.seen), Arc::clone(&good.seen));
        let events = Events::new(vec![Box::new(stalled)], Secrets::default()).expect("threads");
        let line = events.attach(Box::new(good), 0).expect("a thread");
        for _ in 0..100 {
            events.emit(note("x"));
        }
        assert_eq!(block_on(line.sure(Sure::Taken)), Ok(()));
        assert_eq!(*lock(&seen), (1..=100).collect::<Vec<_>>());
        assert!(lock(&late).is_empty());
        *lock(&gate.0) = true;
        gate.1.notify_all();
        events.end(|| true);
        assert_eq!(*lock(&late), (1..=100).collect::<Vec<_>>());
    }

    #[test]
    fn a_reader_that_fails_or_panics_is_told_of_in_the_stream_and_is_gone() {
        let (mut failing, mut panicking, good) = (Odd::new(), Odd::new(), Odd::new());
        failing.fails_at = Some(2);
        panicking.panics_at = Some(2);
        let seen = Arc::clone(&good.seen);
        let events = Events::new(vec![Box::new(good)], Secrets::default()).expect("threads");
        let failing = events.attach(Box::new(failing), 0).expect("a thread");
        let panicking = events.attach(Box::new(panicking), 0).expect("a thread");
        events.emit(note("1"));
        events.emit(note("2"));
        let told = |line: &Line| block_on(line.sure(Sure::Synced)).expect_err("a failure");
        assert!(told(&failing).contains("no storage space"), "{}", told(&failing));
        assert!(!told(&panicking).is_empty());
        events.emit(note("3"));
        events.end(|| true);
        // Two notes, two warnings, and the last note.
        assert_eq!(*lock(&seen), (1..=5).collect::<Vec<_>>());
    }

    #[test]
    fn what_hosts_print_is_left_out_for_a_reader_that_is_far_behind_and_what_is_done_is_not() {
        let stalled = Odd::new();
        *lock(&stalled.gate.0) = false;
        let (gate, seen) = (Arc::clone(&stalled.gate), Arc::clone(&stalled.seen));
        let events = Events::new(vec![Box::new(stalled)], Secrets::default()).expect("a thread");
        for _ in 0..BACKLOG + 50 {
            events.emit(What::EffectOutput { effect: 1, host: None, line: String::new() });
        }
        events.emit(note("the last"));
        *lock(&gate.0) = true;
        gate.1.notify_all();
        events.end(|| true);
        let seen = lock(&seen);
        assert!(seen.len() <= BACKLOG + 2, "{}", seen.len());
        assert!(seen.contains(&(BACKLOG as u64 + 51)), "the note was left out");
    }
}
