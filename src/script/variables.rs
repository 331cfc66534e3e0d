//! The variables of a playbook and of its libraries: which value one has, for which host, and who says so.
//!
//! A variable's value is the last that one of these gives: the default in a library's `declare`, in a called playbook's, in
//! the playbook's own; the inventory, for the host; what the calling playbook gives; `-e`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Dynamic, Engine, NativeCallContext};
use serde_json::{Map, Value};

use super::called::Frame;
use super::declare::Declaration;
use super::failure::raise_at;
use super::here::here;
use super::playbook::Playbook;
use super::source::Sources;
use super::value::from_json;
use crate::error::{Error, Kind, Result};
use crate::inventory::{Host, Variable, is_secret, is_unfinished};
use crate::run::Run;

/// How many hosts of one value an error names.
const NAMED: usize = 8;

/// A value and where it is from.
type Placed = (Value, String);

/// What the variables of a run come from.
pub struct Variables {
    run: Arc<Run>,
    sources: Sources,
    main: String,
    declared: BTreeMap<String, Vec<Declaration>>,
    offered: BTreeMap<String, Vec<String>>,
    selected: Mutex<BTreeSet<String>>,
    facts: Mutex<BTreeMap<String, Map<String, Value>>>,
}

/// The variables as a script has them, `vars` and `host.vars`: each is looked up when it is asked for.
#[derive(Clone)]
pub struct Vars {
    variables: Arc<Variables>,
    /// The file that asks.
    file: Arc<str>,
    frame: Option<Arc<Frame>>,
    /// Whose they are; unless it is said, those of the host that the call is for.
    host: Option<Arc<str>>,
}

impl Variables {
    /// Those of a playbook on the hosts of a run.
    pub fn new(run: &Arc<Run>, playbook: &Playbook) -> Self {
        let declared = playbook.files.iter().map(|(file, of)| (file.clone(), of.declared.clone())).collect();
        let offered = playbook
            .files
            .iter()
            .map(|(file, of)| (file.clone(), of.hooks.iter().map(|hook| hook.name.clone()).collect()));
        Self {
            run: Arc::clone(run),
            sources: playbook.sources.clone(),
            main: playbook.path.clone(),
            declared,
            offered: offered.collect(),
            selected: Mutex::default(),
            facts: Mutex::default(),
        }
    }

    /// Whether a playbook offers a hook of this name.
    pub fn offers(&self, file: &str, name: &str) -> bool {
        self.offered.get(file).is_some_and(|names| names.iter().any(|known| known == name))
    }

    /// The playbook works on these hosts.
    pub fn works_on(&self, names: &[String]) {
        self.selected.lock().unwrap_or_else(PoisonError::into_inner).extend(names.iter().cloned());
    }

    /// The hosts on which the playbook works: those that it has asked for, or all of the run before it asks for any.
    pub fn hosts(&self) -> Vec<String> {
        let selected = self.selected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let hosts = self.in_scope().into_iter().map(|host| host.name.clone());
        hosts.filter(|name| selected.is_empty() || selected.contains(name)).collect()
    }

    /// Keeps what a host has told of itself.
    pub fn learns(&self, host: &str, facts: &Map<String, Value>) {
        let mut known = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(host.to_owned()).or_default().extend(facts.clone());
    }

    /// The inventory with what its hosts have told of themselves, as templates see it.
    pub fn world(&self) -> Arc<dyn crate::template::World> {
        let known = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        match known.is_empty() {
            true => self.run.inventory.clone(),
            false => Arc::new(crate::template::Facts::new(self.run.inventory.clone(), &known)),
        }
    }

    /// The declaration that says which type a variable has in this file.
    pub fn declaration(&self, file: &str, frame: Option<&Frame>, name: &str) -> Option<&Declaration> {
        let near = [Some(file), frame.map(|frame| frame.file.as_str()), Some(self.main.as_str())];
        let near = near.into_iter().flatten().filter_map(|file| self.declared.get(file));
        near.chain(self.declared.values()).find_map(|of| of.iter().find(|declared| declared.name == name))
    }

