//! A template file as `ansible.builtin.template` renders it.

use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use super::engine::{normal, run};
use super::fault::{Fault, R, Source};
use super::interp::Interp;
use super::lower::{self, syntax};
use super::python;
use super::scope::{HostScope, trailing};
use super::settings::Settings;
use super::syntax::Options;
use super::time::Time;
use super::value::{Key, Map, Value};
use crate::error::{Error, Result};

/// Renders a template's text. `path` is its file, as the user would type it: errors point into it, and what it includes
/// is looked up in its folder. `target` is the file on the host that it becomes.
pub fn text(
    (path, target): (&str, Option<&str>),
    text: &str,
    options: &Options,
    settings: Arc<Settings>,
    host: Option<Rc<HostScope>>,
) -> Result<String> {
    let mut interp = Interp::new(options.clone(), settings, host);
    interp.folder = Some(folder(path));
    interp.names = about(path, &interp).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    interp.names.extend(target.map(|target| ("template_destpath".to_owned(), Value::str(target))));
    let host = interp.host.clone();
    rendered(path, text, interp).map_err(|fault| told(*fault, path, host.as_deref()))
}

/// As [`text`], for a template that a lookup renders.
pub fn rendered(path: &str, text: &str, mut interp: Interp) -> R<String> {
    // What can't be a template is copied as it is, with its line ends.
    if !interp.options.may_be_template(text) {
        return Ok(text.to_owned());
    }
    let written = text;
    let source = Source { path: path.to_owned(), text: Arc::from(normal(text)) };
    // Line ends at the end are put back as the call wants them, whatever the template's own first line says.
    let newline = interp.options.newline.clone();
    let header = header(&source, &mut interp)?;
    let value = run(&Rc::new(interp), source, header)?.resolved();
    let mut text = match &value {
        Value::None => return Ok(String::new()),
        Value::Str(text) => text.to_string(),
        Value::Marker(fault) => return Err(fault.again()),
        // What is no text keeps its type in Ansible, and gets no line ends.
        Value::Object(object) if object.type_name() == "Undefined" => {
            return Err(Fault::undefined("the template gives nothing: its `if` has no `else`"));
        }
        value => return python::text(&stored(&value.finished()?)?),
    };
    // As Ansible counts them: in the file as it is, where a `\r` ends the count.
    let missing = trailing(written).saturating_sub(trailing(&text));
    text.push_str(&newline.repeat(missing));
    Ok(text)
}

/// What a template gives alone, as Ansible keeps it in a variable: tuples with names are lists, and some types it does not keep.
/// Within a text all are printed as they are.
fn stored(value: &Value) -> R<Value> {
    let each = |items: Vec<Value>| {
        super::value::nested(|| items.iter().map(stored).collect::<R<Vec<Value>>>()).map(Value::list)
    };
    match value {
        Value::Object(object) if object.is_callable() => {
            Err(Fault::new(format!("Type '{}' is unsupported for variable storage", value.type_name())))
        }
        Value::Delta(_) | Value::Range(..) => {
            let fault = Fault::new(format!("Type '{}' is unsupported for variable storage", value.type_name()));
            Err(fault.hint("say what it is to be: `| string`, `| list`, `.days`, `.total_seconds()`"))
        }
        Value::List(_) | Value::Tuple(_) => each(value.iterate()?),
        Value::Dict(map) => {
            let map = map.borrow().clone();
            let field = |(key, value): (&Key, &Value)| Ok((key.clone(), stored(value)?));
            super::value::nested(|| map.iter().map(field).collect::<R<Map>>()).map(Value::dict)
        }
        Value::Object(object) => object.tuple().map_or_else(|| Ok(value.clone()), each),
        other => Ok(other.clone()),
    }
}

/// Reads the options of a template's first line; how many bytes that line has.
pub fn header(source: &Source, interp: &mut Interp) -> R<usize> {
    interp.options.check()?;
    let line = 0..source.text.find('\n').unwrap_or(source.text.len());
    let (options, header) = interp.options.header(&source.text).map_err(|fault| fault.at(source, line))?;
    interp.options = options;
    Ok(header)
}

