//! Configurations of inventory plugins: YAML with a key `plugin`.

use serde_json::Value;

use super::super::document::{Kind, Node};
use super::super::model::Model;
use crate::error::{Error, Result};
use crate::inventory::{LoadOptions, Source};

/// The name of the plugin that a document configures.
pub fn name(node: &Node) -> Option<String> {
    let plugin = node.get("plugin").filter(|plugin| !plugin.is_empty())?;
    Some(match &plugin.kind {
        Kind::Scalar(Value::String(name)) => name.clone(),
        other => match other {
            Kind::Scalar(value) => value.to_string(),
            _ => "a list or a mapping".to_owned(),
        },
    })
}

/// Adds what a configuration makes of the hosts that there are.
pub fn read(_model: &mut Model, source: &Source, node: &Node, name: &str, _options: &LoadOptions) -> Result<()> {
    let span = node.get("plugin").map_or(0..0, |plugin| plugin.span.clone());
    Err(Error::input(format!("the inventory plugin `{name}` is not supported"))
        .at(source.excerpt(&span))
        .hint(format!(
            "let Ansible ask it, and use the answer: ansible-inventory -i {} --list > hosts.json",
            source.path
        ))
        .hint("then -i hosts.json"))
}
