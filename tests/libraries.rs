//! Libraries: what ships in the binary, folders that several playbooks share, and what confines them.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use support::Project;

#[test]
fn a_module_of_the_binary_is_imported_by_its_name() {
    Project::local()
        .run("import \"zkmig:dcos/config_yaml\" as config_yaml;\nnote(config_yaml::example());\n", &[])
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
    project.zkmig(&["resume"]).says(&["Two"]);
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
