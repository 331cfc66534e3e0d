//! Files on a host: reading, writing, templates, backups, folders, links, lines.

use rhai::{Dynamic, Engine, Map, NativeCallContext};

use super::host::{BECOME, Common, Effect, Host, TIMEOUT, text};
use super::{method1, method2};
use crate::error::{Error, Result};
use crate::run::Report;
use crate::run::events::What;
use crate::script::Script;
use crate::script::bundle::SCHEME;
use crate::script::catalog::{Entry, Opt, opt};
use crate::script::options::Options;
use crate::script::value::{Unknown, from_json};
use crate::task::attributes::Wanted;
use crate::task::line::{Goal, Place};
use crate::task::stat::Stat;
use crate::task::write::{self, Written};
use crate::task::{Copied, Fact, Kind, absent, attributes, backup, copy, directory, line, link, read, stat, template};

const MODE: Opt = opt("mode", "a text such as \"0644\"", "the permissions; those of the old file, 0644 for a new one");
const OWNER: Opt = opt("owner", "a text", "the owner; that of the old file");
const GROUP: Opt = opt("group", "a text", "the group; that of the old file");
const SECRET: Opt = opt("secret", "true or false", "the content is a secret: no difference is shown");

const READ: Entry = Entry {
    name: "read",
    on: "host",
    usage: "host.read(path) or host.read(path, options)",
    arguments: &[1, 2],
    options: &[
        opt("missing", "any value", "what is given when there is no file; without it that is a failure"),
        opt("largest", "bytes", "the largest file that is read; 4 MiB"),
        TIMEOUT,
        BECOME,
    ],
    kind: Some(Kind::Read),
    doc: "The content of a file as a text. In check mode it is what this run would have left there.",
    example: "let text = hosts(\"masters\")[0].read(\"/etc/hostname\", #{ missing: \"\" });",
};

const STAT: Entry = Entry {
    name: "stat",
    on: "host",
    usage: "host.stat(path) or host.stat(path, options)",
    arguments: &[1, 2],
    options: &[opt("hash", "true or false", "give the content's SHA-256 too; false"), TIMEOUT, BECOME],
    kind: Some(Kind::Read),
    doc: "What is at a path: `exists`, `kind` (file, directory, other), `size` in bytes, `mode`, `owner`, `group`, `modified` in \
          seconds since 1970, `link` (where a symbolic link points to), `real_path`, `sha256`.",
    example: "if hosts(\"masters\")[0].stat(\"/etc/passwd\").exists { note(\"as expected\"); }",
};

const COPY: Entry = Entry {
    name: "copy",
    on: "host",
    usage: "host.copy(path, options)",
    arguments: &[2],
    options: &[
        opt("content", "a text", "the content"),
        opt("file", "a text", "a file in the playbook's folder that has the content"),
        MODE,
        OWNER,
        GROUP,
        SECRET,
        TIMEOUT,
        BECOME,
    ],
    kind: Some(Kind::Change),
    doc: "Brings a file to a content. A file is replaced as a whole, in one move; a symbolic link is followed; mode, owner \
          and SELinux context are kept; the result is verified by its hash.",
    example: "hosts(\"masters\")[0].copy(\"/tmp/zkmig-example\", #{ content: \"hello\\n\" });",
};

const TEMPLATE: Entry = Entry {
    name: "template",
    on: "host",
    usage: "host.template(template, path, options)",
    arguments: &[3],
    options: &[
        opt("vars", "a map", "variables beside the host's own, which they win over"),
        opt("trim_blocks", "true or false", "drop the line end after a block; true"),
        opt("lstrip_blocks", "true or false", "drop the blanks before a block; false"),
        opt("newline_sequence", "a text", "what a line ends with; \\n"),
        opt("block_start_string", "a text", "what begins a block; {%"),
        opt("block_end_string", "a text", "what ends a block; %}"),
        opt("variable_start_string", "a text", "what begins an expression; {{"),
        opt("variable_end_string", "a text", "what ends an expression; }}"),
        opt("comment_start_string", "a text", "what begins a comment; {#"),
        opt("comment_end_string", "a text", "what ends a comment; #}"),
        MODE,
        OWNER,
        GROUP,
        SECRET,
        TIMEOUT,
        BECOME,
    ],
    kind: Some(Kind::Change),
    doc: "Brings a file to what a template gives, as Ansible's `template` does: a file beside the calling one, else in the \
          playbook's folder, with the host's variables, rendered when they are used, and `vars`. A variable that is not there is \
          an error.",
    example: "// hosts(\"masters\")[0].template(\"templates/motd.j2\", \"/etc/motd\", #{ vars: #{ name: \"m1\" } });",
};

