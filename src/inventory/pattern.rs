//! Ansible's host patterns: `masters`, `a:b`, `a:!b`, `a:&b`, `10.10.0.*`, `~regex`, `masters[0:2]`, `@file`.

use std::collections::HashSet;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::{Inventory, Source, Warnings, address, model};
use crate::error::{Error, Result};

/// In which order hosts are worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As the pattern and the groups have them.
    #[default]
    Inventory,
    /// The other way round.
    ReverseInventory,
    /// By name.
    Sorted,
    /// By name, the other way round.
    ReverseSorted,
    /// By chance.
    Shuffle,
}

impl Order {
    /// Their words, as Ansible's plays have them.
    pub const WORDS: &'static [&'static str] =
        &["inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle"];

    /// The order of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "inventory" => Self::Inventory,
            "reverse_inventory" => Self::ReverseInventory,
            "sorted" => Self::Sorted,
            "reverse_sorted" => Self::ReverseSorted,
            "shuffle" => Self::Shuffle,
            _ => return None,
        })
    }

    /// Puts names in this order.
    pub fn apply<T: AsRef<str>>(self, names: &mut [T]) {
        match self {
            Self::Inventory => {}
            Self::ReverseInventory => names.reverse(),
            Self::Sorted => names.sort_by(|one, other| one.as_ref().cmp(other.as_ref())),
            Self::ReverseSorted => names.sort_by(|one, other| other.as_ref().cmp(one.as_ref())),
            Self::Shuffle => shuffle(names),
        }
    }
}

/// Fisher and Yates's shuffle. Chance comes from the keys that the standard library makes for each of its hash maps.
fn shuffle<T>(items: &mut [T]) {
    use std::hash::{BuildHasher as _, RandomState};
    for last in (1..items.len()).rev() {
        let chance = RandomState::new().hash_one(last);
        let other = usize::try_from(chance % (last as u64 + 1)).unwrap_or(0);
        items.swap(last, other);
    }
}

/// The indexes of the hosts that a pattern selects, in Ansible's order: part by part, in a part group by group. A part that
/// matches nothing takes nothing and gives nothing; it is warned of.
pub fn select(inventory: &Inventory, pattern: &str, warnings: &mut Warnings) -> Result<Vec<usize>> {
    evaluate(inventory, pattern, &split(pattern)?, warnings)
}

