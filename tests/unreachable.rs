//! Hosts that can't be reached: they stop a run, or it goes on without them and says so.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use support::Project;

/// Two hosts that are this machine, and one between them that nobody can reach.
fn project() -> Project {
    Project::new(
        "m:\n  hosts:\n    m1: { ansible_connection: local, zkmig_lock_file: FOLDER/lock-m1 }\n    m2: { ansible_host: 127.0.0.1, ansible_port: 1 }\n    \
         m3: { ansible_connection: local, zkmig_lock_file: FOLDER/lock-m3 }\n",
    )
}

const NAMES: &str =
    ".each(|h| h.run(\"uname -n >/dev/null; echo ran\").stdout); for name in ran.keys() { note(`ran on ${name}`); }";

#[test]
fn a_host_that_is_down_stops_the_run_unless_it_may_be_left_out() {
    let project = project();
    let play = |options: &str| format!("let ran = hosts(\"m\"{options}){NAMES}");
    project.run(&play(""), &[]).fails(4, &["m2", "refuses connections"]);
    for (options, arguments) in [(", #{ unreachable: \"skip\" }", &[][..]), ("", &["--skip-unreachable"][..])] {
        let ran = project.run(&play(options), arguments);
        ran.fails(4, &["the run is through, but without m2"]);
        assert!(ran.stdout.contains("ran on m1") && ran.stdout.contains("ran on m3"), "{}", ran.stdout);
        assert!(ran.stdout.contains("m2  ok=0 changed=0 failed=0 unreachable=1"), "{}", ran.stdout);
    }
    // What the playbook says wins.
    project.run(&play(", #{ unreachable: \"stop\" }"), &["--skip-unreachable"]).fails(4, &["refuses connections"]);
    project.run(&play(", #{ unreachable: \"skp\" }"), &[]).fails(2, &["can't be `skp`", "did you mean `skip`"]);
    project.run("hosts(\"m2\", #{ unreachable: \"skip\" });", &[]).fails(4, &["refuses connections"]);
}

#[test]
fn a_rolling_block_does_not_begin_without_a_host_unless_it_says_so_itself() {
    let project = project();
    let play = |options: &str| {
        format!("let all = hosts(\"m\", #{{ unreachable: \"skip\" }});\nrolling(all, |h| h.run(\"echo turn >>FOLDER/turns\"){options});")
            .replace("FOLDER", &project.path().display().to_string())
    };
    let turns = || std::fs::read_to_string(project.join("turns")).unwrap_or_default().lines().count();
    project.run(&play(""), &[]).fails(4, &["the rolling block does not begin without m2"]);
    assert_eq!(turns(), 0);
    project.run(&play(", #{ unreachable: \"skip\" }"), &[]).fails(4, &["the run is through, but without m2"]);
    assert_eq!(turns(), 2);
}

#[test]
fn failures_are_collected_where_a_playbook_asks_for_them() {
    let project = project();
    let work = "|h| h.run(if h.name == \"m1\" { \"echo no >&2; exit 3\" } else { \"echo yes\" }).stdout.trimmed()";
    let play = |options: &str| format!("let got = hosts(\"m1:m3\").each({work}{options});");
    project.run(&play(""), &[]).fails(3, &["exit status 3"]);
    project
        .run(
            &(play(", #{ on_failure: \"collect\" }")
                + "note(`ok ${got.ok.m3}, failed ${got.failed.keys()} ${got.failed.m1.kind}: ${got.failed.m1.message}`);"),
            &[],
        )
        .says(&["ok yes, failed [\"m1\"] failed: the command failed with exit status 3"]);
    let mistake = "hosts(\"m1:m3\").each(|h| h.run(h.nothing), #{ on_failure: \"collect\" });";
    assert_ne!(project.run(mistake, &[]).code, 0);
}
