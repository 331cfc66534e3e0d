//! Python's methods of texts.

use std::rc::Rc;

use super::{bind, no_arguments, size};
use crate::template::fault::{Fault, R};
use crate::template::filters::{Bound, text as text_filters};
use crate::template::interp::Interp;
use crate::template::object::Call;
use crate::template::python;
use crate::template::value::Value;

pub const NAMES: [&str; 46] = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];

/// The part of a text that `start` and `end` mean, and at which character it begins.
fn part(text: &str, a: &Bound, from: usize) -> R<(String, usize)> {
    let chars: Vec<char> = text.chars().collect();
    let clamp = |at: i128| {
        let len = i128::try_from(chars.len()).unwrap_or(0);
        usize::try_from(if at < 0 { (at + len).max(0) } else { at.min(len) }).unwrap_or(0)
    };
    let start = clamp(a.int(from)?.unwrap_or(0));
    let end = a.int(from + 1)?.map_or(chars.len(), clamp);
    Ok((chars[start.min(end)..end].iter().collect(), start))
}

fn char_at(text: &str, byte: usize) -> usize {
    text[..byte].chars().count()
}

pub fn call(interp: &Interp, text: &Rc<str>, name: &str, call: Call) -> R<Value> {
    let chars_of = |value: &Value| -> R<Option<Vec<char>>> {
        match value {
            Value::None => Ok(None),
            Value::Str(chars) => Ok(Some(chars.chars().collect())),
            _ => Err(Fault::new("it takes a text")),
        }
    };
    let all = |is: fn(char) -> bool| Value::Bool(!text.is_empty() && text.chars().all(is));
    Ok(match name {
        "upper" | "lower" | "casefold" | "capitalize" | "title" | "swapcase" => {
            no_arguments(&call)?;
            Value::str(match name {
                "upper" => text.to_uppercase(),
                "lower" => text.to_lowercase(),
                "casefold" => text.to_lowercase().replace('ß', "ss"),
                "capitalize" => text_filters::capitalized(text),
                "title" => titled(text),
                _ => {
                    let swap = |c: char| {
                        if c.is_uppercase() { c.to_lowercase().collect::<String>() } else { c.to_uppercase().collect() }
                    };
                    text.chars().map(swap).collect()
                }
            })
        }
        "strip" | "lstrip" | "rstrip" => {
            let a = bind("strip", "chars=", call)?;
            let chars = chars_of(&a.value(0))?;
            let is = |c: char| chars.as_ref().map_or_else(|| c.is_whitespace(), |chars| chars.contains(&c));
            Value::str(match name {
                "strip" => text.trim_matches(is),
                "lstrip" => text.trim_start_matches(is),
                _ => text.trim_end_matches(is),
            })
        }
        "split" | "rsplit" => split(text, &bind("split", "sep= maxsplit=", call)?, name == "rsplit")?,
        "splitlines" => {
            let a = bind("splitlines", "keepends=", call)?;
            Value::texts(text_filters::splitlines(text, a.is(0)?))
        }
        "join" => {
            let a = bind("join", "iterable", call)?;
            let mut parts = Vec::new();
            for (at, item) in a.items(0)?.iter().enumerate() {
                match item.check()? {
                    Value::Str(part) => parts.push(part.clone()),
                    other => {
                        let what = other.type_name();
                        return Err(Fault::new(format!("sequence item {at}: expected str instance, {what} found")));
                    }
                }
            }
            Value::str(parts.join(&**text))
        }
        "replace" => {
            let a = bind("replace", "old new count=", call)?;
            let (old, new) = (a.string(0)?, a.string(1)?);
            Value::str(match usize::try_from(a.int(2)?.unwrap_or(-1)) {
                Ok(count) => text.replacen(&*old, &new, count),
                Err(_) => text.replace(&*old, &new),
            })
        }
        "startswith" | "endswith" => {
            let a = bind("startswith", "prefix start= end=", call)?;
            let (part, _) = part(text, &a, 1)?;
            let is = |of: &Value| match of {
                Value::Str(of) => {
                    Ok(if name == "startswith" { part.starts_with(&**of) } else { part.ends_with(&**of) })
                }
                other => {
                    let what = other.type_name();
                    Err(Fault::new(format!("first arg must be str or a tuple of str, not {what}")))
                }
            };
            match a.value(0) {
                Value::Tuple(options) => {
                    let mut found = false;
                    for option in options.iter() {
                        found |= is(option)?;
                    }
                    Value::Bool(found)
                }
                other => Value::Bool(is(&other)?),
            }
        }
        "find" | "rfind" | "index" | "rindex" | "count" => {
            let a = bind("find", "sub start= end=", call)?;
            let (part, start) = part(text, &a, 1)?;
            let sub = a.string(0)?;
            if name == "count" {
                let found = if sub.is_empty() { part.chars().count() + 1 } else { part.matches(&*sub).count() };
                return Ok(size(found));
            }
            let found = if name.starts_with('r') { part.rfind(&*sub) } else { part.find(&*sub) };
            match found {
                Some(at) => size(start + char_at(&part, at)),
                None if name.ends_with("index") => return Err(Fault::new("substring not found")),
                None => Value::Int(-1),
            }
        }
        "partition" | "rpartition" => {
            let a = bind("partition", "sep", call)?;
            let sep = a.string(0)?;
            if sep.is_empty() {
                return Err(Fault::new("empty separator"));
            }
            let found = if name == "partition" { text.split_once(&*sep) } else { text.rsplit_once(&*sep) };
            Value::tuple(match found {
                Some((before, after)) => vec![Value::str(before), Value::Str(sep), Value::str(after)],
                None if name == "partition" => vec![Value::Str(text.clone()), Value::str(""), Value::str("")],
                None => vec![Value::str(""), Value::str(""), Value::Str(text.clone())],
            })
        }
        "center" | "ljust" | "rjust" | "zfill" => {
            let a = bind("ljust", "width fillchar=", call)?;
            let width = usize::try_from(a.int(0)?.unwrap_or(0)).unwrap_or(0).min(1_000_000);
            let fill = a.text_or(1, " ")?.chars().next().unwrap_or(' ');
            let missing = width.saturating_sub(text.chars().count());
            let fills = |c: char| c.to_string().repeat(missing);
            Value::str(match name {
                "center" => text_filters::centered(text, width, fill),
                "ljust" => format!("{text}{}", fills(fill)),
                "rjust" => format!("{}{text}", fills(fill)),
                _ => match text.strip_prefix(['+', '-']) {
                    Some(rest) => format!("{}{}{rest}", &text[..1], fills('0')),
                    None => format!("{}{text}", fills('0')),
                },
            })
        }
        "removeprefix" => {
            let prefix = bind("removeprefix", "prefix", call)?.string(0)?;
            Value::str(text.strip_prefix(&*prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let suffix = bind("removesuffix", "suffix", call)?.string(0)?;
            Value::str(text.strip_suffix(&*suffix).filter(|_| !suffix.is_empty()).unwrap_or(text))
        }
        "expandtabs" => {
            let tab = usize::try_from(bind("expandtabs", "tabsize=", call)?.int(0)?.unwrap_or(8)).unwrap_or(0);
            let mut out = String::new();
            let mut column = 0;
            for c in text.chars() {
                match c {
                    '\t' if tab > 0 => {
                        let count = tab - column % tab;
                        out.push_str(&" ".repeat(count));
                        column += count;
                    }
                    '\t' => {}
                    c => {
                        out.push(c);
                        column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
                    }
                }
            }
            Value::str(out)
        }
        "format" => Value::str(crate::template::format::braces(text, &call)?),
        "format_map" => {
            let a = bind("format_map", "mapping", call)?;
            let named = crate::template::globals::dict(&Call::of(vec![a.value(0)]))?;
            let named = named.into_iter().map(|(key, value)| Ok((Rc::from(python::text(&key.0)?), value)));
            Value::str(crate::template::format::braces(
                text,
                &Call { positional: Vec::new(), named: named.collect::<R<_>>()? },
            )?)
        }
        "isdigit" => all(crate::template::digits::is_digit),
        "isdecimal" => all(|c| crate::template::digits::decimal(c).is_some()),
        "isnumeric" => all(char::is_numeric),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(char::is_whitespace),
        "isascii" => Value::Bool(text.is_ascii()),
        "isprintable" => Value::Bool(!text.chars().any(char::is_control)),
        "islower" => Value::Bool(text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase)),
        "isupper" => Value::Bool(text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)),
        "istitle" => Value::Bool(text.chars().any(char::is_alphabetic) && titled(text) == **text),
        "isidentifier" => {
            let start = text.starts_with(|c: char| c.is_alphabetic() || c == '_');
            Value::Bool(start && text.chars().all(|c| c.is_alphanumeric() || c == '_'))
        }
        other => {
            let _ = interp;
            return Err(Fault::new(format!("the method `{other}` is not supported here")));
        }
    })
}

