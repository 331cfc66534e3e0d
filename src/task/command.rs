//! Running a command on the host.
//!
//! What the caller gives (the script, the values of its environment) travels on standard input, so that a process list on
//! the host shows none of it. Only the words of the programs that a script starts are seen there, as everywhere.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use super::path::absolute;
use super::printable::last_lines;
use super::{Context, quoted};
use crate::error::{Error, Result};
use crate::host::{self, Command, MAX_STDIN, Pipe, Stdin};

/// The most of each output that is kept unless the caller says otherwise, in bytes.
pub const CAPTURE: usize = 1024 * 1024;

/// The most that goes to a `save` file unless the caller says otherwise, in bytes.
pub const SAVED: u64 = 1024 * 1024 * 1024;

/// The most that a script and its environment may be together, in bytes.
pub const LONGEST_SCRIPT: usize = 100_000;

/// What is run.
#[derive(Clone, Debug)]
pub enum What {
    /// A text for `sh`.
    Script(String),
    /// A program and its arguments; no shell looks into them.
    Words(Vec<String>),
}

/// A command and how it is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is run.
    pub what: What,
    /// What it reads from standard input; nothing unless given. At most 1 MiB with the script.
    pub stdin: Option<Vec<u8>>,
    /// The folder it is run in.
    pub cwd: Option<String>,
    /// Variables that are added to its environment.
    pub env: Vec<(String, String)>,
    /// The exit statuses that are no failure.
    pub accept: Vec<i32>,
    /// How many bytes of each output are kept: the first half and the last half of them.
    pub capture: usize,
    /// A file on this machine that takes the whole standard output.
    pub save: Option<PathBuf>,
    /// The most bytes that it takes. An output that is longer is a failure, and leaves no file.
    pub save_max: u64,
    /// The caller says that it only looks: it is a read then, and runs in check mode too.
    pub read_only: bool,
}

/// How a command ended that did not fail.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The exit status; 128 and the signal's number when a signal ended it.
    pub status: i32,
    /// Standard output; what is no UTF-8 is replaced by `U+FFFD`.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
    /// How many bytes in the middle of `stdout` were left out. A line in `stdout` says so too.
    pub stdout_left_out: u64,
    /// How many bytes in the middle of `stderr` were left out.
    pub stderr_left_out: u64,
    /// How many bytes went to the `save` file.
    pub saved: Option<u64>,
    /// Whether both are UTF-8 as the command printed them, so that nothing in them was replaced.
    pub is_utf8: bool,
}

impl Output {
    /// What is told of the command in place of its summary, where there is more to tell.
    pub fn told(&self, summary: &str) -> Option<String> {
        (!self.is_utf8).then(|| format!("{summary} (what it printed is not UTF-8)"))
    }
}

impl Options {
    /// A text for `sh`.
    pub fn script(text: impl Into<String>) -> Self {
        Self::new(What::Script(text.into()))
    }

    /// A program and its arguments.
    pub fn words(words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::new(What::Words(words.into_iter().map(Into::into).collect()))
    }

    fn new(what: What) -> Self {
        Self {
            what,
            stdin: None,
            cwd: None,
            env: Vec::new(),
            accept: vec![0],
            capture: CAPTURE,
            save: None,
            save_max: SAVED,
            read_only: false,
        }
    }

    /// The text that the host's shell evaluates. Errors are the caller's mistakes.
    fn text(&self) -> Result<String> {
        let mut text = String::new();
        for (name, value) in &self.env {
            let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !plain || name.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(Error::input(format!("`{name}` can't be the name of an environment variable")));
            }
            text.push_str(&format!("export {name}={}\n", quoted(value)));
        }
        if let Some(cwd) = &self.cwd {
            let folder = quoted(&absolute(cwd)?);
            text.push_str(&format!("cd {folder} || {{ echo '{NO_FOLDER}' >&2; exit 125; }}\n"));
        }
        match &self.what {
            What::Script(script) if script.trim().is_empty() => return Err(Error::input("the command is empty")),
            What::Script(script) => text.push_str(script),
            What::Words(words) if words.first().is_none_or(String::is_empty) => {
                return Err(Error::input("the command is empty"));
            }
            What::Words(words) => text.push_str(&words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")),
        }
        if text.contains('\0') {
            return Err(Error::input("the command holds a NUL character"));
        }
        if text.len() > LONGEST_SCRIPT {
            return Err(Error::input(format!(
                "the command is {} bytes long; the most is {LONGEST_SCRIPT}",
                text.len()
            ))
            .hint("copy long data to the host as a file, or give it as `stdin`"));
        }
        Ok(text)
    }
}

/// The line between a text that `read` takes and what follows it on standard input.
const END: &str = "zkmig: the command ends here";

