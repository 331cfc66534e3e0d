//! YAML's events as libyaml tells them. Where its port gives up on a text, that is an error like any other.

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use libyaml_safer::{Event, EventData, Parser, ScalarStyle};

/// Why there is no next event.
#[derive(Debug)]
pub struct Problem {
    /// In libyaml's words.
    pub text: String,
    /// Where, in bytes, if it tells.
    pub at: Option<u64>,
}

/// The next event of a parser of `whole(text)`.
pub fn next(parser: &mut Parser<&mut &[u8]>, source: &str) -> Result<Event, Problem> {
    match quietly(|| parser.parse()) {
        Some(Ok(mut event)) => {
            without_added_end(&mut event, source);
            Ok(event)
        }
        Some(Err(error)) => {
            let text = error.problem().to_string();
            let at = error.problem_mark().map(|mark| mark.index);
            Err(if text.contains("control characters") { not_allowed(text, at, source) } else { Problem { text, at } })
        }
        None => Err(Problem { text: "its structure can't be told".to_owned(), at: None }),
    }
}

/// Which character is meant, and where it stands: the reader knows neither.
fn not_allowed(text: String, at: Option<u64>, source: &str) -> Problem {
    let allowed = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
            && c != '\u{feff}'
    };
    match source.char_indices().find(|(index, c)| !allowed(*c) && (*index > 0 || *c != '\u{feff}')) {
        Some((index, c)) => Problem { text: format!("{text}: U+{:04X}", u32::from(c)), at: u64::try_from(index).ok() },
        None => Problem { text, at },
    }
}

/// The text as the parser can take it: it panics where a block ends without a line end, and behind a backslash at the end.
pub fn whole(text: &str) -> Cow<'_, str> {
    let may_fail = text.ends_with('\\') || text.contains(['|', '>']) && !text.ends_with(BREAKS);
    if may_fail { Cow::Owned(format!("{text}\n")) } else { Cow::Borrowed(text) }
}

/// What ends a line of YAML.
const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

/// Takes the line end that [`whole`] added from the block that it became part of.
fn without_added_end(event: &mut Event, text: &str) {
    let (start, end) = (event.start_mark.index, event.end_mark.index);
    let EventData::Scalar { value, style: ScalarStyle::Literal | ScalarStyle::Folded, .. } = &mut event.data else {
        return;
    };
    if usize::try_from(end).is_ok_and(|end| end <= text.len()) || !value.ends_with('\n') || text.ends_with(BREAKS) {
        return;
    }
    let block = usize::try_from(start).ok().and_then(|start| text.get(start..)).unwrap_or_default();
    let mut lines = block.split(BREAKS);
    let keeps = lines.next().is_some_and(|head| head.split('#').next().unwrap_or_default().contains('+'));
    let indentation = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let first = lines.find(|line| indentation(line) < line.len()).map_or(0, indentation);
    let last = block.rsplit(BREAKS).next().unwrap_or_default();
    // Spaces up to the block's own indentation are an empty line, which only `+` keeps.
    if keeps || indentation(last) < last.len() || last.len() > first {
        value.pop();
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What a call gives; nothing where it panics, and nothing is printed then.
fn quietly<T>(call: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                usual(panic);
            }
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    QUIET.set(false);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Result<Vec<EventData>, Problem> {
        let whole = whole(text);
        let mut bytes = whole.as_bytes();
        let input = &mut bytes;
        let mut parser = Parser::new();
        parser.set_input_string(input);
        let mut found = Vec::new();
        while !matches!(found.last(), Some(EventData::StreamEnd)) {
            found.push(next(&mut parser, text)?.data);
        }
        Ok(found)
    }

    fn last_text(text: &str) -> Option<String> {
        let mut texts = events(text).ok()?.into_iter().filter_map(|event| match event {
            EventData::Scalar { value, .. } => Some(value),
            _ => None,
        });
        texts.next_back()
    }

    #[test]
    fn a_text_that_ends_with_a_backslash_is_an_error_and_no_panic() {
        let problem = events("a:\n  x: \"\\").expect_err("it has no end");
        assert!(problem.text.contains("unexpected end of stream"), "{problem:?}");
    }

    /// `tests/fixtures/yaml-blocks.json` is what PyYAML's reader with libyaml makes of blocks with all kinds of ends; null
    /// where it refuses the text.
    #[test]
    fn blocks_at_the_end_of_a_file_are_what_pyyaml_makes_of_them() {
        let blocks: Vec<(String, Option<String>)> =
            serde_json::from_str(include_str!("../../tests/fixtures/yaml-blocks.json")).expect("it is JSON");
        let differing: Vec<_> = blocks
            .iter()
            .map(|(text, wanted)| (text, wanted, last_text(text)))
            .filter(|(_, wanted, got)| *wanted != got)
            .collect();
        assert!(differing.is_empty() && blocks.len() > 100, "{differing:#?}");
    }

    #[test]
    fn a_panic_of_the_parser_is_an_error_and_later_panics_are_still_told() {
        assert!(events("a: !<%ff%ff> b").is_err() && events("[!x, y]").is_err());
        assert!(!QUIET.get());
    }
}
