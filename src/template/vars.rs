//! A host's variables as templates see them: rendered when they are used, with Ansible's magic variables beside them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value as Json;

use super::engine::native;
use super::fault::{Fault, Place, R, Source};
use super::interp::Interp;
use super::json;
use super::lazy::Lazy;
use super::object::{Call, Function, Object};
use super::settings::Settings;
use super::syntax::Options;
use super::value::{Key, Map, Value};
use crate::error::{Error, Excerpt, Result};
use crate::inventory::{address, exact};

/// A variable as the inventory has it, unrendered.
#[derive(Clone, Debug)]
pub struct Raw {
    /// Its value; a text in it may be a template.
    pub value: Json,
    /// The same with Python's types, where JSON does not have them.
    pub exact: Option<Arc<Json>>,
    /// Where it was written, as `group_vars/all.yml:3`.
    pub place: String,
    /// The same as a place to show.
    pub excerpt: Option<Excerpt>,
    /// It stands in a file that is a vault: what it gives is a secret.
    pub sealed: bool,
}

/// What templates can know of an inventory.
pub trait World: Send + Sync {
    /// Whether it is an inventory, whose hosts have magic variables.
    fn is_inventory(&self) -> bool {
        true
    }
    /// The variable of a host that counts.
    fn variable(&self, host: &str, name: &str) -> Option<Raw>;
    /// The names of a host's variables.
    fn names(&self, host: &str) -> Vec<String>;
    /// All hosts, in the inventory's order.
    fn hosts(&self) -> Vec<String>;
    /// All groups with their hosts, `all` and `ungrouped` among them.
    fn groups(&self) -> Vec<(String, Vec<String>)>;
    /// The groups that a host is in, sorted, without `all`.
    fn groups_of(&self, host: &str) -> Vec<String>;
    /// The inventory file that a host is from.
    fn file(&self, host: &str) -> Option<String>;
    /// What is behind a vault's text; `origin` says whose it is.
    fn decrypt(&self, text: &str, origin: &str) -> Result<String>;
    /// Has a value treated as a secret.
    fn reveal(&self, _value: &Json) {}
    /// What is known from the host itself, never rendered; it wins over the inventory, as in Ansible.
    fn facts(&self, _host: &str) -> Option<&serde_json::Map<String, Json>> {
        None
    }
}

/// The names that no variable of an inventory can take.
pub const MAGIC: [&str; 13] = [
    "inventory_hostname",
    "inventory_hostname_short",
    "group_names",
    "groups",
    "hostvars",
    "inventory_dir",
    "inventory_file",
    "playbook_dir",
    "vars",
    "ansible_version",
    "ansible_facts",
    "ansible_run_tags",
    "ansible_skip_tags",
];

/// Ansible's own variables that say something which is not so here. Asking for one is an error, also whether it is
/// `defined`: the answer would be another one.
pub const ABSENT: [&str; 22] = [
    "ansible_config_file",
    "ansible_dependent_role_names",
    "ansible_diff_mode",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_check_mode",
    "ansible_parent_role_names",
    "ansible_parent_role_paths",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_name",
    "ansible_play_role_names",
    "ansible_playbook_python",
    "ansible_role_names",
    "ansible_search_path",
    "ansible_verbosity",
    "environment",
    "inventory_sources",
    "play_hosts",
    "role_names",
];

/// One host's variables, rendered when they are asked for.
#[derive(Clone)]
pub struct HostVars {
    world: Arc<dyn World>,
    host: Arc<str>,
    given: Arc<serde_json::Map<String, Json>>,
    settings: Arc<Settings>,
}

impl HostVars {
    /// The variables of a host.
    pub fn new(world: Arc<dyn World>, host: &str, settings: Arc<Settings>) -> Self {
        Self { world, host: Arc::from(host), given: Arc::default(), settings }
    }

    /// Variables without an inventory: only what is given.
    pub fn alone(given: serde_json::Map<String, Json>, settings: Arc<Settings>) -> Self {
        Self { world: Arc::new(super::Nothing), host: Arc::from(""), given: Arc::new(given), settings }
    }

