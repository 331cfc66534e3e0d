//! Settings: zkmig.toml, an ansible.cfg, the environment and the command line, and which of them counts.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::os::unix::fs::PermissionsExt as _;

use support::Project;

/// What `zkmig config` says of a setting.
fn line(stdout: &str, name: &str) -> String {
    let found = stdout.lines().find(|line| line.split(' ').next() == Some(name));
    found.unwrap_or_default().split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_setting_is_the_last_that_says_one_and_config_shows_where_it_is_from() {
    let project = Project::local();
    project
        .file("home/zkmig/zkmig.toml", "# mine\nforks = 3\nremote_user = \"mine\"\nprivate_key = \"key\"\nbecome = true\n")
        .file("home/zkmig/key", "")
        .file("zkmig.toml", "forks = 4\nremote_user = \"here\"\nlibrary = [\"lib\"]\n")
        .file("plays/zkmig.toml", "forks = 5\n")
        .file("plays/play.rhai", "")
        .file("ansible.cfg", "[defaults]\nforks = 2\ninventory = hosts.yaml\nremote_user = ansible ; a comment\ntimeout = 30\n[privilege_escalation]\nbecome_method: sudo\n");
    let home = project.join("home").display().to_string();
    let config = |environment: &[(&str, &str)], arguments: &[&str]| {
        let environment = [&[("XDG_CONFIG_HOME", home.as_str())], environment].concat();
        let ran = project.zkmig_with(&environment, &[&["config"], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout
    };
    let said = config(&[], &[]);
    assert_eq!(line(&said, "forks"), "4 (zkmig.toml:1)");
    assert_eq!(line(&said, "remote_user"), "here (zkmig.toml:2)");
    assert_eq!(line(&said, "private_key"), format!("{home}/zkmig/key ({home}/zkmig/zkmig.toml:4)"));
    assert_eq!(line(&said, "become"), format!("true ({home}/zkmig/zkmig.toml:5)"));
    assert_eq!(line(&said, "become_user"), "root (default)");
    assert_eq!(line(&said, "inventory"), "none (default)");
    let said = config(&[("ZKMIG_LIBRARY", "a:b")], &["plays/play.rhai", "-L", "first"]);
    assert_eq!(line(&said, "forks"), "5 (plays/zkmig.toml:1)");
    assert_eq!(line(&said, "library"), "first, a, b, lib (-L, ZKMIG_LIBRARY, zkmig.toml:3)");
    let said = config(&[("ZKMIG_FORKS", "6"), ("ZKMIG_REMOTE_USER", "env")], &["plays/play.rhai"]);
    assert_eq!(line(&said, "forks"), "6 (ZKMIG_FORKS)");
    let said = config(&[("ZKMIG_FORKS", "6"), ("ZKMIG_REMOTE_USER", "env")], &["-f", "7", "-u", "asked", "-b"]);
    assert_eq!(line(&said, "forks"), "7 (-f)");
    assert_eq!(line(&said, "remote_user"), "asked (-u)");
    assert_eq!(line(&said, "become"), "true (-b)");
    let said = config(&[], &["--ansible-cfg"]);
    assert_eq!(line(&said, "inventory"), "hosts.yaml (ansible.cfg:3)");
    assert_eq!(line(&said, "become_method"), "sudo (ansible.cfg:7)");
    assert_eq!(line(&said, "forks"), "4 (zkmig.toml:1)");
    assert!(said.contains("ansible.cfg: not taken here: [defaults] timeout\n"), "{said}");
}

#[test]
fn an_ansible_cfg_is_looked_for_as_ansible_does() {
    let project = Project::local();
    project
        .file("home/.ansible.cfg", "[defaults]\nremote_user = home\n")
        .file("named/ansible.cfg", "[defaults]\nremote_user = named\n")
        .file("empty/x", "");
    let home = project.join("home").display().to_string();
    let asked = |environment: &[(&str, &str)], arguments: &[&str]| {
        let environment = [&[("HOME", home.as_str()), ("XDG_CONFIG_HOME", home.as_str())], environment].concat();
        line(&project.zkmig_with(&environment, &[&["config"], arguments].concat()).stdout, "remote_user")
    };
    assert_eq!(asked(&[], &["--ansible-cfg"]), format!("home ({home}/.ansible.cfg:2)"));
    assert_eq!(asked(&[("ANSIBLE_CONFIG", "named")], &["--ansible-cfg"]), "named (named/ansible.cfg:2)");
    assert_eq!(asked(&[("ANSIBLE_CONFIG", "named/ansible.cfg")], &[]), "what ssh says (default)");
    assert_eq!(asked(&[], &["--ansible-cfg=named/ansible.cfg"]), "named (named/ansible.cfg:2)");
    project.file("ansible.cfg", "[defaults]\nremote_user = here\n");
    assert_eq!(asked(&[], &["--ansible-cfg"]), "here (ansible.cfg:2)");
    project.file("ansible.cfg", "[defaults]\nforks = many\n");
    project
        .zkmig(&["config", "--ansible-cfg"])
        .fails(2, &["`forks` has to be a number from 1 to 1000, and `many` is not", "ansible.cfg:2:1"]);
}

#[test]
fn an_ansible_cfg_that_changes_what_inventories_mean_is_an_error() {
    let project = Project::local();
    project.file("ansible.cfg", "[defaults]\nhash_behaviour = merge\n");
    project
        .zkmig(&["inventory", "-i", "hosts.yaml", "--ansible-cfg"])
        .fails(2, &["`hash_behaviour` changes what inventories mean", "ansible.cfg:2"]);
    project.file("ansible.cfg", "[defaults]\nhash_behaviour = replace\nprivate_key_file = {{CWD}}/hosts.yaml\n");
    let ran = project.zkmig(&["config", "--ansible-cfg"]);
    let key = line(&ran.says(&[]).stdout, "private_key");
    assert!(key.ends_with("/hosts.yaml (ansible.cfg:3)") && !key.contains("CWD"), "{key}");
    let ran = project.zkmig_with(&[("ZKMIG_FORKZ", "3")], &["config"]);
    assert!(ran.stderr.contains("ZKMIG_FORKZ is no setting: is ZKMIG_FORKS meant?"), "{}", ran.stderr);
}

#[test]
fn what_is_wrong_in_a_file_is_an_error_with_its_line() {
    let project = Project::local();
    let wrong = |text: &str| {
        project.file("zkmig.toml", text);
        project.zkmig(&["config"])
    };
    let ran = wrong("forks = 4\nremote_usr = \"x\"\n");
    assert!(
        ran.fails(2, &[]).stderr.starts_with(
            "error: there is no setting `remote_usr`\n --> zkmig.toml:2:1\n  |\n2 | remote_usr = \"x\"\n  | ^^^^^^^^^^\n\
             help: did you mean `remote_user`?\nhelp: the settings are inventory, library,"
        ),
        "{}",
        ran.stderr
    );
    wrong("forks = \"many\"\n").fails(2, &["`forks` has to be a number from 1 to 1000", "zkmig.toml:1:1"]);
    wrong("forks = 0\n").fails(2, &["`forks` has to be a number from 1 to 1000"]);
    wrong("become = \"yes\"\n").fails(2, &["`become` has to be true or false"]);
    wrong("colours = \"red\"\n").fails(2, &["`colours` has to be one of auto, always, never"]);
    wrong("forks = \n").fails(2, &["this is not TOML", "zkmig.toml:1:"]);
    wrong("private_key = \"missing\"\n")
        .fails(2, &["can't read the private key missing", "it is named by zkmig.toml:1"]);
    project.zkmig_with(&[("ZKMIG_FORKS", "none")], &["doc"]).says(&["hosts(pattern"]);
    std::fs::remove_file(project.join("zkmig.toml")).unwrap();
    project
        .zkmig_with(&[("ZKMIG_FORKS", "none")], &["config"])
        .fails(2, &["ZKMIG_FORKS has to be a number from 1 to 1000, and `none` is not"]);
}

#[test]
fn a_file_that_anybody_may_have_written_is_not_taken_and_that_is_said() {
    let project = Project::local();
    project.file("zkmig.toml", "forks = 4\n").file("ansible.cfg", "[defaults]\nforks = 5\n");
    std::fs::set_permissions(project.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let home = project.join("none").display().to_string();
    let ran = project.zkmig_with(&[("HOME", &home), ("XDG_CONFIG_HOME", &home)], &["config"]);
    assert_eq!(line(&ran.stdout, "forks"), "32 (default)");
    assert_eq!(ran.stderr, "warning: zkmig.toml in . is not taken: everybody may write in that folder\n");
}

#[test]
fn the_inventory_and_the_libraries_of_a_file_are_those_of_its_folder() {
    let project = Project::local();
    project
        .file("plays/zkmig.toml", "inventory = \"../hosts.yaml\"\nlibrary = \"shared\"\n")
        .file("plays/shared/tools.rhai", "fn word() { \"shared word\" }\n")
        .file("plays/deep/play.rhai", "")
        .file("plays/play.rhai", "import \"tools\" as tools;\nnote(`${tools::word()} ${hosts(\"masters\").len()}`);\n");
    project.zkmig(&["run", "plays/play.rhai"]).says(&["shared word 2\n"]);
    project.zkmig(&["lint", "plays/play.rhai"]).says(&["is fine"]);
    project.zkmig(&["run", "plays/deep/play.rhai"]).fails(2, &["no inventory was given", "`inventory` in zkmig.toml"]);
}

#[test]
fn options_say_how_a_host_is_reached_whose_variables_do_not() {
    let project = Project::new(
        "all:\n  vars: { ansible_host: 127.0.0.1, ansible_port: 1 }\n  hosts:\n    own: { ansible_user: its }\n    other: {}\n",
    );
    // Like the real one, it says into the file of -E why it can't connect.
    project.file("key", "").file(
        "ssh",
        "#!/bin/sh\nprintf '%s ' \"$@\" >>\"$0.log\"; echo >>\"$0.log\"\nwhile [ $# -gt 0 ]; do\n\
         [ \"$1\" != -E ] || echo 'ssh: connect to host 127.0.0.1 port 1: Connection refused' >\"$2\"\nshift\ndone\nexit 255\n",
    );
    std::fs::set_permissions(project.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", project.path().display(), std::env::var("PATH").unwrap());
    let ran = project.zkmig_with(
        &[("PATH", &path)],
        &["exec", "all", "-i", "hosts.yaml", "-u", "asked", "--private-key", "key", "--", "true"],
    );
    ran.fails(4, &[]);
    let log = std::fs::read_to_string(project.join("ssh.log")).unwrap();
    let users: Vec<bool> = ["its", "asked"].iter().map(|user| log.contains(user)).collect();
    assert_eq!(users, [true, true], "{log}");
    assert!(log.lines().filter(|line| line.contains("asked")).all(|line| line.contains("key")), "{log}");
}

#[test]
fn resume_goes_on_with_what_the_settings_said() {
    let project = Project::local();
    let ready = project.join("ready");
    project.file("zkmig.toml", "inventory = \"hosts.yaml\"\nlibrary = \"shared\"\nforks = 1\n");
    project.file("shared/tools.rhai", "fn word() { \"word\" }\n").file(
        "play.rhai",
        &format!("import \"tools\" as tools;\nlet m = hosts(\"m1\")[0];\nstep(\"One\", || m.run(\"true\"));\nstep(\"Two\", || m.run(\"test -e {}\"));\nnote(tools::word());\n", ready.display()),
    );
    project.zkmig(&["run", "play.rhai"]).fails(3, &["zkmig resume"]);
    std::fs::remove_file(project.join("zkmig.toml")).unwrap();
    std::fs::write(&ready, "").unwrap();
    project.zkmig(&["resume"]).says(&["word\n"]);
}
