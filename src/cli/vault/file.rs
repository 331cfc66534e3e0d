//! Files that are replaced as a whole, with the mode and the owner that they had.

use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The largest file that is read.
const MOST: u64 = 64 * 1024 * 1024;

/// A file that was read.
pub struct File {
    /// The file itself, where `path` is a link.
    real: PathBuf,
    path: PathBuf,
    metadata: fs::Metadata,
}

fn cant(what: &str, path: &Path, error: impl std::fmt::Display) -> Error {
    Error::input(format!("can't {what} {}", path.display())).caused_by(error)
}

impl File {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<(Self, Zeroizing<Vec<u8>>)> {
        let real = fs::canonicalize(path).map_err(|error| cant("read", path, error))?;
        let mut file = fs::File::open(&real).map_err(|error| cant("read", path, error))?;
        let metadata = file.metadata().map_err(|error| cant("read", path, error))?;
        if !metadata.is_file() {
            return Err(Error::input(format!("{} is not a file", path.display())));
        }
        if metadata.len() > MOST {
            return Err(Error::input(format!(
                "{} has {} bytes, and at most {MOST} are read",
                path.display(),
                metadata.len()
            )));
        }
        // All the room at once: a text that has to move leaves a copy behind.
        let room = usize::try_from(metadata.len()).unwrap_or_default() + 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        file.read_to_end(&mut bytes).map_err(|error| cant("read", path, error))?;
        Ok((Self { real, path: path.to_path_buf(), metadata }, bytes))
    }

    /// Puts these bytes in its place, with its mode and owner. `wipe` writes zeros over what was there before: nothing keeps
    /// a file system from having copies elsewhere, but none stays where it can be read.
    pub fn replace(&self, bytes: &[u8], wipe: bool) -> Result<()> {
        let failed = |error: std::io::Error| cant("write to", &self.path, error);
        let old = if wipe { Some(fs::OpenOptions::new().write(true).open(&self.real).map_err(failed)?) } else { None };
        let mut new = beside(&self.real).map_err(failed)?;
        new.write_all(bytes).map_err(failed)?;
        let now = new.as_file().metadata().map_err(failed)?;
        if (now.uid(), now.gid()) != (self.metadata.uid(), self.metadata.gid()) {
            std::os::unix::fs::fchown(new.as_file(), Some(self.metadata.uid()), Some(self.metadata.gid())).map_err(
                |error| {
                    cant("give the new file the owner of", &self.path, error)
                        .hint("nothing was changed: work as the file's owner")
                },
            )?;
        }
        let mode = fs::Permissions::from_mode(self.metadata.mode() & 0o7777);
        new.as_file().set_permissions(mode).map_err(failed)?;
        new.as_file().sync_all().map_err(failed)?;
        new.persist(&self.real).map_err(|error| failed(error.error))?;
        if let Some(old) = old {
            // What another name still shows is not ours to wipe.
            wiped(old).map_err(|error| cant("write zeros over the plain text of", &self.path, error))?;
        }
        Ok(())
    }

    /// Whether these bytes are still what is there.
    pub fn still_is(&self, bytes: &[u8]) -> bool {
        fs::read(&self.real).is_ok_and(|now| now == bytes)
    }
}

fn beside(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::Builder::new().prefix(".zkmig-vault-").tempfile_in(folder)
}

fn wiped(mut file: fs::File) -> std::io::Result<()> {
    let metadata = file.metadata()?;
    if metadata.nlink() > 0 {
        return Ok(());
    }
    zeros(&mut file, metadata.len())?;
    file.sync_all()
}

fn zeros(file: &mut fs::File, mut length: u64) -> std::io::Result<()> {
    const ZEROS: [u8; 8192] = [0; 8192];
    file.rewind()?;
    while length > 0 {
        let piece = length.min(8192);
        file.write_all(&ZEROS[..usize::try_from(piece).unwrap_or(8192)])?;
        length -= piece;
    }
    Ok(())
}

/// Writes a file that the person alone can read, or puts these bytes in the place of one that is there.
pub fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if path.exists() {
        return File::read(path)?.0.replace(bytes, false);
    }
    let failed = |error: std::io::Error| cant("write to", path, error);
    let mut new = beside(path).map_err(failed)?;
    new.write_all(bytes).map_err(failed)?;
    new.as_file().sync_all().map_err(failed)?;
    // Not over one that came into being meanwhile.
    new.persist_noclobber(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Writes zeros over every file of a folder.
pub fn wipe_folder(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            wipe_folder(&entry.path())?;
        } else if kind.is_file() {
            let mut file = fs::OpenOptions::new().write(true).open(entry.path())?;
            let length = file.metadata()?.len();
            zeros(&mut file, length)?;
            file.sync_all()?;
        }
    }
    Ok(())
}
