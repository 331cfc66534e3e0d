//! Programs that print an inventory: `PROGRAM --list`, and `PROGRAM --host NAME` where the list has no `_meta`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::super::document::read_json;
use super::super::model::Model;
use super::json;
use crate::error::{Error, Result};
use crate::inventory::Source;

/// How long a program may take, unless `ZKMIG_INVENTORY_TIMEOUT` says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(120);
/// The most that a program may print.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Whether a file is a program that can be run: it is executable, and the system would know how to run it. An inventory
/// that is executable by accident is none.
pub fn is_program(path: &Path) -> bool {
    let executable = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    executable && begins_as_program(path)
}

/// Whether a file begins as programs do.
pub fn begins_as_program(path: &Path) -> bool {
    let mut start = [0; 4];
    let length = File::open(path).and_then(|mut file| file.read(&mut start)).unwrap_or(0);
    start[..length].starts_with(b"#!") || start[..length] == *b"\x7fELF"
}

/// The program that a script's first line names.
fn interpreter(path: &Path) -> Option<String> {
    let mut line = Vec::new();
    BufReader::new(File::open(path).ok()?.take(256)).read_until(b'\n', &mut line).ok()?;
    String::from_utf8_lossy(&line).strip_prefix("#!")?.split_whitespace().next().map(str::to_owned)
}

/// Runs a program and adds what it says; gives its texts.
pub fn read(model: &mut Model, path: &Path, timeout: Duration) -> Result<Vec<Source>> {
    let listing = run(path, &["--list"], timeout)?;
    let node =
        read_json(&listing).map_err(|error| error.hint(format!("{} has to print JSON for --list", path.display())))?;
    let mut sources = vec![listing.clone()];
    json::read(model, &listing, &node, &mut |host| {
        let answer = run(path, &["--host", host], timeout)?;
        if answer.text.trim().is_empty() {
            return Ok(None);
        }
        let node = read_json(&answer)?;
        sources.push(answer.clone());
        Ok(Some((answer, node)))
    })?;
    Ok(sources)
}

/// What a program prints on standard output.
fn run(path: &Path, arguments: &[&str], timeout: Duration) -> Result<Source> {
    let shown = format!("{} {}", path.display(), arguments.join(" "));
    let failed = |cause: String| Error::input(format!("the inventory program {shown} failed")).caused_by(cause);
    let program = std::path::absolute(path).map_err(|error| failed(error.to_string()))?;
    let mut child = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| match (error.kind(), interpreter(&program)) {
            (ErrorKind::NotFound, Some(interpreter)) => {
                failed(format!("its first line names {interpreter}, which is not there"))
                    .hint("correct the path behind `#!`, or install that program")
            }
            _ => failed(error.to_string()),
        })?;
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let deadline = Instant::now() + timeout;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait()));
    let left = || deadline.saturating_duration_since(Instant::now());
    let output = stdout.recv_timeout(left()).ok();
    let status = output.as_ref().and_then(|_| ended.recv_timeout(left()).ok());
    let (Some(output), Some(status)) = (output, status) else {
        if let Some(group) = group {
            // It may just have ended.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let error = failed(format!("it took longer than {} seconds", timeout.as_secs()));
        return Err(said(error, stderr.recv_timeout(Duration::from_secs(1)).ok())
            .hint("ZKMIG_INVENTORY_TIMEOUT=SECONDS gives it more time"));
    };
    let status = status.map_err(|error| failed(error.to_string()))?;
    let stderr = stderr.recv_timeout(left()).ok();
    if !status.success() {
        return Err(said(failed(format!("it ended with {status}")), stderr));
    }
    let output = output.map_err(|error| failed(error.to_string()))?;
    if output.len() as u64 > MAX_BYTES {
        return Err(said(failed(format!("it printed more than {MAX_BYTES} bytes")), stderr));
    }
    match String::from_utf8(output) {
        Ok(text) => Ok(Source::given(shown, text)),
        Err(_) => Err(said(failed("it printed what is not UTF-8".to_owned()), stderr)),
    }
}

/// Adds the last lines that the program wrote to standard error.
fn said(error: Error, stderr: Option<std::io::Result<Vec<u8>>>) -> Error {
    let Some(Ok(bytes)) = stderr else { return error };
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(20)..].join("\n");
    if last.trim().is_empty() { error } else { error.detail(format!("its standard error:\n{last}")) }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let result = match pipe {
            Some(pipe) => pipe.take(MAX_BYTES + 1).read_to_end(&mut bytes).map(|_| bytes),
            None => Ok(bytes),
        };
        // Nobody waits any longer when the program took too long.
        let _ = sender.send(result);
    });
    receiver
}
