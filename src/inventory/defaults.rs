//! How hosts are reached whose variables don't say: the command line's and the settings' part in it. As in Ansible, what a
//! host's variables say counts more.

use std::path::PathBuf;
use std::time::Duration;

use super::becoming::{self, METHODS};
use super::connection::Connection;
use super::ssh_arguments;
use crate::error::{Error, Result};
use crate::host::becoming::Method;
use crate::host::is_user_name;

/// What is so for a host whose variables say nothing else.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// The login user.
    pub user: Option<String>,
    /// The private key.
    pub key: Option<PathBuf>,
    /// Effects run as another user than the one who logs in.
    pub becomes: Option<bool>,
    /// Who that is.
    pub become_user: Option<String>,
    /// How it is become.
    pub become_method: Option<Method>,
    /// Hosts whose key is not known are refused.
    pub strict_host_keys: Option<bool>,
    /// The port.
    pub port: Option<u16>,
    /// How long connecting may take.
    pub connect_timeout: Option<Duration>,
    /// Arguments of ssh.
    pub ssh_arguments: SshArguments,
}

/// Arguments of ssh under Ansible's three names for them. A host's variable stands for the setting of its name.
#[derive(Clone, Debug, Default)]
pub struct SshArguments {
    /// `ssh_args`: before everything else.
    pub first: Option<String>,
    /// `ssh_common_args`: behind the port and the user.
    pub common: Option<String>,
    /// `ssh_extra_args`: at the end.
    pub extra: Option<String>,
}

impl SshArguments {
    /// Fails where one can't be used; `from` says where a setting is from.
    pub fn check(&self, from: impl Fn(&str) -> String) -> Result<()> {
        for (name, text) in
            [("ssh_args", &self.first), ("ssh_common_args", &self.common), ("ssh_extra_args", &self.extra)]
        {
            if let Some(Err(message)) = text.as_deref().map(ssh_arguments::parse) {
                return Err(Error::input(format!("`{name}` can't be used: {message}"))
                    .hint(ssh_arguments::TAKEN)
                    .hint(format!("it is from {}", from(name))));
            }
        }
        Ok(())
    }
}

impl Defaults {
    /// The user and the method of becoming another that settings name; `from` says where a setting is from.
    pub fn becoming(
        user: Option<&str>,
        method: Option<&str>,
        from: impl Fn(&str) -> String,
    ) -> Result<(Option<String>, Option<Method>)> {
        let wrong = |name: &str, wanted: &str, given: &str| {
            Error::input(format!("{name} has to be {wanted}, and `{given}` is not"))
                .hint(format!("it is from {}", from(name)))
        };
        if let Some(user) = user.filter(|user| !is_user_name(user)) {
            return Err(wrong("become_user", "a user's name", user));
        }
        let known = method.map(|name| becoming::method(name).ok_or_else(|| wrong("become_method", METHODS, name)));
        Ok((user.map(str::to_owned), known.transpose()?))
    }

    /// What a host's connection is before its variables are read.
    pub fn begin(&self, connection: &mut Connection) {
        connection.user.clone_from(&self.user);
        connection.port = self.port;
        connection.connect_timeout = self.connect_timeout.unwrap_or(connection.connect_timeout);
        connection.key.clone_from(&self.key);
        connection.becomes = self.becomes.unwrap_or(connection.becomes);
        connection.become_user.clone_from(&self.become_user);
        connection.become_with.method = self.become_method.unwrap_or_default();
        connection.strict_host_keys = self.strict_host_keys.unwrap_or(connection.strict_host_keys);
    }
}
