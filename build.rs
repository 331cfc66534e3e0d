//! Puts the library and the bundled playbooks into the binary, by the path below their folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders, and the variant of `bundle::Part` that says of a file where it is from.
const FOLDERS: [(&str, &str); 2] = [("library", "Library"), ("playbooks", "Playbooks")];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let mut files: BTreeMap<String, (&str, PathBuf)> = BTreeMap::new();
    for (folder, part) in FOLDERS {
        let folder = root.join(folder);
        let mut found = Vec::new();
        collect(&folder, &mut found)?;
        for path in found {
            let name = path.strip_prefix(&folder)?.to_string_lossy().into_owned();
            if let Some((_, other)) = files.insert(name, (part, path.clone())) {
                return Err(format!("{} and {} would have one name", other.display(), path.display()).into());
            }
        }
    }
    let mut list = String::from("&[\n");
    for (name, (part, path)) in &files {
        writeln!(list, "    File {{ name: {name:?}, part: Part::{part}, text: include_str!({path:?}) }},")?;
    }
    list.push(']');
    fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("bundle.rs"), list)?;
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

/// The files below a folder. Cargo is told of every folder and file: a new one is a change of its folder.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() {
            collect(&path, found)?;
        } else if !hidden {
            println!("cargo::rerun-if-changed={}", path.display());
            found.push(path);
        }
    }
    Ok(())
}
