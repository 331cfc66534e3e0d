//! Filters of texts and numbers that Jinja has.

use super::super::fault::{Fault, R};
use super::super::interp::Interp;
use super::super::object::Call;
use super::super::python;
use super::super::value::Value;
use super::sequence::mapping;
use super::{Bound, Filter, filter};

pub const FILTERS: [Filter; 26] = [
    filter(&["string"], "object", |_, a| a.text(0).map(Value::str)),
    filter(&["lower"], "s", |_, a| Ok(Value::str(a.text(0)?.to_lowercase()))),
    filter(&["upper"], "s", |_, a| Ok(Value::str(a.text(0)?.to_uppercase()))),
    filter(&["capitalize"], "s", |_, a| Ok(Value::str(capitalized(&a.text(0)?)))),
    filter(&["title"], "s", |_, a| Ok(Value::str(title(&a.text(0)?)))),
    filter(&["trim"], "value chars=", |_, a| {
        let text = a.text(0)?;
        Ok(Value::str(match a.value(1) {
            Value::None => text.trim(),
            chars => {
                let chars: Vec<char> = python::text(&chars)?.chars().collect();
                return Ok(Value::str(text.trim_matches(|c| chars.contains(&c))));
            }
        }))
    }),
    filter(&["replace"], "s old new count=", |_, a| {
        let (text, old, new) = (a.text(0)?, a.text(1)?, a.text(2)?);
        let count = a.int(3)?.unwrap_or(-1);
        Ok(Value::str(match usize::try_from(count) {
            Ok(count) => text.replacen(&old, &new, count),
            Err(_) => text.replace(&old, &new),
        }))
    }),
    filter(&["center"], "value width=", |_, a| {
        let width = usize::try_from(a.int(1)?.unwrap_or(80)).unwrap_or(0);
        Ok(Value::str(centered(&a.text(0)?, width, ' ')))
    }),
    filter(&["indent"], "s width= first= blank=", indent),
    filter(&["truncate"], "s length= killwords= end= leeway=", truncate),
    filter(&["wordwrap"], "s width= break_long_words= wrapstring= break_on_hyphens=", wordwrap),
    filter(&["wordcount"], "s", |_, a| {
        let text = a.text(0)?;
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
        Ok(Value::Int(i128::try_from(words.count()).unwrap_or(0)))
    }),
    filter(&["format"], "value *rest **named", |_, a| {
        if !a.rest.is_empty() && !a.named.is_empty() {
            return Err(Fault::new("can't handle positional and keyword arguments at the same time"));
        }
        let args = if a.named.is_empty() {
            Value::tuple(a.rest.clone())
        } else {
            let named = Call { positional: Vec::new(), named: a.named.clone() };
            Value::dict(super::super::globals::dict(&named)?)
        };
        super::super::format::percent(&a.text(0)?, &args).map(Value::str)
    }),
    filter(&["escape", "e", "forceescape"], "s", |_, a| Ok(Value::str(escaped(&a.text(0)?)))),
    filter(&["striptags"], "value", |_, a| striptags(&a.text(0)?)),
    filter(&["xmlattr"], "d autospace=", xmlattr),
    filter(&["urlencode"], "value", urlencode),
    filter(&["filesizeformat"], "value binary=", filesize),
    filter(&["int"], "value default= base=", int),
    filter(&["float"], "value default=", float),
    filter(&["abs"], "x", |_, a| match a.value(0) {
        Value::Float(number) => Ok(Value::Float(number.abs())),
        other => match other.as_int() {
            Some(number) => Ok(Value::Int(number.abs())),
            None => Err(Fault::new(format!("bad operand type for abs(): '{}'", other.type_name()))),
        },
    }),
    filter(&["round"], "value precision= method=", round),
    filter(&["log"], "x base=", |_, a| {
        let (x, base) = (number(a, 0)?, if a.get(1).is_some() { number(a, 1)? } else { std::f64::consts::E });
        if x <= 0.0 {
            return Err(Fault::new("math domain error"));
        }
        Ok(Value::Float(if base == 10.0 {
            x.log10()
        } else if a.get(1).is_none() {
            x.ln()
        } else {
            x.ln() / base.ln()
        }))
    }),
    filter(&["pow"], "x y", |_, a| Ok(Value::Float(number(a, 0)?.powf(number(a, 1)?)))),
    filter(&["root"], "x base=", |_, a| {
        let (x, base) = (number(a, 0)?, if a.get(1).is_some() { number(a, 1)? } else { 2.0 });
        if x < 0.0 {
            return Err(Fault::new("math domain error"));
        }
        Ok(Value::Float(if base == 2.0 { x.sqrt() } else { x.powf(1.0 / base) }))
    }),
    filter(&["split"], "value sep= maxsplit=", |interp, a| {
        let value = Value::Str(a.string(0)?);
        let positional = vec![a.value(1), a.get(2).cloned().unwrap_or(Value::Int(-1))];
        super::super::methods::call(interp, &value, "split", Call::of(positional))
    }),
];

