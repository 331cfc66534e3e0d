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
        sweep(&base);
        let folder = tempfile::Builder::new()
            .prefix(&format!("{}-", std::process::id()))
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

/// Removes the folders of processes that are gone without having removed their own. Their masters end by themselves.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.split_once('-')).and_then(|(id, _)| id.parse::<u32>().ok());
        if owner.is_some_and(|id| !Path::new("/proc").join(id.to_string()).exists()) {
            // Another run may sweep at the same time; what is left is swept next time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_private_and_what_a_dead_run_left_is_swept() {
        let control = Control::new().expect("a folder can be made");
        let base = control.path().parent().expect("it is in a folder").to_path_buf();
        assert_eq!(
            fs::metadata(control.path()).map(|metadata| metadata.permissions().mode() & 0o777).ok(),
            Some(0o700)
        );
        // No process has this id: Linux gives at most 4194304.
        let dead = base.join("4294967295-dead");
        fs::create_dir_all(&dead).expect("a folder can be made");
        let _second = Control::new().expect("a folder can be made");
        assert!(!dead.exists() && control.path().exists());
    }
}
