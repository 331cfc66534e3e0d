//! Waiting for lines of a journal.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use regex::Regex;
use tokio::time::Instant;

use super::entry::LONGEST;
use super::{Entry, Selection, not_allowed};
use crate::error::{Error, Excerpt, Result};
use crate::host::{Command, Pipe, Stdin, Stream};
use crate::task::command::span;
use crate::task::printable::last_lines;
use crate::task::shell::{self, Script};
use crate::task::{Context, printable};

/// Ends where journald keeps nothing.
const STORAGE: &str = include_str!("../sh/storage.sh");

/// Where the configuration of systemd is, the weightiest first.
const CONFIGURATION: [&str; 5] =
    ["/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd"];

/// How many of the lines it saw a wait shows when it fails.
const SHOWN: usize = 10;

/// What a line is looked at with.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What the caller calls it.
    pub name: String,
    /// The regular expression, which has to match somewhere in the message.
    pub regex: Regex,
}

impl Pattern {
    /// A pattern; an error that points into the expression when it is none.
    pub fn new(name: impl Into<String>, regex: &str) -> Result<Self> {
        match Regex::new(regex) {
            Ok(regex) => Ok(Self { name: name.into(), regex }),
            Err(error) => {
                let why = error.to_string();
                let why = why.lines().next_back().unwrap_or_default().trim_start_matches("error: ");
                Err(Error::input("this is not a regular expression").caused_by(why).at(Excerpt::new(
                    "the expression",
                    regex,
                    0..regex.len(),
                )))
            }
        }
    }
}

/// How many of the patterns have to be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Need {
    /// One of them.
    #[default]
    Any,
    /// Each of them, in any order and each in a line of its own or not.
    All,
}

/// What is waited for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where it may be. `since` has to be given: a wait without a cursor could match what was there before.
    pub selection: Selection,
    /// What is waited for.
    pub patterns: Vec<Pattern>,
    /// How many of them.
    pub need: Need,
    /// What ends the wait at once as a failure.
    pub fail_on: Vec<Pattern>,
}

/// The first line that a pattern matched.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The pattern's name.
    pub name: String,
    /// The line.
    pub entry: Entry,
    /// What the groups of the expression matched, group 0 the whole; `None` for one that took no part.
    pub captures: Vec<Option<String>>,
    /// What the named groups matched.
    pub named: BTreeMap<String, String>,
}

/// Waits until the patterns have been seen, at most for the context's time. With [`Need::Any`] one match is given, with
/// [`Need::All`] one for each pattern in the patterns' order.
///
/// The error of a time-out says what was waited for and shows the last lines that were seen.
pub async fn wait(context: &Context<'_>, options: &Options) -> Result<Vec<Match>> {
    context.refuse_in_check_mode("a wait for the journal")?;
    if options.selection.since.is_none() {
        return Err(Error::input("a wait for the journal needs to know from where on it looks")
            .hint("take journal_cursor() before the action, and give it as `since`"));
    }
    if options.patterns.is_empty() {
        return Err(Error::input("a wait for the journal needs a pattern"));
    }
    let selection = options.selection.options()?;
    let deadline = Instant::now() + context.timeout;
    // Without any journal `journalctl -f` waits and says nothing (systemd 252); without `-f` it says that there is none. Where the
    // cursor names an entry, there is one.
    let is_there = match options.selection.since.as_deref() {
        Some("") => "journalctl -n 1 --no-pager >/dev/null; ",
        _ => "",
    };
    let Script { common, text } = shell::script(STORAGE, &CONFIGURATION);
    let command = Command {
        common,
        script: format!("{text}{is_there}exec journalctl -f --no-tail -a -o json --no-pager{selection}"),
        user: context.user.clone(),
        stdin: Stdin::Closed,
        // The deadline here is the one that counts; this one is for a channel that nobody hears any more.
        timeout: context.timeout + Duration::from_secs(30),
    };
    let mut watch = Watch::new(context, options);
    context.progress.waiting(&format!("waiting for {}", watch.missing()));
    let result = tokio::time::timeout_at(deadline, async {
        let mut stream = context.transport.stream(command).await?;
        watch.follow(&mut *stream).await
    })
    .await;
    match result {
        Ok(result) => result.map_err(|error| error.on_host(context.host)),
        Err(_) => Err(watch.timed_out()),
    }
}

struct Watch<'a> {
    context: &'a Context<'a>,
    options: &'a Options,
    matches: Vec<Option<Match>>,
    seen: u64,
    last: VecDeque<Entry>,
    line: Vec<u8>,
    too_long: bool,
    left_out: u64,
    stderr: Vec<u8>,
}

impl<'a> Watch<'a> {
    fn new(context: &'a Context<'a>, options: &'a Options) -> Self {
        Self {
            context,
            options,
            matches: vec![None; options.patterns.len()],
            seen: 0,
            last: VecDeque::new(),
            line: Vec::new(),
            too_long: false,
            left_out: 0,
            stderr: Vec::new(),
        }
    }