fn number(a: &Bound, at: usize) -> R<f64> {
    a.value(at).as_float().ok_or_else(|| Fault::new(format!("{}() can only be used on numbers", a.name)))
}

pub fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect(),
        None => String::new(),
    }
}

fn title(text: &str) -> String {
    let mut out = String::new();
    let mut starts = true;
    for c in text.chars() {
        let between = c.is_whitespace() || matches!(c, '-' | '(' | '{' | '[' | '<');
        if between {
            out.push(c);
        } else if starts {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        starts = between;
    }
    out
}

/// Python's `str.center`.
pub fn centered(text: &str, width: usize, fill: char) -> String {
    let len = text.chars().count();
    let missing = width.saturating_sub(len);
    let left = missing / 2 + (missing & width & 1);
    let fill = |count: usize| fill.to_string().repeat(count);
    format!("{}{text}{}", fill(left), fill(missing - left))
}

/// Python's `str.splitlines`.
pub fn splitlines(text: &str, keep: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let ends = matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
        if !ends {
            line.push(c);
            continue;
        }
        let pair = c == '\r' && chars.next_if_eq(&'\n').is_some();
        if keep {
            line.push(c);
            if pair {
                line.push('\n');
            }
        }
        lines.push(std::mem::take(&mut line));
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

fn indent(_: &Interp, a: &Bound) -> R<Value> {
    let space = match a.value(1) {
        Value::None => " ".repeat(4),
        Value::Str(text) => text.to_string(),
        width => {
            let width = width.as_int().ok_or_else(|| Fault::new("indent takes a width or a text"))?;
            " ".repeat(usize::try_from(width).unwrap_or(0).min(10_000))
        }
    };
    let lines = splitlines(&format!("{}\n", a.string(0)?), false);
    let mut out = String::new();
    if a.is(3)? {
        out = lines.join(&format!("\n{space}"));
    } else {
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                out.push('\n');
                if !line.is_empty() {
                    out.push_str(&space);
                }
            }
            out.push_str(line);
        }
    }
    Ok(Value::str(if a.is(2)? { format!("{space}{out}") } else { out }))
}

fn truncate(_: &Interp, a: &Bound) -> R<Value> {
    // Python asks for its length first.
    a.value(0).len()?;
    let text: Vec<char> = a.text(0)?.chars().collect();
    let size =
        |at: usize, default: i128| Ok::<_, Box<Fault>>(usize::try_from(a.int(at)?.unwrap_or(default)).unwrap_or(0));
    let (length, leeway, end) = (size(1, 255)?, size(4, 5)?, a.text_or(3, "...")?);
    let end_len = end.chars().count();
    if length < end_len {
        return Err(Fault::new(format!("expected length >= {end_len}, got {length}")));
    }
    if text.len() <= length + leeway {
        return Ok(Value::str(text.iter().collect::<String>()));
    }
    let cut: String = text[..length - end_len].iter().collect();
    if a.is(2)? {
        return Ok(Value::str(format!("{cut}{end}")));
    }
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(before, _)| before);
    Ok(Value::str(format!("{whole}{end}")))
}

