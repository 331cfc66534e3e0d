//! The words of a line, as a POSIX shell has them: quotes, backslashes, and comments from `#` on.

/// The words; the error says what does not end.
pub fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    // None between words: an empty word in quotes is one.
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') => match chars.next() {
                Some(c @ ('"' | '\\')) => word.get_or_insert_default().push(c),
                Some(c) => word.get_or_insert_default().extend(['\\', c]),
                None => return Err("nothing follows a backslash"),
            },
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            (None, '#') => break,
            (None, '\\') => match chars.next() {
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err("nothing follows a backslash"),
            },
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote does not end");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_line_has_the_words_that_a_shell_would_see() {
        let words = |line: &str| split(line).map_err(str::to_owned);
        let is = |line: &str, wanted: &[&str]| {
            assert_eq!(words(line), Ok(wanted.iter().map(|word| (*word).to_owned()).collect()), "{line}");
        };
        is(r#"h a=1 b="x y" c='z"' # no"#, &["h", "a=1", "b=x y", "c=z\""]);
        is(r#"h a=x#y b=2"#, &["h", "a=x"]);
        is(r#"h a="\"\n" b=\ c '' "#, &["h", "a=\"\\n", "b= c", ""]);
        is(r#"h a=[1,2] b="{'k': 'v'}""#, &["h", "a=[1,2]", "b={'k': 'v'}"]);
        assert!(words("h 'a").is_err() && words("h a\\").is_err());
    }
}
