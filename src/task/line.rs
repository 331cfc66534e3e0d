//! One line of a text file.

use regex::Regex;

use super::attributes::unknown_as;
use super::read::{self, read};
use super::write::{self, Written, write};
use super::{Context, printable};
use crate::error::{Error, Result};

/// Where a line goes that is not there yet.
#[derive(Clone, Debug, Default)]
pub enum Place {
    /// To the end of the file.
    #[default]
    End,
    /// After the last line that matches.
    After(Regex),
    /// Before the first line that matches.
    Before(Regex),
}

/// What is to be in the file, or not.
#[derive(Clone, Debug)]
pub enum Goal {
    /// This line is there. Without `matching` one that is exactly like it will do; with it the one line that matches
    /// becomes this one. More than one that match are an error: which of them is meant nobody can tell.
    Present {
        /// The line, without its end.
        line: String,
        /// What the line to be replaced looks like.
        matching: Option<Regex>,
        /// Where it goes when there is none.
        place: Place,
    },
    /// No line is exactly like this.
    AbsentLine(String),
    /// No line matches.
    AbsentMatching(Regex),
}

/// Brings one line of the file at `path` to the goal, in two round trips. With `create` a missing file is made.
pub async fn line(
    context: &Context<'_>,
    path: &str,
    goal: &Goal,
    create: bool,
    options: &write::Options,
) -> Result<Written> {
    let found = read(context, path, &read::Options { may_be_missing: true, ..read::Options::default() }).await?;
    let (before, expect) = match &found {
        Some(content) => (content.text()?, content.sha256()),
        None if create || !matches!(goal, Goal::Present { .. }) => ("", "absent".to_owned()),
        None => {
            if context.check
                && let Some(changed) = unknown_as(context, "the file does not exist", path)
            {
                return Ok(Written { changed, real_path: path.to_owned(), ..Written::default() });
            }
            return Err(context.failed(format!("can't change a line of {path}")).caused_by("it does not exist"));
        }
    };
    let after = edited(before, goal).map_err(|error| {
        let why = error.parts().message.clone();
        let mut told = context.failed(format!("can't change a line of {path}")).caused_by(why);
        told.parts_mut().details.clone_from(&error.parts().details);
        told
    })?;
    if found.is_none() && after.is_empty() {
        return Ok(Written::default());
    }
    let expect = options.expect.clone().or(Some(expect));
    write(context, path, after.as_bytes(), &write::Options { expect, ..options.clone() }).await
}

/// A line of a text, and what ends it.
#[derive(Clone, Copy, PartialEq)]
struct Line<'a> {
    text: &'a str,
    end: &'a str,
}

/// What a text may begin with that is no part of its first line.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The lines of a text. `\r\n` ends a line as `\n` does.
fn lines_of(text: &str) -> Vec<Line<'_>> {
    let line = |whole: &'_ str| -> (usize, usize) {
        let end = if whole.ends_with("\r\n") { 2 } else { usize::from(whole.ends_with('\n')) };
        (whole.len() - end, end)
    };
    text.split_inclusive('\n')
        .map(|whole| {
            let (text, end) = whole.split_at(line(whole).0);
            Line { text, end }
        })
        .collect()
}

/// The text with the goal reached. What is written has the ends of the lines around it.
pub fn edited(text: &str, goal: &Goal) -> Result<String> {
    let (mark, body) = match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(body) => (&text[..BYTE_ORDER_MARK.len_utf8()], body),
        None => ("", text),
    };
    let found = lines_of(body);
    let usual = found.first().map_or("\n", |line| if line.end.is_empty() { "\n" } else { line.end });
    let mut lines = found.clone();
    match goal {
        Goal::AbsentLine(line) => lines.retain(|found| found.text != without_return(line)),
        Goal::AbsentMatching(regex) => lines.retain(|found| !regex.is_match(found.text)),
        Goal::Present { line, matching, place } => {
            let line = without_return(line);
            if line.contains('\n') {
                return Err(Error::input("the line holds a line end"));
            }
            let matches: Vec<usize> = match matching {
                Some(regex) => positions(&lines, |found| regex.is_match(found)),
                None => Vec::new(),
            };
            match matches[..] {
                [] if lines.iter().any(|found| found.text == line) => {}
                [] => {
                    let at = match place {
                        Place::End => lines.len(),
                        Place::After(regex) => {
                            positions(&lines, |found| regex.is_match(found)).pop().ok_or_else(|| none(regex))? + 1
                        }
                        Place::Before(regex) => positions(&lines, |found| regex.is_match(found))
                            .first()
                            .copied()
                            .ok_or_else(|| none(regex))?,
                    };
                    let beside = at.checked_sub(1).and_then(|before| lines.get(before)).map_or("", |line| line.end);
                    let end = if beside.is_empty() { usual } else { beside };
                    lines.insert(at, Line { text: line, end });
                }
                [at] if lines[at].text == line => {}
                [at] => lines[at].text = line,
                [..] => {
                    let found: Vec<String> = matches
                        .iter()
                        .take(5)
                        .map(|at| format!("{}: {}", at + 1, printable(lines[*at].text)))
                        .collect();
                    return Err(Error::failed(format!("{} lines match, and one was expected", matches.len()))
                        .detail(found.join("\n")));
                }
            }
        }
    }
    // What is there already must not be touched, not even by the end that its last line lacks.
    if lines == found {
        return Ok(text.to_owned());
    }
    let ended = lines.iter().map(|line| [line.text, if line.end.is_empty() { usual } else { line.end }].concat());
    Ok(std::iter::once(mark.to_owned()).chain(ended).collect())
}

