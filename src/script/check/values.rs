//! What kinds of value a function that is written out can give, as far as its text tells.

use rhai::{AST, ASTFlags, ASTNode, Expr, FnCallExpr, Stmt, StmtBlock};

use crate::script::called::{alone, function};

/// Kinds of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values(u8);

impl Values {
    /// `()`.
    pub const UNIT: Self = Self(1);
    /// A text that is written out, or false.
    pub const NO: Self = Self(2);
    /// A text that is read from somewhere.
    pub const READ: Self = Self(4);
    /// Anything else, and what can't be told.
    pub const OTHER: Self = Self(8);
    /// Nothing: it ends some other way.
    const NONE: Self = Self(0);

    /// Whether these are among them.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What a function that is written out in an expression gives; none when it is none that is in this file.
pub fn of_closure(ast: &AST, expression: &Expr) -> Option<Values> {
    let (function_name, _) = function(expression)?;
    let definition = ast.iter_fn_def().find(|definition| definition.name == function_name.as_str())?;
    let count = definition.params.len();
    let alone = alone(ast, &function_name, count);
    let own: Vec<&str> = ast.iter_functions().map(|function| function.name).collect();
    let (mut last, mut returned) = (Values::UNIT, Values::NONE);
    alone.walk(&mut |path: &[ASTNode<'_>]| {
        if let [ASTNode::Stmt(statement)] = path {
            last = of_statement(statement, &own);
        }
        if let Some(ASTNode::Stmt(Stmt::Return(value, flags, _))) = path.last()
            && !flags.intersects(ASTFlags::BREAK)
        {
            let value = value.as_ref().map_or(Values::UNIT, |value| of_expression(value, &own));
            returned = returned.or(value);
        }
        true
    });
    Some(last.or(returned))
}

fn of_block(block: &StmtBlock, own: &[&str]) -> Values {
    block.statements().last().map_or(Values::UNIT, |last| of_statement(last, own))
}

fn of_statement(statement: &Stmt, own: &[&str]) -> Values {
    match statement {
        Stmt::Expr(expression) => of_expression(expression, own),
        Stmt::FnCall(call, _) => of_call(call, own),
        Stmt::Block(block) => of_block(block, own),
        Stmt::If(flow, _) => of_block(&flow.body, own).or(of_block(&flow.branch, own)),
        Stmt::TryCatch(flow, _) => of_block(&flow.body, own).or(of_block(&flow.branch, own)),
        Stmt::Var(..) | Stmt::Assignment(_) | Stmt::Noop(_) | Stmt::For(..) => Values::UNIT,
        Stmt::Return(..) => Values::NONE,
        _ => Values::OTHER,
    }
}

fn of_expression(expression: &Expr, own: &[&str]) -> Values {
    match expression {
        Expr::Unit(_) => Values::UNIT,
        Expr::StringConstant(..) | Expr::InterpolatedString(..) | Expr::BoolConstant(false, _) => Values::NO,
        Expr::Stmt(block) if function(expression).is_none() => of_block(block, own),
        Expr::FnCall(call, _) => of_call(call, own),
        Expr::Dot(link, ..) => {
            let mut before = &link.lhs;
            let mut last = &link.rhs;
            while let Expr::Dot(more, ..) = last {
                (before, last) = (&more.lhs, &more.rhs);
            }
            match last {
                Expr::MethodCall(call, _) if own.contains(&call.name.as_str()) => Values::OTHER,
                Expr::MethodCall(call, _) => match call.name.as_str() {
                    "read" | "trimmed" | "to_string" => Values::READ,
                    "note" => Values::UNIT,
                    _ => Values::OTHER,
                },
                Expr::Property(property, _) if matches!(property.2.as_str(), "stdout" | "stderr") => match before {
                    Expr::MethodCall(call, _) if call.name == "run" && !own.contains(&"run") => Values::READ,
                    _ => Values::OTHER,
                },
                _ => Values::OTHER,
            }
        }
        _ => Values::OTHER,
    }
}

fn of_call(call: &FnCallExpr, own: &[&str]) -> Values {
    if !call.namespace.is_empty() || own.contains(&call.name.as_str()) {
        return Values::OTHER;
    }
    match call.name.as_str() {
        "note" | "pause" | "confirm" | "print" | "debug" => Values::UNIT,
        "fail" => Values::NONE,
        _ => Values::OTHER,
    }
}
