//! Templates: a text of this machine with placeholders, in Jinja's language, and the file on a host that it becomes.
//!
//! Undefined variables are errors, nothing is escaped, line ends stay, and `include`, `import` and `extends` reach no
//! further than the template's own folder. Unlike in Ansible the line end after a `{% … %}` stays too: write `{% … -%}`
//! where it shall go. A list that ends a line can't swallow the next setting then.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value;

use super::Context;
use super::write::{self, Written, write};
use crate::error::{Error, Excerpt, Result};

/// Renders the template `text` of the local file `path` and brings the file on the host to it.
pub async fn template(
    context: &Context<'_>,
    target: &str,
    path: &str,
    text: &str,
    vars: &serde_json::Map<String, Value>,
    options: &write::Options,
) -> Result<Written> {
    let rendered = render(path, text, vars)?;
    write(context, target, rendered.as_bytes(), options).await
}

/// The template with its placeholders replaced. `path` is the template's file, as the user would type it: errors point
/// into it, and what it includes is looked up in its folder.
pub fn render(path: &str, text: &str, vars: &serde_json::Map<String, Value>) -> Result<String> {
    let environment = environment(path);
    let name = name(path);
    let source = Source { path, text, name: &name };
    let template = environment.template_from_named_str(&name, text).map_err(|error| source.error(&error, None))?;
    let context = minijinja::Value::from(minijinja::value::Serde(vars));
    template.render(context).map_err(|error| source.error(&error, Some(vars)))
}

/// Whether the template can be rendered at all: its syntax. Templates that it includes are not looked at.
pub fn syntax_check(path: &str, text: &str) -> Result<()> {
    let (environment, name) = (environment(path), name(path));
    let source = Source { path, text, name: &name };
    environment.template_from_named_str(&name, text).map(drop).map_err(|error| source.error(&error, None))
}

/// The variables that the template can't be rendered without. Those that it has a `default` for, or asks whether they
/// are `defined`, are not among them; neither are those of templates that it includes.
pub fn undeclared(path: &str, text: &str) -> Result<BTreeSet<String>> {
    let (environment, name) = (environment(path), name(path));
    let source = Source { path, text, name: &name };
    let template = environment.template_from_named_str(&name, text).map_err(|error| source.error(&error, None))?;
    let globals: BTreeSet<&str> = environment.globals().map(|(name, _)| name).collect();
    let mut names: BTreeSet<String> = template.undeclared_variables(false).into_iter().collect();
    names.retain(|name| !globals.contains(name.as_str()) && !is_optional(text, name));
    Ok(names)
}

/// Whether the template itself deals with the case that it is not given `name`.
fn is_optional(text: &str, name: &str) -> bool {
    let pattern = format!(r"\b{}\s*(\|\s*(default|d)\b|is\s+(not\s+)?(un)?defined\b)", regex::escape(name));
    regex::Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(text))
}

fn name(path: &str) -> String {
    Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned())
}

fn environment(path: &str) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_debug(true);
    // A template that includes itself, or loops without end, is a mistake to be told rather than a machine to be filled.
    environment.set_recursion_limit(100);
    let folder = folder(path);
    environment.set_loader(move |name| load(&folder, name));
    environment
}

fn folder(path: &str) -> PathBuf {
    match Path::new(path).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn load(folder: &Path, name: &str) -> std::result::Result<Option<String>, minijinja::Error> {
    let outside = || {
        let detail = format!("`{name}` is outside of the template's folder");
        minijinja::Error::new(ErrorKind::InvalidOperation, detail)
    };
    if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let file = folder.join(name);
    match (file.canonicalize(), folder.canonicalize()) {
        (Ok(real), Ok(folder)) if !real.starts_with(&folder) => return Err(outside()),
        _ => {}
    }
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let detail = format!("can't read {}", file.display());
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, detail).with_source(error))
        }
    }
}

struct Source<'a> {
    path: &'a str,
    text: &'a str,
    name: &'a str,
}

