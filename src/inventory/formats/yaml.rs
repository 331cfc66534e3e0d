//! Inventories in YAML.

use std::sync::Arc;

use super::super::document::{Key, Kind, Node};
use super::super::model::Model;
use super::{add_hosts, fields};
use crate::error::{Error, Result};
use crate::inventory::{Origin, Source, Variable};

/// Adds what a file says.
pub fn read(model: &mut Model, source: &Source, node: &Node) -> Result<()> {
    let Kind::Map(groups) = &node.kind else { return Err(no_mapping(source, node)) };
    for (key, node) in groups {
        group(model, source, key, node)?;
    }
    Ok(())
}

/// The error of a file that is YAML and no inventory.
pub fn no_mapping(source: &Source, node: &Node) -> Error {
    Error::input(format!("an inventory is a mapping of groups, and this is {}", node.what()))
        .at(source.excerpt(&node.span))
        .hint("masters:\n          hosts:\n            10.10.0.193:")
}

/// Reads a group and those below it.
fn group(model: &mut Model, source: &Source, key: &Key, node: &Node) -> Result<()> {
    let name = spelled(model, source, key, "group");
    let Some(sections) = fields(node) else {
        let message = format!("`{name}` is no group, as it has {}; it is skipped", node.what());
        model.warnings.at(source, &key.span, message);
        return Ok(());
    };
    if name.is_empty() {
        return Err(Error::input("a group has no name").at(source.excerpt(&key.span)));
    }
    let index = model.group(&name);
    let owner: Arc<str> = format!("group {name}").into();
    for (section, node) in sections {
        let known = matches!(&*section.name, "vars" | "children" | "hosts");
        // One name alone stands for a mapping of it.
        let alone;
        let entries: &[(Key, Node)] = match &node.kind {
            Kind::Map(entries) => entries,
            _ if node.is_null() => continue,
            Kind::Scalar(serde_json::Value::String(text)) if known => {
                let key = Key::text(text.as_str(), node.span.clone());
                alone = [(key, Node::scalar(serde_json::Value::Null, node.span.clone(), None))];
                &alone
            }
            _ if known => {
                return Err(Error::input(format!(
                    "`{}` of the group `{name}` has to be a mapping, and this is {}",
                    section.name,
                    node.what()
                ))
                .at(source.excerpt(&node.span))
                .hint("end each name with a colon, without a dash before it"));
            }
            _ => {
                let message = format!("`{}` in the group `{name}` is skipped: it is no mapping", section.spelling());
                model.warnings.at(source, &section.span, message);
                continue;
            }
        };
        match &*section.name {
            "vars" => {
                for (key, node) in entries {
                    let variable = Variable::of(&owner, source, key, node);
                    model.set_group(index, Arc::clone(&key.name), variable)?;
                }
            }
            "children" => {
                for (key, node) in entries {
                    group(model, source, key, node)?;
                    let origin = Origin::new(Arc::clone(&owner), source, key.span.clone());
                    model.add_child(index, key.spelling(), &origin)?;
                }
            }
            "hosts" => {
                for (key, node) in entries {
                    spelled(model, source, key, "host");
                    let vars = match fields(node) {
                        Some(vars) => vars,
                        None if node.is_empty() => &[],
                        None => {
                            return Err(Error::input(format!(
                                "the host `{}` has to have a mapping of variables, and this is {}",
                                key.spelling(),
                                node.what()
                            ))
                            .at(source.excerpt(&node.span)));
                        }
                    };
                    add_hosts(model, source, index, key, vars)?;
                }
            }
            other => {
                let found = crate::error::closest(other, ["hosts", "children", "vars"]);
                let hint = found.map(|found| format!("; did you mean `{found}`?")).unwrap_or_default();
                let message = format!(
                    "`{}` in the group `{name}` is skipped: a group has `hosts`, `children` and `vars`{hint}",
                    section.spelling()
                );
                model.warnings.at(source, &section.span, message);
            }
        }
    }
    Ok(())
}

/// A name as it was written, where Ansible would refuse it.
fn spelled(model: &mut Model, source: &Source, key: &Key, what: &str) -> String {
    if key.written.is_some() {
        let message = format!("`{}` is taken as a {what}'s name; Ansible wants it in quotes", key.spelling());
        model.warnings.at(source, &key.span, message);
    }
    key.spelling().to_owned()
}
