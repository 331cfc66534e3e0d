//! Paths on hosts, as effects take them.

use crate::error::{Error, Result};

/// The path, if it can be used on any host: absolute, without `..`, in its shortest spelling.
pub fn absolute(path: &str) -> Result<String> {
    if path.is_empty() {
        return Err(Error::input("the path is empty"));
    }
    if path.starts_with('~') {
        return Err(Error::input(format!("`{path}` is not an absolute path"))
            .hint("`~` is the shell's; write the whole path, such as /root/backup"));
    }
    if !path.starts_with('/') {
        return Err(Error::input(format!("`{path}` is not an absolute path"))
            .hint("a path on a host begins with `/`: there is no current folder that could be meant"));
    }
    if path.chars().any(char::is_control) {
        return Err(Error::input(format!("the path {path:?} holds a control character")));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(Error::input(format!("`{path}` goes up with `..`"))
            .hint("behind a symbolic link `..` is not where it seems to be: write the path without it"));
    }
    Ok(format!("/{}", parts.join("/")))
}

/// The folder that a path is in.
pub fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// The permissions that a text such as `0644` stands for.
pub fn mode(text: &str) -> Result<u32> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o7777 && (3..=5).contains(&digits.len()) && !digits.starts_with('+') => Ok(mode),
        _ => Err(Error::input(format!("`{text}` is not a mode")).hint("write it in octal, as a text: \"0644\"")),
    }
}

/// A name of a user or group, or a number, that is safe as a word.
pub fn owner(text: &str) -> Result<&str> {
    let plain = |character: char| character.is_alphanumeric() || "._-$@\\".contains(character);
    if text.is_empty() || text.starts_with('-') || !text.chars().all(plain) {
        return Err(Error::input(format!("`{text}` can't be the name of a user or group")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_paths_are_taken() {
        assert_eq!(absolute("/a//b/./c/").ok().as_deref(), Some("/a/b/c"));
        assert_eq!(absolute("/").ok().as_deref(), Some("/"));
        for wrong in ["", "a", "~/a", "/a/../b", "/a\nb", "./a"] {
            assert!(absolute(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn modes_are_octal_texts() {
        assert_eq!(mode("0644").ok(), Some(0o644));
        assert_eq!(mode("755").ok(), Some(0o755));
        assert_eq!(mode("04755").ok(), Some(0o4755));
        for wrong in ["", "8", "99999", "u=rw", "+644", "-644", "1"] {
            assert!(mode(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_parent_of_a_top_level_path_is_the_root() {
        assert_eq!(parent("/etc"), "/");
        assert_eq!(parent("/etc/x/y"), "/etc/x");
    }
}
