//! The variables of playbooks and libraries: whose value counts, for which host, and what is found before any host is touched.

mod support;

use support::Project;

/// Three hosts that are this machine, with a variable at every level.
const LEVELS: &str = "\
all:
  vars: { ansible_connection: local, of_all: all, of_group: all, of_host: all, of_extra: all }
  children:
    masters:
      hosts:
        m1: { zkmig_lock_file: FOLDER/lock-m1, of_host: m1, of_extra: m1 }
        m2: { zkmig_lock_file: FOLDER/lock-m2 }
      vars: { of_group: masters, of_host: masters, of_extra: masters }
    agents:
      hosts:
        a1: { zkmig_lock_file: FOLDER/lock-a1 }
";

const DECLARED: &str = "declare(#{
    of_default: #{ type: \"text\", value: \"default\" },
    of_all:     #{ type: \"text\", value: \"default\" },
    of_group:   #{ type: \"text\", value: \"default\" },
    of_host:    #{ type: \"text\", value: \"default\" },
    of_extra:   #{ type: \"text\", value: \"default\" },
});
";

#[test]
fn a_value_is_that_of_the_default_the_inventory_and_the_command_line_in_this_order() {
    let project = Project::new(LEVELS);
    let ask = "|m| `${vars.of_default} ${vars.of_all} ${vars.of_group} ${vars.of_host} ${vars.of_extra}`";
    let playbook = format!(
        "{DECLARED}let found = hosts(\"all\").each({ask});\nfor name in [\"m1\", \"m2\", \"a1\"] {{ note(`${{name}}: ${{found[name]}}`); }}\n"
    );
    project.run(&playbook, &["-e", "of_extra=extra"]).says(&[
        "m1: default all masters m1 extra\n",
        "m2: default all masters masters extra\n",
        "a1: default all all all extra\n",
    ]);
}

#[test]
fn a_hosts_variables_are_the_same_in_each_in_rolling_and_at_the_host() {
    let project = Project::new(LEVELS);
    project
        .file("tools.rhai", "fn asked() { vars.of_host }\n")
        .run(
            &format!(
                "{DECLARED}import \"tools\" as tools;\nlet masters = hosts(\"masters\");\nlet seen = masters.each(|m| [vars.of_host, m.vars.of_host, tools::asked()]);\n\
                 note(`each ${{seen[\"m1\"]}} ${{seen[\"m2\"]}}`);\n\
                 rolling(masters, |m| note(`turn ${{vars.of_host}} ${{m.vars.of_host}} ${{tools::asked()}}`), #{{ before: |m| {{ note(`gate ${{vars.of_host}}`); true }} }});\n\
                 for m in masters {{ note(`outside ${{m.vars.of_host}}`); }}\n"
            ),
            &[],
        )
        .says(&[
            "each [\"m1\", \"m1\", \"m1\"] [\"masters\", \"masters\", \"masters\"]",
            "gate m1\n",
            "turn m1 m1 m1\n",
            "gate masters\n",
            "turn masters masters masters\n",
            "outside m1\n  outside masters\n",
        ]);
}

#[test]
fn outside_of_a_host_a_value_that_differs_is_an_error_that_lists_who_has_what() {
    let project = Project::new(LEVELS);
    let ran = project
        .run(&format!("{DECLARED}let masters = hosts(\"masters\");\nnote(vars.of_group);\nnote(vars.of_host);\n"), &[]);
    ran.fails(3, &["play.rhai:10:", "no host was changed"]);
    assert!(ran.stdout.contains("masters"), "both masters have it from their group:\n{}", ran.stdout);
    assert!(
        ran.stderr.contains("variable `of_host` is not the same for all hosts")
            && ran.stderr.contains("m1: \"m1\" (hosts.yaml:6)\n")
            && ran.stderr.contains("m2: \"masters\" (hosts.yaml:8)\n"),
        "{}",
        ran.stderr
    );
    // The agents are not asked for, and do not count; before any host is asked for all do.
    project
        .run(&format!("{DECLARED}note(vars.of_group);\n"), &[])
        .fails(2, &["m1, m2: \"masters\" (hosts.yaml:8)", "a1: \"all\" (hosts.yaml:2)", "-l limits"]);
    project.run(&format!("{DECLARED}note(vars.of_group);\n"), &["-l", "masters"]).says(&["masters\n"]);
}

#[test]
fn a_value_of_the_wrong_type_for_one_host_is_found_before_any_host_is_touched() {
    let project = Project::new(
        "masters:\n  hosts:\n    m1: { ansible_host: 127.0.0.1, ansible_port: 1 }\n    m2: { ansible_host: 127.0.0.1, ansible_port: 1, tries: often }\n  vars: { tries: 3 }\n",
    );
    let ran = project
        .run("declare(#{ tries: #{ type: \"int\", value: 5 } });\nhosts(\"masters\").each(|m| vars.tries);\n", &[]);
    ran.fails(2, &["variable `tries` has to be a whole number, and `often` is not", "hosts.yaml:4:", "for host m2"]);
}

