//! The inventory as templates see it, and templates as the inventory sees them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value as Json};

use super::vars::{HostVars, Raw, World};
use super::{Settings, engine, interp, json};
use crate::error::{Error, Result};
use crate::inventory::formats::constructed::leaves;
use crate::inventory::vault::Vault;
use crate::inventory::{Host, Inventory, Later, Source, Templates};

fn raw(host: &Host, name: &str) -> Option<Raw> {
    let variable = host.variable(name)?;
    let excerpt = variable.origin.source.as_ref().map(|source| source.excerpt(&variable.origin.span));
    let sealed = variable.origin.source.as_ref().is_some_and(Source::is_sealed);
    Some(Raw {
        value: variable.value.clone(),
        exact: variable.exact.clone(),
        place: variable.origin.place(),
        excerpt,
        sealed,
    })
}

fn names(host: &Host) -> Vec<String> {
    host.variable_names().map(str::to_owned).collect()
}

fn groups(inventory: &Inventory) -> Vec<(String, Vec<String>)> {
    let hosts = |name: &str| {
        let hosts = inventory.group_hosts(name).unwrap_or_default();
        hosts.into_iter().map(|host| host.name.clone()).collect()
    };
    inventory.group_names().map(|name| (name.to_owned(), hosts(name))).collect()
}

fn groups_of(inventory: &Inventory, host: &Host) -> Vec<String> {
    inventory.groups_of(host).into_iter().map(str::to_owned).collect()
}

fn file(host: &Host) -> Option<String> {
    host.file().map(|file| file.display().to_string())
}

impl World for Inventory {
    fn variable(&self, host: &str, name: &str) -> Option<Raw> {
        raw(self.host(host)?, name)
    }

    fn names(&self, host: &str) -> Vec<String> {
        self.host(host).map_or_else(Vec::new, names)
    }

    fn hosts(&self) -> Vec<String> {
        Self::hosts(self).map(|host| host.name.clone()).collect()
    }

    fn groups(&self) -> Vec<(String, Vec<String>)> {
        groups(self)
    }

    fn groups_of(&self, host: &str) -> Vec<String> {
        self.host(host).map_or_else(Vec::new, |host| groups_of(self, host))
    }

    fn file(&self, host: &str) -> Option<String> {
        file(self.host(host)?)
    }

    fn decrypt(&self, text: &str, origin: &str) -> Result<String> {
        self.options().vault.decrypt(text, origin)
    }

    fn reveal(&self, value: &Json) {
        self.options().vault.reveal_value(value);
    }
}

/// An inventory, and what its hosts have told of themselves.
pub struct Facts {
    inventory: Arc<Inventory>,
    of: HashMap<String, Map<String, Json>>,
}

impl Facts {
    /// With the facts of each host, by zkmig's names.
    pub fn new(inventory: Arc<Inventory>, facts: &std::collections::BTreeMap<String, Map<String, Json>>) -> Self {
        let of = facts.iter().map(|(host, facts)| (host.clone(), super::facts::named(facts))).collect();
        Self { inventory, of }
    }
}

impl World for Facts {
    fn variable(&self, host: &str, name: &str) -> Option<Raw> {
        World::variable(&*self.inventory, host, name)
    }

    fn names(&self, host: &str) -> Vec<String> {
        World::names(&*self.inventory, host)
    }

    fn hosts(&self) -> Vec<String> {
        World::hosts(&*self.inventory)
    }

    fn groups(&self) -> Vec<(String, Vec<String>)> {
        World::groups(&*self.inventory)
    }

    fn groups_of(&self, host: &str) -> Vec<String> {
        World::groups_of(&*self.inventory, host)
    }

    fn file(&self, host: &str) -> Option<String> {
        World::file(&*self.inventory, host)
    }

    fn decrypt(&self, text: &str, origin: &str) -> Result<String> {
        World::decrypt(&*self.inventory, text, origin)
    }

    fn reveal(&self, value: &Json) {
        World::reveal(&*self.inventory, value);
    }

    fn facts(&self, host: &str) -> Option<&Map<String, Json>> {
        self.of.get(host)
    }
}

/// An inventory's state, kept for as long as its templates are rendered.
struct Kept {
    hosts: HashMap<String, (Host, Vec<String>)>,
    order: Vec<String>,
    groups: Vec<(String, Vec<String>)>,
    vault: Vault,
}

impl Kept {
    fn new(inventory: &Inventory) -> Self {
        let hosts = inventory.hosts().map(|host| (host.name.clone(), (host.clone(), groups_of(inventory, host))));
        Self {
            hosts: hosts.collect(),
            order: inventory.hosts().map(|host| host.name.clone()).collect(),
            groups: groups(inventory),
            vault: inventory.options().vault.clone(),
        }
    }
}

impl World for Kept {
    fn variable(&self, host: &str, name: &str) -> Option<Raw> {
        raw(&self.hosts.get(host)?.0, name)
    }

    fn names(&self, host: &str) -> Vec<String> {
        self.hosts.get(host).map_or_else(Vec::new, |(host, _)| names(host))
    }

    fn hosts(&self) -> Vec<String> {
        self.order.clone()
    }

