//! Ports of a host, where its sshd forbids to connect to them, and where only one protocol listens.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use support::Project;
use support::sshd::{Sshd, free_port};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zkmig::error::{Kind, Result};
use zkmig::host::User;
use zkmig::host::becoming::Become;
use zkmig::host::control::Control;
use zkmig::host::ssh::Ssh;
use zkmig::host::target::Target;
use zkmig::task::tcp::{self, Answer};
use zkmig::task::{Context, Predictions, Silent};

/// A host that says it has this tool, or none, when it is asked for what connects to a port; `path` is the first folder of its PATH.
fn has(tool: &str, path: &str) -> String {
    format!(
        "ForceCommand sh -c 'PATH={path}:$PATH; case $SSH_ORIGINAL_COMMAND in *\"for tool in\"*) echo {tool} ;; *) exec sh -c \"$SSH_ORIGINAL_COMMAND\" ;; esac'"
    )
}

/// Where a program of this machine is.
fn program(name: &str) -> std::path::PathBuf {
    let found = std::process::Command::new("sh").args(["-c", &format!("command -v {name}")]).output().unwrap();
    assert!(found.status.success(), "{name} is missing: tools/packages installs it");
    String::from_utf8(found.stdout).unwrap().trim().into()
}

fn configure(sshd: &Sshd) -> std::path::PathBuf {
    let config = sshd.path("ssh_config");
    let known = sshd.path("known_hosts");
    fs::write(&config, format!("UserKnownHostsFile {}\nGlobalKnownHostsFile none\n", known.display())).unwrap();
    config
}

async fn connect(sshd: &Sshd) -> Ssh {
    let target = Target {
        name: "m1".to_owned(),
        address: "127.0.0.1".to_owned(),
        port: Some(sshd.port),
        user: None,
        key: Some(sshd.path("user")),
        config_file: Some(configure(sshd)),
        options: Vec::new(),
        strict: true,
        connect_timeout: Duration::from_secs(10),
    };
    Ssh::connect(target, Become::default(), User::Login, Arc::new(Control::new().unwrap())).await.unwrap()
}

async fn ask(host: &Ssh, port: u16) -> Result<Answer> {
    let context = Context {
        host: "m1",
        transport: host,
        user: User::Login,
        check: false,
        predictions: &Predictions::default(),
        timeout: Duration::from_secs(20),
        progress: &Silent,
    };
    tcp::ask(&context, &tcp::Options::new(port, "ruok")).await
}

/// A server that answers `imok` to four bytes, at this address.
async fn server(address: &str) -> u16 {
    let listener = tokio::net::TcpListener::bind((address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut word = [0; 4];
            if socket.read_exact(&mut word).await.is_ok() {
                let _ = socket.write_all(b"imok").await;
            }
        }
    });
    port
}

fn imok() -> Answer {
    Answer::Said { bytes: b"imok".to_vec(), truncated: false }
}

