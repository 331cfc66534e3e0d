//! How a host is reached, from its `ansible_*` and `zkmig_*` variables.
//!
//! All names that Ansible knows are accepted. Those that mean something here work; those that would matter and do not work
//! are an error when the host is reached, not when hosts are listed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::becoming::{self, METHODS, What};
use super::ssh_arguments::Arguments;
use super::templates::is_template;
use super::vault::passwords::expanded as from_environment;
use super::{Host, Inventory, Origin, Variable, ssh_arguments};
use crate::error::{Error, Result};
use crate::host::becoming::{Become, Method};
use crate::host::secret::{Password, Secret};
use crate::host::{User, is_user_name};
pub use names::{KNOWN, OTHERS, OWN};
use names::{ONLY, UNSUPPORTED};

mod names;

/// How a host is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// It is this machine: no ssh.
    pub local: bool,
    /// What ssh is given.
    pub address: String,
    /// The port.
    pub port: Option<u16>,
    /// The login user.
    pub user: Option<String>,
    /// The private key.
    pub key: Option<PathBuf>,
    /// Effects run as another user than the one who logs in.
    pub becomes: bool,
    /// Who that is, where it is not root.
    pub become_user: Option<String>,
    /// How other users are become.
    pub become_with: Become,
    /// An ssh client configuration instead of the user's own.
    pub ssh_config: Option<PathBuf>,
    /// Options of ssh's configuration.
    pub ssh_options: Vec<(String, String)>,
    /// Refuse hosts whose key is not known.
    pub strict_host_keys: bool,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// Where the host's lock is, instead of the user's own place.
    pub lock_file: Option<String>,
}

impl Connection {
    /// The connection that a host without any variable has.
    pub fn to(name: &str) -> Self {
        Self {
            local: false,
            address: name.to_owned(),
            port: None,
            user: None,
            key: None,
            becomes: false,
            become_user: None,
            become_with: Become::default(),
            ssh_config: None,
            ssh_options: Vec::new(),
            strict_host_keys: true,
            connect_timeout: Duration::from_secs(10),
            lock_file: None,
        }
    }
}

impl Connection {
    /// Who `become: true` is on the host.
    pub fn become_user(&self) -> User {
        self.become_user.as_deref().map_or(User::Root, User::named)
    }
}

/// Reads a host's connection from its variables.
pub fn read(inventory: &Inventory, host: &Host) -> Result<Connection> {
    let reader = Reader { inventory, host };
    let mut connection = Connection::to(&host.name);
    inventory.options.defaults.begin(&mut connection);
    reader.refuse_unknown()?;
    if let Some(given) = reader.get(&["ansible_connection"])? {
        let kind = given.text("ssh or local")?;
        connection.local = match kind.strip_prefix("ansible.builtin.").unwrap_or(&kind) {
            "local" => true,
            "ssh" | "smart" | "paramiko" | "paramiko_ssh" => false,
            _ => return Err(given.wrong("ssh or local")),
        };
    }
    if !connection.local {
        reader.ssh(&mut connection)?;
    }
    reader.becoming(&mut connection)?;
    if let Some(given) = reader.get(&["zkmig_lock_file"])? {
        let path = given.text("an absolute path on the host")?;
        let plain = |c: char| c.is_ascii_graphic() || c == ' ';
        if !path.starts_with('/') || path.ends_with('/') || path.len() > 1000 || !path.chars().all(plain) {
            return Err(given.wrong("an absolute path on the host, in ASCII"));
        }
        connection.lock_file = Some(path);
    }
    Ok(connection)
}

/// Whether a text can be a host's name or address: nothing in it means anything to ssh or a shell.
pub fn is_host_name(name: &str) -> bool {
    let good = |c: char| c.is_alphanumeric() || ".-_:%@".contains(c);
    let parts = || name.split('@').all(|part| !part.is_empty() && !part.starts_with(['-', '.', ':', '%']));
    name.len() <= 255 && name.chars().all(good) && (parts() || super::address::is_ip(name))
}

struct Reader<'a> {
    inventory: &'a Inventory,
    host: &'a Host,
}

/// A variable that counts, with its value rendered and opened.
struct Given<'a> {
    name: &'a str,
    variable: &'a Variable,
    value: Value,
}

