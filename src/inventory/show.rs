//! What `zkmig inventory` shows.

use serde_json::{Map, Value, json};

use super::{Inventory, is_secret};
use crate::error::{Error, Result};

impl Inventory {
    /// Groups, hosts and variables in the form of `ansible-inventory --list`.
    pub fn list_json(&self) -> Value {
        let mut list = Map::new();
        let vars: Map<String, Value> =
            self.hosts.iter().map(|host| (host.name.clone(), Value::Object(host.vars_json()))).collect();
        list.insert("_meta".to_owned(), json!({ "hostvars": vars }));
        let top: Vec<&str> = self.tops();
        for group in &self.groups {
            let mut fields = Map::new();
            let children: Vec<&str> =
                if group.name == "all" { top.clone() } else { group.children.iter().map(String::as_str).collect() };
            if !children.is_empty() {
                fields.insert("children".to_owned(), json!(children));
            }
            let hosts: Vec<&str> =
                group.hosts.iter().filter_map(|index| self.hosts.get(*index)).map(|host| host.name.as_str()).collect();
            if !hosts.is_empty() {
                fields.insert("hosts".to_owned(), json!(hosts));
            }
            list.insert(group.name.clone(), Value::Object(fields));
        }
        Value::Object(list)
    }

    /// The groups that no other group contains.
    fn tops(&self) -> Vec<&str> {
        let inner = |name: &str| {
            self.groups.iter().any(|group| group.name != "all" && group.children.iter().any(|child| child == name))
        };
        self.group_names().filter(|name| *name != "all" && !inner(name)).collect()
    }

    /// The groups and their hosts as a tree, in the form of `ansible-inventory --graph`.
    pub fn graph(&self) -> String {
        let mut text = String::from("@all:\n");
        for name in self.tops() {
            self.branch(name, 1, &mut text);
        }
        for index in self.group("all").map(|group| group.hosts.clone()).unwrap_or_default() {
            if let Some(host) = self.hosts.get(index) {
                text.push_str(&format!("  |--{}\n", host.name));
            }
        }
        text
    }

    fn branch(&self, name: &str, depth: usize, text: &mut String) {
        let indent = "  |".repeat(depth);
        text.push_str(&format!("{indent}--@{name}:\n"));
        let Some(group) = self.group(name) else { return };
        for child in &group.children {
            self.branch(child, depth + 1, text);
        }
        for host in group.hosts.iter().filter_map(|index| self.hosts.get(*index)) {
            text.push_str(&format!("{indent}  |--{}\n", host.name));
        }
    }

    /// Where a host's variable comes from, the value that counts first.
    pub fn explain(&self, host: &str, name: &str) -> Result<String> {
        let found = self.host(host).ok_or_else(|| {
            Error::input(format!("the inventory has no host `{host}`"))
                .did_you_mean(host, self.hosts.iter().map(|host| host.name.as_str()))
        })?;
        let layers: Vec<_> = found.layers.iter().rev().filter(|(known, _)| known == name).collect();
        if layers.is_empty() {
            let names = found.layers.iter().map(|(name, _)| name.as_str());
            return Err(Error::input(format!("nothing gives {host} a variable `{name}`")).did_you_mean(name, names));
        }
        let mut text = format!("{name} of {host}\n");
        for (index, (_, variable)) in layers.iter().enumerate() {
            let value = if is_secret(name) { "[redacted]".to_owned() } else { variable.value.to_string() };
            let verdict = if index == 0 { "counts" } else { "hidden" };
            let origin = &variable.origin;
            let place = if origin.source.is_some() { format!(", {}", origin.place()) } else { String::new() };
            text.push_str(&format!("  {verdict}  {value}  ({}{place})\n", origin.owner));
        }
        Ok(text)
    }
}
