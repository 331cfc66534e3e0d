//! A template as minijinja runs it: its statements stay, and every expression becomes calls of functions that calculate as
//! Python does. Each statement has a line of its own, by which errors find the template's own place.

use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::ast::{BinOpKind, Call, CallArg, CompareOpKind, Expr, Macro, Stmt, UnaryOpKind};
use minijinja::machinery::{Span, parse};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;

use super::fault::{Fault, R, Source};
use super::syntax::Options;

/// What minijinja is given for a template.
#[derive(Clone)]
pub struct Lowered {
    pub text: String,
    /// The template as it was written.
    pub source: Source,
    /// For each line of `text`, the place in the source.
    pub lines: Vec<Range<usize>>,
}

impl Lowered {
    /// The place of a line of the lowered text.
    pub fn place(&self, line: usize) -> Range<usize> {
        self.lines.get(line.saturating_sub(1)).cloned().unwrap_or(0..0)
    }
}

/// Lowers a template. `header` is how many bytes its first line has, when that sets options.
pub fn lower(source: Source, header: usize, options: &Options) -> R<Lowered> {
    let body = &source.text[header..];
    let (doubled, body) = (super::adapt::adapted(body, options), body);
    let text = doubled.as_deref().unwrap_or(body);
    let syntax = syntax(options)?;
    let ast = parse(text, "template", syntax).map_err(|error| {
        let message = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        let fault = explained(message);
        match (error.range(), error.line()) {
            (Some(span), _)
                if doubled.is_none() && source.text.get(header + span.start..header + span.end).is_some() =>
            {
                fault.at(&source, header + span.start..header + span.end)
            }
            (_, Some(line)) => fault.at(&source, line_span(&source.text, header, line)),
            _ => fault,
        }
    })?;
    let mut lower = Lower {
        out: String::new(),
        lines: std::iter::once(0..0).collect(),
        source: &source,
        header,
        exact: doubled.is_none(),
        newline: &options.newline,
        blocks: 0,
        params: Vec::new(),
    };
    if let Stmt::Template(template) = &ast {
        lower.body(&template.children)?;
    }
    let (text, lines) = (lower.out, lower.lines);
    Ok(Lowered { text, lines, source })
}

/// The bytes of a line behind the header.
fn line_span(text: &str, header: usize, line: usize) -> Range<usize> {
    let start = header + text[header..].split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let this = text.get(start..).unwrap_or_default().split('\n').next().unwrap_or_default();
    let from = start + this.len() - this.trim_start().len();
    from.min(text.len())..(start + this.trim_end().len()).max(from).min(text.len())
}

pub fn syntax(options: &Options) -> R<SyntaxConfig> {
    let mut builder = SyntaxConfig::builder();
    builder
        .block_delimiters(options.block_start.clone(), options.block_end.clone())
        .variable_delimiters(options.variable_start.clone(), options.variable_end.clone())
        .comment_delimiters(options.comment_start.clone(), options.comment_end.clone())
        .trim_blocks(options.trim_blocks)
        .lstrip_blocks(options.lstrip_blocks)
        .keep_trailing_newline(options.keep_trailing_newline);
    builder.build().map_err(|error| Fault::new(error.to_string()))
}

