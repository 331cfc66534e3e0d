//! The functions that a lowered template calls: every step of an expression, as Python takes it.

use std::rc::Rc;

use minijinja::value::Rest;
use minijinja::{Environment, Error, State, Value as Jinja};

use super::bridge::{call, call_method, current, decoded, encode, fail, from, to};
use super::fault::{Fault, R};
use super::interp::{Interp, attribute, first_marker};
use super::object::Call;
use super::operators::{Binary, Compare};
use super::python;
use super::value::{Map, Value};

type Run = fn(&mut State<'_, '_>, &Interp, &[Jinja]) -> R<Value>;

/// Adds all of them.
pub fn add(environment: &mut Environment<'static>) {
    let functions: [(&'static str, Run); 25] = [
        ("__var", |_, interp, args| name(args, |name| interp.variable(name))),
        ("__own", |_, _, args| name(args, super::globals::global)),
        ("__missing", |_, _, args| {
            Ok(marker(Fault::undefined(format!("parameter '{}' was not provided", text(args, 0)))))
        }),
        ("__fields", |_, _, args| super::globals::dict(&arguments(args, 1)?).map(Value::dict)),
        ("__list", |_, _, args| Ok(Value::list(items(args, 0)))),
        ("__tuple", |_, _, args| Ok(Value::tuple(items(args, 0)))),
        ("__dict", dict),
        ("__float", |_, _, args| Ok(Value::Float(text(args, 0).parse().unwrap_or(0.0)))),
        ("__check", |_, _, args| {
            let value = value(args, 0);
            value.truth()?;
            Ok(value)
        }),
        ("__truth", |_, _, args| value(args, 0).truth().map(Value::Bool)),
        ("__neg", neg),
        ("__op", |_, _, args| op(&text(args, 0), &value(args, 1), &value(args, 2))),
        ("__chain", chain),
        ("__nothing", |_, _, _| Ok(Value::object(Nothing))),
        ("__attr", |_, _, args| {
            let (of, name) = (value(args, 0), text(args, 1));
            Ok(attribute(&of, &name)?.unwrap_or_else(|| missing(&of, &format!("'{name}'"))))
        }),
        ("__item", |_, interp, args| {
            let (of, key) = (value(args, 0), value(args, 1));
            if let Value::Marker(_) = of {
                return Ok(of);
            }
            key.check()?;
            Ok(match interp.item(&of, &key)? {
                Some(value) => value,
                None => missing(&of, &python::repr(&key)?),
            })
        }),
        ("__slice", slice),
        ("__filter", |_, interp, args| {
            let (name, of) = (text(args, 0), value(args, 1));
            let call = arguments(args, 2)?;
            Ok(captured(|| super::filters::apply(interp, &name, of, call)))
        }),
        ("__test", |_, interp, args| {
            let (name, of) = (text(args, 0), value(args, 1));
            let call = arguments(args, 2)?;
            Ok(captured(|| {
                Ok(match super::tests::apply(interp, &name, of, call)? {
                    Ok(is) => Value::Bool(is),
                    Err(marker) => marker,
                })
            }))
        }),
        ("__lookup", |_, interp, args| {
            let listed = text(args, 0) != "lookup";
            let call = arguments(args, 1)?;
            Ok(captured(|| super::lookups::run(interp, call, listed)))
        }),
        ("__method", method),
        ("__call", |state, interp, args| {
            let called = value(args, 0);
            let arguments = arguments(args, 1)?;
            Ok(captured(|| call(state, interp, &called, arguments)))
        }),
        ("__captured", |_, _, args| Ok(args.first().map_or(Value::None, from))),
        ("__render", |_, interp, args| {
            super::engine::native(&interp.like(), super::lower::source("a text of a lookup", &text(args, 0)))
        }),
        ("__iter", |_, _, args| Ok(Value::list(value(args, 0).iterate()?))),
    ];
    for (name, run) in functions {
        environment.add_function(name, move |state: &mut State<'_, '_>, args: Rest<Jinja>| -> Result<Jinja, Error> {
            let interp = current().map_err(fail)?;
            run(state, &interp, &args).map(|value| to(&value)).map_err(fail)
        });
    }
    environment.add_function("__hidden", || Jinja::UNDEFINED);
    environment.add_function("__unset", |value: Jinja| value.is_undefined());
    environment.add_function("__names", |name: Jinja, sight: &str| -> Result<Jinja, Error> {
        let value = from(&name);
        let names = match value.check().map_err(fail)? {
            Value::Str(name) => return Ok(Jinja::from(format!("{sight}{name}"))),
            other => other.iterate().map_err(fail)?,
        };
        let names = names.iter().map(|name| Ok(Jinja::from(format!("{sight}{}", python::text(name)?))));
        Ok(names.collect::<R<Vec<Jinja>>>().map_err(fail)?.into())
    });
}

/// What `a if b` is where `b` is false: Jinja's own undefined, which prints as nothing.
pub struct Nothing;

impl super::object::Object for Nothing {
    fn type_name(&self) -> &str {
        "Undefined"
    }

    fn items(&self) -> Option<R<Vec<Value>>> {
        Some(Ok(Vec::new()))
    }

    fn len(&self) -> Option<usize> {
        Some(0)
    }

    fn printed(&self) -> String {
        String::new()
    }
}

/// How what a template says is written to its output.
pub fn format(out: &mut minijinja::Output<'_>, jinja: &Jinja) -> Result<(), Error> {
    // A text of minijinja's own may hold values by their numbers: it stays as it is.
    if let Some(text) = jinja.as_str()
        && !text.is_empty()
    {
        return out.write_str(text).map_err(Error::from);
    }
    let value = match jinja.as_str() {
        Some(_) => Value::str(""),
        None => from(jinja),
    };
    if let Value::Marker(fault) = &value {
        let alone = current().map_err(fail)?.keeps_markers;
        if !alone {
            return Err(fail(fault.again()));
        }
    }
    if let Value::Omit = value {
        return Err(fail(Fault::new("`omit` can't be printed")));
    }
    if let Value::Object(object) = &value
        && (object.type_name() == "function" || object.as_jinja().is_some() && object.printed().starts_with("<macro"))
    {
        let name = object.printed();
        let fault = Fault::new(format!("a function can't be printed: {}", name.trim_matches(['<', '>'])));
        return Err(fail(fault.hint("call it: `()`; a dict's key of this name is reached with `['…']`")));
    }
    // What is printed is what it is now, whatever is appended to it later.
    let value = if matches!(value, Value::Marker(_)) { value } else { value.finished().map_err(fail)? };
    out.write_str(&encode(&value)).map_err(Error::from)
}

fn value(args: &[Jinja], at: usize) -> Value {
    args.get(at).map_or(Value::None, literal)
}

fn text(args: &[Jinja], at: usize) -> String {
    args.get(at).and_then(Jinja::as_str).unwrap_or_default().to_owned()
}

fn items(args: &[Jinja], at: usize) -> Vec<Value> {
    let items = args.get(at).and_then(|list| list.try_iter().ok());
    items.map_or_else(Vec::new, |items| items.map(|item| literal(&item)).collect())
}

/// A value that was written in the template: an empty text is one.
fn literal(jinja: &Jinja) -> Value {
    match jinja.as_str() {
        Some("") => Value::str(""),
        _ => from(jinja),
    }
}

/// `[positional], {named}, *rest, **named` from a place on.
fn arguments(args: &[Jinja], at: usize) -> R<Call> {
    let mut call = Call::of(items(args, at).iter().map(Value::resolved).collect());
    if let Some(named) = args.get(at + 1) {
        for name in named.try_iter().map_err(|error| Fault::new(error.to_string()))? {
            let value = named.get_item(&name).map_err(|error| Fault::new(error.to_string()))?;
            call.named.push((Rc::from(name.as_str().unwrap_or_default()), literal(&value).resolved()));
        }
    }
    let (rest, named) = (value(args, at + 2), value(args, at + 3));
    if !rest.is_none() {
        call.positional.extend(rest.iterate()?.iter().map(Value::resolved));
    }
    if !named.is_none() {
        let Some(map) = super::filters::mapping(&named.resolved())? else {
            return Err(Fault::new("argument after ** must be a mapping"));
        };
        for (key, value) in map {
            call.named.push((Rc::from(python::text(&key.0)?), value));
        }
    }
    Ok(call)
}

#[expect(clippy::boxed_local, reason = "failures come in boxes")]
pub fn marker(fault: Box<Fault>) -> Value {
    Value::Marker(Rc::new(*fault))
}

fn missing(of: &Value, name: &str) -> Value {
    marker(Fault::undefined(format!("object of type '{}' has no attribute {name}", of.type_name())))
}

/// A failure becomes a marker: it counts when somebody looks at it.
fn captured(run: impl FnOnce() -> R<Value>) -> Value {
    run().unwrap_or_else(marker)
}

/// A name of the template, else what `find` knows of it.
fn name(args: &[Jinja], find: impl Fn(&str) -> Option<Value>) -> R<Value> {
    if let Some(known) = args.first().filter(|known| !known.is_undefined()) {
        return Ok(literal(known));
    }
    let name = text(args, 1);
    if let Some(value) = find(&name) {
        return Ok(value.forced());
    }
    if super::vars::ABSENT.contains(&name.as_str()) {
        return Err(super::vars::absent(&name));
    }
    let mut fault = Fault::undefined(format!("'{name}' is undefined"));
    fault.name = Some(name);
    Ok(marker(fault))
}

fn dict(_: &mut State<'_, '_>, _: &Interp, args: &[Jinja]) -> R<Value> {
    let mut map = Map::new();
    for pair in items(args, 0).chunks_exact(2) {
        map.insert(pair[0].key()?, pair[1].clone());
    }
    Ok(Value::dict(map))
}

fn neg(_: &mut State<'_, '_>, _: &Interp, args: &[Jinja]) -> R<Value> {
    let value = value(args, 0);
    match value.check()? {
        Value::Float(number) => Ok(Value::Float(-number)),
        other => match other.as_int() {
            Some(number) => Ok(Value::Int(-number)),
            None => Err(Fault::new(format!("bad operand type for unary -: '{}'", other.type_name()))),
        },
    }
}

fn op(name: &str, left: &Value, right: &Value) -> R<Value> {
    left.check()?;
    right.check()?;
    let binary = match name {
        "+" => Binary::Add,
        "-" => Binary::Sub,
        "*" => Binary::Mul,
        "/" => Binary::Div,
        "//" => Binary::FloorDiv,
        "%" => Binary::Mod,
        "**" => Binary::Pow,
        "~" => {
            let mut out = String::new();
            python::write_text(&mut out, &left.resolved())?;
            python::write_text(&mut out, &right.resolved())?;
            return Ok(Value::str(out));
        }
        other => return python::compare(comparison(other), left, right).map(Value::Bool),
    };
    python::binary(binary, &left.resolved(), &right.resolved())
}

fn comparison(name: &str) -> Compare {
    match name {
        "!=" => Compare::Ne,
        "<" => Compare::Lt,
        "<=" => Compare::Le,
        ">" => Compare::Gt,
        ">=" => Compare::Ge,
        "in" => Compare::In,
        "not in" => Compare::NotIn,
        _ => Compare::Eq,
    }
}

fn chain(_: &mut State<'_, '_>, _: &Interp, args: &[Jinja]) -> R<Value> {
    let mut left = args.first().map_or(Value::None, literal);
    for pair in args.get(1..).unwrap_or_default().chunks_exact(2) {
        let right = literal(&pair[1]);
        if !python::compare(comparison(pair[0].as_str().unwrap_or_default()), &left, &right)? {
            return Ok(Value::Bool(false));
        }
        left = right;
    }
    Ok(Value::Bool(true))
}

fn slice(_: &mut State<'_, '_>, _: &Interp, args: &[Jinja]) -> R<Value> {
    let of = value(args, 0);
    if let Value::Marker(_) = of {
        return Ok(of);
    }
    let part = |at: usize| {
        let part = value(args, at);
        match (part.check()?.as_int(), &part) {
            (Some(at), _) => Ok(Some(at)),
            (None, Value::None) => Ok(None),
            _ => Err(Fault::new("slice indices must be integers or None")),
        }
    };
    python::slice(&of, part(1)?, part(2)?, part(3)?)
}

fn method(state: &mut State<'_, '_>, interp: &Interp, args: &[Jinja]) -> R<Value> {
    let (of, name) = (value(args, 0), text(args, 1));
    if let Value::Marker(_) = of {
        return Ok(of);
    }
    let arguments = arguments(args, 2)?;
    if let Value::Object(object) = &of
        && let Some(jinja) = object.as_jinja()
    {
        return Ok(captured(|| match attribute(&of, &name)? {
            // A macro of an imported template, or a function in a namespace.
            Some(called) => call(state, interp, &called, arguments),
            None => call_method(state, interp, jinja, &name, &arguments),
        }));
    }
    let resolved = of.resolved();
    if super::methods::is_method(&resolved, &name) {
        if let Some(marker) = first_marker(&arguments) {
            return Ok(marker);
        }
        return Ok(captured(|| super::methods::call(interp, &resolved, &name, arguments)));
    }
    match attribute(&of, &name)? {
        Some(called) => Ok(captured(|| call(state, interp, &called, arguments))),
        None => Ok(marker(Fault::undefined(format!("'{}' has no method `{name}`", of.type_name())))),
    }
}

/// What a template's whole output is.
pub fn output(text: &str) -> Value {
    decoded(text)
}