    /// The same with a playbook's values or facts, which win over the inventory's and are never rendered.
    #[must_use]
    pub fn with(&self, given: serde_json::Map<String, Json>) -> Self {
        let mut all = (*self.given).clone();
        all.extend(given);
        Self { given: Arc::new(all), ..self.clone() }
    }

    /// The host's name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The names of its variables: the playbook's, the inventory's, and the magic ones.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.given.keys().cloned().collect();
        names.extend(self.world.names(&self.host));
        names.extend(self.settings.magic.keys().cloned());
        names.extend(MAGIC.iter().map(|name| (*name).to_owned()));
        names.sort();
        names.dedup();
        names
    }

    /// A variable's value, rendered and decrypted; none when there is no variable of this name.
    ///
    /// # Errors
    /// What can't be rendered or decrypted, with the chain of variables that led there.
    pub fn get(&self, name: &str) -> Result<Option<Json>> {
        let plain = |value: &Json| !json::has_template(value);
        if !MAGIC.contains(&name) && !self.settings.magic.contains_key(name) {
            // Most values are no templates: they need no engine.
            let known = self.given.get(name).or_else(|| self.world.facts(&self.host)?.get(name));
            match (known, self.world.variable(&self.host, name)) {
                (Some(value), _) => return Ok(Some(value.clone())),
                (None, Some(raw)) if plain(&raw.value) => return Ok(Some(raw.value)),
                (None, None) => return Ok(None),
                _ => {}
            }
        }
        let told = || format!("the variable `{name}` of {} can't be rendered", self.host);
        super::stack::with_room(|| {
            let open = self.open();
            let Some(value) = open.0.get(name) else { return Ok(None) };
            json::from_value(&value).map(Some).map_err(|fault| {
                let is_placed = !fault.places.is_empty();
                let error = fault.told(&told()).on_host(&self.host);
                let written = self.world.variable(&self.host, name).and_then(|raw| raw.excerpt);
                match written.filter(|_| !is_placed) {
                    Some(excerpt) => error.at(excerpt),
                    None => error,
                }
            })
        })
    }

    /// A value whose texts are templates, such as one of a declaration; `what` says whose it is in errors.
    ///
    /// # Errors
    /// What can't be rendered, with the chain of variables that led there.
    pub fn render_value(&self, value: &Json, what: &str) -> Result<Json> {
        if !json::has_template(value) {
            return Ok(value.clone());
        }
        super::stack::with_room(|| {
            let raw = Raw { value: value.clone(), exact: None, place: what.to_owned(), excerpt: None, sealed: false };
            let open = self.open();
            let value = open.0.lazy(what, &raw);
            json::from_value(&value)
                .map_err(|fault| fault.told(&format!("{what} can't be rendered")).on_host(&self.host))
        })
    }

    /// A template's text, as `ansible.builtin.template` renders it. `path` is the template's file.
    ///
    /// # Errors
    /// What can't be rendered, at its place.
    pub fn render_text(&self, path: &str, text: &str, options: &Options) -> Result<String> {
        self.rendered(path, text, None, options)
    }

    /// The same for the file `target` on the host.
    ///
    /// # Errors
    /// What can't be rendered, at its place.
    pub fn render_file(&self, path: &str, text: &str, target: &str, options: &Options) -> Result<String> {
        self.rendered(path, text, Some(target), options)
    }

    fn rendered(&self, path: &str, text: &str, target: Option<&str>, options: &Options) -> Result<String> {
        super::stack::with_room(|| {
            let open = self.open();
            super::render::text((path, target), text, options, self.settings.clone(), Some(open.0.clone()))
        })
        .map_err(|error: Error| error.on_host(&self.host))
    }

    /// Its variables for one rendering.
    pub(super) fn open(&self) -> Open {
        Open(HostScope::new(self.world.clone(), &self.host, self.given.clone(), self.settings.clone()))
    }
}

/// The variables during one rendering: they hold each other, and are let go of at its end.
pub(super) struct Open(Rc<HostScope>);

