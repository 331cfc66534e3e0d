//! YAML as PyYAML writes it with libyaml, byte for byte.

use std::collections::HashMap;
use std::rc::Rc;

use super::fault::{Fault, R};
use super::filters::mapping;
use super::json;
use super::python;
use super::value::{Key, Value, nested};
use crate::error::Result;
use scalar::{analyze, is_break, is_printable};

mod scalar;

pub use scalar::resolves_to_text;

/// How YAML is written.
pub struct Style {
    /// How far each level stands to the right.
    pub indent: usize,
    /// Where lines are folded.
    pub width: usize,
    pub sort_keys: bool,
    /// Whether lists and dicts are in brackets; none: those without lists and dicts inside.
    pub flow: Option<bool>,
    pub explicit_start: bool,
    pub explicit_end: bool,
    pub unicode: bool,
    /// Whether a vault's value is written as one: `!vault |`.
    pub vaults: bool,
}

/// What an inventory has, as ansible-inventory writes it.
pub fn inventory(value: &serde_json::Value) -> Result<String> {
    let style = Style {
        indent: 2,
        width: 80,
        sort_keys: true,
        flow: Some(false),
        explicit_start: false,
        explicit_end: false,
        unicode: true,
        vaults: true,
    };
    dump(&json::to_value(value), &style).map_err(|fault| fault.told("the inventory has no YAML form"))
}

/// A node, and where its list or dict is.
type Placed = (Node, usize);

/// What quotes mean to a scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// It is a text with and without them.
    Allowed,
    /// Without them it would be no text.
    Needed,
    /// With them it would be a text: a number, a date. A `!` before them says that it is none, as PyYAML has it.
    Marked,
}

enum Node {
    /// Its text, and what quotes mean to it.
    Scalar(String, Quotes),
    List(Vec<Placed>, bool),
    Dict(Vec<(Placed, Placed)>, bool),
    /// A vault's text.
    Sealed(String),
    Alias,
}

struct Emitter<'a> {
    style: &'a Style,
    out: String,
    column: usize,
    indent: Option<usize>,
    indents: Vec<Option<usize>>,
    flow: usize,
    whitespace: bool,
    indention: bool,
    anchors: HashMap<usize, (String, bool)>,
}

/// The YAML of a value, as `yaml.dump` gives it.
pub fn dump(value: &Value, style: &Style) -> R<String> {
    let mut seen = HashMap::new();
    let mut order = Vec::new();
    let (node, identity) = node(value, style, &mut seen, &mut order)?;
    let anchors = order.iter().enumerate().map(|(at, id)| (*id, (format!("id{:03}", at + 1), false))).collect();
    let mut emitter = Emitter {
        style,
        out: String::new(),
        column: 0,
        indent: None,
        indents: Vec::new(),
        flow: 0,
        whitespace: true,
        indention: true,
        anchors,
    };
    if style.explicit_start {
        emitter.indicator("---", true, false, false);
    }
    emitter.node(&node, identity, false, false);
    emitter.write_indent();
    if style.explicit_end {
        emitter.out.push_str("...\n");
    }
    Ok(emitter.out)
}

/// The tree of a value. `seen` counts lists and dicts by where they are; those met again are in `order`.
fn node(value: &Value, style: &Style, seen: &mut HashMap<usize, Value>, order: &mut Vec<usize>) -> R<(Node, usize)> {
    let identity = match value {
        Value::List(items) => Rc::as_ptr(items).cast::<u8>() as usize,
        Value::Dict(map) => Rc::as_ptr(map).cast::<u8>() as usize,
        _ => 0,
    };
    if identity != 0 {
        if seen.contains_key(&identity) {
            if !order.contains(&identity) {
                order.push(identity);
            }
            return Ok((Node::Alias, identity));
        }
        seen.insert(identity, value.clone());
    }
    if let Some(map) = mapping(value)? {
        if style.vaults
            && let (1, Some(Value::Str(text))) = (map.len(), map.get(&Key(Value::str(json::VAULT))))
        {
            return Ok((Node::Sealed(text.to_string()), identity));
        }
        let mut pairs: Vec<(Value, Value)> = map
            .into_iter()
            .filter(|(_, value)| !matches!(value, Value::Omit))
            .map(|(Key(key), value)| (key, value))
            .collect();
        if style.sort_keys {
            let mut sorted = pairs.clone();
            // Keys that have no order stay as they are.
            if python::sort(&mut sorted, false).is_ok() {
                pairs = sorted;
            }
        }
        let mut nodes = Vec::with_capacity(pairs.len());
        let mut simple = true;
        for (key, value) in pairs {
            let key = nested(|| node(&key, style, seen, order))?;
            let value = nested(|| node(&value, style, seen, order))?;
            simple &= matches!((&key.0, &value.0), (Node::Scalar(..), Node::Scalar(..)));
            nodes.push((key, value));
        }
        return Ok((Node::Dict(nodes, style.flow.unwrap_or(simple)), identity));
    }
    let is_list = matches!(value, Value::List(_) | Value::Tuple(_) | Value::Range(..))
        || matches!(value, Value::Object(object) if object.items().is_some());
    if is_list {
        let mut nodes = Vec::new();
        let mut simple = true;
        for item in value.iterate()?.iter().filter(|item| !matches!(item, Value::Omit)) {
            let item = nested(|| node(item, style, seen, order))?;
            simple &= matches!(item.0, Node::Scalar(..));
            nodes.push(item);
        }
        return Ok((Node::List(nodes, style.flow.unwrap_or(simple)), identity));
    }
    let (text, quotes) = match value {
        Value::None => ("null".to_owned(), Quotes::Marked),
        Value::Bool(value) => (value.to_string(), Quotes::Marked),
        Value::Int(value) => (value.to_string(), Quotes::Marked),
        Value::Float(number) => (float(*number), Quotes::Marked),
        Value::Str(text) => (text.to_string(), if resolves_to_text(text) { Quotes::Allowed } else { Quotes::Needed }),
        Value::Time(time) => (time.iso(" "), Quotes::Marked),
        Value::Marker(fault) => return Err(fault.again()),
        other => return Err(Fault::new(format!("a value of type '{}' can't be written as YAML", other.type_name()))),
    };
    Ok((Node::Scalar(text, quotes), 0))
}

