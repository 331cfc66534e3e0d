//! A playbook that another one calls: the call as it is written, the hooks that the called one offers, and what it has while
//! it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{AST, ASTNode, Expr, FnCallExpr, FnPtr, Position, Stmt};
use serde_json::{Map, Value};

use super::declare::{field_texts, literal, written_out};
use super::here::Here;
use super::source::Sources;
use super::value::to_json;
use crate::error::{Error, Result};

/// The option of a call that gives variables; the others are hooks.
pub const VARS: &str = "vars";

/// A hook that a playbook offers to its caller.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// What the function is called with, by name.
    pub takes: Vec<String>,
    /// When it is called, and what it gives.
    pub help: String,
}

/// A call of a playbook as it is written.
#[derive(Clone, Debug)]
pub struct Call {
    /// The called playbook's path.
    pub file: String,
    /// Where the call stands.
    pub position: Position,
    /// The variables that it gives: each with its value where that is written out.
    pub vars: Vec<(String, Option<Value>, Position)>,
    /// The hooks that it gives: each with the number of arguments that its function takes.
    pub hooks: Vec<(String, usize, Position)>,
}

/// What a called playbook has of its caller.
pub struct Frame {
    /// The called playbook's path.
    pub file: String,
    /// The variables that it was given.
    pub vars: Map<String, Value>,
    /// The hooks that it was given.
    pub hooks: BTreeMap<String, Arc<Given>>,
}

/// A hook's function and the place at which it was given.
pub struct Given {
    /// The function.
    pub function: FnPtr,
    /// The caller's context: the function is looked up in it.
    #[allow(
        deprecated,
        reason = "Rhai marks its own context store as volatile; it is the only way to call back later"
    )]
    pub context: rhai::NativeCallContextStore,
    /// The caller's place.
    pub place: Here,
}

/// The hooks that a playbook offers: its `hooks(#{ … })`. It has to be written out, because it is read without running
/// anything.
pub fn hooks(ast: &AST, file: &str, sources: &Sources) -> Result<Vec<Hook>> {
    let mut offered = Vec::new();
    let how = "hooks(#{ before_each: #{ takes: [\"host\"], help: \"…\" } })";
    for (name, position, value) in written_out(ast, file, sources, "hooks", how)? {
        let wrong = |text: String| {
            let error = Error::input(text).hint(how);
            match sources.excerpt(file, position) {
                Some(excerpt) => error.at(excerpt),
                None => error,
            }
        };
        let Value::Object(mut fields) = value else {
            return Err(wrong(format!("the hook `{name}` has to be a map that is written out")));
        };
        let takes = match fields.remove("takes") {
            Some(Value::Array(names)) => field_texts(&names),
            _ => None,
        };
        let takes = takes.ok_or_else(|| wrong(format!("the hook `{name}` lacks what it `takes`, a list of names")))?;
        let help = match fields.remove("help") {
            None => String::new(),
            Some(Value::String(help)) => help,
            Some(_) => return Err(wrong(format!("the `help` of the hook `{name}` has to be a text"))),
        };
        if let Some(unknown) = fields.keys().next() {
            return Err(
                wrong(format!("the hook `{name}` has no field `{unknown}`")).did_you_mean(unknown, ["takes", "help"])
            );
        }
        if name == VARS {
            return Err(wrong(format!("a hook can't be named `{VARS}`: so a call gives variables")));
        }
        offered.push(Hook { name, takes, help });
    }
    Ok(offered)
}

/// The calls of playbooks in a file, in the order of its text.
pub fn calls(ast: &AST, file: &str, sources: &Sources) -> Result<Vec<Call>> {
    let at = |position: Position, error: Error| match sources.excerpt(file, position) {
        Some(excerpt) => error.at(excerpt),
        None => error,
    };
    let mut top = Vec::new();
    for statement in ast.statements() {
        statement.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
            top.extend(playbook_call(path).map(|(_, position)| position));
            true
        });
    }
    let mut found: Vec<Result<Call>> = Vec::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some((call, position)) = playbook_call(path) {
            found.push(if top.contains(&position) {
                read_call(call, position, ast, file, sources, &at)
            } else {
                Err(at(
                    position,
                    Error::input("a playbook is called inside a function")
                        .hint("call it at the top level of a playbook: its steps are steps of the run, and none stands inside another"),
                ))
            });
        }
        true
    });
    let mut calls = found.into_iter().collect::<Result<Vec<Call>>>()?;
    calls.sort_by_key(|call| (call.position.line(), call.position.position()));
    Ok(calls)
}