    async fn follow(&mut self, stream: &mut dyn Stream) -> Result<Vec<Match>> {
        while let Some((pipe, bytes)) = stream.next().await? {
            if pipe == Pipe::Stderr {
                self.heard(&bytes)?;
                continue;
            }
            for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                if let Some(matches) = self.take(piece)? {
                    return Ok(matches);
                }
            }
            // A host that prints without a pause must not keep the deadline from being looked at.
            tokio::task::yield_now().await;
        }
        let status = stream.exit().map(|exit| format!(" with exit status {}", exit.status)).unwrap_or_default();
        let said = last_lines(&self.stderr, SHOWN);
        let error = self.context.failed(format!("journalctl ended{status} while waiting for {}", self.missing()));
        Err(if said.is_empty() { error } else { error.detail(said) })
    }

    fn heard(&mut self, bytes: &[u8]) -> Result<()> {
        const ENOUGH: usize = 64 * 1024;
        self.stderr.extend_from_slice(&bytes[..bytes.len().min(ENOUGH.saturating_sub(self.stderr.len()))]);
        let said = String::from_utf8_lossy(&self.stderr);
        if said.contains("insufficient permissions") || said.contains("not seeing messages from other users") {
            return Err(not_allowed(self.context));
        }
        // What a journald has kept that no longer does is there still, and nothing is added to it.
        let whole_lines = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let file = whole_lines.lines().find_map(|line| line.strip_prefix("storage none "));
        if file.is_none() && !said.contains("No journal files were found") {
            return Ok(());
        }
        let error = self.context.failed("the host keeps no journal, so that nothing can be waited for in it");
        let file = file.map_or("/etc/systemd/journald.conf".to_owned(), printable);
        Err(error.hint(format!("`Storage=` in {file} on the host has to be `auto`, `volatile` or `persistent`")))
    }

    /// Takes a piece of output that holds at most one line end, as its last byte.
    fn take(&mut self, piece: &[u8]) -> Result<Option<Vec<Match>>> {
        self.too_long |= self.line.len() + piece.len() > LONGEST;
        if !self.too_long {
            self.line.extend_from_slice(piece);
        }
        if piece.last() != Some(&b'\n') {
            return Ok(None);
        }
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) {
            self.left_out += 1;
            return Ok(None);
        }
        match Entry::parse(line.trim_ascii()) {
            Some(entry) if self.options.selection.is_after(&entry) => self.look(entry),
            _ => Ok(None),
        }
    }

    fn look(&mut self, entry: Entry) -> Result<Option<Vec<Match>>> {
        self.seen += 1;
        let fatal = self.options.fail_on.iter().find(|pattern| pattern.regex.is_match(&entry.message));
        let mut found = false;
        for (pattern, place) in self.options.patterns.iter().zip(&mut self.matches) {
            if place.is_none()
                && let Some(captures) = pattern.regex.captures(&entry.message)
            {
                found = true;
                let text = |group: regex::Match<'_>| group.as_str().to_owned();
                let named = pattern.regex.capture_names().flatten();
                *place = Some(Match {
                    name: pattern.name.clone(),
                    entry: entry.clone(),
                    captures: captures.iter().map(|group| group.map(text)).collect(),
                    named: named.filter_map(|name| Some((name.to_owned(), captures.name(name).map(text)?))).collect(),
                });
            }
        }
        let line = entry.line();
        self.context.progress.line(Pipe::Stdout, &line);
        if self.last.len() == SHOWN {
            self.last.pop_front();
        }
        self.last.push_back(entry);
        if let Some(pattern) = fatal {
            let error = self.context.failed(format!("the journal has the line that was feared ({})", pattern.name));
            return Err(self.with_last_lines(error.caused_by(printable(&line))));
        }
        let done = match self.options.need {
            Need::Any => found,
            Need::All => self.matches.iter().all(Option::is_some),
        };
        if done {
            return Ok(Some(self.matches.drain(..).flatten().collect()));
        }
        self.context.progress.waiting(&format!("waiting for {}; {} lines seen", self.missing(), self.seen));
        Ok(None)
    }

    /// The patterns that were not seen yet, for a person.
    fn missing(&self) -> String {
        let word = if self.options.need == Need::Any { " or " } else { " and " };
        let missing = self.options.patterns.iter().zip(&self.matches).filter(|(_, seen)| seen.is_none());
        missing
            .map(|(pattern, _)| match pattern.regex.as_str() {
                regex if regex == pattern.name => format!("/{}/", printable(regex)),
                regex => format!("{} /{}/", pattern.name, printable(regex)),
            })
            .collect::<Vec<_>>()
            .join(word)
    }

    fn timed_out(&self) -> Error {
        let unit = self.options.selection.unit.as_deref().map(|unit| format!(" of {unit}")).unwrap_or_default();
        let waited = span(self.context.timeout);
        let error = self.context.failed(format!("waited {waited} in the journal{unit} for {} in vain", self.missing()));
        let left_out = match self.left_out {
            0 => String::new(),
            count => format!("; {count} lines of more than {LONGEST} bytes were not looked at"),
        };
        let error = error.detail(format!("{} lines were seen since the cursor{left_out}", self.seen));
        self.with_last_lines(error)
    }

    fn with_last_lines(&self, error: Error) -> Error {
        if self.last.is_empty() {
            return error;
        }
        let lines: Vec<String> =
            self.last.iter().map(|entry| last_lines(entry.line().replace('\n', " ⏎ ").as_bytes(), 1)).collect();
        error.detail(format!("the last lines:\n{}", lines.join("\n")))
    }
}

#[cfg(test)]
mod tests;
