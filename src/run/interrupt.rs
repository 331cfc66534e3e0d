//! Stopping a run from outside: at the next safe place, or now.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use crate::error::{Error, Kind};

/// The operator's wish to stop. Clones share it.
#[derive(Clone, Default)]
pub struct Interrupt {
    signalled: Arc<AtomicBool>,
    why: Arc<OnceLock<Error>>,
    soon: CancellationToken,
    now: CancellationToken,
}

impl Interrupt {
    /// One more signal: the first asks to stop at the next safe place, the second to stop now. Gives whether it was the
    /// second.
    pub fn signal(&self) -> bool {
        let second = self.signalled.swap(true, Ordering::SeqCst);
        self.soon.cancel();
        if second {
            self.now.cancel();
        }
        second
    }

    /// Asks to stop at the next safe place for another reason than a signal of the operator's, whose first one still means
    /// that too.
    pub fn stop(&self, why: Error) {
        // The first reason is the one that is told.
        let _ = self.why.set(why);
        self.soon.cancel();
    }

    /// Whether the run should stop at the next safe place.
    pub fn is_stopping(&self) -> bool {
        self.soon.is_cancelled()
    }

    /// Whether the run should stop now.
    pub fn is_now(&self) -> bool {
        self.now.is_cancelled()
    }

    /// Ends when the run should stop at the next safe place.
    pub async fn soon(&self) {
        self.soon.cancelled().await;
    }

    /// Ends when the run should stop now.
    pub async fn now(&self) {
        self.now.cancelled().await;
    }

    /// The error that ends the run: the reason for which it was asked to stop.
    pub fn error(&self) -> Error {
        let why = self.why.get().filter(|_| !self.signalled.load(Ordering::SeqCst));
        why.cloned().unwrap_or_else(|| Error::new(Kind::Interrupted, "interrupted by the operator"))
    }
}