const BACKUP: Entry = Entry {
    name: "backup",
    on: "host",
    usage: "host.backup(path, backup) or host.backup(path, backup, options)",
    arguments: &[2, 3],
    options: &[opt("folders", "true or false", "make the backup's folder, for its owner only; false"), TIMEOUT, BECOME],
    kind: Some(Kind::Change),
    doc: "Copies a file on the host, unless something is at the backup's path already: a backup is never overwritten. Where a \
          symbolic link leads is recorded beside it. Gives `changed`, `backup`, `link`, `real_path`, `sha256`, `differs` (an older \
          backup is there, and differs from the file as it is now).",
    example: "hosts(\"masters\")[0].backup(\"/etc/hostname\", \"/tmp/zkmig-example.orig\");",
};

const FILE: Entry = Entry {
    name: "file",
    on: "host",
    usage: "host.file(path, options)",
    arguments: &[2],
    options: &[
        opt(
            "state",
            "\"directory\", \"link\", \"absent\" or \"file\"",
            "what is to be there; \"file\" only sets mode and owner",
        ),
        opt("target", "a text", "where a link points to"),
        opt("parents", "true or false", "make the folders above a folder too (state \"directory\"); false"),
        opt("recursive", "true or false", "remove a folder with all that is in it (state \"absent\"); false"),
        MODE,
        OWNER,
        GROUP,
        TIMEOUT,
        BECOME,
    ],
    kind: Some(Kind::Change),
    doc: "Brings what is at a path to a state: a folder, a symbolic link, nothing, or other permissions.",
    example: "hosts(\"masters\")[0].file(\"/tmp/zkmig-example.d\", #{ state: \"directory\", mode: \"0700\" });",
};

const LINE: Entry = Entry {
    name: "line",
    on: "host",
    usage: "host.line(path, line) or host.line(path, line, options)",
    arguments: &[2, 3],
    options: &[
        opt("matching", "a regular expression", "the line that is replaced, or with `absent` removed"),
        opt("absent", "true or false", "the line is not to be there; false"),
        opt("after", "a regular expression", "where a new line goes: after the last that matches"),
        opt("before", "a regular expression", "where a new line goes: before the first that matches"),
        opt("create", "true or false", "make a missing file; false"),
        TIMEOUT,
        BECOME,
    ],
    kind: Some(Kind::Change),
    doc: "Has a line in a text file, or not. The rest of the file stays as it is.",
    example: "hosts(\"masters\")[0].line(\"/tmp/zkmig-example\", \"a=1\", #{ matching: \"^a=\", create: true });",
};

/// The functions of this file.
pub const ENTRIES: &[Entry] = &[READ, STAT, COPY, TEMPLATE, BACKUP, FILE, LINE];

/// Registers the functions of this file.
pub fn register(engine: &mut Engine, script: &Script) {
    method1(engine, script, "read", read_file);
    method1(engine, script, "stat", stat_path);
    method1(engine, script, "copy", copy_file);
    method2(engine, script, "template", template_file);
    method2(engine, script, "backup", backup_file);
    method1(engine, script, "file", file_state);
    method2(engine, script, "line", edit_line);
}

fn read_file(
    script: &Script,
    ctx: &NativeCallContext<'_>,
    host: &Host,
    path: &Dynamic,
    options: Map,
) -> Result<Dynamic> {
    let mut options = Options::new(&READ, options)?;
    let path = text("read", "the path", path)?;
    let missing = options.any("missing");
    // What a command may make that check mode did not run is not missing: nobody knows it.
    let unknown = host.0.predictions.unknown(&path).filter(|_| script.run.options.check && missing.is_none());
    let may_be_missing = missing.is_some() || unknown.is_some();
    let mut how = read::Options { may_be_missing, ..read::Options::default() };
    if let Some(largest) = options.count("largest")? {
        how.largest = usize::try_from(largest).unwrap_or(usize::MAX);
    }
    let common = Common::take(&mut options)?;
    let effect = Effect { name: "read", summary: path.clone(), kind: Kind::Read, ctx, common };
    let content = script.read(host, effect, async |context| match read::read(context, &path, &how).await? {
        Some(content) => Ok(Some(content.text()?.to_owned())),
        None => Ok(None),
    })?;
    Ok(match (content, unknown) {
        (Some(content), _) => Dynamic::from(content),
        (None, Some(left_out)) => {
            let origin = format!("read `{path}` on {}: it does not exist yet, and {left_out}", host.0.name);
            Dynamic::from(Unknown::not_run(origin))
        }
        (None, None) => missing.unwrap_or_default(),
    })
}

