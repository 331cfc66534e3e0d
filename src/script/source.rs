//! The texts of a playbook and of the files that it imports, for errors that show the line.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rhai::Position;

use super::bundle::{self, Part, SCHEME};
use crate::error::{Error, Excerpt, Result};
use crate::run::events::Place;

/// The largest script that is read. A playbook is a page or two; this is some ten thousand lines.
const MAX_BYTES: u64 = 1024 * 1024;

/// The files of one playbook. Clones share them.
#[derive(Clone)]
pub struct Sources {
    /// The playbook's folder, unless it is a bundled one, then the folders of shared libraries, as they were named.
    folders: Arc<Vec<Folder>>,
    texts: Arc<RwLock<BTreeMap<String, Arc<str>>>>,
}

/// A folder that confines the files in it: they import and read what is there and below.
#[derive(Debug)]
struct Folder {
    shown: PathBuf,
    real: PathBuf,
    library: bool,
}

/// What confines a file.
#[derive(Clone, Copy, Debug)]
enum Root<'a> {
    Folder(&'a Folder),
    Bundle(Part),
}

impl Sources {
    /// The sources of the playbook at `playbook`, a path or a bundled playbook's name: what it can import and read is in its
    /// own folder, in these folders of shared libraries, and in the binary.
    pub fn new(playbook: &str, libraries: &[PathBuf]) -> Result<Self> {
        let mut folders = Vec::new();
        if !playbook.starts_with(SCHEME) {
            let shown = Path::new(playbook).parent().unwrap_or(Path::new("")).to_path_buf();
            let real = real(&shown)
                .map_err(|error| Error::input(format!("can't read the playbook {playbook}")).caused_by(error))?;
            folders.push(Folder { shown, real, library: false });
        }
        for library in libraries {
            let failed = |cause: String| {
                Error::input(format!("can't read the library folder {}", library.display()))
                    .caused_by(cause)
                    .hint("it was named with -L, in ZKMIG_LIBRARY, or as `library` in zkmig.toml")
            };
            let real = real(library).map_err(|error| failed(error.to_string()))?;
            if !real.is_dir() {
                return Err(failed("it is no folder".to_owned()));
            }
            folders.push(Folder { shown: library.clone(), real, library: true });
        }
        Ok(Self { folders: Arc::new(folders), texts: Arc::default() })
    }

    /// The folders of shared libraries, as they were named.
    pub fn libraries(&self) -> Vec<PathBuf> {
        self.folders.iter().filter(|folder| folder.library).map(|folder| folder.shown.clone()).collect()
    }

