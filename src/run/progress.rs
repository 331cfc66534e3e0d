//! What an effect says while it runs, as events, at a rate that no sink suffers from.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::events::What;
use super::stream::Events;
use crate::host::Pipe;
use crate::task::{Progress, printable};

/// The longest text of an event about an effect under way, in characters. A host may print lines of megabytes, ten times a
/// second for hours, and each goes to the event stream and into the run's record.
const LONGEST: usize = 2000;

/// A person can't read more than this many lines a second, and a host may print thousands.
const PAUSE: Duration = Duration::from_millis(100);

/// The progress of one effect.
pub struct EffectProgress {
    events: Events,
    effect: u64,
    host: Option<String>,
    last: Mutex<Option<Instant>>,
}

impl EffectProgress {
    /// The progress of the effect of this number; an empty host is none.
    pub fn new(events: Events, effect: u64, host: &str) -> Self {
        Self { events, effect, host: (!host.is_empty()).then(|| host.to_owned()), last: Mutex::new(None) }
    }

    fn is_due(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() >= PAUSE);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", printable(&text[..end])),
        None => printable(text),
    }
}

impl Progress for EffectProgress {
    fn line(&self, _: Pipe, line: &str) {
        if let Some(host) = self.host.clone().filter(|_| self.is_due()) {
            self.events.emit(What::EffectOutput { effect: self.effect, host: Some(host), line: shown(line) });
        }
    }

    fn waiting(&self, status: &str) {
        if self.is_due() {
            let status = shown(status);
            self.events.emit(What::EffectWaiting { effect: self.effect, host: self.host.clone(), status });
        }
    }
}