fn stat_path(script: &Script, ctx: &NativeCallContext<'_>, host: &Host, path: &Dynamic, options: Map) -> Result<Map> {
    let mut options = Options::new(&STAT, options)?;
    let path = text("stat", "the path", path)?;
    let hash = options.flag("hash")?.unwrap_or(false);
    let common = Common::take(&mut options)?;
    let effect = Effect { name: "stat", summary: path.clone(), kind: Kind::Read, ctx, common };
    let found = script.read(host, effect, async |context| stat::stat(context, &path, hash).await)?;
    Ok(stat_map(&found))
}

fn stat_map(found: &Stat) -> Map {
    let text = |value: &Option<String>| value.clone().map_or(Dynamic::UNIT, Dynamic::from);
    let mut map = Map::new();
    map.insert("exists".into(), found.exists.into());
    map.insert("kind".into(), found.kind.map_or(Dynamic::UNIT, |kind| kind.word().into()));
    map.insert("size".into(), i64::try_from(found.size).unwrap_or(i64::MAX).into());
    map.insert("mode".into(), found.mode.clone().into());
    map.insert("owner".into(), found.owner.clone().into());
    map.insert("group".into(), found.group.clone().into());
    map.insert("modified".into(), found.modified.into());
    map.insert("link".into(), text(&found.link));
    map.insert("real_path".into(), text(&found.real_path));
    map.insert("sha256".into(), text(&found.sha256));
    map
}

fn mode(options: &mut Options) -> Result<Option<u32>> {
    let Some(mode) = options.text("mode")? else { return Ok(None) };
    let bits = u32::from_str_radix(&mode, 8).ok().filter(|bits| *bits <= 0o7777 && (3..=5).contains(&mode.len()));
    bits.map(Some).ok_or_else(|| {
        Error::input(format!("`{mode}` is not a mode")).hint("modes are texts in octal, such as \"0644\"")
    })
}

fn write_options(options: &mut Options) -> Result<write::Options> {
    Ok(write::Options {
        mode: mode(options)?,
        owner: options.text("owner")?,
        group: options.text("group")?,
        expect: None,
        secret: options.flag("secret")?.unwrap_or(false),
    })
}

/// A file with its content, for a later attempt to see that it is still so. The hash of a secret is kept nowhere.
fn written_report(path: &str, written: Written, secret: bool) -> (Written, Report) {
    let facts =
        if secret { Vec::new() } else { vec![Fact::File { path: path.to_owned(), sha256: written.sha256.clone() }] };
    let changed = Some(written.changed.clone());
    (written, Report { changed, facts, ..Report::default() })
}

fn written(before: bool, written: Option<Written>) -> Result<Map> {
    let written = written.ok_or_else(|| Error::defect("a change did not run"))?;
    let mut map = Map::new();
    map.insert("changed".into(), (written.changed.changed || before).into());
    map.insert("real_path".into(), written.real_path.into());
    map.insert("sha256".into(), written.sha256.into());
    Ok(map)
}

fn copy_file(script: &Script, ctx: &NativeCallContext<'_>, host: &Host, path: &Dynamic, options: Map) -> Result<Map> {
    let mut options = Options::new(&COPY, options)?;
    let path = text("copy", "the path", path)?;
    let source = match (options.text("content")?, options.text("file")?) {
        (Some(content), None) => copy::Source::Content(content.into_bytes()),
        (None, Some(file)) => match script.file(ctx, &file)? {
            bundled if bundled.starts_with(SCHEME) => {
                copy::Source::Content(script.sources.read(&bundled)?.as_bytes().to_vec())
            }
            file => copy::Source::File(file.into()),
        },
        _ => {
            return Err(
                Error::input("copy takes either `content` or `file`").hint("host.copy(path, #{ content: \"…\" })")
            );
        }
    };
    let how = write_options(&mut options)?;
    let common = Common::take(&mut options)?;
    let effect = Effect { name: "copy", summary: path.clone(), kind: Kind::Change, ctx, common };
    let before = script.run.changed_before(&host.0.name, effect.name, &effect.summary);
    written(
        before,
        script.effect(host, effect, async |context| {
            Ok(written_report(&path, copy::copy(context, &path, &source, &how).await?, how.secret))
        })?,
    )
}

