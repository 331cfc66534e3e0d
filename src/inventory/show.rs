//! What `zkmig inventory` shows, in the forms of ansible-inventory.

use std::collections::HashSet;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::document::{UNSAFE, VAULT};
use super::model::{self, ALL};
use super::{Host, Inventory, formats, python_json};
use crate::error::{Error, Result};

/// Under which name a list has what is known of the hosts.
const META: &str = "_meta";

/// Variables that Ansible makes itself, and leaves out of its lists.
const INTERNAL: &[&str] = &[
    "ansible_async_path",
    "ansible_collection_name",
    "ansible_config_file",
    "ansible_dependent_role_names",
    "ansible_diff_mode",
    "ansible_facts",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_role_names",
    "ansible_playbook_python",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_run_tags",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "groups",
    "group_names",
    "hostvars",
    "playbook_dir",
    "play_hosts",
    "role_name",
    "role_names",
    "role_path",
    "role_uuid",
];

/// What a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listing<'a> {
    /// Only these hosts.
    pub limit: Option<&'a [&'a Host]>,
    /// The groups' variables beside the groups, and of the hosts only their own.
    pub export: bool,
}

/// What a tree shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Graph<'a> {
    /// The group that it begins with; all, unless it is said.
    pub group: Option<&'a str>,
    /// Only these hosts.
    pub limit: Option<&'a [&'a Host]>,
    /// With variables.
    pub vars: bool,
}

/// What a tree has had already.
#[derive(Default)]
struct Seen<'a> {
    groups: HashSet<usize>,
    hosts: HashSet<&'a str>,
}

/// A host's variables as they are listed: all but Ansible's own, by name.
fn listed(mut vars: Map<String, Value>) -> Map<String, Value> {
    vars.retain(|name, _| !INTERNAL.contains(&name.as_str()));
    vars.sort_keys();
    vars
}

impl Inventory {
    /// The variables of a host as they are listed; for an export only those that are given to the host itself.
    pub fn host_listing(&self, host: &Host, export: bool) -> Map<String, Value> {
        listed(if export { self.own_json(host) } else { host.all_vars_json() })
    }

    /// The JSON of a host's variables, in the form of `ansible-inventory --host`.
    pub fn host_text(&self, host: &Host, export: bool) -> String {
        python_json::text(&self.host_value(host, export), 0)
    }

    /// A host's variables without the marks of texts that are no templates.
    pub fn host_value(&self, host: &Host, export: bool) -> Value {
        let mut vars = Value::Object(self.host_listing(host, export));
        bare(&mut vars);
        vars
    }

    /// Writes groups, hosts and variables in the form of `ansible-inventory --list`, host by host: the whole may be large.
    pub fn write_list(&self, out: &mut dyn Write, what: Listing<'_>) -> io::Result<()> {
        let shown: Option<HashSet<&str>> =
            what.limit.map(|hosts| hosts.iter().map(|host| host.name.as_str()).collect());
        let is_shown = |host: &Host| shown.as_ref().is_none_or(|shown| shown.contains(host.name.as_str()));
        let mut groups: Vec<(&str, Option<usize>)> =
            self.groups.iter().enumerate().map(|(index, group)| (&*group.name, Some(index))).collect();
        // What is known of the hosts stands among the groups, by its name.
        groups.push((META, None));
        groups.sort_unstable();
        let mut before = "{";
        for (name, index) in groups {
            let Some(index) = index else {
                write!(out, "{before}{}{}: ", python_json::line(1), python_json::text(&META.into(), 0))?;
                self.write_hosts(out, what.export, &is_shown)?;
                before = ",";
                continue;
            };
            let fields = self.group_fields(index, what.export, &is_shown);
            if !fields.is_empty() {
                let (name, fields) = (python_json::text(&name.into(), 0), python_json::text(&Value::Object(fields), 1));
                write!(out, "{before}{}{name}: {fields}", python_json::line(1))?;
                before = ",";
            }
        }
        out.write_all(b"\n}\n")
    }

    /// Groups, hosts and variables as a tree, in the form of `ansible-inventory --list --yaml`: what is a second time somewhere is
    /// empty there.
    pub fn tree(&self, what: Listing<'_>) -> Value {
        let mut seen = Seen::default();
        Value::Object(self.subtree(ALL, what, &mut seen))
    }

