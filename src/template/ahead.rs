//! What can be told of a template before anything is rendered: what it is sure to need and will not get.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;

use super::engine::normal;
use super::fault::{Fault, Place, R, Source};
use super::interp::Interp;
use super::lower::{self, Need};
use super::render::{ABOUT, cannot, folder, header};
use super::settings::Settings;
use super::syntax::Options;
use super::{MAGIC, lookups};
use crate::error::Result;
use crate::inventory::{Host, Inventory, Source as File, exact};

/// What is around a template.
pub struct Around<'a> {
    /// What holds for every template of the run.
    pub settings: &'a Settings,
    /// Whether a template of this name is one that the playbook makes.
    pub is_made: &'a dyn Fn(&str) -> bool,
    /// The names of the variables that it is handed; none where nobody knows them.
    pub given: Option<&'a BTreeSet<&'a str>>,
    /// Whose hosts' variables it sees.
    pub hosts: Option<&'a Inventory>,
}

impl Around<'_> {
    fn gives(&self, name: &str) -> bool {
        self.given.is_none_or(|given| given.contains(name))
            || self.hosts.is_some_and(|hosts| hosts.names_variable(name) || hosts.extra_names().contains(&name))
    }
}

/// Fails where the template is sure to need what it will not get: another template that is not there or may not be read, a
/// program where none may be run, a variable that is not known here or that can't be read. The templates that it names are
/// looked into as well, but not those that will be made.
pub fn ahead(path: &str, text: &str, options: &Options, around: &Around<'_>) -> Result<()> {
    // What ships in the binary names no others.
    if path.starts_with("zkmig:") {
        return Ok(());
    }
    super::stack::with_room(|| look(path, text, options, around).map_err(|fault| fault.told(&cannot(path))))
}

fn look(path: &str, text: &str, options: &Options, around: &Around<'_>) -> R<()> {
    let mut interp = Interp::new(options.clone(), Arc::default(), None);
    let source = Source { path: path.to_owned(), text: normal(text).into() };
    let header = header(&source, &mut interp)?;
    let bases = super::interp::bases(Some(&folder(path)), around.settings);
    let mut known = BTreeSet::from([path.to_owned()]);
    let mut waiting = vec![(source, header)];
    let mut is_first = true;
    while let Some((source, header)) = waiting.pop() {
        let seen = lower::ahead(source.clone(), header, &interp.options, true)?;
        let mut values = Vec::new();
        for (need, span) in seen.needs {
            match need {
                Need::Program if !around.settings.pipe => return Err(lookups::no_programs().at(&source, span)),
                Need::Program => {}
                Need::Value(names) if !seen.given.contains(&names[0]) => values.push((names, span)),
                Need::Value(_) => {}
                Need::Template(name) => {
                    match super::engine::find(&bases, &name).map_err(|fault| fault.at(&source, span.clone()))? {
                        Some((found, text)) if known.insert(found.clone()) => {
                            waiting.push((Source { path: found, text: normal(&text).into() }, 0));
                        }
                        Some(_) => {}
                        None if (around.is_made)(&name) => {}
                        None => {
                            let what = format!("there is no such template beside this one or the playbook: {name}");
                            return Err(Fault::new(what).at(&source, span));
                        }
                    }
                }
            }
        }
        // Another template may see names of the one that includes it.
        if std::mem::take(&mut is_first) {
            let absent = seen.absent.into_iter().find(|(name, _)| !seen.given.contains(name) && !around.gives(name));
            if let Some((name, span)) = absent {
                return Err(super::vars::absent(&name).at(&source, span));
            }
            values_of_hosts(&source, values, around)?;
        }
    }
    Ok(())
}

/// Variables by the names and indices that lead there, each with the place where the template asks for it.
type Values = Vec<(Vec<String>, Range<usize>)>;

/// Fails where a template asks for a variable of a host whose text can't be read, or that needs another one like it.
fn values_of_hosts(source: &Source, values: Values, around: &Around<'_>) -> R<()> {
    let (Some(hosts), Some(given)) = (around.hosts, around.given) else { return Ok(()) };
    // Whatever the inventory says of these, others have the last word.
    let is_inventorys = |name: &str| {
        !given.contains(name) && !MAGIC.contains(&name) && !ABOUT.contains(&name) && !name.starts_with("ansible_")
    };
    let values: Values = values.into_iter().filter(|(names, _)| is_inventorys(&names[0])).collect();
    // What a text needs, which many hosts have from their groups.
    let mut read: HashMap<String, Vec<Vec<String>>> = HashMap::new();
    for host in hosts.hosts() {
        let mut waiting = values.clone();
        let mut known = BTreeSet::new();
        while let Some((names, span)) = waiting.pop() {
            let Some(text) = template_of(host, &names) else { continue };
            if !known.insert(names.clone()) {
                continue;
            }
            let needed = match read.get(text) {
                Some(needed) => needed,
                None => {
                    let needed = needs_of(host, &names[0], text, around.settings);
                    read.entry(text.to_owned()).or_insert(needed.map_err(|fault| fault.at(source, span.clone()))?)
                }
            };
            waiting.extend(
                needed.iter().filter(|names| is_inventorys(&names[0])).map(|names| (names.clone(), span.clone())),
            );
        }
    }
    Ok(())
}

/// The template that is a variable's value, or that has to be rendered to get there.
fn template_of<'a>(host: &'a Host, names: &[String]) -> Option<&'a str> {
    let variable = host.variable(&names[0])?;
    let mut value = variable.exact.as_deref().unwrap_or(&variable.value);
    for name in &names[1..] {
        value = match value {
            Json::Object(fields) if exact::as_pairs(fields).is_none() => fields.get(name)?,
            Json::Array(items) => items.get(name.parse::<usize>().ok()?)?,
            Json::String(_) => break,
            _ => return None,
        };
    }
    value.as_str().filter(|text| Options::default().may_be_template(text))
}

/// What a variable's template is sure to need. Ansible reads the whole text when it needs the value, whatever is reached then.
fn needs_of(host: &Host, name: &str, text: &str, settings: &Settings) -> R<Vec<Vec<String>>> {
    let told = format!("`{name}` of {}", host.name);
    let source = Source { path: format!("the value of {told}"), text: normal(text).into() };
    let options = Options { raw_backslashes: true, ..Options::default() };
    let seen = lower::ahead(source.clone(), 0, &options, false).and_then(|seen| {
        match seen.needs.iter().find(|(need, _)| *need == Need::Program && !settings.pipe) {
            Some((_, span)) => Err(lookups::no_programs().at(&source, span.clone())),
            None => Ok(seen),
        }
    });
    let seen = seen.map_err(|mut fault| {
        if let Some(variable) = host.variable(name) {
            let file = variable.origin.source.as_ref();
            if file.is_some_and(File::is_sealed) {
                fault.places.clear();
            }
            let excerpt = file.map(|file| file.excerpt(&variable.origin.span));
            fault.places.push(Place::Variable { told: format!("{told} ({})", variable.origin.place()), excerpt });
        }
        fault
    })?;
    let values =
        seen.needs.into_iter().filter_map(|(need, _)| if let Need::Value(names) = need { Some(names) } else { None });
    Ok(values.filter(|names| !seen.given.contains(&names[0])).collect())
}
