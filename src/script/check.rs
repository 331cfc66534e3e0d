//! The checks that a playbook goes through before any host is touched: unknown functions, options, patterns, templates.
//!
//! Rhai itself finds none of these before the line runs, which for a playbook is after hosts have been changed.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTNode, Engine, Expr, FnAccess, Position, Stmt};

use super::catalog;
use super::options::unknown_option;
use super::playbook::Playbook;
use super::resolver::file_name;
use crate::error::{Error, Result};
use crate::inventory::Inventory;
use crate::task::{Kind, template};

/// What the language itself can call.
const LANGUAGE: &[&str] =
    &["call", "curry", "Fn", "is_def_var", "is_def_fn", "is_shared", "type_of", "print", "debug", "import", "throw"];

struct Functions {
    /// The numbers of arguments that each function takes; the receiver of a method counts.
    native: BTreeMap<String, BTreeSet<usize>>,
}

/// Every function name that a playbook can call, for suggestions.
pub fn function_names(engine: &Engine) -> Vec<String> {
    Functions::of(engine).native.into_keys().collect()
}

/// Checks every file of the playbook; gives all that is wrong, the first first.
pub fn check(playbook: &Playbook, engine: &Engine, inventory: Option<&Inventory>) -> Vec<Error> {
    let functions = Functions::of(engine);
    let mut errors = Vec::new();
    for (file, ast) in &*playbook.compiled {
        let checker = Checker { playbook, file, ast, functions: &functions, inventory };
        errors.extend(checker.check());
    }
    errors
}

/// Whether anything that the playbook calls may change a host. A command says of itself whether it only looks.
pub fn may_change(playbook: &Playbook) -> bool {
    let mut found = false;
    for ast in playbook.compiled.values() {
        ast.walk(&mut |path: &[ASTNode<'_>]| {
            if let Some(ASTNode::Expr(Expr::MethodCall(call, _))) = path.last() {
                let changes = catalog::entries().any(|entry| {
                    entry.name == call.name && !entry.on.is_empty() && !matches!(entry.kind, None | Some(Kind::Read))
                });
                found |= changes && !only_looks(&call.args);
            }
            !found
        });
    }
    found
}

fn only_looks(args: &[Expr]) -> bool {
    let Some(Expr::Map(fields, _)) = args.last() else { return false };
    fields.0.iter().any(|(option, value)| option.name == "read_only" && matches!(value, Expr::BoolConstant(true, _)))
}

impl Functions {
    fn of(engine: &Engine) -> Self {
        let mut native: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for function in engine
            .collect_fn_metadata(None, |info| Some((info.metadata.name.to_string(), info.metadata.num_params)), true)
            .into_iter()
        {
            native.entry(function.0).or_default().insert(function.1);
        }
        Self { native }
    }
}

struct Checker<'a> {
    playbook: &'a Playbook,
    file: &'a str,
    ast: &'a AST,
    functions: &'a Functions,
    inventory: Option<&'a Inventory>,
}