fn template_file(
    script: &Script,
    ctx: &NativeCallContext<'_>,
    host: &Host,
    source: &Dynamic,
    path: &Dynamic,
    options: Map,
) -> Result<Map> {
    let mut options = Options::new(&TEMPLATE, options)?;
    let file = script.file(ctx, &text("template", "the template", source)?)?;
    let path = text("template", "the path", path)?;
    let template_text = script.sources.read(&file)?;
    let vars = script.host_vars(host).with(options.json("vars")?.unwrap_or_default());
    let mut language = crate::template::Options::default();
    for name in crate::template::OPTION_NAMES {
        if let Some(value) = options.any(name).filter(|value| !value.is_unit()) {
            language.set_option(name, &crate::script::value::to_json(&value)?)?;
        }
    }
    let how = write_options(&mut options)?;
    let common = Common::take(&mut options)?;
    let effect = Effect { name: "template", summary: path.clone(), kind: Kind::Change, ctx, common };
    let before = script.run.changed_before(&host.0.name, effect.name, &effect.summary);
    written(
        before,
        script.effect(host, effect, async |context| {
            let made = template::Template { path: &file, text: &template_text, vars: &vars, options: &language };
            let written = template::template(context, &path, &made, &how).await?;
            Ok(written_report(&path, written, how.secret))
        })?,
    )
}

fn backup_file(
    script: &Script,
    ctx: &NativeCallContext<'_>,
    host: &Host,
    path: &Dynamic,
    target: &Dynamic,
    options: Map,
) -> Result<Map> {
    let mut options = Options::new(&BACKUP, options)?;
    let (path, target) = (text("backup", "the path", path)?, text("backup", "the backup's path", target)?);
    let folders = options.flag("folders")?.unwrap_or(false);
    let common = Common::take(&mut options)?;
    let summary = format!("{path} → {target}");
    let effect = Effect { name: "backup", summary, kind: Kind::Change, ctx, common };
    let before = script.run.changed_before(&host.0.name, effect.name, &effect.summary);
    let made = script
        .effect(host, effect, async |context| {
            let made = backup::backup(context, &path, &target, folders).await?;
            let copied = Copied {
                path: path.clone(),
                backup: made.backup.clone(),
                sha256: made.backup_sha256.clone(),
                link: made.link.clone(),
            };
            let facts = vec![Fact::File { path: made.backup.clone(), sha256: made.backup_sha256.clone() }];
            let report =
                Report { changed: Some(made.changed.clone()), facts, copied: Some(copied), ..Report::default() };
            Ok((made, report))
        })?
        .ok_or_else(|| Error::defect("a change did not run"))?;
    script.keep_copy(host, &target, made.content.as_deref());
    let mut map = Map::new();
    map.insert("changed".into(), (before || made.changed.changed).into());
    map.insert("backup".into(), made.backup.into());
    map.insert("real_path".into(), made.real_path.into());
    map.insert("link".into(), made.link.map_or(Dynamic::UNIT, Dynamic::from));
    map.insert("sha256".into(), made.sha256.into());
    map.insert("differs".into(), made.differs.into());
    Ok(map)
}

impl Script {
    /// Keeps a copy of a backup in the run's record, unless it holds a secret.
    fn keep_copy(&self, host: &Host, path: &str, content: Option<&[u8]>) {
        let (Some(record), Some(content)) = (self.run.record(), content) else { return };
        let text = String::from_utf8_lossy(content);
        if self.run.options.check || self.run.secrets.redact(&text) != text {
            return;
        }
        if let Err(error) = record.keep(&host.0.name, path, content) {
            let text = format!("{}: the copy of {path} could not be kept in the run's record: {error}", host.0.name);
            self.run.events.emit(What::Warning { text });
        }
    }
}

