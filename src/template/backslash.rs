//! Backslashes in the texts of an inventory's templates: YAML has read its escapes already, and Ansible takes what is left
//! as it stands.

use super::syntax::Options;

/// The template with each backslash of a text inside `{{ }}` doubled; none when there is nothing to be done.
pub fn doubled(text: &str, options: &Options) -> Option<String> {
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
