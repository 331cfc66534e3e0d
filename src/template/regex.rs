//! Regular expressions as Python writes them.

use fancy_regex::Regex;

use super::fault::{Fault, R};
use super::filters::Bound;
use super::python;
use super::value::Value;

/// How a pattern is to be taken.
#[derive(Clone, Copy, Default)]
pub struct Flags {
    pub ignore_case: bool,
    pub multiline: bool,
}

/// A pattern that was read.
pub struct Pattern {
    regex: Regex,
}

/// A match: where its groups are, in bytes; the first is all of it.
pub type Groups = Vec<Option<(usize, usize)>>;

impl Pattern {
    pub fn new(pattern: &str, flags: Flags) -> R<Self> {
        thread_local! {
            static KNOWN: std::cell::RefCell<std::collections::HashMap<(String, bool, bool), Regex>> = Default::default();
        }
        let key = (pattern.to_owned(), flags.ignore_case, flags.multiline);
        if let Some(regex) = KNOWN.with_borrow(|known| known.get(&key).cloned()) {
            return Ok(Self { regex });
        }
        let translated = translate(pattern, flags)?;
        let regex = Regex::new(&translated).map_err(|error| {
            Fault::new(format!("'{pattern}' is no regular expression that is understood here: {error}"))
                .hint("the pattern is Python's; write it without what the message names")
        })?;
        KNOWN.with_borrow_mut(|known| known.insert(key, regex.clone()));
        Ok(Self { regex })
    }

    /// The first match at or behind a place.
    pub fn find(&self, text: &str, from: usize) -> R<Option<Groups>> {
        let found = self.regex.captures_from_pos(text, from);
        let found = found.map_err(|error| Fault::new(format!("the regular expression gives up: {error}")))?;
        Ok(found
            .map(|found| (0..found.len()).map(|at| found.get(at).map(|group| (group.start(), group.end()))).collect()))
    }

    /// Every match, as Python goes through a text.
    pub fn all(&self, text: &str) -> R<Vec<Groups>> {
        let mut matches: Vec<Groups> = Vec::new();
        let mut from = 0;
        let mut after_empty = false;
        while from <= text.len() {
            let search_from = if after_empty {
                match text[from..].chars().next() {
                    Some(c) => from + c.len_utf8(),
                    None => break,
                }
            } else {
                from
            };
            let Some(groups) = self.find(text, search_from)? else { break };
            let (start, end) = groups.first().copied().flatten().unwrap_or((search_from, search_from));
            after_empty = start == end;
            from = end;
            matches.push(groups);
        }
        Ok(matches)
    }

    /// How many groups it has.
    pub fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }

    /// The number of a named group.
    pub fn group(&self, name: &str) -> Option<usize> {
        self.regex.capture_names().position(|known| known == Some(name))
    }
}

pub fn taken(text: &str, group: Option<(usize, usize)>) -> &str {
    group.map_or("", |(start, end)| &text[start..end])
}

