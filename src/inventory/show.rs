//! What `zkmig inventory` shows, in the forms of ansible-inventory.

use std::collections::HashSet;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::model::ALL;
use super::{Host, Inventory};

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

/// A host's variables as they are listed: all but Ansible's own, by name.
fn listed(mut vars: Map<String, Value>) -> Map<String, Value> {
    vars.retain(|name, _| !INTERNAL.contains(&name.as_str()));
    vars.sort_keys();
    vars
}

impl Inventory {
    /// The variables of a host as they are listed.
    pub fn host_listing(&self, host: &Host) -> Map<String, Value> {
        listed(host.all_vars_json())
    }

    /// Writes groups, hosts and variables in the form of `ansible-inventory --list`, host by host: the whole may be large.
    pub fn write_list(&self, out: &mut dyn Write, what: Listing<'_>) -> io::Result<()> {
        let shown: Option<HashSet<&str>> =
            what.limit.map(|hosts| hosts.iter().map(|host| host.name.as_str()).collect());
        let is_shown = |host: &Host| shown.as_ref().is_none_or(|shown| shown.contains(host.name.as_str()));
        let pretty = |value: &Value, depth: usize| -> io::Result<String> {
            let text = serde_json::to_string_pretty(value)?;
            let indented = text.replace('\n', &format!("\n{}", "  ".repeat(depth)));
            Ok(crate::report::ndjson::json(&indented))
        };
        let key = |name: &str| -> io::Result<String> { Ok(crate::report::ndjson::json(&serde_json::to_string(name)?)) };
        write!(out, "{{\n  \"_meta\": {{\n    \"hostvars\": {{")?;
        let mut hosts: Vec<&Host> = self.hosts.iter().filter(|host| is_shown(host)).collect();
        hosts.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let mut first = true;
        for host in hosts {
            let vars = if what.export { listed(self.own_json(host)) } else { self.host_listing(host) };
            if vars.is_empty() {
                continue;
            }
            let comma = if first { "" } else { "," };
            write!(out, "{comma}\n      {}: {}", key(&host.name)?, pretty(&Value::Object(vars), 3)?)?;
            first = false;
        }
        let end = if first { "" } else { "\n    " };
        write!(out, "{end}}},\n    \"profile\": \"inventory_legacy\"\n  }}")?;
        let mut groups: Vec<usize> = (0..self.groups.len()).collect();
        groups.sort_unstable_by_key(|index| self.groups.get(*index).map(|group| &group.name));
        for index in groups {
            let Some(group) = self.groups.get(index) else { continue };
            let fields = self.group_fields(index, what.export, &is_shown);
            if !fields.is_empty() {
                write!(out, ",\n  {}: {}", key(&group.name)?, pretty(&Value::Object(fields), 1)?)?;
            }
        }
        out.write_all(b"\n}\n")
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
        if export {
            let mut vars: Map<String, Value> =
                group.vars.iter().map(|(name, variable)| (name.to_string(), variable.value.clone())).collect();
            for vars_file in self.beside.iter().filter_map(|beside| beside.groups.get(&index)) {
                vars.extend(vars_file.iter().map(|(name, variable)| (name.to_string(), variable.value.clone())));
            }
            if group.priority != 1 {
                vars.insert("ansible_group_priority".to_owned(), json!(group.priority));
            }
            let vars = listed(vars);
            if !vars.is_empty() {
                fields.insert("vars".to_owned(), Value::Object(vars));
            }
        }
        fields
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

    /// The groups and their hosts as a tree, in the form of `ansible-inventory --graph`; of the hosts only those of the
    /// limit.
    pub fn graph(&self, limit: Option<&[&Host]>) -> String {
        let shown: Option<HashSet<&str>> = limit.map(|hosts| hosts.iter().map(|host| host.name.as_str()).collect());
        let mut text = String::new();
        self.branch(ALL, 0, shown.as_ref(), &mut text);
        text
    }

    fn branch(&self, index: usize, depth: usize, shown: Option<&HashSet<&str>>, text: &mut String) {
        let Some(group) = self.groups.get(index) else { return };
        let line = |depth: usize, name: &str| match depth {
            0 => format!("{name}\n"),
            _ => format!("{}--{name}\n", "  |".repeat(depth)),
        };
        text.push_str(&line(depth, &format!("@{}:", group.name)));
        for child in &group.children {
            self.branch(*child, depth + 1, shown, text);
        }
        if index != ALL {
            for host in group.hosts.iter().filter_map(|host| self.hosts.get(*host)) {
                if shown.is_none_or(|shown| shown.contains(host.name.as_str())) {
                    text.push_str(&line(depth + 1, &host.name));
                }
            }
        }
    }
}
