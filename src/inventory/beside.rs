//! `group_vars` and `host_vars`: files of variables beside an inventory or a playbook.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::{self, Kind, Notices};
use super::model::Model;
use super::vault::Vault;
use super::{Source, Variable, Variables, formats};
use crate::error::{Error, Result};

/// The endings of files of variables, in the order in which they are looked for.
const ENDINGS: &[&str] = &["", ".yml", ".yaml", ".json"];

/// What stands beside one inventory or playbook.
#[derive(Debug, Default)]
pub struct Beside {
    /// By the group's index.
    pub groups: HashMap<usize, Arc<Variables>>,
    /// By the host's index.
    pub hosts: HashMap<usize, Arc<Variables>>,
}

/// Reads what stands in a folder's `group_vars` and `host_vars`. The texts that are read go to `files`.
pub fn read(folder: &Path, model: &mut Model, vault: &Vault, files: &mut Vec<Source>) -> Result<Beside> {
    let mut beside = Beside::default();
    if let Some(mut found) = Folder::open(&folder.join("group_vars"), model)? {
        for index in 0..model.groups.len() {
            let Some(name) = model.groups.get(index).map(|group| Arc::clone(&group.name)) else { continue };
            if let Some(vars) = found.variables(&name, &format!("group {name}"), model, vault, files)? {
                beside.groups.insert(index, Arc::new(vars));
            }
        }
        found.left(model, "group");
    }
    if let Some(mut found) = Folder::open(&folder.join("host_vars"), model)? {
        for index in 0..model.hosts.len() {
            let Some(name) = model.hosts.get(index).map(|host| Arc::clone(&host.name)) else { continue };
            if let Some(vars) = found.variables(&name, &format!("host {name}"), model, vault, files)? {
                beside.hosts.insert(index, Arc::new(vars));
            }
        }
        found.left(model, "host");
    }
    Ok(beside)
}

/// A `group_vars` or `host_vars` folder, and which of its entries were used.
struct Folder {
    path: PathBuf,
    entries: BTreeMap<String, bool>,
}

impl Folder {
    fn open(path: &Path, model: &mut Model) -> Result<Option<Self>> {
        let Ok(metadata) = std::fs::metadata(path) else { return Ok(None) };
        if !metadata.is_dir() {
            model.warnings.add(format!("{} is no folder: it is passed over", path.display()), "");
            return Ok(None);
        }
        let entries = list(path)?.into_iter().map(|name| (name, false)).collect();
        Ok(Some(Self { path: path.to_path_buf(), entries }))
    }

    /// What a group or host of this name gets here.
    fn variables(
        &mut self,
        name: &str,
        owner: &str,
        model: &mut Model,
        vault: &Vault,
        files: &mut Vec<Source>,
    ) -> Result<Option<Variables>> {
        // The name of a host may be a path, and is none then.
        if name.starts_with('/') || name.is_empty() {
            return Ok(None);
        }
        let is_there = |folder: &Self, entry: &str| {
            if entry.contains('/') { folder.path.join(entry).exists() } else { folder.entries.contains_key(entry) }
        };
        let mut chosen: Option<String> = None;
        for ending in ENDINGS {
            let entry = format!("{name}{ending}");
            if !is_there(self, &entry) || !self.path.join(&entry).exists() {
                continue;
            }
            if let Some(used) = self.entries.get_mut(&entry) {
                *used = true;
            }
            match &chosen {
                None => chosen = Some(entry),
                Some(first) => {
                    let (first, second) = (self.path.join(first), self.path.join(&entry));
                    let message = format!("{} is passed over, as {} is there too", second.display(), first.display());
                    model.warnings.add(message, "");
                }
            }
        }
        let Some(chosen) = chosen else { return Ok(None) };
        let path = self.path.join(chosen);
        let mut found = Vec::new();
        if path.is_dir() {
            inside(&path, model, &mut found, 0)?;
        } else {
            found.push(path);
        }
        let owner: Arc<str> = owner.into();
        let mut variables = Variables::default();
        for path in found {
            let file = Source::read(&path)?;
            files.push(file.clone());
            let source = file.opened(vault)?;
            let mut notices = Notices::default();
            let node = document::read(&source, &mut notices)?;
            formats::notice(model, &source, notices);
            let fields = match &node.kind {
                Kind::Map(fields) => fields,
                _ if node.is_empty() => continue,
                _ => {
                    return Err(Error::input(format!("variables have to be a mapping, and this is {}", node.what()))
                        .at(source.excerpt(&node.span)));
                }
            };
            for (key, node) in fields {
                if source.is_sealed() {
                    document::reveal(vault, node);
                }
                variables.set(Arc::clone(&key.name), Variable::of(&owner, &source, key, node));
            }
        }
        Ok(Some(variables))
    }

    /// Says which entries belong to nobody.
    fn left(&self, model: &mut Model, what: &str) {
        for (name, _) in self.entries.iter().filter(|(_, used)| !**used) {
            let message = format!("{} belongs to no {what} of the inventory", self.path.join(name).display());
            model.notes.add(message, "");
        }
    }
}

/// The files of variables in a folder of one group or host, and in the folders in it.
fn inside(folder: &Path, model: &mut Model, found: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
    if depth > 20 {
        return Err(Error::input(format!("the folder {} is nested too deeply", folder.display()))
            .hint("a link to a folder above it leads in a circle"));
    }
    for name in list(folder)? {
        let path = folder.join(&name);
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        // As Python sees a name's ending: from the last point that is not at the beginning.
        let begin = name.len() - name.trim_start_matches('.').len();
        let ending = name[begin..].rfind('.').map_or("", |at| &name[begin + at..]);
        if path.is_dir() && ending.is_empty() {
            inside(&path, model, found, depth + 1)?;
        } else if path.is_file() && ENDINGS.contains(&ending) {
            found.push(path);
        } else {
            model.notes.add(format!("{} is passed over, as Ansible does", path.display()), "");
        }
    }
    Ok(())
}

fn list(folder: &Path) -> Result<Vec<String>> {
    let failed =
        |error: std::io::Error| Error::input(format!("can't read the folder {}", folder.display())).caused_by(error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        names.push(
            name.into_string()
                .map_err(|name| Error::input(format!("the name of {} is not UTF-8", folder.join(name).display())))?,
        );
    }
    names.sort_unstable();
    Ok(names)
}