    /// The default that counts in this file: that of the playbook that was started, then of the called one, then the file's.
    fn default(&self, file: &str, frame: Option<&Frame>, name: &str) -> Option<Value> {
        let near = [Some(self.main.as_str()), frame.map(|frame| frame.file.as_str()), Some(file)];
        let near = near.into_iter().flatten().filter_map(|file| self.declared.get(file));
        let mut all = near.chain(self.declared.values()).flatten().filter(|declared| declared.name == name);
        all.find_map(|declared| declared.default.clone())
    }

    /// The value of a variable for a host, and where it is from.
    fn value(&self, file: &str, frame: Option<&Frame>, host: &Host, name: &str) -> Result<Option<Placed>> {
        let given = host.variable(name);
        let by_caller = frame.and_then(|frame| frame.vars.get(name).map(|value| (value.clone(), frame.file.as_str())));
        let by_extra = self.run.inventory.extra_names().contains(&name);
        let (value, place) = match (given, by_caller) {
            (_, Some((value, called))) if !by_extra => (value, format!("given to {called}")),
            (Some(variable), _) => {
                let value = self.opened(file, frame, host, name, variable)?;
                let value = self.checked(file, frame, name, value);
                (value.map_err(|error| variable.origin.at(error).on_host(&host.name))?, variable.origin.place())
            }
            (None, _) => match self.default(file, frame, name) {
                Some(value) => (value, "default".to_owned()),
                None => return Ok(None),
            },
        };
        if is_secret(name)
            && let Some(secret) = value.as_str()
        {
            self.run.secrets.add(secret);
        }
        Ok(Some((value, place)))
    }

    /// What the inventory gives a host: vaults opened, templates rendered, and a text as it was written.
    fn opened(&self, file: &str, frame: Option<&Frame>, host: &Host, name: &str, variable: &Variable) -> Result<Value> {
        let options = self.run.inventory.options();
        if let Some(sealed) = variable.vault() {
            let origin = format!("the variable {name} ({})", variable.origin.place());
            let text = options.vault.decrypt(sealed, &origin)?;
            self.run.secrets.add(&text);
            return Ok(Value::String(text));
        }
        if is_unfinished(&variable.value) {
            let Some(templates) = &options.templates else {
                return Err(variable.origin.at(Error::input(format!(
                    "variable `{name}` of {} is a template, which can't be rendered here",
                    host.name
                ))));
            };
            let rendered = templates.variable(&self.run.inventory, host, name);
            return Ok(rendered.map_err(|error| variable.origin.at(error))?.unwrap_or_default());
        }
        Ok(as_written(self.declaration(file, frame, name), variable))
    }

    fn checked(&self, file: &str, frame: Option<&Frame>, name: &str, value: Value) -> Result<Value> {
        match self.declaration(file, frame, name) {
            Some(declaration) => declaration.check(value),
            None => Ok(value),
        }
    }

