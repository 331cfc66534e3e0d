//! Values to and from JSON, as an inventory and a playbook have them.

use serde_json::{Map as JsonMap, Value as Json};

use super::fault::{Fault, R};
use super::syntax::Options;
use super::value::{Key, Value, nested};
use crate::inventory::exact;

/// The key of a value that a vault holds.
pub const VAULT: &str = "__ansible_vault";
/// The key of a text that is no template.
pub const UNSAFE: &str = "__ansible_unsafe";

/// The text of an object that has this key alone.
pub fn tagged<'a>(fields: &'a JsonMap<String, Json>, key: &str) -> Option<&'a str> {
    if fields.len() == 1 { fields.get(key)?.as_str() } else { None }
}

/// Whether a value has a text inside that has to be rendered, decrypted or unwrapped.
pub fn has_template(value: &Json) -> bool {
    match value {
        Json::String(text) => Options::default().may_be_template(text),
        Json::Array(items) => items.iter().any(has_template),
        Json::Object(fields) => {
            tagged(fields, VAULT).is_some() || tagged(fields, UNSAFE).is_some() || fields.values().any(has_template)
        }
        _ => false,
    }
}

/// A JSON value as it is: nothing in it is rendered.
pub fn to_value(value: &Json) -> Value {
    match value {
        Json::Null => Value::None,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => Value::Int(value.into()),
            (_, Some(value), _) => Value::Int(value.into()),
            (_, _, Some(value)) => Value::Float(value),
            _ => Value::str(number.to_string()),
        },
        Json::String(text) => Value::str(text),
        Json::Array(items) => Value::list(items.iter().map(to_value).collect()),
        Json::Object(fields) => {
            Value::dict(fields.iter().map(|(name, value)| (Key(Value::str(name)), to_value(value))).collect())
        }
    }
}

/// A value as JSON: what is left of it when a template is done. Keys and times are texts.
pub fn from_value(value: &Value) -> R<Json> {
    let exact = exact_from(value)?;
    Ok(if exact::is_needed(&exact) { exact::plain(&exact) } else { exact })
}

/// A value with Python's types, in the form of [`exact`].
pub fn exact_from(value: &Value) -> R<Json> {
    Ok(match value {
        Value::None => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
            (Ok(value), _) => value.into(),
            (_, Ok(value)) => value.into(),
            _ => return Err(Fault::new(format!("{value} is too large a number"))),
        },
        Value::Float(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => Json::Number(number),
            None => return Err(Fault::new(format!("{number} is not a number that can be kept"))),
        },
        Value::Str(text) => Json::String(text.to_string()),
        Value::List(_) | Value::Tuple(_) | Value::Range(..) => {
            let items = value.iterate()?;
            let kept = items.iter().filter(|item| !matches!(item, Value::Omit));
            Json::Array(nested(|| kept.map(exact_from).collect())?)
        }
        Value::Dict(map) => {
            let map = map.borrow().clone();
            let kept = map.iter().filter(|(_, value)| !matches!(value, Value::Omit));
            let field = |(key, value): (&Key, &Value)| Ok((exact_from(&key.0)?, exact_from(value)?));
            exact::mapping(nested(|| kept.map(field).collect::<R<Vec<_>>>())?)
        }
        Value::Time(time) => exact::time(&time.iso("T")),
        Value::Lazy(lazy) => exact_from(&lazy.force())?,
        Value::Marker(fault) => return Err(fault.again()),
        Value::Omit => return Err(Fault::new("`omit` has no value where nothing can be left out")),
        Value::Object(object) if object.map().is_some() => match object.map() {
            Some(map) => exact_from(&Value::dict(map?))?,
            None => Json::Null,
        },
        Value::Object(object) if object.tuple().is_some() => {
            exact_from(&Value::list(object.tuple().unwrap_or_default()))?
        }
        Value::Delta(_) | Value::Object(_) => {
            return Err(Fault::new(format!("a value of type '{}' can't be kept", value.type_name()))
                .hint("turn it into a list, a number or a text: `| list`, `| int`, `| string`"));
        }
    })
}
