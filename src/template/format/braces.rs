//! `'{}'.format(value)`.

use super::spec;
use crate::template::fault::{Fault, R};
use crate::template::object::Call;
use crate::template::python;
use crate::template::value::Value;

/// `format.format(…)`.
pub fn braces(format: &str, call: &Call) -> R<String> {
    expand(format, call, &mut Fields::default(), 0)
}

/// How a format's fields are counted: all by themselves, or all by their numbers.
#[derive(Default)]
struct Fields {
    next: usize,
    numbered: bool,
}

fn expand(format: &str, call: &Call, fields: &mut Fields, depth: usize) -> R<String> {
    if depth > 2 {
        return Err(Fault::new("Max string recursion exceeded"));
    }
    let mut out = String::new();
    let chars: Vec<char> = format.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        at += 1;
        match c {
            '{' if chars.get(at) == Some(&'{') => {
                out.push('{');
                at += 1;
            }
            '}' if chars.get(at) == Some(&'}') => {
                out.push('}');
                at += 1;
            }
            '}' => return Err(Fault::new("Single '}' encountered in format string")),
            '{' => {
                let from = at;
                let mut open = 1;
                while at < chars.len() && open > 0 {
                    match chars[at] {
                        '{' => open += 1,
                        '}' => open -= 1,
                        _ => {}
                    }
                    at += 1;
                }
                if open > 0 {
                    return Err(Fault::new("expected '}' before end of string"));
                }
                let field: String = chars[from..at - 1].iter().collect();
                let name_end = field.find(['!', ':']).unwrap_or(field.len());
                let (name, rest) = field.split_at(name_end);
                let (conversion, wish) = match rest.strip_prefix('!') {
                    Some(rest) => {
                        let (conversion, wish) = rest.split_once(':').unwrap_or((rest, ""));
                        (Some(conversion), wish)
                    }
                    None => (None, rest.strip_prefix(':').unwrap_or("")),
                };
                let mut value = lookup(name, call, fields)?;
                match conversion {
                    Some("s") => value = Value::str(python::text(&value)?),
                    Some("r" | "a") => value = Value::str(python::repr(&value)?),
                    Some(other) => return Err(Fault::new(format!("Unknown conversion specifier '{other}'"))),
                    None => {}
                }
                out.push_str(&spec(&value, &expand(wish, call, fields, depth + 1)?)?);
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

fn lookup(name: &str, call: &Call, fields: &mut Fields) -> R<Value> {
    let end = name.find(['.', '[']).unwrap_or(name.len());
    let (first, mut rest) = name.split_at(end);
    let positional = |at: usize| {
        let value = call.positional.get(at).cloned();
        value.ok_or_else(|| Fault::new(format!("Replacement index {at} out of range for positional args tuple")))
    };
    let mut value = if first.is_empty() {
        if fields.numbered {
            return Err(Fault::new("cannot switch from manual field specification to automatic field numbering"));
        }
        fields.next += 1;
        positional(fields.next - 1)?
    } else if let Ok(at) = first.parse::<usize>() {
        if fields.next > 0 {
            return Err(Fault::new("cannot switch from automatic field numbering to manual field specification"));
        }
        fields.numbered = true;
        positional(at)?
    } else {
        let named = call.named.iter().find(|(known, _)| &**known == first).map(|(_, value)| value.clone());
        named.ok_or_else(|| Fault::new(format!("the format needs '{first}'")))?
    };
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = inner.split_once(']').ok_or_else(|| Fault::new("Missing ']' in format string"))?;
            let index = key.parse().map_or_else(|_| Value::str(key), Value::Int);
            value = value.at(&index)?.ok_or_else(|| Fault::new(format!("there is no item '{key}'")))?;
            rest = after;
        } else {
            return Err(Fault::new("attributes are not reached from a format here")
                .hint("write {x[name]} in place of {x.name}"));
        }
    }
    Ok(value)
}
