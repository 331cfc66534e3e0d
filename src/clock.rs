//! Time that does not pass while the operator has stopped the process: a deadline means time in which something was looked for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

struct Stops {
    /// How long the process was stopped so far.
    sum: Duration,
    /// Since when it is.
    since: Option<Instant>,
}

static STOPS: Mutex<Stops> = Mutex::new(Stops { sum: Duration::ZERO, since: None });

/// Measures from its beginning on.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    began: Instant,
    stopped: Duration,
}

impl Watch {
    /// Begins now.
    pub fn begin() -> Self {
        let stops = lock();
        Self { began: now(&stops), stopped: stops.sum }
    }

    /// How long ago that was, without the time in which the process was stopped.
    pub fn elapsed(&self) -> Duration {
        let stops = lock();
        now(&stops).saturating_duration_since(self.began).saturating_sub(stops.sum.saturating_sub(self.stopped))
    }
}

/// The process is stopped in a moment: time stands still for it.
pub fn stop() {
    lock().since.get_or_insert_with(Instant::now);
}

/// The process goes on; gives how long it was stopped.
pub fn go_on() -> Duration {
    let mut stops = lock();
    let span = stops.since.take().map(|since| since.elapsed()).unwrap_or_default();
    stops.sum += span;
    span
}

/// Threads that wake up before the one that hears the signals see the moment in which the process was stopped.
fn now(stops: &Stops) -> Instant {
    stops.since.unwrap_or_else(Instant::now)
}

fn lock() -> MutexGuard<'static, Stops> {
    STOPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long this thread has run: what others do on the machine does not count.
#[cfg(test)]
pub fn worked() -> Duration {
    let told = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(told.tv_sec).unwrap_or(0), u32::try_from(told.tv_nsec).unwrap_or(0))
}
