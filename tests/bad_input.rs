//! Bad input: each has a message of its own, ends with exit code 2, and no host is touched before.
//!
//! The hosts of these tests can't be reached, so that touching one would end with exit code 4.

mod support;

use std::fmt::Write as _;

use support::{NOBODY, Project};

const GOOD: &str = "let masters = hosts(\"masters\");\nmasters.each(|m| m.run(\"true\"));\n";

#[test]
fn good_input_does_reach_for_the_host() {
    Project::unreachable().run(GOOD, &[]).fails(4, &["m1"]);
}

#[test]
fn an_unknown_key_of_an_inventory() {
    Project::new("masters:\n  host:\n    m1: {}\n")
        .run(GOOD, &[])
        .fails(2, &["`host`", "hosts.yaml:2", "did you mean `hosts`?"]);
}

#[test]
fn an_unknown_connection_variable() {
    Project::new("masters:\n  hosts:\n    m1:\n      ansible_hots: 10.0.0.1\n")
        .run(GOOD, &[])
        .fails(4, &["warning", "ansible_hots", "hosts.yaml:4", "ansible_host"]);
}

#[test]
fn a_host_that_stands_twice_counts_once_with_a_warning() {
    let hosts = "masters:\n  hosts:\n    m1: {}\n    m1: { ansible_host: m1.invalid }\n";
    Project::new(hosts).run(GOOD, &[]).fails(4, &["warning", "`m1` stands twice", "hosts.yaml:4"]);
}

/// As ansible-playbook has it: `localhost` that no inventory names is none of its hosts, and a file without a pattern leaves
/// out none.
#[test]
fn a_limit_that_leaves_no_host_of_the_inventory() {
    let project = Project::local();
    project.file("none", "\n  \n").file("one", "m1\n").file("play.rhai", "hosts(\"all\").each(|m| m.run(\"true\"));\n");
    let listed = |limit: &str| project.zkmig(&["run", "play.rhai", "-i", "hosts.yaml", "--list-hosts", "-l", limit]);
    for limit in ["localhost", "127.0.0.1", "::1"] {
        listed(limit).fails(2, &["--limit leaves no host of the inventory", limit, "help:"]);
    }
    let all = listed("@none");
    assert_eq!((all.stdout.as_str(), all.code), ("m1\nm2\n", 0), "{}", all.stderr);
    assert!(all.stderr.contains("warning: there is no pattern in none: no host is left out"), "{}", all.stderr);
    assert_eq!(listed("@none,m1").stdout, "m1\n");
    assert_eq!(listed("@one").stdout, "m1\n");
    assert_eq!(listed("m1:localhost").stdout, "m1\n");
}

#[test]
fn the_text_of_a_template_is_no_password() {
    let hosts = "masters:\n  hosts:\n    m1:\n      ansible_connection: local\n      ansible_become_user: '{{ missing }}'\n    \
                 m2:\n      ansible_become_pass: '{{ missing }}'\n";
    let ran = Project::new(hosts).run(GOOD, &[]);
    ran.fails(2, &["ansible_become_user: '{{ missing }}'"]);
    assert!(!ran.stderr.contains("***"), "{}", ran.stderr);
}

