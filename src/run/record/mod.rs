//! The record of a run: a folder with all that happened, durable before the next effect begins.
//!
//! `run.json` says how the run was asked for, `events.ndjson` is its event stream, `results.ndjson` what its steps gave,
//! `sources/` and `inventory/` the files as they were used, without secrets, and `backups/` the copies of what it changed.
//! Before the first change a record that can't be written stops the run; from then on it is only reported.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::events::Event;
use super::secrets::Secrets;
use super::stream::{Line, Reader, Sure};
use crate::error::{Error, Result};

pub mod manifest;
pub mod store;
pub mod story;

pub use manifest::Manifest;
pub use story::Story;

/// Room that is kept on the disk for the end of the story: given up when the disk is full.
const RESERVE: usize = 256 * 1024;

/// What a step gave, as a line of `results.ndjson`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    /// The step's name.
    pub step: String,
    /// Which of the steps of this name, counted from 1.
    pub nth: usize,
    /// What it gave; none when that has no form in which it can be kept, or holds a secret.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<Value>,
}

/// A record that is being written. Clones write to the same one.
#[derive(Clone)]
pub struct Record(Arc<Shared>);

struct Shared {
    folder: PathBuf,
    id: String,
    events: Mutex<File>,
    results: Mutex<File>,
    broken: Mutex<Option<String>>,
    line: OnceLock<Line>,
    // Held as long as the run lives: who can take it knows that it is over.
    _alive: File,
}

impl Record {
    /// Begins the record of a new run.
    pub fn create(
        manifest: &Manifest,
        sources: &BTreeMap<String, String>,
        inventory: &BTreeMap<String, String>,
        secrets: &Secrets,
    ) -> Result<Self> {
        let failed = |path: &Path, error: io::Error| cannot(path, &error);
        let runs = store::runs_folder()?;
        let folder = runs.join(&manifest.run);
        DirBuilder::new().mode(0o700).create(&folder).map_err(|error| failed(&folder, error))?;
        let record = Self::open(folder.clone(), manifest.run.clone())?;
        let begun = || -> io::Result<()> {
            record.write_inputs("", manifest, sources, inventory, secrets)?;
            write_new(&folder.join("reserve"), &vec![b'.'; RESERVE])?;
            sync_folder(&folder)?;
            sync_folder(&runs)
        };
        begun().map_err(|error| {
            // A record without a beginning is of no use to anybody.
            let _ = std::fs::remove_dir_all(&folder);
            failed(&folder, error)
        })?;
        Ok(record)
    }

    /// Goes on with the record of a run that is over without having come to its end.
    pub fn reopen(folder: &Path, id: &str) -> Result<Self> {
        let record = Self::open(folder.to_owned(), id.to_owned())?;
        let reserve = folder.join("reserve");
        if !reserve.exists() {
            write_new(&reserve, &vec![b'.'; RESERVE]).map_err(|error| cannot(folder, &error))?;
        }
        Ok(record)
    }

