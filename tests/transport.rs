//! What every transport promises, tried on this machine's own shell.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use zkmig::host::becoming::Become;
use zkmig::host::local::Local;
use zkmig::host::{Command, Exit, Output, Pipe, Stdin, Transport, User};

#[derive(Default)]
struct Kept {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Output for Kept {
    fn write(&mut self, pipe: Pipe, bytes: &[u8]) {
        match pipe {
            Pipe::Stdout => self.stdout.extend_from_slice(bytes),
            Pipe::Stderr => self.stderr.extend_from_slice(bytes),
        }
    }
}

#[derive(Default)]
struct Counted(usize, usize);

impl Output for Counted {
    fn write(&mut self, _: Pipe, bytes: &[u8]) {
        self.0 += bytes.len();
        self.1 = self.1.max(bytes.len());
    }
}

fn command(script: &str) -> Command {
    Command {
        common: "",
        script: script.to_owned(),
        user: User::Login,
        stdin: Stdin::Closed,
        timeout: Duration::from_secs(30),
    }
}

async fn run(host: &Local, script: &str) -> (Exit, Kept) {
    let mut kept = Kept::default();
    let exit = host.run(command(script), &mut kept).await.unwrap();
    (exit, kept)
}

/// Whether a process whose command line has this word runs.
fn runs(word: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes()))
    })
}

