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
        .file("ansible.cfg", "[defaults]\nforks = 2\ninventory = hosts.yaml\nremote_user = ansible ; a comment\ngathering = smart\n[privilege_escalation]\nbecome_method: sudo\n");
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
    assert!(said.contains("ansible.cfg: without effect here: [defaults] gathering\n"), "{said}");
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
    // ansible-config dump gives DEFAULT_HOST_LIST so.
    project.file("ansible.cfg", "[defaults]\ninventory = $HERE/one, ${HERE}/two,three\n");
    let listed = project.zkmig_with(&[("HERE", "/srv"), ("HOME", &home)], &["config", "--ansible-cfg"]);
    assert_eq!(line(&listed.stdout, "inventory"), "/srv/one, /srv/two, three (ansible.cfg:2)");
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
        .fails(2, &["`hash_behaviour` changes what the same files mean", "ansible.cfg:2"]);
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
    // A key is looked for by what reaches hosts, and by nothing else.
    wrong("private_key = \"missing\"\n").says(&["private_key", "missing"]);
    project
        .zkmig(&["exec", "all", "-i", "hosts.yaml", "--read-only", "--", "true"])
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
    project.zkmig(&["resume", "-y"]).says(&["word\n"]);
}

/// What Ansible would do with it is no plain affair, and passes not in silence: an error with the line, or a warning.
#[test]
fn a_key_of_an_ansible_cfg_that_would_change_something_is_told() {
    let project = Project::local();
    let told = |text: &str| {
        project.file("ansible.cfg", text);
        project.zkmig(&["inventory", "-i", "hosts.yaml", "--ansible-cfg"])
    };
    for (section, line) in [
        ("defaults", "ansible_managed = made by me"),
        ("defaults", "error_on_undefined_vars = no"),
        ("defaults", "vault_identity = prod"),
        ("defaults", "become_password_file = ~/pw"),
        ("defaults", "ask_pass = yes"),
        ("defaults", "transport = local"),
        ("defaults", "precedence = all_inventory"),
        ("defaults", "force_valid_group_names = always"),
        ("defaults", "yaml_valid_extensions = .yml, .foo"),
        ("defaults", "vars_plugins_enabled = host_group_vars, mine"),
        ("defaults", "duplicate_dict_key = error"),
        ("defaults", "no_log = true"),
        ("inventory", "enable_plugins = ini, yaml"),
        ("inventory_plugins", "use_extra_vars = true"),
        ("privilege_escalation", "become_flags = -i"),
        ("sudo_become_plugin", "executable = /opt/sudo"),
        ("ssh_connection", "ssh_executable = /opt/ssh"),
        ("ssh_connection", "ssh_common_args = -W other"),
    ] {
        let key = line.split(' ').next().unwrap();
        let ran = told(&format!("[{section}]\n{line}\n"));
        ran.fails(2, &[key, "help:"]);
        assert!(ran.stderr.contains("ansible.cfg:2"), "{}", ran.stderr);
    }
    let ran = told("[sudo_become_plugin]\npassword = hunter2222\n");
    ran.fails(2, &["`password`", "ansible.cfg:2", "ansible_become_password"]);
    assert!(!ran.stderr.contains("hunter2222"), "{}", ran.stderr);
    for (text, warning) in [
        (
            "[defaults]\nhash_behavior = merge\n",
            "ansible.cfg:2: Ansible knows no [defaults] hash_behavior: is `hash_behaviour` meant?",
        ),
        (
            "[defaults]\nbecome = true\n",
            "ansible.cfg:2: Ansible knows no [defaults] become: is `[privilege_escalation] become` meant?",
        ),
        ("[ssh_connection]\nansible_ssh_common_args = -4\n", "is `ssh_common_args` meant?"),
        ("[privilege_escalaton]\nbecome = true\n", "is `[privilege_escalation]` meant?"),
        ("[defaults]\nsquash_actions = apk\n", "ansible.cfg:2: ansible-core knows no [defaults] squash_actions"),
        ("[diff]\nalways = yes\n", "ansible.cfg:2: `always` is not taken here: --diff shows differences"),
    ] {
        let ran = told(text);
        assert!(
            ran.code == 0 && ran.stderr.contains(&format!("warning: {warning}")) || ran.stderr.contains(warning),
            "{}",
            ran.stderr
        );
    }
    let quiet = told(
        "[defaults]\nansible_managed = Ansible managed\nerror_on_undefined_vars = True\ncallbacks_enabled = timer\n\
         [inventory]\nenable_plugins = host_list, script, auto, yaml, ini, toml\n[ssh_connection]\npipelining = True\n\
         control_path = /tmp/%%h\n[callback_profile_tasks]\nsort_order = none\n[privilege_escalation]\nbecome_flags = -H -S -n\n",
    );
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""));
}

