//! What a template is sure to need when it is rendered, whatever its variables say: other templates, programs, variables.

use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::machinery::Span;
use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};

/// Something that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// The template of this name.
    Template(String),
    /// A program of this machine is run.
    Program,
    /// What is behind a variable, by the names and indices that lead there.
    Value(Vec<String>),
}

/// What can be seen in a template before it is rendered.
#[derive(Default)]
pub struct Ahead {
    /// Whether the arguments of filters and tests are looked at.
    pub strictly: bool,
    /// What it is sure to need, each with its place.
    pub needs: Vec<(Need, Range<usize>)>,
    /// The names that Ansible knows and that are not known here, each with its place, whether that is reached or not.
    pub absent: Vec<(String, Range<usize>)>,
    /// The names that it gives values to itself.
    pub given: BTreeSet<String>,
}

/// What statements are sure to need, each with its place. What stands in a condition, a loop or a macro may not be reached.
pub fn needs(statements: &[Stmt<'_>], found: &mut Vec<(Need, Span)>) {
    for statement in statements {
        match statement {
            Stmt::EmitExpr(emit) => {
                programs(&emit.expr, found);
                values(&emit.expr, found);
            }
            Stmt::Set(set) => programs(&set.expr, found),
            Stmt::WithBlock(with) => {
                with.assignments.iter().for_each(|(_, value)| programs(value, found));
                needs(&with.body, found);
            }
            Stmt::SetBlock(set) => needs(&set.body, found),
            Stmt::AutoEscape(block) => needs(&block.body, found),
            Stmt::FilterBlock(block) => needs(&block.body, found),
            Stmt::ForLoop(each) => {
                programs(&each.iter, found);
                values(&each.iter, found);
            }
            Stmt::IfCond(condition) => {
                programs(&condition.expr, found);
                values(&condition.expr, found);
            }
            Stmt::Include(include) if !include.ignore_missing => template(&include.name, found),
            Stmt::Extends(extends) => template(&extends.name, found),
            Stmt::Import(import) => template(&import.expr, found),
            Stmt::FromImport(import) => template(&import.expr, found),
            _ => {}
        }
    }
}

fn template(name: &Expr<'_>, found: &mut Vec<(Need, Span)>) {
    if let Expr::Const(text) = name
        && let Some(name) = text.value.as_str()
    {
        found.push((Need::Template(name.to_owned()), text.span()));
    }
}

/// The variables whose values an expression is sure to ask for. Ansible renders a variable when somebody looks into it: what
/// is in a list, is given to a filter or gets another name need not be looked into.
fn values(expression: &Expr<'_>, found: &mut Vec<(Need, Span)>) {
    if let Some((path, span)) = path(expression) {
        found.push((Need::Value(path), span));
        return;
    }
    match expression {
        Expr::Filter(filter) => filter.expr.iter().for_each(|value| values(value, found)),
        Expr::Test(test) => values(&test.expr, found),
        Expr::GetAttr(attr) => values(&attr.expr, found),
        Expr::GetItem(item) => values(&item.expr, found),
        Expr::UnaryOp(operation) => values(&operation.expr, found),
        Expr::BinOp(operation) => {
            values(&operation.left, found);
            if !matches!(operation.op, BinOpKind::ScAnd | BinOpKind::ScOr) {
                values(&operation.right, found);
            }
        }
        Expr::Compare(compare) => values(&compare.expr, found),
        Expr::IfExpr(condition) => values(&condition.test_expr, found),
        Expr::Slice(slice) => values(&slice.expr, found),
        Expr::Call(call) => {
            // A method's object.
            if let Expr::GetAttr(attr) = &call.expr {
                values(&attr.expr, found);
            }
        }
        _ => {}
    }
}

/// `a`, `a.b`, `a['b'].c`, `a.0`: what leads to a value.
fn path(expression: &Expr<'_>) -> Option<(Vec<String>, Span)> {
    let (mut names, span, next) = match expression {
        Expr::Var(var) => return Some((vec![var.id.to_owned()], var.span())),
        Expr::GetAttr(attr) => (path(&attr.expr)?.0, attr.span(), attr.name.to_owned()),
        Expr::GetItem(item) => {
            let Expr::Const(key) = &item.subscript_expr else { return None };
            let key = key
                .value
                .as_str()
                .map(str::to_owned)
                .or_else(|| usize::try_from(key.value.clone()).ok().map(|at| at.to_string()))?;
            (path(&item.expr)?.0, item.span(), key)
        }
        _ => return None,
    };
    names.push(next);
    Some((names, span))
}

fn programs(expression: &Expr<'_>, found: &mut Vec<(Need, Span)>) {
    let mut arguments = |list: &[CallArg<'_>]| {
        for argument in list {
            match argument {
                CallArg::Pos(value)
                | CallArg::Kwarg(_, value)
                | CallArg::PosSplat(value)
                | CallArg::KwargSplat(value) => {
                    programs(value, found);
                }
            }
        }
    };
    match expression {
        Expr::Call(call) => {
            arguments(&call.args);
            let looks_up = matches!(&call.expr, Expr::Var(var) if matches!(var.id, "lookup" | "query" | "q"));
            let name = match call.args.first() {
                Some(CallArg::Pos(Expr::Const(name))) => name.value.as_str(),
                _ => None,
            };
            if looks_up && name.is_some_and(|name| matches!(name.rsplit('.').next(), Some("pipe"))) {
                found.push((Need::Program, call.span()));
            }
        }
        Expr::Filter(filter) => {
            arguments(&filter.args);
            if let Some(value) = &filter.expr {
                programs(value, found);
            }
        }
        Expr::Test(test) => programs(&test.expr, found),
        Expr::GetAttr(attr) => programs(&attr.expr, found),
        Expr::GetItem(item) => programs(&item.expr, found),
        Expr::UnaryOp(operation) => programs(&operation.expr, found),
        // What stands behind `and` and `or` may not be reached.
        Expr::BinOp(operation) => programs(&operation.left, found),
        Expr::Compare(compare) => programs(&compare.expr, found),
        Expr::IfExpr(condition) => programs(&condition.test_expr, found),
        Expr::List(list) => list.items.iter().for_each(|item| programs(item, found)),
        Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| programs(item, found)),
        Expr::Map(map) => map.values.iter().for_each(|value| programs(value, found)),
        Expr::Var(_) | Expr::Const(_) | Expr::Slice(_) => {}
    }
}
