//! Values on their way between minijinja, which runs a template, and Python's values, which are what a template has.
//!
//! minijinja holds lists, dicts and the like by a number; they themselves stand in a table of this thread. So a list that a
//! template changes is the same list everywhere, and nothing has to be shared between threads.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object as Held_, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value as Jinja};

use super::fault::{Fault, R};
use super::interp::Interp;
use super::lower::{KWARGS, VARARGS};
use super::object::{Call, Object};
use super::python;
use super::value::{Key, Value};

thread_local! {
    static TABLE: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
    static FAULT: RefCell<Option<Box<Fault>>> = const { RefCell::new(None) };
    static CURRENT: RefCell<Vec<Rc<Interp>>> = const { RefCell::new(Vec::new()) };
}

/// What a value that is no text is in a captured text: its number between these two. Unicode has no characters there.
const OPEN: char = '\u{fdd0}';
const CLOSE: char = '\u{fdd1}';

/// Runs something for an interpreter: its variables are what names mean meanwhile.
pub fn with<T>(interp: &Rc<Interp>, run: impl FnOnce() -> T) -> T {
    CURRENT.with_borrow_mut(|current| current.push(interp.clone()));
    let result = run();
    let outermost = CURRENT.with_borrow_mut(|current| {
        current.pop();
        current.is_empty()
    });
    if outermost {
        TABLE.with_borrow_mut(Vec::clear);
    }
    result
}

/// The interpreter whose template is running.
pub fn current() -> R<Rc<Interp>> {
    CURRENT.with_borrow(|current| current.last().cloned()).ok_or_else(|| Fault::new("no template is being rendered"))
}

fn keep(value: &Value) -> usize {
    TABLE.with_borrow_mut(|table| {
        table.push(value.clone());
        table.len() - 1
    })
}

fn kept(at: usize) -> Value {
    TABLE.with_borrow(|table| table.get(at).cloned()).unwrap_or(Value::None)
}

/// A value of the table.
#[derive(Debug)]
struct Held(usize);

impl Held_ for Held {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match kept(self.0) {
            Value::Dict(_) => ObjectRepr::Map,
            Value::List(_) | Value::Tuple(_) => ObjectRepr::Seq,
            _ => ObjectRepr::Plain,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let found = kept(self.0).at(&from(key)).ok()??;
        Some(to(&found))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match kept(self.0).iterate() {
            Ok(items) => Enumerator::Values(items.iter().map(to).collect()),
            Err(_) => Enumerator::NonEnumerable,
        }
    }

    fn is_true(self: &Arc<Self>) -> bool {
        // What has no truth was refused before: `__check` looks first.
        kept(self.0).truth().unwrap_or(false)
    }
}

/// A value of minijinja's own: a macro, `loop`, a namespace, an imported template.
struct Foreign(Jinja);

impl Object for Foreign {
    fn type_name(&self) -> &str {
        "object"
    }

    fn attribute(&self, name: &str) -> R<Option<Value>> {
        let found = self.0.get_attr(name).map_err(|error| Fault::new(error.to_string()))?;
        Ok(if found.is_undefined() { None } else { Some(from(&found)) })
    }

    fn item(&self, key: &Value) -> R<Option<Value>> {
        key.as_str().map_or(Ok(None), |name| self.attribute(name))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn takes_markers(&self) -> bool {
        true
    }

    fn items(&self) -> Option<R<Vec<Value>>> {
        let items = self.0.try_iter().ok()?;
        Some(Ok(items.map(|item| from(&item)).collect()))
    }

    fn printed(&self) -> String {
        self.0.to_string()
    }

    fn as_jinja(&self) -> Option<&Jinja> {
        Some(&self.0)
    }
}

/// A value for minijinja.
pub fn to(value: &Value) -> Jinja {
    match value {
        Value::None => Jinja::from(()),
        Value::Bool(value) => Jinja::from(*value),
        Value::Int(value) => Jinja::from(*value),
        Value::Float(value) => Jinja::from(*value),
        Value::Str(text) => Jinja::from(&**text),
        Value::Lazy(lazy) => to(&lazy.force()),
        Value::Object(object) if object.as_jinja().is_some() => object.as_jinja().cloned().unwrap_or_default(),
        other => Jinja::from_object(Held(keep(other))),
    }
}

/// A value from minijinja.
pub fn from(value: &Jinja) -> Value {
    if let Some(held) = value.downcast_object_ref::<Held>() {
        return kept(held.0);
    }
    match value.kind() {
        ValueKind::Undefined => Value::Marker(Rc::new(*Fault::undefined("this is undefined"))),
        ValueKind::None => Value::None,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => {
            if value.is_integer()
                && let Ok(number) = i128::try_from(value.clone())
            {
                return Value::Int(number);
            }
            f64::try_from(value.clone()).map_or(Value::None, Value::Float)
        }
        ValueKind::String => decoded(value.as_str().unwrap_or_default()),
        _ => Value::object(Foreign(value.clone())),
    }
}

/// Appends a value to a template's output: a text as it is, anything else by its number.
pub fn encode(value: &Value) -> String {
    match value {
        Value::Str(text) if !text.is_empty() => text.to_string(),
        other => format!("{OPEN}{}{CLOSE}", keep(other)),
    }
}

/// What a template's output is: one value keeps its type, several become a text; nothing at all is `None`.
pub fn decoded(text: &str) -> Value {
    if !text.contains(OPEN) {
        return if text.is_empty() { Value::None } else { Value::str(text) };
    }
    let mut pieces: Vec<Value> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        if at > 0 {
            pieces.push(Value::str(&rest[..at]));
        }
        let after = &rest[at + OPEN.len_utf8()..];
        let end = after.find(CLOSE).unwrap_or(after.len());
        let value = after[..end].parse().map_or(Value::None, kept);
        if !value.is_none() {
            pieces.push(value);
        }
        rest = after.get(end + CLOSE.len_utf8()..).unwrap_or_default();
    }
    if !rest.is_empty() {
        pieces.push(Value::str(rest));
    }
    if pieces.len() < 2 {
        return pieces.pop().unwrap_or(Value::None);
    }
    let mut out = String::new();
    for piece in &pieces {
        let written = piece.resolved().finished().and_then(|piece| python::write_text(&mut out, &piece));
        if let Err(fault) = written {
            return Value::Marker(Rc::new(*fault));
        }
    }
    Value::str(out)
}

