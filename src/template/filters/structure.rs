//! Filters of lists and dicts that Ansible adds.

use super::super::fault::{Fault, R};
use super::super::interp::Interp;
use super::super::python;
use super::super::value::{Key, Map, Value};
use super::sequence::mapping;
use super::{Bound, Filter, filter};

pub const FILTERS: [Filter; 11] = [
    filter(&["combine"], "value *rest **named", combine),
    filter(&["flatten"], "mylist levels= skip_nulls=", |_, a| {
        let skip = a.get(2).map_or(Ok(true), Value::truth)?;
        Ok(Value::list(flatten(&a.items(0)?, a.int(1)?, skip)?))
    }),
    filter(&["dict2items"], "mydict key_name= value_name=", |_, a| {
        let Some(map) = mapping(&a.value(0))? else {
            return Err(Fault::new(format!(
                "dict2items requires a dictionary, got a value of type '{}'",
                a.value(0).type_name()
            )));
        };
        let (key_name, value_name) = (Key(Value::str(a.text_or(1, "key")?)), Key(Value::str(a.text_or(2, "value")?)));
        let item = |(key, value): (Key, Value)| {
            Value::dict(Map::from_iter([(key_name.clone(), key.0), (value_name.clone(), value)]))
        };
        Ok(Value::list(map.into_iter().map(item).collect()))
    }),
    filter(&["items2dict"], "mylist key_name= value_name=", |_, a| {
        let list = a.value(0);
        if !list.is_sequence() {
            return Err(Fault::new(format!("items2dict requires a list, got a value of type '{}'", list.type_name())));
        }
        let (key_name, value_name) = (a.text_or(1, "key")?, a.text_or(2, "value")?);
        let mut map = Map::new();
        for item in list.iterate()? {
            let (Some(key), Some(value)) = (item.field(&key_name)?, item.field(&value_name)?) else {
                return Err(Fault::new(format!(
                    "items2dict requires each dictionary in the list to contain the keys '{key_name}' and '{value_name}'"
                )));
            };
            map.insert(key.key()?, value);
        }
        Ok(Value::dict(map))
    }),
    filter(&["subelements"], "obj subelements skip_missing=", |_, a| {
        subelements(&a.value(0), &a.value(1), a.is(2)?).map(Value::list)
    }),
    filter(&["rekey_on_member"], "data key duplicates=", rekey),
    filter(&["zip"], "value *rest", |_, a| {
        let lists = lists(a)?;
        let shortest = lists.iter().map(Vec::len).min().unwrap_or(0);
        Ok(Value::list(
            (0..shortest).map(|at| Value::tuple(lists.iter().map(|list| list[at].clone()).collect())).collect(),
        ))
    }),
    filter(&["zip_longest"], "value *rest **named", |_, a| {
        let lists = lists(a)?;
        let fill =
            a.named.iter().find(|(name, _)| &**name == "fillvalue").map_or(Value::None, |(_, value)| value.clone());
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        let row = |at: usize| lists.iter().map(|list| list.get(at).cloned().unwrap_or_else(|| fill.clone())).collect();
        Ok(Value::list((0..longest).map(|at| Value::tuple(row(at))).collect()))
    }),
    filter(&["product"], "value *rest **named", |_, a| {
        let repeat = a.named.iter().find(|(name, _)| &**name == "repeat").and_then(|(_, value)| value.as_int());
        let lists = lists(a)?;
        let times = usize::try_from(repeat.unwrap_or(1)).unwrap_or(0);
        let lists: Vec<&Vec<Value>> = std::iter::repeat_n(&lists, times).flatten().collect();
        let count = lists.iter().fold(1_usize, |count, list| count.saturating_mul(list.len()));
        bounded(count)?;
        let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
        for list in lists {
            rows = rows
                .iter()
                .flat_map(|row| list.iter().map(move |item| [&row[..], std::slice::from_ref(item)].concat()))
                .collect();
        }
        Ok(Value::list(rows.into_iter().map(Value::tuple).collect()))
    }),
    filter(&["combinations"], "iterable r", |_, a| {
        let (items, size) = (a.items(0)?, usize::try_from(a.int(1)?.unwrap_or(0)).unwrap_or(0));
        let mut out = Vec::new();
        combinations(&items, size, 0, &mut Vec::new(), &mut out)?;
        Ok(Value::list(out))
    }),
    filter(&["permutations"], "iterable r=", |_, a| {
        let items = a.items(0)?;
        let size = a.int(1)?.map_or(items.len(), |size| usize::try_from(size).unwrap_or(0));
        let mut out = Vec::new();
        permutations(&items, size, &mut Vec::new(), &mut out)?;
        Ok(Value::list(out))
    }),
];

