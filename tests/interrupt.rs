//! What an interrupt does: the first stops at the next safe place, the second now, and nothing runs on.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::process::Child;

use support::{Project, ended, signal, wait_for};

const PLAYBOOK: &str = r#"
    step("Restart", || rolling(hosts("masters"), |m| { m.run(`touch turn-${m.name}`, #{ cwd: vars.folder }); m.run("sleep 7201.5 & wait", #{ accept: [0, 143, 137], timeout: "3s" }); }));
"#;

fn start(project: &Project, playbook: &str) -> Child {
    project.file("play.rhai", playbook);
    let folder = format!("folder={}", project.path().display());
    project.start(&["run", "play.rhai", "-i", "hosts.yaml", "--events", "events", "-e", &folder])
}

fn runs(word: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes()))
    })
}

#[test]
fn the_first_interrupt_lets_the_host_in_hand_end_and_starts_no_other() {
    for name in ["INT", "TERM", "HUP"] {
        let project = Project::local();
        let playbook = PLAYBOOK.replace("sleep 7201.5 & wait", "sleep 1; touch done-$0; true").replace("$0", "m1");
        let playbook = playbook.replace("#{ accept: [0, 143, 137], timeout: \"3s\" }", "#{ cwd: vars.folder }");
        let mut child = start(&project, &playbook);
        wait_for("the first turn", || project.join("turn-m1").exists());
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        assert!(project.join("done-m1").exists(), "{name}: the host in hand was not brought to its end");
        assert!(!project.join("turn-m2").exists(), "{name}: another host was begun");
        let events = std::fs::read_to_string(project.join("events")).unwrap();
        assert!(
            events.contains("\"event\":\"interrupted\",\"now\":false") && events.contains("run_finished"),
            "{events}"
        );
    }
}

#[test]
fn the_second_interrupt_stops_now_and_ends_what_runs_on_the_host() {
    let project = Project::local();
    let playbook = PLAYBOOK.replace("timeout: \"3s\"", "timeout: \"600s\"");
    let mut child = start(&project, &playbook);
    wait_for("the command", || runs("7201.5"));
    signal(&child, "INT");
    wait_for("the first interrupt", || {
        std::fs::read_to_string(project.join("events")).is_ok_and(|events| events.contains("\"interrupted\""))
    });
    signal(&child, "INT");
    assert_eq!(ended(&mut child), Some(130));
    wait_for("the end of the command", || !runs("7201.5"));
}

#[test]
fn an_interrupt_in_the_last_turn_stops_before_the_next_step() {
    let project = Project::local();
    let playbook = r#"
        step("Roll", || rolling([hosts("masters")[0]], |m| m.run(`touch ${vars.folder}/turn; sleep 1`)));
        step("More", || hosts("masters")[0].run(`touch ${vars.folder}/more`));
    "#;
    let mut child = start(&project, playbook);
    wait_for("the turn", || project.join("turn").exists());
    signal(&child, "HUP");
    assert_eq!(ended(&mut child), Some(130));
    assert!(!project.join("more").exists());
}

#[test]
fn the_first_interrupt_ends_at_once_what_changes_nothing() {
    for work in [
        "wait_until(\"never\", || false, #{ timeout: \"600s\" })",
        "pause(\"600s\")",
        "hosts(\"masters\")[0].run(`touch ${vars.folder}/turn; sleep 600`, #{ read_only: true })",
    ] {
        let project = Project::local();
        let playbook = format!(
            "hosts(\"masters\")[0].run(`touch ${{vars.folder}}/turn`, #{{ read_only: true }}); step(\"Wait\", || {work});"
        );
        let mut child = start(&project, &playbook);
        wait_for("the beginning", || project.join("turn").exists());
        wait_for("the step", || {
            std::fs::read_to_string(project.join("events")).is_ok_and(|events| events.contains("step_started"))
        });
        signal(&child, "INT");
        assert_eq!(ended(&mut child), Some(130), "{work}");
    }
}

