//! Settings: what `zkmig.toml`, an `ansible.cfg`, the environment and the command line say, and which of them counts.
//!
//! The last of these that says something counts: the default, an `ansible.cfg` that is asked for, the user's own
//! `zkmig.toml`, the one in the current folder, the one beside the playbook, the environment, the command line.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result, closest};
use crate::inventory::vault::passwords::expanded as from_environment;

mod ansible;
mod file;

/// The name of a file of settings.
pub const FILE: &str = "zkmig.toml";

/// A setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// The environment's variable.
    pub environment: &'static str,
    takes: Takes,
    /// What is so where nothing is said.
    pub default: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// Paths; in the environment with this between them.
    Paths(char),
    Path,
    Text,
    /// A number from 1 to this.
    Count(u16),
    Flag,
    Choice(&'static [&'static str]),
}

/// What a setting may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Paths.
    Paths(Vec<PathBuf>),
    /// A text or a path.
    Text(String),
    /// A number.
    Count(u16),
    /// Yes or no.
    Flag(bool),
}

const fn setting(name: &'static str, environment: &'static str, takes: Takes, default: &'static str) -> Setting {
    Setting { name, environment, takes, default }
}

/// All settings.
pub const SETTINGS: &[Setting] = &[
    setting("inventory", "ZKMIG_INVENTORY", Takes::Paths(','), "none"),
    setting("library", "ZKMIG_LIBRARY", Takes::Paths(':'), "none"),
    setting("inventory_ignore_extensions", "ZKMIG_INVENTORY_IGNORE_EXTENSIONS", Takes::Text, "Ansible's own"),
    setting("inventory_ignore_patterns", "ZKMIG_INVENTORY_IGNORE_PATTERNS", Takes::Text, "none"),
    setting("forks", "ZKMIG_FORKS", Takes::Count(1000), "32"),
    setting("vault_password_file", "ZKMIG_VAULT_PASSWORD_FILE", Takes::Path, "none"),
    setting("vault_identity_list", "ZKMIG_VAULT_IDENTITY_LIST", Takes::Text, "none"),
    setting("vault_id_match", "ZKMIG_VAULT_ID_MATCH", Takes::Flag, "false"),
    setting("ask_vault_pass", "ZKMIG_ASK_VAULT_PASS", Takes::Flag, "false"),
    setting("remote_user", "ZKMIG_REMOTE_USER", Takes::Text, "what ssh says"),
    setting("remote_port", "ZKMIG_REMOTE_PORT", Takes::Count(u16::MAX), "what ssh says"),
    setting("private_key", "ZKMIG_PRIVATE_KEY", Takes::Path, "what ssh says"),
    setting("host_key_checking", "ZKMIG_HOST_KEY_CHECKING", Takes::Flag, "true"),
    setting("connect_timeout", "ZKMIG_CONNECT_TIMEOUT", Takes::Count(600), "10"),
    setting("ssh_args", "ZKMIG_SSH_ARGS", Takes::Text, "none"),
    setting("ssh_common_args", "ZKMIG_SSH_COMMON_ARGS", Takes::Text, "none"),
    setting("ssh_extra_args", "ZKMIG_SSH_EXTRA_ARGS", Takes::Text, "none"),
    setting("become", "ZKMIG_BECOME", Takes::Flag, "false"),
    setting("become_user", "ZKMIG_BECOME_USER", Takes::Text, "root"),
    setting("become_method", "ZKMIG_BECOME_METHOD", Takes::Text, "sudo"),
    setting("ask_become_pass", "ZKMIG_ASK_BECOME_PASS", Takes::Flag, "false"),
    setting("allow_pipe", "ZKMIG_ALLOW_PIPE", Takes::Flag, "false"),
    setting("colours", "ZKMIG_COLOURS", Takes::Choice(&["auto", "always", "never"]), "auto"),
];

/// The settings that count, each with where it is from.
#[derive(Debug, Default)]
pub struct Config {
    given: BTreeMap<&'static str, (Value, String)>,
    /// Files that are not taken, and why.
    pub passed_over: Vec<String>,
    /// What of a file means nothing here.
    pub notes: Vec<String>,
}

