//! Files by a pattern: `*`, `?` and `[…]` in names, as Python's `glob` has them.

use std::path::Path;

use super::fault::{Fault, R};
use super::regex::{Flags, Pattern};

/// The files that a pattern matches, in the order of their names.
pub fn files(pattern: &str) -> R<Vec<String>> {
    let mut found = vec![if pattern.starts_with('/') { "/".to_owned() } else { String::new() }];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        let matcher = if part.contains(['*', '?', '[']) { Some(matcher(part)?) } else { None };
        for folder in &found {
            let join = |name: &str| {
                if folder.is_empty() || folder == "/" { format!("{folder}{name}") } else { format!("{folder}/{name}") }
            };
            match &matcher {
                None => {
                    let path = join(part);
                    if Path::new(&path).symlink_metadata().is_ok() {
                        next.push(path);
                    }
                }
                Some(matcher) => {
                    let Ok(entries) = std::fs::read_dir(if folder.is_empty() { "." } else { folder }) else { continue };
                    let mut names: Vec<String> =
                        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
                    names.sort();
                    for name in names {
                        let hidden = name.starts_with('.') && !part.starts_with('.');
                        if !hidden && matcher.find(&name, 0)?.is_some() {
                            next.push(join(&name));
                        }
                    }
                }
            }
        }
        found = next;
    }
    found.retain(|path| Path::new(path).is_file());
    Ok(found)
}

fn matcher(part: &str) -> R<Pattern> {
    let mut out = String::from(r"\A");
    let mut rest = part;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '[' => {
                let Some((inner, after)) = rest.split_once(']') else {
                    return Err(Fault::new(format!("`{part}` has a `[` without a `]`")));
                };
                let inner = inner.strip_prefix('!').map_or_else(|| inner.to_owned(), |inner| format!("^{inner}"));
                out.push_str(&format!("[{}]", inner.replace('\\', "\\\\")));
                rest = after;
            }
            c if c.is_alphanumeric() => out.push(c),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push_str(r"\Z");
    Pattern::new(&out, Flags::default())
}
