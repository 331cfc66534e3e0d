//! How hosts are reached whose variables don't say: the command line's and the settings' part in it. As in Ansible, what a
//! host's variables say counts more.

use std::path::PathBuf;

use super::connection::Connection;
use super::ssh_arguments;
use crate::error::{Error, Result};

/// What is so for a host whose variables say nothing else.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// The login user.
    pub user: Option<String>,
    /// The private key.
    pub key: Option<PathBuf>,
    /// Effects run as root.
    pub become_root: Option<bool>,
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

    /// What a host's connection is before its variables are read.
    pub fn begin(&self, connection: &mut Connection) {
        connection.user.clone_from(&self.user);
        connection.key.clone_from(&self.key);
        connection.become_root = self.become_root.unwrap_or(connection.become_root);
        connection.strict_host_keys = self.strict_host_keys.unwrap_or(connection.strict_host_keys);
    }
}
