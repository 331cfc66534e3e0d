//! A playbook as it is before it runs: read, compiled with all its imports, and what it says of itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhai::{AST, ASTNode, Engine, Expr, Scope, Stmt};

use super::bundle::SCHEME;
use super::declare::{self, Declaration};
use super::source::{Sources, bundled_playbook};
use crate::error::{Error, Excerpt, Result};

/// The folder of a playbook, where its variables may stand; a bundled one has none.
pub fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().filter(|_| !path.to_string_lossy().starts_with(SCHEME))
}

/// A compiled playbook.
pub struct Playbook {
    /// Its path, as the user typed it.
    pub path: String,
    /// The texts of its files.
    pub sources: Sources,
    /// The compiled files, by path; the playbook itself is one of them.
    pub compiled: Arc<BTreeMap<String, AST>>,
    /// The variables that it declares.
    pub declared: Vec<Declaration>,
    /// The names of its steps, in the order of its text.
    pub steps: Vec<String>,
    /// What it says of itself: its `//!` lines.
    pub about: String,
}

impl Playbook {
    /// Reads and compiles the playbook at `path`, or a bundled one (`zkmig:NAME`), and everything that it imports, also from
    /// these folders of shared libraries.
    pub fn load(path: &Path, libraries: &[PathBuf], engine: &Engine) -> Result<Self> {
        let mut shown = path.display().to_string();
        if shown.starts_with(SCHEME) {
            shown = bundled_playbook(&shown)?;
        } else {
            let metadata = std::fs::metadata(path).map_err(|error| {
                Error::input(format!("can't read the playbook {shown}"))
                    .caused_by(error)
                    .hint("the first argument is the playbook's file, or `zkmig:NAME` for one that ships with zkmig")
            })?;
            if metadata.is_dir() {
                return Err(
                    Error::input(format!("the playbook {shown} is a folder")).hint("name the `.rhai` file in it")
                );
            }
        }
        let sources = Sources::new(&shown, libraries)?;
        let mut compiled = BTreeMap::new();
        compile(&shown, &mut Vec::new(), engine, &sources, &mut compiled)?;
        let main = compiled.get(&shown).ok_or_else(|| Error::defect("the playbook was not compiled"))?;
        let declared = declare::declarations(main, &shown, &sources)?;
        let steps = steps(main);
        let about = sources
            .text(&shown)
            .map(|text| {
                let lines = text.lines().map_while(|line| line.strip_prefix("//!").map(str::trim));
                lines.collect::<Vec<_>>().join("\n")
            })
            .unwrap_or_default();
        Ok(Self { path: shown, sources, compiled: Arc::new(compiled), declared, steps, about })
    }

    /// The compiled playbook itself, without what it imports.
    pub fn main(&self) -> Result<&AST> {
        self.compiled.get(&self.path).ok_or_else(|| Error::defect("the playbook was not compiled"))
    }
}

fn compile(
    file: &str,
    importing: &mut Vec<String>,
    engine: &Engine,
    sources: &Sources,
    compiled: &mut BTreeMap<String, AST>,
) -> Result<()> {
    let text = sources.read(file)?;
    let mut known = Scope::new();
    known.push_constant("vars", ());
    let mut ast = engine.compile_with_scope(&known, &*text).map_err(|error| {
        let message = error.err_type().to_string();
        let mut fragment = message.chars();
        let message: String = fragment.next().into_iter().flat_map(char::to_lowercase).chain(fragment).collect();
        let failure = Error::input(format!("this is not Rhai: {message}"));
        match sources.excerpt(file, error.position()) {
            Some(excerpt) => failure.at(excerpt),
            None => failure.at(Excerpt::new(file, Arc::clone(&text), text.len()..text.len())),
        }
    })?;
    ast.set_source(file);
    importing.push(file.to_owned());
    for (expression, position) in imports(&ast) {
        let place = sources.excerpt(file, position);
        let at = |error: Error| match place.clone() {
            Some(place) => error.at(place),
            None => error,
        };
        let Some(import) = expression else {
            return Err(at(Error::input("the path of an import has to be a text, not an expression")
                .hint("so that every file is known before any host is touched")));
        };
        let target = sources.import(file, &import).map_err(&at)?;
        if let Some(start) = importing.iter().position(|open| *open == target) {
            let chain = importing[start..].iter().chain([&target]).cloned().collect::<Vec<_>>().join(" → ");
            return Err(at(Error::input(format!("files import each other in a circle: {chain}"))
                .hint("move what they share into a third file")));
        }
        if !compiled.contains_key(&target) {
            compile(&target, importing, engine, sources, compiled)?;
        }
    }
    importing.pop();
    compiled.insert(file.to_owned(), ast);
    Ok(())
}

/// The paths that a file imports; none where the path is no literal.
fn imports(ast: &AST) -> Vec<(Option<String>, rhai::Position)> {
    let mut found = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, position))) = path.last() {
            match &import.0 {
                Expr::StringConstant(text, position) => found.push((Some(text.to_string()), *position)),
                _ => found.push((None, *position)),
            }
        }
        true
    });
    found
}

/// The names of the steps of a file, in the order of its text.
fn steps(ast: &AST) -> Vec<String> {
    let mut found = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        let call = match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, position)) | ASTNode::Stmt(Stmt::FnCall(call, position))) => {
                Some((call, position))
            }
            _ => None,
        };
        if let Some((call, position)) = call.filter(|(call, _)| call.name == "step" && call.namespace.is_empty())
            && let Some(Expr::StringConstant(name, _)) = call.args.first()
        {
            found.push((*position, name.to_string()));
        }
        true
    });
    found.sort_by_key(|(position, _)| (position.line(), position.position()));
    found.dedup_by_key(|(position, _)| *position);
    found.into_iter().map(|(_, name)| name).collect()
}
