//! Traps of the language: `zkmig lint` names each with its line, and is silent about what only looks like one.

mod support;

use support::Project;

/// A playbook, what is wrong with it, and on which line.
const TRAPS: &[(&str, &str, usize)] = &[
    // A function that uses the variable that it is called on.
    ("let list = [1, 2];\nlet more = list.filter(|x| x < list.len());", "uses `list`, on which it is called", 2),
    ("let list = [1, 2];\nlist.for_each(|x| note(`${list.len()}`));", "uses `list`, on which it is called", 2),
    ("let masters = hosts(\"masters\");\nmasters.each(|m| note(`${masters.len()}`));", "uses `masters`", 2),
    ("let a = [3, 1];\nlet b = a.filter(|x| x > 1).map(|x| a.len());", "given uses `a`", 2),
    ("let o = #{ l: [1] };\nlet b = o.l.map(|x| o.l.len());", "given uses `o`", 2),
    ("let o = #{ a: 1 };\nlet b = o.keys().map(|k| o[k]);", "given uses `o`", 2),
    ("let l = [[1]];\nlet b = l[0].map(|x| l.len());", "given uses `l`", 2),
    ("fn f(list) {\n    list.map(|x| list.len())\n}\nf([1]);", "given uses `list`", 2),
    // What is assigned to a copy.
    ("let n = 0;\nhosts(\"masters\").each(|m| n += 1);\nnote(`${n}`);", "what is assigned to `n` here is lost", 2),
    (
        "let bad = [];\nhosts(\"masters\").each(|m| {\n    bad.push(m.name);\n});",
        "what is assigned to `bad` here is lost",
        3,
    ),
    ("let n = 0;\nhosts(\"masters\").each(|m| { n = n + 1; });", "what is assigned to `n` here is lost", 2),
    ("let by = #{};\nhosts(\"masters\").each(|m| { by[m.name] = 1; });", "what is assigned to `by` here is lost", 2),
    (
        "let n = 0;\nrolling(hosts(\"masters\"), |m| { n += 1; }, #{ serial: 2 });",
        "`rolling` gives each host a copy",
        2,
    ),
    // Gates and waits.
    (
        "rolling(hosts(\"masters\"), |m| m.run(\"true\"), #{\n    before: |m| note(\"now\"),\n});",
        "`before` gives (), and never opens",
        2,
    ),
    (
        "rolling(hosts(\"masters\"), |m| m.run(\"true\"), #{\n    after: |m| if m.name == \"m9\" { \"it is the last\" },\n});",
        "`after` gives ()",
        2,
    ),
    ("rolling(hosts(\"masters\"), |m| m.run(\"true\"), #{\n    after: |m| { let x = 1; },\n});", "`after` gives ()", 2),
    (
        "let m = hosts(\"masters\")[0];\nwait_until(\"it is there\", || m.read(\"/etc/hostname\"));",
        "gives a text, which says that it is not yet so",
        2,
    ),
    (
        "let m = hosts(\"masters\")[0];\nwait_until(\"x\", || m.run(\"cat x\", #{ read_only: true }).stdout.trimmed());",
        "gives a text",
        2,
    ),
    (
        "let m = hosts(\"masters\")[0];\nwait_until(\"x\", || { m.run(\"cat x\", #{ read_only: true }).stdout });",
        "gives a text",
        2,
    ),
    // Texts.
    ("let name = \"x\";\nnote(\"hello ${name}\");", "`${name}` in quotes is not filled in", 2),
    ("let m = hosts(\"masters\")[0];\nnote(\"on ${m.name}\");", "`${m.name}` in quotes is not filled in", 2),
    ("hosts(\"masters\").each(|m| m.run(\"echo ${m.vars.x}\"));", "`${m.vars.x}` in quotes", 1),
    ("note(\"mode ${vars.mode}\");", "`${vars.mode}` in quotes", 1),
    ("note(`one\\ntwo`);", "is a backslash and an n in backticks", 1),
    (
        "let m = hosts(\"masters\")[0];\nm.copy(\"/tmp/x\", #{ content: `a=1\\n` });",
        "is a backslash and an n in backticks",
        2,
    ),
    ("let n = 1;\nlocal_write(\"x\", `${n}\\n`);", "is a backslash and an n in backticks", 2),
    // Calls.
    ("let f = |x| x + 1;\nnote(`${f(1)}`);", "`f` is a variable, and is called like a function", 2),
    ("let o = #{ up: |x| x + 1 };\nnote(`${o.up(1)}`);", "`up` is a function that a map holds", 2),
    ("fn check(m) { true }\nlet check = 1;", "`check` is a variable and a function of this file", 2),
    // Names.
    ("\nlet package = \"x\";", "take `pkg` or `package_name`", 2),
    ("note(\"x\");\nlet o = #{ default: 1 };", "take `fallback`", 2),
    ("fn go(m) { m }", "the language keeps the word `go` for itself", 1),
    ("let switch = 1;", "a word of the language can't be a name", 1),
    ("let async = 1;", "take another name", 1),
    // Fields and variables that nothing has.
    (
        "let m = hosts(\"masters\")[0];\nif m.stat(\"/etc\").exist { note(\"x\"); }",
        "what `stat` gives has no `exist`",
        2,
    ),
    (
        "let m = hosts(\"masters\")[0];\nlet s = m.stat(\"/etc\");\nif s.exist { note(\"x\"); }",
        "did you mean `exists`?",
        3,
    ),
    ("hosts(\"masters\").each(|m| m.run(\"true\").rc);", "what `run` gives has no `rc`", 1),
    ("hosts(\"masters\").each(|m| m.service(\"x\").status().active);", "what `status` gives has no `active`", 1),
    (
        "let m = hosts(\"masters\")[0];\nlet done = m.copy(\"/x\", #{ content: \"\" });\nif done.change { note(\"x\"); }",
        "did you mean `changed`?",
        3,
    ),
    (
        "let m = hosts(\"masters\")[0];\nlet s = m.stat(\"/etc\");\nstep(\"x\", || note(`${s.exits}`));",
        "has no `exits`",
        3,
    ),
    ("note(`${hosst.len()}`);", "hosst", 1),
];

