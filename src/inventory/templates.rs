//! What inventories need of a template engine. The engine is above this module, and is handed over.

use std::fmt::Debug;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Host, Inventory};
use crate::error::Result;

/// A variable that is rendered when it is wanted.
pub type Later = Arc<dyn Fn() -> Result<Option<Value>> + Send + Sync>;

/// Renders what stands in inventories.
pub trait Templates: Debug + Send + Sync {
    /// The value of an expression without braces (`ansible_host ~ '.lan'`), with these variables.
    fn expression(&self, text: &str, vars: &Map<String, Value>) -> Result<Value>;

    /// Whether a condition holds.
    fn holds(&self, text: &str, vars: &Map<String, Value>) -> Result<bool>;

    /// A template's text or value (`{{ a }}-{{ b }}`), with these variables.
    fn render(&self, value: &Value, vars: &Map<String, Value>) -> Result<Value>;

    /// A variable of a host, rendered, with vaults opened; none where the host does not have it.
    fn variable(&self, inventory: &Inventory, host: &Host, name: &str) -> Result<Option<Value>>;

    /// The same, to be rendered when it is called: what it needs of the inventory is kept.
    fn later(&self, inventory: &Inventory, host: &Host, name: &str) -> Later;
}

/// Whether a value is another when it is used: it has a template, a vault or a text that is marked as no template inside.
pub fn is_unfinished(value: &Value) -> bool {
    match value {
        Value::String(_) => is_template(value),
        Value::Array(items) => items.iter().any(is_unfinished),
        Value::Object(fields) => {
            let marks = [super::document::UNSAFE, super::document::VAULT];
            (fields.len() == 1 && marks.iter().any(|mark| fields.contains_key(*mark)))
                || fields.values().any(is_unfinished)
        }
        _ => false,
    }
}

/// Whether a value has a template anywhere.
pub fn is_template(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{") || text.contains("{%") || text.contains("{#"),
        Value::Array(items) => items.iter().any(is_template),
        Value::Object(fields) => {
            let marked = fields.len() == 1
                && fields.keys().all(|key| key == super::document::UNSAFE || key == super::document::VAULT);
            !marked && fields.values().any(is_template)
        }
        _ => false,
    }
}