    fn groups(&self) -> Vec<(String, Vec<String>)> {
        self.groups.clone()
    }

    fn groups_of(&self, host: &str) -> Vec<String> {
        self.hosts.get(host).map_or_else(Vec::new, |(_, groups)| groups.clone())
    }

    fn file(&self, host: &str) -> Option<String> {
        file(&self.hosts.get(host)?.0)
    }

    fn decrypt(&self, text: &str, origin: &str) -> Result<String> {
        self.vault.decrypt(text, origin)
    }

    fn reveal(&self, value: &Json) {
        self.vault.reveal_value(value);
    }
}

/// Variables that are templates of each other, without an inventory.
struct Loose(Map<String, Json>);

impl World for Loose {
    fn is_inventory(&self) -> bool {
        false
    }

    fn variable(&self, _: &str, name: &str) -> Option<Raw> {
        let value = self.0.get(name)?.clone();
        Some(Raw { value, exact: None, place: format!("the variable {name}"), excerpt: None, sealed: false })
    }

    fn names(&self, _: &str) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn hosts(&self) -> Vec<String> {
        Vec::new()
    }

    fn groups(&self) -> Vec<(String, Vec<String>)> {
        Vec::new()
    }

    fn groups_of(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn file(&self, _: &str) -> Option<String> {
        None
    }

    fn decrypt(&self, _: &str, origin: &str) -> Result<String> {
        Err(Error::input(format!("{origin} is a vault's value, which is not opened here")))
    }
}

/// Renders what stands in inventories.
#[derive(Default)]
pub struct InInventory {
    /// The inventory that was asked about last: by where it is, and its host that comes first.
    kept: Mutex<Option<(usize, usize, Arc<Kept>)>>,
    settings: Arc<Settings>,
}

impl std::fmt::Debug for InInventory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InInventory")
    }
}

impl InInventory {
    /// With what holds for every template of the run.
    pub fn new(settings: Settings) -> Self {
        Self { kept: Mutex::default(), settings: Arc::new(settings) }
    }

    fn keep(&self, inventory: &Inventory) -> Arc<Kept> {
        let place = std::ptr::from_ref(inventory) as usize;
        let first = inventory.hosts().next().map_or(0, |host| std::ptr::from_ref(host) as usize);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((known, known_first, kept)) if (*known, *known_first) == (place, first) => Arc::clone(kept),
            _ => {
                let new = Arc::new(Kept::new(inventory));
                *kept = Some((place, first, Arc::clone(&new)));
                new
            }
        }
    }

    fn loose(&self, vars: &Map<String, Json>) -> HostVars {
        HostVars::new(Arc::new(Loose(vars.clone())), "", Arc::clone(&self.settings))
    }
}

impl Templates for InInventory {
    fn expression(&self, text: &str, vars: &Map<String, Json>) -> Result<Json> {
        let told = || format!("the expression `{text}` can't be evaluated");
        let scope = self.loose(vars);
        super::stack::with_room(|| {
            let open = scope.open();
            let options = super::Options::default();
            let mut interp = interp::Interp::new(options, Arc::clone(&self.settings), Some(open.scope()));
            interp.folder.clone_from(&self.settings.playbook_dir);
            let source = super::lower::source("an expression", &format!("{{{{ {text} }}}}"));
            let value = engine::native(&std::rc::Rc::new(interp), source).and_then(|value| json::exact_from(&value));
            value.map_err(|fault| fault.told(&told()))
        })
    }

    fn holds(&self, text: &str, vars: &Map<String, Json>) -> Result<bool> {
        let told = || Error::input(format!("the condition `{text}` has no answer"));
        let mut condition = Json::String(text.trim().to_owned());
        // A template may give the condition, but not be a part of it.
        if text.trim().starts_with("{{") && text.trim().ends_with("}}") {
            condition = self.render(&condition, vars)?;
            let mut written = std::collections::HashSet::new();
            vars.values().for_each(|value| leaves(value, &mut written));
            if condition.as_str().is_some_and(|text| !written.contains(text)) {
                return Err(told().caused_by("a text that was computed is no condition"));
            }
        }
        let answer = match &condition {
            Json::String(expression) if expression.trim().is_empty() => return Err(told().caused_by("it is empty")),
            Json::String(expression) => self.expression(expression.trim(), vars)?,
            other => other.clone(),
        };
        answer.as_bool().ok_or_else(|| told().caused_by(format!("it gives {answer}, which is neither true nor false")))
    }

    fn render(&self, value: &Json, vars: &Map<String, Json>) -> Result<Json> {
        let mut rendered = self.loose(vars).render_value(value, "this value");
        if let Err(error) = &mut rendered {
            error.parts_mut().host = None;
        }
        rendered
    }

    fn variable(&self, inventory: &Inventory, host: &Host, name: &str) -> Result<Option<Json>> {
        HostVars::new(self.keep(inventory), &host.name, Arc::clone(&self.settings)).get(name)
    }

    fn later(&self, inventory: &Inventory, host: &Host, name: &str) -> Later {
        let vars = HostVars::new(self.keep(inventory), &host.name, Arc::clone(&self.settings));
        let name = name.to_owned();
        Arc::new(move || vars.get(&name))
    }
}