async fn ends(word: &str) {
    let began = Instant::now();
    while runs(word) {
        assert!(began.elapsed() < Duration::from_secs(30), "a process with {word} still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn every_exit_status_comes_back_as_it_was() {
    let host = Local::new(Become::default());
    for status in [0, 1, 2, 124, 125, 126, 127, 128, 129, 137, 143, 254, 255] {
        let (exit, kept) = run(&host, &format!("echo out; echo err >&2; exit {status}")).await;
        assert_eq!((exit.status, exit.timed_out), (status, false));
        assert_eq!((kept.stdout.as_slice(), kept.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    }
    let (exit, _) = run(&host, "kill -KILL $$").await;
    assert_eq!(exit.status, 137);
    host.close().await;
}

#[tokio::test]
async fn output_is_what_the_script_printed_to_the_byte() {
    let host = Local::new(Become::default());
    for (script, want) in [
        ("printf 'no newline'", &b"no newline"[..]),
        ("printf '\\n\\n'", b"\n\n"),
        ("printf '\\000\\001\\377\\200'", b"\0\x01\xff\x80"),
        ("printf ''", b""),
        ("echo 'quotes \" and '\\'' and $HOME and ä€𝄞'", "quotes \" and ' and $HOME and ä€𝄞\n".as_bytes()),
        ("echo one\necho two", b"one\ntwo\n"),
    ] {
        let (exit, kept) = run(&host, script).await;
        assert_eq!((exit.status, kept.stdout.as_slice()), (0, want), "{script}");
    }
}

#[tokio::test]
async fn standard_input_is_closed_unless_given() {
    let host = Local::new(Become::default());
    let (exit, kept) = run(&host, "cat; echo end").await;
    assert_eq!((exit.status, kept.stdout.as_slice()), (0, &b"end\n"[..]));
}

#[tokio::test]
async fn every_byte_can_be_given_on_standard_input() {
    let host = Local::new(Become::default());
    let all: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let mut kept = Kept::default();
    let given = Command { stdin: Stdin::Bytes(Bytes::from(all.clone())), ..command("cat") };
    assert_eq!(host.run(given, &mut kept).await.unwrap().status, 0);
    assert!(kept.stdout == all);
    // A script that does not read it leaves the shell usable.
    let given = Command { stdin: Stdin::Bytes(Bytes::from(all)), ..command("true") };
    assert_eq!(host.run(given, &mut kept).await.unwrap().status, 0);
    assert_eq!(run(&host, "echo next").await.1.stdout, b"next\n");
}

#[tokio::test]
async fn a_hundred_megabytes_are_streamed_in_small_pieces() {
    let host = Local::new(Become::default());
    let mut counted = Counted::default();
    let exit = host.run(command("head -c 100000000 /dev/zero"), &mut counted).await.unwrap();
    assert_eq!((exit.status, counted.0), (0, 100_000_000));
    assert!(counted.1 <= 128 * 1024);
}

#[tokio::test]
async fn a_deadline_ends_the_script_and_all_that_it_started() {
    let host = Local::new(Become::default());
    let began = Instant::now();
    let slow = Command { timeout: Duration::from_secs(1), ..command("sleep 7001 & sleep 7002") };
    let exit = host.run(slow, &mut Kept::default()).await.unwrap();
    assert!(exit.timed_out);
    assert!(began.elapsed() < Duration::from_secs(30));
    ends("7001").await;
    ends("7002").await;
    assert_eq!(run(&host, "echo next").await.1.stdout, b"next\n");
}

#[tokio::test]
async fn a_caller_who_goes_away_ends_the_script_and_the_shell_stays_usable() {
    let host = Local::new(Become::default());
    run(&host, "true").await;
    let mut kept = Kept::default();
    let dropped =
        tokio::time::timeout(Duration::from_millis(300), host.run(command("sleep 7003 & sleep 7004"), &mut kept)).await;
    assert!(dropped.is_err());
    ends("7003").await;
    ends("7004").await;
    let pid = run(&host, "echo next").await.1.stdout;
    assert_eq!(pid, b"next\n");
}

#[tokio::test]
async fn the_end_of_the_connection_ends_the_script() {
    let host = std::sync::Arc::new(Local::new(Become::default()));
    let other = std::sync::Arc::clone(&host);
    let task =
        tokio::spawn(
            async move { other.run(command("sleep 7005"), &mut Kept::default()).await.map(|exit| exit.status) },
        );
    while !runs("7005") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    task.abort();
    host.close().await;
    drop(host);
    ends("7005").await;
}

#[tokio::test]
async fn a_deadline_also_ends_what_has_left_the_scripts_group_and_session() {
    let host = Local::new(Become::default());
    let script = "timeout 900 sleep 7010 & setsid sleep 7011 & (timeout 900 sleep 7012 &) ; wait";
    let slow = Command { timeout: Duration::from_secs(1), ..command(script) };
    assert!(host.run(slow, &mut Kept::default()).await.unwrap().timed_out);
    for word in ["7010", "7011", "7012"] {
        ends(word).await;
    }
}

#[tokio::test]
async fn what_a_script_leaves_behind_goes_on_and_is_not_heard_by_the_next() {
    let host = Local::new(Become::default());
    let script = "sh -c 'trap : PIPE; while :; do echo tick; sleep 0.01; done' 7006 & echo $! >&2; exit 3";
    let (exit, left) = run(&host, script).await;
    assert_eq!(exit.status, 3);
    let pid = String::from_utf8_lossy(&left.stderr).trim().to_owned();
    for _ in 0..5 {
        let (_, kept) = run(&host, "echo clean").await;
        assert_eq!(kept.stdout, b"clean\n");
    }
    // Another's deadline is not its own, nor is the end of the connection.
    let slow = Command { timeout: Duration::from_secs(1), ..command("sleep 7007.5") };
    assert!(host.run(slow, &mut Kept::default()).await.unwrap().timed_out);
    host.close().await;
    ends("7007.5").await;
    assert!(runs("7006"));
    assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
}

#[tokio::test]
async fn a_script_has_the_environment_of_the_login_and_not_the_engines() {
    let host = Local::new(Become::default());
    let own = |name: &str| std::env::var(name).unwrap_or_default();
    let (_, kept) = run(&host, "echo \"$PATH|${LC_ALL-}\"; env | grep -c '^z_'").await;
    let text = format!("{}|{}\n0\n", own("PATH"), own("LC_ALL"));
    assert_eq!(String::from_utf8_lossy(&kept.stdout), text);
}

#[tokio::test]
async fn what_escapes_its_group_does_not_get_into_the_output_of_the_next_script() {
    let host = Local::new(Become::default());
    run(&host, "setsid sh -c 'sleep 0.3; echo stale; echo stale >&2' &").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    let (_, kept) = run(&host, "echo clean").await;
    assert_eq!((kept.stdout.as_slice(), kept.stderr.as_slice()), (&b"clean\n"[..], &b""[..]));
}

#[tokio::test]
async fn a_script_that_closes_its_outputs_still_tells_its_status() {
    let host = Local::new(Become::default());
    let (exit, _) = run(&host, "exec >&- 2>&-; exit 3").await;
    assert_eq!(exit.status, 3);
}

#[tokio::test]
async fn a_stream_gives_lines_as_they_come_and_ends_when_it_is_dropped() {
    let host = Local::new(Become::default());
    let mut stream = host.stream(command("echo first; sleep 7007")).await.unwrap();
    let (pipe, bytes) = stream.next().await.unwrap().unwrap();
    assert_eq!((pipe, &bytes[..]), (Pipe::Stdout, &b"first\n"[..]));
    drop(stream);
    ends("7007").await;
    let mut stream = host.stream(command("echo only; exit 4")).await.unwrap();
    let mut all = Vec::new();
    while let Some((_, bytes)) = stream.next().await.unwrap() {
        all.extend_from_slice(&bytes);
    }
    assert_eq!((all.as_slice(), stream.exit().map(|exit| exit.status)), (&b"only\n"[..], Some(4)));
}

#[tokio::test]
async fn a_script_costs_one_round_trip() {
    let host = Local::new(Become::default());
    run(&host, "true").await;
    let before = host.round_trips();
    for _ in 0..10 {
        run(&host, "true").await;
    }
    assert_eq!(host.round_trips() - before, 10);
}

/// A word beside the others, for which `will` is left; its output.
async fn aside(host: &Local, script: &str, will: &str) -> String {
    let mut kept = Kept::default();
    host.aside(command(script), will, &mut kept).await.unwrap();
    String::from_utf8_lossy(&kept.stdout).into_owned()
}

#[tokio::test]
async fn a_word_aside_has_the_own_shell_while_that_is_free_and_another_while_it_is_not() {
    let host = std::sync::Arc::new(Local::new(Become::default()));
    run(&host, "true").await;
    let before = host.round_trips();
    assert_eq!(aside(&host, "echo one", "").await, "one\n");
    assert_eq!(host.round_trips() - before, 1, "no shell had to come up");
    let other = std::sync::Arc::clone(&host);
    let task = tokio::spawn(async move { run(&other, "sleep 7021").await });
    while !runs("7021") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = host.round_trips();
    assert_eq!(aside(&host, "echo two", "").await, "two\n");
    assert_eq!(host.round_trips() - before, 2, "a shell came up");
    // Nobody waits for that script any more, and it has not ended.
    task.abort();
    assert_eq!(aside(&host, "echo three", "").await, "three\n");
    ends("7021").await;
}

#[tokio::test]
async fn a_will_is_done_when_the_connection_ends_and_not_with_a_shell_that_was_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let done = folder.path().join("done");
    let will = format!("echo >>'{}'", done.display());
    for given_up in [false, true] {
        let host = Local::new(Become::default());
        run(&host, "true").await;
        aside(&host, "true", &will).await;
        if given_up {
            // What it leaves behind may print at any time: the next script has another shell.
            let shell = run(&host, "sleep 7022 & cut -d' ' -f4 </proc/$PPID/stat").await.1.stdout;
            let next = run(&host, "cut -d' ' -f4 </proc/$PPID/stat").await.1.stdout;
            assert_ne!(shell, next);
            let gone = format!("/proc/{}", String::from_utf8_lossy(&shell).trim());
            while std::path::Path::new(&gone).exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        assert!(!done.exists(), "the host is worked on");
        host.close().await;
        while !done.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::fs::remove_file(&done).unwrap();
        // Taken back.
        let host = Local::new(Become::default());
        run(&host, "true").await;
        aside(&host, "true", &will).await;
        let shell = aside(&host, "cut -d' ' -f4 </proc/$PPID/stat", "").await;
        host.close().await;
        let gone = format!("/proc/{}", shell.trim());
        while std::path::Path::new(&gone).exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!done.exists());
    }
    let _ = std::process::Command::new("pkill").args(["-f", "^sleep 7022$"]).status();
}

#[tokio::test]
async fn what_scripts_have_in_common_is_sent_to_a_shell_once() {
    let host = Local::new(Become::default());
    for (common, script, wanted) in [
        ("say() { echo \"one $1\"; }\n", "say a", "one a\n"),
        ("say() { echo \"two $1\"; }\n", "say b", "two b\n"),
        ("say() { echo \"one $1\"; }\n", "say 'ä'", "one ä\n"),
        ("say() { echo \"drei für $1\"; }\n\n", "say c", "drei für c\n"),
        ("", "command -v say || echo none", "none\n"),
    ] {
        let mut kept = Kept::default();
        host.run(Command { common, ..command(script) }, &mut kept).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&kept.stdout), wanted);
    }
}

/// Whether a process that counts a host's silence was left alone: its shell has ended, and with it the loop's nonce is gone.
fn is_left_alone(pid: &std::ffi::OsStr) -> bool {
    let proc = std::path::Path::new("/proc").join(pid);
    let is_sleep = std::fs::read(proc.join("cmdline")).is_ok_and(|words| words == b"sleep\x0017\0");
    let stat = std::fs::read_to_string(proc.join("stat")).unwrap_or_default();
    let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)).unwrap_or("0").to_owned();
    let of_parent = std::fs::read(format!("/proc/{parent}/cmdline")).unwrap_or_default();
    is_sleep && !String::from_utf8_lossy(&of_parent).contains("zkmig-")
}

#[tokio::test]
async fn shells_that_end_as_soon_as_they_are_there_leave_no_process_behind() {
    for round in 0..100_u64 {
        let host = Local::new(Become::default());
        let _ = tokio::time::timeout(Duration::from_micros(round * 100), run(&host, "true")).await;
        run(&host, "true").await;
        host.close().await;
    }
    // Each of them ends within a moment; what is left alone would last for seventeen seconds.
    let alone = || {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        all.map(|entry| entry.file_name()).filter(|name| is_left_alone(name)).count()
    };
    let began = Instant::now();
    while alone() > 0 {
        assert!(began.elapsed() < Duration::from_secs(5), "{} are left", alone());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_script_that_is_too_long_is_refused_before_anything_is_sent() {
    let host = Local::new(Become::default());
    let long = command(&"x".repeat(200_000));
    assert!(host.run(long, &mut Kept::default()).await.unwrap_err().to_string().contains("200000 bytes"));
    assert!(host.run(command("a\0b"), &mut Kept::default()).await.unwrap_err().to_string().contains("NUL"));
}
