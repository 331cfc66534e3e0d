//! Reads inventory files into groups and hosts, and refuses everything that it does not understand.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::connection::{self, KNOWN};
use super::range::expand;
use super::vars::check_name;
use super::yaml::{Key, Kind, Node, Source, parse};
use super::{Connection, Extra, Group, Host, Inventory, Origin, Variable, Variables};
use crate::error::{Error, Result};

#[derive(Default)]
struct Loader {
    hosts: Vec<Host>,
    groups: Vec<Group>,
    by_name: HashMap<String, usize>,
    group_by_name: HashMap<String, usize>,
    /// The hosts' own variables, by host.
    host_vars: Vec<Variables>,
    /// Children that were named with nothing below them, and where.
    bare: Vec<(String, Source, Key)>,
    /// The groups that something was said about.
    defined: Vec<usize>,
    /// What was read.
    files: Vec<Source>,
}

/// Reads inventories.
pub fn load(paths: &[PathBuf], extra: &Extra) -> Result<Inventory> {
    let mut loader = Loader::default();
    loader.group("all");
    let mut files = Vec::new();
    for path in paths {
        files.extend(files_of(path)?);
    }
    for file in &files {
        let source = Source::read(file)?;
        loader.file(&source)?;
        loader.files.push(source);
    }
    let mut folders: Vec<PathBuf> = Vec::new();
    for file in &files {
        let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    for folder in &folders {
        loader.beside(folder)?;
    }
    loader.finish(extra)
}

/// The files of a path: itself, or those of the folder in the order of their names.
fn files_of(path: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| {
        Error::input(format!("can't read the inventory {}", path.display()))
            .caused_by(error)
            .hint("-i names a YAML file or a folder of them")
    };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if is_yaml(&file) && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Error::input(format!("the folder {} has no inventory", path.display()))
            .hint("inventories end with .yaml or .yml"));
    }
    Ok(files)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Whether a text can be a host's name or address: nothing in it means anything to ssh or a shell.
pub fn is_host_name(name: &str) -> bool {
    let good = |c: char| c.is_alphanumeric() || ".-_:%@".contains(c);
    let parts = || name.split('@').all(|part| !part.is_empty() && !part.starts_with(['-', '.', ':', '%']));
    name.len() <= 255 && name.chars().all(good) && parts()
}

impl Loader {
    fn group(&mut self, name: &str) -> usize {
        if let Some(index) = self.group_by_name.get(name) {
            return *index;
        }
        let index = self.groups.len();
        self.groups.push(Group { name: name.to_owned(), ..Group::default() });
        self.group_by_name.insert(name.to_owned(), index);
        index
    }

    fn file(&mut self, source: &Source) -> Result<()> {
        let node = parse(source)?;
        let Kind::Map(groups) = &node.kind else {
            return Err(Error::input(format!("an inventory is a mapping of groups, and this is {}", node.what()))
                .at(source.excerpt(&node.span))
                .hint("masters:\n          hosts:\n            10.10.0.193:"));
        };
        for (key, node) in groups {
            if matches!(key.name.as_str(), "hosts" | "vars" | "children") {
                return Err(Error::input(format!("`{}` stands at the top, where groups are named", key.name))
                    .at(source.excerpt(&key.span))
                    .hint(format!("put it below a group:\n          all:\n            {}:", key.name)));
            }
            self.read_group(source, key, node, 0)?;
        }
        Ok(())
    }

    fn read_group(&mut self, source: &Source, key: &Key, node: &Node, depth: usize) -> Result<usize> {
        if !is_host_name(&key.name) || key.name.contains([':', '%', '@']) {
            return Err(Error::input(format!("`{}` can't be the name of a group", key.name.escape_debug()))
                .at(source.excerpt(&key.span))
                .hint("letters, digits, `_`, `-` and `.`"));
        }
        let index = self.group(&key.name);
        let Kind::Map(fields) = &node.kind else {
            if node.is_null() && depth > 0 {
                self.bare.push((key.name.clone(), source.clone(), key.clone()));
                return Ok(index);
            }
            if node.is_null() {
                self.defined.push(index);
                return Ok(index);
            }
            return Err(Error::input(format!(
                "the group `{}` has to be a mapping, and this is {}",
                key.name,
                node.what()
            ))
            .at(source.excerpt(&node.span))
            .hint("a group has `hosts`, `children` and `vars`"));
        };
        self.defined.push(index);
        for (field, node) in fields {
            match field.name.as_str() {
                "hosts" => self.read_hosts(source, index, field, node)?,
                "children" => self.read_children(source, index, node, depth)?,
                "vars" => {
                    let vars = variables(source, &format!("group {}", key.name), node)?;
                    self.group_vars(index, vars);
                }
                other => {
                    return Err(Error::input(format!("a group has no key `{other}`"))
                        .at(source.excerpt(&field.span))
                        .did_you_mean(other, ["hosts", "children", "vars"])
                        .hint("a group has `hosts`, `children` and `vars`; a host stands below `hosts`, a variable below `vars`"));
                }
            }
        }
        Ok(index)
    }

