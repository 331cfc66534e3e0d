//! What is about ZooKeeper: ensembles, servers' answers and log lines, renumbering. Pure: nothing here
//! reaches a host, and nothing here knows the engine.

pub mod client;
pub mod ensemble;
pub mod four_letter;
pub mod journal;
pub mod renumber;
