//! Where the passwords of vaults come from: files, programs, the prompt, and the variables of the environment that
//! ansible-core knows.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use zeroize::Zeroizing;

use super::envelope::DEFAULT;
use super::{Key, Vault, is_encrypted};
use crate::error::{Error, Result};

/// The largest password file.
const MOST: u64 = 1024 * 1024;

/// What the command line and the environment say about passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// `--vault-id`: `ID@SOURCE` or `SOURCE`, where a source is a file, a program or `prompt`.
    pub ids: Vec<String>,
    /// `--vault-password-file`: a file or a program, for the default id.
    pub files: Vec<PathBuf>,
    /// `--ask-vault-pass`: the prompt, for the default id.
    pub ask: bool,
    /// Only the passwords of the id that a vault names are tried.
    pub match_ids: bool,
}

/// Asks a person for a password. The text is the question.
pub type Asker<'a> = &'a mut dyn FnMut(&str) -> Result<Zeroizing<String>>;

/// Whether new passwords are made, which are asked for twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Vaults are read.
    Open,
    /// A new password is chosen.
    Choose,
}

impl Sources {
    /// These, and before and after them what ansible-core's variables of the environment say: `ANSIBLE_VAULT_IDENTITY_LIST`
    /// before, `ANSIBLE_VAULT_PASSWORD_FILE` and `ANSIBLE_ASK_VAULT_PASS` after.
    pub fn with_environment(mut self, get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        if let Some(list) = get("ANSIBLE_VAULT_IDENTITY_LIST") {
            self.ids = listed(&list).chain(std::mem::take(&mut self.ids)).collect();
        }
        if let Some(file) = get("ANSIBLE_VAULT_PASSWORD_FILE") {
            self.files.push(PathBuf::from(file));
        }
        let flag = |name: &str| match get(name).map(|value| value.to_lowercase()) {
            None => Ok(false),
            Some(value) if matches!(value.as_str(), "1" | "true" | "yes" | "on" | "y" | "t") => Ok(true),
            Some(value) if matches!(value.as_str(), "0" | "false" | "no" | "off" | "n" | "f") => Ok(false),
            Some(value) => Err(Error::input(format!("{name} has to be true or false, and `{value}` is not"))),
        };
        self.ask |= flag("ANSIBLE_ASK_VAULT_PASS")?;
        self.match_ids |= flag("ANSIBLE_VAULT_ID_MATCH")?;
        if let Some(id) = get("ANSIBLE_VAULT_IDENTITY").filter(|id| id != DEFAULT) {
            return Err(Error::input(format!(
                "ANSIBLE_VAULT_IDENTITY is `{id}`, and the default id is always `{DEFAULT}` here"
            ))
            .hint(format!("unset it, and name the id with each source: --vault-id {id}@FILE")));
        }
        Ok(self)
    }

    /// Whether no password is named anywhere.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.files.is_empty() && !self.ask
    }

    /// Gets the passwords, in the order in which they are tried. It fails when a source is no source, and when none gave a
    /// password. A source that gave none although another did is a warning of the vault's.
    pub fn load(&self, purpose: Purpose, ask: Asker<'_>) -> Result<Vault> {
        let mut keys: Vec<Key> = Vec::new();
        let mut failures: Vec<Error> = Vec::new();
        for (id, source) in self.each()? {
            let name = id.clone().unwrap_or_else(|| DEFAULT.to_owned());
            let found = match &source {
                Source::Prompt { plain } => Ok(prompted(&name, *plain, purpose, ask)?),
                Source::Path(path) => from_path(path, id.as_deref(), &keys),
            };
            match found {
                Ok((from, password)) => keys.push(Key { id: name, from, password }),
                Err(error) => failures.push(error),
            }
        }
        if keys.is_empty()
            && let Some(first) = failures.first()
        {
            return Err(first.clone());
        }
        let warnings = failures.iter().map(ToString::to_string).collect();
        Ok(Vault::of(keys, self.match_ids, warnings))
    }

    /// The sources, each with its id.
    fn each(&self) -> Result<Vec<(Option<String>, Source)>> {
        let mut sources = Vec::new();
        for given in &self.ids {
            let (id, source) = match given.split_once('@') {
                Some((id, source)) => (Some(id.to_owned()).filter(|id| !id.is_empty()), source),
                None => (None, given.as_str()),
            };
            if given.contains(';') {
                return Err(Error::input(format!("`{given}` can't be a vault id: it has a `;`"))
                    .hint("the id stands in the first line of a vault, whose parts `;` divides"));
            }
            if source.is_empty() {
                return Err(Error::input(format!("--vault-id {given} names no source"))
                    .hint(format!("--vault-id {given}FILE, or --vault-id {given}prompt")));
            }
            let source = match source {
                "prompt" => Source::Prompt { plain: false },
                "prompt_ask_vault_pass" => Source::Prompt { plain: true },
                path => Source::Path(PathBuf::from(path)),
            };
            sources.push((id, source));
        }
        let files = self.files.iter().map(|file| (Some(DEFAULT.to_owned()), Source::Path(file.clone())));
        sources.extend(files);
        if self.ask {
            sources.push((Some(DEFAULT.to_owned()), Source::Prompt { plain: true }));
        }
        Ok(sources)
    }
}