/// What looks like a trap and is none.
const FINE: &[&str] = &[
    "let list = [1, 2];\nlet most = list.len();\nlet more = list.filter(|x| x < most);",
    "let list = [1, 2];\nlet more = map(list, |x| x < list.len());",
    "let masters = hosts(\"masters\");\nrolling(masters, |m| note(`${masters.len()}`));",
    "let l = vars.keys().map(|k| vars[k]);",
    "let n = 0;\nrolling(hosts(\"masters\"), |m| { n += 1; });\nnote(`${n}`);",
    "let n = 0;\nrolling(hosts(\"masters\"), |m| { n += 1; }, #{ serial: 1 });\nnote(`${n}`);",
    "let words = [\"echo\"];\nhosts(\"masters\").each(|m| { words.push(m.name); m.run(words) });",
    "let words = [\"echo\"];\nhosts(\"masters\").each(|m| { words.push(m.name); words });",
    "hosts(\"masters\").each(|m| { let n = 0; n += 1; n });",
    "let n = 0;\n[1, 2].for_each(|x| n += x);\nnote(`${n}`);",
    "rolling(hosts(\"masters\"), |m| m.run(\"true\"), #{ before: |m| m.name != \"m9\", after: |m| { note(\"x\"); true } });",
    "rolling(hosts(\"masters\"), |m| m.run(\"true\"), #{ before: |m| if m.name == \"m9\" { \"not him\" } else { true } });",
    "rolling(hosts(\"masters\"), |m| m.run(\"true\"), #{ before: |m| if m.name != \"m9\" { true } });",
    "rolling(hosts(\"masters\"), |m| m.run(\"true\"), #{ before: |m| { if m.name == \"m9\" { return \"no\"; } true } });",
    "rolling(hosts(\"masters\"), |m| m.run(\"true\"), #{ before: |m| \"closed for now\" });",
    "rolling(hosts(\"masters\"), |m| m.run(\"true\"), #{ after: |m| wait_until(\"up\", || true) });",
    "let m = hosts(\"masters\")[0];\nwait_until(\"x\", || m.run(\"cat x\", #{ read_only: true }).stdout.trimmed() == \"1\");",
    "wait_until(\"x\", || if now() > 0.0 { true } else { \"too early\" });",
    "let m = hosts(\"masters\")[0];\nwait_until(\"x\", || { if m.read(\"/x\") == \"1\" { return true; } m.read(\"/y\") });",
    "let m = hosts(\"masters\")[0];\nm.run(\"for name in a b; do echo ${name}; done\");\nlet name = 1;",
    "let m = hosts(\"masters\")[0];\nlet word = 1;\nm.run(\"word=1; echo ${word} ${word:-2} ${#word}\");",
    "let m = hosts(\"masters\")[0];\nlet word = \"x\";\nm.run(\"echo ${word}\", #{ env: #{ word: word } });",
    "let m = hosts(\"masters\")[0];\nm.run(\"echo ${HOME} ${USER}\");",
    "let m = hosts(\"masters\")[0];\nlet port = 1;\nm.copy(\"/x\", #{ content: \"ExecStart=/x \\x24{port}\\n\" });",
    "let m = hosts(\"masters\")[0];\nm.run(`printf 'a\\n'`);",
    "let m = hosts(\"masters\")[0];\nm.copy(\"/x\", #{ content: `#!/bin/sh\nprintf 'a\\n'\n` });",
    "let m = hosts(\"masters\")[0];\nm.line(\"/x\", \"a=1\", #{ matching: `^a=\\d+` });",
    "let f = |x| x + 1;\nnote(`${f.call(1)}`);",
    "let o = #{ up: |x| x + 1 };\nnote(`${o.up.call(1)}`);",
    "let m = hosts(\"masters\")[0];\nlet s = m.stat(\"/etc\");\ns.seen = true;\nnote(`${s.seen}`);",
    "let m = hosts(\"masters\")[0];\nlet s = m.stat(\"/etc\");\ns = #{ other: 1 };\nnote(`${s.other}`);",
    "fn of(s) { s.other }\nlet m = hosts(\"masters\")[0];\nlet s = m.stat(\"/etc\");\nnote(`${of(#{ other: 1 })}`);",
    "fn run(m) { #{ mine: 1 } }\nnote(`${run(1).mine}`);",
    "let m = hosts(\"masters\")[0];\nnote(`${m.stat(\"/etc\").mode.len()} ${m.run(\"true\", #{ read_only: true }).keys()}`);",
];

