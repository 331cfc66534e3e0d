//! Variables: a value, how it was written, and where.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::Source;
use super::document::{Key, Node, UNSAFE, VAULT};
use crate::error::Error;

/// Where a value was written.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Whose it is: `group masters`, `host m1`, `-e`.
    pub owner: Arc<str>,
    /// The file, where there is one.
    pub source: Option<Source>,
    /// The place in the file.
    pub span: Range<usize>,
}

impl Origin {
    /// A place in a file.
    pub fn new(owner: impl Into<Arc<str>>, source: &Source, span: Range<usize>) -> Self {
        Self { owner: owner.into(), source: Some(source.clone()), span }
    }

    /// The place as `file:line`, or whose it is.
    pub fn place(&self) -> String {
        match &self.source {
            Some(source) => format!("{}:{}", source.path, source.line(&self.span)),
            None => self.owner.to_string(),
        }
    }

    /// The error with the place, where there is one.
    pub fn at(&self, error: Error) -> Error {
        match &self.source {
            Some(source) => error.at(source.excerpt(&self.span)),
            None => error,
        }
    }
}

/// A variable's value and where it was written.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The value. A `!vault` text is `{"__ansible_vault": "…"}`, a text that is never a template `{"__ansible_unsafe": "…"}`.
    pub value: Value,
    /// The same with Python's types, in the form of [`exact`](super::exact), where JSON does not have them.
    pub exact: Option<Arc<Value>>,
    /// The text of a scalar that is not a text, as it was written: a password `12.50` is not 12.5.
    pub written: Option<Arc<str>>,
    /// Where it was written.
    pub origin: Origin,
}

impl Variable {
    /// The variable that a key of a mapping gives.
    pub fn of(owner: &Arc<str>, source: &Source, key: &Key, node: &Node) -> Self {
        let origin = Origin { owner: Arc::clone(owner), source: Some(source.clone()), span: key.span.clone() };
        Self { value: node.value(), exact: node.exact().map(Arc::new), written: node.written.clone(), origin }
    }

    /// The value that has Python's types.
    pub fn full(&self) -> &Value {
        self.exact.as_deref().unwrap_or(&self.value)
    }

    /// A value that may have Python's types, which nobody wrote as it is.
    pub fn made(value: Value, origin: Origin) -> Self {
        let exact = super::exact::is_needed(&value).then(|| Arc::new(value.clone()));
        let value = if exact.is_some() { super::exact::plain(&value) } else { value };
        Self { value, exact, written: None, origin }
    }

    /// Its text, where a text is needed: as it was written. None for lists, mappings, nothing, and vaults that are closed.
    pub fn text(&self) -> Option<String> {
        match &self.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(self.written.as_deref().map_or_else(|| number.to_string(), str::to_owned)),
            Value::Bool(value) => Some(self.written.as_deref().map_or_else(|| value.to_string(), str::to_owned)),
            Value::Object(fields) if fields.len() == 1 => fields.get(UNSAFE).and_then(Value::as_str).map(str::to_owned),
            _ => None,
        }
    }

    /// The vault's text, where the value is one.
    pub fn vault(&self) -> Option<&str> {
        match &self.value {
            Value::Object(fields) if fields.len() == 1 => fields.get(VAULT).and_then(Value::as_str),
            _ => None,
        }
    }
}

/// What one place gives: names and values, in its order. A name may stand twice; the last one counts.
#[derive(Clone, Debug, Default)]
pub struct Variables(Vec<(Arc<str>, Variable)>);

impl Variables {
    /// Adds one; it counts from now on.
    pub fn set(&mut self, name: Arc<str>, variable: Variable) {
        self.0.push((name, variable));
    }

    /// The one that counts.
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.0.iter().rev().find(|(known, _)| &**known == name).map(|(_, variable)| variable)
    }

    /// All of them, the ones that count last.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &Variable)> {
        self.0.iter().map(|(name, variable)| (name, variable))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
