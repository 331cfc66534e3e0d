//! `--log FILE`: what the terminal would show with `-vv --diff`, each line with its time, behind what the file has already.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::recap::Recap;
use super::terminal::{Screen, Settings};
use crate::error::{Error, Result};
use crate::run::events::Event;
use crate::run::stream::Reader;

struct Log {
    file: File,
    name: String,
    screen: Screen,
}

/// The reader for `--log`. `earlier` is what the attempts before this one did.
pub fn open(path: &Path, earlier: Recap) -> Result<Box<dyn Reader>> {
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
        Error::input(format!("can't write the log to {}", path.display()))
            .caused_by(error)
            .hint("name a file in a folder that exists and that you may write to")
    })?;
    let settings = Settings { diff: true, verbose: 2, brief: false, quiet: false };
    Ok(Box::new(Log { file, name: format!("--log {}", path.display()), screen: Screen::new(settings, earlier) }))
}

impl Reader for Log {
    fn read(&mut self, events: &[Arc<Event>]) -> io::Result<()> {
        let mut text = String::new();
        for event in events {
            let time = event.time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string();
            for line in self.screen.show(event) {
                let line = console::strip_ansi_codes(&line);
                text.push_str(if line.is_empty() { "" } else { &time });
                text.push_str(if line.is_empty() { "" } else { " " });
                text.push_str(&line);
                text.push('\n');
            }
        }
        self.file.write_all(text.as_bytes())
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}