fn bounded(count: usize) -> R<()> {
    if count > 2_000_000 { Err(Fault::new(format!("that would be {count} items"))) } else { Ok(()) }
}

fn lists(a: &Bound) -> R<Vec<Vec<Value>>> {
    std::iter::once(a.items(0)).chain(a.rest.iter().map(Value::iterate)).collect()
}

fn combinations(items: &[Value], size: usize, from: usize, taken: &mut Vec<Value>, out: &mut Vec<Value>) -> R<()> {
    bounded(out.len())?;
    if taken.len() == size {
        out.push(Value::tuple(taken.clone()));
        return Ok(());
    }
    for at in from..items.len() {
        taken.push(items[at].clone());
        combinations(items, size, at + 1, taken, out)?;
        taken.pop();
    }
    Ok(())
}

fn permutations(items: &[Value], size: usize, taken: &mut Vec<usize>, out: &mut Vec<Value>) -> R<()> {
    bounded(out.len())?;
    if taken.len() == size {
        out.push(Value::tuple(taken.iter().map(|at| items[*at].clone()).collect()));
        return Ok(());
    }
    for at in 0..items.len() {
        if !taken.contains(&at) {
            taken.push(at);
            permutations(items, size, taken, out)?;
            taken.pop();
        }
    }
    Ok(())
}

/// Ansible's `flatten`: lists in lists, as deep as `levels` says.
pub fn flatten(items: &[Value], levels: Option<i128>, skip_nulls: bool) -> R<Vec<Value>> {
    let mut out = Vec::new();
    for item in items {
        let null = item.is_none() || matches!(item.as_str(), Some("None" | "null"));
        if skip_nulls && null {
            continue;
        }
        match (item.is_sequence(), levels) {
            (true, None) => {
                let inner = item.iterate()?;
                out.extend(super::super::value::nested(|| flatten(&inner, None, skip_nulls))?);
            }
            (true, Some(levels)) if levels >= 1 => out.extend(flatten(&item.iterate()?, Some(levels - 1), skip_nulls)?),
            _ => out.push(item.clone()),
        }
    }
    Ok(out)
}

fn combine(_: &Interp, a: &Bound) -> R<Value> {
    let mut recursive = false;
    let mut list_merge = "replace".to_owned();
    for (name, value) in &a.named {
        match &**name {
            "recursive" => recursive = value.truth()?,
            "list_merge" => list_merge = python::text(value)?,
            _ => return Err(Fault::new("'recursive' and 'list_merge' are the only valid keyword arguments")),
        }
    }
    let terms: Vec<Value> = std::iter::once(a.value(0)).chain(a.rest.iter().cloned()).collect();
    let dicts = flatten(&terms, Some(1), true)?;
    let mut dicts = dicts.into_iter().rev();
    let Some(mut result) = dicts.next() else { return Ok(Value::dict(Map::new())) };
    for dict in dicts {
        result = merge(&dict, &result, recursive, &list_merge)?;
    }
    Ok(result)
}

