//! Hosts that lie, flood, stall and end in the middle: zkmig ends in time, with the exit code that is documented, without
//! taking this machine's memory, and sends nothing to the terminal that acts on it.
//!
//! The host is a real sshd whose forced command is hostile from the first byte, or a real shell in which the command that
//! the playbook runs turns on the connection that it runs on: it knows the words of the protocol.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::Project;
use support::sshd::Sshd;
use zkmig::task::acts;

/// The most memory that zkmig may take, in bytes. Of it the program itself and its libraries are some 30 MiB, and what a
/// script of its own may print 16 MiB, which is held as bytes, as text and decoded.
const MOST: u64 = 200 * 1024 * 1024;

/// The forced command: hostile from the first byte, or the shell that was asked for.
const PEER: &str = r#"
nonce=$(printf '%s' "$SSH_ORIGINAL_COMMAND" | grep -o 'zkmig-[0-9a-f]*' | head -n 1)
garbage=$(printf 'a\033[2Jb\302\2332Jc\342\200\256d\r\010%01000d' 0)
case $MODE in
honest) exec sh -c "$SSH_ORIGINAL_COMMAND" ;;
floods) exec yes "$garbage" ;;
floods_errors) exec yes "$garbage" >&2 ;;
says_nothing) cat >/dev/null ;;
ends) printf '%s' "$garbage"; printf '%s' "$garbage" >&2; exit 7 ;;
half_up) printf '%s up\n%s' "$nonce" "$garbage"; exit 0 ;;
floods_when_up) printf '%s up\n' "$nonce"; exec yes "$garbage" ;;
mute_when_ready) printf '%s up\n%s ready\n' "$nonce" "$nonce"; printf '%s ready\n' "$nonce" >&2; cat >/dev/null ;;
floods_when_ready) printf '%s up\n%s ready\n' "$nonce" "$nonce"; printf '%s ready\n' "$nonce" >&2; yes "$garbage" & exec yes "$garbage" >&2 ;;
lies_when_ready)
    printf '%s up\n%s ready\n' "$nonce" "$nonce"
    printf '%s up\n%s ready\n' "$nonce" "$nonce" >&2
    while :; do
        for id in 0 1 2 3 18446744073709551616 -1; do
            for pipe in 1 2; do
                printf '%s end %s 0\n%s begin %s\n%s end %s 99999999999999999999\n%s end %s ' "$nonce" $id "$nonce" $id "$nonce" $id "$nonce" $id >&$pipe
                printf '%0100000d\n%s' 0 "$garbage" >&$pipe
                printf '%s end %s 0\n%s end %s 0\n' "$nonce" $id "$nonce" $id >&$pipe
            done
        done
    done ;;
esac
"#;

/// What a command of a playbook begins with that turns on its connection: the nonce, and the process that leads the shell.
const TURNS: &str = r#"
above() { sed 's/.*) . //' "/proc/$1/stat" | cut -d' ' -f1; }
job=$PPID; loop=$(above $job)
nonce=$(tr '\0' '\n' </proc/$loop/cmdline | grep -o 'zkmig-[0-9a-f]*' | head -n 1)
[ -n "$nonce" ] || exit 9
"#;

struct Case {
    name: &'static str,
    /// How the forced command behaves.
    mode: &'static str,
    /// The playbook; `m` is the host, `TURNS` stands for the text above.
    playbook: &'static str,
    /// The exit code; -1 for any that blames the host, or none where it tells nothing but lies that can't be told from truth.
    code: i32,
    /// What standard error has to say.
    says: &'static str,
    within: Duration,
}

const fn case(
    name: &'static str,
    mode: &'static str,
    playbook: &'static str,
    code: i32,
    says: &'static str,
    within: u64,
) -> Case {
    Case { name, mode, playbook, code, says, within: Duration::from_secs(within) }
}

const HELLO: &str = "m.run(\"echo hello\", #{ timeout: 2 });";

