//! Calls of playbooks: the variables and hooks that are given are those that the called playbook has.

use rhai::{AST, ASTNode, Expr, Position, Stmt};

use crate::error::Error;
use crate::script::playbook::Playbook;

/// What is wrong with the calls of playbooks in a file, and with its hooks.
pub fn wrong_calls(file: &str, ast: &AST, playbook: &Playbook) -> Vec<(Position, Error)> {
    let mut wrong = Vec::new();
    let Some(of) = playbook.files.get(file) else { return wrong };
    for call in &of.calls {
        let Some(called) = playbook.files.get(&call.file) else { continue };
        let declared = playbook.declared_below(&call.file);
        for (name, value, position) in &call.vars {
            match (declared.iter().find(|declaration| declaration.name == *name), value) {
                (None, _) => {
                    let names: Vec<&str> = declared.iter().map(|declaration| declaration.name.as_str()).collect();
                    let error = Error::input(format!("{} has no variable `{name}`", call.file))
                        .did_you_mean(name, names.iter().copied())
                        .hint(format!("`zkmig run {} --help-vars` lists them", call.file));
                    wrong.push((*position, error));
                }
                (Some(declaration), Some(value)) => {
                    wrong.extend(declaration.check(value.clone()).err().map(|error| (*position, error)));
                }
                (Some(_), None) => {}
            }
        }
        for (name, arguments, position) in &call.hooks {
            let Some(hook) = called.hooks.iter().find(|hook| hook.name == *name) else {
                let names: Vec<&str> = called.hooks.iter().map(|hook| hook.name.as_str()).collect();
                let error = Error::input(format!("{} offers no hook `{name}`", call.file))
                    .did_you_mean(name, names.iter().copied().chain(["vars"]));
                let offers = if names.is_empty() { "no hooks".to_owned() } else { names.join(", ") };
                wrong.push((*position, error.hint(format!("it offers {offers}, and takes variables as `vars`"))));
                continue;
            };
            if *arguments != hook.takes.len() {
                let error = Error::input(format!(
                    "the function for the hook `{name}` takes {arguments} arguments, and is called with {}",
                    hook.takes.len()
                ));
                let help = if hook.help.is_empty() { String::new() } else { format!(": {}", hook.help) };
                wrong.push((*position, error.hint(format!("{name}: |{}| …{help}", hook.takes.join(", ")))));
            }
        }
    }
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))) = path.last()
            && call.name == "hook"
            && call.namespace.is_empty()
            && let Some(Expr::StringConstant(name, position)) = call.args.first()
            && !of.hooks.iter().any(|hook| hook.name == name.as_str())
        {
            let error = Error::input(format!("{file} offers no hook `{name}`"))
                .did_you_mean(name, of.hooks.iter().map(|hook| hook.name.as_str()))
                .hint("hooks(#{ … }) at the top level of the same file says which it offers");
            wrong.push((*position, error));
        }
        true
    });
    wrong
}