/// The variables about the template itself.
fn about(path: &str, interp: &Interp) -> Vec<(&'static str, Value)> {
    let full = std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string());
    let mut about = vec![
        ("template_path", Value::str(path)),
        ("template_fullpath", Value::str(full)),
        ("template_run_date", Value::Time(Rc::new(Time::now(false)))),
        ("template_host", Value::str(rustix::system::uname().nodename().to_string_lossy())),
    ];
    if let Ok(file) = std::fs::metadata(path) {
        use std::os::unix::fs::MetadataExt;
        let owner = super::machine::user_name(file.uid());
        about.push(("template_uid", owner.map_or(Value::Int(file.uid().into()), Value::str)));
        if let Ok(changed) = file.modified().and_then(|at| jiff::Timestamp::try_from(at).map_err(std::io::Error::other))
        {
            let civil = super::time::micros_only(changed.to_zoned_datetime(jiff::tz::TimeZone::system()).datetime());
            about.push(("template_mtime", Value::Time(Rc::new(Time::new(civil)))));
        }
    }
    if interp.host.as_ref().and_then(|host| host.get("ansible_managed")).is_none() {
        about.push(("ansible_managed", Value::str("Ansible managed")));
    }
    about
}

/// The folder of a template.
pub fn folder(path: &str) -> std::path::PathBuf {
    match Path::new(path).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => ".".into(),
    }
}

fn told(fault: Fault, path: &str, host: Option<&HostScope>) -> Error {
    let name = fault.name.clone().filter(|_| fault.kind == super::fault::FaultKind::Undefined);
    let error = fault.told(&format!("the template {path} can't be rendered"));
    match (name, host) {
        (Some(name), Some(host)) => {
            let names = host.names();
            error.did_you_mean(&name, names.iter().map(String::as_str))
        }
        _ => error,
    }
}

/// The names of the variables about the template itself.
pub const ABOUT: [&str; 8] = [
    "ansible_managed",
    "template_path",
    "template_fullpath",
    "template_run_date",
    "template_host",
    "template_uid",
    "template_mtime",
    "template_destpath",
];

/// Reads a template and tells the variables that it can't be rendered without.
pub fn parsed(path: &str, text: &str, options: &Options) -> Result<BTreeSet<String>> {
    let what = format!("the template {path} can't be rendered");
    super::stack::with_room(|| {
        let mut interp = Interp::new(options.clone(), Arc::default(), None);
        let source = Source { path: path.to_owned(), text: Arc::from(normal(text)) };
        let header = header(&source, &mut interp).map_err(|fault| fault.told(&what))?;
        lower::ahead(source.clone(), header, &interp.options, true).map_err(|fault| fault.told(&what))?;
        let mut environment = minijinja::Environment::new();
        environment.set_syntax(syntax(&interp.options).map_err(|fault| fault.told(&what))?);
        let body = &source.text[header..];
        let template = environment.template_from_str(body).map_err(|error| Error::input(what).caused_by(error))?;
        let mut names: BTreeSet<String> = template.undeclared_variables(false).into_iter().collect();
        names.retain(|name| !is_optional(body, name));
        Ok(names)
    })
}

/// What is said of a template that has a mistake.
pub fn cannot(path: &str) -> String {
    format!("the template {path} can't be rendered")
}

/// Whether the template itself deals with the case that it is not given `name`.
fn is_optional(text: &str, name: &str) -> bool {
    let filters = r"\s*(\|\s*(ansible\.builtin\.)?(default|d)\b|is\s+(not\s+)?(un)?defined\b)";
    let pattern = format!(r"\b{}(\.\w+|\[[^\]]*\])*{filters}", regex::escape(name));
    // What `ternary` does not choose may be undefined.
    let chosen = format!(r"\bternary\s*\([^()]*\b{}\b", regex::escape(name));
    [pattern, chosen].iter().any(|pattern| regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text)))
}