/// A line as it is meant where somebody wrote the end that the file has too.
fn without_return(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

fn positions(lines: &[Line<'_>], is: impl Fn(&str) -> bool) -> Vec<usize> {
    lines.iter().enumerate().filter(|(_, line)| is(line.text)).map(|(at, _)| at).collect()
}

fn none(regex: &Regex) -> Error {
    Error::failed(format!("no line matches /{}/, where the line would go", printable(regex.as_str())))
}

#[cfg(test)]
mod tests {
    use super::super::bench::Bench;
    use super::*;

    fn present(line: &str, matching: Option<&str>, place: Place) -> Goal {
        let matching = matching.map(|regex| Regex::new(regex).expect("a regex"));
        Goal::Present { line: line.to_owned(), matching, place }
    }

    fn regex(text: &str) -> Regex {
        Regex::new(text).expect("a regex")
    }

    #[test]
    fn a_line_is_put_where_it_belongs_and_only_once() {
        let text = "A=1\n# b\nB=2";
        for (goal, expected) in [
            (present("B=2", None, Place::End), text),
            (present("B=3", Some("^B="), Place::End), "A=1\n# b\nB=3\n"),
            (present("C=1", Some("^C="), Place::End), "A=1\n# b\nB=2\nC=1\n"),
            (present("C=1", None, Place::After(regex("^A="))), "A=1\nC=1\n# b\nB=2\n"),
            (present("C=1", None, Place::Before(regex("^B="))), "A=1\n# b\nC=1\nB=2\n"),
            (Goal::AbsentLine("A=1".to_owned()), "# b\nB=2\n"),
            (Goal::AbsentMatching(regex("[AB]")), "# b\n"),
            (Goal::AbsentMatching(regex("Z")), text),
        ] {
            let once = edited(text, &goal).expect("success");
            assert_eq!(once, expected);
            assert_eq!(edited(&once, &goal).expect("success"), once);
        }
    }

    #[test]
    fn lines_keep_the_ends_that_the_file_has() {
        for (text, goal, expected) in [
            ("A=1\r\nB=2\r\n", present("A=1", None, Place::End), "A=1\r\nB=2\r\n"),
            ("A=1\r\nB=2\r\n", present("C=1", None, Place::End), "A=1\r\nB=2\r\nC=1\r\n"),
            ("A=1\r\nB=2", present("C=1", None, Place::End), "A=1\r\nB=2\r\nC=1\r\n"),
            ("A=1\r\nB=2\r\n", present("B=3", Some("^B=.$"), Place::End), "A=1\r\nB=3\r\n"),
            ("A=1\r\nB=2\r\n", present("A=1\r", None, Place::End), "A=1\r\nB=2\r\n"),
            ("A=1\r\nB=2\n", present("C", None, Place::Before(regex("^B"))), "A=1\r\nC\r\nB=2\n"),
            ("A=1\r\nB=2\n", Goal::AbsentLine("A=1".to_owned()), "B=2\n"),
            ("A=1\r\nB=2\r\n", Goal::AbsentMatching(regex("1$")), "B=2\r\n"),
            ("\u{feff}A=1\nB=2\n", present("A=1", None, Place::End), "\u{feff}A=1\nB=2\n"),
            ("\u{feff}A=1\n", present("A=2", Some("^A="), Place::End), "\u{feff}A=2\n"),
            ("\u{feff}A=1\n", present("0", None, Place::Before(regex("^A"))), "\u{feff}0\nA=1\n"),
            ("\u{feff}A=1\n", Goal::AbsentLine("A=1".to_owned()), "\u{feff}"),
            ("\u{feff}", present("A=1", None, Place::End), "\u{feff}A=1\n"),
            ("a\rb\n", present("c", None, Place::End), "a\rb\nc\n"),
        ] {
            let once = edited(text, &goal).expect("success");
            assert_eq!(once, expected, "{text:?} {goal:?}");
            assert_eq!(edited(&once, &goal).expect("success"), once);
        }
    }

    #[test]
    fn what_is_not_clear_is_an_error() {
        let error = edited("A=1\nA=2\n", &present("A=3", Some("^A="), Place::End)).expect_err("a failure");
        assert_eq!(error.parts().details, ["1: A=1\n2: A=2"]);
        assert!(edited("A=1\n", &present("B", None, Place::After(regex("C")))).is_err());
        assert!(edited("", &present("a\nb", None, Place::End)).is_err());
    }

    #[tokio::test]
    async fn a_line_of_a_file_is_changed_and_predicted() {
        let bench = Bench::new();
        let path = bench.file("file", "A=1\n");
        let options = write::Options::default();
        let goal = present("A=2", Some("^A="), Place::End);
        let would = line(&bench.check(), &path, &goal, false, &options).await.expect("success");
        assert!(would.changed.changed);
        assert!(!line(&bench.check(), &path, &goal, false, &options).await.expect("success").changed.changed);
        let done = line(&bench.context(), &path, &goal, false, &options).await.expect("success");
        assert_eq!(done.changed, would.changed);
        let missing = bench.path("missing");
        assert!(line(&bench.context(), &missing, &goal, false, &options).await.is_err());
        let gone = Goal::AbsentLine("x".to_owned());
        assert!(!line(&bench.context(), &missing, &gone, false, &options).await.expect("success").changed.changed);
        assert!(line(&bench.context(), &missing, &goal, true, &options).await.expect("success").created);
    }
}
