//! `zookeeper::…`: what ZooKeeper's ensembles, answers and log lines say, and what a renumbering will do. Pure functions.

use rhai::{Array, Blob, Dynamic, Engine, FuncRegistration, Map, Module};

use super::Scripted;
use crate::error::Error;
use crate::script::failure::raise;
use crate::script::value::wrong_type;
use crate::zookeeper::ensemble::{Ensemble, Invalid};
use crate::zookeeper::{client, four_letter, journal};

/// The module's name in playbooks.
pub const NAME: &str = "zookeeper";

/// Registers the module.
pub fn register(engine: &mut Engine) {
    engine.register_static_module(NAME, module().into());
}

fn module() -> Module {
    let mut module = Module::new();
    let patterns: Map = journal::PATTERNS.iter().map(|pattern| (pattern.name.into(), pattern.regex.into())).collect();
    module.set_var("PATTERNS", patterns);
    let m = &mut module;
    set(m, "ensemble", |ids: Map| -> Scripted<String> {
        let servers: Scripted<Vec<_>> = ids
            .iter()
            .map(|(address, id)| {
                let id = id.as_int().map_err(|_| wrong_type("an id", "a number", id))?;
                let id =
                    u8::try_from(id).ok().filter(|id| *id > 0).ok_or_else(|| invalid(&Invalid::Id(id.to_string())))?;
                Ok((id, address.to_string()))
            })
            .collect();
        Ensemble::from_servers(servers?).map(|ensemble| ensemble.to_string()).map_err(|error| invalid(&error))
    });
    set(m, "ids", |text: &str| -> Scripted<Map> {
        let ensemble = Ensemble::parse(text).map_err(|error| invalid(&error))?;
        Ok(ensemble.servers().map(|(address, id)| (address.into(), Dynamic::from(i64::from(id)))).collect())
    });
    set(m, "moves", |from: &str, to: &str| -> Scripted<Array> {
        if from.is_empty() {
            return Ok(Array::new());
        }
        let read = |text: &str| Ensemble::parse(text).map_err(|error| invalid(&error));
        let (from, to) = (read(from)?, read(to)?);
        Ok(from.moves(&to).into_iter().map(|(address, _, _)| address.to_owned().into()).collect())
    });
    set(m, "srvr", |answer: &str| -> Map {
        let srvr = four_letter::srvr(answer);
        let mut map = Map::new();
        map.insert("serving".into(), srvr.serving.into());
        for (name, value) in [("mode", srvr.mode), ("version", srvr.version), ("zxid", srvr.zxid)] {
            map.insert(name.into(), value.map_or(Dynamic::UNIT, Dynamic::from));
        }
        let count = srvr.node_count.and_then(|count| i64::try_from(count).ok());
        map.insert("node_count".into(), count.map_or(Dynamic::UNIT, Dynamic::from));
        map
    });
    set(m, "role", |answer: &str, servers: i64| -> Dynamic {
        let (leads, epoch) = match four_letter::srvr(answer).role(usize::try_from(servers).unwrap_or(0)) {
            four_letter::Role::Leads(epoch) => (true, epoch),
            four_letter::Role::Follows => (false, None),
            four_letter::Role::None => return Dynamic::UNIT,
        };
        let mut map = Map::new();
        map.insert("serves".into(), true.into());
        map.insert("leads".into(), leads.into());
        map.insert("epoch".into(), epoch.map_or(Dynamic::UNIT, |epoch| i64::from(epoch).into()));
        map.into()
    });
    set(m, "server_id", |conf: &str| -> Dynamic {
        four_letter::server_id(conf).map_or(Dynamic::UNIT, |id| i64::from(id).into())
    });
    set(m, "synced_followers", |mntr: &str| -> Dynamic {
        let count = four_letter::synced_followers(mntr).and_then(|count| i64::try_from(count).ok());
        count.map_or(Dynamic::UNIT, Dynamic::from)
    });
    set(m, "zxid_less", |one: &str, other: &str| -> bool {
        four_letter::Zxid::parse(one) < four_letter::Zxid::parse(other)
    });
    set(m, "own_id", |line: &str| -> Dynamic {
        journal::own_id(line).map_or(Dynamic::UNIT, |id| i64::from(id).into())
    });
    set(m, "list_root_request", || -> Blob { client::list_root_request() });
    set(m, "list_root_answer", |answer: Blob| -> Array {
        client::list_root_answer(&answer).unwrap_or_default().into_iter().map(Dynamic::from).collect()
    });
    set(m, "data_request", |path: &str| -> Blob { client::data_request(path) });
    set(m, "data_answer", |answer: Blob| -> Map {
        let (found, why) = match client::data_answer(&answer) {
            client::Data::Found(data) => (Some(data), String::new()),
            client::Data::NoNode => (None, "there is no such znode".to_owned()),
            client::Data::NoAuth => (None, "the znode may not be read without a name".to_owned()),
            client::Data::Failed(code) => (None, format!("the server answers with ZooKeeper's error {code}")),
            client::Data::None => (None, "the server opens no session".to_owned()),
        };
        let mut map = Map::new();
        // Java's properties are ISO 8859-1.
        let text = found.map(|data| data.into_iter().map(char::from).collect::<String>());
        map.insert("text".into(), text.map_or(Dynamic::UNIT, Dynamic::from));
        map.insert("why".into(), why.into());
        map
    });
    set(m, "create_request", |path: &str, text: &str| -> Blob { client::create_request(path, text.as_bytes()) });
    set(m, "delete_request", |path: &str| -> Blob { client::delete_request(path) });
    set(m, "done_answer", |answer: Blob| -> Map {
        let (done, why) = match client::done_answer(&answer) {
            client::Done::Done => (true, String::new()),
            client::Done::NoNode => (false, "there is no such znode".to_owned()),
            client::Done::NoAuth => (false, "it may not be done without a name".to_owned()),
            client::Done::Exists => (false, "the znode is there already".to_owned()),
            client::Done::Failed(code) => (false, format!("the server answers with ZooKeeper's error {code}")),
            client::Done::None => (false, "the server opens no session".to_owned()),
        };
        let mut map = Map::new();
        map.insert("done".into(), done.into());
        map.insert("why".into(), why.into());
        map
    });
    set(m, "plan", |asked: Map| super::renumber::plan(&asked.into()));
    set(m, "joins", |asked: Map| super::renumber::joins(&asked.into()));
    set(m, "follow", |asked: Map, stages: Array| super::renumber::follow(&asked.into(), &stages.into()));
    module.build_index();
    module
}