/// The same for `--limit`, in which `@FILE` stands for the lines of a file.
pub fn limit(inventory: &Inventory, pattern: &str, warnings: &mut Warnings) -> Result<Vec<usize>> {
    let mut parts = Vec::new();
    let mut files = Vec::new();
    for part in split(pattern)? {
        let Some(path) = part.strip_prefix('@') else {
            parts.push(part);
            continue;
        };
        if path.is_empty() {
            return Err(
                Error::input("`-l @` names no file").hint("the file's path stands behind the `@`: -l @hosts.retry")
            );
        }
        let source = Source::read(Path::new(path))?;
        files.push(path.to_owned());
        parts.extend(source.text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
    }
    if parts.is_empty() && !files.is_empty() {
        // As Ansible takes it; who limits hosts does not mean all of them.
        warnings.add(format!("there is no pattern in {}: no host is left out", files.join(", ")), "");
        return Ok((0..inventory.hosts.len()).collect());
    }
    evaluate(inventory, pattern, &parts, warnings)
}

fn evaluate(inventory: &Inventory, pattern: &str, parts: &[String], warnings: &mut Warnings) -> Result<Vec<usize>> {
    if parts.is_empty() {
        return Err(Error::input(format!("the pattern `{pattern}` has no part"))
            .hint("patterns are such as `masters`, `masters:!10.10.0.9` or `masters[0:2]`"));
    }
    // What only takes away takes away from all.
    let all = ["all".to_owned()];
    let mut firsts: Vec<&String> = parts.iter().filter(|part| !part.starts_with(['!', '&'])).collect();
    if firsts.is_empty() {
        firsts.extend(&all);
    }
    let mut chosen: Vec<usize> = Vec::new();
    let mut known: HashSet<usize> = HashSet::new();
    for part in firsts {
        let found = match inventory.host_index(part) {
            Some(host) => vec![host],
            None => one(inventory, part, warnings)?,
        };
        chosen.extend(found.into_iter().filter(|host| known.insert(*host)));
    }
    for sign in ['&', '!'] {
        for part in parts.iter().filter(|part| part.starts_with(sign)) {
            let found: HashSet<usize> = one(inventory, &part[1..], warnings)?.into_iter().collect();
            chosen.retain(|host| found.contains(host) == (sign == '&'));
        }
    }
    if chosen.is_empty() {
        let error = Error::input(format!("the pattern `{pattern}` leaves no host"));
        return Err(match warnings.all() {
            [] => error.hint("its parts exist, but what they have in common is empty"),
            warnings => {
                let names = inventory.group_names().chain(inventory.hosts.iter().map(|host| host.name.as_str()));
                let error = warnings.iter().fold(error, |error, warning| error.detail(warning.to_string()));
                let part = parts.first().map(String::as_str).unwrap_or_default();
                error.did_you_mean(part, names).hint("`zkmig inventory -i … --graph` shows what there is")
            }
        });
    }
    Ok(chosen)
}

/// The parts of a pattern. Commas part it; without one, it may be one name or address; else colons and spaces part it.
/// Brackets keep together what is in them: for colons those of ranges, in a `~` part all kinds of them.
fn split(pattern: &str) -> Result<Vec<String>> {
    let by_commas = cut(pattern, |c| c == ',', false)?;
    let parts = if by_commas.len() > 1 {
        by_commas
    } else if address::parse(pattern).is_some() {
        vec![pattern.to_owned()]
    } else {
        cut(pattern, |c| c == ':' || c.is_whitespace(), true)?
    };
    let parts: Vec<String> =
        parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    match parts.iter().find(|part| matches!(part.as_str(), "!" | "&" | "~" | "!~" | "&~")) {
        Some(part) => Err(Error::input(format!("the part `{part}` of the pattern `{pattern}` is empty"))
            .hint("patterns are such as `masters`, `masters:!10.10.0.9` or `masters[0:2]`")),
        None => Ok(parts),
    }
}

fn cut(pattern: &str, parts_it: impl Fn(char) -> bool, brackets: bool) -> Result<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    let mut escaped = false;
    for c in pattern.chars() {
        let Some(part) = parts.last_mut() else { break };
        let regex = part.trim_start().trim_start_matches(['!', '&']).starts_with('~');
        if depth == 0 && !escaped && parts_it(c) {
            parts.push(String::new());
            continue;
        }
        part.push(c);
        let opens = c == '[' && (brackets || regex) || regex && matches!(c, '(' | '{');
        let closes = c == ']' && (brackets || regex) || regex && matches!(c, ')' | '}');
        if !escaped && opens {
            depth += 1;
        } else if !escaped && closes {
            depth = depth.saturating_sub(1);
        }
        escaped = regex && c == '\\' && !escaped;
    }
    if depth > 0 && brackets {
        return Err(Error::input(format!("a bracket of the pattern `{pattern}` does not end"))
            .hint("patterns are such as `masters`, `masters:!10.10.0.9` or `masters[0:2]`"));
    }
    Ok(parts)
}

static SUBSCRIPT: LazyLock<Regex> = LazyLock::new(|| {
    #[allow(clippy::unwrap_used, reason = "the pattern is a constant, and a test uses it")]
    Regex::new(r"^(.+)\[(?:(-?[0-9]+)|([0-9]+)([:-])([0-9]*))\]$").unwrap()
});

