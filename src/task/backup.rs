//! A copy of a file on its host that is made once and never overwritten.
//!
//! The content of what the path leads to is copied, with mode, owners and times. Beside the backup stands `BACKUP.meta`,
//! lines of `key=value` from which the file can be put back by hand: `path`, `real_path`, `link` (where `path` points
//! to when it is a symbolic link), `sha256`, `mode`, `owner`, `group`, `modified` and `saved` (seconds since 1970).

use super::attributes::unknown;
use super::path::{absolute, parent};
use super::prediction::Predicted;
use super::printable::last_lines;
use super::read::{self, sha256};
use super::{Changed, Context, shell};
use crate::error::{Error, Result};
use crate::host::Stdin;

/// What making a backup did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backup {
    /// Whether the backup was made now.
    pub changed: Changed,
    /// The backup's path.
    pub backup: String,
    /// The path of the file without symbolic links.
    pub real_path: String,
    /// Where the path points to when it is itself a symbolic link.
    pub link: Option<String>,
    /// The SHA-256 of the file as it is now.
    pub sha256: String,
    /// The SHA-256 of the backup.
    pub backup_sha256: String,
    /// Whether the backup is an older one that differs from the file as it is now. It is kept: the first is the original.
    pub differs: bool,
    /// The content of the backup, where it is not larger than 256 KiB; not in check mode.
    pub content: Option<Vec<u8>>,
}

/// The largest backup whose content is given too, in bytes.
const FETCHED: &str = "262144";

/// Copies the file at `path` to `backup` on the same host, unless something is there. With `folders` the backup's
/// folder is made, for its owner only.
pub async fn backup(context: &Context<'_>, path: &str, backup: &str, folders: bool) -> Result<Backup> {
    let (path, backup) = (absolute(path)?, absolute(backup)?);
    if path == backup {
        return Err(Error::input(format!("the backup of {path} can't be the file itself")));
    }
    let predictions = context.predictions;
    if context.check && (predictions.resolve(&path).1.is_some() || predictions.resolve(&backup).1.is_some()) {
        return predict(context, path, backup).await;
    }
    let folder_is_predicted = context.check && predictions.resolve(parent(&backup)).1 == Some(Predicted::Directory);
    let arguments = [
        path.as_str(),
        &backup,
        if folders || folder_is_predicted { "yes" } else { "no" },
        if context.check { "check" } else { "change" },
        FETCHED,
    ];
    let printed = context.script(shell::changing(include_str!("sh/backup.sh"), &arguments), Stdin::Closed).await?;
    if let Some(changed) = unknown(context, &printed, &path) {
        return Ok(Backup { changed, backup, real_path: path, ..Backup::default() });
    }
    let text = String::from_utf8_lossy(&printed.stdout);
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')).map(str::to_owned);
    if printed.exit.status != 0 || !text.lines().any(|line| line == "end") {
        let why = last_lines(&printed.stderr, 3).replace('\n', "; ");
        return Err(context.failed(format!("can't back up {path}")).caused_by(why));
    }
    let kept = value("kept");
    let sha256 = value("hash").unwrap_or_default();
    let done = Backup {
        backup_sha256: kept.clone().unwrap_or_else(|| sha256.clone()),
        real_path: value("real").unwrap_or_default(),
        link: value("link"),
        content: fetched(&text)?,
        ..outcome(backup, sha256, kept)
    };
    if context.check && predictions.resolve(&done.real_path).1.is_some() {
        return predict(context, path, done.backup).await;
    }
    if context.check && done.changed.changed {
        // What was backed up can be read later in the run, if it is of a size that is read at all.
        let content =
            read::read(context, &path, &read::Options { may_be_missing: true, ..read::Options::default() }).await;
        if let Ok(Some(content)) = content {
            predictions.record(done.backup.as_str(), Predicted::File(content.bytes));
        }
    }
    Ok(done)
}

/// The content of the backup in what the script printed: lines of base64 between `content` and a dot.
fn fetched(text: &str) -> Result<Option<Vec<u8>>> {
    let mut lines = text.lines().skip_while(|line| *line != "content");
    if lines.next().is_none() {
        return Ok(None);
    }
    read::decode(lines.take_while(|line| *line != ".").collect::<String>().as_bytes()).map(Some)
}

fn outcome(backup: String, sha256: String, kept: Option<String>) -> Backup {
    let differs = kept.as_ref().is_some_and(|kept| *kept != sha256);
    let summary = match &kept {
        None => Some(format!("backed up as {backup}")),
        Some(_) if differs => {
            Some(format!("{backup} is there already and differs; it is kept, as the first is the original"))
        }
        Some(_) => None,
    };
    let changed = Changed { changed: kept.is_none(), diff: None, summary };
    Backup { changed, backup, differs, sha256, ..Backup::default() }
}