/// A mistake that Ansible's users know under another name.
fn explained(message: String) -> Box<Fault> {
    let hint = if message.contains("unknown statement break") || message.contains("unknown statement continue") {
        Some("Ansible does not load Jinja's loop controls either: filter the list in the `for`")
    } else if message.contains("unknown statement trans") {
        Some("translations are not loaded in Ansible either")
    } else {
        None
    };
    let fault = Fault::new(message);
    match hint {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

struct Lower<'a> {
    out: String,
    lines: Vec<Range<usize>>,
    source: &'a Source,
    header: usize,
    /// Whether the places of the parser are those of the source.
    exact: bool,
    newline: &'a str,
    blocks: usize,
    /// The parameters of the macros around.
    params: Vec<Vec<String>>,
}

impl Lower<'_> {
    fn range(&self, span: Span) -> Range<usize> {
        let (start, end) = (self.header + span.start_offset as usize, self.header + span.end_offset as usize);
        if self.exact && end > start && self.source.text.get(start..end).is_some() {
            return start..end;
        }
        line_span(&self.source.text, self.header, span.start_line.into())
    }

    fn refuse<T>(&self, message: &str, hint: &str, span: Span) -> R<T> {
        Err(Fault::new(message).hint(hint).at(self.source, self.range(span)))
    }

    /// Begins a line for what stands at `span`.
    fn mark(&mut self, span: Span) {
        self.out.push_str("{#\n#}");
        let range = self.range(span);
        self.lines.push(range);
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn body(&mut self, body: &[Stmt<'_>]) -> R<()> {
        body.iter().try_for_each(|stmt| self.stmt(stmt))
    }

    fn captured(&mut self, body: &[Stmt<'_>]) -> R<String> {
        self.blocks += 1;
        let name = format!("__block{}", self.blocks);
        self.put(&format!("{{% set {name} %}}"));
        self.body(body)?;
        self.put("{% endset %}");
        Ok(name)
    }
    fn stmt(&mut self, stmt: &Stmt<'_>) -> R<()> {
        match stmt {
            Stmt::Template(template) => self.body(&template.children)?,
            Stmt::EmitRaw(raw) => {
                let text = if self.newline == "\n" { raw.raw.to_owned() } else { raw.raw.replace('\n', self.newline) };
                self.put("{{ ");
                self.text(&text);
                self.put(" }}");
            }
            Stmt::EmitExpr(emit) => {
                self.mark(emit.expr.span());
                self.put("{{ ");
                self.expr(&emit.expr)?;
                self.put(" }}");
            }
            Stmt::IfCond(cond) => {
                self.mark(cond.expr.span());
                self.put("{% if __truth(");
                self.expr(&cond.expr)?;
                self.put(") %}");
                self.body(&cond.true_body)?;
                if !cond.false_body.is_empty() {
                    self.put("{% else %}");
                    self.body(&cond.false_body)?;
                }
                self.put("{% endif %}");
            }
            Stmt::ForLoop(each) => {
                self.mark(each.iter.span());
                self.put("{% for ");
                self.target(&each.target)?;
                self.put(" in __iter(");
                self.expr(&each.iter)?;
                self.put(")");
                if let Some(filter) = &each.filter_expr {
                    self.put(" if __truth(");
                    self.expr(filter)?;
                    self.put(")");
                }
                self.put(if each.recursive { " recursive %}" } else { " %}" });
                self.body(&each.body)?;
                if !each.else_body.is_empty() {
                    self.put("{% else %}");
                    self.body(&each.else_body)?;
                }
                self.put("{% endfor %}");
            }
            Stmt::WithBlock(with) => {
                self.mark(with.span());
                self.put("{% with ");
                for (at, (target, value)) in with.assignments.iter().enumerate() {
                    self.put(if at > 0 { ", " } else { "" });
                    self.target(target)?;
                    self.put(" = ");
                    self.expr(value)?;
                }
                self.put(" %}");
                self.body(&with.body)?;
                self.put("{% endwith %}");
            }
            Stmt::Set(set) => {
                self.mark(set.span());
                self.put("{% set ");
                self.target(&set.target)?;
                self.put(" = ");
                self.expr(&set.expr)?;
                self.put(" %}");
            }
            Stmt::SetBlock(set) => {
                self.mark(set.span());
                let name = self.captured(&set.body)?;
                self.put("{% set ");
                self.target(&set.target)?;
                self.put(" = ");
                self.piped(set.filter.as_ref(), &name)?;
                self.put(" %}");
            }
            Stmt::FilterBlock(block) => {
                self.mark(block.filter_span);
                let name = self.captured(&block.body)?;
                self.put("{{ ");
                self.piped(Some(&block.filter), &name)?;
                self.put(" }}");
            }
            Stmt::AutoEscape(auto) => {
                let off = auto.enabled.as_const().is_some_and(|value| !value.is_true());
                if !off {
                    return self.refuse(
                        "`autoescape` that is on is not supported here",
                        "use the filter `e`",
                        auto.span(),
                    );
                }
                self.put("{% with %}");
                self.body(&auto.body)?;
                self.put("{% endwith %}");
            }
            Stmt::Block(block) => {
                self.mark(block.span());
                self.put(&format!("{{% block {} %}}", block.name));
                self.body(&block.body)?;
                self.put("{% endblock %}");
            }
            Stmt::Extends(extends) => {
                self.mark(extends.name.span());
                self.put("{% extends __names(");
                self.expr(&extends.name)?;
                self.put(") %}");
            }
            Stmt::Include(include) => {
                self.mark(include.name.span());
                self.put("{% include __names(");
                self.expr(&include.name)?;
                self.put(if include.ignore_missing { ") ignore missing %}" } else { ") %}" });
            }
            Stmt::Import(import) => {
                self.mark(import.expr.span());
                self.put("{% import __names(");
                self.expr(&import.expr)?;
                self.put(") as ");
                self.target(&import.name)?;
                self.put(" %}");
            }
            Stmt::FromImport(import) => {
                self.mark(import.expr.span());
                self.put("{% from __names(");
                self.expr(&import.expr)?;
                self.put(") import ");
                for (at, (name, alias)) in import.names.iter().enumerate() {
                    self.put(if at > 0 { ", " } else { "" });
                    self.target(name)?;
                    if let Some(alias) = alias {
                        self.put(" as ");
                        self.target(alias)?;
                    }
                }
                self.put(" %}");
            }
            Stmt::Macro(made) => {
                self.mark(made.span());
                self.put(&format!("{{% macro {}(", made.name));
                self.made(made, "endmacro")?;
            }
            Stmt::CallBlock(block) => {
                self.mark(block.call_expr_span);
                self.put("{% call(");
                let mut head = String::new();
                std::mem::swap(&mut head, &mut self.out);
                let callee = match &block.call.expr {
                    Expr::Var(var) => var.id.to_owned(),
                    Expr::GetAttr(attr) => match &attr.expr {
                        Expr::Var(var) => format!("{}.{}", var.id, attr.name),
                        _ => {
                            return self.refuse(
                                "`call` takes a macro's name here",
                                "import the macro by name",
                                block.call_expr_span,
                            );
                        }
                    },
                    _ => {
                        return self.refuse(
                            "`call` takes a macro's name here",
                            "import the macro by name",
                            block.call_expr_span,
                        );
                    }
                };
                for (at, arg) in block.call.args.iter().enumerate() {
                    self.put(if at > 0 { ", " } else { "" });
                    match arg {
                        CallArg::Pos(value) => self.expr(value)?,
                        CallArg::Kwarg(name, value) => {
                            self.put(&format!("{name}="));
                            self.expr(value)?;
                        }
                        CallArg::PosSplat(value) | CallArg::KwargSplat(value) => {
                            return self.refuse(
                                "`*` and `**` are not supported in `call`",
                                "name the arguments",
                                value.span(),
                            );
                        }
                    }
                }
                std::mem::swap(&mut head, &mut self.out);
                let lowered = head;
                let decl = &block.macro_decl;
                self.signature(decl)?;
                self.put(&format!(") {callee}({lowered}) %}}"));
                self.params.push(names(decl));
                self.body(&decl.body)?;
                self.params.pop();
                self.put("{% endcall %}");
            }
            Stmt::Do(stmt) => {
                return self.refuse(
                    "there is no statement `do` here",
                    "Ansible does not load Jinja's `do` either: write {% set _ = … %}",
                    stmt.span(),
                );
            }
            #[allow(unreachable_patterns, reason = "minijinja's features add statements")]
            _ => return Err(Fault::new("this template has a statement that is not supported here")),
        }
        Ok(())
    }

    fn signature(&mut self, made: &Macro<'_>) -> R<()> {
        let without = made.args.len() - made.defaults.len();
        for (at, arg) in made.args.iter().enumerate() {
            self.put(if at > 0 { ", " } else { "" });
            self.target(arg)?;
            if at >= without {
                self.put("=");
                self.expr(&made.defaults[at - without])?;
            }
        }
        Ok(())
    }

    fn made(&mut self, made: &Macro<'_>, end: &str) -> R<()> {
        self.signature(made)?;
        self.put(") %}");
        self.params.push(names(made));
        self.body(&made.body)?;
        self.params.pop();
        self.put(&format!("{{% {end} %}}"));
        Ok(())
    }

    fn target(&mut self, target: &Expr<'_>) -> R<()> {
        match target {
            Expr::Var(var) => self.put(var.id),
            Expr::GetAttr(attr) => {
                self.target(&attr.expr)?;
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

    /// A chain of filters over a captured block.
    fn piped(&mut self, filter: Option<&Expr<'_>>, block: &str) -> R<()> {
        match filter {
            None => {
                self.put(&format!("__captured({block})"));
                Ok(())
            }
            Some(Expr::Filter(filter)) => {
                super::filters::known(filter.name).map_err(|fault| fault.at(self.source, self.range(filter.span())))?;
                self.put("__filter(");
                self.text(filter.name);
                self.put(", ");
                self.piped(filter.expr.as_ref(), block)?;
                self.args(&filter.args, false)?;
                self.put(")");
                Ok(())
            }
            Some(other) => self.refuse("a filter is expected here", "write {% filter NAME %}", other.span()),
        }
    }

    fn list(&mut self, items: &[Expr<'_>]) -> R<()> {
        self.put("[");
        for (at, item) in items.iter().enumerate() {
            self.put(if at > 0 { ", " } else { "" });
            self.expr(item)?;
        }
        self.put("]");
        Ok(())
    }

    /// `, [positional], {named}, *rest, **named`. `texts`: a text that is a template itself is rendered.
    fn args(&mut self, args: &[CallArg<'_>], texts: bool) -> R<()> {
        let (mut star, mut stars) = (None, None);
        self.put(", [");
        for (at, value) in
            args.iter().filter_map(|arg| if let CallArg::Pos(value) = arg { Some(value) } else { None }).enumerate()
        {
            self.put(if at > 0 { ", " } else { "" });
            let template = match value {
                Expr::Const(value) if texts => {
                    value.value.as_str().is_some_and(|text| Options::default().may_be_template(text))
                }
                _ => false,
            };
            self.put(if template { "__render(" } else { "" });
            self.expr(value)?;
            self.put(if template { ")" } else { "" });
        }
        self.put("], {");
        let mut first = true;
        for arg in args {
            match arg {
                CallArg::Kwarg(name, value) => {
                    self.put(if first { "" } else { ", " });
                    first = false;
                    self.text(name);
                    self.put(": ");
                    self.expr(value)?;
                }
                CallArg::PosSplat(value) => star = Some(value),
                CallArg::KwargSplat(value) => stars = Some(value),
                CallArg::Pos(_) => {}
            }
        }
        self.put("}");
        for splat in [star, stars] {
            self.put(", ");
            match splat {
                Some(value) => self.expr(value)?,
                None => self.put("none"),
            }
        }
        Ok(())
    }

    fn call(&mut self, function: &str, parts: &[&Expr<'_>]) -> R<()> {
        self.put(function);
        self.put("(");
        for (at, part) in parts.iter().enumerate() {
            self.put(if at > 0 { ", " } else { "" });
            self.expr(part)?;
        }
        self.put(")");
        Ok(())
    }
    fn expr(&mut self, expr: &Expr<'_>) -> R<()> {
        match expr {
            Expr::Const(value) => {
                let value = &value.value;
                match value.kind() {
                    ValueKind::String => self.text(value.as_str().unwrap_or_default()),
                    ValueKind::None | ValueKind::Undefined => self.put("none"),
                    ValueKind::Bool => self.put(if value.is_true() { "true" } else { "false" }),
                    _ if value.is_integer() => self.put(&value.to_string()),
                    _ => {
                        // A float's text gives the very same float back.
                        let number = f64::try_from(value.clone()).unwrap_or(0.0);
                        self.put("__float(");
                        self.text(&super::python::float(number));
                        self.put(")");
                    }
                }
            }
            Expr::Var(var) => {
                if matches!(var.id, "varargs" | "kwargs")
                    && !self.params.is_empty()
                    && !self.params.iter().flatten().any(|name| name == var.id)
                {
                    let message = format!("`{}` of a macro is not supported here", var.id);
                    return self.refuse(&message, "give the macro a parameter for it", var.span());
                }
                self.put(&format!("__var({}, ", var.id));
                self.text(var.id);
                self.put(")");
            }
            Expr::List(list) => {
                self.put("__list(");
                self.list(&list.items)?;
                self.put(")");
            }
            Expr::Tuple(tuple) => {
                self.put("__tuple(");
                self.list(&tuple.items)?;
                self.put(")");
            }
            Expr::Map(map) => {
                self.put("__dict([");
                for (at, (key, value)) in map.keys.iter().zip(&map.values).enumerate() {
                    self.put(if at > 0 { ", " } else { "" });
                    self.expr(key)?;
                    self.put(", ");
                    self.expr(value)?;
                }
                self.put("])");
            }
            Expr::UnaryOp(op) => match op.op {
                UnaryOpKind::Not => {
                    self.put("(not __truth(");
                    self.expr(&op.expr)?;
                    self.put("))");
                }
                UnaryOpKind::Neg => self.call("__neg", &[&op.expr])?,
            },
            Expr::BinOp(op) => {
                let name = match op.op {
                    BinOpKind::ScAnd | BinOpKind::ScOr => {
                        self.put("(__check(");
                        self.expr(&op.left)?;
                        self.put(if matches!(op.op, BinOpKind::ScAnd) { ") and " } else { ") or " });
                        self.expr(&op.right)?;
                        self.put(")");
                        return Ok(());
                    }
                    BinOpKind::Eq => "==",
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
                };
                self.put("__op(");
                self.text(name);
                self.put(", ");
                self.expr(&op.left)?;
                self.put(", ");
                self.expr(&op.right)?;
                self.put(")");
            }
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
                self.put(" if __truth(");
                self.expr(&choice.test_expr)?;
                self.put(") else ");
                match &choice.false_expr {
                    Some(otherwise) => self.expr(otherwise)?,
                    None => self.put("__nothing()"),
                }
                self.put(")");
            }
            Expr::Filter(filter) => {
                super::filters::known(filter.name).map_err(|fault| fault.at(self.source, self.range(filter.span())))?;
                self.put("__filter(");
                self.text(filter.name);
                self.put(", ");
                match &filter.expr {
                    Some(value) => self.expr(value)?,
                    None => self.put("none"),
                }
                self.args(&filter.args, false)?;
                self.put(")");
            }
            Expr::Test(test) => {
                super::tests::known(test.name).map_err(|fault| fault.at(self.source, self.range(test.span())))?;
                self.put("__test(");
                self.text(test.name);
                self.put(", ");
                self.expr(&test.expr)?;
                self.args(&test.args, false)?;
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
                    match part {
                        Some(part) => self.expr(part)?,
                        None => self.put("none"),
                    }
                }
                self.put(")");
            }
            Expr::Call(call) => self.call_expr(call)?,
        }
        Ok(())
    }

    fn call_expr(&mut self, call: &Call<'_>) -> R<()> {
        match &call.expr {
            Expr::Var(var) if var.id == "loop" => {
                let [CallArg::Pos(items)] = &call.args[..] else {
                    return self.refuse("loop(…) takes what it goes through", "give it one list", var.span());
                };
                self.call("loop", &[])?;
                self.out.pop();
                self.call("__iter", &[items])?;
                self.put(")");
            }
            Expr::Var(var) if var.id == "super" => self.put("__captured(super())"),
            Expr::GetAttr(attr) if matches!(&attr.expr, Expr::Var(var) if var.id == "self") => {
                self.put(&format!("__captured(self.{}())", attr.name));
            }
            Expr::Var(var) if var.id == "namespace" => {
                self.put("namespace(");
                for (at, arg) in call.args.iter().enumerate() {
                    self.put(if at > 0 { ", " } else { "" });
                    match arg {
                        CallArg::Pos(value) => self.expr(value)?,
                        CallArg::Kwarg(name, value) => {
                            self.put(&format!("{name}="));
                            self.expr(value)?;
                        }
                        CallArg::PosSplat(value) | CallArg::KwargSplat(value) => {
                            return self.refuse(
                                "`*` and `**` are not supported here",
                                "name the attributes",
                                value.span(),
                            );
                        }
                    }
                }
                self.put(")");
            }
            Expr::Var(var) if matches!(var.id, "lookup" | "query" | "q") => {
                self.put("__lookup(");
                self.text(var.id);
                self.args(&call.args, true)?;
                self.put(")");
            }
            Expr::GetAttr(attr) => {
                self.put("__method(");
                self.expr(&attr.expr)?;
                self.put(", ");
                self.text(attr.name);
                self.args(&call.args, false)?;
                self.put(")");
            }
            callee => {
                self.put("__call(");
                self.expr(callee)?;
                self.args(&call.args, false)?;
                self.put(")");
            }
        }
        Ok(())
    }
}

fn names(made: &Macro<'_>) -> Vec<String> {
    made.args.iter().filter_map(|arg| if let Expr::Var(var) = arg { Some(var.id.to_owned()) } else { None }).collect()
}

/// A source whose text is shared.
pub fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: Arc::from(text) }
}
