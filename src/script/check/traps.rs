//! Traps of the language: what Rhai takes without a word, and does something else than is meant, or fails far into the run.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use crate::error::Error;
use crate::script::called::{alone, function};

use super::values::{Values, of_closure};

/// What is wrong in a file.
pub fn found(ast: &AST) -> Vec<(Position, Error)> {
    let mut wrong = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Expr(Expr::Dot(link, _, position) | Expr::Index(link, _, position))) => {
                wrong.extend(uses_itself(&link.lhs, &link.rhs, *position));
            }
            Some(
                ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)),
            ) if call.namespace.is_empty() => {
                wrong.extend(lost(ast, call));
                wrong.extend(never(ast, call));
            }
            _ => {}
        }
        true
    });
    wrong
}

/// The variables that the functions written in an expression take from outside.
fn captured(expression: &Expr) -> Vec<&str> {
    let curried: Option<&FnCallExpr> = match expression {
        Expr::Stmt(block) => match block.statements().last() {
            Some(Stmt::Expr(inner)) => match &**inner {
                Expr::FnCall(call, _) => Some(call),
                _ => None,
            },
            Some(Stmt::FnCall(call, _)) => Some(call),
            _ => None,
        },
        Expr::Map(fields, _) => return fields.0.iter().flat_map(|(_, value)| captured(value)).collect(),
        Expr::Array(items, _) => return items.iter().flat_map(captured).collect(),
        _ => None,
    };
    let taken = curried.filter(|call| call.name == "curry").map_or(&[][..], |call| &call.args[1..]);
    taken.iter().filter_map(|taken| variable(taken).map(|(name, _)| name)).collect()
}

fn variable(expression: &Expr) -> Option<(&str, Position)> {
    match expression {
        Expr::Variable(variable, _, position) if variable.2.is_empty() => Some((variable.1.as_str(), *position)),
        _ => None,
    }
}

/// `list.filter(|x| … list …)`: a variable can't be used while something is called on it.
fn uses_itself(on: &Expr, rest: &Expr, position: Position) -> Option<(Position, Error)> {
    // `vars` is made anew wherever it is named.
    let (name, at) = variable(on).filter(|(name, _)| *name != "vars")?;
    let mut rest = rest;
    loop {
        let (link, more) = match rest {
            Expr::Dot(link, ..) | Expr::Index(link, ..) => (&link.lhs, Some(&link.rhs)),
            other => (other, None),
        };
        if let Expr::MethodCall(call, _) = link
            && call.args.iter().any(|argument| captured(argument).contains(&name))
        {
            let error = Error::input(format!(
                "the function that `{}` is given uses `{name}`, on which it is called",
                call.name
            ))
            .hint(format!(
                "let of_it = {name}; before it, and `of_it` in the function; or what it needs of `{name}` alone"
            ));
            return Some((if at.is_none() { position } else { at }, error));
        }
        rest = more?;
    }
}

/// A variable from outside that a function for several hosts at once assigns to, and that nothing there reads.
fn lost(ast: &AST, call: &FnCallExpr) -> Option<(Position, Error)> {
    let is_together = match call.name.as_str() {
        "each" => true,
        "rolling" => call.args.iter().any(|argument| match argument {
            Expr::Map(fields, _) => fields
                .0
                .iter()
                .any(|(option, value)| option.name == "serial" && !matches!(value, Expr::IntegerConstant(1, _))),
            _ => false,
        }),
        _ => false,
    };
    if !is_together {
        return None;
    }
    let work = call.args.iter().find(|argument| function(argument).is_some())?;
    let (function_name, _) = function(work)?;
    let definition = ast.iter_fn_def().find(|definition| definition.name == function_name.as_str())?;
    let count = definition.params.len();
    let alone = alone(ast, &function_name, count);
    captured(work).into_iter().find_map(|name| {
        let (mut first, mut is_read) = (None, false);
        alone.walk(&mut |path: &[ASTNode<'_>]| {
            if let Some(ASTNode::Expr(expression)) = path.last()
                && let Some((found, position)) = variable(expression)
                && found == name
            {
                if is_target(path, name, position) {
                    first.get_or_insert(position);
                } else {
                    is_read = true;
                }
            }
            !is_read
        });
        let position = first.filter(|_| !is_read)?;
        let error = Error::input(format!(
            "what is assigned to `{name}` here is lost: `{}` gives each host a copy of it",
            call.name
        ))
        .hint("give it back instead: let found = hosts.each(|m| …) is a map by host name");
        Some((position, error))
    })
}

