//! `zkmig inventory` and what a playbook makes of an inventory, as a user sees them: programs that fail, orders, what surprises,
//! what hosts can't be reached by, values that are vaults inside others.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::os::unix::fs::PermissionsExt as _;

use support::{Project, Ran, wait_for};

fn program(project: &Project, text: &str) {
    project.file("hosts.sh", &format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(project.join("hosts.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_program_that_fails_or_takes_too_long_is_an_error_with_what_it_said() {
    let project = Project::new("");
    let list = |seconds: &str| {
        project.zkmig_with(&[("ZKMIG_INVENTORY_TIMEOUT", seconds)], &["inventory", "-i", "hosts.sh", "--list"])
    };
    program(&project, "echo 'asking the cloud' >&2; echo $$ >pid; exec sleep 100");
    list("1").fails(
        2,
        &[
            "hosts.sh --list failed",
            "took longer than 1 seconds",
            "asking the cloud",
            "ZKMIG_INVENTORY_TIMEOUT=SECONDS",
        ],
    );
    let pid = std::fs::read_to_string(project.join("pid")).unwrap();
    wait_for("the program's end", || {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    });
    program(&project, "echo 'no credentials for eu-west-1' >&2; exit 3");
    list("9").fails(2, &["hosts.sh --list failed", "exit status: 3", "no credentials for eu-west-1"]);
    program(&project, "echo 'hosts: none'");
    list("9").fails(2, &["hosts.sh --list:1", "has to print JSON for --list"]);
    program(&project, "[ $1 = --list ] && echo '{\"web\": [\"w1\"]}' && exit; echo \"no $2\" >&2; exit 4");
    list("9").fails(2, &["hosts.sh --host w1 failed", "exit status: 4", "no w1"]);
    program(&project, "echo '{\"_meta\": {\"hostvars\": []}, \"web\": [\"w1\"]}'");
    list("9").fails(2, &["hosts.sh --list:1:24", "`_meta.hostvars` has to be an object, and this is a list"]);
    project.file("hosts.sh", "#!/nowhere/python9 -u\n");
    list("9").fails(2, &["its first line names /nowhere/python9, which is not there", "install that program"]);
    project.file("hosts.ini", "[web:vars]\na=1\n");
    let ran = project.zkmig(&["inventory", "-i", "hosts.ini", "--list"]);
    ran.fails(2, &["which no section defines"]);
    assert!(!ran.stderr.contains("did you mean"), "{}", ran.stderr);
    list("soon").fails(2, &["ZKMIG_INVENTORY_TIMEOUT is `soon`"]);
}

#[test]
fn a_key_that_stands_twice_in_a_file_of_e_is_warned_of() {
    let project = Project::local();
    project.file("vars.yml", "a: 1\nb: 2\na: 3\n");
    let ran = project.zkmig(&["inventory", "-i", "hosts.yaml", "--list", "-e", "@vars.yml"]);
    ran.says(&["\"a\": 3"]);
    for (arguments, said) in [
        (["-e", "@"], "`-e @` names no file"),
        (["-e", "[1, 2]"], "and this is a list"),
        (["-l", "@"], "`-l @` names no file"),
    ] {
        let all = [&["inventory", "-i", "hosts.yaml", "--list"][..], &arguments[..]].concat();
        project.zkmig(&all).fails(2, &[said]);
    }
    assert!(ran.stderr.contains("vars.yml:3") && ran.stderr.contains("`a`"), "{}", ran.stderr);
}

#[test]
fn what_ansible_warns_of_without_a_difference_is_said_when_asked() {
    let project = Project::new("k8s-cluster:\n  hosts: { a: }\n9x: {}\nplain_1: {}\n");
    let run = |more: &[&str]| project.zkmig(&[&["inventory", "-i", "hosts.yaml", "--graph"], more].concat());
    run(&["-v"]).says(&["@k8s-cluster"]);
    let said = run(&["-v"]).stderr;
    assert!(said.contains("`k8s-cluster` and of 1 others"), "{said}");
    assert!(!run(&[]).stderr.contains("k8s-cluster"));
}

/// The orders are those that ansible-core gives `b2, a10, c1, a9` in a play.
#[test]
fn hosts_come_in_the_order_that_is_asked_for_everywhere() {
    let project = Project::new("m:\n  hosts: { b2: , a10: , c1: , a9: }\n  vars: { ansible_connection: local }\n");
    for (order, wanted) in [
        ("inventory", "b2 a10 c1 a9"),
        ("reverse_inventory", "a9 c1 a10 b2"),
        ("sorted", "a10 a9 b2 c1"),
        ("reverse_sorted", "c1 b2 a9 a10"),
    ] {
        let ran = project.run(
            &format!(
                "let m = hosts(\"m\", #{{ order: \"{order}\" }});\nlet seen = [];\nrolling(m, |h| {{ seen.push(h.name); }});\n\
                 note(\"turns \" + seen.reduce(|all, name| all + \" \" + name, \"\"));\n\
                 note(\"all\" + m.map(|h| h.name).reduce(|all, name| all + \" \" + name, \"\"));\n"
            ),
            &[],
        );
        ran.says(&[&format!("turns  {wanted}\n"), &format!("all {wanted}\n")]);
    }
    let ran = project.run("note(hosts(\"m\", #{ order: \"shuffle\" }).map(|h| h.name).len().to_string());\n", &[]);
    ran.says(&["4\n"]);
    project.run("hosts(\"m\", #{ order: \"by_name\" });\n", &[]).fails(2, &["by_name", "reverse_inventory"]);
}

#[test]
fn what_hosts_cannot_be_reached_by_is_an_error_when_they_are_reached_and_not_before() {
    for (variable, texts) in [
        ("ansible_connection: winrm", &["ansible_connection has to be ssh or local", "winrm"][..]),
        ("ansible_password: pass-word", &["ansible_password does not work here", "ansible_ssh_private_key_file"]),
        ("ansible_ssh_private_key_file: nowhere", &["can't read ansible_ssh_private_key_file", "nowhere"]),
        ("ansible_become_method: pbrun", &["sudo, su, doas or runuser"]),
        ("ansible_shell_type: powershell", &["ansible_shell_type does not work here with `powershell`"]),
    ] {
        let project = Project::new(&format!("m:\n  hosts:\n    h1: {{ {variable} }}\n"));
        project.zkmig(&["inventory", "-i", "hosts.yaml", "--list"]).says(&["\"h1\""]);
        project.zkmig(&["inventory", "-i", "hosts.yaml", "--graph"]).says(&["|  |--h1"]);
        project.run("note(\"begun\");\n", &[]).says(&["begun"]);
        project
            .run("hosts(\"m\").each(|h| h.run(\"true\"));\n", &["-y"])
            .fails(2, &[&["hosts.yaml:3"], texts].concat());
    }
    let names = [
        "ansible_python_interpreter: /usr/bin/python3",
        "ansible_pipelining: yes",
        "ansible_facts_parallel: no",
        "ansible_ssh_retries: 3",
    ];
    let project =
        Project::new(&format!("m:\n  hosts:\n    h1: {{ ansible_connection: local, {} }}\n", names.join(", ")));
    project.run("note(hosts(\"m\")[0].run(\"echo works\", #{ read_only: true }).stdout);\n", &[]).says(&["works"]);
}

#[test]
fn what_yaml_takes_for_something_else_is_pointed_out() {
    let project = Project::new(
        "m:\n  hosts: { h1: }\n  vars:\n    flag: no\n    mode: 0755\n    time: 12:30\n    text: \"no\"\n",
    );
    project.file("play.rhai", "hosts(\"m\");\n");
    let ran = project.zkmig(&["lint", "play.rhai", "-i", "hosts.yaml"]);
    for text in [
        "hosts.yaml:4: `no` is a truth value",
        "hosts.yaml:5: `0755` is a number for YAML 1.1: 493",
        "hosts.yaml:6: `12:30` is a number for YAML 1.1: 750",
    ] {
        assert!(ran.stderr.contains(text), "no {text:?} in {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("hosts.yaml:7"), "{}", ran.stderr);
    let explain = |name: &str| project.zkmig(&["inventory", "-i", "hosts.yaml", "explain", "h1", name]);
    explain("flag").says(&["counts  false, written no  (group m, hosts.yaml:4)"]);
    explain("mode").says(&["counts  493, written 0755  (group m, hosts.yaml:5)"]);
    explain("time").says(&["counts  750, written 12:30  (group m, hosts.yaml:6)"]);
}

#[test]
fn a_name_that_is_nearly_one_of_ansibles_is_pointed_out() {
    let project = Project::local();
    project
        .file("group_vars/all", "ansible_usr: core\nansible_ssh_prt: 22\n")
        .file("play.rhai", "hosts(\"masters\");\n");
    let ran = project.zkmig(&["lint", "play.rhai", "-i", "hosts.yaml"]);
    for text in ["all:1: `ansible_usr` says nothing to Ansible; is `ansible_user` meant?", "all:2: `ansible_ssh_prt`"] {
        assert!(ran.stderr.contains(text), "no {text:?} in {}", ran.stderr);
    }
}

#[test]
fn a_text_that_its_type_would_change_is_used_as_it_is_written() {
    let project = Project::local();
    project.file("group_vars/all", "pin: 12.50\nhex: 0x1F\nwhen: 12:30\nlong: 00123456789012345678\nloose: 12.50\n");
    project
        .run(
            "declare(#{ pin: #{ type: \"text\" }, hex: #{ type: \"text\" }, when: #{ type: \"text\" }, long: #{ type: \"text\" }, loose: #{ type: \"float\" } });\n\
             let m = hosts(\"masters\")[0];\nnote(`${vars.pin} ${m.vars.hex} ${m.vars.when} ${m.vars.long} ${m.vars.loose}`);\n",
            &[],
        )
        .says(&["12.50 0x1F 12:30 00123456789012345678 12.5\n"]);
}

const SECRET: &str = "s3cret-of-a-vault";

/// Encrypts as a value of YAML that stands this far to the right.
fn sealed(project: &Project, indent: usize) -> String {
    let ran: Ran = project.zkmig(&["vault", "encrypt-string", "--vault-password-file", "pw", SECRET]);
    let text = ran.says(&["!vault |"]).stdout.clone();
    let lines: Vec<String> = text.lines().map(|line| format!("{}{}", " ".repeat(indent), line.trim_start())).collect();
    lines.join("\n").trim_start().to_owned()
}

fn nowhere(project: &Project, ran: &Ran, texts: &[&str]) {
    let mut said = vec![ran.stdout.clone(), ran.stderr.clone()];
    let mut folders = vec![project.join("state")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                said.push(String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned());
            }
        }
    }
    assert!(said.len() > 4, "there is no record");
    for (text, said) in texts.iter().flat_map(|text| said.iter().map(move |said| (text, said))) {
        assert!(!said.contains(text), "{text} is in {said}");
    }
}

#[test]
fn vaults_and_marks_inside_of_values_are_opened_and_are_secrets_wherever_they_go() {
    let project = Project::local();
    project
        .file("pw", "hunter2\n")
        .file("t.j2", "{{ creds.pass }} {{ url }} {{ creds | to_json }} {{ creds.pass | b64encode }}\n");
    let inside = sealed(&project, 6);
    project.file(
        "group_vars/all/plain.yml",
        &format!(
            "creds:\n  user: a\n  list:\n    - {inside}\n  pass: {inside}\nurl: \"https://u:{{{{ creds.pass }}}}@h\"\nraw: !unsafe \"{{{{ raw }}}}\"\nboth: {{ k: !unsafe \"{{{{ x }}}}\" }}\n"
        ),
    );
    project
        .file("group_vars/all/vault.yml", "db_url: \"postgres://u:pass-in-a-template@{{ inventory_hostname }}/db\"\n");
    project.zkmig(&["vault", "encrypt", "group_vars/all/vault.yml", "--vault-password-file", "pw"]).says(&[]);
    let playbook = r#"
        let m = hosts("masters")[0];
        note(`raw ${m.vars.raw} ${m.vars.both.k}`);
        note(`one ${m.vars.creds.pass} ${m.vars.url} ${m.vars.db_url}`);
        note(as_json(m.vars.creds) + as_json(#{ url: m.vars.url, db: m.vars.db_url }) + m.vars.creds.list[0]);
        m.template("t.j2", "FOLDER/rendered", #{});
        m.copy("FOLDER/copied", #{ content: m.vars.creds.pass + "\n" + m.vars.db_url + "\n" + as_json(m.vars.creds) + "\n" });
        try { m.run(["sh", "-c", "echo \"$1\" >&2; exit 9", "sh", m.vars.db_url]); } catch (e) { note(`failed: ${e}`); }
    "#;
    let playbook = playbook.replace("FOLDER", &project.path().display().to_string());
    let ran = project.run(&playbook, &["-vv", "--diff", "-y", "--vault-password-file", "pw"]);
    ran.says(&["raw {{ raw }} {{ x }}\n", "one [redacted] https://u:[redacted]@h "]);
    let json = format!("{{\"list\":[\"{SECRET}\"],\"pass\":\"{SECRET}\",\"user\":\"a\"}}");
    let copied = std::fs::read_to_string(project.join("copied")).unwrap();
    assert_eq!(copied, format!("{SECRET}\npostgres://u:pass-in-a-template@m1/db\n{json}\n"));
    let rendered = std::fs::read_to_string(project.join("rendered")).unwrap();
    assert!(rendered.starts_with(&format!("{SECRET} https://u:{SECRET}@h ")), "{rendered}");
    assert!(rendered.trim_end().ends_with(" czNjcmV0LW9mLWEtdmF1bHQ="), "{rendered}");
    nowhere(&project, &ran, &[SECRET, "pass-in-a-template", "czNjcmV0LW9mLWEtdmF1bHQ"]);
}

#[test]
fn a_become_password_is_opened_when_somebody_is_become_and_not_before() {
    let project = Project::local();
    project.file("pw", "hunter2\n");
    let inside = sealed(&project, 2);
    for text in [
        format!("ansible_become_password: {inside}\n"),
        format!("ansible_become_password: \"{{{{ behind }}}}\"\nbehind: {inside}\n"),
    ] {
        project.file("group_vars/all", &text);
        project
            .run("note(hosts(\"masters\")[0].run(\"echo works\", #{ read_only: true }).stdout);\n", &[])
            .says(&["works"]);
    }
}

/// The text is ansible-inventory's.
#[test]
fn a_graph_shows_templates_inside_of_values_as_they_are_written() {
    let project =
        Project::new("all:\n  hosts:\n    h:\n      a: 1\n      d: { k: \"{{ a }}\", l: [\"{{ groups }}\", 2] }\n");
    project
        .zkmig(&["inventory", "-i", "hosts.yaml", "--graph", "--vars"])
        .says(&["{d = {'k': '{{ a }}', 'l': ['{{ groups }}', 2]}}"]);
}

#[test]
fn the_vault_password_is_that_of_the_nearest_setting_and_the_environments_as_well() {
    let project = Project::local();
    project.file("pw", "hunter2\n").file("wrong", "wrong\n");
    project.file("group_vars/all", &format!("token: {}\n", sealed(&project, 2)));
    // A source that gives nothing is told, whether another opens the vault or none does.
    let missing = ["inventory", "-i", "hosts.yaml", "--vault-id", "prod@nowhere", "--vault-password-file"];
    let warning = "warning: can't read the vault password file nowhere";
    for (password, arguments) in [("pw", &["--list"][..]), ("wrong", &["--host", "m1"])] {
        let ran = project.zkmig(&[&missing[..], &[password], arguments].concat());
        assert!(ran.stderr.contains(warning), "{password}: {}", ran.stderr);
    }
    project.file("play.rhai", "note(`token ${hosts(\"masters\")[0].vars.token.len()}`);\n");
    let run = |environment: &[(&str, &str)], more: &[&str]| {
        project.zkmig_with(environment, &[&["run", "play.rhai", "-i", "hosts.yaml"], more].concat())
    };
    run(&[], &[]).fails(2, &["no vault password was given"]);
    run(&[("ANSIBLE_VAULT_PASSWORD_FILE", "pw")], &[]).says(&["token 17"]);
    run(&[("ZKMIG_VAULT_PASSWORD_FILE", "pw")], &[]).says(&["token 17"]);
    project.file("ansible.cfg", "[defaults]\nvault_password_file = pw\n");
    run(&[], &["--ansible-cfg"]).says(&["token 17"]);
    // The nearer counts alone; what Ansible's own variable names is tried after it.
    project.file("zkmig.toml", "vault_password_file = \"wrong\"\n");
    run(&[], &["--ansible-cfg"]).fails(2, &["does not open"]);
    run(&[("ZKMIG_VAULT_PASSWORD_FILE", "pw")], &[]).says(&["token 17"]);
    run(&[], &["--vault-password-file", "pw"]).says(&["token 17"]);
    run(&[("ANSIBLE_VAULT_PASSWORD_FILE", "pw")], &[]).says(&["token 17"]);
    run(&[("ZKMIG_VAULT_PASSWORD_FILE", "pw")], &["--vault-password-file", "wrong"]).fails(2, &["does not open"]);
}

#[test]
fn colours_are_as_the_settings_say_and_ssh_args_reach_ssh() {
    let project = Project::new("all:\n  vars: { ansible_host: 127.0.0.1, ansible_port: 1 }\n  hosts: { h1: }\n");
    project.file(
        "ssh",
        "#!/bin/sh\necho \"$*\" >>\"$0.log\"\nwhile [ $# -gt 0 ]; do\n\
         [ \"$1\" != -E ] || echo 'ssh: connect to host 127.0.0.1 port 1: Connection refused' >\"$2\"\nshift\ndone\nexit 255\n",
    );
    std::fs::set_permissions(project.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", project.path().display(), std::env::var("PATH").unwrap());
    project.file("ansible.cfg", "[ssh_connection]\nssh_args = -o ServerAliveInterval=7 -J jump.example.test\n");
    let ran =
        project.zkmig_with(&[("PATH", &path)], &["exec", "all", "-i", "hosts.yaml", "--ansible-cfg", "--", "true"]);
    ran.fails(4, &[]);
    let log = std::fs::read_to_string(project.join("ssh.log")).unwrap();
    assert!(log.contains("ServerAliveInterval 7") && log.contains("ProxyJump jump.example.test"), "{log}");

    let coloured = |setting: &str| {
        let ran = project.zkmig_with(
            &[("ZKMIG_COLOURS", setting), ("PATH", &path)],
            &["exec", "all", "-i", "hosts.yaml", "--", "true"],
        );
        format!("{}{}", ran.stdout, ran.stderr).contains('\u{1b}')
    };
    assert!(coloured("always"));
    assert!(!coloured("never"));
    // NO_COLOR is set here, and this is no terminal.
    assert!(!coloured("auto"));
}
