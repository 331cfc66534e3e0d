//! The report of a run: what each of its forms says is what the record says, nothing of a host's is markup, no secret is in it,
//! and the page works in a real browser. `tools/packages` installs the browser and what looks with it.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::Project;
use support::answering::Server;

/// A password with everything that some form has to escape.
const SECRET: &str = r#"pa<s>&"w0'rd`$%"#;

/// What a hostile host prints: the end of an element, a tag, an entity, an escape, a text that turns around, Markdown.
const HOSTILE: &str = "</script><script>document.title='hit'</script><img src=x onerror=alert(1)> &amp; \u{1b}[2J \u{202e}x ```` | **b** ]]> --";

/// A run with all that a report tells of. It ends well, unless the file `bad` is there.
const PLAYBOOK: &str = r##"
    declare(#{ folder: #{ type: "text", help: "the project's folder" } });
    fn becomes(m, folder, state) { m.run(`echo '${state}' >answer.new && mv answer.new answer`, #{ cwd: folder }); }
    fn until_told(m, folder, text) { m.run(`until grep -qF '${text}' events.ndjson; do sleep 0.02; done`, #{ cwd: folder, timeout: "20s" }); }
    let masters = hosts("masters");
    let m = masters[0];
    let folder = vars.folder;
    let password = secret(#{ file: `${folder}/password` });
    undo_with("undo.rhai");

    step("Preflight", || {
        checked("there is space", true, "plenty");
        checked("the clock is right", "warning", "2 s late");
        m.run(`cat ${folder}/hostile ${folder}/password`, #{ read_only: true });
        checked(`the password is not ${password}`, true, "well");
        m.note(m.read(`${folder}/hostile`));
        note(`the password is ${password}`);
    });
    confirm("Go on?\nThere are | two lines.");
    step("Write", || masters.each(|m| {
        m.backup(`${folder}/conf`, `${folder}/conf-${m.name}.orig`);
        m.copy(`${folder}/conf-${m.name}`, #{ content: "name=" + m.name + "\npassword=" + password + "\n<b>bold</b>\n" });
        m.file(`${folder}/conf-${m.name}`, #{ mode: "0600" });
    }));
    probe([m], || step("Restart", || rolling(masters, |m| {
        m.run(`echo ${m.name} >>${folder}/restarted`);
        if m.name == "m1" {
            becomes(m, folder, "idle");
            until_told(m, folder, "\"serving\":[],\"leader\":null");
            becomes(m, folder, "leader 6");
            until_told(m, folder, "\"epoch\":6");
        }
        let looks = 0;
        wait_until(`${m.name} serves`, || { looks += 1; if looks >= 3 { true } else { `looked ${looks} times` } }, #{ interval: "20ms" });
    })), #{ port: PORT, interval: "50ms", send: "srvr", verdict: |m, answer| zookeeper::role(answer, 1) });
    emit("ids", #{ title: "ids before and after", columns: ["master", "before", "after"], rows: [["m1", 3, 1], ["m2 <b>", 1, 2]] });
    step("Prove", || m.run(`test ! -e ${folder}/bad`));
"##;

fn arguments<'a>(folder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["play.rhai", "-i", "hosts.yaml", "-y", "--events", "events.ndjson", "-e", folder], more].concat()
}

/// A project in which the playbook has been run with these arguments.
struct Reported {
    project: Project,
    _server: Server,
    ran: support::Ran,
}

fn run(bad: bool, more: &[&str]) -> Reported {
    let project = Project::local();
    let server = Server::start(&project, "leader 5");
    let playbook = PLAYBOOK.replace("PORT", &server.port.to_string());
    project.file("play.rhai", &playbook).file("undo.rhai", "hosts(\"m1\");").file("conf", "name=old\n<b>bold</b>\n");
    project.file("password", SECRET).file("hostile", HOSTILE);
    for host in ["m1", "m2"] {
        project.file(&format!("conf-{host}"), "name=old\npassword=\n<b>bold</b>\n");
    }
    if bad {
        project.file("bad", "");
    }
    let folder = format!("folder={}", project.path().display());
    let ran = project.zkmig(&[&["run"], arguments(&folder, more).as_slice()].concat());
    Reported { project, _server: server, ran }
}

impl Reported {
    fn events(&self) -> Vec<Value> {
        events(&self.project.records()[0])
    }

    fn report(&self, form: &str) -> String {
        let told = self.project.zkmig(&["runs", "report", "--format", form]);
        assert_eq!(told.code, 0, "{}", told.stderr);
        told.stdout
    }
}

fn events(record: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(record.join("events.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A file of the tests of the page.
fn of_page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page").join(name)
}

/// Runs one of the scripts of the tests of the page, which says what is wrong.
#[track_caller]
fn node(script: &str, arguments: &[&Path]) -> String {
    assert!(of_page("node_modules").is_dir(), "what looks at the page is not installed: tools/packages does that");
    let output = Command::new("node").arg(of_page(script)).args(arguments).output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script} {arguments:?}:\n{said}{wrong}");
    said.into_owned()
}

/// What a host's row and the figures of the page have to be, counted here from the events alone.
fn counted(events: &[Value]) -> BTreeMap<String, [usize; 4]> {
    let mut hosts: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    for event in events {
        let Some(host) = event["host"].as_str() else { continue };
        let counts = hosts.entry(host.to_owned()).or_default();
        match (event["event"].as_str().unwrap(), event["outcome"].as_str(), event["kind"].as_str()) {
            ("effect_finished", Some("ok"), _) | ("effect_finished", Some("changed"), Some("read")) => counts[0] += 1,
            ("effect_finished", Some("changed"), _) => counts[1] += 1,
            ("effect_finished", Some("failed"), _) if event["attempt"] != true => counts[2] += 1,
            ("effect_finished", Some("unreachable"), _) if event["attempt"] != true => counts[3] += 1,
            _ => {}
        }
    }
    hosts
}

fn spelled(seconds: f64) -> String {
    let tenths = (seconds * 10.0 + 0.5).floor() / 10.0;
    assert!(tenths < 60.0, "the test took too long for its own spelling");
    format!("{tenths} s")
}

#[test]
fn the_page_says_what_the_record_says_to_eyes_keys_and_screen_readers() {
    for bad in [false, true] {
        let run = run(bad, &["--report", "page.html"]);
        assert_eq!(run.ran.code, if bad { 3 } else { 0 }, "{}{}", run.ran.stdout, run.ran.stderr);
        assert!(run.ran.stderr.contains("report: "), "{}", run.ran.stderr);
        let page = std::fs::read_to_string(run.project.join("page.html")).unwrap();
        assert_eq!(page, run.report("html"), "the page at the end of the run and the one from its record differ");

        let events = run.events();
        let counts = counted(&events);
        let total = |at: usize| counts.values().map(|counts| counts[at]).sum::<usize>().to_string();
        let started = |filter: &dyn Fn(&Value) -> bool| {
            events.iter().filter(|event| event["event"] == "effect_started" && filter(event)).count()
        };
        let found = events.iter().find(|event| event["name"] == "availability").map(|event| &event["data"]).unwrap();
        let seconds = |name: &str| spelled(found[name].as_f64().unwrap());
        let hosts: Vec<Vec<String>> = counts
            .iter()
            .map(|(host, counts)| std::iter::once(host.clone()).chain(counts.iter().map(usize::to_string)).collect())
            .collect();
        let mut texts = vec![
            "Go on?",
            "ids before and after",
            "password=[redacted]",
            "<b>bold</b>",
            "document.title='hit'",
            "2 s late",
            "alert(1)",
        ];
        texts.push("conf-m1.orig");
        texts.push(if bad { "zkmig run undo.rhai" } else { "Done in" });
        let expected = json!({
            "numbers": {
                "hosts": "2", "changed": total(1), "failed": total(2), "warnings": "1",
                "gap": seconds("without_quorum_seconds"), "spare": seconds("without_spare_seconds"), "elections": found["elections"].to_string(),
            },
            "hosts": hosts,
            "effects": started(&|_| true),
            "items": started(&|event| event["kind"] != "read"),
            "texts": texts,
        });
        run.project.file("expected.json", &expected.to_string());
        let mut arguments = vec![run.project.join("page.html"), run.project.join("expected.json")];
        // To look at them oneself.
        if let Some(pictures) = std::env::var_os("ZKMIG_PAGE_PICTURES") {
            let folder = PathBuf::from(pictures).join(if bad { "failed" } else { "done" });
            std::fs::create_dir_all(&folder).unwrap();
            arguments.push(folder);
        }
        node("look.mjs", &arguments.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    }
}

#[test]
fn no_form_has_a_secret_and_none_takes_what_a_host_says_for_markup() {
    let run = run(false, &["--log", "log"]);
    run.ran.says(&["done in"]);
    let page = run.report("html");
    for (form, text) in
        [("html", &page), ("md", &run.report("md")), ("json", &run.report("json")), ("junit", &run.report("junit"))]
    {
        assert!(text.contains("[redacted]"), "{form} says nothing of what was there");
        let escaped = SECRET.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let unicode =
            SECRET.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e").replace('"', "\\\"");
        let quoted = escaped.replace('"', "&quot;").replace('\'', "&#x27;");
        for secret in
            [SECRET, &escaped, &unicode, &quoted, &SECRET.replace('"', "\\\""), "w0'rd", "w0&#x27;rd", "w0\\'rd"]
        {
            assert!(!text.contains(secret), "{form} has {secret}");
        }
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{form} has what a terminal acts on");
    }
    assert!(!page.contains("<img") && page.matches("<script").count() == 2, "a host has made an element");
    let markdown = run.report("md");
    assert!(
        markdown.contains("\n`````\n</script>"),
        "what a host says is fenced, whatever fences are in it:\n{markdown}"
    );
    let log = std::fs::read_to_string(run.project.join("log")).unwrap();
    assert!(log.contains("-password=\n") && log.contains("+password=[redacted]") && !log.contains("w0'rd"), "{log}");
}

#[test]
fn json_and_the_event_stream_are_as_their_schemas_say() {
    let run = run(true, &[]);
    run.ran.fails(3, &[]);
    std::fs::remove_file(run.project.join("bad")).unwrap();
    let project = &run.project;
    project.zkmig(&["resume", "-y", "--events", "more.ndjson"]).says(&["2 attempts"]);
    let check = ["--check", "--events", "check.ndjson"];
    let folder = format!("folder={}", project.path().display());
    project
        .zkmig(&[&["run", "play.rhai", "-i", "hosts.yaml", "-y", "-e", &folder], check.as_slice()].concat())
        .says(&["check mode"]);
    let docs = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let streams = ["events.ndjson", "more.ndjson", "check.ndjson"].map(|name| project.join(name));
    let all = [docs("events.schema.json")].into_iter().chain(streams).collect::<Vec<_>>();
    node("validate.mjs", &all.iter().map(PathBuf::as_path).collect::<Vec<_>>());

    let mut reports = vec![docs("report.schema.json")];
    for record in project.records() {
        let id = record.file_name().unwrap().to_string_lossy().into_owned();
        let path = project.join(&format!("{id}.json"));
        let told = project.zkmig(&["runs", "report", &id, "--out", &path.display().to_string()]);
        assert_eq!((told.code, told.stdout.as_str()), (0, ""), "{}", told.stderr);
        reports.push(path);
    }
    node("validate.mjs", &reports.iter().map(PathBuf::as_path).collect::<Vec<_>>());

    // Two attempts are one account.
    let account: Value = serde_json::from_str(&std::fs::read_to_string(&reports[1]).unwrap()).unwrap();
    assert_eq!((&account["outcome"], account["attempts"].as_array().unwrap().len()), (&"done".into(), 2));
    let (first, second) = (&account["attempts"][0], &account["attempts"][1]);
    assert_eq!((&first["exit_code"], &second["exit_code"], &second["at_ms"]), (&3.into(), &0.into(), &first["ms"]));
    let steps: Vec<(&str, &str)> = account["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["step"].as_str().unwrap(), step["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        steps[3..],
        [
            ("Prove", "failed"),
            ("Preflight", "skipped"),
            ("Write", "skipped"),
            ("Restart", "skipped"),
            ("Prove", "done")
        ]
    );
    assert_eq!((&account["go_on"], &account["total"]["failed"]), (&Value::Null, &1.into()));
    // The same difference on two hosts is one, with both.
    let wait = account["effects"].as_array().unwrap().iter().find(|effect| effect["name"] == "wait_until").unwrap();
    assert_eq!(wait["summary"], "m1 serves");
    assert!(wait["seen"].as_str().unwrap().starts_with("looked "), "{wait}");
}

#[test]
fn junit_has_the_common_shape_and_a_failure_where_the_run_failed() {
    for (bad, failures) in [(false, 0), (true, 2)] {
        let run = run(bad, &[]);
        let xml = run.report("junit");
        run.project.file("report.xml", &xml);
        let (schema, file) = (of_page("junit.xsd"), run.project.join("report.xml"));
        let checked =
            Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).args([&schema, &file]).output().unwrap();
        assert!(checked.status.success(), "{}\n{xml}", String::from_utf8_lossy(&checked.stderr));
        assert_eq!(xml.matches("<failure ").count(), failures, "{xml}");
        assert!(
            xml.contains("name=\"wait_until m1 serves\"") && xml.contains("name=\"check: the clock is right\""),
            "{xml}"
        );
    }
}

#[test]
fn markdown_begins_with_the_outcome_and_is_short() {
    let run = run(true, &[]);
    let text = run.report("md");
    let begins = text.lines().next().unwrap();
    assert_eq!(begins, "# zkmig play.rhai: failed");
    for part in [
        "| go on | `zkmig resume ",
        "| **all** |",
        "## Quorum",
        "| 4 | Prove |",
        "**failed**",
        "```diff\n",
        "+password=[redacted]",
        "## Warnings",
    ] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    assert_eq!(text, run.project.zkmig(&["runs", "report"]).stdout, "Markdown is what a terminal gets");
}

#[test]
fn what_cannot_become_a_report_is_said_before_a_host_is_touched() {
    let project = Project::local();
    project.file("play.rhai", "step(\"Act\", || hosts(\"m1\")[0].run(\"touch acted\"));");
    let run = |file: &str| project.zkmig(&["run", "play.rhai", "-i", "hosts.yaml", "--report", file]);
    run("report.pdf").fails(2, &["the ending of report.pdf names no form", ".html, .md, .json or .xml"]);
    run("nowhere/report.html").fails(2, &["can't write a report to"]);
    assert!(project.records().is_empty());
    project.zkmig(&["runs", "report"]).fails(2, &["no run was made here yet"]);
}

#[test]
fn a_record_of_ten_thousand_events_is_a_page_that_works() {
    let run = run(false, &[]);
    let record = run.project.records()[0].clone();
    let begin = run.events().into_iter().find(|event| event["event"] == "run_started").unwrap();
    let mut lines = vec![begin.to_string()];
    let mut seq = 1;
    let mut add = |ms: u64, mut event: Value| {
        seq += 1;
        let time = format!("2026-11-28T12:{:02}:{:02}Z", ms / 60_000, ms / 1000 % 60);
        let head = json!({ "v": 1, "seq": seq, "time": time, "elapsed_ms": ms });
        event.as_object_mut().unwrap().extend(head.as_object().unwrap().clone());
        lines.push(event.to_string());
    };
    let (mut changed, mut failed) = (0, 0);
    for step in 0..10 {
        let name = format!("Step {step}");
        add(step * 60_000, json!({ "event": "step_started", "step": name, "number": step + 1 }));
        for at in 0..499 {
            let (effect, ms) = (step * 499 + at + 1, step * 60_000 + at * 120);
            let host = format!("10.10.{}.{}", at % 5, at % 9);
            let (kind, outcome) = match at % 4 {
                0 => ("read", "ok"),
                1 => ("action", if at % 100 == 1 { "failed" } else { "changed" }),
                _ => ("change", "changed"),
            };
            changed += usize::from(kind != "read" && outcome == "changed");
            failed += usize::from(outcome == "failed");
            let summary = format!("/etc/service/file-{effect}: content");
            let both = json!({ "effect": effect, "host": host, "step": name, "name": "copy", "summary": summary, "kind": kind });
            let mut begins = both.clone();
            begins
                .as_object_mut()
                .unwrap()
                .extend([("event".to_owned(), "effect_started".into()), ("place".to_owned(), Value::Null)]);
            add(ms, begins);
            let mut ends = both;
            let diff = json!({ "path": format!("/etc/service/file-{effect}"), "before": "a=1\nb=2\n", "after": format!("a=1\nb={effect}\n") });
            let fields = json!({ "event": "effect_finished", "outcome": outcome, "ms": 100, "diff": if kind == "change" { diff } else { Value::Null } });
            ends.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            add(ms + 100, ends);
        }
        add(step * 60_000 + 59_990, json!({ "event": "step_finished", "step": name, "ok": true, "ms": 59_990 }));
    }
    add(600_000, json!({ "event": "run_finished", "exit_code": 0, "ms": 600_000 }));
    assert!(lines.len() >= 10_000, "{}", lines.len());
    std::fs::write(record.join("events.ndjson"), lines.join("\n") + "\n").unwrap();
    let told = run.project.zkmig(&["runs", "report", "--out", "large.html"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let expected = json!({ "large": true, "numbers": { "took": "10 min", "changed": changed.to_string(), "failed": failed.to_string() } });
    run.project.file("expected.json", &expected.to_string());
    println!("{}", node("look.mjs", &[&run.project.join("large.html"), &run.project.join("expected.json")]));
}