/// The sources in a list such as `dev@~/.dev, prod@prompt`.
pub fn listed(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(|id| id.trim().trim_matches(['"', '\'']).to_owned()).filter(|id| !id.is_empty())
}

enum Source {
    /// `plain`: the question does not name the id, as that of `--ask-vault-pass`.
    Prompt {
        plain: bool,
    },
    Path(PathBuf),
}

type Found = (String, Zeroizing<Vec<u8>>);

fn prompted(id: &str, plain: bool, purpose: Purpose, ask: Asker<'_>) -> Result<Found> {
    let question = match (purpose, plain) {
        (Purpose::Open, true) => "Vault password".to_owned(),
        (Purpose::Open, false) => format!("Vault password ({id})"),
        (Purpose::Choose, true) => "New vault password".to_owned(),
        (Purpose::Choose, false) => format!("New vault password ({id})"),
    };
    let mut get = |question: &str| -> Result<Zeroizing<Vec<u8>>> {
        let typed = ask(question)?;
        Ok(Zeroizing::new(typed.trim().as_bytes().to_vec()))
    };
    let password = get(&question)?;
    if password.is_empty() {
        return Err(Error::input(format!("the vault password of the id `{id}` that was typed is empty"))
            .hint("type it again, or press Ctrl-C"));
    }
    if purpose == Purpose::Choose && get(&format!("{question}, again"))? != password {
        return Err(Error::input(format!("the two vault passwords of the id `{id}` that were typed differ"))
            .hint("start again"));
    }
    Ok(("the prompt".to_owned(), password))
}

fn from_path(path: &Path, id: Option<&str>, known: &[Key]) -> Result<Found> {
    let path = &expanded(path)?;
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| {
        Error::input(format!("can't read the vault password file {shown}"))
            .caused_by(error)
            .hint("a relative path is relative to the folder that you are in; `prompt` asks for the password")
    })?;
    if metadata.is_dir() {
        return Err(Error::input(format!("the vault password file {shown} is a folder"))
            .hint("name the file in it that holds the password"));
    }
    if metadata.permissions().mode() & 0o111 != 0 {
        return Ok((format!("the program {shown}"), from_program(path, id)?));
    }
    if metadata.len() > MOST {
        return Err(Error::input(format!("the vault password file {shown} has {} bytes", metadata.len()))
            .hint("it holds the password and nothing else: is it another file?"));
    }
    let bytes = std::fs::read(path).map(Zeroizing::new).map_err(|error| {
        Error::input(format!("can't read the vault password file {shown}"))
            .caused_by(error)
            .hint("who starts zkmig has to be able to read it: chmod 600, chown")
    })?;
    let mut password = trimmed(&bytes, u8::is_ascii_whitespace);
    if is_encrypted(&password) {
        let text = String::from_utf8_lossy(&password);
        let inner = Vault::of(known.iter().map(Key::copy).collect(), false, Vec::new());
        let plain = inner.bytes(&text, &format!("the vault password file {shown}"))?;
        password = trimmed(&plain, |byte| matches!(byte, b'\r' | b'\n'));
    }
    if password.is_empty() {
        return Err(Error::input(format!("the vault password file {shown} is empty"))
            .hint("it holds the password in its first line"));
    }
    Ok((format!("the file {shown}"), password))
}

