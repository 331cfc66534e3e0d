//! The filters of JSON and YAML.

use indexmap::IndexMap;

use super::super::fault::{Fault, R};
use super::super::python;
use super::super::value::{Key, Value, nested};
use super::super::yaml_dump::{Style, dump};
use super::sequence::mapping;
use super::{Bound, Filter, filter};

pub const FILTERS: [Filter; 8] = [
    filter(&["to_json"], "value profile= **named", |_, a| to_json(a, None)),
    filter(&["to_nice_json"], "value **named", |_, a| to_json(a, Some(4))),
    filter(&["tojson"], "value indent=", |_, a| {
        let indent = a.int(1)?.and_then(|indent| usize::try_from(indent).ok());
        let how = Json {
            indent,
            sort_keys: true,
            ascii: true,
            item: if indent.is_some() { "," } else { ", " }.into(),
            key: ": ".into(),
            is_jinja: true,
        };
        let text = how.text(&a.value(0))?;
        let escaped = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\'', "\\u0027")];
        Ok(Value::str(escaped.iter().fold(text, |text, (c, code)| text.replace(*c, code))))
    }),
    filter(&["from_json"], "value profile=", |_, a| {
        let text = a.string(0)?;
        let json: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| Fault::new(format!("this is no JSON: {error}")))?;
        if let Some(number) = too_large(&text) {
            return Err(Fault::new(format!("{number} is too large a number to be read from JSON here"))
                .hint("keep it as a text, in quotes"));
        }
        Ok(super::super::json::to_value(&json))
    }),
    filter(&["to_yaml"], "value **named", |_, a| to_yaml(a, 2, None)),
    filter(&["to_nice_yaml"], "value indent= **named", |_, a| {
        to_yaml(a, a.int(1)?.and_then(|indent| usize::try_from(indent).ok()).unwrap_or(4), Some(false))
    }),
    filter(&["from_yaml"], "data", |_, a| match a.value(0) {
        Value::Str(text) => {
            let mut documents = super::super::yaml_load::documents(&text)?;
            match documents.len() {
                0 => Ok(Value::None),
                1 => Ok(documents.remove(0)),
                _ => Err(Fault::new("there are several YAML documents in this").hint("use from_yaml_all")),
            }
        }
        other => Ok(other),
    }),
    filter(&["from_yaml_all"], "data", |_, a| match a.value(0) {
        Value::Str(text) => super::super::yaml_load::documents(&text).map(Value::list),
        Value::None => Ok(Value::list(Vec::new())),
        other => Ok(other),
    }),
];

struct Json {
    /// Jinja's own filter knows no times, and sorts keys before they are texts.
    is_jinja: bool,
    indent: Option<usize>,
    sort_keys: bool,
    ascii: bool,
    item: String,
    key: String,
}

fn to_json(a: &Bound, nice: Option<usize>) -> R<Value> {
    let mut how = Json {
        is_jinja: false,
        indent: nice,
        sort_keys: nice.is_some(),
        ascii: true,
        item: ", ".into(),
        key: ": ".into(),
    };
    let mut separators = false;
    for (name, value) in &a.named {
        match &**name {
            "indent" => {
                how.indent = match (value, value.as_int()) {
                    (Value::None, _) => None,
                    (_, Some(indent)) => Some(usize::try_from(indent).unwrap_or(0).min(1000)),
                    _ => return Err(Fault::new("indent is a number here")),
                }
            }
            "sort_keys" => how.sort_keys = value.truth()?,
            "ensure_ascii" => how.ascii = value.truth()?,
            "separators" if nice.is_none() => match &value.iterate()?[..] {
                [item, key] => {
                    (how.item, how.key) = (python::text(item)?, python::text(key)?);
                    separators = true;
                }
                _ => return Err(Fault::new("separators are two texts")),
            },
            "separators" | "vault_to_text" | "preprocess_unsafe" | "check_circular" | "allow_nan" | "skipkeys" => {}
            other => return Err(Fault::new(format!("{} takes no option `{other}` here", a.name))),
        }
    }
    if nice.is_some() || (how.indent.is_some() && !separators) {
        how.item = ",".into();
    }
    how.text(&a.value(0)).map(Value::str)
}

impl Json {
    fn text(&self, value: &Value) -> R<String> {
        let mut out = String::new();
        self.write(&mut out, value, 0)?;
        Ok(out)
    }

    fn line(&self, out: &mut String, level: usize) {
        if let Some(indent) = self.indent {
            out.push('\n');
            out.push_str(&" ".repeat(indent * level));
        }
    }

