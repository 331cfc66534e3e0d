//! The folder in which the connections of one run keep their sockets: short, private, removed at the end.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::error::{Error, Result};

/// The longest folder for which ssh's sockets in it still have valid names: a socket's path has at most 107 bytes, and
/// ssh adds a random ending to what the folders below already take.
const LONGEST: usize = 46;

/// The control folder of a run. Dropping it removes it.
pub struct Control {
    folder: TempDir,
    connections: AtomicUsize,
}

impl Control {
    /// Makes the folder, below `$XDG_RUNTIME_DIR` or else the folder for temporary files.
    pub fn new() -> Result<Self> {
        let uid = rustix::process::geteuid().as_raw();
        let runtime =
            std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute() && path.is_dir());
        let base = match runtime {
            Some(runtime) => runtime.join("zkmig"),
            None => std::env::temp_dir().join(format!("zkmig-{uid}")),
        };
        Self::below(&base, uid)
    }

    /// Makes the folder in `base`, which is made too unless it is there.
    fn below(base: &Path, uid: u32) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::input("can't make a private folder for ssh's control sockets")
                .caused_by(error)
                .hint("set XDG_RUNTIME_DIR to a folder of your own with a short path")
        };
        if let Some(folder) = base.parent().and_then(|folder| exposed(folder, uid)) {
            return Err(failed(&format!("others can replace what is in {}", folder.display())));
        }
        match fs::DirBuilder::new().mode(0o700).create(base) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(&error)),
            _ => {}
        }
        let metadata = fs::symlink_metadata(base).map_err(|error| failed(&error))?;
        if !metadata.is_dir() || metadata.uid() != uid || metadata.permissions().mode() & 0o077 != 0 {
            return Err(failed(&format!("{} is not a folder of yours alone", base.display()))
                .hint(format!("look who made it, then remove it: rm -r {}", base.display())));
        }
        sweep(base);
        let folder = tempfile::Builder::new()
            .prefix(&format!("{}-", std::process::id()))
            .rand_bytes(6)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(base)
            .map_err(|error| failed(&error))?;
        if folder.path().as_os_str().len() > LONGEST {
            return Err(failed(&format!("the path {} is too long for sockets", folder.path().display())));
        }
        Ok(Self { folder, connections: AtomicUsize::new(0) })
    }

    /// A folder in it for what ssh keeps of one connection.
    pub fn connection(&self) -> io::Result<PathBuf> {
        let folder = self.path().join(self.connections.fetch_add(1, Ordering::Relaxed).to_string());
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(folder)
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Control {
    /// An ssh that still tries to log in holds no socket yet, and would go on by itself.
    fn drop(&mut self) {
        end_ssh(self.folder.path());
    }
}

/// Ends every ssh that was given a path which is this one or below it.
pub fn end_ssh(path: &Path) {
    use rustix::process::{Pid, Signal, kill_process};
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let id = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()).and_then(Pid::from_raw);
        let (Some(id), Ok(words)) = (id, fs::read(entry.path().join("cmdline"))) else { continue };
        let mut words = words.split(|byte| *byte == 0).map(|word| Path::new(OsStr::from_bytes(word)));
        if words.next().is_some_and(|program| program.ends_with("ssh")) && words.any(|word| word.starts_with(path)) {
            // It may have ended by itself in the meantime.
            let _ = kill_process(id, Signal::TERM);
        }
    }
}

/// The first folder on the way to this one in which somebody else could put another in the place of ours: it belongs to
/// another user, or others can write to it and it is not sticky.
fn exposed(folder: &Path, uid: u32) -> Option<PathBuf> {
    const STICKY: u32 = 0o1000;
    let real = folder.canonicalize().ok()?;
    let found = real.ancestors().find(|folder| {
        fs::metadata(folder).is_ok_and(|metadata| {
            let mode = metadata.permissions().mode();
            // Many users have a group of their own, which may write where they may.
            let own_group = [0, rustix::process::getegid().as_raw()].contains(&metadata.gid());
            let open = mode & 0o002 != 0 || (mode & 0o020 != 0 && !own_group);
            ![0, uid].contains(&metadata.uid()) || (open && mode & STICKY == 0)
        })
    });
    found.map(Path::to_path_buf)
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

    #[test]
    fn a_folder_that_somebody_else_could_replace_or_look_into_is_refused() {
        let uid = rustix::process::geteuid().as_raw();
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
        let refused = |base: &Path, uid| match Control::below(base, uid) {
            Ok(control) => panic!("{} was taken", control.path().display()),
            Err(error) => error.to_string(),
        };
        let base = folder.path().join("base");
        fs::create_dir(&base).expect("a folder can be made");
        mode(&base, 0o755);
        assert!(refused(&base, uid).contains("is not a folder of yours alone"));
        mode(&base, 0o700);
        assert!(Control::below(&base, uid).is_ok());
        // As another user would see it.
        let _ = refused(&base, uid + 1);
        std::os::unix::fs::symlink(&base, folder.path().join("link")).expect("a link can be made");
        assert!(refused(&folder.path().join("link"), uid).contains("is not a folder of yours alone"));
        mode(folder.path(), 0o777);
        assert!(refused(&base, uid).contains("others can replace what is in"));
        mode(folder.path(), 0o1777);
        assert!(Control::below(&base, uid).is_ok());
    }
}
