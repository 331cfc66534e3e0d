//! YAML 1.1 as Ansible's own reader takes it, within bounds: libyaml's grammar, PyYAML's meaning of scalars, tags and merge
//! keys.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use libyaml_safer::{EventData, Parser, ScalarStyle};
use serde_json::{Value, json};

use super::{Key, Kind, MAX_DEPTH, MAX_NODES, Node, Notices, Source, Surprise, VAULT, exact, scalar};
use crate::error::{Error, Result};
use crate::formats::yaml_events;

/// Reads the one document of a file; an empty file is nothing.
pub fn read(source: &Source, notices: &mut Notices) -> Result<Node> {
    comma_after_tag(source)?;
    let text = yaml_events::whole(&source.text);
    let mut bytes = text.as_bytes();
    let input = &mut bytes;
    let mut parser = Parser::new();
    parser.set_input_string(input);
    let mut reader = Reader { source, parser, anchors: HashMap::new(), nodes: 0, last: 0, notices };
    let empty = Node::scalar(Value::Null, 0..0, None);
    let mut document = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            EventData::StreamStart { .. } | EventData::DocumentEnd { .. } => {}
            EventData::StreamEnd => break,
            EventData::DocumentStart { .. } if document.is_none() => {}
            EventData::DocumentStart { .. } => {
                return Err(reader.error(
                    &span,
                    "the file has a second document",
                    "keep one document a file, without `---` between",
                ));
            }
            event => document = Some(reader.node(event, span, 0)?),
        }
    }
    let mut document = document.unwrap_or(empty);
    once(source, &mut document)?;
    Ok(document)
}

/// Refuses what the parser could not go on after: a tag with a comma at its end.
fn comma_after_tag(source: &Source) -> Result<()> {
    let text = &*source.text;
    for (at, _) in text.match_indices('!') {
        let starts = text[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || "[{,".contains(c));
        let end = text[at..].find(|c: char| c.is_whitespace() || "[]{}\"'".contains(c)).unwrap_or(text.len() - at);
        if starts && text[at..at + end].contains(',') {
            // In a quoted or a plain text it is not a tag; a line is enough to tell the common ones apart.
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let before = &text[line..at];
            let in_text = before.trim_end().ends_with(|c: char| !"[{,:-".contains(c)) && !before.trim().is_empty();
            if !in_text {
                return Err(Error::input("a tag has a comma at its end")
                    .at(source.excerpt(&(at..at + end)))
                    .hint("put a space between the two, or the text in quotes"));
            }
        }
    }
    Ok(())
}

/// Leaves each key once: in the place of the first, with the value of the last.
///
/// Python's `1` and `True` are one key. Its `1` and `"1"` are two, which have one name here: that is refused.
fn once(source: &Source, node: &mut Node) -> Result<()> {
    match &mut node.kind {
        Kind::Scalar(_) => {}
        Kind::List(items) => items.iter_mut().try_for_each(|item| once(source, item))?,
        Kind::Map(fields) => {
            let mut places: HashMap<Arc<str>, usize> = HashMap::with_capacity(fields.len());
            let mut kept: Vec<(Key, Node)> = Vec::with_capacity(fields.len());
            let is_typed = fields.iter().any(|(key, _)| key.exact.is_some());
            for (key, mut value) in std::mem::take(fields) {
                once(source, &mut value)?;
                let identity = if is_typed { key.identity().into() } else { Arc::clone(&key.name) };
                match places.get(&identity).and_then(|place| kept.get_mut(*place)) {
                    // The key stays the one that was there first.
                    Some(known) if is_typed => known.1 = value,
                    Some(known) => *known = (key, value),
                    None => {
                        places.insert(identity, kept.len());
                        kept.push((key, value));
                    }
                }
            }
            if is_typed {
                let mut names = std::collections::HashSet::new();
                if let Some((key, _)) = kept.iter().find(|(key, _)| !names.insert(Arc::clone(&key.name))) {
                    let message = format!("two keys of this mapping are `{}`, one a text and one not", key.name);
                    return Err(Error::input(message)
                        .at(source.excerpt(&key.span))
                        .hint("Python has them as two keys, and JSON as one: write both alike"));
                }
            }
            *fields = kept;
        }
    }
    Ok(())
}