/// The script that takes the text from standard input and evaluates it, and the standard input: the text, then what the
/// command itself reads.
fn framed(text: &str, given: &[u8]) -> (String, Vec<u8>) {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t'));
    let mut stdin = Vec::with_capacity(text.len() + END.len() + given.len() + 2);
    stdin.extend_from_slice(text.as_bytes());
    // `read` takes byte by byte and starts no process, but not every shell's takes all that is not ASCII as it is.
    let script = if plain && text.len() <= 4096 && !text.lines().any(|line| line == END) {
        stdin.extend_from_slice(format!("\n{END}\n").as_bytes());
        format!("t=;while IFS= read -r l&&[ \"$l\" != '{END}' ];do t=$t$l'\n';done;eval \"$t\"")
    } else {
        // dd takes not one byte more than these, so that the rest is the command's own standard input.
        format!("eval \"$(dd bs=1 count={} 2>/dev/null)\"", text.len())
    };
    stdin.extend_from_slice(given);
    (script, stdin)
}

/// What standard error ends with when the folder could not be entered.
const NO_FOLDER: &str = "zkmig: the command was not run, its folder could not be entered";

/// Runs a command. An exit status that is not accepted is an error with the last lines of output.
pub async fn run(context: &Context<'_>, options: &Options) -> Result<Output> {
    if !options.read_only {
        context.refuse_in_check_mode("a command")?;
    }
    let text = options.text()?;
    let given = options.stdin.as_deref().unwrap_or_default();
    if text.len() + given.len() > MAX_STDIN {
        return Err(Error::input(format!("the command's standard input is {} bytes; the most is 1 MiB", given.len()))
            .hint("copy it to the host as a file first"));
    }
    let (script, stdin) = framed(&text, given);
    let command = Command {
        common: "",
        script,
        user: context.user.clone(),
        stdin: Stdin::Bytes(Bytes::from(stdin)),
        timeout: context.timeout,
    };
    let save = options.save.as_deref().map(|path| Save::new(path, options.save_max)).transpose()?;
    let mut capture = Capture {
        stdout: Kept::new(options.capture),
        stderr: Kept::new(options.capture),
        lines: [Vec::new(), Vec::new()],
        save,
        context,
    };
    let exit = context.transport.run(command, &mut capture).await.map_err(|error| error.on_host(context.host))?;
    for (pipe, line) in [Pipe::Stdout, Pipe::Stderr].into_iter().zip(&capture.lines) {
        if !line.is_empty() {
            context.progress.line(pipe, &String::from_utf8_lossy(line));
        }
    }
    let Capture { stdout, stderr, save, .. } = capture;
    if exit.timed_out {
        let mut error = context.failed(format!("the command did not end within {}", span(context.timeout)));
        if let Some(save) = save.filter(|save| save.written > save.most) {
            error = error.detail(format!("it printed more than the {} bytes that `save_max` lets it", save.most));
        }
        return Err(with_output(error, &stdout, &stderr).hint("give it a longer `timeout`, if it needs one"));
    }
    if exit.status == 125 && stderr.ends_with(NO_FOLDER) {
        let folder = options.cwd.as_deref().unwrap_or_default();
        return Err(with_output(context.failed(format!("can't enter the folder {folder}")), &stdout, &stderr));
    }
    if !options.accept.contains(&exit.status) {
        return Err(with_output(status_error(context, exit.status), &stdout, &stderr));
    }
    let saved = save.map(Save::finish).transpose().map_err(|error| error.on_host(context.host))?;
    let (stdout_left_out, stderr_left_out) = (stdout.left_out(), stderr.left_out());
    Ok(Output {
        status: exit.status,
        is_utf8: stdout.is_utf8() && stderr.is_utf8(),
        stdout: stdout.text(),
        stderr: stderr.text(),
        stdout_left_out,
        stderr_left_out,
        saved,
    })
}

fn status_error(context: &Context<'_>, status: i32) -> Error {
    let error = match signal(status) {
        Some(name) => context.failed(format!("the command was ended by {name} (exit status {status})")),
        None => context.failed(format!("the command failed with exit status {status}")),
    };
    match status {
        126 => error.hint(
            "126 means that the command was found and could not be executed: look at its mode and its first line",
        ),
        127 => error.hint("127 means that a command was not found: is it installed on the host, and in its PATH?"),
        137 => error.hint("the kernel ends a process like this when memory is short: look at the host's journal"),
        _ => error,
    }
}

