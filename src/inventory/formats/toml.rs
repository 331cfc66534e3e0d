//! Inventories in TOML.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use toml_edit::{Document, Item, TableLike, Value as Toml};

use super::super::document::scalar::{finite, whole};
use super::super::document::{Key, Kind, Node};
use super::super::model::Model;
use super::add_hosts;
use crate::error::{Error, Result};
use crate::inventory::templates::is_template;
use crate::inventory::{Origin, Source, Variable};

/// Adds what a file says.
pub fn read(model: &mut Model, source: &Source) -> Result<()> {
    let document = Document::parse(&*source.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        Error::input(format!("this is not TOML: {}", error.message())).at(source.excerpt(&span))
    })?;
    let reader = Reader { source, renders: model.renders_toml() };
    let groups = reader.table(document.as_table(), &(0..0))?;
    if groups.is_empty() {
        return Err(Error::input(format!("the inventory {} is empty", source.path)));
    }
    if let Some((key, node)) = groups.iter().find(|(key, _)| &*key.name == "plugin")
        && !node.is_empty()
    {
        return Err(Error::input("this is a plugin's configuration, which TOML can't be")
            .at(source.excerpt(&key.span))
            .hint("write it in YAML, in a file whose name ends with .yml"));
    }
    for (key, node) in &groups {
        reader.group(model, key, node)?;
    }
    Ok(())
}

struct Reader<'a> {
    source: &'a Source,
    /// Texts may be templates.
    renders: bool,
}

impl Reader<'_> {
    fn group(&self, model: &mut Model, key: &Key, node: &Node) -> Result<()> {
        let source = self.source;
        let Kind::Map(sections) = &node.kind else {
            let message = format!("`{}` is no group, as it is {}; it is skipped", key.name, node.what());
            model.warnings.at(source, &key.span, message);
            return Ok(());
        };
        let wrong = |section: &Key, node: &Node, wanted: &str| {
            let message = format!(
                "`{}` of the group `{}` has to be {wanted}, and this is {}",
                section.name,
                key.name,
                node.what()
            );
            Error::input(message).at(source.excerpt(&section.span))
        };
        if key.name.is_empty() {
            return Err(Error::input("a group has no name").at(source.excerpt(&key.span)));
        }
        let index = model.group(&key.name);
        let owner: Arc<str> = format!("group {}", key.name).into();
        for (section, node) in sections {
            match (&*section.name, &node.kind) {
                ("vars", Kind::Map(vars)) => {
                    for (key, node) in &self.marked(model, vars) {
                        let variable = Variable::of(&owner, source, key, node);
                        model.set_group(index, Arc::clone(&key.name), variable)?;
                    }
                }
                ("vars", _) => return Err(wrong(section, node, "a table")),
                ("children", Kind::List(children)) => {
                    for child in children {
                        let Kind::Scalar(Value::String(name)) = &child.kind else {
                            return Err(wrong(section, child, "a list of texts"));
                        };
                        model.group(name);
                        let origin = Origin::new(Arc::clone(&owner), source, child.span.clone());
                        model.add_child(index, name, &origin)?;
                    }
                }
                ("children", _) => return Err(wrong(section, node, "a list")),
                ("hosts", Kind::Map(hosts)) => {
                    for (key, node) in hosts {
                        let Kind::Map(vars) = &node.kind else {
                            return Err(wrong(key, node, "a table of variables, such as `{}`"));
                        };
                        let vars = self.marked(model, vars);
                        add_hosts(model, source, index, key, &vars)?;
                    }
                }
                ("hosts", _) => return Err(wrong(section, node, "a table of hosts")),
                (other, _) => {
                    let message = format!(
                        "`{other}` in the group `{}` is skipped: a group has `hosts`, `children` and `vars`",
                        key.name
                    );
                    model.warnings.at(source, &section.span, message);
                }
            }
        }
        Ok(())
    }

    /// Variables with their texts marked as no templates, where they are none: ansible-core 2.19 renders those of TOML only
    /// where TOML gave the first variable of all.
    fn marked(&self, model: &mut Model, vars: &[(Key, Node)]) -> Vec<(Key, Node)> {
        if self.renders {
            return vars.to_vec();
        }
        for (key, node) in vars.iter().filter(|(_, node)| is_template(&node.value())) {
            let message = format!(
                "`{}` is rendered by nobody: ansible-core 2.19 renders TOML's texts only where TOML comes first",
                key.name
            );
            model.warnings.at(self.source, &node.span, message);
        }
        vars.iter().map(|(key, node)| (key.clone(), node.clone().unsafe_texts())).collect()
    }

    fn table(&self, table: &dyn TableLike, around: &Range<usize>) -> Result<Vec<(Key, Node)>> {
        let mut fields = Vec::new();
        for (name, item) in table.iter() {
            let span = table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span()).unwrap_or(around.clone());
            let node = self.item(item, &span)?;
            fields.push((Key::text(name, span), node));
        }
        Ok(fields)
    }

    fn item(&self, item: &Item, around: &Range<usize>) -> Result<Node> {
        let span = item.span().unwrap_or(around.clone());
        let kind = match item {
            Item::None => Kind::Scalar(Value::Null),
            Item::Value(value) => return self.value(value, around),
            Item::Table(table) => Kind::Map(self.table(table, &span)?),
            Item::ArrayOfTables(tables) => {
                let tables = tables.iter().map(|table| {
                    Ok(Node { kind: Kind::Map(self.table(table, &span)?), span: span.clone(), written: None })
                });
                Kind::List(tables.collect::<Result<_>>()?)
            }
        };
        Ok(Node { kind, span, written: None })
    }

    fn value(&self, value: &Toml, around: &Range<usize>) -> Result<Node> {
        let span = value.span().unwrap_or(around.clone());
        let refused = |message: &str| Error::input(message).at(self.source.excerpt(&span));
        let kind = match value {
            Toml::String(text) => Kind::Scalar(Value::String(text.value().clone())),
            Toml::Integer(number) => Kind::Scalar(whole(i128::from(*number.value())).map_err(refused)?),
            Toml::Float(number) => Kind::Scalar(finite(*number.value()).map_err(refused)?),
            Toml::Boolean(value) => Kind::Scalar(Value::Bool(*value.value())),
            Toml::Datetime(time) => Kind::Scalar(Value::String(iso(time.value()))),
            Toml::Array(items) => Kind::List(items.iter().map(|item| self.value(item, &span)).collect::<Result<_>>()?),
            Toml::InlineTable(table) => Kind::Map(self.table(table, &span)?),
        };
        let scalar = matches!(&kind, Kind::Scalar(_)) && !value.is_str();
        let written = self.source.text.get(span.clone()).filter(|_| scalar).map(|text| text.trim().into());
        Ok(Node { kind, span, written })
    }
}

/// A time as Python writes it in ISO form.
fn iso(value: &toml_edit::Datetime) -> String {
    let mut shown = value.date.map(|date| date.to_string()).unwrap_or_default();
    if let Some(time) = value.time {
        if !shown.is_empty() {
            shown.push('T');
        }
        shown.push_str(&format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second.unwrap_or(0)));
        let micros = time.nanosecond.unwrap_or(0) / 1000;
        if micros > 0 {
            shown.push_str(&format!(".{micros:06}"));
        }
    }
    match value.offset {
        None => {}
        Some(toml_edit::Offset::Z) => shown.push_str("+00:00"),
        Some(toml_edit::Offset::Custom { minutes }) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            shown.push_str(&format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60));
        }
    }
    shown
}
