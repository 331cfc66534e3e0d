//! Reads sources one after another: files of every format, folders of them, lists of hosts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use regex::Regex;

use super::document::{self, Notices};
use super::formats::{self, host_list, ini, json, plugin, script, toml, yaml};
use super::model::Model;
use super::{LoadOptions, Source};
use crate::error::{Error, Result};

/// Names in a folder that are no inventories, as Ansible has them.
const IGNORED_NAMES: &[&str] = &["host_vars", "group_vars", "vars_plugins"];
const IGNORED_ENDS: [&str; 12] =
    [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry"];

/// Which files of a folder are no inventories, beside those that never are.
#[derive(Clone, Debug, Default)]
pub struct Ignored {
    ends: Option<Vec<String>>,
    patterns: Vec<Regex>,
}

impl Ignored {
    /// What settings say, each a list with commas: the ends of names instead of Ansible's own list, and patterns of names.
    pub fn new(ends: Option<&str>, patterns: Option<&str>) -> Result<Self> {
        let listed = |name: &str, text: &str| -> Result<Vec<String>> {
            let items: Vec<String> = text.split(',').map(|item| unquoted(item.trim()).to_owned()).collect();
            if items.iter().any(String::is_empty) {
                return Err(Error::input(format!("`{name}` has an empty part, to which every name fits"))
                    .hint("Ansible passes over every file of a folder then: leave the setting out, or the comma"));
            }
            Ok(items)
        };
        let pattern = |text: String| {
            Regex::new(&text).map_err(|error| {
                Error::input(format!("`{text}` of `inventory_ignore_patterns` is no pattern of names"))
                    .caused_by(error.to_string().replace('\n', " "))
            })
        };
        let ends = ends.map(|text| listed("inventory_ignore_extensions", text)).transpose()?;
        let patterns = patterns.map(|text| listed("inventory_ignore_patterns", text)).transpose()?.unwrap_or_default();
        Ok(Self { ends, patterns: patterns.into_iter().map(pattern).collect::<Result<_>>()? })
    }

    fn ends(&self) -> Vec<&str> {
        self.ends.as_ref().map_or_else(|| IGNORED_ENDS.to_vec(), |ends| ends.iter().map(String::as_str).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.ends().iter().any(|end| name.ends_with(end)) || self.patterns.iter().any(|pattern| pattern.is_match(name))
    }
}

fn unquoted(text: &str) -> &str {
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

/// What was read, and what is needed to find the variables beside it.
pub struct Loaded {
    /// The groups and hosts.
    pub model: Model,
    /// The texts that were read.
    pub files: Vec<Source>,
    /// The folders of the sources, where `group_vars` and `host_vars` are looked for: in the sources' order.
    pub folders: Vec<PathBuf>,
}

/// Reads the sources in their order.
pub fn load(sources: &[PathBuf], options: &LoadOptions) -> Result<Loaded> {
    let mut loader = Loader {
        loaded: Loaded { model: Model::new(), files: Vec::new(), folders: Vec::new() },
        options,
        timeout: timeout()?,
    };
    loader.loaded.model.warnings.extend(options.extra.warnings.clone());
    for source in sources {
        loader.source(source)?;
    }
    loader.loaded.model.current = None;
    loader.loaded.model.reconcile()?;
    Ok(loader.loaded)
}

fn timeout() -> Result<Duration> {
    let Some(given) = std::env::var_os("ZKMIG_INVENTORY_TIMEOUT") else { return Ok(script::TIMEOUT) };
    let seconds = given.to_str().and_then(|text| text.parse::<u64>().ok()).filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| {
        Error::input(format!("ZKMIG_INVENTORY_TIMEOUT is `{}`", given.to_string_lossy()))
            .hint("it takes seconds, from 1")
    })
}

struct Loader<'a> {
    loaded: Loaded,
    options: &'a LoadOptions,
    timeout: Duration,
}

impl Loader<'_> {
    fn source(&mut self, given: &Path) -> Result<()> {
        let path = home(given);
        let list = path.to_str().filter(|text| text.contains(','));
        if let Some(list) = list.filter(|_| !path.exists()) {
            self.loaded.model.current = None;
            return host_list::read(&mut self.loaded.model, list);
        }
        let folder = if path.is_dir() {
            path.clone()
        } else {
            let parent = path.parent().map(Path::to_path_buf).unwrap_or_default();
            if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent }
        };
        if path.is_dir() {
            if !self.folder(&path)? {
                return Err(Error::input(format!("the folder {} has no inventory", path.display()))
                    .hint("-v says which of its files are no inventories for Ansible either"));
            }
        } else {
            self.file(&path)?;
        }
        self.loaded.folders.push(folder);
        Ok(())
    }

    /// Reads what is in a folder; says whether there was anything.
    fn folder(&mut self, folder: &Path) -> Result<bool> {
        let failed = |error: std::io::Error| {
            Error::input(format!("can't read the folder {}", folder.display())).caused_by(error)
        };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name());
        }
        names.sort_unstable_by(|one, other| one.as_encoded_bytes().cmp(other.as_encoded_bytes()));
        let mut found = false;
        for name in names {
            let path = folder.join(&name);
            let Some(name) = name.to_str() else {
                return Err(Error::input(format!("the name of {} is not UTF-8", path.display())));
            };
            if IGNORED_NAMES.contains(&name) {
                continue;
            }
            if name.starts_with('.') || self.options.ignored.has(name) {
                self.loaded.model.notes.add(format!("{} is passed over, as Ansible does", path.display()), "");
                continue;
            }
            if path.is_dir() {
                match self.folder(&path)? {
                    true => found = true,
                    false => {
                        let message = format!("the folder {} has no inventory", path.display());
                        self.loaded.model.warnings.add(message, "");
                    }
                }
            } else {
                self.file(&path).map_err(|error| {
                    error.hint(format!(
                        "all files of the folder are inventories but {} and what ends with {}",
                        IGNORED_NAMES.join(", "),
                        self.options.ignored.ends().join(", ")
                    ))
                })?;
                found = true;
            }
        }
        Ok(found)
    }

    fn file(&mut self, path: &Path) -> Result<()> {
        let failed = |error: std::io::Error| {
            Error::input(format!("can't read the inventory {}", path.display()))
                .caused_by(error)
                .hint("-i names a file, a folder of them, or hosts with commas, such as -i host1,host2,")
        };
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Err(failed(std::io::Error::other("it is neither a file nor a folder")));
        }
        let absolute = std::path::absolute(path).map_err(failed)?;
        let folder = absolute.parent().map(Path::to_path_buf);
        self.loaded.model.current = Some(Arc::new(absolute));
        self.parse(path)?;
        self.loaded.model.folders.extend(folder);
        Ok(())
    }

    /// Reads a file in its format.
    fn parse(&mut self, path: &Path) -> Result<()> {
        if script::is_program(path) {
            let sources = script::read(&mut self.loaded.model, path, self.timeout)?;
            self.loaded.files.extend(sources);
            return Ok(());
        }
        let file = Source::read(path)?;
        self.loaded.files.push(file.clone());
        let source = file.opened(&self.options.vault)?;
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        match end {
            "toml" => {
                self.loaded.model.is_toml = true;
                let read = toml::read(&mut self.loaded.model, &source);
                self.loaded.model.is_toml = false;
                read
            }
            "yml" | "yaml" | "json" | "" => self.yaml_or_ini(&source, path, !end.is_empty()),
            _ => self.ini(&source, path),
        }
    }

    /// A file that is a mapping in YAML is YAML; every other one may be INI.
    fn yaml_or_ini(&mut self, source: &Source, path: &Path, says_yaml: bool) -> Result<()> {
        let mut notices = Notices::default();
        let read = document::read(source, &mut notices);
        let model = &mut self.loaded.model;
        if let Ok(node) = &read
            && matches!(node.kind, document::Kind::Map(_))
            && !node.is_empty()
        {
            formats::notice(model, source, notices);
            if let Some(name) = plugin::name(node) {
                if path.extension().is_some_and(|end| end == "yml" || end == "yaml") {
                    return plugin::read(model, source, node, &name, self.options);
                }
                return Err(Error::input(format!("{} is a plugin's configuration", source.path))
                    .hint("Ansible reads one only where the file's name ends with .yml or .yaml"));
            }
            if json::is_listing(node) {
                return json::read(model, source, node, &mut |_| Ok(None));
            }
            return yaml::read(model, source, node);
        }
        let looks_like_ini = source.text.lines().any(|line| line.starts_with('['));
        self.ini(source, path).map_err(|error| match read {
            Err(of_yaml) if says_yaml && !looks_like_ini => of_yaml,
            Ok(node) if says_yaml && !looks_like_ini => yaml::no_mapping(source, &node),
            _ => error,
        })
    }

    fn ini(&mut self, source: &Source, path: &Path) -> Result<()> {
        ini::read(&mut self.loaded.model, source).map_err(|error| {
            if script::begins_as_program(path) {
                return error.hint(format!("if it is a program that prints an inventory: chmod +x {}", path.display()));
            }
            error
        })
    }
}

/// A path with `~` as the user's home.
fn home(path: &Path) -> PathBuf {
    let Ok(rest) = path.strip_prefix("~") else { return path.to_path_buf() };
    std::env::var_os("HOME").map_or_else(|| path.to_path_buf(), |home| PathBuf::from(home).join(rest))
}
