//! A vault in an editor: its plain text is in a file that nobody else can read, in memory where the machine has a place for
//! that, and is wiped whatever happens.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::file::{self, File};
use super::{Input, note};
use crate::error::{Error, Kind, Result};
use crate::inventory::vault::Vault;

/// Changes a vault.
pub fn existing(vault: &Vault, path: &Path) -> Result<()> {
    let (file, bytes) = File::read(path)?;
    let input = Input { file: None, bytes, name: path.display().to_string() };
    let before = input.decrypted(vault)?;
    let after = edited(&before, path)?;
    if *after == **before {
        note(&format!("{} was not changed", path.display()));
        return Ok(());
    }
    let text = vault.replace(input.vault_text()?, &after, &input.name)?;
    if !file.still_is(&input.bytes) {
        let aside = PathBuf::from(format!("{}.edited", path.display()));
        file::put(&aside, text.as_bytes())?;
        return Err(Error::input(format!("{} was changed by somebody else meanwhile", path.display())).hint(format!(
            "what you edited is in {}, encrypted: compare both with `zkmig vault view`",
            aside.display()
        )));
    }
    file.replace(text.as_bytes(), false)
}

/// Fails when a file is there.
pub fn must_not_be_there(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(Error::input(format!("{} is there already", path.display()))
        .hint(format!("change it: zkmig vault edit {}", path.display())))
}

/// Makes a new vault.
pub fn new(vault: &Vault, path: &Path, id: Option<&str>) -> Result<()> {
    // Before anything is typed: it would be lost.
    vault.encrypt(b"", id)?;
    let text = edited(b"", path)?;
    file::put(path, vault.encrypt(&text, id)?.as_bytes())
}

/// Where plain texts may lie for a while: memory of the user's own, or memory, or the temporary folder.
fn place() -> PathBuf {
    let ours = |path: &Path| {
        let owner = std::fs::metadata("/proc/self").map(|metadata| metadata.uid()).ok();
        path.metadata().is_ok_and(|metadata| metadata.is_dir() && Some(metadata.uid()) == owner)
    };
    let runtime =
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute() && ours(path));
    let memory = Some(PathBuf::from("/dev/shm")).filter(|path| path.is_dir());
    runtime.or(memory).unwrap_or_else(std::env::temp_dir)
}

fn edited(text: &[u8], path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let failed = |error: std::io::Error| Error::input("can't make a file for the editor").caused_by(error);
    let only_ours = std::fs::Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix("zkmig-vault-").permissions(only_ours).tempdir_in(place());
    let folder = Folder(folder.map_err(failed)?);
    // The editor takes the kind of the file from its name.
    let plain = folder.0.path().join(path.file_name().unwrap_or("vault".as_ref()));
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.write(true).create_new(true).open(&plain).map_err(failed)?;
    file.write_all(text).map_err(failed)?;
    drop(file);
    let editor =
        std::env::var("EDITOR").ok().filter(|editor| !editor.trim().is_empty()).unwrap_or_else(|| "vi".to_owned());
    let status = edit(&editor, &plain)?;
    if !status.success() {
        return Err(Error::input(format!(
            "the editor `{editor}` failed ({status}); {} was not changed",
            path.display()
        ))
        .hint("EDITOR names the editor, with its options: EDITOR='vim -n'"));
    }
    Ok(File::read(&plain)?.1)
}

/// A folder whose files are wiped when it is dropped.
struct Folder(tempfile::TempDir);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = file::wipe_folder(self.0.path()) {
            note(&format!("warning: the plain text in {} could not be wiped: {error}", self.0.path().display()));
        }
    }
}

/// Runs the editor. Signals are for it: ours would leave the plain text behind. A wish to end ends it, and then us.
fn edit(editor: &str, plain: &Path) -> Result<ExitStatus> {
    let failed = |error: std::io::Error| {
        Error::input(format!("can't start the editor `{editor}`"))
            .caused_by(error)
            .hint("EDITOR names the editor, with its options: EDITOR='vim -n'")
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::failed("can't start the runtime").caused_by(error))?;
    runtime.block_on(async {
        let listen = |kind| signal(kind).map_err(|error| Error::failed("can't hear signals").caused_by(error));
        let (mut interrupt, mut quit) = (listen(SignalKind::interrupt())?, listen(SignalKind::quit())?);
        let (mut terminate, mut hangup) = (listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
        // A shell takes the words apart as a person means them; the path is an argument of its own.
        let mut child = tokio::process::Command::new("/bin/sh")
            .args(["-c", &format!("exec {editor} \"$1\""), "sh"])
            .arg(plain)
            .spawn()
            .map_err(failed)?;
        loop {
            tokio::select! {
                status = child.wait() => return status.map_err(failed),
                _ = interrupt.recv() => {}
                _ = quit.recv() => {}
                _ = terminate.recv() => break,
                _ = hangup.recv() => break,
            }
        }
        let _ = child.kill().await;
        Err(Error::new(Kind::Interrupted, "ended while the editor was open; nothing was changed"))
    })
}
