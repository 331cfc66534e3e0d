//! The options that say how hosts are reached where the inventory doesn't, and the settings that stand in for options.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::session::HostArgs;
use crate::config::{Config, Value};
use crate::error::{Error, Result};
use crate::inventory::defaults::{Defaults, SshArguments};
use crate::run::record::manifest::Reached;
use crate::script::bundle::SCHEME;

/// The options that say how hosts are reached.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ConnectionArgs {
    /// Log in as this user where the inventory names none
    #[arg(short = 'u', long = "user", value_name = "USER")]
    pub user: Option<String>,
    /// Use this private key where the inventory names none
    #[arg(long, visible_alias = "key-file", value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Work as root where the inventory does not say
    #[arg(short = 'b', long = "become")]
    pub becomes: bool,
    /// Who is become
    #[arg(long, value_name = "USER")]
    pub become_user: Option<String>,
    /// How it is become
    #[arg(long, value_name = "METHOD")]
    pub become_method: Option<String>,
    /// Leave out hosts that can't be reached, where the playbook does not say what becomes of them. The exit code is 4 then
    #[arg(long)]
    pub skip_unreachable: bool,
    /// Take what an ansible.cfg says, too: this one, or the first that Ansible would take
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub ansible_cfg: Option<Option<PathBuf>>,
    /// Whether templates may run programs of this machine.
    #[arg(skip)]
    pub allow_pipe: bool,
    /// What counts, once the settings have been read.
    #[arg(skip)]
    pub reached: Reached,
}

impl HostArgs {
    /// Reads the settings for a playbook, and takes what they say for what the command line doesn't.
    pub fn settle(&mut self, playbook: Option<&Path>) -> Result<Config> {
        let playbook = playbook.filter(|path| !path.to_string_lossy().starts_with(SCHEME));
        let folder = playbook.map(|path| path.parent().unwrap_or(Path::new("")));
        let ansible = self.connection.ansible_cfg.as_ref().map(Option::as_deref);
        let mut config = Config::read(folder, ansible)?;
        for text in &config.passed_over {
            super::warn(text);
        }
        let mut say = |name: &str, value: Option<Value>, option: &str| {
            if let Some(value) = value {
                config.set(name, value, option.to_owned());
            }
        };
        let text = |text: &Option<String>| text.clone().map(Value::Text);
        let path = |path: Option<&PathBuf>| path.map(|path| Value::Text(path.display().to_string()));
        let asked = &self.connection;
        say("inventory", Some(self.inventory.clone()).filter(|paths| !paths.is_empty()).map(Value::Paths), "-i");
        say("forks", self.forks.map(Value::Count), "-f");
        say("vault_password_file", path(self.vault.vault_password_file.first()), "--vault-password-file");
        say("remote_user", text(&asked.user), "-u");
        say("private_key", path(asked.private_key.as_ref()), "--private-key");
        say("become", asked.becomes.then_some(Value::Flag(true)), "-b");
        say("become_user", text(&asked.become_user), "--become-user");
        say("become_method", text(&asked.become_method), "--become-method");
        self.inventory = config.paths("inventory");
        self.forks = config.count("forks");
        self.vault.settle(&config);
        self.ask_become_pass |= config.flag("ask_become_pass").unwrap_or(false);
        let (become_user, become_method) = (config.text("become_user"), config.text("become_method"));
        Defaults::becoming(become_user.as_deref(), become_method.as_deref(), |name| {
            config.place(name).map(|place| place.to_string()).unwrap_or_default()
        })?;
        self.connection.reached = Reached {
            user: config.text("remote_user"),
            // ssh runs elsewhere, and reads relative paths in its own way.
            private_key: config.text("private_key").map(|key| std::path::absolute(&key).unwrap_or_else(|_| key.into())),
            becomes: config.flag("become"),
            become_user,
            become_method,
            host_key_checking: config.flag("host_key_checking"),
            port: config.count("remote_port"),
            connect_timeout: config.count("connect_timeout"),
            ssh_args: config.text("ssh_args"),
            ssh_common_args: config.text("ssh_common_args"),
            ssh_extra_args: config.text("ssh_extra_args"),
            ignored_ends: config.text("inventory_ignore_extensions"),
            ignored_patterns: config.text("inventory_ignore_patterns"),
            skip_unreachable: self.connection.skip_unreachable,
        };
        ssh_arguments(&self.connection.reached)
            .check(|name| config.place(name).map(str::to_owned).unwrap_or_default())?;
        self.connection.allow_pipe = config.flag("allow_pipe").unwrap_or(false);
        super::colour::of_setting(config.text("colours").as_deref());
        Ok(config)
    }

    /// Fails where the private key that is for all hosts can't be read: for what is going to reach some.
    pub fn check_key(&self, config: &Config) -> Result<()> {
        if let Some(key) = &self.connection.reached.private_key
            && let Err(error) = std::fs::File::open(key)
        {
            return Err(Error::input(format!(
                "can't read the private key {}",
                config.text("private_key").unwrap_or_default()
            ))
            .caused_by(error)
            .hint(format!("it is named by {}", config.place("private_key").unwrap_or_default())));
        }
        Ok(())
    }

    /// How many hosts are worked on at once.
    pub fn forks(&self) -> u16 {
        self.forks.unwrap_or(32)
    }
}

fn ssh_arguments(reached: &Reached) -> SshArguments {
    SshArguments {
        first: reached.ssh_args.clone(),
        common: reached.ssh_common_args.clone(),
        extra: reached.ssh_extra_args.clone(),
    }
}

/// What is so for hosts whose variables say nothing else.
pub fn defaults(reached: &Reached) -> Result<Defaults> {
    let ssh_arguments = ssh_arguments(reached);
    ssh_arguments.check(|_| "the run's record".to_owned())?;
    let (user, method) = (reached.become_user.as_deref(), reached.become_method.as_deref());
    let (become_user, become_method) = Defaults::becoming(user, method, |_| "the run's record".to_owned())?;
    Ok(Defaults {
        user: reached.user.clone(),
        port: reached.port,
        key: reached.private_key.clone(),
        becomes: reached.becomes,
        become_user,
        become_method,
        strict_host_keys: reached.host_key_checking,
        connect_timeout: reached.connect_timeout.map(|seconds| Duration::from_secs(seconds.into())),
        ssh_arguments,
    })
}
