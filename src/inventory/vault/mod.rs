//! Ansible's vault: texts and files that a password protects, formats 1.1 and 1.2, read and written.
//!
//! Passwords have ids. A vault may name the id of its password; the passwords of that id are tried first, then the others in
//! the order in which they were given, as ansible-core does.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use zeroize::Zeroizing;

mod cipher;
mod envelope;
pub mod passwords;

use crate::error::{Error, Result};
use envelope::{DEFAULT, HEADER};

/// The key of the object that stands for a value that is a vault.
pub const VALUE: &str = "__ansible_vault";

/// A password and the id that it goes by.
struct Key {
    id: String,
    /// Where it came from: `the file /path`, `the prompt`.
    from: String,
    password: Zeroizing<Vec<u8>>,
}

impl Key {
    fn copy(&self) -> Self {
        Self { id: self.id.clone(), from: self.from.clone(), password: self.password.clone() }
    }
}

/// Is told what was decrypted.
type Listener = Box<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
struct Inner {
    keys: Vec<Key>,
    /// Only the passwords of the id that a vault names are tried.
    match_ids: bool,
    warnings: Vec<String>,
    /// What was decrypted, by the vault's text: making the keys takes milliseconds, and a group's value is asked for by each
    /// of its hosts.
    opened: Mutex<HashMap<String, Arc<Zeroizing<Vec<u8>>>>>,
    /// The texts that were decrypted before anybody listened, and who listens.
    told: Mutex<(Vec<Zeroizing<String>>, Option<Listener>)>,
}

/// The passwords of a run and what was decrypted with them. Clones share them.
#[derive(Clone, Default)]
pub struct Vault(Arc<Inner>);

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys.iter().map(|key| (&key.id, &key.from))).finish()
    }
}

/// Whether a file's or a value's text is a vault.
pub fn is_encrypted(text: &[u8]) -> bool {
    text.starts_with(HEADER.as_bytes()) && text.is_ascii()
}