/// The hosts can't be reached: touching one would end with 4.
#[test]
fn a_template_that_is_sure_to_fail_is_told_before_a_host_is_touched() {
    let project = Project::unreachable();
    let playbook = "hosts(\"masters\").each(|m| m.template(\"t.j2\", \"/tmp/zkmig-x\", #{}));\n";
    let with = |text: &str| {
        project
            .file("t.j2", text)
            .file("deep.j2", "{{ query('ansible.builtin.pipe', 'date') }}\n")
            .file("good.j2", "x\n");
        project.run(playbook, &[])
    };
    for text in ["{% include \"../x.j2\" %}", "{% extends '/etc/x.j2' %}", "a\n{% from '../x.j2' import y %}"] {
        with(text).fails(2, &["is outside of the template's folder and the playbook's", "t.j2:"]);
    }
    with("{% include 'no.j2' %}")
        .fails(2, &["there is no such template beside this one or the playbook: no.j2", "t.j2:1"]);
    // What the playbook writes itself will be there.
    let writes = |written: &str| {
        let playbook =
            format!("let name = \"no.j2\";\nlocal_write({written}, \"made\");\nnote(render(\"t.j2\", #{{}}));\n");
        project.file("t.j2", "{% include 'no.j2' %}\n");
        project.run(&playbook, &[])
    };
    writes("\"no.j2\"").says(&["made"]);
    std::fs::remove_file(project.join("no.j2")).expect("a file");
    writes("name").says(&["made"]);
    std::fs::remove_file(project.join("no.j2")).expect("a file");
    writes("\"other.j2\"").fails(2, &["no such template", "no.j2", "t.j2:1"]);
    with("x\n{{ ['a', lookup('pipe', 'date') | upper] }}")
        .fails(2, &["unless you allow it", "t.j2:2", "allow_pipe = true"]);
    with("{% include 'deep.j2' %}").fails(2, &["unless you allow it", "deep.j2:1"]);
    // What may not be reached is told when it is.
    for text in [
        "{% if x is defined %}{% include '../x.j2' %}{{ lookup('pipe', 'date') }}{% endif %}",
        "{% include '../no.j2' ignore missing %}{% include 'good.j2' %}",
        "{{ 'a' if 1 == 1 else lookup('pipe', 'date') }}{{ true or lookup('pipe', 'date') }}",
        "{# {% include '../x.j2' %} #}{% raw %}{{ lookup('pipe', 'date') }}{% endraw %}",
    ] {
        with(text).fails(4, &["m1"]);
    }
    project.file("t.j2", "{{ lookup('pipe', 'date') }}").file("zkmig.toml", "allow_pipe = true\n");
    project.run(playbook, &[]).fails(4, &["m1"]);
}

#[test]
fn a_pattern_that_matches_nothing() {
    Project::unreachable().run("let m = hosts(\"mastres\");\n", &[]).fails(2, &["mastres", "did you mean `masters`?"]);
}

#[test]
fn a_pattern_that_matches_nothing_far_down_the_playbook() {
    let playbook = format!("{GOOD}if false {{ hosts(\"mastres\"); }}\n");
    Project::unreachable().run(&playbook, &[]).fails(2, &["mastres", "play.rhai:3"]);
}

#[test]
fn a_limit_that_matches_nothing() {
    Project::unreachable().run(GOOD, &["-l", "m7"]).fails(2, &["m7"]);
}

#[test]
fn a_key_file_that_is_not_there() {
    Project::new(&format!("{NOBODY}      ansible_ssh_private_key_file: nowhere/key\n"))
        .run(GOOD, &[])
        .fails(2, &["nowhere/key", "hosts.yaml:6"]);
}

#[test]
fn a_template_that_is_not_there() {
    Project::unreachable()
        .file("templates/exhibitor.j2", "x")
        .run("hosts(\"masters\").each(|m| m.template(\"templates/exhibtor.j2\", \"/tmp/x\", #{ vars: #{} }));", &[])
        .fails(2, &["exhibtor.j2", "play.rhai:1", "did you mean `exhibitor.j2`?"]);
}

#[test]
fn a_template_variable_that_is_not_given() {
    Project::unreachable()
        .file("t.j2", "{{ ensemble }}")
        .run("hosts(\"masters\").each(|m| m.template(\"t.j2\", \"/tmp/x\", #{ vars: #{ ensembel: 1 } }));", &[])
        .fails(2, &["`ensemble`", "did you mean `ensembel`?"]);
}

#[test]
fn a_template_outside_the_playbooks_folder() {
    Project::unreachable()
        .run("hosts(\"masters\").each(|m| m.template(\"../t.j2\", \"/tmp/x\", #{ vars: #{} }));", &[])
        .fails(2, &["outside the playbook's folder"]);
}

