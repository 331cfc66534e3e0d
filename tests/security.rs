//! What must not get out: secrets in process lists, environments, streams and errors; files outside the playbook's folder.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use support::{LOCAL, Project};

/// Holds what each sink spells in its own way.
const SECRET: &str = "it's \"sec\\ret\" 4711";

/// Whether a text has a piece of the secret that no other text has.
fn tells(text: &str) -> bool {
    ["sec\\ret", "sec\\\\ret", "ret\" 4711", "ret\\\" 4711", "hunter-2-22"].iter().any(|piece| text.contains(piece))
}

#[test]
fn a_secret_is_in_no_process_list_no_environment_no_stream_and_no_error() {
    let project = Project::new(&format!("{LOCAL}    ansible_become: true\n    ansible_become_password: hunter-2-22\n"));
    project.file("secret.txt", &format!("{SECRET}\n"));
    project.file("pieces", "sec\\ret\nhunter-2-22\n").file("known", "play.rhai\n");
    // The processes of this machine, looked at while the secret is in use: which of them show it, and whether any is seen.
    let folder = project.path().display();
    let look = format!(
        "cat >/dev/null; cd {folder}; grep -alFf pieces /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null;
         [ -z \"$(grep -alFf known /proc/[0-9]*/cmdline 2>/dev/null)\" ] || echo looked"
    );
    let playbook = format!(
        r#"
        let token = secret(#{{ file: "secret.txt" }});
        let host = hosts("m1")[0];
        let seen = step("look", || host.run(`{look}`, #{{ stdin: token, timeout: 60 }}));
        local_write("seen.txt", seen.stdout);
        step("write", || host.copy(vars.target, #{{ content: token + "\n", mode: "0600" }}));
        note(`plain ${{token}} and json ${{#{{ token: token }}.to_json()}}`);
        step("fail", || host.run("cat >&2; false", #{{ stdin: token }}));
        "#
    );
    let target = format!("target={}", project.join("target.txt").display());
    let ran = project.run(&playbook, &["-e", &target, "--diff", "-vv", "--events", "events.ndjson"]);
    ran.fails(3, &["[redacted]"]);
    let read = |name: &str| std::fs::read_to_string(project.join(name)).unwrap();
    assert_eq!(read("target.txt"), format!("{SECRET}\n"));
    let seen = read("seen.txt");
    assert_eq!(seen, "looked\n");
    assert!(!tells(&ran.stdout), "{}", ran.stdout);
    assert!(!tells(&ran.stderr), "{}", ran.stderr);
    assert!(ran.stdout.contains("plain [redacted] and json"), "{}", ran.stdout);
    assert!(!tells(&read("events.ndjson")), "{}", read("events.ndjson"));
}

#[test]
fn the_process_leaves_no_core_file_and_its_memory_is_hidden_from_its_own_user() {
    let project = Project::local();
    std::fs::set_permissions(project.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // What the kernel says of the process that runs this playbook: files about one that can't be dumped are root's.
    project.file(
        "play.rhai",
        r#"
        let found = hosts("m1")[0].run("ulimit -c; for p in /proc/[0-9]*; do case $(tr '\\0' ' ' <$p/cmdline) in *'run play.rhai'*) stat -c %u $p/environ;; esac; done 2>/dev/null", #{ become: false });
        print(found.stdout);
        "#,
    );
    let nobody = 65534;
    let mut command = Command::new(env!("CARGO_BIN_EXE_zkmig"));
    let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    if is_root {
        std::os::unix::fs::chown(project.path(), Some(nobody), Some(nobody)).unwrap();
        // The test's own build may be in a folder that only root can enter.
        let copy = project.join("zkmig");
        std::fs::copy(env!("CARGO_BIN_EXE_zkmig"), &copy).unwrap();
        command = Command::new(copy);
        std::os::unix::process::CommandExt::uid(&mut command, nobody);
        std::os::unix::process::CommandExt::gid(&mut command, nobody);
    }
    command.args(["run", "play.rhai", "-i", "hosts.yaml"]).current_dir(project.path()).env_remove("XDG_RUNTIME_DIR");
    command.env("HOME", project.path()).env("XDG_STATE_HOME", project.join("state")).env("NO_COLOR", "1");
    let output = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut lines =
        text.lines().map(str::trim).filter(|line| line.bytes().all(|byte| byte.is_ascii_digit()) && !line.is_empty());
    assert_eq!(lines.next(), Some("0"), "the limit of core files: {text}");
    assert_eq!(lines.next(), Some("0"), "the owner of the process's environment: {text}");
}

#[test]
fn imports_templates_and_copied_files_stay_in_the_playbooks_folder_whatever_links_there_are() {
    let project = Project::local();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.rhai"), "const X = 1;\n").unwrap();
    std::os::unix::fs::symlink(outside.path(), project.join("out")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.rhai"), project.join("link.rhai")).unwrap();
    project.file("t.j2", "{% include \"out/secret.rhai\" %}");
    for playbook in [
        "import \"out/secret\" as x;",
        "import \"link\" as x;",
        "import \"../x\" as x;",
        "import \"/etc/passwd\" as x;",
        "hosts(\"m1\")[0].copy(\"/tmp/zkmig-never\", #{ file: \"out/secret.rhai\" });",
        "hosts(\"m1\")[0].copy(\"/tmp/zkmig-never\", #{ file: \"/etc/passwd\" });",
        "hosts(\"m1\")[0].template(\"out/secret.rhai\", \"/tmp/zkmig-never\", #{});",
        "hosts(\"m1\")[0].template(\"t.j2\", \"/tmp/zkmig-never\", #{});",
        "render(\"t.j2\", #{});",
        "render(\"../t.j2\", #{});",
    ] {
        let ran = project.run(playbook, &[]);
        assert!(ran.code != 0 && ran.stderr.contains("outside"), "{playbook}\n{}", ran.stderr);
    }
    assert!(!std::path::Path::new("/tmp/zkmig-never").exists());
}
