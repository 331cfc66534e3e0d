//! Keeps what the process knows out of files and out of the sight of other processes.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// A crash leaves no core file, neither of this process nor of those that it starts, and no process of the same user can
/// read its memory: the become password is in it. Where the kernel refuses there is nothing that could be done instead.
pub fn hide() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