impl<'a> Reader<'a> {
    /// Of several names of one thing the last that the host has, as Ansible looks for it.
    fn get(&self, names: &[&'a str]) -> Result<Option<Given<'a>>> {
        for name in names.iter().rev() {
            let Some(variable) = self.host.variable(name) else { continue };
            let value = self.value(name, variable)?;
            if !value.is_null() {
                return Ok(Some(Given { name, variable, value }));
            }
        }
        Ok(None)
    }

    fn value(&self, name: &str, variable: &Variable) -> Result<Value> {
        let options = &self.inventory.options;
        if let Some(sealed) = variable.vault() {
            let origin = format!("the variable {name} ({})", variable.origin.place());
            return options.vault.decrypt(sealed, &origin).map(Value::String);
        }
        if !is_template(&variable.value) {
            return Ok(variable.value.clone());
        }
        let Some(templates) = &options.templates else {
            return Err(variable.origin.at(Error::input(format!(
                "{name} of {} is a template, which can't be rendered here",
                self.host.name
            ))));
        };
        let rendered =
            templates.variable(self.inventory, self.host, name).map_err(|error| variable.origin.at(error))?;
        Ok(rendered.unwrap_or_default())
    }

    /// zkmig's own names are few: another one is a slip.
    fn refuse_unknown(&self) -> Result<()> {
        let own = |name: &&str| name.starts_with("zkmig_") && !OWN.contains(name);
        let Some(name) = self.host.variable_names().find(own) else { return Ok(()) };
        let error = Error::input(format!("zkmig does not know the variable `{name}`"))
            .did_you_mean(name, OWN.iter().copied())
            .hint("names that begin with `zkmig_` say how a host is reached; it would be ignored silently");
        Err(self.host.variable(name).map_or(error.clone(), |variable| variable.origin.at(error)))
    }

    fn refuse_unsupported(&self, which: &[&str]) -> Result<()> {
        for (names, hint) in UNSUPPORTED.iter().filter(|(names, _)| names.iter().any(|name| which.contains(name))) {
            if let Some((name, variable)) = names.iter().find_map(|name| Some((name, self.host.variable(name)?)))
                && !variable.value.is_null()
                && variable.value != ""
            {
                return Err(variable.origin.at(Error::input(format!("{name} does not work here"))).hint(*hint));
            }
        }
        Ok(())
    }

    fn refuse_other(&self, which: &[&str]) -> Result<()> {
        for (names, same, hint) in ONLY.iter().filter(|(names, ..)| names.iter().any(|name| which.contains(name))) {
            if let Some(given) = self.get(names)?
                && !given.written().is_some_and(|text| same.contains(&text.as_str()))
            {
                let error = Error::input(format!("{} does not work here with `{}`", given.name, given.shown()));
                return Err(given.variable.origin.at(error).hint(*hint));
            }
        }
        Ok(())
    }

    /// How other users are become: a call may want that although the host's own effects do not.
    fn becoming(&self, connection: &mut Connection) -> Result<()> {
        if let Some(given) = self.get(&["ansible_become"])? {
            connection.becomes = given.flag()?;
        }
        let how = &mut connection.become_with;
        if let Some(given) = self.get(&["ansible_become_method"])? {
            let name = given.text(METHODS)?;
            how.method = becoming::method(&name).ok_or_else(|| given.wrong(METHODS))?;
        }
        let method = how.method;
        let of = |what| self.get(becoming::names(method, what));
        if let Some(given) = of(What::User)? {
            let user = given.text("a user's name")?;
            connection.become_user =
                Some(is_user_name(&user).then_some(user).ok_or_else(|| given.wrong("a user's name"))?);
        }
        let flags = of(What::Flags)?;
        if let Some(given) = of(What::Exe)? {
            let exe = given.text("a program's path")?;
            how.exe = Some(becoming::is_program(&exe).then_some(exe).ok_or_else(|| given.wrong("a program's path"))?);
        }
        if let Some(given) = flags {
            how.flags = Some(becoming::flags(&given.text("options of the program")?));
        }
        how.password = self.password(becoming::names(method, What::Password))?;
        if method == Method::Sudo {
            self.refuse_unsupported(&["ansible_sudo_chdir"])?;
        }
        Ok(())
    }

    /// A password: what is in a vault or made by a template stays there until somebody asks for it.
    fn password(&self, names: &[&str]) -> Result<Option<Password>> {
        let found = names.iter().rev().find_map(|name| {
            let variable = self.host.variable(name).filter(|variable| !variable.value.is_null())?;
            Some((*name, variable))
        });
        let Some((name, variable)) = found else { return Ok(None) };
        let origin = variable.origin.clone();
        let no_text = format!("{name} has to be a text");
        let wrong = move |origin: &Origin| origin.at(Error::input(no_text.clone()));
        if let Some(sealed) = variable.vault() {
            let (vault, sealed) = (self.inventory.options.vault.clone(), sealed.to_owned());
            let named = format!("the variable {name} ({})", origin.place());
            return Ok(Some(Password::Later(Arc::new(move || vault.decrypt(&sealed, &named).map(Secret::from)))));
        }
        if is_template(&variable.value) {
            let Some(templates) = &self.inventory.options.templates else {
                return self.value(name, variable).map(|_| None);
            };
            let later = templates.later(self.inventory, self.host, name);
            return Ok(Some(Password::Later(Arc::new(move || {
                let rendered = later().map_err(|error| origin.at(error))?.unwrap_or_default();
                text(&rendered).map(Secret::from).ok_or_else(|| wrong(&origin))
            }))));
        }
        variable.text().map(|text| Some(Password::Known(Secret::from(text)))).ok_or_else(|| wrong(&origin))
    }

    fn ssh(&self, connection: &mut Connection) -> Result<()> {
        self.refuse_unsupported(&[
            "ansible_password",
            "ansible_private_key",
            "ansible_private_key_passphrase",
            "ansible_ssh_pkcs11_provider",
        ])?;
        self.refuse_other(&["ansible_ssh_executable", "ansible_shell_type"])?;
        match self.get(&["ansible_host", "ansible_ssh_host"])? {
            Some(given) => {
                connection.address = given.text("an address or a name")?;
                if !is_host_name(&connection.address) {
                    return Err(given.wrong("an address or a name"));
                }
            }
            None if !is_host_name(&connection.address) => {
                return Err(Error::input(format!(
                    "`{}` is no address or name that ssh could be given",
                    self.host.name
                ))
                .hint("set ansible_host for it"));
            }
            None => {}
        }
        if let Some(given) = self.get(&["ansible_port", "ansible_ssh_port"])? {
            let port = match &given.value {
                Value::Number(number) => number.as_u64().and_then(|port| u16::try_from(port).ok()),
                Value::String(text) => text.trim().parse().ok(),
                _ => None,
            };
            let port = port.filter(|port| *port > 0).ok_or_else(|| given.wrong("a port from 1 to 65535"))?;
            connection.port = Some(port);
        }
        if let Some(given) = self.get(&["ansible_user", "ansible_ssh_user"])? {
            let user = given.text("a user's name")?;
            // A `ProxyCommand` of the user's own configuration may give the name to a shell.
            let plain = |c: char| c.is_alphanumeric() || "._-@\\+".contains(c);
            let good = !user.is_empty() && !user.starts_with('-') && user.chars().all(plain);
            connection.user = Some(good.then_some(user).ok_or_else(|| given.wrong("a user's name"))?);
        }
        if let Some(given) = self.get(&["ansible_private_key_file", "ansible_ssh_private_key_file"])? {
            // An empty one is none, as for Ansible.
            if given.value != "" {
                connection.key = Some(given.readable_path()?);
            }
        }
        if let Some(given) = self.get(&["zkmig_ssh_config"])? {
            connection.ssh_config = Some(given.readable_path()?);
        }
        if let Some(given) = self.get(&["ansible_host_key_checking", "ansible_ssh_host_key_checking"])? {
            connection.strict_host_keys = given.flag()?;
        }
        if let Some(given) = self.get(&["zkmig_host_key_checking"])? {
            connection.strict_host_keys = match given.text("strict or accept-new")?.as_str() {
                "strict" => true,
                "accept-new" => false,
                _ => return Err(given.wrong("strict or accept-new")),
            };
        }
        if let Some(given) = self.get(&["ansible_timeout", "ansible_ssh_timeout", "zkmig_connect_timeout"])? {
            let seconds = match &given.value {
                Value::Number(number) => number.as_u64(),
                Value::String(text) => text.trim_end_matches('s').parse().ok(),
                _ => None,
            };
            let seconds = seconds.filter(|seconds| (1..=600).contains(seconds));
            connection.connect_timeout =
                Duration::from_secs(seconds.ok_or_else(|| given.wrong("seconds from 1 to 600"))?);
        }
        let of_settings = &self.inventory.options.defaults.ssh_arguments;
        ssh_arguments::settle(
            connection,
            [
                self.ssh_arguments("ansible_ssh_args", of_settings.first.as_deref())?,
                self.ssh_arguments("ansible_ssh_common_args", of_settings.common.as_deref())?,
                self.ssh_arguments("ansible_ssh_extra_args", of_settings.extra.as_deref())?,
            ],
        );
        Ok(())
    }

    /// The options that a variable's arguments of ssh mean; those of the settings, where the host has no such variable.
    fn ssh_arguments(&self, name: &'a str, of_settings: Option<&str>) -> Result<Arguments> {
        let given = self.get(&[name])?;
        let text = match &given {
            Some(given) => given.text("arguments of ssh")?,
            None => of_settings.unwrap_or_default().to_owned(),
        };
        let placed = |error: Error| match &given {
            Some(given) => given.variable.origin.at(error),
            None => error.hint("they are from the settings: zkmig config shows where from"),
        };
        let arguments = ssh_arguments::parse(&text)
            .map_err(|message| placed(Error::input(format!("{name}: {message}"))).hint(ssh_arguments::TAKEN))?;
        // ssh would pass over a file that it only includes.
        if let Some(path) = &arguments.config_file
            && let Err(error) = File::open(path)
        {
            let message = format!("can't read {}, which is ssh's configuration for this host", path.display());
            return Err(placed(Error::input(message).caused_by(error))
                .hint("the path behind `-F` is relative to this folder, as for Ansible"));
        }
        Ok(arguments)
    }
}

/// The text of a value that was made.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

impl Given<'_> {
    /// The text: as it was written, where it is not one by itself.
    fn written(&self) -> Option<String> {
        if self.value == self.variable.value {
            return self.variable.text();
        }
        text(&self.value)
    }

    fn shown(&self) -> String {
        let shown = self.written().unwrap_or_else(|| self.value.to_string());
        shown.chars().take(100).collect()
    }

    fn wrong(&self, wanted: &str) -> Error {
        let message = format!("{} has to be {wanted}, and `{}` is not", self.name, self.shown());
        self.variable.origin.at(Error::input(message))
    }

    fn text(&self, wanted: &str) -> Result<String> {
        self.written().ok_or_else(|| self.wrong(wanted))
    }

    fn flag(&self) -> Result<bool> {
        let text = self.written().unwrap_or_default().to_ascii_lowercase();
        match &self.value {
            Value::Bool(value) => Ok(*value),
            _ if matches!(text.trim(), "y" | "yes" | "true" | "t" | "on" | "1" | "1.0") => Ok(true),
            _ if matches!(text.trim(), "n" | "no" | "false" | "f" | "off" | "0" | "0.0") => Ok(false),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// A path of a file that can be read: `~` is the user's home, `$NAME` what the environment says. A relative one is relative to this folder, as for Ansible,
    /// or else to the file that names it.
    fn readable_path(&self) -> Result<PathBuf> {
        let text = self.text("a path")?;
        if text.is_empty() || text.chars().any(|c| c.is_control() || c == '"') {
            return Err(self.wrong("a path"));
        }
        let origin = &self.variable.origin;
        let mut path = from_environment(Path::new(&text)).map_err(|error| origin.at(error))?;
        if !path.exists() {
            let source = origin.source.as_ref().filter(|source| &*source.path != super::extra::EXTRA);
            path = source.and_then(|source| Path::new(&*source.path).parent()).unwrap_or(Path::new("")).join(path);
        }
        // ssh runs elsewhere, and reads relative paths in its own way.
        let path = std::path::absolute(&path)
            .map_err(|error| origin.at(Error::input(format!("{} is no path", self.name)).caused_by(error)))?;
        let readable = File::open(&path).and_then(|file| file.metadata()).and_then(|metadata| {
            if metadata.is_file() { Ok(()) } else { Err(std::io::Error::other("it is not a file")) }
        });
        readable.map(|()| path.clone()).map_err(|error| {
            origin
                .at(Error::input(format!("can't read {} {}", self.name, path.display())).caused_by(error))
                .hint("a relative path is relative to this folder, or to the inventory file that names it")
        })
    }
}