#[test]
fn an_unknown_option_of_a_call() {
    Project::unreachable()
        .run("hosts(\"masters\").each(|m| m.run(\"true\", #{ timeuot: \"5s\" }));", &[])
        .fails(2, &["`timeuot`", "did you mean `timeout`?", "play.rhai:1:44"]);
}

#[test]
fn an_unknown_function() {
    Project::unreachable()
        .run("hosts(\"masters\").each(|m| m.runn(\"true\"));", &[])
        .fails(2, &["`runn`", "did you mean `run`?"]);
}

#[test]
fn a_wrong_number_of_arguments() {
    Project::unreachable().run("step(\"one\");", &[]).fails(2, &["step", "1 arguments", "step(name, || …)"]);
}

#[test]
fn a_module_without_the_function_that_is_called() {
    let project = Project::unreachable();
    for (playbook, texts) in [
        ("zookeeper::plna(#{})", ["there is no function `zookeeper::plna`", "did you mean `zookeeper::plan`?"]),
        ("plan(#{})", ["there is no function `plan`", "did you mean `zookeeper::plan`?"]),
        ("zookeeper::ids()", ["called with 0 arguments and takes 1", "zookeeper::ids(ensemble)"]),
        ("zookeeper::plan(#{ verisons: [\"3.4.14\"] })", ["`verisons`", "did you mean `versions`?"]),
        ("dcos::PATERNS", ["there is no constant `dcos::PATERNS`", "did you mean `dcos::PATTERNS`?"]),
        ("dcos::PATTERNS.standalon", ["has no `standalon`", "did you mean `standalone`?"]),
        ("canonical([])", ["there is no function `canonical`", "did you mean `dcos::canonical`?"]),
    ] {
        project.file("play.rhai", &format!("{GOOD}let known = {playbook};\n"));
        let ran = project.zkmig(&["lint", "play.rhai", "-i", "hosts.yaml"]);
        ran.fails(2, &texts).fails(2, &["play.rhai:3:"]);
        project.zkmig(&["run", "play.rhai", "-i", "hosts.yaml"]).fails(2, &texts);
    }
}

#[test]
fn an_import_hides_a_module_of_the_same_name() {
    let project = Project::unreachable();
    project.file("own.rhai", "fn plna(asked) { asked }\n");
    let lint = |call: &str| {
        project.file("play.rhai", &format!("import \"own\" as zookeeper;\nlet known = {call};\n"));
        project.zkmig(&["lint", "play.rhai", "-i", "hosts.yaml"])
    };
    assert_eq!(lint("zookeeper::plna(#{ verison: 1 })").code, 0);
    assert_eq!(lint("zookeeper::KNOWN.standalon").code, 0);
    lint("zookeeper::plan(#{})").fails(2, &["own.rhai has no function `plan`", "did you mean `plna`?", "play.rhai:2:"]);
}

#[test]
fn a_value_of_the_wrong_type_for_a_variable() {
    let playbook = format!("declare(#{{ tries: #{{ type: \"int\", value: 3, help: \"how often\" }} }});\n{GOOD}");
    Project::unreachable()
        .run(&playbook, &["-e", "tries=many"])
        .fails(2, &["`tries`", "a whole number", "`many`", "how often"]);
}

#[test]
fn a_value_that_is_not_among_the_choices() {
    let playbook = format!(
        "declare(#{{ mode: #{{ type: \"text\", value: \"stop\", choices: [\"stop\", \"go\"], help: \"what\" }} }});\n{GOOD}"
    );
    Project::unreachable().run(&playbook, &["-e", "mode=stopp"]).fails(2, &["did you mean `stop`?", "stop, go"]);
}