    fn group_vars(&mut self, index: usize, vars: Variables) {
        if let Some(group) = self.groups.get_mut(index) {
            group.vars.extend(vars);
        }
    }

    fn read_children(&mut self, source: &Source, parent: usize, node: &Node, depth: usize) -> Result<()> {
        let Kind::Map(children) = &node.kind else {
            if node.is_null() {
                return Ok(());
            }
            return Err(Error::input(format!("`children` has to be a mapping of groups, and this is {}", node.what()))
                .at(source.excerpt(&node.span))
                .hint("end each group's name with a colon, without a dash before it"));
        };
        for (key, node) in children {
            if key.name == "all" {
                return Err(
                    Error::input("`all` can't be a child: it is above every group").at(source.excerpt(&key.span))
                );
            }
            if let Some(group) = self.groups.get_mut(parent)
                && !group.children.contains(&key.name)
            {
                group.children.push(key.name.clone());
            }
            if let Some(circle) = self.circle(&key.name) {
                return Err(Error::input(format!("groups contain each other: {}", circle.join(" → ")))
                    .at(source.excerpt(&key.span)));
            }
            self.read_group(source, key, node, depth + 1)?;
        }
        Ok(())
    }

    /// The way from a group back to itself, if there is one.
    fn circle(&self, start: &str) -> Option<Vec<String>> {
        let mut ways = vec![vec![start.to_owned()]];
        let mut seen = std::collections::HashSet::new();
        while let Some(way) = ways.pop() {
            let last =
                way.last().and_then(|name| self.group_by_name.get(name)).and_then(|index| self.groups.get(*index));
            for child in last.into_iter().flat_map(|group| &group.children) {
                let mut longer = way.clone();
                longer.push(child.clone());
                if child == start {
                    return Some(longer);
                }
                if seen.insert(child.clone()) {
                    ways.push(longer);
                }
            }
        }
        None
    }

    fn read_hosts(&mut self, source: &Source, group: usize, field: &Key, node: &Node) -> Result<()> {
        let Kind::Map(hosts) = &node.kind else {
            if node.is_null() {
                return Ok(());
            }
            return Err(Error::input(format!(
                "`{}` has to be a mapping of hosts, and this is {}",
                field.name,
                node.what()
            ))
            .at(source.excerpt(&node.span))
            .hint("end each host's name with a colon, without a dash before it"));
        };
        let mut here: HashMap<String, Key> = HashMap::new();
        for (key, node) in hosts {
            let names = expand(&key.name).map_err(|message| {
                Error::input(format!("the host `{}`: {message}", key.name)).at(source.excerpt(&key.span))
            })?;
            let vars = match &node.kind {
                Kind::Map(_) => variables(source, &format!("host {}", key.name), node)?,
                _ if node.is_null() => Vec::new(),
                _ => {
                    return Err(Error::input(format!(
                        "the host `{}` has to have a mapping of variables, and this is {}",
                        key.name,
                        node.what()
                    ))
                    .at(source.excerpt(&node.span)));
                }
            };
            for name in names {
                if !is_host_name(&name) {
                    return Err(Error::input(format!("`{}` can't be the name of a host", name.escape_debug()))
                        .at(source.excerpt(&key.span))
                        .hint("letters, digits, `.`, `-`, `_` and `:`, not beginning with `-`; ssh would take anything else for more than a name"));
                }
                if let Some(first) = here.get(&name) {
                    return Err(Error::input(format!("the host `{name}` stands twice in one group"))
                        .at(source.excerpt(&key.span).label(format!("first in line {}", source.line(&first.span)))));
                }
                here.insert(name.clone(), key.clone());
                let index = self.host(&name);
                if self.hosts.len() > super::range::MOST {
                    return Err(Error::input(format!("the inventory has more than {} hosts", super::range::MOST))
                        .at(source.excerpt(&key.span)));
                }
                if let Some(known) = self.host_vars.get_mut(index) {
                    known.extend(vars.iter().cloned());
                }
                if let Some(group) = self.groups.get_mut(group)
                    && !group.hosts.contains(&index)
                {
                    group.hosts.push(index);
                }
            }
        }
        Ok(())
    }

