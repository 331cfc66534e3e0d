//! Lookups that make lists of lists: Ansible's old `with_…` loops.

use super::super::fault::{Fault, R};
use super::super::filters::mapping;
use super::super::interp::Interp;
use super::super::python;
use super::super::value::{Value, fields};
use super::{Lookup, Terms};

pub const LOOKUPS: [Lookup; 12] = [
    Lookup { name: "items", options: &[], markers: false, run: |_, t| flat(&t.terms) },
    Lookup { name: "list", options: &[], markers: false, run: |_, t| Ok(t.terms.clone()) },
    Lookup { name: "flattened", options: &[], markers: false, run: |_, t| all_flat(&t.terms) },
    Lookup {
        name: "indexed_items",
        options: &[],
        markers: false,
        run: |_, t| {
            let items = flat(&t.terms)?;
            let pair =
                |(at, item): (usize, Value)| Value::tuple(vec![Value::Int(i128::try_from(at).unwrap_or(0)), item]);
            Ok(items.into_iter().enumerate().map(pair).collect())
        },
    },
    Lookup { name: "nested", options: &[], markers: false, run: |_, t| nested(&t.terms) },
    Lookup { name: "cartesian", options: &[], markers: false, run: |_, t| nested(&t.terms) },
    Lookup {
        name: "together",
        options: &[],
        markers: false,
        run: |_, t| {
            let lists = t.terms.iter().map(Value::iterate).collect::<R<Vec<_>>>()?;
            if lists.is_empty() {
                return Err(Fault::new("with_together requires at least one element in each list"));
            }
            let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
            let row = |at: usize| {
                lists.iter().map(|list| list.get(at).cloned().unwrap_or(Value::None)).collect::<Vec<Value>>()
            };
            (0..longest).map(|at| flat(&row(at)).map(Value::list)).collect()
        },
    },
    Lookup {
        name: "dict",
        options: &[],
        markers: false,
        run: |_, t| {
            let mut out = Vec::new();
            let terms: Vec<Value> = match &t.terms[..] {
                [list] if list.is_sequence() => list.iterate()?,
                terms => terms.to_vec(),
            };
            for term in &terms {
                let Some(map) = mapping(term)? else { return Err(Fault::new("with_dict expects a dict")) };
                out.extend(map.into_iter().map(|(key, value)| fields([("key", key.0), ("value", value)])));
            }
            Ok(out)
        },
    },
    Lookup {
        name: "subelements",
        options: &[],
        markers: false,
        run: |_, t| {
            let (Some(of), Some(path)) = (t.terms.first(), t.terms.get(1)) else {
                return Err(Fault::new("subelements lookup expects a list of two or three items"));
            };
            let skip = match t.terms.get(2) {
                Some(flags) => {
                    flags.field("skip_missing")?.map_or(Ok(false), |skip| super::super::filters::to_bool(&skip))?
                }
                None => false,
            };
            super::super::filters::subelements(of, path, skip)
        },
    },
    Lookup { name: "sequence", options: &["start", "end", "count", "stride", "format"], markers: false, run: sequence },
    Lookup {
        name: "random_choice",
        options: &[],
        markers: false,
        run: |_, t| {
            // One of the terms: a list that is the only term is what is chosen.
            let choices = &t.terms;
            if choices.is_empty() {
                return Ok(Vec::new());
            }
            super::super::chance::random(&Value::list(choices.clone()), None, None, None).map(|one| vec![one])
        },
    },
    Lookup { name: "inventory_hostnames", options: &[], markers: false, run: hostnames },
];

/// One level of lists is taken apart.
fn flat(terms: &[Value]) -> R<Vec<Value>> {
    let mut out = Vec::new();
    for term in terms {
        if term.is_sequence() { out.extend(term.iterate()?) } else { out.push(term.clone()) }
    }
    Ok(out)
}

fn all_flat(terms: &[Value]) -> R<Vec<Value>> {
    super::super::filters::flatten(terms, None, true)
}

fn nested(terms: &[Value]) -> R<Vec<Value>> {
    if terms.is_empty() {
        return Err(Fault::new("with_nested requires at least one element in the nested list"));
    }
    let lists: Vec<Vec<Value>> = terms
        .iter()
        .map(|term| if term.is_sequence() { term.iterate() } else { Ok(vec![term.clone()]) })
        .collect::<R<_>>()?;
    let mut rows: Vec<Value> = lists[0].clone();
    for list in &lists[1..] {
        let mut next = Vec::with_capacity(rows.len() * list.len());
        for row in &rows {
            for item in list {
                // Lists in a row are taken apart at each step.
                next.push(Value::list(flat(&[row.clone(), item.clone()])?));
            }
        }
        rows = next;
    }
    rows.iter().map(|row| flat(std::slice::from_ref(row)).and_then(|row| flat(&row)).map(Value::list)).collect()
}