    /// The value that all hosts have on which the playbook works: those that it asked for so far, else all of the run.
    fn common(&self, file: &str, frame: Option<&Frame>, name: &str) -> Result<Option<Value>> {
        let selected = self.selected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let hosts: Vec<&Host> =
            self.in_scope().into_iter().filter(|host| selected.is_empty() || selected.contains(&host.name)).collect();
        let mut found: Vec<(Option<Placed>, Vec<&str>)> = Vec::new();
        for host in &hosts {
            let value = self.value(file, frame, host, name)?;
            let same = |known: &&mut (Option<Placed>, Vec<&str>)| {
                known.0.as_ref().map(|(value, _)| value) == value.as_ref().map(|(value, _)| value)
            };
            match found.iter_mut().find(same) {
                Some((_, names)) => names.push(&host.name),
                None => found.push((value, vec![&host.name])),
            }
        }
        if found.len() > 1 {
            let lines = found.iter().map(|(value, names)| {
                let more = names.len().saturating_sub(NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let named = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
                match value {
                    Some((value, place)) => format!("{named}{more}: {} ({place})", self.shown(name, value)),
                    None => format!("{named}{more}: none"),
                }
            });
            return Err(self
                .error(format!("variable `{name}` is not the same for all hosts"))
                .detail(lines.collect::<Vec<_>>().join("\n"))
                .hint("ask for a host's own: inside each(|m| …) or rolling, or as m.vars")
                .hint("-l limits the run to hosts for which it is the same"));
        }
        match found.pop() {
            Some((value, _)) => Ok(value.map(|(value, _)| value)),
            None => {
                let given = frame.and_then(|frame| frame.vars.get(name).cloned());
                let given = given.or_else(|| self.run.inventory.playbook_vars().get(name).cloned());
                match given {
                    Some(value) => self.checked(file, frame, name, value).map(Some),
                    None => Ok(self.default(file, frame, name)),
                }
            }
        }
    }

    fn shown(&self, name: &str, value: &Value) -> String {
        if is_secret(name) { "(secret)".to_owned() } else { self.run.secrets.redact(&value.to_string()) }
    }

    /// The hosts of the run, as --limit has them.
    fn in_scope(&self) -> Vec<&Host> {
        let limit = self.run.options.limit.as_ref();
        self.run.inventory.hosts().filter(|host| limit.is_none_or(|limit| limit.contains(&host.name))).collect()
    }

    /// An error that ends the run: exit code 2 only says that no host was changed.
    fn error(&self, message: String) -> Error {
        Error::new(if self.run.has_touched_hosts() { Kind::Failed } else { Kind::Input }, message)
    }

    /// The names of all variables that anybody gives.
    fn names(&self) -> BTreeSet<String> {
        let declared = self.declared.values().flatten().map(|declared| declared.name.clone());
        let given = self.in_scope().into_iter().flat_map(|host| host.vars_json().into_iter().map(|(name, _)| name));
        declared.chain(given).chain(self.run.inventory.playbook_vars().into_iter().map(|(name, _)| name)).collect()
    }

    /// Fails where a declared variable has a value of another type for a host, or none at all.
    pub fn check(&self, playbook: &Playbook) -> Result<()> {
        let hosts = self.in_scope();
        for (file, declared) in &self.declared {
            for declaration in declared {
                // The value that is wrong may be a vault's.
                let checked = self.check_one(file, declaration, &hosts, playbook);
                checked.map_err(|error| self.run.secrets.redact_error(error))?;
            }
        }
        Ok(())
    }

    fn check_one(&self, file: &str, declaration: &Declaration, hosts: &[&Host], playbook: &Playbook) -> Result<()> {
        let name = declaration.name.as_str();
        let mut given = false;
        for host in hosts {
            let Some(variable) = host.variable(name) else { continue };
            given = true;
            if !is_unfinished(&variable.value) {
                let checked = declaration.check(as_written(Some(declaration), variable));
                checked.map_err(|error| variable.origin.at(error).detail(format!("for host {}", host.name)))?;
            }
        }
        if let Some(value) = self.run.inventory.playbook_vars().get(name)
            && !given
        {
            given = true;
            declaration.check(value.clone())?;
        }
        let calls = playbook.files.values().flat_map(|of| &of.calls);
        let by_caller = calls.flat_map(|call| &call.vars).any(|(known, ..)| known == name);
        if given || by_caller || self.default(file, None, name).is_some() {
            return Ok(());
        }
        let error = Error::input(format!("variable `{name}` has to be given"));
        let what = if declaration.help.is_empty() { String::new() } else { format!(": {}", declaration.help) };
        let error = error.hint(format!("-e {name}=…{what}"));
        Err(match self.sources.excerpt(file, declaration.position) {
            Some(excerpt) if file != self.main => error.at(excerpt),
            _ => error,
        })
    }
}

/// A value; a text that was written as something else, such as `12.50`, where a text is declared.
fn as_written(declaration: Option<&Declaration>, variable: &Variable) -> Value {
    let text = declaration.filter(|declared| matches!(declared.kind.as_str(), "text" | "duration"));
    let written = text.filter(|_| !variable.value.is_boolean()).and_then(|_| variable.text());
    written.map_or_else(|| variable.value.clone(), Value::String)
}

impl Vars {
    /// What `vars` is in a file.
    pub fn of_file(variables: &Arc<Variables>, file: Option<&str>) -> Self {
        let file = file.unwrap_or(&variables.main).into();
        Self { variables: Arc::clone(variables), file, frame: here().frame, host: None }
    }