impl Config {
    /// What is said besides the command line, for a playbook in this folder. `ansible` asks for an `ansible.cfg`, perhaps a
    /// certain one.
    pub fn read(playbook_folder: Option<&Path>, ansible: Option<Option<&Path>>) -> Result<Self> {
        let mut config = Self::default();
        match ansible {
            Some(named) => ansible::read(&mut config, named)?,
            None => ansible::not_asked(&mut config),
        }
        for folder in folders(playbook_folder) {
            let path = folder.join(FILE);
            if !path.is_file() {
                continue;
            }
            if is_anybodys(&folder) {
                let shown = if folder.as_os_str().is_empty() { ".".to_owned() } else { folder.display().to_string() };
                config.passed_over.push(format!("{FILE} in {shown} is not taken: everybody may write in that folder"));
                continue;
            }
            file::read(&mut config, &path)?;
        }
        for setting in SETTINGS {
            let Some(text) = std::env::var_os(setting.environment).filter(|text| !text.is_empty()) else { continue };
            let text = text.to_string_lossy();
            let value = setting.parse(&text, Path::new("")).map_err(|wanted| {
                Error::input(format!("{} has to be {wanted}, and `{text}` is not", setting.environment))
            })?;
            config.set(setting.name, value, setting.environment.to_owned());
        }
        config.passed_over.extend(slips());
        Ok(config)
    }

    /// Says what a setting is. Library folders are added before those that are known.
    pub fn set(&mut self, name: &str, value: Value, from: String) {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else { return };
        let given = match (self.given.remove(setting.name), value) {
            (Some((Value::Paths(weaker), place)), Value::Paths(mut paths)) if setting.name == "library" => {
                paths.extend(weaker);
                (Value::Paths(paths), format!("{from}, {place}"))
            }
            (_, value) => (value, from),
        };
        self.given.insert(setting.name, given);
    }

    /// The value of a setting, if anything says one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.given.get(name).map(|(value, _)| value)
    }

    /// Where a setting's value is from.
    pub fn place(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(|(_, place)| place.as_str())
    }

    /// Paths; none when nothing is said.
    pub fn paths(&self, name: &str) -> Vec<PathBuf> {
        match self.get(name) {
            Some(Value::Paths(paths)) => paths.clone(),
            _ => Vec::new(),
        }
    }

    /// A text or a path.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// A number.
    pub fn count(&self, name: &str) -> Option<u16> {
        match self.get(name) {
            Some(Value::Count(count)) => Some(*count),
            _ => None,
        }
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Value::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }
}

/// What else is taken from the environment: the time that inventory programs have.
const TIMEOUT: &str = "ZKMIG_INVENTORY_TIMEOUT";

/// Names in the environment that nearly say a setting.
fn slips() -> Vec<String> {
    let known = || SETTINGS.iter().map(|setting| setting.environment).chain([TIMEOUT]);
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let ours = names.filter(|name| name.starts_with("ZKMIG_") && !known().any(|known| known == name));
    let slip = |name: String| closest(&name, known()).map(|meant| format!("{name} is no setting: is {meant} meant?"));
    ours.filter_map(slip).collect()
}

impl Value {
    /// As a person writes it.
    pub fn shown(&self) -> String {
        match self {
            Self::Paths(paths) => paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
            Self::Text(text) => text.replace('\n', " "),
            Self::Count(count) => count.to_string(),
            Self::Flag(flag) => flag.to_string(),
        }
    }
}

