//! The playbook that undoes this one.

use std::path::Path;

use rhai::{Engine, Map, NativeCallContext};

use crate::error::Result;
use crate::inventory::is_secret;
use crate::run::events::What;
use crate::script::catalog::Entry;
use crate::script::here::here;
use crate::script::playbook::Playbook;
use crate::script::{Script, language};

const UNDO_WITH: Entry = Entry {
    name: "undo_with",
    on: "",
    usage: "undo_with(playbook) or undo_with(playbook, vars)",
    arguments: &[1, 2],
    options: &[],
    kind: None,
    doc: "Names the playbook, a file beside this one or a bundled one (`zkmig:NAME`), that undoes this one on the same hosts with the same variables, as \
          far as it takes them, and these besides. Errors and `zkmig runs show` tell the command. Call it before the first change.",
    example: "// undo_with(\"static-to-zk.rhai\");",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[UNDO_WITH];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    let s = script.clone();
    engine.register_fn("undo_with", move |ctx: NativeCallContext, playbook: &str| {
        s.scripted(&ctx, s.undo_with(&ctx, playbook, Map::new()))
    });
    let s = script.clone();
    engine.register_fn("undo_with", move |ctx: NativeCallContext, playbook: &str, vars: Map| {
        s.scripted(&ctx, s.undo_with(&ctx, playbook, vars))
    });
}

impl Script {
    fn undo_with(&self, ctx: &NativeCallContext<'_>, playbook: &str, vars: Map) -> Result<()> {
        let file = self.sources.playbook(ctx.call_source().unwrap_or_default(), playbook)?;
        let undoing = Playbook::load(Path::new(&file), &self.sources.libraries(), &language())?;
        let takes = |name: &str| undoing.takes(&self.run.inventory, name);
        let mut given: Vec<(String, String)> = Vec::new();
        // What the caller of this playbook gave it is meant for its undoing, too.
        if let Some(frame) = here().frame {
            let extra = self.run.inventory.extra_names();
            let known = frame.vars.iter().filter(|(name, _)| undoing.declares(name) && !is_secret(name));
            let known = known.filter(|(name, _)| !extra.contains(&name.as_str()) && !vars.contains_key(name.as_str()));
            given.extend(known.map(|(name, value)| (name.clone(), text(value))));
        }
        given.extend(vars.into_iter().map(|(name, value)| (name.to_string(), value.to_string())));
        self.run.events.emit(What::UndoKnown { command: self.run.command_on_same_hosts(&file, takes, &given)? });
        Ok(())
    }
}

/// A value as `-e NAME=VALUE` gives it.
fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
