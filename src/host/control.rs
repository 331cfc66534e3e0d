//! The folder in which the connections of one run keep their sockets: short, private, removed at the end.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Result};

/// The longest folder for which ssh's sockets in it still have valid names: a socket's path has at most 107 bytes, and
/// ssh adds a random ending to what the folders below already take.
const LONGEST: usize = 50;

/// The control folder of a run. Dropping it removes it.
pub struct Control {
    folder: TempDir,
}

impl Control {
    /// Makes the folder, below `$XDG_RUNTIME_DIR` or else the folder for temporary files.
    pub fn new() -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::input("can't make a private folder for ssh's control sockets")
                .caused_by(error)
                .hint("set XDG_RUNTIME_DIR to a folder of your own with a short path")
        };
        let uid = fs::metadata("/proc/self").map_err(|error| failed(&error))?.uid();
        let runtime =
            std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute() && path.is_dir());
        let base = match runtime {
            Some(runtime) => runtime.join("zkmig"),
            None => std::env::temp_dir().join(format!("zkmig-{uid}")),
        };
        match fs::DirBuilder::new().mode(0o700).create(&base) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(&error)),
            _ => {}
        }
        let metadata = fs::symlink_metadata(&base).map_err(|error| failed(&error))?;
        if !metadata.is_dir() || metadata.uid() != uid || metadata.permissions().mode() & 0o077 != 0 {
            return Err(failed(&format!("{} is not a folder of yours alone", base.display()))
                .hint(format!("look who made it, then remove it: rm -r {}", base.display())));
        }
        let folder = tempfile::Builder::new()
            .prefix("")
            .rand_bytes(6)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(&base)
            .map_err(|error| failed(&error))?;
        if folder.path().as_os_str().len() > LONGEST {
            return Err(failed(&format!("the path {} is too long for sockets", folder.path().display())));
        }
        Ok(Self { folder })
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}
