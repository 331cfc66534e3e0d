//! What is accepted as Ansible accepts it, and should be known.

use std::collections::HashSet;
use std::ops::Range;

use super::Source;

/// Something that is taken as Ansible takes it and that its writer probably did not mean.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Warning {
    /// What, and what is done about it.
    pub message: String,
    /// The place, as `file:line`; empty where there is none.
    pub place: String,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.message),
            place => write!(f, "{place}: {}", self.message),
        }
    }
}

/// Warnings in the order in which they came up, none twice.
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    all: Vec<Warning>,
    known: HashSet<Warning>,
}

impl Warnings {
    /// Adds one about a place in a file.
    pub fn at(&mut self, source: &Source, span: &Range<usize>, message: impl Into<String>) {
        self.add(message, format!("{}:{}", source.path, source.line(span)));
    }

    /// Adds one.
    pub fn add(&mut self, message: impl Into<String>, place: impl Into<String>) {
        self.take(Warning { message: message.into(), place: place.into() });
    }

    /// Adds all of others.
    pub fn extend(&mut self, others: Self) {
        others.all.into_iter().for_each(|warning| self.take(warning));
    }

    /// All of them.
    pub fn all(&self) -> &[Warning] {
        &self.all
    }

    fn take(&mut self, warning: Warning) {
        if self.known.insert(warning.clone()) {
            self.all.push(warning);
        }
    }
}
