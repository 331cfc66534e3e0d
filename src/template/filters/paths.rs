//! The filters of paths and URLs.

use std::path::Path;

use super::super::fault::{Fault, R};
use super::super::machine;
use super::super::url;
use super::super::value::{Value, fields};
use super::{Bound, Filter, filter};

pub const FILTERS: [Filter; 15] = [
    filter(&["basename"], "path", |_, a| Ok(Value::str(split(&a.string(0)?).1))),
    filter(&["dirname"], "path", |_, a| Ok(Value::str(split(&a.string(0)?).0))),
    filter(&["splitext"], "path", |_, a| {
        let path = a.string(0)?;
        let name_from = path.rfind('/').map_or(0, |at| at + 1);
        let name = &path[name_from..];
        let dots = name.len() - name.trim_start_matches('.').len();
        let at = name[dots..].rfind('.').map_or(path.len(), |at| name_from + dots + at);
        Ok(Value::tuple(vec![Value::str(&path[..at]), Value::str(&path[at..])]))
    }),
    filter(&["realpath"], "path", |_, a| real(&a.string(0)?).map(Value::str)),
    filter(&["normpath"], "path", |_, a| Ok(Value::str(normal(&a.string(0)?)))),
    filter(&["relpath"], "path start=", |_, a| {
        let (path, start) = (absolute(&a.string(0)?), absolute(&a.text_or(1, ".")?));
        let parts = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        let (path, start) = (parts(&path), parts(&start));
        let same = path.iter().zip(&start).take_while(|(a, b)| a == b).count();
        let mut out: Vec<&str> = vec![".."; start.len() - same];
        out.extend(path[same..].iter().map(String::as_str));
        Ok(Value::str(if out.is_empty() { ".".to_owned() } else { out.join("/") }))
    }),
    filter(&["expanduser"], "path", |_, a| {
        let path = a.string(0)?;
        let Some(rest) = path.strip_prefix('~') else { return Ok(Value::Str(path)) };
        let (user, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let home = if user.is_empty() { std::env::var("HOME").ok() } else { machine::home_of(user) };
        Ok(Value::str(home.map_or_else(|| path.to_string(), |home| format!("{}{after}", home.trim_end_matches('/')))))
    }),
    filter(&["expandvars"], "path", |_, a| expandvars(&a.string(0)?).map(Value::str)),
    filter(&["path_join"], "paths", |_, a| {
        let paths = match a.value(0) {
            Value::Str(path) => return Ok(Value::Str(path)),
            paths if paths.is_sequence() => paths.iterate()?,
            other => {
                let what = other.type_name();
                return Err(Fault::new(format!("|path_join expects string or sequence, got '{what}' instead.")));
            }
        };
        let mut out = String::new();
        for path in &paths {
            let Value::Str(path) = path.check()? else {
                return Err(Fault::new(format!("a path is a text, not a value of type '{}'", path.type_name())));
            };
            if path.starts_with('/') || out.is_empty() {
                out = path.to_string();
            } else {
                if !out.ends_with('/') {
                    out.push('/');
                }
                out.push_str(path);
            }
        }
        Ok(Value::str(out))
    }),
    filter(&["commonpath"], "paths", |_, a| commonpath(a)),
    filter(&["fileglob"], "pathname", |_, a| {
        let found = super::super::glob::files(&a.string(0)?)?;
        Ok(Value::texts(found))
    }),
    filter(&["win_basename"], "path", |_, a| {
        let path = a.string(0)?;
        Ok(Value::str(path.rsplit(['\\', '/']).next().unwrap_or_default()))
    }),
    filter(&["urlsplit"], "value query= alias=", urlsplit),
    filter(&["urldecode"], "value", |_, a| Ok(Value::str(decoded(&a.string(0)?)))),
    filter(&["quote"], "value", |_, a| {
        let text = if a.value(0).is_none() { String::new() } else { a.text(0)? };
        let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
        Ok(Value::str(match text.as_str() {
            "" => "''".to_owned(),
            plain if plain.chars().all(safe) => plain.to_owned(),
            other => format!("'{}'", other.replace('\'', "'\"'\"'")),
        }))
    }),
];

fn split(path: &str) -> (&str, &str) {
    let at = path.rfind('/').map_or(0, |at| at + 1);
    let (head, tail) = path.split_at(at);
    let bare = head.trim_end_matches('/');
    (if bare.is_empty() { head } else { bare }, tail)
}

fn absolute(path: &str) -> String {
    let here = std::env::current_dir().map_or_else(|_| "/".to_owned(), |path| path.display().to_string());
    normal(&if path.starts_with('/') { path.to_owned() } else { format!("{here}/{path}") })
}

/// Python's `os.path.normpath`.
fn normal(path: &str) -> String {
    if path.is_empty() {
        return ".".into();
    }
    let root = match (path.starts_with("//") && !path.starts_with("///"), path.starts_with('/')) {
        (true, _) => "//",
        (_, true) => "/",
        _ => "",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match (part, parts.last()) {
            ("..", Some(last)) if *last != ".." => {
                parts.pop();
            }
            ("..", _) if !root.is_empty() => {}
            (part, _) => parts.push(part),
        }
    }
    let out = format!("{root}{}", parts.join("/"));
    if out.is_empty() { ".".into() } else { out }
}

/// The path with its links followed, as far as it is there.
fn real(path: &str) -> R<String> {
    let path = absolute(path);
    let mut rest = Path::new(&path).to_owned();
    let mut missing: Vec<String> = Vec::new();
    loop {
        if let Ok(real) = rest.canonicalize() {
            let tail: Vec<String> = missing.into_iter().rev().collect();
            let real = real.display().to_string();
            return Ok(if tail.is_empty() {
                real
            } else {
                format!("{}/{}", real.trim_end_matches('/'), tail.join("/"))
            });
        }
        match (rest.file_name().map(|name| name.to_string_lossy().into_owned()), rest.parent().map(Path::to_owned)) {
            (Some(name), Some(parent)) => {
                missing.push(name);
                rest = parent;
            }
            _ => return Ok(path),
        }
    }
}

fn expandvars(text: &str) -> R<String> {
    let pattern = super::super::regex::Pattern::new(r"\$(\w+|\{[^}]*\})", super::super::regex::Flags::default())?;
    let mut out = String::new();
    let mut last = 0;
    for groups in pattern.all(text)? {
        let (start, end) = groups[0].unwrap_or((last, last));
        out.push_str(&text[last..start]);
        let name = super::super::regex::taken(text, groups[1]).trim_matches(['{', '}']);
        match std::env::var(name) {
            Ok(value) => out.push_str(&value),
            Err(_) => out.push_str(&text[start..end]),
        }
        last = end;
    }
    out.push_str(&text[last..]);
    Ok(out)
}

fn commonpath(a: &Bound) -> R<Value> {
    let wrong = |value: &Value| Fault::new(format!("it takes a list of paths, not '{}'", value.type_name()));
    if !a.value(0).is_sequence() {
        return Err(wrong(&a.value(0)));
    }
    let path = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| wrong(value));
    let paths = a.items(0)?.iter().map(path).collect::<R<Vec<String>>>()?;
    let Some(first) = paths.first() else { return Err(Fault::new("commonpath() arg is an empty sequence")) };
    let root = first.starts_with('/');
    if paths.iter().any(|path| path.starts_with('/') != root) {
        return Err(Fault::new("Can't mix absolute and relative paths"));
    }
    let parts = |path: &str| {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect::<Vec<_>>()
    };
    let mut common = parts(first);
    for path in &paths[1..] {
        let same = common.iter().zip(parts(path)).take_while(|(a, b)| *a == b).count();
        common.truncate(same);
    }
    Ok(Value::str(format!("{}{}", if root { "/" } else { "" }, common.join("/"))))
}

