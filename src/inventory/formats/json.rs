//! Inventories in the JSON that a program prints for `--list`.

use std::sync::Arc;

use serde_json::Value;

use super::super::document::{Key, Kind, Node};
use super::super::model::Model;
use crate::error::{Error, Result};
use crate::inventory::{Origin, Source, Variable};

/// What a program says of one host: its text and the value.
pub type OfHost<'a> = dyn FnMut(&str) -> Result<Option<(Source, Node)>> + 'a;

/// Whether a document is of this form: it has `_meta` with `hostvars`.
pub fn is_listing(node: &Node) -> bool {
    node.get("_meta").and_then(|meta| meta.get("hostvars")).is_some_and(|vars| matches!(vars.kind, Kind::Map(_)))
}

/// Adds what a listing says. Where it has no `_meta`, `of_host` is asked about each host.
pub fn read(model: &mut Model, source: &Source, node: &Node, of_host: &mut OfHost<'_>) -> Result<()> {
    let Kind::Map(entries) = &node.kind else {
        return Err(Error::input(format!("an inventory's JSON is an object of groups, and this is {}", node.what()))
            .at(source.excerpt(&node.span)));
    };
    let wrong = |node: &Node, what: &str, wanted: &str| {
        Error::input(format!("{what} has to be {wanted}, and this is {}", node.what())).at(source.excerpt(&node.span))
    };
    if let Some(meta) = node.get("_meta") {
        if !matches!(meta.kind, Kind::Map(_)) {
            return Err(wrong(meta, "`_meta`", "an object"));
        }
        if let Some(profile) = meta.get("profile")
            && !matches!(&profile.kind, Kind::Scalar(Value::String(name)) if name == "inventory_legacy")
        {
            return Err(wrong(profile, "`_meta.profile`", "\"inventory_legacy\" or left out"));
        }
    }
    let mut hosts: Vec<(String, Origin)> = Vec::new();
    let mut host_vars: Option<&[(Key, Node)]> = None;
    for (key, node) in entries {
        if &*key.name == "_meta" {
            host_vars = match node.get("hostvars").map(|vars| &vars.kind) {
                Some(Kind::Map(vars)) => Some(vars),
                _ => {
                    let found = node.get("hostvars").unwrap_or(node);
                    return Err(wrong(found, "`_meta.hostvars`", "an object"));
                }
            };
        } else {
            group(model, source, key, node, &mut hosts)?;
        }
    }
    if host_vars.is_none() && !hosts.is_empty() {
        let message = "`_meta` is missing: the program is asked about each host, which takes time";
        model.warnings.at(source, &node.span, message);
    }
    for (key, _) in host_vars.unwrap_or_default() {
        if !hosts.iter().any(|(name, _)| **name == *key.name) {
            let message = format!("the variables of `{}` are not used: no group has this host", key.name);
            model.warnings.at(source, &key.span, message);
        }
    }
    for (host, _) in &hosts {
        let owner: Arc<str> = format!("host {host}").into();
        match host_vars {
            Some(vars) => {
                if let Some((_, node)) = vars.iter().find(|(key, _)| *key.name == **host) {
                    set(model, source, host, &owner, node)?;
                }
            }
            None => {
                if let Some((source, node)) = of_host(host)? {
                    set(model, &source, host, &owner, &node)?;
                }
            }
        }
    }
    Ok(())
}

fn set(model: &mut Model, source: &Source, host: &str, owner: &Arc<str>, node: &Node) -> Result<()> {
    let Kind::Map(vars) = &node.kind else {
        return Err(Error::input(format!(
            "the variables of `{host}` have to be an object, and this is {}",
            node.what()
        ))
        .at(source.excerpt(&node.span)));
    };
    for (key, node) in vars {
        model.set(host, Arc::clone(&key.name), Variable::of(owner, source, key, node))?;
    }
    Ok(())
}

fn group(model: &mut Model, source: &Source, key: &Key, node: &Node, hosts: &mut Vec<(String, Origin)>) -> Result<()> {
    let name = &*key.name;
    let wrong = |node: &Node, field: &str, wanted: &str| {
        Error::input(format!("`{field}` of the group `{name}` has to be {wanted}, and this is {}", node.what()))
            .at(source.excerpt(&node.span))
    };
    if name.is_empty() {
        return Err(Error::input("a group has no name").at(source.excerpt(&key.span)));
    }
    let index = model.group(name);
    let owner: Arc<str> = format!("group {name}").into();
    let text = |node: &Node, field: &str| match &node.kind {
        Kind::Scalar(Value::String(text)) => {
            Ok((text.clone(), Origin::new(Arc::clone(&owner), source, node.span.clone())))
        }
        _ => Err(wrong(node, field, "a list of texts")),
    };
    let mut add = |model: &mut Model, host: String, origin: Origin| -> Result<()> {
        let origin = Origin { owner: format!("host {host}").into(), ..origin };
        model.host(&host, Some(index), None, &origin)?;
        if !hosts.iter().any(|(known, _)| *known == host) {
            hosts.push((host, origin));
        }
        Ok(())
    };
    let listed = |node: &Node| match &node.kind {
        Kind::List(items) => items.iter().map(|item| text(item, "hosts")).collect::<Result<Vec<_>>>(),
        _ => Err(wrong(node, "hosts", "a list")),
    };
    let is_group = |node: &Node| ["hosts", "vars", "children"].iter().any(|field| node.get(field).is_some());
    match &node.kind {
        Kind::Map(vars) if !is_group(node) => {
            // Ansible takes what has none of a group's fields for the variables of a host of the group's name, and none of
            // their texts for a template.
            let message = format!(
                "the group `{name}` has none of `hosts`, `vars` and `children`: it is taken as a host of this name"
            );
            model.warnings.at(source, &key.span, message);
            add(model, name.to_owned(), Origin::new(Arc::clone(&owner), source, key.span.clone()))?;
            for (key, node) in vars {
                let variable = Variable::of(&owner, source, key, &node.clone().unsafe_texts());
                model.set_group(index, Arc::clone(&key.name), variable)?;
            }
        }
        Kind::Map(_) => {
            if let Some(node) = node.get("hosts") {
                for (host, origin) in listed(node)? {
                    add(model, host, origin)?;
                }
            }
            if let Some(node) = node.get("vars") {
                let Kind::Map(vars) = &node.kind else { return Err(wrong(node, "vars", "an object")) };
                for (key, node) in vars {
                    model.set_group(index, Arc::clone(&key.name), Variable::of(&owner, source, key, node))?;
                }
            }
            if let Some(node) = node.get("children") {
                let children = match &node.kind {
                    Kind::List(items) => items.iter().map(|item| text(item, "children")).collect::<Result<Vec<_>>>()?,
                    Kind::Map(fields) => fields
                        .iter()
                        .map(|(key, _)| {
                            (key.name.to_string(), Origin::new(Arc::clone(&owner), source, key.span.clone()))
                        })
                        .collect(),
                    _ => return Err(wrong(node, "children", "a list")),
                };
                for (child, origin) in children {
                    model.group(&child);
                    model.add_child(index, &child, &origin)?;
                }
            }
        }
        _ => {
            for (host, origin) in listed(node)? {
                add(model, host, origin)?;
            }
        }
    }
    Ok(())
}
