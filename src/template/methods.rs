//! Python's methods of texts, lists, dicts, numbers and dates.

use std::rc::Rc;

use super::fault::{Fault, R};
use super::filters::{Bound, text as text_filters};
use super::interp::Interp;
use super::object::Call;
use super::python;
use super::value::{Map, Value};

const STR: [&str; 46] = [
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
const LIST: [&str; 11] =
    ["append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"];
const DICT: [&str; 11] =
    ["clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"];
const INT: [&str; 7] = ["bit_length", "bit_count", "conjugate", "__and__", "__or__", "__xor__", "__lshift__"];
const TIME: [&str; 10] = [
    "strftime",
    "timestamp",
    "isoformat",
    "date",
    "weekday",
    "isoweekday",
    "replace",
    "timetuple",
    "ctime",
    "toordinal",
];

/// Whether a value has a method of this name.
pub fn is_method(of: &Value, name: &str) -> bool {
    let names: &[&str] = match of {
        Value::Str(_) => &STR,
        Value::List(_) => &LIST,
        Value::Tuple(_) => &["count", "index"],
        Value::Dict(_) => &DICT,
        Value::Int(_) | Value::Bool(_) => &INT,
        Value::Float(_) => &["is_integer", "conjugate"],
        Value::Time(_) => &TIME,
        Value::Delta(_) => &["total_seconds"],
        _ => &[],
    };
    names.contains(&name)
}

/// An attribute that is no method.
pub fn property(of: &Value, name: &str) -> Option<Value> {
    Some(match (of, name) {
        (Value::Time(time), _) => Value::Int(match name {
            "year" => time.civil.year().into(),
            "month" => time.civil.month().into(),
            "day" => time.civil.day().into(),
            "hour" => time.civil.hour().into(),
            "minute" => time.civil.minute().into(),
            "second" => time.civil.second().into(),
            "microsecond" => (time.civil.subsec_nanosecond() / 1000).into(),
            _ => return None,
        }),
        (Value::Delta(delta), "days") => Value::Int(delta.days()),
        (Value::Delta(delta), "seconds") => Value::Int(delta.seconds()),
        (Value::Delta(delta), "microseconds") => Value::Int(delta.micros().rem_euclid(1_000_000)),
        (Value::Int(_) | Value::Bool(_), "real" | "numerator") => Value::Int(of.as_int()?),
        (Value::Int(_) | Value::Bool(_), "imag") => Value::Int(0),
        (Value::Int(_) | Value::Bool(_), "denominator") => Value::Int(1),
        _ => return None,
    })
}

/// Calls a method.
pub fn call(interp: &Interp, of: &Value, name: &str, call: Call) -> R<Value> {
    let done = match of {
        Value::Str(text) => string(interp, text, name, call),
        Value::List(items) => list(interp, items, name, call),
        Value::Tuple(items) => sequence(items, name, &call),
        Value::Dict(map) => dict(map, name, call),
        Value::Time(time) => date(time, name, call),
        Value::Delta(delta) => {
            let micros = delta.micros() as f64;
            Ok(Value::Float(micros / 1e6))
        }
        Value::Float(number) if name == "is_integer" => Ok(Value::Bool(number.fract() == 0.0)),
        Value::Float(_) => Ok(of.clone()),
        _ => int(of.as_int().unwrap_or(0), name, &call),
    };
    done.map_err(|mut fault| {
        fault.message = format!("{}.{name}() fails: {}", of.type_name(), fault.message);
        fault
    })
}

fn bind(name: &'static str, params: &str, call: Call) -> R<Bound> {
    let mut bound = Bound::new(name, &format!("self {params}"), Value::None, call)?;
    bound.values.remove(0);
    Ok(bound)
}

fn no_arguments(call: &Call) -> R<()> {
    if call.positional.is_empty() && call.named.is_empty() {
        return Ok(());
    }
    Err(Fault::new("it takes no arguments"))
}

fn size(value: usize) -> Value {
    Value::Int(i128::try_from(value).unwrap_or(i128::MAX))
}

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
fn string(interp: &Interp, text: &Rc<str>, name: &str, call: Call) -> R<Value> {
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
        "format" => Value::str(super::format::braces(text, &call)?),
        "format_map" => {
            let a = bind("format_map", "mapping", call)?;
            let named = super::globals::dict(&Call::of(vec![a.value(0)]))?;
            let named = named.into_iter().map(|(key, value)| Ok((Rc::from(python::text(&key.0)?), value)));
            Value::str(super::format::braces(text, &Call { positional: Vec::new(), named: named.collect::<R<_>>()? })?)
        }
        "isdigit" | "isdecimal" => all(|c| c.is_ascii_digit()),
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

fn sequence(items: &[Value], name: &str, call: &Call) -> R<Value> {
    let Some(wanted) = call.positional.first() else { return Err(Fault::new("it takes a value")) };
    let mut count = 0;
    for (at, item) in items.iter().enumerate() {
        if item.equals(wanted)? {
            if name == "index" {
                return Ok(size(at));
            }
            count += 1;
        }
    }
    if name == "index" {
        return Err(Fault::new(format!("{} is not in list", python::repr(wanted)?)));
    }
    Ok(size(count))
}

fn busy<T>(_: T) -> Box<Fault> {
    Fault::new("it can't be changed while it is gone through")
}

fn list(interp: &Interp, items: &Rc<std::cell::RefCell<Vec<Value>>>, name: &str, call: Call) -> R<Value> {
    let place = |at: i128, len: usize| {
        let len = i128::try_from(len).unwrap_or(0);
        usize::try_from(if at < 0 { (at + len).max(0) } else { at.min(len) }).unwrap_or(0)
    };
    Ok(match name {
        "append" => {
            let value = bind("append", "object", call)?.value(0);
            items.try_borrow_mut().map_err(busy)?.push(value);
            Value::None
        }
        "extend" => {
            let more = bind("extend", "iterable", call)?.items(0)?;
            items.try_borrow_mut().map_err(busy)?.extend(more);
            Value::None
        }
        "insert" => {
            let a = bind("insert", "index object", call)?;
            let at = a.int(0)?.unwrap_or(0);
            let mut items = items.try_borrow_mut().map_err(busy)?;
            let at = place(at, items.len());
            items.insert(at, a.value(1));
            Value::None
        }
        "pop" => {
            let at = bind("pop", "index=", call)?.int(0)?.unwrap_or(-1);
            let mut items = items.try_borrow_mut().map_err(busy)?;
            if items.is_empty() {
                return Err(Fault::new("pop from empty list"));
            }
            let len = i128::try_from(items.len()).unwrap_or(0);
            let at = if at < 0 { at + len } else { at };
            match usize::try_from(at).ok().filter(|at| *at < items.len()) {
                Some(at) => items.remove(at),
                None => return Err(Fault::new("pop index out of range")),
            }
        }
        "remove" => {
            let wanted = bind("remove", "value", call)?.value(0);
            let known = items.borrow().clone();
            let Value::Int(at) = sequence(&known, "index", &Call::of(vec![wanted]))? else { return Ok(Value::None) };
            items.try_borrow_mut().map_err(busy)?.remove(usize::try_from(at).unwrap_or(0));
            Value::None
        }
        "clear" => {
            no_arguments(&call)?;
            items.try_borrow_mut().map_err(busy)?.clear();
            Value::None
        }
        "copy" => {
            no_arguments(&call)?;
            Value::list(items.borrow().clone())
        }
        "reverse" => {
            no_arguments(&call)?;
            items.try_borrow_mut().map_err(busy)?.reverse();
            Value::None
        }
        "sort" => {
            let a = bind("sort", "key= reverse=", call)?;
            let key = a.value(0);
            let known = items.borrow().clone();
            let keyed = known.into_iter().map(|item| {
                let by = if key.is_none() { item.clone() } else { interp.call(&key, Call::of(vec![item.clone()]))? };
                Ok((by, item))
            });
            let mut keyed = keyed.collect::<R<Vec<_>>>()?;
            python::sort(&mut keyed, a.is(1)?)?;
            *items.try_borrow_mut().map_err(busy)? = keyed.into_iter().map(|(_, item)| item).collect();
            Value::None
        }
        _ => {
            let known = items.borrow().clone();
            sequence(&known, name, &call)?
        }
    })
}

fn dict(map: &Rc<std::cell::RefCell<Map>>, name: &str, call: Call) -> R<Value> {
    Ok(match name {
        "get" => {
            let a = bind("get", "key default=", call)?;
            let found = map.borrow().get(&a.value(0).key()?).cloned();
            found.unwrap_or_else(|| a.value(1))
        }
        "keys" => {
            no_arguments(&call)?;
            view("dict_keys", map.borrow().keys().map(|key| key.0.clone()).collect())
        }
        "values" => {
            no_arguments(&call)?;
            view("dict_values", map.borrow().values().cloned().collect())
        }
        "items" => {
            no_arguments(&call)?;
            let pairs =
                map.borrow().iter().map(|(key, value)| Value::tuple(vec![key.0.clone(), value.clone()])).collect();
            view("dict_items", pairs)
        }
        "update" => {
            let more = super::globals::dict(&call)?;
            map.try_borrow_mut().map_err(busy)?.extend(more);
            Value::None
        }
        "setdefault" => {
            let a = bind("setdefault", "key default=", call)?;
            let key = a.value(0).key()?;
            map.try_borrow_mut().map_err(busy)?.entry(key).or_insert_with(|| a.value(1)).clone()
        }
        "pop" => {
            let a = bind("pop", "key default=", call)?;
            let key = a.value(0).key()?;
            match (map.try_borrow_mut().map_err(busy)?.shift_remove(&key), a.get(1)) {
                (Some(value), _) => value,
                (None, Some(default)) => default.clone(),
                (None, None) => return Err(Fault::new(python::repr(&key.0)?)),
            }
        }
        "popitem" => match map.try_borrow_mut().map_err(busy)?.pop() {
            Some((key, value)) => Value::tuple(vec![key.0, value]),
            None => return Err(Fault::new("dictionary is empty")),
        },
        "clear" => {
            map.try_borrow_mut().map_err(busy)?.clear();
            Value::None
        }
        "copy" => Value::dict(map.borrow().clone()),
        _ => {
            let a = bind("fromkeys", "iterable value=", call)?;
            let keys = a.items(0)?;
            Value::dict(keys.iter().map(|key| Ok((key.key()?, a.value(1)))).collect::<R<_>>()?)
        }
    })
}

/// What `keys()` and its like give: in Ansible they are lists once they leave the call.
fn view(_: &str, items: Vec<Value>) -> Value {
    Value::list(items)
}

fn int(number: i128, name: &str, call: &Call) -> R<Value> {
    let other = call.positional.first().and_then(Value::as_int);
    let other = || other.ok_or_else(|| Fault::new("it takes a whole number"));
    Ok(Value::Int(match name {
        "bit_length" => (128 - number.unsigned_abs().leading_zeros()).into(),
        "bit_count" => number.unsigned_abs().count_ones().into(),
        "__and__" => number & other()?,
        "__or__" => number | other()?,
        "__xor__" => number ^ other()?,
        "__lshift__" => {
            let by = u32::try_from(other()?).ok().and_then(|by| number.checked_mul(1_i128.checked_shl(by)?));
            by.ok_or_else(|| Fault::new("the result is too large a number"))?
        }
        _ => number,
    }))
}

fn date(time: &Rc<super::time::Time>, name: &str, call: Call) -> R<Value> {
    Ok(match name {
        "strftime" => {
            let format = bind("strftime", "format", call)?.string(0)?;
            let zone = if time.offset == Some(0) { "UTC" } else { "" };
            Value::str(time.strftime(&format, zone, true))
        }
        "timestamp" => Value::Float(time.timestamp()),
        "isoformat" => Value::str(time.iso(&bind("isoformat", "sep=", call)?.text_or(0, "T")?)),
        "date" => Value::Time(Rc::new(super::time::Time { is_date: true, offset: None, ..(**time).clone() })),
        "weekday" => Value::Int(time.civil.weekday().to_monday_zero_offset().into()),
        "isoweekday" => Value::Int(time.civil.weekday().to_monday_one_offset().into()),
        "ctime" => Value::str(time.strftime("%a %b %e %H:%M:%S %Y", "", true)),
        other => return Err(Fault::new(format!("the method `{other}` is not supported here"))),
    })
}