/// Adds a function to a module.
pub(super) fn set<A: 'static, const N: usize, const X: bool, R: rhai::Variant + Clone, const F: bool>(
    module: &mut Module,
    name: &str,
    function: impl rhai::RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
) {
    FuncRegistration::new(name).in_internal_namespace().set_into_module(module, function);
}

/// What is no ensemble, as a script's error.
pub(super) fn invalid(error: &Invalid) -> Box<rhai::EvalAltResult> {
    raise(Error::stopped(format!("this is no ensemble: {error}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{dcos, dcos_entries, zookeeper_entries};
    use super::*;
    use crate::script::catalog::Entry;

    #[test]
    fn what_a_module_has_and_what_is_described_are_the_same() {
        alike(NAME, &module(), zookeeper_entries::ENTRIES);
        alike(dcos::NAME, &dcos::module(), dcos_entries::ENTRIES);
    }

    fn alike(module_name: &str, module: &Module, entries: &[Entry]) {
        let has: BTreeSet<(String, usize)> = module
            .gen_fn_signatures_with_mapper(Into::into)
            .map(|signature| {
                let (name, rest) = signature.split_once('(').expect("a signature has parentheses");
                let arguments = rest.split(')').next().unwrap_or_default();
                (
                    format!("{module_name}::{name}"),
                    arguments.split(", ").filter(|argument| !argument.is_empty()).count(),
                )
            })
            .collect();
        let described: BTreeSet<(String, usize)> = entries
            .iter()
            .flat_map(|entry| entry.arguments.iter().map(|arguments| (entry.name.to_owned(), *arguments)))
            .collect();
        assert_eq!(has, described);
        let has: Vec<String> = module.iter_var().map(|(name, _)| format!("{module_name}::{name}")).collect();
        let described: Vec<&str> =
            entries.iter().filter(|entry| entry.arguments.is_empty()).map(|entry| entry.name).collect();
        assert_eq!(has, described);
    }
}
