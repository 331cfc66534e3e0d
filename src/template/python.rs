//! How Python prints, orders and calculates.

use std::cmp::Ordering;
use std::fmt::Write;

use super::fault::{Fault, R};
use super::operators::{Binary, Compare};
use super::time::Delta;
use super::value::{Value, nested, range_len};

/// Python's `str(value)`.
pub fn text(value: &Value) -> R<String> {
    match value {
        Value::Str(text) => Ok(text.to_string()),
        other => {
            let mut out = String::new();
            write_text(&mut out, other)?;
            Ok(out)
        }
    }
}

/// Appends Python's `str(value)`.
pub fn write_text(out: &mut String, value: &Value) -> R<()> {
    match value {
        Value::Str(text) => out.push_str(text),
        Value::Time(time) => out.push_str(&time.iso(" ")),
        Value::Delta(delta) => out.push_str(&delta.to_string()),
        Value::Lazy(lazy) => write_text(out, &lazy.force())?,
        other => write_repr(out, other)?,
    }
    Ok(())
}

/// Python's `repr(value)`.
pub fn repr(value: &Value) -> R<String> {
    let mut out = String::new();
    write_repr(&mut out, value)?;
    Ok(out)
}

pub fn write_repr(out: &mut String, value: &Value) -> R<()> {
    match value {
        Value::None => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Float(value) => out.push_str(&float(*value)),
        Value::Str(text) => out.push_str(&repr_str(text)),
        Value::List(items) => {
            out.push('[');
            nested(|| write_items(out, &items.borrow()))?;
            out.push(']');
        }
        Value::Tuple(items) => {
            out.push('(');
            nested(|| write_items(out, items))?;
            out.push_str(if items.len() == 1 { ",)" } else { ")" });
        }
        Value::Dict(map) => {
            out.push('{');
            for (at, (key, value)) in map.borrow().iter().filter(|(_, value)| !matches!(value, Value::Omit)).enumerate()
            {
                if at > 0 {
                    out.push_str(", ");
                }
                write_repr(out, &key.0)?;
                out.push_str(": ");
                nested(|| write_repr(out, value))?;
            }
            out.push('}');
        }
        Value::Range(from, to, 1) => out.push_str(&format!("range({from}, {to})")),
        Value::Range(from, to, step) => out.push_str(&format!("range({from}, {to}, {step})")),
        Value::Time(time) => out.push_str(&time.repr()),
        Value::Delta(delta) => {
            let micros = delta.micros().rem_euclid(1_000_000);
            let parts = [("days", delta.days()), ("seconds", delta.seconds()), ("microseconds", micros)];
            let parts: Vec<String> =
                parts.iter().filter(|(_, count)| *count != 0).map(|(name, count)| format!("{name}={count}")).collect();
            let parts = if parts.is_empty() { "0".to_owned() } else { parts.join(", ") };
            out.push_str(&format!("datetime.timedelta({parts})"));
        }
        Value::Object(object) => match object.map() {
            Some(map) => write_repr(out, &Value::dict(map?))?,
            None => out.push_str(&object.printed()),
        },
        Value::Omit => return Err(Fault::new("`omit` can't be printed")),
        Value::Marker(fault) => return Err(fault.again()),
        Value::Lazy(lazy) => write_repr(out, &lazy.force())?,
    }
    Ok(())
}

fn write_items(out: &mut String, items: &[Value]) -> R<()> {
    for (at, item) in items.iter().filter(|item| !matches!(item, Value::Omit)).enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write_repr(out, item)?;
    }
    Ok(())
}

/// Python's `repr` of a text.
pub fn repr_str(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c if u32::from(c) < 0x100 => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if u32::from(c) < 0x10000 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push(quote);
    out
}

/// Whether Python's `repr` shows a character as it is.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    // Rust escapes what is not printable in the same sense, and combining marks, which Python shows.
    let escaped = c.escape_debug().next() == Some('\\');
    !escaped && !(c.is_whitespace()) || (escaped && is_mark(c))
}

fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5bd | 0x610..=0x61a | 0x64b..=0x65f | 0x900..=0x903
        | 0x93a..=0x94f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20f0 | 0x302a..=0x302f | 0x3099..=0x309a
        | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f)
}

/// Python's `repr` of a float: the shortest digits that give it back.
pub fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0.0" } else { "0.0" }.into();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Python's `<` and its like.
pub fn order(left: &Value, right: &Value) -> R<Option<Ordering>> {
    Ok(match (left, right) {
        (Value::Marker(fault), _) | (_, Value::Marker(fault)) => return Err(fault.again()),
        (Value::Lazy(lazy), other) => return order(&lazy.force(), other),
        (other, Value::Lazy(lazy)) => return order(other, &lazy.force()),
        (Value::Str(a), Value::Str(b)) => Some(a.cmp(b)),
        (Value::List(a), Value::List(b)) => return order_items(&a.borrow(), &b.borrow()),
        (Value::Tuple(a), Value::Tuple(b)) => return order_items(a, b),
        (Value::Time(a), Value::Time(b)) if a.offset.is_some() == b.offset.is_some() && a.is_date == b.is_date => {
            Some(a.micros().cmp(&b.micros()))
        }
        (Value::Time(a), Value::Time(b)) => return Err(super::time::cannot_compare(a, b)),
        (Value::Delta(a), Value::Delta(b)) => Some(a.micros().cmp(&b.micros())),
        (a, b) => match (a.as_int(), b.as_int(), a.as_float(), b.as_float()) {
            (Some(a), Some(b), _, _) => Some(a.cmp(&b)),
            (_, _, Some(a), Some(b)) => return Ok(a.partial_cmp(&b)),
            _ => {
                let (a, b) = (a.type_name(), b.type_name());
                return Err(Fault::new(format!("'<' not supported between instances of '{a}' and '{b}'")));
            }
        },
    })
}

fn order_items(a: &[Value], b: &[Value]) -> R<Option<Ordering>> {
    for (a, b) in a.iter().zip(b) {
        if !a.equals(b)? {
            return order(a, b);
        }
    }
    Ok(Some(a.len().cmp(&b.len())))
}

/// Sorts as Python's `sorted`: equal ones keep their order.
pub fn sort(items: &mut [(Value, Value)], reverse: bool) -> R<()> {
    let mut failed = None;
    if reverse {
        items.reverse();
    }
    items.sort_by(|(a, _), (b, _)| match order(a, b) {
        Ok(order) => order.unwrap_or(Ordering::Equal),
        Err(fault) => {
            failed.get_or_insert(fault);
            Ordering::Equal
        }
    });
    if reverse {
        items.reverse();
    }
    failed.map_or(Ok(()), Err)
}

pub fn compare(op: Compare, left: &Value, right: &Value) -> R<bool> {
    Ok(match op {
        Compare::Eq => left.equals(right)?,
        Compare::Ne => !left.equals(right)?,
        Compare::In => contains(right, left)?,
        Compare::NotIn => !contains(right, left)?,
        Compare::Lt => order(left, right)?.is_some_and(Ordering::is_lt),
        Compare::Le => order(left, right)?.is_some_and(Ordering::is_le),
        Compare::Gt => order(left, right)?.is_some_and(Ordering::is_gt),
        Compare::Ge => order(left, right)?.is_some_and(Ordering::is_ge),
    })
}

