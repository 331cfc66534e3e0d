//! `import`: a file beside the importing one, in a library folder, or in the binary.
//!
//! Every file is read and compiled before the run, so that a missing file, a loop or a mistake is found before any host
//! is touched. At run time a module is made from what was compiled then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{AST, Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};

use super::failure::raise;
use super::here::here;
use super::source::Sources;
use crate::error::Error;

/// The called playbook that a module was made for, and its file.
type MadeFor = (Option<String>, String);

/// Finds the modules among the compiled files of a playbook.
pub struct Resolver {
    sources: Sources,
    main: String,
    compiled: Arc<BTreeMap<String, AST>>,
    made: Mutex<BTreeMap<MadeFor, Shared<Module>>>,
}

impl Resolver {
    /// A resolver over what was compiled, by path.
    pub fn new(sources: Sources, main: &str, compiled: Arc<BTreeMap<String, AST>>) -> Self {
        Self { sources, main: main.to_owned(), compiled, made: Mutex::default() }
    }
}

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<Shared<Module>, Box<EvalAltResult>> {
        let file = self.sources.import(source.unwrap_or(&self.main), path).map_err(raise)?;
        // What a module computes when it is made may depend on the variables that a called playbook was given.
        let key = (here().frame.map(|frame| frame.file.clone()), file.clone());
        if let Some(module) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(module));
        }
        let ast = self.compiled.get(&file).ok_or_else(|| {
            raise(
                Error::input(format!("{file} was not found when the playbook was checked"))
                    .hint("the path of an import has to be a text, not an expression"),
            )
        })?;
        let module = Module::eval_ast_as_new(Scope::new(), ast, engine)
            .map_err(|error| Box::new(EvalAltResult::ErrorInModule(file, error, position)))?;
        let module = Shared::new(module);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&module));
        Ok(module)
    }
}
