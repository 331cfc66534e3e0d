//! The report of a run as JSON: its [`Account`], as `docs/report.schema.json` describes it.

use super::account::Account;
use super::ndjson;
use crate::error::{Error, Result};

/// The JSON text.
pub fn render(account: &Account) -> Result<String> {
    let text = serde_json::to_string_pretty(account)
        .map_err(|error| Error::defect("the report can't be put into JSON").caused_by(error))?;
    Ok(ndjson::json(&text) + "\n")
}
