//! What a playbook can call, described once: the checks before a run, `zkmig doc` and the editor's definitions read it.

use crate::task::Kind;

/// One function.
#[derive(Debug)]
pub struct Entry {
    /// Its name; of what a module has, behind the module's: `zookeeper::plan`.
    pub name: &'static str,
    /// The type it is a method of; empty for a plain function.
    pub on: &'static str,
    /// How it is called, in one line.
    pub usage: &'static str,
    /// How many arguments it takes, the receiver not counted; none for a constant.
    pub arguments: &'static [usize],
    /// What its options map takes, or what a constant's map has.
    pub options: &'static [Opt],
    /// What kind of effect it is; none for what touches no host.
    pub kind: Option<Kind>,
    /// What it does, gives and fails with.
    pub doc: &'static str,
    /// A playbook that uses it.
    pub example: &'static str,
}

/// One option of a function.
#[derive(Debug)]
pub struct Opt {
    /// Its name.
    pub name: &'static str,
    /// Its type and unit.
    pub takes: &'static str,
    /// What it does, and what is so without it.
    pub doc: &'static str,
}

/// Describes an option.
pub const fn opt(name: &'static str, takes: &'static str, doc: &'static str) -> Opt {
    Opt { name, takes, doc }
}

impl Entry {
    /// Its name without its module's.
    pub fn last_name(&self) -> &'static str {
        last_name(self.name)
    }

    /// The option of this name.
    pub fn option(&self, name: &str) -> Option<&Opt> {
        self.options.iter().find(|option| option.name == name)
    }
}

/// The last part of a name such as `zookeeper::plan`.
pub fn last_name(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

/// Every function of zkmig's own, in the order of the documentation.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    super::api::CATALOGS.iter().flat_map(|catalog| catalog.iter())
}
