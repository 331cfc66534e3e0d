//! Playbooks as users write them, on this machine as two hosts.

mod support;

use support::Project;

#[test]
fn each_gives_results_by_host_and_captured_values_are_copies() {
    Project::local()
        .run(
            r#"
            let count = 5;
            let names = hosts("masters").each(|m| { count += 1; `${m.name} ${count}` });
            note(`${names["m1"]}, ${names["m2"]}, ${count}`);
            "#,
            &[],
        )
        .says(&["m1 6, m2 6, 5"]);
}

#[test]
fn a_rolling_block_stops_at_the_first_failure_and_leaves_the_rest_alone() {
    let project = Project::new(
        "masters:\n  hosts:\n    m1: { zkmig_lock_file: FOLDER/lock-m1 }\n    m2: { zkmig_lock_file: FOLDER/lock-m2 }\n    m3: { zkmig_lock_file: FOLDER/lock-m3 }\n  vars:\n    ansible_connection: local\n",
    );
    let trace = project.join("trace");
    let playbook = format!(
        r#"
        step("Restart", || rolling(hosts("masters"), |m| {{
            m.run(`echo ${{m.name}} >> {}`);
            if m.name == "m2" {{ m.run("echo broken >&2; exit 7"); }}
        }}));
        "#,
        trace.display()
    );
    project
        .run(&playbook, &[])
        .fails(3, &["m2", "7", "broken", "step \"Restart\"", "done before: m1; not touched: m3", "play.rhai:4"]);
    assert_eq!(std::fs::read_to_string(trace).ok().as_deref(), Some("m1\nm2\n"));
}