/// A value that a name stands for, and how many values it has.
struct Anchor {
    node: Option<Node>,
    size: usize,
    line: usize,
}

struct Reader<'a> {
    source: &'a Source,
    parser: Parser<&'a mut &'a [u8]>,
    anchors: HashMap<String, Anchor>,
    nodes: usize,
    /// Where the last event ended, in bytes.
    last: usize,
    notices: &'a mut Notices,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<(EventData, Range<usize>)> {
        match yaml_events::next(&mut self.parser, &self.source.text) {
            Ok(event) => {
                let span = self.byte(event.start_mark.index)..self.byte(event.end_mark.index);
                self.last = span.end;
                Ok((event.data, span))
            }
            Err(problem) => {
                let at = problem.at.map_or(self.last, |at| self.byte(at));
                Err(self.error(
                    &(at..at),
                    &format!("this is not YAML: {}", problem.text),
                    "look at the indentation and the quotes around here",
                ))
            }
        }
    }

    fn byte(&self, index: u64) -> usize {
        let mut at = usize::try_from(index).unwrap_or(usize::MAX).min(self.source.text.len());
        while !self.source.text.is_char_boundary(at) {
            at -= 1;
        }
        at
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

    fn node(&mut self, event: EventData, span: Range<usize>, depth: usize) -> Result<Node> {
        if depth > MAX_DEPTH {
            return Err(self.error(&span, "the values are nested too deeply", "64 levels are read"));
        }
        self.count(1, &span)?;
        let before = self.nodes;
        let (node, anchor) = match event {
            EventData::Alias { anchor } => return self.alias(&anchor, span),
            EventData::Scalar { anchor, tag, value, plain_implicit, style, .. } => {
                let anchor = self.begin(anchor, &span)?;
                (self.scalar(tag.as_deref(), value, plain_implicit, style, span)?, anchor)
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                let anchor = self.begin(anchor, &span)?;
                let node = self.list(span, depth)?;
                (self.tagged(tag.as_deref(), node, "tag:yaml.org,2002:seq")?, anchor)
            }
            EventData::MappingStart { anchor, tag, .. } => {
                let anchor = self.begin(anchor, &span)?;
                let node = self.mapping(span, depth)?;
                (self.tagged(tag.as_deref(), node, "tag:yaml.org,2002:map")?, anchor)
            }
            _ => return Err(self.error(&span, "this is not YAML", "look at the indentation around here")),
        };
        if let Some(known) = anchor.and_then(|name| self.anchors.get_mut(&name)) {
            known.size = self.nodes - before + 1;
            known.node = Some(node.clone());
        }
        Ok(node)
    }

    /// Notes a name before its value is read, so that a value that holds itself is found.
    fn begin(&mut self, anchor: Option<String>, span: &Range<usize>) -> Result<Option<String>> {
        let Some(name) = anchor else { return Ok(None) };
        let line = self.source.line(span);
        if let Some(first) = self.anchors.get(&name) {
            let message = format!("the anchor `&{name}` stands twice, first in line {}", first.line);
            return Err(self.error(span, &message, "give the second another name"));
        }
        self.anchors.insert(name.clone(), Anchor { node: None, size: 0, line });
        Ok(Some(name))
    }

    fn alias(&mut self, name: &str, span: Range<usize>) -> Result<Node> {
        match self.anchors.get(name) {
            Some(Anchor { node: Some(node), size, .. }) => {
                let (node, size) = (node.clone(), *size);
                self.count(size, &span)?;
                Ok(Node { span, ..node })
            }
            Some(_) => Err(self.error(&span, "the alias stands inside its own anchor", "a value can't contain itself")),
            None => Err(self.error(
                &span,
                &format!("there is no anchor `&{name}` above"),
                "a text that begins with `*` has to be in quotes",
            )),
        }
    }

    fn scalar(
        &mut self,
        tag: Option<&str>,
        text: String,
        plain: bool,
        style: ScalarStyle,
        span: Range<usize>,
    ) -> Result<Node> {
        let refused = |reader: &Self, message: &str| {
            reader.error(&span, message, "put the text in quotes if it is meant as a text")
        };
        let resolved = |reader: &mut Self, text: &str| match scalar::plain(text) {
            Ok(value) => {
                if scalar::surprises(text, &value) {
                    let written = Arc::from(text);
                    reader.notices.surprises.push(Surprise { written, value: value.clone(), span: span.clone() });
                }
                Ok(value)
            }
            Err(message) => Err(refused(reader, message)),
        };
        let value = match tag {
            None if plain && style == ScalarStyle::Plain && matches!(&*text, "=" | "<<") => {
                return Err(refused(self, "`=` and `<<` have a meaning of their own in YAML"));
            }
            None if plain && style == ScalarStyle::Plain => resolved(self, &text)?,
            None => Value::String(text.clone()),
            Some("!") => resolved(self, &text)?,
            Some("!vault" | "!vault-encrypted") => {
                let span = span.clone();
                return Ok(Node::scalar(json!({ VAULT: text }), span, None));
            }
            Some("!unsafe") => {
                let value = resolved(self, &text)?;
                let written = (!value.is_string() || scalar::is_time(&text)).then(|| Arc::from(text.as_str()));
                return Ok(Node::scalar(value, span, written).unsafe_texts());
            }
            Some(tag) => match tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(tag) {
                "str" | "python/unicode" => Value::String(text.clone()),
                "int" => scalar::integer(&text).map_err(|message| refused(self, message))?,
                "float" => scalar::float(&text).map_err(|message| refused(self, message))?,
                "null" => Value::Null,
                "bool" => match text.to_lowercase().as_str() {
                    "yes" | "true" | "on" => Value::Bool(true),
                    "no" | "false" | "off" => Value::Bool(false),
                    _ => return Err(refused(self, "this is not a truth value")),
                },
                "timestamp" => match scalar::plain(&text) {
                    Ok(value @ Value::String(_)) => value,
                    _ => return Err(refused(self, "this is not a time")),
                },
                _ => return Err(self.unknown(tag, &span)),
            },
        };
        // A date is a text here that has a spelling beside it, also where the two are the same.
        let is_time = match tag {
            None => plain && style == ScalarStyle::Plain && scalar::is_time(&text),
            Some(tag) => tag == "!" || tag.ends_with("timestamp"),
        };
        let is_time = is_time && scalar::is_time(&text);
        let written = (!value.is_string() || is_time).then(|| Arc::from(text));
        Ok(Node::scalar(value, span, written))
    }

    fn unknown(&self, tag: &str, span: &Range<usize>) -> Error {
        let shown = tag.strip_prefix("tag:yaml.org,2002:").map_or(tag.to_owned(), |name| format!("!!{name}"));
        self.error(
            span,
            &format!("the YAML tag `{shown}` is not supported"),
            "`!vault`, `!unsafe` and YAML's own plain types are; a text that begins with `!` has to be in quotes",
        )
    }

    fn tagged(&self, tag: Option<&str>, node: Node, own: &str) -> Result<Node> {
        match tag {
            None | Some("!") => Ok(node),
            Some(tag) if tag == own => Ok(node),
            Some("!unsafe") => Ok(node.unsafe_texts()),
            Some("!vault" | "!vault-encrypted") => Err(self.error(
                &node.span,
                "`!vault` stands before a text",
                "such as `!vault |` and the vault below it",
            )),
            Some(tag) => Err(self.unknown(tag, &node.span)),
        }
    }

    fn list(&mut self, span: Range<usize>, depth: usize) -> Result<Node> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (EventData::SequenceEnd, end) => {
                    let span = span.start..end.end.max(span.start);
                    return Ok(Node { kind: Kind::List(items), span, written: None });
                }
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, span: Range<usize>, depth: usize) -> Result<Node> {
        let mut own: Vec<(Key, Node)> = Vec::new();
        let mut seen: HashMap<Arc<str>, usize> = HashMap::new();
        let mut merged: Vec<(Key, Node)> = Vec::new();
        let mut identities = std::collections::HashSet::new();
        loop {
            let (event, at) = match self.next()? {
                (EventData::MappingEnd, _) => break,
                next => next,
            };
            let merges = matches!(&event, EventData::Scalar { tag: None, value, plain_implicit: true, style: ScalarStyle::Plain, .. } if value == "<<")
                || matches!(&event, EventData::Scalar { tag: Some(tag), .. } if tag == "tag:yaml.org,2002:merge");
            if merges {
                let (event, value_at) = self.next()?;
                let value = self.node(event, value_at, depth + 1)?;
                let sources = match value.kind {
                    Kind::List(items) => items,
                    _ => vec![value],
                };
                for source in sources {
                    let Kind::Map(fields) = source.kind else {
                        return Err(self.error(
                            &source.span,
                            "`<<` merges a mapping, and this is none",
                            "write `<<: *anchor`",
                        ));
                    };
                    for (key, node) in fields {
                        // A key that comes by two ways is taken once. Python knows texts of one letter from each other by
                        // nothing; the others by where they were written.
                        let mut letters = key.name.chars();
                        let one = letters.next().is_none_or(|c| u32::from(c) < 256) && letters.next().is_none();
                        let place = if one { (0, key.name.to_string()) } else { (key.span.start, String::new()) };
                        if identities.insert(place) {
                            if let Some((known, _)) = merged.iter().find(|(known, _)| known.name == key.name)
                                && known.span != key.span
                                && !one
                            {
                                let message =
                                    format!("two merged mappings give `{}`; the last one counts", key.spelling());
                                self.notices.warnings.at(self.source, &at, message);
                            }
                            merged.push((key, node));
                        }
                    }
                }
                continue;
            }
            let key = self.key(event, at, depth)?;
            let (event, value_at) = self.next()?;
            let value = self.node(event, value_at, depth + 1)?;
            if let Some(line) = seen.insert(Arc::clone(&key.name), self.source.line(&key.span)) {
                let message = format!(
                    "`{}` stands twice in one mapping, first in line {line}; the last one counts",
                    key.spelling()
                );
                self.notices.warnings.at(self.source, &key.span, message);
            }
            own.push((key, value));
        }
        merged.extend(own);
        Ok(Node { kind: Kind::Map(merged), span, written: None })
    }

    fn key(&mut self, event: EventData, at: Range<usize>, depth: usize) -> Result<Key> {
        let plain_equals =
            matches!(&event, EventData::Scalar { tag: None, value, plain_implicit: true, .. } if value == "=");
        if plain_equals {
            return Ok(Key::text("=", at));
        }
        let surprises = self.notices.surprises.len();
        let node = self.node(event, at.clone(), depth + 1)?;
        // What a key is makes no difference: it is a name.
        self.notices.surprises.truncate(surprises);
        let Kind::Scalar(value) = node.kind else {
            return Err(self.error(
                &at,
                "a key has to be a text",
                "write it without brackets; a value that begins with `{{` has to be in quotes",
            ));
        };
        let is_time = value.is_string() && node.written.is_some();
        let exact = match &value {
            Value::String(iso) => is_time.then(|| exact::time(iso)),
            other => Some(other.clone()),
        };
        let name = match value {
            Value::String(text) => text,
            Value::Object(_) => {
                return Err(self.error(&at, "a key has to be a text", "keys can't be vaults"));
            }
            other => other.to_string(),
        };
        Ok(Key { name: name.into(), span: at, written: node.written, exact })
    }
}
