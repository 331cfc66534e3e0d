//! A playbook as it is before it runs: read, compiled with all its imports, and what it says of itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rhai::{AST, ASTNode, Engine, Expr, ParseErrorType, Position, Scope, Stmt};

use super::bundle::SCHEME;
use super::called::{self, Call, Hook};
use super::declare::{self, Declaration};
use super::source::{Sources, bundled_playbook};
use crate::error::{Error, Excerpt, Result};
use crate::inventory::Inventory;

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
    /// What each of the files says of itself, by path.
    pub files: BTreeMap<String, Said>,
    /// The names of its steps, in the order of its text; those of a playbook that it calls at the place of the call.
    pub steps: Vec<String>,
    /// What it says of itself: its `//!` lines.
    pub about: String,
}

/// What a file says of itself.
#[derive(Debug, Default)]
pub struct Said {
    /// The variables that it declares.
    pub declared: Vec<Declaration>,
    /// The hooks that it offers.
    pub hooks: Vec<Hook>,
    /// The playbooks that it calls, in the order of its text.
    pub calls: Vec<Call>,
    /// The files that it imports.
    imports: Vec<String>,
}

/// How a file came to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum As {
    Playbook,
    Module,
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
        let mut reading = Reading { engine, sources: &sources, compiled: BTreeMap::new(), files: BTreeMap::new() };
        reading.read(&shown, As::Playbook, &mut Vec::new())?;
        let Reading { compiled, files, .. } = reading;
        let steps = steps(&shown, &compiled, &files);
        let about = sources
            .text(&shown)
            .map(|text| {
                let lines = text.lines().map_while(|line| line.strip_prefix("//!").map(str::trim));
                lines.collect::<Vec<_>>().join("\n")
            })
            .unwrap_or_default();
        Ok(Self { path: shown, sources, compiled: Arc::new(compiled), files, steps, about })
    }

    /// The compiled playbook itself, without what it imports.
    pub fn main(&self) -> Result<&AST> {
        self.compiled.get(&self.path).ok_or_else(|| Error::defect("the playbook was not compiled"))
    }

    /// The variables that a file declares, then those of the playbooks that it calls and of the files that it imports; of one
    /// name the first.
    pub fn declared_below(&self, file: &str) -> Vec<&Declaration> {
        let mut found: Vec<&Declaration> = Vec::new();
        let (mut waiting, mut seen) = (VecDeque::from([file]), BTreeSet::new());
        while let Some(file) = waiting.pop_front() {
            let Some(said) = self.files.get(file).filter(|_| seen.insert(file)) else { continue };
            for declaration in &said.declared {
                if !found.iter().any(|known| known.name == declaration.name) {
                    found.push(declaration);
                }
            }
            waiting.extend(said.calls.iter().map(|call| call.file.as_str()));
            waiting.extend(said.imports.iter().map(String::as_str));
        }
        found
    }

    /// Whether any of its files declares a variable of this name.
    pub fn declares(&self, name: &str) -> bool {
        self.files.values().any(|said| said.declared.iter().any(|declaration| declaration.name == name))
    }

    /// Whether a file is run as a playbook: the one that is started, and those that are called.
    pub fn is_playbook(&self, file: &str) -> bool {
        file == self.path || self.files.values().any(|said| said.calls.iter().any(|call| call.file == file))
    }

    /// Whether `-e` can give it this variable: a playbook that declares none, and calls none that does, takes all.
    pub fn takes(&self, inventory: &Inventory, name: &str) -> bool {
        let calls = self.files.get(&self.path).is_some_and(|said| !said.declared.is_empty() || !said.calls.is_empty());
        !calls
            || self.declares(name)
            || name.starts_with("ansible_")
            || name.starts_with("zkmig_")
            || inventory.names_variable(name)
    }
}

/// A playbook that is being read.
struct Reading<'a> {
    engine: &'a Engine,
    sources: &'a Sources,
    compiled: BTreeMap<String, AST>,
    files: BTreeMap<String, Said>,
}

