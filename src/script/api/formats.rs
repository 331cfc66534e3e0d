//! Text formats that are no one program's, in a playbook: systemd's environment files and Java's properties.

use rhai::{Engine, Map};

use crate::formats::{environment, properties};
use crate::script::catalog::Entry;

const FROM_ENVIRONMENT: Entry = Entry {
    name: "from_environment",
    on: "",
    usage: "from_environment(text)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "The variables of a systemd environment file as a map of texts, read as systemd 219 reads it: quotes, escapes, joined lines, \
          comments. The last assignment of a variable counts; what systemd leaves out is left out.",
    example: "let backend = from_environment(\"EXHIBITOR_BACKEND=STATIC\\n\").get(\"EXHIBITOR_BACKEND\");",
};

const FROM_PROPERTIES: Entry = Entry {
    name: "from_properties",
    on: "",
    usage: "from_properties(text)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "The properties of a Java properties file as a map of texts: escapes, joined lines, comments. The last one of a name counts.",
    example: "let port = from_properties(\"clientPort=2181\\n\").get(\"clientPort\");",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[FROM_ENVIRONMENT, FROM_PROPERTIES];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine) {
    engine.register_fn("from_environment", |text: &str| -> Map {
        environment::parse(text).into_iter().map(|one| (one.name.as_str().into(), one.value.into())).collect()
    });
    engine.register_fn("from_properties", |text: &str| -> Map {
        properties::parse(text).into_iter().map(|(key, value)| (key.into(), value.into())).collect()
    });
}