#[test]
fn a_name_that_nobody_gives_is_found_before_any_host_is_touched() {
    let project = Project::unreachable();
    let declare = "declare(#{ length: #{ type: \"int\", value: 5 } });\n";
    let ran = project.run(&format!("{declare}hosts(\"masters\").each(|m| m.run(`${{vars.lenght}}`));\n"), &[]);
    assert_eq!(
        ran.fails(2, &[]).stderr,
        "error: there is no variable `lenght`\n \
         --> play.rhai:2:41\n  \
         |\n\
         2 | hosts(\"masters\").each(|m| m.run(`${vars.lenght}`));\n  \
         |                                         ^^^^^^\n\
         help: did you mean `length`?\n\
         help: declare(#{ lenght: … }), the inventory or -e gives it a value; vars.get(\"lenght\") asks whether it has one\n"
    );
    for line in [
        "hosts(\"masters\").each(|m| m.run(m.vars.lenght));",
        "let other = 1;\nhosts(\"masters\").each(|m| m.run(`${other} ${m.vars.lenght}`));",
        "rolling(hosts(\"masters\"), |m| 1, #{ before: |m| m.vars.lenght == 1 });",
        "let n = vars[\"lenght\"];",
        "fn later() { vars.lenght }",
    ] {
        project
            .run(&format!("{declare}{line}\n"), &[])
            .fails(2, &["there is no variable `lenght`", "did you mean `length`?"]);
    }
    // What somebody gives is known, and a map of the playbook's own is its own.
    project.run(&format!("{declare}let n = vars.ansible_port;\nlet own = #{{ vars: #{{ lenght: 1 }} }};\nnote(`${{own.vars.lenght}}`);\n"), &[]).says(&["1\n"]);
    project
        .run(&format!("{declare}note(`${{vars.get(\"lenght\") ?? \"none\"}} ${{\"lenght\" in vars}}`);\n"), &[])
        .says(&["none false\n"]);
}

#[test]
fn a_library_declares_its_own_variables() {
    let project = Project::local();
    project
        .file("lib/one.rhai", "declare(#{ unit: #{ type: \"text\", value: \"one.service\" }, tries: #{ type: \"int\", value: 1 } });\nfn unit() { vars.unit }\nfn tries() { vars.tries }\n")
        .file("lib/two.rhai", "declare(#{ unit: #{ type: \"text\", value: \"two.service\", help: \"the unit\" } });\nfn unit() { vars.unit }\n");
    let both = "import \"lib/one\" as one;\nimport \"lib/two\" as two;\nnote(`${one::unit()} ${two::unit()} ${one::tries() + 1}`);\n";
    project.run(both, &[]).says(&["one.service two.service 2\n"]);
    project.run(both, &["-e", "unit=x.service", "-e", "tries=4"]).says(&["x.service x.service 5\n"]);
    project
        .run(both, &["-e", "tries=often"])
        .fails(2, &["variable `tries` has to be a whole number, and `often` is not"]);
    project.run(both, &["--help-vars"]).says(&["unit (text, default one.service)\n", "tries (int, default 1)\n"]);
    // The playbook's default is nearer to who runs it.
    let nearer = format!("declare(#{{ unit: #{{ type: \"text\", value: \"nearer.service\" }} }});\n{both}");
    project.run(&nearer, &[]).says(&["nearer.service nearer.service 2\n"]);
    project
        .run(&nearer, &["-e", "tires=4"])
        .fails(2, &["the playbook has no variable `tires`", "did you mean `tries`?"]);
}

#[test]
fn a_variable_without_a_default_has_to_be_given() {
    let project = Project::unreachable();
    project.file(
        "lib/one.rhai",
        "declare(#{ unit: #{ type: \"text\", help: \"the unit\" } });\nfn unit() { vars.unit }\n",
    );
    project
        .run("import \"lib/one\" as one;\nnote(one::unit());\n", &[])
        .fails(2, &["variable `unit` has to be given", "lib/one.rhai:1:12", "-e unit=…: the unit"]);
    project.run("import \"lib/one\" as one;\nnote(one::unit());\n", &["-e", "unit=x"]).says(&["x\n"]);
}

#[test]
fn the_variables_as_a_whole_are_a_templates() {
    let project = Project::new(LEVELS);
    project.file("t.j2", "{{ of_host }} {{ of_default }}").run(
        &format!("{DECLARED}let found = hosts(\"masters\").each(|m| render(\"t.j2\", m.vars));\nnote(found[\"m1\"]);\nnote(found[\"m2\"]);\n"),
        &[],
    ).says(&["m1 default\n", "masters default\n"]);
}

#[test]
fn a_whole_number_for_a_float_is_one() {
    let project = Project::local();
    project
        .run("declare(#{ half: #{ type: \"float\" } });\nnote(`${vars.half / 2}`);\n", &["-e", "{\"half\": 5}"])
        .says(&["2.5"]);
}
