//! Inventories: hosts, groups and variables, as ansible-core 2.19 reads the same files, and where every variable comes from.
//!
//! A variable's value is that of the last of these that gives one:
//!
//! 1. what inventories give `all`, then the other groups: by depth, then `ansible_group_priority`, then name;
//! 2. `group_vars/all` beside the inventories, then beside the playbook;
//! 3. `group_vars` of the other groups beside the inventories, one inventory after the other, then beside the playbook;
//! 4. what inventories give the host;
//! 5. `host_vars` beside the inventories, then beside the playbook;
//! 6. `-e`.
//!
//! Sources that Ansible only warns of and goes on without are errors here, as are values that can't be held.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

pub mod address;
mod becoming;
mod beside;
pub mod connection;
pub mod defaults;
pub mod document;
pub mod exact;
mod explain;
mod extra;
pub mod formats;
mod key_values;
mod load;
mod model;
mod pattern;
mod precedence;
mod python_json;
pub mod python_set;
pub mod range;
mod show;
mod source;
mod ssh_arguments;
mod templates;
mod variables;
pub mod vault;
mod warning;

use crate::error::{Error, Result};
pub use connection::Connection;
pub use extra::Extra;
pub use load::Ignored;
use model::{ALL, Group};
pub use pattern::Order;
pub use show::{Graph, Listing};
pub use source::{Source, is_secret};
pub use templates::{Later, Templates, is_template, is_unfinished};
pub use variables::{Origin, Variable, Variables};
use vault::Vault;
pub use warning::{Warning, Warnings};

/// What reading inventories needs beside their paths.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The variables of the command line.
    pub extra: Extra,
    /// The passwords of vaults.
    pub vault: Vault,
    /// The playbook's folder, where `group_vars` and `host_vars` may stand too.
    pub playbook_folder: Option<PathBuf>,
    /// What renders templates.
    pub templates: Option<Arc<dyn Templates>>,
    /// How hosts are reached whose variables don't say.
    pub defaults: defaults::Defaults,
    /// Whether templates may run programs of this machine.
    pub allow_pipe: bool,
    /// Which files of folders are no inventories.
    pub ignored: Ignored,
}

/// A host.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// All that gives its variables, the weakest first.
    layers: Vec<Arc<Variables>>,
    /// The groups that it belongs to, in the order in which their variables count.
    groups: Vec<usize>,
    /// The file that named it first.
    file: Option<Arc<PathBuf>>,
}

/// A scalar that a person would take for something else.
#[derive(Clone, Debug)]
pub struct Surprised {
    /// The place, as `file:line`.
    pub place: String,
    /// As it was written.
    pub written: Arc<str>,
    /// What it is.
    pub value: Value,
}

/// The hosts that a pattern selects.
#[derive(Debug)]
pub struct Selection<'a> {
    /// In the pattern's order.
    pub hosts: Vec<&'a Host>,
    /// What of it matches nothing.
    pub warnings: Warnings,
}

/// The names of this machine, as Ansible has them.
pub const LOCALHOST: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

/// All hosts and groups.
#[derive(Debug)]
pub struct Inventory {
    hosts: Vec<Host>,
    /// This machine by each of its names, where no inventory has it.
    implicit: Vec<Host>,
    groups: Vec<Group>,
    host_by_name: HashMap<Arc<str>, usize>,
    group_by_name: HashMap<Arc<str>, usize>,
    /// What gives the variables of all hosts, the weakest first.
    all: Vec<Arc<Variables>>,
    /// What stands beside the inventories and the playbook, in the order in which it counts.
    beside: Vec<beside::Beside>,
    options: LoadOptions,
    files: Vec<Source>,
    warnings: Warnings,
    notes: Warnings,
    surprises: Vec<Surprised>,
}

impl Host {
    /// Its variables, the last value of each, but for passwords. Templates and vaults are as they were written.
    pub fn vars_json(&self) -> Map<String, Value> {
        let mut vars = self.all_vars_json();
        vars.retain(|name, _| !source::is_of_connection(name));
        vars
    }

    /// The same with passwords.
    pub fn all_vars_json(&self) -> Map<String, Value> {
        let layers = self.layers.iter().flat_map(|layer| layer.iter());
        layers.map(|(name, variable)| (name.to_string(), variable.value.clone())).collect()
    }

    /// The variable that counts, of this name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.layers.iter().rev().find_map(|layer| layer.get(name))
    }

    /// The names of its variables.
    pub fn variable_names(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().flat_map(|layer| layer.iter()).map(|(name, _)| &**name)
    }

    /// The inventory that named it first, as an absolute path: Ansible's `inventory_file`.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref().map(PathBuf::as_path)
    }
}

/// The value of a YAML text, read as the files of inventories are.
pub fn yaml_value(text: &str) -> Result<serde_json::Value> {
    document::read(&Source::given("the text", text), &mut document::Notices::default()).map(|node| node.value())
}

impl Inventory {
    /// Reads inventories: files of every format, folders of them, programs, and lists of hosts such as `host1,host2,`.
    pub fn load(sources: &[PathBuf], options: &LoadOptions) -> Result<Self> {
        precedence::assemble(load::load(sources, options)?, options)
    }

