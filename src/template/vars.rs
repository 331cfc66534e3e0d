//! A host's variables as templates see them: rendered when they are used, with Ansible's magic variables beside them.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value as Json;

use super::fault::Fault;
use super::json;
use super::scope::HostScope;
use super::settings::Settings;
use super::syntax::Options;
use crate::error::{Error, Excerpt, Result};

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

/// What is said of one of [`ABSENT`].
pub fn absent(name: &str) -> Box<Fault> {
    Fault::new(format!("Ansible's variable `{name}` is not known here"))
        .hint("set it in the inventory, or hand it over in `vars`")
}

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
