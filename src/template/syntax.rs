//! The options of a template's language, as `ansible.builtin.template` has them, and the `#jinja2:` line that sets them.

use super::fault::{Fault, R};

/// How a template is written and what becomes of its line ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    /// What begins a statement: `{%`.
    pub block_start: String,
    /// What ends a statement: `%}`.
    pub block_end: String,
    /// What begins an expression: `{{`.
    pub variable_start: String,
    /// What ends an expression: `}}`.
    pub variable_end: String,
    /// What begins a comment: `{#`.
    pub comment_start: String,
    /// What ends a comment: `#}`.
    pub comment_end: String,
    /// Whether the line end after a statement goes. On, as in Ansible.
    pub trim_blocks: bool,
    /// Whether the blanks before a statement that begins a line go.
    pub lstrip_blocks: bool,
    /// Whether the last line end of an included template stays. The template itself always keeps those it ends with.
    pub keep_trailing_newline: bool,
    /// What a line ends with.
    pub newline: String,
    /// Whether a backslash in a text inside `{{ }}` is only a backslash: so in values that a YAML file has read already.
    pub raw_backslashes: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            block_start: "{%".into(),
            block_end: "%}".into(),
            variable_start: "{{".into(),
            variable_end: "}}".into(),
            comment_start: "{#".into(),
            comment_end: "#}".into(),
            trim_blocks: true,
            lstrip_blocks: false,
            keep_trailing_newline: false,
            newline: "\n".into(),
            raw_backslashes: false,
        }
    }
}

/// The names of the options, as Ansible and the `#jinja2:` line have them.
pub const NAMES: [&str; 10] = [
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
    "trim_blocks",
    "lstrip_blocks",
    "newline_sequence",
    "keep_trailing_newline",
];

const HEADER: &str = "#jinja2:";

impl Options {
    /// Sets one of [`NAMES`].
    pub(super) fn set(&mut self, name: &str, value: &serde_json::Value) -> R<()> {
        let place = match name {
            "block_start_string" => &mut self.block_start,
            "block_end_string" => &mut self.block_end,
            "variable_start_string" => &mut self.variable_start,
            "variable_end_string" => &mut self.variable_end,
            "comment_start_string" => &mut self.comment_start,
            "comment_end_string" => &mut self.comment_end,
            "newline_sequence" => {
                let newline = match value.as_str() {
                    Some("\n" | "\\n") => "\n",
                    Some("\r\n" | "\\r\\n") => "\r\n",
                    Some("\r" | "\\r") => "\r",
                    _ => return Err(Fault::new("newline_sequence has to be one of \\n, \\r and \\r\\n")),
                };
                newline.clone_into(&mut self.newline);
                return Ok(());
            }
            "trim_blocks" | "lstrip_blocks" | "keep_trailing_newline" => {
                let Some(value) = value.as_bool() else {
                    return Err(Fault::new(format!("{name} is True or False")));
                };
                match name {
                    "trim_blocks" => self.trim_blocks = value,
                    "lstrip_blocks" => self.lstrip_blocks = value,
                    _ => self.keep_trailing_newline = value,
                }
                return Ok(());
            }
            "line_statement_prefix" | "line_comment_prefix" => {
                return Err(Fault::new(format!("`{name}` is not supported here"))
                    .hint("write the statements of this template with the block's own start and end"));
            }
            _ => {
                let known = crate::error::closest(name, NAMES).map(|known| format!("did you mean `{known}`?"));
                let fault = Fault::new(format!("there is no template option `{name}`"));
                return Err(fault.hint(known.unwrap_or_else(|| format!("there are {}", NAMES.join(", ")))));
            }
        };
        match value.as_str() {
            Some(text) if !text.is_empty() => text.clone_into(place),
            _ => return Err(Fault::new(format!("{name} is a text that is not empty"))),
        }
        Ok(())
    }

    /// Fails when one start can't be told from another.
    pub(super) fn check(&self) -> R<()> {
        let (block, variable, comment) = (&self.block_start, &self.variable_start, &self.comment_start);
        if block == variable || variable == comment || comment == block {
            return Err(Fault::new("a template's statements, expressions and comments have to begin differently"));
        }
        Ok(())
    }

    /// The options that a `#jinja2:` line at the template's beginning sets, and how many bytes that line has.
    pub(super) fn header(&self, text: &str) -> R<(Self, usize)> {
        let mut options = self.clone();
        let Some(rest) = text.strip_prefix(HEADER) else { return Ok((options, 0)) };
        let Some(end) = rest.find('\n') else {
            return Err(Fault::new(format!("there is no line end after `{HEADER}`")));
        };
        for pair in rest[..end].trim_end_matches('\r').split(',') {
            let Some((name, value)) = pair.split_once(':') else {
                return Err(Fault::new(format!("`{}` in the {HEADER} line is not NAME: VALUE", pair.trim())));
            };
            options.set(name.trim(), &literal(value.trim())?)?;
        }
        options.check()?;
        Ok((options, HEADER.len() + end + 1))
    }

    /// Whether a text may be a template.
    pub fn may_be_template(&self, text: &str) -> bool {
        text.starts_with(HEADER)
            || [&self.block_start, &self.variable_start, &self.comment_start].iter().any(|start| text.contains(*start))
    }
}

/// A Python literal of the `#jinja2:` line.
fn literal(text: &str) -> R<serde_json::Value> {
    let quoted = ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    match (text, quoted) {
        ("True", _) => Ok(true.into()),
        ("False", _) => Ok(false.into()),
        (_, Some(inner)) => Ok(unescaped(inner).into()),
        _ => Err(Fault::new(format!("`{text}` in the {HEADER} line is neither True, False nor a quoted text"))),
    }
}

/// The escapes of a quoted text of the `#jinja2:` line.
fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t").replace("\\\\", "\\")
}

impl Options {
    /// Sets an option by Ansible's name, such as `trim_blocks`.
    ///
    /// # Errors
    /// There is no such option, or it takes another value.
    pub fn set_option(&mut self, name: &str, value: &serde_json::Value) -> crate::error::Result<()> {
        self.set(name, value)
            .and_then(|()| self.check())
            .map_err(|fault| fault.told("the template's options are wrong"))
    }
}