#[test]
fn a_variable_that_the_playbook_does_not_have() {
    let playbook = format!("declare(#{{ tries: #{{ type: \"int\", value: 3, help: \"how often\" }} }});\n{GOOD}");
    Project::unreachable().run(&playbook, &["-e", "tires=4"]).fails(2, &["`tires`", "did you mean `tries`?"]);
}

#[test]
fn a_playbook_that_is_not_rhai() {
    Project::unreachable().run("let masters = ;\n", &[]).fails(2, &["not Rhai", "play.rhai:1:15", "^"]);
}

#[test]
fn an_import_outside_the_playbooks_folder() {
    Project::unreachable()
        .file("inner/play.rhai", "import \"../secret\" as s;\n")
        .file("secret.rhai", "")
        .zkmig(&["run", "inner/play.rhai", "-i", "hosts.yaml"])
        .fails(2, &["outside the playbook's folder", "inner/play.rhai:1"]);
}

#[test]
fn an_import_through_a_link_that_leads_outside() {
    let project = Project::unreachable();
    project.file("inner/play.rhai", "import \"link\" as s;\n").file("secret.rhai", "");
    std::os::unix::fs::symlink(project.join("secret.rhai"), project.join("inner/link.rhai"))
        .expect("a link can be made");
    project.zkmig(&["run", "inner/play.rhai", "-i", "hosts.yaml"]).fails(2, &["outside the playbook's folder"]);
}

#[test]
fn imports_that_go_in_a_circle() {
    Project::unreachable()
        .file("a.rhai", "import \"b\" as b;\n")
        .file("b.rhai", "import \"a\" as a;\n")
        .run("import \"a\" as a;\n", &[])
        .fails(2, &["circle", "a.rhai → b.rhai → a.rhai"]);
}

#[test]
fn a_script_without_an_end() {
    Project::unreachable()
        .run_within(60, "let n = 0;\nloop { n += 1; }\n")
        .fails(2, &["does not come to an end", "play.rhai:2"]);
}

#[test]
fn a_function_that_calls_itself_forever() {
    Project::unreachable().run("fn f(n) { f(n + 1) }\nf(0);\n", &[]).fails(2, &["too deeply"]);
}

#[test]
fn an_inventory_line_of_twenty_megabytes() {
    Project::new(&format!("masters:\n  hosts:\n    m1:\n      note: {}\n", "x".repeat(20_000_000)))
        .run_within(10, GOOD)
        .fails(2, &["hosts.yaml"]);
}

#[test]
fn a_bomb_of_yaml_aliases() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").expect("a text can be written to");
    }
    Project::new(&bomb).run_within(10, GOOD).fails(2, &["hosts.yaml"]);
}

#[test]
fn an_inventory_that_is_not_there() {
    let project = Project::unreachable();
    project.file("play.rhai", GOOD);
    project.zkmig(&["run", "play.rhai", "-i", "nowhere.yaml"]).fails(2, &["nowhere.yaml"]);
    project.zkmig(&["run", "play.rhai"]).fails(2, &["no inventory", "-i"]);
}

#[test]
fn an_unknown_option_of_the_command_line() {
    Project::unreachable().run(GOOD, &["--chekc"]).fails(2, &["--check"]);
}

/// A playbook that writes a file on this machine, and then a template.
const TOUCHES: &str =
    "hosts(\"masters\").each(|m| { m.run(\"touch FOLDER/touched\"); m.template(\"t.j2\", \"FOLDER/out\", #{}); });\n";

/// A project whose host is this machine, with these variables.
fn touching(vars: &str) -> (Project, String) {
    let host = "m1: { ansible_connection: local, zkmig_lock_file: FOLDER/lock }";
    let project = Project::new(&format!("masters:\n  hosts:\n    {host}\n  vars:\n    one: 1\n{vars}"));
    let playbook = TOUCHES.replace("FOLDER", &project.path().display().to_string());
    (project, playbook)
}