fn urlsplit(_: &super::Interp, a: &Bound) -> R<Value> {
    let parts = url::split(&a.string(0)?);
    let (user, host) =
        parts.netloc.rsplit_once('@').map_or((None, parts.netloc.as_str()), |(user, host)| (Some(user), host));
    let (name, password) =
        match user.map(|user| user.split_once(':').map_or((user, None), |(name, word)| (name, Some(word)))) {
            Some((name, word)) => (Some(name), word),
            None => (None, None),
        };
    let (host, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, after)) => (address, after.strip_prefix(':')),
        None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
    };
    let port = match port.filter(|port| !port.is_empty()) {
        None => Value::None,
        Some(port) => match port.parse::<u16>() {
            Ok(port) => Value::Int(port.into()),
            Err(_) => return Err(Fault::new(format!("Port could not be cast to integer value as '{port}'"))),
        },
    };
    let text = |text: Option<&str>| text.map_or(Value::None, Value::str);
    let all = fields([
        ("fragment", Value::str(&parts.fragment)),
        ("hostname", if host.is_empty() { Value::None } else { Value::str(host.to_lowercase()) }),
        ("netloc", Value::str(&parts.netloc)),
        ("password", text(password)),
        ("path", Value::str(&parts.path)),
        ("port", port),
        ("query", Value::str(&parts.query)),
        ("scheme", Value::str(&parts.scheme)),
        ("username", text(name)),
    ]);
    match a.text_or(1, "")?.as_str() {
        "" => Ok(all),
        query => all.field(query)?.ok_or_else(|| Fault::new(format!("urlsplit: unknown URL component: {query}"))),
    }
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut out = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
