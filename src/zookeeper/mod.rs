//! What is about ZooKeeper and Exhibitor: ensembles, their files, their answers, their log lines. Pure: nothing here
//! reaches a host, and nothing here knows the engine.

pub mod client;
pub mod config_yaml;
pub mod ensemble;
pub mod environment;
pub mod exhibitor;
pub mod four_letter;
pub mod journal;
pub mod properties;
pub mod renumber;
