//! `--events FILE`: the event stream as NDJSON, one event a line.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::run::events::Event;
use crate::run::stream::Reader;
use crate::task::acts;

/// Writes every event as a line of JSON.
pub struct Ndjson<W> {
    out: W,
    name: String,
}

/// The reader for `--events`: a file, or standard output for `-`.
pub fn open(path: &Path) -> Result<Box<dyn Reader>> {
    if path == Path::new("-") {
        return Ok(Box::new(Ndjson { out: io::stdout(), name: "--events -".to_owned() }));
    }
    let name = format!("--events {}", path.display());
    let file = File::create(path).map_err(|error| {
        Error::input(format!("can't write the events to {}", path.display()))
            .caused_by(error)
            .hint("name a file in a folder that exists and that you may write to")
    })?;
    Ok(Box::new(Ndjson { out: file, name }))
}

/// JSON in which also those characters are escaped that JSON lets stand and a terminal acts on: the stream may be read on one.
pub fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if acts(character) && !character.is_ascii_whitespace() {
            // Outside of a JSON text's strings there are none of them.
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

impl<W: Write + Send> Reader for Ndjson<W> {
    fn read(&mut self, events: &[Arc<Event>]) -> io::Result<()> {
        let mut lines = String::new();
        for event in events {
            lines.push_str(&json(&serde_json::to_string(&**event)?));
            lines.push('\n');
        }
        self.out.write_all(lines.as_bytes())?;
        self.out.flush()
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_stream_holds_nothing_that_a_terminal_acts_on_and_is_still_the_same_json() {
        let sent = serde_json::json!({ "line": "\u{1b}[2J \u{9b}2J \u{7f} \u{202e}x \u{e0041} ä\n" });
        let line = json(&sent.to_string());
        assert!(!line.chars().any(acts), "{line:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).ok(), Some(sent));
        let pretty = serde_json::to_string_pretty(&serde_json::json!({ "a": [1] })).unwrap_or_default();
        assert_eq!(json(&pretty), pretty);
    }
}
