//! Inventories in INI: sections of hosts, of variables (`[web:vars]`) and of groups (`[web:children]`).

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::Value;

use super::super::model::Model;
use super::{add_host, expand, literal, words};
use crate::error::{Error, Result};
use crate::inventory::{Origin, Source, Variable};

fn regex(pattern: &str) -> Regex {
    #[allow(clippy::unwrap_used, reason = "the patterns are constants, and every inventory uses them")]
    Regex::new(pattern).unwrap()
}

static SECTION: LazyLock<Regex> = LazyLock::new(|| regex(r"^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$"));
static GROUP: LazyLock<Regex> = LazyLock::new(|| regex(r"^([^:\]\s]+)\s*(?:#.*)?$"));

/// What the lines of a section are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Hosts,
    Vars,
    Children,
}

/// A value, and how it was written where it is not a text as it stands.
type Held = (Value, Option<Arc<str>>);

/// A group that was used and not yet named by a section of its own.
struct Pending {
    name: String,
    /// A child of these groups; else only its variables were given.
    parents: Option<Vec<(String, Origin)>>,
    at: Range<usize>,
}

/// Adds what a file says.
pub fn read(model: &mut Model, source: &Source) -> Result<()> {
    let mut reader = Reader { model, source, pending: Vec::new() };
    let mut group = "ungrouped".to_owned();
    let mut state = State::Hosts;
    for (line, at) in lines(&source.text) {
        if line.is_empty() || line.starts_with([';', '#']) {
            continue;
        }
        if let Some(found) = SECTION.captures(line) {
            (group, state) = reader.section(&found, &at)?;
            continue;
        }
        if line.starts_with('[') && line.ends_with(']') {
            return Err(reader
                .error(&at, format!("`{line}` is no section"))
                .hint("a section is such as `[web]`, `[web:vars]` or `[web:children]`, without spaces"));
        }
        match state {
            State::Hosts => reader.hosts(&group, line, &at)?,
            State::Vars => reader.variable(&group, line, &at)?,
            State::Children => reader.child(&group, line, &at)?,
        }
    }
    if let Some(missing) = reader.pending.first() {
        let message = match &missing.parents {
            Some(parents) => {
                let parent = parents.last().map(|(name, _)| name.as_str()).unwrap_or_default();
                format!("`[{parent}:children]` names the group `{}`, which no section defines", missing.name)
            }
            None => format!("`[{0}:vars]` gives variables to the group `{0}`, which no section defines", missing.name),
        };
        return Err(reader
            .error(&missing.at, message)
            .did_you_mean(
                &missing.name,
                reader.model.groups.iter().map(|group| &*group.name).filter(|name| *name != missing.name),
            )
            .hint(format!("add `[{}]`, which may be empty", missing.name)));
    }
    Ok(())
}

/// The lines without the space around them, and where they stand.
fn lines(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    // What ends a line for Python.
    let ends =
        |c: char| matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
    text.split(ends).map(move |line| {
        let start = line.as_ptr() as usize - text.as_ptr() as usize;
        let trimmed = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\x1c'..='\x1f'));
        let from = start + (trimmed.as_ptr() as usize - line.as_ptr() as usize);
        (trimmed, from..from + trimmed.len())
    })
}

struct Reader<'a> {
    model: &'a mut Model,
    source: &'a Source,
    pending: Vec<Pending>,
}

