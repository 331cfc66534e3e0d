//! One rendering: what its names mean, and what its functions may ask for.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use super::fault::{Fault, R};
use super::object::{Call, Function};
use super::scope::HostScope;
use super::settings::Settings;
use super::syntax::Options;
use super::value::Value;

/// One rendering.
pub struct Interp {
    pub options: Options,
    pub settings: Arc<Settings>,
    /// The host whose variables these are, where there is one.
    pub host: Option<Rc<HostScope>>,
    /// Where other templates are looked up.
    pub folder: Option<PathBuf>,
    /// Names that win over the host's: those about the template itself, and those that a lookup was given.
    pub names: HashMap<String, Value>,
    /// Whether something undefined may be what the template gives: a variable's value, which may have a default.
    pub keeps_markers: bool,
    pub depth: Rc<Cell<usize>>,
}

/// How many macros and templates may be inside of each other.
const DEEPEST: usize = 200;

impl Interp {
    pub fn new(options: Options, settings: Arc<Settings>, host: Option<Rc<HostScope>>) -> Self {
        let depth = host.as_ref().map_or_else(Rc::default, |host| host.depth.clone());
        Self { options, settings, host, folder: None, names: HashMap::new(), keeps_markers: false, depth }
    }

    /// The folders in which this rendering's files are looked for.
    pub fn bases(&self) -> Vec<PathBuf> {
        bases(self.folder.as_ref(), &self.settings)
    }

    /// One for another template in this one's place, such as one that a lookup renders.
    pub fn like(&self) -> Rc<Self> {
        Rc::new(Self {
            options: Options { raw_backslashes: true, ..Options::default() },
            settings: self.settings.clone(),
            host: self.host.clone(),
            folder: self.folder.clone(),
            names: self.names.clone(),
            keeps_markers: true,
            depth: self.depth.clone(),
        })
    }

    /// Runs something one level deeper.
    pub fn deeper<T>(&self, run: impl FnOnce() -> R<T>) -> R<T> {
        if self.depth.get() >= DEEPEST {
            return Err(Fault::new(format!("macros and templates call each other more than {DEEPEST} deep"))
                .hint("one of them calls itself without an end"));
        }
        self.depth.set(self.depth.get() + 1);
        let result = run();
        self.depth.set(self.depth.get() - 1);
        result
    }

    /// A name that the template itself does not set: the host's variable, then the functions that are always there.
    pub fn variable(&self, name: &str) -> Option<Value> {
        let own = self.names.get(name).cloned();
        let own = own.or_else(|| self.host.as_ref().and_then(|host| host.get(name)));
        own.or_else(|| super::globals::global(name))
    }

    /// `value[key]`: an item, and where there is none an attribute.
    pub fn item(&self, of: &Value, key: &Value) -> R<Option<Value>> {
        if let Value::Marker(_) = of {
            return Ok(Some(of.clone()));
        }
        if let Some(value) = of.at(key)? {
            return Ok(Some(value));
        }
        match key {
            Value::Str(name) => method(of, name),
            _ => Ok(None),
        }
    }

    /// Calls a function of the engine.
    pub fn call(&self, called: &Value, call: Call) -> R<Value> {
        match called {
            Value::Object(object) => {
                if !object.takes_markers()
                    && let Some(marker) = first_marker(&call)
                {
                    return Ok(marker);
                }
                self.deeper(|| object.call(self, call))
            }
            Value::Marker(_) => Ok(called.clone()),
            other => Err(Fault::new(format!("'{}' object is not callable", other.type_name()))),
        }
    }
}

/// The folders in which files are looked for, in Ansible's order: the one that has the `templates` of a template in `folder`,
/// as a role has, the playbook's, the template's own. A template of a library has the library's folder in the playbook's
/// place, and the playbook's last.
pub fn bases(folder: Option<&PathBuf>, settings: &Settings) -> Vec<PathBuf> {
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let (own, playbook) = (folder.map(absolute), settings.playbook_dir.as_ref().map(absolute));
    let roots =
        settings.libraries.iter().map(absolute).filter(|root| own.as_ref().is_some_and(|own| own.starts_with(root)));
    let library = roots.max_by_key(|root| root.components().count());
    let above = own.as_ref().and_then(|own| own.ancestors().find(|folder| folder.ends_with("templates"))?.parent());
    let is_below = matches!((&own, &playbook), (Some(own), Some(playbook)) if own.starts_with(playbook));
    // A library may be a part of the playbook's folder, and the playbook one of a library's.
    let is_librarys = match (&library, &playbook) {
        (Some(library), Some(playbook)) => !is_below || library.starts_with(playbook) && library != playbook,
        (library, _) => library.is_some(),
    };
    let last = match (is_librarys, is_below) {
        (true, _) => [library, own.clone(), playbook],
        (false, true) => [playbook, own.clone(), None],
        (false, false) => [own.clone(), playbook, None],
    };
    let mut bases: Vec<PathBuf> = Vec::new();
    for base in above.map(PathBuf::from).into_iter().chain(last.into_iter().flatten()) {
        if !bases.contains(&base) {
            bases.push(base);
        }
    }
    bases
}

pub fn first_marker(call: &Call) -> Option<Value> {
    let named = call.named.iter().map(|(_, value)| value);
    call.positional.iter().chain(named).find(|value| matches!(value, Value::Marker(_))).cloned()
}

/// `value.name`: a method or an attribute, and where there is none an item.
pub fn attribute(of: &Value, name: &str) -> R<Option<Value>> {
    match of {
        Value::Marker(_) => return Ok(Some(of.clone())),
        Value::Lazy(lazy) => return attribute(&lazy.force(), name),
        _ => {}
    }
    if name.starts_with("__") {
        return of.field(name);
    }
    if let Some(method) = method(of, name)? {
        return Ok(Some(method));
    }
    of.field(name)
}

/// A method or an attribute alone.
pub fn method(of: &Value, name: &str) -> R<Option<Value>> {
    if let Value::Object(object) = of {
        return object.attribute(name);
    }
    if let Some(value) = super::methods::property(of, name) {
        return Ok(Some(value));
    }
    Ok(super::methods::is_method(of, name).then(|| {
        let (of, name) = (of.resolved(), name.to_owned());
        Function::value(&name.clone(), move |interp, call| super::methods::call(interp, &of, &name, call))
    }))
}
