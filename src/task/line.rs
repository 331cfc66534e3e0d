//! One line of a text file.

use regex::Regex;

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

/// The text with the goal reached.
pub fn edited(text: &str, goal: &Goal) -> Result<String> {
    let mut lines: Vec<&str> = text.split_terminator('\n').collect();
    match goal {
        Goal::AbsentLine(line) => lines.retain(|found| found != line),
        Goal::AbsentMatching(regex) => lines.retain(|found| !regex.is_match(found)),
        Goal::Present { line, matching, place } => {
            if line.contains('\n') {
                return Err(Error::input("the line holds a line end"));
            }
            let matches: Vec<usize> = match matching {
                Some(regex) => positions(&lines, |found| regex.is_match(found)),
                None => Vec::new(),
            };
            match matches[..] {
                [] if lines.contains(&line.as_str()) => {}
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
                    lines.insert(at, line);
                }
                [at] => lines[at] = line,
                [..] => {
                    let found: Vec<String> =
                        matches.iter().take(5).map(|at| format!("{}: {}", at + 1, printable(lines[*at]))).collect();
                    return Err(Error::failed(format!("{} lines match, and one was expected", matches.len()))
                        .detail(found.join("\n")));
                }
            }
        }
    }
    // What is there already must not be touched, not even by the end that its last line lacks.
    if lines == text.split_terminator('\n').collect::<Vec<_>>() {
        return Ok(text.to_owned());
    }
    Ok(lines.iter().map(|line| format!("{line}\n")).collect())
}

fn positions(lines: &[&str], is: impl Fn(&str) -> bool) -> Vec<usize> {
    lines.iter().enumerate().filter(|(_, line)| is(line)).map(|(at, _)| at).collect()
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
