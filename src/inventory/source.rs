//! A file that was read, and places in it that may be shown.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::vault::{Vault, is_encrypted};
use crate::error::{Error, Excerpt, Result};

/// The largest file that is read.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What is in the names of variables whose values are shown as stars.
const SECRET: &[&str] = &["password", "_pass"];

/// A file's text and the name that the user knows it by.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path.
    pub path: Arc<str>,
    /// The text.
    pub text: Arc<str>,
    /// The file is a vault, and the text is what is in it: nothing of it may be shown.
    sealed: bool,
    /// Where its lines end; looked for once, as large files have a place for each key.
    ends: Arc<OnceLock<Vec<usize>>>,
}

/// Whether a variable's value must not be shown.
pub fn is_secret(name: &str) -> bool {
    name.ends_with("password") || name.ends_with("_pass")
}

/// Whether it is a password by which a host is reached, which is no playbook's affair.
pub fn is_of_connection(name: &str) -> bool {
    name.starts_with("ansible_") && is_secret(name)
}

impl Source {
    /// A text that was not read from a file.
    pub fn given(path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), text: text.into(), sealed: false, ends: Arc::default() }
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let bytes = read_bytes(path)?;
        let text = decode(bytes).map_err(|line| {
            Error::input(format!("can't read {shown}")).caused_by(format!("line {line} is not UTF-8"))
        })?;
        Ok(Self { path: shown.into(), text: text.into(), sealed: false, ends: Arc::default() })
    }

    /// Whether the text is a vault's.
    pub fn is_vault(&self) -> bool {
        is_encrypted(self.text.as_bytes())
    }

    /// What is in it, where it is a vault; else itself.
    pub fn opened(&self, vault: &Vault) -> Result<Self> {
        if !self.is_vault() {
            return Ok(self.clone());
        }
        let plain = vault.decrypt_file(&self.text, &self.path)?;
        Ok(Self { path: Arc::clone(&self.path), text: plain.as_str().into(), sealed: true, ends: Arc::default() })
    }

    /// Whether nothing of the text may be shown.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// A place in the file. Where its text has a password, that is shown as stars.
    pub fn excerpt(&self, span: &Range<usize>) -> Excerpt {
        let shown = if self.sealed { stars(&self.text).into() } else { masked(&self.text) };
        Excerpt::new(&*self.path, shown, span.clone())
    }

    /// The line of a place, from 1.
    pub fn line(&self, span: &Range<usize>) -> usize {
        let ends = self.ends.get_or_init(|| self.text.match_indices('\n').map(|(at, _)| at).collect());
        ends.partition_point(|end| *end < span.start) + 1
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let failed = |cause: String| Error::input(format!("can't read {shown}")).caused_by(cause);
    let metadata = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if !metadata.is_file() {
        return Err(failed("it is not a file".to_owned()));
    }
    let size = metadata.len();
    if size > MAX_BYTES {
        return Err(failed(format!("it has {size} bytes, and at most {MAX_BYTES} are read"))
            .hint("an inventory names hosts and variables; keep large values in files of their own"));
    }
    std::fs::read(path).map_err(|error| failed(error.to_string()))
}

/// The text of a file, without a byte order mark. Lines of comment may have any bytes; they are left out. The error is the
/// first other line that is not UTF-8.
fn decode(bytes: Vec<u8>) -> Result<String, usize> {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let bytes = error.into_bytes();
            let mut text = String::with_capacity(bytes.len());
            for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
                match std::str::from_utf8(line) {
                    Ok(line) => text.push_str(line),
                    Err(_) if line.trim_ascii_start().starts_with(b"#") || line.starts_with(b";") => text.push('\n'),
                    Err(_) => return Err(index + 1),
                }
            }
            text
        }
    };
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn stars(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() { c.to_string() } else { "*".repeat(c.len_utf8()) }).collect()
}

/// The text with stars in the place of passwords, as many as they have bytes. What can't be read has no structure to find
/// them by: it is the rest of the line, and the lines below it that are indented further.
fn masked(text: &Arc<str>) -> Arc<str> {
    if !SECRET.iter().any(|name| text.contains(name)) {
        return Arc::clone(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut inside: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let goes_on = inside.is_some_and(|above| indent > above && !line.trim().is_empty());
        if goes_on {
            shown.push_str(&stars(line));
            continue;
        }
        if !line.trim().is_empty() {
            inside = None;
        }
        let value = SECRET
            .iter()
            .filter_map(|name| line.find(name))
            .filter_map(|at| line[at..].find([':', '=']).map(|colon| at + colon + 1))
            .min();
        match value {
            Some(value) => {
                inside = Some(indent);
                shown.push_str(&line[..value]);
                shown.push_str(&stars(&line[value..]));
            }
            None => shown.push_str(line),
        }
    }
    shown.into()
}

#[cfg(test)]
mod lines {
    use super::Source;

    #[test]
    fn a_place_is_in_the_line_that_its_line_ends_say() {
        let source = Source::given("f", "ä\n\nb c\n");
        let lines: Vec<usize> = [0, 2, 3, 4, 6, 7, 8, 99].iter().map(|at| source.line(&(*at..*at))).collect();
        assert_eq!(lines, [1, 1, 2, 3, 3, 3, 4, 4]);
        assert_eq!(Source::given("f", "").line(&(0..0)), 1);
    }

    /// It took 12 seconds in a build for tests when each key's line was counted anew.
    #[test]
    fn a_file_with_a_key_twenty_thousand_times_is_read_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("hosts.yaml");
        let text: String = std::iter::once("all:\n  vars:\n".to_owned())
            .chain((0..20_000).map(|number| format!("    a: {number}\n")))
            .collect();
        std::fs::write(&path, text).expect("a file");
        let began = crate::clock::worked();
        let inventory = crate::inventory::Inventory::load(&[path], &crate::inventory::LoadOptions::default())
            .expect("an inventory");
        assert_eq!(inventory.warnings().len(), 19_999);
        let took = crate::clock::worked() - began;
        assert!(took < std::time::Duration::from_secs(5), "{took:?}");
    }
}
