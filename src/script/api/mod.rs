//! What a playbook can call, a file a subject.

use rhai::{Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::Script;
use super::catalog::Entry;
use super::failure::raise_at;
use super::source::place;
use crate::error::{Error, Result};
use crate::run::events::Place;

pub mod boot;
pub mod dcos;
pub mod dcos_entries;
pub mod emit;
pub mod facts;
pub mod files;
pub mod flow;
pub mod formats;
pub mod host;
pub mod journal;
pub mod local;
pub mod network;
pub mod notify;
pub mod playbook;
pub mod probe;
pub mod renumber;
pub mod rolling;
mod secret;
pub mod service;
pub mod text;
pub mod undo;
pub mod wait;
pub mod yaml;
pub mod zookeeper;
pub mod zookeeper_entries;

/// The descriptions of all functions.
pub const CATALOGS: &[&[Entry]] = &[
    flow::ENTRIES,
    notify::ENTRIES,
    secret::ENTRIES,
    emit::ENTRIES,
    undo::ENTRIES,
    playbook::ENTRIES,
    rolling::ENTRIES,
    wait::ENTRIES,
    host::ENTRIES,
    boot::ENTRIES,
    files::ENTRIES,
    service::ENTRIES,
    journal::ENTRIES,
    network::ENTRIES,
    probe::ENTRIES,
    facts::ENTRIES,
    text::ENTRIES,
    yaml::ENTRIES,
    formats::ENTRIES,
    local::ENTRIES,
    zookeeper_entries::ENTRIES,
    dcos_entries::ENTRIES,
];

/// The result of a function that a script calls.
pub type Scripted<T> = std::result::Result<T, Box<EvalAltResult>>;

/// Registers everything.
pub fn register(engine: &mut Engine, script: &Script) {
    let handlers = notify::Handlers::default();
    flow::register(engine, script, &handlers);
    notify::register(engine, script, &handlers);
    secret::register(engine, script);
    emit::register(engine, script);
    undo::register(engine, script);
    playbook::register(engine, script);
    rolling::register(engine, script);
    wait::register(engine, script);
    host::register(engine, script);
    boot::register(engine, script);
    files::register(engine, script);
    service::register(engine, script);
    journal::register(engine, script);
    network::register(engine, script);
    probe::register(engine, script);
    facts::register(engine, script);
    local::register(engine, script);
    text::register(engine);
    yaml::register(engine);
    formats::register(engine);
}

impl Script {
    /// The line that calls a function, for its event.
    fn place(context: &NativeCallContext<'_>) -> Option<Place> {
        place(context.call_source(), context.call_position())
    }

    /// The file that the calling one names: beside it, in its folder, or in the binary.
    fn file(&self, context: &NativeCallContext<'_>, relative: &str) -> Result<String> {
        self.sources.file(context.call_source().unwrap_or_default(), relative)
    }

    /// A result on its way to the script, an error with the place of the call.
    fn scripted<T>(&self, context: &NativeCallContext<'_>, result: Result<T>) -> Scripted<T> {
        result.map_err(|error| self.raise(context, error))
    }

    /// An error with the place of the call.
    fn raise(&self, context: &NativeCallContext<'_>, error: Error) -> Box<EvalAltResult> {
        let error = match self.run.current_step() {
            Some(step) => error.in_step(&step),
            None => error,
        };
        raise_at(context, &self.sources, error)
    }
}

/// Registers a method that takes nothing, or an options map.
fn method0<T, R>(
    engine: &mut Engine,
    script: &Script,
    name: &str,
    body: impl Fn(&Script, &NativeCallContext<'_>, &T, Map) -> Result<R> + Clone + Send + Sync + 'static,
) where
    T: Clone + Send + Sync + 'static,
    R: Into<Dynamic> + 'static,
{
    let (s, f) = (script.clone(), body.clone());
    engine.register_fn(name, move |ctx: NativeCallContext, on: &mut T| -> Scripted<Dynamic> {
        s.scripted(&ctx, f(&s, &ctx, on, Map::new())).map(Into::into)
    });
    let s = script.clone();
    engine.register_fn(name, move |ctx: NativeCallContext, on: &mut T, options: Map| -> Scripted<Dynamic> {
        s.scripted(&ctx, body(&s, &ctx, on, options)).map(Into::into)
    });
}

/// Registers a method that takes one argument, and perhaps an options map.
fn method1<T, R>(
    engine: &mut Engine,
    script: &Script,
    name: &str,
    body: impl Fn(&Script, &NativeCallContext<'_>, &T, &Dynamic, Map) -> Result<R> + Clone + Send + Sync + 'static,
) where
    T: Clone + Send + Sync + 'static,
    R: Into<Dynamic> + 'static,
{
    let (s, f) = (script.clone(), body.clone());
    engine.register_fn(name, move |ctx: NativeCallContext, on: &mut T, argument: Dynamic| -> Scripted<Dynamic> {
        s.scripted(&ctx, f(&s, &ctx, on, &argument, Map::new())).map(Into::into)
    });
    let s = script.clone();
    engine.register_fn(
        name,
        move |ctx: NativeCallContext, on: &mut T, argument: Dynamic, options: Map| -> Scripted<Dynamic> {
            s.scripted(&ctx, body(&s, &ctx, on, &argument, options)).map(Into::into)
        },
    );
}

/// Registers a method that takes two arguments, and perhaps an options map.
fn method2<T, R>(
    engine: &mut Engine,
    script: &Script,
    name: &str,
    body: impl Fn(&Script, &NativeCallContext<'_>, &T, &Dynamic, &Dynamic, Map) -> Result<R> + Clone + Send + Sync + 'static,
) where
    T: Clone + Send + Sync + 'static,
    R: Into<Dynamic> + 'static,
{
    let (s, f) = (script.clone(), body.clone());
    engine.register_fn(
        name,
        move |ctx: NativeCallContext, on: &mut T, first: Dynamic, second: Dynamic| -> Scripted<Dynamic> {
            s.scripted(&ctx, f(&s, &ctx, on, &first, &second, Map::new())).map(Into::into)
        },
    );
    let s = script.clone();
    engine.register_fn(
        name,
        move |ctx: NativeCallContext, on: &mut T, first: Dynamic, second: Dynamic, options: Map| -> Scripted<Dynamic> {
            s.scripted(&ctx, body(&s, &ctx, on, &first, &second, options)).map(Into::into)
        },
    );
}