fn float(number: f64) -> String {
    if number.is_nan() {
        return ".nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.into();
    }
    let text = python::float(number);
    if text.contains('.') { text } else { text.replacen('e', ".0e", 1) }
}

impl Emitter<'_> {
    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn indicator(&mut self, text: &str, need_whitespace: bool, is_whitespace: bool, is_indention: bool) {
        if need_whitespace && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn increase_indent(&mut self, flow: bool, indentless: bool) {
        self.indents.push(self.indent);
        self.indent = match self.indent {
            None => Some(if flow { self.style.indent } else { 0 }),
            Some(indent) if !indentless => Some(indent + self.style.indent),
            same => same,
        };
    }

    fn decrease_indent(&mut self) {
        self.indent = self.indents.pop().flatten();
    }

    fn node(&mut self, node: &Node, identity: usize, in_mapping: bool, simple_key: bool) {
        if identity != 0
            && let Some((name, written)) = self.anchors.get_mut(&identity)
        {
            let text = format!("{}{name}", if *written { '*' } else { '&' });
            let alias = std::mem::replace(written, true);
            self.indicator(&text, true, false, false);
            if alias {
                return;
            }
        }
        match node {
            Node::Alias => {}
            Node::Sealed(text) => {
                self.increase_indent(true, false);
                self.indicator(if text.ends_with('\n') { "!vault |" } else { "!vault |-" }, true, false, false);
                for line in text.lines() {
                    self.write_indent();
                    self.indicator(line, false, false, false);
                }
                self.decrease_indent();
            }
            Node::Scalar(text, quotes) => {
                self.increase_indent(true, false);
                self.scalar(text, *quotes, simple_key);
                self.decrease_indent();
            }
            Node::List(items, flow) if self.flow > 0 || *flow || items.is_empty() => self.flow_list(items),
            Node::List(items, _) => self.block_list(items, in_mapping),
            Node::Dict(pairs, flow) if self.flow > 0 || *flow || pairs.is_empty() => self.flow_dict(pairs),
            Node::Dict(pairs, _) => self.block_dict(pairs),
        }
    }

    fn flow_list(&mut self, items: &[Placed]) {
        self.indicator("[", true, true, false);
        self.increase_indent(true, false);
        self.flow += 1;
        for (at, (item, identity)) in items.iter().enumerate() {
            if at > 0 {
                self.indicator(",", false, false, false);
            }
            if self.column > self.style.width {
                self.write_indent();
            }
            self.node(item, *identity, false, false);
        }
        self.flow -= 1;
        self.decrease_indent();
        self.indicator("]", false, false, false);
    }

    fn flow_dict(&mut self, pairs: &[(Placed, Placed)]) {
        self.indicator("{", true, true, false);
        self.increase_indent(true, false);
        self.flow += 1;
        for (at, ((key, key_id), (value, value_id))) in pairs.iter().enumerate() {
            if at > 0 {
                self.indicator(",", false, false, false);
            }
            if self.column > self.style.width {
                self.write_indent();
            }
            if self.is_simple_key(key, *key_id) {
                self.node(key, *key_id, true, true);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, false);
                self.node(key, *key_id, true, false);
                if self.column > self.style.width {
                    self.write_indent();
                }
                self.indicator(":", true, false, false);
            }
            self.node(value, *value_id, true, false);
        }
        self.flow -= 1;
        self.decrease_indent();
        self.indicator("}", false, false, false);
    }

    fn block_list(&mut self, items: &[Placed], in_mapping: bool) {
        let indentless = in_mapping && !self.indention;
        self.increase_indent(false, indentless);
        for (item, identity) in items {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(item, *identity, false, false);
        }
        self.decrease_indent();
    }

    fn block_dict(&mut self, pairs: &[(Placed, Placed)]) {
        self.increase_indent(false, false);
        for ((key, key_id), (value, value_id)) in pairs {
            self.write_indent();
            if self.is_simple_key(key, *key_id) {
                self.node(key, *key_id, true, true);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.node(key, *key_id, true, false);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, *value_id, true, false);
        }
        self.decrease_indent();
    }

    fn is_simple_key(&self, key: &Node, identity: usize) -> bool {
        let anchor = self.anchors.get(&identity).map_or(0, |(name, _)| name.len());
        match key {
            Node::Alias => true,
            Node::Sealed(_) => false,
            Node::Scalar(text, _) => !analyze(text, self.style.unicode).multiline && text.len() + anchor <= 128,
            Node::List(items, ..) => items.is_empty() && anchor <= 128,
            Node::Dict(pairs, ..) => pairs.is_empty() && anchor <= 128,
        }
    }

    /// Writes a text in the style that it needs.
    fn scalar(&mut self, text: &str, quotes: Quotes, simple_key: bool) {
        let analysis = analyze(text, self.style.unicode);
        let in_flow = self.flow > 0;
        let allowed = if in_flow { analysis.flow_plain } else { analysis.block_plain };
        let breaks = !simple_key;
        let plain = allowed && quotes != Quotes::Needed && !(text.is_empty() && (in_flow || simple_key));
        if !plain && quotes == Quotes::Marked {
            self.indicator("!", true, false, false);
        }
        if simple_key && analysis.multiline {
            self.double(text, breaks);
        } else if plain {
            self.plain(text, breaks);
        } else if analysis.single {
            self.single(text, breaks);
        } else {
            self.double(text, breaks);
        }
    }

    fn plain(&mut self, text: &str, breaks: bool) {
        if !self.whitespace && (!text.is_empty() || self.flow > 0) {
            self.put(' ');
        }
        let chars: Vec<char> = text.chars().collect();
        let mut spaces = false;
        for (at, c) in chars.iter().copied().enumerate() {
            if c == ' ' {
                if breaks && !spaces && self.column > self.style.width && chars.get(at + 1) != Some(&' ') {
                    self.write_indent();
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                self.indention = false;
                spaces = false;
            }
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn single(&mut self, text: &str, breaks: bool) {
        self.indicator("'", true, false, false);
        let chars: Vec<char> = text.chars().collect();
        let (mut spaces, mut in_break) = (false, false);
        for (at, c) in chars.iter().copied().enumerate() {
            if c == ' ' {
                let inside = at > 0 && at + 1 < chars.len() && chars.get(at + 1) != Some(&' ');
                if breaks && !spaces && self.column > self.style.width && inside {
                    self.write_indent();
                } else {
                    self.put(c);
                }
                spaces = true;
            } else if is_break(c) {
                if !in_break && c == '\n' {
                    self.put_break();
                }
                if c == '\n' {
                    self.put_break();
                } else {
                    self.out.push(c);
                    self.column = 0;
                }
                self.indention = true;
                in_break = true;
            } else {
                if in_break {
                    self.write_indent();
                }
                if c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.indention = false;
                (spaces, in_break) = (false, false);
            }
        }
        if in_break {
            self.write_indent();
        }
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn double(&mut self, text: &str, breaks: bool) {
        self.indicator("\"", true, false, false);
        let chars: Vec<char> = text.chars().collect();
        let mut spaces = false;
        for (at, c) in chars.iter().copied().enumerate() {
            if !is_printable(c) || (!self.style.unicode && !c.is_ascii()) || is_break(c) || matches!(c, '"' | '\\') {
                let escape = match c {
                    '\0' => "\\0".to_owned(),
                    '\x07' => "\\a".to_owned(),
                    '\x08' => "\\b".to_owned(),
                    '\t' => "\\t".to_owned(),
                    '\n' => "\\n".to_owned(),
                    '\x0b' => "\\v".to_owned(),
                    '\x0c' => "\\f".to_owned(),
                    '\r' => "\\r".to_owned(),
                    '\x1b' => "\\e".to_owned(),
                    '"' => "\\\"".to_owned(),
                    '\\' => "\\\\".to_owned(),
                    '\u{85}' => "\\N".to_owned(),
                    '\u{a0}' => "\\_".to_owned(),
                    '\u{2028}' => "\\L".to_owned(),
                    '\u{2029}' => "\\P".to_owned(),
                    c if u32::from(c) <= 0xff => format!("\\x{:02X}", u32::from(c)),
                    c if u32::from(c) <= 0xffff => format!("\\u{:04X}", u32::from(c)),
                    c => format!("\\U{:08X}", u32::from(c)),
                };
                escape.chars().for_each(|c| self.put(c));
                spaces = false;
            } else if c == ' ' {
                if breaks && !spaces && self.column > self.style.width && at > 0 && at + 1 < chars.len() {
                    self.write_indent();
                    if chars.get(at + 1) == Some(&' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }
}
