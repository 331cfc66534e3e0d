//! Files of the operator's own machine that a playbook reads or writes for the operator.

use rhai::{Dynamic, Engine, NativeCallContext};

use super::Scripted;
use crate::error::{Error, Result};
use crate::script::Script;
use crate::script::catalog::Entry;
use crate::task::Kind;

const LOCAL_READ: Entry = Entry {
    name: "local_read",
    on: "",
    usage: "local_read(path)",
    arguments: &[1],
    options: &[],
    kind: Some(Kind::Read),
    doc: "The text of a file of the operator's machine.",
    example: "// let text = local_read(vars.config_yaml);",
};

const LOCAL_WRITE: Entry = Entry {
    name: "local_write",
    on: "",
    usage: "local_write(path, text)",
    arguments: &[2],
    options: &[],
    kind: Some(Kind::Change),
    doc: "Writes a file of the operator's machine, whole or not at all. Gives whether it changed. Check mode writes nothing.",
    example: "// local_write(\"report.txt\", \"done\\n\");",
};

const RENDER: Entry = Entry {
    name: "render",
    on: "",
    usage: "render(template, vars)",
    arguments: &[2],
    options: &[],
    kind: None,
    doc: "The text that a template in the playbook's folder gives with these variables.",
    example: "// let text = render(\"templates/motd.j2\", #{ name: \"m1\" });",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[LOCAL_READ, LOCAL_WRITE, RENDER];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    let s = script.clone();
    engine.register_fn("local_read", move |ctx: NativeCallContext, path: &str| -> Scripted<String> {
        let text = std::fs::read_to_string(path);
        s.scripted(
            &ctx,
            text.map_err(|error| Error::stopped(format!("can't read {path} on this machine")).caused_by(error)),
        )
    });
    let s = script.clone();
    engine.register_fn("local_write", move |ctx: NativeCallContext, path: &str, text: &str| -> Scripted<bool> {
        s.scripted(&ctx, if s.run.options.check { differs(path, text) } else { write(path, text) })
    });
    let s = script.clone();
    engine.register_fn("render", move |ctx: NativeCallContext, template: &str, vars: Dynamic| -> Scripted<String> {
        let render = || -> Result<String> {
            let file = s.sources.resolve_in_folder(template)?;
            let text = s.sources.read(&file)?;
            match crate::script::value::to_json(&vars)? {
                serde_json::Value::Object(vars) => crate::task::template::render(&file, &text, &vars),
                _ => Err(Error::input("render takes the template's variables as a map")),
            }
        };
        s.scripted(&ctx, render())
    });
}

fn differs(path: &str, text: &str) -> Result<bool> {
    match std::fs::read_to_string(path) {
        Ok(old) => Ok(old != text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Error::stopped(format!("can't read {path} on this machine")).caused_by(error)),
    }
}

fn write(path: &str, text: &str) -> Result<bool> {
    if !differs(path, text)? {
        return Ok(false);
    }
    let failed = |error: std::io::Error| Error::stopped(format!("can't write {path} on this machine")).caused_by(error);
    let folder = std::path::Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(std::path::Path::new("."))).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(true)
}
