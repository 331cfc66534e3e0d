//! `zkmig exec`, and what the commands leave on the operator's machine.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use support::Project;
use support::sshd::Sshd;

#[test]
fn every_host_that_failed_is_named() {
    let project = Project::local();
    let script = format!("echo \"it is $$ that says so\" >&2; echo x >>{}; exit 7", project.join("ran").display());
    let ran = project.zkmig(&["exec", "masters", "-i", "hosts.yaml", "--", &script]);
    ran.fails(3, &["failed on 2 of 2 hosts", "m1: ", "m2: ", "that says so"]);
    assert_eq!(std::fs::read_to_string(project.join("ran")).unwrap(), "x\nx\n");
}

#[test]
fn one_fork_is_one_host_after_the_other() {
    let project = Project::local();
    // Whoever is first waits for the second.
    let (one, other) = (project.join("one"), project.join("other"));
    let script = format!(
        "mkdir {one} 2>/dev/null || mkdir {other}; until [ -d {other} ]; do sleep 0.05; done",
        one = one.display(),
        other = other.display()
    );
    let exec = |forks: &str, timeout: &str| {
        project.zkmig(&["exec", "masters", "-i", "hosts.yaml", "-f", forks, "--timeout", timeout, "--", &script])
    };
    let ran = exec("1", "2s");
    ran.fails(3, &["m1: ", "did not end within 2 s"]);
    assert!(other.is_dir() && !ran.stderr.contains("m2: did not end"), "{}", ran.stderr);
    std::fs::remove_dir(&one).unwrap();
    std::fs::remove_dir(&other).unwrap();
    assert_eq!(exec("2", "60s").code, 0);
}

#[test]
fn output_that_is_not_utf8_is_marked() {
    let project = Project::local();
    let exec = |text: &str| {
        let script = format!("printf '{text}\\n'");
        project.zkmig(&["exec", "masters", "-i", "hosts.yaml", "--read-only", "-v", "--", &script])
    };
    exec("gr\\374n").says(&["(what it printed is not UTF-8)"]);
    let ran = exec("gr\\303\\274n");
    ran.says(&["grün"]);
    assert!(!ran.stdout.contains("not UTF-8"), "{}", ran.stdout);
}

#[test]
fn what_only_checks_makes_no_folder_for_connections() {
    let project = Project::unreachable();
    project.file("play.rhai", "hosts(\"masters\");");
    let runtime = project.join("runtime");
    std::fs::create_dir(&runtime).unwrap();
    let environment = [("XDG_RUNTIME_DIR", runtime.to_str().unwrap())];
    let ran = project.zkmig_with(&environment, &["lint", "play.rhai", "-i", "hosts.yaml"]);
    ran.says(&["is fine"]);
    assert_eq!(std::fs::read_dir(&runtime).unwrap().count(), 0);
    // The same folder serves a run.
    let ran = project.zkmig_with(&environment, &["run", "play.rhai", "-i", "hosts.yaml"]);
    ran.fails(4, &["refuses connections"]);
    assert!(runtime.join("zkmig").is_dir());
}

#[test]
fn a_percent_sign_in_the_folder_for_connections_is_no_escape() {
    let sshd = Sshd::start("");
    let project = Project::new(&format!(
        "masters:\n  hosts:\n    m1:\n      ansible_host: 127.0.0.1\n      ansible_port: {}\n      \
         ansible_ssh_private_key_file: {}\n      ansible_ssh_common_args: -o UserKnownHostsFile={}\n",
        sshd.port,
        sshd.path("user").display(),
        sshd.path("known_hosts").display()
    ));
    let runtime = project.join("%h%%");
    std::fs::create_dir(&runtime).unwrap();
    let environment = [("XDG_RUNTIME_DIR", runtime.to_str().unwrap())];
    let ran =
        project.zkmig_with(&environment, &["exec", "m1", "-i", "hosts.yaml", "--read-only", "--", "echo arrived"]);
    ran.says(&["arrived"]);
    // It was really there that the connection was held, and nothing is left of it.
    assert_eq!(std::fs::read_dir(runtime.join("zkmig")).unwrap().count(), 0);
}
