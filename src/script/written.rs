//! The files of this machine that a playbook writes itself: they need not be there before it runs.

use std::path::{Path, PathBuf};

use rhai::{ASTNode, Expr, Stmt};

use super::playbook::Playbook;

/// What a playbook writes with `local_write`.
#[derive(Debug, Default)]
pub struct Written {
    paths: Vec<PathBuf>,
    /// A path is computed: it may be any.
    has_others: bool,
}

impl Written {
    /// By the calls in the playbook and in what it imports.
    pub fn of(playbook: &Playbook) -> Self {
        let mut written = Self::default();
        for ast in playbook.compiled.values() {
            ast.walk(&mut |path: &[ASTNode<'_>]| {
                if let Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))) = path.last()
                    && call.name == "local_write"
                {
                    match call.args.first() {
                        Some(Expr::StringConstant(path, _)) => written.paths.push(PathBuf::from(path.as_str())),
                        _ => written.has_others = true,
                    }
                }
                true
            });
        }
        written
    }

    /// Whether a file that is looked for under this name may be one of them.
    pub fn may_be(&self, name: &str) -> bool {
        self.has_others || self.paths.iter().any(|path| path.ends_with(Path::new(name)))
    }
}
