//! The one place that replaces a file on a host.
//!
//! One round trip compares, writes a temporary file beside the real target, keeps what the old file had (mode, owners,
//! SELinux context, extended attributes), puts it on the disk, verifies its hash and renames it. Whatever fails before
//! the rename leaves the old file as it was. A content of more than 1 MiB takes a round trip for each MiB and one more.

use bytes::Bytes;

use super::attributes::{unknown, unknown_as};
use super::path::{absolute, owner, parent};
use super::prediction::{Attributes, Predicted};
use super::printable::last_lines;
use super::read::{decode, sha256};
use super::stat::shown_mode;
use super::{Changed, Context, Diff, Printed, printable, shell};
use crate::error::{Error, Result};
use crate::host::{MAX_STDIN, Stdin};

/// The largest text that is shown as a difference, in bytes.
const SHOWN: usize = 256 * 1024;

/// What a file is to be.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Permissions; unless given those of the old file, and 0644 for a new one whatever the host's umask is.
    pub mode: Option<u32>,
    /// Owner, a name or number; unless given that of the old file, and for a new one who writes it.
    pub owner: Option<String>,
    /// Group, likewise.
    pub group: Option<String>,
    /// The SHA-256 that the old content must have, or `"absent"`; otherwise somebody else was faster, and it is an error.
    pub expect: Option<String>,
    /// The content is a secret: no difference is shown, and the old content is not fetched.
    pub secret: bool,
}

/// What writing a file did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// Whether anything differs, and what.
    pub changed: Changed,
    /// The file's path without symbolic links.
    pub real_path: String,
    /// Whether there was no file before.
    pub created: bool,
    /// The SHA-256 of the old content, if there was one.
    pub before_sha256: Option<String>,
    /// The SHA-256 of the content.
    pub sha256: String,
}

/// Brings the file at `path` to this content. Symbolic links are followed: the file they lead to is replaced.
pub async fn write(context: &Context<'_>, path: &str, content: &[u8], options: &Options) -> Result<Written> {
    let path = absolute(path)?;
    if path == "/" {
        return Err(Error::input("`/` is not a file"));
    }
    let job = Job::new(context, path, content, options)?;
    if context.check { job.predict().await } else { job.write().await }
}

struct Job<'a> {
    context: &'a Context<'a>,
    path: String,
    content: &'a [u8],
    options: &'a Options,
    hash: String,
}

/// What `write.sh` said.
#[derive(Default)]
struct Found {
    real: String,
    link: bool,
    /// What is missing of the way to the file.
    no_folder: Option<String>,
    before: Option<Vec<u8>>,
    before_hash: Option<String>,
    attributes: Vec<String>,
    ended: bool,
    /// What check mode can't know, as something is not there that a command may make.
    unknown: Option<Changed>,
}

impl<'a> Job<'a> {
    fn new(context: &'a Context<'a>, path: String, content: &'a [u8], options: &'a Options) -> Result<Self> {
        for name in options.owner.iter().chain(&options.group) {
            owner(name)?;
        }
        if let Some(mode) = options.mode.filter(|mode| *mode > 0o7777) {
            return Err(Error::input(format!("{mode:o} is not a mode")));
        }
        Ok(Self { context, path, content, options, hash: sha256(content) })
    }

    async fn write(&self) -> Result<Written> {
        if self.content.len() <= MAX_STDIN {
            let found = self.script("change", "", Stdin::Bytes(Bytes::copy_from_slice(self.content))).await?;
            return self.written(found);
        }
        // Before so much travels it is worth a round trip to know whether it has to.
        let found = self.script("check", "", Stdin::Closed).await?;
        if found.before_hash.as_deref() == Some(self.hash.as_str()) {
            if found.attributes.is_empty() {
                return self.written(found);
            }
            return self.written(self.script("change", "", Stdin::Closed).await?);
        }
        if let Some(missing) = &found.no_folder {
            return Err(self.no_folder(missing));
        }
        let mut staged = String::new();
        for piece in self.content.chunks(MAX_STDIN) {
            staged = self.stage(&staged, piece).await?;
        }
        self.written(self.script("change", &staged, Stdin::Closed).await?)
    }

    async fn stage(&self, staged: &str, piece: &[u8]) -> Result<String> {
        let script = shell::changing(include_str!("sh/stage.sh"), &[&self.path, staged]);
        let printed = self.context.script(script, Stdin::Bytes(Bytes::copy_from_slice(piece))).await?;
        if printed.exit.status != 0 {
            return Err(self.refused(&printed));
        }
        Ok(String::from_utf8_lossy(&printed.stdout).trim_end_matches('\n').to_owned())
    }

