//! The values of steps in a run's record: every value that can be written down comes back as it was.

use rhai::{Array, Dynamic, Map};
use serde_json::{Value, json};

use super::Script;
use super::api::host::Host;
use super::value::{Unknown, from_json};
use crate::error::{Error, Result};

/// What a map that stands for something else has as its only key.
const HOST: &str = "$host";
const UNIT: &str = "$unit";
const MAP: &str = "$map";

/// A value as it is kept; none when it can't be, as a function can't.
pub fn encode(value: &Dynamic) -> Option<Value> {
    if value.is_unit() {
        return Some(json!({ UNIT: true }));
    }
    if let Some(host) = value.read_lock::<Host>() {
        return Some(json!({ HOST: host.0.name }));
    }
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(encode).collect::<Option<Vec<_>>>().map(Value::Array);
    }
    if let Ok(fields) = value.as_map_ref() {
        let fields = fields
            .iter()
            .map(|(key, field)| Some((key.to_string(), encode(field)?)))
            .collect::<Option<serde_json::Map<_, _>>>()?;
        // A playbook's own map may look like one of ours.
        let ours = fields.len() == 1 && fields.keys().any(|key| key.starts_with('$'));
        return Some(if ours { json!({ MAP: fields }) } else { Value::Object(fields) });
    }
    if let Ok(value) = value.as_bool() {
        return Some(Value::Bool(value));
    }
    if let Ok(value) = value.as_int() {
        return Some(Value::from(value));
    }
    if let Ok(value) = value.as_float() {
        // JSON has no infinity and no NaN.
        return value.is_finite().then(|| Value::from(value));
    }
    value.as_immutable_string_ref().ok().map(|text| Value::String(text.to_string()))
}

/// A kept value as a script has it. Its hosts are connected to.
pub fn decode(script: &Script, value: &Value) -> Result<Dynamic> {
    match value {
        Value::Array(items) => {
            items.iter().map(|item| decode(script, item)).collect::<Result<Array>>().map(Dynamic::from)
        }
        Value::Object(fields) => match fields.iter().next().map(|(key, field)| (key.as_str(), field)) {
            Some((UNIT, _)) if fields.len() == 1 => Ok(Dynamic::UNIT),
            Some((HOST, Value::String(name))) if fields.len() == 1 => host(script, name),
            Some((MAP, Value::Object(inner))) if fields.len() == 1 => map(script, inner),
            _ => map(script, fields),
        },
        plain => Ok(from_json(plain)),
    }
}

/// The value of a step that was left out.
pub fn left_out(step: &str) -> Dynamic {
    Dynamic::from(Unknown::left_out(step))
}

fn map(script: &Script, fields: &serde_json::Map<String, Value>) -> Result<Dynamic> {
    let fields = fields.iter().map(|(key, field)| Ok((key.as_str().into(), decode(script, field)?)));
    fields.collect::<Result<Map>>().map(Dynamic::from)
}

fn host(script: &Script, name: &str) -> Result<Dynamic> {
    let mut found = script.hosts(&[name.to_owned()])?;
    found.pop().ok_or_else(|| Error::defect(format!("{name} is not among the hosts")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_form_is_kept_and_what_has_none_is_not() {
        let mut map = Map::new();
        map.insert("$unit".into(), 1_i64.into());
        let values: Array = vec![
            Dynamic::UNIT,
            1_i64.into(),
            1.0_f64.into(),
            "text".into(),
            true.into(),
            map.into(),
            Dynamic::from(Array::new()),
        ];
        let kept = encode(&values.into()).expect("a form");
        assert_eq!(kept.to_string(), r#"[{"$unit":true},1,1.0,"text",true,{"$map":{"$unit":1}},[]]"#);
        assert_eq!(encode(&f64::NAN.into()), None);
        assert_eq!(encode(&Dynamic::from(rhai::FnPtr::new("f").expect("a function"))), None);
    }
}