fn wordwrap(_: &Interp, a: &Bound) -> R<Value> {
    let width = usize::try_from(a.int(1)?.unwrap_or(79)).ok().filter(|width| *width > 0);
    let width = width.ok_or_else(|| Fault::new("invalid width (must be > 0)"))?;
    let or_true = |at: usize| a.get(at).map_or(Ok(true), Value::truth);
    let (long, hyphens) = (or_true(2)?, or_true(4)?);
    let between = match a.value(3) {
        Value::None => "\n".to_owned(),
        text => python::text(&text)?,
    };
    let lines = splitlines(&a.string(0)?, false);
    let wrapped: Vec<String> =
        lines.iter().map(|line| super::wrap::wrap(line, width, long, hyphens).join(&between)).collect();
    Ok(Value::str(wrapped.join(&between)))
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('>', "&gt;").replace('<', "&lt;").replace('\'', "&#39;").replace('"', "&#34;")
}

fn striptags(text: &str) -> R<Value> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let end = if rest[at..].starts_with("<!--") {
            rest[at..].find("-->").map(|end| at + end + 3)
        } else {
            rest[at..].find('>').map(|end| at + end + 1)
        };
        let Some(end) = end else {
            out.push_str(&rest[at..]);
            rest = "";
            break;
        };
        rest = &rest[end..];
    }
    out.push_str(rest);
    let plain = out.split_whitespace().collect::<Vec<_>>().join(" ");
    let named = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#34;", "\""),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", "\u{a0}"),
        ("&amp;", "&"),
    ];
    Ok(Value::str(named.iter().fold(plain, |text, (name, c)| text.replace(name, c))))
}

fn xmlattr(_: &Interp, a: &Bound) -> R<Value> {
    let Some(map) = mapping(&a.value(0))? else { return Err(Fault::new("xmlattr takes a dict")) };
    let mut parts = Vec::new();
    for (key, value) in map {
        if value.is_none() || matches!(value, Value::Marker(_)) {
            continue;
        }
        let key = python::text(&key.0)?;
        if key.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '=')) {
            return Err(Fault::new(format!("Invalid character in attribute name: '{key}'")));
        }
        parts.push(format!("{}=\"{}\"", escaped(&key), escaped(&python::text(&value)?)));
    }
    let space = a.get(1).map_or(Ok(true), Value::truth)?;
    let out = parts.join(" ");
    Ok(Value::str(if space && !out.is_empty() { format!(" {out}") } else { out }))
}

/// Percent signs for all but letters, digits, `_.-~` and those of `safe`.
pub fn percent_encoded(text: &str, safe: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) || safe.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn urlencode(_: &Interp, a: &Bound) -> R<Value> {
    let pairs = match (a.value(0), mapping(&a.value(0))?) {
        (_, Some(map)) => map.into_iter().map(|(key, value)| (key.0, value)).collect(),
        (value @ (Value::List(_) | Value::Tuple(_)), _) => {
            let pairs = value.iterate()?.into_iter().map(|pair| match &pair.iterate()?[..] {
                [key, value] => Ok((key.clone(), value.clone())),
                _ => Err(Fault::new("urlencode takes a text, a dict or pairs")),
            });
            pairs.collect::<R<Vec<_>>>()?
        }
        (value, _) => return Ok(Value::str(percent_encoded(&python::text(&value)?, "/"))),
    };
    let quoted = |value: &Value| Ok::<_, Box<Fault>>(percent_encoded(&python::text(value)?, "").replace("%20", "+"));
    let parts = pairs.iter().map(|(key, value)| Ok(format!("{}={}", quoted(key)?, quoted(value)?)));
    Ok(Value::str(parts.collect::<R<Vec<_>>>()?.join("&")))
}

fn filesize(_: &Interp, a: &Bound) -> R<Value> {
    let bytes = match a.value(0) {
        Value::Str(text) => text.trim().parse().ok(),
        other => other.as_float(),
    };
    let bytes: f64 = bytes.ok_or_else(|| Fault::new("could not convert to a number"))?;
    let binary = a.is(1)?;
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok(Value::str("1 Byte"));
    }
    if bytes < base {
        return Ok(Value::str(format!("{} Bytes", bytes.trunc())));
    }
    let names = if binary {
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    } else {
        ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    };
    let mut unit = base;
    for (at, name) in names.iter().enumerate() {
        unit = base.powi(i32::try_from(at).unwrap_or(0) + 2);
        if bytes < unit {
            return Ok(Value::str(format!("{:.1} {name}", base * bytes / unit)));
        }
    }
    Ok(Value::str(format!("{:.1} {}", base * bytes / unit, names[7])))
}

