//! The readers of a run's event stream, and how an error looks to a person.

pub mod diagnostic;
pub mod diff;
pub mod ndjson;
pub mod quorum;
pub mod recap;
pub mod terminal;