#[test]
fn each_trap_is_named_with_its_line() {
    let project = Project::unreachable();
    let mut wrong = Vec::new();
    for (text, what, line) in TRAPS {
        project.file("play.rhai", text);
        let ran = project.zkmig(&["lint", "play.rhai", "-i", "hosts.yaml"]);
        if ran.code != 2 || !ran.stderr.contains(what) || !ran.stderr.contains(&format!("play.rhai:{line}")) {
            wrong.push(format!("{text}\n  has to say {what:?} on line {line}, and says: {} {}", ran.code, ran.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(TRAPS.len() >= 30);
}

#[test]
fn what_is_no_trap_is_not_taken_for_one() {
    let project = Project::unreachable();
    let mut wrong = Vec::new();
    for text in FINE {
        project.file("play.rhai", text);
        let ran = project.zkmig(&["lint", "play.rhai", "-i", "hosts.yaml"]);
        if ran.code != 0 {
            wrong.push(format!("{text}\n  is fine, and lint says: {}", ran.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The fields that the checks know are those that the effects give.
#[test]
fn the_fields_that_are_known_are_those_there_are() {
    let project = Project::local();
    let folder = project.path().display();
    let text = format!(
        "let m = hosts(\"masters\")[0];\nlet f = \"{folder}\";\nm.copy(f + \"/c\", #{{ content: \"x\\n\" }});\n\
         let found = #{{\nstat: m.stat(f), run: m.run(\"true\"), copy: m.copy(f + \"/c\", #{{ content: \"x\\n\" }}),\n\
         line: m.line(f + \"/c\", \"x\", #{{}}), file: m.file(f + \"/c\", #{{ mode: \"0644\" }}),\n\
         backup: m.backup(f + \"/c\", f + \"/c.orig\", #{{}}),\n}};\n\
         for name in found.keys() {{ let had = found[name].keys(); had.sort(); note(`${{name}}: ${{had}}`); }}"
    );
    project.run(&text, &[]).says(&[
        "stat: [\"exists\", \"group\", \"kind\", \"link\", \"mode\", \"modified\", \"owner\", \"real_path\", \"sha256\", \"size\"]",
        "run: [\"is_utf8\", \"status\", \"stderr\", \"stdout\"]",
        "copy: [\"changed\", \"real_path\", \"sha256\"]",
        "line: [\"changed\", \"real_path\", \"sha256\"]",
        "file: [\"changed\"]",
        "backup: [\"backup\", \"changed\", \"differs\", \"link\", \"real_path\", \"sha256\"]",
    ]);
}