    /// The playbook's folder, as the user would type it; the current one for a bundled playbook.
    pub fn folder(&self) -> PathBuf {
        let own = self.folders.first().filter(|folder| !folder.library).map(|folder| folder.shown.clone());
        own.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| PathBuf::from("."))
    }

    /// Reads a file of the playbook, given as the user would type it, and remembers its text.
    pub fn read(&self, shown: &str) -> Result<Arc<str>> {
        let failed = |cause: String| Error::input(format!("can't read {shown}")).caused_by(cause);
        let text: Arc<str> = match shown.strip_prefix(SCHEME).and_then(bundle::file) {
            Some(file) => file.text.into(),
            None => {
                let size = std::fs::metadata(shown).map_err(|error| failed(error.to_string()))?.len();
                if size > MAX_BYTES {
                    return Err(failed(format!("it has {size} bytes, and a playbook at most {MAX_BYTES}")));
                }
                std::fs::read_to_string(shown).map_err(|error| failed(error.to_string()))?.into()
            }
        };
        self.texts.write().unwrap_or_else(PoisonError::into_inner).insert(shown.to_owned(), Arc::clone(&text));
        Ok(text)
    }

    /// The file that `from` imports as `name`: one in the binary (`zkmig:NAME`), else one beside `from`, else one in the
    /// first library folder that has it.
    pub fn import(&self, from: &str, name: &str) -> Result<String> {
        let file = with_ending(name);
        if let Some(wanted) = file.strip_prefix(SCHEME) {
            return bundled_module(wanted);
        }
        self.shared(from, &file)
    }

    /// The playbook that `from` names: a bundled one (`zkmig:NAME`), else one beside `from`, else one in a library folder.
    pub fn playbook(&self, from: &str, name: &str) -> Result<String> {
        if name.starts_with(SCHEME) { bundled_playbook(name) } else { self.shared(from, &with_ending(name)) }
    }

    /// The file, such as a template, that `from` names: one in the binary (`zkmig:PATH`), else one beside `from`, else one in
    /// the folder that confines `from`, else one in the playbook's folder.
    pub fn file(&self, from: &str, relative: &str) -> Result<String> {
        if let Some(name) = relative.strip_prefix(SCHEME) {
            return match bundle::file(name) {
                Some(_) => Ok(relative.to_owned()),
                None => Err(Error::input(format!("zkmig has no file `{relative}`"))
                    .did_you_mean(relative, bundle::FILES.iter().map(|file| file.name))),
            };
        }
        let root = self.root_of(from);
        let beside = self.beside(root, from, relative)?;
        let mut places = vec![(root, beside)];
        places.push((root, inside(Path::new(""), relative).ok_or_else(|| outside(root, relative))?));
        if let Some(folder) = self.folders.first().filter(|folder| !folder.library) {
            places.extend(inside(Path::new(""), relative).map(|path| (Root::Folder(folder), path)));
        }
        self.first(&places, relative)
    }

    /// A file beside `from`, else one in a library folder.
    fn shared(&self, from: &str, relative: &str) -> Result<String> {
        let root = self.root_of(from);
        let mut places = vec![(root, self.beside(root, from, relative)?)];
        for folder in self.folders.iter().filter(|folder| folder.library) {
            places.extend(inside(Path::new(""), relative).map(|path| (Root::Folder(folder), path)));
        }
        self.first(&places, relative)
    }

    /// The path below `root` of what `from` names as `relative`.
    fn beside(&self, root: Root<'_>, from: &str, relative: &str) -> Result<PathBuf> {
        let below = match root {
            Root::Folder(folder) => Path::new(from).strip_prefix(&folder.shown).unwrap_or(Path::new("")),
            Root::Bundle(_) => Path::new(from.strip_prefix(SCHEME).unwrap_or(from)),
        };
        inside(below.parent().unwrap_or(Path::new("")), relative).ok_or_else(|| outside(root, relative))
    }

    /// The first of these places at which there is a file.
    fn first(&self, places: &[(Root<'_>, PathBuf)], relative: &str) -> Result<String> {
        let mut looked: Vec<String> = Vec::new();
        for (root, path) in places {
            if let Some(found) = root.find(path, relative)? {
                return Ok(found);
            }
            let shown = root.shown(path);
            if !looked.contains(&shown) {
                looked.push(shown);
            }
        }
        let error = Error::input(format!("there is no file {}", looked.first().map_or(relative, String::as_str)));
        let error = match looked.as_slice() {
            [_] => error.caused_by("No such file or directory"),
            _ => error.detail(format!("looked for at {}", looked.join(", "))),
        };
        let given = Path::new(relative).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let names: Vec<String> = places.iter().flat_map(|(root, path)| root.neighbours(path)).collect();
        Err(error.did_you_mean(&given, names.iter().map(String::as_str)))
    }

    /// What confines the file: the innermost folder that it is in.
    fn root_of(&self, shown: &str) -> Root<'_> {
        if let Some(file) = shown.strip_prefix(SCHEME).and_then(bundle::file) {
            return Root::Bundle(file.part);
        }
        let around = self.folders.iter().filter(|folder| Path::new(shown).starts_with(&folder.shown));
        let innermost = around.max_by_key(|folder| folder.shown.components().count());
        innermost.or(self.folders.first()).map_or(Root::Bundle(Part::Library), Root::Folder)
    }

    /// The text of a file that was read.
    pub fn text(&self, shown: &str) -> Option<Arc<str>> {
        self.texts.read().unwrap_or_else(PoisonError::into_inner).get(shown).cloned()
    }

    /// Every file that was read, with its text.
    pub fn all(&self) -> BTreeMap<String, Arc<str>> {
        self.texts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The excerpt of a position in a file.
    pub fn excerpt(&self, shown: &str, position: Position) -> Option<Excerpt> {
        let text = self.text(shown)?;
        let line = position.line()?;
        Some(Excerpt::at_line(shown, text, line, position.position().unwrap_or(1)))
    }
}

impl Root<'_> {
    /// The file at this path below the root, as the user would type it, if there is one. It has to be there whatever links
    /// there are.
    fn find(self, below: &Path, relative: &str) -> Result<Option<String>> {
        match self {
            Self::Bundle(part) => {
                let found = below.to_str().and_then(bundle::file).filter(|file| file.part == part);
                Ok(found.map(|file| format!("{SCHEME}{}", file.name)))
            }
            Self::Folder(folder) => {
                let path = folder.shown.join(below);
                match path.canonicalize() {
                    Ok(real) if real.starts_with(&folder.real) => Ok(Some(path.display().to_string())),
                    Ok(_) => Err(outside(self, relative)),
                    Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
                    Err(error) => Err(Error::input(format!("can't read {}", path.display())).caused_by(error)),
                }
            }
        }
    }

    /// A path below the root as the user would type it.
    fn shown(self, below: &Path) -> String {
        match self {
            Self::Bundle(_) => format!("{SCHEME}{}", below.display()),
            Self::Folder(folder) => folder.shown.join(below).display().to_string(),
        }
    }

    /// The names of what is beside a path below the root.
    fn neighbours(self, below: &Path) -> Vec<String> {
        let beside = below.parent().unwrap_or(Path::new(""));
        match self {
            Self::Bundle(part) => {
                let files = bundle::FILES.iter().filter(|file| file.part == part).map(|file| Path::new(file.name));
                let files = files.filter(|path| path.parent() == Some(beside));
                files.filter_map(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned()).collect()
            }
            Self::Folder(folder) => std::fs::read_dir(real(&folder.shown.join(beside)).unwrap_or_default())
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect(),
        }
    }
}

