//! What a run decides for all its templates.

use std::path::PathBuf;

use serde_json::{Map, Value};

/// What holds for every template of a run.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The playbook's folder: where lookups find their files.
    pub playbook_dir: Option<PathBuf>,
    /// The folders of shared libraries: a template of one finds its files there first.
    pub libraries: Vec<PathBuf>,
    /// Whether `lookup('pipe', …)` may run programs on this machine.
    pub pipe: bool,
    /// Magic variables that are the same for every host, such as `ansible_check_mode` and `ansible_play_hosts`.
    pub magic: Map<String, Value>,
    /// What Ansible tells a task of its own host's connection where no variable says it, such as `ansible_host`; empty outside
    /// of a task.
    pub connection: Map<String, Value>,
}
