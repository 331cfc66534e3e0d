//! Filters that choose: a default, the items that pass a test, what is behind an attribute.

use super::super::fault::{Fault, FaultKind, R};
use super::super::interp::Interp;
use super::super::object::Call;
use super::super::value::Value;
use super::{Bound, Filter, apply, filter};

pub const FILTERS: [Filter; 14] = [
    Filter { names: &["default", "d"], params: "value default_value= boolean=", markers: true, run: default },
    Filter { names: &["ternary"], params: "value true_val false_val none_val=", markers: true, run: ternary },
    Filter { names: &["mandatory"], params: "a msg=", markers: true, run: mandatory },
    Filter {
        names: &["type_debug"],
        params: "obj",
        markers: true,
        run: |_, a| Ok(Value::str(type_debug(&a.value(0)))),
    },
    filter(&["bool"], "value", |_, a| to_bool(&a.value(0)).map(Value::Bool)),
    filter(&["extract"], "item container morekeys=", extract),
    filter(&["attr"], "obj name", |_, a| {
        // Unlike a dot it never takes an item.
        let found = super::super::interp::method(&a.value(0), &a.text(1)?)?;
        Ok(found.unwrap_or_else(|| missing(&a.value(0), &a.value(1))))
    }),
    filter(&["map"], "value *rest **named", map),
    filter(&["select"], "value *rest **named", |interp, a| choose(interp, a, true, false)),
    filter(&["reject"], "value *rest **named", |interp, a| choose(interp, a, false, false)),
    filter(&["selectattr"], "value *rest **named", |interp, a| choose(interp, a, true, true)),
    filter(&["rejectattr"], "value *rest **named", |interp, a| choose(interp, a, false, true)),
    filter(&["list"], "value", |_, a| a.items(0).map(Value::list)),
    filter(&["safe"], "value", |_, a| a.text(0).map(Value::str)),
];

pub fn missing(of: &Value, name: &Value) -> Value {
    let name = super::super::python::repr(name).unwrap_or_default();
    let fault = Fault::undefined(format!("object of type '{}' has no attribute {name}", of.type_name()));
    Value::Marker(std::rc::Rc::new(*fault))
}

fn default(_: &Interp, a: &Bound) -> R<Value> {
    let value = a.value(0);
    let default = || a.get(1).cloned().unwrap_or_else(|| Value::str(""));
    let boolean = a.is(2)?;
    match &value {
        Value::Marker(fault) if fault.kind == FaultKind::Undefined => Ok(default()),
        Value::Marker(_) => Ok(value),
        _ if boolean && !value.truth()? => Ok(default()),
        _ => Ok(value),
    }
}

fn ternary(_: &Interp, a: &Bound) -> R<Value> {
    let value = a.value(0);
    match (value.is_none(), a.get(3)) {
        (true, Some(none)) if !none.is_none() => Ok(none.clone()),
        _ => Ok(a.value(if value.truth()? { 1 } else { 2 })),
    }
}

fn mandatory(_: &Interp, a: &Bound) -> R<Value> {
    match a.value(0) {
        Value::Marker(fault) if fault.kind == FaultKind::Undefined => {
            let told = match (a.get(1), &fault.name) {
                (Some(message), _) if !message.is_none() => super::super::python::text(message)?,
                (_, Some(name)) => format!("Mandatory variable '{name}' not defined."),
                _ => "Mandatory variable not defined.".into(),
            };
            Err(Fault::new(told))
        }
        other => Ok(other),
    }
}

fn type_debug(value: &Value) -> String {
    value.type_name().to_owned()
}

/// Ansible's `bool`; what is neither yes nor no is false.
pub fn to_bool(value: &Value) -> R<bool> {
    let word = match value {
        Value::Str(text) => text.to_lowercase(),
        Value::Marker(fault) => return Err(fault.again()),
        Value::Float(number) => return Ok(*number == 1.0),
        other => match other.as_int() {
            Some(number) => return Ok(number == 1),
            None => return Ok(false),
        },
    };
    Ok(matches!(word.as_str(), "yes" | "on" | "true" | "1"))
}

fn extract(interp: &Interp, a: &Bound) -> R<Value> {
    let mut keys = vec![a.value(0)];
    match a.value(2) {
        Value::None => {}
        more @ Value::List(_) => keys.extend(more.iterate()?),
        more => keys.push(more),
    }
    let mut value = a.value(1);
    for key in keys {
        value = match interp.item(&value, &key)? {
            Some(value) => value,
            None => return Ok(missing(&value, &key)),
        };
    }
    Ok(value)
}

/// A getter for `a.b.0`, as `map(attribute='a.b.0')` has it.
pub fn getter(attribute: &Value) -> R<Vec<Value>> {
    Ok(match attribute {
        Value::Str(path) => {
            let part = |part: &str| {
                let index = !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
                if index { part.parse().map_or_else(|_| Value::str(part), Value::Int) } else { Value::str(part) }
            };
            path.split('.').map(part).collect()
        }
        Value::None => Vec::new(),
        other => vec![other.clone()],
    })
}

/// What is at the end of a getter's path; something undefined where it ends early.
pub fn get(interp: &Interp, item: &Value, path: &[Value], default: Option<&Value>) -> R<Value> {
    let mut value = item.clone();
    for key in path {
        value = match interp.item(&value, key)? {
            Some(value) => value,
            None => missing(&value, key),
        };
        if let (Value::Marker(fault), Some(default)) = (&value, default)
            && fault.kind == FaultKind::Undefined
        {
            value = default.clone();
        }
    }
    Ok(value.resolved())
}

fn map(interp: &Interp, a: &Bound) -> R<Value> {
    let items = a.items(0)?;
    let mut call = Call { positional: a.rest.clone(), named: a.named.clone() };
    if call.positional.is_empty()
        && let Some(attribute) = call.take("attribute")
    {
        let default = call.take("default");
        if let Some((unknown, _)) = call.named.first() {
            return Err(Fault::new(format!("Unexpected keyword argument '{unknown}'")));
        }
        let path = getter(&attribute)?;
        let got = items.iter().map(|item| get(interp, item, &path, default.as_ref()));
        return Ok(Value::list(got.collect::<R<_>>()?));
    }
    if call.positional.is_empty() {
        return Err(Fault::new("map requires a filter argument"));
    }
    let name = super::super::python::text(&call.positional.remove(0))?;
    let mapped = items.into_iter().map(|item| apply(interp, &name, item, call.clone()));
    Ok(Value::list(mapped.collect::<R<_>>()?))
}

fn choose(interp: &Interp, a: &Bound, want: bool, by_attribute: bool) -> R<Value> {
    let items = a.items(0)?;
    let mut call = Call { positional: a.rest.clone(), named: a.named.clone() };
    let path = if by_attribute {
        if call.positional.is_empty() {
            return Err(Fault::new("Missing parameter for attribute name"));
        }
        Some(getter(&call.positional.remove(0))?)
    } else {
        None
    };
    let test =
        if call.positional.is_empty() { None } else { Some(super::super::python::text(&call.positional.remove(0))?) };
    let mut kept = Vec::new();
    for item in items {
        let looked_at = match &path {
            Some(path) => get(interp, &item, path, None)?,
            None => item.clone(),
        };
        let passes = match &test {
            None => looked_at.truth()?,
            Some(test) => match super::super::tests::apply(interp, test, looked_at, call.clone())? {
                Ok(passes) => passes,
                Err(marker) => {
                    return Err(marker.check().map_or_else(|fault| fault, |_| Fault::new("the test gives nothing")));
                }
            },
        };
        if passes == want {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}
