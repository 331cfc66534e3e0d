//! Nothing at a path.

use super::attributes::failure;
use super::path::absolute;
use super::prediction::Predicted;
use super::{Changed, Context, shell};
use crate::error::{Error, Result};
use crate::host::Stdin;

/// Folders that hold a system together. Those at the top of the file system are refused without being listed.
const KEPT: &[&str] = &[
    "/etc/systemd",
    "/home/core",
    "/opt/mesosphere",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var/cache",
    "/var/lib",
    "/var/lib/dcos",
    "/var/lib/mesos",
    "/var/lib/systemd",
    "/var/log",
    "/var/run",
    "/var/spool",
    "/var/tmp",
];

/// Removes what is at `path`: a file, a symbolic link (not what it leads to), an empty folder; with `recursive` a folder
/// with all that is in it, as far as it is on the same file system. Folders that hold a system together are refused.
pub async fn absent(context: &Context<'_>, path: &str, recursive: bool) -> Result<Changed> {
    let path = absolute(path)?;
    if path.matches('/').count() < 2 || KEPT.contains(&path.as_str()) {
        return Err(Error::input(format!("{path} is not removed, as the host needs it"))
            .hint("name what is in it that shall go"));
    }
    let what = format!("can't remove {path}");
    if context.check {
        match context.predictions.at(&path) {
            Some(Predicted::Absent) => return Ok(Changed::default()),
            // Whether it would be empty only the run can tell; it would stop there, and change nothing.
            Some(Predicted::Directory) => return Ok(removed(context, &[&path], "folder")),
            Some(Predicted::File(_)) => return Ok(removed(context, &[&path], "file")),
            Some(Predicted::Link(_)) => return Ok(removed(context, &[&path], "link")),
            None => {}
        }
    }
    let kept = KEPT.join(" ");
    let arguments =
        [path.as_str(), if recursive { "yes" } else { "no" }, if context.check { "check" } else { "change" }, &kept];
    let printed = context.script(shell::changing(include_str!("sh/absent.sh"), &arguments), Stdin::Closed).await?;
    let text = String::from_utf8_lossy(&printed.stdout);
    if printed.exit.status != 0 || !text.lines().any(|line| line == "end") {
        let error = failure(context, &what, &printed.stderr);
        let not_empty = error.parts().causes.iter().any(|cause| cause.contains("not empty"));
        return Err(if not_empty { error.hint("say `recursive: true` to remove what is in it too") } else { error });
    }
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    match value("removed") {
        Some(kind) => Ok(removed(context, &[&path, value("real").unwrap_or(&path)], kind)),
        None => Ok(Changed::default()),
    }
}

fn removed(context: &Context<'_>, paths: &[&str], kind: &str) -> Changed {
    if context.check {
        for path in paths {
            context.predictions.record(*path, Predicted::Absent);
        }
    }
    Changed { changed: true, diff: None, summary: Some(format!("{kind} removed")) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::bench::Bench;
    use super::super::stat::stat;
    use super::*;

    #[tokio::test]
    async fn files_links_and_folders_are_removed_and_what_links_lead_to_stays() {
        let bench = Bench::new();
        let file = bench.file("file", "");
        std::fs::create_dir_all(bench.path("full/inner")).expect("a folder");
        symlink("full", bench.path("link")).expect("a link");
        for (name, recursive, summary) in
            [("link", true, "link removed"), ("file", false, "file removed"), ("full", true, "folder removed")]
        {
            let would = absent(&bench.check(), &bench.path(name), recursive).await.expect("success");
            assert!(!stat(&bench.check(), &bench.path(name), false).await.expect("success").exists);
            if name == "full" {
                let error = absent(&bench.context(), &bench.path(name), false).await.expect_err("a failure");
                assert!(error.to_string().ends_with("it is a folder, and not empty"), "{error}");
            }
            let done = absent(&bench.context(), &bench.path(name), recursive).await.expect("success");
            assert_eq!((done.summary.as_deref(), &would), (Some(summary), &done));
        }
        assert_eq!(bench.names(), Vec::<String>::new());
        assert!(!absent(&bench.context(), &file, false).await.expect("success").changed);
    }

    #[tokio::test]
    async fn what_holds_a_system_together_is_refused() {
        let bench = Bench::new();
        for path in ["/", "//", "/etc", "/usr/lib/", "/var/lib", "", "etc", "/var/lib/..", "/opt/mesosphere"] {
            assert!(absent(&bench.check(), path, true).await.is_err(), "{path}");
        }
        // Through a link, too.
        symlink("/", bench.path("root")).expect("a link");
        let error = absent(&bench.check(), &bench.path("root/etc"), true).await.expect_err("a refusal");
        assert!(error.to_string().contains("at the top"), "{error}");
        let error = absent(&bench.check(), &bench.path("root/usr/lib"), true).await.expect_err("a refusal");
        assert!(error.to_string().contains("needs it"), "{error}");
    }
}
