//! YAML's events as libyaml tells them. Where its port gives up on a text, that is an error like any other.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use libyaml_safer::{Event, Parser};

/// Why there is no next event.
#[derive(Debug)]
pub struct Problem {
    /// In libyaml's words.
    pub text: String,
    /// Where, in bytes, if it tells.
    pub at: Option<u64>,
}

/// The next event.
pub fn next(parser: &mut Parser<&mut &[u8]>) -> Result<Event, Problem> {
    match catch_unwind(AssertUnwindSafe(|| parser.parse())) {
        Ok(Ok(event)) => Ok(event),
        Ok(Err(error)) => {
            Err(Problem { text: error.problem().to_string(), at: error.problem_mark().map(|mark| mark.index) })
        }
        Err(_) => Err(Problem { text: "its structure can't be told".to_owned(), at: None }),
    }
}

/// The text as the parser can take it: behind a backslash it looks for one more character, also at the end.
pub fn whole(text: &str) -> Cow<'_, str> {
    if text.ends_with('\\') { Cow::Owned(format!("{text}\n")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_ends_with_a_backslash_is_an_error_and_no_panic() {
        let text = whole("a:\n  x: \"\\");
        let mut bytes = text.as_bytes();
        let input = &mut bytes;
        let mut parser = Parser::new();
        parser.set_input_string(input);
        let problem = std::iter::repeat_with(|| next(&mut parser)).find_map(Result::err).expect("it has no end");
        assert!(problem.text.contains("unexpected end of stream"), "{problem:?}");
    }
}