fn playbook_call<'a>(path: &[ASTNode<'a>]) -> Option<(&'a FnCallExpr, Position)> {
    match path.last() {
        Some(ASTNode::Expr(Expr::FnCall(call, position)) | ASTNode::Stmt(Stmt::FnCall(call, position)))
            if call.name == "playbook" && call.namespace.is_empty() =>
        {
            Some((call, *position))
        }
        _ => None,
    }
}

fn read_call(
    call: &FnCallExpr,
    position: Position,
    ast: &AST,
    file: &str,
    sources: &Sources,
    at: &impl Fn(Position, Error) -> Error,
) -> Result<Call> {
    let Some(Expr::StringConstant(name, place)) = call.args.first() else {
        return Err(at(
            position,
            Error::input("the playbook that is called has to be named with a text, not an expression")
                .hint("so that it is checked before any host is touched"),
        ));
    };
    let target = sources.playbook(file, name).map_err(|error| at(*place, error))?;
    let mut read = Call { file: target, position, vars: Vec::new(), hooks: Vec::new() };
    let fields = match call.args.get(1) {
        None => return Ok(read),
        Some(Expr::Map(fields, _)) => fields,
        Some(other) => {
            return Err(at(
                other.position(),
                Error::input("what a called playbook is given has to be written out in the call")
                    .hint("playbook(\"…\", #{ vars: #{ name: value }, before_each: |m| … })"),
            ));
        }
    };
    for (option, value) in &fields.0 {
        if option.name == VARS {
            let Expr::Map(vars, _) = value else {
                return Err(at(
                    value.position(),
                    Error::input("the variables of a called playbook have to be written out in the call")
                        .hint("vars: #{ name: value }: the names are checked before any host is touched"),
                ));
            };
            for (name, value) in &vars.0 {
                let known = literal(value).and_then(|value| to_json(&value).ok());
                read.vars.push((name.name.to_string(), known, name.pos));
            }
        } else {
            let arguments = arity(value, ast, file, sources).ok_or_else(|| {
                at(
                    option.pos,
                    Error::input(format!(
                        "the hook `{}` has to be a function that is written out in the call",
                        option.name
                    ))
                    .hint(format!("{}: |m| … : what it takes is checked before any host is touched", option.name)),
                )
            })?;
            read.hooks.push((option.name.to_string(), arguments, option.pos));
        }
    }
    Ok(read)
}

/// How many arguments the function takes that an expression gives; none when it is none that can be told.
fn arity(expression: &Expr, ast: &AST, file: &str, sources: &Sources) -> Option<usize> {
    if let Expr::FnCall(call, _) = expression
        && call.name == "hook"
        && let Some(Expr::StringConstant(name, _)) = call.args.first()
    {
        // A hook of this playbook's own caller is handed on.
        let own = hooks(ast, file, sources).ok()?;
        return own.iter().find(|hook| hook.name == name.as_str()).map(|hook| hook.takes.len());
    }
    let (name, captured) = function(expression)?;
    let definition = ast.iter_fn_def().find(|definition| definition.name == name.as_str())?;
    definition.params.len().checked_sub(captured)
}

/// A file's function of this name with so many arguments, and nothing else. Rhai's own `clone_functions_only_filtered` filters
/// nothing out (1.27).
pub fn alone(ast: &AST, name: &str, arguments: usize) -> AST {
    let mut alone = ast.clone_functions_only();
    alone.retain_functions(|_, _, known, params| known == name && params == arguments);
    alone
}

/// The name of the function that an expression gives, and how many of its arguments are captured variables.
pub fn function(expression: &Expr) -> Option<(String, usize)> {
    match expression {
        Expr::DynamicConstant(value, _) => {
            value.read_lock::<FnPtr>().map(|function| (function.fn_name().to_owned(), function.curry().len()))
        }
        Expr::Stmt(block) => match block.statements().last()? {
            Stmt::Expr(inner) => function(inner),
            Stmt::FnCall(call, _) => curried(call),
            _ => None,
        },
        Expr::FnCall(call, _) if call.name == "curry" => curried(call),
        Expr::FnCall(call, _) if call.name == "Fn" => match call.args.first()? {
            Expr::StringConstant(name, _) => Some((name.to_string(), 0)),
            _ => None,
        },
        _ => None,
    }
}

fn curried(call: &FnCallExpr) -> Option<(String, usize)> {
    let (name, before) = function(call.args.first()?)?;
    Some((name, before + call.args.len() - 1))
}
