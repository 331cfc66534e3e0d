//! The variables that a playbook or a library declares: name, type, default, meaning. `--help-vars` lists them, and their
//! values are checked against them before any host is touched.

use rhai::{AST, Dynamic, Expr, Position, Stmt};
use serde_json::{Map, Value};

use super::options::parse_duration;
use super::source::Sources;
use super::value::to_json;
use crate::error::{Error, Result};

/// The types that a declared variable can have.
pub const TYPES: &[&str] = &["text", "int", "float", "bool", "duration", "list", "map"];

/// One declared variable.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Its name.
    pub name: String,
    /// Its type, one of [`TYPES`].
    pub kind: String,
    /// Its value when nothing else gives one; none when it has to be given.
    pub default: Option<Value>,
    /// The only values it may have; empty when any.
    pub choices: Vec<String>,
    /// What it means; may be empty.
    pub help: String,
    /// Where it is declared.
    pub position: Position,
}

/// What the `declare(#{ … })` of a file says. It has to be written out, because it is read without running anything.
pub fn declarations(ast: &AST, file: &str, sources: &Sources) -> Result<Vec<Declaration>> {
    let how = "declare(#{ name: #{ type: \"text\", value: \"…\", help: \"…\" } })";
    let mut declared = Vec::new();
    for (name, position, value) in written_out(ast, file, sources, "declare", how)? {
        let read = match value {
            Value::Object(fields) => declaration(&name, position, fields),
            _ => Err(Error::input(format!("the declaration of `{name}` has to be a map that is written out"))
                .hint(format!("{name}: #{{ type: \"text\", value: \"…\", help: \"…\" }}"))),
        };
        declared.push(read.map_err(|error| match sources.excerpt(file, position) {
            Some(excerpt) => error.at(excerpt),
            None => error,
        })?);
    }
    Ok(declared)
}

/// The fields of the map that the calls of `function` at a file's top level are given, each with its place. A field that is
/// not written out has no value.
pub fn written_out(
    ast: &AST,
    file: &str,
    sources: &Sources,
    function: &str,
    how: &str,
) -> Result<Vec<(String, Position, Value)>> {
    let mut found = Vec::new();
    for statement in ast.statements() {
        let (call, position) = match statement {
            Stmt::FnCall(call, position) => (call, position),
            Stmt::Expr(expression) => match &**expression {
                Expr::FnCall(call, position) => (call, position),
                _ => continue,
            },
            _ => continue,
        };
        if call.name != function || !call.namespace.is_empty() {
            continue;
        }
        let Some(Expr::Map(fields, _)) = call.args.first() else {
            let error = Error::input(format!("{function} takes one map that is written out")).hint(how);
            return Err(match sources.excerpt(file, *position) {
                Some(excerpt) => error.at(excerpt),
                None => error,
            });
        };
        for (name, value) in &fields.0 {
            let value = literal(value).and_then(|value| to_json(&value).ok()).unwrap_or_default();
            found.push((name.name.to_string(), name.pos, value));
        }
    }
    Ok(found)
}

/// The texts of a list that holds nothing else.
pub fn field_texts(items: &[Value]) -> Option<Vec<String>> {
    items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn declaration(name: &str, position: Position, mut fields: Map<String, Value>) -> Result<Declaration> {
    const KNOWN: &[&str] = &["type", "value", "choices", "help"];
    if let Some(unknown) = fields.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(Error::input(format!("the declaration of `{name}` has no field `{unknown}`"))
            .did_you_mean(unknown, KNOWN.iter().copied())
            .hint(format!("it has {}", KNOWN.join(", "))));
    }
    let text = |value: Option<Value>| match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let kind = text(fields.remove("type")).ok_or_else(|| {
        Error::input(format!("the declaration of `{name}` lacks its `type`"))
            .hint(format!("one of {}", TYPES.join(", ")))
    })?;
    if !TYPES.contains(&kind.as_str()) {
        return Err(Error::input(format!("`{name}` has the unknown type `{kind}`"))
            .did_you_mean(&kind, TYPES.iter().copied())
            .hint(format!("the types are {}", TYPES.join(", "))));
    }
    let help = match fields.remove("help") {
        None => String::new(),
        Some(Value::String(help)) => help,
        Some(_) => return Err(Error::input(format!("the `help` of `{name}` has to be a text"))),
    };
    let choices = match fields.remove("choices") {
        Some(Value::Array(items)) => items.into_iter().filter_map(|item| text(Some(item))).collect(),
        None => Vec::new(),
        Some(_) => return Err(Error::input(format!("the `choices` of `{name}` have to be a list of texts"))),
    };
    let mut declared = Declaration { name: name.to_owned(), kind, default: None, choices, help, position };
    declared.default = match fields.remove("value") {
        Some(value) => Some(declared.check(value)?),
        None => None,
    };
    Ok(declared)
}

