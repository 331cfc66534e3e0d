//! A terminal that closes, stalls or is full, a pipe that nobody reads, a question at that moment: the run goes on or comes to
//! its safe place, and its record says what the hosts show.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use support::{Project, ended, signal, wait_for};

/// Each change leaves a file; between them it waits and pauses.
const PLAYBOOK: &str = r#"
    let masters = hosts("masters");
    for round in 0..3 {
        step(`Round ${round}`, || {
            rolling(masters, |m| {
                m.run(`echo >${vars.folder}/made-${round}-${m.name}`);
                let looks = 0;
                wait_until("three looks", || { looks += 1; looks >= 3 }, #{ interval: "20ms" });
            });
            pause("30ms");
        });
    }
"#;

/// A terminal of the kind that a window, tmux or sshd gives: the end that the program is at, and the other.
struct Terminal {
    master: File,
    path: String,
}

impl Terminal {
    fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        Self { master: File::from(master), path }
    }

    fn open(&self) -> File {
        use std::os::unix::fs::OpenOptionsExt as _;
        // Not as the terminal of the test itself.
        OpenOptions::new().read(true).write(true).custom_flags(0o400).open(&self.path).unwrap()
    }

    /// Starts a run of `play.rhai` at it, as the leader of its session.
    fn start(&self, project: &Project, more: &[&str]) -> Child {
        // Whoever runs the tests may have told them to outlive a terminal.
        let mut command = Command::new("env");
        command.args([
            "--default-signal=HUP",
            "setsid",
            "-c",
            env!("CARGO_BIN_EXE_zkmig"),
            "run",
            "play.rhai",
            "-i",
            "hosts.yaml",
            "-e",
        ]);
        command.arg(format!("folder={}", project.path().display())).args(more).current_dir(project.path());
        command.env("XDG_STATE_HOME", project.join("state")).env("TERM", "xterm").env_remove("NO_COLOR");
        command.stdin(self.open()).stdout(self.open()).stderr(self.open()).spawn().unwrap()
    }
}

fn events(project: &Project) -> Vec<serde_json::Value> {
    let Some(record) = project.records().pop() else { return Vec::new() };
    let text = std::fs::read_to_string(record.join("events.ndjson")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn ends(project: &Project) -> bool {
    events(project).iter().any(|event| event["event"] == "run_finished")
}

/// The files that the hosts show, by the names that the record has for them.
fn made(folder: &Path) -> BTreeSet<String> {
    let names = std::fs::read_dir(folder).unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| name.starts_with("made-"))
        .map(|name| format!("echo >{}", folder.join(name).display()))
        .collect()
}

/// The record is whole: numbered without a gap, ended with this exit code, and of each change it knows what the hosts show.
#[track_caller]
fn whole(project: &Project, code: Option<i32>, when: &str) {
    let events = events(project);
    let seqs: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>(), "{when}: the numbers of the events");
    let last = events.iter().find(|event| event["event"] == "run_finished");
    let last = last.unwrap_or_else(|| panic!("{when}: the record has no end: {:#?}", events.last()));
    assert_eq!(last["exit_code"].as_i64(), code.map(i64::from), "{when}: {last}");
    let told: BTreeSet<String> = events
        .iter()
        .filter(|event| event["event"] == "effect_finished" && event["outcome"] == "changed" && event["name"] == "run")
        .filter_map(|event| Some(event["summary"].as_str()?.to_owned()))
        .collect();
    assert_eq!(told, made(project.path()), "{when}: what the record tells and what the hosts show");
    assert!(!events.iter().any(|event| event.to_string().contains("panic")), "{when}: {events:#?}");
    assert!(!project.join("lock-m1").exists() && !project.join("lock-m2").exists(), "{when}: a lock is left");
}

#[test]
fn a_terminal_that_closes_at_any_moment_leaves_a_run_at_its_safe_place_and_a_whole_record() {
    let mut stopped = 0;
    for moment in 0..20 {
        let project = Project::local();
        project.file("play.rhai", PLAYBOOK);
        let terminal = Terminal::new();
        let mut child = terminal.start(&project, &[]);
        let when = format!("after {} events", 1 + moment * 3);
        wait_for(&when, || events(&project).len() > moment * 3 || ends(&project));
        drop(terminal);
        let code = ended(&mut child);
        // It may have been over.
        assert!(matches!(code, Some(130 | 0)), "{when}: {code:?}");
        stopped += usize::from(code == Some(130));
        whole(&project, code, &when);
    }
    assert!(stopped >= 10, "only {stopped} of 20 runs have noticed it");
}