/// The pattern as the engine here writes it.
fn translate(pattern: &str, mut flags: Flags) -> R<String> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    let (mut dot_all, mut verbose) = (false, false);
    // Flags for the whole pattern stand at its beginning.
    while chars[at..].starts_with(&['(', '?']) {
        let Some(end) = chars[at..].iter().position(|c| *c == ')') else { break };
        let inner = &chars[at + 2..at + end];
        if inner.is_empty() || !inner.iter().all(|c| "aiLmsux".contains(*c)) {
            break;
        }
        for flag in inner {
            match flag {
                'i' => flags.ignore_case = true,
                'm' => flags.multiline = true,
                's' => dot_all = true,
                'x' => verbose = true,
                'u' => {}
                other => {
                    return Err(Fault::new(format!(
                        "the flag `{other}` of a regular expression is not supported here"
                    )));
                }
            }
        }
        at += end + 1;
    }
    let set: String = [(flags.ignore_case, 'i'), (flags.multiline, 'm'), (dot_all, 's'), (verbose, 'x')]
        .iter()
        .filter_map(|(on, flag)| on.then_some(*flag))
        .collect();
    if !set.is_empty() {
        out.push_str(&format!("(?{set})"));
    }
    while at < chars.len() {
        let c = chars[at];
        at += 1;
        match c {
            '\\' => {
                let Some(kind) = chars.get(at).copied() else { return Err(Fault::new("bad escape (end of pattern)")) };
                at += 1;
                escape(kind, &chars, &mut at, &mut out, false)?;
            }
            '$' if flags.multiline => out.push_str("(?m:$)"),
            '$' => out.push_str(r"(?=\n?\z)"),
            '[' => {
                out.push('[');
                if chars.get(at) == Some(&'^') {
                    out.push('^');
                    at += 1;
                }
                let mut first = true;
                loop {
                    let Some(c) = chars.get(at).copied() else { return Err(Fault::new("unterminated character set")) };
                    at += 1;
                    match c {
                        ']' if !first => break,
                        '\\' => {
                            let Some(kind) = chars.get(at).copied() else {
                                return Err(Fault::new("unterminated character set"));
                            };
                            at += 1;
                            escape(kind, &chars, &mut at, &mut out, true)?;
                        }
                        '[' | ']' | '&' | '~' | '^' => {
                            out.push('\\');
                            out.push(c);
                        }
                        '-' if first || chars.get(at) == Some(&']') => out.push_str("\\-"),
                        c if verbose && c.is_whitespace() => out.push_str(&format!("\\x{{{:x}}}", u32::from(c))),
                        '#' if verbose => out.push_str("\\#"),
                        c => out.push(c),
                    }
                    first = false;
                }
                out.push(']');
            }
            '{' => {
                let end = chars[at..].iter().position(|c| *c == '}');
                let inner: Option<String> = end.map(|end| chars[at..at + end].iter().collect());
                let counts = inner.filter(|inner| {
                    let (least, most) = inner.split_once(',').unwrap_or((inner, "0"));
                    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
                    digits(least) && digits(most) && inner.bytes().any(|c| c.is_ascii_digit())
                });
                match counts {
                    Some(inner) => {
                        at += inner.chars().count() + 1;
                        let from = if inner.starts_with(',') { "0" } else { "" };
                        out.push_str(&format!("{{{from}{inner}}}"));
                    }
                    None => out.push_str("\\{"),
                }
            }
            '}' => out.push_str("\\}"),
            '(' if chars[at..].starts_with(&['?', '#']) => {
                let Some(end) = chars[at..].iter().position(|c| *c == ')') else {
                    return Err(Fault::new("missing ), unterminated comment"));
                };
                at += end + 1;
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

fn escape(kind: char, chars: &[char], at: &mut usize, out: &mut String, in_class: bool) -> R<()> {
    let hex = |count: usize, at: &mut usize| -> R<String> {
        let digits: String = chars[*at..].iter().take(count).collect();
        if digits.len() != count || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(Fault::new(format!("incomplete escape \\{kind}{digits}")));
        }
        *at += count;
        Ok(digits)
    };
    match kind {
        'Z' if !in_class => out.push_str("\\z"),
        'A' | 'B' if !in_class => out.extend(['\\', kind]),
        'b' => out.push_str(if in_class { "\\x08" } else { "\\b" }),
        'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'n' | 'r' | 't' | 'f' | 'v' => out.extend(['\\', kind]),
        'a' => out.push_str("\\x07"),
        'x' => out.push_str(&format!("\\x{{{}}}", hex(2, at)?)),
        'u' => out.push_str(&format!("\\x{{{}}}", hex(4, at)?)),
        'U' => out.push_str(&format!("\\x{{{}}}", hex(8, at)?)),
        '0'..='9' => {
            let digits: String =
                std::iter::once(kind).chain(chars[*at..].iter().copied().take_while(char::is_ascii_digit)).collect();
            let octal = kind == '0' || in_class || (digits.len() >= 3 && digits[..3].chars().all(|c| c.is_digit(8)));
            if octal {
                let digits: String = digits.chars().take(3).take_while(|c| c.is_digit(8)).collect();
                let code = u32::from_str_radix(&digits, 8).map_err(|_| Fault::new(format!("bad escape \\{kind}")))?;
                *at += digits.len() - 1;
                out.push_str(&format!("\\x{{{code:x}}}"));
            } else {
                let digits: String = digits.chars().take(2).collect();
                *at += digits.len() - 1;
                // Parted from digits that follow.
                out.push_str(&format!("(?:\\{digits})"));
            }
        }
        c if c.is_ascii_alphabetic() => return Err(Fault::new(format!("bad escape \\{c}"))),
        c if c.is_ascii_punctuation() && c != '<' && c != '>' => out.extend(['\\', c]),
        c if c.is_whitespace() => out.push_str(&format!("\\x{{{:x}}}", u32::from(c))),
        c => out.push(c),
    }
    Ok(())
}

/// What stands in a match's place: texts and groups.
enum Piece {
    Text(String),
    Group(usize),
}

fn replacement(text: &str, pattern: &Pattern) -> R<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        at += 1;
        if c != '\\' {
            literal.push(c);
            continue;
        }
        let Some(kind) = chars.get(at).copied() else { return Err(Fault::new("bad escape (end of pattern)")) };
        at += 1;
        let group = match kind {
            'g' => {
                let end = chars[at..].iter().position(|c| *c == '>').filter(|_| chars.get(at) == Some(&'<'));
                let Some(end) = end else { return Err(Fault::new("missing <, or > after \\g")) };
                let name: String = chars[at + 1..at + end].iter().collect();
                at += end + 1;
                match name.parse::<usize>() {
                    Ok(number) => number,
                    Err(_) => pattern.group(&name).ok_or_else(|| Fault::new(format!("unknown group name '{name}'")))?,
                }
            }
            '0' => {
                let digits: String = chars[at..].iter().take(2).take_while(|c| c.is_digit(8)).collect();
                at += digits.len();
                let code = u32::from_str_radix(&format!("0{digits}"), 8).unwrap_or(0);
                literal.extend(char::from_u32(code));
                continue;
            }
            '1'..='9' => {
                let mut number = usize::try_from(kind.to_digit(10).unwrap_or(0)).unwrap_or(0);
                if let Some(digit) = chars.get(at).and_then(|c| c.to_digit(10)) {
                    number = number * 10 + usize::try_from(digit).unwrap_or(0);
                    at += 1;
                }
                number
            }
            'n' | 'r' | 't' | 'f' | 'v' | 'a' | 'b' | '\\' => {
                literal.push(match kind {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'f' => '\x0c',
                    'v' => '\x0b',
                    'a' => '\x07',
                    'b' => '\x08',
                    _ => '\\',
                });
                continue;
            }
            c if c.is_ascii_alphabetic() => return Err(Fault::new(format!("bad escape \\{c} in the replacement"))),
            c => {
                literal.extend(['\\', c]);
                continue;
            }
        };
        if group > pattern.groups() {
            return Err(Fault::new(format!("invalid group reference {group}")));
        }
        pieces.push(Piece::Text(std::mem::take(&mut literal)));
        pieces.push(Piece::Group(group));
    }
    pieces.push(Piece::Text(literal));
    Ok(pieces)
}

