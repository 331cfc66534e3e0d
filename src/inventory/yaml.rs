//! YAML with the place of every key and value, read within bounds.
//!
//! What a plain scalar means (`no` is a text, `0755` too) is serde_yaml's; the structure and the places come from a
//! parser that gives them.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

use crate::error::{Error, Excerpt, Result};

/// The largest file that is read.
pub const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// The most values that a file may have once its aliases are followed.
const MAX_NODES: usize = 200_000;
/// The deepest nesting.
const MAX_DEPTH: usize = 64;

/// A file's text and the name that the user knows it by.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path.
    pub path: String,
    /// The text.
    pub text: Arc<str>,
}

impl Source {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let failed = |cause: String| Error::input(format!("can't read {shown}")).caused_by(cause);
        let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
        if size > MAX_BYTES {
            return Err(failed(format!("it has {size} bytes, and at most {MAX_BYTES} are read"))
                .hint("an inventory names hosts and variables; keep large values in files of their own"));
        }
        let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8".to_owned()))?;
        Ok(Self { path: shown, text: text.into() })
    }

    /// A place in the file. Where its text has a password, that is shown as stars.
    pub fn excerpt(&self, span: &Range<usize>) -> Excerpt {
        Excerpt::new(&self.path, masked(&self.text), span.clone())
    }

    /// The line of a place.
    pub fn line(&self, span: &Range<usize>) -> usize {
        self.excerpt(span).line()
    }
}

/// The text with stars in the place of passwords, as many as they have bytes. What is not YAML has no structure to find
/// them by: it is the rest of the line, and the lines below it that are indented further.
fn masked(text: &Arc<str>) -> Arc<str> {
    const NAME: &str = "ansible_become_pass";
    if !text.contains(NAME) {
        return Arc::clone(text);
    }
    let stars = |text: &str| -> String {
        text.chars().map(|c| if c.is_whitespace() { c.to_string() } else { "*".repeat(c.len_utf8()) }).collect()
    };
    let mut shown = String::with_capacity(text.len());
    let mut inside: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let goes_on = inside.is_some_and(|above| indent > above && !line.trim().is_empty());
        if goes_on {
            shown.push_str(&stars(line));
            continue;
        }
        if !line.trim().is_empty() {
            inside = None;
        }
        match line.find(NAME).and_then(|at| line[at..].find([':', '=']).map(|colon| at + colon + 1)) {
            Some(value) => {
                inside = Some(indent);
                shown.push_str(&line[..value]);
                shown.push_str(&stars(&line[value..]));
            }
            None => shown.push_str(line),
        }
    }
    shown.into()
}

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub kind: Kind,
    /// Where it stands, in bytes.
    pub span: Range<usize>,
}

/// The kinds of value.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A text, a number, a truth value or nothing.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the file's order, without a key twice.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its text.
    pub name: String,
    /// Where it stands.
    pub span: Range<usize>,
}

impl Node {
    /// Whether nothing stands there.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Scalar(Value::Null))
    }

    /// The value without its places.
    pub fn value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => Value::Array(items.iter().map(Self::value).collect()),
            Kind::Map(fields) => {
                Value::Object(fields.iter().map(|(key, node)| (key.name.clone(), node.value())).collect::<Map<_, _>>())
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
}

/// Reads the one document of a file; an empty file is nothing.
pub fn parse(source: &Source) -> Result<Node> {
    let mut reader = Reader {
        source,
        offsets: offsets(&source.text),
        events: Parser::new_from_str(&source.text),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let empty = Node { kind: Kind::Scalar(Value::Null), span: 0..0 };
    let mut document = None;
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => break,
            event => {
                if document.is_some() {
                    return Err(reader.error(
                        &span,
                        "the file has a second document",
                        "keep one document a file, without `---` between",
                    ));
                }
                document = Some(reader.node(event, span, 0)?);
            }
        }
    }
    Ok(document.unwrap_or(empty))
}

/// Byte offsets of the characters, where they differ from their numbers.
fn offsets(text: &str) -> Option<Vec<usize>> {
    (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).chain([text.len()]).collect())
}

