//! What Python has and JSON has not: mappings whose keys are no texts, dates and times. Lists, `vars` and records show a
//! variable as JSON; templates get it in this form, which keeps the types.
//!
//! The form is JSON: a mapping with such a key is `{PAIRS: [[key, value], …]}`, a time `{TIME: "2020-01-01T10:00:00"}`. No file
//! can have these marks by chance, as they begin with a control character.

use serde_json::{Map, Value};

/// The mark of a mapping that has a key which is no text.
pub const PAIRS: &str = "\u{0}pairs";
/// The mark of a date or a time; its text is in ISO form.
pub const TIME: &str = "\u{0}time";

/// A date or a time.
pub fn time(iso: &str) -> Value {
    marked(TIME, iso.into())
}

/// A mapping, in its order.
pub fn mapping(pairs: Vec<(Value, Value)>) -> Value {
    if pairs.iter().all(|(key, _)| key.is_string()) {
        let fields = pairs.into_iter().filter_map(|(key, value)| match key {
            Value::String(name) => Some((name, value)),
            _ => None,
        });
        return Value::Object(fields.collect());
    }
    let pairs = pairs.into_iter().map(|(key, value)| Value::Array(vec![key, value]));
    marked(PAIRS, Value::Array(pairs.collect()))
}

fn marked(mark: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(mark.to_owned(), value)]))
}

fn mark<'a>(fields: &'a Map<String, Value>, mark: &str) -> Option<&'a Value> {
    if fields.len() == 1 { fields.get(mark) } else { None }
}

/// The pairs of a mapping that has a key which is no text.
pub fn as_pairs(fields: &Map<String, Value>) -> Option<impl Iterator<Item = (&Value, &Value)>> {
    let pairs = mark(fields, PAIRS)?.as_array()?;
    Some(pairs.iter().filter_map(|pair| Some((pair.get(0)?, pair.get(1)?))))
}

/// A time's text.
pub fn as_time(fields: &Map<String, Value>) -> Option<&str> {
    mark(fields, TIME)?.as_str()
}

/// Whether a value has something that JSON has not.
pub fn is_needed(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(is_needed),
        Value::Object(fields) => {
            as_time(fields).is_some() || as_pairs(fields).is_some() || fields.values().any(is_needed)
        }
        _ => false,
    }
}

/// The same as JSON has it: keys are texts, as `json.dumps` writes them, and so are times.
pub fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        Value::Object(fields) => {
            if let Some(iso) = as_time(fields) {
                return iso.into();
            }
            match as_pairs(fields) {
                Some(pairs) => Value::Object(pairs.map(|(key, value)| (name(key), plain(value))).collect()),
                None => Value::Object(fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect()),
            }
        }
        other => other.clone(),
    }
}

/// A key as a text: `json.dumps`' form.
pub fn name(key: &Value) -> String {
    match plain(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// What makes two keys one for Python: `1`, `1.0` and `True` are one key, `1` and `"1"` are two.
pub fn identity(key: &Value) -> String {
    match key {
        Value::String(text) => format!("s{text}"),
        Value::Bool(value) => format!("n{}", i32::from(*value)),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), ..) => format!("n{whole}"),
            (_, Some(whole), _) => format!("n{whole}"),
            // Beyond these a float has no place in 64 bits, and equals none of them.
            (_, _, Some(float)) if float.fract() == 0.0 && float.abs() < 1e18 => {
                format!("n{float:.0}").replace("n-0", "n0")
            }
            _ => format!("n{number}"),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_one_where_python_has_them_as_one() {
        for (one, other, same) in [
            (json!(1), json!(true), true),
            (json!(1), json!(1.0), true),
            (json!(0), json!(-0.0), true),
            (json!(1), json!("1"), false),
            (json!(null), json!("null"), false),
            (json!(1.5), json!(1), false),
            (time("2020-01-01"), json!("2020-01-01"), false),
        ] {
            assert_eq!(identity(&one) == identity(&other), same, "{one} {other}");
        }
    }

    #[test]
    fn json_has_texts_for_keys_and_times() {
        let value = mapping(vec![
            (json!(8080), time("2020-01-01")),
            (json!(null), json!([mapping(vec![(json!(true), json!(1))])])),
        ]);
        assert!(is_needed(&value));
        assert_eq!(plain(&value), json!({"8080": "2020-01-01", "null": [{"true": 1}]}));
        assert!(!is_needed(&plain(&value)));
    }
}