/// Each template with what its error tells. The host stays as it is.
#[track_caller]
fn told_ahead(vars: &str, cases: &[(&str, &[&str])]) {
    let (project, playbook) = touching(vars);
    for (text, tells) in cases {
        project.file("t.j2", text).run(&playbook, &[]).fails(2, tells);
        assert!(!project.join("touched").exists(), "{text}");
    }
}

/// Each of these is no mistake ahead: the host is touched.
#[track_caller]
fn not_told_ahead(vars: &str, texts: &[&str]) {
    let (project, playbook) = touching(vars);
    for text in texts {
        let ran = project.file("t.j2", text).run(&playbook, &[]);
        assert!(project.join("touched").exists(), "{text}: {}", ran.stderr);
        std::fs::remove_file(project.join("touched")).expect("a file");
    }
}

#[test]
fn a_filter_or_test_that_an_argument_names_is_known_before_a_host_is_touched() {
    told_ahead(
        "",
        &[
            ("x\n{{ [1] | map('uper') | list }}", &["there is no filter `uper`", "did you mean `upper`?", "t.j2:2"]),
            ("{{ [1] | map('ansible.builtin.nofilter') }}", &["there is no filter", "t.j2:1"]),
            ("{{ [1] | select('evn') | list }}", &["there is no test `evn`", "did you mean `even`?", "t.j2:1"]),
            ("{% for x in [] %}\n{{ [1] | reject('notest') }}{% endfor %}", &["there is no test `notest`", "t.j2:2"]),
            ("{{ [{'a': 1}] | selectattr('a', 'eqaulto', 1) }}", &["did you mean `equalto`?", "t.j2:1"]),
            ("{% if one %}{{ [] | rejectattr('a.b', 'notest') }}{% endif %}", &["no test `notest`", "t.j2:1"]),
            ("{% filter map('nofilter') %}{% endfilter %}", &["there is no filter `nofilter`"]),
        ],
    );
    not_told_ahead(
        "",
        &[
            "{{ ['a'] | map('upper') | select('match', 'A') | list }}{{ [{'a': 1}] | map(attribute='a') | list }}",
            "{{ [{'a': 1}] | selectattr('a') | rejectattr('a', '==', 1) | list }}{{ [1] | select | list }}",
            "{% set f = 'nofilter' %}{{ [] | map(f) }}",
        ],
    );
}

#[test]
fn arguments_that_a_filter_or_test_does_not_take_are_told_before_a_host_is_touched() {
    told_ahead(
        "",
        &[
            ("{{ 'a' | indent(nope=1) }}", &["unexpected keyword argument 'nope'", "t.j2:1"]),
            ("\n{{ 'a' | replace('a') }}", &["replace() is missing its argument 'new'", "t.j2:2"]),
            ("{{ 'a' | upper(1) }}", &["upper() takes fewer arguments"]),
            ("{{ ['a'] | map('indent', nope=1) }}", &["unexpected keyword argument 'nope'"]),
            ("{{ 'a' is divisibleby }}", &["divisibleby() is missing its argument 'num'"]),
            ("{{ [1] | select('divisibleby') }}", &["divisibleby() is missing its argument 'num'"]),
            ("{{ 'a' | hash('blake2b') }}", &["the hash blake2b is not supported here", "t.j2:1"]),
            ("{{ 'a' | hash(hashtype='blake2b') }}", &["the hash blake2b is not supported here"]),
            ("{{ [] | to_nice_yaml(default_style='x') }}", &["default_style"]),
        ],
    );
    not_told_ahead(
        "",
        &[
            "{{ 'a' | indent(width=2, first=true) | hash('sha512') }}{{ 4 is divisibleby(2) }}{{ 'a' | replace(*['a', 'b']) }}",
            "{{ [2] | select('divisibleby', 2) | map('indent', width=2) | list | to_nice_yaml(indent=2, sort_keys=false) }}",
        ],
    );
}

