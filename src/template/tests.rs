//! The tests, behind `is`: Jinja's and Ansible's.

use std::path::Path;

use super::fault::{Fault, FaultKind, R};
use super::filters::{Bound, plain};
use super::interp::{Interp, first_marker};
use super::object::Call;
use super::python;
use super::value::Value;

/// A test: its names, what it takes, and what it finds.
pub struct Test {
    /// Its names.
    pub names: &'static [&'static str],
    /// Its parameters, as those of a filter.
    pub params: &'static str,
    markers: bool,
    run: fn(&Interp, &Bound) -> R<bool>,
}

const fn test(names: &'static [&'static str], params: &'static str, run: fn(&Interp, &Bound) -> R<bool>) -> Test {
    Test { names, params, markers: false, run }
}

pub const TESTS: [Test; 56] = [
    Test { names: &["defined"], params: "value", markers: true, run: |_, a| Ok(!undefined(&a.value(0))) },
    Test { names: &["undefined"], params: "value", markers: true, run: |_, a| Ok(undefined(&a.value(0))) },
    test(&["none"], "value", |_, a| Ok(a.value(0).is_none())),
    test(&["boolean"], "value", |_, a| Ok(matches!(a.value(0), Value::Bool(_)))),
    test(&["true"], "value", |_, a| Ok(matches!(a.value(0), Value::Bool(true)))),
    test(&["false"], "value", |_, a| Ok(matches!(a.value(0), Value::Bool(false)))),
    test(&["integer"], "value", |_, a| Ok(matches!(a.value(0), Value::Int(_)))),
    test(&["float"], "value", |_, a| Ok(matches!(a.value(0), Value::Float(_)))),
    test(&["number"], "value", |_, a| Ok(matches!(a.value(0), Value::Int(_) | Value::Float(_) | Value::Bool(_)))),
    test(&["string"], "value", |_, a| Ok(matches!(a.value(0), Value::Str(_)))),
    test(&["mapping"], "value", |_, a| Ok(is_mapping(&a.value(0)))),
    test(&["sequence"], "value", |_, a| Ok(is_mapping(&a.value(0)) || is_iterable(&a.value(0)))),
    test(&["iterable"], "value", |_, a| Ok(is_iterable(&a.value(0)) || is_mapping(&a.value(0)))),
    test(&["callable"], "value", |_, a| Ok(matches!(a.value(0), Value::Object(object) if object.is_callable()))),
    test(&["escaped"], "value", |_, _| Ok(false)),
    test(&["sameas"], "value other", |_, a| Ok(same(&a.value(0), &a.value(1)))),
    test(&["odd"], "value", |_, a| remainder(a, &Value::Int(2)).map(|rest| rest == Some(1))),
    test(&["even"], "value", |_, a| remainder(a, &Value::Int(2)).map(|rest| rest == Some(0))),
    test(&["divisibleby"], "value num", |_, a| remainder(a, &a.value(1)).map(|rest| rest == Some(0))),
    test(&["lower"], "value", |_, a| lower_or_upper(a, true)),
    test(&["upper"], "value", |_, a| lower_or_upper(a, false)),
    test(&["filter"], "value", |_, a| Ok(super::filters::known(&a.text(0)?).is_ok())),
    test(&["test"], "value", |_, a| Ok(known(&a.text(0)?).is_ok())),
    test(&["eq", "equalto", "=="], "value other", |_, a| a.value(0).equals(&a.value(1))),
    test(&["ne", "!="], "value other", |_, a| Ok(!a.value(0).equals(&a.value(1))?)),
    test(&["lt", "lessthan", "<"], "value other", |_, a| compare(a, super::operators::Compare::Lt)),
    test(&["le", "<="], "value other", |_, a| compare(a, super::operators::Compare::Le)),
    test(&["gt", "greaterthan", ">"], "value other", |_, a| compare(a, super::operators::Compare::Gt)),
    test(&["ge", ">="], "value other", |_, a| compare(a, super::operators::Compare::Ge)),
    test(&["in"], "value seq", |_, a| python::contains(&a.value(1), &a.value(0))),
    test(&["contains"], "seq value", |_, a| python::contains(&a.value(0), &a.value(1))),
    test(&["subset", "issubset"], "a b", |_, a| subset(&a.items(0)?, &a.items(1)?)),
    test(&["superset", "issuperset"], "a b", |_, a| subset(&a.items(1)?, &a.items(0)?)),
    test(&["any"], "iterable", |_, a| a.items(0)?.iter().try_fold(false, |any, item| Ok(any || item.truth()?))),
    test(&["all"], "iterable", |_, a| a.items(0)?.iter().try_fold(true, |all, item| Ok(all && item.truth()?))),
    test(&["nan", "isnan"], "x", |_, a| Ok(matches!(a.value(0), Value::Float(number) if number.is_nan()))),
    test(&["truthy"], "value convert_bool=", |_, a| truthy(a)),
    test(&["falsy"], "value convert_bool=", |_, a| Ok(!truthy(a)?)),
    test(&["match"], "value pattern= ignorecase= multiline=", |_, a| super::regex::test(a, Some("match"))),
    test(&["search"], "value pattern= ignorecase= multiline=", |_, a| super::regex::test(a, Some("search"))),
    test(&["regex"], "value pattern= ignorecase= multiline= match_type=", |_, a| super::regex::test(a, None)),
    test(&["version", "version_compare"], "value version operator= strict= version_type=", |_, a| {
        super::version::test(a)
    }),
    test(&["failed", "failure"], "result", |_, a| field(a, "failed")),
    test(&["succeeded", "success", "successful"], "result", |_, a| Ok(!field(a, "failed")?)),
    test(&["changed", "change"], "result", |_, a| changed(a)),
    test(&["skipped", "skip"], "result", |_, a| field(a, "skipped")),
    test(&["unreachable"], "result", |_, a| field(a, "unreachable")),
    test(&["reachable"], "result", |_, a| Ok(!field(a, "unreachable")?)),
    test(&["directory", "is_dir"], "path", |_, a| Ok(Path::new(&*a.string(0)?).is_dir())),
    test(&["file", "is_file"], "path", |_, a| Ok(Path::new(&*a.string(0)?).is_file())),
    test(&["link", "is_link"], "path", |_, a| Ok(Path::new(&*a.string(0)?).is_symlink())),
    test(&["exists"], "path", |_, a| Ok(Path::new(&*a.string(0)?).exists())),
    test(&["link_exists"], "path", |_, a| Ok(Path::new(&*a.string(0)?).symlink_metadata().is_ok())),
    test(&["abs", "is_abs"], "path", |_, a| Ok(a.string(0)?.starts_with('/'))),
    test(&["same_file", "is_same_file"], "path other", same_file),
    test(&["uri", "url", "urn"], "value schemes=", |_, a| uri(a, None)),
];

