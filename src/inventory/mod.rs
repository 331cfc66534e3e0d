//! Inventories: Ansible's YAML format, read strictly, with where every variable comes from.
//!
//! A variable's value is that of the last of these that gives one: the vars of `all`, then of the other groups, parents
//! before children and else in the file's order, then the host's own, then `-e`. At each of these places a `group_vars` or
//! `host_vars` file beside the inventory comes after what is written in the inventory itself.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::PathBuf;

use serde_json::{Map, Value};

pub mod connection;
mod load;
mod pattern;
pub mod range;
mod show;
mod vars;
pub mod vault;
pub mod yaml;

use crate::error::{Error, Result};
pub use connection::Connection;
pub use vars::Extra;
use yaml::Source;

/// Where a value was written.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Whose it is: `group masters`, `host m1`, `-e`.
    pub owner: String,
    /// The file, where there is one.
    pub source: Option<Source>,
    /// The place in the file.
    pub span: Range<usize>,
}

impl Origin {
    /// The place as `file:line`, or whose it is.
    pub fn place(&self) -> String {
        match &self.source {
            Some(source) => format!("{}:{}", source.path, source.line(&self.span)),
            None => self.owner.clone(),
        }
    }

    /// The error with the place, where there is one.
    pub fn at(&self, error: Error) -> Error {
        match &self.source {
            Some(source) => error.at(source.excerpt(&self.span)),
            None => error,
        }
    }
}

/// A variable's value and where it was written.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The value.
    pub value: Value,
    /// Where it was written.
    pub origin: Origin,
}

type Variables = Vec<(String, Variable)>;

/// A host.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub connection: Connection,
    /// All that gives its variables, the weakest first.
    layers: Variables,
}

#[derive(Clone, Debug, Default)]
struct Group {
    name: String,
    children: Vec<String>,
    hosts: Vec<usize>,
    vars: Variables,
}

/// All hosts and groups.
#[derive(Debug)]
pub struct Inventory {
    hosts: Vec<Host>,
    groups: Vec<Group>,
    by_name: HashMap<String, usize>,
    extra: Extra,
    files: Vec<Source>,
}

impl Host {
    /// Its variables, the last value of each.
    pub fn vars_json(&self) -> Map<String, Value> {
        self.layers
            .iter()
            .filter(|(name, _)| !is_secret(name))
            .map(|(name, variable)| (name.clone(), variable.value.clone()))
            .collect()
    }

    /// The variable that counts, of this name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.layers.iter().rev().find(|(known, _)| known == name).map(|(_, variable)| variable)
    }
}

/// Whether a variable's value must not be shown.
fn is_secret(name: &str) -> bool {
    name.ends_with("password") || name.ends_with("_pass")
}

impl Inventory {
    /// Reads inventories: files, or folders of them.
    pub fn load(paths: &[PathBuf], extra: &Extra) -> Result<Self> {
        load::load(paths, extra)
    }

    /// All hosts, in the files' order.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter()
    }

    /// The files that it was read from, those of `-e` too.
    pub fn files(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().chain(self.extra.files())
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.get(self.host_index(name)?)
    }

    /// The hosts that a pattern selects, in the files' order.
    pub fn select(&self, pattern: &str) -> Result<Vec<&Host>> {
        let chosen = pattern::select(self, pattern)?;
        Ok(chosen.into_iter().filter_map(|index| self.hosts.get(index)).collect())
    }

    /// Fails when a private key that a host names can't be read.
    pub fn check_keys(&self) -> Result<()> {
        self.hosts.iter().try_for_each(connection::check_key)
    }

    /// The variables of a playbook as a whole: those of `all`, then `-e`.
    pub fn playbook_vars(&self) -> Map<String, Value> {
        let all = self.group("all").into_iter().flat_map(|group| group.vars.iter());
        let all = all.map(|(name, variable)| (name.clone(), variable.value.clone()));
        all.chain(self.extra.iter().map(|(name, variable)| (name.clone(), variable.value.clone())))
            .filter(|(name, _)| !is_secret(name))
            .collect()
    }

    /// The names of the variables that `-e` gives.
    pub fn extra_names(&self) -> Vec<&str> {
        self.extra.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether the inventory itself gives a variable of this name to anybody.
    pub fn names_variable(&self, name: &str) -> bool {
        let has = |vars: &Variables| {
            vars.iter().any(|(known, variable)| known == name && variable.origin.owner != vars::EXTRA)
        };
        self.groups.iter().any(|group| has(&group.vars)) || self.hosts.iter().any(|host| has(&host.layers))
    }

    fn host_index(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|group| group.name.as_str())
    }

    /// The hosts of a group and of the groups below it, in the files' order.
    fn group_hosts(&self, name: &str) -> Option<Vec<usize>> {
        if name == "all" {
            return Some((0..self.hosts.len()).collect());
        }
        let mut found = std::collections::BTreeSet::new();
        let mut waiting = vec![self.group(name)?];
        // Groups have no circles: loading refuses them.
        while let Some(group) = waiting.pop() {
            found.extend(group.hosts.iter().copied());
            waiting.extend(group.children.iter().filter_map(|child| self.group(child)));
        }
        Some(found.into_iter().collect())
    }

    /// How deep each group is below `all`: a child is deeper than each of its parents.
    fn depths(&self) -> BTreeMap<&str, usize> {
        let mut depths: BTreeMap<&str, usize> =
            self.groups.iter().map(|group| (group.name.as_str(), usize::from(group.name != "all"))).collect();
        for _ in 0..self.groups.len() {
            for group in &self.groups {
                let depth = depths.get(group.name.as_str()).copied().unwrap_or(0);
                for child in &group.children {
                    if let Some(known) = depths.get_mut(child.as_str()) {
                        *known = (*known).max(depth + 1);
                    }
                }
            }
        }
        depths
    }
}

#[cfg(test)]
mod tests;