impl Source<'_> {
    fn error(&self, error: &minijinja::Error, vars: Option<&serde_json::Map<String, Value>>) -> Error {
        // An error inside of an included template is the cause of an error at the line that includes it.
        let mut chain = vec![error];
        let mut source = std::error::Error::source(error);
        let mut causes = Vec::new();
        while let Some(inner) = source {
            match inner.downcast_ref::<minijinja::Error>() {
                Some(inner) => chain.push(inner),
                None => causes.push(inner.to_string()),
            }
            source = inner.source();
        }
        let innermost = chain.last().copied().unwrap_or(error);
        let detail = innermost.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        let mut told =
            Error::input(format!("the template {} can't be rendered: {}{detail}", self.path, innermost.kind()));
        for error in chain.iter().rev() {
            if let Some(excerpt) = self.excerpt(error) {
                told = told.at(excerpt);
            }
        }
        for cause in causes {
            told = told.caused_by(cause);
        }
        if innermost.kind() != ErrorKind::UndefinedError {
            return told;
        }
        let missing = self.excerpt(innermost).map(|excerpt| excerpt.text[excerpt.span].to_owned());
        if let (Some(missing), Some(vars)) = (missing, vars) {
            let missing: &str = missing.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
            told = told.did_you_mean(missing, vars.keys().map(String::as_str));
            let names: Vec<&str> = vars.keys().map(String::as_str).collect();
            let known = if names.is_empty() { "no variables".to_owned() } else { names.join(", ") };
            told = told.hint(format!("the template was given {known}"));
        }
        told
    }

    fn excerpt(&self, error: &minijinja::Error) -> Option<Excerpt> {
        let name = error.name().unwrap_or(self.name);
        let (path, text) = if name == self.name {
            (self.path.to_owned(), self.text.to_owned())
        } else {
            (folder(self.path).join(name).display().to_string(), error.template_source()?.to_owned())
        };
        match (error.range(), error.line()) {
            (Some(span), _) if text.get(span.clone()).is_some() => Some(Excerpt::new(path, text, span)),
            (_, Some(line)) => Some(Excerpt::at_line(path, text, line, 1)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::bench::Bench;
    use super::*;
    use crate::error::Kind;

    fn vars(value: Value) -> serde_json::Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn nothing_is_escaped_and_the_last_line_end_stays() {
        let text =
            "E={% for s in servers %}{{ s.id }}:{{ s.ip }}{% if not loop.last %},{% endif %}{% endfor %}\n{{ raw }}\n";
        let vars =
            vars(json!({"servers": [{"id": 5, "ip": "10.0.0.1"}, {"id": 4, "ip": "10.0.0.2"}], "raw": "<&\"'>"}));
        assert_eq!(render("t/x.html", text, &vars).ok().as_deref(), Some("E=5:10.0.0.1,4:10.0.0.2\n<&\"'>\n"));
    }

    #[test]
    fn an_undefined_variable_is_an_error_at_its_place() {
        let text = "one\nE={{ ensembel }}\n";
        let error = render("templates/exhibitor.j2", text, &vars(json!({"ensemble": ""}))).expect_err("a mistake");
        assert_eq!(error.kind(), Kind::Input);
        let excerpt = &error.parts().excerpts[0];
        assert_eq!((excerpt.path.as_str(), excerpt.line()), ("templates/exhibitor.j2", 2));
        assert_eq!(&excerpt.text[excerpt.span.clone()], "ensembel");
        assert_eq!(error.parts().hints[0], "did you mean `ensemble`?");
    }

    #[test]
    fn syntax_is_checked_without_variables() {
        assert!(syntax_check("x", "{{ a }}").is_ok());
        let error = syntax_check("x", "a\n{% if %}").expect_err("a mistake");
        assert_eq!(error.parts().excerpts[0].line(), 2);
    }

    #[test]
    fn the_variables_that_are_needed_are_known_beforehand() {
        let text = "{{ a.b }}{% set c = 1 %}{{ c }}{{ d | default(1) }}{% if e is defined %}{{ e }}{% endif %}\
                    {% for f in range(3) %}{{ f }}{% endfor %}{{ g }}";
        assert_eq!(undeclared("x", text).ok(), Some(["a", "g"].map(str::to_owned).into()));
    }

    #[test]
    fn includes_stay_in_the_folder_and_their_errors_point_into_them() {
        let bench = Bench::new();
        std::fs::create_dir(bench.path("t")).expect("a folder");
        bench.file("outside", "secret");
        bench.file("t/part", "x\n{{ missing }}");
        std::os::unix::fs::symlink("../outside", bench.path("t/link")).expect("a link");
        let path = bench.path("t/main");
        let error = render(&path, "\n\n{% include 'part' %}", &vars(json!({}))).expect_err("a mistake");
        let places: Vec<_> = error.parts().excerpts.iter().map(|at| (at.path.clone(), at.line())).collect();
        assert_eq!(places, [(bench.path("t/part"), 2), (path.clone(), 3)]);
        for outside in ["../outside", "/etc/passwd", "link"] {
            let error =
                render(&path, &format!("{{% include '{outside}' %}}"), &vars(json!({}))).expect_err("a mistake");
            assert!(error.to_string().contains("outside of the template's folder"), "{error}");
        }
        assert!(render(&path, "{% include 'none' %}", &vars(json!({}))).is_err());
    }

    #[test]
    fn a_template_that_includes_itself_is_an_error() {
        let bench = Bench::new();
        let path = bench.file("main", "{% include 'main' %}");
        assert!(render(&path, "{% include 'main' %}", &vars(json!({}))).is_err());
    }

    #[tokio::test]
    async fn a_template_becomes_a_file() {
        let bench = Bench::new();
        let vars = vars(json!({"backend": "STATIC"}));
        let target = bench.path("exhibitor");
        let text = "EXHIBITOR_BACKEND={{ backend }}\n";
        template(&bench.context(), &target, "x", text, &vars, &write::Options::default()).await.expect("success");
        assert_eq!(std::fs::read_to_string(&target).ok().as_deref(), Some("EXHIBITOR_BACKEND=STATIC\n"));
    }
}
