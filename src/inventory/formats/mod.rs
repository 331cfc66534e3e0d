//! The formats of inventories, and which of them a source has.
//!
//! Ansible asks its readers one after another, and takes the first that can read a file: lists of hosts, programs, plugins'
//! configurations, YAML, INI, TOML. So does this; but where none can, the error of the likeliest is an error.

use std::sync::Arc;

use super::document::{Key, Kind, Node, Notices};
use super::model::Model;
use super::{Origin, Source, Surprised, Variable, address};
use crate::error::{Error, Result};

pub mod constructed;
pub mod host_list;
pub mod ini;
pub mod json;
mod literal;
pub mod plugin;
pub mod script;
pub mod toml;
mod words;
pub mod yaml;

/// The names that a host's entry stands for and the port behind it.
fn expand(entry: &str, origin: &Origin) -> Result<(Vec<String>, Option<u32>)> {
    let (names, port) = address::expand(entry)
        .map_err(|message| origin.at(Error::input(format!("the host `{}`: {message}", entry.escape_debug()))))?;
    if port == Some(u32::MAX) {
        return Err(origin.at(Error::input(format!("the port of `{}` is too large", entry.escape_debug()))));
    }
    Ok((names, port))
}

/// Adds hosts of a group with what a mapping gives them.
fn add_hosts(model: &mut Model, source: &Source, group: usize, key: &Key, fields: &[(Key, Node)]) -> Result<()> {
    let origin = Origin::new(format!("host {}", key.spelling()), source, key.span.clone());
    let (names, port) = expand(key.spelling(), &origin)?;
    for name in names {
        let owner: Arc<str> = format!("host {name}").into();
        let origin = Origin { owner: Arc::clone(&owner), ..origin.clone() };
        add_host(model, &name, group, port, &origin)?;
        for (key, node) in fields {
            model.set(&name, Arc::clone(&key.name), Variable::of(&owner, source, key, node))?;
        }
    }
    Ok(())
}

/// Adds a host to a group, and warns of a port that Ansible drops: one that stands with a later mention of the host.
fn add_host(model: &mut Model, name: &str, group: usize, port: Option<u32>, origin: &Origin) -> Result<()> {
    let known = model.host_index(name);
    let host = model.host(name, Some(group), port, origin)?;
    if let (Some(_), Some(port)) = (known, port)
        && let Some(entry) = model.hosts.get(host)
        && entry.vars.get("ansible_port").is_none_or(|known| known.value != port)
    {
        let message = format!("the port {port} of `{name}` is not used: the host was named before, without it");
        model.warnings.add(message, origin.place());
    }
    Ok(())
}

/// Takes over what was noticed while a file was read.
pub fn notice(model: &mut Model, source: &Source, notices: Notices) {
    model.warnings.extend(notices.warnings);
    let surprises = notices.surprises.into_iter();
    model.surprises.extend(surprises.filter(|_| !source.is_sealed()).map(|surprise| Surprised {
        place: format!("{}:{}", source.path, source.line(&surprise.span)),
        written: surprise.written,
        value: surprise.value,
    }));
}

/// The fields of a mapping; nothing is one without fields.
fn fields(node: &Node) -> Option<&[(Key, Node)]> {
    match &node.kind {
        Kind::Map(fields) => Some(fields),
        _ if node.is_null() => Some(&[]),
        _ => None,
    }
}
