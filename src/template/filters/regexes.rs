//! The filters of regular expressions.

use super::super::fault::{Fault, R};
use super::super::interp::Interp;
use super::super::regex::{Flags, Pattern, flags, replace, taken};
use super::super::value::Value;
use super::{Bound, Filter, filter};

pub const FILTERS: [Filter; 4] = [
    filter(
        &["regex_replace"],
        "value pattern= replacement= ignorecase= multiline= count= mandatory_count=",
        regex_replace,
    ),
    filter(&["regex_search"], "value regex *rest **named", regex_search),
    filter(&["regex_findall"], "value regex multiline= ignorecase=", |_, a| {
        let (text, pattern) = (a.text(0)?, Pattern::new(&a.text(1)?, flags(a, 3, 2)?)?);
        let found = pattern.all(&text)?.into_iter().map(|groups| {
            let part = |at: usize| Value::str(taken(&text, groups.get(at).copied().flatten()));
            match pattern.groups() {
                0 => part(0),
                1 => part(1),
                count => Value::tuple((1..=count).map(part).collect()),
            }
        });
        Ok(Value::list(found.collect()))
    }),
    filter(&["regex_escape"], "string re_type=", |_, a| {
        let text = a.text(0)?;
        let special = match a.text_or(1, "python")?.as_str() {
            "python" => "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c",
            "posix_basic" => "].[^$*\\",
            other => {
                return Err(Fault::new(format!("Invalid regex type ({other})")).hint("it is python or posix_basic"));
            }
        };
        let escape = |c: char| if special.contains(c) { format!("\\{c}") } else { c.to_string() };
        Ok(Value::str(text.chars().map(escape).collect::<String>()))
    }),
];

fn regex_replace(_: &Interp, a: &Bound) -> R<Value> {
    let text = a.text(0)?;
    let pattern = Pattern::new(&a.text_or(1, "")?, flags(a, 3, 4)?)?;
    let count = usize::try_from(a.int(5)?.unwrap_or(0)).unwrap_or(0);
    let (out, done) = replace(&text, &pattern, &a.text_or(2, "")?, count)?;
    let wanted = a.int(6)?.unwrap_or(0);
    if wanted != 0 && i128::try_from(done).unwrap_or(0) != wanted {
        let pattern = a.text_or(1, "")?;
        return Err(Fault::new(format!(
            "'{pattern}' should match {wanted} times, but matches {done} times in '{text}'"
        )));
    }
    Ok(Value::str(out))
}

fn regex_search(_: &Interp, a: &Bound) -> R<Value> {
    let option = |name: &str| -> R<bool> {
        a.named.iter().find(|(known, _)| &**known == name).map_or(Ok(false), |(_, value)| value.truth())
    };
    let text = a.text(0)?;
    let pattern =
        Pattern::new(&a.text(1)?, Flags { ignore_case: option("ignorecase")?, multiline: option("multiline")? })?;
    let mut wanted = Vec::new();
    for group in &a.rest {
        let group = super::super::python::text(group)?;
        let named = group.strip_prefix("\\g<").and_then(|name| name.strip_suffix('>'));
        let number = match (named, group.strip_prefix('\\')) {
            (Some(name), _) => name.parse().ok().or_else(|| pattern.group(name)),
            (None, Some(number)) => number.parse().ok(),
            (None, None) => return Err(Fault::new("Unknown argument").hint("groups are '\\1' or '\\g<name>'")),
        };
        wanted.push((number.filter(|number| *number <= pattern.groups()), group));
    }
    // Where nothing is found, nobody looks at the groups.
    let Some(found) = pattern.find(&text, 0)? else { return Ok(Value::None) };
    let number =
        |(number, group): (Option<usize>, String)| number.ok_or_else(|| Fault::new(format!("no such group: {group}")));
    let wanted: Vec<usize> = wanted.into_iter().map(number).collect::<R<_>>()?;
    let part =
        |at: usize| found.get(at).copied().flatten().map_or(Value::None, |group| Value::str(taken(&text, Some(group))));
    Ok(if wanted.is_empty() { part(0) } else { Value::list(wanted.into_iter().map(part).collect()) })
}
