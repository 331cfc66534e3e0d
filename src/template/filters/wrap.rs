//! Lines of a width: Python's `textwrap`.

use std::sync::OnceLock;

use fancy_regex::Regex;

fn pieces() -> Option<&'static Regex> {
    static PIECES: OnceLock<Option<Regex>> = OnceLock::new();
    // Blanks; dashes between words; words, which may be parted behind a hyphen.
    let pattern = concat!(
        r#"[\t\n\x0b\x0c\r ]+|(?<=[\w!"'&.,?])-{2,}(?=\w)|[^\t\n\x0b\x0c\r ]+?(?:"#,
        r"-(?:(?<=[^\d\W]{2}-)|(?<=[^\d\W]-[^\d\W]-))(?=[^\d\W]-?[^\d\W])",
        r#"|(?=[\t\n\x0b\x0c\r ]|\z)|(?<=[\w!"'&.,?])(?=-{2,}\w))"#,
    );
    PIECES.get_or_init(|| Regex::new(pattern).ok()).as_ref()
}

fn chunks(text: &str, hyphens: bool) -> Vec<String> {
    if hyphens && let Some(pieces) = pieces() {
        return pieces.find_iter(text).filter_map(|piece| Some(piece.ok()?.as_str().to_owned())).collect();
    }
    let mut out: Vec<String> = Vec::new();
    for c in text.chars() {
        let blank = is_blank(c);
        match out.last_mut() {
            Some(last) if last.starts_with(is_blank) == blank => last.push(c),
            _ => out.push(c.to_string()),
        }
    }
    out
}

fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0b' | '\x0c' | '\r' | ' ')
}

/// The lines of a text, none longer than `width` where that can be.
pub fn wrap(text: &str, width: usize, break_long: bool, hyphens: bool) -> Vec<String> {
    let mut waiting: Vec<String> = chunks(text, hyphens);
    waiting.reverse();
    let mut lines: Vec<String> = Vec::new();
    let len = |text: &str| text.chars().count();
    while !waiting.is_empty() {
        let mut line: Vec<String> = Vec::new();
        let mut used = 0;
        if !lines.is_empty() && waiting.last().is_some_and(|chunk| chunk.chars().all(is_blank)) {
            waiting.pop();
        }
        while let Some(chunk) = waiting.last() {
            if used + len(chunk) > width {
                break;
            }
            used += len(chunk);
            line.extend(waiting.pop());
        }
        if let Some(chunk) = waiting.last().filter(|chunk| len(chunk) > width).cloned() {
            waiting.pop();
            let left = width - used;
            if break_long {
                let mut end = left.max(1);
                if hyphens && len(&chunk) > left {
                    let chars: Vec<char> = chunk.chars().collect();
                    let hyphen = chars[..left.min(chars.len())].iter().rposition(|c| *c == '-').filter(|at| *at > 0);
                    if let Some(at) = hyphen.filter(|at| chars[..*at].iter().any(|c| *c != '-')) {
                        end = at + 1;
                    }
                }
                line.push(chunk.chars().take(end).collect());
                waiting.push(chunk.chars().skip(end).collect());
                if waiting.last().is_some_and(String::is_empty) {
                    waiting.pop();
                }
            } else if line.is_empty() {
                line.push(chunk);
            } else {
                waiting.push(chunk);
            }
        }
        if line.last().is_some_and(|chunk| chunk.chars().all(is_blank)) {
            line.pop();
        }
        if !line.is_empty() {
            lines.push(line.concat());
        }
    }
    lines
}
