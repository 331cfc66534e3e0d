//! How a run was asked for, as its record keeps it: enough to go on with it, and to see whether anything differs by then.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::inventory::Extra;

/// The file `run.json` of a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form.
    pub v: u32,
    /// The run's id.
    pub run: String,
    /// zkmig's version.
    pub version: String,
    /// The command: `run` or `exec`.
    pub command: String,
    /// The playbook, or what stands for it, as it was typed.
    pub playbook: String,
    /// The folders of shared libraries.
    #[serde(default)]
    pub libraries: Vec<PathBuf>,
    /// The inventories, as they were typed.
    pub inventories: Vec<PathBuf>,
    /// The pattern of `--limit`.
    pub limit: Option<String>,
    /// The arguments of `-e`, without secrets.
    pub extra_vars: Vec<String>,
    /// The variables of `-e` that were left out of the record, because they are secret.
    pub secret_vars: Vec<String>,
    /// How hosts are reached whose variables don't say.
    #[serde(default)]
    pub reached: Reached,
    /// `--forks`.
    pub forks: u16,
    /// Check mode.
    pub check: bool,
    /// `--diff`.
    pub diff: bool,
    /// `--yes`.
    pub yes: bool,
    /// `--ask-become-pass`.
    pub ask_become_pass: bool,
    /// Where the passwords of vaults are.
    #[serde(default)]
    pub vault: VaultSources,
    /// Whether it may change hosts.
    pub may_change: bool,
    /// The folder that it was started in.
    pub folder: PathBuf,
    /// The operator.
    pub who: String,
    /// The operator's machine.
    pub from: String,
    /// When it was started.
    pub started: Timestamp,
    /// The SHA-256 of every file that it was made from, by what the file is and its path as typed.
    pub inputs: BTreeMap<String, String>,
}

/// Where the passwords of vaults are, as it was typed. What the environment says is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultSources {
    /// `--vault-id`.
    pub ids: Vec<String>,
    /// `--vault-password-file`.
    pub files: Vec<PathBuf>,
    /// `--ask-vault-pass`.
    pub ask: bool,
    /// Only the passwords of the id that a vault names are tried.
    #[serde(default)]
    pub match_ids: bool,
}

/// How hosts are reached whose variables don't say: what the command line and the settings came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// The login user.
    pub user: Option<String>,
    /// The port.
    #[serde(default)]
    pub port: Option<u16>,
    /// The private key.
    pub private_key: Option<PathBuf>,
    /// Effects run as another user than the one who logs in.
    pub becomes: Option<bool>,
    /// Who that is.
    #[serde(default)]
    pub become_user: Option<String>,
    /// How it is become.
    #[serde(default)]
    pub become_method: Option<String>,
    /// Hosts whose key is not known are refused.
    pub host_key_checking: Option<bool>,
    /// How long connecting may take, in seconds.
    #[serde(default)]
    pub connect_timeout: Option<u16>,
    /// Arguments of ssh.
    pub ssh_args: Option<String>,
    /// More of them.
    #[serde(default)]
    pub ssh_common_args: Option<String>,
    /// The last of them.
    #[serde(default)]
    pub ssh_extra_args: Option<String>,
    /// Which files of a folder are no inventories, by the ends of their names.
    #[serde(default)]
    pub ignored_ends: Option<String>,
    /// The same, by patterns of their names.
    #[serde(default)]
    pub ignored_patterns: Option<String>,
    /// Hosts that can't be reached are left out.
    #[serde(default)]
    pub skip_unreachable: bool,
}

impl Manifest {
    /// The same without the arguments of `-e` in which there is a secret: they have to be given again. A path is no secret,
    /// whatever words it has.
    pub fn without(&self, is_secret: impl Fn(&str) -> bool) -> Self {
        let mut kept = self.clone();
        kept.extra_vars.retain(|argument| {
            let value = argument.split_once('=').map_or(argument.as_str(), |(_, value)| value);
            let is_kept = argument.starts_with('@') || !is_secret(value);
            if !is_kept {
                let names = Extra::parse(std::slice::from_ref(argument));
                let names = names.iter().flat_map(Extra::iter).map(|(name, _)| name.to_string());
                kept.secret_vars.extend(names);
            }
            is_kept
        });
        kept
    }