/// Python's `str.title`.
fn titled(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase())
        } else {
            out.extend(c.to_uppercase())
        }
        inside = c.is_alphabetic();
    }
    out
}

fn split(text: &str, a: &Bound, from_right: bool) -> R<Value> {
    let most = usize::try_from(a.int(1)?.unwrap_or(-1)).unwrap_or(usize::MAX);
    let mut parts: Vec<&str> = Vec::new();
    match a.value(0) {
        Value::None => {
            let mut rest = if from_right { text.trim_end() } else { text.trim_start() };
            while !rest.is_empty() {
                let found = if from_right { rest.rfind(char::is_whitespace) } else { rest.find(char::is_whitespace) };
                match found.filter(|_| parts.len() < most) {
                    Some(at) if from_right => {
                        let space = rest[at..].chars().next().map_or(1, char::len_utf8);
                        parts.push(&rest[at + space..]);
                        rest = rest[..at].trim_end();
                    }
                    Some(at) => {
                        parts.push(&rest[..at]);
                        rest = rest[at..].trim_start();
                    }
                    None => {
                        parts.push(if from_right { rest.trim_start() } else { rest.trim_end() });
                        // What is left over keeps the blanks at its far end.
                        if most != usize::MAX && parts.len() > most {
                            parts.pop();
                            parts.push(rest);
                        }
                        break;
                    }
                }
            }
            if from_right {
                parts.reverse();
            }
        }
        Value::Str(sep) if sep.is_empty() => return Err(Fault::new("empty separator")),
        Value::Str(sep) => {
            let count = most.saturating_add(1);
            return Ok(if from_right {
                let mut parts: Vec<&str> = text.rsplitn(count, &*sep).collect();
                parts.reverse();
                Value::texts(parts)
            } else {
                Value::texts(text.splitn(count, &*sep))
            });
        }
        other => return Err(Fault::new(format!("must be str or None, not {}", other.type_name()))),
    }
    Ok(Value::texts(parts))
}
