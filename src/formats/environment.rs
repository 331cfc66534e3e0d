//! systemd's environment files, read as systemd 219 reads them.

/// An assignment and the bytes of the file that it takes, its line end included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Its value, without quotes and escapes.
    pub value: String,
    /// Where it stands.
    pub span: std::ops::Range<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    PreKey,
    Key,
    PreValue,
    Value,
    ValueEscape,
    Single,
    SingleEscape,
    Double,
    DoubleEscape,
    Comment,
    CommentEscape,
}

/// Reads the assignments, in the file's order; a later one of the same variable wins. The states are those of systemd 219
/// (`parse_env_file_internal` in its src/shared/fileio.c): quotes count only right after the `=` or a closing quote, a
/// backslash escapes outside and inside of both kinds of quotes, and joins lines; comments begin a line.
pub fn parse(text: &str) -> Vec<Assignment> {
    let mut found = Vec::new();
    let mut state = State::PreKey;
    let (mut key, mut value) = (String::new(), String::new());
    // How much of the key and of the value is not white space that the end of the line takes away.
    let (mut key_kept, mut value_kept) = (0, 0);
    let mut start = 0;
    let newline = |c: char| c == '\n' || c == '\r';
    let blank = |c: char| c == ' ' || c == '\t' || newline(c);
    for (at, c) in text.char_indices().chain([(text.len(), '\n')]) {
        let end = (at + c.len_utf8()).min(text.len());
        match state {
            State::PreKey => {
                if c == '#' || c == ';' {
                    state = State::Comment;
                } else if !blank(c) {
                    state = State::Key;
                    start = at;
                    key = c.to_string();
                    key_kept = key.len();
                }
            }
            State::Key => {
                if newline(c) {
                    state = State::PreKey;
                } else if c == '=' {
                    state = State::PreValue;
                    value.clear();
                    value_kept = 0;
                } else {
                    key.push(c);
                    if !blank(c) {
                        key_kept = key.len();
                    }
                }
            }
            State::PreValue | State::Value => {
                if newline(c) {
                    key.truncate(key_kept);
                    if state == State::Value {
                        value.truncate(value_kept);
                    }
                    found.push(Assignment {
                        name: std::mem::take(&mut key),
                        value: std::mem::take(&mut value),
                        span: start..end,
                    });
                    state = State::PreKey;
                } else if state == State::PreValue && c == '\'' {
                    state = State::Single;
                } else if state == State::PreValue && c == '"' {
                    state = State::Double;
                } else if c == '\\' {
                    state = State::ValueEscape;
                    value_kept = value.len();
                } else if state == State::Value || !blank(c) {
                    state = State::Value;
                    value.push(c);
                    if !blank(c) {
                        value_kept = value.len();
                    }
                }
            }
            State::ValueEscape if at == text.len() => {}
            State::ValueEscape => {
                state = State::Value;
                if !newline(c) {
                    value.push(c);
                    value_kept = value.len();
                }
            }
            State::Single | State::Double => {
                let quote = if state == State::Single { '\'' } else { '"' };
                if c == quote {
                    state = State::PreValue;
                } else if c == '\\' {
                    state = if state == State::Single { State::SingleEscape } else { State::DoubleEscape };
                } else if at < text.len() {
                    value.push(c);
                    value_kept = value.len();
                }
            }
            State::SingleEscape | State::DoubleEscape => {
                state = if state == State::SingleEscape { State::Single } else { State::Double };
                if !newline(c) {
                    value.push(c);
                    value_kept = value.len();
                }
            }
            State::Comment => {
                if c == '\\' {
                    state = State::CommentEscape;
                } else if newline(c) {
                    state = State::PreKey;
                }
            }
            State::CommentEscape => state = State::Comment,
        }
    }
    if matches!(state, State::Single | State::Double | State::SingleEscape | State::DoubleEscape | State::ValueEscape) {
        // The end of the file ends a value whatever is open.
        key.truncate(key_kept);
        found.push(Assignment { name: key, value, span: start..text.len() });
    }
    found.retain(is_taken);
    found
}

/// Whether systemd gives the assignment to the process. What it leaves out it tells only its journal: `export A=b`, a name
/// with a hyphen, and in 219 a value with a control character.
fn is_taken(assignment: &Assignment) -> bool {
    let name = &assignment.name;
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !assignment.value.chars().any(|c| c.is_ascii_control() && c != '\t' && c != '\n')
}

/// The value of a variable: the last assignment's.
pub fn value<'a>(assignments: &'a [Assignment], name: &str) -> Option<&'a str> {
    assignments.iter().rev().find(|assignment| assignment.name == name).map(|assignment| assignment.value.as_str())
}

/// The lines of the file without the assignments of these variables.
pub fn lines_without(text: &str, names: &[&str]) -> Vec<String> {
    let mut kept = String::new();
    let mut from = 0;
    for assignment in parse(text).into_iter().filter(|assignment| names.contains(&assignment.name.as_str())) {
        kept.push_str(&text[from..assignment.span.start]);
        from = assignment.span.end;
    }
    kept.push_str(&text[from..]);
    kept.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        parse(text).into_iter().map(|assignment| (assignment.name, assignment.value)).collect()
    }

    #[test]
    fn quotes_and_escapes_mean_what_they_mean_to_systemd() {
        for (text, want) in [
            ("A=b", "b"),
            ("A=\"b c\"", "b c"),
            ("A='b c'", "b c"),
            ("A=\"a\"\"b\"", "ab"),
            ("A=\"a\"b", "ab"),
            ("A=a\"b\"", "a\"b\""),
            ("A=a\\ b", "a b"),
            ("A=a\\\nb", "ab"),
            ("A='a\\'b'", "a'b"),
            ("A=b   ", "b"),
            ("A=  b", "b"),
            ("A=b # no comment", "b # no comment"),
            ("A=\"b\"   ", "b"),
            ("A=\"b  \"", "b  "),
            ("A=", ""),
            ("  A  =b", "b"),
            ("A=b\\", "b"),
            ("A=b \\\n", "b "),
            ("A=b  \\\nc", "b  c"),
            ("A='b\\", "b"),
            // Where later versions keep the backslash.
            ("A=\"a\\b\"", "ab"),
            ("A=\"b\" c", "bc"),
        ] {
            assert_eq!(values(text), [("A".to_owned(), want.to_owned())], "{text:?}");
        }
        assert_eq!(values("# A=b\n;A=b\n\nno assignment\nexport A=b\nA-B=c\n1A=b\nÄ=b\nA=\u{1b}\n=b\n"), []);
        assert_eq!(value(&parse("A=1\nB=x\nA=2\n"), "A"), Some("2"));
    }

    #[test]
    fn quoted_and_bare_ensembles_are_equal() {
        let bare = parse("EXHIBITOR_BACKEND=STATIC\nEXHIBITOR_STATICENSEMBLE=5:10.10.0.104,4:10.10.0.122\n");
        let quoted = parse("EXHIBITOR_BACKEND=STATIC\nEXHIBITOR_STATICENSEMBLE=\"5:10.10.0.104,4:10.10.0.122\"\n");
        assert_eq!(value(&bare, "EXHIBITOR_STATICENSEMBLE"), value(&quoted, "EXHIBITOR_STATICENSEMBLE"));
    }
}
