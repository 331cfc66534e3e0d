//! `zkmig vault`, and vaults in inventories, as a user has them.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use support::Project;

/// Two variables, by `ansible-vault encrypt` of ansible-core 2.19 with the password `hunter2`: `db_password: "tröpfchen-7"`
/// and `answer: 42`.
const FILE: &str = include_str!("fixtures/vault/file-1.1.yml");

fn project() -> Project {
    let project = Project::unreachable();
    project.file("pw", "hunter2\n").file("pw2", "correct horse\n").file("vars.yml", FILE);
    project
}

fn mode(project: &Project, name: &str) -> u32 {
    fs::metadata(project.join(name)).expect("a file").permissions().mode() & 0o7777
}

fn editor(project: &Project, script: &str) -> String {
    project.file("editor", &format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(project.join("editor"), fs::Permissions::from_mode(0o700)).expect("its mode");
    project.join("editor").display().to_string()
}

const PASSWORD: [&str; 2] = ["--vault-password-file", "pw"];

fn vault(project: &Project, arguments: &[&str]) -> support::Ran {
    project.zkmig(&[&["vault"], arguments].concat())
}

#[test]
fn a_file_of_ansible_vault_is_shown_and_one_that_was_made_here_is_shown_as_it_was() {
    let project = project();
    vault(&project, &["view", "vars.yml", PASSWORD[0], PASSWORD[1]])
        .says(&["db_password: \"tröpfchen-7\"", "answer: 42"]);
    project.file("plain.yml", "a: 1\n");
    vault(&project, &["encrypt", "plain.yml", "--vault-id", "prod@pw2"]).says(&[]);
    let text = fs::read_to_string(project.join("plain.yml")).expect("a vault");
    assert!(text.starts_with("$ANSIBLE_VAULT;1.2;AES256;prod\n"), "{text}");
    vault(&project, &["view", "plain.yml", "--vault-id", "prod@pw2"]).says(&["a: 1"]);
}

#[test]
fn a_file_keeps_its_mode_and_its_link_through_encrypt_rekey_edit_and_decrypt() {
    let project = project();
    project.file("plain.yml", "a: 1\n");
    fs::set_permissions(project.join("plain.yml"), fs::Permissions::from_mode(0o640)).expect("its mode");
    std::os::unix::fs::symlink("plain.yml", project.join("link.yml")).expect("a link");
    vault(&project, &["encrypt", "link.yml", PASSWORD[0], PASSWORD[1]]).says(&[]);
    vault(&project, &["rekey", "link.yml", PASSWORD[0], PASSWORD[1], "--new-vault-password-file", "pw2"]).says(&[]);
    vault(&project, &["view", "link.yml", PASSWORD[0], PASSWORD[1]]).fails(2, &["does not open link.yml"]);
    let editor =
        editor(&project, "stat -c '%a %n' \"$1\" >seen; stat -c %a \"$(dirname \"$1\")\" >>seen; sed -i s/1/2/ \"$1\"");
    project
        .zkmig_with(&[("EDITOR", &editor)], &["vault", "edit", "link.yml", "--vault-password-file", "pw2"])
        .says(&[]);
    let seen = fs::read_to_string(project.join("seen")).expect("what the editor saw");
    let (file, folder) = seen.trim().split_once('\n').expect("two lines");
    assert_eq!((&file[..4], folder), ("600 ", "700"), "{seen}");
    assert!(!std::path::Path::new(&file[4..]).exists(), "the plain text is still there");
    vault(&project, &["decrypt", "link.yml", "--vault-password-file", "pw2"]).says(&[]);
    assert_eq!(fs::read_to_string(project.join("plain.yml")).expect("a file"), "a: 2\n");
    assert_eq!(mode(&project, "plain.yml"), 0o640);
    assert!(fs::symlink_metadata(project.join("link.yml")).expect("a link").is_symlink());
}

#[test]
fn an_editor_that_fails_changes_nothing_and_leaves_nothing() {
    let project = project();
    let editor = editor(&project, "printf %s \"$1\" >seen; echo lost >\"$1\"; exit 7");
    let before = fs::read(project.join("vars.yml")).expect("a vault");
    project
        .zkmig_with(&[("EDITOR", &editor)], &["vault", "edit", "vars.yml", PASSWORD[0], PASSWORD[1]])
        .fails(2, &["the editor", "vars.yml was not changed"]);
    assert_eq!(fs::read(project.join("vars.yml")).expect("a vault"), before);
    assert!(!std::path::Path::new(&fs::read_to_string(project.join("seen")).expect("a path")).exists());
}

#[test]
fn a_vault_that_somebody_else_changed_meanwhile_is_not_written_over() {
    let project = project();
    let editor = editor(&project, "echo '# theirs' >>vars.yml; echo 'mine: 1' >\"$1\"");
    project
        .zkmig_with(&[("EDITOR", &editor)], &["vault", "edit", "vars.yml", PASSWORD[0], PASSWORD[1]])
        .fails(2, &["was changed by somebody else meanwhile", "vars.yml.edited, encrypted"]);
    vault(&project, &["view", "vars.yml.edited", PASSWORD[0], PASSWORD[1]]).says(&["mine: 1"]);
    assert!(fs::read_to_string(project.join("vars.yml")).expect("a vault").ends_with("# theirs\n"));
}

#[test]
fn of_several_files_none_is_written_when_one_can_not_be() {
    let project = project();
    project.file("b.yml", "b: 2\n").file("c.yml", FILE);
    vault(&project, &["encrypt", "b.yml", "c.yml", PASSWORD[0], PASSWORD[1]]).fails(2, &["c.yml is a vault already"]);
    assert_eq!(fs::read_to_string(project.join("b.yml")).expect("a file"), "b: 2\n");
    vault(&project, &["encrypt", "b.yml", "--vault-password-file", "pw2"]).says(&[]);
    vault(&project, &["rekey", "c.yml", "b.yml", PASSWORD[0], PASSWORD[1], "--new-vault-password-file", "pw2"])
        .fails(2, &["does not open b.yml"]);
    assert_eq!(fs::read_to_string(project.join("c.yml")).expect("a file"), FILE);
}

#[test]
fn values_are_made_for_yaml_with_their_names() {
    let project = project();
    let ran = vault(&project, &["encrypt_string", PASSWORD[0], PASSWORD[1], "-n", "a", "first", "-n", "b", "second"]);
    ran.says(&["a: !vault |\n          $ANSIBLE_VAULT;1.1;AES256\n          ", "b: !vault |\n"]);
    vault(&project, &["encrypt-string", PASSWORD[0], PASSWORD[1], "-n", "a"]).fails(2, &["an empty text"]);
    vault(&project, &["encrypt-string", "--vault-id", "a@pw", "--vault-id", "b@pw2", "x"])
        .fails(2, &["passwords of several ids: a, b", "--encrypt-vault-id"]);
    vault(&project, &["create", "vars.yml", PASSWORD[0], PASSWORD[1]]).fails(2, &["is there already", "vault edit"]);
}

/// A program of this name in the project's own folder of programs; gives the PATH that finds it first.
fn program(project: &Project, name: &str, script: &str) -> String {
    project.file(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
    let path = project.join("bin").join(name);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
    format!("{}:{}", project.join("bin").display(), std::env::var("PATH").expect("a path"))
}

/// Every file of the runs, in one text a file.
fn recorded(project: &Project) -> Vec<(String, Vec<u8>)> {
    fn walk(folder: &std::path::Path, found: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push((path.display().to_string(), fs::read(&path).unwrap_or_default()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&project.join("state"), &mut found);
    found
}

/// The text in every spelling that something could have given it.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let json = serde_json::to_string(secret).expect("JSON");
    let json = json.trim_matches('"').to_owned();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = Command::new("base64").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().and_then(|mut child| {
        use std::io::Write as _;
        child.stdin.take().expect("a pipe").write_all(secret.as_bytes())?;
        child.wait_with_output()
    });
    let base64 = String::from_utf8_lossy(&base64.expect("base64").stdout).trim().trim_end_matches('=').to_owned();
    let unicode: String = secret
        .encode_utf16()
        .map(|unit| if unit < 128 { char::from(unit as u8).to_string() } else { format!("\\u{unit:04x}") })
        .collect();
    let debug = format!("{secret:?}").trim_matches('"').to_owned();
    let shell = secret.replace('\'', r"'\''");
    [secret.to_owned(), json.replace('\\', r"\\"), json, hex, base64, unicode, debug, shell, secret.replace('\'', "''")]
        .into_iter()
        .map(String::into_bytes)
        .collect()
}

fn assert_nowhere(project: &Project, ran: &support::Ran, secret: &str) {
    let mut places = recorded(project);
    assert!(places.iter().any(|(path, _)| path.ends_with("run.json")), "no record");
    places.push(("standard output".to_owned(), ran.stdout.clone().into_bytes()));
    places.push(("standard error".to_owned(), ran.stderr.clone().into_bytes()));
    for (path, bytes) in places {
        for spelling in spellings(secret) {
            let found = bytes.windows(spelling.len()).any(|window| window == spelling);
            assert!(!found, "{:?} is in {path}", String::from_utf8_lossy(&spelling));
        }
    }
}

#[test]
fn secrets_of_sops_age_and_commands_are_used_and_shown_nowhere() {
    let project = Project::local();
    project.file("s.yaml", "encrypted\n").file("t.age", "encrypted\n");
    let path = program(
        &project,
        "sops",
        "[ \"$*\" = '--decrypt --extract [\"db\"][\"pass\"] -- s.yaml' ] && printf 'söps-\"pass\\n'",
    );
    program(&project, "age", "[ \"$*\" = '--decrypt --identity id.txt -- t.age' ] && echo age-pass-word");
    let playbook = r#"
        let m = hosts("masters")[0];
        for s in [secret("sops:s.yaml#db.pass"), secret(#{ age: "t.age", identity: "id.txt" }), secret("cmd:printf %s cmd-pass-word")] {
            note(`has ${s.len()}: ${s}`);
            m.run(["sh", "-c", "cat >seen-$(wc -c <seen 2>/dev/null || echo 0); echo x >>seen; cat seen-*", "sh"], #{ stdin: s, cwd: "FOLDER" });
            m.copy("FOLDER/copied", #{ content: "password: " + s + "\n", mode: "0600" });
        }
    "#;
    project.file("play.rhai", &playbook.replace("FOLDER", &project.path().display().to_string()));
    let ran = project.zkmig_with(&[("PATH", &path)], &["run", "play.rhai", "-i", "hosts.yaml", "-vv", "--diff", "-y"]);
    ran.says(&["has 10: [redacted]", "has 13: [redacted]"]);
    assert_eq!(fs::read_to_string(project.join("copied")).expect("a file"), "password: cmd-pass-word\n");
    for secret in ["söps-\"pass", "age-pass-word"] {
        assert_nowhere(&project, &ran, secret);
    }
}

#[test]
fn a_program_that_gives_no_secret_is_an_error_that_says_why() {
    let project = Project::local();
    project.file("s.yaml", "encrypted\n");
    let nothing = project.join("bin").display().to_string();
    let with = |path: &str, source: &str| {
        project.file("play.rhai", &format!("let s = secret({source:?});\n"));
        project.zkmig_with(&[("PATH", path)], &["run", "play.rhai", "-i", "hosts.yaml"])
    };
    with(&nothing, "sops:s.yaml#a").fails(2, &["there is no `sops` on this machine", "install sops"]);
    with(&nothing, "age:s.yaml").fails(2, &["there is no `age` on this machine"]);
    with(&nothing, "sops:none.yaml#a").fails(2, &["can't read none.yaml, which sops is to decrypt"]);
    with(&nothing, "sops:s.yaml#").fails(2, &["names no key"]);
    with(&nothing, "vault:x").fails(2, &["does not know this kind of source", "sops:"]);
    let path = program(&project, "sops", "echo 'no key found' >&2; exit 128");
    with(&path, "sops:s.yaml#a").fails(3, &["sops could not decrypt s.yaml#a", "exit status: 128", "no key found"]);
    with(&path, "cmd:exit 4").fails(3, &["the command `exit 4`", "exit status: 4"]);
    with(&path, "cmd:true").fails(3, &["printed nothing"]);
}

/// Encrypts with the project's password, as a value to put below a key of YAML.
fn value(project: &Project, text: &str) -> String {
    vault(project, &["encrypt-string", PASSWORD[0], PASSWORD[1], text]).says(&["!vault |"]).stdout.clone()
}

/// A project on this machine whose inventory has a vault of each kind.
fn shop(secrets: &[&str; 3]) -> Project {
    let project = Project::local();
    project.file("pw", "hunter2\n");
    let whole = format!("whole: {}\npin: 902134\n", serde_json::json!(secrets[0]));
    project.file("group_vars/masters/vault.yml", &whole);
    vault(&project, &["encrypt", "group_vars/masters/vault.yml", PASSWORD[0], PASSWORD[1]]).says(&[]);
    let text = format!("token: {}", value(&project, secrets[1]));
    project.file("group_vars/masters/plain.yml", &text);
    project.file("host_vars/m1.yml", &format!("ansible_become_password: {}", value(&project, secrets[2])));
    project
}

const SECRETS: [&str; 3] = ["tröpf'chen \"7\"", "to\\ken-of 'the' shop\t!", "become pass wörd"];

#[test]
fn no_plain_text_of_a_vault_is_in_any_file_or_output_of_a_run() {
    let project = shop(&SECRETS);
    let playbook = r#"
        for m in hosts("masters") {
            note(`whole ${m.vars.whole}, token ${m.vars.token}, pin ${m.vars.pin}`);
            m.copy(`FOLDER/copied-${m.name}`, #{ content: m.vars.whole + "\n" + m.vars.token + "\n", mode: "0600" });
            m.run(["printf", "%s %s\\n", m.vars.whole, m.vars.token]);
        }
        let m = hosts("masters")[0];
        try { m.run(["sh", "-c", "echo \"$1\" >&2; exit 9", "sh", m.vars.token]); } catch (e) { note(`failed: ${e.message} ${e}`); }
        fail(`in the end ${m.vars.token} ${m.vars.whole}`);
    "#;
    let playbook = playbook.replace("FOLDER", &project.path().display().to_string());
    let ran = project.run(&playbook, &["-vv", "--diff", "-y", PASSWORD[0], PASSWORD[1]]);
    ran.fails(5, &["in the end [redacted] [redacted]"]);
    assert!(ran.stdout.contains("whole [redacted], token [redacted], pin [redacted]"), "{}", ran.stdout);
    let copied = fs::read_to_string(project.join("copied-m1")).expect("a file");
    assert_eq!(copied, format!("{}\n{}\n", SECRETS[0], SECRETS[1]));
    for secret in SECRETS.iter().chain(&["902134", "hunter2"]) {
        assert_nowhere(&project, &ran, secret);
    }
    // What was read is kept as it is on disk.
    let kept = recorded(&project).into_iter().filter(|(_, bytes)| bytes.windows(14).any(|it| it == b"$ANSIBLE_VAULT"));
    assert!(kept.count() > 0, "the record does not have the vault");
}

#[test]
fn a_value_of_a_vault_in_a_rendered_file_is_shown_nowhere() {
    let project = shop(&SECRETS);
    project.file("a.j2", "{% set all = [whole, token] %}\nwhole={{ whole }}\ntoken={{ token }}\njson={{ all | to_json }}\npin: {{ pin }}\n");
    let playbook = r#"
        let m = hosts("masters")[0];
        m.template("a.j2", "FOLDER/rendered", #{ mode: "0600" });
        note(`rendered ${render("a.j2", #{ whole: m.vars.whole, token: m.vars.token, pin: m.vars.pin })}`);
        m.template("b.j2", "FOLDER/none", #{});
    "#;
    project.file("b.j2", "{{ token | from_json }}\n");
    let playbook = playbook.replace("FOLDER", &project.path().display().to_string());
    for more in [&["--check"][..], &[]] {
        let ran = project.run(&playbook, &[&["-vv", "--diff", "-y", PASSWORD[0], PASSWORD[1]], more].concat());
        assert!(ran.stdout.contains("whole=[redacted]"), "{}", ran.stdout);
        assert!(ran.stderr.contains("b.j2"), "{}", ran.stderr);
        for secret in SECRETS.iter().chain(&["902134", "hunter2"]) {
            assert_nowhere(&project, &ran, secret);
        }
    }
    let rendered = fs::read_to_string(project.join("rendered")).expect("a file");
    assert!(rendered.contains(&format!("whole={}\ntoken={}\n", SECRETS[0], SECRETS[1])), "{rendered}");
}

#[test]
fn a_vault_without_its_password_is_an_error_that_names_the_variable_or_the_file() {
    let project = shop(&SECRETS);
    project.run("note(\"x\");\n", &[]).fails(2, &["vault.yml is a vault of the id `default`", "--vault-password-file"]);
    fs::remove_file(project.join("group_vars/masters/vault.yml")).expect("a file");
    let playbook = "note(hosts(\"masters\")[0].vars.token);\n";
    project.run(playbook, &[]).fails(2, &["token", "no vault password was given", "plain.yml"]);
    project.file("wrong", "wrong\n");
    project.run(playbook, &["--vault-password-file", "wrong"]).fails(2, &["does not open", "token", "plain.yml"]);
    project
        .run(playbook, &["--vault-password-file", "nowhere"])
        .fails(2, &["can't read the vault password file nowhere"]);
}

#[test]
fn a_vaults_value_of_the_wrong_type_is_not_shown() {
    let project = Project::local();
    project.file("pw", "hunter2\n").file("group_vars/all.yml", "port: SECRETPORT8\n");
    project.file("play.rhai", "declare(#{ port: #{ type: \"int\" } });\nnote(`${vars.port}`);\n");
    project.zkmig(&["vault", "encrypt", "--vault-password-file", "pw", "group_vars/all.yml"]).says(&[]);
    for command in ["run", "lint"] {
        let ran = project.zkmig(&[command, "play.rhai", "-i", "hosts.yaml", "--vault-password-file", "pw"]);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code == 2 && said.contains("has to be a whole number") && !said.contains("SECRETPORT8"), "{said}");
    }
}