/// What is in hand, as `zkmig doc interrupt` says it; whether the first interrupt ends it at once; and an example, which makes `turn`
/// when it is in hand, and `done` when it has come to its end.
const IN_HAND: &[(&str, bool, &str)] = &[
    ("connecting to a host", true, "hosts(\"silent\")"),
    (
        "a read: run with read_only",
        true,
        "m.run(\"touch turn; sleep 600; touch done\", #{ read_only: true, cwd: vars.folder })",
    ),
    ("pause", true, "m.run(\"touch turn\", #{ cwd: vars.folder }); pause(\"600s\")"),
    (
        "wait_until, retry: between two tries",
        true,
        "wait_until(\"it\", || { m.run(\"touch turn\", #{ cwd: vars.folder, read_only: true }); false }, #{ interval: \"50s\" })",
    ),
    ("a change or an action: run", false, "m.run(\"touch turn; sleep 1; touch done\", #{ cwd: vars.folder })"),
    (
        "retry: the try that is under way",
        false,
        "retry(|| { m.run(\"touch turn; sleep 1; touch done; exit 1\", #{ cwd: vars.folder }); }, #{ delay: \"50s\" })",
    ),
    (
        "each: every host's change or action",
        false,
        "hosts(\"masters\").each(|m| m.run(\"touch turn; sleep 1; touch done\", #{ cwd: vars.folder }))",
    ),
    ("journal.wait, reachable", true, "m.journal(\"x\").wait(\"y\", #{ since: \"\", timeout: \"600s\" })"),
    (
        "rolling: all of the turn, its waits",
        false,
        "rolling([m], |m| m.journal(\"x\").wait(\"y\", #{ since: \"\", timeout: \"600s\" }))",
    ),
    (
        "rolling: all of the turn, its waits",
        false,
        "rolling([m], |m| { m.run(\"touch turn\", #{ cwd: vars.folder }); let n = 0; \
         wait_until(\"it\", || { n += 1; n > 2 }, #{ interval: \"500ms\" }); m.run(\"touch done\", #{ cwd: vars.folder }); })",
    ),
    (
        "rolling: all of the turn",
        false,
        "rolling([m], |m| { m.run(\"touch turn; sleep 1\", #{ cwd: vars.folder }); pause(\"1s\"); m.run(\"touch done\", #{ cwd: vars.folder }); })",
    ),
];

#[test]
fn the_first_interrupt_ends_what_the_table_says_and_nothing_else() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let table = Project::local().zkmig(&["doc", "interrupt"]).stdout;
    for (name, ends, work) in IN_HAND {
        let word = if *ends { "ends it at once" } else { "lets it come to its end" };
        assert!(table.lines().any(|line| line.contains(name) && line.ends_with(word)), "{name}: {word}\n{table}");
        let project = Project::local();
        let inventory = std::fs::read_to_string(project.join("hosts.yaml")).unwrap();
        let port = silent.local_addr().unwrap().port();
        let other = format!("silent:\n  hosts:\n    s1: {{ ansible_host: 127.0.0.1, ansible_port: {port} }}\n");
        project.file("hosts.yaml", &format!("{inventory}{other}"));
        let journalctl = "#!/bin/sh\n[ \"$1\" = -f ] || exit 0\ntouch FOLDER/turn; sleep 1; touch FOLDER/done; echo '{\"__CURSOR\":\"a\",\"MESSAGE\":\"y\",\"__MONOTONIC_TIMESTAMP\":\"1\",\"__REALTIME_TIMESTAMP\":\"1\",\"_BOOT_ID\":\"b\"}'; sleep 600\n";
        project.file("bin/journalctl", &journalctl.replace("FOLDER", &project.path().display().to_string()));
        let program = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(project.join("bin/journalctl"), program).unwrap();
        let path = format!("{}:{}", project.join("bin").display(), std::env::var("PATH").unwrap());
        project.file(
            "play.rhai",
            &format!("let m = hosts(\"masters\")[0]; {work}; m.run(`touch ${{vars.folder}}/next`);"),
        );
        let folder = format!("folder={}", project.path().display());
        let arguments = ["run", "play.rhai", "-i", "hosts.yaml", "--events", "events", "-e", &folder];
        let mut child = project.start_with(&[("PATH", &path)], &arguments);
        if work.contains("silent") {
            // Who connects is in hand as soon as there is somebody to answer.
            drop(silent.accept().unwrap());
            wait_for("the beginning", || project.join("events").exists());
        } else {
            wait_for(name, || project.join("turn").exists());
        }
        signal(&child, "INT");
        assert_eq!(ended(&mut child), Some(130), "{name}");
        assert_eq!(project.join("done").exists(), !ends, "{name}");
        assert!(!project.join("next").exists(), "{name}: more was begun");
    }
}
