//! Ansible's own settings, for what of them means something here: an `ansible.cfg`, and the environment's `ANSIBLE_…`.

mod ini;
mod known;

use std::path::{Path, PathBuf};

use ini::{Entry, File};
use known::{Fate, KNOWN, Known};

use super::{Config, SETTINGS, is_anybodys};
use crate::error::{Error, Result, closest};

/// Takes what the file says, without a name the first of those that Ansible looks for; and what the environment says, which
/// counts more.
pub fn read(config: &mut Config, named: Option<&Path>) -> Result<()> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => found(config)?,
    };
    let shown = path.display().to_string();
    let text =
        std::fs::read_to_string(&path).map_err(|error| Error::input(format!("can't read {shown}")).caused_by(error))?;
    let file = File::parse(&shown, &text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for known in KNOWN {
        let entries = known.keys.iter().filter_map(|key| key.split_once('.'));
        let entry = entries.filter_map(|(section, key)| file.get(section, key)).next_back();
        if let Some(given) = Given::of(known, entry) {
            given.settle(config, &file, folder, known)?;
        }
    }
    left_over(config, &file);
    Ok(())
}

/// Warns of what the environment says and Ansible would take, where nobody asks for Ansible's settings.
pub fn not_asked(config: &mut Config) {
    let vaults = ["ANSIBLE_VAULT_", "ANSIBLE_ASK_VAULT_PASS"];
    let set = KNOWN.iter().filter_map(|known| Given::of(known, None).map(|given| (known, given)));
    let matter = set.filter(|(known, given)| match known.fate {
        Fate::Taken(_) => true,
        Fate::Refused(as_it_is, _) => !as_it_is(&given.value),
        Fate::PassedOver(..) => false,
    });
    let names: Vec<String> = matter
        .map(|(_, given)| given.name)
        .filter(|name| !vaults.iter().any(|vault| name.starts_with(vault)))
        .collect();
    if !names.is_empty() {
        config.passed_over.push(format!(
            "{} of the environment: only with --ansible-cfg is it taken as Ansible takes it",
            names.join(", ")
        ));
    }
}

/// A setting that is set.
struct Given<'a> {
    /// Its key or its variable.
    name: String,
    value: String,
    /// Where it stands in the file; else the environment says it.
    entry: Option<&'a Entry>,
}

impl<'a> Given<'a> {
    fn of(known: &Known, entry: Option<&'a Entry>) -> Option<Self> {
        let variable = |name: &&'static str| Some((*name, std::env::var(name).ok().filter(|value| !value.is_empty())?));
        if let Some((name, value)) = known.variables.iter().filter_map(variable).next_back() {
            return Some(Self { name: name.to_owned(), value, entry: None });
        }
        entry.map(|entry| Self {
            name: entry.key.clone(),
            value: unquoted(&entry.value).to_owned(),
            entry: Some(entry),
        })
    }

    fn settle(self, config: &mut Config, file: &File, folder: &Path, known: &Known) -> Result<()> {
        let at = |error: Error| match self.entry {
            // The line may be a password.
            Some(entry) if entry.key == "password" => error.detail(format!("it stands in {}", entry.place(file))),
            Some(entry) => file.at(entry, error),
            None => error.detail(format!("the variable {} of the environment says it", self.name)),
        };
        let place = self.entry.map_or_else(|| self.name.clone(), |entry| entry.place(file));
        match known.fate {
            Fate::Taken(name) => {
                let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else { return Ok(()) };
                let here = if self.entry.is_some() { folder } else { Path::new("") };
                let value = setting.parse_ansible(&self.value, here).map_err(|wanted| {
                    at(Error::input(format!("`{}` has to be {wanted}, and `{}` is not", self.name, self.value)))
                })?;
                if let Some(value) = value {
                    config.set(setting.name, value, place);
                }
            }
            Fate::Refused(as_it_is, hint) => {
                if !self.value.is_empty() && !as_it_is(&self.value) {
                    let what =
                        format!("`{}` changes what the same files mean or a run does, and is not supported", self.name);
                    return Err(at(Error::input(what)).hint(hint));
                }
            }
            Fate::PassedOver(as_it_is, hint) => {
                if !self.value.is_empty() && !as_it_is(&self.value) {
                    config.passed_over.push(format!("{place}: `{}` is not taken here: {hint}", self.name));
                }
            }
        }
        Ok(())
    }
}

/// Notes the keys that mean nothing here, and warns of those that mean nothing to Ansible either.
fn left_over(config: &mut Config, file: &File) {
    let mut left = Vec::new();
    let sections = || known::all().map(|(section, _)| section);
    for entry in &file.entries {
        let name = format!("{}.{}", entry.section, entry.key);
        if KNOWN.iter().any(|known| known.keys.contains(&name.as_str())) {
            continue;
        }
        let in_section = || known::all().filter(|(section, _)| *section == entry.section).map(|(_, key)| key);
        if in_section().any(|key| key == entry.key) {
            left.push(entry.shown());
            continue;
        }
        // Plugins that are no part of ansible-core have sections of their own.
        // Inventories have it with `ansible_` before it.
        let bare = entry.key.strip_prefix("ansible_").filter(|bare| in_section().any(|key| key == *bare));
        let slip = if let Some(bare) = bare {
            Some(Some(bare.to_owned()))
        } else if sections().any(|section| section == entry.section) {
            let elsewhere = known::all()
                .find(|(_, key)| *key == entry.key)
                .map(|(section, _)| format!("[{section}] {}", entry.key));
            Some(elsewhere.or_else(|| closest(&entry.key, in_section()).map(str::to_owned)))
        } else {
            closest(&entry.section, sections()).map(|section| Some(format!("[{section}]")))
        };
        match slip {
            Some(Some(meant)) => {
                let what = format!("{}: Ansible knows no {}: is `{meant}` meant?", entry.place(file), entry.shown());
                config.passed_over.push(what);
            }
            Some(None) => {
                config.passed_over.push(format!("{}: ansible-core knows no {}", entry.place(file), entry.shown()));
            }
            None => left.push(entry.shown()),
        }
    }
    if !left.is_empty() {
        config.notes.push(format!("{}: without effect here: {}", file.shown, left.join(", ")));
    }
}

/// Without the quotes around it.
fn unquoted(value: &str) -> &str {
    let inside = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote).filter(|inside| !inside.ends_with('\\'));
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}

/// The file that Ansible would take.
fn found(config: &mut Config) -> Result<PathBuf> {
    let mut places = Vec::new();
    if let Some(named) = std::env::var_os("ANSIBLE_CONFIG").filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        places.push(if named.is_dir() { named.join("ansible.cfg") } else { named });
    }
    let here = PathBuf::from("ansible.cfg");
    if here.is_file() && is_anybodys(Path::new("")) {
        config.passed_over.push("ansible.cfg in . is not taken: everybody may write in that folder".to_owned());
    } else {
        places.push(here);
    }
    places.extend(std::env::home_dir().map(|home| home.join(".ansible.cfg")));
    places.push("/etc/ansible/ansible.cfg".into());
    places.iter().find(|place| place.is_file()).cloned().ok_or_else(|| {
        let shown: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        Error::input("there is no ansible.cfg")
            .detail(format!("looked for {}", shown.join(", ")))
            .hint("--ansible-cfg=FILE names one")
    })
}