    /// What `host.vars` is in a file.
    pub fn of_host(variables: &Arc<Variables>, file: Option<&str>, host: &str) -> Self {
        Self { host: Some(host.into()), ..Self::of_file(variables, file) }
    }

    /// The value of a variable; none when nobody gives it one.
    pub fn get(&self, name: &str) -> Result<Option<Value>> {
        let (variables, frame) = (&self.variables, self.frame.as_deref());
        let host = self.host.clone().or_else(|| here().host);
        match host.and_then(|name| variables.run.inventory.host(&name)) {
            Some(host) => Ok(variables.value(&self.file, frame, host, name)?.map(|(value, _)| value)),
            None => variables.common(&self.file, frame, name),
        }
    }

    fn names(&self) -> Vec<String> {
        self.variables.names().into_iter().filter(|name| !is_secret(name)).collect()
    }

    /// All that have a value, as JSON.
    pub fn json(&self) -> Result<Map<String, Value>> {
        let fields = self.names().into_iter().map(|name| Ok(self.get(&name)?.map(|value| (name, value))));
        fields.filter_map(Result::transpose).collect()
    }

    fn must(&self, name: &str) -> Result<Dynamic> {
        match self.get(name)? {
            Some(value) => Ok(from_json(&value)),
            None => {
                let error = self.variables.error(format!("there is no variable `{name}`"));
                let names = self.names();
                Err(error.did_you_mean(name, names.iter().map(String::as_str)).hint(format!(
                    "vars.get(\"{name}\") gives () where nobody gives it a value; declare(#{{ … }}) gives it a default"
                )))
            }
        }
    }
}

type Scripted<T> = std::result::Result<T, Box<rhai::EvalAltResult>>;

/// Registers what a script can do with its variables.
pub fn register(engine: &mut Engine) {
    fn told<T>(ctx: &NativeCallContext<'_>, vars: &Vars, result: Result<T>) -> Scripted<T> {
        result.map_err(|error| raise_at(ctx, &vars.variables.sources, error))
    }
    engine
        .register_type_with_name::<Vars>("variables")
        .register_indexer_get(|ctx: NativeCallContext, vars: &mut Vars, name: &str| told(&ctx, vars, vars.must(name)))
        .register_fn("get", |ctx: NativeCallContext, vars: &mut Vars, name: &str| {
            told(&ctx, vars, vars.get(name)).map(|value| value.map_or(Dynamic::UNIT, |value| from_json(&value)))
        })
        .register_fn("contains", |ctx: NativeCallContext, vars: &mut Vars, name: &str| {
            told(&ctx, vars, vars.get(name)).map(|value| value.is_some())
        })
        .register_fn("keys", |vars: &mut Vars| vars.names().into_iter().map(Dynamic::from).collect::<rhai::Array>())
        .register_fn("to_map", |ctx: NativeCallContext, vars: &mut Vars| {
            told(&ctx, vars, vars.json()).map(|fields| from_json(&Value::Object(fields)))
        })
        .register_fn("to_string", |vars: &mut Vars| {
            format!("the variables of {}", vars.host.as_deref().unwrap_or("the playbook"))
        })
        .register_fn("to_debug", |vars: &mut Vars| {
            format!("the variables of {}", vars.host.as_deref().unwrap_or("the playbook"))
        });
}
