//! Libraries: what ships in the binary, folders that several playbooks share, and what confines them.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use support::Project;

#[test]
fn a_module_of_the_binary_is_imported_by_its_name() {
    Project::local()
        .run("import \"zkmig:dcos/config_yaml\" as config_yaml;\nnote(config_yaml::example(()));\n", &[])
        .says(&["+exhibitor_storage_backend: static"]);
}

#[test]
fn a_module_that_the_binary_does_not_have_is_found_before_any_host_is_touched() {
    let ran = Project::unreachable().run("import \"zkmig:dcos/config_yml\" as config_yaml;\n", &[]);
    assert_eq!(
        ran.fails(2, &[]).stderr,
        "error: zkmig's library has no `dcos/config_yml`\n \
         --> play.rhai:1:8\n  \
         |\n\
         1 | import \"zkmig:dcos/config_yml\" as config_yaml;\n  \
         |        ^\n\
         help: did you mean `zkmig:dcos/config_yaml`?\n"
    );
}

#[test]
fn a_bundled_playbook_is_no_module() {
    Project::unreachable()
        .run("import \"zkmig:zk-to-static\" as migration;\n", &[])
        .fails(2, &["is a playbook", "play.rhai:1:8", "playbook(\"zkmig:zk-to-static\", …)"]);
}

#[test]
fn a_mistake_in_a_call_of_a_bundled_module_is_found_by_lint() {
    let project = Project::unreachable();
    project.file("play.rhai", "import \"zkmig:dcos/config_yaml\" as config_yaml;\nconfig_yaml::exmaple();\n");
    project.zkmig(&["lint", "play.rhai", "-i", "hosts.yaml"]).fails(
        2,
        &["zkmig:dcos/config_yaml.rhai has no function `exmaple`", "did you mean `example`?", "play.rhai:2:"],
    );
}

#[test]
fn a_library_folder_is_looked_in_after_the_folder_of_the_importing_file() {
    let project = Project::local();
    project
        .file("shared/greeting.rhai", "fn text() { \"from shared\" }\n")
        .file("second/greeting.rhai", "fn text() { \"from second\" }\n")
        .file("plays/other.rhai", "")
        .file("plays/play.rhai", "import \"greeting\" as greeting;\nnote(greeting::text());\n");
    let run =
        |arguments: &[&str]| project.zkmig(&[&["run", "plays/play.rhai", "-i", "hosts.yaml"], arguments].concat());
    run(&["-L", "shared", "-L", "second"]).says(&["from shared"]);
    run(&["-L", "second", "-L", "shared"]).says(&["from second"]);
    run(&[]).fails(2, &["there is no file plays/greeting.rhai", "plays/play.rhai:1:8"]);
    run(&["-L", "plays"]).fails(2, &["there is no file plays/greeting.rhai"]);
    run(&["-L", "missing"]).fails(2, &["can't read the library folder missing", "-L"]);
    project.file("plays/greeting.rhai", "fn text() { \"from beside\" }\n");
    run(&["-L", "shared"]).says(&["from beside"]);
}

#[test]
fn zkmig_library_names_folders_too_and_resume_knows_them() {
    let project = Project::local();
    project
        .file("shared/tools.rhai", "fn go_on(path) { local_read(path).trimmed() == \"yes\" }\n")
        .file("answer", "no\n")
        .file(
            "plays/play.rhai",
            &format!(
                "import \"tools\" as tools;\nlet m = hosts(\"m1\")[0];\nstep(\"One\", || m.run(\"true\"));\nstep(\"Two\", || if !tools::go_on(\"{}\") {{ fail(\"not yet\"); }});\n",
                project.join("answer").display()
            ),
        );
    project
        .zkmig_with(&[("ZKMIG_LIBRARY", "shared")], &["run", "plays/play.rhai", "-i", "hosts.yaml"])
        .fails(5, &["not yet", "zkmig resume"]);
    project.file("answer", "yes\n");
    project.zkmig(&["resume", "-y"]).says(&["Two"]);
}

#[test]
fn a_library_is_confined_to_itself_and_the_error_says_how_to_share() {
    let project = Project::unreachable();
    project
        .file("secret.rhai", "")
        .file("shared/a.rhai", "import \"../secret\" as secret;\n")
        .file("plays/play.rhai", "import \"a\" as a;\n");
    let ran = project.zkmig(&["run", "plays/play.rhai", "-i", "hosts.yaml", "-L", "shared"]);
    assert_eq!(
        ran.fails(2, &[]).stderr,
        "error: `../secret.rhai` is outside the library folder shared\n \
         --> shared/a.rhai:1:8\n  \
         |\n\
         1 | import \"../secret\" as secret;\n  \
         |        ^\n\
         help: a playbook reads only files in its own folder and below: move the file there\n\
         help: to share it between playbooks, put it into a folder of its own, name that folder with -L, in ZKMIG_LIBRARY or as \
         `library` in zkmig.toml, and import the file by its name there\n"
    );
    std::os::unix::fs::symlink(project.join("secret.rhai"), project.join("shared/link.rhai")).unwrap();
    project.file("shared/a.rhai", "import \"link\" as link;\n");
    project
        .zkmig(&["run", "plays/play.rhai", "-i", "hosts.yaml", "-L", "shared"])
        .fails(2, &["outside the library folder shared"]);
}

