//! What a user is told when something fails: what, on which host, at which line of whose file, and what to do next.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Who has to act on an error. Each kind has one documented exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The command line, an inventory or a playbook is wrong; no host was touched. Exit code 2.
    Input,
    /// A step failed on a host. Exit code 3.
    Failed,
    /// A host could not be reached, or stopped answering. Exit code 4.
    Unreachable,
    /// A host may not be asked: nothing is known of what was looked for. Exit code 3.
    Forbidden,
    /// A gate, a check of the playbook or the operator stopped the run. Exit code 5.
    Stopped,
    /// Another run holds the lock. Exit code 6.
    Locked,
    /// The operator interrupted the run. Exit code 130.
    Interrupted,
    /// zkmig itself is wrong. Exit code 1.
    Defect,
}

impl Kind {
    /// The process's exit code for this kind.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Defect => 1,
            Self::Input => 2,
            Self::Failed | Self::Forbidden => 3,
            Self::Unreachable => 4,
            Self::Stopped => 5,
            Self::Locked => 6,
            Self::Interrupted => 130,
        }
    }

    /// The word for it in events and in a script's `catch (e) { e.kind }`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Defect => "defect",
            Self::Input => "input",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
            Self::Forbidden => "forbidden",
            Self::Stopped => "stopped",
            Self::Locked => "locked",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A place in a text that the user wrote, shown with a caret under it.
#[derive(Clone, Debug)]
pub struct Excerpt {
    /// The file's path, as the user would type it.
    pub path: String,
    /// The whole text that `span` points into.
    pub text: Arc<str>,
    /// Byte range of the place; empty means the position itself.
    pub span: Range<usize>,
    /// What to write beside the caret; may be empty.
    pub label: String,
}

impl Excerpt {
    /// A place given as a byte range.
    pub fn new(path: impl Into<String>, text: impl Into<Arc<str>>, span: Range<usize>) -> Self {
        Self { path: path.into(), text: text.into(), span, label: String::new() }
    }

    /// A place given as a line and a column, both counted from 1, columns in characters; the span reaches to the end of
    /// the word there. Out of range positions end at the end of the text.
    pub fn at_line(path: impl Into<String>, text: impl Into<Arc<str>>, line: usize, column: usize) -> Self {
        let text = text.into();
        let start_of_line: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = &text[start_of_line..];
        let this_line = rest.split('\n').next().unwrap_or("");
        let offset = this_line.char_indices().nth(column.saturating_sub(1)).map_or(this_line.len(), |(at, _)| at);
        let word = this_line[offset..]
            .char_indices()
            .find(|(_, c)| !(c.is_alphanumeric() || *c == '_'))
            .map_or(this_line.len() - offset, |(at, _)| at);
        let start = start_of_line + offset;
        Self { path: path.into(), text, span: start..start + word, label: String::new() }
    }

    /// Says what to write beside the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The line of the place, counted from 1.
    pub fn line(&self) -> usize {
        self.text[..self.span.start.min(self.text.len())].matches('\n').count() + 1
    }
}

/// A failure as a user sees it. The message is a lowercase fragment without a full stop.
#[derive(Clone, Debug)]
pub struct Error(Box<Parts>);

/// The fields of an [`Error`].
#[derive(Clone, Debug)]
pub struct Parts {
    /// Who has to act.
    pub kind: Kind,
    /// What failed.
    pub message: String,
    /// Where, innermost first; the later ones are the frames that led there.
    pub excerpts: Vec<Excerpt>,
    /// The host it failed on, by its inventory name.
    pub host: Option<String>,
    /// The playbook's step it failed in.
    pub step: Option<String>,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What was seen: the last lines of output, a table of evidence. Shown as it is, control characters escaped.
    pub details: Vec<String>,
    /// What to do next, one sentence each.
    pub hints: Vec<String>,
}

/// A result whose error is meant for a user.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of the given kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            kind,
            message: message.into(),
            excerpts: Vec::new(),
            host: None,
            step: None,
            causes: Vec::new(),
            details: Vec::new(),
            hints: Vec::new(),
        }))
    }

    /// The command line, an inventory or a playbook is wrong.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    /// A step failed on a host.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// A host can't be reached.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, message)
    }

    /// A gate or a check stopped the run.
    pub fn stopped(message: impl Into<String>) -> Self {
        Self::new(Kind::Stopped, message)
    }

    /// zkmig is wrong.
    pub fn defect(message: impl Into<String>) -> Self {
        Self::new(Kind::Defect, message)
            .hint("this is a defect of zkmig: please report it with the playbook and the event stream")
    }

    /// Points at a place in a file. The first call is the place itself, later ones are the frames around it.
    pub fn at(mut self, excerpt: Excerpt) -> Self {
        self.0.excerpts.push(excerpt);
        self
    }

    /// Names the host, unless a deeper layer has already done so.
    pub fn on_host(mut self, host: &str) -> Self {
        self.0.host.get_or_insert_with(|| host.to_owned());
        self
    }

    /// Names the step, unless a deeper layer has already done so.
    pub fn in_step(mut self, step: &str) -> Self {
        self.0.step.get_or_insert_with(|| step.to_owned());
        self
    }

    /// Adds why it happened.
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.0.causes.push(cause.to_string());
        self
    }

    /// Adds what was seen.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.details.push(detail.into());
        self
    }

    /// Adds what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Adds "did you mean `…`?" when one of `candidates` is close to `given`.
    pub fn did_you_mean<'a>(self, given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match closest(given, candidates) {
            Some(candidate) => self.hint(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }

    /// Who has to act.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// All its fields.
    pub fn parts(&self) -> &Parts {
        &self.0
    }

    /// All its fields, to be changed.
    pub fn parts_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.0.host {
            write!(f, "{host}: ")?;
        }
        write!(f, "{}", self.0.message)?;
        for cause in &self.0.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// The candidate that a person most probably meant, if any is near enough to be offered.
pub fn closest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(given, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().min(given.chars().count()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
