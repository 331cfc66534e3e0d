//! Data of a playbook in the event stream, for tools that read it.

use rhai::{Engine, Map, NativeCallContext};

use super::Scripted;
use super::host::Host;
use crate::error::{Error, Result};
use crate::run::availability;
use crate::run::events::What;
use crate::script::Script;
use crate::script::catalog::Entry;
use crate::script::value::to_json;

const EMIT: Entry = Entry {
    name: "emit",
    on: "",
    usage: "emit(name, data) or host.emit(name, data)",
    arguments: &[2],
    options: &[],
    kind: None,
    doc: "Puts a map into the event stream (`--events`) and the run's record, as `{\"event\":\"data\",\"name\":…,\"data\":{…}}`, \
          for tools that read it; the terminal shows nothing. Secrets are redacted. What JSON can't hold, such as a function \
          or what check mode does not know, is an error. The names `members` and `availability` are for what probe tells. \
          Data with `columns`, a list of names, and `rows`, a list of lists, is a table in the run's report (`zkmig runs report`), under its `title`.",
    example: "emit(\"plan\", #{ restarts: [\"m1\", \"m2\"], seconds: 2.5 });",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[EMIT];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    let s = script.clone();
    engine.register_fn("emit", move |ctx: NativeCallContext, name: &str, data: Map| -> Scripted<()> {
        s.scripted(&ctx, s.emit(None, name, data))
    });
    let s = script.clone();
    engine.register_fn("emit", move |ctx: NativeCallContext, host: &mut Host, name: &str, data: Map| -> Scripted<()> {
        s.scripted(&ctx, s.emit(Some(&host.0.name), name, data))
    });
}

impl Script {
    fn emit(&self, host: Option<&str>, name: &str, data: Map) -> Result<()> {
        if [availability::MEMBERS, availability::AVAILABILITY].contains(&name) {
            return Err(Error::input(format!("`{name}` is the name of what probe tells"))
                .hint("give the playbook's own data another name"));
        }
        let mut fields = serde_json::Map::new();
        for (key, value) in data {
            let value = to_json(&value).map_err(|mut error| {
                let message = format!("`{key}` of the data `{name}`: {}", error.parts().message);
                error.parts_mut().message = message;
                error
            })?;
            fields.insert(key.to_string(), value);
        }
        let (host, step) = (host.map(str::to_owned), self.run.current_step());
        self.run.events.emit(What::Data { host, step, name: name.to_owned(), data: fields });
        Ok(())
    }
}
