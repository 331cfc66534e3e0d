//! A host hears from this process every few seconds, whatever else there is to say: where it does not, the connection was cut
//! off, or this process stopped, and it ends what it runs for it. TCP alone would notice a cut after a quarter of an hour.

use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How long nothing may be heard. What runs is ended somewhat earlier, so that it is over when others take the lock for dead.
pub const SILENCE: Duration = Duration::from_secs(50);

/// How often something is heard.
const BEAT: Duration = Duration::from_secs(10);

/// What is more than a late beat.
const LONG: Duration = Duration::from_secs(30);

/// How long an announcement that nothing will be heard may take.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(1);

/// Set to who counts the hosts that know of it, each time this process is about to stop for a while.
static REST: LazyLock<watch::Sender<Option<Sender<()>>>> = LazyLock::new(|| watch::Sender::new(None));

/// Tells every host that nothing will be heard for a while, which is no end. Returns when they were told.
pub fn rest() {
    let (told, tellers) = channel();
    let hosts = REST.receiver_count();
    REST.send_replace(Some(told));
    let until = Instant::now() + ANNOUNCED_WITHIN;
    for _ in 0..hosts {
        if tellers.recv_timeout(until.saturating_duration_since(Instant::now())).is_err() {
            break;
        }
    }
    REST.send_replace(None);
}

/// What one connection says when there is nothing else.
pub struct Pulse {
    beats: Interval,
    rest: watch::Receiver<Option<Sender<()>>>,
    told: Option<Sender<()>>,
    said: Duration,
    pause: Duration,
}

impl Pulse {
    /// Begins to count.
    pub fn begin() -> Self {
        let mut beats = interval(BEAT);
        beats.reset();
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { beats, rest: REST.subscribe(), told: None, said: now(), pause: Duration::ZERO }
    }

    /// Something was sent.
    pub fn said(&mut self) {
        let now = now();
        self.pause = now.saturating_sub(self.said);
        self.said = now;
    }

    /// How long the host heard nothing before now, or before what was sent last, where that is long.
    pub fn silence(&self) -> Option<Duration> {
        Some(self.pause.max(now().saturating_sub(self.said))).filter(|span| *span > LONG)
    }

    /// The next word. Can be cancelled.
    pub async fn next(&mut self) -> &'static [u8] {
        loop {
            tokio::select! {
                _ = self.beats.tick() => return b"beat\n",
                Ok(()) = self.rest.changed() => {
                    self.told = self.rest.borrow_and_update().clone();
                    if self.told.is_some() {
                        return b"rest\n";
                    }
                }
            }
        }
    }

    /// It was sent.
    pub fn was_sent(&mut self) {
        self.said();
        if let Some(told) = self.told.take() {
            // Who counts may have had no more time for it.
            let _ = told.send(());
        }
    }
}

/// Since the machine was started, its sleep included.
fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_silence_is_known_until_two_words_were_sent_after_it() {
        let mut pulse = Pulse::begin();
        assert_eq!(pulse.silence(), None);
        pulse.said = now().saturating_sub(Duration::from_secs(74));
        assert_eq!(pulse.silence().map(|span| span.as_secs()), Some(74));
        // The first word may still be taken by what carries it, and the end be noticed after that.
        pulse.was_sent();
        assert_eq!(pulse.silence().map(|span| span.as_secs()), Some(74));
        pulse.was_sent();
        assert_eq!(pulse.silence(), None);
    }
}