#[test]
fn a_terminal_that_is_stopped_holds_up_neither_the_run_nor_the_second_interrupt() {
    let project = Project::local();
    project.file("play.rhai", PLAYBOOK);
    // Nobody reads what is shown, and it is more than the terminal takes.
    let more =
        r#"for line in 0..2000 { note(`line ${line} of many, each of which is one of those that nobody reads`); }"#;
    project.file("play.rhai", &format!("{more}\n{PLAYBOOK}"));
    let terminal = Terminal::new();
    let mut child = terminal.start(&project, &[]);
    wait_for("the end of the run", || ends(&project));
    assert!(child.try_wait().unwrap().is_none(), "what is to be shown was thrown away");
    // As somebody does who wants the prompt back; the run itself is over.
    wait_for("the end of the process", || {
        signal(&child, "INT");
        std::fs::read_to_string(format!("/proc/{}/stat", child.id())).is_ok_and(|stat| stat.contains(") Z "))
    });
    assert_eq!(ended(&mut child), Some(0), "the run was over");
    whole(&project, Some(0), "a stopped terminal");

    let project = Project::local();
    project.file(
        "play.rhai",
        &format!("{more}\nhosts(\"masters\"); wait_until(\"never\", || false, #{{ timeout: \"60s\" }});"),
    );
    let terminal = Terminal::new();
    let mut child = terminal.start(&project, &[]);
    wait_for("the wait", || events(&project).iter().any(|event| event["event"] == "effect_waiting"));
    signal(&child, "INT");
    wait_for("the first interrupt", || events(&project).iter().any(|event| event["event"] == "interrupted"));
    signal(&child, "INT");
    assert_eq!(ended(&mut child), Some(130));
    whole(&project, Some(130), "a stopped terminal and two interrupts");
    drop(terminal);
}

#[test]
fn a_full_disk_or_a_pipe_that_nobody_reads_is_told_of_and_does_not_stop_the_run() {
    for full in [true, false] {
        let project = Project::local();
        project.file("play.rhai", PLAYBOOK);
        let mut command = Command::new(env!("CARGO_BIN_EXE_zkmig"));
        command.args(["run", "play.rhai", "-i", "hosts.yaml", "-e"]);
        command.arg(format!("folder={}", project.path().display())).current_dir(project.path());
        command.env("XDG_STATE_HOME", project.join("state")).stdin(Stdio::null()).stderr(Stdio::null());
        let out = OpenOptions::new().write(true).open("/dev/full").unwrap();
        command.stdout(if full { Stdio::from(out) } else { Stdio::piped() });
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let code = ended(&mut child);
        assert_eq!(code, Some(0));
        whole(&project, code, "a standard output that takes nothing");
        assert_eq!(made(project.path()).len(), 6);
        assert!(events(&project).iter().any(|event| event.to_string().contains("the terminal gets no more events")));
    }
}

#[test]
fn a_question_for_a_secret_hears_the_interrupt_and_gives_the_terminal_back() {
    for (closes, name) in [(false, "INT"), (false, "TERM"), (true, "")] {
        let project = Project::local();
        let playbook = r#"
            hosts("m1")[0].run(`echo >${vars.folder}/made-first`);
            secret("prompt:Which word");
            hosts("m1")[0].run(`echo >${vars.folder}/made-second`);
        "#;
        project.file("play.rhai", playbook);
        let mut terminal = Terminal::new();
        let own = terminal.open();
        let mut child = terminal.start(&project, &[]);
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("Which word: ") {
            let mut piece = [0; 1024];
            let size = terminal.master.read(&mut piece).unwrap();
            seen.extend_from_slice(&piece[..size]);
        }
        let shows = || tcgetattr(&own).unwrap().local_modes.contains(LocalModes::ECHO);
        wait_for("a terminal that hides what is typed", || !shows());
        if closes {
            drop(own);
            drop(terminal);
            let code = ended(&mut child);
            assert_eq!(code, Some(130));
            whole(&project, code, "a terminal that closes in a question");
        } else {
            signal(&child, name);
            let code = ended(&mut child);
            assert_eq!(code, Some(130), "{name}");
            assert!(shows(), "{name}: the terminal is left hiding what is typed");
            whole(&project, code, name);
        }
        assert!(!project.join("made-second").exists());
    }
}

