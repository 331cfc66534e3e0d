//! The expressions: each step becomes a call of a function that calculates as Python does.

use minijinja::machinery::ast::{
    BinOp, BinOpKind, Call, CallArg, CompareOpKind, Expr, Filter, Spanned, UnaryOpKind, Var,
};
use minijinja::value::ValueKind;

use super::statements::LOOP;
use super::{Lower, Sight, arguments};
use crate::template::fault::R;
use crate::template::vars::ABSENT;
use crate::template::{filters, lookups, python, tests};

impl Lower<'_> {
    /// A chain of filters over a captured block.
    pub(super) fn piped(&mut self, filter: Option<&Expr<'_>>, block: &str) -> R<()> {
        match filter {
            None => {
                self.put(&format!("__captured({block})"));
                Ok(())
            }
            Some(Expr::Filter(filter)) => {
                let span = filter.span();
                self.filter(filter, span, |lower| lower.piped(filter.expr.as_ref(), block))
            }
            Some(other) => self.refuse("a filter is expected here", "write {% filter NAME %}", other.span()),
        }
    }

    fn filter(
        &mut self,
        filter: &Filter<'_>,
        span: minijinja::machinery::Span,
        of: impl FnOnce(&mut Self) -> R<()>,
    ) -> R<()> {
        let fits = filters::known(filter.name).and_then(|()| match self.strictly {
            true => arguments::of_filter(filter.name, &filter.args),
            false => Ok(()),
        });
        fits.map_err(|fault| fault.at(self.source, self.range(span)))?;
        self.put("__filter(");
        self.text(filter.name);
        self.put(", ");
        of(self)?;
        self.args(&filter.args, None, false)?;
        self.put(")");
        Ok(())
    }

    /// `, [positional], {named}, *rest, **named`. `caller` is the name of the macro that a call block made; `texts`: a
    /// text that is a template itself is rendered.
    fn args(&mut self, args: &[CallArg<'_>], caller: Option<&str>, texts: bool) -> R<()> {
        let (mut star, mut stars) = (None, None);
        self.put(", [");
        let positional = args.iter().filter_map(|arg| if let CallArg::Pos(value) = arg { Some(value) } else { None });
        self.separated(positional, |lower, value| {
            let template = match value {
                Expr::Const(value) if texts => {
                    value.value.as_str().is_some_and(|text| crate::template::Options::default().may_be_template(text))
                }
                _ => false,
            };
            if template { lower.call("__render", &[value]) } else { lower.expr(value) }
        })?;
        self.put("], {");
        for arg in args {
            match arg {
                CallArg::Kwarg(name, value) => {
                    self.text(name);
                    self.put(": ");
                    self.expr(value)?;
                    self.put(", ");
                }
                CallArg::PosSplat(value) => star = Some(value),
                CallArg::KwargSplat(value) => stars = Some(value),
                CallArg::Pos(_) => {}
            }
        }
        if let Some(caller) = caller {
            self.put(&format!("\"caller\": {caller}"));
        }
        self.put("}");
        for splat in [star, stars] {
            self.put(", ");
            self.optional(splat)?;
        }
        Ok(())
    }

    fn optional(&mut self, value: Option<&Expr<'_>>) -> R<()> {
        match value {
            Some(value) => self.expr(value),
            None => {
                self.put("none");
                Ok(())
            }
        }
    }

    /// A function over expressions.
    pub(super) fn call(&mut self, function: &str, parts: &[&Expr<'_>]) -> R<()> {
        self.put(function);
        self.put("(");
        self.separated(parts, |lower, part| lower.expr(part))?;
        self.put(")");
        Ok(())
    }

    /// A name's value: the template's own, else what it sees of what is around it.
    fn name(&mut self, var: &Spanned<Var<'_>>) {
        let known = match var.id {
            "loop" => LOOP,
            id => self.catching(id).unwrap_or(id),
        };
        if known == var.id {
            self.names.insert(var.id.to_owned());
        }
        if ABSENT.contains(&var.id) {
            let range = self.range(var.span());
            self.absent.push((var.id.to_owned(), range));
        }
        self.put(if self.sight == Sight::All { "__var(" } else { "__own(" });
        self.put(known);
        self.put(", ");
        self.text(var.id);
        self.put(")");
    }

    /// `FUNCTION([items])`.
    fn many<'a, 'b: 'a>(&mut self, function: &str, items: impl IntoIterator<Item = &'a Expr<'b>>) -> R<()> {
        self.put(function);
        self.put("([");
        self.separated(items, |lower, item| lower.expr(item))?;
        self.put("])");
        Ok(())
    }

    fn constant(&mut self, value: &minijinja::Value) {
        match value.kind() {
            ValueKind::String => self.text(value.as_str().unwrap_or_default()),
            ValueKind::None | ValueKind::Undefined => self.put("none"),
            ValueKind::Bool => self.put(if value.is_true() { "true" } else { "false" }),
            _ if value.is_integer() => self.put(&value.to_string()),
            _ => {
                // A float's text gives the very same float back.
                self.put("__float(");
                self.text(&python::float(f64::try_from(value.clone()).unwrap_or(0.0)));
                self.put(")");
            }
        }
    }

    fn operation(&mut self, op: &BinOp<'_>) -> R<()> {
        if matches!(op.op, BinOpKind::ScAnd | BinOpKind::ScOr) {
            self.put("(");
            self.call("__check", &[&op.left])?;
            self.put(if matches!(op.op, BinOpKind::ScAnd) { " and " } else { " or " });
            self.expr(&op.right)?;
            self.put(")");
            return Ok(());
        }
        self.put("__op(");
        self.text(match op.op {
            BinOpKind::Ne => "!=",
            BinOpKind::Lt => "<",
            BinOpKind::Lte => "<=",
            BinOpKind::Gt => ">",
            BinOpKind::Gte => ">=",
            BinOpKind::In => "in",
            BinOpKind::Add => "+",
            BinOpKind::Sub => "-",
            BinOpKind::Mul => "*",
            BinOpKind::Div => "/",
            BinOpKind::FloorDiv => "//",
            BinOpKind::Rem => "%",
            BinOpKind::Pow => "**",
            BinOpKind::Concat => "~",
            BinOpKind::Eq | BinOpKind::ScAnd | BinOpKind::ScOr => "==",
        });
        self.put(", ");
        self.separated([&op.left, &op.right], |lower, side| lower.expr(side))?;
        self.put(")");
        Ok(())
    }

    pub(super) fn expr(&mut self, expr: &Expr<'_>) -> R<()> {
        match expr {
            Expr::Const(value) => self.constant(&value.value),
            Expr::Var(var) => self.name(var),
            Expr::List(list) => self.many("__list", &list.items)?,
            Expr::Tuple(tuple) => self.many("__tuple", &tuple.items)?,
            Expr::Map(map) => {
                self.many("__dict", map.keys.iter().zip(&map.values).flat_map(|(key, value)| [key, value]))?;
            }
            Expr::UnaryOp(op) => match op.op {
                UnaryOpKind::Not => {
                    self.put("(not ");
                    self.call("__truth", &[&op.expr])?;
                    self.put(")");
                }
                UnaryOpKind::Neg => self.call("__neg", &[&op.expr])?,
            },
            Expr::BinOp(op) => self.operation(op)?,
            Expr::Compare(compare) => {
                self.put("__chain(");
                self.expr(&compare.expr)?;
                for op in &compare.ops {
                    self.put(", ");
                    self.text(match op.op {
                        CompareOpKind::Eq => "==",
                        CompareOpKind::Ne => "!=",
                        CompareOpKind::Lt => "<",
                        CompareOpKind::Lte => "<=",
                        CompareOpKind::Gt => ">",
                        CompareOpKind::Gte => ">=",
                        CompareOpKind::In => "in",
                        CompareOpKind::NotIn => "not in",
                    });
                    self.put(", ");
                    self.expr(&op.expr)?;
                }
                self.put(")");
            }
            Expr::IfExpr(choice) => {
                self.put("(");
                self.expr(&choice.true_expr)?;
                self.put(" if ");
                self.call("__truth", &[&choice.test_expr])?;
                self.put(" else ");
                match &choice.false_expr {
                    Some(otherwise) => self.expr(otherwise)?,
                    None => self.put("__nothing()"),
                }
                self.put(")");
            }
            Expr::Filter(filter) => {
                let span = filter.span();
                self.filter(filter, span, |lower| lower.optional(filter.expr.as_ref()))?;
            }
            Expr::Test(test) => {
                let fits = tests::known(test.name).and_then(|()| match self.strictly {
                    true => arguments::of_test(test.name, &test.args),
                    false => Ok(()),
                });
                fits.map_err(|fault| fault.at(self.source, self.range(test.span())))?;
                self.put("__test(");
                self.text(test.name);
                self.put(", ");
                self.expr(&test.expr)?;
                self.args(&test.args, None, false)?;
                self.put(")");
            }
            Expr::GetAttr(attr) => {
                self.put("__attr(");
                self.expr(&attr.expr)?;
                self.put(", ");
                self.text(attr.name);
                self.put(")");
            }
            Expr::GetItem(item) => self.call("__item", &[&item.expr, &item.subscript_expr])?,
            Expr::Slice(slice) => {
                self.put("__slice(");
                self.expr(&slice.expr)?;
                for part in [&slice.start, &slice.stop, &slice.step] {
                    self.put(", ");
                    self.optional(part.as_ref())?;
                }
                self.put(")");
            }
            Expr::Call(call) => self.call_expr(call, None)?,
        }
        Ok(())
    }

    pub(super) fn call_expr(&mut self, call: &Call<'_>, caller: Option<&str>) -> R<()> {
        match &call.expr {
            Expr::Var(var) if var.id == "loop" => {
                let [CallArg::Pos(items)] = &call.args[..] else {
                    return self.refuse("loop(…) takes what it goes through", "give it one list", var.span());
                };
                self.put("loop(");
                self.call("__iter", &[items])?;
                self.put(")");
                return Ok(());
            }
            Expr::Var(var) if var.id == "super" => {
                self.put("__captured(super())");
                return Ok(());
            }
            Expr::GetAttr(attr) if matches!(&attr.expr, Expr::Var(var) if var.id == "self") => {
                self.put(&format!("__captured(self.{}())", attr.name));
                return Ok(());
            }
            Expr::Var(var) if var.id == "namespace" && !self.given.contains(var.id) => {
                self.put("namespace(__fields(none");
                self.args(&call.args, None, false)?;
                self.put(")");
            }
            Expr::Var(var) if matches!(var.id, "lookup" | "query" | "q") && !self.given.contains(var.id) => {
                // What is written out is told before anything runs.
                if let Some(CallArg::Pos(Expr::Const(name))) = call.args.first()
                    && let Some(name) = name.value.as_str()
                {
                    lookups::known(name).map_err(|fault| fault.at(self.source, self.range(var.span())))?;
                }
                self.put("__lookup(");
                self.text(var.id);
                self.args(&call.args, None, true)?;
            }
            Expr::GetAttr(attr) => {
                self.put("__method(");
                self.expr(&attr.expr)?;
                self.put(", ");
                self.text(attr.name);
                self.args(&call.args, caller, false)?;
            }
            callee => {
                self.put("__call(");
                self.expr(callee)?;
                self.args(&call.args, caller, false)?;
            }
        }
        self.put(")");
        Ok(())
    }
}