    fn subtree<'s>(&'s self, index: usize, what: Listing<'_>, seen: &mut Seen<'s>) -> Map<String, Value> {
        let Some(group) = self.groups.get(index) else { return Map::new() };
        let (mut children, mut hosts) = (Map::new(), Map::new());
        for child in group.children.iter().filter(|child| **child != ALL) {
            if seen.groups.contains(child) {
                children.insert(
                    self.groups.get(*child).map_or_else(String::new, |child| child.name.to_string()),
                    json!({}),
                );
            } else {
                children.extend(self.subtree(*child, what, seen));
                seen.groups.insert(*child);
            }
        }
        let own = group.hosts.iter().filter(|_| index != ALL).filter_map(|host| self.hosts.get(*host));
        let is_shown = |host: &&Host| what.limit.is_none_or(|shown| shown.iter().any(|shown| shown.name == host.name));
        for host in own.filter(is_shown) {
            let vars = if seen.hosts.insert(&host.name) { self.host_listing(host, what.export) } else { Map::new() };
            let mut vars = Value::Object(vars);
            bare(&mut vars);
            hosts.insert(host.name.clone(), vars);
        }
        let mut vars = Value::Object(if what.export { self.group_listing(index) } else { Map::new() });
        bare(&mut vars);
        let fields = [("children", Value::Object(children)), ("hosts", Value::Object(hosts)), ("vars", vars)];
        let fields = fields.into_iter().filter(|(_, value)| value.as_object().is_some_and(|fields| !fields.is_empty()));
        let fields: Map<String, Value> = fields.map(|(name, value)| (name.to_owned(), value)).collect();
        let shown = Some(fields).filter(|fields| !fields.is_empty());
        shown.into_iter().map(|fields| (group.name.to_string(), Value::Object(fields))).collect()
    }

    fn write_hosts(&self, out: &mut dyn Write, export: bool, is_shown: &dyn Fn(&Host) -> bool) -> io::Result<()> {
        // A host of `ungrouped` where that is below another group is in no group: Ansible's lists do not have it.
        let all = model::hosts_below(&self.groups, ALL).into_iter().filter_map(|index| self.hosts.get(index));
        let mut hosts: Vec<&Host> = all.filter(|host| is_shown(host)).collect();
        hosts.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        write!(out, "{{{}\"hostvars\": {{", python_json::line(2))?;
        let mut before = "";
        for host in hosts {
            let vars = self.host_listing(host, export);
            if !vars.is_empty() {
                let (name, vars) =
                    (python_json::text(&host.name.as_str().into(), 0), python_json::text(&Value::Object(vars), 3));
                write!(out, "{before}{}{name}: {vars}", python_json::line(3))?;
                before = ",";
            }
        }
        let end = if before.is_empty() { String::new() } else { python_json::line(2) };
        write!(out, "{end}}},{}\"profile\": \"inventory_legacy\"{}}}", python_json::line(2), python_json::line(1))
    }

    fn group_fields(&self, index: usize, export: bool, is_shown: &dyn Fn(&Host) -> bool) -> Map<String, Value> {
        let mut fields = Map::new();
        let Some(group) = self.groups.get(index) else { return fields };
        let children = group.children.iter().filter_map(|child| self.groups.get(*child));
        let children: Vec<&str> = children.map(|child| &*child.name).collect();
        if !children.is_empty() {
            fields.insert("children".to_owned(), json!(children));
        }
        // `all` is everybody, and lists nobody.
        if index != ALL {
            let hosts = group.hosts.iter().filter_map(|host| self.hosts.get(*host)).filter(|host| is_shown(host));
            let hosts: Vec<&str> = hosts.map(|host| host.name.as_str()).collect();
            if !hosts.is_empty() {
                fields.insert("hosts".to_owned(), json!(hosts));
            }
        }
        let vars = if export { self.group_listing(index) } else { Map::new() };
        if !vars.is_empty() {
            fields.insert("vars".to_owned(), Value::Object(vars));
        }
        fields
    }

    /// What is given to a group itself.
    fn group_listing(&self, index: usize) -> Map<String, Value> {
        let Some(group) = self.groups.get(index) else { return Map::new() };
        let beside = self.beside.iter().filter_map(|beside| beside.groups.get(&index));
        let given = std::iter::once(&group.vars).chain(beside).flat_map(|vars| vars.iter());
        let mut vars: Map<String, Value> =
            given.map(|(name, variable)| (name.to_string(), variable.value.clone())).collect();
        if group.priority != 1 {
            vars.insert("ansible_group_priority".to_owned(), json!(group.priority));
        }
        listed(vars)
    }

    /// What is given to the host itself.
    fn own_json(&self, host: &Host) -> Map<String, Value> {
        let owner = format!("host {}", host.name);
        let layers = host.layers.iter().flat_map(|layer| layer.iter());
        let own = layers.filter(|(_, variable)| *variable.origin.owner == *owner);
        own.map(|(name, variable)| (name.to_string(), variable.value.clone())).collect()
    }

    /// Groups, hosts and variables in the form of `ansible-inventory --list`.
    pub fn list_json(&self) -> Value {
        let mut bytes = Vec::new();
        let written = self.write_list(&mut bytes, Listing::default());
        written.ok().and_then(|()| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// A group, the groups below it and their hosts as a tree, in the form of `ansible-inventory --graph`; of the hosts only
    /// those of the limit.
    pub fn graph(&self, what: &Graph<'_>) -> Result<String> {
        let top = what.group.unwrap_or("all");
        let index = self.group_index(top).ok_or_else(|| {
            Error::input(format!("the inventory has no group `{top}`")).did_you_mean(top, self.group_names())
        })?;
        let mut text = String::new();
        self.branch(index, 0, what, &mut text)?;
        Ok(text)
    }

    fn branch(&self, index: usize, depth: usize, what: &Graph<'_>, text: &mut String) -> Result<()> {
        let Some(group) = self.groups.get(index) else { return Ok(()) };
        let line = |depth: usize, name: &str| match depth {
            0 => format!("{name}\n"),
            _ => format!("{}--{name}\n", "  |".repeat(depth)),
        };
        let given = |depth: usize, vars: Map<String, Value>, text: &mut String| -> Result<()> {
            for (name, value) in if what.vars { vars } else { Map::new() } {
                text.push_str(&line(depth, &format!("{{{name} = {}}}", self.python_text(value)?)));
            }
            Ok(())
        };
        text.push_str(&line(depth, &format!("@{}:", group.name)));
        for child in &group.children {
            self.branch(*child, depth + 1, what, text)?;
        }
        if index != ALL {
            for host in group.hosts.iter().filter_map(|host| self.hosts.get(*host)) {
                if what.limit.is_none_or(|shown| shown.iter().any(|shown| shown.name == host.name)) {
                    text.push_str(&line(depth + 1, &host.name));
                    given(depth + 2, self.host_listing(host, false), text)?;
                }
            }
        }
        given(depth + 1, self.group_listing(index), text)
    }

    /// A value as Python prints it. Vaults stay closed.
    fn python_text(&self, mut value: Value) -> Result<String> {
        bare(&mut value);
        if !value.is_string() {
            unrendered(&mut value);
        }
        match (&value, &self.options.templates) {
            (Value::String(text), _) => Ok(text.clone()),
            (value, Some(templates)) => formats::constructed::text(&**templates, value),
            (value, None) => Ok(value.to_string()),
        }
    }
}

/// Marks the texts that could be templates: they are shown as they are written.
fn unrendered(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(unrendered),
        Value::Object(fields) if !fields.contains_key(VAULT) => fields.values_mut().for_each(unrendered),
        Value::String(text) if text.contains('{') => {
            *value = Value::Object(Map::from_iter([(UNSAFE.to_owned(), Value::String(std::mem::take(text)))]));
        }
        _ => {}
    }
}

/// Takes the marks of texts that are no templates away.
fn bare(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(bare),
        Value::Object(fields) => match fields.get_mut(UNSAFE).map(Value::take) {
            Some(text) if fields.len() == 1 => *value = text,
            Some(text) => {
                fields.insert(UNSAFE.to_owned(), text);
            }
            None => fields.values_mut().for_each(bare),
        },
        _ => {}
    }
}
