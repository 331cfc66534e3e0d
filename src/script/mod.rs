//! Playbooks: the Rhai engine with its limits, what a playbook can call, and its errors with the lines they come from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rhai::{AST, Dynamic, Engine, EvalAltResult, OptimizationLevel, Scope};

pub mod api;
pub mod bundle;
pub mod called;
pub mod catalog;
pub mod check;
pub mod declare;
pub mod failure;
pub mod here;
pub mod options;
pub mod playbook;
pub mod recorded;
pub mod resolver;
pub mod source;
pub mod value;
pub mod variables;
mod written;

use crate::error::{Kind, Result};
use crate::run::Run;
use playbook::Playbook;
use resolver::Resolver;
use source::Sources;
use variables::{Variables, Vars};

/// How long an effect may take unless its call says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// The stack of a thread that runs a script: calls nest up to [`MAX_CALLS`] deep, and in a debug build each takes much.
pub const STACK: usize = 64 * 1024 * 1024;

const MAX_CALLS: usize = 64;

/// What the functions of a running playbook share.
#[derive(Clone)]
pub struct Script {
    /// The run.
    pub run: Arc<Run>,
    /// The playbook's texts.
    pub sources: Sources,
    /// The compiled files, by path.
    pub compiled: Arc<BTreeMap<String, AST>>,
    /// What `vars` is.
    pub variables: Arc<Variables>,
}

impl Script {
    /// What templates of this playbook may do, and where they look.
    pub fn template_settings(&self) -> crate::template::Settings {
        crate::template::Settings {
            playbook_dir: Some(self.sources.folder()),
            pipe: self.run.inventory.options().allow_pipe,
            libraries: self.sources.libraries(),
            ..Default::default()
        }
    }

    /// A host's variables, rendered when they are asked for.
    pub fn host_vars(&self, host: &api::host::Host) -> crate::template::HostVars {
        let mut settings = self.template_settings();
        let hosts = serde_json::Value::from(self.variables.hosts());
        let magic = [
            ("ansible_check_mode", self.run.options.check.into()),
            ("ansible_forks", self.run.options.forks.into()),
            ("ansible_play_hosts", hosts.clone()),
            ("ansible_play_hosts_all", hosts.clone()),
            ("play_hosts", hosts),
        ];
        settings.magic.extend(magic.map(|(name, value)| (name.to_owned(), value)));
        let defaults = &self.run.inventory.options().defaults;
        let key = defaults.key.as_ref().map(|key| key.display().to_string());
        // As the ssh plugin tells them: no user and no key where ssh's own configuration decides.
        let connection = [
            ("ansible_connection", Some("ssh".to_owned())),
            ("ansible_host", Some(host.0.name.clone())),
            ("ansible_ssh_host", Some(host.0.name.clone())),
            ("ansible_user", defaults.user.clone()),
            ("ansible_ssh_private_key_file", key),
        ];
        let told = connection.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
        settings.connection = told.collect();
        crate::template::HostVars::new(self.variables.world(), &host.0.name, Arc::new(settings))
    }
}

/// An engine with the language and its limits, without the functions of a run.
///
/// The limits are the same in debug and release builds; Rhai's own defaults differ.
pub fn language() -> Engine {
    let mut engine = Engine::new();
    engine
        .set_optimization_level(OptimizationLevel::None)
        .set_strict_variables(true)
        .set_fail_on_invalid_map_property(true)
        .set_max_call_levels(MAX_CALLS)
        .set_max_expr_depths(256, 128)
        .set_max_operations(50_000_000)
        .set_max_modules(100)
        .set_max_string_size(64 * 1024 * 1024)
        .set_max_array_size(1_000_000)
        .set_max_map_size(100_000)
        .disable_symbol("eval");
    failure::register(&mut engine);
    value::register(&mut engine);
    variables::register(&mut engine);
    api::zookeeper::register(&mut engine);
    api::dcos::register(&mut engine);
    engine
}

/// An engine on which a playbook can run.
fn engine(script: &Script, playbook: &Playbook) -> Engine {
    let mut engine = language();
    let variables = Arc::clone(&script.variables);
    #[allow(deprecated, reason = "Rhai marks the hook as volatile; it is the one way to give functions a variable")]
    engine.on_var(move |name, _, context| {
        Ok((name == "vars").then(|| Dynamic::from(Vars::of_file(&variables, context.source()))))
    });
    let run = Arc::clone(&script.run);
    engine.on_progress(move |_| run.interrupt.is_now().then(|| Dynamic::from(failure::Failure(run.interrupt.error()))));
    let run = Arc::clone(&script.run);
    engine.on_print(move |text| {
        run.events.emit(crate::run::events::What::Note { host: None, text: text.to_owned() });
    });
    api::register(&mut engine, script);
    engine.set_module_resolver(Resolver::new(script.sources.clone(), &playbook.path, Arc::clone(&playbook.compiled)));
    engine
}

/// An engine that knows every function, for the checks before a run and for the documentation: nothing can run on it.
pub fn engine_for_checks(script: &Script) -> Engine {
    let mut engine = language();
    api::register(&mut engine, script);
    engine
}

/// Runs a playbook to its end. Call it on a thread of its own, with a stack of [`STACK`] bytes: effects block it.
pub fn run(script: &Script, playbook: &Playbook) -> Result<()> {
    let engine = engine(script, playbook);
    let ast = playbook.main()?;
    let result = engine.run_ast_with_scope(&mut Scope::new(), ast);
    let result = result.or_else(|error| match *error {
        // `exit()` ends the playbook early and is no failure.
        EvalAltResult::Exit(..) => Ok(()),
        error => {
            let kind = if script.run.has_touched_hosts() { Kind::Failed } else { Kind::Input };
            let names = check::function_names(&engine);
            Err(script.run.secrets.redact_error(failure::explain(
                &error,
                &playbook.path,
                &script.sources,
                &names,
                kind,
            )))
        }
    });
    result.and_then(|()| match script.run.standing().notified() {
        [] => Ok(()),
        // The step of each has failed, and the playbook went on in spite of it.
        left => {
            Err(left.iter().fold(crate::error::Error::stopped("not all that was notified was done"), |error, left| {
                error.detail(format!("{}: {}", left.host, left.name))
            }))
        }
    })
}

/// All that is wrong with a playbook, as one error; the first one leads.
pub fn check(script: &Script, playbook: &Playbook) -> Result<()> {
    let engine = engine_for_checks(script);
    let mut errors = check::check(playbook, &engine, Some(&script.run.inventory)).into_iter();
    match errors.next() {
        None => Ok(()),
        Some(first) => Err(errors.fold(first, |error, other| {
            let place = other
                .parts()
                .excerpts
                .first()
                .map(|place| format!("{}:{}: ", place.path, place.line()))
                .unwrap_or_default();
            error.detail(format!("{place}{}", other.parts().message))
        })),
    }
}
