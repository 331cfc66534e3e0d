//! `zkmig runs report`: what a run did, as a page, Markdown, JSON or JUnit's XML.

use std::path::PathBuf;

use super::super::{print, say};
use crate::error::{Error, Result};
use crate::report::account::Account;
use crate::report::format::Format;
use crate::run::record::Story;

/// Writes the report of a run to the file, or prints it.
pub fn report(story: &Story, format: Option<Format>, out: Option<PathBuf>) -> Result<()> {
    let format = match (format, &out) {
        (Some(format), _) => format,
        (None, Some(path)) => Format::of(path)?,
        (None, None) => Format::Md,
    };
    let text = format.render(&Account::of(story)?)?;
    // Nobody reads a page on a terminal.
    let on_terminal = format == Format::Html && console::Term::stdout().is_term();
    let Some(path) = out.or_else(|| on_terminal.then(|| format!("zkmig-{}.html", story.id()).into())) else {
        return print(&text);
    };
    std::fs::write(&path, text).map_err(|error| {
        Error::input(format!("can't write the report to {}", path.display()))
            .caused_by(error)
            .hint("name a file in a folder that exists and that you may write to")
    })?;
    say(&format!("report: {}", path.display()));
    Ok(())
}