impl Reader<'_> {
    fn error(&self, at: &Range<usize>, message: impl Into<String>) -> Error {
        Error::input(message).at(self.source.excerpt(at))
    }

    fn section(&mut self, found: &regex::Captures<'_>, at: &Range<usize>) -> Result<(String, State)> {
        let name = found.get(1).map(|name| name.as_str().to_owned()).unwrap_or_default();
        let state = match found.get(2).map(|kind| kind.as_str()) {
            None | Some("hosts") => State::Hosts,
            Some("vars") => State::Vars,
            Some("children") => State::Children,
            Some(kind) => {
                return Err(self
                    .error(at, format!("`[{name}:{kind}]` is no kind of section"))
                    .did_you_mean(kind, ["hosts", "vars", "children"])
                    .hint("there are `[web]`, `[web:vars]` and `[web:children]`"));
            }
        };
        let waits = self.pending.iter().any(|pending| pending.name == name);
        if self.model.group_index(&name).is_none() {
            if state == State::Vars && !waits {
                self.pending.push(Pending { name: name.clone(), parents: None, at: at.clone() });
            }
            self.model.group(&name);
        }
        if state != State::Vars {
            self.settle(&name)?;
        }
        Ok((name, state))
    }

    /// A group that was waited for is there: it goes below those that named it.
    fn settle(&mut self, name: &str) -> Result<()> {
        let Some(place) = self.pending.iter().position(|pending| pending.name == name) else { return Ok(()) };
        let settled = self.pending.remove(place);
        for (parent, origin) in settled.parents.into_iter().flatten() {
            let index = self.model.group(&parent);
            self.model.add_child(index, name, &origin)?;
            if self.pending.iter().any(|pending| pending.name == parent && pending.parents.is_some()) {
                self.settle(&parent)?;
            }
        }
        Ok(())
    }

    fn hosts(&mut self, group: &str, line: &str, at: &Range<usize>) -> Result<()> {
        let words = words::split(line).map_err(|message| self.error(at, message))?;
        let mut words = words.into_iter();
        let entry = words.next().unwrap_or_default();
        let origin = Origin::new(format!("host {entry}"), self.source, at.clone());
        let (names, port) = expand(&entry, &origin)?;
        if entry.trim_end().ends_with(':') && port.is_none() {
            return Err(self
                .error(at, format!("`{entry}` ends with `:`, behind which a port is missing"))
                .hint("this looks like YAML: give the file the ending .yaml or .yml"));
        }
        if names.iter().any(|name| name.trim() == "---") {
            return Err(self
                .error(at, "`---` is no host")
                .hint("this looks like YAML: give the file the ending .yaml or .yml"));
        }
        let mut variables: Vec<(Arc<str>, Held)> = Vec::new();
        for word in words {
            let Some((name, value)) = word.split_once('=') else {
                return Err(self
                    .error(at, format!("`{word}` is no variable of the host: `name=value` is meant"))
                    .hint("a value with spaces has to be in quotes; each host has a line of its own"));
            };
            let value = self.value(value, at)?;
            let name: Arc<str> = name.into();
            match variables.iter_mut().find(|(known, ..)| *known == name) {
                Some(known) => *known = (name, value),
                None => variables.push((name, value)),
            }
        }
        let index = self.model.group(group);
        for name in names {
            let owner: Arc<str> = format!("host {name}").into();
            let origin = Origin { owner, ..origin.clone() };
            add_host(self.model, &name, index, port, &origin)?;
            for (key, (value, written)) in &variables {
                let variable = Variable { written: written.clone(), ..Variable::made(value.clone(), origin.clone()) };
                self.model.set(&name, Arc::clone(key), variable)?;
            }
        }
        Ok(())
    }

    fn variable(&mut self, group: &str, line: &str, at: &Range<usize>) -> Result<()> {
        let Some((name, value)) = line.split_once('=') else {
            return Err(self.error(at, format!("`{line}` is no variable: `name=value` is meant")));
        };
        let (value, written) = self.value(value.trim(), at)?;
        let origin = Origin::new(format!("group {group}"), self.source, at.clone());
        self.model.set(group, name.trim().into(), Variable { written, ..Variable::made(value, origin) })
    }

    /// A value, and how it was written where it is not a text as it stands.
    fn value(&mut self, text: &str, at: &Range<usize>) -> Result<Held> {
        match literal::read(text) {
            Ok(Some(Value::String(value))) => Ok((Value::String(value), None)),
            Ok(Some(value)) => Ok((value, Some(text.into()))),
            Ok(None) => Ok((Value::String(text.to_owned()), None)),
            Err(message) => Err(self.error(at, format!("a value can't be held: {message}"))),
        }
    }

    fn child(&mut self, group: &str, line: &str, at: &Range<usize>) -> Result<()> {
        let Some(name) = GROUP.captures(line).and_then(|found| found.get(1)).map(|name| name.as_str()) else {
            return Err(self
                .error(at, format!("`{line}` is no name of a group"))
                .hint("each group has a line of its own"));
        };
        let origin = Origin::new(format!("group {group}"), self.source, at.clone());
        if self.model.group_index(name).is_some() {
            let index = self.model.group(group);
            return self.model.add_child(index, name, &origin);
        }
        let parent = (group.to_owned(), origin);
        match self.pending.iter_mut().find(|pending| pending.name == name) {
            Some(pending) => pending.parents.get_or_insert_default().push(parent),
            None => {
                self.pending.push(Pending { name: name.to_owned(), parents: Some(vec![parent]), at: at.clone() });
            }
        }
        Ok(())
    }
}
