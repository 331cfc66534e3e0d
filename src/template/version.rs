//! Versions in order: Python's loose and strict ones, semantic versioning, PEP 440.

use std::cmp::Ordering;

use super::fault::{Fault, R};
use super::filters::Bound;

/// The test `version`.
pub fn test(a: &Bound) -> R<bool> {
    let op = match a.text_or(2, "eq")?.as_str() {
        "==" | "=" | "eq" => "eq",
        "<" | "lt" => "lt",
        "<=" | "le" => "le",
        ">" | "gt" => "gt",
        ">=" | "ge" => "ge",
        "!=" | "<>" | "ne" => "ne",
        other => {
            return Err(Fault::new(format!("Invalid operator type ({other})")).hint("use ==, !=, <, <=, > or >="));
        }
    };
    if !a.value(0).truth()? {
        return Err(Fault::new("Input version value cannot be empty"));
    }
    if !a.value(1).truth()? {
        return Err(Fault::new("Version parameter to compare against cannot be empty"));
    }
    let (left, right) = (a.text(0)?, a.text(1)?);
    let strict = a.get(3).filter(|strict| !strict.is_none());
    let kind = a.get(4).filter(|kind| !kind.is_none());
    if strict.is_some() && kind.is_some() {
        return Err(Fault::new("Cannot specify both 'strict' and 'version_type'"));
    }
    let kind = match (strict, kind) {
        (Some(strict), _) if strict.truth()? => "strict".to_owned(),
        (_, Some(kind)) => super::python::text(kind)?,
        _ => "loose".to_owned(),
    };
    let order = match kind.as_str() {
        "loose" => loose(&left, &right)?,
        "strict" => strict_key(&left)?.cmp(&strict_key(&right)?),
        "semver" | "semantic" => semantic(&left, &right)?,
        "pep440" => pep440(&left)?.cmp(&pep440(&right)?),
        other => {
            let fault = Fault::new(format!("Invalid version type ({other})"));
            return Err(fault.hint("it is one of loose, strict, semver, semantic, pep440"));
        }
    };
    Ok(match op {
        "eq" => order.is_eq(),
        "ne" => order.is_ne(),
        "lt" => order.is_lt(),
        "le" => order.is_le(),
        "gt" => order.is_gt(),
        _ => order.is_ge(),
    })
}

#[derive(PartialEq, Eq, Debug)]
enum Part {
    Number(u128),
    Word(String),
}

/// Runs of digits, runs of small letters, and what is between.
fn loose_parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut word = String::new();
    let mut kind = 0;
    let mut flush = |word: &mut String, kind: u8| {
        if word.is_empty() {
            return;
        }
        let text = std::mem::take(word);
        match text.parse() {
            Ok(number) if kind == 1 => parts.push(Part::Number(number)),
            _ => parts.push(Part::Word(text)),
        }
    };
    for c in text.trim().chars() {
        let now = match c {
            '0'..='9' => 1,
            'a'..='z' => 2,
            '.' => 3,
            _ => 4,
        };
        if now != kind {
            flush(&mut word, kind);
            kind = now;
        }
        if now != 3 {
            word.push(c);
        }
    }
    flush(&mut word, kind);
    parts
}

