//! Mode, owner and group of what is there already.

use super::path::{absolute, owner};
use super::prediction::{Attributes, Predicted};
use super::printable::last_lines;
use super::stat::shown_mode;
use super::write::changed_attribute;
use super::{Changed, Context, Printed, shell};
use crate::error::{Error, Result};
use crate::host::Stdin;

/// The mode and owners that something is to have; `None` is as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Permissions.
    pub mode: Option<u32>,
    /// Owner, a name or a number.
    pub owner: Option<String>,
    /// Group, a name or a number.
    pub group: Option<String>,
}

impl Wanted {
    /// Refuses what is no mode or name; gives the mode as scripts take it.
    pub(super) fn check(&self) -> Result<String> {
        for name in self.owner.iter().chain(&self.group) {
            owner(name)?;
        }
        match self.mode {
            Some(mode) if mode > 0o7777 => Err(Error::input(format!("{mode:o} is not a mode"))),
            mode => Ok(mode.map(|mode| format!("{mode:o}")).unwrap_or_default()),
        }
    }

    pub(super) fn predicted(&self) -> Attributes {
        Attributes { mode: self.mode, owner: self.owner.clone(), group: self.group.clone() }
    }

    /// What would change of something that this run would have made, and the record of it.
    pub(super) fn against_predictions(&self, context: &Context<'_>, path: &str) -> Changed {
        let known = context.predictions.attributes(path);
        let mut changes = Vec::new();
        if let Some(mode) = self.mode.filter(|mode| known.mode != Some(*mode)) {
            changes.push(format!("mode {}", shown_mode(mode)));
        }
        for (name, known, wanted) in [("owner", &known.owner, &self.owner), ("group", &known.group, &self.group)] {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| known.as_ref() != Some(wanted)) {
                changes.push(format!("{name} {wanted}"));
            }
        }
        context.predictions.record_attributes(path, self.predicted());
        Changed { changed: !changes.is_empty(), diff: None, summary: (!changes.is_empty()).then(|| changes.join(", ")) }
    }
}

/// Gives what is at `path` its mode and owners. Symbolic links are followed.
pub async fn attributes(context: &Context<'_>, path: &str, wanted: &Wanted) -> Result<Changed> {
    let path = absolute(path)?;
    let mode = wanted.check()?;
    let what = format!("can't change the mode or owner of {path}");
    let mut real = path.clone();
    if context.check {
        let (resolved, predicted) = context.predictions.resolve(&path);
        match predicted {
            Some(Predicted::Absent) => return Err(context.failed(what).caused_by("it does not exist")),
            Some(_) => return Ok(wanted.against_predictions(context, &resolved)),
            None => real = resolved,
        }
    }
    let arguments = [
        real.as_str(),
        &mode,
        wanted.owner.as_deref().unwrap_or_default(),
        wanted.group.as_deref().unwrap_or_default(),
        if context.check { "check" } else { "change" },
    ];
    let printed = context.script(shell::changing(include_str!("sh/attributes.sh"), &arguments), Stdin::Closed).await?;
    if let Some(unknown) = unknown(context, &printed, &path) {
        return Ok(unknown);
    }
    let text = String::from_utf8_lossy(&printed.stdout);
    if printed.exit.status != 0 || !text.lines().any(|line| line == "end") {
        return Err(failure(context, &what, &printed.stderr));
    }
    let changes: Vec<String> = text.lines().filter_map(changed_attribute).collect();
    if context.check && !changes.is_empty() {
        let real = text.lines().find_map(|line| line.strip_prefix("real ")).unwrap_or(&real);
        context.predictions.record_attributes(real, wanted.predicted());
    }
    Ok(Changed { changed: !changes.is_empty(), diff: None, summary: (!changes.is_empty()).then(|| changes.join(", ")) })
}

/// What check mode says of a change that lacks something that is not there: a command that was not run may make it.
pub(super) fn unknown(context: &Context<'_>, printed: &Printed, path: &str) -> Option<Changed> {
    let lacks = String::from_utf8_lossy(&printed.stdout).lines().any(|line| line == "lacks");
    if !context.check || printed.exit.status == 0 || !lacks {
        return None;
    }
    let said = last_lines(&printed.stderr, 1);
    let named = said.split_once(" named ").map(|(_, name)| name);
    let named = named.or_else(|| said.split(' ').find(|word| word.starts_with('/')));
    unknown_as(context, &said, named.unwrap_or(path))
}

/// The same where it is known why: `what` is the name of what is not there.
pub(super) fn unknown_as(context: &Context<'_>, why: &str, what: &str) -> Option<Changed> {
    let left_out = context.predictions.unknown(what)?;
    Some(Changed { changed: true, diff: None, summary: Some(format!("unknown: {why}, and {left_out}")) })
}

/// The error of a script about a file that failed.
pub(super) fn failure(context: &Context<'_>, what: &str, stderr: &[u8]) -> Error {
    let said = last_lines(stderr, 3).replace('\n', "; ");
    let error = context.failed(what);
    let error = if said.is_empty() { error } else { error.caused_by(&said) };
    if said.contains("ermission denied") || said.contains("can't be written to") || said.contains("not permitted") {
        return error.hint("does it need `become: true`?");
    }
    error
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::super::bench::Bench;
    use super::*;

    #[tokio::test]
    async fn a_mode_is_given_through_a_link_once() {
        let bench = Bench::new();
        let path = bench.file("file", "");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        symlink("file", bench.path("link")).expect("a link");
        let wanted = Wanted { mode: Some(0o644), ..Wanted::default() };
        let would = attributes(&bench.check(), &bench.path("link"), &wanted).await.expect("success");
        assert_eq!(would.summary.as_deref(), Some("mode 0600 → 0644"));
        let done = attributes(&bench.context(), &bench.path("link"), &wanted).await.expect("success");
        assert_eq!(done, would);
        assert!(!attributes(&bench.context(), &path, &wanted).await.expect("success").changed);
        let error = attributes(&bench.context(), &bench.path("none"), &wanted).await.expect_err("a failure");
        assert!(error.to_string().ends_with("it does not exist"), "{error}");
    }
}
