//! A folder on a host.

use super::attributes::{Wanted, failure, unknown};
use super::path::{absolute, parent};
use super::prediction::Predicted;
use super::write::changed_attribute;
use super::{Changed, Context, shell};
use crate::error::Result;
use crate::host::Stdin;

/// Makes the folder at `path`, unless it is there, and gives it its mode (unless given 0755 for a new one) and owners.
/// With `parents` the folders above are made too, with the host's usual modes.
pub async fn directory(context: &Context<'_>, path: &str, wanted: &Wanted, parents: bool) -> Result<Changed> {
    let path = absolute(path)?;
    let mode = wanted.check()?;
    let mut real = path.clone();
    let mut above_is_predicted = false;
    if context.check {
        let (resolved, predicted) = context.predictions.resolve(&path);
        let above = context.predictions.resolve(parent(&resolved)).1;
        above_is_predicted = above == Some(Predicted::Directory);
        real = resolved;
        let refused = |why: &str| Err(context.failed(format!("can't make the folder {path}")).caused_by(why));
        match predicted {
            Some(Predicted::Directory) => return Ok(wanted.against_predictions(context, &real)),
            Some(Predicted::File(_)) => return refused("it is there, and is not a folder"),
            Some(Predicted::Absent | Predicted::Link(_)) => {
                if above == Some(Predicted::Absent) && !parents {
                    return refused(&format!("the folder {} does not exist", parent(&path)));
                }
                return Ok(created(context, &real, wanted));
            }
            None => {}
        }
    }
    let arguments = [
        real.as_str(),
        &mode,
        wanted.owner.as_deref().unwrap_or_default(),
        wanted.group.as_deref().unwrap_or_default(),
        if parents || above_is_predicted { "yes" } else { "no" },
        if context.check { "check" } else { "change" },
    ];
    let printed = context.script(shell::changing(include_str!("sh/directory.sh"), &arguments), Stdin::Closed).await?;
    if let Some(unknown) = unknown(context, &printed, &path) {
        created(context, &real, wanted);
        return Ok(unknown);
    }
    let text = String::from_utf8_lossy(&printed.stdout);
    if printed.exit.status != 0 || !text.lines().any(|line| line == "end") {
        return Err(failure(context, &format!("can't make the folder {path}"), &printed.stderr));
    }
    if text.lines().any(|line| line == "created") {
        return Ok(created(context, &real, wanted));
    }
    let changes: Vec<String> = text.lines().filter_map(changed_attribute).collect();
    if context.check && !changes.is_empty() {
        context.predictions.record_attributes(real, wanted.predicted());
    }
    Ok(Changed { changed: !changes.is_empty(), diff: None, summary: (!changes.is_empty()).then(|| changes.join(", ")) })
}

fn created(context: &Context<'_>, path: &str, wanted: &Wanted) -> Changed {
    if context.check {
        let mut above = parent(path);
        let mut made = vec![path];
        while context.predictions.resolve(above).1 == Some(Predicted::Absent) {
            made.push(above);
            above = parent(above);
        }
        for folder in made {
            context.predictions.record(folder, Predicted::Directory);
        }
        context.predictions.record_attributes(path, wanted.predicted());
    }
    Changed { changed: true, diff: None, summary: Some("created".to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::bench::Bench;
    use super::super::write::{self, write};
    use super::*;

    #[tokio::test]
    async fn a_folder_is_made_once_with_its_mode() {
        let bench = Bench::new();
        let path = bench.path("a/b");
        let wanted = Wanted { mode: Some(0o700), ..Wanted::default() };
        let error = directory(&bench.context(), &path, &wanted, false).await.expect_err("a failure");
        assert!(error.to_string().ends_with("/a does not exist"), "{error}");
        let done = directory(&bench.context(), &path, &wanted, true).await.expect("success");
        assert_eq!(done.summary.as_deref(), Some("created"));
        assert_eq!(std::fs::metadata(&path).expect("a folder").permissions().mode() & 0o7777, 0o700);
        assert!(!directory(&bench.context(), &path, &wanted, false).await.expect("success").changed);
        let wanted = Wanted { mode: Some(0o755), ..Wanted::default() };
        let done = directory(&bench.context(), &path, &wanted, false).await.expect("success");
        assert_eq!(done.summary.as_deref(), Some("mode 0700 → 0755"));
        let file = bench.file("file", "");
        assert!(directory(&bench.context(), &file, &wanted, false).await.is_err());
    }

    #[tokio::test]
    async fn a_folder_that_would_be_made_can_be_written_to() {
        let bench = Bench::new();
        let would = directory(&bench.check(), &bench.path("new"), &Wanted::default(), false).await.expect("success");
        assert!(would.changed && bench.names().is_empty());
        assert!(
            !directory(&bench.check(), &bench.path("new"), &Wanted::default(), false).await.expect("success").changed
        );
        directory(&bench.check(), &bench.path("new/er"), &Wanted::default(), false).await.expect("success");
        let would =
            write(&bench.check(), &bench.path("new/file"), b"x", &write::Options::default()).await.expect("success");
        assert!(would.created);
    }
}
