//! YAML 1.1 as Ansible reads it, for `from_yaml`: bools as `yes`, octals as `0755`, merge keys, dates.

use std::rc::Rc;

use libyaml_safer::{EventData, Parser, ScalarStyle};

use super::fault::{Fault, R};
use super::filters::text::parse_float;
use super::time::Time;
use super::value::{Map, Value};
use super::yaml_dump::resolves_to_text;
use crate::formats::yaml_events;

/// The documents of a text.
pub fn documents(text: &str) -> R<Vec<Value>> {
    let mut out = Vec::new();
    // Each level: what is being filled, and the key that waits for its value.
    let mut stack: Vec<(Value, Option<Value>)> = Vec::new();
    let mut anchors: std::collections::HashMap<String, Value> = std::collections::HashMap::new();
    let mut root = None;
    let whole = yaml_events::whole(text);
    let mut bytes = whole.as_bytes();
    let input = &mut bytes;
    let mut parser = Parser::new();
    parser.set_input_string(input);
    loop {
        let event = yaml_events::next(&mut parser, text)
            .map_err(|problem| Fault::new(format!("this is no YAML: {}", problem.text)))?;
        let line = event.start_mark.line + 1;
        let done = match event.data {
            EventData::StreamEnd => break,
            EventData::Scalar { anchor, tag, value: text, style, .. } => {
                let plain = matches!(style, ScalarStyle::Plain);
                let value = match tag.as_deref().map(|tag| tag.rsplit([':', '!']).next().unwrap_or_default()) {
                    Some("str" | "unsafe") => Value::str(&text),
                    Some("vault") => return Err(Fault::new("a vault's value can't be read from a text here")),
                    Some(tag) if !tag.is_empty() => tagged_scalar(&text, tag).ok_or_else(|| refused(line, tag))?,
                    _ if plain => scalar(&text),
                    _ => Value::str(&text),
                };
                if let Some(anchor) = anchor {
                    anchors.insert(anchor, value.clone());
                }
                Some(value)
            }
            EventData::Alias { anchor } => match anchors.get(&anchor) {
                Some(value) => Some(value.clone()),
                None => return Err(Fault::new(format!("line {line} names an anchor that is not there"))),
            },
            EventData::SequenceStart { anchor, tag, .. } => {
                is_usual(line, tag.as_deref(), "seq")?;
                begin(&mut stack, &mut anchors, anchor, Value::list(Vec::new()));
                None
            }
            EventData::MappingStart { anchor, tag, .. } => {
                is_usual(line, tag.as_deref(), "map")?;
                begin(&mut stack, &mut anchors, anchor, Value::dict(Map::new()));
                None
            }
            EventData::SequenceEnd | EventData::MappingEnd => {
                let value = stack.pop().map(|(value, _)| value);
                if let Some(Value::Dict(map)) = &value {
                    let merged = merged(map.borrow().clone())?;
                    *map.borrow_mut() = merged;
                }
                value
            }
            EventData::DocumentEnd { .. } => {
                out.push(root.take().unwrap_or(Value::None));
                None
            }
            _ => None,
        };
        let Some(value) = done else { continue };
        match stack.last_mut() {
            None => root = Some(value),
            Some((Value::List(items), _)) => items.borrow_mut().push(value),
            Some((Value::Dict(map), key)) => match key.take() {
                None => *key = Some(value),
                Some(known) => {
                    map.borrow_mut().insert(known.key()?, value);
                }
            },
            Some(_) => {}
        }
    }
    Ok(out)
}

/// Begins a list or a dict.
fn begin(
    stack: &mut Vec<(Value, Option<Value>)>,
    anchors: &mut std::collections::HashMap<String, Value>,
    anchor: Option<String>,
    value: Value,
) {
    if let Some(anchor) = anchor {
        anchors.insert(anchor, value.clone());
    }
    stack.push((value, None));
}

/// The dict with what its merge key brings in.
fn merged(map: Map) -> R<Map> {
    let merge = Value::str(MERGE).key()?;
    let Some(source) = map.get(&merge).cloned() else { return Ok(map) };
    let sources = match &source {
        Value::Dict(_) => vec![source],
        other => other.iterate()?,
    };
    let mut out = Map::new();
    for source in sources.iter().rev() {
        let Value::Dict(other) = source else {
            return Err(Fault::new("a merge key takes a mapping or a list of mappings"));
        };
        out.extend(other.borrow().clone());
    }
    out.extend(map.into_iter().filter(|(key, _)| key != &merge));
    Ok(out)
}

