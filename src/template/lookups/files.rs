//! Lookups of this machine's files and programs.

use std::path::{Path, PathBuf};

use super::super::fault::{Fault, R};
use super::super::interp::Interp;
use super::super::python;
use super::super::value::Value;
use super::{Lookup, Terms};

pub const LOOKUPS: [Lookup; 8] = [
    Lookup { name: "file", options: &["lstrip", "rstrip"], markers: false, run: file },
    Lookup { name: "fileglob", options: &[], markers: false, run: fileglob },
    Lookup { name: "first_found", options: &["files", "paths", "skip"], markers: false, run: first_found },
    Lookup { name: "template", options: TEMPLATE, markers: false, run: template },
    Lookup { name: "pipe", options: &[], markers: false, run: pipe },
    Lookup {
        name: "password",
        options: &["length", "chars", "encrypt", "ident", "seed"],
        markers: false,
        run: password,
    },
    Lookup {
        name: "ini",
        options: &["type", "file", "section", "re", "encoding", "default", "case_sensitive", "allow_no_value"],
        markers: false,
        run: ini,
    },
    Lookup {
        name: "csvfile",
        options: &["col", "default", "delimiter", "file", "encoding", "keycol"],
        markers: false,
        run: csvfile,
    },
];

const TEMPLATE: &[&str] = &[
    "convert_data",
    "template_vars",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
    "trim_blocks",
    "lstrip_blocks",
];

/// Where a lookup looks for a file, as [`Interp::bases`] has it; in each a folder of its own comes first.
fn find(interp: &Interp, kind: &str, name: &str) -> Option<PathBuf> {
    if name.starts_with('/') {
        return Some(PathBuf::from(name)).filter(|path| path.exists());
    }
    let mut places = interp.bases().into_iter().flat_map(|folder| [folder.join(kind).join(name), folder.join(name)]);
    places.find(|path| path.exists())
}

fn read(path: &Path) -> R<String> {
    std::fs::read_to_string(path).map_err(|error| Fault::new(format!("can't read {}: {error}", path.display())))
}

fn needed(interp: &Interp, kind: &str, term: &Value) -> R<PathBuf> {
    let name = python::text(term.check()?)?;
    find(interp, kind, &name).ok_or_else(|| {
        Fault::new(format!("there is no file '{name}'"))
            .hint(format!("it is looked for in `{kind}/` and beside the template and the playbook"))
    })
}

fn file(interp: &Interp, terms: &Terms) -> R<Vec<Value>> {
    let (left, right) = (terms.is("lstrip", false)?, terms.is("rstrip", true)?);
    let one = |term: &Value| {
        let mut text = read(&needed(interp, "files", term)?)?;
        if left {
            text = text.trim_start().to_owned();
        }
        Ok(Value::str(if right { text.trim_end() } else { &text }))
    };
    terms.terms.iter().map(one).collect()
}

fn fileglob(interp: &Interp, terms: &Terms) -> R<Vec<Value>> {
    let mut out = Vec::new();
    for term in &terms.terms {
        let pattern = python::text(term)?;
        let patterns = if pattern.starts_with('/') {
            vec![pattern]
        } else {
            let bases = interp.bases();
            bases
                .iter()
                .flat_map(|folder| [folder.join("files").join(&pattern), folder.join(&pattern)])
                .map(|path| path.display().to_string())
                .collect()
        };
        for pattern in patterns {
            let found = super::super::glob::files(&pattern)?;
            if !found.is_empty() {
                out.extend(found.iter().map(Value::str));
                break;
            }
        }
    }
    Ok(out)
}

