//! The playbook that undoes this one.

use std::path::Path;

use rhai::{Engine, Map, NativeCallContext};

use crate::error::Result;
use crate::run::events::What;
use crate::script::catalog::Entry;
use crate::script::playbook::Playbook;
use crate::script::{Script, declare, language};

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
        let declared = Playbook::load(Path::new(&file), &self.sources.libraries(), &language())?.declared;
        let vars: Vec<(String, String)> =
            vars.into_iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let takes = |name: &str| declare::takes(&declared, &self.run.inventory, name);
        self.run.events.emit(What::UndoKnown { command: self.run.command_on_same_hosts(&file, takes, &vars)? });
        Ok(())
    }
}
