//! `constructed`: variables and groups made from the variables that hosts have so far.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use serde_json::{Map, Value, json};

use super::super::address;
use super::super::beside;
use super::super::document::{Kind, Node, UNSAFE};
use super::super::model::{ALL, Model};
use crate::error::{Error, Result};
use crate::inventory::{LoadOptions, Origin, Source, Templates, Variable, Variables, exact};

/// What a host has by itself: no template, whatever it looks like.
const NAMES: [&str; 5] =
    ["inventory_hostname", "inventory_hostname_short", "inventory_file", "inventory_dir", "group_names"];

/// A configuration.
pub struct Constructed<'a> {
    source: &'a Source,
    templates: &'a dyn Templates,
    options: &'a LoadOptions,
    node: &'a Node,
    strict: bool,
    extra: bool,
    leading_separator: bool,
    vars_files: bool,
}

/// A value as Python puts it into a text.
pub fn text(templates: &dyn Templates, value: &Value) -> Result<String> {
    if let Value::String(text) = value {
        return Ok(text.clone());
    }
    let vars = Map::from_iter([("value".to_owned(), value.clone())]);
    match templates.expression("value | string", &vars)? {
        Value::String(text) => Ok(text),
        other => Ok(other.to_string()),
    }
}

/// A name as Ansible makes it one of groups: everything but letters, digits and `_` is `_`, and a digit at the beginning.
fn safe(name: &str) -> String {
    let good = |(at, c): (usize, char)| match c {
        '_' => '_',
        c if c.is_alphanumeric() && !(at == 0 && c.is_numeric()) => c,
        _ => '_',
    };
    name.chars().enumerate().map(good).collect()
}

/// Whether Python takes a value for false.
fn is_false(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) => false,
    }
}

impl<'a> Constructed<'a> {
    /// Reads a configuration.
    pub fn parse(
        source: &'a Source,
        node: &'a Node,
        templates: &'a dyn Templates,
        options: &'a LoadOptions,
    ) -> Result<Self> {
        let flag = |name: &str, default: bool| match node.get(name).map(|node| (&node.kind, node)) {
            None => Ok(default),
            Some((Kind::Scalar(Value::Null), _)) => Ok(default),
            Some((Kind::Scalar(Value::Bool(value)), _)) => Ok(*value),
            Some((_, node)) => {
                match node.written.as_deref().or(node.value().as_str()).map(str::to_lowercase).as_deref() {
                    Some("y" | "yes" | "on" | "1" | "true" | "t" | "1.0") => Ok(true),
                    Some("n" | "no" | "off" | "0" | "false" | "f" | "0.0") => Ok(false),
                    _ => Err(Error::input(format!("`{name}` has to be true or false")).at(source.excerpt(&node.span))),
                }
            }
        };
        for (name, wanted) in
            [("compose", "a mapping"), ("groups", "a mapping"), ("keyed_groups", "a list of mappings")]
        {
            let nothing = |found: &&Node| matches!(found.kind, Kind::Scalar(Value::Null));
            let Some(found) = node.get(name).filter(|found| !nothing(found)) else { continue };
            let good = match &found.kind {
                Kind::Map(_) => name != "keyed_groups",
                Kind::List(items) => {
                    name == "keyed_groups" && items.iter().all(|item| matches!(item.kind, Kind::Map(_)))
                }
                Kind::Scalar(_) => false,
            };
            if !good {
                return Err(Error::input(format!("`{name}` has to be {wanted}")).at(source.excerpt(&found.span)));
            }
        }
        Ok(Self {
            source,
            templates,
            options,
            node,
            strict: flag("strict", false)?,
            extra: flag("use_extra_vars", false)?,
            leading_separator: flag("leading_separator", true)?,
            vars_files: flag("use_vars_plugins", false)?,
        })
    }

    /// Makes variables and groups for each host that there is.
    pub fn apply(&self, model: &mut Model) -> Result<()> {
        let mut besides = Vec::new();
        if self.vars_files {
            // Of a folder that was read from twice the later place counts.
            let folders = model.folders.clone();
            let last = folders.iter().enumerate().filter(|(at, folder)| !folders[at + 1..].contains(folder));
            for (_, folder) in last {
                besides.push(beside::read(folder, model, &self.options.vault, &mut Vec::new())?);
            }
        }
        for host in 0..model.hosts.len() {
            let vars = self.variables(model, host, &besides);
            self.compose(model, host, &vars)?;
            let vars = self.variables(model, host, &besides);
            self.groups(model, host, &vars)?;
            self.keyed_groups(model, host, &vars)?;
        }
        Ok(())
    }