fn first_found(interp: &Interp, terms: &Terms) -> R<Vec<Value>> {
    let mut skip = terms.is("skip", false)?;
    let mut names: Vec<String> = Vec::new();
    let parts = |value: &Value| -> R<Vec<String>> {
        match value {
            Value::Str(text) => Ok(text
                .split([',', ';', ':'])
                .map(|part| part.trim().to_owned())
                .filter(|part| !part.is_empty())
                .collect()),
            other => other.iterate()?.iter().map(python::text).collect(),
        }
    };
    let add = |names: &mut Vec<String>, files: &[String], paths: &[String]| {
        if paths.is_empty() {
            names.extend(files.iter().cloned());
        }
        for path in paths {
            names.extend(files.iter().map(|file| format!("{}/{file}", path.trim_end_matches('/'))));
        }
    };
    let option = |name: &str| terms.option(name).map_or_else(|| Ok(Vec::new()), parts);
    let paths = option("paths")?;
    add(&mut names, &option("files")?, &paths);
    let mut waiting: Vec<Value> = terms.terms.clone();
    waiting.reverse();
    while let Some(term) = waiting.pop() {
        match super::super::filters::mapping(&term)? {
            Some(_) => {
                let part = |name: &str| term.field(name)?.map_or_else(|| Ok(Vec::new()), |value| parts(&value));
                add(&mut names, &part("files")?, &part("paths")?);
                if let Some(own) = term.field("skip")? {
                    skip |= super::super::filters::to_bool(&own)?;
                }
            }
            None if term.is_sequence() => waiting.extend(term.iterate()?.into_iter().rev()),
            None => add(&mut names, &[python::text(term.check()?)?], &paths),
        }
    }
    for name in &names {
        let kinds = ["templates", "files", "vars"];
        if let Some(path) = kinds.iter().find_map(|kind| find(interp, kind, name)) {
            return Ok(vec![Value::str(path.display().to_string())]);
        }
    }
    if skip {
        return Ok(Vec::new());
    }
    Err(Fault::new("No file was found when using first_found.").hint(format!("looked for {}", names.join(", "))))
}

fn template(interp: &Interp, terms: &Terms) -> R<Vec<Value>> {
    let mut out = Vec::new();
    for term in &terms.terms {
        let path = needed(interp, "templates", term)?;
        let text = super::super::engine::normal(&read(&path)?);
        let mut options = super::super::syntax::Options::default();
        for (name, value) in &terms.named.named {
            if !matches!(&**name, "convert_data" | "template_vars") {
                options.set(name, &super::super::json::from_value(value)?)?;
            }
        }
        let mut inner = Interp::new(options, interp.settings.clone(), interp.host.clone());
        inner.folder = path.parent().map(Path::to_owned);
        inner.names = interp.names.clone();
        inner.depth = interp.depth.clone();
        if let Some(vars) = terms.option("template_vars") {
            for (key, value) in super::super::filters::mapping(vars)?.unwrap_or_default() {
                inner.names.insert(python::text(&key.0)?, value);
            }
        }
        out.push(Value::str(super::super::render::rendered(&path.display().to_string(), &text, inner)?));
    }
    Ok(out)
}

/// What is said where a template wants to run a program and may not.
pub fn no_programs() -> Box<Fault> {
    Fault::new("programs of this machine are not run from templates and inventories unless you allow it").hint(
        "allow it with `allow_pipe = true` in zkmig.toml or ZKMIG_ALLOW_PIPE=true, or compute the value in the playbook",
    )
}

fn pipe(interp: &Interp, terms: &Terms) -> R<Vec<Value>> {
    if !interp.settings.pipe {
        return Err(no_programs());
    }
    let one = |term: &Value| {
        let command = python::text(term)?;
        let mut program = std::process::Command::new("/bin/sh");
        program.arg("-c").arg(&command).stdin(std::process::Stdio::null());
        // A playbook that is named without a folder is in the current one.
        if let Some(folder) = interp.settings.playbook_dir.as_ref().filter(|folder| !folder.as_os_str().is_empty()) {
            program.current_dir(folder);
        }
        let done = program.output().map_err(|error| Fault::new(format!("can't run {command}: {error}")))?;
        if !done.status.success() {
            let why = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            return Err(Fault::new(format!("{command} ended with {}: {why}", done.status)));
        }
        Ok(Value::str(String::from_utf8_lossy(&done.stdout).trim_end()))
    };
    terms.terms.iter().map(one).collect()
}

