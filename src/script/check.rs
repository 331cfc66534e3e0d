//! The checks that a playbook goes through before any host is touched: unknown functions, options, patterns, templates.
//!
//! Rhai itself finds none of these before the line runs, which for a playbook is after hosts have been changed.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTNode, Engine, Expr, FnAccess, Namespace, Position, Stmt};

use super::api::{dcos, zookeeper};
use super::options::unknown_option;
use super::playbook::Playbook;
use super::written::Written;
use super::{called, catalog};
use crate::error::{Error, Result, closest};
use crate::inventory::Inventory;
use crate::task::Kind;
use crate::template::{self, Options};

/// What the language itself can call.
const LANGUAGE: &[&str] =
    &["call", "curry", "Fn", "is_def_var", "is_def_fn", "is_shared", "type_of", "print", "debug", "import", "throw"];

mod calls;
mod fields;
mod texts;
mod traps;
mod values;
mod variables;

struct Functions {
    /// The numbers of arguments that each function takes, by its name behind its module's; the receiver of a method counts.
    native: BTreeMap<String, BTreeSet<usize>>,
}

/// Every function name that a playbook can call, for suggestions.
pub fn function_names(engine: &Engine) -> Vec<String> {
    Functions::of(engine).native.into_keys().collect()
}

/// Checks every file of the playbook; gives all that is wrong, the first first.
pub fn check(playbook: &Playbook, engine: &Engine, inventory: Option<&Inventory>) -> Vec<Error> {
    let functions = Functions::of(engine);
    let written = Written::of(playbook);
    let mut errors = Vec::new();
    for (file, ast) in &*playbook.compiled {
        let checker = Checker { playbook, file, ast, functions: &functions, inventory, written: &written };
        errors.extend(checker.check());
    }
    errors
}

