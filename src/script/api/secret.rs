//! `secret`: values that are redacted everywhere, from where the operator keeps them.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rhai::{Engine, Map, NativeCallContext};
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::script::Script;
use crate::script::catalog::{Entry, opt};
use crate::script::options::Options;

/// How long a program that gives a secret may take: somebody may have to touch a key.
const PATIENCE: Duration = Duration::from_secs(120);

const SECRET: Entry = Entry {
    name: "secret",
    on: "",
    usage: "secret(source)",
    arguments: &[1],
    options: &[
        opt("env", "a text", "read it from this environment variable"),
        opt("file", "a text", "read it from this file on the operator's machine, without the last line end"),
        opt("prompt", "a text", "ask the operator, without showing what is typed"),
        opt(
            "sops",
            "a text",
            "FILE#KEY: the value at this key of a file, which the program sops decrypts; `a.b` is a key below a key",
        ),
        opt("age", "a text", "the content of this file, which the program age decrypts"),
        opt("identity", "a text", "the file of age's identity; $SOPS_AGE_KEY_FILE, or sops' own place"),
        opt("cmd", "a text", "what this command of the operator's machine prints, without the last line end"),
        opt("value", "a text", "mark this value"),
    ],
    kind: None,
    doc: "A value that is redacted from all output, events, diffs and errors of the run. The source is a map of one of these, \
          or a text such as `sops:FILE#KEY`, `age:FILE`, `cmd:COMMAND`, `env:NAME`, `file:PATH`, `prompt:QUESTION`.",
    example: "let token = secret(#{ value: \"s3cr3t-token\" });\nlet other = secret(\"cmd:echo s3cr3t-other\");",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[SECRET];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    let s = script.clone();
    engine.register_fn("secret", move |ctx: NativeCallContext, source: Map| s.scripted(&ctx, s.secret(source)));
    let s = script.clone();
    engine.register_fn("secret", move |ctx: NativeCallContext, source: &str| {
        s.scripted(&ctx, from_text(source).and_then(|source| s.secret(source)))
    });
}

/// The kinds of source that a text can name.
const SCHEMES: &[&str] = &["env", "file", "prompt", "sops", "age", "cmd"];

/// `KIND:REST` as the map that says the same.
fn from_text(source: &str) -> Result<Map> {
    match source.split_once(':') {
        Some((scheme, rest)) if SCHEMES.contains(&scheme) && !rest.is_empty() => {
            Ok(Map::from([(scheme.into(), rest.to_owned().into())]))
        }
        // What was given may be the secret itself, so it is not shown.
        _ => Err(Error::input("secret does not know this kind of source")
            .hint(format!("a source is a text that begins with one of {}:", SCHEMES.join(":, ")))
            .hint("secret(#{ value: … }) marks a value that the playbook has already")),
    }
}

impl Script {
    fn secret(&self, source: Map) -> Result<String> {
        let mut options = Options::new(&SECRET, source)?;
        let identity = options.text("identity")?;
        let value = if let Some(name) = options.text("env")? {
            std::env::var(&name).map_err(|_| {
                Error::input(format!("the environment variable {name} is not set"))
                    .hint("it holds a secret of the playbook")
            })?
        } else if let Some(path) = options.text("file")? {
            let text = std::fs::read_to_string(&path)
                .map_err(|error| Error::input(format!("can't read the secret from {path}")).caused_by(error))?;
            text.trim_end_matches(['\r', '\n']).to_owned()
        } else if let Some(prompt) = options.text("prompt")? {
            let ask = std::sync::Arc::clone(&self.run.ask);
            self.run
                .await_answer(move || ask.password(&prompt))?
                .map_err(|error| Error::stopped("no answer could be read").caused_by(error))?
        } else if let Some(given) = options.text("sops")? {
            self.run.quietly(printed(&sops(&given)?))?
        } else if let Some(path) = options.text("age")? {
            self.run.quietly(printed(&age(&path, identity)?))?
        } else if let Some(command) = options.text("cmd")? {
            self.run.quietly(printed(&Program::shell(&command)))?
        } else if let Some(value) = options.text("value")? {
            value
        } else {
            return Err(Error::input("secret needs to know where the value comes from")
                .hint("secret(#{ env: \"NAME\" }), or file, prompt, sops, age, cmd or value instead of env"));
        };
        self.run.secrets.add(&value);
        Ok(value)
    }
}

/// A program that prints a secret.
struct Program {
    name: &'static str,
    arguments: Vec<String>,
    /// What it is about, for a person.
    about: String,
}

impl Program {
    fn shell(command: &str) -> Self {
        Self {
            name: "/bin/sh",
            arguments: vec!["-c".to_owned(), command.to_owned()],
            about: format!("the command `{command}`, which is to print a secret,"),
        }
    }
}

