//! Templates: a text of this machine with placeholders, and the file on a host that it becomes. `crate::template` has the
//! language.

use super::Context;
use super::write::{self, Written, write};
use crate::error::Result;
use crate::template::{HostVars, Options};

/// A template and what it is rendered with.
pub struct Template<'a> {
    /// Its file on this machine, as the user would type it.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
    /// The variables that it sees.
    pub vars: &'a HostVars,
    /// How it is written.
    pub options: &'a Options,
}

/// Renders a template and brings the file `target` on the host to it.
pub async fn template(
    context: &Context<'_>,
    target: &str,
    template: &Template<'_>,
    options: &write::Options,
) -> Result<Written> {
    let rendered = template.vars.render_file(template.path, template.text, target, template.options)?;
    write(context, target, rendered.as_bytes(), options).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::bench::Bench;
    use super::*;

    #[tokio::test]
    async fn a_template_becomes_a_file() {
        let bench = Bench::new();
        let given = serde_json::json!({"backend": "STATIC"}).as_object().cloned().unwrap_or_default();
        let vars = HostVars::alone(given, Arc::default());
        let target = bench.path("exhibitor");
        let options = Options::default();
        let made = Template { path: "x", text: "EXHIBITOR_BACKEND={{ backend }}\n", vars: &vars, options: &options };
        template(&bench.context(), &target, &made, &write::Options::default()).await.expect("success");
        assert_eq!(std::fs::read_to_string(&target).ok().as_deref(), Some("EXHIBITOR_BACKEND=STATIC\n"));
    }
}