/// Time-outs are those of the product, and a busy machine's are longer.
const CASES: &[Case] = &[
    case("floods before its shell is up", "floods", HELLO, 4, "prints without end", 30),
    case("floods the errors before its shell is up", "floods_errors", HELLO, 4, "prints without end", 30),
    case("says nothing", "says_nothing", HELLO, 4, "no shell came up on the host within 30 s", 60),
    case("ends at once", "ends", HELLO, 4, "the host gave no shell", 30),
    case("ends half way up", "half_up", HELLO, 4, "", 30),
    case("floods when it is up", "floods_when_up", HELLO, 4, "prints without end", 30),
    case("is mute when it is ready", "mute_when_ready", HELLO, 4, "", 60),
    case("floods when it is ready", "floods_when_ready", HELLO, 4, "", 60),
    case("lies about beginnings and ends", "lies_when_ready", HELLO, -1, "", 60),
    case(
        "floods both outputs of a command",
        "honest",
        r#"m.run("yes \"$(printf 'a\\033[2J\\302\\2332J')\" & yes >&2", #{ timeout: 2 });"#,
        3,
        "did not end within 2 s",
        40,
    ),
    case(
        "floods what is read",
        "honest",
        r#"m.run(`head -c 30000000 /dev/zero >${vars.target}`); m.read(vars.target, #{ largest: 10000000 });"#,
        3,
        "larger than 10000000 bytes",
        40,
    ),
    case(
        "floods the file that takes its output",
        "honest",
        r#"m.run("yes", #{ timeout: 2, save: "saved", save_max: 1000000 });"#,
        3,
        "save_max",
        40,
    ),
    case(
        "answers an effect with a flood",
        "honest",
        "m.run(`TURNS\nyes \"$(head -c 5000 /dev/zero | tr '\\0' x)\" >/proc/$loop/fd/1 & sleep 1`, #{ timeout: 5, accept: [0, 143] });\nm.stat(\"/etc\");",
        -1,
        "",
        60,
    ),
    case(
        "prints marks of its own",
        "honest",
        "let got = m.run(`TURNS\nfor id in $(seq 60); do printf '%s end %s 99999999999\\n%s begin %s\\n%s end %s x\\n' $nonce $id $nonce $id $nonce $id; printf '%s end %s %01000000d\\n' $nonce $id 0; done | head -c 3000000`, #{ timeout: 20 });\nif got.status != 0 { fail(\"status\"); }\nm.run(\"echo fine\");",
        0,
        "",
        60,
    ),
    case(
        "prints the end of its own command, twice, and goes on",
        "honest",
        "m.run(`TURNS\nfor id in $(seq 60); do printf '%s end %s 0\\n%s end %s 3\\n' $nonce $id $nonce $id; printf '%s end %s 0\\n' $nonce $id >&2; done; sleep 1; echo late`, #{ timeout: 20 });\nm.run(\"echo fine\");",
        -1,
        "",
        60,
    ),
    case(
        "ends the shell in the middle of a command",
        "honest",
        "m.run(`TURNS\nprintf 'half\\033[2J'; kill -KILL $loop $job; sleep 5`, #{ timeout: 20 });",
        4,
        "the connection to the host ended",
        40,
    ),
    case(
        "prints what acts on a terminal, and fails",
        "honest",
        r#"m.run("printf 'a\\033[2J\\033]52;c;eA==\\007b\\302\\2332Jc\\342\\200\\256d\\r\\010e\\n\\377\\302'; printf '\\033[31mno\\n' >&2; exit 3");"#,
        3,
        "u{1b}",
        30,
    ),
    case(
        "prints what acts on a terminal, and goes on",
        "honest",
        "let got = m.run(\"printf 'a\\\\033[2J\\\\302\\\\2332J\\\\342\\\\200\\\\256d\\\\r\\\\010e\\\\n'\");\nnote(got.stdout); print(got); checked(got.stdout, true, got.stdout); m.copy(vars.target, #{ content: got.stdout });\nstep(got.stdout, || 1);",
        0,
        "",
        30,
    ),
];

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
    events: String,
    took: Duration,
    peak: u64,
}

