//! `--events FILE`: the event stream as NDJSON, one event a line, each line written before the next event can happen.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::run::events::{Event, Reader};

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

impl<W: Write + Send> Reader for Ndjson<W> {
    fn read(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}