#[test]
fn a_closed_gate_ends_the_run_with_exit_code_5() {
    Project::local()
        .run(r#"rolling(hosts("masters"), |m| m.run("true"), #{ after: |m| "the quorum is gone" });"#, &[])
        .fails(5, &["the gate after m1's turn is closed: the quorum is gone", "not touched: m2"]);
}

#[test]
fn the_order_of_a_rolling_block_is_decided_anew_before_each_turn() {
    Project::local()
        .run(
            r#"
            rolling(hosts("masters"), |m| note(`turn of ${m.name}`), #{ order: |remaining| remaining[remaining.len() - 1] });
            "#,
            &[],
        )
        .says(&["turn of m2\n", "turn of m1\n"]);
}

#[test]
fn check_mode_runs_reads_predicts_changes_and_runs_no_action() {
    let project = Project::local();
    let file = project.join("motd");
    std::fs::write(&file, "old\n").expect("a file can be written");
    let playbook = format!(
        r#"
        let m = hosts("masters")[0];
        m.copy("{path}", #{{ content: "new\n" }});
        note(`then ${{m.read("{path}").trimmed()}}`);
        m.run("echo action >> {path}");
        "#,
        path = file.display()
    );
    project.run(&playbook, &["--check", "--diff"]).says(&[
        "would change",
        "-old",
        "+new",
        "then new",
        "would run",
        "would-change=",
    ]);
    assert_eq!(std::fs::read_to_string(&file).ok().as_deref(), Some("old\n"));
    project.run(&playbook, &[]).says(&["changed", "then new"]);
    assert_eq!(std::fs::read_to_string(&file).ok().as_deref(), Some("new\naction\n"));
}

#[test]
fn check_mode_refuses_to_decide_by_what_it_does_not_know() {
    Project::local()
        .run(
            "let m = hosts(\"masters\")[0];\nlet r = m.run(\"echo 4\");\nif r.stdout == \"4\" { note(\"four\"); }\n",
            &["--check"],
        )
        .fails(5, &["check mode does not know", "echo 4", "play.rhai:3", "read_only: true"]);
}

#[test]
fn a_second_run_of_a_change_changes_nothing() {
    let project = Project::local();
    let playbook = format!("hosts(\"m1\")[0].copy(\"{}\", #{{ content: \"x\\n\" }});", project.join("f").display());
    project.run(&playbook, &[]).says(&["changed=1"]);
    project.run(&playbook, &[]).says(&["changed=0"]);
}

#[test]
fn a_failure_can_be_caught_and_read() {
    Project::local()
        .run(
            r#"
            let m = hosts("masters")[0];
            try { m.run("echo out; echo err >&2; exit 3"); }
            catch (e) { note(`${e.kind} on ${e.host}: ${e.message}`); }
            "#,
            &[],
        )
        .says(&["failed on m1: "]);
}

#[test]
fn wait_until_shows_what_was_missing() {
    Project::local()
        .run("wait_until(\"the moon is full\", || \"half a moon\", #{ timeout: \"300ms\", interval: \"50ms\" });", &[])
        .fails(3, &["until the moon is full", "seen last: half a moon"]);
}

#[test]
fn retry_gives_up_after_the_last_try() {
    let project = Project::local();
    let trace = project.join("trace");
    let playbook = format!(
        "let m = hosts(\"m1\")[0];\nretry(|| m.run(\"echo try >> {}; exit 1\"), #{{ times: 3, delay: \"10ms\" }});",
        trace.display()
    );
    project.run(&playbook, &[]).fails(3, &["m1"]);
    assert_eq!(std::fs::read_to_string(trace).map(|text| text.lines().count()).ok(), Some(3));
}

#[test]
fn what_the_playbook_throws_is_tried_again() {
    let project = Project::local();
    for stop in ["throw \"not yet\"", "fail(\"not yet\")"] {
        let trace = project.join("trace");
        let look = format!("m.run(\"echo try >>{0}; wc -l <{0}\").stdout.trimmed() != \"3\"", trace.display());
        let playbook =
            format!("let m = hosts(\"m1\")[0];\nretry(|| if {look} {{ {stop} }}, #{{ times: 5, delay: \"10ms\" }});");
        project.run(&playbook, &[]).says(&[]);
        assert_eq!(std::fs::read_to_string(&trace).map(|text| text.lines().count()).ok(), Some(3), "{stop}");
        let _ = std::fs::remove_file(trace);
    }
}

#[test]
fn a_question_without_a_terminal_stops_the_run_and_yes_answers_it() {
    let project = Project::local();
    project.run("confirm(\"Restart all?\");", &[]).fails(5, &["Restart all?", "--yes"]);
    project.run("confirm(\"Restart all?\"); note(\"went on\");", &["--yes"]).says(&["went on"]);
}

#[test]
fn a_secret_is_in_no_output_and_no_event() {
    let project = Project::local();
    let ran = project.run(
        r#"
        let token = secret(#{ value: "hunter2-token" });
        let m = hosts("m1")[0];
        note(`the token is ${token}`);
        m.run("cat >/dev/null; echo $ANSWER", #{ stdin: token });
        fail(`no ${token}`);
        "#,
        &["--events", "events.ndjson", "-vv"],
    );
    ran.fails(5, &["[redacted]"]);
    let events = std::fs::read_to_string(project.join("events.ndjson")).unwrap_or_default();
    for (what, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr), ("events", &events)] {
        assert!(!text.contains("hunter2"), "{what}: {text}");
    }
    assert!(events.contains("run_finished"));
}

#[test]
fn the_events_are_one_json_object_a_line_with_a_version() {
    let project = Project::local();
    let ran = project.run("step(\"One\", || hosts(\"m1\")[0].run(\"true\"));", &["--events", "-"]);
    ran.says(&[]);
    let mut last = 0;
    for line in ran.stdout.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("every line is JSON");
        assert_eq!(event["v"], 1);
        let seq = event["seq"].as_u64().expect("every event has its number");
        assert_eq!(seq, last + 1);
        last = seq;
    }
    assert!(last > 4, "{}", ran.stdout);
}

#[test]
fn what_a_playbook_emits_is_in_the_stream_without_secrets_and_not_on_the_terminal() {
    let project = Project::local();
    let ran = project.run(
        r##"
        let token = secret(#{ value: "hunter2-token" });
        let m = hosts("m1")[0];
        let data = #{ count: 2, half: 0.5, none: (), list: [true, "x", m] };
        data[token] = `the token ${token}`;
        step("One", || m.emit("plan", data));
        emit("plan", #{});
        "##,
        &["--events", "events.ndjson", "-vv"],
    );
    ran.says(&["[1/1] One"]);
    assert!(!ran.stdout.contains("plan"), "{}", ran.stdout);
    let events = std::fs::read_to_string(project.join("events.ndjson")).unwrap_or_default();
    let events = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let told: Vec<serde_json::Value> = events.filter(|event| event["event"] == "data").collect();
    let [one, other] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&one["name"], &one["host"], &one["step"]), (&"plan".into(), &"m1".into(), &"One".into()));
    assert_eq!((&other["data"], &other["host"]), (&serde_json::json!({}), &serde_json::Value::Null));
    let data = serde_json::json!({
        "count": 2, "half": 0.5, "none": null, "list": [true, "x", "m1"], "[redacted]": "the token [redacted]"
    });
    assert_eq!(one["data"], data);
}

#[test]
fn what_json_can_not_hold_is_not_emitted() {
    let fails = |data: &str, texts: &[&str]| {
        Project::local().run(&format!("emit(\"plan\", #{{ a: [{data}] }});"), &[]).fails(2, texts);
    };
    fails("|| 1", &["`a` of the data `plan`", "can't be used here"]);
    fails("1.0 / 0.0", &["`a` of the data `plan`", "inf can't be used here", "has to be finite"]);
    let unknown = "let ran = hosts(\"m1\")[0].run(\"true\"); emit(\"plan\", #{ a: ran.stdout });";
    Project::local().run(unknown, &["--check"]).fails(5, &["check mode does not know the result of run `true`"]);
    let taken = "emit(\"availability\", #{});";
    Project::local().run(taken, &[]).fails(2, &["`availability` is the name of what probe tells"]);
    Project::local().run("emit(\"plan\", 1);", &[]).fails(2, &["emit"]);
}

#[test]
fn an_error_in_a_library_shows_its_line_and_who_called_it() {
    Project::local()
        .file("lib/tools.rhai", "fn broken(m) {\n    m.run(\"exit 9\")\n}\n")
        .run("import \"lib/tools\" as tools;\nlet masters = hosts(\"m1\");\nstep(\"Work\", || masters.each(|m| tools::broken(m)));\n", &[])
        .fails(3, &["lib/tools.rhai:2", "play.rhai:3", "m1", "in step \"Work\""]);
}

#[test]
fn list_steps_and_help_vars_need_no_inventory() {
    let project = Project::local();
    project.file("play.rhai", "declare(#{ tries: #{ type: \"int\", value: 3, help: \"how often\" } });\nstep(\"One\", || 1);\nstep(\"Two\", || 2);\n");
    project.zkmig(&["run", "play.rhai", "--list-steps"]).says(&["1  One\n", "2  Two\n"]);
    project.zkmig(&["run", "play.rhai", "--help-vars"]).says(&["tries (int, default 3)", "how often"]);
}

#[test]
fn variables_come_from_the_playbook_the_inventory_and_the_command_line() {
    let project = Project::new(
        "all:\n  vars:\n    b: inventory\n    c: inventory\nmasters:\n  hosts:\n    m1: { zkmig_lock_file: FOLDER/lock-m1 }\n  vars:\n    ansible_connection: local\n",
    );
    let playbook = r#"
        declare(#{
            a: #{ type: "text", value: "playbook", help: "a" },
            b: #{ type: "text", value: "playbook", help: "b" },
            c: #{ type: "text", value: "playbook", help: "c" },
        });
        note(`${vars.a} ${vars.b} ${vars.c}`);
    "#;
    project.run(playbook, &["-e", "c=command"]).says(&["playbook inventory command"]);
}

/// The files with this ending in a folder of the project and below it.
fn files_below(folder: &str, ending: &str) -> Vec<std::path::PathBuf> {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_bundled_playbook_is_fine_and_says_its_steps_and_variables() {
    let project = Project::unreachable();
    let inventory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories/prod.yaml");
    let inventory = inventory.to_str().expect("the path is UTF-8");
    let mut count = 0;
    for playbook in
        files_below("playbooks", "rhai").iter().filter(|path| !path.components().any(|part| part.as_os_str() == "lib"))
    {
        let playbook = playbook.to_str().expect("the path is UTF-8");
        project.zkmig(&["lint", playbook, "-i", inventory]).says(&["is fine"]);
        project.zkmig(&["run", playbook, "--list-steps"]).says(&["Preflight"]);
        project.zkmig(&["run", playbook, "--help-vars"]).says(&["masters"]);
        count += 1;
    }
    assert!(count >= 2, "{count} playbooks");
}

#[test]
fn every_file_of_the_library_is_fine_for_whoever_imports_it_alone() {
    let project = Project::unreachable();
    let library = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("library");
    let files = files_below("library", "rhai");
    assert!(files.len() > 20, "{} files", files.len());
    for file in files {
        let name = file.strip_prefix(&library).expect("it is below the library").with_extension("");
        let name = name.to_str().expect("the path is UTF-8");
        project.file("play.rhai", &format!("import \"zkmig:{name}\" as one;\n"));
        project.zkmig(&["lint", "play.rhai", "-i", "hosts.yaml"]).says(&["is fine"]);
    }
}
