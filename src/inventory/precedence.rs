//! Which variable counts: the order in which groups, hosts, files and the command line give them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::beside::{self, Beside};
use super::connection::{KNOWN, OTHERS};
use super::load::Loaded;
use super::model::{ALL, Model};
use super::{Host, Inventory, LOCALHOST, LoadOptions, Origin, Variable, Variables, Warnings};
use crate::error::{Result, closest};

/// Makes the inventory of what was read: reads what stands beside it, and orders what gives each host its variables.
pub fn assemble(loaded: Loaded, options: &LoadOptions) -> Result<Inventory> {
    let Loaded { mut model, mut files, folders } = loaded;
    let mut besides: Vec<Beside> = Vec::new();
    // One folder may be that of several inventories: what is in it counts where it comes first as well as last.
    let mut seen: HashMap<&Path, usize> = HashMap::new();
    let mut inventories: Vec<usize> = Vec::new();
    let playbook = options.playbook_folder.as_deref();
    for folder in folders.iter().map(std::path::PathBuf::as_path).chain(playbook) {
        let index = match seen.get(folder) {
            Some(index) => *index,
            None => {
                besides.push(beside::read(folder, &mut model, &options.vault, &mut files)?);
                seen.insert(folder, besides.len() - 1);
                besides.len() - 1
            }
        };
        inventories.push(index);
    }
    let play: Vec<usize> = if playbook.is_some() { inventories.pop().into_iter().collect() } else { Vec::new() };

    let mut order: Vec<usize> = (0..model.groups.len()).filter(|group| *group != ALL).collect();
    order.sort_by(|one, other| {
        let key = |index: &usize| model.groups.get(*index).map(|group| (group.depth, group.priority, &group.name));
        key(one).cmp(&key(other))
    });
    let mut ranks = vec![0; model.groups.len()];
    for (rank, group) in order.iter().enumerate() {
        if let Some(place) = ranks.get_mut(*group) {
            *place = rank;
        }
    }
    let rank = |group: &usize| ranks.get(*group).copied().unwrap_or(0);

    let inline: Vec<Arc<Variables>> = model.groups.iter().map(|group| Arc::clone(&group.vars)).collect();
    let file =
        |beside: &usize, group: &usize| besides.get(*beside).and_then(|beside| beside.groups.get(group)).cloned();
    let own = |beside: &usize, host: usize| besides.get(*beside).and_then(|beside| beside.hosts.get(&host)).cloned();
    let all_inline = inline.get(ALL).cloned();
    let all_files: Vec<_> = inventories.iter().chain(&play).filter_map(|beside| file(beside, &ALL)).collect();
    let extra = Arc::new(options.extra.variables());

    let mut hosts = Vec::with_capacity(model.hosts.len());
    for (index, entry) in model.hosts.iter_mut().enumerate() {
        let mut groups = std::mem::take(&mut entry.groups);
        groups.retain(|group| *group != ALL);
        groups.sort_by_key(rank);
        let mut layers: Vec<Arc<Variables>> = Vec::new();
        layers.extend(all_inline.clone());
        layers.extend(groups.iter().filter_map(|group| inline.get(*group)).cloned());
        layers.extend(all_files.iter().cloned());
        for beside in inventories.iter().chain(&play) {
            layers.extend(groups.iter().filter_map(|group| file(beside, group)));
        }
        layers.push(Arc::new(std::mem::take(&mut entry.vars)));
        layers.extend(inventories.iter().chain(&play).filter_map(|beside| own(beside, index)));
        layers.push(Arc::clone(&extra));
        layers.retain(|layer| !layer.is_empty());
        layers.shrink_to_fit();
        groups.insert(0, ALL);
        hosts.push(Host { name: entry.name.to_string(), layers, groups, file: entry.file.take() });
    }

    let mut all: Vec<Arc<Variables>> = all_inline.into_iter().collect();
    all.extend(all_files.iter().cloned());
    all.push(extra);
    for vars in model.groups.iter().map(|group| &group.vars).chain(hosts.iter().flat_map(|host| &host.layers)) {
        slips(vars, &mut model.warnings);
    }
    unusual(&mut model);
    let implicit = LOCALHOST.map(|name| implicit(name, &all)).to_vec();
    let (warnings, notes) = (std::mem::take(&mut model.warnings), std::mem::take(&mut model.notes));
    let surprises = std::mem::take(&mut model.surprises);
    let groups = std::mem::take(&mut model.groups);
    let (group_by_name, host_by_name) = model.into_names();
    let options = options.clone();
    Ok(Inventory {
        hosts,
        implicit,
        groups,
        host_by_name,
        group_by_name,
        all,
        beside: besides,
        options,
        files,
        warnings,
        notes,
        surprises,
    })
}

/// Notes groups of whose names Ansible warns: they can't be names of variables. Here that makes no difference.
fn unusual(model: &mut Model) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_usual = |name: &str| !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(plain);
    let names: Vec<&str> = model.groups.iter().map(|group| &*group.name).filter(|name| !is_usual(name)).collect();
    if let Some((first, others)) = names.split_first() {
        let more = if others.is_empty() { String::new() } else { format!(" and of {} others", others.len()) };
        let message = format!(
            "Ansible warns of the name of the group `{first}`{more}, which no variable could have; it counts here as it stands"
        );
        model.notes.add(message, "");
    }
}

/// This machine where no inventory names it: it has the variables of all hosts, and is reached without ssh.
fn implicit(name: &str, all: &[Arc<Variables>]) -> Host {
    let origin = Origin { owner: "this machine".into(), source: None, span: 0..0 };
    let mut own = Variables::default();
    own.set("ansible_connection".into(), Variable::made("local".into(), origin));
    let mut layers = all.to_vec();
    // What `-e` says counts here too.
    layers.insert(layers.len().saturating_sub(1), Arc::new(own));
    Host { name: name.to_owned(), layers, groups: Vec::new(), file: None }
}

/// Warns of names that nearly say how a host is reached.
fn slips(vars: &Variables, warnings: &mut Warnings) {
    for (name, variable) in vars.iter().filter(|(name, _)| name.starts_with("ansible_")) {
        if KNOWN.contains(&&**name) || OTHERS.contains(&&**name) {
            continue;
        }
        if let Some(meant) = closest(name, KNOWN.iter().copied()) {
            warnings.add(format!("`{name}` says nothing to Ansible; is `{meant}` meant?"), variable.origin.place());
        }
    }
}
