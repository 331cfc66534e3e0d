//! Groups and hosts while inventories are read: what each source adds, in its order, and the rules that hold at the end.
//!
//! They are ansible-core's: a name is looked for among the groups before the hosts; a host belongs to the groups above its
//! groups; a host of no group belongs to `ungrouped`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::document::UNSAFE;
use super::warning::Warnings;
use super::{Origin, Surprised, Variable, Variables};
use crate::error::{Error, Result};
use crate::inventory::range::MOST;

/// A group while it is read, and after.
#[derive(Debug, Default)]
pub struct Group {
    /// Its name.
    pub name: Arc<str>,
    /// The groups below it, in the order in which they were added.
    pub children: Vec<usize>,
    /// The groups that it stands below.
    pub parents: Vec<usize>,
    /// The hosts that stand in it itself.
    pub hosts: Vec<usize>,
    /// How far it is below `all`.
    pub depth: usize,
    /// Which of groups of one depth wins: the higher.
    pub priority: i64,
    /// What the inventories themselves give it.
    pub vars: Arc<Variables>,
}

/// A host while it is read.
#[derive(Debug)]
pub struct Entry {
    /// Its name.
    pub name: Arc<str>,
    /// The groups that it belongs to, those above them too.
    pub groups: Vec<usize>,
    /// What the inventories themselves give it.
    pub vars: Variables,
    /// The source that named it first: a file, or nothing for a list of names.
    pub file: Option<Arc<PathBuf>>,
}

/// All that was read.
#[derive(Debug, Default)]
pub struct Model {
    /// The groups, in the order in which they were named.
    pub groups: Vec<Group>,
    /// The hosts, in the order in which they were named.
    pub hosts: Vec<Entry>,
    group_by_name: HashMap<Arc<str>, usize>,
    host_by_name: HashMap<Arc<str>, usize>,
    members: HashSet<(usize, usize)>,
    /// The file that is being read.
    pub current: Option<Arc<PathBuf>>,
    /// The folders of the files that have been read, in their order.
    pub folders: Vec<PathBuf>,
    /// It is TOML.
    pub is_toml: bool,
    /// Whether the first variable of all came from TOML.
    trusting: Option<bool>,
    /// What should be known.
    pub warnings: Warnings,
    /// What is said at `-v`.
    pub notes: Warnings,
    /// Scalars that surprise.
    pub surprises: Vec<Surprised>,
}

/// The group that is above all.
pub const ALL: usize = 0;
/// The group of the hosts that are in no other.
pub const UNGROUPED: usize = 1;

impl Model {
    /// The two groups that there always are.
    pub fn new() -> Self {
        let mut model = Self::default();
        model.group("all");
        model.group("ungrouped");
        // Two groups without anything can't fail to be one below the other.
        let _ = model.add_child_group(ALL, UNGROUPED);
        model
    }

    /// The group of a name, made where there is none.
    pub fn group(&mut self, name: &str) -> usize {
        if let Some(index) = self.group_by_name.get(name) {
            return *index;
        }
        let index = self.groups.len();
        let name: Arc<str> = name.into();
        self.groups.push(Group { name: Arc::clone(&name), priority: 1, ..Group::default() });
        self.group_by_name.insert(name, index);
        index
    }

    /// The group of a name.
    pub fn group_index(&self, name: &str) -> Option<usize> {
        self.group_by_name.get(name).copied()
    }

    /// The host of a name.
    pub fn host_index(&self, name: &str) -> Option<usize> {
        self.host_by_name.get(name).copied()
    }

    /// The name indexes, for what is made from this.
    pub fn into_names(self) -> (HashMap<Arc<str>, usize>, HashMap<Arc<str>, usize>) {
        (self.group_by_name, self.host_by_name)
    }