/// Python's `int(text, base)`.
pub fn parse_int(text: &str, base: u32) -> Option<i128> {
    let text = super::super::digits::plain(text.trim());
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let lower = digits.to_lowercase();
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    let prefix = prefixes.iter().find(|(prefix, of)| lower.starts_with(prefix) && (base == *of || base == 0));
    let (digits, base) = match prefix {
        Some((_, of)) => (&lower[2..], *of),
        None => (lower.as_str(), if base == 0 { 10 } else { base }),
    };
    let digits = digits.strip_prefix('_').filter(|_| prefix.is_some()).unwrap_or(digits);
    if digits.is_empty() || digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let plain = digits.replace('_', "");
    if !plain.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    let number = i128::from_str_radix(&plain, base).ok()?;
    Some(if negative { -number } else { number })
}

/// Python's `float(text)`.
pub fn parse_float(text: &str) -> Option<f64> {
    let text = super::super::digits::plain(text.trim()).to_lowercase();
    let plain = text.trim_start_matches(['+', '-']);
    if matches!(plain, "inf" | "infinity" | "nan") {
        return text.replace("infinity", "inf").parse().ok();
    }
    if !plain.starts_with(|c: char| c.is_ascii_digit() || c == '.') || text.contains("__") || text.ends_with('_') {
        return None;
    }
    text.replace('_', "").parse().ok()
}
fn int(_: &Interp, a: &Bound) -> R<Value> {
    let default = || a.get(1).cloned().unwrap_or(Value::Int(0));
    let base = a.int(2)?.and_then(|base| u32::try_from(base).ok()).unwrap_or(10);
    if base == 1 || base > 36 {
        return Ok(default());
    }
    let of_float = |number: f64| match number.is_finite() {
        true if number.abs() >= 1.7e38 => Err(Fault::new("the number has more than 38 digits")),
        true => Ok(Value::Int(number.trunc() as i128)),
        false => Ok(default()),
    };
    Ok(match a.value(0) {
        Value::Str(text) => match (parse_int(&text, base), parse_float(&text)) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(number)) => of_float(number)?,
            (None, None) => default(),
        },
        Value::Float(number) => of_float(number)?,
        other => other.as_int().map_or_else(default, Value::Int),
    })
}

fn float(_: &Interp, a: &Bound) -> R<Value> {
    let default = || a.get(1).cloned().unwrap_or(Value::Float(0.0));
    Ok(match a.value(0) {
        Value::Str(text) => parse_float(&text).map_or_else(default, Value::Float),
        other => other.as_float().map_or_else(default, Value::Float),
    })
}

fn round(_: &Interp, a: &Bound) -> R<Value> {
    let precision = i32::try_from(a.int(1)?.unwrap_or(0)).map_err(|_| Fault::new("the precision is too large"))?;
    let method = a.text_or(2, "common")?;
    let value = a.value(0);
    let Some(number) = value.as_float() else {
        return Err(Fault::new(format!("type {} doesn't define __round__ method", value.type_name())));
    };
    match method.as_str() {
        "common" => match value.as_int() {
            Some(whole) if precision >= 0 => Ok(Value::Int(whole)),
            Some(whole) => {
                let unit = 10_i128.checked_pow(precision.unsigned_abs()).unwrap_or(i128::MAX);
                let (low, rest) = (whole.div_euclid(unit) * unit, whole.rem_euclid(unit));
                let up = rest * 2 > unit || (rest * 2 == unit && whole.div_euclid(unit) % 2 != 0);
                Ok(Value::Int(if up { low + unit } else { low }))
            }
            None => Ok(Value::Float(rounded(number, precision))),
        },
        "ceil" | "floor" => {
            let unit = 10_f64.powi(precision);
            let scaled = number * unit;
            Ok(Value::Float(if method == "ceil" { scaled.ceil() } else { scaled.floor() } / unit))
        }
        _ => Err(Fault::new("method must be common, ceil or floor")),
    }
}

/// Python's `round(number, precision)`: by the number's exact digits, halves to the even one.
pub fn rounded(number: f64, precision: i32) -> f64 {
    match usize::try_from(precision) {
        Ok(places) => format!("{number:.*}", places.min(300)).parse().unwrap_or(number),
        Err(_) => {
            let unit = 10_f64.powi(-precision);
            (number / unit).round_ties_even() * unit
        }
    }
}
