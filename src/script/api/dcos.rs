//! `dcos::…`: what is DC/OS's and Exhibitor's: their files, command lines, settings and numbering. Pure functions.

use rhai::{Array, Dynamic, Engine, Map, Module};

use super::Scripted;
use super::zookeeper::{invalid, set};
use crate::dcos::{backend, config_yaml, exhibitor, journal, numbering};
use crate::error::Error;
use crate::script::failure::raise;
use crate::script::value::{from_json, to_json};
use crate::zookeeper::ensemble::Ensemble;

/// The module's name in playbooks.
pub const NAME: &str = "dcos";

/// Registers the module.
pub fn register(engine: &mut Engine) {
    engine.register_static_module(NAME, module().into());
}

/// What it has.
pub(super) fn module() -> Module {
    let mut module = Module::new();
    let patterns: Map = journal::PATTERNS.iter().map(|pattern| (pattern.name.into(), pattern.regex.into())).collect();
    module.set_var("PATTERNS", patterns);
    let m = &mut module;
    set(m, "canonical", |addresses: Array| -> Scripted<String> {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let ensemble = numbering::canonical(addresses.iter().map(String::as_str));
        ensemble.map(|ensemble| ensemble.to_string()).map_err(|error| invalid(&error))
    });
    set(m, "stored_ensemble", |text: &str| -> Scripted<String> {
        Ensemble::parse_stored(text).map(|ensemble| ensemble.to_string()).map_err(|error| invalid(&error))
    });
    set(m, "other_lines", |text: &str| -> Array {
        backend::other_lines(text).into_iter().map(Dynamic::from).collect()
    });
    set(m, "exhibitor_command", |words: Array| -> Map {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let read = exhibitor::command_line(&words);
        let fields = [
            ("config_type", read.config_type),
            ("static_ensemble", read.static_ensemble),
            ("zk_config_connect", read.zk_config_connect),
            ("zk_config_zpath", read.zk_config_zpath),
            ("hostname", read.hostname),
        ];
        fields.into_iter().map(|(name, value)| (name.into(), value.map_or(Dynamic::UNIT, Dynamic::from))).collect()
    });
    set(m, "lost_settings", |state: Dynamic, defaults: &str| -> Scripted<Array> {
        let state = to_json(&state).map_err(raise)?;
        let lost = exhibitor::lost_settings(&state, defaults);
        Ok(lost
            .into_iter()
            .map(|lost| {
                let mut map = Map::new();
                map.insert("name".into(), lost.name.into());
                map.insert("stored".into(), lost.stored.into());
                map.insert("fixed".into(), lost.fixed.into());
                map.insert("data".into(), lost.data.into());
                map.into()
            })
            .collect())
    });
    set(m, "stored_state", |stored: &str| -> Dynamic { from_json(&exhibitor::stored_state(stored)) });
    set(m, "zoo_cfg_state", |zoo_cfg: &str| -> Dynamic { from_json(&exhibitor::zoo_cfg_state(zoo_cfg)) });
    set(m, "realm_password", |realm: &str, user: &str| -> Dynamic {
        exhibitor::realm_password(realm, user).map_or(Dynamic::UNIT, Dynamic::from)
    });
    set(m, "config_yaml_to_static", |text: &str| -> Scripted<String> {
        config_yaml::to_static(text).map_err(|why| raise(Error::stopped(format!("this can't be made static: {why}"))))
    });
    module.build_index();
    module
}