#[test]
fn a_run_that_was_told_to_outlive_its_terminal_does() {
    let project = Project::local();
    project.file("play.rhai", PLAYBOOK);
    let mut command = Command::new("nohup");
    command.args([env!("CARGO_BIN_EXE_zkmig"), "run", "play.rhai", "-i", "hosts.yaml", "-e"]);
    command.arg(format!("folder={}", project.path().display())).current_dir(project.path());
    command
        .env("XDG_STATE_HOME", project.join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    wait_for("the first change", || !made(project.path()).is_empty());
    signal(&child, "HUP");
    assert_eq!(ended(&mut child), Some(0));
    assert_eq!(made(project.path()).len(), 6);
}

#[test]
fn a_process_that_was_stopped_goes_on_with_the_time_that_it_had() {
    let project = Project::local();
    let playbook = r#"
        hosts("m1")[0].run(`echo >${vars.folder}/made-first`);
        wait_until("the word", || hosts("m1")[0].stat(`${vars.folder}/word`).exists, #{ timeout: "4s", interval: "50ms" });
    "#;
    project.file("play.rhai", playbook);
    let folder = format!("folder={}", project.path().display());
    let mut child = project.start(&["run", "play.rhai", "-i", "hosts.yaml", "-e", &folder]);
    wait_for("the wait", || events(&project).iter().any(|event| event["event"] == "effect_waiting"));
    signal(&child, "TSTP");
    let stat = format!("/proc/{}/stat", child.id());
    wait_for("the stop", || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")));
    // Longer than the wait's own time.
    std::thread::sleep(Duration::from_secs(6));
    signal(&child, "CONT");
    wait_for("the notice", || events(&project).iter().any(|event| event.to_string().contains("was stopped for")));
    project.file("word", "");
    let code = ended(&mut child);
    assert_eq!(code, Some(0));
    whole(&project, code, "a stopped process");
}

#[test]
fn who_asks_for_little_is_shown_little_and_who_asks_for_colours_gets_them_anywhere() {
    let project = Project::local();
    let playbook = r#"
        step("Write", || hosts("masters").each(|m| m.copy(`${vars.folder}/file-${m.name}`, #{ content: "x" })));
        checked("the clock is right", "warning", "2 s late");
        note("a note");
        step("Look", || hosts("m1")[0].run(`test ! -e ${vars.folder}/bad`));
    "#;
    project.file("play.rhai", playbook);
    let folder = format!("folder={}", project.path().display());
    let run = |more: &[&str]| project.zkmig(&[&["run", "play.rhai", "-i", "hosts.yaml", "-e", &folder], more].concat());
    let said = run(&["-q"]).says(&["the clock is right"]).stdout.clone();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[1].starts_with("done in ") && lines[1].contains("changed=3"), "{said}");
    run(&["-q", "-v"]).fails(2, &["cannot be used with"]);
    project.file("bad", "");
    let said = run(&["--quiet"]);
    said.fails(3, &["exit status 1"]);
    assert!(
        said.stdout.contains("m1") && said.stdout.contains("failed") && !said.stdout.contains("[1/"),
        "{}",
        said.stdout
    );
    // The tests set NO_COLOR.
    let coloured = run(&["--color", "always"]);
    assert!(
        coloured.stdout.contains("\u{1b}[") && coloured.stderr.contains("\u{1b}["),
        "{}{}",
        coloured.stdout,
        coloured.stderr
    );
    assert!(
        project.zkmig(&["--color=always", "run", "--nonsense"]).stderr.contains("\u{1b}["),
        "the command line's own errors"
    );
    project.file("zkmig.toml", "colours = \"always\"\n");
    assert!(run(&[]).stdout.contains("\u{1b}["));
    let plain = run(&["--color", "never"]);
    assert!(!plain.stdout.contains('\u{1b}') && !plain.stderr.contains('\u{1b}'), "{}{}", plain.stdout, plain.stderr);
    run(&["--color", "sometimes"]).fails(2, &["auto, always, never"]);
}