impl Checker<'_> {
    fn check(&self) -> Vec<Error> {
        let own = script_functions(self.ast);
        let (modules, variables) = self.names();
        let mut errors = Vec::new();
        self.check_shadows(&own, &mut errors);
        self.ast.walk(&mut |path: &[ASTNode<'_>]| {
            let (call, position, method) = match path.last() {
                Some(ASTNode::Expr(Expr::FnCall(call, position)) | ASTNode::Stmt(Stmt::FnCall(call, position))) => {
                    (call, *position, false)
                }
                Some(ASTNode::Expr(Expr::MethodCall(call, position))) => (call, *position, true),
                _ => return true,
            };
            if call.op_token.is_some() {
                return true;
            }
            let arguments = call.args.len();
            let name = call.name.as_str();
            if call.namespace.is_empty() {
                self.check_name(name, arguments, method, &own, &variables, position, &mut errors);
            } else if let Some(module) = modules.get(call.namespace.root()) {
                self.check_module_call(module, name, arguments, position, &mut errors);
            }
            if call.namespace.is_empty() && !own.contains_key(name) {
                self.check_arguments(name, &call.args, method, position, &mut errors);
            }
            true
        });
        errors
    }

    /// A variable with the name of a function of the same file: a closure that means the one gets the other.
    fn check_shadows(&self, own: &BTreeMap<String, BTreeSet<usize>>, errors: &mut Vec<Error>) {
        let mut found = Vec::new();
        self.ast.walk(&mut |path: &[ASTNode<'_>]| {
            if let Some(ASTNode::Stmt(Stmt::Var(variable, _, position))) = path.last()
                && own.contains_key(variable.0.name.as_str())
            {
                found.push((variable.0.name.to_string(), *position));
            }
            true
        });
        for function in self.ast.iter_fn_def() {
            if let Some(name) = function.params.iter().find(|name| own.contains_key(name.as_str()))
                && !function.name.starts_with("anon$")
            {
                found.push((name.to_string(), Position::NONE));
            }
        }
        for (name, position) in found {
            let error = Error::input(format!("`{name}` is a variable and a function of this file"))
                .hint("in a closure the function would be meant: rename one of them");
            errors.push(self.at(position, error));
        }
    }

    /// The modules that the file imports (alias → file), and every name that may hold a function.
    fn names(&self) -> (BTreeMap<String, String>, BTreeSet<String>) {
        let mut modules = BTreeMap::new();
        let mut variables: BTreeSet<String> =
            self.ast.iter_fn_def().flat_map(|function| function.params.iter().map(ToString::to_string)).collect();
        self.ast.walk(&mut |path: &[ASTNode<'_>]| {
            match path.last() {
                Some(ASTNode::Stmt(Stmt::Import(import, _))) => {
                    if let Expr::StringConstant(text, _) = &import.0
                        && let Ok(file) = self.playbook.sources.resolve(self.file, &file_name(text))
                    {
                        modules.insert(import.1.name.to_string(), file);
                    }
                }
                Some(ASTNode::Stmt(Stmt::Var(variable, ..))) => {
                    variables.insert(variable.0.name.to_string());
                }
                _ => {}
            }
            true
        });
        (modules, variables)
    }

    #[allow(clippy::too_many_arguments, reason = "one call site, and each is a different thing that the rule needs")]
    fn check_name(
        &self,
        name: &str,
        arguments: usize,
        method: bool,
        own: &BTreeMap<String, BTreeSet<usize>>,
        variables: &BTreeSet<String>,
        position: Position,
        errors: &mut Vec<Error>,
    ) {
        if LANGUAGE.contains(&name) || variables.contains(name) || name.starts_with("anon$") {
            return;
        }
        let with_receiver = arguments + usize::from(method);
        let native = self.functions.native.get(name);
        let script = own.get(name);
        let fits = native.is_some_and(|counts| counts.contains(&with_receiver))
            || script.is_some_and(|counts| counts.contains(&arguments));
        if fits {
            return;
        }
        let error = if native.is_some() || script.is_some() {
            let counts: Vec<String> = native
                .map(|counts| {
                    counts.iter().map(|count| count.saturating_sub(usize::from(method)).to_string()).collect()
                })
                .or_else(|| script.map(|counts| counts.iter().map(ToString::to_string).collect()))
                .unwrap_or_default();
            let error =
                Error::input(format!("{name} is called with {arguments} arguments and takes {}", counts.join(" or ")));
            match catalog::entries().find(|entry| entry.name == name) {
                Some(entry) => error.hint(format!("it is called as {}", entry.usage)),
                None => error,
            }
        } else {
            let known = self.functions.native.keys().chain(own.keys()).map(String::as_str);
            let known = known.filter(|known| known.starts_with(|first: char| first.is_alphabetic()));
            Error::input(format!("there is no function `{name}`")).did_you_mean(name, known)
        };
        errors.push(self.at(position, error));
    }

    fn check_module_call(
        &self,
        module: &str,
        name: &str,
        arguments: usize,
        position: Position,
        errors: &mut Vec<Error>,
    ) {
        let Some(ast) = self.playbook.compiled.get(module) else { return };
        let functions = script_functions(ast);
        match functions.get(name) {
            Some(counts) if counts.contains(&arguments) => {}
            Some(counts) => {
                let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
                errors.push(self.at(
                    position,
                    Error::input(format!(
                        "{name} of {module} is called with {arguments} arguments and takes {}",
                        counts.join(" or ")
                    )),
                ));
            }
            None => errors.push(
                self.at(
                    position,
                    Error::input(format!("{module} has no function `{name}`"))
                        .did_you_mean(name, functions.keys().map(String::as_str)),
                ),
            ),
        }
    }

    /// What can be seen in the arguments as they are written: options, patterns and templates.
    fn check_arguments(&self, name: &str, args: &[Expr], method: bool, position: Position, errors: &mut Vec<Error>) {
        let entries: Vec<_> =
            catalog::entries().filter(|entry| entry.name == name && entry.on.is_empty() != method).collect();
        if let Some(Expr::Map(fields, _)) = args.last()
            && entries.iter().any(|entry| !entry.options.is_empty())
        {
            for (option, _) in &fields.0 {
                if let (Some(entry), false) =
                    (entries.first(), entries.iter().any(|entry| entry.option(&option.name).is_some()))
                {
                    errors.push(self.at(option.pos, unknown_option(entry, &option.name)));
                }
            }
        }
        let Some(Expr::StringConstant(text, text_position)) = args.first() else { return };
        let _ = position;
        match (name, method) {
            ("hosts", false) => {
                if let Some(Err(error)) = self.inventory.map(|inventory| inventory.select(text)) {
                    errors.push(self.at(*text_position, error));
                }
            }
            ("undo_with", false) => {
                if let Err(error) = self.playbook.sources.resolve_in_folder(text) {
                    errors.push(self.at(*text_position, error));
                }
            }
            ("template", true) | ("render", false) => {
                if let Err(error) = self.check_template(name, text, args) {
                    errors.push(self.at(*text_position, error));
                }
            }
            _ => {}
        }
    }

    fn check_template(&self, name: &str, path: &str, args: &[Expr]) -> Result<()> {
        let file = self.playbook.sources.resolve_in_folder(path)?;
        let text = self.playbook.sources.read(&file)?;
        let needed = template::undeclared(&file, &text)?;
        // `render` takes the variables themselves, `template` as one of its options.
        let given = match args.last() {
            Some(Expr::Map(fields, _)) if name == "render" => Some(fields),
            Some(Expr::Map(fields, _)) => {
                fields.0.iter().find(|(option, _)| option.name == "vars").and_then(|(_, value)| match value {
                    Expr::Map(fields, _) => Some(fields),
                    _ => None,
                })
            }
            _ => None,
        };
        let Some(given) = given else { return Ok(()) };
        let given: BTreeSet<&str> = given.0.iter().map(|(name, _)| name.name.as_str()).collect();
        match needed.iter().find(|needed| !given.contains(needed.as_str())) {
            Some(missing) => {
                Err(Error::input(format!("the template {file} needs the variable `{missing}`, which it is not given"))
                    .did_you_mean(missing, given.iter().copied())
                    .hint(format!(
                        "add `{missing}: …` to its vars, or write {{{{ {missing} | default(…) }}}} in the template"
                    )))
            }
            None => Ok(()),
        }
    }

    fn at(&self, position: Position, error: Error) -> Error {
        match self.playbook.sources.excerpt(self.file, position) {
            Some(excerpt) => error.at(excerpt),
            None => error,
        }
    }
}

fn script_functions(ast: &AST) -> BTreeMap<String, BTreeSet<usize>> {
    let mut functions: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for function in
        ast.iter_functions().filter(|function| function.access == FnAccess::Public || !function.name.is_empty())
    {
        functions.entry(function.name.to_owned()).or_default().insert(function.params.len());
    }
    functions
}
