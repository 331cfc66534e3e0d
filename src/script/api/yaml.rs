//! YAML in a playbook: read as inventories are, and written so that every reader takes it for the same.

use rhai::{Dynamic, Engine};

use super::Scripted;
use crate::error::{Error, Result};
use crate::inventory;
use crate::script::catalog::Entry;
use crate::script::failure::raise;
use crate::script::value::{from_json, to_json};

const FROM_YAML: Entry = Entry {
    name: "from_yaml",
    on: "",
    usage: "from_yaml(text)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "The value that a YAML text stands for, read as Ansible reads it (YAML 1.1: `no` is false, 0755 is 493). A text that is no \
          YAML is a failure.",
    example: "let port = from_yaml(\"port: 2181\\n\").port;",
};

const AS_YAML: Entry = Entry {
    name: "as_yaml",
    on: "",
    usage: "as_yaml(value)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "A value as YAML text, which ends with a line end. Readers of YAML 1.1 and 1.2 take it for the same value; one for which that \
          can't be, such as the texts `12:30` and `no`, is a failure.",
    example: "note(as_yaml(#{ listen: \"0.0.0.0\", ports: [2181, 2888] }));",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[FROM_YAML, AS_YAML];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine) {
    engine.register_fn("from_yaml", |text: &str| -> Scripted<Dynamic> {
        let value =
            inventory::yaml_value(text).map_err(|error| raise(Error::failed("this is not YAML").caused_by(error)))?;
        Ok(from_json(&value))
    });
    engine.register_fn("as_yaml", |value: Dynamic| -> Scripted<String> {
        to_json(&value).and_then(|value| as_yaml(&value)).map_err(raise)
    });
}

fn as_yaml(value: &serde_json::Value) -> Result<String> {
    let text =
        serde_yaml::to_string(value).map_err(|error| Error::failed("the value has no YAML form").caused_by(error))?;
    // The writer is of YAML 1.2, which leaves some texts bare that are numbers in 1.1.
    match inventory::yaml_value(&text) {
        Ok(read) if read == *value => Ok(text),
        _ => Err(Error::failed("readers of YAML 1.1 would take the text of this value for another one")
            .detail(text)
            .hint("to_nice_yaml in a template quotes such texts")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for value in [
            json!({"a": [1, 2.5, null, true, "0755", "", "x: y", "- z", "null", "line\nline\n"]}),
            json!("text"),
            json!([]),
        ] {
            let text = as_yaml(&value).expect("YAML");
            assert_eq!(inventory::yaml_value(&text).expect("it is read"), value, "{text}");
        }
    }

    #[test]
    fn what_would_be_read_as_another_value_is_refused() {
        for text in ["12:30", "no"] {
            let error = as_yaml(&json!({ "at": text })).expect_err("750 and false in YAML 1.1");
            assert!(error.to_string().contains("YAML 1.1"), "{error}");
        }
    }
}
