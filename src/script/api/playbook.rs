//! Playbooks that call playbooks: with variables, and with hooks for what a caller does in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext, Position, Scope};

use super::Scripted;
use super::flow::snapshot;
use super::host::Host;
use crate::error::{Error, Result};
use crate::script::Script;
use crate::script::called::{Frame, Given, VARS};
use crate::script::catalog::Entry;
use crate::script::here::{self, Here};
use crate::script::value::to_json;

const PLAYBOOK: Entry = Entry {
    name: "playbook",
    on: "",
    usage: "playbook(name) or playbook(name, options)",
    arguments: &[1, 2],
    options: &[],
    kind: None,
    doc: "Runs another playbook as a part of this one: a file beside it, one of a library folder, or one that ships with zkmig \
          (`zkmig:NAME`). The option `vars` gives variables that the other one declares; every other option is a function for \
          one of the hooks that it offers. All of it is written out in the call and checked before any host is touched. Its \
          steps are steps of the run; `-e` and --help-vars know its variables. `exit()` in it ends only it. Gives the value of \
          its last line.",
    example: "// playbook(\"zkmig:zk-to-static\", #{ vars: #{ exhibitor_unit: \"exhibitor.service\" } });",
};

const HOOKS: Entry = Entry {
    name: "hooks",
    on: "",
    usage: "hooks(#{ name: #{ takes, help }, … })",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "Says which functions a playbook that calls this one may give, each with the names of what it `takes`, and when it is \
          called (`help`). It is written out at the top level of the playbook, and read without running anything.",
    example: "hooks(#{ before_each: #{ takes: [\"host\"], help: \"called before a host is restarted\" } });",
};

const HOOK: Entry = Entry {
    name: "hook",
    on: "",
    usage: "hook(name)",
    arguments: &[1],
    options: &[],
    kind: None,
    doc: "The function that the calling playbook gave for a hook of this one; () when it gave none, or when this playbook was \
          not called by another.",
    example: "hooks(#{ before_each: #{ takes: [\"host\"] } });\nlet before_each = hook(\"before_each\") ?? |m| true;\nhosts(\"masters\").each(before_each);",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[PLAYBOOK, HOOKS, HOOK];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    let s = script.clone();
    engine.register_fn("playbook", move |ctx: NativeCallContext, name: &str| call(&s, &ctx, name, Map::new()));
    let s = script.clone();
    engine
        .register_fn("playbook", move |ctx: NativeCallContext, name: &str, options: Map| call(&s, &ctx, name, options));
    engine.register_fn("hooks", |_: Map| ());
    let s = script.clone();
    engine.register_fn("hook", move |ctx: NativeCallContext, name: &str| s.scripted(&ctx, hook(&s, &ctx, name)));
}

fn call(script: &Script, ctx: &NativeCallContext<'_>, name: &str, options: Map) -> Scripted<Dynamic> {
    let (file, frame) = script.scripted(ctx, frame(script, ctx, name, options))?;
    let ast = script.compiled.get(&file).ok_or_else(|| {
        script.raise(ctx, Error::defect(format!("the playbook {file} was not found when the calling one was checked")))
    })?;
    let place = Here { frame: Some(Arc::new(frame)), ..Here::default() };
    let result = here::at(place, || ctx.engine().eval_ast_with_scope::<Dynamic>(&mut Scope::new(), ast));
    match result.map_err(|error| *error) {
        Ok(value) | Err(EvalAltResult::Exit(value, _)) => Ok(value.flatten()),
        Err(error) => Err(EvalAltResult::ErrorInModule(file, error.into(), Position::NONE).into()),
    }
}

fn frame(script: &Script, ctx: &NativeCallContext<'_>, name: &str, mut options: Map) -> Result<(String, Frame)> {
    let file = script.sources.playbook(ctx.call_source().unwrap_or_default(), name)?;
    let mut vars = serde_json::Map::new();
    if let Some(given) = options.remove(VARS) {
        let given = given.as_map_ref().map_err(|_| Error::input("the option `vars` of playbook has to be a map"))?;
        for (name, value) in &*given {
            let value = to_json(value)?;
            let value = match script.variables.declaration(&file, None, name) {
                Some(declaration) => declaration.check(value)?,
                None => value,
            };
            vars.insert(name.to_string(), value);
        }
    }
    #[allow(deprecated, reason = "Rhai marks its own context store as volatile; it is the only way to call back later")]
    let hooks = options.into_iter().filter(|(_, value)| !value.is_unit()).map(|(name, value)| {
        let function = value.try_cast::<FnPtr>();
        let function = function.ok_or_else(|| Error::input(format!("the hook `{name}` has to be a function")))?;
        let given = Given { function, context: ctx.store_data(), place: here::here() };
        Ok((name.to_string(), Arc::new(given)))
    });
    let hooks = hooks.collect::<Result<BTreeMap<_, _>>>()?;
    Ok((file.clone(), Frame { file, vars, hooks }))
}

/// A function that calls the caller's, where the caller stands; () when none was given.
fn hook(script: &Script, ctx: &NativeCallContext<'_>, name: &str) -> Result<Dynamic> {
    let from = ctx.call_source().unwrap_or_default();
    if !script.variables.offers(from, name) {
        return Err(Error::input(format!("{from} offers no hook `{name}`")).hint("hooks(#{ … }) says which it offers"));
    }
    let given = here::here().frame.filter(|frame| frame.file == from).and_then(|frame| frame.hooks.get(name).cloned());
    let Some(given) = given else { return Ok(Dynamic::UNIT) };
    #[allow(
        deprecated,
        reason = "Rhai marks functions of Rust's as volatile; by name the caller's is not found from here"
    )]
    let function = FnPtr::from_fn(name, move |ctx, args| {
        let now = here::here();
        let host = args.first().and_then(|first| first.read_lock::<Host>().map(|host| host.0.name.as_str().into()));
        let place = Here { frame: given.place.frame.clone(), host: host.or(now.host), ..now };
        let function = if place.parallel { snapshot(&given.function) } else { given.function.clone() };
        let context = given.context.create_context(ctx.engine());
        let args: Vec<Dynamic> = args.iter_mut().map(|argument| argument.clone()).collect();
        here::at(place, || function.call_raw(&context, None, args))
    });
    function.map(Dynamic::from).map_err(|error| Error::defect(format!("a hook can't be made: {error}")))
}
