//! Values with the place of each: what a YAML or JSON file holds, as ansible-core 2.19 reads it.
//!
//! A text that is JSON is read as JSON; everything else as YAML 1.1.

use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, Value, json};

mod json;
pub mod scalar;
mod yaml;

use super::vault::Vault;
use super::warning::Warnings;
use super::{Source, exact};
use crate::error::Result;

/// The most values that a file may have once its aliases are followed.
const MAX_NODES: usize = 500_000;
/// The deepest nesting.
pub const MAX_DEPTH: usize = 64;

/// The key of an object that stands for a `!vault` value.
pub const VAULT: &str = "__ansible_vault";
/// The key of an object that stands for a text that is never a template.
pub const UNSAFE: &str = "__ansible_unsafe";

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub kind: Kind,
    /// Where it stands, in bytes.
    pub span: Range<usize>,
    /// A scalar as it was written, where it is not a text.
    pub written: Option<Arc<str>>,
}

/// The kinds of value.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A text, a number, a truth value or nothing; also a vault's text, in its object.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the file's order, without a key twice.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its text; that of another scalar is its JSON.
    pub name: Arc<str>,
    /// Where it stands.
    pub span: Range<usize>,
    /// As it was written, where it is not a text.
    pub written: Option<Arc<str>>,
    /// What it is where it is no text, in the form of [`exact`].
    pub exact: Option<Value>,
}

impl Key {
    /// A text.
    pub fn text(name: impl Into<Arc<str>>, span: Range<usize>) -> Self {
        Self { name: name.into(), span, written: None, exact: None }
    }

    /// What makes it one key with another.
    fn identity(&self) -> String {
        match &self.exact {
            Some(value) => exact::identity(value),
            None => exact::identity(&Value::from(&*self.name)),
        }
    }

    /// The text as it was written: `1.10` stays so.
    pub fn spelling(&self) -> &str {
        self.written.as_deref().unwrap_or(&self.name)
    }
}

impl Node {
    /// A scalar.
    pub fn scalar(value: Value, span: Range<usize>, written: Option<Arc<str>>) -> Self {
        Self { kind: Kind::Scalar(value), span, written }
    }

    /// Whether nothing stands there.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Scalar(Value::Null))
    }

    /// Whether it is what Python takes for false: nothing, `false`, 0, an empty text, list or mapping.
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Scalar(Value::Null | Value::Bool(false)) => true,
            Kind::Scalar(Value::Number(number)) => number.as_f64() == Some(0.0),
            Kind::Scalar(Value::String(text)) => text.is_empty(),
            Kind::Scalar(_) => false,
            Kind::List(items) => items.is_empty(),
            Kind::Map(fields) => fields.is_empty(),
        }
    }

    /// The value without its places.
    pub fn value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => Value::Array(items.iter().map(Self::value).collect()),
            Kind::Map(fields) => {
                let fields = fields.iter().map(|(key, node)| (key.name.to_string(), node.value()));
                Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }

    /// Whether it is a date or a time: its value is the text in ISO form.
    fn is_time(&self) -> bool {
        self.written.is_some() && matches!(self.kind, Kind::Scalar(Value::String(_)))
    }

    /// The value with Python's types, in the form of [`exact`]; none where JSON has them all.
    pub fn exact(&self) -> Option<Value> {
        self.is_exact().then(|| self.typed())
    }

    fn is_exact(&self) -> bool {
        match &self.kind {
            Kind::Scalar(_) => self.is_time(),
            Kind::List(items) => items.iter().any(Self::is_exact),
            Kind::Map(fields) => fields.iter().any(|(key, node)| key.exact.is_some() || node.is_exact()),
        }
    }

    fn typed(&self) -> Value {
        match &self.kind {
            Kind::Scalar(Value::String(iso)) if self.is_time() => exact::time(iso),
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => Value::Array(items.iter().map(Self::typed).collect()),
            Kind::Map(fields) => {
                let key = |key: &Key| key.exact.clone().unwrap_or_else(|| Value::from(&*key.name));
                exact::mapping(fields.iter().map(|(name, node)| (key(name), node.typed())).collect())
            }
        }
    }

    /// What it is, for a person.
    pub fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(Value::Null) => "nothing",
            Kind::Scalar(Value::Bool(_)) => "a truth value",
            Kind::Scalar(Value::Number(_)) => "a number",
            Kind::Scalar(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The value of a key of a mapping.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(fields) => fields.iter().find(|(key, _)| &*key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The same with each text marked as none that may be a template.
    pub fn unsafe_texts(self) -> Self {
        let kind = match self.kind {
            // What was written as something else, such as a date, is no text for Ansible.
            Kind::Scalar(Value::String(text)) if self.written.is_none() => Kind::Scalar(json!({ UNSAFE: text })),
            Kind::List(items) => Kind::List(items.into_iter().map(Self::unsafe_texts).collect()),
            Kind::Map(fields) => Kind::Map(fields.into_iter().map(|(key, node)| (key, node.unsafe_texts())).collect()),
            other => other,
        };
        Self { kind, ..self }
    }
}

/// A scalar that a person would take for something else.
#[derive(Clone, Debug)]
pub struct Surprise {
    /// As it was written.
    pub written: Arc<str>,
    /// What it is.
    pub value: Value,
    /// Where it stands.
    pub span: Range<usize>,
}

/// What was noticed while reading.
#[derive(Debug, Default)]
pub struct Notices {
    /// What Ansible warns of.
    pub warnings: Warnings,
    /// What surprises.
    pub surprises: Vec<Surprise>,
}

/// Reads a file's one document; an empty file is nothing.
pub fn read(source: &Source, notices: &mut Notices) -> Result<Node> {
    match json::read(source) {
        Some(node) => Ok(node),
        None => yaml::read(source, notices),
    }
}

/// Reads a text that has to be JSON: what a program printed.
pub fn read_json(source: &Source) -> Result<Node> {
    json::read_strictly(source)
}

/// The shortest part of a template that is a secret by itself.
const LEAST_CONSTANT: usize = 4;

/// What stands in a template as it is, between what is rendered; nothing of a text that is no template.
fn constants(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text).filter(|text| ["{{", "{%", "{#"].iter().any(|open| text.contains(open)));
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(open) =
            text.match_indices('{').map(|(at, _)| at).find(|at| text[at + 1..].starts_with(['{', '%', '#']))
        else {
            rest = None;
            return Some(text.trim());
        };
        let close = match text.as_bytes().get(open + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => "#}",
        };
        let inside = &text[open + 2..];
        rest = inside.find(close).map(|at| &inside[at + close.len()..]);
        Some(text[..open].trim())
    })
}

/// Makes the values of a file that is a vault known as secrets. Of a template that is each part that is not rendered; what it
/// gives is told when it is.
pub fn reveal(vault: &Vault, node: &Node) {
    match &node.kind {
        Kind::Scalar(Value::String(text)) => {
            vault.reveal(text);
            constants(text).filter(|part| part.len() >= LEAST_CONSTANT).for_each(|part| vault.reveal(part));
        }
        Kind::Scalar(_) => {
            if let Some(written) = &node.written {
                vault.reveal(written);
            }
        }
        Kind::List(items) => items.iter().for_each(|item| reveal(vault, item)),
        Kind::Map(fields) => fields.iter().for_each(|(_, node)| reveal(vault, node)),
    }
}