    /// Adds a host to a group. A port counts for a host that is new; the error says what is wrong with the name.
    pub fn host(&mut self, name: &str, group: Option<usize>, port: Option<u32>, origin: &Origin) -> Result<usize> {
        let index = match self.host_by_name.get(name) {
            Some(index) => *index,
            None => {
                if name.is_empty() {
                    return Err(origin.at(Error::input("a host has no name")));
                }
                if name.starts_with('-') || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
                    return Err(origin
                        .at(Error::input(format!("`{}` can't be the name of a host", name.escape_debug())))
                        .hint("names have no spaces and don't begin with `-`: a program would take it for an option"));
                }
                if self.hosts.len() >= MOST {
                    return Err(origin.at(Error::input(format!("the inventory has more than {MOST} hosts"))));
                }
                let index = self.hosts.len();
                let name: Arc<str> = name.into();
                let file = self.current.clone();
                self.hosts.push(Entry {
                    name: Arc::clone(&name),
                    groups: Vec::new(),
                    vars: Variables::default(),
                    file,
                });
                self.host_by_name.insert(name, index);
                if let Some(port) = port.filter(|port| *port > 0) {
                    let value = Value::from(port);
                    let variable = Variable::made(value, origin.clone());
                    self.host_variable(index, "ansible_port".into(), variable);
                }
                index
            }
        };
        if let Some(group) = group {
            self.add_host(group, index);
        }
        Ok(index)
    }

    fn host_variable(&mut self, host: usize, name: Arc<str>, variable: Variable) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.vars.set(name, variable);
        }
    }

    /// Puts a host into a group.
    fn add_host(&mut self, group: usize, host: usize) {
        if !self.members.insert((group, host)) {
            return;
        }
        if let Some(group) = self.groups.get_mut(group) {
            group.hosts.push(host);
        }
        let mut above = self.ancestors(group);
        above.push(group);
        if let Some(host) = self.hosts.get_mut(host) {
            for group in above {
                if !host.groups.contains(&group) {
                    host.groups.push(group);
                }
            }
        }
    }

    /// Marks which texts are templates as ansible-core 2.19 does: it decides once, by the format of the first variable, whether
    /// texts that say nothing about it are templates. TOML's do not; after TOML, though, `!unsafe` says nothing either.
    fn marked(&mut self, mut variable: Variable) -> Variable {
        let trusting = *self.trusting.get_or_insert(self.is_toml);
        if trusting && unmark(&mut variable.value) {
            if let Some(exact) = &mut variable.exact {
                unmark(Arc::make_mut(exact));
            }
            let message =
                "the text is a template although it is marked as none: ansible-core 2.19 forgets the mark after TOML";
            self.warnings.add(message, variable.origin.place());
        }
        variable
    }

    /// Whether texts of TOML are templates.
    pub fn renders_toml(&self) -> bool {
        self.trusting != Some(false)
    }

    /// Sets a variable of what has this name: a group, or else a host.
    pub fn set(&mut self, name: &str, key: Arc<str>, mut variable: Variable) -> Result<()> {
        if let Some(group) = self.group_index(name) {
            variable.origin.owner = format!("group {name}").into();
            return self.set_group(group, key, variable);
        }
        match self.host_index(name) {
            Some(host) => {
                let variable = self.marked(variable);
                self.host_variable(host, key, variable);
            }
            None => return Err(Error::defect(format!("nothing is named {name}"))),
        }
        Ok(())
    }

    /// Sets a variable of a group.
    pub fn set_group(&mut self, group: usize, key: Arc<str>, variable: Variable) -> Result<()> {
        let variable = self.marked(variable);
        let Some(group) = self.groups.get_mut(group) else { return Ok(()) };
        if &*key != "ansible_group_priority" {
            Arc::make_mut(&mut group.vars).set(key, variable);
            return Ok(());
        }
        let priority = match &variable.value {
            Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|number| number.trunc() as i64)),
            Value::Bool(value) => Some(i64::from(*value)),
            _ => variable.text().and_then(|text| text.trim().replace('_', "").parse().ok()),
        };
        group.priority = priority
            .ok_or_else(|| variable.origin.at(Error::input("ansible_group_priority has to be a whole number")))?;
        Ok(())
    }

    /// Puts a group, or else a host, below a group.
    pub fn add_child(&mut self, group: usize, child: &str, origin: &Origin) -> Result<()> {
        if let Some(child) = self.group_index(child) {
            if child == ALL && group != ALL {
                let message = format!(
                    "`all` can't be in the group `{}`: it holds every group, this one too",
                    self.name_of(group)
                );
                return Err(origin.at(Error::input(message)));
            }
            return self.add_child_group(group, child).map_err(|error| origin.at(error));
        }
        match self.host_index(child) {
            Some(host) => self.add_host(group, host),
            None => return Err(origin.at(Error::input(format!("`{child}` is no group and no host")))),
        }
        Ok(())
    }

    /// Puts a group below another.
    pub fn add_child_group(&mut self, parent: usize, child: usize) -> Result<()> {
        if parent == child {
            return Err(Error::input(format!("the group `{}` is its own child", self.name_of(parent))));
        }
        let (Some(above), Some(below)) = (self.groups.get(parent), self.groups.get(child)) else { return Ok(()) };
        if above.children.contains(&child) {
            return Ok(());
        }
        let depth = below.depth.max(above.depth + 1);
        let mut new = self.ancestors(parent);
        if new.contains(&child) {
            let message =
                format!("the groups `{}` and `{}` contain each other", self.name_of(parent), self.name_of(child));
            return Err(Error::input(message));
        }
        new.push(parent);
        let before = self.ancestors(child);
        new.retain(|group| !before.contains(group));
        if let Some(above) = self.groups.get_mut(parent) {
            above.children.push(child);
        }
        if let Some(below) = self.groups.get_mut(child) {
            below.parents.push(parent);
        }
        self.sink(child, depth);
        for host in self.hosts_of(child) {
            if let Some(host) = self.hosts.get_mut(host) {
                for group in &new {
                    if !host.groups.contains(group) {
                        host.groups.push(*group);
                    }
                }
            }
        }
        Ok(())
    }

    /// Puts a group at least this deep, and those below it deeper. There are no circles.
    fn sink(&mut self, group: usize, depth: usize) {
        let mut waiting = vec![(group, depth)];
        while let Some((index, depth)) = waiting.pop() {
            let Some(group) = self.groups.get_mut(index) else { continue };
            // The first one goes on even where its own depth stays: it may have been there before its children were.
            group.depth = group.depth.max(depth);
            let below = group.depth + 1;
            for child in group.children.clone() {
                if self.groups.get(child).is_some_and(|child| child.depth < below) {
                    waiting.push((child, below));
                }
            }
        }
    }

    fn name_of(&self, group: usize) -> &str {
        self.groups.get(group).map_or("", |group| &group.name)
    }

    /// All groups above one.
    fn ancestors(&self, group: usize) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let mut waiting = vec![group];
        while let Some(index) = waiting.pop() {
            for parent in self.groups.get(index).into_iter().flat_map(|group| &group.parents) {
                if !found.contains(parent) {
                    found.push(*parent);
                    waiting.push(*parent);
                }
            }
        }
        found
    }

    /// The hosts of a group and of the groups below it.
    pub fn hosts_of(&self, group: usize) -> Vec<usize> {
        hosts_below(&self.groups, group)
    }

    /// What holds once all sources are read: every group is below `all`, every host in a group.
    pub fn reconcile(&mut self) -> Result<()> {
        for index in 1..self.groups.len() {
            if self.groups.get(index).is_some_and(|group| group.parents.is_empty()) {
                self.add_child_group(ALL, index)?;
            }
        }
        for host in 0..self.hosts.len() {
            let Some(entry) = self.hosts.get(host) else { continue };
            let in_another = entry.groups.iter().any(|group| *group > UNGROUPED);
            if entry.groups.contains(&UNGROUPED) {
                if in_another {
                    self.remove_from_ungrouped(host);
                }
            } else if !in_another {
                // A name is a group's before it is a host's: the group is put there, and the host stays in none.
                match self.group_by_name.get(&entry.name).copied() {
                    Some(group) => self.add_child_group(UNGROUPED, group)?,
                    None => self.add_host(UNGROUPED, host),
                }
            }
        }
        for host in &self.hosts {
            if self.group_by_name.contains_key(&host.name) {
                let message = format!(
                    "`{}` is the name of a host and of a group; a variable set for it is the group's",
                    host.name
                );
                self.warnings.add(message, "");
            }
        }
        Ok(())
    }

    fn remove_from_ungrouped(&mut self, host: usize) {
        self.members.remove(&(UNGROUPED, host));
        if let Some(group) = self.groups.get_mut(UNGROUPED) {
            group.hosts.retain(|known| *known != host);
        }
        self.leave(host, UNGROUPED);
    }

    /// Takes a host out of a group, and out of the groups above it that no other of its groups is below of.
    fn leave(&mut self, host: usize, group: usize) {
        let Some(entry) = self.hosts.get_mut(host) else { return };
        let Some(place) = entry.groups.iter().position(|known| *known == group) else { return };
        entry.groups.remove(place);
        for above in self.ancestors(group) {
            let groups = self.hosts.get(host).map(|host| host.groups.clone()).unwrap_or_default();
            if above != ALL && !groups.iter().any(|group| self.ancestors(*group).contains(&above)) {
                self.leave(host, above);
            }
        }
    }
}

/// Takes the marks of texts that are no templates away, all of them; says whether there was one.
fn unmark(value: &mut Value) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().map(unmark).filter(|found| *found).count() > 0,
        Value::Object(fields) => {
            if fields.len() == 1
                && let Some(text) = fields.get_mut(UNSAFE).map(Value::take)
            {
                *value = text;
                return true;
            }
            fields.values_mut().map(unmark).filter(|found| *found).count() > 0
        }
        _ => false,
    }
}

/// The hosts of a group and of the groups below it, each once: the group's own first, then those of its children, then of
/// their children, level by level.
pub fn hosts_below(groups: &[Group], group: usize) -> Vec<usize> {
    let mut seen_groups = HashSet::from([group]);
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut waiting = VecDeque::from([group]);
    while let Some(group) = waiting.pop_front().and_then(|index| groups.get(index)) {
        found.extend(group.hosts.iter().copied().filter(|host| seen.insert(*host)));
        waiting.extend(group.children.iter().copied().filter(|child| seen_groups.insert(*child)));
    }
    found
}
