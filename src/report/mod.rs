//! The readers of a run's event stream, and how an error looks to a person.

pub mod account;
pub mod diagnostic;
pub mod diff;
pub mod format;
pub mod html;
pub mod json;
pub mod junit;
pub mod log;
pub mod markdown;
pub mod ndjson;
pub mod quorum;
pub mod recap;
pub mod terminal;
pub mod wording;
