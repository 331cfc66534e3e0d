//! The options that say where the passwords of vaults are.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::inventory::vault::Vault;
use crate::inventory::vault::passwords::{Purpose, Sources, listed};
use crate::run::record::manifest::VaultSources;

/// The options that say where the passwords of vaults are.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct VaultArgs {
    /// The password of a vault id: a file, a program that prints it, or `prompt`. May be given several times
    #[arg(long, value_name = "ID@SOURCE")]
    pub vault_id: Vec<String>,
    /// The password of vaults without an id: a file, or a program that prints it. May be given several times
    #[arg(long, visible_alias = "vault-pass-file", value_name = "FILE")]
    pub vault_password_file: Vec<PathBuf>,
    /// Ask for the vault password
    #[arg(short = 'J', long, visible_alias = "ask-vault-password")]
    pub ask_vault_pass: bool,
    /// Only the passwords of the id that a vault names are tried.
    #[arg(skip)]
    pub match_ids: bool,
    /// The file that a setting names, and where the setting is from.
    #[arg(skip)]
    named: Option<(PathBuf, String)>,
}

impl VaultArgs {
    /// Takes what the settings say for what neither the command line nor the environment does.
    pub fn settle(&mut self, config: &Config) {
        let unset = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
        if self.vault_password_file.is_empty()
            && let Some(path) = config.text("vault_password_file").map(PathBuf::from)
        {
            self.vault_password_file.push(path.clone());
            self.named = config.place("vault_password_file").map(|place| (path, place.to_owned()));
        }
        if let Some(list) = config.text("vault_identity_list").filter(|_| unset("ANSIBLE_VAULT_IDENTITY_LIST")) {
            self.vault_id.splice(0..0, listed(&list));
        }
        self.ask_vault_pass |= unset("ANSIBLE_ASK_VAULT_PASS") && config.flag("ask_vault_pass").unwrap_or(false);
        self.match_ids |= unset("ANSIBLE_VAULT_ID_MATCH") && config.flag("vault_id_match").unwrap_or(false);
    }

    /// The sources that these and the environment name.
    pub fn sources(&self) -> Result<Sources> {
        let sources = Sources {
            ids: self.vault_id.clone(),
            files: self.vault_password_file.clone(),
            ask: self.ask_vault_pass,
            match_ids: self.match_ids,
        };
        sources.with_environment(|name| std::env::var(name).ok())
    }

    /// These with what a record keeps, which comes first. Paths given now are of the folder that we are in, and stay so.
    pub fn after(&self, kept: &VaultSources) -> Self {
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let absolute_id = |given: &String| {
            let (id, source) = given.split_once('@').map_or(("", given.as_str()), |(id, source)| (id, source));
            if matches!(source, "" | "prompt" | "prompt_ask_vault_pass") || source.starts_with(['~', '$']) {
                return given.clone();
            }
            let source = absolute(&source.into());
            if given.contains('@') { format!("{id}@{}", source.display()) } else { source.display().to_string() }
        };
        Self {
            vault_id: kept.ids.iter().cloned().chain(self.vault_id.iter().map(absolute_id)).collect(),
            vault_password_file: kept
                .files
                .iter()
                .cloned()
                .chain(self.vault_password_file.iter().map(absolute))
                .collect(),
            ask_vault_pass: self.ask_vault_pass || kept.ask,
            match_ids: self.match_ids || kept.match_ids,
            named: None,
        }
    }

    /// What a record keeps of them.
    pub fn kept(&self) -> VaultSources {
        VaultSources {
            ids: self.vault_id.clone(),
            files: self.vault_password_file.clone(),
            ask: self.ask_vault_pass,
            match_ids: self.match_ids,
        }
    }

    /// The passwords; none when none is named.
    pub fn load(&self) -> Result<Vault> {
        self.sources()?.load(Purpose::Open, &mut ask).map_err(|error| match &self.named {
            Some((path, place)) if error.to_string().contains(&path.display().to_string()) => {
                error.hint(format!("it is named by {place}"))
            }
            _ => error,
        })
    }
}

/// Asks at the terminal, which may be another than standard input and output.
pub fn ask(question: &str) -> Result<Zeroizing<String>> {
    crate::tty::ask_hidden(question).map(Zeroizing::new).map_err(|error| {
        Error::input("a vault password has to be asked for, and there is no terminal to ask at")
            .caused_by(error)
            .hint("give it with --vault-password-file FILE, or --vault-id ID@FILE")
    })
}