impl Open {
    pub(super) fn scope(&self) -> Rc<HostScope> {
        Rc::clone(&self.0)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// One host's variables during one rendering.
pub struct HostScope {
    this: std::rc::Weak<Self>,
    pub world: Arc<dyn World>,
    pub host: Arc<str>,
    given: Arc<serde_json::Map<String, Json>>,
    pub settings: Arc<Settings>,
    known: RefCell<HashMap<String, Option<Value>>>,
    others: Rc<RefCell<HashMap<String, Rc<Self>>>>,
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
        let raw = self.world.variable(&self.host, name)?;
        Some(self.lazy(&format!("`{name}` of {}", self.host), &raw))
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

/// `hostvars`.
struct Hosts(Rc<HostScope>);

/// `hostvars[host]`, and `vars`.
struct Host(Rc<HostScope>);

impl Object for Hosts {
    fn type_name(&self) -> &str {
        "HostVars"
    }

    fn item(&self, key: &Value) -> R<Option<Value>> {
        let Some(name) = key.as_str() else { return Ok(None) };
        let known = self.0.world.hosts().iter().any(|host| host == name);
        Ok(known.then(|| Value::object(Host(self.0.other(name)))))
    }

    fn attribute(&self, name: &str) -> R<Option<Value>> {
        if let Some(method) = mapping_method(name, &Value::object(Self(self.0.clone()))) {
            return Ok(Some(method));
        }
        self.item(&Value::str(name))
    }

    fn items(&self) -> Option<R<Vec<Value>>> {
        Some(Ok(self.0.world.hosts().iter().map(Value::str).collect()))
    }

    fn len(&self) -> Option<usize> {
        Some(self.0.world.hosts().len())
    }

    fn map(&self) -> Option<R<Map>> {
        let of = |host: String| (Key(Value::str(&host)), Value::object(Host(self.0.other(&host))));
        Some(Ok(self.0.world.hosts().into_iter().map(of).collect()))
    }
}

impl Object for Host {
    fn type_name(&self) -> &str {
        "HostVarsVars"
    }

    fn item(&self, key: &Value) -> R<Option<Value>> {
        Ok(key.as_str().and_then(|name| self.0.get(name)).map(|value| value.forced()))
    }

    fn attribute(&self, name: &str) -> R<Option<Value>> {
        if let Some(method) = mapping_method(name, &Value::object(Self(self.0.clone()))) {
            return Ok(Some(method));
        }
        self.item(&Value::str(name))
    }

    fn items(&self) -> Option<R<Vec<Value>>> {
        Some(Ok(self.0.names().iter().map(Value::str).collect()))
    }

    fn len(&self) -> Option<usize> {
        Some(self.0.names().len())
    }

    fn contains(&self, key: &Value) -> R<bool> {
        Ok(key.as_str().is_some_and(|name| self.0.get(name).is_some()))
    }

    fn map(&self) -> Option<R<Map>> {
        let names = self.0.names();
        let pairs = names.iter().filter_map(|name| Some((Key(Value::str(name)), self.0.get(name)?.resolved())));
        Some(Ok(pairs.collect()))
    }
}

/// A dict's method on something that stands for a dict.
fn mapping_method(name: &str, of: &Value) -> Option<Value> {
    let name: &'static str = ["get", "keys", "values", "items"].into_iter().find(|known| *known == name)?;
    let of = of.clone();
    Some(Function::value(name, move |_, call: Call| {
        if name == "get" {
            let Some(key) = call.positional.first() else { return Err(Fault::new("get() needs a key")) };
            return Ok(match of.at(key)? {
                Some(value) => value,
                None => call.positional.get(1).cloned().unwrap_or(Value::None),
            });
        }
        let Value::Object(object) = &of else { return Ok(Value::None) };
        let map = object.map().unwrap_or_else(|| Ok(Map::default()))?;
        Ok(Value::list(match name {
            "keys" => map.into_keys().map(|key| key.0).collect(),
            "values" => map.into_values().collect(),
            _ => map.into_iter().map(|(key, value)| Value::tuple(vec![key.0, value])).collect(),
        }))
    }))
}