impl Setting {
    /// The same for a text of Ansible's; nothing where it says nothing. In its paths `{{CWD}}` is the current folder, and
    /// what begins with `$` is the environment's.
    fn parse_ansible(&self, text: &str, folder: &Path) -> std::result::Result<Option<Value>, String> {
        let text = text.trim();
        // To Ansible this is a list of one empty text, which means something.
        if text.is_empty() && self.name.starts_with("inventory_ignore_") {
            return Ok(Some(Value::Text(String::new())));
        }
        if text.is_empty() || text == "None" {
            return Ok(None);
        }
        let is_path = matches!(self.takes, Takes::Path | Takes::Paths(_));
        if is_path && text.contains("{{CWD}}") {
            let here = std::env::current_dir().map_err(|error| format!("a path of the current folder ({error})"))?;
            return self.parse(&text.replace("{{CWD}}", &here.display().to_string()), folder).map(Some);
        }
        if is_path && text.contains("{{") {
            return Err("a path without a template".to_owned());
        }
        if self.takes == Takes::Path {
            let expanded = from_environment(Path::new(text)).map_err(|error| format!("a path ({error})"))?;
            return self.parse(&expanded.display().to_string(), folder).map(Some);
        }
        if let Takes::Paths(between) = self.takes {
            let expanded: std::result::Result<Vec<String>, Error> = text
                .split(between)
                .map(|path| Ok(from_environment(Path::new(path.trim()))?.display().to_string()))
                .collect();
            let expanded = expanded.map_err(|error| format!("paths ({error})"))?;
            return self.parse(&expanded.join(&between.to_string()), folder).map(Some);
        }
        self.parse(text, folder).map(Some)
    }

    /// The value that a text means; the error says what it has to be. Paths are those of `folder`.
    fn parse(&self, text: &str, folder: &Path) -> std::result::Result<Value, String> {
        let text = text.trim();
        match self.takes {
            Takes::Paths(between) => {
                // A list of hosts such as `a,b,` is no list of paths.
                if self.name == "inventory" && text.ends_with(',') {
                    return Ok(Value::Paths(vec![text.into()]));
                }
                let paths = text.split(between).map(str::trim).filter(|path| !path.is_empty());
                Ok(Value::Paths(paths.map(|path| at_home(folder, path)).collect()))
            }
            Takes::Path => Ok(Value::Text(at_home(folder, text).display().to_string())),
            Takes::Text if text.is_empty() => Err("a text".to_owned()),
            Takes::Text => Ok(Value::Text(text.to_owned())),
            Takes::Count(most) => {
                let count = text.parse().ok().filter(|count| (1..=most).contains(count));
                count.map(Value::Count).ok_or_else(|| format!("a number from 1 to {most}"))
            }
            Takes::Flag => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" | "y" | "t" => Ok(Value::Flag(true)),
                "false" | "no" | "off" | "0" | "n" | "f" => Ok(Value::Flag(false)),
                _ => Err("true or false".to_owned()),
            },
            Takes::Choice(choices) if choices.contains(&text) => Ok(Value::Text(text.to_owned())),
            Takes::Choice(choices) => Err(format!("one of {}", choices.join(", "))),
        }
    }
}

/// A path that a file in `folder` names; `~` is the user's home.
fn at_home(folder: &Path, path: &str) -> PathBuf {
    let home = path.strip_prefix("~/").and_then(|rest| std::env::home_dir().map(|home| home.join(rest)));
    home.unwrap_or_else(|| folder.join(path))
}

/// The folders whose file of settings is read, the weakest first.
fn folders(playbook_folder: Option<&Path>) -> Vec<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|base| base.is_absolute());
    let base = base.or_else(|| std::env::home_dir().map(|home| home.join(".config")));
    let mut folders: Vec<PathBuf> = base.into_iter().map(|base| base.join("zkmig")).collect();
    folders.push(PathBuf::new());
    let real = |folder: &Path| {
        if folder.as_os_str().is_empty() { Path::new(".").canonicalize() } else { folder.canonicalize() }
    };
    if let Some(folder) = playbook_folder
        && real(folder).ok() != real(Path::new("")).ok()
    {
        folders.push(folder.to_owned());
    }
    folders
}

/// Whether everybody may write in a folder: what stands there may be anybody's.
fn is_anybodys(folder: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.metadata().is_ok_and(|metadata| metadata.mode() & 0o002 != 0)
}