/// Tests that Ansible has and that are not here.
const REFUSED: [(&str, &str); 7] = [
    ("vault_encrypted", "a vault's value is decrypted when it is used: nothing here is encrypted"),
    ("mount", "look with a task"),
    ("is_mount", "look with a task"),
    ("started", "there are no asynchronous tasks here"),
    ("finished", "there are no asynchronous tasks here"),
    ("timedout", "a time-out is a failure here: use `is failed`"),
    ("vaulted_file", "a vault's files are read by the inventory"),
];

fn find(name: &str) -> Option<&'static Test> {
    let name = plain(name);
    TESTS.iter().find(|test| test.names.contains(&name))
}

/// Fails where a test does not take as many arguments, or none of these names.
pub fn fits(name: &str, call: Call) -> R<()> {
    find(name).map_or(Ok(()), |test| Bound::new(test.names[0], test.params, Value::None, call).map(drop))
}

/// Whether there is a test of this name.
pub fn known(name: &str) -> R<()> {
    if find(name).is_some() {
        return Ok(());
    }
    let bare = plain(name);
    if let Some((_, hint)) = REFUSED.iter().find(|(known, _)| *known == bare) {
        return Err(Fault::new(format!("Ansible's test `{name}` is not supported here")).hint(*hint));
    }
    let fault = Fault::new(format!("there is no test `{name}`"));
    let names = TESTS.iter().flat_map(|test| test.names).copied();
    Err(match crate::error::closest(bare, names) {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault.hint("docs/templates.md lists the tests"),
    })
}

/// What a test finds; something undefined that it can't look at is given back.
pub fn apply(interp: &Interp, name: &str, of: Value, call: Call) -> R<Result<bool, Value>> {
    let Some(test) = find(name) else { return Err(known(name).err().unwrap_or_else(|| Fault::new("no such test"))) };
    let of = of.resolved();
    if test.markers {
        if let Value::Marker(fault) = &of
            && fault.kind != FaultKind::Undefined
        {
            return Ok(Err(of));
        }
    } else {
        if let Value::Marker(_) = of {
            return Ok(Err(of));
        }
        if let Some(marker) = first_marker(&call) {
            return Ok(Err(marker));
        }
    }
    let bound = Bound::new(test.names[0], test.params, of, call)?;
    let result =
        if matches!(test.names[0], "uri") { uri(&bound, Some(plain(name))) } else { (test.run)(interp, &bound) };
    result.map(Ok).map_err(|mut fault| {
        if fault.kind == FaultKind::Failed {
            fault.message = format!("the test `{name}` fails: {}", fault.message);
        }
        fault
    })
}

