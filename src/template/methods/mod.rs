//! Python's methods of texts, lists, dicts, numbers and dates.

use std::rc::Rc;

use super::fault::{Fault, R};
use super::filters::Bound;
use super::interp::Interp;
use super::object::Call;
use super::python;
use super::value::{Map, Value};

mod text;

const LIST: [&str; 11] =
    ["append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"];
const DICT: [&str; 11] =
    ["clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"];
const INT: [&str; 7] = ["bit_length", "bit_count", "conjugate", "__and__", "__or__", "__xor__", "__lshift__"];
const TIME: [&str; 11] = [
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
    "tzname",
];

/// Whether a value has a method of this name.
pub fn is_method(of: &Value, name: &str) -> bool {
    let names: &[&str] = match of {
        Value::Str(_) => &text::NAMES,
        Value::List(_) => &LIST,
        Value::Tuple(_) => &["count", "index"],
        Value::Dict(_) => &DICT,
        Value::Int(_) | Value::Bool(_) => &INT,
        Value::Float(_) => &["is_integer", "conjugate"],
        Value::Time(time) if time.is_date && matches!(name, "timestamp" | "date" | "tzname") => &[],
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
            "hour" | "minute" | "second" | "microsecond" | "tzinfo" | "fold" if time.is_date => return None,
            "tzinfo" if time.offset.is_none() => return Some(Value::None),
            "fold" => 0,
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
        Value::Str(text) => text::call(interp, text, name, call),
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
            Value::str(time.strftime(&format, &time.zone_name().unwrap_or_default(), true))
        }
        "timestamp" => Value::Float(time.timestamp()),
        "isoformat" => Value::str(time.iso(&bind("isoformat", "sep=", call)?.text_or(0, "T")?)),
        "date" => Value::Time(Rc::new(time.day())),
        "toordinal" => Value::Int(time.ordinal().into()),
        "tzname" => time.zone_name().map_or(Value::None, Value::str),
        "weekday" => Value::Int(time.civil.weekday().to_monday_zero_offset().into()),
        "isoweekday" => Value::Int(time.civil.weekday().to_monday_one_offset().into()),
        "ctime" => Value::str(time.strftime("%a %b %e %H:%M:%S %Y", "", true)),
        other => return Err(Fault::new(format!("the method `{other}` is not supported here"))),
    })
}