    async fn script(&self, task: &str, staged: &str, stdin: Stdin) -> Result<Found> {
        let mode = self.options.mode.map(|mode| format!("{mode:o}")).unwrap_or_default();
        let shown = if self.options.secret || self.content.len() > SHOWN { "-1".to_owned() } else { SHOWN.to_string() };
        let text = |text: &'a Option<String>| text.as_deref().unwrap_or_default();
        let arguments = [
            self.path.as_str(),
            &self.hash,
            &mode,
            text(&self.options.owner),
            text(&self.options.group),
            text(&self.options.expect),
            task,
            &shown,
            staged,
            &self.content.len().to_string(),
        ];
        let printed = self.context.script(shell::changing(include_str!("sh/write.sh"), &arguments), stdin).await?;
        if let Some(unknown) = unknown(self.context, &printed, &self.path) {
            return Ok(Found { ended: true, unknown: Some(unknown), ..Found::default() });
        }
        if printed.exit.status != 0 {
            return Err(self.refused(&printed));
        }
        let found = Found::parse(&printed.stdout)?;
        if !found.ended && found.no_folder.is_none() {
            return Err(self.refused(&printed));
        }
        Ok(found)
    }

    fn written(&self, found: Found) -> Result<Written> {
        if let Some(missing) = &found.no_folder {
            return Err(self.no_folder(missing));
        }
        let same = found.before_hash.as_deref() == Some(self.hash.as_str());
        let mut what = found.attributes;
        let diff = match &found.before {
            _ if same => None,
            None if found.before_hash.is_some() => None,
            before => self.diff(before.as_deref().unwrap_or_default()),
        };
        if !same {
            what.insert(0, if found.before_hash.is_none() { "created" } else { "content" }.to_owned());
        }
        let changed = Changed {
            changed: !what.is_empty(),
            diff,
            summary: (!what.is_empty()).then(|| {
                let link = if found.link { format!(" (links to {})", printable(&found.real)) } else { String::new() };
                format!("{}{link}", what.join(", "))
            }),
        };
        Ok(Written {
            changed,
            created: found.before_hash.is_none(),
            before_sha256: found.before_hash,
            real_path: found.real,
            sha256: self.hash.clone(),
        })
    }