/// A merge key that was not quoted.
const MERGE: &str = "\u{fdd3}<<";

/// A plain scalar.
pub fn scalar(text: &str) -> Value {
    if text == "<<" {
        return Value::str(MERGE);
    }
    if resolves_to_text(text) {
        return Value::str(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::None,
        "=" => return Value::str(text),
        _ => {}
    }
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => return Value::Bool(true),
        "no" | "false" | "off" => return Value::Bool(false),
        ".inf" | "+.inf" => return Value::Float(f64::INFINITY),
        "-.inf" => return Value::Float(f64::NEG_INFINITY),
        ".nan" => return Value::Float(f64::NAN),
        _ => {}
    }
    date(text).or_else(|| number(text)).unwrap_or_else(|| Value::str(text))
}

fn number(text: &str) -> Option<Value> {
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    if digits.contains(':') {
        // Base 60.
        let mut total = 0.0;
        for part in digits.split(':') {
            total = total * 60.0 + part.parse::<f64>().ok()?;
        }
        return Some(if digits.contains('.') {
            Value::Float(f64::from(sign) * total)
        } else {
            Value::Int(i128::from(sign) * total as i128)
        });
    }
    let based =
        |digits: &str, base| i128::from_str_radix(digits, base).ok().map(|value| Value::Int(i128::from(sign) * value));
    if let Some(digits) = digits.strip_prefix("0b") {
        return based(digits, 2);
    }
    if let Some(digits) = digits.strip_prefix("0x") {
        return based(digits, 16);
    }
    if digits.bytes().all(|c| c.is_ascii_digit()) {
        return match digits.strip_prefix('0') {
            Some(octal) if !octal.is_empty() => based(octal, 8),
            _ => based(digits, 10),
        };
    }
    parse_float(&plain).map(Value::Float)
}

/// A date or a time.
pub fn date(text: &str) -> Option<Value> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(text[at + 1..].trim())),
        None => (text, None),
    };
    let parts: Vec<i16> = date.split('-').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [year, month, day] = parts[..] else { return None };
    let date = jiff::civil::Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let Some(time) = time else {
        return Some(Value::Time(Rc::new(Time {
            civil: date.to_datetime(jiff::civil::Time::midnight()),
            offset: None,
            is_date: true,
        })));
    };
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = (time[..zone_at].trim(), &time[zone_at..]);
    let offset = match zone {
        "" => None,
        "Z" => Some(0),
        zone => {
            let (hours, minutes) = zone[1..].split_once(':').unwrap_or((&zone[1..], "0"));
            let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
            Some(if zone.starts_with('-') { -seconds } else { seconds })
        }
    };
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let parts: Vec<i8> = whole.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [hour, minute, second] = parts[..] else { return None };
    let micros: i32 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let civil = date.at(hour, minute, second, micros * 1000);
    Some(Value::Time(Rc::new(Time { civil, offset, is_date: false })))
}

fn refused(line: impl std::fmt::Display, tag: &str) -> Box<Fault> {
    Fault::new(format!("line {line} has the tag `{tag}`, which is not supported here"))
}

/// A scalar whose tag says what it is, where it is written as that.
fn tagged_scalar(text: &str, tag: &str) -> Option<Value> {
    let value = scalar(text);
    match (tag, &value) {
        ("int", Value::Int(_)) | ("float", Value::Float(_)) | ("bool", Value::Bool(_)) | ("null", Value::None) => {
            Some(value)
        }
        ("float", Value::Int(number)) => Some(Value::Float(*number as f64)),
        _ => None,
    }
}

/// Fails unless a list or a dict is one as any other.
fn is_usual(line: impl std::fmt::Display, tag: Option<&str>, usual: &str) -> R<()> {
    let tag = tag.map(|tag| tag.rsplit([':', '!']).next().unwrap_or_default()).unwrap_or_default();
    if tag.is_empty() || tag == usual { Ok(()) } else { Err(refused(line, tag)) }
}
