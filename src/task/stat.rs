//! What is at a path: kind, size, permissions, owners, times; symbolic links are followed, and told of.

use super::path::absolute;
use super::prediction::Predicted;
use super::printable::last_lines;
use super::read::sha256;
use super::{Context, printable, shell};
use crate::error::Result;
use crate::host::Stdin;

/// What kind of thing a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A device, a socket or a named pipe.
    Other,
}

impl FileKind {
    /// The word for it in scripts.
    pub const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Other => "other",
        }
    }
}

/// What is at a path. Everything but `link` and `link_modified` is about what the path leads to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stat {
    /// The path that was asked for.
    pub path: String,
    /// Whether the path leads to anything. A symbolic link that leads nowhere does not.
    pub exists: bool,
    /// What it is.
    pub kind: Option<FileKind>,
    /// Size in bytes.
    pub size: u64,
    /// The permissions in octal: `"0644"`.
    pub mode: String,
    /// The owner's name, or number where the host knows no name.
    pub owner: String,
    /// The group's name, or number.
    pub group: String,
    /// When the content was last changed, in seconds since 1970 with fraction, by the host's clock. busybox's `stat`
    /// knows whole seconds only.
    pub modified: f64,
    /// Where the path points to when it is itself a symbolic link.
    pub link: Option<String>,
    /// When that link was made.
    pub link_modified: Option<f64>,
    /// The path without symbolic links.
    pub real_path: Option<String>,
    /// The content's SHA-256 in hexadecimal, where it was asked for and this is a regular file.
    pub sha256: Option<String>,
}

/// What is at one path.
pub async fn stat(context: &Context<'_>, path: &str, hash: bool) -> Result<Stat> {
    Ok(stat_all(context, &[path], hash).await?.pop().unwrap_or_default())
}

/// What is at each of the paths, in one round trip. In check mode it is what this run would have left there.
pub async fn stat_all(context: &Context<'_>, paths: &[&str], hash: bool) -> Result<Vec<Stat>> {
    let paths = paths.iter().map(|path| absolute(path)).collect::<Result<Vec<String>>>()?;
    let resolved: Vec<(String, Option<Predicted>)> = paths
        .iter()
        .map(|path| if context.check { context.predictions.resolve(path) } else { (path.clone(), None) })
        .collect();
    let mut arguments = vec![if hash { "yes" } else { "no" }];
    arguments.extend(resolved.iter().zip(&paths).map(|((real, predicted), path)| {
        // A link that only this run would make can't be looked at; what it leads to can.
        if predicted.is_none() { real.as_str() } else { path.as_str() }
    }));
    let printed = context.script(shell::script(include_str!("sh/stat.sh"), &arguments), Stdin::Closed).await?;
    let text = String::from_utf8_lossy(&printed.stdout);
    let mut lines = text.lines();
    let now = lines.next().and_then(|now| now.parse().ok()).unwrap_or_default();
    let mut stats: Vec<Stat> = Vec::with_capacity(paths.len());
    let mut ended = false;
    for line in lines {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        if key == "path" {
            let path = paths.get(stats.len()).cloned().unwrap_or_default();
            stats.push(Stat { path, ..Stat::default() });
        }
        ended |= key == "end";
        let Some(stat) = stats.last_mut() else { continue };
        match key {
            "link" => stat.link = Some(value.to_owned()),
            "linked" => stat.link_modified = value.split_once('/').map(|(whole, exact)| time(whole, exact)),
            "found" => stat.found(value),
            "real" => stat.real_path = Some(value.to_owned()),
            "hash" => stat.sha256 = Some(value.to_owned()),
            "refused" => {
                return Err(context.failed(format!("can't look at {}", stat.path)).caused_by(printable(value)));
            }
            _ => {}
        }
    }
    if !ended || stats.len() != paths.len() {
        return Err(context.failed("the host's answer ended early").detail(last_lines(&printed.stderr, 10)));
    }
    if context.check {
        for (stat, (mut real, mut predicted)) in stats.iter_mut().zip(resolved) {
            if let (None, Some(host)) = (&predicted, &stat.real_path) {
                // The host's own links may lead to what this run would have changed under another name.
                (real, predicted) = context.predictions.resolve(host);
            }
            stat.predict(context, &real, predicted, hash, now);
        }
    }
    Ok(stats)
}

impl Stat {
    fn found(&mut self, value: &str) {
        let fields: Vec<&str> = value.splitn(8, '/').collect();
        let [mode, size, uid, gid, whole, exact, owner, group] = fields[..] else { return };
        let mode = u32::from_str_radix(mode, 16).unwrap_or_default();
        self.exists = true;
        self.kind = Some(match mode & 0o170_000 {
            0o100_000 => FileKind::File,
            0o040_000 => FileKind::Directory,
            _ => FileKind::Other,
        });
        self.mode = shown_mode(mode & 0o7777);
        self.size = size.parse().unwrap_or_default();
        self.modified = time(whole, exact);
        let named = |name: &str, number: &str| if name == "UNKNOWN" { number.to_owned() } else { name.to_owned() };
        self.owner = named(owner, uid);
        self.group = named(group, gid);
    }

