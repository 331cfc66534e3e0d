//! Differences of texts, as `--diff` shows them.

use console::Style;
use similar::{ChangeTag, TextDiff};

use crate::task::{Diff, printable};

/// The unified difference, coloured where that is wanted. Control characters are escaped.
pub fn render(diff: &Diff, colours: bool) -> String {
    let compared = TextDiff::from_lines(&diff.before, &diff.after);
    let style = |style: Style| style.force_styling(colours);
    let path = printable(&diff.path);
    let mut text = format!("--- {path}\n+++ {path}\n");
    for group in compared.grouped_ops(3) {
        if let (Some(first), Some(last)) = (group.first(), group.last()) {
            let old = first.old_range().start..last.old_range().end;
            let new = first.new_range().start..last.new_range().end;
            let head = format!("@@ -{},{} +{},{} @@", old.start + 1, old.len(), new.start + 1, new.len());
            text.push_str(&format!("{}\n", style(Style::new().cyan()).apply_to(head)));
        }
        for change in group.iter().flat_map(|op| compared.iter_changes(op)) {
            let (sign, colour) = match change.tag() {
                ChangeTag::Delete => ('-', style(Style::new().red())),
                ChangeTag::Insert => ('+', style(Style::new().green())),
                ChangeTag::Equal => (' ', Style::new()),
            };
            let line = change.value();
            let ended = line.ends_with('\n');
            let line = printable(line.trim_end_matches('\n'));
            text.push_str(&format!("{}\n", colour.apply_to(format!("{sign}{line}"))));
            if !ended {
                text.push_str("\\ no newline at the end\n");
            }
        }
    }
    text
}