#[test]
fn a_librarys_templates_and_files_are_beside_it_first() {
    let project = Project::local();
    project
        .file("shared/tools/t.j2", "of the library")
        .file("plays/t.j2", "of the playbook")
        .file("plays/only.j2", "only the playbook's")
        .file("shared/tools/tools.rhai", "fn text(name) { render(name, #{}) }\nfn data() { local_read(\"data\") }\n")
        .file("shared/tools/data", "the library's data")
        .file(
            "plays/play.rhai",
            "import \"tools/tools\" as tools;\nnote(tools::text(\"t.j2\"));\nnote(render(\"t.j2\", #{}));\nnote(tools::text(\"only.j2\"));\nnote(tools::data());\n",
        );
    project
        .zkmig(&["run", "plays/play.rhai", "-i", "hosts.yaml", "-L", "shared"])
        .says(&["  of the library\n  of the playbook\n  only the playbook's\n  the library's data\n"]);
}

/// Wherever the library lies: beside the playbook's folder, or in it.
#[test]
fn a_librarys_template_includes_from_the_librarys_root_before_the_playbooks() {
    for (plays, shared) in [("plays", "shared"), (".", "shared"), ("plays", "plays/shared")] {
        let project = Project::local();
        project
            .file(
                &format!("{shared}/tools/web/t.j2"),
                "{% include 'part.j2' %} {% include 'only.j2' %} {% include 'own.j2' %}",
            )
            .file(&format!("{shared}/part.j2"), "the library's part")
            .file(&format!("{shared}/tools/web/own.j2"), "the template's own")
            .file(&format!("{plays}/part.j2"), "the playbook's part")
            .file(&format!("{plays}/only.j2"), "only the playbook's")
            .file(&format!("{shared}/tools/tools.rhai"), "fn text() { render(\"web/t.j2\", #{}) }\n")
            .file(&format!("{plays}/play.rhai"), "import \"tools/tools\" as tools;\nnote(tools::text());\n");
        project
            .zkmig(&["run", &format!("{plays}/play.rhai"), "-i", "hosts.yaml", "-L", shared])
            .says(&["the library's part only the playbook's the template's own"]);
    }
}

#[test]
fn a_file_that_may_be_two_is_not_guessed() {
    let project = Project::local();
    project
        .file("config", "here")
        .file("plays/config", "beside")
        .file("plays/play.rhai", "note(local_read(\"config\"));\n");
    project
        .zkmig(&["run", "plays/play.rhai", "-i", "hosts.yaml"])
        .fails(2, &["`config` may be two files: plays/config and ", "plays/play.rhai:1"]);
}

#[test]
fn an_error_in_a_library_shows_its_line() {
    let project = Project::local();
    project
        .file("shared/tools.rhai", "fn broken(m) {\n    m.run(\"exit 3\")\n}\n")
        .file("play.rhai", "import \"tools\" as tools;\nhosts(\"m1\").each(|m| tools::broken(m));\n");
    project
        .zkmig(&["run", "play.rhai", "-i", "hosts.yaml", "-L", "shared"])
        .fails(3, &["--> shared/tools.rhai:2:", "m.run(\"exit 3\")", "play.rhai:2"]);
}

#[test]
fn a_playbook_is_named_by_any_path() {
    let project = Project::local();
    project.file("plays/tools.rhai", "fn text() { \"found\" }\n").file("plays/deep/x", "");
    project.file("plays/play.rhai", "import \"tools\" as tools;\nnote(tools::text());\n");
    for path in ["plays/play.rhai", "./plays/play.rhai", "plays/deep/../play.rhai", "plays/../plays/play.rhai"] {
        project.zkmig(&["run", path, "-i", "hosts.yaml"]).says(&["found"]);
    }
    let path = project.join("plays/play.rhai").display().to_string();
    project.zkmig(&["run", &path, "-i", "hosts.yaml"]).says(&["found"]);
}

#[test]
fn a_bundled_playbook_is_run_by_its_name() {
    let project = Project::unreachable();
    project.zkmig(&["run", "zkmig:zk-to-static", "--list-steps"]).says(&["Preflight", "Prove it"]);
    project.zkmig(&["lint", "zkmig:zk-to-static", "-i", "hosts.yaml"]).says(&["zkmig:zk-to-static.rhai is fine"]);
    project.zkmig(&["run", "zkmig:zk-to-statik", "--list-steps"]).fails(2, &["did you mean `zkmig:zk-to-static`?"]);
    project.zkmig(&["run", "zkmig:zk-to-static", "-i", "hosts.yaml"]).fails(4, &["zkmig:zk-to-static.rhai", "m1"]);
}

