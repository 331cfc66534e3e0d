//! What a run leaves behind, and how another attempt goes on with it.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use support::{Project, signal, wait_for};

/// Three steps; each leaves a line in `log` each time it is carried out, and the last waits while a file `hold` is there.
const PLAYBOOK: &str = r#"
    declare(#{ folder: #{ type: "text", help: "the project's folder" }, greeting: #{ type: "text", value: "hello", help: "what to say" } });
    let masters = hosts("masters");
    let log = |what| local_log(what);
    fn local_log(what) { hosts("masters")[0].run(`echo ${what} >>${vars.folder}/log`); }
    let found = step("Look", || { local_log("look"); #{ hosts: masters, names: masters.map(|m| m.name), none: (), half: 0.5 } });
    confirm("Go on?");
    step("Write", || { local_log("write"); found.hosts.each(|m| m.copy(`${vars.folder}/file-${m.name}`, #{ content: "content\n" })); });
    step("Act", || {
        local_log("act");
        found.hosts[1].run(`touch ${vars.folder}/holding; while [ -e ${vars.folder}/hold ]; do sleep 0.1; done`);
        local_log(`end ${found.names.len()} ${found.none == ()} ${found.half}`);
    });
"#;

fn folder(project: &Project) -> String {
    format!("folder={}", project.path().display())
}

fn arguments<'a>(folder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "play.rhai", "-i", "hosts.yaml", "-e", folder], more].concat()
}

fn log(project: &Project) -> String {
    std::fs::read_to_string(project.join("log")).unwrap_or_default().replace('\n', " ")
}

/// Runs a project's playbook and kills it in its last step.
fn kill_in_the_last_step(project: &Project) {
    project.file("hold", "");
    let folder = folder(project);
    let mut child = project.start(&arguments(&folder, &["--yes"]));
    wait_for("the last step", || project.join("holding").exists());
    signal(&child, "KILL");
    child.wait().unwrap();
    std::fs::remove_file(project.join("hold")).unwrap();
}

/// A project whose run was killed in its last step.
fn killed() -> Project {
    let project = Project::local();
    project.file("play.rhai", PLAYBOOK);
    kill_in_the_last_step(&project);
    wait_for("the host's note that the run is dead", || {
        project.join("lock-m1.ended").exists() && project.join("lock-m2.ended").exists()
    });
    project
}

#[test]
fn a_killed_run_goes_on_with_the_step_in_which_it_died() {
    let project = killed();
    project.zkmig(&["runs"]).says(&["killed", "2 of 2", "play.rhai"]);
    project.zkmig(&["runs", "show"]).says(&[
        "✓ Write",
        "… Act",
        "go on:    zkmig resume",
        "whether it was done is not known",
    ]);
    let ran = project.zkmig(&["resume", "-y"]);
    ran.says(&[
        "attempt 2",
        "Look done by an earlier attempt",
        "Write done by an earlier attempt",
        "yes (an earlier attempt",
    ]);
    assert_eq!(log(&project), "look write act act end 2 true 0.5 ");
    assert!(!project.join("lock-m1").exists() && !project.join("lock-m1.ended").exists());
    project.zkmig(&["runs"]).says(&["done"]);
    project.zkmig(&["resume", "-y"]).fails(2, &["there is no run to go on with"]);
    let id = project.records()[0].file_name().unwrap().to_string_lossy().into_owned();
    project.zkmig(&["resume", &id]).fails(2, &["came to its end"]);
}

#[test]
fn the_lock_of_a_killed_run_is_dead_and_only_an_operator_removes_it() {
    let project = killed();
    let folder = folder(&project);
    let refused = project.zkmig(&arguments(&folder, &["--yes"]));
    refused.fails(
        6,
        &["another run holds the lock", "dead: the connection of its run ended", "zkmig unlock", "zkmig resume"],
    );
    project.zkmig(&["unlock", "-i", "hosts.yaml"]).fails(5, &["nobody is there to say"]);
    project.zkmig(&["unlock", "-i", "hosts.yaml", "--list"]).says(&["m1", "m2", "dead"]);
    project.zkmig(&["unlock", "-i", "hosts.yaml", "--yes"]).says(&["m1: unlocked", "m2: unlocked"]);
    project.zkmig(&["unlock", "-i", "hosts.yaml"]).says(&["no host is locked"]);
    assert_eq!(project.zkmig(&arguments(&folder, &["--yes"])).code, 0);
}

#[test]
fn two_runs_at_once_are_one_run_and_one_that_says_whose_the_other_is() {
    let project = Project::local();
    project.file("play.rhai", PLAYBOOK).file("hold", "");
    let folder = folder(&project);
    let mut first = project.start(&arguments(&folder, &["--yes"]));
    wait_for("the last step", || log(&project).ends_with("act "));
    let second = project.zkmig(&arguments(&folder, &["--yes"]));
    second.fails(
        6,
        &["another run holds the lock", "who ", "since", "run ", "play.rhai", "alive: renewed", "wait for its end"],
    );
    project
        .zkmig(&["unlock", "-i", "hosts.yaml", "--yes"])
        .fails(6, &["is that of a run that lives; no lock was removed"]);
    // What only looks is not kept out, and keeps nobody out.
    assert_eq!(project.zkmig(&arguments(&folder, &["--check"])).code, 0);
    assert_eq!(project.zkmig(&["exec", "masters", "-i", "hosts.yaml", "--read-only", "--", "true"]).code, 0);
    project.zkmig(&["exec", "masters", "-i", "hosts.yaml", "--", "true"]).fails(6, &["another run holds the lock"]);
    project.zkmig(&["resume", "-y"]).fails(2, &["there is no run to go on with"]);
    std::fs::remove_file(project.join("hold")).unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(0));
    assert_eq!(log(&project), "look write act end 2 true 0.5 ");
}

#[test]
fn a_run_whose_lock_was_taken_from_it_stops_at_the_next_safe_place() {
    let project = Project::local();
    let playbook = r#"
        let masters = hosts("masters");
        step("Roll", || rolling(masters, |m| { m.run(`touch ${vars.folder}/turn-${m.name}; while [ -e ${vars.folder}/hold ]; do sleep 0.1; done`); }));
    "#;
    project.file("play.rhai", playbook).file("hold", "");
    let folder = folder(&project);
    let mut child = project.start(&arguments(&folder, &["--events", "events"]));
    wait_for("the first turn", || project.join("turn-m1").exists());
    project.zkmig(&["unlock", "-i", "hosts.yaml", "--yes", "--force"]).says(&["unlocked"]);
    let warned =
        || std::fs::read_to_string(project.join("events")).unwrap_or_default().contains("is no longer this run's");
    wait_for("the run's notice", warned);
    std::fs::remove_file(project.join("hold")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6));
    assert!(!project.join("turn-m2").exists());
    let events = std::fs::read_to_string(project.join("events")).unwrap();
    assert!(!events.contains("by the operator"), "nobody has interrupted it: {events}");
}

/// The lock of another run, alive.
const OTHERS: &str = "run=20260101-000000-0000\ntoken=t\nwho=bob\nfrom=elsewhere\nsince=now\nplaybook=other.rhai\n";

#[test]
fn nothing_but_a_read_reaches_a_host_that_another_run_has_locked_however_it_is_written() {
    for changes in [
        "hosts(\"m1\")[0].run(make)",
        "run(hosts(\"m1\")[0], make)",
        "let f = Fn(\"run\"); f.call(hosts(\"m1\")[0], make)",
        "let f = Fn(\"r\" + \"un\"); f.call(hosts(\"m1\")[0], make)",
        "try { hosts(\"m1\") } catch { } hosts(\"m1\")[0].run(make)",
        "try { hosts(\"m1\")[0].run(make) } catch { } hosts(\"m1\")[0].run(make)",
        "hosts(\"m1\").each(|m| run(m, make))",
        "each(hosts(\"m1\"), |m| m.run(make))",
        "rolling(hosts(\"m1\"), |m| run(m, make))",
        "let m = hosts(\"m1\")[0]; retry(|| run(m, make), #{ times: 2, delay: 0 })",
        "let m = hosts(\"m1\")[0]; wait_until(\"it\", || run(m, make).status == 0, #{ timeout: 1 })",
        "run(hosts(\"m1\")[0], make, #{ read_only: false, changed: false })",
        "copy(hosts(\"m1\")[0], made, #{ content: \"x\" })",
        "let m = hosts(\"m1\")[0]; m.file(`${vars.folder}/lock-m1`, #{ state: \"absent\" })",
    ] {
        let project = Project::local();
        project.file("lock-m1", OTHERS);
        let playbook = format!("let made = `${{vars.folder}}/made`; let make = `touch ${{made}}`;\n{changes};");
        project.file("play.rhai", &playbook);
        let folder = folder(&project);
        let ran = project.zkmig(&arguments(&folder, &[]));
        ran.fails(6, &["another run holds the lock", "bob from elsewhere"]);
        assert!(!project.join("made").exists(), "{changes}");
        assert_eq!(std::fs::read_to_string(project.join("lock-m1")).unwrap(), OTHERS, "{changes}");
    }
}

#[test]
fn the_lock_is_held_while_something_is_changed_and_given_back_however_it_is_written() {
    for changes in ["run(hosts(\"m1\")[0], make)", "let f = Fn(\"r\" + \"un\"); f.call(hosts(\"m1\")[0], make)"] {
        let project = Project::local();
        let make = "let make = `test -e ${vars.folder}/lock-m1 && touch ${vars.folder}/made`;";
        project.file("play.rhai", &format!("{make}\n{changes};"));
        let folder = folder(&project);
        assert_eq!(project.zkmig(&arguments(&folder, &[])).code, 0);
        assert!(project.join("made").exists() && !project.join("lock-m1").exists(), "{changes}");
    }
}

#[test]
fn what_only_looks_takes_no_lock_and_is_kept_out_by_none() {
    let project = Project::local();
    project.file("lock-m1", OTHERS);
    project.file("play.rhai", "note(run(hosts(\"m1\")[0], \"echo seen\", #{ read_only: true }).stdout);");
    let folder = folder(&project);
    project.zkmig(&arguments(&folder, &[])).says(&["seen"]);
}

#[test]
fn what_is_found_to_be_wrong_after_a_change_is_a_failed_run_that_can_be_gone_on_with() {
    for wrong in [
        "hosts(odd)",
        "m.copy(odd, #{ content: \"x\" })",
        "m.run(\"true\", #{ accept: odd })",
        "m.run(\"true\", #{ cwd: 5 })",
        "m.template(odd + \".j2\", `${vars.folder}/x`, #{})",
        "render(odd, #{})",
        "m.service(\"no unit/\" + odd).restart()",
        "\"text\".matches(\"(\" + odd)",
        "secret(#{ env: odd })",
        "seconds(odd)",
        "rolling([], 5 + odd)",
        "let map = #{}; map[odd].x",
    ] {
        let project = Project::local();
        let folder = folder(&project);
        let playbook = |first: &str| {
            format!(
                "let odd = \"no\" + \"thing\"; let m = hosts(\"m1\")[0];\n{first}\nstep(\"Wrong\", || {{ {wrong} }});"
            )
        };
        project.file("play.rhai", &playbook("step(\"Change\", || { m.run(`touch ${vars.folder}/made`); 1 });"));
        let ran = project.zkmig(&arguments(&folder, &[]));
        assert_eq!(ran.code, 3, "{wrong}\n{}\n{}", ran.stdout, ran.stderr);
        ran.fails(3, &["changed so far:", "run touch", "go on: zkmig resume", "zkmig runs show"]);
        project.zkmig(&["resume", "-y"]).fails(3, &["changed so far:", "go on: zkmig resume"]);
        // Without the change nothing was, and that is said by the exit code, or it stopped for what the hosts say.
        project.file("play.rhai", &playbook(""));
        let ran = project.zkmig(&arguments(&folder, &[]));
        assert!(!ran.stderr.contains("changed so far:"), "{wrong}\n{}", ran.stderr);
    }
}

#[test]
fn a_further_attempt_that_begins_nothing_takes_nothing_of_the_run() {
    let project = killed();
    std::fs::remove_file(project.join("lock-m1")).unwrap();
    project.file("lock-m1", OTHERS);
    // The lock is another's: exit code 6, and the run can be gone on with all the same once it is not.
    project.zkmig(&["resume", "-y"]).fails(6, &["another run holds the lock"]);
    std::fs::remove_file(project.join("lock-m1")).unwrap();
    project.zkmig(&["resume", "-y"]).says(&["Write done by an earlier attempt"]);
}

#[test]
fn what_is_tried_again_is_no_failure_of_a_run_that_succeeds() {
    let project = Project::local();
    let playbook = r#"
        let m = hosts("m1")[0];
        step("Wait", || {
            wait_until("the fifth look", || m.run(`echo >>${vars.folder}/looks; [ $(wc -l <${vars.folder}/looks) -ge 5 ]`).status == 0, #{ interval: "10ms" });
            retry(|| m.run(`echo >>${vars.folder}/tries; [ $(wc -l <${vars.folder}/tries) -ge 3 ]`), #{ times: 5, delay: "10ms" });
        });
    "#;
    project.file("play.rhai", playbook);
    let folder = folder(&project);
    let ran = project.zkmig(&arguments(&folder, &[]));
    ran.says(&["changed=2 failed=0"]);
    assert!(!ran.stdout.contains("  failed "), "{}", ran.stdout);
    std::fs::remove_file(project.join("looks")).unwrap();
    let ran = project.zkmig(&arguments(&folder, &["-v"]));
    assert_eq!(ran.stdout.matches("  failed ").count(), 4, "{}", ran.stdout);
    // What fails in the end is one failure.
    let playbook = "let m = hosts(\"m1\")[0]; wait_until(\"it\", || m.run(\"false\").status == 0, #{ timeout: \"50ms\", interval: \"10ms\" });";
    project.file("play.rhai", playbook);
    let ran = project.zkmig(&arguments(&folder, &[]));
    assert_eq!(ran.code, 3);
    assert!(ran.stdout.contains("changed=0 failed=1 "), "{}", ran.stdout);
    project.file("play.rhai", "let m = hosts(\"m1\")[0]; retry(|| m.run(\"false\"), #{ times: 3, delay: 0 });");
    let ran = project.zkmig(&arguments(&folder, &[]));
    assert!(ran.code == 3 && ran.stdout.contains("changed=0 failed=1 "), "{}", ran.stdout);
}

#[test]
fn what_has_changed_meanwhile_is_named_and_refused_unless_it_is_accepted() {
    let project = killed();
    project.file("play.rhai", &PLAYBOOK.replace("local_log(\"act\")", "local_log(\"acted\")"));
    let ran = project.zkmig(&["resume", "-y"]);
    ran.fails(2, &["made from something else", "playbook play.rhai: its content has changed", "--accept-changes"]);
    project.zkmig(&["resume", "-y", "-e", "greeting=servus"]).fails(2, &["-e: ", "greeting=servus now"]);
    assert_eq!(project.zkmig(&["resume", "--yes", "--accept-changes"]).code, 0);
    assert_eq!(log(&project), "look write act acted end 2 true 0.5 ");
}

#[test]
fn a_step_whose_outcome_is_gone_is_carried_out_again_with_those_after_it() {
    let project = killed();
    std::fs::write(project.join("file-m2"), "somebody else's\n").unwrap();
    let ran = project.zkmig(&["resume", "-y"]);
    ran.says(&[
        "file-m2 has another content now: step \"Write\" and those after it are carried out again",
        "Look done by an earlier",
    ]);
    assert_eq!(log(&project), "look write act write act end 2 true 0.5 ");
    assert_eq!(std::fs::read_to_string(project.join("file-m2")).unwrap(), "content\n");
}

#[test]
fn from_step_carries_out_again_what_is_over() {
    let project = killed();
    project
        .zkmig(&["resume", "-y", "--from-step", "Wirte"])
        .fails(2, &["has no step \"Wirte\"", "did you mean `Write`?"]);
    project.zkmig(&["resume", "-y", "--from-step", "Write"]).says(&["Look done by an earlier"]);
    assert_eq!(log(&project), "look write act write act end 2 true 0.5 ");
    let folder = folder(&project);
    let ran = project.zkmig(&arguments(&folder, &["--yes", "--from-step", "Write"]));
    // It had changed something by then.
    ran.fails(3, &["what step \"Look\" gives is needed here", "resume RUN --from-step", "changed so far"]);
}

#[test]
fn a_record_is_private_and_has_no_secret_in_it() {
    let project = Project::local();
    let inventory = std::fs::read_to_string(project.join("hosts.yaml")).unwrap();
    project.file("hosts.yaml", &format!("{inventory}    ansible_become_password: hunter2-inventory\n"));
    let playbook = r#"
        let token = secret(#{ env: "TOKEN_OF_TEST" });
        let m = hosts("masters")[0];
        let seen = step("Use it", || { m.run(`echo ${token}`); m.copy(`${vars.folder}/secret`, #{ content: token }); m.backup(`${vars.folder}/secret`, `${vars.folder}/secret.orig`); token });
        if !check_mode() { fail(`stopped with ${token}`); }
    "#;
    project.file("play.rhai", playbook);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_zkmig"));
    let output = command
        .args(arguments(&folder(&project), &["-e", "ansible_become_pass=hunter2-extra", "--diff", "-vv"]))
        .current_dir(project.path())
        .env("TOKEN_OF_TEST", "hunter2-token")
        .env("XDG_STATE_HOME", project.join("state"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5));
    let printed = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&printed).contains("hunter2"));
    let mut files = 0;
    let mut open = vec![project.join("state/zkmig")];
    while let Some(path) = open.pop() {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            open.extend(std::fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
        } else {
            assert_eq!(mode, 0o600, "{}", path.display());
            let text = std::fs::read(&path).unwrap();
            assert!(!String::from_utf8_lossy(&text).contains("hunter2"), "{} holds a secret", path.display());
            files += 1;
        }
    }
    assert!(files >= 5);
    project.zkmig(&["resume", "-y"]).fails(2, &["keeps no secrets: ansible_become_pass is missing"]);
}

#[test]
fn a_record_that_can_not_be_begun_stops_the_run_before_any_host_is_touched() {
    let project = Project::local();
    project.file("play.rhai", PLAYBOOK).file("state", "a file where a folder has to be");
    let folder = folder(&project);
    project.zkmig(&arguments(&folder, &["--yes"])).fails(2, &["records", "XDG_STATE_HOME"]);
    assert_eq!(log(&project), "");
    // Where nothing can change, nothing can be lost.
    project.zkmig(&arguments(&folder, &["--check"])).says(&["warning:", "records"]);
}

/// A small file system over a folder, as root; it goes with the value.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    fn over(folder: &'a Path, size: &str) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "zkmig-test"]).arg(folder);
        assert!(mount.status().unwrap().success(), "a small file system needs root");
        Self(folder)
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_stops_the_run_before_its_first_change_and_later_is_only_told() {
    let project = Project::local();
    project.file("play.rhai", PLAYBOOK);
    let state = project.join("state");
    let folder = folder(&project);
    {
        let _small = Small::over(&state, "64k");
        project.zkmig(&arguments(&folder, &["--yes"])).fails(2, &["record can't be written", "No space left"]);
        assert_eq!(log(&project), "");
    }
    let _small = Small::over(&state, "1m");
    let fill = r#"
        let m = hosts("masters")[0];
        step("Fill", || { m.run(`dd if=/dev/zero of=${vars.folder}/state/fill 2>/dev/null; true`); });
        step("Go on", || { for n in 0..400 { m.run(`: ${n}`, #{ read_only: true }); } });
        step("Fill again", || { m.run(`dd if=/dev/zero of=${vars.folder}/state/more 2>/dev/null; true`); });
        step("End", || { for n in 0..10 { m.run(`echo ${n} >>${vars.folder}/log`); } });
    "#;
    project.file("play.rhai", fill);
    project.zkmig(&arguments(&folder, &[])).says(&["gets no more events: No space left", "done in"]);
    assert_eq!(log(&project), "0 1 2 3 4 5 6 7 8 9 ");
    // The room that was kept has held the story up to the second time.
    let record = project.records().pop().unwrap();
    assert!(std::fs::read_to_string(record.join("events.ndjson")).unwrap().contains("Fill again"));
}

#[test]
fn a_stop_says_what_was_changed_and_how_to_go_on_and_back() {
    let project = Project::local();
    let playbook = r#"
        let masters = hosts("masters");
        undo_with("undo.rhai", #{ deep: "a b" });
        step("Roll", || rolling(masters, |m| {
            m.copy(`${vars.folder}/file-${m.name}`, #{ content: "x" });
            if m.name == "m2" { m.run("echo seen last; exit 9"); }
        }, #{ on_stop: |m| [`asked about ${m.name}`, "the quorum is up"] }));
    "#;
    project.file("play.rhai", playbook).file("undo.rhai", "");
    let folder = folder(&project);
    let ran = project.zkmig(&arguments(&folder, &[]));
    let id = project.records()[0].file_name().unwrap().to_string_lossy().into_owned();
    let undo = format!("zkmig run undo.rhai -i hosts.yaml -e {folder} -e '{{\"deep\":\"a b\"}}'");
    ran.fails(
        3,
        &[
            "seen last",
            "the rolling block stopped at m2 (2 of 2); done before: m1; not touched: none",
            "asked about m2",
            "the quorum is up",
            "changed so far:\n    m1",
            "copy ",
            "file-m2",
            "exit 9: it failed",
            &format!("go on: zkmig resume {id}"),
            &format!("go back: {undo}"),
            &format!("zkmig runs show {id}"),
        ],
    );
    project.zkmig(&["runs", "show", &id]).says(&[&format!("go back:  {undo}\n")]);
    // A variable that the other playbook does not have would make it refuse the command.
    project.file("undo.rhai", r#"declare(#{ deep: #{ type: "text", value: "", help: "" } });"#);
    project.file("vars.yaml", "shallow: 1\ndeep: c\n");
    let given = arguments(&folder, &["-e", "shallow=1", "-e", "{shallow: 1, deep: d}", "-e", "@vars.yaml"]);
    project.zkmig(&given).fails(
        3,
        &["go back: zkmig run undo.rhai -i hosts.yaml -e '{\"deep\":\"d\"}' -e '{\"deep\":\"c\"}' -e '{\"deep\":\"a b\"}'\n"],
    );
    project.file("play.rhai", "hosts(\"masters\"); fail(\"no\");");
    project
        .zkmig(&["run", "play.rhai", "-i", "hosts.yaml"])
        .fails(5, &["no host was changed", "nothing has to be undone"]);
    project.file("play.rhai", "undo_with(\"missing.rhai\");");
    project.zkmig(&["run", "play.rhai", "-i", "hosts.yaml"]).fails(2, &["there is no file missing.rhai"]);
}

#[test]
fn resume_without_a_run_names_the_one_that_it_would_take_and_asks() {
    let project = killed();
    let id = project.records()[0].file_name().unwrap().to_string_lossy().into_owned();
    let ran = project.zkmig(&["resume"]);
    ran.fails(5, &["nobody is there to say", &id, "play.rhai", "killed", "zkmig resume"]);
    assert_eq!(log(&project), "look write act ");
    let ran = project.zkmig(&["resume", "-y"]);
    ran.says(&["attempt 2"]);
    assert!(ran.stderr.contains(&format!("going on with run {id} of play.rhai")), "{}", ran.stderr);
}

#[test]
fn resume_takes_by_itself_no_run_whose_hosts_a_newer_one_has_changed() {
    let project = killed();
    let id = project.records()[0].file_name().unwrap().to_string_lossy().into_owned();
    project.zkmig(&["unlock", "-i", "hosts.yaml", "--yes"]).says(&["m1: unlocked"]);
    // Ids count seconds, so that the next run has to begin in another one.
    let second = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let this = second();
    wait_for("the next second", || second() > this);
    project.file("other.rhai", "hosts(\"m2\")[0].copy(`${vars.folder}/other`, #{ content: \"x\" });");
    let folder = folder(&project);
    project.zkmig(&["run", "other.rhai", "-i", "hosts.yaml", "-e", &folder]).says(&["changed=1"]);
    let ran = project.zkmig(&["resume", "-y"]);
    ran.fails(2, &["a newer run has changed the hosts", "play.rhai", "other.rhai", &format!("zkmig resume {id}")]);
    project.zkmig(&["resume", &id]).says(&["Write done by an earlier attempt"]);
}

#[test]
fn a_password_that_is_a_word_of_every_path_breaks_neither_the_record_nor_its_resumption() {
    let project = killed();
    let word = project.path().file_name().unwrap().to_string_lossy().into_owned();
    let inventory = std::fs::read_to_string(project.join("hosts.yaml")).unwrap();
    // The same run once more, with such a password.
    project.zkmig(&["unlock", "-i", "hosts.yaml", "--yes"]);
    std::fs::remove_dir_all(project.join("state")).unwrap();
    for file in ["log", "holding"] {
        std::fs::remove_file(project.join(file)).unwrap();
    }
    project.file("hosts.yaml", &format!("{inventory}    ansible_become_password: {word}\n"));
    kill_in_the_last_step(&project);
    let run = std::fs::read_to_string(project.records()[0].join("run.json")).unwrap();
    assert!(run.contains(&format!("{}", project.path().display())) && !run.contains("redacted"), "{run}");
    project.zkmig(&["runs", "show"]).says(&["/[redacted]/"]);
    project.zkmig(&["resume", "-y"]).says(&["Write done by an earlier attempt"]);
    assert_eq!(log(&project), "look write act act end 2 true 0.5 ");
}

#[test]
fn every_change_and_every_deletion_is_looked_at_before_its_step_is_taken_for_done() {
    for (undo, found) in [
        ("rm -r dir", "dir is gone"),
        ("chmod 0755 dir", "dir has another mode or owner now"),
        ("ln -sfn elsewhere link", "link is another link now"),
        ("touch gone", "gone is there again"),
        ("echo more >>lines", "lines has another content now"),
        ("chmod 0600 lines", "lines has another mode or owner now"),
        ("true", ""),
    ] {
        let project = Project::local();
        let playbook = r#"
            let m = hosts("m1")[0];
            step("Make", || {
                let at = vars.folder;
                m.file(`${at}/dir`, #{ state: "directory", mode: "0700" });
                m.file(`${at}/link`, #{ state: "link", target: `${at}/dir` });
                m.file(`${at}/gone`, #{ state: "absent" });
                m.line(`${at}/lines`, "a line", #{ create: true });
                m.file(`${at}/lines`, #{ mode: "0640" });
                1
            });
            step("Fail", || m.run(`test -e ${vars.folder}/good`));
        "#;
        project.file("play.rhai", playbook).file("gone", "");
        let folder = folder(&project);
        project.zkmig(&arguments(&folder, &[])).fails(3, &["changed so far"]);
        if !found.is_empty() {
            let undone = std::process::Command::new("sh").args(["-c", undo]).current_dir(project.path()).status();
            assert!(undone.unwrap().success());
        }
        project.file("good", "");
        let ran = project.zkmig(&["resume", "-y"]);
        ran.says(&[if found.is_empty() { "Make done by an earlier attempt" } else { found }]);
        assert_eq!(ran.stdout.contains("carried out again"), !found.is_empty(), "{}", ran.stdout);
    }
}

#[test]
fn old_records_are_removed_and_what_can_be_gone_on_with_stays() {
    let project = killed();
    let folder = folder(&project);
    project.zkmig(&["unlock", "-i", "hosts.yaml", "--yes"]);
    for _ in 0..3 {
        project.file("look.rhai", "hosts(\"m1\");");
        assert_eq!(project.zkmig(&["run", "look.rhai", "-i", "hosts.yaml", "-e", &folder]).code, 0);
    }
    assert_eq!(project.records().len(), 4);
    project.zkmig(&["runs", "prune"]).fails(2, &["--keep"]);
    project.zkmig(&["runs", "prune", "--older-than", "old"]).fails(2, &["is not a time span"]);
    project.zkmig(&["runs", "prune", "--older-than", "90d"]).says(&["0 runs removed"]);
    project.zkmig(&["runs", "prune", "--keep", "1", "--check"]).says(&["2 runs would be removed"]);
    project.zkmig(&["runs", "prune", "--keep", "1"]).says(&["2 runs removed", "stays: it has changed something"]);
    assert_eq!(project.records().len(), 2);
    project.zkmig(&["resume", "-y"]).says(&["Write done by an earlier attempt"]);
    project.zkmig(&["runs", "prune", "--keep", "0"]).says(&["2 runs removed"]);
}
