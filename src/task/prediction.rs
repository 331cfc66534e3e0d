//! What a check mode run would have changed on a host so far.

use std::collections::HashMap;
use std::sync::Mutex;

/// What would be at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicted {
    /// A file with this content.
    File(Vec<u8>),
    /// A folder.
    Directory,
    /// A symbolic link to this target.
    Link(String),
    /// Nothing.
    Absent,
}

/// The predictions of one host, by path.
#[derive(Debug, Default)]
pub struct Predictions(Mutex<HashMap<String, Predicted>>);

impl Predictions {
    /// What would be at `path`, when something of this run would have changed it.
    pub fn at(&self, path: &str) -> Option<Predicted> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(path).cloned()
    }

    /// Records what would be at `path`.
    pub fn record(&self, path: impl Into<String>, predicted: Predicted) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(path.into(), predicted);
    }
}