#[test]
fn what_ansible_knows_of_its_own_play_is_told_before_a_host_is_touched() {
    told_ahead(
        "",
        &[
            (
                "x\n{{ ansible_play_batch }}",
                &["`ansible_play_batch` is not known here", "set it in the inventory", "t.j2:2"],
            ),
            ("{% if ansible_limit is defined %}x{% endif %}", &["`ansible_limit` is not known here", "t.j2:1"]),
            ("{{ 'a' if ansible_diff_mode else 'b' }}", &["`ansible_diff_mode` is not known here"]),
            ("{% for x in [1] %}\n{{ ansible_check_mode }}{% endfor %}", &["`ansible_check_mode`", "t.j2:2"]),
        ],
    );
    not_told_ahead(
        "    environment: test\n    ansible_limit: web\n",
        &["{{ environment }}{{ ansible_limit }}", "{% set role_names = 1 %}{{ role_names }}"],
    );
    let (project, playbook) = touching("");
    let playbook = playbook.replace("#{}", "#{ vars: #{ environment: 1 } }");
    project.file("t.j2", "{{ environment }}").run(&playbook, &[]).says(&[]);
    project.file("t.j2", "{{ environment | default(2) }}");
    project.run(&playbook.replace("vars: #{ environment: 1 }", ""), &["-e", "environment=1"]).says(&[]);
}

const BROKEN: &str = "    lazy: \"{{ 'x' | uper }}\"
    wrong: \"{{ 'x' | }}\"
    chain: \"a {{ link.next }}\"
    link: { next: \"{{ wrong }}\", list: [\"{{ 'x' is notest }}\"] }
    piped: \"{{ lookup('pipe', 'date') }}\"
    maybe: \"{{ wrong if false else 'x' }}\"
    ansible_own: \"{{ 'x' | }}\"
    tagged: !unsafe \"{{ 'x' | }}\"
";

#[test]
fn a_variable_that_a_template_needs_and_nobody_can_read_is_told_before_a_host_is_touched() {
    told_ahead(
        BROKEN,
        &[
            (
                "x\n{{ lazy }}",
                &[
                    "there is no filter `uper`",
                    "did you mean `upper`?",
                    "needed by `lazy` of m1",
                    "hosts.yaml:6",
                    "t.j2:2",
                ],
            ),
            ("{{ wrong | default('x') }}", &["needed by `wrong` of m1", "hosts.yaml:7", "t.j2:1"]),
            ("{% if wrong is defined %}{% endif %}", &["needed by `wrong` of m1"]),
            ("{% for x in wrong %}{% endfor %}", &["needed by `wrong` of m1"]),
            ("{{ chain.upper() }}", &["needed by `wrong` of m1", "hosts.yaml:7"]),
            ("{{ link['list'][0] }}", &["there is no test `notest`", "needed by `link` of m1", "hosts.yaml:9"]),
            ("{{ piped }}", &["unless you allow it", "needed by `piped` of m1", "hosts.yaml:10"]),
        ],
    );
    // ansible-core does not look into these either, or somebody else has the last word.
    not_told_ahead(
        BROKEN,
        &[
            "{% if false %}{{ lazy }}{{ wrong }}{% endif %}{{ true | ternary('a', wrong) }}{{ [wrong] | length }}",
            "{% set x = wrong %}{{ link | length }}{{ maybe }}{{ true or wrong }}{{ tagged }}",
            "{% set wrong = 1 %}{{ wrong }}",
            "{{ ansible_own | default('x') }}",
        ],
    );
    let (project, playbook) = touching(BROKEN);
    project.file("t.j2", "{{ wrong }}{{ one }}");
    project.run(&playbook, &["-e", "wrong=1"]).says(&[]);
    project.run(&playbook.replace("#{}", "#{ vars: #{ wrong: 1 } }"), &[]).says(&[]);
    project.run(&playbook.replace("#{}", "#{ vars: m.vars }"), &[]).fails(3, &["m1"]);
    project.file("t.j2", "{{ piped }}").file("zkmig.toml", "allow_pipe = true\n").run(&playbook, &[]).says(&[]);
}