impl Vault {
    /// A vault whose passwords are known: an id and a password each.
    pub fn with_passwords<'a>(passwords: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let keys = passwords.into_iter().map(|(id, password)| Key {
            id: id.to_owned(),
            from: "a known password".to_owned(),
            password: Zeroizing::new(password.as_bytes().to_vec()),
        });
        Self::of(keys.collect(), false, Vec::new())
    }

    fn of(keys: Vec<Key>, match_ids: bool, warnings: Vec<String>) -> Self {
        Self(Arc::new(Inner { keys, match_ids, warnings, ..Inner::default() }))
    }

    /// A sentence for each source that gave no password, although another did.
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }

    /// Whether it has no password.
    pub fn is_empty(&self) -> bool {
        self.0.keys.is_empty()
    }

    /// Has every text that is decrypted, and that was decrypted until now, told to `listener` before anybody else gets it.
    pub fn tell(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        for text in std::mem::take(&mut told.0) {
            listener(&text);
        }
        told.1 = Some(Box::new(listener));
    }

    /// Has a text treated as one that was decrypted here: a value of a file that is a vault as a whole.
    pub fn reveal(&self, text: &str) {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        match &told.1 {
            Some(listener) => listener(text),
            None => told.0.push(Zeroizing::new(text.to_owned())),
        }
    }

    /// Decrypts a value. `origin` is what it is, for a person: `the variable db_password (group_vars/all.yml:3)`. The value
    /// is told as a secret before it is given.
    pub fn decrypt(&self, text: &str, origin: &str) -> Result<String> {
        let bytes = self.bytes(text, origin)?;
        let plain = std::str::from_utf8(&bytes).map_err(|_| not_text(origin))?;
        self.reveal(plain);
        Ok(plain.to_owned())
    }

    /// Decrypts a file of variables. It is not told as a whole: whoever reads its values tells each with [`Self::reveal`].
    pub fn decrypt_file(&self, text: &str, path: &str) -> Result<Zeroizing<String>> {
        let bytes = self.bytes(text, path)?;
        let plain = std::str::from_utf8(&bytes).map_err(|_| not_text(path))?;
        Ok(Zeroizing::new(plain.to_owned()))
    }

    /// A variable's value with every vault in it decrypted: `{"__ansible_vault": "…"}` becomes its text.
    pub fn open_value(&self, value: &Value, origin: &str) -> Result<Value> {
        Ok(match value {
            Value::Object(fields) => match (fields.len(), fields.get(VALUE).and_then(Value::as_str)) {
                (1, Some(text)) => Value::String(self.decrypt(text, origin)?),
                _ => Value::Object(
                    fields
                        .iter()
                        .map(|(name, value)| Ok((name.clone(), self.open_value(value, origin)?)))
                        .collect::<Result<_>>()?,
                ),
            },
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.open_value(item, origin)).collect::<Result<_>>()?)
            }
            other => other.clone(),
        })
    }

    /// Has a value of a file that is a vault as a whole treated as decrypted here: its texts, and its numbers of four digits
    /// and more. Shorter numbers and truth values are in every line of output.
    pub fn reveal_value(&self, value: &Value) {
        match value {
            Value::String(text) => self.reveal(text),
            Value::Number(number) if number.to_string().len() >= 4 => self.reveal(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.reveal_value(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.reveal_value(field)),
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    /// Decrypts to bytes, which may be no text.
    pub fn bytes(&self, text: &str, origin: &str) -> Result<Arc<Zeroizing<Vec<u8>>>> {
        // What stands in YAML may have line ends before and after it.
        let text = text.trim();
        let opened = || self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened().get(text) {
            return Ok(Arc::clone(known));
        }
        let plain = Arc::new(self.open(text, origin)?.0);
        opened().insert(text.to_owned(), Arc::clone(&plain));
        Ok(plain)
    }

    /// Encrypts with the first password of an id; with the only one there is, when no id is named. Gives the vault's text.
    pub fn encrypt(&self, plain: &[u8], id: Option<&str>) -> Result<String> {
        if is_encrypted(plain) {
            return Err(Error::input("it is a vault already")
                .hint("`zkmig vault rekey` gives it another password, `zkmig vault view` shows what is in it"));
        }
        let key = self.key_to_write(id)?;
        sealed(plain, &key.password, &key.id)
    }

    /// The vault with another content: with the password that opens it, and the id that it names.
    pub fn replace(&self, text: &str, plain: &[u8], origin: &str) -> Result<String> {
        let (_, key) = self.open(text.trim(), origin)?;
        let id = envelope::parse(text.trim()).ok().and_then(|envelope| envelope.id);
        sealed(plain, &key.password, id.as_deref().unwrap_or(DEFAULT))
    }

    fn key_to_write(&self, id: Option<&str>) -> Result<&Key> {
        let known = || self.0.keys.iter().map(|key| key.id.as_str());
        match (id, self.0.keys.as_slice()) {
            (_, []) => {
                Err(Error::input("no vault password was given to encrypt with").hint(give(id.unwrap_or(DEFAULT))))
            }
            (None, [key]) => Ok(key),
            (None, _) => Err(Error::input(format!(
                "there are passwords of several ids: {}",
                known().collect::<Vec<_>>().join(", ")
            ))
            .hint("say which encrypts: --encrypt-vault-id ID")),
            (Some(id), keys) => keys.iter().find(|key| key.id == id).ok_or_else(|| {
                Error::input(format!("no password of the id `{id}` was given to encrypt with"))
                    .did_you_mean(id, known())
                    .hint(give(id))
            }),
        }
    }

    /// Decrypts with the first password that fits.
    fn open(&self, text: &str, origin: &str) -> Result<(Zeroizing<Vec<u8>>, &Key)> {
        let envelope = envelope::parse(text).map_err(|damage| {
            Error::input(format!("{origin} is a damaged vault: {}", damage.message)).hint(damage.hint)
        })?;
        let id = envelope.id.as_deref().unwrap_or(DEFAULT);
        if self.is_empty() {
            return Err(Error::input(format!("{origin} is a vault of the id `{id}`, and no vault password was given"))
                .hint(give(id)));
        }
        let (mut first, others): (Vec<&Key>, Vec<&Key>) = self.0.keys.iter().partition(|key| key.id == id);
        let has_id = !first.is_empty();
        if !self.0.match_ids {
            first.extend(others);
        }
        for key in &first {
            match cipher::open(&envelope.sealed, &key.password) {
                Ok(plain) => return Ok((plain, key)),
                Err(cipher::Refused::Code) => {}
                Err(cipher::Refused::Padding) => {
                    return Err(Error::input(format!(
                        "{origin} is a vault whose password fits and whose padding is wrong: ansible-vault did not make it"
                    ))
                    .hint("encrypt the original anew: zkmig vault encrypt FILE"));
                }
            }
        }
        if first.is_empty() {
            let known: Vec<&str> = self.0.keys.iter().map(|key| key.id.as_str()).collect();
            let error = Error::input(format!("{origin} is a vault of the id `{id}`, of which no password was given"))
                .detail(format!(
                    "there are passwords of: {}; ANSIBLE_VAULT_ID_MATCH keeps them from being tried",
                    known.join(", ")
                ))
                .hint(give(id));
            return Err(self.without_password(error));
        }
        let tried: Vec<String> = first.iter().map(|key| format!("`{}` from {}", key.id, key.from)).collect();
        let error = if has_id {
            Error::input(format!("the password of the id `{id}` does not open {origin}"))
                .detail(format!("tried: {}", tried.join(", ")))
                .hint("either it is another password, or the vault was changed after it was made: both look the same")
                .hint(format!("try the password that made it: zkmig vault view --vault-id {id}@prompt FILE"))
        } else {
            Error::input(format!("{origin} is a vault of the id `{id}`, and none of the given passwords opens it"))
                .detail(format!("tried: {}", tried.join(", ")))
                .hint(give(id))
        };
        Err(self.without_password(error))
    }

    /// The error with the sources that gave no password: one of them may have had it.
    fn without_password(&self, error: Error) -> Error {
        self.0.warnings.iter().fold(error, |error, warning| error.detail(format!("a source gave none: {warning}")))
    }
}

fn sealed(plain: &[u8], password: &[u8], id: &str) -> Result<String> {
    let mut salt = [0; cipher::SALT];
    getrandom::fill(&mut salt).map_err(|error| Error::failed("this machine gives no random bytes").caused_by(error))?;
    let sealed = cipher::seal(plain, password, salt)
        .ok_or_else(|| Error::defect("the cipher did not take the keys that were made for it"))?;
    Ok(envelope::format(&sealed, id))
}

/// How the password of an id is given.
fn give(id: &str) -> String {
    if id == DEFAULT {
        "give its password: --vault-password-file FILE, --ask-vault-pass (-J), or ANSIBLE_VAULT_PASSWORD_FILE"
            .to_owned()
    } else {
        format!("give its password: --vault-id {id}@FILE or --vault-id {id}@prompt")
    }
}

fn not_text(origin: &str) -> Error {
    Error::input(format!("{origin} was decrypted and is not a text in UTF-8"))
        .hint("a variable has to be a text; copy files that are none to hosts as files")
}

#[cfg(test)]
mod tests;
