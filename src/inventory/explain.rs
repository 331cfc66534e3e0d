//! Where a host's variable comes from.

use super::{Inventory, Surprised, is_secret, no_host};
use crate::error::{Error, Result};

impl Inventory {
    /// Where a host's variable comes from, the value that counts first.
    pub fn explain(&self, host: &str, name: &str) -> Result<String> {
        let found = self.host(host).ok_or_else(|| no_host(self, host))?;
        let layers = found.layers.iter().rev().flat_map(|layer| layer.iter().rev());
        let given: Vec<_> = layers.filter(|(known, _)| &***known == name).map(|(_, variable)| variable).collect();
        if given.is_empty() {
            return Err(Error::input(format!("nothing gives {host} a variable `{name}`"))
                .did_you_mean(name, found.variable_names()));
        }
        let mut text = format!("{name} of {host}\n");
        let mut told = std::collections::HashSet::new();
        for (index, variable) in given.iter().enumerate() {
            // A file beside the inventory and the playbook gives its values twice.
            if let Some(source) = &variable.origin.source
                && !told.insert((
                    std::path::absolute(&*source.path).ok(),
                    source.text.clone(),
                    variable.origin.span.clone(),
                ))
            {
                continue;
            }
            let origin = &variable.origin;
            let hidden = is_secret(name) || origin.source.as_ref().is_some_and(super::Source::is_sealed);
            let value = if hidden {
                "[redacted]".to_owned()
            } else if variable.vault().is_some() {
                "[a vault]".to_owned()
            } else {
                variable.value.to_string()
            };
            let verdict = if index == 0 { "counts" } else { "hidden" };
            let place = if origin.source.is_some() { format!(", {}", origin.place()) } else { String::new() };
            let written = variable.written.as_deref().filter(|written| !hidden && **written != value);
            let written = written.map(|written| format!(", written {written}")).unwrap_or_default();
            text.push_str(&format!("  {verdict}  {value}{written}  ({}{place})\n", origin.owner));
        }
        Ok(text)
    }
}

impl Surprised {
    /// What surprises, for a person.
    pub fn message(&self) -> String {
        let hint = match &self.value {
            serde_json::Value::Bool(_) => "a truth value",
            serde_json::Value::Number(_) => "a number",
            _ => "a date",
        };
        format!("{}: `{}` is {hint} for YAML 1.1: {}; quotes make it a text", self.place, self.written, self.value)
    }
}
