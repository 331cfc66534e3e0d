//! Many hosts: what bounds a run, and what it does one host after the other.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use support::Project;
use support::sshd::Sshd;

/// An sshd that answers at every loopback address, and a project with so many hosts on it, each with a lock of its own.
fn hosts(count: usize) -> (Sshd, Project) {
    hosts_with(count, "")
}

/// The same, with these lines in the configuration of sshd.
fn hosts_with(count: usize, lines: &str) -> (Sshd, Project) {
    let sshd = Sshd::start(&format!("ListenAddress 0.0.0.0\nMaxStartups 1000\nPerSourceMaxStartups none\n{lines}"));
    let project = Project::unreachable();
    let key = std::fs::read_to_string(sshd.path("host.pub")).unwrap();
    project.file("known_hosts", &format!("* {key}"));
    project.file("ssh_config", &format!("Host *\n  UserKnownHostsFile {}\n", project.join("known_hosts").display()));
    let mut text = format!(
        "all:\n  vars:\n    ansible_user: root\n    ansible_port: {}\n    ansible_ssh_private_key_file: {}\n    zkmig_ssh_config: {}\n    \
         zkmig_lock_file: \"{}/lock-{{{{ inventory_hostname }}}}\"\n  hosts:\n",
        sshd.port,
        sshd.path("user").display(),
        project.join("ssh_config").display(),
        project.path().display(),
    );
    for number in 1..=count {
        text.push_str(&format!("    h{number:02}: {{ ansible_host: 127.0.7.{number} }}\n"));
    }
    project.file("hosts.yaml", &text);
    (sshd, project)
}

/// Runs zkmig below a shell with this limit of open files: `-Sn` is the soft one, `-n` both.
fn limited(project: &Project, limit: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let line = format!("ulimit {limit}; exec \"$@\"");
    let run = Command::new("sh")
        .args(["-c", &line, "sh", env!("CARGO_BIN_EXE_zkmig")])
        .args(arguments)
        .current_dir(project.path())
        .env("NO_COLOR", "1")
        .env("XDG_STATE_HOME", project.join("state"))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = [run.stdout, run.stderr].concat();
    (run.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn locks(project: &Project) -> usize {
    let names = std::fs::read_dir(project.path()).unwrap().flatten().map(|entry| entry.file_name());
    names.filter(|name| name.to_string_lossy().starts_with("lock-")).count()
}

#[test]
fn a_low_soft_limit_of_open_files_is_raised_and_a_hard_one_is_told_of_before_any_host_is_touched() {
    let (_sshd, project) = hosts(40);
    project.file("play.rhai", "step(\"work\", || hosts(\"all\").each(|m| m.run(\"echo \" + m.name)));");
    let (code, said) = limited(&project, "-Sn 128", &["run", "play.rhai", "-i", "hosts.yaml", "-f", "40"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("changed=1").count(), 40, "{said}");
    assert_eq!(locks(&project), 0);

    let (code, said) = limited(&project, "-n 128", &["run", "play.rhai", "-i", "hosts.yaml"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("40 hosts at once need") && said.contains("this process may have 128"), "{said}");
    assert!(said.contains("--limit"), "{said}");
}

#[test]
fn exec_works_on_as_many_hosts_at_once_as_forks_says_and_in_their_order() {
    let (_sshd, project) = hosts(6);
    let log = project.join("log");
    // Whoever finds another at work says so.
    let command = format!(
        "mkdir {0}.busy || echo together >>{0}; echo \"$SSH_CONNECTION\" | cut -d' ' -f3 >>{0}; sleep 0.05; rmdir {0}.busy; true",
        log.display()
    );
    let ran = project.zkmig(&["exec", "all", "-i", "hosts.yaml", "-f", "1", "--", &command]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let order: Vec<String> = (1..=6).map(|number| format!("127.0.7.{number}")).collect();
    assert_eq!(std::fs::read_to_string(&log).unwrap().lines().collect::<Vec<_>>(), order);
    assert_eq!(locks(&project), 0);
}

/// Whether a process of a connection to this sshd is left.
fn is_served(sshd: &Sshd) -> bool {
    let ours = format!(" {}\0", sshd.port);
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        std::fs::read(entry.path().join("environ")).is_ok_and(|environment| {
            let text = String::from_utf8_lossy(&environment);
            text.split_inclusive('\0')
                .any(|variable| variable.starts_with("SSH_CONNECTION=") && variable.ends_with(&ours))
        })
    })
}

/// Puts a program of this name before the real one, which notes that it was started where this condition of the shell holds.
fn counted(folder: &Path, name: &str, condition: &str, log: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let real =
        ["/usr/bin", "/bin"].map(|place| format!("{place}/{name}")).into_iter().find(|path| Path::new(path).exists());
    let (path, log) = (folder.join(name), log.display());
    std::fs::write(&path, format!("#!/bin/sh\n{condition} && echo {name} >>'{log}'\nexec {} \"$@\"\n", real.unwrap()))
        .unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn started(log: &Path, name: &str) -> usize {
    std::fs::read_to_string(log).unwrap_or_default().lines().filter(|line| *line == name).count()
}

#[test]
fn a_run_of_plain_steps_has_one_channel_a_host() {
    let (_sshd, project) = hosts_with(2, "MaxSessions 1");
    let folder = project.path().display();
    project.file(
        "play.rhai",
        &format!("step(\"work\", || hosts(\"all\").each(|m| {{ m.run(\"true\"); m.copy(`{folder}/${{m.name}}`, #{{ content: \"x\" }}); }}));"),
    );
    let ran = project.zkmig(&["run", "play.rhai", "-i", "hosts.yaml"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(locks(&project), 0);
}

#[test]
fn a_run_starts_one_ssh_a_host_and_a_host_a_few_programs_and_none_of_them_to_close() {
    let project = Project::unreachable();
    let (here, there) = (project.join("here.log"), project.join("there.log"));
    counted(&project.join("here"), "ssh", "true", &here);
    let programs = ["timeout", "id", "mktemp", "grep", "cat", "stat", "dd", "ln", "rm", "touch", "head", "base64"];
    for name in programs {
        // The start files of whoever logs in are nobody's business here: only the engine's shells have this.
        counted(&project.join("there"), name, "[ \"$LC_ALL\" = C ]", &there);
    }
    // What the host's shells find first; the engine adds to it and takes nothing away.
    let path = format!("{}:/usr/bin:/bin", project.join("there").display());
    let (sshd, second) = hosts_with(2, &format!("SetEnv PATH={path}"));
    second.file("play.rhai", "step(\"work\", || hosts(\"all\").each(|m| m.run(\"true\")));");
    let path = format!("{}:{}", project.join("here").display(), std::env::var("PATH").unwrap());
    let ran = second.zkmig_with(&[("PATH", &path)], &["run", "play.rhai", "-i", "hosts.yaml"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    support::wait_for("the end of the shells on the hosts", || !is_served(&sshd));
    assert_eq!(started(&here, "ssh"), 2);
    let on_hosts: Vec<_> = programs.iter().map(|name| (*name, started(&there, name))).collect();
    // For both hosts: a lock is taken, a step is done, the lock is given back. The rest is what makes a lock last: its text and its name
    // are on the disk, and at the end that its name is gone.
    let wanted = programs.map(|name| match name {
        "dd" => (name, 6),
        "rm" => (name, 4),
        "ln" => (name, 2),
        _ => (name, 0),
    });
    assert_eq!(on_hosts, wanted);
}
