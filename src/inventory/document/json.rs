//! JSON with the place of every value, as Python's reader takes it.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Key, Kind, MAX_DEPTH, MAX_NODES, Node, Source, scalar};
use crate::error::{Error, Result};

/// Why a text is not JSON, and where.
struct Fault {
    at: usize,
    message: &'static str,
}

/// Reads a text that may be JSON; none where it is not.
pub fn read(source: &Source) -> Option<Node> {
    let first = source.text.trim_start().bytes().next()?;
    if !(b"{[\"-tfn".contains(&first) || first.is_ascii_digit()) {
        return None;
    }
    document(&source.text).ok()
}

/// Reads a text that has to be JSON.
pub fn read_strictly(source: &Source) -> Result<Node> {
    document(&source.text).map_err(|fault| {
        Error::input(format!("this is not JSON: {}", fault.message)).at(source.excerpt(&(fault.at..fault.at)))
    })
}

fn document(text: &str) -> Result<Node, Fault> {
    let mut reader = Reader { text, at: 0, nodes: 0 };
    reader.blank();
    let node = reader.value(0)?;
    reader.blank();
    if reader.at < text.len() {
        return Err(reader.fault("something follows the value"));
    }
    Ok(node)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    nodes: usize,
}

impl Reader<'_> {
    fn fault(&self, message: &'static str) -> Fault {
        Fault { at: self.at, message }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Fault> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(self.fault("it has too many or too deep values"));
        }
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => Kind::Map(self.object(depth)?),
            Some(b'[') => Kind::List(self.list(depth)?),
            Some(b'"') => Kind::Scalar(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => return self.number(),
            _ => {
                let words = [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)];
                let found = words.into_iter().find(|(word, _)| self.text[self.at..].starts_with(word));
                let (word, value) = found.ok_or_else(|| self.fault("a value is missing"))?;
                self.at += word.len();
                return Ok(Node::scalar(value, start..self.at, Some(word.into())));
            }
        };
        Ok(Node { kind, span: start..self.at, written: None })
    }

    fn object(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, Fault> {
        let mut fields: Vec<(Key, Node)> = Vec::new();
        let mut places: HashMap<Arc<str>, usize> = HashMap::new();
        self.at += 1;
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(fields);
        }
        loop {
            self.blank();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.fault("a key in double quotes is missing"));
            }
            let name: Arc<str> = self.string()?.into();
            let key = Key::text(Arc::clone(&name), start..self.at);
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.fault("a `:` is missing"));
            }
            self.at += 1;
            self.blank();
            let value = self.value(depth + 1)?;
            match places.get(&name).and_then(|place| fields.get_mut(*place)) {
                Some(known) => *known = (key, value),
                None => {
                    places.insert(name, fields.len());
                    fields.push((key, value));
                }
            }
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(fields);
                }
                _ => return Err(self.fault("a `,` or a `}` is missing")),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        self.at += 1;
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(items);
        }
        loop {
            self.blank();
            items.push(self.value(depth + 1)?);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(items);
                }
                _ => return Err(self.fault("a `,` or a `]` is missing")),
            }
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(Fault { at: start, message: "the text does not end" }),
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let raw = self.text.get(start..self.at).ok_or(Fault { at: start, message: "the text does not end" })?;
        serde_json::from_str(raw)
            .map_err(|_| Fault { at: start, message: "the text has a wrong escape or a control character" })
    }

    fn number(&mut self) -> Result<Node, Fault> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
            self.at += 1;
        }
        let written = &self.text[start..self.at];
        let digits = written.strip_prefix('-').unwrap_or(written);
        let well_formed = serde_json::from_str::<f64>(written).is_ok();
        let value = if !well_formed {
            Err("this is not a number")
        } else if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            written.parse::<i128>().map_err(|_| "the number is too large").and_then(scalar::whole)
        } else {
            written.parse::<f64>().map_err(|_| "this is not a number").and_then(scalar::finite)
        };
        let value = value.map_err(|message| Fault { at: start, message })?;
        Ok(Node::scalar(value, start..self.at, Some(written.into())))
    }
}
