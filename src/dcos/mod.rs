//! What is about DC/OS: Exhibitor, its configuration, and how an upgrade numbers the masters. Pure: nothing here reaches a
//! host, and nothing here knows the engine.

pub mod backend;
pub mod config_yaml;
pub mod exhibitor;
pub mod journal;
pub mod numbering;
