//! The options that say where the passwords of vaults are.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::inventory::vault::Vault;
use crate::inventory::vault::passwords::{Purpose, Sources};
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
}

impl VaultArgs {
    /// The sources that these and the environment name.
    pub fn sources(&self) -> Result<Sources> {
        let sources = Sources {
            ids: self.vault_id.clone(),
            files: self.vault_password_file.clone(),
            ask: self.ask_vault_pass,
            match_ids: false,
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
        }
    }

    /// What a record keeps of them.
    pub fn kept(&self) -> VaultSources {
        VaultSources { ids: self.vault_id.clone(), files: self.vault_password_file.clone(), ask: self.ask_vault_pass }
    }

    /// The passwords; none when none is named.
    pub fn load(&self) -> Result<Vault> {
        self.sources()?.load(Purpose::Open, &mut ask)
    }
}

/// Asks at the terminal, which may be another than standard input and output.
pub fn ask(question: &str) -> Result<Zeroizing<String>> {
    rpassword::prompt_password(format!("{question}: ")).map(Zeroizing::new).map_err(|error| {
        Error::input("a vault password has to be asked for, and there is no terminal to ask at")
            .caused_by(error)
            .hint("give it with --vault-password-file FILE, or --vault-id ID@FILE")
    })
}