/// Python's `item in container`.
pub fn contains(container: &Value, item: &Value) -> R<bool> {
    match container {
        Value::Marker(fault) => Err(fault.again()),
        Value::Lazy(lazy) => contains(&lazy.force(), item),
        Value::Dict(map) => Ok(map.borrow().contains_key(&item.key()?)),
        Value::Str(text) => match item {
            Value::Str(part) => Ok(text.contains(&**part)),
            Value::Marker(fault) => Err(fault.again()),
            other => {
                let other = other.type_name();
                Err(Fault::new(format!("'in <string>' requires string as left operand, not {other}")))
            }
        },
        Value::Range(from, to, step) => Ok(item.as_int().is_some_and(|at| {
            let offset = at - from;
            offset % step == 0 && offset / step >= 0 && offset / step < range_len(*from, *to, *step)
        })),
        Value::Object(object) => object.contains(item),
        Value::List(_) | Value::Tuple(_) => {
            for known in container.iterate()? {
                if known.equals(item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        other => Err(Fault::new(format!("argument of type '{}' is not iterable", other.type_name()))),
    }
}

/// Python's arithmetic.
pub fn binary(op: Binary, left: &Value, right: &Value) -> R<Value> {
    left.check()?;
    right.check()?;
    let symbol = match op {
        Binary::Add => "+",
        Binary::Sub => "-",
        Binary::Mul => "*",
        Binary::Div => "/",
        Binary::FloorDiv => "//",
        Binary::Mod => "%",
        Binary::Pow => "** or pow()",
    };
    let unsupported = || {
        let (a, b) = (left.type_name(), right.type_name());
        Fault::new(match (op, left) {
            (Binary::Add, Value::Str(_)) => format!("can only concatenate str (not \"{b}\") to str"),
            (Binary::Add, Value::List(_)) => format!("can only concatenate list (not \"{b}\") to list"),
            _ => format!("unsupported operand type(s) for {symbol}: '{a}' and '{b}'"),
        })
    };
    match (op, left, right) {
        (Binary::Add, Value::Str(a), Value::Str(b)) => return Ok(Value::str(format!("{a}{b}"))),
        (Binary::Add, Value::List(a), Value::List(b)) => {
            return Ok(Value::list(a.borrow().iter().chain(b.borrow().iter()).cloned().collect()));
        }
        (Binary::Add, Value::Tuple(a), Value::Tuple(b)) => {
            return Ok(Value::tuple(a.iter().chain(b.iter()).cloned().collect()));
        }
        (Binary::Mod, Value::Str(format), args) => return super::format::percent(format, args).map(Value::str),
        (Binary::Mul, items @ (Value::Str(_) | Value::List(_) | Value::Tuple(_)), count)
        | (Binary::Mul, count, items @ (Value::Str(_) | Value::List(_) | Value::Tuple(_))) => {
            let Some(count) = count.as_int() else {
                let what = count.type_name();
                return Err(Fault::new(format!("can't multiply sequence by non-int of type '{what}'")));
            };
            let count = usize::try_from(count).unwrap_or(0);
            if items.len()?.saturating_mul(count) > 50_000_000 {
                return Err(Fault::new("what this multiplication gives is too long"));
            }
            return Ok(match items {
                Value::Str(text) => Value::str(text.repeat(count)),
                Value::Tuple(items) => Value::tuple(items.iter().cloned().cycle().take(items.len() * count).collect()),
                Value::List(items) => {
                    let items = items.borrow();
                    Value::list(items.iter().cloned().cycle().take(items.len() * count).collect())
                }
                _ => Value::None,
            });
        }
        (Binary::Sub, Value::Time(a), Value::Time(b)) if a.is_date == b.is_date => {
            if a.offset.is_some() != b.offset.is_some() {
                return Err(Fault::new("can't subtract offset-naive and offset-aware datetimes"));
            }
            return Ok(Value::Delta(Delta::new(a.micros() - b.micros())));
        }
        (Binary::Add, Value::Time(time), Value::Delta(delta))
        | (Binary::Add, Value::Delta(delta), Value::Time(time)) => {
            return Ok(Value::Time(std::rc::Rc::new(time.plus(*delta)?)));
        }
        (Binary::Sub, Value::Time(time), Value::Delta(delta)) => {
            return Ok(Value::Time(std::rc::Rc::new(time.plus(Delta::new(-delta.micros()))?)));
        }
        (Binary::Add, Value::Delta(a), Value::Delta(b)) => {
            return Ok(Value::Delta(Delta::new(a.micros() + b.micros())));
        }
        (Binary::Sub, Value::Delta(a), Value::Delta(b)) => {
            return Ok(Value::Delta(Delta::new(a.micros() - b.micros())));
        }
        _ => {}
    }
    if let (Some(a), Some(b)) = (left.as_int(), right.as_int()) {
        return ints(op, a, b);
    }
    let (Some(a), Some(b)) = (left.as_float(), right.as_float()) else { return Err(unsupported()) };
    let zero = |message: &str| if b == 0.0 { Err(Fault::new(message)) } else { Ok(()) };
    Ok(Value::Float(match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => {
            zero("float division by zero")?;
            a / b
        }
        Binary::FloorDiv => {
            zero("float floor division by zero")?;
            (a / b).floor()
        }
        Binary::Mod => {
            zero("float modulo")?;
            let rest = a % b;
            if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
        }
        Binary::Pow if a < 0.0 && b.fract() != 0.0 => return Err(Fault::new("the result is a complex number")),
        Binary::Pow => a.powf(b),
    }))
}

fn ints(op: Binary, a: i128, b: i128) -> R<Value> {
    let large = || Fault::new("the result is too large a number");
    if b == 0 && matches!(op, Binary::Div | Binary::FloorDiv | Binary::Mod) {
        return Err(Fault::new(match op {
            Binary::Div => "division by zero",
            Binary::FloorDiv => "integer division or modulo by zero",
            _ => "integer modulo by zero",
        }));
    }
    let (fa, fb) = (a as f64, b as f64);
    Ok(match op {
        Binary::Add => Value::Int(a.checked_add(b).ok_or_else(large)?),
        Binary::Sub => Value::Int(a.checked_sub(b).ok_or_else(large)?),
        Binary::Mul => Value::Int(a.checked_mul(b).ok_or_else(large)?),
        Binary::Div => Value::Float(fa / fb),
        Binary::FloorDiv => {
            let quotient = a / b;
            Value::Int(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
        }
        Binary::Mod => {
            let rest = a % b;
            Value::Int(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
        }
        Binary::Pow if b < 0 => {
            if a == 0 {
                return Err(Fault::new("0.0 cannot be raised to a negative power"));
            }
            Value::Float(fa.powf(fb))
        }
        Binary::Pow => Value::Int(u32::try_from(b).ok().and_then(|b| a.checked_pow(b)).ok_or_else(large)?),
    })
}

/// `value[start:stop:step]`.
pub fn slice(value: &Value, start: Option<i128>, stop: Option<i128>, step: Option<i128>) -> R<Value> {
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(Fault::new("slice step cannot be zero"));
    }
    let len = i128::try_from(value.len()?).unwrap_or(i128::MAX);
    let clamp = |at: i128| {
        let at = if at < 0 { at + len } else { at };
        if step > 0 { at.clamp(0, len) } else { at.clamp(-1, len - 1) }
    };
    let start = start.map_or(if step > 0 { 0 } else { len - 1 }, clamp);
    let stop = stop.map_or(if step > 0 { len } else { -1 }, clamp);
    let indices = (0..range_len(start, stop, step)).filter_map(|at| usize::try_from(start + at * step).ok());
    Ok(match value {
        Value::Str(text) => {
            let chars: Vec<char> = text.chars().collect();
            Value::str(indices.filter_map(|at| chars.get(at)).collect::<String>())
        }
        Value::List(items) => {
            let items = items.borrow();
            Value::list(indices.filter_map(|at| items.get(at).cloned()).collect())
        }
        Value::Tuple(items) => Value::tuple(indices.filter_map(|at| items.get(at).cloned()).collect()),
        Value::Range(from, _, by) => Value::Range(from + start * by, from + stop * by, step * by),
        other => return Err(Fault::new(format!("'{}' object is not subscriptable", other.type_name()))),
    })
}
