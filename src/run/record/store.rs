//! The folder in which this operator's runs are recorded.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::PathBuf;

use super::Story;
use crate::error::{Error, Result};

/// `$XDG_STATE_HOME/zkmig/runs`, by default below `~/.local/state`; made for its owner alone when it is missing.
pub fn runs_folder() -> Result<PathBuf> {
    let folder = place()?;
    let failed = |error: &dyn std::fmt::Display| {
        Error::input(format!("the folder of the runs' records, {}, can't be used", folder.display()))
            .caused_by(error)
            .hint("set XDG_STATE_HOME to a folder of your own")
    };
    DirBuilder::new().mode(0o700).recursive(true).create(&folder).map_err(|error| failed(&error))?;
    let metadata = fs::metadata(&folder).map_err(|error| failed(&error))?;
    let uid = fs::metadata("/proc/self").map_err(|error| failed(&error))?.uid();
    if metadata.uid() != uid {
        return Err(failed(&"it belongs to somebody else"));
    }
    if metadata.mode() & 0o077 != 0 {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).map_err(|error| failed(&error))?;
    }
    Ok(folder)
}

fn place() -> Result<PathBuf> {
    let given = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = match (given, std::env::var_os("HOME").filter(|home| !home.is_empty())) {
        (Some(state), _) => state,
        (None, Some(home)) => PathBuf::from(home).join(".local/state"),
        (None, None) => {
            return Err(Error::input("there is no folder for the runs' records")
                .hint("set HOME, or XDG_STATE_HOME, to a folder of your own"));
        }
    };
    Ok(state.join("zkmig/runs"))
}

/// The ids of all runs that were recorded here, the newest first.
pub fn ids() -> Result<Vec<String>> {
    let folder = place()?;
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::input(format!("can't read {}", folder.display())).caused_by(error));
        }
    };
    let mut ids: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join("run.json").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    ids.sort_unstable_by(|one, other| other.cmp(one));
    Ok(ids)
}

/// The record of the run with exactly this id, as [`ids`] gives it.
pub fn read(id: &str) -> Result<Story> {
    Story::read(&place()?.join(id))
}

/// The record of the run with this id, or with the only id that begins like this.
pub fn find(given: &str) -> Result<Story> {
    let ids = ids()?;
    let fitting: Vec<&String> = ids.iter().filter(|id| id.starts_with(given)).collect();
    match fitting.as_slice() {
        [id] => Story::read(&place()?.join(id)),
        [] => Err(Error::input(format!("there is no run `{given}` in {}", place()?.display()))
            .did_you_mean(given, ids.iter().map(String::as_str))
            .hint("`zkmig runs list` shows those that there are")),
        several => Err(Error::input(format!("{} runs begin with `{given}`", several.len()))
            .detail(several.iter().map(|id| id.as_str()).collect::<Vec<_>>().join("\n"))),
    }
}

/// The newest run, if there is one.
pub fn newest() -> Result<Option<Story>> {
    let ids = ids()?;
    ids.first().map(|id| Story::read(&place()?.join(id))).transpose()
}

/// The newest run that can be gone on with: it may change hosts and did not come to its end. One that had begun to change
/// something is preferred to one that had not.
pub fn newest_unfinished() -> Result<Option<Story>> {
    let place = place()?;
    let mut other = None;
    for id in ids()? {
        // A record that can't be read is no reason not to go on with another.
        let Ok(story) = Story::read(&place.join(&id)) else { continue };
        if !story.can_be_resumed() {
            continue;
        }
        if story.standing.has_changed() {
            return Ok(Some(story));
        }
        other = other.or(Some(story));
    }
    Ok(other)
}

/// The newest run that was begun after this one and has changed one of the hosts that this one has worked on.
pub fn newer_on_same_hosts(story: &Story) -> Result<Option<Story>> {
    let place = place()?;
    let ours: std::collections::HashSet<&str> = story.standing.worked_on().collect();
    for id in ids()?.into_iter().take_while(|id| id.as_str() > story.id()) {
        let newer = Story::read(&place.join(&id))?;
        if newer.standing.worked_on().any(|host| ours.contains(host)) {
            return Ok(Some(newer));
        }
    }
    Ok(None)
}

/// Removes the record of a run that is over.
pub fn remove(story: &Story) -> Result<()> {
    // What says that it is a record goes first: half a record is none.
    let gone = fs::remove_file(story.folder.join("run.json")).and_then(|()| fs::remove_dir_all(&story.folder));
    gone.map_err(|error| Error::failed(format!("can't remove {}", story.folder.display())).caused_by(error))
}