fn readable(path: &str, program: &str) -> Result<()> {
    std::fs::metadata(path)
        .and_then(|metadata| if metadata.is_file() { Ok(()) } else { Err(std::io::Error::other("it is not a file")) })
        .map_err(|error| {
            Error::input(format!("can't read {path}, which {program} is to decrypt"))
                .caused_by(error)
                .hint("a relative path is relative to the folder that zkmig was started in")
        })
}

/// `FILE#KEY`, or `FILE` for all of it.
fn sops(given: &str) -> Result<Program> {
    let (path, key) = given.rsplit_once('#').map_or((given, None), |(path, key)| (path, Some(key)));
    readable(path, "sops")?;
    let mut arguments = vec!["--decrypt".to_owned()];
    if let Some(key) = key {
        if key.is_empty() || key.split('.').any(str::is_empty) {
            return Err(Error::input(format!("`{given}` names no key after its `#`"))
                .hint("sops:FILE#password, or sops:FILE#database.password for a key below a key"));
        }
        let part = |part: &str| match part.parse::<usize>() {
            Ok(index) => format!("[{index}]"),
            Err(_) => format!("[{}]", serde_json::Value::from(part)),
        };
        arguments.extend(["--extract".to_owned(), key.split('.').map(part).collect()]);
    }
    arguments.extend(["--".to_owned(), path.to_owned()]);
    Ok(Program { name: "sops", arguments, about: format!("sops could not decrypt {given}: it") })
}

fn age(path: &str, identity: Option<String>) -> Result<Program> {
    readable(path, "age")?;
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config/sops/age/keys.txt"));
    let known =
        std::env::var_os("SOPS_AGE_KEY_FILE").map(PathBuf::from).or_else(|| home().filter(|path| path.is_file()));
    let identity = identity.or_else(|| known.map(|path| path.display().to_string()));
    let mut arguments = vec!["--decrypt".to_owned()];
    if let Some(identity) = identity {
        arguments.extend(["--identity".to_owned(), identity]);
    }
    arguments.extend(["--".to_owned(), path.to_owned()]);
    Ok(Program { name: "age", arguments, about: format!("age could not decrypt {path}: it") })
}

/// What a program prints, without the last line end. It may ask at the terminal; its standard input is closed.
async fn printed(program: &Program) -> Result<String> {
    let mut command = Command::new(program.name);
    command.args(&program.arguments).stdin(Stdio::null()).kill_on_drop(true);
    let name = program.name;
    let ran = tokio::time::timeout(PATIENCE, command.output()).await.map_err(|_| {
        Error::failed(format!("{} gave nothing within {} s", program.about, PATIENCE.as_secs()))
            .hint("run it by hand: does it wait for somebody?")
    })?;
    let output = ran.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::input(format!("there is no `{name}` on this machine")).hint(format!(
            "install {name}, or give the secret in another way: env, file, prompt, a vault in the inventory"
        )),
        _ => Error::input(format!("can't start {name}")).caused_by(error),
    })?;
    let stdout = Zeroizing::new(output.stdout);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said: String = said.trim().chars().take(2000).collect();
        let error = Error::failed(format!("{} failed ({})", program.about, output.status)).hint("run it by hand");
        return Err(if said.is_empty() { error } else { error.detail(format!("it said:\n{said}")) });
    }
    let text = std::str::from_utf8(&stdout).map_err(|_| {
        Error::failed(format!("{} printed what is no text in UTF-8", program.about)).hint("a secret is a text")
    })?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Error::failed(format!("{} printed nothing", program.about)).hint("run it by hand"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_its_kind_of_source_and_is_never_shown_when_it_does_not() {
        let map = from_text("sops:a.yaml#b").expect("a source");
        assert_eq!(map.get("sops").map(ToString::to_string).as_deref(), Some("a.yaml#b"));
        assert_eq!(from_text("cmd:echo a:b").expect("a source").len(), 1);
        for text in ["hunter2", "hunter:2", "cmd:", ""] {
            let error = from_text(text).expect_err("no source");
            assert!(text.is_empty() || text == "cmd:" || !format!("{error:?}").contains("hunter"), "{error:?}");
        }
    }

    #[test]
    fn keys_of_sops_become_its_own_paths() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("s.yaml");
        std::fs::write(&file, "").expect("a file");
        let file = file.display().to_string();
        let arguments = |given: &str| sops(given).map(|program| program.arguments.join(" "));
        assert_eq!(
            arguments(&format!("{file}#db.users.0.pass")).ok(),
            Some(format!("--decrypt --extract [\"db\"][\"users\"][0][\"pass\"] -- {file}"))
        );
        assert_eq!(arguments(&file).ok(), Some(format!("--decrypt -- {file}")));
        assert!(arguments(&format!("{file}#")).is_err() && arguments("/nowhere#x").is_err());
    }
}
