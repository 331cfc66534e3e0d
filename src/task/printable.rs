//! What a host printed, as a person may see it.

/// A line without characters that a terminal would act on: they are shown as escapes. Tabs stay.
///
/// Beside the control characters these are the ones that reorder text, with which a line can be made to read as another.
pub fn printable(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for character in line.chars() {
        if character != '\t' && acts(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether a terminal acts on the character, or shows it in a way that lets a text be read as another: the control
/// characters of both sets, those that reorder text, line separators, and the invisible tags.
pub fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
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
        // OSC 8 and 52, their one-character form, backspaces, isolates and tags.
        for sent in [
            "\u{1b}]8;;http://x\u{7}",
            "\u{1b}]52;c;eA==\u{1b}\\",
            "\u{9d}52;c;eA==\u{9c}",
            "\u{9b}2J",
            "\u{8}",
            "\u{7f}",
        ] {
            assert!(!printable(sent).chars().any(char::is_control), "{sent:?}");
        }
        for sent in ["\u{2066}", "\u{2069}", "\u{61c}", "\u{e0041}"] {
            assert!(printable(sent).is_ascii(), "{sent:?}");
        }
    }

    #[test]
    fn the_last_lines_are_those_with_text() {
        assert_eq!(last_lines(b"one\ntwo\nthree\n\n", 2), "two\nthree");
        assert_eq!(last_lines(b"", 3), "");
        assert_eq!(last_lines("é".repeat(600).as_bytes(), 1), format!("{}…", "é".repeat(500)));
    }
}
