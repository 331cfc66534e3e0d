//! Files of the operator's own machine that a playbook reads or writes for the operator.

use std::path::Path;

use rhai::{Dynamic, Engine, NativeCallContext};

use super::Scripted;
use crate::error::{Error, Result};
use crate::script::Script;
use crate::script::bundle::SCHEME;
use crate::script::catalog::Entry;
use crate::task::Kind;

const LOCAL_READ: Entry = Entry {
    name: "local_read",
    on: "",
    usage: "local_read(path)",
    arguments: &[1],
    options: &[],
    kind: Some(Kind::Read),
    doc: "The text of a file of the operator's machine: one beside the calling file, else one in the folder that zkmig was \
          started in. Where both have one, an error asks for the whole path. `zkmig:PATH` is a file of the library in the binary.",
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
    doc: "The text that a template gives with these variables: a file beside the calling one, else in the playbook's folder.",
    example: "// let text = render(\"templates/motd.j2\", #{ name: \"m1\" });",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[LOCAL_READ, LOCAL_WRITE, RENDER];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    let s = script.clone();
    engine.register_fn("local_read", move |ctx: NativeCallContext, path: &str| -> Scripted<String> {
        s.scripted(&ctx, read(&s, &ctx, path))
    });
    let s = script.clone();
    engine.register_fn("local_write", move |ctx: NativeCallContext, path: &str, text: &str| -> Scripted<bool> {
        s.scripted(&ctx, if s.run.options.check { differs(path, text) } else { write(path, text) })
    });
    let s = script.clone();
    engine.register_fn("render", move |ctx: NativeCallContext, template: &str, vars: Dynamic| -> Scripted<String> {
        let render = || -> Result<String> {
            let file = s.file(&ctx, template)?;
            let text = s.sources.read(&file)?;
            match crate::script::value::to_json(&vars)? {
                serde_json::Value::Object(vars) => crate::template::render(&file, &text, &vars, s.template_settings()),
                _ => Err(Error::input("render takes the template's variables as a map")),
            }
        };
        s.scripted(&ctx, render())
    });
}

/// The text of a file beside the calling one, in the binary, or else of the current folder.
fn read(script: &Script, ctx: &NativeCallContext<'_>, path: &str) -> Result<String> {
    let own = if Path::new(path).is_absolute() { None } else { script.file(ctx, path).ok() };
    let own = match own {
        Some(bundled) if bundled.starts_with(SCHEME) => {
            return script.sources.read(&bundled).map(|text| text.to_string());
        }
        own => own,
    };
    if let (Some(own), Ok(here)) = (&own, Path::new(path).canonicalize())
        && Path::new(own).canonicalize().is_ok_and(|own| own != here)
    {
        return Err(Error::input(format!("`{path}` may be two files: {own} and {}", here.display()))
            .hint("name the one that is meant with its whole path"));
    }
    std::fs::read_to_string(own.as_deref().unwrap_or(path))
        .map_err(|error| Error::stopped(format!("can't read {path} on this machine")).caused_by(error))
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
