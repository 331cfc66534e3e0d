//! The forms that a run's report can have.

use std::path::Path;

use super::account::Account;
use super::{html, json, junit, markdown};
use crate::error::{Error, Result};

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One self-contained page
    Html,
    /// Markdown, for a ticket
    Md,
    /// JSON, as docs/report.schema.json describes it
    Json,
    /// JUnit's XML, for what shows test results
    Junit,
}

impl Format {
    /// The form that the ending of a file's name asks for.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        match ending.as_str() {
            "html" | "htm" => Ok(Self::Html),
            "md" | "markdown" => Ok(Self::Md),
            "json" => Ok(Self::Json),
            "xml" => Ok(Self::Junit),
            _ => Err(Error::input(format!("the ending of {} names no form of a report", path.display()))
                .hint("it is .html, .md, .json or .xml (JUnit's)")),
        }
    }

    /// The report.
    pub fn render(self, account: &Account) -> Result<String> {
        match self {
            Self::Html => html::render(account),
            Self::Md => Ok(markdown::render(account)),
            Self::Json => json::render(account),
            Self::Junit => Ok(junit::render(account)),
        }
    }
}
