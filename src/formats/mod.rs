//! Text formats that are no one program's: read here, without a host.

pub mod environment;
pub mod properties;
pub mod yaml_events;
