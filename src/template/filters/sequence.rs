//! Filters of lists and dicts that Jinja has.

use std::rc::Rc;

use super::super::fault::{Fault, R};
use super::super::interp::Interp;
use super::super::object::Object;
use super::super::python;
use super::super::value::{Key, Map, Value};
use super::choose::{get, getter};
use super::{Bound, Filter, filter};

pub const FILTERS: [Filter; 15] = [
    filter(&["first"], "seq", |_, a| Ok(a.items(0)?.into_iter().next().unwrap_or_else(|| none("first")))),
    filter(&["last"], "seq", |_, a| Ok(a.items(0)?.into_iter().next_back().unwrap_or_else(|| none("last")))),
    filter(&["length", "count"], "value", |_, a| Ok(Value::Int(i128::try_from(a.value(0).len()?).unwrap_or(0)))),
    filter(&["join"], "value d= attribute=", join),
    filter(&["sort"], "value reverse= case_sensitive= attribute=", sort),
    filter(&["unique"], "a case_sensitive= attribute=", unique),
    filter(&["min"], "value case_sensitive= attribute=", |interp, a| least(interp, a, std::cmp::Ordering::Less)),
    filter(&["max"], "value case_sensitive= attribute=", |interp, a| least(interp, a, std::cmp::Ordering::Greater)),
    filter(&["sum"], "iterable attribute= start=", sum),
    filter(&["reverse"], "value", reverse),
    filter(&["batch"], "value linecount fill_with=", batch),
    filter(&["slice"], "value slices fill_with=", slices),
    filter(&["groupby"], "value attribute default= case_sensitive=", groupby),
    filter(&["dictsort"], "value case_sensitive= by= reverse=", dictsort),
    Filter { names: &["items"], params: "value", markers: true, run: items },
];

fn none(which: &str) -> Value {
    Value::Marker(Rc::new(*Fault::undefined(format!("No {which} item, sequence was empty."))))
}

fn join(interp: &Interp, a: &Bound) -> R<Value> {
    let between = a.text_or(1, "")?;
    let path = a.get(2).filter(|attribute| !attribute.is_none()).map(getter).transpose()?;
    let mut out = String::new();
    for (at, item) in a.items(0)?.into_iter().enumerate() {
        if at > 0 {
            out.push_str(&between);
        }
        let item = match &path {
            Some(path) => get(interp, &item, path, None)?,
            None => item,
        };
        python::write_text(&mut out, &item)?;
    }
    Ok(Value::str(out))
}

/// The key by which items are compared: lower case unless case counts.
pub fn folded(value: Value, case_sensitive: bool) -> Value {
    match value {
        Value::Str(text) if !case_sensitive => Value::str(text.to_lowercase()),
        other => other,
    }
}

fn sort(interp: &Interp, a: &Bound) -> R<Value> {
    let (reverse, case_sensitive) = (a.is(1)?, a.is(2)?);
    let attributes: Option<Vec<Vec<Value>>> = match a.value(3) {
        Value::None => None,
        Value::Str(names) => Some(names.split(',').map(|name| getter(&Value::str(name))).collect::<R<_>>()?),
        other => Some(vec![getter(&other)?]),
    };
    let mut keyed = Vec::new();
    for item in a.items(0)? {
        let key = match &attributes {
            None => folded(item.clone(), case_sensitive),
            Some(paths) => {
                let parts = paths.iter().map(|path| Ok(folded(get(interp, &item, path, None)?, case_sensitive)));
                Value::list(parts.collect::<R<_>>()?)
            }
        };
        key.check()?;
        keyed.push((key, item));
    }
    python::sort(&mut keyed, reverse)?;
    Ok(Value::list(keyed.into_iter().map(|(_, item)| item).collect()))
}

