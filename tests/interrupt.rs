//! What an interrupt does: the first stops at the next safe place, the second now, and nothing runs on.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::process::Child;
use std::time::{Duration, Instant};

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
    let playbook = PLAYBOOK.replace("timeout: \"3s\"", "timeout: \"60s\"");
    let mut child = start(&project, &playbook);
    wait_for("the command", || runs("7201.5"));
    signal(&child, "INT");
    wait_for("the first interrupt", || {
        std::fs::read_to_string(project.join("events")).is_ok_and(|events| events.contains("\"interrupted\""))
    });
    let began = Instant::now();
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(8));
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
        "wait_until(\"never\", || false, #{ timeout: \"60s\" })",
        "pause(\"60s\")",
        "hosts(\"masters\")[0].run(`touch ${vars.folder}/turn; sleep 60`, #{ read_only: true })",
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
        let began = Instant::now();
        signal(&child, "INT");
        assert_eq!(ended(&mut child), Some(130), "{work}");
        assert!(began.elapsed() < Duration::from_secs(5), "{work}");
    }
}