fn loose(left: &str, right: &str) -> R<Ordering> {
    let (a, b) = (loose_parts(left), loose_parts(right));
    for (a, b) in a.iter().zip(&b) {
        let order = match (a, b) {
            (Part::Number(a), Part::Number(b)) => a.cmp(b),
            (Part::Word(a), Part::Word(b)) => a.cmp(b),
            _ => {
                return Err(Fault::new(format!(
                    "Version comparison failed: `{left}` and `{right}` have a number and a word at the same place"
                ))
                .hint("choose another version_type"));
            }
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(a.len().cmp(&b.len()))
}

fn strict_key(text: &str) -> R<(Vec<u64>, (u8, char, u64))> {
    let fail = || Fault::new(format!("Version comparison failed: invalid version number '{text}'"));
    let text = text.trim();
    let end = text.find(['a', 'b']).unwrap_or(text.len());
    let (numbers, pre) = text.split_at(end);
    let mut parts = numbers.split('.').map(|part| part.parse::<u64>().map_err(|_| fail())).collect::<R<Vec<u64>>>()?;
    if !(2..=3).contains(&parts.len()) {
        return Err(fail());
    }
    parts.resize(3, 0);
    let pre = match pre.chars().next() {
        None => (1, ' ', 0),
        Some(kind) => (0, kind, pre[1..].parse().map_err(|_| fail())?),
    };
    Ok((parts, pre))
}

fn semantic(left: &str, right: &str) -> R<Ordering> {
    let (a, b) = (semantic_parts(left)?, semantic_parts(right)?);
    let order = a.0.cmp(&b.0);
    if order.is_ne() {
        return Ok(order);
    }
    match (a.1.is_empty(), b.1.is_empty()) {
        (true, true) => return Ok(Ordering::Equal),
        (true, false) => return Ok(Ordering::Greater),
        (false, true) => return Ok(Ordering::Less),
        _ => {}
    }
    for (a, b) in a.1.iter().zip(&b.1) {
        let order = match (a.parse::<u128>(), b.parse::<u128>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            _ => a.cmp(b),
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(a.1.len().cmp(&b.1.len()))
}

fn semantic_parts(text: &str) -> R<(Vec<u128>, Vec<String>)> {
    let fail = || Fault::new(format!("Version comparison failed: invalid semantic version '{text}'"));
    let without_build = text.split_once('+').map_or(text, |(before, _)| before);
    let (core, pre) = without_build.split_once('-').map_or((without_build, None), |(core, pre)| (core, Some(pre)));
    let number = |part: &str| {
        let good =
            !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
        if good { part.parse::<u128>().map_err(|_| fail()) } else { Err(fail()) }
    };
    let parts = core.split('.').map(number).collect::<R<Vec<_>>>()?;
    if parts.len() != 3 {
        return Err(fail());
    }
    let pre: Vec<String> = pre.map_or_else(Vec::new, |pre| pre.split('.').map(str::to_owned).collect());
    if pre.iter().any(String::is_empty) {
        return Err(fail());
    }
    Ok((parts, pre))
}

type Pep440 = (u64, Vec<u64>, (i8, i8, u64), i128, i128, Vec<(u8, u64, String)>);

/// A PEP 440 version as a key that is ordered as the versions are.
fn pep440(text: &str) -> R<Pep440> {
    use super::regex::{Flags, Pattern, taken};
    let pattern = concat!(
        r"\A\s*v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?",
        r"(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*\Z",
    );
    let pattern = Pattern::new(pattern, Flags { ignore_case: true, multiline: false })?;
    let Some(found) = pattern.find(text, 0)? else {
        return Err(Fault::new(format!("Version comparison failed: Invalid version: '{text}'")));
    };
    let group = |at: usize| found.get(at).copied().flatten().map(|group| taken(text, Some(group)).to_lowercase());
    let number = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let mut release: Vec<u64> = group(2).unwrap_or_default().split('.').map(|part| part.parse().unwrap_or(0)).collect();
    while release.last() == Some(&0) {
        release.pop();
    }
    let (has_post, has_dev) = (group(5).is_some() || group(6).is_some(), group(8).is_some());
    let pre = match group(3).as_deref() {
        Some("a" | "alpha") => (0, 0, number(group(4))),
        Some("b" | "beta") => (0, 1, number(group(4))),
        Some(_) => (0, 2, number(group(4))),
        None if !has_post && has_dev => (-1, 0, 0),
        None => (1, 0, 0),
    };
    let post = if has_post { i128::from(number(group(5).or_else(|| group(7)))) } else { -1 };
    let dev = if has_dev { i128::from(number(group(9))) } else { i128::MAX };
    let local = group(10).map_or_else(Vec::new, |local| {
        let part =
            |part: &str| part.parse().map_or_else(|_| (0, 0, part.to_owned()), |number| (1, number, String::new()));
        local.split(['-', '_', '.']).map(part).collect()
    });
    Ok((number(group(1)), release, pre, post, dev, local))
}