/// The characters that a list of names stands for.
fn alphabet(names: &[String]) -> String {
    let lower: String = ('a'..='z').collect();
    let upper: String = ('A'..='Z').collect();
    let known = |name: &str| match name {
        "ascii_letters" => format!("{lower}{upper}"),
        "ascii_lowercase" => lower.clone(),
        "ascii_uppercase" => upper.clone(),
        "digits" => "0123456789".into(),
        "hexdigits" => "0123456789abcdefABCDEF".into(),
        "octdigits" => "01234567".into(),
        "punctuation" => "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".into(),
        other => other.to_owned(),
    };
    let all: String = names.iter().map(|name| known(name)).collect();
    let mut seen = std::collections::HashSet::new();
    all.chars().filter(|c| !matches!(c, '"' | '\'') && seen.insert(*c)).collect()
}

fn password(interp: &Interp, terms: &Terms) -> R<Vec<Value>> {
    let one = |term: &Value| {
        let term = python::text(term)?;
        let mut path = term.as_str();
        let mut settings: Vec<(String, String)> = Vec::new();
        if let Some((name, rest)) = term.split_once(' ') {
            path = name;
            for word in rest.split_whitespace() {
                let (name, value) =
                    word.split_once('=').ok_or_else(|| Fault::new(format!("`{word}` is not NAME=VALUE")))?;
                settings.push((name.to_owned(), value.to_owned()));
            }
        }
        let setting = |name: &str| settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let length = match (setting("length"), terms.option("length")) {
            (Some(length), _) => super::super::filters::text::parse_int(&length, 10),
            (None, Some(length)) => length.as_int(),
            (None, None) => Some(20),
        };
        let length =
            length.and_then(|length| usize::try_from(length).ok()).filter(|length| (1..=4096).contains(length));
        let length = length.ok_or_else(|| Fault::new("a password's length is a number of 1 or more"))?;
        if setting("encrypt").is_some() || terms.option("encrypt").is_some_and(|encrypt| !encrypt.is_none()) {
            return Err(Fault::new("the option `encrypt` of this lookup is not supported here")
                .hint("use the filter password_hash with a salt"));
        }
        let given = terms.option("chars").and_then(Value::as_str).map(str::to_owned);
        let names: Vec<String> = match (setting("chars").or(given), terms.option("chars")) {
            (Some(chars), _) => {
                chars.replace(",,", ",\u{0}").split(',').map(|part| part.replace('\u{0}', ",")).collect()
            }
            (None, Some(chars)) if !chars.is_none() => chars.iterate()?.iter().map(python::text).collect::<R<_>>()?,
            _ => ["ascii_letters", "digits", ".,:-_"].map(str::to_owned).to_vec(),
        };
        let letters: Vec<char> = alphabet(&names).chars().collect();
        if letters.is_empty() {
            return Err(Fault::new("there are no characters to make a password of"));
        }
        let file = if path.starts_with('/') {
            PathBuf::from(path)
        } else {
            interp.settings.playbook_dir.clone().unwrap_or_else(|| ".".into()).join(path)
        };
        let keeps = path != "/dev/null";
        if keeps && let Ok(known) = std::fs::read_to_string(&file) {
            let known = known.trim_end_matches('\n');
            return Ok(Value::str(known.split_once(" salt=").map_or(known, |(password, _)| password)));
        }
        let seed = setting("seed").map(Value::str).or_else(|| terms.option("seed").cloned());
        let mut chance = super::super::chance::Chance::new(seed.as_ref())?;
        let made: String = (0..length).map(|_| Ok(letters[chance.index(letters.len())?])).collect::<R<_>>()?;
        if keeps {
            keep(&file, &made).map_err(|error| Fault::new(format!("can't write {}: {error}", file.display())))?;
        }
        Ok(Value::str(made))
    };
    terms.terms.iter().map(one).collect()
}

/// Writes a new password's file, which only its owner can read.
fn keep(file: &Path, password: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(folder) = file.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(format!("{password}\n").as_bytes())
}

