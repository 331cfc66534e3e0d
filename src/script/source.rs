//! The texts of a playbook and of the files that it imports, for errors that show the line.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rhai::Position;

use crate::error::{Error, Excerpt, Result};
use crate::run::events::Place;

/// The largest script that is read. A playbook is a page or two; this is some ten thousand lines.
const MAX_BYTES: u64 = 1024 * 1024;

/// The files of one playbook. Clones share them.
#[derive(Clone)]
pub struct Sources {
    folder: Arc<PathBuf>,
    shown_folder: Arc<PathBuf>,
    texts: Arc<RwLock<BTreeMap<String, Arc<str>>>>,
}

impl Sources {
    /// The sources of the playbook at `playbook`: its folder confines what it can import and read.
    pub fn new(playbook: &Path) -> Result<Self> {
        let shown_folder = playbook.parent().filter(|folder| *folder != Path::new("")).map(Path::to_path_buf);
        let folder = shown_folder.clone().unwrap_or_else(|| PathBuf::from("."));
        let folder = folder.canonicalize().map_err(|error| {
            Error::input(format!("can't read the playbook {}", playbook.display())).caused_by(error)
        })?;
        Ok(Self {
            folder: Arc::new(folder),
            shown_folder: Arc::new(shown_folder.unwrap_or_default()),
            texts: Arc::default(),
        })
    }

    /// Reads a file of the playbook, given as the user would type it, and remembers its text.
    pub fn read(&self, shown: &str) -> Result<Arc<str>> {
        let failed = |cause: String| Error::input(format!("can't read {shown}")).caused_by(cause);
        let size = std::fs::metadata(shown).map_err(|error| failed(error.to_string()))?.len();
        if size > MAX_BYTES {
            return Err(failed(format!("it has {size} bytes, and a playbook at most {MAX_BYTES}")));
        }
        let text: Arc<str> = std::fs::read_to_string(shown).map_err(|error| failed(error.to_string()))?.into();
        self.texts.write().unwrap_or_else(PoisonError::into_inner).insert(shown.to_owned(), Arc::clone(&text));
        Ok(text)
    }

    /// The path of a file that `from` names as `relative`, as the user would type it. It has to be in the playbook's
    /// folder or below, whatever links there are.
    pub fn resolve(&self, from: &str, relative: &str) -> Result<String> {
        let base = Path::new(from).parent().unwrap_or(Path::new(""));
        self.confined(&base.join(relative), relative)
    }

    /// The path of a file that is named relative to the playbook's folder.
    pub fn resolve_in_folder(&self, relative: &str) -> Result<String> {
        self.confined(&self.shown_folder.join(relative), relative)
    }

    fn confined(&self, path: &Path, relative: &str) -> Result<String> {
        let outside = || {
            Error::input(format!("`{relative}` is outside the playbook's folder {}", self.shown_folder().display()))
                .hint("a playbook reads only files in its own folder and below: move the file there")
        };
        if relative.is_empty() || Path::new(relative).is_absolute() {
            return Err(outside());
        }
        let mut clean = PathBuf::new();
        for part in path.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir
                    if clean.components().next_back().is_some_and(|last| matches!(last, Component::Normal(_))) =>
                {
                    clean.pop();
                }
                part => clean.push(part),
            }
        }
        let real = clean.canonicalize().map_err(|error| {
            let folder = clean.parent().unwrap_or(Path::new("")).to_path_buf();
            let error = Error::input(format!("there is no file {}", clean.display())).caused_by(error);
            suggest(error, relative, &folder)
        });
        // A path that leaves the folder is refused as such, whether or not something is there.
        let lexical =
            clean.starts_with(&*self.shown_folder) && !clean.components().any(|part| part == Component::ParentDir);
        if !lexical {
            return Err(outside());
        }
        let real = real?;
        if !real.starts_with(&*self.folder) {
            return Err(outside());
        }
        Ok(clean.display().to_string())
    }

    fn shown_folder(&self) -> &Path {
        if self.shown_folder.as_os_str().is_empty() { Path::new(".") } else { &self.shown_folder }
    }

    /// The text of a file that was read.
    pub fn text(&self, shown: &str) -> Option<Arc<str>> {
        self.texts.read().unwrap_or_else(PoisonError::into_inner).get(shown).cloned()
    }

    /// Every file that was read, with its text.
    pub fn all(&self) -> BTreeMap<String, Arc<str>> {
        self.texts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The excerpt of a position in a file.
    pub fn excerpt(&self, shown: &str, position: Position) -> Option<Excerpt> {
        let text = self.text(shown)?;
        let line = position.line()?;
        Some(Excerpt::at_line(shown, text, line, position.position().unwrap_or(1)))
    }
}

fn suggest(error: Error, relative: &str, folder: &Path) -> Error {
    let given = Path::new(relative).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let names: Vec<String> = std::fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    error.did_you_mean(&given, names.iter().map(String::as_str))
}

/// The place of a position, for events.
pub fn place(source: Option<&str>, position: Position) -> Option<Place> {
    Some(Place { file: source?.to_owned(), line: position.line()? })
}
