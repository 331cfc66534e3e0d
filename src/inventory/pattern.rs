//! Ansible's host patterns: `masters`, `a:b`, `a:!b`, `a:&b`, `10.10.0.*`, `~regex`, `masters[0:2]`.

use std::collections::BTreeSet;

use regex::Regex;

use super::Inventory;
use crate::error::{Error, Result};

/// The indexes of the hosts that a pattern selects, in the inventory's order.
pub fn select(inventory: &Inventory, pattern: &str) -> Result<BTreeSet<usize>> {
    let terms = split(pattern)?;
    let (mut chosen, mut required, mut excluded) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
    let mut names_any = false;
    for term in &terms {
        match term.strip_prefix(['!', '&']) {
            Some(rest) if term.starts_with('!') => excluded.extend(one(inventory, rest)?),
            Some(rest) => required.push(one(inventory, rest)?.into_iter().collect::<BTreeSet<usize>>()),
            None => {
                names_any = true;
                chosen.extend(one(inventory, term)?);
            }
        }
    }
    if !names_any {
        // Ansible reads `!b` alone as all but b.
        chosen.extend(0..inventory.hosts.len());
    }
    chosen.retain(|host| required.iter().all(|hosts| hosts.contains(host)) && !excluded.contains(host));
    if chosen.is_empty() {
        return Err(Error::input(format!("the pattern `{pattern}` leaves no host"))
            .hint("its parts exist, but what they have in common is empty"));
    }
    Ok(chosen)
}

/// The terms of a pattern: separated by `:` or `,` outside brackets.
fn split(pattern: &str) -> Result<Vec<String>> {
    let mut terms = vec![String::new()];
    let mut depth = 0_usize;
    for c in pattern.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ':' | ',' if depth == 0 => {
                terms.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = terms.last_mut() {
            last.push(c);
        }
    }
    let terms: Vec<String> = terms.into_iter().map(|term| term.trim().to_owned()).collect();
    if terms.iter().any(|term| term.is_empty() || term == "!" || term == "&") {
        return Err(Error::input(format!("the pattern `{pattern}` has an empty part"))
            .hint("patterns are such as `masters`, `masters:!10.10.0.9` or `masters[0:2]`"));
    }
    Ok(terms)
}

/// The hosts of one term without its sign.
fn one(inventory: &Inventory, term: &str) -> Result<Vec<usize>> {
    if let Some(index) = inventory.host_index(term) {
        return Ok(vec![index]);
    }
    if let Some(text) = term.strip_prefix('~') {
        let regex = Regex::new(&format!("^(?:{text})"))
            .map_err(|error| Error::input(format!("`{text}` is not a regular expression")).caused_by(error))?;
        return matching(inventory, term, |name| regex.is_match(name));
    }
    let (name, slice) = subscript(term)?;
    let hosts = if name == "all" || name == "*" {
        (0..inventory.hosts.len()).collect()
    } else if let Some(hosts) = inventory.group_hosts(name) {
        hosts
    } else if let Some(index) = inventory.host_index(name) {
        vec![index]
    } else if name.contains(['*', '?', '[']) {
        let regex = glob(name).ok_or_else(|| Error::input(format!("`{name}` is not a pattern")))?;
        matching(inventory, name, |name| regex.is_match(name))?
    } else {
        return Err(nothing(inventory, name));
    };
    let Some((first, last)) = slice else { return Ok(hosts) };
    let place = |index: i64| {
        let length = i64::try_from(hosts.len()).unwrap_or(i64::MAX);
        if index < 0 { length + index } else { index }
    };
    // Ansible counts both ends in.
    let (first, last) = (place(first), place(last));
    let taken: Vec<usize> = hosts
        .iter()
        .enumerate()
        .filter(|(at, _)| i64::try_from(*at).is_ok_and(|at| at >= first && at <= last))
        .map(|(_, host)| *host)
        .collect();
    if taken.is_empty() {
        return Err(Error::input(format!("`{term}` takes none of the {} hosts of `{name}`", hosts.len()))
            .hint("the first host has number 0"));
    }
    Ok(taken)
}

fn matching(inventory: &Inventory, term: &str, fits: impl Fn(&str) -> bool) -> Result<Vec<usize>> {
    let mut found: BTreeSet<usize> =
        inventory.hosts.iter().enumerate().filter(|(_, host)| fits(&host.name)).map(|(index, _)| index).collect();
    for group in inventory.group_names().filter(|name| fits(name)) {
        found.extend(inventory.group_hosts(group).unwrap_or_default());
    }
    if found.is_empty() { Err(nothing(inventory, term)) } else { Ok(found.into_iter().collect()) }
}

fn nothing(inventory: &Inventory, term: &str) -> Error {
    let names = inventory.group_names().chain(inventory.hosts.iter().map(|host| host.name.as_str()));
    Error::input(format!("`{term}` matches no host and no group of the inventory"))
        .did_you_mean(term, names)
        .hint("`zkmig inventory -i … --graph` shows what there is")
}

/// A term's name and the numbers in brackets behind it.
fn subscript(term: &str) -> Result<(&str, Option<(i64, i64)>)> {
    let Some((name, rest)) = term.strip_suffix(']').and_then(|term| term.rsplit_once('[')) else {
        return Ok((term, None));
    };
    let numeric = !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == ':' || c == '-');
    if name.is_empty() || !numeric {
        return Ok((term, None));
    }
    let wrong =
        || Error::input(format!("`[{rest}]` does not choose hosts")).hint("write `[0]`, `[-1]`, `[0:2]` or `[1:]`");
    let number =
        |text: &str, missing: i64| if text.is_empty() { Ok(missing) } else { text.parse::<i64>().map_err(|_| wrong()) };
    match rest.split_once(':') {
        Some((first, last)) => Ok((name, Some((number(first, 0)?, number(last, -1)?)))),
        None => {
            let index = rest.parse::<i64>().map_err(|_| wrong())?;
            Ok((name, Some((index, index))))
        }
    }
}

fn glob(pattern: &str) -> Option<Regex> {
    let mut text = String::from("^");
    for c in pattern.chars() {
        match c {
            '*' => text.push_str(".*"),
            '?' => text.push('.'),
            '[' | ']' => text.push(c),
            other => text.push_str(&regex::escape(&other.to_string())),
        }
    }
    text.push('$');
    Regex::new(&text).ok()
}