struct Reader<'a> {
    source: &'a Source,
    offsets: Option<Vec<usize>>,
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Range<usize>)>> {
        match self.events.next() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                let span = self.byte(span.start.index())..self.byte(span.end.index());
                Ok(Some((event, span)))
            }
            Some(Err(error)) => {
                let at = self.byte(error.marker().index());
                Err(self.error(
                    &(at..at),
                    &format!("this is not YAML: {}", error.info()),
                    "look at the indentation and the quotes around here",
                ))
            }
        }
    }

    fn byte(&self, index: usize) -> usize {
        match &self.offsets {
            None => index.min(self.source.text.len()),
            Some(offsets) => offsets.get(index).copied().unwrap_or(self.source.text.len()),
        }
    }

    fn error(&self, span: &Range<usize>, message: &str, hint: &str) -> Error {
        Error::input(message).at(self.source.excerpt(span)).hint(hint)
    }

    fn count(&mut self, nodes: usize, span: &Range<usize>) -> Result<()> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(self.error(
                span,
                &format!("the file has more than {MAX_NODES} values once its aliases are followed"),
                "an alias that holds aliases grows quickly: write the values out",
            ));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, span: Range<usize>, depth: usize) -> Result<Node> {
        if depth > MAX_DEPTH {
            return Err(self.error(&span, "the values are nested too deeply", "64 levels are read"));
        }
        self.count(1, &span)?;
        let before = self.nodes;
        let (node, anchor) = match event {
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id).cloned() else {
                    return Err(self.error(
                        &span,
                        "the alias stands inside its own anchor",
                        "a value can't contain itself",
                    ));
                };
                self.count(size, &span)?;
                return Ok(Node { span, ..node });
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                return Err(self.error(
                    &span,
                    "YAML tags are not supported",
                    "leave out the word that begins with `!`",
                ));
            }
            Event::Scalar(text, style, anchor, None) => {
                let value = if style == ScalarStyle::Plain {
                    self.plain(&text, &span)?
                } else {
                    Value::String(text.into_owned())
                };
                (Node { kind: Kind::Scalar(value), span }, anchor)
            }
            Event::SequenceStart(anchor, None) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Some((Event::SequenceEnd, end)) => {
                            break (
                                Node { kind: Kind::List(items), span: span.start..end.end.max(span.start) },
                                anchor,
                            );
                        }
                        Some((event, span)) => items.push(self.node(event, span, depth + 1)?),
                        None => return Err(self.error(&span, "the list does not end", "look for a missing bracket")),
                    }
                }
            }
            Event::MappingStart(anchor, None) => (self.mapping(&span, depth)?, anchor),
            _ => return Err(self.error(&span, "this is not YAML", "look at the indentation around here")),
        };
        if anchor > 0 {
            let size = self.nodes - before + 1;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn mapping(&mut self, span: &Range<usize>, depth: usize) -> Result<Node> {
        let mut fields: Vec<(Key, Node)> = Vec::new();
        let mut names: HashMap<String, Range<usize>> = HashMap::new();
        let mut merged = Vec::new();
        loop {
            let (event, at) = match self.next()? {
                Some((Event::MappingEnd, _)) => break,
                Some(next) => next,
                None => return Err(self.error(span, "the mapping does not end", "look for a missing bracket")),
            };
            let key = self.node(event, at.clone(), depth + 1)?;
            let Kind::Scalar(value) = key.kind else {
                return Err(self.error(&at, "a key has to be a text", "write it without brackets"));
            };
            let name = match value {
                Value::String(text) => text,
                Value::Null => String::from("null"),
                other => other.to_string(),
            };
            let (event, value_at) =
                self.next()?.ok_or_else(|| self.error(&at, "the key has no value", "write `key: value`"))?;
            let value = self.node(event, value_at, depth + 1)?;
            if name == "<<" {
                merged.push(value);
                continue;
            }
            if let Some(first) = names.get(&name) {
                let line = self.source.line(first);
                return Err(Error::input(format!("`{name}` stands twice in one mapping"))
                    .at(self.source.excerpt(&at).label(format!("first in line {line}")))
                    .hint("YAML would silently keep the last one: merge the two, or remove one"));
            }
            names.insert(name.clone(), at.clone());
            fields.push((Key { name, span: at }, value));
        }
        for merge in merged {
            let Kind::Map(more) = merge.kind else {
                return Err(self.error(&merge.span, "`<<` merges a mapping, and this is none", "write `<<: *anchor`"));
            };
            for (key, node) in more {
                if !names.contains_key(&key.name) {
                    names.insert(key.name.clone(), key.span.clone());
                    fields.push((key, node));
                }
            }
        }
        Ok(Node { kind: Kind::Map(fields), span: span.clone() })
    }

    fn plain(&self, text: &str, span: &Range<usize>) -> Result<Value> {
        if text.is_empty() {
            return Ok(Value::Null);
        }
        // Only these begin anything but a text; the rest need not be asked about.
        let first = text.as_bytes()[0];
        if !(first.is_ascii_digit() || b"+-.~nNtTfF".contains(&first)) {
            return Ok(Value::String(text.to_owned()));
        }
        let value = match serde_yaml::from_str::<serde_yaml::Value>(text) {
            Ok(serde_yaml::Value::Null) => Value::Null,
            Ok(serde_yaml::Value::Bool(value)) => Value::Bool(value),
            Ok(serde_yaml::Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Value::from(integer),
                (None, _) if number.is_u64() => {
                    return Err(self.error(span, "the number is too large", "write it as a text, in quotes"));
                }
                (None, Some(float)) if float.is_finite() => Value::from(float),
                _ => Value::String(text.to_owned()),
            },
            _ => Value::String(text.to_owned()),
        };
        Ok(value)
    }
}
