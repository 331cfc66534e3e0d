//! What goes wrong in a template, and where.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use crate::error::{Error, Excerpt};

/// What goes wrong in the engine.
#[derive(Clone, Debug)]
pub struct Fault {
    pub kind: FaultKind,
    pub message: String,
    /// The places that led there, innermost first.
    pub places: Vec<Place>,
    /// What to do next.
    pub hints: Vec<String>,
    /// The name that is undefined, where it is one.
    pub name: Option<String>,
}

/// Whether it may be dealt with by `default` and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A variable, attribute or item that is not there.
    Undefined,
    /// Anything else.
    Failed,
}

/// A place in a template, or a variable whose template was being rendered.
#[derive(Clone, Debug)]
pub enum Place {
    At(Excerpt),
    /// `variable \`a\` of host m1, group_vars/all.yml:3`
    Variable {
        told: String,
        excerpt: Option<Excerpt>,
    },
}

/// A result of the engine.
pub type R<T> = Result<T, Box<Fault>>;

impl Fault {
    pub fn new(message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            kind: FaultKind::Failed,
            message: message.into(),
            places: Vec::new(),
            hints: Vec::new(),
            name: None,
        })
    }

    pub fn undefined(message: impl Into<String>) -> Box<Self> {
        let mut fault = Self::new(message);
        fault.kind = FaultKind::Undefined;
        fault
    }

    pub fn hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hints.push(hint.into());
        self
    }

    /// Points at a place, unless it already points into the same template.
    pub fn at(mut self: Box<Self>, source: &Source, span: std::ops::Range<usize>) -> Box<Self> {
        let known = self.places.last().is_some_and(|place| matches!(place, Place::At(at) if at.path == source.path));
        if !known {
            self.places.push(Place::At(Excerpt::new(source.path.clone(), source.text.clone(), span)));
        }
        self
    }

    /// The same failure once more.
    pub fn again(self: &Rc<Self>) -> Box<Self> {
        Box::new(Self::clone(self))
    }

    /// The failure as a user sees it.
    pub fn told(self, what: &str) -> Error {
        let mut error = Error::input(format!("{what}: {}", self.message));
        for place in self.places {
            match place {
                Place::At(excerpt) => error = error.at(excerpt),
                Place::Variable { told, excerpt } => {
                    error = error.caused_by(format!("needed by {told}"));
                    if let Some(excerpt) = excerpt {
                        error = error.at(excerpt);
                    }
                }
            }
        }
        self.hints.into_iter().fold(error, Error::hint)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A template's text and whose it is.
#[derive(Clone, Debug)]
pub struct Source {
    pub path: String,
    pub text: Arc<str>,
}