    fn host(&mut self, name: &str) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = self.hosts.len();
        self.hosts.push(Host { name: name.to_owned(), connection: Connection::to(name), layers: Vec::new() });
        self.host_vars.push(Vec::new());
        self.by_name.insert(name.to_owned(), index);
        index
    }

    fn vars_file(&mut self, path: &Path, owner: &str) -> Result<Variables> {
        let source = Source::read(path)?;
        let vars = variables(&source, owner, &parse(&source)?)?;
        self.files.push(source);
        Ok(vars)
    }

    /// Reads `group_vars` and `host_vars` beside the inventories.
    fn beside(&mut self, folder: &Path) -> Result<()> {
        for (file, name) in vars_files(&folder.join("group_vars"))? {
            if let Some(index) = self.group_by_name.get(&name).copied() {
                let vars = self.vars_file(&file, &format!("group {name}"))?;
                self.group_vars(index, vars);
            }
        }
        for (file, name) in vars_files(&folder.join("host_vars"))? {
            if let Some(index) = self.by_name.get(&name).copied() {
                let vars = self.vars_file(&file, &format!("host {name}"))?;
                if let Some(known) = self.host_vars.get_mut(index) {
                    known.extend(vars);
                }
            }
        }
        Ok(())
    }

    fn finish(self, extra: &Extra) -> Result<Inventory> {
        for (name, source, key) in &self.bare {
            let defined = self.group_by_name.get(name).is_some_and(|index| self.defined.contains(index));
            if !defined {
                let others = self.groups.iter().map(|group| group.name.as_str()).filter(|other| other != name);
                return Err(Error::input(format!("the group `{name}` has nothing in it anywhere"))
                    .at(source.excerpt(&key.span))
                    .did_you_mean(name, others)
                    .hint("give it hosts, or write `hosts: {}` if it is meant to be empty"));
            }
        }
        if let Some(host) = self.hosts.iter().find(|host| self.group_by_name.contains_key(&host.name)) {
            return Err(Error::input(format!("`{}` is the name of a host and of a group", host.name))
                .hint("a pattern could mean either: rename one"));
        }
        let mut inventory = Inventory {
            hosts: self.hosts,
            groups: self.groups,
            by_name: self.by_name,
            extra: extra.clone(),
            files: self.files,
        };
        let depths: BTreeMap<String, usize> =
            inventory.depths().into_iter().map(|(name, depth)| (name.to_owned(), depth)).collect();
        let mut order: Vec<usize> = (0..inventory.groups.len()).collect();
        order.sort_by_key(|index| inventory.groups.get(*index).and_then(|group| depths.get(&group.name)).copied());
        let mut layers: Vec<Variables> = vec![Vec::new(); inventory.hosts.len()];
        for index in order {
            let Some(group) = inventory.groups.get(index) else { continue };
            if group.vars.is_empty() {
                continue;
            }
            for host in inventory.group_hosts(&group.name).unwrap_or_default() {
                if let Some(layers) = layers.get_mut(host) {
                    layers.extend(group.vars.iter().cloned());
                }
            }
        }
        for ((host, mut layers), own) in inventory.hosts.iter_mut().zip(layers).zip(self.host_vars) {
            layers.extend(own);
            layers.extend(extra.iter().cloned());
            host.layers = layers;
            host.connection = connection::read(host)?;
        }
        Ok(inventory)
    }
}

/// The variables of a mapping, their names checked.
fn variables(source: &Source, owner: &str, node: &Node) -> Result<Variables> {
    let Kind::Map(fields) = &node.kind else {
        if node.is_null() {
            return Ok(Vec::new());
        }
        return Err(Error::input(format!("variables have to be a mapping, and this is {}", node.what()))
            .at(source.excerpt(&node.span)));
    };
    fields
        .iter()
        .map(|(key, value)| {
            let known = KNOWN.contains(&key.name.as_str());
            if !known && (key.name.starts_with("ansible_") || key.name.starts_with("zkmig_")) {
                return Err(Error::input(format!("zkmig does not know the variable `{}`", key.name))
                    .at(source.excerpt(&key.span))
                    .did_you_mean(&key.name, KNOWN.iter().copied())
                    .hint("names that begin with `ansible_` or `zkmig_` say how a host is reached; it would be ignored silently"));
            }
            check_name(&key.name).map_err(|error| error.at(source.excerpt(&key.span)))?;
            let origin = Origin { owner: owner.to_owned(), source: Some(source.clone()), span: key.span.clone() };
            Ok((key.name.clone(), Variable { value: value.value(), origin }))
        })
        .collect()
}

/// The files below a `group_vars` or `host_vars` folder and whom they are about: `NAME`, `NAME.yaml`, `NAME/*.yaml`.
fn vars_files(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    let failed = |error: std::io::Error| Error::input(format!("can't read {}", folder.display())).caused_by(error);
    if !folder.is_dir() {
        return Ok(found);
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()
        .map_err(failed)?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let mut inner: Vec<PathBuf> =
                std::fs::read_dir(&path).map_err(failed)?.flatten().map(|entry| entry.path()).collect();
            inner.sort();
            found.extend(inner.into_iter().filter(|file| is_yaml(file)).map(|file| (file, name.clone())));
        } else if is_yaml(&path) {
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            found.push((path, name));
        }
    }
    Ok(found)
}
