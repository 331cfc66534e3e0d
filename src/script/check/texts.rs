//! Texts that are not what they look like: `${…}` in quotes, which only backticks fill in, and `\n` in backticks, where it is
//! a backslash and an n.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use crate::error::Error;

/// `${name}`, or what Rhai would read of a name: a field, a place in a list.
static PLACE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\$\{\s*([A-Za-z_]\w*)\s*((?:[.\[][^}]*)?)\}").ok());

/// What is wrong with the texts of a file; `source` is the file as it was read.
pub fn found(ast: &AST, source: &str) -> Vec<(Position, Error)> {
    let lines: Vec<&str> = source.lines().collect();
    let quote = |position: Position| -> Option<char> {
        let line = lines.get(position.line()?.checked_sub(1)?)?;
        line.chars().nth(position.position()?.checked_sub(1)?)
    };
    let names = names(ast);
    let mut wrong = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Expr(Expr::StringConstant(text, position))) if quote(*position) == Some('"') => {
                // What is written with an escape is meant so.
                let line = position.line().and_then(|line| lines.get(line - 1)).copied().unwrap_or_default();
                wrong.extend(not_filled_in(text, line, &names).map(|error| (*position, error)));
            }
            Some(
                ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)),
            ) if call.namespace.is_empty() => {
                wrong.extend(shown_to_people(call).into_iter().filter_map(|(argument, is_content)| {
                    let (text, position) = (whole(argument)?, argument.position());
                    let holds = if is_content { text.ends_with("\\n") } else { text.contains("\\n") };
                    (quote(position) == Some('`') && holds && !text.contains('\n')).then(|| {
                        let error = Error::input("`\\n` is a backslash and an n in backticks, and no line end")
                            .hint("end the line in the text itself, or write it in quotes: \"…\\n\"");
                        (position, error)
                    })
                }));
            }
            _ => {}
        }
        true
    });
    wrong
}

/// The names of variables, wherever they are.
fn names(ast: &AST) -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        ast.iter_fn_def().flat_map(|function| function.params.iter().map(ToString::to_string)).collect();
    names.insert("vars".to_owned());
    let mut environment = BTreeSet::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(variable, ..))) => {
                names.insert(variable.0.name.to_string());
            }
            Some(ASTNode::Stmt(Stmt::For(variables, _))) => {
                names.insert(variables.0.name.to_string());
            }
            // What a command has in its environment is the shell's.
            Some(ASTNode::Expr(Expr::Map(fields, _))) => {
                for (_, value) in fields.0.iter().filter(|(option, _)| option.name == "env") {
                    if let Expr::Map(variables, _) = value {
                        environment.extend(variables.0.iter().map(|(name, _)| name.name.to_string()));
                    }
                }
            }
            _ => {}
        }
        true
    });
    names.retain(|name| !environment.contains(name));
    names
}

/// A text in quotes that means to hold the value of a variable.
fn not_filled_in(text: &str, line: &str, names: &BTreeSet<String>) -> Option<Error> {
    let place = PLACE.as_ref()?;
    place.captures_iter(text).find_map(|found| {
        let (whole, name, rest) = (found.get(0)?.as_str(), found.get(1)?.as_str(), found.get(2)?.as_str());
        // A shell's own variable is set in the text itself.
        let is_shells = rest.is_empty()
            && [format!("{name}="), format!("for {name} "), format!("read {name}"), format!("read -r {name}")]
                .iter()
                .any(|sets| text.contains(sets));
        (names.contains(name) && !is_shells && line.contains(whole)).then(|| {
            Error::input(format!("`{whole}` in quotes is not filled in")).hint(format!(
                "a text in backticks is: `…{whole}…`; where a shell shall see it write \"\\x24{{{name}}}\""
            ))
        })
    })
}

/// The arguments of a call that people read, or that become a file; whether it is the latter.
fn shown_to_people(call: &FnCallExpr) -> Vec<(&Expr, bool)> {
    match (call.name.as_str(), &call.args[..]) {
        ("note" | "fail" | "confirm", [text, ..]) => vec![(text, false)],
        ("local_write", [_, text, ..]) => vec![(text, true)],
        ("copy", [_, Expr::Map(options, _)]) => {
            options.0.iter().filter(|(option, _)| option.name == "content").map(|(_, value)| (value, true)).collect()
        }
        _ => Vec::new(),
    }
}

/// A text with what is filled in left out.
fn whole(expression: &Expr) -> Option<String> {
    match expression {
        Expr::StringConstant(text, _) => Some(text.to_string()),
        Expr::InterpolatedString(parts, _) => {
            let parts = parts.iter().map(|part| match part {
                Expr::StringConstant(text, _) => text.as_str(),
                _ => "…",
            });
            Some(parts.collect())
        }
        _ => None,
    }
}