/// A folder without its links; the current one has no name as it is typed.
fn real(folder: &Path) -> std::io::Result<PathBuf> {
    if folder.as_os_str().is_empty() { Path::new(".").canonicalize() } else { folder.canonicalize() }
}

/// The path that `relative` gives in `folder`, both below a root; none when it leaves the root.
fn inside(folder: &Path, relative: &str) -> Option<PathBuf> {
    if relative.is_empty() || Path::new(relative).is_absolute() {
        return None;
    }
    let mut clean = PathBuf::new();
    for part in folder.join(relative).components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir if clean.pop() => {}
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(clean)
}

/// The error of a path that leaves what confines the file that names it.
fn outside(root: Root<'_>, relative: &str) -> Error {
    let (place, shown) = match root {
        Root::Bundle(Part::Library) => ("zkmig's library", String::new()),
        Root::Bundle(Part::Playbooks) => ("zkmig's playbooks", String::new()),
        Root::Folder(folder) if folder.library => ("the library folder", format!(" {}", folder.shown.display())),
        Root::Folder(folder) if folder.shown.as_os_str().is_empty() => ("the playbook's folder", " .".to_owned()),
        Root::Folder(folder) => ("the playbook's folder", format!(" {}", folder.shown.display())),
    };
    Error::input(format!("`{relative}` is outside {place}{shown}"))
        .hint("a playbook reads only files in its own folder and below: move the file there")
        .hint(
            "to share it between playbooks, put it into a folder of its own, name that folder with -L, in ZKMIG_LIBRARY or as \
             `library` in zkmig.toml, and import the file by its name there",
        )
}

/// The module of the library in the binary that has this file name.
fn bundled_module(wanted: &str) -> Result<String> {
    let name = wanted.strip_suffix(".rhai").unwrap_or(wanted);
    match bundle::file(wanted) {
        Some(file) if file.part == Part::Library => Ok(format!("{SCHEME}{wanted}")),
        Some(_) => Err(Error::input(format!("`{SCHEME}{name}` is a playbook, or a part of one: it can't be imported"))
            .hint(format!("playbook(\"{SCHEME}{name}\", …) runs a playbook"))),
        None => {
            let error = Error::input(format!("zkmig's library has no `{name}`"));
            let names: Vec<&str> = bundle::modules().collect();
            match crate::error::closest(name, names.iter().copied()) {
                Some(meant) => Err(error.hint(format!("did you mean `{SCHEME}{meant}`?"))),
                None => Err(error.hint(format!("it has {}", names.join(", ")))),
            }
        }
    }
}

/// The bundled playbook of this name, `zkmig:NAME` with or without its ending.
pub fn bundled_playbook(given: &str) -> Result<String> {
    let name = given.strip_prefix(SCHEME).unwrap_or(given);
    let name = name.strip_suffix(".rhai").unwrap_or(name);
    let names: Vec<&str> = bundle::playbooks().collect();
    if names.contains(&name) {
        return Ok(format!("{SCHEME}{name}.rhai"));
    }
    let error = Error::input(format!("zkmig has no playbook `{SCHEME}{name}`"));
    Err(match crate::error::closest(name, names.iter().copied()) {
        Some(meant) => error.hint(format!("did you mean `{SCHEME}{meant}`?")),
        None => error.hint(format!("it has {}", names.join(", "))),
    })
}

/// The file name that a path without its ending means.
fn with_ending(name: &str) -> String {
    if name.ends_with(".rhai") { name.to_owned() } else { format!("{name}.rhai") }
}

/// The place of a position, for events.
pub fn place(source: Option<&str>, position: Position) -> Option<Place> {
    Some(Place { file: source?.to_owned(), line: position.line()? })
}
