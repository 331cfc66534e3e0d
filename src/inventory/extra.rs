//! The variables of the command line: `-e KEY=VALUE`, `-e @FILE`, `-e '{…}'`.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::Warnings;
use super::document::{self, Kind, Notices};
use super::vault::Vault;
use super::{Origin, Source, Variable, Variables, is_secret, key_values};
use crate::error::{Error, Result};

/// Whose the variables of the command line are.
pub const EXTRA: &str = "-e";

/// The variables that `-e` gives, in its order; a later one wins.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    variables: Vec<(Arc<str>, Variable)>,
    /// What Ansible warns of in what `-e` names.
    pub warnings: Warnings,
}

impl Extra {
    /// Reads the arguments of `-e`. `KEY=VALUE` gives a text, and there may be several with blanks between; `@FILE` and a text that begins with `{` give
    /// what is in the YAML or JSON. A file that is a vault needs [`Self::parse_with`].
    pub fn parse(arguments: &[String]) -> Result<Self> {
        Self::parse_with(arguments, &Vault::default())
    }

    /// The same, with the passwords of vaults.
    pub fn parse_with(arguments: &[String], vault: &Vault) -> Result<Self> {
        let mut extra = Self::default();
        for argument in arguments {
            if argument == "@" {
                return Err(
                    Error::input("`-e @` names no file").hint("the file's path stands behind the `@`: -e @vars.yml")
                );
            }
            if let Some(path) = argument.strip_prefix('@') {
                extra.mapping(&Source::read(Path::new(path))?, vault)?;
            } else if argument.trim_start().starts_with(['{', '[']) {
                extra.mapping(&Source::given(EXTRA, argument.as_str()), vault)?;
            } else {
                for (name, value) in key_values::read(argument)? {
                    check_name(&name)?;
                    let origin = Origin { owner: EXTRA.into(), source: None, span: 0..0 };
                    extra.variables.push((name.into(), Variable::made(Value::String(value), origin)));
                }
            }
        }
        Ok(extra)
    }

    /// The argument that gives a variable this text.
    pub fn argument(name: &str, value: &str) -> String {
        let plain = |c: char| !c.is_whitespace() && !"\"'\\{}%#".contains(c);
        if value.chars().all(plain) {
            return format!("{name}={value}");
        }
        Value::Object([(name.to_owned(), value.into())].into_iter().collect()).to_string()
    }

    fn mapping(&mut self, file: &Source, vault: &Vault) -> Result<()> {
        let source = &file.opened(vault)?;
        let mut notices = Notices::default();
        let node = document::read(source, &mut notices)?;
        self.warnings.extend(notices.warnings);
        if source.is_sealed() {
            document::reveal(vault, &node);
        }
        let Kind::Map(fields) = &node.kind else {
            return Err(Error::input(format!("-e needs a mapping of variables, and this is {}", node.what()))
                .at(source.excerpt(&node.span)));
        };
        let owner: Arc<str> = EXTRA.into();
        for (key, value) in fields {
            check_name(&key.name).map_err(|error| error.at(source.excerpt(&key.span)))?;
            let variable = Variable::of(&owner, source, key, value);
            self.variables.push((Arc::clone(&key.name), variable));
        }
        Ok(())
    }

    /// The files that were read.
    pub fn files(&self) -> impl Iterator<Item = &Source> {
        let mut seen: Vec<&str> = vec![EXTRA];
        self.variables.iter().filter_map(|(_, variable)| variable.origin.source.as_ref()).filter(move |source| {
            let new = !seen.contains(&&*source.path);
            if new {
                seen.push(&source.path);
            }
            new
        })
    }

    /// The arguments of `-e` as they may be kept, and the names of the secrets that were left out of them. What is in a
    /// file stays there.
    pub fn recordable(arguments: &[String]) -> Result<(Vec<String>, Vec<String>)> {
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for argument in arguments {
            if argument.starts_with('@') {
                kept.push(argument.clone());
                continue;
            }
            let given = Self::parse(std::slice::from_ref(argument))?;
            left_out.extend(given.iter().map(|(name, _)| name.to_string()).filter(|name| is_secret(name)));
            kept.extend(given.only(argument, |name| !is_secret(name)));
        }
        Ok((kept, left_out))
    }

    /// The arguments of `-e` without the variables that are not meant. A file of which only a part is meant is written
    /// out, but for its secrets.
    pub fn meant(arguments: &[String], is_meant: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let mut kept = Vec::new();
        for argument in arguments {
            let given = Self::parse(std::slice::from_ref(argument))?;
            if given.iter().all(|(name, _)| is_meant(name)) {
                kept.push(argument.clone());
            } else {
                kept.extend(given.only(argument, |name| is_meant(name) && !is_secret(name)));
            }
        }
        Ok(kept)
    }

    /// The argument that gives only some of the variables that `argument` gives; none when it is none of them.
    fn only(&self, argument: &str, which: impl Fn(&str) -> bool) -> Option<String> {
        if self.iter().all(|(name, _)| which(name)) {
            return Some(argument.to_owned());
        }
        let some = self.iter().filter(|(name, _)| which(name));
        let some: serde_json::Map<String, Value> =
            some.map(|(name, variable)| (name.to_string(), variable.value.clone())).collect();
        (!some.is_empty()).then(|| Value::Object(some).to_string())
    }

    /// The variables.
    pub fn iter(&self) -> impl Iterator<Item = &(Arc<str>, Variable)> {
        self.variables.iter()
    }

    /// The same as a place that gives variables.
    pub fn variables(&self) -> Variables {
        let mut variables = Variables::default();
        for (name, variable) in &self.variables {
            variables.set(Arc::clone(name), variable.clone());
        }
        variables
    }
}

/// Fails unless `name` can be a variable's.
pub fn check_name(name: &str) -> Result<()> {
    let good = name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if good {
        return Ok(());
    }
    Err(Error::input(format!("`{name}` can't be the name of a variable"))
        .hint("names are letters, digits and `_`, and do not begin with a digit"))
}