/// The backup of a file that this run would have changed.
async fn predict(context: &Context<'_>, path: String, backup: String) -> Result<Backup> {
    let options = read::Options { may_be_missing: true, ..read::Options::default() };
    let mut contents = read::read_all(context, &[&path, &backup], &options).await?;
    let (kept, now) = (contents.pop().flatten(), contents.pop().flatten());
    let Some(now) = now else {
        return Err(context.failed(format!("can't back up {path}")).caused_by("it would not exist any more"));
    };
    let hash = now.sha256();
    let kept = kept.map(|kept| sha256(&kept.bytes));
    let done = Backup {
        backup_sha256: kept.clone().unwrap_or_else(|| hash.clone()),
        real_path: context.predictions.resolve(&path).0,
        ..outcome(backup, hash, kept)
    };
    if done.changed.changed {
        context.predictions.record(done.backup.as_str(), Predicted::File(now.bytes));
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::super::bench::Bench;
    use super::super::write::{self, write};
    use super::*;

    #[tokio::test]
    async fn a_backup_is_made_once_and_the_first_one_stays() {
        let bench = Bench::new();
        let path = bench.file("real", "original\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("a mode");
        symlink("real", bench.path("link")).expect("a link");
        let to = bench.path("deep/er/real.orig");
        let done = backup(&bench.context(), &bench.path("link"), &to, true).await.expect("success");
        assert!(done.changed.changed && !done.differs);
        assert_eq!(done.link.as_deref(), Some("real"));
        let (file, copy) = (std::fs::metadata(&path).expect("a file"), std::fs::metadata(&to).expect("a file"));
        assert_eq!((copy.mode(), copy.uid(), copy.mtime()), (file.mode(), file.uid(), file.mtime()));
        assert_eq!(copy.nlink(), 1);
        let folder = std::fs::metadata(bench.path("deep/er")).expect("a folder");
        assert_eq!(folder.mode() & 0o777, 0o700);
        let meta = std::fs::read_to_string(bench.path("deep/er/real.orig.meta")).expect("a note");
        assert!(meta.contains("\nlink=real\n") && meta.contains("\nmode=640\n"), "{meta}");

        assert_eq!(backup(&bench.context(), &path, &to, false).await.expect("success").changed, Changed::default());
        std::fs::write(&path, "changed\n").expect("a written file");
        let again = backup(&bench.context(), &path, &to, false).await.expect("success");
        assert!(!again.changed.changed && again.differs);
        assert!(again.changed.summary.is_some_and(|summary| summary.contains("the first is the original")));
        assert_eq!(std::fs::read_to_string(&to).ok().as_deref(), Some("original\n"));
        assert_eq!(std::fs::read_dir(bench.path("deep/er")).map(Iterator::count).ok(), Some(2));
    }

    #[tokio::test]
    async fn what_can_not_be_backed_up_is_an_error() {
        let bench = Bench::new();
        let path = bench.file("file", "");
        symlink("nowhere", bench.path("taken")).expect("a link");
        for context in [bench.context(), bench.check()] {
            for (from, to, why) in [
                (bench.path("missing"), bench.path("b"), "it does not exist"),
                (bench.path(""), bench.path("b"), "it is not a regular file"),
                (path.clone(), bench.path("no/b"), "does not exist"),
                (path.clone(), bench.path("taken"), "is not a regular file"),
            ] {
                let error = backup(&context, &from, &to, false).await.expect_err("a failure");
                assert!(error.to_string().ends_with(why), "{error}");
            }
        }
        assert_eq!(bench.names(), ["file", "taken"]);
    }

    #[tokio::test]
    async fn a_signal_between_a_temporary_file_and_its_name_leaves_nothing() {
        let mut bench = Bench::new();
        // The folder is made, and all of the script is ended before it hears how it is called.
        bench.program(
            "mktemp",
            "#!/bin/sh\nfolder=${2%XXXXXX}abcdef\nmkdir \"$folder\"\nkill -TERM $PPID\nkill -TERM $$\n",
        );
        std::fs::create_dir(bench.path("folder")).expect("a folder");
        let path = bench.file("folder/file", "content");
        backup(&bench.context(), &path, &bench.path("folder/file.orig"), false).await.expect_err("a failure");
        let names: Vec<_> = std::fs::read_dir(bench.path("folder")).expect("a folder").flatten().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[tokio::test]
    async fn of_two_runs_at_once_one_makes_the_backup() {
        let bench = Bench::new();
        let path = bench.file("file", "x".repeat(100_000));
        let to = bench.path("file.orig");
        let (one, two) = (bench.context(), bench.context());
        let (one, two) = tokio::join!(backup(&one, &path, &to, false), backup(&two, &path, &to, false));
        let made = [one.expect("success"), two.expect("success")].iter().filter(|done| done.changed.changed).count();
        assert_eq!((made, bench.names()), (1, ["file", "file.orig", "file.orig.meta"].map(str::to_owned).to_vec()));
    }

    #[tokio::test]
    async fn check_mode_backs_up_what_would_be_there() {
        let bench = Bench::new();
        let (path, to) = (bench.file("file", "old"), bench.path("file.orig"));
        let would = backup(&bench.check(), &path, &to, false).await.expect("success");
        assert!(would.changed.changed);
        assert_eq!(bench.names(), ["file"]);
        write(&bench.check(), &path, b"new", &write::Options::default()).await.expect("success");
        let again = backup(&bench.check(), &path, &to, false).await.expect("success");
        assert!(!again.changed.changed && again.differs);
        let read = read::read(&bench.check(), &to, &read::Options::default()).await.expect("success");
        assert_eq!(read.map(|content| content.bytes), Some(b"old".to_vec()));
    }
}
