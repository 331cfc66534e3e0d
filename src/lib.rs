//! zkmig runs playbooks written in Rhai against inventories of hosts over SSH.
//!
//! The modules are layers: an import only ever points to a module further down in this list.

pub mod cli;

pub mod config;

pub mod report;

pub mod script;

pub mod run;

pub mod task;

pub mod host;

pub mod template;

pub mod inventory;

pub mod dcos;

pub mod zookeeper;

pub mod formats;

pub mod error;

pub mod tty;

pub mod clock;