    /// What differs in the inputs of `now`, a line each; nothing when all is as it was.
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.version != now.version {
            found.push(format!("zkmig: version {} then, {} now", self.version, now.version));
        }
        for (name, hash) in &self.inputs {
            match now.inputs.get(name) {
                None => found.push(format!("{name}: not used any more")),
                Some(other) if other != hash => found.push(format!("{name}: its content has changed")),
                Some(_) => {}
            }
        }
        found.extend(
            now.inputs.keys().filter(|name| !self.inputs.contains_key(*name)).map(|name| format!("{name}: is new")),
        );
        if self.limit != now.limit {
            let shown = |limit: &Option<String>| limit.clone().unwrap_or_else(|| "none".to_owned());
            found.push(format!("--limit: {} then, {} now", shown(&self.limit), shown(&now.limit)));
        }
        if self.extra_vars != now.extra_vars {
            found.push(format!("-e: {} then, {} now", list(&self.extra_vars), list(&now.extra_vars)));
        }
        found
    }

    /// The run's command line from the program's name on, quoted for a shell.
    pub fn command_line(&self) -> String {
        let mut words = vec!["zkmig".to_owned(), self.command.clone(), word(&self.playbook)];
        words.extend(self.target_words(&self.extra_vars));
        if self.check {
            words.push("--check".to_owned());
        }
        words.join(" ")
    }

    /// The options that say which hosts are meant, with these variables, quoted for a shell.
    pub fn target_words(&self, extra_vars: &[String]) -> Vec<String> {
        let mut words = Vec::new();
        for inventory in &self.inventories {
            words.extend(["-i".to_owned(), word(&inventory.display().to_string())]);
        }
        if let Some(user) = &self.reached.user {
            words.extend(["-u".to_owned(), word(user)]);
        }
        if let Some(key) = &self.reached.private_key {
            words.extend(["--private-key".to_owned(), word(&key.display().to_string())]);
        }
        if self.reached.becomes == Some(true) {
            words.push("-b".to_owned());
        }
        for (option, value) in
            [("--become-user", &self.reached.become_user), ("--become-method", &self.reached.become_method)]
        {
            if let Some(value) = value {
                words.extend([option.to_owned(), word(value)]);
            }
        }
        if self.reached.skip_unreachable {
            words.push("--skip-unreachable".to_owned());
        }
        for library in &self.libraries {
            words.extend(["-L".to_owned(), word(&library.display().to_string())]);
        }
        if let Some(limit) = &self.limit {
            words.extend(["-l".to_owned(), word(limit)]);
        }
        for argument in extra_vars {
            words.extend(["-e".to_owned(), word(argument)]);
        }
        if self.ask_become_pass || !self.secret_vars.is_empty() {
            words.push("-K".to_owned());
        }
        for id in &self.vault.ids {
            words.extend(["--vault-id".to_owned(), word(id)]);
        }
        for file in &self.vault.files {
            words.extend(["--vault-password-file".to_owned(), word(&file.display().to_string())]);
        }
        if self.vault.ask {
            words.push("-J".to_owned());
        }
        words
    }
}

fn list(arguments: &[String]) -> String {
    if arguments.is_empty() { "none".to_owned() } else { arguments.join(" ") }
}

/// A word as a person would type it in a shell: quoted where it has to be.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { crate::task::quoted(text) }
}

/// The SHA-256 of a text, in hexadecimal.
pub fn hash(text: &[u8]) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An id for a run that begins now: ids sort as their runs began.
pub fn new_id(now: Timestamp) -> String {
    // Where in its second, in parts of 4096: many runs of a script begin in one. What begins in the same part is told by its process.
    let part = i64::from(now.subsec_nanosecond()) * 4096 / 1_000_000_000;
    format!("{}-{part:03x}{:x}", now.strftime("%Y%m%d-%H%M%S"), std::process::id() & 0xf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_as_their_runs_began_within_a_second_too() {
        let second = Timestamp::from_second(1_800_000_000).expect("a time");
        let id = |nanoseconds| new_id(second + jiff::SignedDuration::from_nanos(nanoseconds));
        let ids: Vec<String> = [0, 1_000_000, 250_000_000, 999_999_999, 1_000_000_000].map(id).into();
        assert!(ids.is_sorted(), "{ids:?}");
        assert_eq!(ids[0].len(), "20270115-080000-0000".len());
        assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    }

    fn manifest() -> Manifest {
        Manifest {
            v: 1,
            run: "r".to_owned(),
            version: "1".to_owned(),
            command: "run".to_owned(),
            playbook: "play book.rhai".to_owned(),
            libraries: Vec::new(),
            inventories: vec!["hosts.yaml".into()],
            limit: None,
            extra_vars: vec!["a=b c".to_owned()],
            secret_vars: Vec::new(),
            reached: Reached::default(),
            forks: 32,
            check: false,
            diff: false,
            yes: true,
            ask_become_pass: false,
            vault: VaultSources {
                ids: vec!["prod@~/.vault prod".to_owned()],
                files: vec!["pw".into()],
                ask: true,
                match_ids: true,
            },
            may_change: true,
            folder: "/".into(),
            who: "alice".to_owned(),
            from: "laptop".to_owned(),
            started: Timestamp::UNIX_EPOCH,
            inputs: [("playbook x.rhai".to_owned(), "1".to_owned()), ("inventory y".to_owned(), "2".to_owned())].into(),
        }
    }

    #[test]
    fn the_command_line_can_be_typed_again() {
        assert_eq!(
            manifest().command_line(),
            "zkmig run 'play book.rhai' -i hosts.yaml -e 'a=b c' --vault-id 'prod@~/.vault prod' --vault-password-file pw -J"
        );
    }

    #[test]
    fn everything_that_differs_is_named() {
        let mut now = manifest();
        assert!(manifest().changes(&now).is_empty());
        now.inputs.insert("playbook x.rhai".to_owned(), "other".to_owned());
        now.inputs.remove("inventory y");
        now.inputs.insert("inventory z".to_owned(), "3".to_owned());
        now.limit = Some("m1".to_owned());
        now.extra_vars.clear();
        assert_eq!(
            manifest().changes(&now),
            [
                "inventory y: not used any more",
                "playbook x.rhai: its content has changed",
                "inventory z: is new",
                "--limit: none then, m1 now",
                "-e: a=b c then, none now",
            ]
        );
    }
}