/// Runs the playbook; gives what came of it, and the most memory that zkmig had.
fn run(project: &Project, wanted: Duration) -> Ended {
    let out = |name: &str| fs::File::create(project.join(name)).unwrap();
    let target = format!("target={}", project.join("target").display());
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_zkmig"))
        .args(["run", "play.rhai", "-i", "hosts.yaml", "-vv", "--diff", "--events", "events", "-e", &target])
        .current_dir(project.path())
        .env("NO_COLOR", "1")
        .env("XDG_STATE_HOME", project.join("state"))
        .stdin(Stdio::null())
        .stdout(out("stdout"))
        .stderr(out("stderr"))
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let now = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(now.unwrap_or(0) * 1024);
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if began.elapsed() > wanted * 2 {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let read = |name: &str| String::from_utf8(fs::read(project.join(name)).unwrap()).unwrap();
    Ended {
        code: status.and_then(|status| status.code()).unwrap_or(-1),
        stdout: read("stdout"),
        stderr: read("stderr"),
        events: read("events"),
        took: began.elapsed(),
        peak,
    }
}

fn project(port: u16, sshd: Option<&Sshd>) -> Project {
    let mut inventory = format!(
        "masters:\n  hosts:\n    m:\n      ansible_host: 127.0.0.1\n      ansible_port: {port}\n      zkmig_host_key_checking: accept-new\n      zkmig_connect_timeout: 2\n"
    );
    if let Some(sshd) = sshd {
        fs::write(
            sshd.path("ssh_config"),
            format!("UserKnownHostsFile {}\nGlobalKnownHostsFile none\n", sshd.path("known_hosts").display()),
        )
        .unwrap();
        inventory.push_str(&format!(
            "      ansible_ssh_private_key_file: {}\n      zkmig_ssh_config: {}\n      zkmig_lock_file: {}\n",
            sshd.path("user").display(),
            sshd.path("ssh_config").display(),
            sshd.path("lock").display()
        ));
    }
    Project::new(&inventory)
}

/// What is wrong with the end of a case.
fn wrong(case: &Case, ended: &Ended) -> Vec<String> {
    let mut wrong = Vec::new();
    if ended.code != case.code && case.code >= 0 || ![0, 3, 4].contains(&ended.code) {
        wrong.push(format!("exit code {} instead of {}", ended.code, case.code));
    }
    if !ended.stderr.contains(case.says) {
        wrong.push(format!("it does not say {:?}", case.says));
    }
    if ended.took > case.within {
        wrong.push(format!("it took {:?}", ended.took));
    }
    if ended.peak > MOST {
        wrong.push(format!("it took {} MiB of memory", ended.peak >> 20));
    }
    for (name, text) in [("stdout", &ended.stdout), ("stderr", &ended.stderr), ("events", &ended.events)] {
        if let Some(found) = text.chars().find(|c| acts(*c) && *c != '\n' && *c != '\t') {
            wrong.push(format!("{found:?} is in {name}"));
        }
        if text.len() > 1_000_000 {
            wrong.push(format!("{name} has {} bytes", text.len()));
        }
    }
    wrong
}

/// Runs the cases side by side, most of which wait; panics with all that went wrong.
fn all(cases: Vec<(&Case, Project, Option<Sshd>)>) {
    let failures: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = cases
            .iter()
            .map(|(case, project, _)| {
                scope.spawn(move || {
                    let ended = run(project, case.within);
                    let mut line = format!(
                        "hostile: {:<58} exit {:>2}, {:>5.1} s, {:>3} MiB",
                        case.name,
                        ended.code,
                        ended.took.as_secs_f64(),
                        ended.peak >> 20
                    );
                    let wrong = wrong(case, &ended);
                    if !wrong.is_empty() {
                        let tail = |text: &str| {
                            text.lines()
                                .rev()
                                .take(30)
                                .collect::<Vec<_>>()
                                .into_iter()
                                .rev()
                                .map(|line| line.chars().take(300).collect::<String>())
                                .collect::<Vec<_>>()
                                .join("\n")
                        };
                        line.push_str(&format!(
                            "\n{}\nstdout:\n{}\nstderr:\n{}",
                            wrong.join("\n"),
                            tail(&ended.stdout),
                            tail(&ended.stderr)
                        ));
                    }
                    let _ = writeln!(std::io::stderr(), "{line}");
                    (!wrong.is_empty()).then_some(line)
                })
            })
            .collect();
        running.into_iter().filter_map(|one| one.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn a_hostile_host_ends_nothing_but_its_own_run() {
    let cases = CASES
        .iter()
        .map(|case| {
            let sshd = Sshd::start("");
            let peer = sshd.path("peer");
            fs::write(&peer, PEER).unwrap();
            let config = fs::read_to_string(sshd.path("authorized")).unwrap();
            let forced = format!("command=\"MODE={} sh {}\" {config}", case.mode, peer.display());
            fs::write(sshd.path("authorized"), forced).unwrap();
            let project = project(sshd.port, Some(&sshd));
            project
                .file("play.rhai", &format!("let m = hosts(\"m\")[0];\n{}\n", case.playbook.replace("TURNS", TURNS)));
            (case, project, Some(sshd))
        })
        .collect();
    all(cases);
}

/// A server that lets everybody connect, says this once or without end, and never lets anybody in.
fn server(says: &'static [u8], without_end: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            std::thread::spawn(move || {
                let mut socket = socket.unwrap();
                while socket.write_all(says).is_ok() && without_end {}
                // Until the other side goes away.
                let _ = std::io::copy(&mut socket, &mut std::io::sink());
            });
        }
    });
    port
}

#[test]
fn what_is_no_ssh_server_is_given_up() {
    static CASES: &[Case] = &[
        case("takes the connection and says nothing", "", HELLO, 4, "", 60),
        case("says who it is and then nothing", "", HELLO, 4, "did not answer within 2 s", 60),
        case("floods before it says who it is", "", HELLO, 4, "", 60),
        case("floods after it said who it is", "", HELLO, 4, "", 60),
    ];
    let ports = [
        server(b"", false),
        server(b"SSH-2.0-OpenSSH_7.4\r\n", false),
        server(b"no ssh here\x1b[2J\r\n", true),
        server(b"SSH-2.0-OpenSSH_7.4\r\n\xff\xff\xff\xff", true),
    ];
    let cases = CASES
        .iter()
        .zip(ports)
        .map(|(case, port)| {
            let project = project(port, None);
            project.file("play.rhai", &format!("let m = hosts(\"m\")[0];\n{}\n", case.playbook));
            (case, project, None)
        })
        .collect();
    all(cases);
}