fn undefined(value: &Value) -> bool {
    matches!(value, Value::Marker(_)) || matches!(value, Value::Object(object) if object.type_name() == "Undefined")
}

fn is_mapping(value: &Value) -> bool {
    match value {
        Value::Dict(_) => true,
        Value::Object(object) => object.map().is_some(),
        _ => false,
    }
}

fn is_iterable(value: &Value) -> bool {
    match value {
        Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Range(..) => true,
        Value::Object(object) => object.items().is_some(),
        _ => false,
    }
}

fn same(a: &Value, b: &Value) -> bool {
    use std::rc::Rc;
    match (a, b) {
        (Value::List(a), Value::List(b)) => Rc::ptr_eq(a, b),
        (Value::Dict(a), Value::Dict(b)) => Rc::ptr_eq(a, b),
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b) && a.equals(b).unwrap_or(false),
    }
}

fn remainder(a: &Bound, by: &Value) -> R<Option<i128>> {
    Ok(match python::binary(super::operators::Binary::Mod, &a.value(0), by)? {
        Value::Int(rest) => Some(rest),
        Value::Float(rest) if rest.fract() == 0.0 => Some(rest as i128),
        _ => None,
    })
}

fn lower_or_upper(a: &Bound, lower: bool) -> R<bool> {
    let text = a.text(0)?;
    let (lowers, uppers) = (text.chars().any(char::is_lowercase), text.chars().any(char::is_uppercase));
    Ok(if lower { lowers && !uppers } else { uppers && !lowers })
}

fn compare(a: &Bound, op: super::operators::Compare) -> R<bool> {
    python::compare(op, &a.value(0), &a.value(1))
}

#[expect(clippy::mutable_key_type, reason = "a key holds no list and no dict")]
fn subset(small: &[Value], large: &[Value]) -> R<bool> {
    let large = large.iter().map(Value::key).collect::<R<std::collections::HashSet<_>>>()?;
    small.iter().try_fold(true, |all, item| Ok(large.contains(&item.key()?) && all))
}

fn truthy(a: &Bound) -> R<bool> {
    let value = a.value(0);
    if a.is(1)? {
        let word = match &value {
            Value::Str(text) => text.to_lowercase().trim().to_owned(),
            other => match other.as_float() {
                Some(number) if number == 0.0 || number == 1.0 => number.to_string(),
                _ => String::new(),
            },
        };
        match word.as_str() {
            "y" | "yes" | "on" | "1" | "true" | "t" => return Ok(true),
            "n" | "no" | "off" | "0" | "false" | "f" => return Ok(false),
            _ => {}
        }
    }
    value.truth()
}

fn result_of(a: &Bound) -> R<Value> {
    let value = a.value(0);
    if is_mapping(&value) { Ok(value) } else { Err(Fault::new(format!("The '{}' test expects a dictionary", a.name))) }
}

fn field(a: &Bound, name: &str) -> R<bool> {
    result_of(a)?.field(name)?.map_or(Ok(false), |value| value.truth())
}

fn changed(a: &Bound) -> R<bool> {
    let result = result_of(a)?;
    if let Some(changed) = result.field("changed")? {
        return changed.truth();
    }
    let Some(results) = result.field("results")? else { return Ok(false) };
    if !matches!(results, Value::List(_)) {
        return Ok(false);
    }
    for result in results.iterate()? {
        if result.field("changed")?.map_or(Ok(false), |value| value.truth())? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn same_file(_: &Interp, a: &Bound) -> R<bool> {
    let real = |at: usize| {
        let path = a.string(at)?;
        Path::new(&*path).canonicalize().map_err(|error| Fault::new(format!("{path}: {error}")))
    };
    Ok(real(0)? == real(1)?)
}

fn uri(a: &Bound, name: Option<&str>) -> R<bool> {
    let text = match a.value(0) {
        Value::Str(text) => text,
        // To Python it is an empty address.
        Value::None => "".into(),
        _ => return Ok(false),
    };
    let parts = super::url::split(&text);
    let allowed = |scheme: &str| -> R<bool> {
        match a.value(1) {
            Value::None => Ok(true),
            schemes if !schemes.truth()? => Ok(true),
            schemes => python::contains(&schemes, &Value::str(scheme)),
        }
    };
    Ok(match name {
        Some("urn") => parts.scheme == "urn",
        Some("url") => allowed(&parts.scheme)? && (!parts.netloc.is_empty() || parts.scheme == "file"),
        _ => allowed(&parts.scheme)?,
    })
}
