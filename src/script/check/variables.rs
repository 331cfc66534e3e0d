//! The names of variables: one that nobody gives is found before any host is touched.

use std::collections::BTreeSet;

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use crate::error::Error;
use crate::inventory::Inventory;
use crate::script::called::{alone, function};
use crate::script::playbook::Playbook;

/// What Ansible gives every host beside its variables.
pub const MAGIC: &[&str] = &[
    "inventory_hostname",
    "inventory_hostname_short",
    "group_names",
    "groups",
    "hostvars",
    "playbook_dir",
    "inventory_dir",
    "inventory_file",
    "omit",
];

/// The names that a file asks for and nobody gives. A file that is only imported and declares nothing is not looked at: parts
/// of it may be for other playbooks, and use their variables.
pub fn unknown_names(file: &str, ast: &AST, playbook: &Playbook, inventory: &Inventory) -> Vec<(Position, Error)> {
    if !playbook.is_playbook(file) && playbook.files.get(file).is_none_or(|said| said.declared.is_empty()) {
        return Vec::new();
    }
    let mut asked: Vec<(String, Position)> = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(expression)) = path.last() {
            asked.extend(of(expression, |holder| is_variable(holder, "vars")));
        }
        true
    });
    // What `each` and `rolling` call is called with a host.
    for (name, captured) in functions_of_hosts(ast) {
        let Some(definition) = ast.iter_fn_def().find(|definition| definition.name == name.as_str()) else { continue };
        let Some(host) = definition.params.get(captured) else { continue };
        let count = definition.params.len();
        let alone = alone(ast, &name, count);
        alone.walk(&mut |path: &[ASTNode<'_>]| {
            if let Some(ASTNode::Expr(Expr::Dot(dot, ..))) = path.last()
                && is_variable(&dot.lhs, host)
            {
                asked.extend(of(
                    &dot.rhs,
                    |holder| matches!(holder, Expr::Property(property, _) if property.2 == "vars"),
                ));
            }
            true
        });
    }
    let given: BTreeSet<String> = asked
        .iter()
        .filter(|(name, _)| !playbook.declares(name) && !MAGIC.contains(&name.as_str()))
        .filter(|(name, _)| !inventory.names_variable(name) && !inventory.extra_names().contains(&name.as_str()))
        .map(|(name, _)| name.clone())
        .collect();
    if given.is_empty() {
        return Vec::new();
    }
    let mut known: BTreeSet<String> =
        inventory.hosts().flat_map(|host| host.vars_json().into_iter().map(|(name, _)| name)).collect();
    known.extend(playbook.files.values().flat_map(|of| of.declared.iter().map(|declared| declared.name.clone())));
    asked.sort_by_key(|(_, position)| (position.line(), position.position()));
    asked.dedup();
    asked
        .into_iter()
        .filter(|(name, _)| given.contains(name))
        .map(|(name, position)| {
            let error = Error::input(format!("there is no variable `{name}`"))
                .did_you_mean(&name, known.iter().map(String::as_str))
                .hint(format!("declare(#{{ {name}: … }}), the inventory or -e gives it a value; vars.get(\"{name}\") asks whether it has one"));
            (position, error)
        })
        .collect()
}

/// The name that is asked for as a property of what `is_holder` knows.
fn of(expression: &Expr, is_holder: impl Fn(&Expr) -> bool) -> Option<(String, Position)> {
    match expression {
        Expr::Dot(dot, ..) if is_holder(&dot.lhs) => {
            let asked = if let Expr::Dot(more, ..) | Expr::Index(more, ..) = &dot.rhs { &more.lhs } else { &dot.rhs };
            match asked {
                Expr::Property(property, position) => Some((property.2.to_string(), *position)),
                _ => None,
            }
        }
        Expr::Index(index, ..) if is_holder(&index.lhs) => match &index.rhs {
            Expr::StringConstant(name, position) => Some((name.to_string(), *position)),
            _ => None,
        },
        _ => None,
    }
}

fn is_variable(expression: &Expr, name: &str) -> bool {
    matches!(expression, Expr::Variable(variable, ..) if variable.1 == name && variable.2.is_empty())
}

/// The functions that are called with a host: their names and how many variables each captures before it.
fn functions_of_hosts(ast: &AST) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut take = |call: &FnCallExpr| {
        if !matches!(call.name.as_str(), "each" | "rolling") || !call.namespace.is_empty() {
            return;
        }
        for argument in &call.args {
            found.extend(function(argument));
            if let Expr::Map(options, _) = argument {
                let gates = options
                    .0
                    .iter()
                    .filter(|(option, _)| matches!(option.name.as_str(), "before" | "after" | "on_stop"));
                found.extend(gates.filter_map(|(_, value)| function(value)));
            }
        }
    };
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(
            ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)),
        ) = path.last()
        {
            take(call);
        }
        true
    });
    found
}
