//! One host's variables during one rendering: each is rendered when it is used.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value as Json;

use super::engine::native;
use super::fault::{Fault, Place, Source};
use super::hostvars::{Host, Hosts};
use super::interp::Interp;
use super::json;
use super::lazy::Lazy;
use super::settings::Settings;
use super::syntax::Options;
use super::value::{Key, Value};
use super::vars::{MAGIC, Raw, World};
use crate::error::Excerpt;
use crate::inventory::{address, exact};

/// One host's variables during one rendering.
pub struct HostScope {
    this: std::rc::Weak<Self>,
    pub world: Arc<dyn World>,
    pub host: Arc<str>,
    given: Arc<serde_json::Map<String, Json>>,
    pub settings: Arc<Settings>,
    known: RefCell<HashMap<String, Option<Value>>>,
    others: Rc<RefCell<HashMap<String, Rc<Self>>>>,
    /// It is the host that is worked on, and not one that `hostvars` leads to.
    is_own: bool,
    pub depth: Rc<Cell<usize>>,
}

impl HostScope {
    pub fn new(
        world: Arc<dyn World>,
        host: &str,
        given: Arc<serde_json::Map<String, Json>>,
        settings: Arc<Settings>,
    ) -> Rc<Self> {
        let scope = Rc::new_cyclic(|this| Self {
            this: this.clone(),
            world,
            host: Arc::from(host),
            given,
            settings,
            known: RefCell::default(),
            others: Rc::default(),
            is_own: true,
            depth: Rc::default(),
        });
        scope.others.borrow_mut().insert(host.to_owned(), scope.clone());
        scope
    }

    /// Forgets the scopes of other hosts, which hold each other.
    pub fn close(&self) {
        let others = std::mem::take(&mut *self.others.borrow_mut());
        others.values().for_each(|scope| scope.known.borrow_mut().clear());
    }

    /// The variables of another host.
    pub fn other(&self, host: &str) -> Rc<Self> {
        if let Some(scope) = self.others.borrow().get(host) {
            return scope.clone();
        }
        let scope = Rc::new_cyclic(|this| Self {
            this: this.clone(),
            world: self.world.clone(),
            host: Arc::from(host),
            given: Arc::default(),
            settings: self.settings.clone(),
            known: RefCell::default(),
            others: self.others.clone(),
            is_own: false,
            depth: self.depth.clone(),
        });
        self.others.borrow_mut().insert(host.to_owned(), scope.clone());
        scope
    }

    /// A variable's value; what is in it is rendered when it is used.
    pub fn get(&self, name: &str) -> Option<Value> {
        if let Some(known) = self.known.borrow().get(name) {
            return known.clone();
        }
        let value = self.find(name);
        self.known.borrow_mut().insert(name.to_owned(), value.clone());
        value
    }

    /// The names of all variables.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.world.names(&self.host);
        names.extend(self.given.keys().cloned());
        names.extend(self.world.facts(&self.host).into_iter().flat_map(|facts| facts.keys().cloned()));
        names.extend(self.settings.magic.keys().cloned());
        names.extend(MAGIC.iter().filter(|name| !matches!(**name, "hostvars" | "vars")).map(|name| (*name).to_owned()));
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    fn find(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.given.get(name) {
            return Some(json::to_value(value));
        }
        if let Some(value) = self.magic(name) {
            return Some(value);
        }
        if let Some(value) = self.world.facts(&self.host).and_then(|facts| facts.get(name)) {
            return Some(json::to_value(value));
        }
        match self.world.variable(&self.host, name) {
            Some(raw) => Some(self.lazy(&format!("`{name}` of {}", self.host), &raw)),
            None => self.connected(name),
        }
    }

    /// What Ansible tells of the connection of the host that a task works on, where no variable says it.
    fn connected(&self, name: &str) -> Option<Value> {
        if !self.is_own {
            return None;
        }
        match (name, self.settings.connection.get(name)) {
            // The old names say the same as the new ones.
            ("ansible_ssh_host", Some(_)) => self.get("ansible_host"),
            ("ansible_ssh_port", _) if !self.settings.connection.is_empty() => self.get("ansible_port"),
            (_, value) => value.map(json::to_value),
        }
    }

    /// A variable as `hostvars` has it: without what is told of a task's own connection.
    pub fn get_bare(&self, name: &str) -> Option<Value> {
        let is_told = self.settings.connection.contains_key(name) || name == "ansible_ssh_port";
        if is_told && self.world.variable(&self.host, name).is_none() {
            return self.given.get(name).map(json::to_value);
        }
        self.get(name)
    }

