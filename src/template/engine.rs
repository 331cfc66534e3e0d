//! Runs templates: minijinja, with the language that Ansible has and the values that Python has.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value as Jinja};

use super::bridge;
use super::fault::{Fault, Place, R, Source};
use super::functions;
use super::interp::Interp;
use super::lower::{Lowered, Sight, lower};
use super::value::Value;

thread_local! {
    /// The templates that this rendering has read, by their names.
    static READ: RefCell<HashMap<String, Lowered>> = RefCell::default();
}

/// Renders a template of which `header` bytes are its options.
pub fn run(interp: &Rc<Interp>, source: Source, header: usize) -> R<Value> {
    let lowered = lower(source, header, &interp.options, Sight::All)?;
    let text = lowered.text.clone();
    interp.deeper(|| {
        let others = READ.take();
        READ.with_borrow_mut(|read| read.insert(MAIN.to_owned(), lowered));
        let environment = environment(interp);
        let result = bridge::with(interp, || {
            let template = environment.template_from_named_str(MAIN, &text);
            template
                .and_then(|template| template.render(Jinja::from_object(Root)))
                .map_or_else(|error| Err(told(&error)), |text| Ok(functions::output(&text)))
        });
        READ.set(others);
        result
    })
}

/// The value that a text's template gives.
pub fn native(interp: &Rc<Interp>, source: Source) -> R<Value> {
    run(interp, source, 0)
}

/// The name of the template itself; others have the names that they are included by.
const MAIN: &str = "\u{fdd2}";

/// The variables that the template itself does not set: `__var` looks them up.
#[derive(Debug)]
struct Root;

impl Object for Root {
    fn repr(self: &std::sync::Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }
}

thread_local! {
    /// What all templates have: made once, since a run may render tens of thousands of values.
    static BASE: Environment<'static> = base();
}

fn base() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.add_function("namespace", minijinja::functions::namespace);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(|out, _, value| functions::format(out, value));
    environment.set_recursion_limit(150);
    functions::add(&mut environment);
    environment
}

fn environment(interp: &Interp) -> Environment<'static> {
    let mut environment = BASE.with(Environment::clone);
    let (folder, settings) = (interp.folder.clone(), interp.settings.clone());
    let options = interp.options.clone();
    let bundled = interp.folder.as_ref().is_some_and(|folder| folder.to_string_lossy().starts_with("zkmig:"));
    environment.set_loader(move |known| {
        let (sight, name) = Sight::of(known);
        if bundled {
            return Err(bridge::fail(
                Fault::new(format!("a template that ships in the binary can't name others: `{name}`"))
                    .hint("write it as one file"),
            ));
        }
        let bases = super::interp::bases(folder.as_ref(), &settings);
        let Some((path, text)) = find(&bases, name).map_err(bridge::fail)? else { return Ok(None) };
        let source = Source { path, text: normal(&text).into() };
        let lowered = lower(source, 0, &options, sight).map_err(bridge::fail)?;
        let text = lowered.text.clone();
        READ.with_borrow_mut(|read| read.insert(known.to_owned(), lowered));
        Ok(Some(text))
    });
    environment
}

/// A text whose lines end with `\n`.
pub fn normal(text: &str) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}

/// The file below one of the folders, and its text. Nothing outside of them is read.
pub fn find(bases: &[PathBuf], name: &str) -> R<Option<(String, String)>> {
    let outside = || {
        Fault::new(format!("`{name}` is outside of the template's folder and the playbook's"))
            .hint("what templates share goes into a folder `templates` beside the playbook")
    };
    if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let here = std::env::current_dir().unwrap_or_default();
    for (base, file) in
        bases.iter().flat_map(|base| [(base, base.join("templates").join(name)), (base, base.join(name))])
    {
        if let (Ok(real), Ok(base)) = (file.canonicalize(), base.canonicalize())
            && !real.starts_with(&base)
        {
            return Err(outside());
        }
        match std::fs::read_to_string(&file) {
            Ok(text) => return Ok(Some((file.strip_prefix(&here).unwrap_or(&file).display().to_string(), text))),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(Fault::new(format!("can't read {}: {error}", file.display()))),
        }
    }
    Ok(None)
}

/// minijinja's error as the template's: what failed, and every place that led there.
fn told(error: &Error) -> Box<Fault> {
    let mut chain = vec![error];
    let mut inner = std::error::Error::source(error);
    while let Some(source) = inner {
        if let Some(error) = source.downcast_ref::<Error>() {
            chain.push(error);
        }
        inner = source.source();
    }
    let innermost = chain.last().copied().unwrap_or(error);
    let mut fault = bridge::failed(error).unwrap_or_else(|| {
        let message = match (innermost.kind(), innermost.detail()) {
            (ErrorKind::TemplateNotFound, _) => {
                let marks = |c: char| matches!(c, '\u{fdd3}' | '\u{fdd4}');
                let name = innermost.detail().unwrap_or_default().replace(marks, "");
                format!("there is no such template beside this one or the playbook: {name}")
            }
            (_, Some(detail)) => detail.to_owned(),
            (kind, None) => kind.to_string(),
        };
        Fault::new(message)
    });
    for error in chain.iter().rev() {
        let (Some(name), Some(line)) = (error.name(), error.line()) else { continue };
        let place = READ.with_borrow(|read| read.get(name).map(|read| (read.source.clone(), read.place(line))));
        let Some((source, span)) = place else { continue };
        let span = named(&source.text, &span, fault.name.as_deref()).unwrap_or(span);
        let known = fault.places.iter().any(|place| {
            matches!(place, Place::At(at) if at.path == source.path && at.span.start >= span.start && at.span.end <= span.end)
        });
        if !known {
            fault.places.push(Place::At(crate::error::Excerpt::new(source.path, source.text, span)));
        }
    }
    fault
}

/// The undefined name inside of its expression.
fn named(text: &str, span: &std::ops::Range<usize>, name: Option<&str>) -> Option<std::ops::Range<usize>> {
    let (name, inside) = (name?, text.get(span.clone())?);
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (at, _) = inside.match_indices(name).find(|(at, _)| {
        !is_part(inside[..*at].chars().next_back()) && !is_part(inside[at + name.len()..].chars().next())
    })?;
    Some(span.start + at..span.start + at + name.len())
}