fn sequence(_: &Interp, terms: &Terms) -> R<Vec<Value>> {
    let mut out = Vec::new();
    let words: Vec<String> = terms.terms.iter().map(python::text).collect::<R<_>>()?;
    for term in if words.is_empty() { vec![String::new()] } else { words } {
        let mut settings: Vec<(String, String)> = Vec::new();
        for (name, value) in &terms.named.named {
            settings.push((name.to_string(), python::text(value)?));
        }
        let number = |text: &str| {
            let parsed = super::super::filters::text::parse_int(text, 0);
            parsed.ok_or_else(|| Fault::new(format!("can't parse {text} as integer")))
        };
        let mut format = "%d".to_owned();
        if term.contains('=') {
            for word in term.split_whitespace() {
                let (name, value) =
                    word.split_once('=').ok_or_else(|| Fault::new(format!("`{word}` is not NAME=VALUE")))?;
                settings.push((name.to_owned(), value.to_owned()));
            }
        } else if !term.is_empty() {
            // start-end/stride:format
            let (range, shape) =
                term.split_once(':').map_or((term.as_str(), None), |(range, shape)| (range, Some(shape)));
            let (range, stride) = range.split_once('/').map_or((range, None), |(range, stride)| (range, Some(stride)));
            match range.split_once('-').filter(|(start, _)| !start.is_empty()) {
                Some((start, end)) => settings.extend([("start".into(), start.into()), ("end".into(), end.into())]),
                None => settings.push(("end".into(), range.into())),
            }
            settings.extend(stride.map(|stride| ("stride".to_owned(), stride.to_owned())));
            settings.extend(shape.map(|shape| ("format".to_owned(), shape.to_owned())));
        }
        let setting =
            |name: &str| settings.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if let Some((other, _)) =
            settings.iter().find(|(name, _)| !["start", "end", "count", "stride", "format"].contains(&name.as_str()))
        {
            return Err(Fault::new(format!("unrecognized arguments to with_sequence: {other}")));
        }
        let start = setting("start").map_or(Ok(1), number)?;
        let mut stride = setting("stride").map_or(Ok(1), number)?;
        let end = match (setting("end"), setting("count")) {
            (Some(_), Some(_)) => return Err(Fault::new("can't specify both count and end in with_sequence")),
            (Some(end), None) => number(end)?,
            (None, Some(count)) => {
                let count = number(count)?;
                if count == 0 {
                    continue;
                }
                start + count * stride - stride
            }
            (None, None) => return Err(Fault::new("must specify count or end in with_sequence")),
        };
        if setting("stride").is_none() && end < start {
            return Err(Fault::new("to count backwards make stride negative"));
        }
        if stride == 0 {
            stride = 1;
        }
        if let Some(shape) = setting("format") {
            shape.clone_into(&mut format);
        }
        let last = if stride > 0 { end + 1 } else { end - 1 };
        for at in Value::Range(start, last, stride).iterate()? {
            out.push(Value::str(super::super::format::percent(&format, &at)?));
        }
    }
    Ok(out)
}

fn hostnames(interp: &Interp, terms: &Terms) -> R<Vec<Value>> {
    let Some(host) = &interp.host else { return Ok(Vec::new()) };
    let mut out: Vec<String> = Vec::new();
    let (groups, hosts) = (host.world.groups(), host.world.hosts());
    for term in &terms.terms {
        let pattern = python::text(term)?;
        for part in pattern.split([',', ':']) {
            let (negative, name) = match part.strip_prefix('!') {
                Some(name) => (true, name),
                None => (false, part),
            };
            if name.contains(['*', '?', '~', '[', '&']) {
                return Err(Fault::new(format!("the pattern `{pattern}` is not supported in this lookup"))
                    .hint("name groups and hosts, with `,` between them and `!` before those to leave out"));
            }
            let found = match groups.iter().find(|(known, _)| known == name) {
                Some((_, hosts)) => hosts.clone(),
                None => hosts.iter().filter(|host| *host == name).cloned().collect(),
            };
            if negative {
                out.retain(|host| !found.contains(host));
            } else {
                found.into_iter().for_each(|host| {
                    if !out.contains(&host) {
                        out.push(host)
                    }
                });
            }
        }
    }
    Ok(out.iter().map(Value::str).collect())
}
