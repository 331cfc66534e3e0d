//! An `ansible.cfg`, for what of it means something here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Config, SETTINGS, is_anybodys};
use crate::error::{Error, Excerpt, Result};

/// The keys that are taken: section, key, setting.
const TAKEN: &[(&str, &str, &str)] = &[
    ("defaults", "inventory", "inventory"),
    ("defaults", "remote_user", "remote_user"),
    ("defaults", "private_key_file", "private_key"),
    ("defaults", "forks", "forks"),
    ("defaults", "vault_password_file", "vault_password_file"),
    ("defaults", "host_key_checking", "host_key_checking"),
    ("ssh_connection", "ssh_args", "ssh_args"),
    ("privilege_escalation", "become", "become"),
    ("privilege_escalation", "become_user", "become_user"),
    ("privilege_escalation", "become_method", "become_method"),
];

/// Keys by which the same inventory means something else: section, key, the values that change nothing.
const CHANGING: &[(&str, &str, &str)] = &[
    ("defaults", "hash_behaviour", "replace"),
    ("defaults", "precedence", ""),
    ("defaults", "force_valid_group_names", "never|ignore"),
    ("defaults", "yaml_valid_extensions", ""),
    ("defaults", "inventory_ignore_extensions", ""),
    ("defaults", "inventory_ignore_patterns", ""),
    ("inventory", "ignore_extensions", ""),
    ("inventory", "ignore_patterns", ""),
];

/// Takes what the file says; without a name, the first of those that Ansible looks for.
pub fn read(config: &mut Config, named: Option<&Path>) -> Result<()> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => found(config)?,
    };
    let shown = path.display().to_string();
    let text: Arc<str> = std::fs::read_to_string(&path)
        .map_err(|error| Error::input(format!("can't read {shown}")).caused_by(error))?
        .into();
    let folder = path.parent().unwrap_or(Path::new(""));
    let (mut section, mut start) = (String::new(), 0);
    let mut left = Vec::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let (from, excerpt) = (
            format!("{shown}:{}", index + 1),
            Excerpt::new(&shown, Arc::clone(&text), start..start + line.trim_end().len()),
        );
        start += line.len();
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) || line.starts_with([' ', '\t']) {
            continue;
        }
        if let Some(name) = bare.strip_prefix('[') {
            section = name.split(']').next().unwrap_or_default().to_owned();
            continue;
        }
        let Some((key, value)) = bare.split_once(['=', ':']) else {
            return Err(Error::input("this is neither a section nor `key = value`").at(excerpt));
        };
        let key = key.trim();
        // Python's reader of these files ends a value at ` ;`.
        let value = value.split(" ;").next().unwrap_or_default().trim();
        let here = || std::env::current_dir().map(|folder| folder.display().to_string()).unwrap_or_default();
        let value = if value.contains("{{CWD}}") { &*value.replace("{{CWD}}", &here()) } else { value };
        let taken = TAKEN.iter().find(|(in_section, known, _)| *in_section == section && *known == key);
        let setting = taken.and_then(|(_, _, name)| SETTINGS.iter().find(|setting| setting.name == *name));
        if CHANGING.iter().any(|(in_section, known, as_it_is)| {
            *in_section == section
                && *known == key
                && !value.is_empty()
                && as_it_is.split('|').all(|same| value != same)
        }) {
            return Err(Error::input(format!("`{key}` changes what inventories mean, and is not supported"))
                .at(excerpt)
                .hint("leave it out, and write what it does into the inventory"));
        }
        let Some(setting) = setting else {
            left.push(format!("[{section}] {key}"));
            continue;
        };
        let value = setting
            .parse(value, folder)
            .map_err(|wanted| Error::input(format!("`{key}` has to be {wanted}, and `{value}` is not")).at(excerpt))?;
        config.set(setting.name, value, from);
    }
    if !left.is_empty() {
        config.notes.push(format!("{shown}: not taken here: {}", left.join(", ")));
    }
    Ok(())
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