#[test]
fn an_ansible_cfg_says_how_hosts_are_reached_and_vaults_opened() {
    let project = Project::local();
    project.file("cfg/ansible.cfg", "[defaults]\nremote_user = \"core\"\nremote_port = 2222\ntimeout = 9\nvault_identity_list = dev@a, prod@b\n\
        vault_id_match = yes\nhost_key_checking = no\nvault_password_file = $PLACE/pw\n[ssh_connection]\nhost_key_checking = yes\ntimeout = 20\n\
        ssh_args = -o A=1\n  -o B=2\nssh_common_args = -o ProxyJump=bastion\nssh_extra_args = -4\n");
    let config = |environment: &[(&str, &str)]| {
        let environment = [&[("PLACE", "/there")], environment].concat();
        project.zkmig_with(&environment, &["config", "--ansible-cfg=cfg/ansible.cfg"]).stdout
    };
    let said = config(&[]);
    for (name, value) in [
        ("remote_user", "core (cfg/ansible.cfg:2)"),
        ("remote_port", "2222 (cfg/ansible.cfg:3)"),
        ("connect_timeout", "20 (cfg/ansible.cfg:11)"),
        ("vault_identity_list", "dev@a, prod@b (cfg/ansible.cfg:5)"),
        ("vault_id_match", "true (cfg/ansible.cfg:6)"),
        ("host_key_checking", "true (cfg/ansible.cfg:10)"),
        ("vault_password_file", "/there/pw (cfg/ansible.cfg:8)"),
        ("ssh_common_args", "-o ProxyJump=bastion (cfg/ansible.cfg:14)"),
        ("ssh_extra_args", "-4 (cfg/ansible.cfg:15)"),
    ] {
        assert_eq!(line(&said, name), value, "{said}");
    }
    assert_eq!(line(&said, "ssh_args"), "-o A=1 -o B=2 (cfg/ansible.cfg:12)");
    // For Ansible its variables count more than its file.
    let said = config(&[("ANSIBLE_REMOTE_PORT", "23"), ("ANSIBLE_SSH_HOST_KEY_CHECKING", "no")]);
    assert_eq!(line(&said, "remote_port"), "23 (ANSIBLE_REMOTE_PORT)");
    assert_eq!(line(&said, "host_key_checking"), "false (ANSIBLE_SSH_HOST_KEY_CHECKING)");
    let ran =
        project.zkmig_with(&[("PLACE", "/there")], &["inventory", "-i", "hosts.yaml", "--ansible-cfg=cfg/ansible.cfg"]);
    ran.fails(2, &["can't read the vault password file a"]);
    project.file("ansible.cfg", "[defaults]\nvault_password_file = {{CWD}}/nopw\n");
    project
        .zkmig(&["inventory", "-i", "hosts.yaml", "--ansible-cfg"])
        .fails(2, &["can't read the vault password file /", "/nopw", "help: it is named by ansible.cfg:2"]);
}

#[test]
fn variables_of_ansibles_are_told_where_they_do_not_count() {
    let project = Project::local();
    project.file("ansible.cfg", "[defaults]\n");
    let merge = [("ANSIBLE_HASH_BEHAVIOUR", "merge")];
    project
        .zkmig_with(&merge, &["inventory", "-i", "hosts.yaml", "--ansible-cfg"])
        .fails(2, &["`ANSIBLE_HASH_BEHAVIOUR` changes what the same files mean", "combine"]);
    project
        .zkmig_with(&[("ANSIBLE_PRECEDENCE", "all_inventory")], &["inventory", "-i", "hosts.yaml", "--ansible-cfg"])
        .fails(2, &["`ANSIBLE_PRECEDENCE`"]);
    let ran = project.zkmig_with(&[merge[0], ("ANSIBLE_REMOTE_USER", "x")], &["inventory", "-i", "hosts.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let warning = "warning: ANSIBLE_REMOTE_USER, ANSIBLE_HASH_BEHAVIOUR of the environment: only with --ansible-cfg is it taken as Ansible takes it\n";
    assert_eq!(ran.stderr, warning);
    let ran = project.zkmig_with(&[("ANSIBLE_HASH_BEHAVIOUR", "replace")], &["inventory", "-i", "hosts.yaml"]);
    assert_eq!(ran.stderr, "");
}

/// ansible-inventory 2.19 lists a, c and d of these files: its `inventory_ignore_extensions` stands for its own list, and its
/// patterns are looked for anywhere in a name.
#[test]
fn what_is_no_inventory_in_a_folder_may_be_said() {
    let project = Project::local();
    for name in ["a.ini", "b.creds", "c.bak", "d.yml", "credentials", "my-artifacts.ini", "deep/old-e.ini", ".hidden"] {
        let host = &name.replace(['.', '/'], "_");
        let text = if name == "d.yml" { format!("all:\n  hosts:\n    {host}:\n") } else { format!("{host}\n") };
        project.file(&format!("inv/{name}"), &text);
    }
    project.file(
        "ansible.cfg",
        "[defaults]\ninventory_ignore_extensions = .orig, \".creds\"\n[inventory]\nignore_patterns = artifacts, ^cred.*s$, ^old\n",
    );
    let ran = project.zkmig(&["inventory", "-i", "inv", "--ansible-cfg"]);
    assert_eq!((ran.stdout.as_str(), ran.code), ("d_yml\na_ini\nc_bak\n", 0), "{}", ran.stderr);
    // There Ansible would pass over all of them.
    for empty in ["[inventory]\nignore_patterns =\n", "[inventory]\nignore_extensions = .x,\n"] {
        project.file("ansible.cfg", empty);
        project
            .zkmig(&["inventory", "-i", "inv", "--ansible-cfg"])
            .fails(2, &["has an empty part", "leave the setting out"]);
    }
    project.file("ansible.cfg", "[inventory]\nignore_patterns = (\n");
    project
        .zkmig(&["inventory", "-i", "inv", "--ansible-cfg"])
        .fails(2, &["`(` of `inventory_ignore_patterns` is no pattern"]);
}