fn merge(low: &Value, high: &Value, recursive: bool, list_merge: &str) -> R<Value> {
    if !matches!(list_merge, "replace" | "keep" | "append" | "prepend" | "append_rp" | "prepend_rp") {
        return Err(Fault::new(format!("list_merge can't be '{list_merge}'"))
            .hint("it is one of replace, keep, append, prepend, append_rp, prepend_rp"));
    }
    let (Some(mut merged), Some(over)) = (mapping(low)?, mapping(high)?) else {
        let (low, high) = (low.type_name(), high.type_name());
        return Err(Fault::new(format!(
            "failed to combine variables, expected dicts but got a '{low}' and a '{high}'"
        )));
    };
    if merged.is_empty() {
        return Ok(Value::dict(over));
    }
    for (key, value) in over {
        let Some(known) = merged.get(&key).cloned() else {
            merged.insert(key, value);
            continue;
        };
        let new = match (mapping(&known)?, mapping(&value)?, &known, &value) {
            (Some(_), Some(_), _, _) => {
                if recursive {
                    super::super::value::nested(|| merge(&known, &value, recursive, list_merge))?
                } else {
                    value
                }
            }
            (_, _, Value::List(low), Value::List(high)) => {
                let (low, high) = (low.borrow().clone(), high.borrow().clone());
                let without = |items: &[Value], others: &[Value]| -> R<Vec<Value>> {
                    let others = Value::list(others.to_vec());
                    let mut kept = Vec::new();
                    for item in items {
                        if !python::contains(&others, item)? {
                            kept.push(item.clone());
                        }
                    }
                    Ok(kept)
                };
                match list_merge {
                    "keep" => known,
                    "append" => Value::list([low, high].concat()),
                    "prepend" => Value::list([high, low].concat()),
                    "append_rp" => Value::list([without(&low, &high)?, high].concat()),
                    "prepend_rp" => Value::list([high.clone(), without(&low, &high)?].concat()),
                    _ => value,
                }
            }
            _ => value,
        };
        merged.insert(key, new);
    }
    Ok(Value::dict(merged))
}

/// Each element with each item that is below it.
pub fn subelements(of: &Value, path: &Value, skip_missing: bool) -> R<Vec<Value>> {
    let elements: Vec<Value> = match (mapping(of)?, of) {
        (Some(map), _) => map.into_values().collect(),
        (None, Value::List(_)) => of.iterate()?,
        _ => return Err(Fault::new("obj must be a list of dicts or a nested dict")),
    };
    let path: Vec<Value> = match path {
        Value::Str(path) => path.split('.').map(Value::str).collect(),
        Value::List(_) => path.iterate()?,
        _ => return Err(Fault::new("subelements must be a list or a string")),
    };
    let mut out = Vec::new();
    'elements: for element in elements {
        let mut values = element.clone();
        for key in &path {
            if mapping(&values)?.is_none() {
                let key = python::repr(key)?;
                return Err(Fault::new(format!(
                    "the key {key} should point to a dictionary, got '{}'",
                    values.type_name()
                )));
            }
            values = match values.at(key)? {
                Some(values) => values,
                None if skip_missing => continue 'elements,
                None => return Err(Fault::new(format!("could not find {} key in iterated item", python::repr(key)?))),
            };
        }
        if !matches!(values, Value::List(_)) {
            return Err(Fault::new(format!(
                "the key should point to a list, got a value of type '{}'",
                values.type_name()
            )));
        }
        for value in values.iterate()? {
            out.push(Value::tuple(vec![element.clone(), value]));
        }
    }
    Ok(out)
}

fn rekey(_: &Interp, a: &Bound) -> R<Value> {
    let overwrite = match a.text_or(2, "error")?.as_str() {
        "error" => false,
        "overwrite" => true,
        other => {
            return Err(Fault::new(format!("duplicates parameter to rekey_on_member has unknown value '{other}'")));
        }
    };
    let items: Vec<Value> = match mapping(&a.value(0))? {
        Some(map) => map.into_values().collect(),
        None => a.items(0)?,
    };
    let mut out = Map::new();
    for item in items {
        if mapping(&item)?.is_none() {
            return Err(Fault::new("List item is not a valid dict"));
        }
        let Some(key) = item.at(&a.value(1))? else {
            return Err(Fault::new(format!("Key {} was not found.", python::repr(&a.value(1))?)));
        };
        let key = key.key()?;
        if out.contains_key(&key) && !overwrite {
            return Err(Fault::new(format!("Key {} is not unique, cannot convert to dict.", python::repr(&key.0)?)));
        }
        out.insert(key, item);
    }
    Ok(Value::dict(out))
}
