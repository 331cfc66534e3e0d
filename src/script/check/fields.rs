//! The fields of what effects give: one that nothing has is found before any host is touched.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTNode, Expr, Position, Stmt};

use crate::error::Error;
use crate::script::called::function;

const WRITTEN: &[&str] = &["changed", "real_path", "sha256"];
const CHANGED: &[&str] = &["changed"];

/// What the methods of hosts and units give.
pub const RESULTS: &[(&str, &[&str])] = &[
    ("stat", &["exists", "kind", "size", "mode", "owner", "group", "modified", "link", "real_path", "sha256"]),
    ("run", &["status", "stdout", "stderr", "is_utf8"]),
    ("copy", WRITTEN),
    ("template", WRITTEN),
    ("line", WRITTEN),
    ("file", CHANGED),
    ("backup", &["changed", "backup", "real_path", "link", "sha256", "differs"]),
    (
        "status",
        &[
            "unit",
            "exists",
            "active_state",
            "sub_state",
            "main_pid",
            "started",
            "enabled_state",
            "drop_ins",
            "control_group",
            "fragment_path",
            "restarts",
        ],
    ),
    ("start", CHANGED),
    ("stop", CHANGED),
    ("enable", CHANGED),
    ("disable", CHANGED),
    ("restart", &["before", "after"]),
    ("reload", &["before", "after"]),
];

/// The fields that are read in a file, and that what they are read of does not have.
pub fn unknown(ast: &AST) -> Vec<(Position, Error)> {
    let own: BTreeSet<&str> = ast.iter_functions().map(|function| function.name).collect();
    let holders = holders(ast, &own);
    let mut wrong = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        let Some(ASTNode::Expr(Expr::Dot(link, ..))) = path.last() else { return true };
        let gives = match &link.lhs {
            Expr::Variable(variable, ..) if variable.2.is_empty() => holders.get(variable.1.as_str()).copied(),
            Expr::MethodCall(call, _) => of_call(&call.name, &own),
            _ => None,
        };
        let read = if let Expr::Dot(more, ..) | Expr::Index(more, ..) = &link.rhs { &more.lhs } else { &link.rhs };
        if let (Some((name, fields)), Expr::Property(property, position)) = (gives, read)
            && !fields.contains(&property.2.as_str())
        {
            let error = Error::input(format!("what `{name}` gives has no `{}`", property.2))
                .did_you_mean(&property.2, fields.iter().copied())
                .hint(format!("it has {}", fields.join(", ")));
            wrong.push((*position, error));
        }
        true
    });
    wrong
}

type Gives = (&'static str, &'static [&'static str]);

fn of_call(name: &str, own: &BTreeSet<&str>) -> Option<Gives> {
    RESULTS.iter().find(|(known, _)| *known == name && !own.contains(name)).copied()
}

/// What an expression gives: that of the last call in it.
fn of_expression(expression: &Expr, own: &BTreeSet<&str>) -> Option<Gives> {
    match expression {
        Expr::Dot(link, ..) => of_expression(&link.rhs, own),
        Expr::MethodCall(call, _) => of_call(&call.name, own),
        _ => None,
    }
}

/// The variables that hold what one effect gives, and nothing else anywhere in the file.
fn holders(ast: &AST, own: &BTreeSet<&str>) -> BTreeMap<String, Gives> {
    let mut held: BTreeMap<String, Option<Gives>> = BTreeMap::new();
    let mut hold = |name: &str, gives: Option<Gives>| {
        let known = held.entry(name.to_owned()).or_insert(gives);
        *known = known.filter(|known| Some(known.0) == gives.map(|gives| gives.0));
    };
    let mut captures: BTreeMap<String, usize> = BTreeMap::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(variable, ..))) => hold(&variable.0.name, of_expression(&variable.1, own)),
            Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                let mut target = &assignment.1.lhs;
                while let Expr::Dot(link, ..) | Expr::Index(link, ..) = target {
                    target = &link.lhs;
                }
                if let Expr::Variable(variable, ..) = target {
                    hold(&variable.1, None);
                }
            }
            Some(ASTNode::Stmt(Stmt::For(variables, _))) => {
                hold(&variables.0.name, None);
                if let Some(counter) = &variables.1 {
                    hold(&counter.name, None);
                }
            }
            Some(ASTNode::Stmt(Stmt::TryCatch(flow, _))) => {
                if let Expr::Variable(variable, ..) = &flow.expr {
                    hold(&variable.1, None);
                }
            }
            Some(ASTNode::Expr(expression)) => {
                if let Some((name, captured)) = function(expression) {
                    let known = captures.entry(name).or_default();
                    *known = captured.max(*known);
                }
            }
            _ => {}
        }
        true
    });
    // A function's own arguments may be anything; what it takes from outside is what it is there.
    for definition in ast.iter_fn_def() {
        let captured = captures.get(definition.name.as_str()).copied().unwrap_or_default();
        for name in definition.params.iter().skip(captured) {
            hold(name, None);
        }
    }
    held.into_iter().filter_map(|(name, gives)| Some((name, gives?))).collect()
}