#[expect(clippy::mutable_key_type, reason = "a key holds no list and no dict")]
fn unique(interp: &Interp, a: &Bound) -> R<Value> {
    let case_sensitive = a.is(1)?;
    let path = a.get(2).filter(|attribute| !attribute.is_none()).map(getter).transpose()?;
    let items = a.items(0)?;
    let mut seen = std::collections::HashSet::new();
    let mut kept = Vec::new();
    for item in &items {
        let key = match &path {
            Some(path) => get(interp, item, path, None)?,
            None => item.clone(),
        };
        match folded(key, case_sensitive).key() {
            Ok(key) => {
                if seen.insert(key) {
                    kept.push(item.clone());
                }
            }
            Err(fault) if path.is_some() || a.get(1).is_some_and(|value| matches!(value, Value::Bool(false))) => {
                return Err(fault);
            }
            // Lists and dicts are compared one by one, as Ansible does then.
            Err(_) => return one_by_one(&items).map(Value::list),
        }
    }
    Ok(Value::list(kept))
}

/// The items without those that were there before.
pub fn one_by_one(items: &[Value]) -> R<Vec<Value>> {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        item.check()?;
        if !python::contains(&Value::list(kept.clone()), item)? {
            kept.push(item.clone());
        }
    }
    Ok(kept)
}

fn least(interp: &Interp, a: &Bound, want: std::cmp::Ordering) -> R<Value> {
    let case_sensitive = a.is(1)?;
    let path = a.get(2).filter(|attribute| !attribute.is_none()).map(getter).transpose()?;
    let mut best: Option<(Value, Value)> = None;
    for item in a.items(0)? {
        let key = match &path {
            Some(path) => get(interp, &item, path, None)?,
            None => item.clone(),
        };
        let key = folded(key, case_sensitive);
        key.check()?;
        let better = match &best {
            None => true,
            Some((known, _)) => python::order(&key, known)? == Some(want),
        };
        if better {
            best = Some((key, item));
        }
    }
    let empty = || Value::Marker(Rc::new(*Fault::undefined("No aggregated item, sequence was empty.")));
    Ok(best.map_or_else(empty, |(_, item)| item))
}

fn sum(interp: &Interp, a: &Bound) -> R<Value> {
    let path = a.get(1).filter(|attribute| !attribute.is_none()).map(getter).transpose()?;
    let mut total = a.get(2).cloned().unwrap_or(Value::Int(0));
    if let Value::Str(_) = total {
        return Err(Fault::new("sum() can't sum strings [use ''.join(seq) instead]"));
    }
    for item in a.items(0)? {
        let item = match &path {
            Some(path) => get(interp, &item, path, None)?,
            None => item,
        };
        total = python::binary(super::super::operators::Binary::Add, &total, &item)?;
    }
    Ok(total)
}

fn reverse(_: &Interp, a: &Bound) -> R<Value> {
    if let Value::Str(text) = a.value(0) {
        return Ok(Value::str(text.chars().rev().collect::<String>()));
    }
    let mut items = a.items(0)?;
    items.reverse();
    Ok(Value::list(items))
}

fn count(a: &Bound, at: usize) -> R<usize> {
    let count = a.int(at)?.unwrap_or(0);
    usize::try_from(count)
        .ok()
        .filter(|count| (1..=1_000_000).contains(count))
        .ok_or_else(|| Fault::new(format!("{} takes a count of 1 or more, not {count}", a.name)))
}

fn batch(_: &Interp, a: &Bound) -> R<Value> {
    let size = count(a, 1)?;
    let fill = a.value(2);
    let mut rows = Vec::new();
    for chunk in a.items(0)?.chunks(size) {
        let mut row = chunk.to_vec();
        if !fill.is_none() {
            row.resize(size, fill.clone());
        }
        rows.push(Value::list(row));
    }
    Ok(Value::list(rows))
}

fn slices(_: &Interp, a: &Bound) -> R<Value> {
    let (items, slices, fill) = (a.items(0)?, count(a, 1)?, a.value(2));
    let (each, extra) = (items.len() / slices, items.len() % slices);
    let mut out = Vec::new();
    let mut from = 0;
    for number in 0..slices {
        let to = from + each + usize::from(number < extra);
        let mut part = items[from..to].to_vec();
        if !fill.is_none() && number >= extra && extra > 0 {
            part.push(fill.clone());
        }
        out.push(Value::list(part));
        from = to;
    }
    Ok(Value::list(out))
}

