//! Reaching a host over SSH: a real sshd on loopback, with keys of its own.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command as Process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use support::sshd::{Sshd, free_port, keygen};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zkmig::error::{Error, Kind};
use zkmig::host::becoming::Become;
use zkmig::host::control::Control;
use zkmig::host::ssh::Ssh;
use zkmig::host::target::Target;
use zkmig::host::{Command, Output, Pipe, Stdin, Transport, User};
use zkmig::task::{Context, Predictions, Silent, write};

/// How an sshd is reached.
trait Reached {
    fn target(&self) -> Target;
}

impl Reached for Sshd {
    fn target(&self) -> Target {
        let config = self.path("ssh_config");
        fs::write(
            &config,
            format!("UserKnownHostsFile {}\nGlobalKnownHostsFile none\n", self.path("known_hosts").display()),
        )
        .unwrap();
        Target {
            name: "m1".to_owned(),
            address: "127.0.0.1".to_owned(),
            port: Some(self.port),
            user: None,
            key: Some(self.path("user")),
            config_file: Some(config),
            options: Vec::new(),
            strict: true,
            connect_timeout: Duration::from_secs(5),
        }
    }
}

async fn connect(target: Target) -> Result<Ssh, Error> {
    Ssh::connect(target, Become::default(), User::Login, Arc::new(Control::new()?)).await
}

async fn refusal(target: Target) -> Error {
    match connect(target).await {
        Ok(_) => panic!("connected"),
        Err(error) => error,
    }
}