fn ini(interp: &Interp, terms: &Terms) -> R<Vec<Value>> {
    let mut out = Vec::new();
    for term in &terms.terms {
        let term = python::text(term)?;
        let mut words = term.split_whitespace();
        let key = words.next().unwrap_or_default();
        let mut settings = Vec::new();
        for word in words {
            let (name, value) =
                word.split_once('=').ok_or_else(|| Fault::new(format!("`{word}` is not NAME=VALUE")))?;
            settings.push((name.to_owned(), value.to_owned()));
        }
        let setting = |name: &str, default: &str| match settings.iter().find(|(known, _)| known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => terms.text(name, default),
        };
        if terms.is("re", false)? || setting("re", "")?.to_lowercase() == "true" {
            return Err(Fault::new("the option `re` of this lookup is not supported here"));
        }
        let path = needed(interp, "files", &Value::str(setting("file", "ansible.ini")?))?;
        let properties = setting("type", "ini")? == "properties";
        let section = if properties { "java_properties".to_owned() } else { setting("section", "global")? };
        let fold = !terms.is("case_sensitive", false)?;
        let values = ini_values(&read(&path)?, properties.then_some(section.as_str()), fold);
        let key = if fold { key.to_lowercase() } else { key.to_owned() };
        let in_section =
            |wanted: &str| values.iter().rev().find(|(section, known, _)| section == wanted && *known == key);
        let default = setting("default", "")?;
        let value = in_section(&section).or_else(|| in_section("DEFAULT")).map_or(&default, |(_, _, value)| value);
        out.push(Value::str(value));
    }
    Ok(out)
}

/// Sections, keys and values of an INI file.
fn ini_values(text: &str, section: Option<&str>, fold: bool) -> Vec<(String, String, String)> {
    let mut values: Vec<(String, String, String)> = Vec::new();
    let mut current = section.unwrap_or_default().to_owned();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut current);
        } else if line.starts_with([' ', '\t']) && !values.is_empty() {
            if let Some((_, _, value)) = values.last_mut() {
                value.push('\n');
                value.push_str(trimmed);
            }
        } else if let Some((key, value)) = trimmed.split_once(['=', ':']) {
            let key = key.trim();
            let key = if fold { key.to_lowercase() } else { key.to_owned() };
            values.push((current.clone(), key, value.trim().to_owned()));
        }
    }
    values
}

fn csvfile(interp: &Interp, terms: &Terms) -> R<Vec<Value>> {
    let mut out = Vec::new();
    for term in &terms.terms {
        let term = python::text(term)?;
        let mut words = term.split_whitespace();
        let key = words.next().unwrap_or_default().to_owned();
        let mut settings = Vec::new();
        for word in words {
            let (name, value) =
                word.split_once('=').ok_or_else(|| Fault::new(format!("`{word}` is not NAME=VALUE")))?;
            settings.push((name.to_owned(), value.to_owned()));
        }
        let setting = |name: &str, default: &str| match settings.iter().find(|(known, _)| known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => terms.text(name, default),
        };
        let delimiter = setting("delimiter", "TAB")?;
        let delimiter = if delimiter == "TAB" { '\t' } else { delimiter.chars().next().unwrap_or(',') };
        let column = |name: &str, default: &str| -> R<usize> {
            setting(name, default)?.parse().map_err(|_| Fault::new(format!("{name} is a column's number")))
        };
        let (col, keycol) = (column("col", "1")?, column("keycol", "0")?);
        let path = needed(interp, "files", &Value::str(setting("file", "ansible.csv")?))?;
        let row = rows(&read(&path)?, delimiter).into_iter().find(|row| row.get(keycol) == Some(&key));
        match row.and_then(|row| row.get(col).cloned()) {
            Some(value) => out.push(Value::str(value)),
            None => {
                let default = setting("default", "")?;
                if !default.is_empty() {
                    out.push(Value::str(default));
                }
            }
        }
    }
    Ok(out)
}

fn rows(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let (mut row, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            c if c == delimiter && !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}
