//! `a=1 b='x y'`: several variables in one text, as Ansible takes them apart.
//!
//! Words end at blanks that are neither in quotes nor between a template's braces. Escapes such as `\n` are decoded, then quotes
//! around a whole value go. What has no `=` is an error: Ansible drops it.

use crate::error::{Error, Result};

/// The names and values, in their order.
pub fn read(text: &str) -> Result<Vec<(String, String)>> {
    words(text)?.iter().map(|word| pair(text, word)).collect()
}

fn pair(text: &str, word: &str) -> Result<(String, String)> {
    let word = unescaped(word)?;
    // An `=` behind a backslash, or at the beginning, ends no name.
    let ends = |at: &usize| *at > 0 && word.as_bytes().get(at - 1) != Some(&b'\\');
    let Some(at) = word.match_indices('=').map(|(at, _)| at).find(ends) else {
        let error = Error::input(format!("-e takes KEY=VALUE, @FILE or a YAML map, not `{word}`"));
        return Err(if text == word {
            error.hint(format!("-e {word}=…"))
        } else {
            error.hint("blanks part variables, as for Ansible: a value with blanks stands in quotes, -e \"key='a b'\"")
        });
    };
    let (name, value) = (word[..at].trim(), word[at + 1..].trim());
    let bare = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let is_quoted = bare.is_some() && !value.ends_with(['\\']) && !value[..value.len() - 1].ends_with('\\');
    Ok((name.to_owned(), bare.filter(|_| is_quoted).unwrap_or(value).to_owned()))
}

fn words(text: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quote, mut before, mut depth) = (None, ' ', 0_usize);
    for c in text.chars() {
        if matches!(c, '"' | '\'') && before != '\\' {
            quote = match quote {
                None => Some(c),
                Some(open) if open == c => None,
                open => open,
            };
        }
        match (before, c) {
            ('{', '{' | '%' | '#') => depth += 1,
            ('}' | '%' | '#', '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if matches!(c, ' ' | '\n') && quote.is_none() && depth == 0 {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        } else {
            word.push(c);
        }
        before = c;
    }
    if quote.is_some() || depth > 0 {
        return Err(Error::input("a quote or a template's brace in -e has no end")
            .hint("a value that has one stands in a map: -e '{\"key\": \"it'\\''s\"}'"));
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    Ok(words)
}

/// The text with Python's escapes decoded; another backslash stays.
fn unescaped(word: &str) -> Result<String> {
    let mut out = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest[at + 1..].chars().next();
        let digits = match code {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        let plain = match code {
            Some(c @ ('\\' | '\'' | '"')) => Some(c),
            Some('a') => Some('\x07'),
            Some('b') => Some('\x08'),
            Some('f') => Some('\x0c'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('v') => Some('\x0b'),
            Some('N') if rest[at + 2..].starts_with('{') => {
                return Err(Error::input("characters by name (`\\N{…}`) are not known in -e")
                    .hint("write the character itself"));
            }
            _ => None,
        };
        let hex =
            rest.get(at + 2..at + 2 + digits).filter(|hex| digits > 0 && hex.chars().all(|c| c.is_ascii_hexdigit()));
        let (decoded, length) = match (plain, hex) {
            (Some(c), _) => (c, 2),
            (None, Some(hex)) => {
                let decoded = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32);
                let none = || Error::input(format!("`\\{}{hex}` in -e is no character", code.unwrap_or('x')));
                (decoded.ok_or_else(none)?, 2 + digits)
            }
            (None, None) => ('\\', 1),
        };
        out.push(decoded);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of ansible-core 2.19's `parse_kv`.
    #[test]
    fn texts_are_taken_apart_as_ansible_does() {
        let read = |text: &str| {
            let pairs = read(text).expect("it is read");
            pairs.into_iter().map(|(name, value)| format!("{name}|{value}")).collect::<Vec<_>>()
        };
        for (text, wanted) in [
            ("a=1 b=2", &["a|1", "b|2"][..]),
            ("a='x y' b=\"z  w\"", &["a|x y", "b|z  w"]),
            ("a={{ x + 1 }} b={% if c %}1{% endif %}", &["a|{{ x + 1 }}", "b|{% if c %}1{% endif %}"]),
            ("a=b=c", &["a|b=c"]),
            ("a=", &["a|"]),
            (r"a=x\ty\u00e4", &["a|x\tyä"]),
            (r"a=C:\dir", &[r"a|C:\dir"]),
            ("a=x'y z'w", &["a|x'y z'w"]),
            ("", &[]),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
        for text in ["a=1 b", "a", "a='it' 's=1", "a='x", "a={{ x", "=1"] {
            assert!(super::read(text).is_err(), "{text}");
        }
    }
}