/// Whether it looks as if something that the playbook calls changed a host, however it is called. What is called by a name
/// that is computed is not seen; a command says of itself whether it only looks.
pub fn may_change(playbook: &Playbook) -> bool {
    let mut found = false;
    for ast in playbook.compiled.values() {
        ast.walk(&mut |path: &[ASTNode<'_>]| {
            let call = match path.last() {
                Some(
                    ASTNode::Expr(Expr::MethodCall(call, _) | Expr::FnCall(call, _))
                    | ASTNode::Stmt(Stmt::FnCall(call, _)),
                ) => call,
                _ => return !found,
            };
            let changes = catalog::entries().any(|entry| {
                entry.name == call.name && !entry.on.is_empty() && !matches!(entry.kind, None | Some(Kind::Read))
            });
            found |= changes && call.namespace.is_empty() && !only_looks(&call.args);
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
            .collect_fn_metadata(
                None,
                |info| Some((qualified(&info.namespace, &info.metadata.name), info.metadata.num_params)),
                true,
            )
            .into_iter()
        {
            native.entry(function.0).or_default().insert(function.1);
        }
        Self { native }
    }

    /// The names in a module, without the module's.
    fn in_module(&self, module: &str) -> impl Iterator<Item = &str> {
        self.native.keys().filter_map(move |name| name.strip_prefix(module)?.strip_prefix("::"))
    }
}

struct Checker<'a> {
    playbook: &'a Playbook,
    file: &'a str,
    ast: &'a AST,
    functions: &'a Functions,
    inventory: Option<&'a Inventory>,
    written: &'a Written,
}

impl Checker<'_> {
    fn check(&self) -> Vec<Error> {
        let own = script_functions(self.ast);
        let (modules, variables) = self.names();
        let mut errors = Vec::new();
        self.check_shadows(&own, &mut errors);
        let calls = calls::wrong_calls(self.file, self.ast, self.playbook);
        let names = self
            .inventory
            .map(|inventory| variables::unknown_names(self.file, self.ast, self.playbook, inventory))
            .unwrap_or_default();
        let source = self.playbook.sources.text(self.file).unwrap_or_default();
        let traps = traps::found(self.ast).into_iter().chain(fields::unknown(self.ast));
        let all = calls.into_iter().chain(names).chain(traps).chain(texts::found(self.ast, &source));
        errors.extend(all.map(|(position, error)| self.at(position, error)));
        self.ast.walk(&mut |path: &[ASTNode<'_>]| {
            // A module that the file imports hides one of the same name.
            let hidden = |namespace: &Namespace| namespace.is_empty() || modules.contains_key(namespace.root());
            let (call, position, method) = match path.last() {
                Some(ASTNode::Expr(Expr::FnCall(call, position)) | ASTNode::Stmt(Stmt::FnCall(call, position))) => {
                    (call, *position, false)
                }
                Some(ASTNode::Expr(Expr::MethodCall(call, position))) => (call, *position, true),
                Some(ASTNode::Expr(Expr::Variable(variable, _, position))) if !hidden(&variable.2) => {
                    self.check_constant(&qualified(&module_of(&variable.2), &variable.1), *position, &mut errors);
                    return true;
                }
                Some(ASTNode::Expr(Expr::Dot(dot, ..))) => {
                    if let Expr::Variable(variable, ..) = &dot.lhs
                        && !hidden(&variable.2)
                    {
                        let constant = qualified(&module_of(&variable.2), &variable.1);
                        self.check_field(&constant, &dot.rhs, &mut errors);
                    }
                    return true;
                }
                _ => return true,
            };
            if call.op_token.is_some() {
                return true;
            }
            let arguments = call.args.len();
            let root = call.namespace.path.first();
            if let Some(module) = root.and_then(|root| modules.get(root.name.as_str())) {
                self.check_module_call(module, &call.name, arguments, position, &mut errors);
                return true;
            }
            let name = qualified(&module_of(&call.namespace), &call.name);
            self.check_name(&name, arguments, method, &own, &variables, position, &mut errors);
            if !own.contains_key(&name) {
                self.check_arguments(&name, &call.args, method, position, &mut errors);
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
                        && let Ok(file) = self.playbook.sources.import(self.file, text)
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
        if LANGUAGE.contains(&name) || (method && variables.contains(name)) || name.starts_with("anon$") {
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
        } else if variables.contains(name) {
            Error::input(format!("`{name}` is a variable, and is called like a function"))
                .hint(format!("{name}.call(…) calls the function that it holds"))
        } else if method && self.is_in_a_map(name) {
            Error::input(format!("`{name}` is a function that a map holds, and is called like a method"))
                .hint(format!("map.{name}.call(…) calls it"))
        } else {
            let error = Error::input(format!("there is no function `{name}`"));
            match name.rsplit_once("::") {
                Some((module, last)) => meant(error, module, last, self.functions.in_module(module)),
                None => match [zookeeper::NAME, dcos::NAME]
                    .iter()
                    .find(|module| self.functions.in_module(module).any(|known| known == name))
                {
                    Some(module) => meant(error, module, name, [name]),
                    None => {
                        let known = self.functions.native.keys().chain(own.keys()).map(String::as_str);
                        let known = known.filter(|known| known.starts_with(|first: char| first.is_alphabetic()));
                        error.did_you_mean(name, known)
                    }
                },
            }
        };
        errors.push(self.at(position, error));
    }

    /// Whether a map of this file has a function of this name.
    fn is_in_a_map(&self, name: &str) -> bool {
        let mut found = false;
        self.ast.walk(&mut |path: &[ASTNode<'_>]| {
            if let Some(ASTNode::Expr(Expr::Map(fields, _))) = path.last() {
                found |= fields.0.iter().any(|(key, value)| key.name == name && called::function(value).is_some());
            }
            !found
        });
        found
    }

    /// A constant of a module, such as `zookeeper::PATTERNS`.
    fn check_constant(&self, name: &str, position: Position, errors: &mut Vec<Error>) {
        let Some((module, last)) = name.rsplit_once("::") else { return };
        let known = catalog::entries().filter(|entry| entry.arguments.is_empty());
        let known: Vec<&str> = known.filter_map(|entry| entry.name.strip_prefix(module)?.strip_prefix("::")).collect();
        // What is no module of zkmig's own, such as Rhai's `global`, is not known here.
        if !known.is_empty() && !known.contains(&last) {
            let error = Error::input(format!("there is no constant `{name}`"));
            errors.push(self.at(position, meant(error, module, last, known)));
        }
    }

    /// What is read of a constant that is a map: Rhai gives an error for what it does not have.
    fn check_field(&self, constant: &str, read: &Expr, errors: &mut Vec<Error>) {
        let Some(entry) = catalog::entries().find(|entry| entry.name == constant) else { return };
        let read = if let Expr::Dot(more, ..) = read { &more.lhs } else { read };
        if let Expr::Property(property, position) = read
            && entry.option(&property.2).is_none()
        {
            let error = Error::input(format!("{constant} has no `{}`", property.2))
                .did_you_mean(&property.2, entry.options.iter().map(|option| option.name))
                .hint(format!("`zkmig doc {constant}` lists what it has"));
            errors.push(self.at(*position, error));
        }
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
                if let Err(error) = self.playbook.sources.playbook(self.file, text) {
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
        let file = match self.playbook.sources.file(self.file, path) {
            // What it says is not known before the playbook has written it.
            Err(_) if self.written.may_be(path) => return Ok(()),
            file => file?,
        };
        let text = self.playbook.sources.read(&file)?;
        let language = match args.last() {
            Some(Expr::Map(fields, _)) if name == "template" => language_of(&fields.0)?,
            _ => Options::default(),
        };
        let mut needed = template::needed(&file, &text, &language)?;
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
        // What is in a map that is made elsewhere can't be seen here.
        let is_elsewhere = match args.last() {
            Some(Expr::Map(fields, _)) => given.is_none() && fields.0.iter().any(|(option, _)| option.name == "vars"),
            _ => true,
        };
        let is_known = given.is_some() || !is_elsewhere;
        let given = given.map_or(&[][..], |given| &given.0[..]);
        let given: BTreeSet<&str> = given.iter().map(|(name, _)| name.name.as_str()).collect();
        // Without an inventory nothing is known of what programs may be run.
        if let Some(inventory) = self.inventory {
            let settings = template::Settings {
                playbook_dir: Some(self.playbook.sources.folder()),
                pipe: inventory.options().allow_pipe,
                libraries: self.playbook.sources.libraries(),
                ..Default::default()
            };
            let around = template::Around {
                settings: &settings,
                is_made: &|name| self.written.may_be(name),
                given: Some(&given).filter(|_| is_known),
                hosts: Some(inventory).filter(|_| name == "template"),
            };
            template::ahead(&file, &text, &language, &around)?;
        }
        if name == "template" {
            // The host's own variables are seen as well. Without an inventory nobody knows them.
            let Some(inventory) = self.inventory else { return Ok(()) };
            let known = |name: &str| {
                template::MAGIC.contains(&name) || name.starts_with("ansible_") || inventory.names_variable(name)
            };
            needed.retain(|name| !known(name));
        }
        if !is_known {
            return Ok(());
        }
        match needed.iter().find(|needed| !given.contains(needed.as_str())) {
            Some(missing) => {
                Err(Error::input(format!("the template {file} needs the variable `{missing}`, which it is not given"))
                    .did_you_mean(missing, given.iter().copied())
                    .at(template::place_of(&file, &text, missing))
                    .hint(match name {
                        "template" => format!(
                            "set `{missing}` in the inventory or in its vars, or write {{{{ {missing} | default(…) }}}} in the template"
                        ),
                        _ => format!(
                            "add `{missing}: …` to its vars, or write {{{{ {missing} | default(…) }}}} in the template"
                        ),
                    }))
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

/// A name behind its module's.
fn qualified(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

fn module_of(namespace: &Namespace) -> String {
    namespace.path.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join("::")
}

/// Offers what was probably meant, behind its module's name. The module's own letters don't make two names alike.
fn meant<'a>(error: Error, module: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    match closest(name, known) {
        Some(known) => error.hint(format!("did you mean `{module}::{known}`?")),
        None => error.hint("`zkmig doc` lists what a module has"),
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

/// The template's language as a call's options say it, where they are written out.
fn language_of(fields: &[(rhai::Ident, Expr)]) -> Result<Options> {
    let mut language = Options::default();
    for (option, value) in fields {
        let value = match value {
            Expr::StringConstant(text, _) => serde_json::Value::from(text.as_str()),
            Expr::BoolConstant(value, _) => serde_json::Value::from(*value),
            _ => continue,
        };
        if template::OPTION_NAMES.contains(&option.name.as_str()) {
            language.set_option(&option.name, &value)?;
        }
    }
    Ok(language)
}