/// What `groupby` gives: a pair with names.
struct Group(Value, Value);

impl Object for Group {
    fn type_name(&self) -> &str {
        "GroupTuple"
    }

    fn attribute(&self, name: &str) -> R<Option<Value>> {
        Ok(match name {
            "grouper" => Some(self.0.clone()),
            "list" => Some(self.1.clone()),
            _ => None,
        })
    }

    fn tuple(&self) -> Option<Vec<Value>> {
        Some(vec![self.0.clone(), self.1.clone()])
    }

    fn item(&self, key: &Value) -> R<Option<Value>> {
        Value::tuple(vec![self.0.clone(), self.1.clone()]).at(key)
    }

    fn items(&self) -> Option<R<Vec<Value>>> {
        Some(Ok(vec![self.0.clone(), self.1.clone()]))
    }

    fn len(&self) -> Option<usize> {
        Some(2)
    }

    fn printed(&self) -> String {
        python::repr(&Value::tuple(vec![self.0.clone(), self.1.clone()])).unwrap_or_default()
    }
}

fn groupby(interp: &Interp, a: &Bound) -> R<Value> {
    let path = getter(&a.value(1))?;
    // Its `default` is of no use in Ansible: what an item does not have is an error there before it is looked at.
    let case_sensitive = a.is(3)?;
    let mut keyed = Vec::new();
    for item in a.items(0)? {
        let key = get(interp, &item, &path, None)?;
        key.check()?;
        keyed.push((folded(key, case_sensitive), item));
    }
    python::sort(&mut keyed, false)?;
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for (key, item) in keyed {
        match groups.last_mut() {
            Some((known, list)) if known.equals(&key)? => list.push(item),
            _ => groups.push((key, vec![item])),
        }
    }
    let groups = groups.into_iter().map(|(key, list)| {
        let grouper = if case_sensitive { key } else { get(interp, &list[0], &path, None)? };
        Ok(Value::object(Group(grouper, Value::list(list))))
    });
    Ok(Value::list(groups.collect::<R<_>>()?))
}

/// A dict, or what stands for one.
pub fn mapping(value: &Value) -> R<Option<Map>> {
    match value {
        Value::Dict(map) => Ok(Some(map.borrow().clone())),
        Value::Object(object) => object.map().transpose(),
        _ => Ok(None),
    }
}

fn dictsort(_: &Interp, a: &Bound) -> R<Value> {
    let Some(map) = mapping(&a.value(0))? else {
        return Err(Fault::new(format!("dictsort takes a dict, not a value of type '{}'", a.value(0).type_name())));
    };
    let by_value = match a.text_or(2, "key")?.as_str() {
        "key" => false,
        "value" => true,
        _ => return Err(Fault::new("You can only sort by either \"key\" or \"value\"")),
    };
    let case_sensitive = a.is(1)?;
    let mut keyed = Vec::new();
    for (Key(key), value) in map {
        let by = if by_value { value.clone() } else { key.clone() };
        by.check()?;
        keyed.push((folded(by, case_sensitive), Value::tuple(vec![key, value])));
    }
    python::sort(&mut keyed, a.is(3)?)?;
    Ok(Value::list(keyed.into_iter().map(|(_, pair)| pair).collect()))
}

fn items(_: &Interp, a: &Bound) -> R<Value> {
    let value = a.value(0);
    if let Value::Marker(fault) = &value
        && fault.kind == super::super::fault::FaultKind::Undefined
    {
        return Ok(Value::list(Vec::new()));
    }
    let Some(map) = mapping(&value)? else { return Err(Fault::new("Can only get item pairs from a mapping.")) };
    Ok(Value::list(map.into_iter().map(|(key, value)| Value::tuple(vec![key.0, value])).collect()))
}
