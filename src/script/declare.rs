//! The variables that a playbook declares: name, type, default, meaning. `--help-vars` lists them, and `-e` is checked
//! against them before any host is touched.

use rhai::{AST, Dynamic, Expr, Position, Stmt};
use serde_json::{Map, Value};

use super::options::parse_duration;
use super::source::Sources;
use super::value::{from_json, to_json};
use crate::error::{Error, Result};
use crate::inventory::Inventory;

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
    /// What it means.
    pub help: String,
}

/// What a playbook's `declare(#{ … })` says. It has to be written out, because it is read without running anything.
pub fn declarations(ast: &AST, file: &str, sources: &Sources) -> Result<Vec<Declaration>> {
    let mut declared = Vec::new();
    for statement in ast.statements() {
        let (call, position) = match statement {
            Stmt::FnCall(call, position) => (call, position),
            Stmt::Expr(expression) => match &**expression {
                Expr::FnCall(call, position) => (call, position),
                _ => continue,
            },
            _ => continue,
        };
        if call.name != "declare" || !call.namespace.is_empty() {
            continue;
        }
        let at = |position: Position, error: Error| match sources.excerpt(file, position) {
            Some(excerpt) => error.at(excerpt),
            None => error,
        };
        let Some(Expr::Map(fields, _)) = call.args.first() else {
            return Err(at(
                *position,
                Error::input("declare takes one map of variables")
                    .hint("declare(#{ name: #{ type: \"text\", value: \"…\", help: \"…\" } })"),
            ));
        };
        for (name, value) in &fields.0 {
            let literal = literal(value).and_then(|value| to_json(&value).ok());
            let Some(Value::Object(fields)) = literal else {
                return Err(at(
                    name.pos,
                    Error::input(format!("the declaration of `{}` has to be a map that is written out", name.name))
                        .hint(format!("{}: #{{ type: \"text\", value: \"…\", help: \"…\" }}", name.name)),
                ));
            };
            declared.push(declaration(&name.name, fields).map_err(|error| at(name.pos, error))?);
        }
    }
    Ok(declared)
}

fn declaration(name: &str, mut fields: Map<String, Value>) -> Result<Declaration> {
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
    let help = text(fields.remove("help")).ok_or_else(|| {
        Error::input(format!("the declaration of `{name}` lacks its `help`")).hint("say in a sentence what it means")
    })?;
    let choices = match fields.remove("choices") {
        Some(Value::Array(items)) => items.into_iter().filter_map(|item| text(Some(item))).collect(),
        None => Vec::new(),
        Some(_) => return Err(Error::input(format!("the `choices` of `{name}` have to be a list of texts"))),
    };
    let mut declared = Declaration { name: name.to_owned(), kind, default: None, choices, help };
    declared.default = match fields.remove("value") {
        Some(value) => Some(declared.check(value)?),
        None => None,
    };
    Ok(declared)
}

/// The value of an expression that is written out.
fn literal(expression: &Expr) -> Option<Dynamic> {
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
            Error::input(format!("variable `{}` has to be {}, and `{}` is not", self.name, self.wanted(), bare(value)))
                .hint(self.help.clone())
        };
        let typed = match (self.kind.as_str(), value) {
            ("text" | "duration", Value::Number(number)) => Value::String(number.to_string()),
            ("int", Value::String(text)) => {
                text.trim().parse::<i64>().map(Value::from).map_err(|_| wrong(&Value::String(text.clone())))?
            }
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
            return Err(Error::input(format!("variable `{}` can't be `{text}`", self.name))
                .did_you_mean(text, self.choices.iter().map(String::as_str))
                .hint(format!("it is one of {}", self.choices.join(", ")))
                .hint(self.help.clone()));
        }
        Ok(typed)
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

/// Whether `-e` can give this variable to a playbook that declares these: one that declares none takes all.
pub fn takes(declared: &[Declaration], inventory: &Inventory, name: &str) -> bool {
    declared.is_empty()
        || declared.iter().any(|declaration| declaration.name == name)
        || name.starts_with("ansible_")
        || name.starts_with("zkmig_")
        || inventory.names_variable(name)
}

/// The playbook's `vars`: its defaults, then what the inventory and the command line say.
pub fn values(declared: &[Declaration], given: &Map<String, Value>) -> Result<Dynamic> {
    let mut values: Map<String, Value> = given.clone();
    for declaration in declared {
        match given.get(&declaration.name) {
            Some(value) => {
                values.insert(declaration.name.clone(), declaration.check(value.clone())?);
            }
            None => match &declaration.default {
                Some(default) => {
                    values.insert(declaration.name.clone(), default.clone());
                }
                None => {
                    return Err(Error::input(format!("variable `{}` has to be given", declaration.name))
                        .hint(format!("-e {}=…: {}", declaration.name, declaration.help)));
                }
            },
        }
    }
    Ok(from_json(&Value::Object(values)))
}
