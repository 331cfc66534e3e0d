//! How hosts are reached whose variables don't say: the command line's and the settings' part in it. As in Ansible, what a
//! host's variables say counts more.

use std::path::PathBuf;

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
    /// Options of ssh's configuration.
    pub ssh_options: Vec<(String, String)>,
}

impl Defaults {
    /// The options that arguments of ssh mean; `from` says where they are from.
    pub fn ssh_options(arguments: &str, from: &str) -> Result<Vec<(String, String)>> {
        ssh_arguments::parse(arguments).map_err(|message| {
            Error::input(format!("`ssh_args` can't be used: {message}")).hint(format!("it is from {from}"))
        })
    }

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
        connection.key.clone_from(&self.key);
        connection.becomes = self.becomes.unwrap_or(connection.becomes);
        connection.become_user.clone_from(&self.become_user);
        connection.become_with.method = self.become_method.unwrap_or_default();
        connection.strict_host_keys = self.strict_host_keys.unwrap_or(connection.strict_host_keys);
    }
}
