//! Texts: tables for people, regular expressions, JSON, lines.

use regex::Regex;
use rhai::{Array, Dynamic, Engine, Map};

use super::Scripted;
use crate::error::Error;
use crate::script::catalog::Entry;
use crate::script::failure::raise;
use crate::script::value::{from_json, shown, to_json, wrong_type};

const TABLE: Entry = Entry {
    name: "table",
    on: "",
    usage: "table(head, rows)",
    arguments: &[2],
    options: &[],
    kind: None,
    doc: "A table as a text: `head` is a list of the columns' names, `rows` a list of lists.",
    example: "note(table([\"host\", \"id\"], [[\"10.10.0.104\", 1], [\"10.10.0.122\", 2]]));",
};

const FIND: Entry = Entry {
    name: "find",
    on: "text",
    usage: "text.find(regex)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "The first match of a regular expression as a map: by group number and name, \"0\" the whole; () when there is none.",
    example: "let id = \"My id =  5\".find(\"(?i)my ?id = *(?<id>[0-9]+)\").id;",
};

const FIND_ALL: Entry = Entry {
    name: "find_all",
    on: "text",
    usage: "text.find_all(regex)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "Every match of a regular expression, as a list of maps like find gives.",
    example: "let count = \"a1b2\".find_all(\"[0-9]\").len();",
};

const MATCHES: Entry = Entry {
    name: "matches",
    on: "text",
    usage: "text.matches(regex)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "Whether a regular expression matches somewhere in the text.",
    example: "if \"Mode: leader\".matches(\"^Mode: \") { note(\"serving\"); }",
};

const LINES: Entry = Entry {
    name: "lines",
    on: "text",
    usage: "text.lines()",
    arguments: &[0],
    options: &[],
    kind: None,
    doc: "The lines of a text, without their ends.",
    example: "for line in \"a\\nb\".lines() { note(line); }",
};

const TRIMMED: Entry = Entry {
    name: "trimmed",
    on: "text",
    usage: "text.trimmed()",
    arguments: &[0],
    options: &[],
    kind: None,
    doc: "The text without white space at its ends. (Rhai's own trim() changes a variable in place.)",
    example: "let name = \" m1\\n\".trimmed();",
};

const ESCAPED: Entry = Entry {
    name: "escaped",
    on: "text",
    usage: "text.escaped()",
    arguments: &[0],
    options: &[],
    kind: None,
    doc: "The text as a regular expression that matches just it.",
    example: "let pattern = \"10.10.0.9\".escaped();",
};

const JOIN: Entry = Entry {
    name: "join",
    on: "list",
    usage: "list.join(separator)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "The items of a list as one text.",
    example: "let text = [1, 2, 3].join(\", \");",
};

const FROM_JSON: Entry = Entry {
    name: "from_json",
    on: "",
    usage: "from_json(text)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "The value that a JSON text stands for.",
    example: "let port = from_json(`{\"port\": 2181}`).port;",
};

const AS_JSON: Entry = Entry {
    name: "as_json",
    on: "",
    usage: "as_json(value)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "A value as JSON text.",
    example: "note(as_json(#{ a: 1 }));",
};

const INDENTED: Entry = Entry {
    name: "diff",
    on: "",
    usage: "diff(name, before, after)",
    arguments: &[3],
    options: &[],
    kind: None,
    doc: "The difference of two texts in the unified form; empty when they are equal.",
    example: "note(diff(\"config.yaml\", \"a\\n\", \"b\\n\"));",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] =
    &[TABLE, FIND, FIND_ALL, MATCHES, LINES, TRIMMED, ESCAPED, JOIN, FROM_JSON, AS_JSON, INDENTED];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine) {
    engine.register_fn("table", |head: Array, rows: Array| -> Scripted<String> {
        let rows: Scripted<Vec<Vec<String>>> = rows
            .iter()
            .map(|row| {
                let cells = row.as_array_ref().map_err(|_| wrong_type("a row of a table", "a list", row))?;
                Ok(cells.iter().map(shown).collect())
            })
            .collect();
        Ok(table(&head.iter().map(shown).collect::<Vec<_>>(), &rows?))
    });
    engine.register_fn("find", |text: &str, pattern: &str| -> Scripted<Dynamic> {
        let regex = compiled(pattern)?;
        Ok(regex.captures(text).map_or(Dynamic::UNIT, |captures| captured(&regex, &captures).into()))
    });
    engine.register_fn("find_all", |text: &str, pattern: &str| -> Scripted<Array> {
        let regex = compiled(pattern)?;
        Ok(regex.captures_iter(text).map(|captures| Dynamic::from(captured(&regex, &captures))).collect())
    });
    engine.register_fn("matches", |text: &str, pattern: &str| -> Scripted<bool> {
        Ok(compiled(pattern)?.is_match(text))
    });
    engine.register_fn("lines", |text: &str| -> Array { text.lines().map(|line| line.to_owned().into()).collect() });
    engine.register_fn("trimmed", |text: &str| text.trim().to_owned());
    engine.register_fn("escaped", |text: &str| regex::escape(text));
    engine.register_fn("join", |items: Array, separator: &str| {
        items.iter().map(shown).collect::<Vec<_>>().join(separator)
    });
    engine.register_fn("from_json", |text: &str| -> Scripted<Dynamic> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| raise(Error::failed("this is not JSON").caused_by(error)))?;
        Ok(from_json(&value))
    });
    engine.register_fn("as_json", |value: Dynamic| -> Scripted<String> {
        Ok(to_json(&value).map_err(raise)?.to_string())
    });
    engine.register_fn("diff", |name: &str, before: &str, after: &str| unified(name, before, after));
}

fn compiled(pattern: &str) -> Scripted<Regex> {
    Regex::new(pattern)
        .map_err(|error| raise(Error::input(format!("`{pattern}` is not a regular expression")).caused_by(error)))
}

/// The groups of a match, by number and name.
pub fn captured(regex: &Regex, captures: &regex::Captures<'_>) -> Map {
    let mut map = Map::new();
    for (index, name) in regex.capture_names().enumerate() {
        let value: Dynamic = captures.get(index).map_or(Dynamic::UNIT, |group| group.as_str().to_owned().into());
        map.insert(index.to_string().as_str().into(), value.clone());
        if let Some(name) = name {
            map.insert(name.into(), value);
        }
    }
    map
}

/// The difference of two texts in the unified form.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    similar::TextDiff::from_lines(before, after).unified_diff().context_radius(3).header(name, name).to_string()
}

/// A table with aligned columns.
pub fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).chain([head.len()]).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows
            .iter()
            .chain(std::iter::once(&head.to_vec()))
            .filter_map(|row| row.get(column).map(|cell| console::measure_text_width(cell)))
            .collect::<Vec<_>>();
        cells.into_iter().max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &[String]| {
        let cells: Vec<String> = widths
            .iter()
            .enumerate()
            .map(|(column, width)| {
                let cell = row.get(column).map_or("", String::as_str);
                let padding = width.saturating_sub(console::measure_text_width(cell));
                format!("{cell}{}", " ".repeat(padding))
            })
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    std::iter::once(line(head)).chain(rows.iter().map(|row| line(row))).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_aligns_its_columns() {
        let text = table(
            &["host".into(), "id".into()],
            &[vec!["10.10.0.9".into(), "1".into()], vec!["m".into(), "22".into()]],
        );
        assert_eq!(text, "host       id\n10.10.0.9  1\nm          22");
    }
}
