//! The functions that are always there.

use std::rc::Rc;

use super::fault::{Fault, R};
use super::object::{Call, Function, Object};
use super::time::Time;
use super::value::{Key, Map, Value};

pub fn global(name: &str) -> Option<Value> {
    Some(match name {
        "omit" => Value::Omit,
        "range" => Function::value("range", |_, call| range(&call)),
        "dict" => Function::value("dict", |_, call| dict(&call).map(Value::dict)),
        "cycler" => Function::value("cycler", |_, call| {
            if call.positional.is_empty() {
                return Err(Fault::new("at least one item has to be provided"));
            }
            Ok(Value::object(Cycler { items: call.positional, at: Rc::default() }))
        }),
        "joiner" => Function::value("joiner", |_, mut call| {
            let between = call.take("sep").or_else(|| call.positional.first().cloned());
            let (between, used) = (between.unwrap_or_else(|| Value::str(", ")), std::cell::Cell::new(false));
            Ok(Function::value("joiner", move |_, _| {
                Ok(if used.replace(true) { between.clone() } else { Value::str("") })
            }))
        }),
        "now" => Function::value("now", |_, mut call| {
            let utc = call.take("utc").or_else(|| call.positional.first().cloned());
            let format = call.take("fmt").or_else(|| call.positional.get(1).cloned());
            let now = Time::now(utc.map_or(Ok(false), |utc| utc.truth())?);
            Ok(match format {
                Some(Value::Str(format)) if !format.is_empty() => Value::str(now.strftime(&format, "", true)),
                _ => Value::Time(Rc::new(now)),
            })
        }),
        "undef" => Function::value("undef", |_, mut call| {
            let hint = call.take("hint").or_else(|| call.positional.first().cloned());
            let hint = hint.and_then(|hint| hint.as_str().map(str::to_owned));
            let hint = hint.unwrap_or_else(|| "Mandatory variable has not been overridden".into());
            Ok(Value::Marker(Rc::new(*Fault::undefined(hint))))
        }),
        // Called directly they are dealt with before this; a name alone has no further use.
        "lookup" | "query" | "q" => {
            let listed = name != "lookup";
            Function::value(name, move |interp, call| super::lookups::run(interp, call, listed))
        }
        _ => return None,
    })
}

fn range(call: &Call) -> R<Value> {
    let numbers: Option<Vec<i128>> = call.positional.iter().map(Value::as_int).collect();
    let Some(numbers) = numbers else { return Err(Fault::new("range takes integers")) };
    match numbers[..] {
        [to] => Ok(Value::Range(0, to, 1)),
        [from, to] => Ok(Value::Range(from, to, 1)),
        [_, _, 0] => Err(Fault::new("range() arg 3 must not be zero")),
        [from, to, step] => Ok(Value::Range(from, to, step)),
        _ => Err(Fault::new("range takes 1 to 3 integers")),
    }
}

/// `dict(…)`: a dict or pairs, and named values.
pub fn dict(call: &Call) -> R<Map> {
    let mut map = Map::new();
    if call.positional.len() > 1 {
        return Err(Fault::new(format!("dict expected at most 1 argument, got {}", call.positional.len())));
    }
    match call.positional.first() {
        None => {}
        Some(Value::Dict(other)) => map = other.borrow().clone(),
        Some(Value::Object(object)) if object.map().is_some() => {
            map = object.map().unwrap_or_else(|| Ok(Map::new()))?
        }
        Some(pairs) => {
            for (at, pair) in pairs.iterate()?.iter().enumerate() {
                let pair = pair.iterate()?;
                let [key, value] = &pair[..] else {
                    let len = pair.len();
                    return Err(Fault::new(format!(
                        "dictionary update sequence element #{at} has length {len}; 2 is required"
                    )));
                };
                map.insert(key.key()?, value.clone());
            }
        }
    }
    map.extend(call.named.iter().map(|(name, value)| (Key(Value::Str(name.clone())), value.clone())));
    Ok(map)
}

struct Cycler {
    items: Vec<Value>,
    at: Rc<std::cell::Cell<usize>>,
}

impl Object for Cycler {
    fn type_name(&self) -> &str {
        "Cycler"
    }

    fn attribute(&self, name: &str) -> R<Option<Value>> {
        let (items, at) = (self.items.clone(), self.at.clone());
        Ok(match name {
            "current" => Some(items[at.get()].clone()),
            "next" => Some(Function::value("next", move |_, _| {
                let now = at.get();
                at.set((now + 1) % items.len());
                Ok(items[now].clone())
            })),
            "reset" => Some(Function::value("reset", move |_, _| {
                at.set(0);
                Ok(Value::None)
            })),
            _ => None,
        })
    }
}
