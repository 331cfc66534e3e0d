//! `zkmig runs`: the table of what was done here, what counts in it, and what is shown of several attempts.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use serde_json::Value;
use support::{Project, ended, signal, wait_for};

/// Writes a file on each host, then fails while a file `bad` is there.
const PLAYBOOK: &str = r#"
    declare(#{ folder: #{ type: "text", help: "the project's folder" } });
    let masters = hosts("masters");
    step("Write", || masters.each(|m| m.copy(`${vars.folder}/file-${m.name}`, #{ content: "content\n" })));
    step("Look", || masters[0].run(`test ! -e ${vars.folder}/bad`));
"#;

fn folder(project: &Project) -> String {
    format!("folder={}", project.path().display())
}

fn run(project: &Project, playbook: &str, more: &[&str]) -> support::Ran {
    let folder = folder(project);
    project.run(playbook, &[&["-e", &folder], more].concat())
}

/// The rows of the table, a list of cells each.
fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect())
        .collect()
}

#[test]
fn the_table_fits_80_columns_and_leaves_out_what_tells_no_story() {
    let project = Project::local();
    let deep = "playbooks/of-a-customer-with-a-long-name/that/lie/deep/zk-to-static.rhai";
    project.file(deep, PLAYBOOK).file("play.rhai", PLAYBOOK);
    let folder = folder(&project);
    assert_eq!(project.zkmig(&["run", deep, "-i", "hosts.yaml", "-e", &folder]).code, 0);
    assert_eq!(project.zkmig(&["run", "play.rhai", "-i", "hosts.yaml", "-e", &folder, "--check"]).code, 0);
    assert_eq!(project.zkmig(&["exec", "m1", "-i", "hosts.yaml", "--", "true"]).code, 0);
    project.file("bad", "");
    run(&project, PLAYBOOK, &[]).fails(3, &["exit"]);

    let listed = project.zkmig_with(&[("COLUMNS", "80")], &["runs"]);
    let table = rows(&listed.stdout);
    assert_eq!(table[0], ["run", "began", "took", "playbook", "changed", "outcome"], "{}", listed.stdout);
    assert_eq!(
        (&table[1][3..], &table[2][4..]),
        (&["play.rhai", "0 of 2", "failed"].map(str::to_owned)[..], &["2 of 2", "done"].map(str::to_owned)[..])
    );
    assert!(table[2][3].starts_with('…') && table[2][3].ends_with("zk-to-static.rhai"), "{}", listed.stdout);
    assert!(listed.stdout.lines().all(|line| line.chars().count() <= 80), "{}", listed.stdout);
    assert!(listed.stdout.ends_with("2 more, checks and execs: --all shows them\n"), "{}", listed.stdout);

    let all = project.zkmig(&["runs", "--all"]);
    let table = rows(&all.stdout);
    assert_eq!(table.len(), 5, "{}", all.stdout);
    assert_eq!((table[2][3].as_str(), table[3][4].as_str()), ("exec m1", "check"), "{}", all.stdout);
    assert!(all.stdout.contains(deep), "what is no terminal gets all of it:\n{}", all.stdout);

    // What stands in the table names the run.
    let newest: Value = serde_json::from_str(&project.zkmig(&["runs", "--json", "-n", "1"]).stdout).unwrap();
    let id = newest[0]["run"].as_str().unwrap();
    let short = &rows(&listed.stdout)[1][0];
    assert!(id.ends_with(&format!("-{short}")), "{id} {short}");
    project.zkmig(&["runs", "show", short]).says(&[&format!("run       {id}\n"), "✗ Look  failed after"]);
}

#[test]
fn the_filters_and_json_say_the_same_as_the_records() {
    let project = Project::local();
    assert_eq!(run(&project, PLAYBOOK, &[]).code, 0);
    project.file("bad", "");
    run(&project, PLAYBOOK, &["-l", "m1"]).fails(3, &[]);
    run(&project, PLAYBOOK, &["--check"]).fails(0, &[]);
    let json = |more: &[&str]| -> Vec<Value> {
        let listed = project.zkmig(&[&["runs", "list", "--json"], more].concat());
        serde_json::from_str(&listed.stdout).unwrap()
    };
    let all = json(&["--all"]);
    assert_eq!(all.len(), 3);
    let mut ids: Vec<&str> = all.iter().map(|run| run["run"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let records: Vec<String> =
        project.records().iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert!(all.is_sorted_by(|one, other| one["started"].as_str() >= other["started"].as_str()), "{all:?}");
    assert_eq!(ids, records);
    let done = &json(&["--outcome", "done"])[0];
    assert_eq!(
        (&done["hosts"], &done["changed"]),
        (&serde_json::json!(["m1", "m2"]), &serde_json::json!(["m1", "m2"]))
    );
    assert_eq!((&done["exit_code"], &done["attempts"], &done["can_be_resumed"]), (&0.into(), &1.into(), &false.into()));
    let failed = &json(&["--outcome", "failed"])[0];
    assert_eq!((&failed["exit_code"], &failed["can_be_resumed"]), (&3.into(), &true.into()));
    for (filters, count) in [
        (&["--host", "m2"][..], 1),
        (&["--host", "m1"], 2),
        (&["--playbook", "play"], 2),
        (&["--playbook", "other"], 0),
        (&["-n", "1"], 1),
        (&["--since", "1h"], 2),
        (&["--since", "0s"], 0),
    ] {
        assert_eq!(json(filters).len(), count, "{filters:?}");
    }
    project.zkmig(&["runs", "--since", "old"]).fails(2, &["--since takes spans"]);
    project.zkmig(&["runs", "--outcome", "good"]).fails(2, &["locked-out"]);
    project.zkmig(&["runs", "--host", "m9"]).says(&["no run to show"]);
}

#[test]
fn the_recap_and_the_story_count_every_attempt() {
    let project = Project::local();
    project.file("bad", "");
    run(&project, PLAYBOOK, &[]).fails(3, &[]);
    std::fs::remove_file(project.join("bad")).unwrap();
    let ran = project.zkmig(&["resume", "-y"]);
    // Two copies in the first attempt; the run that failed then, and the one that did not.
    ran.says(&["changed=3 failed=1", "(2 attempts, ", " in all): "]);
    let shown = project.zkmig(&["runs", "show"]);
    shown.says(&["attempts  2, ", "what follows counts all of them", "m1  ok=", "changed=2 failed=1", "m2  ok="]);
    project.zkmig(&["runs"]).says(&["done (2)"]);
}

#[test]
fn what_the_operator_interrupted_has_not_failed() {
    for signals in [1, 2] {
        let project = Project::local();
        let playbook = r#"
            let m = hosts("m1")[0];
            step("Wait", || { m.run(`touch ${vars.folder}/waits; sleep 20`, #{ timeout: "60s" }); });
            step("Never", || m.run("true"));
        "#;
        project.file("play.rhai", playbook);
        let folder = folder(&project);
        let wait = if signals == 1 { playbook.replace("sleep 20", "sleep 1") } else { playbook.to_owned() };
        project.file("play.rhai", &wait);
        let mut child = project.start(&["run", "play.rhai", "-i", "hosts.yaml", "-e", &folder, "--events", "events"]);
        wait_for("the command", || project.join("waits").exists());
        for count in 1..=signals {
            signal(&child, "INT");
            let heard = || {
                std::fs::read_to_string(project.join("events")).unwrap().matches("\"interrupted\",\"now\"").count()
                    >= count
            };
            wait_for("the interrupt", heard);
        }
        assert_eq!(ended(&mut child), Some(130));
        let shown = project.zkmig(&["runs", "show"]);
        shown.says(&["state     interrupted", "failed=0"]);
        assert!(!shown.stdout.contains("failed after") && !shown.stdout.contains('✗'), "{}", shown.stdout);
        let run: Value = serde_json::from_str(&project.zkmig(&["runs", "--json"]).stdout).unwrap();
        assert_eq!(run[0]["outcome"], "interrupted");
        project.zkmig(&["runs", "--outcome", "failed"]).says(&["no run to show"]);
    }
}