/// The hosts of one part without its sign; some may come more than once.
fn one(inventory: &Inventory, part: &str, warnings: &mut Warnings) -> Result<Vec<usize>> {
    let part = part.trim();
    let found = if part.starts_with('~') { None } else { SUBSCRIPT.captures(part) };
    let Some(found) = found else { return matching(inventory, part, warnings) };
    let field = |index: usize| found.get(index).map(|field| field.as_str());
    let number =
        |text: &str| text.parse::<i64>().map_err(|_| Error::input(format!("the number in `{part}` is too large")));
    let hosts = matching(inventory, field(1).unwrap_or_default(), warnings)?;
    if hosts.is_empty() {
        return Ok(hosts);
    }
    let length = i64::try_from(hosts.len()).unwrap_or(i64::MAX);
    let (first, last) = match field(2) {
        Some(index) => (number(index)?, None),
        None => {
            let last = field(5).filter(|last| !last.is_empty()).map(number).transpose()?.unwrap_or(-1);
            // As Ansible has it: `[1:0]` is the host 1 alone.
            (number(field(3).unwrap_or_default())?, Some(last).filter(|last| *last != 0))
        }
    };
    if field(4) == Some("-") {
        warnings.add(format!("`{part}`: write `[x:y]`, both ends included, and not `[x-y]`"), "");
    }
    let Some(last) = last else {
        let at = if first < 0 { length + first } else { first };
        let host = usize::try_from(at).ok().and_then(|at| hosts.get(at)).copied();
        return host.map(|host| vec![host]).ok_or_else(|| {
            Error::input(format!("`{part}` names a host that is not there")).hint(format!("it has {length}, from 0 on"))
        });
    };
    let last = if last < 0 { length - 1 } else { last };
    let place = |at: i64| usize::try_from(at.clamp(0, length)).unwrap_or(0);
    Ok(hosts.get(place(first)..place(last.saturating_add(1))).unwrap_or_default().to_vec())
}

fn matching(inventory: &Inventory, pattern: &str, warnings: &mut Warnings) -> Result<Vec<usize>> {
    let wrong = |error: regex::Error| {
        Error::input(format!("`{pattern}` is not a pattern of names")).caused_by(error.to_string().replace('\n', " "))
    };
    let plain = !pattern.starts_with('~') && !pattern.contains(['*', '?', '[']);
    let regex = match pattern.strip_prefix('~') {
        _ if plain => None,
        Some(text) => Some(Regex::new(&format!("^(?:{text})")).map_err(wrong)?),
        None => Some(Regex::new(&glob(pattern)).map_err(wrong)?),
    };
    let fits = |name: &str| regex.as_ref().map_or(name == pattern, |regex| regex.is_match(name));
    let mut found = Vec::new();
    let mut is_group = false;
    for (index, _) in inventory.groups.iter().enumerate().filter(|(_, group)| fits(&group.name)) {
        is_group = true;
        found.extend(model::hosts_below(&inventory.groups, index));
    }
    if !is_group || !plain || pattern.contains('.') {
        found.extend(inventory.hosts.iter().enumerate().filter(|(_, host)| fits(&host.name)).map(|(index, _)| index));
    }
    if found.is_empty() && !is_group {
        if let Some(index) = inventory.localhost(pattern) {
            return Ok(vec![index]);
        }
        warnings.add(format!("the pattern `{pattern}` matches no host and no group"), "");
    }
    Ok(found)
}

/// A shell's pattern as a regular expression.
fn glob(pattern: &str) -> String {
    let mut text = String::from("^(?s:");
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        at += 1;
        match c {
            '*' => text.push_str(".*"),
            '?' => text.push('.'),
            '[' => {
                let negated = chars.get(at) == Some(&'!');
                let from = at + usize::from(negated);
                // A `]` at the beginning is one of the characters.
                let close = (from + 1..chars.len()).find(|end| chars.get(*end) == Some(&']'));
                match close {
                    Some(close) if chars.get(from) != Some(&']') || close > from => {
                        text.push_str(&class(chars.get(from..close).unwrap_or_default(), negated));
                        at = close + 1;
                    }
                    _ => text.push_str(r"\["),
                }
            }
            other => text.push_str(&regex::escape(&other.to_string())),
        }
    }
    text + ")$"
}

/// The characters of a bracket; a range whose ends are the wrong way round has none.
fn class(chars: &[char], negated: bool) -> String {
    let escaped = |c: char| format!("\\x{{{:x}}}", u32::from(c));
    let mut items = String::new();
    let mut at = 0;
    while let Some(first) = chars.get(at) {
        match (chars.get(at + 1), chars.get(at + 2)) {
            (Some('-'), Some(last)) => {
                if first <= last {
                    items.push_str(&format!("{}-{}", escaped(*first), escaped(*last)));
                }
                at += 3;
            }
            _ => {
                items.push_str(&escaped(*first));
                at += 1;
            }
        }
    }
    match (items.is_empty(), negated) {
        (true, true) => ".".to_owned(),
        (true, false) => "[^\\x{0}-\\x{10ffff}]".to_owned(),
        (false, _) => format!("[{}{items}]", if negated { "^" } else { "" }),
    }
}