/// The name of the signal that an exit status tells of.
pub fn signal(status: i32) -> Option<&'static str> {
    Some(match status - 128 {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}

fn with_output(error: Error, stdout: &Kept, stderr: &Kept) -> Error {
    let mut error = error;
    for (name, kept) in [("stderr", stderr), ("stdout", stdout)] {
        let shown = last_lines(&kept.end(), 10);
        if !shown.is_empty() {
            error = error.detail(format!("{name}:\n{shown}"));
        }
    }
    error
}

/// The beginning and the end of an output of any length.
struct Kept {
    half: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Kept {
    fn new(limit: usize) -> Self {
        Self { half: limit.div_ceil(2), head: Vec::new(), tail: VecDeque::new(), total: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(self.half)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(self.half);
        self.tail.drain(..excess);
        self.tail.extend(rest);
    }

    fn left_out(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    /// The last bytes, whichever half they are in.
    fn end(&self) -> Vec<u8> {
        const ENOUGH: usize = 16 * 1024;
        let mut end = Vec::new();
        if self.left_out() == 0 {
            end.extend_from_slice(&self.head[self.head.len().saturating_sub(ENOUGH)..]);
        }
        end.extend(self.tail.iter().skip(self.tail.len().saturating_sub(ENOUGH)));
        end
    }

    fn ends_with(&self, text: &str) -> bool {
        self.end().trim_ascii_end().ends_with(text.as_bytes())
    }

    /// Whether what is kept is UTF-8, but for a character that was cut in two where the middle was left out.
    fn is_utf8(&self) -> bool {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        if self.left_out() == 0 {
            return std::str::from_utf8(&[self.head.as_slice(), &tail].concat()).is_ok();
        }
        let continues = tail.iter().take(3).take_while(|byte| (0x80..0xc0).contains(*byte)).count();
        let cut_at_its_end = |error: std::str::Utf8Error| error.error_len().is_none();
        std::str::from_utf8(&self.head).map_or_else(cut_at_its_end, |_| true)
            && std::str::from_utf8(&tail[continues..]).is_ok()
    }

    fn text(self) -> String {
        let left_out = self.left_out();
        let mut bytes = self.head;
        if left_out > 0 {
            bytes.extend_from_slice(format!("\n[… {left_out} bytes were left out …]\n").as_bytes());
        }
        bytes.extend(self.tail);
        String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

/// A file on this machine that appears when it is whole.
struct Save {
    path: PathBuf,
    file: std::io::BufWriter<tempfile::NamedTempFile>,
    written: u64,
    most: u64,
    error: Option<std::io::Error>,
}

impl Save {
    fn new(path: &Path, most: u64) -> Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::Builder::new()
            .prefix(".zkmig.")
            .tempfile_in(folder)
            .map_err(|error| Error::input(format!("can't write {}", path.display())).caused_by(error))?;
        Ok(Self { path: path.to_owned(), file: std::io::BufWriter::new(file), written: 0, most, error: None })
    }

    fn push(&mut self, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        if self.error.is_none() && self.written <= self.most {
            self.error = self.file.write_all(bytes).err();
        }
    }

    fn finish(self) -> Result<u64> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::failed(format!("can't write the output to {} on this machine", self.path.display())).caused_by(error)
        };
        if let Some(error) = &self.error {
            return Err(failed(error));
        }
        if self.written > self.most {
            return Err(failed(&format!("it is longer than {} bytes, and nothing was kept", self.most))
                .hint("raise `save_max` if the host is meant to send that much"));
        }
        let file = self.file.into_inner().map_err(|error| failed(error.error()))?;
        file.persist(&self.path).map_err(|error| failed(&error.error))?;
        Ok(self.written)
    }
}

struct Capture<'a> {
    stdout: Kept,
    stderr: Kept,
    lines: [Vec<u8>; 2],
    save: Option<Save>,
    context: &'a Context<'a>,
}

/// What a listener gets of a line at most, in bytes.
const SHOWN_LINE: usize = 4096;

impl host::Output for Capture<'_> {
    fn write(&mut self, pipe: Pipe, bytes: &[u8]) {
        let line = match pipe {
            Pipe::Stdout => {
                self.stdout.push(bytes);
                if let Some(save) = &mut self.save {
                    save.push(bytes);
                }
                &mut self.lines[0]
            }
            Pipe::Stderr => {
                self.stderr.push(bytes);
                &mut self.lines[1]
            }
        };
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            line.extend_from_slice(&text[..text.len().min(SHOWN_LINE.saturating_sub(line.len()))]);
            if ended {
                self.context.progress.line(pipe, &String::from_utf8_lossy(line));
                line.clear();
            }
        }
    }
}

/// The time that an effect has, for a person.
pub(super) fn span(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{} s", time.as_secs()) } else { format!("{:.1} s", time.as_secs_f64()) }
}

#[cfg(test)]
mod tests;