/// A failure on its way through minijinja, which carries only its message.
pub fn fail(fault: Box<Fault>) -> Error {
    let error = Error::new(ErrorKind::InvalidOperation, fault.message.clone());
    FAULT.set(Some(fault));
    error
}

/// The failure that [`fail`] sent last, when that is what minijinja stopped at.
pub fn failed(error: &Error) -> Option<Box<Fault>> {
    let fault = FAULT.take()?;
    let mut inner: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = inner {
        if error.downcast_ref::<Error>().and_then(Error::detail) == Some(&fault.message) {
            return Some(fault);
        }
        inner = error.source();
    }
    None
}

/// Calls a value: a function of the engine, or a macro of minijinja.
pub fn call(state: &mut State<'_, '_>, interp: &Interp, called: &Value, call: Call) -> R<Value> {
    let Value::Object(object) = called else { return interp.call(called, call) };
    let Some(jinja) = object.as_jinja() else { return interp.call(called, call) };
    let call = gathered(jinja, call)?;
    let mut args: Vec<Jinja> = call.positional.iter().map(to).collect();
    if !call.named.is_empty() {
        let named: minijinja::value::Kwargs =
            call.named.iter().map(|(name, value)| (name.to_string(), to(value))).collect();
        args.push(named.into());
    }
    interp.deeper(|| jinja.call(state, &args).map(|value| from(&value)).map_err(|error| passed(&error)))
}

/// The arguments of a macro, with what its parameters don't take in `varargs` and `kwargs` where it has them.
fn gathered(called: &Jinja, mut call: Call) -> R<Call> {
    let Ok(params) =
        called.get_attr("arguments").and_then(|params| params.try_iter().map(Iterator::collect::<Vec<Jinja>>))
    else {
        return Ok(call);
    };
    let name = called.get_attr("name").ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    let params: Vec<&str> = params.iter().filter_map(Jinja::as_str).collect();
    let (own, catching): (Vec<&str>, Vec<&str>) = params.iter().partition(|param| ![VARARGS, KWARGS].contains(param));
    if catching.contains(&VARARGS) {
        let more = call.positional.split_off(call.positional.len().min(own.len()));
        call.named.push((VARARGS.into(), Value::tuple(more)));
    } else if call.positional.len() > own.len() {
        return Err(Fault::new(format!("macro '{name}' takes not more than {} argument(s)", own.len())));
    }
    let takes_caller = called.get_attr("caller").is_ok_and(|takes| takes.is_true());
    let is_own = |known: &str| own.contains(&known) || known == VARARGS || (known == "caller" && takes_caller);
    if catching.contains(&KWARGS) {
        let (named, more): (Vec<_>, Vec<_>) = call.named.into_iter().partition(|(known, _)| is_own(known));
        call.named = named;
        let more = more.into_iter().map(|(known, value)| (Key(Value::Str(known)), value)).collect();
        call.named.push((KWARGS.into(), Value::dict(more)));
    } else if let Some((unknown, _)) = call.named.iter().find(|(known, _)| !is_own(known)) {
        let fault = Fault::new(format!("macro '{name}' takes no keyword argument '{unknown}'"));
        return Err(match &**unknown {
            "caller" => fault.hint("the macro does not call `caller()`: a `call` block has nothing to say in it"),
            _ => fault,
        });
    }
    Ok(call)
}

/// Calls a method of a value of minijinja's own.
pub fn call_method(state: &mut State<'_, '_>, interp: &Interp, of: &Jinja, name: &str, call: &Call) -> R<Value> {
    let args: Vec<Jinja> = call.positional.iter().map(to).collect();
    interp.deeper(|| of.call_method(state, name, &args).map(|value| from(&value)).map_err(|error| passed(&error)))
}

fn passed(error: &Error) -> Box<Fault> {
    match failed(error) {
        Some(fault) => fault,
        None => Fault::new(error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)),
    }
}