/// Python's `re.subn`: the text, and how many were replaced.
pub fn replace(text: &str, pattern: &Pattern, with: &str, count: usize) -> R<(String, usize)> {
    let pieces = replacement(with, pattern)?;
    let mut out = String::new();
    let (mut last, mut done) = (0, 0);
    for groups in pattern.all(text)? {
        if count > 0 && done == count {
            break;
        }
        let (start, end) = groups.first().copied().flatten().unwrap_or((last, last));
        out.push_str(&text[last..start]);
        for piece in &pieces {
            match piece {
                Piece::Text(literal) => out.push_str(literal),
                Piece::Group(number) => out.push_str(taken(text, groups.get(*number).copied().flatten())),
            }
        }
        last = end;
        done += 1;
    }
    out.push_str(&text[last..]);
    Ok((out, done))
}

pub fn flags(a: &Bound, ignore_case: usize, multiline: usize) -> R<Flags> {
    Ok(Flags { ignore_case: a.is(ignore_case)?, multiline: a.is(multiline)? })
}

/// The tests `match`, `search` and `regex`.
pub fn test(a: &Bound, kind: Option<&str>) -> R<bool> {
    let text = match a.value(0) {
        Value::Str(text) => text.to_string(),
        other => python::text(&other)?,
    };
    let pattern = Pattern::new(&a.text_or(1, "")?, flags(a, 2, 3)?)?;
    let kind = match kind {
        Some(kind) => kind.to_owned(),
        None => a.text_or(4, "search")?,
    };
    let found = pattern.find(&text, 0)?.and_then(|groups| groups.first().copied().flatten());
    match kind.as_str() {
        "search" => Ok(found.is_some()),
        "match" => Ok(found.is_some_and(|(start, _)| start == 0)),
        "fullmatch" => {
            let pattern = Pattern::new(&format!("(?:{})\\Z", a.text_or(1, "")?), flags(a, 2, 3)?)?;
            Ok(pattern.find(&text, 0)?.and_then(|groups| groups[0]).is_some_and(|(start, _)| start == 0))
        }
        other => Err(Fault::new(format!("match_type is search, match or fullmatch, not '{other}'"))),
    }
}
