//! Names and addresses of hosts, with a port behind them.

use std::sync::LazyLock;

use regex::Regex;

fn regex(pattern: &str) -> Regex {
    #[allow(clippy::unwrap_used, reason = "the patterns are constants, and a test uses each")]
    Regex::new(&format!("^(?:{pattern})$")).unwrap()
}

const NUMBERS: &str = r"\[[0-9]+:[0-9]+(?::[0-9]+)?\]";

static BRACKETED: LazyLock<Regex> = LazyLock::new(|| regex(r"\[(.+)\]:([0-9]+)"));
static WITH_PORT: LazyLock<Regex> = LazyLock::new(|| regex(r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)"));
static IPV4: LazyLock<Regex> = LazyLock::new(|| {
    let part = format!(r"(?:[01]?[0-9]{{1,2}}|2[0-4][0-9]|25[0-5]|{NUMBERS})");
    regex(&format!(r"(?:{part}\.){{3}}{part}"))
});
static IPV6: LazyLock<Regex> = LazyLock::new(|| {
    let part = r"(?:[0-9a-f]{1,4}|\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\])";
    let mut forms = vec![
        format!("(?:{part}:){{7}}{part}"),
        format!("(?:{part}:){{1,6}}:"),
        format!(":(?::{part}){{1,6}}"),
        format!("{part}?::"),
        format!(r"(?:0:){{6}}(?:{part}\.){{3}}{part}"),
        format!(r"::(?:ffff:)?(?:{part}\.){{3}}{part}"),
        format!(r"(?:0:){{5}}ffff:(?:{part}\.){{3}}{part}"),
    ];
    forms.extend((1..=6).map(|before| format!("(?:{part}:){{{before}}}(?::{part}){{1,{}}}", 7 - before)));
    regex(&format!("(?i){}", forms.join("|")))
});
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    let range = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]";
    // A part may begin with `_`, and does not end with `_` or `-`.
    let end = format!(r"(?:[\w--_]|{range})");
    let label = format!(r"(?:(?:\w|{range})(?:[\w-]|{range})*{end}|{end})");
    regex(&format!(r"(?i){label}(?:\.{label})*"))
});

/// A host's name or address and its port; none where the text is no name or address. Ranges count as parts of them.
pub fn parse(text: &str) -> Option<(&str, Option<u32>)> {
    let mut address = text;
    let mut port = None;
    for pattern in [&*BRACKETED, &*WITH_PORT] {
        if let Some(found) = pattern.captures(address) {
            let (whole, number) = (found.get(1)?, found.get(2)?);
            // Ansible takes a port of any length; no host has one.
            port = Some(number.as_str().parse::<u32>().unwrap_or(u32::MAX));
            address = whole.as_str();
        }
    }
    let good = is_ip(address) || NAME.is_match(address);
    good.then_some((address, port))
}

/// Whether a text is an address of either family.
pub fn is_ip(text: &str) -> bool {
    IPV4.is_match(text) || IPV6.is_match(text)
}

/// The first part of a host's name; an address is whole.
pub fn short(name: &str) -> &str {
    if is_ip(name) { name } else { name.split('.').next().unwrap_or(name) }
}

/// The names that an entry of an inventory stands for, and the port.
pub fn expand(entry: &str) -> Result<(Vec<String>, Option<u32>), String> {
    let (pattern, port) = parse(entry).unwrap_or((entry, None));
    Ok((super::range::expand(pattern)?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_ports_are_told_apart() {
        assert_eq!(parse("a.b:22"), Some(("a.b", Some(22))));
        assert_eq!(parse("a_b-c"), Some(("a_b-c", None)));
        assert_eq!(parse("_a"), Some(("_a", None)));
        assert_eq!(parse("a-"), None);
        assert_eq!(parse("a_"), None);
        assert_eq!(parse("[fe80::1]:22"), Some(("fe80::1", Some(22))));
        assert_eq!(parse("fe80::1"), Some(("fe80::1", None)));
        assert_eq!(parse("1:2:3:4:5:6:7:8"), Some(("1:2:3:4:5:6:7:8", None)));
        assert_eq!(parse("10.0.0.[1:3]:2222"), Some(("10.0.0.[1:3]", Some(2222))));
        assert_eq!(parse("m[01:05]"), Some(("m[01:05]", None)));
        assert_eq!(parse("a:b"), None);
        assert_eq!(parse("[a]"), None);
        assert_eq!(short("a.b.c"), "a");
        assert_eq!(short("10.0.0.1"), "10.0.0.1");
    }
}