fn file_state(script: &Script, ctx: &NativeCallContext<'_>, host: &Host, path: &Dynamic, options: Map) -> Result<Map> {
    let mut options = Options::new(&FILE, options)?;
    let path = text("file", "the path", path)?;
    let state = options.text("state")?.unwrap_or_else(|| "file".to_owned());
    let target = options.text("target")?;
    let parents = options.flag("parents")?.unwrap_or(false);
    let recursive = options.flag("recursive")?.unwrap_or(false);
    let wanted = Wanted { mode: mode(&mut options)?, owner: options.text("owner")?, group: options.text("group")? };
    let common = Common::take(&mut options)?;
    let known = ["directory", "link", "absent", "file"];
    // What would be passed over in silence is refused.
    for (option, given, states) in [
        ("recursive", recursive, &["absent"][..]),
        ("parents", parents, &["directory"]),
        ("mode", wanted.mode.is_some(), &["directory", "file"]),
        ("owner", wanted.owner.is_some(), &["directory", "file"]),
        ("group", wanted.group.is_some(), &["directory", "file"]),
    ] {
        if given && known.contains(&state.as_str()) && !states.contains(&state.as_str()) {
            return Err(Error::input(format!("`{option}` does not go with the state \"{state}\""))
                .hint(format!("it is for the state \"{}\"", states.join("\" and \""))));
        }
    }
    if !known.contains(&state.as_str()) {
        return Err(Error::input(format!("`{state}` is not a state of a file"))
            .did_you_mean(&state, known)
            .hint(format!("the states are {}", known.join(", "))));
    }
    if (state == "link") != target.is_some() {
        return Err(
            Error::input("`target` and the state \"link\" go together").hint("#{ state: \"link\", target: \"…\" }")
        );
    }
    let summary = if state == "file" { path.clone() } else { format!("{path} ({state})") };
    let effect = Effect { name: "file", summary, kind: Kind::Change, ctx, common };
    let before = script.run.changed_before(&host.0.name, effect.name, &effect.summary);
    let changed = script.effect(host, effect, async |context| {
        let changed = match (state.as_str(), &target) {
            ("directory", _) => directory::directory(context, &path, &wanted, parents).await?,
            ("link", Some(target)) => link::link(context, &path, target).await?,
            ("absent", _) => absent::absent(context, &path, recursive).await?,
            _ => attributes::attributes(context, &path, &wanted).await?,
        };
        let fact = match state.as_str() {
            "absent" => Fact::Absent { path: path.clone() },
            state => Fact::Kept {
                path: path.clone(),
                directory: state == "directory",
                target: target.clone(),
                mode: wanted.mode,
                owner: wanted.owner.clone(),
                group: wanted.group.clone(),
            },
        };
        Ok((changed.changed, Report { changed: Some(changed), facts: vec![fact], ..Report::default() }))
    })?;
    let mut map = Map::new();
    map.insert("changed".into(), (before || changed.unwrap_or(false)).into());
    Ok(map)
}

fn edit_line(
    script: &Script,
    ctx: &NativeCallContext<'_>,
    host: &Host,
    path: &Dynamic,
    wanted: &Dynamic,
    options: Map,
) -> Result<Map> {
    let mut options = Options::new(&LINE, options)?;
    let (path, wanted) = (text("line", "the path", path)?, text("line", "the line", wanted)?);
    let regex = |options: &mut Options, name: &str| -> Result<Option<regex::Regex>> {
        let Some(text) = options.text(name)? else { return Ok(None) };
        let regex = regex::Regex::new(&text);
        regex.map(Some).map_err(|error| Error::input(format!("`{text}` is not a regular expression")).caused_by(error))
    };
    let matching = regex(&mut options, "matching")?;
    let place = match (regex(&mut options, "after")?, regex(&mut options, "before")?) {
        (None, None) => Place::End,
        (Some(after), None) => Place::After(after),
        (None, Some(before)) => Place::Before(before),
        (Some(_), Some(_)) => return Err(Error::input("line takes either `after` or `before`")),
    };
    let goal = match (options.flag("absent")?.unwrap_or(false), matching) {
        (true, Some(regex)) => Goal::AbsentMatching(regex),
        (true, None) => Goal::AbsentLine(wanted.clone()),
        (false, matching) => Goal::Present { line: wanted.clone(), matching, place },
    };
    let create = options.flag("create")?.unwrap_or(false);
    let common = Common::take(&mut options)?;
    let effect = Effect { name: "line", summary: format!("{path}: {wanted}"), kind: Kind::Change, ctx, common };
    let before = script.run.changed_before(&host.0.name, effect.name, &effect.summary);
    written(
        before,
        script.effect(host, effect, async |context| {
            let written = line::line(context, &path, &goal, create, &write::Options::default()).await?;
            let is_there = !written.sha256.is_empty();
            let (written, mut report) = written_report(&path, written, false);
            if !is_there {
                report.facts = vec![Fact::Absent { path: path.clone() }];
            }
            Ok((written, report))
        })?,
    )
}

/// A JSON object as a script's map.
pub fn map_of(fields: serde_json::Map<String, serde_json::Value>) -> Dynamic {
    from_json(&serde_json::Value::Object(fields))
}
