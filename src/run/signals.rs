//! The operator's signals, heard from the beginning of the process to its end, on a thread that does nothing else.
//!
//! | while | the first | the second | a further one |
//! |---|---|---|---|
//! | nothing has begun | ends the process | | |
//! | a run is under way | asks it to stop at its next safe place | asks it to stop now | ends the process, once it had time to stop |
//! | the run is over and is only being told of | ends the process with the run's exit code | | |
//!
//! A process that was told to overlook SIGHUP (`nohup`) overlooks it. SIGTSTP stops the process, and the clock of its
//! deadlines with it, until SIGCONT.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::events::What;
use super::interrupt::Interrupt;
use super::stream::Events;
use crate::error::Kind;
use crate::{clock, host, tty};

/// How long a run that was told to stop now has for that, before a further signal ends the process.
const TIME_TO_STOP: Duration = Duration::from_secs(10);

/// How long the readers of a run that was told to stop now have for its end.
const TIME_TO_TELL: Duration = Duration::from_secs(2);

enum Phase {
    /// Nothing has begun.
    Before,
    /// A run is under way.
    Run { interrupt: Interrupt, events: Events, now: Option<Instant> },
    /// It is over, with this exit code; since then, if it was told to stop now.
    Over { exit_code: u8, hurried: Option<Instant> },
}

static PHASE: Mutex<Phase> = Mutex::new(Phase::Before);

/// Begins to hear them.
pub fn listen() -> io::Result<()> {
    let mut heard = vec![SIGINT, SIGTERM];
    heard.extend([SIGHUP, SIGTSTP].into_iter().filter(|signal| !is_overlooked(*signal)));
    let mut signals = Signals::new(heard)?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if signal == SIGTSTP { stop_for_a_while() } else { hear(signal) }
        }
    })?;
    Ok(())
}

/// From now on they are wishes to stop this run.
pub fn run_begins(interrupt: Interrupt, events: Events) {
    *lock() = Phase::Run { interrupt, events, now: None };
}

/// The run has ended with this exit code, and its record is whole: what is left is to tell of it.
pub fn run_is_over(exit_code: u8) {
    let mut phase = lock();
    let hurried = matches!(&*phase, Phase::Run { interrupt, .. } if interrupt.is_now()).then(Instant::now);
    *phase = Phase::Over { exit_code, hurried };
}

/// Whether there is time left to tell how the run ended: as long as it takes, unless it was told to stop now.
pub fn is_patient() -> bool {
    match &*lock() {
        Phase::Over { hurried: Some(since), .. } => since.elapsed() < TIME_TO_TELL,
        _ => true,
    }
}

fn hear(signal: i32) {
    tty::show_again();
    match &mut *lock() {
        Phase::Before => {
            // It ends the process, so that a shell sees what a shell is used to.
            let _ = emulate_default_handler(signal);
        }
        Phase::Run { now: Some(since), .. } if since.elapsed() >= TIME_TO_STOP => {
            std::process::exit(Kind::Interrupted.exit_code().into());
        }
        Phase::Run { interrupt, events, now } => {
            let second = interrupt.signal();
            if second {
                now.get_or_insert_with(Instant::now);
            }
            events.emit(What::Interrupted { now: second });
        }
        Phase::Over { exit_code, .. } => std::process::exit((*exit_code).into()),
    }
}

fn stop_for_a_while() {
    tty::show_again();
    // The hosts hear nothing then, and are not to take that for the end.
    host::rest();
    clock::stop();
    // The process stops here, until it is told to go on.
    let _ = emulate_default_handler(SIGTSTP);
    let span = clock::go_on();
    tty::hide_again();
    if let Phase::Run { events, .. } = &*lock() {
        events.emit(What::Warning { text: format!("the run was stopped for {} s, and goes on", span.as_secs()) });
    }
}

/// Whether the process was started with this signal overlooked.
fn is_overlooked(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}

fn lock() -> MutexGuard<'static, Phase> {
    PHASE.lock().unwrap_or_else(PoisonError::into_inner)
}
