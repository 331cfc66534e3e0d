//! The text of an `ansible.cfg` as Python's `configparser` reads it: sections, keys in any case, values that go on in lines
//! further in.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Excerpt, Result};

/// A key and its value.
#[derive(Debug)]
pub struct Entry {
    /// The section, as it is written.
    pub section: String,
    /// The key, in lower case.
    pub key: String,
    /// The value; its lines are apart.
    pub value: String,
    /// The line, from 1 on.
    pub line: usize,
    span: Range<usize>,
}

/// A file that was read.
#[derive(Debug)]
pub struct File {
    /// Its path.
    pub shown: String,
    text: Arc<str>,
    /// What it says, in its order.
    pub entries: Vec<Entry>,
}

impl Entry {
    /// The place as `file:line`.
    pub fn place(&self, file: &File) -> String {
        format!("{}:{}", file.shown, self.line)
    }

    /// The key with its section.
    pub fn shown(&self) -> String {
        format!("[{}] {}", self.section, self.key)
    }
}

impl File {
    /// Reads a text.
    pub fn parse(shown: &str, text: &str) -> Result<Self> {
        let mut file = Self { shown: shown.to_owned(), text: text.into(), entries: Vec::new() };
        let (mut section, mut start, mut indentation) = (None::<String>, 0, 0);
        let mut sections: Vec<String> = Vec::new();
        // Whether the line before belongs to a value, which this one may go on with.
        let mut open = false;
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let span = start..start + line.trim_end().len();
            start += line.len();
            let wrong = |message: &str| {
                Err(Error::input(message.to_owned()).at(Excerpt::new(shown, Arc::from(text), span.clone())))
            };
            let bare = without_comment(line).trim();
            if bare.is_empty() {
                if let Some(entry) = file.entries.last_mut().filter(|_| open && line.trim().is_empty()) {
                    entry.value.push('\n');
                }
                continue;
            }
            let depth = line.len() - line.trim_start().len();
            if open && depth > indentation {
                if let Some(entry) = file.entries.last_mut() {
                    entry.value.push('\n');
                    entry.value.push_str(bare);
                }
                continue;
            }
            indentation = depth;
            if let Some((name, _)) = bare.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) {
                if name == "DEFAULT" {
                    return wrong("the keys of [DEFAULT] would count in every section: write them where they belong");
                }
                if sections.iter().any(|known| known == name) {
                    return wrong("this section stands twice, which Ansible refuses");
                }
                sections.push(name.to_owned());
                section = Some(name.to_owned());
                open = false;
                continue;
            }
            let Some(section) = &section else { return wrong("this stands before the first section") };
            let Some((key, value)) = bare.split_once(['=', ':']) else {
                return wrong("this is neither a section nor `key = value`");
            };
            let key = key.trim().to_lowercase();
            if file.entries.iter().any(|known| known.section == *section && known.key == key) {
                return wrong("this key stands twice, which Ansible refuses");
            }
            let value = value.trim().to_owned();
            file.entries.push(Entry { section: section.clone(), key, value, line: index + 1, span });
            open = true;
        }
        for entry in &mut file.entries {
            entry.value.truncate(entry.value.trim_end().len());
        }
        Ok(file)
    }

    /// The error with the line of an entry.
    pub fn at(&self, entry: &Entry, error: Error) -> Error {
        error.at(Excerpt::new(&self.shown, Arc::clone(&self.text), entry.span.clone()))
    }

    /// What it says under a key of a section.
    pub fn get(&self, section: &str, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.section == section && entry.key == key)
    }
}

/// A line without its comment: all of one that begins with `#` or `;`, else what is behind a `;` with a space before it.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with(['#', ';']) {
        return "";
    }
    let ends = line.match_indices(';').map(|(at, _)| at);
    let end = ends.into_iter().find(|at| line[..*at].ends_with(char::is_whitespace));
    end.map_or(line, |end| &line[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python 3.11's configparser makes of the same text, with `;` before comments in lines.
    #[test]
    fn it_reads_what_configparser_reads() {
        let text = "# a\n[defaults]\nInventory = a ; no\n  , b\n\n  # c\n  c\nforks: 5\nuser=a;b\n   \nkey = \n  x = 1\n[ssh]\n  \
                    args = -o A=b\n  other = #1\n";
        let file = File::parse("ansible.cfg", text).expect("it is one");
        let entries: Vec<(&str, &str, &str, usize)> = file
            .entries
            .iter()
            .map(|entry| (entry.section.as_str(), entry.key.as_str(), entry.value.as_str(), entry.line))
            .collect();
        assert_eq!(
            entries,
            [
                ("defaults", "inventory", "a\n, b\n\nc", 3),
                ("defaults", "forks", "5", 8),
                ("defaults", "user", "a;b", 9),
                ("defaults", "key", "\nx = 1", 11),
                ("ssh", "args", "-o A=b", 14),
                ("ssh", "other", "#1", 15),
            ]
        );
        for wrong in ["a = 1\n", "[a]\nb\n", "[a]\nb=1\nB=2\n", "[a]\nb=1\n[a]\nc=2\n", "[DEFAULT]\na=1\n"] {
            assert!(File::parse("ansible.cfg", wrong).is_err(), "{wrong:?}");
        }
    }
}