    fn magic(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.settings.magic.get(name) {
            return Some(json::to_value(value));
        }
        if !self.world.is_inventory() {
            return None;
        }
        let this = self.this.upgrade()?;
        Some(match name {
            "inventory_hostname" => Value::str(&*self.host),
            "inventory_hostname_short" => Value::str(address::short(&self.host)),
            "group_names" => Value::texts(self.world.groups_of(&self.host)),
            "groups" => {
                let groups = self.world.groups().into_iter();
                Value::dict(groups.map(|(name, hosts)| (Key(Value::str(name)), Value::texts(hosts))).collect())
            }
            "hostvars" => Value::object(Hosts(this)),
            "vars" => Value::object(Host(this)),
            "inventory_file" => Value::str(whole(&self.world.file(&self.host)?)),
            "inventory_dir" => {
                let file = whole(&self.world.file(&self.host)?);
                Value::str(std::path::Path::new(&file).parent()?.display().to_string())
            }
            "playbook_dir" => Value::str(whole(&self.settings.playbook_dir.as_ref()?.display().to_string())),
            // The version that these templates are compared with.
            "ansible_version" => super::value::fields([
                ("string", Value::str("2.19.14")),
                ("full", Value::str("2.19.14")),
                ("major", Value::Int(2)),
                ("minor", Value::Int(19)),
                ("revision", Value::Int(14)),
            ]),
            // There are no tags here: each task runs.
            "ansible_run_tags" => Value::texts(["all"]),
            "ansible_skip_tags" => Value::list(Vec::new()),
            "ansible_facts" => {
                let facts = self.world.facts(&self.host).into_iter().flatten();
                let bare = |name: &str| Key(Value::str(name.strip_prefix("ansible_").unwrap_or(name)));
                Value::dict(facts.map(|(name, value)| (bare(name), json::to_value(value))).collect())
            }
            _ => return None,
        })
    }

    /// A value of the inventory: its templates are rendered when they are used.
    pub fn lazy(&self, what: &str, raw: &Raw) -> Value {
        let place = Rc::new(Written {
            what: what.to_owned(),
            place: raw.place.clone(),
            excerpt: raw.excerpt.clone(),
            sealed: raw.sealed,
        });
        self.of_json(raw.exact.as_deref().unwrap_or(&raw.value), &place)
    }

    fn of_json(&self, value: &Json, place: &Rc<Written>) -> Value {
        match value {
            Json::String(text) if Options::default().may_be_template(text) => {
                let (this, text, place) = (self.this.clone(), text.clone(), place.clone());
                Lazy::value(format!("the variable {}", place.what), move || match this.upgrade() {
                    Some(this) => this.render(&text, &place),
                    None => Value::Marker(Rc::new(*Fault::new("the rendering is over"))),
                })
            }
            Json::Array(items) => Value::list(items.iter().map(|item| self.of_json(item, place)).collect()),
            Json::Object(fields) => {
                if let Some(text) = json::tagged(fields, json::UNSAFE) {
                    return Value::str(text);
                }
                if let Some(text) = json::tagged(fields, json::VAULT) {
                    let (this, text, place) = (self.this.clone(), text.to_owned(), place.clone());
                    return Lazy::value(format!("the variable {}", place.what), move || match this.upgrade() {
                        Some(this) => this.decrypt(&text, &place),
                        None => Value::Marker(Rc::new(*Fault::new("the rendering is over"))),
                    });
                }
                if let Some(iso) = exact::as_time(fields) {
                    return super::time::held(iso);
                }
                if let Some(pairs) = exact::as_pairs(fields) {
                    // A key is no template.
                    let key = |key: &Json| match key {
                        Json::String(text) => Value::str(text).key(),
                        other => self.of_json(other, place).key(),
                    };
                    let pair = |(name, value)| Some((key(name).ok()?, self.of_json(value, place)));
                    return Value::dict(pairs.filter_map(pair).collect());
                }
                let fields = fields.iter().map(|(name, value)| (Key(Value::str(name)), self.of_json(value, place)));
                Value::dict(fields.collect())
            }
            other => json::to_value(other),
        }
    }

    fn decrypt(&self, text: &str, place: &Written) -> Value {
        match self.world.decrypt(text, &format!("{} ({})", place.what, place.place)) {
            Ok(text) => Value::str(text),
            Err(error) => {
                let mut fault = Fault::new(error.to_string());
                fault.hints.extend(error.parts().hints.iter().cloned());
                fault.places.push(place.variable());
                Value::Marker(Rc::new(*fault))
            }
        }
    }

    fn render(&self, text: &str, place: &Written) -> Value {
        let Some(this) = self.this.upgrade() else { return Value::None };
        let options = Options { raw_backslashes: true, ..Options::default() };
        let mut interp = Interp::new(options, self.settings.clone(), Some(this));
        interp.folder.clone_from(&self.settings.playbook_dir);
        interp.keeps_markers = true;
        let source =
            Source { path: format!("the value of {}", place.what), text: Arc::from(super::engine::normal(text)) };
        let rendered = native(&Rc::new(interp), source).map(|value| match value {
            // A template keeps as many line ends at its end as were written.
            Value::Str(out) => {
                let missing = trailing(text).saturating_sub(trailing(&out));
                if missing > 0 { Value::str(format!("{out}{}", "\n".repeat(missing))) } else { Value::Str(out) }
            }
            other => other,
        });
        let fault = match rendered {
            Ok(Value::Marker(fault)) => fault.again(),
            Ok(value) => {
                if place.sealed
                    && let Ok(value) = json::from_value(&value)
                {
                    self.world.reveal(&value);
                }
                return value;
            }
            Err(fault) => fault,
        };
        let mut fault = fault;
        fault.places.push(place.variable());
        Value::Marker(Rc::new(*fault))
    }
}

/// A path from the root, as Ansible hands its own over.
fn whole(path: &str) -> String {
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

/// How many line ends a text ends with.
pub fn trailing(text: &str) -> usize {
    text.len() - text.trim_end_matches('\n').len()
}

/// Whose a value is and where it was written.
struct Written {
    what: String,
    place: String,
    excerpt: Option<Excerpt>,
    sealed: bool,
}

impl Written {
    fn variable(&self) -> Place {
        let told = if self.place == self.what { self.what.clone() } else { format!("{} ({})", self.what, self.place) };
        Place::Variable { told, excerpt: self.excerpt.clone() }
    }
}
