//! Configurations of inventory plugins: YAML with a key `plugin`. `constructed` and `generator` are read here; one that asks
//! a cloud is refused, with the way around.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::document::{Key, Kind, Node};
use super::super::model::Model;
use super::constructed::{Constructed, leaves, untrusted};
use crate::error::{Error, Result};
use crate::inventory::{LoadOptions, Origin, Source, Templates, Variable};

/// The name of the plugin that a document configures.
pub fn name(node: &Node) -> Option<String> {
    let plugin = node.get("plugin").filter(|plugin| !plugin.is_empty())?;
    Some(match &plugin.kind {
        Kind::Scalar(Value::String(name)) => name.clone(),
        Kind::Scalar(value) => value.to_string(),
        _ => "a list or a mapping".to_owned(),
    })
}

/// Adds what a configuration makes of the hosts that there are.
pub fn read(model: &mut Model, source: &Source, node: &Node, name: &str, options: &LoadOptions) -> Result<()> {
    let span = node.get("plugin").map_or(0..0, |plugin| plugin.span.clone());
    let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
    if !matches!(short, "constructed" | "generator") {
        return Err(Error::input(format!("the inventory plugin `{name}` is not supported"))
            .at(source.excerpt(&span))
            .hint(format!(
                "let Ansible ask it, and use the answer: ansible-inventory -i {} --list > hosts.json",
                source.path
            ))
            .hint("then -i hosts.json"));
    }
    let Some(templates) = options.templates.as_deref() else {
        return Err(
            Error::input(format!("`{name}` needs templates, which can't be rendered here")).at(source.excerpt(&span))
        );
    };
    match short {
        "constructed" => Constructed::parse(source, node, templates, options)?.apply(model),
        _ => Generator { source, templates }.read(model, node),
    }
}

/// What `generator` makes: a host for each combination of the values of its layers.
struct Generator<'a> {
    source: &'a Source,
    templates: &'a dyn Templates,
}

impl Generator<'_> {
    fn read(&self, model: &mut Model, node: &Node) -> Result<()> {
        let missing =
            |what: &str| Error::input(format!("`generator` needs {what}")).at(self.source.excerpt(&node.span));
        let Some(Kind::Map(layers)) = node.get("layers").map(|layers| &layers.kind) else {
            return Err(missing("`layers`, a mapping of lists"));
        };
        let hosts = node.get("hosts").ok_or_else(|| missing("`hosts` with a `name`"))?;
        let name = hosts.get("name").ok_or_else(|| missing("`hosts` with a `name`"))?;
        let mut combinations: Vec<Map<String, Value>> = vec![Map::new()];
        for (layer, values) in layers {
            let Kind::List(values) = &values.kind else { return Err(missing("`layers`, a mapping of lists")) };
            let longer = combinations.iter().flat_map(|known| {
                values.iter().map(|value| {
                    let mut vars = known.clone();
                    vars.insert(layer.name.to_string(), value.value());
                    vars
                })
            });
            combinations = longer.collect();
            if combinations.len() > super::super::range::MOST {
                return Err(missing("fewer hosts"));
            }
        }
        for vars in combinations {
            let host = self.text(name, &vars)?;
            let origin = Origin::new(format!("host {host}"), self.source, name.span.clone());
            model.host(&host, None, None, &origin)?;
            self.parents(model, &host, hosts.get("parents"), &vars)?;
        }
        Ok(())
    }

    fn text(&self, node: &Node, vars: &Map<String, Value>) -> Result<String> {
        let value =
            self.templates.render(&node.value(), vars).map_err(|error| error.at(self.source.excerpt(&node.span)))?;
        let text = super::constructed::text(self.templates, &value)?;
        if text.is_empty() {
            return Err(Error::input("a name is empty").at(self.source.excerpt(&node.span)));
        }
        Ok(text)
    }

    fn parents(&self, model: &mut Model, child: &str, parents: Option<&Node>, vars: &Map<String, Value>) -> Result<()> {
        let Some(Kind::List(parents)) = parents.map(|parents| &parents.kind) else { return Ok(()) };
        for parent in parents {
            let Some(name) = parent.get("name") else {
                return Err(
                    Error::input(format!("a parent of `{child}` has no name")).at(self.source.excerpt(&parent.span))
                );
            };
            let group = self.text(name, vars)?;
            let index = model.group(&group);
            let owner: Arc<str> = format!("group {group}").into();
            if let Some(Kind::Map(fields)) = parent.get("vars").map(|vars| &vars.kind) {
                for (key, node) in fields {
                    self.variable(model, index, &owner, key, node, vars)?;
                }
            }
            let origin = Origin::new(owner, self.source, name.span.clone());
            model.add_child(index, child, &origin)?;
            self.parents(model, &group, parent.get("parents"), vars)?;
        }
        Ok(())
    }

    fn variable(
        &self,
        model: &mut Model,
        group: usize,
        owner: &Arc<str>,
        key: &Key,
        node: &Node,
        vars: &Map<String, Value>,
    ) -> Result<()> {
        let mut variable = Variable::of(owner, self.source, key, node);
        if let Value::String(text) = &variable.value {
            let rendered = self.templates.render(&Value::String(text.clone()), vars);
            let mut known = HashSet::new();
            vars.values().for_each(|value| leaves(value, &mut known));
            variable.value = untrusted(rendered.map_err(|error| variable.origin.at(error))?, &known);
        }
        model.set_group(group, Arc::clone(&key.name), variable)
    }
}