fn why(answer: Result<Answer>) -> String {
    match answer.unwrap() {
        Answer::Refused { why } => why,
        Answer::Said { bytes, .. } => panic!("said {bytes:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_port_answers_and_a_closed_one_is_refused() {
    let sshd = Sshd::start("");
    let host = connect(&sshd).await;
    assert_eq!(ask(&host, server("127.0.0.1").await).await.unwrap(), imok());
    assert_eq!(why(ask(&host, free_port()).await), "Connection refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_listens_by_the_new_protocol_alone_is_found() {
    if tokio::net::TcpListener::bind("[::1]:0").await.is_err() {
        println!("no IPv6: nothing was tested");
        return;
    }
    let port = server("::1").await;
    for extra in ["", "AllowTcpForwarding no"] {
        let sshd = Sshd::start(extra);
        assert_eq!(ask(&connect(&sshd).await, port).await.unwrap(), imok(), "{extra}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_sshd_forbids_it_the_hosts_own_tools_connect() {
    let port = server("127.0.0.1").await;
    for (line, tool, itself) in [
        ("AllowTcpForwarding no", "bash", "bash"),
        ("DisableForwarding yes", "bash", "bash"),
        ("PermitOpen 127.0.0.1:1", "bash", "bash"),
        ("AllowTcpForwarding no", "socat", "socat"),
        ("AllowTcpForwarding no", "nc", "nc.traditional"),
        ("AllowTcpForwarding no", "nc", "busybox"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(program(itself), folder.path().join(tool)).unwrap();
        let sshd = Sshd::start(&format!("{line}\n{}", has(&format!("has {tool}"), folder.path().to_str().unwrap())));
        let host = connect(&sshd).await;
        for _ in 0..2 {
            assert_eq!(ask(&host, port).await.unwrap(), imok(), "{line}, {itself}");
        }
        if tool == "bash" {
            assert_eq!(why(ask(&host, free_port()).await), "Connection refused", "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forbidden_port_is_neither_open_nor_closed_whatever_is_asked_beside_it() {
    let (open, closed, forbidden) = (server("127.0.0.1").await, free_port(), server("127.0.0.1").await);
    let loopback6 = format!("PermitOpen 127.0.0.1:{open} 127.0.0.1:{closed}");
    let sshd = Sshd::start(&format!("{loopback6}\n{}", has("nothing", "/usr/bin")));
    let host = connect(&sshd).await;
    let asked = (0..30).map(|number| {
        let (host, port) = (&host, [open, closed, forbidden][number % 3]);
        async move { (port, ask(host, port).await) }
    });
    for (port, answer) in futures_util::future::join_all(asked).await {
        if port == open {
            assert_eq!(answer.unwrap(), imok());
        } else if port == closed {
            assert_eq!(why(answer), "Connection refused");
        } else {
            let error = answer.unwrap_err();
            assert_eq!(error.kind(), Kind::Forbidden, "{error}");
            assert!(error.to_string().contains("forbids") && error.parts().hints[0].contains("AllowTcpForwarding"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_playbook_is_told_that_it_may_not_look() {
    let port = server("127.0.0.1").await;
    let sshd = Sshd::start(&format!("AllowTcpForwarding no\n{}", has("nothing", "/usr/bin")));
    let project = Project::new(&format!(
        "m:\n  hosts:\n    m1:\n      ansible_host: 127.0.0.1\n      ansible_port: {}\n      ansible_ssh_private_key_file: {}\n      zkmig_ssh_config: {}\n      zkmig_lock_file: FOLDER/lock\n",
        sshd.port,
        sshd.path("user").display(),
        configure(&sshd).display()
    ));
    let tcp = format!("hosts(\"m\")[0].tcp({port}, \"ruok\", #{{ refused: \"nothing\" }});");
    project.run(&tcp, &[]).fails(3, &["forbids the connection to port", "AllowTcpForwarding", "bash, socat and nc"]);
    let http = format!("hosts(\"m\")[0].http({port}, \"/\", #{{ refused: \"nothing\" }});");
    project.run(&http, &[]).fails(3, &["forbids the connection to port"]);
    let caught = format!("try {{ hosts(\"m\")[0].tcp({port}, \"ruok\"); }} catch (e) {{ note(`kind ${{e.kind}}`); }}");
    project.run(&caught, &[]).says(&["kind forbidden"]);
    let probed = format!(
        "probe(hosts(\"m\"), || pause(\"1s\"), #{{ port: {port}, send: \"ruok\", verdict: |m, answer| #{{ serves: true, leads: true }} }});"
    );
    project.run(&probed, &[]).says(&["m1 unseen for"]);
}

#[test]
fn a_web_server_is_told_the_address_by_which_its_host_is_reached() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::{BufRead as _, BufReader, Write as _};
        for mut socket in listener.incoming().flatten() {
            let lines = BufReader::new(&socket).lines().map_while(|line| line.ok().filter(|line| !line.is_empty()));
            let named: Vec<String> = lines.filter(|line| line.to_ascii_lowercase().starts_with("host: ")).collect();
            let body = named.join("; ");
            drop(write!(socket, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        }
    });
    let project = Project::new("m:\n  hosts:\n    m2: { ansible_connection: local }\n");
    let asked = |options: &str| {
        let text = format!("note(hosts(\"m2\")[0].http({port}, \"/\", #{{ {options} }}).body.to_lower());");
        project.run(&text, &[])
    };
    asked("").says(&[&format!("host: m2:{port}")]);
    asked("address: \"127.0.0.1\"").says(&[&format!("host: 127.0.0.1:{port}")]);
    asked("headers: #{ Host: \"leader.mesos\" }").says(&["host: leader.mesos"]);
}
