//! `import`: a file beside the importing one, in a library folder, or in the binary.
//!
//! Every file is read and compiled before the run, so that a missing file, a loop or a mistake is found before any host
//! is touched. At run time a module is made from what was compiled then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{AST, Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};

use super::failure::raise;
use super::source::Sources;
use crate::error::Error;

/// Finds the modules among the compiled files of a playbook.
pub struct Resolver {
    sources: Sources,
    main: String,
    compiled: Arc<BTreeMap<String, AST>>,
    made: Mutex<BTreeMap<String, Shared<Module>>>,
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
        if let Some(module) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(&file) {
            return Ok(Arc::clone(module));
        }
        let ast = self.compiled.get(&file).ok_or_else(|| {
            raise(
                Error::input(format!("{file} was not found when the playbook was checked"))
                    .hint("the path of an import has to be a text, not an expression"),
            )
        })?;
        let module = Module::eval_ast_as_new(Scope::new(), ast, engine)
            .map_err(|error| Box::new(EvalAltResult::ErrorInModule(file.clone(), error, position)))?;
        let module = Shared::new(module);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(file, Arc::clone(&module));
        Ok(module)
    }
}