/// The value of an expression that is written out.
pub fn literal(expression: &Expr) -> Option<Dynamic> {
    match expression {
        Expr::Map(fields, _) => {
            let fields = fields.0.iter().map(|(name, value)| Some((name.name.as_str().into(), literal(value)?)));
            fields.collect::<Option<rhai::Map>>().map(Dynamic::from)
        }
        Expr::Array(items, _) => items.iter().map(literal).collect::<Option<rhai::Array>>().map(Dynamic::from),
        other => other.get_literal_value(None),
    }
}

impl Declaration {
    /// The value as one of this variable's type. Texts are read as what the type needs: `-e` gives nothing else.
    pub fn check(&self, value: Value) -> Result<Value> {
        let wrong = |value: &Value| {
            self.helped(Error::input(format!(
                "variable `{}` has to be {}, and `{}` is not",
                self.name,
                self.wanted(),
                bare(value)
            )))
        };
        let typed = match (self.kind.as_str(), value) {
            ("text" | "duration", Value::Number(number)) => Value::String(number.to_string()),
            ("int", Value::String(text)) => {
                text.trim().parse::<i64>().map(Value::from).map_err(|_| wrong(&Value::String(text.clone())))?
            }
            // `5` stands for 5.0 here: a whole number would be divided without its rest.
            ("float", Value::Number(number)) => number.as_f64().map_or(Value::Number(number), Value::from),
            ("float", Value::String(text)) => {
                let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
                number.map(Value::from).ok_or_else(|| wrong(&Value::String(text.clone())))?
            }
            ("bool", Value::String(text)) => match text.trim() {
                "true" | "yes" | "on" => Value::Bool(true),
                "false" | "no" | "off" => Value::Bool(false),
                _ => return Err(wrong(&Value::String(text))),
            },
            ("list" | "map", Value::String(text)) => {
                serde_json::from_str(&text).map_err(|_| wrong(&Value::String(text.clone())))?
            }
            (_, value) => value,
        };
        let fits = match self.kind.as_str() {
            "text" => typed.is_string(),
            "duration" => typed.as_str().is_some_and(|text| parse_duration(text).is_some()),
            "int" => typed.is_i64(),
            "float" => typed.is_number(),
            "bool" => typed.is_boolean(),
            "list" => typed.is_array(),
            _ => typed.is_object(),
        };
        if !fits {
            return Err(wrong(&typed));
        }
        if let Some(text) = typed.as_str()
            && !self.choices.is_empty()
            && !self.choices.iter().any(|choice| choice == text)
        {
            return Err(self.helped(
                Error::input(format!("variable `{}` can't be `{text}`", self.name))
                    .did_you_mean(text, self.choices.iter().map(String::as_str))
                    .hint(format!("it is one of {}", self.choices.join(", "))),
            ));
        }
        Ok(typed)
    }

    /// The error with what the variable means.
    fn helped(&self, error: Error) -> Error {
        if self.help.is_empty() { error } else { error.hint(self.help.clone()) }
    }

    fn wanted(&self) -> &'static str {
        match self.kind.as_str() {
            "text" => "a text",
            "int" => "a whole number",
            "float" => "a number",
            "bool" => "true or false",
            "duration" => "a time span such as 90s or 5m",
            "list" => "a list",
            _ => "a map",
        }
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