fn text(error: &Error) -> String {
    let parts = error.parts();
    format!("{} | {} | {}", parts.message, parts.hints.join(" | "), parts.details.join(" | "))
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

async fn run(host: &Ssh, script: &str) -> (i32, String) {
    let mut kept = Kept::default();
    let command = Command {
        common: "",
        script: script.to_owned(),
        user: User::Login,
        stdin: Stdin::Closed,
        timeout: Duration::from_secs(30),
    };
    let exit = host.run(command, &mut kept).await.unwrap();
    (exit.status, String::from_utf8(kept.0).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_run_and_statuses_come_back_whatever_they_are() {
    let sshd = Sshd::start("");
    let host = connect(sshd.target()).await.unwrap();
    for status in [0, 1, 127, 255] {
        assert_eq!(run(&host, &format!("echo out; exit {status}")).await, (status, "out\n".to_owned()));
    }
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_ends_with_the_transport() {
    let sshd = Sshd::start("");
    let control = Arc::new(Control::new().unwrap());
    let host = Ssh::connect(sshd.target(), Become::default(), User::Login, Arc::clone(&control)).await.unwrap();
    let stream = host
        .stream(Command {
            common: "",
            script: "sleep 7101".into(),
            user: User::Login,
            stdin: Stdin::Closed,
            timeout: Duration::from_secs(60),
        })
        .await
        .unwrap();
    assert_eq!(master_ids(control.path()).len(), 1);
    drop(stream);
    host.close().await;
    let began = Instant::now();
    while !master_ids(control.path()).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30), "the master still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let folder = control.path().to_path_buf();
    drop(host);
    drop(control);
    assert!(!folder.exists());
}

/// The ids of the ssh masters whose control socket is in a folder of this name.
fn master_ids(control: &Path) -> Vec<String> {
    let needle = control.as_os_str().as_encoded_bytes();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| {
            fs::read(entry.path().join("cmdline"))
                .is_ok_and(|line| line.starts_with(b"ssh") && line.windows(needle.len()).any(|part| part == needle))
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn runs(word: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes()))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_is_unreachable_and_ends_what_runs_on_the_host() {
    let sshd = Sshd::start("");
    let control = Arc::new(Control::new().unwrap());
    let host =
        Arc::new(Ssh::connect(sshd.target(), Become::default(), User::Login, Arc::clone(&control)).await.unwrap());
    let other = Arc::clone(&host);
    let running = tokio::spawn(async move {
        let command = Command {
            common: "",
            script: "sleep 7102.5 & sleep 7103.5".into(),
            user: User::Login,
            stdin: Stdin::Closed,
            timeout: Duration::from_secs(60),
        };
        other.run(command, &mut Kept::default()).await
    });
    let began = Instant::now();
    while !(runs("7102.5") && runs("7103.5")) {
        assert!(began.elapsed() < Duration::from_secs(30), "the command did not begin");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for id in master_ids(control.path()) {
        assert!(Process::new("kill").args(["-9", &id]).status().unwrap().success());
    }
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable, "{}", text(&error));
    let began = Instant::now();
    while runs("7102.5") || runs("7103.5") {
        assert!(began.elapsed() < Duration::from_secs(30), "the command still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_on_the_host_is_reached_through_the_connection() {
    let sshd = Sshd::start("");
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = server.accept().await {
            let mut word = [0; 4];
            let _ = socket.read_exact(&mut word).await;
            let _ = socket.write_all(b"imok").await;
        }
    });
    let host = connect(sshd.target()).await.unwrap();
    for _ in 0..3 {
        let mut socket = host.dial("127.0.0.1", port).await.unwrap();
        socket.write_all(b"ruok").await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "imok");
    }
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_host_key_is_refused_and_says_what_to_do() {
    let sshd = Sshd::start("");
    fs::write(sshd.path("known_hosts"), "").unwrap();
    let error = refusal(sshd.target()).await;
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(text(&error).contains("is not known") && text(&error).contains("accept-new"), "{}", text(&error));
    let host = connect(Target { strict: false, ..sshd.target() }).await.unwrap();
    host.close().await;
    assert!(fs::read_to_string(sshd.path("known_hosts")).unwrap().contains("ed25519"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_host_key_is_an_error_of_its_own() {
    let sshd = Sshd::start("");
    keygen(&sshd.path("other"), "");
    let other = fs::read_to_string(sshd.path("other.pub")).unwrap();
    fs::write(sshd.path("known_hosts"), format!("[127.0.0.1]:{} {other}", sshd.port)).unwrap();
    let error = refusal(sshd.target()).await;
    assert!(
        text(&error).contains("not the one that is known") && text(&error).contains("ssh-keygen -R"),
        "{}",
        text(&error)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_not_accepted_is_an_error_of_its_own() {
    let sshd = Sshd::start("");
    keygen(&sshd.path("stranger"), "");
    let error = refusal(Target { key: Some(sshd.path("stranger")), ..sshd.target() }).await;
    assert!(text(&error).contains("may not log in with the key"), "{}", text(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_with_a_passphrase_and_no_agent_is_an_error_of_its_own() {
    let sshd = Sshd::start("");
    keygen(&sshd.path("locked"), "a passphrase");
    let error = refusal(Target { key: Some(sshd.path("locked")), ..sshd.target() }).await;
    assert!(text(&error).contains("passphrase") && text(&error).contains("ssh-add"), "{}", text(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_that_others_can_read_is_an_error_of_its_own() {
    let sshd = Sshd::start("");
    fs::set_permissions(sshd.path("user"), fs::Permissions::from_mode(0o644)).unwrap();
    let error = refusal(sshd.target()).await;
    assert!(text(&error).contains("others may read") && text(&error).contains("chmod 600"), "{}", text(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_takes_only_passwords_is_an_error_of_its_own() {
    let sshd = Sshd::start("PubkeyAuthentication no\nKbdInteractiveAuthentication yes");
    let error = refusal(sshd.target()).await;
    assert!(text(&error).contains("password"), "{}", text(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_port_is_tried_again_and_then_an_error_of_its_own() {
    let sshd = Sshd::start("");
    let began = Instant::now();
    let error = refusal(Target { port: Some(free_port()), ..sshd.target() }).await;
    assert!(text(&error).contains("refuses connections"), "{}", text(&error));
    assert!(began.elapsed() >= Duration::from_secs(2), "it was not tried again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_can_not_be_taken_for_an_option() {
    let sshd = Sshd::start("");
    let error = refusal(Target { address: "-oProxyCommand=touch /tmp/x".into(), ..sshd.target() }).await;
    assert_eq!(error.kind(), Kind::Input);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_users_configuration_asks_for_does_not_get_in_the_way() {
    let sshd = Sshd::start("");
    let target = sshd.target();
    let config = target.config_file.clone().unwrap();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        format!("{text}RemoteCommand echo no\nRequestTTY force\nLocalCommand echo no\nPermitLocalCommand yes\n"),
    )
    .unwrap();
    let host = connect(target).await.unwrap();
    assert_eq!(run(&host, "echo yes").await, (0, "yes\n".to_owned()));
    host.close().await;
}

/// Passes bytes on, each `delay` after it came: half of a round trip in each direction.
async fn relay(to: SocketAddr, delay: Duration) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = tokio::net::TcpStream::connect(to).await.unwrap();
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            tokio::spawn(pass(near_in, far_out, delay));
            tokio::spawn(pass(far_in, near_out, delay));
        }
    });
    port
}

async fn pass(mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf, delay: Duration) {
    let (send, mut receive) = tokio::sync::mpsc::unbounded_channel::<(tokio::time::Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((due, bytes)) = receive.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                break;
            }
        }
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 || send.send((tokio::time::Instant::now() + delay, buffer[..read].to_vec())).is_err() {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_costs_one_round_trip_and_at_most_five_milliseconds() {
    const HALF: Duration = Duration::from_millis(20);
    let sshd = Sshd::start("");
    let port = relay(SocketAddr::from(([127, 0, 0, 1], sshd.port)), HALF).await;
    let host_key = fs::read_to_string(sshd.path("host.pub")).unwrap();
    fs::write(sshd.path("known_hosts"), format!("[127.0.0.1]:{port} {host_key}")).unwrap();
    let host = connect(Target { port: Some(port), ..sshd.target() }).await.unwrap();
    run(&host, "true").await;

    // What the relay itself takes there and back: timers wake late, and later on a busy machine.
    let echo = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = echo.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = echo.accept().await.unwrap();
        let mut byte = [0; 1];
        while socket.read_exact(&mut byte).await.is_ok() && socket.write_all(&byte).await.is_ok() {}
    });
    let mut ping = tokio::net::TcpStream::connect(("127.0.0.1", relay(to, HALF).await)).await.unwrap();
    ping.set_nodelay(true).unwrap();

    // In pairs, so that both see the same machine; the least of each, which is what they cost where nothing else gets in between,
    // and a busy machine needs more tries for. A second round trip would be in each of them.
    let (mut step, mut pinged) = (Duration::MAX, Duration::MAX);
    for tried in 0..200 {
        let began = Instant::now();
        run(&host, "true").await;
        step = step.min(began.elapsed());
        let began = Instant::now();
        ping.write_all(b"x").await.unwrap();
        ping.read_exact(&mut [0; 1]).await.unwrap();
        pinged = pinged.min(began.elapsed());
        if tried >= 30 && step < pinged + Duration::from_millis(5) {
            break;
        }
    }
    host.close().await;
    eprintln!("over a relay of 40 ms: a step takes {step:?}, the relay alone {pinged:?}");
    assert!(step < pinged + Duration::from_millis(5), "a step takes {step:?}, the relay alone {pinged:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_whose_connection_breaks_leaves_the_old_file_and_the_next_one_tidies_up() {
    let sshd = Sshd::start("");
    let control = Arc::new(Control::new().unwrap());
    let host = Ssh::connect(sshd.target(), Become::default(), User::Login, Arc::clone(&control)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "old").unwrap();
    let shown = path.display().to_string();
    let names = || -> Vec<(String, u64)> {
        let entries = fs::read_dir(folder.path()).unwrap().flatten();
        let name = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        // Pieces arrive in a folder of their own.
        let data = |entry: &fs::DirEntry| fs::metadata(entry.path().join("content")).or_else(|_| entry.metadata());
        entries.map(|entry| (name(&entry), data(&entry).map_or(0, |data| data.len()))).collect()
    };
    let upload = async |host: &Ssh, content: &[u8]| {
        let context = Context {
            host: "m1",
            transport: host,
            user: User::Login,
            check: false,
            predictions: &Predictions::default(),
            timeout: Duration::from_secs(60),
            progress: &Silent,
        };
        write::write(&context, &shown, content, &write::Options::default()).await
    };
    // As soon as the second piece is there, many are still to come.
    let cut = async {
        while !names().iter().any(|(name, size)| name.starts_with(".zkmig.stage.") && *size > 1024 * 1024) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        for id in master_ids(control.path()) {
            assert!(Process::new("kill").args(["-9", &id]).status().unwrap().success());
        }
    };
    let content = vec![b'x'; 64 * 1024 * 1024];
    let (result, ()) = tokio::join!(upload(&host, &content), cut);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable, "{}", text(&error));
    assert_eq!(fs::read(&path).unwrap(), b"old");

    let host = connect(sshd.target()).await.unwrap();
    upload(&host, b"new").await.unwrap();
    host.close().await;
    assert_eq!(names(), [("file".to_owned(), 3)]);
}

#[tokio::test]
async fn whatever_shell_and_tools_a_host_has_a_long_script_and_a_large_input_arrive_whole() {
    for shell in ["/usr/bin/dash", "/usr/bin/bash", "/usr/bin/busybox"] {
        // /bin/sh is that one for this sshd alone, and its tools are busybox's where that has them.
        let tools = tempfile::tempdir().unwrap();
        if shell.ends_with("busybox") {
            let made = Process::new(shell).args(["--install", "-s"]).arg(tools.path()).status().unwrap();
            assert!(made.success());
        }
        let below = format!("mount --bind {shell} /bin/sh && exec \"$@\"");
        let path = format!("SetEnv PATH={}:/usr/bin:/bin", tools.path().display());
        fs::set_permissions(tools.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let sshd = Sshd::start_below(&["unshare", "-m", "bash", "-c", &below, "bash"], &path);
        let host = connect(sshd.target()).await.unwrap();
        let (status, said) = run(&host, &format!(": {}\necho whole; readlink /proc/$$/exe", "x".repeat(90_000))).await;
        let exe = fs::canonicalize(shell).unwrap();
        // A file that is mounted over another has that one's name.
        assert!(status == 0 && said.starts_with("whole\n"), "{shell} ({}): {said}", exe.display());
        let bytes: Vec<u8> =
            (0..1_000_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).take(1_000_000).collect();
        let mut kept = Kept::default();
        let given = Command {
            common: "",
            script: "cat".to_owned(),
            user: User::Login,
            stdin: Stdin::Bytes(bytes.clone().into()),
            timeout: Duration::from_secs(30),
        };
        assert_eq!(host.run(given, &mut kept).await.unwrap().status, 0, "{shell}");
        assert!(kept.0 == bytes, "{shell}: {} bytes of {}", kept.0.len(), bytes.len());
        assert_eq!(run(&host, "echo next").await, (0, "next\n".to_owned()), "{shell}");
        host.close().await;
    }
}

#[tokio::test]
async fn a_host_that_hears_nothing_any_more_ends_what_runs_there_before_its_lock_counts_as_dead() {
    let sshd = Sshd::start("");
    let control = Arc::new(Control::new().unwrap());
    let host =
        Arc::new(Ssh::connect(sshd.target(), Become::default(), User::Login, Arc::clone(&control)).await.unwrap());
    let (other, noted) = (Arc::clone(&host), sshd.path("noted"));
    let will = format!("touch {}", noted.display());
    let aside = Command {
        common: "",
        script: "true".to_owned(),
        user: User::Login,
        stdin: Stdin::Closed,
        timeout: Duration::from_secs(30),
    };
    host.aside(aside, &will, &mut Kept::default()).await.unwrap();
    let task = tokio::spawn(async move { run(&other, "sleep 7103 & timeout 900 sleep 7104").await });
    wait_until(|| runs("7103") && runs("7104"), 30).await;
    // What carries the connection is there, and sends nothing: neither sshd nor TCP has anything to complain of.
    let masters = master_ids(control.path());
    assert!(!masters.is_empty());
    let tell = |signal: &str| assert!(Process::new("kill").arg(signal).args(&masters).status().unwrap().success());
    tell("-STOP");
    let began = Instant::now();
    wait_until(|| !runs("7103") && !runs("7104") && noted.exists(), 60).await;
    let took = began.elapsed();
    tell("-CONT");
    task.abort();
    host.close().await;
    assert!(took > Duration::from_secs(20) && took < zkmig::task::lock::DEAD_AFTER, "{took:?}");
}

async fn wait_until(condition: impl Fn() -> bool, seconds: u64) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(seconds), "not within {seconds} s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
