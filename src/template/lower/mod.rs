//! A template as minijinja runs it: its statements stay, and every expression becomes calls of functions that calculate as
//! Python does. Each statement has a line of its own, by which errors find the template's own place.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::ast::Stmt;
use minijinja::machinery::{Span, parse};
use minijinja::syntax::SyntaxConfig;

use super::fault::{Fault, R, Source};
use super::syntax::Options;

mod ahead;
mod arguments;
mod expressions;
mod files;
mod macros;
mod statements;

pub use ahead::{Ahead, Need};
pub use files::Sight;
pub use macros::{KWARGS, VARARGS};

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
pub fn lower(source: Source, header: usize, options: &Options, sight: Sight) -> R<Lowered> {
    read(source, header, options, sight, None)
}

/// Looks ahead: what the template is sure to need, and what it names. It fails where it can't be read; with `strictly` also
/// where arguments that are written out can't be what a filter or a test takes, whether that is reached or not.
pub fn ahead(source: Source, header: usize, options: &Options, strictly: bool) -> R<Ahead> {
    let mut ahead = Ahead { strictly, ..Ahead::default() };
    read(source, header, options, Sight::All, Some(&mut ahead))?;
    Ok(ahead)
}

fn read(source: Source, header: usize, options: &Options, sight: Sight, mut ahead: Option<&mut Ahead>) -> R<Lowered> {
    let body = &source.text[header..];
    if let Some(at) = super::adapt::plus_behind_raw(body, options) {
        let fault = Fault::new("`raw` does not begin with a `+` at its end in Jinja");
        return Err(fault.hint("leave the `+` out").at(&source, header + at.start..header + at.end));
    }
    let adapted = super::adapt::adapted(body, options);
    let body = adapted.as_deref().unwrap_or(body);
    let ast = parse(body, "template", syntax(options)?).map_err(|error| {
        let message = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        let fault = explained(message);
        match (error.range(), error.line()) {
            (Some(span), _)
                if adapted.is_none() && source.text.get(header + span.start..header + span.end).is_some() =>
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
        body,
        header,
        exact: adapted.is_none(),
        options,
        sight,
        made: 0,
        macros: Vec::new(),
        scopes: Vec::new(),
        names: BTreeSet::new(),
        given: BTreeSet::new(),
        strictly: ahead.as_ref().is_some_and(|ahead| ahead.strictly),
        absent: Vec::new(),
    };
    if let Stmt::Template(template) = &ast {
        lower.body(&template.children)?;
        if let Some(ahead) = &mut ahead {
            let mut needs = Vec::new();
            ahead::needs(&template.children, &mut needs);
            ahead.needs = needs.into_iter().map(|(need, span)| (need, lower.range(span))).collect();
        }
    }
    if let Some(ahead) = ahead {
        ahead.absent = std::mem::take(&mut lower.absent);
        ahead.given = std::mem::take(&mut lower.given);
    }
    let (mut text, lines, names) = (lower.out, lower.lines, lower.names);
    if sight == Sight::Own {
        // What is around it has names as well: they are none of its own.
        let hidden: String = names.iter().map(|name| format!("{{% set {name} = __hidden() %}}")).collect();
        text.insert_str(0, &hidden);
    }
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
    /// The text that was parsed: the source's without its header, adapted.
    body: &'a str,
    header: usize,
    /// Whether the places of the parser are those of the source.
    exact: bool,
    options: &'a Options,
    sight: Sight,
    /// How many names were made for blocks and callers.
    made: usize,
    macros: Vec<macros::Inside>,
    /// The names that the loops and the like around have given values to: a block does not see them.
    scopes: Vec<Vec<String>>,
    /// All names that the template uses or gives values to.
    names: BTreeSet<String>,
    /// Those that it gives values to.
    given: BTreeSet<String>,
    /// Whether arguments that are written out are looked at.
    strictly: bool,
    /// The names that Ansible knows and that are not known here, where they are asked for.
    absent: Vec<(String, Range<usize>)>,
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

    /// What is written between a place and the end of its statement.
    fn words_after(&self, offset: u32) -> Vec<&str> {
        let after = self.body.get(offset as usize..).unwrap_or_default();
        let statement = after.split(self.options.block_end.as_str()).next().unwrap_or_default();
        statement.split_whitespace().collect()
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

    /// A text's literal.
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

    /// Items with commas between them.
    fn separated<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Self, T) -> R<()>,
    ) -> R<()> {
        for (at, item) in items.into_iter().enumerate() {
            self.put(if at > 0 { ", " } else { "" });
            each(self, item)?;
        }
        Ok(())
    }

    /// What something is lowered to, which is put in its place later.
    fn aside(&mut self, run: impl FnOnce(&mut Self) -> R<()>) -> R<String> {
        let before = std::mem::take(&mut self.out);
        let result = run(self);
        let aside = std::mem::replace(&mut self.out, before);
        result.map(|()| aside)
    }

    /// A name that no template has.
    fn made(&mut self, what: &str) -> String {
        self.made += 1;
        format!("__{what}{}", self.made)
    }
}

/// A source whose text is shared.
pub fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: Arc::from(text) }
}
