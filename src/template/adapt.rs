//! Where minijinja reads a template otherwise than Jinja, the template is changed before it reads it.
//!
//! Backslashes in the texts of an inventory's templates: YAML has read its escapes already, and Ansible takes what is left
//! as it stands.

use super::syntax::Options;

/// The template as minijinja has to be given it; none when that is as it stands.
pub fn adapted(text: &str, options: &Options) -> Option<String> {
    let doubled = doubled(text, options);
    let raw = kept_after_raw(doubled.as_deref().unwrap_or(text), options);
    raw.or(doubled)
}

/// Where a `{% raw +%}` stands: it is a mistake in Jinja, and not in minijinja.
pub fn plus_behind_raw(text: &str, options: &Options) -> Option<std::ops::Range<usize>> {
    let (start, end) = (regex::escape(&options.block_start), regex::escape(&options.block_end));
    let found = text
        .contains("raw")
        .then(|| regex::Regex::new(&format!(r"{start}[-+]?\s*raw\s*\+{end}")).ok()?.find(text))
        .flatten();
    found.map(|found| found.range())
}

/// The line end behind a `{% raw %}` stays in Jinja, whatever `trim_blocks` says.
fn kept_after_raw(text: &str, options: &Options) -> Option<String> {
    if !options.trim_blocks || !text.contains("raw") {
        return None;
    }
    let (start, end) = (regex::escape(&options.block_start), regex::escape(&options.block_end));
    let pattern = regex::Regex::new(&format!(r"({start}[-+]?\s*raw\s*)({end}\n)")).ok()?;
    let kept = pattern.replace_all(text, "${1}+${2}");
    matches!(kept, std::borrow::Cow::Owned(_)).then(|| kept.into_owned())
}

/// The template with each backslash of a text inside `{{ }}` doubled; none when there is nothing to be done.
fn doubled(text: &str, options: &Options) -> Option<String> {
    if !options.raw_backslashes || !text.contains('\\') {
        return None;
    }
    let (start, end) = (options.variable_start.as_str(), options.variable_end.as_str());
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find(start) {
        let (before, inside) = rest.split_at(at + start.len());
        out.push_str(before);
        let mut quote = None;
        let mut escaped = false;
        let mut stop = inside.len();
        for (at, c) in inside.char_indices() {
            match quote {
                None if inside[at..].starts_with(end) => {
                    stop = at;
                    break;
                }
                None if matches!(c, '"' | '\'') => quote = Some(c),
                Some(open) if c == open && !escaped => quote = None,
                _ => {}
            }
            if c == '\\' && quote.is_some() {
                // An escaped quote stays in the text, with its backslash.
                let next = inside[at + 1..].chars().next();
                out.push_str(if !escaped && next == quote { "\\\\\\" } else { "\\\\" });
            } else {
                out.push(c);
            }
            escaped = c == '\\' && !escaped;
        }
        rest = &inside[stop..];
    }
    out.push_str(rest);
    Some(out)
}