    fn predict(&mut self, context: &Context<'_>, real: &str, predicted: Option<Predicted>, hash: bool, now: f64) {
        if let Some(Predicted::Link(target)) = context.predictions.at(&self.path) {
            self.link = Some(target);
            self.link_modified = Some(now);
        }
        let attributes = context.predictions.attributes(real);
        match predicted {
            None => {}
            Some(Predicted::File(content)) => {
                let fresh = !self.exists;
                self.exists = true;
                self.kind = Some(FileKind::File);
                self.size = content.len() as u64;
                // It would have been written in this run.
                self.modified = now;
                self.sha256 = hash.then(|| sha256(&content));
                self.real_path.get_or_insert_with(|| real.to_owned());
                if fresh {
                    self.mode = shown_mode(0o644);
                }
            }
            Some(Predicted::Directory) => {
                if self.kind != Some(FileKind::Directory) {
                    let (path, link) = (std::mem::take(&mut self.path), self.link.take());
                    *self = Self { path, link, mode: shown_mode(0o755), modified: now, ..Self::default() };
                }
                self.exists = true;
                self.kind = Some(FileKind::Directory);
                self.real_path.get_or_insert_with(|| real.to_owned());
            }
            Some(Predicted::Absent | Predicted::Link(_)) => {
                let path = std::mem::take(&mut self.path);
                let link = match context.predictions.at(&path) {
                    Some(Predicted::Link(target)) => Some(target),
                    _ => None,
                };
                *self = Self { path, link, ..Self::default() };
                return;
            }
        }
        if let Some(mode) = attributes.mode {
            self.mode = shown_mode(mode);
        }
        self.owner = attributes.owner.unwrap_or(std::mem::take(&mut self.owner));
        self.group = attributes.group.unwrap_or(std::mem::take(&mut self.group));
    }
}

/// Permissions as people write them.
pub fn shown_mode(mode: u32) -> String {
    format!("{mode:04o}")
}

/// A time with fraction, where the host's `stat` can give one.
fn time(whole: &str, exact: &str) -> f64 {
    exact.parse().or_else(|_| whole.parse()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::time::UNIX_EPOCH;

    use super::super::bench::Bench;
    use super::super::prediction::Attributes;
    use super::*;

    #[tokio::test]
    async fn a_link_is_followed_and_told_of() {
        let bench = Bench::new();
        let target = bench.file("target", "hello\n");
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o640)).expect("a mode");
        symlink("target", bench.path("link")).expect("a link");
        let stats = stat_all(&bench.context(), &[&bench.path("link"), &target], true).await.expect("success");
        let [link, file] = &stats[..] else { panic!("two were asked for") };
        assert_eq!(link.link.as_deref(), Some("target"));
        assert!(link.link_modified.is_some_and(|time| time > 1e9));
        assert_eq!((file.link.as_deref(), file.link_modified), (None, None));
        for stat in &stats {
            assert_eq!(
                (stat.exists, stat.kind, stat.size, stat.mode.as_str()),
                (true, Some(FileKind::File), 6, "0640")
            );
            assert_eq!(stat.sha256.as_deref(), Some(sha256(b"hello\n").as_str()));
            assert!(stat.real_path.as_deref().is_some_and(|real| real.ends_with("/target")));
        }
        let modified = std::fs::metadata(&target).and_then(|data| data.modified()).expect("a time");
        let modified = modified.duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
        assert!((file.modified - modified).abs() < 1e-5, "{} {modified}", file.modified);
    }

    #[tokio::test]
    async fn what_is_not_there_does_not_exist() {
        let bench = Bench::new();
        let file = bench.file("file", "");
        symlink("nowhere", bench.path("dangling")).expect("a link");
        let paths = [bench.path("missing"), format!("{file}/below"), bench.path("dangling")];
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let stats = stat_all(&bench.context(), &paths, true).await.expect("success");
        assert!(stats.iter().all(|stat| !stat.exists && stat.kind.is_none()));
        assert_eq!(stats[2].link.as_deref(), Some("nowhere"));
    }

    #[tokio::test]
    async fn check_mode_sees_what_the_run_would_have_left() {
        let bench = Bench::new();
        let (changed, removed) = (bench.file("changed", "old"), bench.file("removed", ""));
        let made = bench.path("made");
        bench.predictions.record(changed.as_str(), Predicted::File(b"longer".to_vec()));
        bench
            .predictions
            .record_attributes(changed.as_str(), Attributes { mode: Some(0o600), ..Attributes::default() });
        bench.predictions.record(removed.as_str(), Predicted::Absent);
        bench.predictions.record(made.as_str(), Predicted::Link(changed.clone()));
        let stats = stat_all(&bench.check(), &[&changed, &removed, &made], true).await.expect("success");
        assert_eq!((stats[0].size, stats[0].mode.as_str(), stats[0].owner.is_empty()), (6, "0600", false));
        assert_eq!(stats[0].sha256.as_deref(), Some(sha256(b"longer").as_str()));
        assert!(!stats[1].exists);
        assert_eq!((stats[2].link.as_deref(), stats[2].size), (Some(changed.as_str()), 6));
    }
}
