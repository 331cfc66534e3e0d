//! The inventory as templates see it.

use super::vars::{Raw, World};
use crate::error::{Error, Result};
use crate::inventory::Inventory;

impl World for Inventory {
    fn variable(&self, host: &str, name: &str) -> Option<Raw> {
        let variable = self.host(host)?.variable(name)?;
        let excerpt = variable.origin.source.as_ref().map(|source| source.excerpt(&variable.origin.span));
        Some(Raw { value: variable.value.clone(), place: variable.origin.place(), excerpt })
    }

    fn names(&self, host: &str) -> Vec<String> {
        self.host(host).map_or_else(Vec::new, |host| host.vars_json().keys().cloned().collect())
    }

    fn hosts(&self) -> Vec<String> {
        Self::hosts(self).map(|host| host.name.clone()).collect()
    }

    fn groups(&self) -> Vec<(String, Vec<String>)> {
        self.groups_with_hosts()
    }

    fn groups_of(&self, host: &str) -> Vec<String> {
        let groups = self.groups_with_hosts().into_iter();
        let groups = groups.filter(|(name, hosts)| name != "all" && hosts.iter().any(|known| known == host));
        let mut names: Vec<String> = groups.map(|(name, _)| name).collect();
        names.sort();
        names
    }

    fn file(&self, host: &str) -> Option<String> {
        let _ = self.host(host)?;
        self.files().next().map(|source| source.path.clone())
    }

    fn decrypt(&self, _text: &str, origin: &str) -> Result<String> {
        Err(Error::input(format!("{origin} is a vault's value and no vault password was given"))
            .hint("give --vault-password-file"))
    }
}
