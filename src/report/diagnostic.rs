//! How an error looks to a person: the message, the line with a caret, the frames, what was seen, what to do next.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::error::{Error, Excerpt};
use crate::task::{acts, printable};

/// The error as text for standard error.
pub fn render(error: &Error, colours: bool) -> String {
    let parts = error.parts();
    let mut title = String::new();
    if let Some(host) = &parts.host {
        title.push_str(&format!("{host}: "));
    }
    title.push_str(&parts.message);
    for cause in &parts.causes {
        title.push_str(&format!(": {cause}"));
    }
    let title = clean(&title);
    let shown: Vec<(Excerpt, String, usize)> = parts
        .excerpts
        .iter()
        .filter_map(|excerpt| window(excerpt).map(|(shown, text)| (shown, text, excerpt.line())))
        .collect();
    let mut group = Group::with_title(Level::ERROR.primary_title(title.as_str()));
    for (index, (excerpt, text, first)) in shown.iter().enumerate() {
        let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        let mut annotation = kind.span(excerpt.span.clone());
        if !excerpt.label.is_empty() {
            annotation = annotation.label(excerpt.label.as_str());
        }
        group = group.element(
            Snippet::source(text.as_str()).path(excerpt.path.as_str()).line_start(*first).annotation(annotation),
        );
    }
    let step = parts.step.as_ref().map(|step| format!("in step \"{}\"", printable(step)));
    if let Some(step) = &step {
        group = group.element(Level::NOTE.message(step.as_str()));
    }
    let hints: Vec<String> = parts.hints.iter().map(|hint| clean(hint)).collect();
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    let mut text = renderer.render(&[group]).to_string();
    for detail in &parts.details {
        text.push_str("\n\n");
        text.push_str(&indented(&clean(detail)));
    }
    if !parts.details.is_empty() && !hints.is_empty() {
        text.push('\n');
    }
    for hint in &hints {
        let label = if colours { console::style("help").cyan().bold().to_string() } else { "help".to_owned() };
        text.push_str(&format!("\n{label}: {hint}"));
    }
    text.push('\n');
    text
}

/// How much of a line is shown: a file may hold all it has in one.
const MAX_LINE: usize = 200;

/// The lines around a place and the place in them; the excerpt's text stays whole in the error.
fn window(excerpt: &Excerpt) -> Option<(Excerpt, String)> {
    let text = &*excerpt.text;
    let start = excerpt.span.start.min(text.len());
    if !text.is_char_boundary(start) {
        return None;
    }
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let (mut from, mut to) = (line_start, line_end);
    if to - from > MAX_LINE {
        from = floor(text, start.saturating_sub(MAX_LINE / 2).max(line_start));
        to = floor(text, (from + MAX_LINE).min(line_end)).max(start);
    }
    let end = floor(text, excerpt.span.end.clamp(start, to));
    let line = text[from..to].replace('\t', " ");
    let line: String = line.chars().map(|c| if acts(c) { '\u{fffd}' } else { c }).collect();
    // Replaced control characters are wider than what they replace only where a caret is not worth a wrong place.
    let (first, last) = if line.len() == to - from { (start - from, end - from) } else { (0, 0) };
    let span = first..last.max(first);
    let mut shown = excerpt.clone();
    shown.span = span;
    shown.label = clean(&excerpt.label);
    shown.path = printable(&excerpt.path);
    Some((shown, line))
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Escapes control characters, line by line.
fn clean(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

fn indented(text: &str) -> String {
    text.split('\n')
        .map(|line| if line.is_empty() { String::new() } else { format!("  {line}") })
        .collect::<Vec<_>>()
        .join("\n")
}
