//! The statements: those of minijinja, around lowered expressions.

use minijinja::machinery::ast::{Block, Expr, ForLoop, IfCond, Stmt, WithBlock};

use super::Lower;
use crate::template::fault::{Fault, R};

/// The name by which a loop's body knows its `loop`, which minijinja lets nobody hide.
pub const LOOP: &str = "__loop";

impl Lower<'_> {
    pub(super) fn body(&mut self, body: &[Stmt<'_>]) -> R<()> {
        body.iter().try_for_each(|stmt| self.stmt(stmt))
    }

    /// A body with names of its own.
    fn scope(&mut self, names: Vec<String>, body: &[Stmt<'_>]) -> R<()> {
        self.scopes.push(names);
        let result = self.body(body);
        self.scopes.pop();
        result
    }

    fn captured(&mut self, body: &[Stmt<'_>]) -> R<String> {
        let name = self.made("block");
        self.put(&format!("{{% set {name} %}}"));
        self.scope(Vec::new(), body)?;
        self.put("{% endset %}");
        Ok(name)
    }

    fn stmt(&mut self, stmt: &Stmt<'_>) -> R<()> {
        match stmt {
            Stmt::Template(template) => self.body(&template.children),
            Stmt::EmitRaw(raw) => {
                let newline = &self.options.newline;
                let text = if newline == "\n" { raw.raw.to_owned() } else { raw.raw.replace('\n', newline) };
                self.put("{{ ");
                self.text(&text);
                self.put(" }}");
                Ok(())
            }
            Stmt::EmitExpr(emit) => {
                self.mark(emit.expr.span());
                self.put("{{ ");
                self.expr(&emit.expr)?;
                self.put(" }}");
                Ok(())
            }
            Stmt::IfCond(cond) => self.condition(cond),
            Stmt::ForLoop(each) => self.for_loop(each),
            Stmt::WithBlock(with) => {
                self.mark(with.span());
                self.with(with)
            }
            Stmt::Set(set) => {
                self.mark(set.span());
                self.assign(&set.target, |lower| lower.expr(&set.expr))
            }
            Stmt::SetBlock(set) => {
                self.mark(set.span());
                let name = self.captured(&set.body)?;
                self.assign(&set.target, |lower| lower.piped(set.filter.as_ref(), &name))
            }
            Stmt::FilterBlock(block) => {
                self.mark(block.filter_span);
                let name = self.captured(&block.body)?;
                self.put("{{ ");
                self.piped(Some(&block.filter), &name)?;
                self.put(" }}");
                Ok(())
            }
            Stmt::AutoEscape(auto) => {
                if auto.enabled.as_const().is_none_or(|value| value.is_true()) {
                    let message = "`autoescape` that is on is not supported here";
                    return self.refuse(message, "use the filter `e`", auto.span());
                }
                self.put("{% with %}");
                self.scope(Vec::new(), &auto.body)?;
                self.put("{% endwith %}");
                Ok(())
            }
            Stmt::Block(block) => {
                self.mark(block.span());
                let scoped = self.words_after(block.span().start_offset).contains(&"scoped");
                self.block(block, scoped)
            }
            Stmt::Extends(extends) => self.extends(&extends.name),
            Stmt::Include(include) => self.include(include),
            Stmt::Import(import) => {
                self.imported("{% import ", &import.expr)?;
                self.put(" as ");
                self.target(&import.name)?;
                self.put(" %}");
                Ok(())
            }
            Stmt::FromImport(import) => {
                self.imported("{% from ", &import.expr)?;
                self.put(" import ");
                self.separated(&import.names, |lower, (name, alias)| {
                    let Some(alias) = alias else { return lower.target(name) };
                    if let Expr::Var(name) = name {
                        lower.put(name.id);
                    }
                    lower.put(" as ");
                    lower.target(alias)
                })?;
                self.put(" %}");
                Ok(())
            }
            Stmt::Macro(made) => {
                self.mark(made.span());
                self.gives(made.name);
                self.a_macro(made.name, made)
            }
            Stmt::CallBlock(block) => self.call_block(block),
            Stmt::Do(stmt) => self.refuse(
                "there is no statement `do` here",
                "Ansible does not load Jinja's `do` either: write {% set _ = … %}",
                stmt.span(),
            ),
            #[allow(unreachable_patterns, reason = "minijinja's features add statements")]
            _ => Err(Fault::new("this template has a statement that is not supported here")),
        }
    }

    fn condition(&mut self, cond: &IfCond<'_>) -> R<()> {
        self.mark(cond.expr.span());
        self.put("{% if ");
        self.call("__truth", &[&cond.expr])?;
        self.put(" %}");
        self.body(&cond.true_body)?;
        if !cond.false_body.is_empty() {
            self.put("{% else %}");
            self.body(&cond.false_body)?;
        }
        self.put("{% endif %}");
        Ok(())
    }

    fn for_loop(&mut self, each: &ForLoop<'_>) -> R<()> {
        self.mark(each.iter.span());
        self.scopes.push(vec![LOOP.to_owned()]);
        self.put("{% for ");
        self.target(&each.target)?;
        self.put(" in ");
        self.call("__iter", &[&each.iter])?;
        if let Some(filter) = &each.filter_expr {
            self.put(" if ");
            self.call("__truth", &[filter])?;
        }
        self.put(if each.recursive { " recursive %}" } else { " %}" });
        let body = self.aside(|lower| lower.body(&each.body));
        self.scopes.pop();
        let body = body?;
        // As in Jinja, what is included sees a `loop` where the loop's body names it.
        if each.recursive || body.contains(LOOP) {
            self.put(&format!("{{% set {LOOP} = loop %}}"));
        }
        self.put(&body);
        if !each.else_body.is_empty() {
            self.put("{% else %}");
            self.scope(Vec::new(), &each.else_body)?;
        }
        self.put("{% endfor %}");
        Ok(())
    }

    fn with(&mut self, with: &WithBlock<'_>) -> R<()> {
        // Each value is calculated outside of the block: none sees the names that are given beside it.
        let several = with.assignments.len() > 1;
        let mut made = Vec::new();
        if several {
            self.put("{% with ");
            self.separated(&with.assignments, |lower, (_, value)| {
                let name = lower.made("with");
                lower.put(&format!("{name} = "));
                made.push(name);
                lower.expr(value)
            })?;
            self.put(" %}");
        }
        self.scopes.push(Vec::new());
        self.put("{% with ");
        self.separated(with.assignments.iter().enumerate(), |lower, (at, (target, value))| {
            lower.target(target)?;
            lower.put(" = ");
            match made.get(at) {
                Some(name) => lower.put(name),
                None => lower.expr(value)?,
            }
            Ok(())
        })?;
        self.put(" %}");
        let result = self.body(&with.body);
        self.scopes.pop();
        self.put("{% endwith %}");
        self.put(if several { "{% endwith %}" } else { "" });
        result
    }

    /// A block sees what the template gives values to at its top; what is given around it, only when it is `scoped`.
    fn block(&mut self, block: &Block<'_>, scoped: bool) -> R<()> {
        let mut hidden: Vec<String> = if scoped { Vec::new() } else { self.scopes.iter().flatten().cloned().collect() };
        hidden.sort();
        hidden.dedup();
        if !hidden.is_empty() {
            let hidden: Vec<String> = hidden.iter().map(|name| format!("{name} = __hidden()")).collect();
            self.put(&format!("{{% with {} %}}", hidden.join(", ")));
        }
        self.put(&format!("{{% block {} %}}", block.name));
        self.scope(Vec::new(), &block.body)?;
        self.put("{% endblock %}");
        self.put(if hidden.is_empty() { "" } else { "{% endwith %}" });
        Ok(())
    }

    fn assign(&mut self, target: &Expr<'_>, value: impl FnOnce(&mut Self) -> R<()>) -> R<()> {
        self.put("{% set ");
        self.target(target)?;
        self.put(" = ");
        value(self)?;
        self.put(" %}");
        Ok(())
    }

    /// Notes that a name gets a value here.
    fn gives(&mut self, name: &str) {
        self.names.insert(name.to_owned());
        self.given.insert(name.to_owned());
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(name.to_owned());
        }
    }

    pub(super) fn target(&mut self, target: &Expr<'_>) -> R<()> {
        match target {
            Expr::Var(var) => {
                self.gives(var.id);
                self.put(var.id);
            }
            Expr::GetAttr(attr) => {
                if let Expr::Var(var) = &attr.expr {
                    self.put(var.id);
                } else {
                    self.target(&attr.expr)?;
                }
                self.put(&format!(".{}", attr.name));
            }
            Expr::List(list) => {
                self.put("(");
                for item in &list.items {
                    self.target(item)?;
                    self.put(", ");
                }
                self.put(")");
            }
            other => return self.refuse("nothing can be given to this", "give it to a name", other.span()),
        }
        Ok(())
    }
}
