//! Lookups of what is in the memory already: variables, the environment, lists.

use super::super::fault::{Fault, R};
use super::super::interp::Interp;
use super::super::python;
use super::super::value::Value;
use super::{Lookup, Terms};

pub const LOOKUPS: [Lookup; 3] = [
    Lookup { name: "env", options: &["default"], markers: false, run: env },
    Lookup { name: "vars", options: &["default"], markers: false, run: vars },
    Lookup { name: "varnames", options: &[], markers: false, run: varnames },
];

fn varnames(interp: &Interp, terms: &Terms) -> R<Vec<Value>> {
    let names = interp.host.as_ref().map_or_else(Vec::new, |host| host.names());
    let mut out = Vec::new();
    for term in &terms.terms {
        let pattern = super::super::regex::Pattern::new(&python::text(term)?, super::super::regex::Flags::default())?;
        for name in &names {
            if pattern.find(name, 0)?.is_some() {
                out.push(Value::str(name));
            }
        }
    }
    Ok(out)
}

fn env(_: &Interp, terms: &Terms) -> R<Vec<Value>> {
    let default = terms.option("default").cloned().unwrap_or_else(|| Value::str(""));
    let one = |term: &Value| {
        let name = python::text(term)?;
        let name = name.split_whitespace().next().unwrap_or_default();
        Ok(std::env::var(name).map_or_else(|_| default.clone(), Value::str))
    };
    terms.terms.iter().map(one).collect()
}

fn vars(interp: &Interp, terms: &Terms) -> R<Vec<Value>> {
    let one = |term: &Value| {
        let Value::Str(name) = term else {
            return Err(Fault::new(format!("a variable's name is a text, not {}", python::repr(term)?)));
        };
        let found = interp.host.as_ref().and_then(|host| host.get(name)).map(|value| value.forced());
        match (found, terms.option("default")) {
            (Some(value), _) => Ok(value),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => {
                let mut fault = Fault::undefined(format!("No variable named '{name}' was found."));
                fault.name = Some(name.to_string());
                Err(fault)
            }
        }
    };
    terms.terms.iter().map(one).collect()
}
