//! The values that must never reach a sink, and their redaction by value.

use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use super::events::What;
use crate::error::Error;

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// The shortest value that is redacted: one or two characters would blot out half of every text and hide nothing.
const SHORTEST: usize = 3;

/// The secrets of a run. Clones share them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Vec<String>>>);

impl Secrets {
    /// Marks a value, and each of its lines, as secret.
    pub fn add(&self, value: &str) {
        let mut secrets = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for part in std::iter::once(value).chain(value.lines()) {
            let part = part.trim_end_matches(['\r', '\n']);
            if part.len() >= SHORTEST && !secrets.iter().any(|known| known == part) {
                secrets.push(part.to_owned());
            }
        }
        // The longest first, so that a secret that contains another is replaced whole.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// The text without any secret.
    pub fn redact(&self, text: &str) -> String {
        let secrets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), REDACTED) } else { text }
        })
    }

    /// The error without any secret.
    pub fn redact_error(&self, mut error: Error) -> Error {
        if self.is_empty() {
            return error;
        }
        let parts = error.parts_mut();
        let texts = std::iter::once(&mut parts.message)
            .chain(&mut parts.causes)
            .chain(&mut parts.details)
            .chain(&mut parts.hints);
        for text in texts {
            *text = self.redact(text);
        }
        error
    }

    /// The event without any secret.
    pub(super) fn redact_event(&self, what: What) -> What {
        if self.is_empty() {
            return what;
        }
        let redacted = serde_json::to_value(&what).and_then(|mut value| {
            self.redact_value(&mut value);
            serde_json::from_value(value)
        });
        // A secret that equals one of the stream's own words ("changed") can make the event unreadable: rather lose its
        // text than the secret.
        redacted
            .unwrap_or_else(|_| What::Warning { text: "an event could not be redacted and was left out".to_owned() })
    }

    fn redact_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.redact(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_value(item)),
            Value::Object(fields) => {
                fields.iter_mut().filter(|(key, _)| *key != "event").for_each(|(_, field)| self.redact_value(field));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_replaced_wherever_it_stands_in_an_event() {
        let secrets = Secrets::default();
        secrets.add("hunter2");
        let What::Note { text, .. } =
            secrets.redact_event(What::Note { host: None, text: "login hunter2!".to_owned() })
        else {
            panic!("the kind of event changed");
        };
        assert_eq!(text, "login [redacted]!");
    }

    #[test]
    fn a_secret_inside_a_longer_one_does_not_leave_a_rest() {
        let secrets = Secrets::default();
        secrets.add("abc");
        secrets.add("abcdef");
        assert_eq!(secrets.redact("x abcdef y abc"), "x [redacted] y [redacted]");
    }
}
