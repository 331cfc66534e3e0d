//! The ssh that holds a connection: started, tried again where sshd refuses for the moment, and asked why where it fails.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use process_wrap::tokio::{CommandWrap, ProcessSession};
use tempfile::TempDir;

use super::control::{Control, end_ssh};
use super::ssh_error::is_worth_another_try;
use super::target::Target;
use super::way::{Way, is_of_the_host, said};
use crate::error::{Error, Result};

/// How often a connection is tried when the host's sshd refuses it for the moment.
const TRIES: u32 = 3;

/// How long a master without any channel lives on, in seconds: it is ended with its connection, and this is for a zkmig that was
/// killed.
const IDLE: u32 = 10;

/// How long a login may take once the host answers: ssh's own time-out ends there, and a key may have to be touched.
const LOGIN: Duration = Duration::from_secs(30);

/// The most that ssh ever has to say.
const MOST_SAID: u64 = 1024 * 1024;

/// What ssh said when it made no connection.
struct Refused {
    /// The one for the host.
    log: String,
    /// Those on the way to it.
    beside: String,
}

/// The folder of a connection in the making, whose ssh is ended when it is given up.
struct Abandoned(Option<PathBuf>);

impl Abandoned {
    fn kept(mut self) {
        self.0 = None;
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            end_ssh(folder);
        }
    }
}

/// Makes a connection.
pub async fn establish(target: &Target, control: &Control) -> Result<openssh::Session> {
    target.check()?;
    let folder = control.connection();
    let folder = folder.map_err(|error| Error::input("can't make a folder for ssh").caused_by(error))?;
    let config = target.configuration(&folder)?;
    // Whoever gives up leaves no ssh behind that would go on by itself.
    let abandoned = Abandoned(Some(folder.clone()));
    let mut way: Option<Way> = None;
    let mut pause = Duration::from_millis(500);
    let mut tried = 1;
    loop {
        let parts = way.as_ref().map_or(1, Way::parts);
        let patience = target.connect_timeout * parts;
        let arguments = target.arguments(&config, patience)?;
        // Once it is known that others are on the way, they are listened to.
        let verbose = parts > 1;
        let refused = tokio::select! {
            connected = attempt(&folder, &arguments, &target.address, verbose) => match connected? {
                Ok(folder) => {
                    abandoned.kept();
                    return Ok(openssh::Session::new_native_mux(folder));
                }
                Err(refused) => refused,
            },
            () = tokio::time::sleep(patience + LOGIN) => {
                let (address, seconds) = (&target.address, (patience + LOGIN).as_secs());
                return Err(Error::unreachable(format!("{address} let nobody in within {seconds} s"))
                    .hint(format!("it takes connections and then says nothing more: try it by hand, ssh -v {address}"))
                    .hint("`zkmig_connect_timeout` sets the time"));
            }
            () = talkative(&folder) => {
                let address = &target.address;
                return Err(Error::unreachable(format!("{address} sends text without end instead of letting anybody in"))
                    .hint("look at the banner of its sshd"));
            }
        };
        let known = match &mut way {
            Some(way) => way,
            None => {
                let found = way.insert(Way::of(target, &config, &arguments).await);
                if *found != Way::Direct && !is_of_the_host(&refused.log) {
                    // Who refused was not to be seen.
                    tried += 1;
                    continue;
                }
                found
            }
        };
        let passing = is_worth_another_try(&format!("{}\n{}", said(&refused.log), said(&refused.beside)));
        if tried >= TRIES || !passing {
            if *known == Way::Direct {
                // Its ssh has ended by itself: there is none to look for among all processes, for each of a thousand hosts.
                abandoned.kept();
            }
            return Err(known.explain(target, &refused.log, &refused.beside));
        }
        tokio::time::sleep(pause).await;
        pause *= 3;
        tried += 1;
    }
}

/// Starts ssh, which goes on by itself once it is connected; then its folder is given, which holds its socket and its log.
async fn attempt(
    folder: &Path,
    arguments: &[OsString],
    address: &str,
    verbose: bool,
) -> Result<std::result::Result<TempDir, Refused>> {
    let failed = |error: std::io::Error| Error::input("can't make a folder for ssh").caused_by(error);
    // Its name and that of the socket are short: see `control`.
    let own = tempfile::Builder::new().prefix(".ssh-connection").tempdir_in(folder).map_err(failed)?;
    let (log, beside) = (own.path().join("log"), own.path().join("beside"));
    let heard = fs::File::create(&beside).map_err(failed)?;
    let mut ssh = CommandWrap::with_new("ssh", |ssh| {
        ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(heard);
        // A command on the way may start whatever it likes: nothing of it asks anybody.
        ssh.env("SSH_ASKPASS_REQUIRE", "never");
        ssh.arg("-E").arg(&log).arg("-S").arg(socket(own.path())).args(["-M", "-f", "-N", "-o"]);
        ssh.arg(format!("ControlPersist={IDLE}"));
        if verbose {
            ssh.arg("-v");
        }
        ssh.args(arguments).arg("--").arg(address);
    });
    // Without a terminal nothing can prompt on the operator's, and its signals are zkmig's alone.
    ssh.wrap(ProcessSession);
    let mut ssh = ssh.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::input("there is no `ssh` on this machine").hint("install the OpenSSH client")
        }
        _ => Error::failed("can't start ssh").caused_by(error),
    })?;
    let status = ssh.inner_mut().wait().await;
    if status.is_ok_and(|status| status.success()) {
        return Ok(Ok(own));
    }
    let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    Ok(Err(Refused { log: read(&log), beside: read(&beside) }))
}

/// The socket in a folder as ssh is told it, which takes `%` for more than a character.
fn socket(folder: &Path) -> PathBuf {
    let path = folder.join("master");
    path.to_str().map_or(path.clone(), |text| PathBuf::from(text.replace('%', "%%")))
}

/// Ends when what ssh has written is more than it ever has to say: a host's banners go there, however many.
async fn talkative(folder: &Path) {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let masters = fs::read_dir(folder).into_iter().flatten().flatten();
        let files = masters.flat_map(|entry| ["log", "beside"].map(|name| entry.path().join(name)));
        let size: u64 = files.filter_map(|file| fs::metadata(file).ok()).map(|file| file.len()).sum();
        if size > MOST_SAID {
            return;
        }
    }
}
