//! What a host printed, as a person may see it.

/// A line without characters that a terminal would act on: they are shown as escapes. Tabs stay.
///
/// Beside the control characters these are the ones that reorder text, with which a line can be made to read as another.
pub fn printable(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for character in line.chars() {
        let reorders = matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if (character.is_control() && character != '\t') || reorders {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The last lines of an output, each printable, without empty ones at the end.
pub fn last_lines(output: &[u8], lines: usize) -> String {
    // A line of a megabyte helps nobody.
    const LONGEST: usize = 500;
    let text = String::from_utf8_lossy(output);
    let all: Vec<&str> = text.trim_end().lines().collect();
    let last = &all[all.len().saturating_sub(lines)..];
    let shown = last.iter().map(|line| match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", printable(&line[..end])),
        None => printable(line),
    });
    shown.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_cannot_move_the_cursor_or_turn_text_around() {
        assert_eq!(printable("a\u{1b}[2Jb\r\u{202e}c\td"), "a\\u{1b}[2Jb\\r\\u{202e}c\td");
    }

    #[test]
    fn the_last_lines_are_those_with_text() {
        assert_eq!(last_lines(b"one\ntwo\nthree\n\n", 2), "two\nthree");
        assert_eq!(last_lines(b"", 3), "");
        assert_eq!(last_lines("é".repeat(600).as_bytes(), 1), format!("{}…", "é".repeat(500)));
    }
}