/// A playbook that offers hooks, and does something between.
const INNER: &str = "\
//! Restarts all.
declare(#{ unit: #{ type: \"text\", value: \"inner.service\", help: \"the unit\" }, tries: #{ type: \"int\", value: 1 } });
hooks(#{
    before_each: #{ takes: [\"host\"], help: \"before a host is restarted\" },
    order: #{ takes: [\"hosts\"], help: \"gives the hosts in their order\" },
});
let masters = hosts(\"masters\");
let order = hook(\"order\");
if order != () { masters = order.call(masters); }
let before = hook(\"before_each\") ?? |m| true;
step(\"Restart\", || rolling(masters, |m| note(`${m.name} ${vars.unit} ${vars.tries}`), #{ before: before }));
step(\"End\", || 1);
masters.len()
";

#[test]
fn a_playbook_calls_another_with_variables_and_hooks() {
    let project = Project::local();
    project.file("inner.rhai", INNER);
    let outer = "\
declare(#{ word: #{ type: \"text\", value: \"drain\" } });
let seen = [];
step(\"Before\", || 1);
let result = playbook(\"inner\", #{
    vars: #{ unit: \"outer.\" + \"service\" },
    before_each: |m| { seen.push(m.name); note(`${vars.word} ${m.name} ${vars.get(\"unit\")}`); true },
    order: |list| [list[1], list[0]],
});
step(\"After\", || 1);
note(`${result} ${seen} ${vars.unit}`);
";
    project.run(outer, &[]).says(&[
        "drain m2 inner.service\n  m2 outer.service 1\n",
        "drain m1 inner.service\n  m1 outer.service 1\n",
        "2 [\"m2\", \"m1\"] inner.service\n",
    ]);
    project
        .run(outer, &["-e", "unit=extra.service", "-e", "tries=3", "-e", "word=tell"])
        .says(&["tell m1 extra.service\n  m1 extra.service 3\n"]);
    project.run(outer, &["--list-steps"]).says(&["  1  Before\n  2  Restart\n  3  End\n  4  After\n"]);
    project
        .run(outer, &["--help-vars"])
        .says(&["word (text, default drain)\n", "unit (text, default inner.service)\n      the unit\n"]);
    project.run(outer, &["-e", "untit=x"]).fails(2, &["the playbook has no variable `untit`", "did you mean `unit`?"]);
    // The called one is a playbook of its own, too.
    project.zkmig(&["run", "inner.rhai", "-i", "hosts.yaml"]).says(&["m1 inner.service 1\n"]);
}

#[test]
fn what_is_wrong_with_a_call_is_found_before_any_host_is_touched() {
    let project = Project::unreachable();
    project.file("inner.rhai", INNER);
    for (call, texts) in [
        (
            "playbook(\"inner\", #{ vars: #{ unti: 1 } });",
            ["inner.rhai has no variable `unti`", "did you mean `unit`?"],
        ),
        ("playbook(\"inner\", #{ vars: #{ tries: \"often\" } });", ["has to be a whole number", "play.rhai:1:31"]),
        (
            "playbook(\"inner\", #{ before_eahc: |m| 1 });",
            ["inner.rhai offers no hook `before_eahc`", "did you mean `before_each`?"],
        ),
        (
            "playbook(\"inner\", #{ before_each: || 1 });",
            ["takes 0 arguments, and is called with 1", "before_each: |host| …: before a host is restarted"],
        ),
        (
            "let x = 1;\nplaybook(\"inner\", #{ order: |a, b| x });",
            ["takes 2 arguments, and is called with 1", "play.rhai:2:"],
        ),
        (
            "let f = |m| 1;\nplaybook(\"inner\", #{ before_each: f });",
            ["has to be a function that is written out in the call", "play.rhai:2:"],
        ),
        ("let o = #{};\nplaybook(\"inner\", o);", ["has to be written out in the call", "play.rhai:2:19"]),
        ("let n = \"inner\";\nplaybook(n);", ["has to be named with a text", "play.rhai:2:1"]),
        ("playbook(\"inne\");", ["there is no file inne.rhai", "did you mean `inner.rhai`?"]),
        (
            "playbook(\"zkmig:zk-to-statik\");",
            ["zkmig has no playbook `zkmig:zk-to-statik`", "did you mean `zkmig:zk-to-static`?"],
        ),
        ("step(\"A\", || playbook(\"inner\"));", ["a playbook is called inside a function", "play.rhai:1:14"]),
        ("let h = hook(\"x\");", ["play.rhai offers no hook `x`", "play.rhai:1:14"]),
        ("playbook(\"play\");", ["files call each other in a circle: play.rhai → play.rhai", "play.rhai:1:1"]),
    ] {
        project.run(&format!("{call}\nhosts(\"masters\");\n"), &[]).fails(2, &texts);
    }
    project.file("tools.rhai", "playbook(\"inner\");\n");
    project
        .run("import \"tools\" as tools;\n", &[])
        .fails(2, &["a playbook is called in a file that is imported", "tools.rhai:1:1"]);
}

#[test]
fn hooks_are_called_where_the_caller_stands_also_from_threads_and_from_its_library() {
    let project = Project::local();
    project
        .file("inner.rhai", "hooks(#{ ask: #{ takes: [\"host\"] } });\nlet ask = hook(\"ask\");\nlet found = hosts(\"masters\").each(|m| ask.call(m));\nnote(`${found[\"m1\"]} ${found[\"m2\"]}`);\nnote(hosts(\"masters\").each(ask)[\"m2\"]);\n")
        .file("plays/tools.rhai", "fn told(m, word) { `${word} ${m.name} ${vars.own} ${vars.inventory_hostname_of}` }\n")
        .file("plays/inner.rhai", "playbook(\"deeper/inner\", #{ ask: hook(\"ask\") });\nhooks(#{ ask: #{ takes: [\"host\"] } });\n")
        .file("plays/deeper/inner.rhai", &std::fs::read_to_string(project.join("inner.rhai")).unwrap())
        .file("plays/play.rhai", "import \"tools\" as tools;\ndeclare(#{ own: #{ type: \"text\", value: \"mine\" }, inventory_hostname_of: #{ type: \"text\", value: \"x\" } });\nfn local(m) { tools::told(m, \"said\") }\nlet greeting = \"hi\";\nplaybook(\"inner\", #{ ask: |m| greeting + \" \" + local(m) });\n");
    project
        .zkmig(&["run", "plays/play.rhai", "-i", "hosts.yaml"])
        .says(&["hi said m1 mine x hi said m2 mine x\n", "  hi said m2 mine x\n"]);
}

#[test]
fn an_error_in_a_hook_shows_the_hook_and_how_it_was_reached() {
    let project = Project::local();
    project
        .file("inner.rhai", INNER)
        .run("playbook(\"inner\", #{\n    before_each: |m| fail(`not ${m.name}`),\n});\n", &[])
        .fails(
            5,
            &["not m1", "--> play.rhai:2:", "in step \"Restart\"", "inner.rhai:11", "play.rhai:1", "not touched: m2"],
        );
}

#[test]
fn exit_in_a_called_playbook_ends_only_it() {
    let project = Project::local();
    project
        .file("inner.rhai", "note(\"inner\");\nexit();\nnote(\"never\");\n")
        .run("playbook(\"inner\");\nnote(\"outer goes on\");\n", &[])
        .says(&["inner\n  outer goes on\n"]);
}

#[test]
fn a_run_that_stopped_in_a_called_playbook_is_resumed_there() {
    let project = Project::local();
    let ready = project.join("ready");
    project.file("inner.rhai", &format!("let m = hosts(\"m1\")[0];\nlet one = step(\"One\", || m.run(\"echo once >> {0}/trace; echo 7\").stdout.trimmed());\nstep(\"Two\", || m.run(\"test -e {1} && echo {0}\"));\nnote(`one gave ${{one}}`);\n", project.path().display(), ready.display()));
    project
        .run("step(\"Zero\", || 1);\nplaybook(\"inner\");\nstep(\"Three\", || 1);\n", &[])
        .fails(3, &["zkmig resume", "inner.rhai:3", "play.rhai:2"]);
    std::fs::write(&ready, "").unwrap();
    project.zkmig(&["resume", "-y"]).says(&["one gave 7", "Three"]);
    assert_eq!(std::fs::read_to_string(project.join("trace")).unwrap(), "once\n");
}

#[test]
fn the_command_that_undoes_has_what_the_called_playbook_was_given() {
    let project = Project::local();
    project
        .file("inner.rhai", "declare(#{ unit: #{ type: \"text\", value: \"a\" }, other: #{ type: \"int\", value: 1 } });\nundo_with(\"back\");\nlet m = hosts(\"m1\")[0];\nm.run(\"true\");\nfail(\"here\");\n")
        .file("back.rhai", "declare(#{ unit: #{ type: \"text\", value: \"a\" } });\n")
        .run("playbook(\"inner\", #{ vars: #{ unit: \"b c\", other: 2 } });\n", &[])
        .fails(5, &["go back: zkmig run back.rhai -i hosts.yaml -e '{\"unit\":\"b c\"}'\n"]);
}