    fn diff(&self, before: &[u8]) -> Option<Diff> {
        if self.options.secret || self.content.len() > SHOWN || before.len() > SHOWN {
            return None;
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok().filter(|text| !text.contains('\0'));
        Some(Diff { path: self.path.clone(), before: text(before)?, after: text(self.content)? })
    }

    /// What writing would do, and its record for the reads that come after.
    async fn predict(&self) -> Result<Written> {
        let predictions = self.context.predictions;
        let (mut real, mut predicted) = predictions.resolve(&self.path);
        let mut found = Found { ended: true, ..Found::default() };
        if predicted.is_none() {
            let job = Job { path: real.clone(), hash: self.hash.clone(), ..*self };
            found = job.script("check", "", Stdin::Closed).await?;
            if !found.real.is_empty() {
                // The host's own links may lead to what this run would have written under another name.
                (real, predicted) = predictions.resolve(&found.real);
            }
        }
        match predicted {
            None => {}
            Some(Predicted::Directory) => return Err(self.error("it is there, and is not a regular file")),
            Some(Predicted::File(before)) => {
                found.attributes = self.predicted_attributes(&predictions.attributes(&real));
                found.before_hash = Some(sha256(&before));
                found.before = Some(before);
            }
            Some(Predicted::Absent | Predicted::Link(_)) => {
                if predictions.resolve(parent(&real)).1 == Some(Predicted::Absent) {
                    return Err(self.no_folder(parent(&real)));
                }
                found = Found { ended: true, ..Found::default() };
            }
        }
        if let Some(missing) = found.no_folder.take() {
            // The folder may be one that this run would have made.
            if predictions.resolve(parent(&real)).1 != Some(Predicted::Directory) {
                let why = format!("the folder {missing} does not exist");
                found.unknown = Some(unknown_as(self.context, &why, &missing).ok_or_else(|| self.no_folder(&missing))?);
            }
        }
        found.real.clone_from(&real);
        let unknown = found.unknown.take();
        if let Some(expected) = &self.options.expect {
            let is = found.before_hash.as_deref().unwrap_or("absent");
            if is != expected && is != self.hash {
                return Err(self.error("its content is not the one that was expected: somebody else has changed it"));
            }
        }
        let mut written = self.written(found)?;
        if let Some(unknown) = unknown {
            written.changed = Changed { diff: written.changed.diff, ..unknown };
        }
        if written.changed.changed {
            let attributes = Attributes {
                mode: self.options.mode.or(written.created.then_some(0o644)),
                owner: self.options.owner.clone(),
                group: self.options.group.clone(),
            };
            if written.before_sha256.as_deref() != Some(self.hash.as_str()) {
                predictions.record(real.as_str(), Predicted::File(self.content.to_vec()));
            }
            predictions.record_attributes(real, attributes);
        }
        Ok(written)
    }

    /// How the wanted attributes differ from those that this run would have given.
    fn predicted_attributes(&self, known: &Attributes) -> Vec<String> {
        let octal = |mode: Option<u32>| mode.map(|mode| format!("{mode:o}"));
        [
            ("mode", octal(known.mode), octal(self.options.mode)),
            ("owner", known.owner.clone(), self.options.owner.clone()),
            ("group", known.group.clone(), self.options.group.clone()),
        ]
        .into_iter()
        .filter_map(|(name, known, wanted)| {
            let (known, wanted) = (known?, wanted?);
            (known != wanted).then(|| attribute(name, &known, &wanted))
        })
        .collect()
    }

    fn error(&self, why: impl std::fmt::Display) -> Error {
        self.context.failed(format!("can't write {}", self.path)).caused_by(why)
    }

    fn no_folder(&self, missing: &str) -> Error {
        self.error(format!("the folder {missing} does not exist")).hint("make the folder first")
    }

    fn refused(&self, printed: &Printed) -> Error {
        let mut said = last_lines(&printed.stderr, 3).replace('\n', "; ");
        if said.is_empty() {
            said = match super::command::signal(printed.exit.status) {
                Some(signal) => format!("the script was ended by {signal}"),
                None => format!("the script ended with exit status {}", printed.exit.status),
            };
        }
        let error = self.error(&said);
        match said {
            said if said.contains("No space left") || said.contains("quota") => {
                error.hint("the old content is still there; make room on the host and run it again")
            }
            said if said.contains("Read-only file system") => {
                error.hint("the host can't write there: is the file system mounted read-only because of an error?")
            }
            said if said.contains("ermission denied") || said.contains("can't be written to") => {
                error.hint("does it need `become: true`?")
            }
            said if said.contains("somebody else") => error.hint("read it again and decide anew"),
            said if said.contains("not permitted") => error.hint("the file may be immutable: look at `lsattr`"),
            _ => error,
        }
    }
}

impl Found {
    fn parse(output: &[u8]) -> Result<Self> {
        let mut found = Self::default();
        let mut encoded: Option<Vec<u8>> = None;
        for line in output.split(|byte| *byte == b'\n') {
            if let Some(content) = &mut encoded {
                if line == b"." {
                    found.before = Some(decode(content)?);
                    encoded = None;
                } else {
                    content.extend_from_slice(line);
                }
                continue;
            }
            let line = String::from_utf8_lossy(line);
            let (key, value) = line.split_once(' ').unwrap_or((&line, ""));
            match key {
                "real" => found.real = value.to_owned(),
                "link" => found.link = true,
                "nofolder" => found.no_folder = Some(value.to_owned()),
                "old" => found.before_hash = Some(value.to_owned()).filter(|old| old != "absent"),
                "before" => encoded = Some(Vec::new()),
                "end" => found.ended = true,
                _ => found.attributes.extend(changed_attribute(&line)),
            }
        }
        Ok(found)
    }
}

/// A line of the shell function `attributes`, for a person.
pub(super) fn changed_attribute(line: &str) -> Option<String> {
    let mut words = line.split(' ');
    match (words.next()?, words.next()?, words.next()?) {
        (name @ ("mode" | "owner" | "group"), before, after) => Some(attribute(name, before, after)),
        _ => None,
    }
}

fn attribute(name: &str, before: &str, after: &str) -> String {
    let shown = |text: &str| match u32::from_str_radix(text, 8) {
        Ok(mode) if name == "mode" => shown_mode(mode),
        _ => printable(text),
    };
    format!("{name} {} → {}", shown(before), shown(after))
}

#[cfg(test)]
mod safety;
#[cfg(test)]
mod tests;
