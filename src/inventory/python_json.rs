//! JSON as Python's `json.dumps` writes it, with sorted keys and an indent of four: the form of ansible-inventory's lists.

use serde_json::{Map, Value};

/// The text of a value that stands this deep.
pub fn text(value: &Value, depth: usize) -> String {
    let mut out = String::new();
    write(&mut out, value, depth);
    // A list may be read on a terminal.
    crate::report::ndjson::json(&out)
}

/// The start of a line this deep.
pub fn line(depth: usize) -> String {
    format!("\n{}", "    ".repeat(depth))
}

fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(&line(depth + 1));
                write(out, item, depth + 1);
            }
            out.push_str(&line(depth));
            out.push(']');
        }
        Value::Object(fields) if !fields.is_empty() => write_fields(out, fields, depth),
        Value::Number(number) if number.is_f64() => out.push_str(&float(&number.to_string())),
        other => out.push_str(&other.to_string()),
    }
}

fn write_fields(out: &mut String, fields: &Map<String, Value>, depth: usize) {
    let mut names: Vec<&String> = fields.keys().collect();
    names.sort_unstable();
    out.push('{');
    for (at, name) in names.into_iter().enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        out.push_str(&line(depth + 1));
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push_str(": ");
        write(out, fields.get(name).unwrap_or(&Value::Null), depth + 1);
    }
    out.push_str(&line(depth));
    out.push('}');
}

/// A number with an exponent has its sign and two digits in it.
fn float(text: &str) -> String {
    let Some((digits, exponent)) = text.split_once('e') else { return text.to_owned() };
    let (sign, exponent) =
        exponent.strip_prefix('-').map_or(("+", exponent.trim_start_matches('+')), |rest| ("-", rest));
    format!("{}e{sign}{exponent:0>2}", digits.strip_suffix(".0").unwrap_or(digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_written_as_python_writes_them() {
        let value = json!({"b": [1, 1.5, 1e16, 1e-7, []], "a": {"ü": "x\ty", "n": null, "e": {}}});
        let wanted = "{\n    \"a\": {\n        \"e\": {},\n        \"n\": null,\n        \"ü\": \"x\\ty\"\n    },\n    \"b\": [\n        1,\n        1.5,\n        1e+16,\n        1e-07,\n        []\n    ]\n}";
        assert_eq!(text(&value, 0), wanted);
    }
}
