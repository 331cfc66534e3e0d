//! A symbolic link on a host.

use super::attributes::failure;
use super::path::{absolute, parent};
use super::prediction::Predicted;
use super::{Changed, Context, printable, shell};
use crate::error::{Error, Result};
use crate::host::Stdin;

/// Has `path` point to `target`, which is taken as it is: relative targets are relative to the link's folder, and need not
/// exist. Another link is replaced in one move; what is no link is left alone, and is an error.
pub async fn link(context: &Context<'_>, path: &str, target: &str) -> Result<Changed> {
    let path = absolute(path)?;
    if target.is_empty() || target.chars().any(char::is_control) {
        return Err(Error::input(format!("{target:?} can't be the target of a link")));
    }
    let what = format!("can't make the link {path}");
    if context.check {
        let above = context.predictions.resolve(parent(&path)).1;
        match context.predictions.at(&path) {
            Some(Predicted::Link(was)) if was == target => return Ok(Changed::default()),
            Some(Predicted::Link(was)) => return Ok(made(context, &path, target, Some(&was))),
            Some(Predicted::File(_) | Predicted::Directory) => {
                return Err(context.failed(what).caused_by("it is there, and is not a symbolic link"));
            }
            Some(Predicted::Absent) if above == Some(Predicted::Absent) => {
                return Err(context.failed(what).caused_by(format!("the folder {} does not exist", parent(&path))));
            }
            Some(Predicted::Absent) => return Ok(made(context, &path, target, None)),
            None if above == Some(Predicted::Directory) => return Ok(made(context, &path, target, None)),
            None => {}
        }
    }
    let arguments = [path.as_str(), target, if context.check { "check" } else { "change" }];
    let printed = context.script(shell::changing(include_str!("sh/link.sh"), &arguments), Stdin::Closed).await?;
    let text = String::from_utf8_lossy(&printed.stdout);
    if printed.exit.status != 0 || !text.lines().any(|line| line == "end") {
        return Err(failure(context, &what, &printed.stderr));
    }
    if !text.lines().any(|line| line == "changed") {
        return Ok(Changed::default());
    }
    Ok(made(context, &path, target, text.lines().find_map(|line| line.strip_prefix("was "))))
}

fn made(context: &Context<'_>, path: &str, target: &str, was: Option<&str>) -> Changed {
    if context.check {
        context.predictions.record(path, Predicted::Link(target.to_owned()));
    }
    let summary = match was {
        Some(was) => format!("link to {} → {}", printable(was), printable(target)),
        None => format!("link to {}", printable(target)),
    };
    Changed { changed: true, diff: None, summary: Some(summary) }
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    #[tokio::test]
    async fn a_link_is_made_and_replaced_even_when_it_leads_to_a_folder() {
        let bench = Bench::new();
        let path = bench.path("link");
        std::fs::create_dir(bench.path("folder")).expect("a folder");
        let would = link(&bench.check(), &path, "folder").await.expect("success");
        assert_eq!(link(&bench.context(), &path, "folder").await.expect("success"), would);
        assert!(!link(&bench.context(), &path, "folder").await.expect("success").changed);
        let done = link(&bench.context(), &path, "it's not there").await.expect("success");
        assert_eq!(done.summary.as_deref(), Some("link to folder → it's not there"));
        assert_eq!(std::fs::read_link(&path).ok(), Some("it's not there".into()));
        assert_eq!(bench.names(), ["folder", "link"]);
        assert_eq!(std::fs::read_dir(bench.path("folder")).map(Iterator::count).ok(), Some(0));
        let file = bench.file("file", "");
        let error = link(&bench.context(), &file, "x").await.expect_err("a failure");
        assert!(error.to_string().ends_with("not a symbolic link"), "{error}");
    }
}
