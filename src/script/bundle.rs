//! The library and the playbooks that ship in the binary, named `zkmig:…`.

/// What the name of a file in the binary begins with.
pub const SCHEME: &str = "zkmig:";

/// Which folder of the project a file is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `library/`: what a playbook imports.
    Library,
    /// `playbooks/`: what is run, and the files that only they use.
    Playbooks,
}

/// A file in the binary.
#[derive(Debug)]
pub struct File {
    /// Its path below its folder.
    pub name: &'static str,
    /// Its folder.
    pub part: Part,
    /// Its content.
    pub text: &'static str,
}

/// All files, by name.
pub static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/bundle.rs"));

/// The file of this name, which is its path below its folder.
pub fn file(name: &str) -> Option<&'static File> {
    let index = FILES.binary_search_by(|file| file.name.cmp(name)).ok()?;
    FILES.get(index)
}

/// What a playbook may import, without the ending.
pub fn modules() -> impl Iterator<Item = &'static str> {
    FILES.iter().filter(|file| file.part == Part::Library).filter_map(|file| file.name.strip_suffix(".rhai"))
}

/// What can be run by its name, without the ending: the playbooks themselves, not what only they import.
pub fn playbooks() -> impl Iterator<Item = &'static str> {
    let own = FILES.iter().filter(|file| file.part == Part::Playbooks && !file.name.contains('/'));
    own.filter_map(|file| file.name.strip_suffix(".rhai"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_by_its_name() {
        assert!(FILES.iter().all(|known| file(known.name).is_some_and(|found| std::ptr::eq(found, known))));
        assert!(playbooks().any(|name| name == "zk-to-static"));
        assert!(modules().any(|name| name == "dcos/config_yaml"));
        assert!(file("nothing").is_none());
    }
}