impl Reading<'_> {
    /// Reads a file and all that it needs. `open` are the files that led to it.
    fn read(&mut self, file: &str, how: As, open: &mut Vec<String>) -> Result<()> {
        let ast = self.compile(file)?;
        open.push(file.to_owned());
        let mut said = Said {
            declared: declare::declarations(&ast, file, self.sources)?,
            hooks: called::hooks(&ast, file, self.sources)?,
            calls: called::calls(&ast, file, self.sources)?,
            imports: Vec::new(),
        };
        let mut needed = Vec::new();
        for (expression, position) in imports(&ast) {
            let Some(import) = expression else {
                let error = Error::input("the path of an import has to be a text, not an expression")
                    .hint("so that every file is known before any host is touched");
                return Err(self.at(file, position, error));
            };
            let target = self.sources.import(file, &import).map_err(|error| self.at(file, position, error))?;
            said.imports.push(target.clone());
            needed.push((target, position, As::Module));
        }
        for call in &said.calls {
            if how == As::Module {
                let error = Error::input("a playbook is called in a file that is imported")
                    .hint("a playbook calls playbooks, at its top level: its steps are steps of the run");
                return Err(self.at(file, call.position, error));
            }
            needed.push((call.file.clone(), call.position, As::Playbook));
        }
        for (target, position, how) in needed {
            if let Some(start) = open.iter().position(|open| *open == target) {
                let chain = open[start..].iter().chain([&target]).cloned().collect::<Vec<_>>().join(" → ");
                let what = if how == As::Module { "import" } else { "call" };
                let error = Error::input(format!("files {what} each other in a circle: {chain}"))
                    .hint("move what they share into a third file");
                return Err(self.at(file, position, error));
            }
            if !self.compiled.contains_key(&target) {
                self.read(&target, how, open)?;
            }
        }
        open.pop();
        self.compiled.insert(file.to_owned(), ast);
        self.files.insert(file.to_owned(), said);
        Ok(())
    }

    fn compile(&self, file: &str) -> Result<AST> {
        let text = self.sources.read(file)?;
        let mut known = Scope::new();
        known.push_constant("vars", ());
        let mut ast = self.engine.compile_with_scope(&known, &*text).map_err(|error| {
            let message = error.err_type().to_string();
            let mut fragment = message.chars();
            let message: String = fragment.next().into_iter().flat_map(char::to_lowercase).chain(fragment).collect();
            let failure = hinted(Error::input(format!("this is not Rhai: {message}")), error.err_type());
            match self.sources.excerpt(file, error.position()) {
                Some(excerpt) => failure.at(excerpt),
                None => failure.at(Excerpt::new(file, Arc::clone(&text), text.len()..text.len())),
            }
        })?;
        ast.set_source(file);
        Ok(ast)
    }

    fn at(&self, file: &str, position: Position, error: Error) -> Error {
        match self.sources.excerpt(file, position) {
            Some(excerpt) => error.at(excerpt),
            None => error,
        }
    }
}

/// Words that Rhai keeps for itself and people use as names, and what to use instead.
const KEPT: &[(&str, &str)] = &[
    ("package", "`pkg` or `package_name`"),
    ("module", "`mod_name`"),
    ("default", "`fallback`; in a switch it is `_`"),
    ("shared", "`common`"),
    ("public", "`is_public`"),
    ("protected", "`is_protected`"),
    ("static", "`fixed`"),
    ("go", "`start`"),
    ("thread", "`worker`"),
    ("sync", "`synced`"),
    ("new", "`made`"),
    ("use", "`uses`; a file is taken in with `import`"),
    ("with", "`options`"),
    ("is", "`is_it`; two values are compared with `==`"),
    ("var", "`value`; a variable is made with `let`"),
    ("case", "`kind`; a switch has `value => …`"),
    ("match", "`found`; there is `switch`"),
    ("null", "`()`"),
    ("nil", "`()`"),
    ("void", "`()`"),
];

/// The error of a text that is no Rhai, with what to write instead.
fn hinted(error: Error, why: &ParseErrorType) -> Error {
    match why {
        ParseErrorType::Reserved(word) => match KEPT.iter().find(|(kept, _)| kept == word) {
            Some((_, instead)) => {
                error.hint(format!("the language keeps the word `{word}` for itself: take {instead}"))
            }
            None => error.hint(format!("the language keeps `{word}` for itself: take another name")),
        },
        ParseErrorType::VariableExpected => error.hint("a word of the language can't be a name"),
        _ => error,
    }
}

/// The paths that a file imports; none where the path is no literal.
fn imports(ast: &AST) -> Vec<(Option<String>, Position)> {
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

/// The names of the steps of a playbook, in the order of its text; those of one that it calls at the place of the call.
fn steps(file: &str, compiled: &BTreeMap<String, AST>, files: &BTreeMap<String, Said>) -> Vec<String> {
    let Some(ast) = compiled.get(file) else { return Vec::new() };
    let mut found: Vec<(Position, Vec<String>)> = Vec::new();
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
            found.push((*position, vec![name.to_string()]));
        }
        true
    });
    let calls = files.get(file).into_iter().flat_map(|said| &said.calls);
    found.extend(calls.map(|call| (call.position, steps(&call.file, compiled, files))));
    found.sort_by_key(|(position, _)| (position.line(), position.position()));
    found.dedup_by_key(|(position, _)| *position);
    found.into_iter().flat_map(|(_, names)| names).collect()
}