/// What changes the list, map or text that it is called on.
const MUTATORS: &[&str] = &[
    "push",
    "append",
    "insert",
    "remove",
    "pop",
    "shift",
    "clear",
    "truncate",
    "retain",
    "drain",
    "splice",
    "sort",
    "reverse",
    "set",
    "mixin",
    "fill_with",
    "dedup",
    "chop",
    "pad",
    "+=",
];

/// Whether this use of a variable only changes it: the end of `path` is the variable.
fn is_target(path: &[ASTNode<'_>], name: &str, position: Position) -> bool {
    let is_it = |expression: &Expr| variable(expression).is_some_and(|(found, at)| found == name && at == position);
    let root = |expression: &Expr| {
        let mut expression = expression;
        while let Expr::Dot(link, ..) | Expr::Index(link, ..) = expression {
            expression = &link.lhs;
        }
        variable(expression).map(|(name, at)| (name.to_owned(), at))
    };
    for node in path[..path.len() - 1].iter().rev() {
        match node {
            // `x = …`, `x[i] = …`, `x.field = …`; and `x = x + 1`, which reads it for nothing else.
            ASTNode::Stmt(Stmt::Assignment(assignment)) => {
                return root(&assignment.1.lhs).is_some_and(|(target, _)| target == name);
            }
            // `x.push(…)` as a statement of its own.
            ASTNode::Stmt(Stmt::Expr(expression)) => {
                return match &**expression {
                    Expr::Dot(link, ..) => {
                        is_it(&link.lhs)
                            && matches!(&link.rhs, Expr::MethodCall(call, _) if MUTATORS.contains(&call.name.as_str()))
                    }
                    _ => false,
                };
            }
            // What is called with it uses it.
            ASTNode::Expr(Expr::FnCall(call, _)) if call.op_token.is_none() => return false,
            ASTNode::Stmt(_) | ASTNode::Expr(Expr::MethodCall(..)) => return false,
            _ => {}
        }
    }
    false
}

/// A gate that never opens, a wait that never ends.
fn never(ast: &AST, call: &FnCallExpr) -> Vec<(Position, Error)> {
    let mut wrong = Vec::new();
    match (call.name.as_str(), call.args.len()) {
        ("rolling", _) => {
            let Some(Expr::Map(options, _)) = call.args.last() else { return wrong };
            for (option, value) in &options.0 {
                if !matches!(option.name.as_str(), "before" | "after") {
                    continue;
                }
                let Some(values) = of_closure(ast, value) else { continue };
                if values.contains(Values::UNIT) && !values.contains(Values::OTHER) {
                    let error = Error::input(format!("the gate `{}` gives (), and never opens", option.name)).hint(
                        "it has to give true where the next host may follow: end it with a condition, or with `true`",
                    );
                    wrong.push((option.pos, error));
                }
            }
        }
        ("wait_until", 2 | 3) => {
            let Some(values) = call.args.get(1).and_then(|work| of_closure(ast, work)) else { return wrong };
            if values.contains(Values::READ) && !values.contains(Values::OTHER) {
                let error = Error::input("the function of `wait_until` gives a text, which says that it is not yet so")
                    .hint("compare it: || m.read(…) == \"…\", or || m.run(…).stdout.contains(\"…\")");
                wrong.push((call.args[1].position(), error));
            }
        }
        _ => {}
    }
    wrong
}