    /// All hosts, in the order in which the inventories name them.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter()
    }

    /// The files that it was read from, those of `-e` too. A vault is there as it stands in its file.
    pub fn files(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().chain(self.options.extra.files())
    }

    /// The host of this name; `localhost` is there even where no inventory names it.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.host_at(self.host_index(name).or_else(|| self.localhost(name))?)
    }

    /// The hosts that a pattern selects, as Ansible selects and orders them. A pattern that leaves none is an error; a part
    /// of it that matches nothing is warned of.
    pub fn select(&self, pattern: &str) -> Result<Selection<'_>> {
        let mut warnings = Warnings::default();
        let chosen = pattern::select(self, pattern, &mut warnings)?;
        Ok(self.selection(chosen, warnings))
    }

    /// The same for `--limit`, where `@FILE` stands for the patterns in the lines of a file.
    pub fn limit(&self, pattern: &str) -> Result<Selection<'_>> {
        let mut warnings = Warnings::default();
        let chosen = pattern::limit(self, pattern, &mut warnings)?;
        Ok(self.selection(chosen, warnings))
    }

    fn selection(&self, chosen: Vec<usize>, warnings: Warnings) -> Selection<'_> {
        let hosts = chosen.into_iter().filter_map(|index| self.host_at(index)).collect();
        Selection { hosts, warnings }
    }

    fn host_at(&self, index: usize) -> Option<&Host> {
        self.hosts.get(index).or_else(|| self.implicit.get(index.checked_sub(self.hosts.len())?))
    }

    /// The host that a name of this machine stands for where no inventory has it: the one that the inventories have by
    /// another of its names, or one of its own, reached without ssh.
    fn localhost(&self, name: &str) -> Option<usize> {
        let place = LOCALHOST.iter().position(|known| *known == name)?;
        let known = self.hosts.iter().position(|host| LOCALHOST.contains(&host.name.as_str()));
        Some(known.unwrap_or(self.hosts.len() + place))
    }

    /// The names of all groups, in the order in which they were named; `all` and `ungrouped` first.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|group| &*group.name)
    }

    /// The hosts of a group and of the groups below it: its own, then those of its children, level by level.
    pub fn group_hosts(&self, name: &str) -> Option<Vec<&Host>> {
        let group = self.group_index(name)?;
        Some(model::hosts_below(&self.groups, group).into_iter().filter_map(|index| self.hosts.get(index)).collect())
    }

    /// The names of the groups of a host but `all`, sorted: Ansible's `group_names`.
    pub fn groups_of(&self, host: &Host) -> Vec<&str> {
        let groups = host.groups.iter().filter(|group| **group != ALL).filter_map(|group| self.groups.get(*group));
        let mut names: Vec<&str> = groups.map(|group| &*group.name).collect();
        names.sort_unstable();
        names
    }

    /// The variables of a playbook as a whole: those of `all`, then `-e`.
    pub fn playbook_vars(&self) -> Map<String, Value> {
        let layers = self.all.iter().flat_map(|layer| layer.iter());
        let mut vars: Map<String, Value> =
            layers.map(|(name, variable)| (name.to_string(), variable.value.clone())).collect();
        vars.retain(|name, _| !source::is_of_connection(name));
        vars
    }

    /// The names of the variables that `-e` gives.
    pub fn extra_names(&self) -> Vec<&str> {
        self.options.extra.iter().map(|(name, _)| &**name).collect()
    }

    /// Whether the inventory itself gives a variable of this name to anybody.
    pub fn names_variable(&self, name: &str) -> bool {
        let beside = self.beside.iter().flat_map(|beside| beside.groups.values().chain(beside.hosts.values()));
        self.groups.iter().any(|group| group.vars.get(name).is_some())
            || beside.into_iter().any(|vars| vars.get(name).is_some())
            || self.hosts.iter().any(|host| {
                let given = host.variable(name);
                given.is_some_and(|variable| &*variable.origin.owner != extra::EXTRA)
            })
    }

    /// What is taken as Ansible takes it, and was probably not meant.
    pub fn warnings(&self) -> &[Warning] {
        self.warnings.all()
    }

    /// What was passed over as Ansible passes it over.
    pub fn notes(&self) -> &[Warning] {
        self.notes.all()
    }

    /// Scalars that a person would take for something else: `no`, `0755`, `12:30`.
    pub fn surprises(&self) -> &[Surprised] {
        &self.surprises
    }

    /// The passwords that stand in inventories as plain texts. A template is none: what it gives is one, once it is rendered.
    pub fn passwords(&self) -> Vec<String> {
        let beside = self.beside.iter().flat_map(|beside| beside.groups.values().chain(beside.hosts.values()));
        let groups = self.groups.iter().map(|group| &group.vars).chain(beside);
        let layers = groups.chain(self.hosts.iter().flat_map(|host| &host.layers)).chain(&self.all);
        let given = layers.flat_map(|layer| layer.iter()).filter(|(name, _)| is_secret(name));
        let plain = given.filter(|(_, variable)| !is_template(&variable.value));
        let mut texts: Vec<String> = plain.filter_map(|(_, variable)| variable.text()).collect();
        texts.sort_unstable();
        texts.dedup();
        texts.retain(|text| !text.is_empty());
        texts
    }

    /// What it was read with.
    pub fn options(&self) -> &LoadOptions {
        &self.options
    }

    /// How a host is reached. Templates are rendered, vaults opened.
    pub fn connection(&self, host: &Host) -> Result<Connection> {
        connection::read(self, host)
    }

    fn host_index(&self, name: &str) -> Option<usize> {
        self.host_by_name.get(name).copied()
    }

    fn group_index(&self, name: &str) -> Option<usize> {
        self.group_by_name.get(name).copied()
    }
}

/// The error that no host has a name.
fn no_host(inventory: &Inventory, name: &str) -> Error {
    Error::input(format!("the inventory has no host `{name}`"))
        .did_you_mean(name, inventory.hosts.iter().map(|host| host.name.as_str()))
}

#[cfg(test)]
mod tests;
