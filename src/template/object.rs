//! Values that are more than data: functions, macros, `loop`, namespaces, the variables of other hosts.

use std::rc::Rc;

use super::fault::{Fault, R};
use super::interp::Interp;
use super::value::{Map, Value};

/// The arguments of a call.
#[derive(Clone, Default)]
pub struct Call {
    pub positional: Vec<Value>,
    pub named: Vec<(Rc<str>, Value)>,
}

impl Call {
    pub fn of(positional: Vec<Value>) -> Self {
        Self { positional, named: Vec::new() }
    }

    /// Takes a named argument out.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.named.iter().position(|(known, _)| &**known == name)?;
        Some(self.named.remove(at).1)
    }
}

/// A value with a behaviour of its own.
pub trait Object {
    fn type_name(&self) -> &str;

    /// What stands behind a dot.
    fn attribute(&self, _name: &str) -> R<Option<Value>> {
        Ok(None)
    }

    /// What stands in brackets.
    fn item(&self, _key: &Value) -> R<Option<Value>> {
        Ok(None)
    }

    fn call(&self, _interp: &Interp, _call: Call) -> R<Value> {
        Err(Fault::new(format!("'{}' object is not callable", self.type_name())))
    }

    fn is_callable(&self) -> bool {
        false
    }

    /// Whether it deals with undefined arguments itself, as macros do.
    fn takes_markers(&self) -> bool {
        false
    }

    fn items(&self) -> Option<R<Vec<Value>>> {
        None
    }

    fn len(&self) -> Option<usize> {
        None
    }

    fn contains(&self, key: &Value) -> R<bool> {
        match self.items() {
            Some(items) => {
                for item in items? {
                    if item.equals(key)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            None => Err(Fault::new(format!("argument of type '{}' is not iterable", self.type_name()))),
        }
    }

    /// Its items, where it is a tuple with names.
    fn tuple(&self) -> Option<Vec<Value>> {
        None
    }

    /// All of it as a dict, where it stands for one.
    fn map(&self) -> Option<R<Map>> {
        None
    }

    /// The value of minijinja's own that it stands for.
    fn as_jinja(&self) -> Option<&minijinja::Value> {
        None
    }

    /// What it is printed as.
    fn printed(&self) -> String {
        format!("<{}>", self.type_name())
    }
}

/// What a function does.
type Run = Box<dyn Fn(&Interp, Call) -> R<Value>>;

/// A function of the engine.
pub struct Function {
    pub name: String,
    pub takes_markers: bool,
    pub run: Run,
}

impl Function {
    pub fn value(name: &str, run: impl Fn(&Interp, Call) -> R<Value> + 'static) -> Value {
        Value::object(Self { name: name.to_owned(), takes_markers: false, run: Box::new(run) })
    }
}

impl Object for Function {
    fn type_name(&self) -> &str {
        "function"
    }

    fn call(&self, interp: &Interp, call: Call) -> R<Value> {
        (self.run)(interp, call)
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn takes_markers(&self) -> bool {
        self.takes_markers
    }

    fn printed(&self) -> String {
        format!("<function {}>", self.name)
    }
}
