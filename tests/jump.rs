//! Jump hosts: real sshds one behind the other on loopback, each with a host key, a user and a key of its own.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::Duration;

use support::Project;
use support::sshd::{Sshd, free_port, keygen};
use zkmig::error::{Error, Kind};
use zkmig::host::becoming::Become;
use zkmig::host::control::Control;
use zkmig::host::ssh::Ssh;
use zkmig::host::target::Target;
use zkmig::host::{Command, Output, Pipe, Stdin, Transport, User};

/// Two hosts to jump over and the one behind them.
struct Hosts {
    first: Sshd,
    second: Sshd,
    last: Sshd,
    project: Project,
}

fn user() -> &'static str {
    // A user without a shell may carry others through all the same.
    if rustix::process::geteuid().is_root() { "nobody" } else { "" }
}

impl Hosts {
    fn new(of_first: &str) -> Self {
        let hosts = Self {
            first: Sshd::start(of_first),
            second: Sshd::start(""),
            last: Sshd::start(""),
            project: Project::new(""),
        };
        // What a user without rights reads: the keys that may log in.
        for sshd in [&hosts.first, &hosts.second, &hosts.last] {
            fs::set_permissions(sshd.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        }
        hosts.configure("", "");
        hosts
    }

    /// Writes the configuration of ssh, with more lines for the last host and for the second.
    fn configure(&self, of_last: &str, of_second: &str) {
        let host = |name: &str, sshd: &Sshd, more: &str| {
            format!(
                "Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n  {more}\n",
                port = sshd.port,
                key = sshd.path("user").display(),
                known = sshd.path("known_hosts").display(),
            )
        };
        let user = if user().is_empty() { String::new() } else { format!("User {}", user()) };
        let text = [
            host("first", &self.first, &user),
            host("second", &self.second, of_second),
            host("last", &self.last, of_last),
            "Host *\n  GlobalKnownHostsFile none\n".to_owned(),
        ]
        .concat();
        self.project.file("ssh_config", &text);
    }

    fn target(&self, options: &[(&str, &str)]) -> Target {
        Target {
            name: "m1".to_owned(),
            address: "last".to_owned(),
            port: None,
            user: None,
            key: None,
            config_file: Some(self.project.join("ssh_config")),
            options: options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            strict: true,
            connect_timeout: Duration::from_secs(10),
        }
    }

    fn inventory(&self, arguments: &str) {
        let config = self.project.join("ssh_config");
        let lock = self.project.join("lock");
        self.project.file(
            "hosts.yaml",
            &format!(
                "m:\n  hosts:\n    m1:\n      ansible_host: last\n      zkmig_ssh_config: {}\n      zkmig_lock_file: {}\n      ansible_ssh_common_args: {arguments}\n",
                config.display(),
                lock.display()
            ),
        );
    }
}

/// Who was let in, by an sshd's log.
fn let_in(sshd: &Sshd) -> usize {
    fs::read_to_string(sshd.path("log")).unwrap().matches("Accepted publickey for").count()
}

#[derive(Default)]
struct Kept(Vec<u8>);

impl Output for Kept {
    fn write(&mut self, pipe: Pipe, bytes: &[u8]) {
        if pipe == Pipe::Stdout {
            self.0.extend_from_slice(bytes);
        }
    }
}

async fn connect(target: Target) -> Result<Ssh, Error> {
    Ssh::connect(target, Become::default(), User::Login, Arc::new(Control::new()?)).await
}

async fn arrives(target: Target) {
    let host = connect(target).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    let mut kept = Kept::default();
    let command = Command {
        common: "",
        script: "echo here".to_owned(),
        user: User::Login,
        stdin: Stdin::Closed,
        timeout: Duration::from_secs(30),
    };
    let exit = host.run(command, &mut kept).await.unwrap();
    assert_eq!((exit.status, kept.0.as_slice()), (0, &b"here\n"[..]));
    host.close().await;
}

async fn refusal(target: Target) -> Error {
    match connect(target).await {
        Ok(_) => panic!("connected"),
        Err(error) => error,
    }
}

fn text(error: &Error) -> String {
    let parts = error.parts();
    format!("{error} | {} | {}", parts.hints.join(" | "), parts.details.join(" | "))
}

#[track_caller]
fn says(error: &Error, texts: &[&str]) {
    assert_eq!(error.kind(), Kind::Unreachable, "{}", text(error));
    for wanted in texts {
        assert!(text(error).contains(wanted), "no {wanted:?} in {}", text(error));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_hop_and_two_by_option_and_by_configuration() {
    let hosts = Hosts::new("");
    let counts = || (let_in(&hosts.first), let_in(&hosts.second), let_in(&hosts.last));
    arrives(hosts.target(&[("ProxyJump", "first")])).await;
    assert_eq!(counts(), (1, 0, 1));
    arrives(hosts.target(&[("ProxyJump", "first,second")])).await;
    assert_eq!(counts(), (2, 1, 2));
    hosts.configure("ProxyJump second", "ProxyJump first");
    arrives(hosts.target(&[])).await;
    assert_eq!(counts(), (3, 2, 3));
    hosts.configure("", "");
    let command = format!("ssh -F {} -W %h:%p first", hosts.project.join("ssh_config").display());
    arrives(hosts.target(&[("ProxyCommand", &command)])).await;
    assert_eq!(counts(), (4, 2, 4));
    // What the inventory says of the host is not said to a hop: neither its user, nor its key, nor its port.
    let named = Target {
        address: "127.0.0.1".to_owned(),
        port: Some(hosts.last.port),
        key: Some(hosts.last.path("user")),
        options: vec![
            ("ProxyJump".to_owned(), "first".to_owned()),
            ("UserKnownHostsFile".to_owned(), hosts.last.path("known_hosts").display().to_string()),
        ],
        ..hosts.target(&[])
    };
    arrives(named).await;
    assert_eq!(counts(), (5, 2, 5));
    let log = fs::read_to_string(hosts.first.path("log")).unwrap();
    assert!(log.contains(&format!("Accepted publickey for {}", user())), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_names_the_hop_that_refuses() {
    let hosts = Hosts::new("");
    let both = [("ProxyJump", "first,second")];
    let known = |sshd: &Sshd| sshd.path("known_hosts");
    let kept = fs::read_to_string(known(&hosts.first)).unwrap();
    fs::write(known(&hosts.first), "").unwrap();
    says(&refusal(hosts.target(&both)).await, &["through the jump host first", "is not known", "accept-new"]);
    // The setting is for the hops too.
    arrives(Target { strict: false, ..hosts.target(&both) }).await;
    fs::write(known(&hosts.first), kept).unwrap();

    keygen(&hosts.project.join("other"), "");
    let other = fs::read_to_string(hosts.project.join("other.pub")).unwrap();
    let kept = fs::read_to_string(known(&hosts.second)).unwrap();
    fs::write(known(&hosts.second), format!("[127.0.0.1]:{} {other}", hosts.second.port)).unwrap();
    says(&refusal(hosts.target(&both)).await, &["through the jump host second", "not the one that is known"]);
    fs::write(known(&hosts.second), kept).unwrap();

    let kept = fs::read_to_string(hosts.second.path("authorized")).unwrap();
    fs::write(hosts.second.path("authorized"), "").unwrap();
    says(&refusal(hosts.target(&both)).await, &["through the jump host second", "may not log in", "Host second"]);
    fs::write(hosts.second.path("authorized"), kept).unwrap();

    fs::write(hosts.last.path("authorized"), "").unwrap();
    let error = refusal(hosts.target(&both)).await;
    says(&error, &["last may not log in"]);
    assert!(!text(&error).contains("jump host"), "{}", text(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hop_that_is_down_and_a_host_that_is_down_behind_it_are_told_apart() {
    let hosts = Hosts::new("");
    let nobody = format!("127.0.0.1:{}", free_port());
    says(
        &refusal(hosts.target(&[("ProxyJump", &nobody)])).await,
        &[&format!("through the jump host {nobody}"), "refuses connections"],
    );
    let down = Target { port: Some(free_port()), ..hosts.target(&[("ProxyJump", "first")]) };
    says(&refusal(down).await, &["the jump host first does not get through to last", "Connection refused"]);
    let forbids = Hosts::new("AllowTcpForwarding no");
    says(
        &refusal(forbids.target(&[("ProxyJump", "first")])).await,
        &["the jump host first does not get through to last", "prohibited", "AllowTcpForwarding"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_gives_no_connection_says_why() {
    let hosts = Hosts::new("");
    let command = "echo 'the gate is shut' >&2; exit 1";
    let error = refusal(hosts.target(&[("ProxyCommand", command)])).await;
    says(&error, &["the ProxyCommand gives no connection to last", "the gate is shut", command]);
}

#[test]
fn the_arguments_of_an_inventory_lead_over_the_hops() {
    let hosts = Hosts::new("");
    for arguments in ["-o ProxyJump=first", "-J first,second"] {
        hosts.inventory(arguments);
        hosts.project.run("hosts(\"m\")[0].run(\"echo arrived\");", &["-vv"]).says(&["arrived"]);
    }
    assert_eq!((let_in(&hosts.first), let_in(&hosts.second), let_in(&hosts.last)), (2, 1, 2));
}

/// As kubespray reaches a cluster over its bastion: a file that it writes, named in ssh's arguments.
#[test]
fn a_file_that_the_arguments_name_leads_over_its_bastion() {
    let hosts = Hosts::new("");
    hosts.configure("ProxyCommand ssh -F ssh_config -W %h:%p first", "");
    let lock = hosts.project.join("lock");
    let inventory = |file: &str| {
        let text = format!(
            "[m]\nm1 ansible_host=last zkmig_lock_file={}\n[m:vars]\nansible_ssh_common_args='-F ./{file}'\n",
            lock.display()
        );
        hosts.project.file("hosts.ini", &text);
    };
    let run = || hosts.project.zkmig(&["exec", "m", "-i", "hosts.ini", "--read-only", "--", "echo", "arrived"]);
    inventory("ssh_config");
    run().says(&["arrived"]);
    assert_eq!((let_in(&hosts.first), let_in(&hosts.last)), (1, 1));
    inventory("ssh-bastion.conf");
    run().fails(
        2,
        &["ssh-bastion.conf, which is ssh's configuration for this host", "hosts.ini:4", "relative to this folder"],
    );
}

#[test]
fn nothing_on_the_way_asks_at_the_operators_terminal() {
    let hosts = Hosts::new("");
    let asks = "printf 'who%s' ' are you?' >/dev/tty && read -r answer </dev/tty || echo no terminal >&2; exit 1";
    hosts.configure(&format!("ProxyCommand {asks}"), "");
    hosts.inventory("-C");
    hosts.project.file("play.rhai", "hosts(\"m\")[0].run(\"true\");");
    let line = format!("{} run play.rhai -i hosts.yaml", env!("CARGO_BIN_EXE_zkmig"));
    let mut script = Process::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(hosts.project.path()).stdin(Stdio::null());
    let ran = script.env("XDG_STATE_HOME", hosts.project.join("state")).env("SHELL", "/bin/sh").output().unwrap();
    let shown = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(shown.contains("no terminal") && !shown.contains("who are you?"), "{shown}");
    assert_eq!(ran.status.code(), Some(4), "{shown}");
}