    fn write(&self, out: &mut String, value: &Value, level: usize) -> R<()> {
        match value {
            Value::None => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Int(value) => out.push_str(&value.to_string()),
            Value::Float(number) => out.push_str(&json_float(*number)),
            Value::Str(text) => self.quoted(out, text),
            Value::Time(time) if !self.is_jinja => self.quoted(out, &time.iso("T")),
            Value::Marker(fault) => return Err(fault.again()),
            other => {
                if let Some(map) = mapping(other)? {
                    return self.write_map(out, map.into_iter().collect(), level);
                }
                let is_list = other.is_sequence()
                    || matches!(other, Value::Range(..))
                    || matches!(other, Value::Object(object) if object.items().is_some());
                if !is_list {
                    return Err(Fault::new(format!("Object of type {} is not JSON serializable", other.type_name())));
                }
                let items: Vec<Value> =
                    other.iterate()?.into_iter().filter(|item| !matches!(item, Value::Omit)).collect();
                if items.is_empty() {
                    out.push_str("[]");
                    return Ok(());
                }
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { &self.item } else { "" });
                    self.line(out, level + 1);
                    nested(|| self.write(out, item, level + 1))?;
                }
                self.line(out, level);
                out.push(']');
            }
        }
        Ok(())
    }

    fn write_map(&self, out: &mut String, pairs: Vec<(Key, Value)>, level: usize) -> R<()> {
        let mut pairs: Vec<(Value, Value)> = pairs
            .into_iter()
            .filter(|(_, value)| !matches!(value, Value::Omit))
            .map(|(key, value)| (key.0, value))
            .collect();
        if self.is_jinja && self.sort_keys {
            python::sort(&mut pairs, false)?;
        }
        // A key is its text: of two that are the same the last one's value counts, in the first one's place.
        let mut named: IndexMap<String, Value> = IndexMap::with_capacity(pairs.len());
        for (key, value) in pairs {
            named.insert(json_key(&key)?, value);
        }
        if self.sort_keys && !self.is_jinja {
            named.sort_keys();
        }
        let pairs = named;
        if pairs.is_empty() {
            out.push_str("{}");
            return Ok(());
        }
        out.push('{');
        for (at, (key, value)) in pairs.iter().enumerate() {
            out.push_str(if at > 0 { &self.item } else { "" });
            self.line(out, level + 1);
            self.quoted(out, key);
            out.push_str(&self.key);
            nested(|| self.write(out, value, level + 1))?;
        }
        self.line(out, level);
        out.push('}');
        Ok(())
    }

    fn quoted(&self, out: &mut String, text: &str) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\x08' => out.push_str("\\b"),
                '\x0c' => out.push_str("\\f"),
                c if u32::from(c) < 0x20 || (self.ascii && !c.is_ascii()) => {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

/// A key as `json.dumps` writes it.
fn json_key(key: &Value) -> R<String> {
    Ok(match key {
        Value::Str(text) => text.to_string(),
        Value::Bool(true) => "true".into(),
        Value::Bool(false) => "false".into(),
        Value::None => "null".into(),
        Value::Float(number) => json_float(*number),
        Value::Int(_) => python::text(key)?,
        other => return Err(Fault::new(format!("a key can't be of type '{}' in JSON", other.type_name()))),
    })
}

fn json_float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    python::float(number)
}

/// The options of `to_yaml`.
const YAML_OPTIONS: [&str; 6] =
    ["indent", "width", "sort_keys", "default_flow_style", "explicit_start", "explicit_end"];

/// Fails unless `to_yaml` takes these options.
pub fn known_yaml_options<'a>(filter: &str, names: impl IntoIterator<Item = &'a str>) -> R<()> {
    names.into_iter().find(|name| !YAML_OPTIONS.contains(name)).map_or(Ok(()), |name| Err(no_yaml_option(filter, name)))
}

fn no_yaml_option(filter: &str, name: &str) -> Box<Fault> {
    match name {
        "allow_unicode" => Fault::new(format!("{filter} got multiple values for keyword argument 'allow_unicode'"))
            .hint("the filter sets it itself: letters beyond ASCII are written as they are"),
        _ => Fault::new(format!("{filter} takes no option `{name}` here"))
            .hint(format!("it takes {}", YAML_OPTIONS.join(", "))),
    }
}

fn to_yaml(a: &Bound, indent: usize, flow: Option<bool>) -> R<Value> {
    let mut style = Style {
        indent,
        width: 80,
        sort_keys: true,
        flow,
        explicit_start: false,
        explicit_end: false,
        unicode: true,
        vaults: false,
    };
    for (name, value) in &a.named {
        let number = || {
            let number = value.as_int().ok_or_else(|| Fault::new(format!("{name} is a number")))?;
            Ok::<_, Box<Fault>>(usize::try_from(number).unwrap_or(usize::MAX))
        };
        match &**name {
            "indent" => style.indent = number()?,
            "width" => style.width = number()?,
            "sort_keys" => style.sort_keys = value.truth()?,
            "default_flow_style" => style.flow = if value.is_none() { None } else { Some(value.truth()?) },
            "explicit_start" => style.explicit_start = value.truth()?,
            "explicit_end" => style.explicit_end = value.truth()?,
            _ => return Err(no_yaml_option(a.name, name)),
        }
    }
    if !(2..=9).contains(&style.indent) {
        style.indent = 2;
    }
    if style.width <= style.indent * 2 {
        style.width = 80;
    }
    dump(&a.value(0), &style).map(Value::str)
}

/// The first whole number of a JSON text that has no place in 64 bits.
fn too_large(text: &str) -> Option<&str> {
    let mut in_text = false;
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || (!in_text && (c.is_ascii_digit() || c == '-')) || c == '\\') {
        let found = &rest[at..];
        if found.starts_with('\\') {
            rest = found.get(2..).unwrap_or_default();
            continue;
        }
        if let Some(after) = found.strip_prefix('"') {
            in_text = !in_text;
            rest = after;
            continue;
        }
        let end = found.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(found.len());
        let number = &found[..end];
        let whole = !number.contains(['.', 'e', 'E']);
        if whole && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
            return Some(number);
        }
        rest = &found[end..];
    }
    None
}