fn from_program(path: &Path, id: Option<&str>) -> Result<Zeroizing<Vec<u8>>> {
    let shown = path.display();
    let is_client = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("-client"));
    // A path without a slash would be looked for in PATH.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut command = Command::new(absolute);
    if let Some(id) = id.filter(|_| is_client) {
        command.args(["--vault-id", id]);
    }
    // A plain one may ask at the terminal; what a client says belongs to the error.
    command.stdout(Stdio::piped()).stderr(if is_client { Stdio::piped() } else { Stdio::inherit() });
    let ran = command.spawn().and_then(std::process::Child::wait_with_output).map_err(|error| {
        Error::input(format!("can't run the vault password program {shown}"))
            .caused_by(error)
            .hint(format!("a file with the x bit is run; if it holds the password itself: chmod -x {shown}"))
            .hint("a script begins with a line such as #!/bin/sh")
    })?;
    let Output { status, stdout, stderr } = ran;
    let stdout = Zeroizing::new(stdout);
    if !status.success() {
        let name = id.unwrap_or(DEFAULT);
        let error = if is_client && status.code() == Some(2) {
            Error::input(format!("the vault password program {shown} has no password of the id `{name}`"))
                .hint(format!("it was run as {shown} --vault-id {name}: check the id, and what the program knows"))
        } else {
            Error::input(format!("the vault password program {shown} failed for the id `{name}` ({status})"))
                .hint("run it by hand: it has to print the password on standard output and end with 0")
        };
        let said = String::from_utf8_lossy(&stderr);
        let said: String = said.trim().chars().take(2000).collect();
        return Err(if said.is_empty() { error } else { error.detail(format!("it said:\n{said}")) });
    }
    let password = trimmed(&stdout, |byte| matches!(byte, b'\r' | b'\n'));
    if password.is_empty() {
        return Err(Error::input(format!("the vault password program {shown} printed nothing"))
            .hint("run it by hand: it has to print the password on standard output"));
    }
    Ok(password)
}

fn trimmed(bytes: &[u8], is_space: impl Fn(&u8) -> bool) -> Zeroizing<Vec<u8>> {
    let start = bytes.iter().position(|byte| !is_space(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    Zeroizing::new(bytes[start..end].to_vec())
}

/// The path with the user's home for `~` and the environment's values for `$NAME` and `${NAME}`: behind an `@` no shell does it.
pub fn expanded(path: &Path) -> Result<PathBuf> {
    let Some(text) = path.to_str().filter(|text| text.starts_with('~') || text.contains('$')) else {
        return Ok(path.to_path_buf());
    };
    let mut whole = String::new();
    let mut rest = text;
    if let Some(after) = text.strip_prefix('~') {
        if !(after.is_empty() || after.starts_with('/')) {
            return Err(
                Error::input(format!("the home of another user can't be found: {text}")).hint("write the path out")
            );
        }
        whole.push_str(
            &std::env::var("HOME").map_err(|_| Error::input(format!("HOME is not set, and {text} needs it")))?,
        );
        rest = after;
    }
    while let Some((before, after)) = rest.split_once('$') {
        whole.push_str(before);
        let (name, behind) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some(found) => found,
            None => {
                after.split_at(after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len()))
            }
        };
        match std::env::var(name).ok().filter(|_| !name.is_empty()) {
            Some(value) => whole.push_str(&value),
            // What the environment does not have stays as it is written, as in ansible-core.
            None => whole.push_str(&rest[before.len()..rest.len() - behind.len()]),
        }
        rest = behind;
    }
    whole.push_str(rest);
    Ok(PathBuf::from(whole))
}

#[cfg(test)]
mod tests;