    fn open(folder: PathBuf, id: String) -> Result<Self> {
        let failed = |error: io::Error| cannot(&folder, &error);
        let open = |name: &str| {
            OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(name)).map_err(failed)
        };
        let alive = open("alive")?;
        match alive.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(Error::new(crate::error::Kind::Locked, format!("the run {id} is under way"))
                    .hint("it runs in another terminal of this machine: look there"));
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        let events = open("events.ndjson")?;
        ended_line(&folder.join("events.ndjson"), &events).map_err(failed)?;
        let results = open("results.ndjson")?;
        ended_line(&folder.join("results.ndjson"), &results).map_err(failed)?;
        Ok(Self(Arc::new(Shared {
            folder,
            id,
            events: Mutex::new(events),
            results: Mutex::new(results),
            broken: Mutex::default(),
            line: OnceLock::new(),
            _alive: alive,
        })))
    }

    /// Writes how the run is asked for and what it is made from. `suffix` keeps what earlier attempts were made from.
    pub fn write_inputs(
        &self,
        suffix: &str,
        manifest: &Manifest,
        sources: &BTreeMap<String, String>,
        inventory: &BTreeMap<String, String>,
        secrets: &Secrets,
    ) -> io::Result<()> {
        let folder = &self.0.folder;
        for (name, files) in [("sources", sources), ("inventory", inventory)] {
            let below = folder.join(format!("{name}{suffix}"));
            DirBuilder::new().mode(0o700).recursive(true).create(&below)?;
            for (path, text) in files {
                write_new(&below.join(flat(path)), secrets.redact(text).as_bytes())?;
            }
            sync_folder(&below)?;
        }
        let manifest = manifest.without(|text| secrets.are_in(text));
        replace(&folder.join("run.json"), serde_json::to_string_pretty(&manifest)?.as_bytes())
    }

    /// The run's id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// The reader that writes the event stream.
    pub fn reader(&self) -> Box<dyn Reader> {
        Box::new(Writer(self.clone()))
    }

    /// Says by which queue its reader is reached.
    pub fn reached_by(&self, line: Line) {
        // There is one reader a record; a second would be a defect, and the first one goes on.
        let _ = self.0.line.set(line);
    }

    /// Ends when it has all that happened so far; says why it has not.
    pub async fn sure(&self, sure: Sure) -> Result<(), String> {
        if let Some(broken) = self.broken() {
            return Err(broken);
        }
        match self.0.line.get() {
            Some(line) => line.sure(sure).await.map_err(|why| self.broken().unwrap_or(why)),
            None => Ok(()),
        }
    }

    /// Why it could not be written to its end.
    pub fn broken(&self) -> Option<String> {
        lock(&self.0.broken).clone()
    }

    /// Keeps what a step gave. A later result of the same step takes the place of an earlier one.
    pub fn step(&self, result: &StepResult) -> io::Result<()> {
        let mut line = serde_json::to_vec(result)?;
        line.push(b'\n');
        if self.broken().is_some() {
            return Ok(());
        }
        let results = lock(&self.0.results);
        self.append(&results, &line)?;
        results.sync_data()
    }

    /// Keeps a copy of a file of a host as it was before the run. The first one of a path stays.
    pub fn keep(&self, host: &str, path: &str, content: &[u8]) -> io::Result<()> {
        let folder = self.0.folder.join("backups").join(flat(host));
        DirBuilder::new().mode(0o700).recursive(true).create(&folder)?;
        let file = folder.join(flat(path));
        if file.exists() {
            return Ok(());
        }
        // Half of it would be taken for the whole by whoever puts it back, and by the next attempt.
        replace(&file, content)
    }

    /// The run is over: what was kept for its end is given back.
    pub fn finish(&self) {
        // It is not needed any more, and failing to remove it loses nothing.
        let _ = std::fs::remove_file(self.0.folder.join("reserve"));
    }

    fn append(&self, file: &File, lines: &[u8]) -> io::Result<()> {
        self.append_whole(file, lines).inspect_err(|error| self.breaks(error))
    }

    fn append_whole(&self, mut file: &File, lines: &[u8]) -> io::Result<()> {
        let at = file.metadata()?.len();
        match file.write_all(lines) {
            Err(error)
                if error.kind() == io::ErrorKind::StorageFull || error.kind() == io::ErrorKind::QuotaExceeded =>
            {
                // A part may have been written; then the room that was kept is taken.
                file.set_len(at)?;
                std::fs::remove_file(self.0.folder.join("reserve")).map_err(|_| error)?;
                file.write_all(lines)
            }
            other => other,
        }
    }

    fn breaks(&self, error: &io::Error) {
        lock(&self.0.broken).get_or_insert_with(|| error.to_string());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Writer(Record);

impl Reader for Writer {
    fn read(&mut self, events: &[Arc<Event>]) -> io::Result<()> {
        let mut lines = Vec::new();
        for event in events {
            serde_json::to_writer(&mut lines, &**event)?;
            lines.push(b'\n');
        }
        if lines.is_empty() { Ok(()) } else { self.0.append(&lock(&self.0.0.events), &lines) }
    }

    fn sync(&mut self) -> io::Result<()> {
        lock(&self.0.0.events).sync_data().inspect_err(|error| self.0.breaks(error))
    }

    fn name(&self) -> String {
        format!("the run's record {}", self.0.folder().display())
    }
}

fn cannot(path: &Path, error: &io::Error) -> Error {
    Error::input(format!("the run's record can't be written to {}", path.display()))
        .caused_by(error)
        .hint("a run that nobody can look up or go on with is not begun: make room there, or set XDG_STATE_HOME to another folder")
}

/// A path or a name as one file name. Not every path has a file name of its own length, so long ones keep their end.
fn flat(path: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.=@".contains(c) { c.to_string() } else { "%".to_owned() };
    let name: String = path.chars().map(plain).collect();
    let name = name.trim_start_matches(['%', '.']);
    let short = &name[name.len().saturating_sub(200)..];
    // Two paths that look alike then are told apart by the hash.
    if short.len() < path.trim_start_matches('/').len() || short.contains('%') {
        format!("{short}~{}", &manifest::hash(path.as_bytes())[..8])
    } else {
        short.to_owned()
    }
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Replaces a file as a whole.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A line that a killed process left without its end gets one, so that the next is not lost with it.
fn ended_line(path: &Path, mut file: &File) -> io::Result<()> {
    use std::io::{Read as _, Seek as _};
    if file.metadata()?.size() == 0 {
        return Ok(());
    }
    let mut last = File::open(path)?;
    last.seek(io::SeekFrom::End(-1))?;
    let mut byte = [0];
    last.read_exact(&mut byte)?;
    if byte == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_has_its_name_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        replace(&path, b"old").expect("a written file");
        // Who holds the file as it was under its name sees nothing of the one that comes in its place.
        let held = File::open(&path).expect("a file");
        replace(&path, &[b'x'; 100_000]).expect("a written file");
        assert_eq!(held.metadata().map(|file| file.size()).ok(), Some(3));
        assert_eq!(std::fs::read(&path).map(|content| content.len()).ok(), Some(100_000));
        assert_eq!(std::fs::metadata(&path).map(|file| file.mode() & 0o777).ok(), Some(0o600));
        assert_eq!(std::fs::read_dir(folder.path()).map(Iterator::count).ok(), Some(1));
    }

    #[test]
    fn file_names_are_plain_short_and_different() {
        assert_eq!(flat("hosts.yaml"), "hosts.yaml");
        let (one, other) = (flat("/opt/a b"), flat("/opt/a%b"));
        assert!(one != other && one.starts_with("opt%a%b~"), "{one} {other}");
        assert!(flat(&"x/".repeat(500)).len() < 220);
        assert!(!flat("../../etc/passwd").contains('/'));
    }
}
