//! Templates as Ansible has them: Jinja2 with Python's values, Ansible's filters, tests and lookups, and a host's variables,
//! rendered when they are used.
//!
//! minijinja reads and runs them. What a template prints, compares and changes are Python's lists, dicts and numbers, which
//! minijinja has not: so its expressions are lowered to calls of functions that calculate as Python does. [`render`] renders a file as `ansible.builtin.template` does; [`HostVars`] gives the
//! variables of a host.

mod adapt;
mod ahead;
mod bridge;
mod chance;
mod crypt;
mod digits;
mod engine;
mod facts;
mod fault;
mod filters;
mod format;
mod functions;
mod glob;
mod globals;
mod hostvars;
mod interp;
mod json;
mod lazy;
mod lookups;
mod lower;
mod machine;
mod methods;
mod net;
mod object;
mod operators;
mod python;
mod regex;
mod render;
mod scope;
mod settings;
mod stack;
mod syntax;
mod tests;
mod time;
mod url;
mod value;
mod vars;
mod version;
mod world;

#[cfg(test)]
mod proof;
mod yaml_dump;
mod yaml_load;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::error::Result;
pub use ahead::{Around, ahead};
pub use settings::Settings;
pub use syntax::{NAMES as OPTION_NAMES, Options};
pub use vars::{HostVars, MAGIC, Raw, World};
pub use world::{Facts, InInventory};
pub use yaml_dump::inventory as inventory_yaml;

/// Renders a template with these variables alone. `path` is the template's file, as the user would type it.
///
/// # Errors
/// What can't be rendered, at its place.
pub fn render(path: &str, text: &str, vars: &Map<String, Json>, settings: Settings) -> Result<String> {
    let alone = HostVars::alone(vars.clone(), Arc::new(settings));
    let mut error = match alone.render_text(path, text, &Options::default()) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    error.parts_mut().host = None;
    Err(error)
}

/// Fails when a template's text can't be read, or names a filter or a test that is not there.
///
/// # Errors
/// The mistake, at its place.
pub fn check(path: &str, text: &str, options: &Options) -> Result<()> {
    render::parsed(path, text, options).map(drop)
}

/// The variables that a template can't be rendered without: those that it neither sets nor has a `default` for, nor asks
/// whether they are `defined`. Those of templates that it includes are not among them.
///
/// # Errors
/// The template can't be read.
pub fn needed(path: &str, text: &str, options: &Options) -> Result<BTreeSet<String>> {
    let mut needed = render::parsed(path, text, options)?;
    // Names that statements bring with them.
    let brought = ["namespace", "self", "super", "caller", "loop", "varargs", "kwargs", "play_hosts"];
    let is_given =
        |name: &str| brought.contains(&name) || globals::global(name).is_some() || render::ABOUT.contains(&name);
    needed.retain(|name| !is_given(name));
    Ok(needed)
}

/// Where a template names a variable first.
pub fn place_of(path: &str, text: &str, name: &str) -> crate::error::Excerpt {
    let span = ::regex::Regex::new(&format!(r"\{{[{{%](?:[^}}%]|%[^}}]|\}}[^}}])*?\b({})\b", ::regex::escape(name)))
        .ok()
        .and_then(|pattern| pattern.captures(text).and_then(|found| found.get(1)).map(|found| found.range()));
    crate::error::Excerpt::new(path.to_owned(), Arc::from(text), span.unwrap_or(0..0))
}

/// A world without hosts.
struct Nothing;

impl World for Nothing {
    fn variable(&self, _: &str, _: &str) -> Option<Raw> {
        None
    }
    fn names(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn hosts(&self) -> Vec<String> {
        Vec::new()
    }
    fn groups(&self) -> Vec<(String, Vec<String>)> {
        Vec::new()
    }
    fn groups_of(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn file(&self, _: &str) -> Option<String> {
        None
    }
    fn decrypt(&self, _: &str, origin: &str) -> Result<String> {
        Err(crate::error::Error::input(format!("{origin} is a vault's value and there is no vault")))
    }
}
