//! Differences of texts, as `--diff` shows them.

use console::Style;
use similar::{ChangeTag, TextDiff};

use crate::task::{Diff, printable};

/// What a line of a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Where the lines after it stand.
    At,
    /// It went.
    Gone,
    /// It came.
    New,
    /// It stayed.
    Same,
    /// It says that the line before it has no end.
    NoEnd,
}

impl Line {
    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::At => "at",
            Self::Gone => "del",
            Self::New => "add",
            Self::Same => "same",
            Self::NoEnd => "end",
        }
    }
}

/// The unified difference without its head, line by line. Control characters are escaped.
pub fn lines(before: &str, after: &str) -> Vec<(Line, String)> {
    let compared = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for group in compared.grouped_ops(3) {
        if let (Some(first), Some(last)) = (group.first(), group.last()) {
            let old = first.old_range().start..last.old_range().end;
            let new = first.new_range().start..last.new_range().end;
            let head = format!("@@ -{},{} +{},{} @@", old.start + 1, old.len(), new.start + 1, new.len());
            lines.push((Line::At, head));
        }
        for change in group.iter().flat_map(|op| compared.iter_changes(op)) {
            let (kind, sign) = match change.tag() {
                ChangeTag::Delete => (Line::Gone, '-'),
                ChangeTag::Insert => (Line::New, '+'),
                ChangeTag::Equal => (Line::Same, ' '),
            };
            let line = change.value();
            lines.push((kind, format!("{sign}{}", printable(line.trim_end_matches('\n')))));
            if !line.ends_with('\n') {
                lines.push((Line::NoEnd, "\\ no newline at the end".to_owned()));
            }
        }
    }
    lines
}

/// The unified difference, coloured where that is wanted. Control characters are escaped.
pub fn render(diff: &Diff, colours: bool) -> String {
    let style = |style: Style| style.force_styling(colours);
    let path = printable(&diff.path);
    let mut text = format!("--- {path}\n+++ {path}\n");
    for (kind, line) in lines(&diff.before, &diff.after) {
        let colour = match kind {
            Line::At => style(Style::new().cyan()),
            Line::Gone => style(Style::new().red()),
            Line::New => style(Style::new().green()),
            Line::Same | Line::NoEnd => Style::new(),
        };
        text.push_str(&format!("{}\n", colour.apply_to(line)));
    }
    text
}
