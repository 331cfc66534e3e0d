//! Macros, and the blocks that call them.

use minijinja::machinery::ast::{CallBlock, Expr, Macro};

use super::Lower;
use crate::template::fault::R;

/// The parameter that takes the positional arguments which the others don't.
pub const VARARGS: &str = "__varargs";
/// The parameter that takes the named arguments which the others don't.
pub const KWARGS: &str = "__kwargs";

/// The macro whose body is being lowered.
pub struct Inside {
    params: Vec<String>,
    varargs: bool,
    kwargs: bool,
}

impl Lower<'_> {
    /// The parameter behind `varargs` and `kwargs`, where they are a macro's.
    pub(super) fn catching(&mut self, name: &str) -> Option<&'static str> {
        let inside = self.macros.last_mut()?;
        if inside.params.iter().any(|param| param == name) {
            return None;
        }
        match name {
            "varargs" => {
                inside.varargs = true;
                Some(VARARGS)
            }
            "kwargs" => {
                inside.kwargs = true;
                Some(KWARGS)
            }
            _ => None,
        }
    }

    /// `{% macro NAME(…) %}…{% endmacro %}`. A parameter that is not given takes its default, which may name those
    /// before it, or says so where it is used.
    pub(super) fn a_macro(&mut self, name: &str, made: &Macro<'_>) -> R<()> {
        let params: Vec<String> = made.args.iter().filter_map(name_of).collect();
        self.macros.push(Inside { params: params.clone(), varargs: false, kwargs: false });
        self.scopes.push(params.clone());
        let body = self.aside(|lower| {
            let without = made.args.len() - made.defaults.len();
            for (at, param) in params.iter().enumerate() {
                lower.put(&format!("{{% if __unset({param}) %}}{{% set {param} = "));
                match at.checked_sub(without).and_then(|at| made.defaults.get(at)) {
                    Some(default) => lower.expr(default)?,
                    None => {
                        lower.put("__missing(");
                        lower.text(param);
                        lower.put(")");
                    }
                }
                lower.put(" %}{% endif %}");
            }
            lower.body(&made.body)
        });
        self.scopes.pop();
        let inside = self.macros.pop();
        let mut all = params;
        all.extend(inside.as_ref().is_some_and(|inside| inside.varargs).then(|| VARARGS.to_owned()));
        all.extend(inside.as_ref().is_some_and(|inside| inside.kwargs).then(|| KWARGS.to_owned()));
        self.put(&format!("{{% macro {name}({}) %}}{}{{% endmacro %}}", all.join(", "), body?));
        Ok(())
    }

    /// `{% call(…) f(…) %}…{% endcall %}`: a macro of its own, which `f` is given as `caller`.
    pub(super) fn call_block(&mut self, block: &CallBlock<'_>) -> R<()> {
        let caller = self.made("caller");
        self.mark(block.call_expr_span);
        self.a_macro(&caller, &block.macro_decl)?;
        self.mark(block.call_expr_span);
        self.put("{{ ");
        self.call_expr(&block.call, Some(&caller))?;
        self.put(" }}");
        Ok(())
    }
}

fn name_of(param: &Expr<'_>) -> Option<String> {
    if let Expr::Var(var) = param { Some(var.id.to_owned()) } else { None }
}