    /// What a host has so far: its groups', its own, and its names.
    fn variables(&self, model: &Model, host: usize, besides: &[beside::Beside]) -> Map<String, Value> {
        let mut vars = Map::new();
        let Some(entry) = model.hosts.get(host) else { return vars };
        let mut add = |given: &Variables| {
            vars.extend(given.iter().map(|(name, variable)| (name.to_string(), variable.full().clone())));
        };
        let mut groups: Vec<_> =
            entry.groups.iter().filter_map(|group| Some((*group, model.groups.get(*group)?))).collect();
        groups.sort_by_key(|(_, group)| (group.depth, group.priority, group.name.clone()));
        groups.iter().for_each(|(_, group)| add(&group.vars));
        // Files count in the order in which the host came to the groups.
        for found in besides.iter().flat_map(|beside| entry.groups.iter().filter_map(|at| beside.groups.get(at))) {
            add(found);
        }
        add(&entry.vars);
        besides.iter().filter_map(|beside| beside.hosts.get(&host)).for_each(|found| add(found));
        let mut names: Vec<&str> = entry
            .groups
            .iter()
            .filter(|group| **group != ALL)
            .filter_map(|group| model.groups.get(*group))
            .map(|group| &*group.name)
            .collect();
        names.sort_unstable();
        vars.insert("group_names".to_owned(), json!(names));
        vars.insert("inventory_hostname".to_owned(), json!(&*entry.name));
        vars.insert("inventory_hostname_short".to_owned(), json!(address::short(&entry.name)));
        if let Some(file) = &entry.file {
            vars.insert("inventory_file".to_owned(), json!(file.display().to_string()));
            vars.insert("inventory_dir".to_owned(), json!(file.parent().map(|folder| folder.display().to_string())));
        }
        vars
    }

