//! Stopping a run from outside: at the next safe place, or now.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use crate::error::{Error, Kind};

/// The operator's wish to stop. Clones share it.
#[derive(Clone, Default)]
pub struct Interrupt {
    stopping: Arc<AtomicBool>,
    now: CancellationToken,
}

impl Interrupt {
    /// One more signal: the first asks to stop at the next safe place, the second to stop now. Gives whether it was the
    /// second.
    pub fn signal(&self) -> bool {
        let second = self.stopping.swap(true, Ordering::SeqCst);
        if second {
            self.now.cancel();
        }
        second
    }

    /// Whether the run should stop at the next safe place.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Whether the run should stop now.
    pub fn is_now(&self) -> bool {
        self.now.is_cancelled()
    }

    /// Ends when the run should stop now.
    pub async fn now(&self) {
        self.now.cancelled().await;
    }

    /// The error that ends an interrupted run.
    pub fn error() -> Error {
        Error::new(Kind::Interrupted, "interrupted by the operator")
            .hint("run the same command again: it goes on from what the hosts show")
    }
}
