//! A value of the inventory that is a template: rendered when it is used, once.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use super::fault::Fault;
use super::value::Value;

/// A text that is rendered when somebody looks at it.
pub struct Lazy {
    render: Box<dyn Fn() -> Value>,
    /// Whose it is, for the message about a circle.
    what: String,
    value: OnceCell<Value>,
    busy: Cell<bool>,
}

impl Lazy {
    pub fn value(what: String, render: impl Fn() -> Value + 'static) -> Value {
        Value::Lazy(Rc::new(Self { render: Box::new(render), what, value: OnceCell::new(), busy: Cell::new(false) }))
    }

    /// What its template gives. What can't be rendered is a marker, which fails where it is used.
    pub fn force(&self) -> Value {
        if let Some(value) = self.value.get() {
            return value.clone();
        }
        if self.busy.replace(true) {
            return Value::Marker(Rc::new(*Fault::new(format!("{} is needed to find its own value", self.what))));
        }
        let value = (self.render)();
        self.busy.set(false);
        self.value.get_or_init(|| value).clone()
    }
}