    /// What expressions see of a host's variables: `-e` before them, where that is asked for.
    fn seen<'v>(&self, vars: &'v Map<String, Value>) -> Cow<'v, Map<String, Value>> {
        if !self.extra {
            return Cow::Borrowed(vars);
        }
        let mut seen = vars.clone();
        seen.extend(self.options.extra.iter().map(|(name, variable)| (name.to_string(), variable.full().clone())));
        Cow::Owned(seen)
    }

    fn value(&self, expression: &Node, vars: &Map<String, Value>) -> Result<Value> {
        let Kind::Scalar(Value::String(text)) = &expression.kind else {
            return Err(Error::input("an expression has to be a text").at(self.source.excerpt(&expression.span)));
        };
        self.templates
            .expression(text, &self.seen(vars))
            .map_err(|error| error.at(self.source.excerpt(&expression.span)))
    }

    /// Nothing where a host does not have what an expression needs, unless the configuration is strict.
    fn lenient<T>(&self, result: Result<T>, host: &str) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.strict => Err(error.on_host(host)),
            Err(_) => Ok(None),
        }
    }

    fn origin(&self, what: String, span: &Range<usize>) -> Origin {
        Origin::new(what, self.source, span.clone())
    }

    fn compose(&self, model: &mut Model, host: usize, vars: &Map<String, Value>) -> Result<()> {
        let Some(Kind::Map(composed)) = self.node.get("compose").map(|node| &node.kind) else { return Ok(()) };
        let Some(name) = model.hosts.get(host).map(|host| host.name.clone()) else { return Ok(()) };
        let mut texts = HashSet::new();
        let written = vars.iter().filter(|(name, _)| !NAMES.contains(&name.as_str()));
        written.for_each(|(_, value)| leaves(value, &mut texts));
        for (key, expression) in composed {
            if let Some(value) = self.lenient(self.value(expression, vars), &name)? {
                let origin = self.origin(format!("host {name}"), &key.span);
                let variable = Variable::made(untrusted(value, &texts), origin);
                model.set(&name, key.name.clone(), variable)?;
            }
        }
        Ok(())
    }

    fn groups(&self, model: &mut Model, host: usize, vars: &Map<String, Value>) -> Result<()> {
        let Some(Kind::Map(groups)) = self.node.get("groups").map(|node| &node.kind) else { return Ok(()) };
        let Some(name) = model.hosts.get(host).map(|host| host.name.clone()) else { return Ok(()) };
        for (key, condition) in groups {
            let holds = match &condition.kind {
                Kind::Scalar(Value::String(text)) => self.templates.holds(text, vars),
                Kind::Scalar(Value::Bool(value)) => Ok(*value),
                _ => Err(Error::input("a condition has to be a text")),
            };
            let holds = holds.map_err(|error| error.at(self.source.excerpt(&condition.span)));
            if self.lenient(holds, &name)? == Some(true) {
                let group = safe(key.spelling());
                let index = model.group(&group);
                model.add_child(index, &name, &self.origin(format!("group {group}"), &key.span))?;
            }
        }
        Ok(())
    }

    fn keyed_groups(&self, model: &mut Model, host: usize, vars: &Map<String, Value>) -> Result<()> {
        let Some(Kind::List(keyed)) = self.node.get("keyed_groups").map(|node| &node.kind) else { return Ok(()) };
        let Some(name) = model.hosts.get(host).map(|host| host.name.clone()) else { return Ok(()) };
        for entry in keyed {
            self.keyed_group(model, entry, &name, vars)?;
        }
        Ok(())
    }

    fn keyed_group(&self, model: &mut Model, entry: &Node, host: &str, vars: &Map<String, Value>) -> Result<()> {
        let wrong = |message: &str| Error::input(message).at(self.source.excerpt(&entry.span)).on_host(host);
        let Some(key) = entry.get("key") else { return Err(wrong("an entry of `keyed_groups` has no `key`")) };
        let Some(value) = self.lenient(self.value(key, vars), host)? else { return Ok(()) };
        if value.as_object().is_some_and(|fields| exact::as_time(fields).is_some()) {
            return Err(wrong("the name of a group has to be a text, a list of them or a mapping, and this is a time"));
        }
        let given = |field: &str| entry.get(field).map(Node::value).filter(|value| !value.is_null());
        let text =
            |value: &Value| text(self.templates, value).map_err(|error| error.at(self.source.excerpt(&entry.span)));
        let default = given("default_value").map(|value| text(&value)).transpose()?;
        let trailing = given("trailing_separator");
        if default.is_some() && trailing.is_some() {
            return Err(wrong("`default_value` and `trailing_separator` exclude each other"));
        }
        let is_empty = |value: &Value| value.is_null() || value == "";
        let or_default = |value: &Value| match &default {
            Some(default) if is_empty(value) => Ok(default.clone()),
            _ => text(value),
        };
        if is_false(&value) && !(is_empty(&value) && default.is_some()) {
            let nothing = matches!(&value, Value::Array(_) | Value::Object(_));
            return if self.strict && !nothing { Err(wrong("the key has no value")) } else { Ok(()) };
        }
        // A null is the text `None` there.
        let written = |field: &str| entry.get(field).map(|node| text(&node.value())).transpose();
        let prefix = written("prefix")?.unwrap_or_default();
        let mut separator = written("separator")?.unwrap_or_else(|| "_".to_owned());
        let parent = match given("parent_group").map(|parent| self.templates.render(&parent, &self.seen(vars))) {
            None => None,
            Some(parent) => match self.lenient(parent, host)? {
                Some(parent) if is_false(&parent) => None,
                Some(parent) => Some(text(&parent)?),
                None => return Ok(()),
            },
        };
        let names: Vec<String> = match &value {
            value if is_empty(value) => vec![or_default(value)?],
            Value::String(name) => vec![name.clone()],
            Value::Array(items) => items.iter().map(or_default).collect::<Result<_>>()?,
            Value::Object(fields) if !fields.contains_key(UNSAFE) => named(fields, text)?
                .iter()
                .map(|(name, value)| match (is_empty(value), &default, &trailing) {
                    (true, Some(default), _) => Ok(format!("{name}{separator}{default}")),
                    (true, None, Some(Value::Bool(false))) => Ok(name.clone()),
                    _ => Ok(format!("{name}{separator}{}", text(value)?)),
                })
                .collect::<Result<_>>()?,
            Value::Object(_) => vec![text(&value)?],
            _ => return Err(wrong("the name of a group has to be a text, a list of them or a mapping")),
        };
        if prefix.is_empty() && !self.leading_separator {
            separator.clear();
        }
        for bare in names {
            let group = safe(&format!("{prefix}{separator}{bare}"));
            if group.is_empty() {
                return Err(wrong("the name of a group is empty"));
            }
            let index = model.group(&group);
            let origin = self.origin(format!("group {group}"), &entry.span);
            model.host(host, Some(index), None, &origin)?;
            if let Some(parent) = &parent {
                let parent = model.group(&safe(parent));
                model.add_child(parent, &group, &origin)?;
            }
        }
        Ok(())
    }
}

/// The pairs of a mapping, their keys as texts.
fn named(fields: &Map<String, Value>, text: impl Fn(&Value) -> Result<String>) -> Result<Vec<(String, &Value)>> {
    match exact::as_pairs(fields) {
        Some(pairs) => pairs.map(|(key, value)| Ok((text(key)?, value))).collect(),
        None => Ok(fields.iter().map(|(name, value)| (name.clone(), value)).collect()),
    }
}

/// The texts in a value that may be templates.
pub fn leaves<'a>(value: &'a Value, texts: &mut HashSet<&'a str>) {
    match value {
        Value::String(text) => {
            texts.insert(text);
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, texts)),
        Value::Object(fields) if !fields.contains_key(UNSAFE) => {
            fields.values().for_each(|value| leaves(value, texts));
        }
        _ => {}
    }
}

/// What was computed is no template, whatever it looks like; what was only passed on stays one.
pub fn untrusted(value: Value, known: &HashSet<&str>) -> Value {
    match value {
        Value::String(text) if !known.contains(text.as_str()) => json!({ UNSAFE: text }),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| untrusted(item, known)).collect()),
        Value::Object(fields) if !fields.contains_key(UNSAFE) && exact::as_time(&fields).is_none() => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, untrusted(value, known))).collect())
        }
        other => other,
    }
}
