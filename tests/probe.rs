//! Watching an ensemble while a playbook works, on servers that answer `srvr` as a file says.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::Ordering;

use serde_json::Value;
use support::answering::Server;
use support::sshd::{Sshd, free_port};
use support::{Project, Ran, ended, signal, wait_for};

/// What every playbook here begins with: `becomes` changes what the server answers, `until_told` waits for an event.
const TOOLS: &str = r#"
    declare(#{ folder: #{ type: "text", help: "the project's folder" } });
    fn becomes(m, folder, state) { m.run(`echo '${state}' >answer.new && mv answer.new answer`, #{ cwd: folder }); }
    fn until_told(m, folder, text) { m.run(`until grep -qF '${text}' events; do sleep 0.02; done`, #{ cwd: folder, timeout: "20s" }); }
    let masters = hosts("masters");
    let m = masters[0];
    let folder = vars.folder;
    let port = PORT;
"#;

/// The playbook, whose probes ask this server what ZooKeeper is asked.
fn with_tools(playbook: &str, port: u16) -> String {
    let asked = "#{ port: port, send: \"srvr\", verdict: |m, answer| zookeeper::role(answer, 3)";
    let playbook = playbook.replace("#{ port: port", asked);
    format!("{}{playbook}", TOOLS.replace("PORT", &port.to_string()))
}

fn run(project: &Project, port: u16, playbook: &str, more: &[&str]) -> Ran {
    let folder = format!("folder={}", project.path().display());
    project.run(&with_tools(playbook, port), &[&["--events", "events", "-e", &folder], more].concat())
}

/// The data of the events of this name.
fn told(project: &Project, name: &str) -> Vec<Value> {
    let events = std::fs::read_to_string(project.join("events")).unwrap();
    // The line that is being written has no end yet.
    let events = events.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let events = events.map(|line| serde_json::from_str::<Value>(line).unwrap());
    events
        .filter(|event| event["event"] == "data" && event["name"] == name)
        .map(|event| event["data"].clone())
        .collect()
}

fn availability(project: &Project) -> Value {
    let mut told = told(project, "availability");
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
}

#[test]
fn an_election_while_the_playbook_works_is_in_the_events_the_recap_and_the_record() {
    let project = Project::local();
    let server = Server::start(&project, "leader 5");
    let playbook = r#"
        let gave = probe([m], || step("Restart", || {
            becomes(m, folder, "idle");
            until_told(m, folder, "\"serving\":[],\"leader\":null");
            becomes(m, folder, "leader 6");
            until_told(m, folder, "\"epoch\":6");
            42
        }), #{ port: port, interval: "50ms" });
        note(`it gave ${gave}`);
    "#;
    let ran = run(&project, server.port, playbook, &[]);
    ran.says(&["it gave 42", "quorum: 1 gap, ", " s (±", " without a spare; leader m1, 1 election\n"]);
    let epochs: Vec<Value> = told(&project, "members").iter().map(|view| view["epoch"].clone()).collect();
    assert_eq!(epochs, [Value::from(5), Value::Null, Value::from(6)]);
    let found = availability(&project);
    let gap = &found["gaps"][0];
    assert_eq!((&gap["leader_before"], &gap["leader_after"]), (&Value::from("m1"), &Value::from("m1")));
    assert_eq!(
        (&gap["election"], &gap["over"], found["gaps"].as_array().unwrap().len()),
        (&true.into(), &true.into(), 1)
    );
    let (seconds, watched) = (gap["seconds"].as_f64().unwrap(), found["watched_seconds"].as_f64().unwrap());
    assert!(seconds > 0.0 && seconds < watched, "{found}");
    assert_eq!(found["failed_looks"], 0);
    let story = project.zkmig(&["runs", "show"]);
    story.says(&["quorum: 1 gap, ", "leader m1, 1 election"]);
}

#[test]
fn a_server_that_hangs_is_unseen_and_disturbs_nobody() {
    let project = Project::local();
    let server = Server::start(&project, "leader 5");
    let playbook = r##"
        fn is_back(m, folder) {
            let told = m.run("grep -c '\"quorum\":true' events", #{ cwd: folder, read_only: true });
            if told.stdout.trimmed() == "2" { true } else { "not yet" }
        }
        probe([m], || {
            becomes(m, folder, "hang");
            until_told(m, folder, "\"unseen\":[{\"host\":\"m1\",\"since_ms\"");
            becomes(m, folder, "leader 5");
            wait_until("it is back", || is_back(m, folder), #{ interval: "20ms" });
        }, #{ port: port, interval: "50ms", timeout: "1s" });
    "##;
    let ran = run(&project, server.port, playbook, &[]);
    ran.says(&["quorum: 1 gap, ", "leader m1; m1 unseen for "]);
    let found = availability(&project);
    assert_eq!(found["gaps"][0]["unseen"], serde_json::json!(["m1"]));
    assert!(found["failed_looks"].as_u64().unwrap() >= 1, "{found}");
    assert!(found["looks"].as_u64() > found["failed_looks"].as_u64(), "{found}");
}

#[test]
fn an_sshd_that_hangs_hides_its_host_and_nothing_else() {
    let sshd = Sshd::start("");
    std::fs::write(
        sshd.path("ssh_config"),
        format!("UserKnownHostsFile {}\nGlobalKnownHostsFile none\n", sshd.path("known_hosts").display()),
    )
    .unwrap();
    let project = Project::new(&format!(
        "masters:\n  hosts:\n    m1:\n      ansible_host: 127.0.0.1\n      ansible_port: {}\n      ansible_ssh_private_key_file: {}\n      \
         zkmig_ssh_config: {}\n      zkmig_lock_file: FOLDER/lock-m1\n\
         all:\n  hosts:\n    here: {{ ansible_connection: local, zkmig_lock_file: FOLDER/lock-here }}\n",
        sshd.port,
        sshd.path("user").display(),
        sshd.path("ssh_config").display()
    ));
    let server = Server::start(&project, "leader 5");
    let playbook = r#"
        let here = hosts("here")[0];
        probe([m], || {
            here.run("until [ -e done ]; do sleep 0.05; done", #{ cwd: folder });
            m.run("true");
        }, #{ port: port, interval: "100ms", timeout: "1s" });
    "#;
    project.file("play.rhai", &with_tools(playbook, server.port));
    let folder = format!("folder={}", project.path().display());
    let mut child = project.start(&["run", "play.rhai", "-i", "hosts.yaml", "--events", "events", "-e", &folder]);
    let views = || if project.join("events").exists() { told(&project, "members") } else { Vec::new() };
    wait_for("a quorum", || views().iter().any(|view| view["quorum"] == true));
    sshd.signal_connections("STOP");
    wait_for("a host that can't be asked", || views().iter().any(|view| view["unseen"][0]["host"] == "m1"));
    sshd.signal_connections("CONT");
    wait_for("another quorum", || views().last().is_some_and(|view| view["quorum"] == true));
    project.file("done", "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let found = availability(&project);
    assert_eq!((found["gaps"].as_array().unwrap().len(), &found["gaps"][0]["over"]), (1, &true.into()), "{found}");
    assert_eq!(found["gaps"][0]["unseen"], serde_json::json!(["m1"]));
    assert_eq!(found["elections"], 0);
}

#[test]
fn nobody_who_listens_is_a_gap_that_is_not_over_and_several_probes_are_told_apart() {
    let project = Project::local();
    let playbook = r#"
        let one = step("One", || probe(masters, || "a", #{ port: port }));
        let two = step("Two", || probe(masters, || "b", #{ port: port }));
        note(one + two);
    "#;
    let ran = run(&project, free_port(), playbook, &[]);
    ran.says(&[
        "  ab\n",
        "quorum in \"One\": 1 gap, ",
        "quorum in \"Two\": 1 gap, ",
        "and not over; never",
        "no leader seen",
    ]);
    assert_eq!(told(&project, "members").len(), 2);
}

#[test]
fn two_leaders_at_once_are_a_warning() {
    let project = Project::local();
    let server = Server::start(&project, "leader 5");
    let playbook = r#"
        probe(masters, || until_told(m, folder, "\"event\":\"warning\",\"text\":\"two servers lead at once: m1 (epoch 5) and m2 (epoch 5)"), #{ port: port, interval: "50ms" });
    "#;
    let ran = run(&project, server.port, playbook, &[]);
    ran.says(&["warning: two servers lead at once", "two leaders at once: m1 and m2", "1 warnings"]);
}

#[test]
fn check_mode_asks_nobody() {
    let project = Project::local();
    let server = Server::start(&project, "leader 5");
    run(&project, server.port, "note(`${probe(masters, || 7, #{ port: port })}`);", &["--check"]).says(&["  7\n"]);
    assert_eq!(server.asked.load(Ordering::SeqCst), 0);
    assert!(told(&project, "availability").is_empty());
}

#[test]
fn what_was_seen_is_told_when_the_work_fails_too() {
    let project = Project::local();
    let server = Server::start(&project, "leader 5");
    let ran = run(&project, server.port, "probe([m], || m.run(\"exit 9\"), #{ port: port });", &[]);
    ran.fails(3, &["exit 9"]);
    assert!(ran.stdout.contains("quorum: no gap in "), "{}", ran.stdout);
    assert_eq!(availability(&project)["leaders"], serde_json::json!(["m1"]));
}

#[test]
fn an_interrupt_ends_it_with_the_work_and_also_while_it_waits_for_the_first_answer() {
    for (state, work) in [("leader 5", r#"pause("600s")"#), ("hang", "()")] {
        let project = Project::local();
        let server = Server::start(&project, state);
        let playbook = format!("probe([m], || {work}, #{{ port: port, timeout: \"600s\" }});");
        project.file("play.rhai", &with_tools(&playbook, server.port));
        let folder = format!("folder={}", project.path().display());
        let mut child = project.start(&["run", "play.rhai", "-i", "hosts.yaml", "--events", "events", "-e", &folder]);
        wait_for("a question", || server.asked.load(Ordering::SeqCst) > 0);
        if state != "hang" {
            wait_for("the first look", || !told(&project, "members").is_empty());
        }
        signal(&child, "INT");
        assert_eq!(ended(&mut child), Some(130), "{state}");
        assert_eq!(told(&project, "availability").len(), usize::from(state != "hang"), "{state}");
    }
}

#[test]
fn what_it_can_not_do_is_refused() {
    let project = Project::local();
    let fails = |options: &str, texts: &[&str]| {
        run(&project, 1, &format!("probe(masters, || 1, #{{ {options} }});"), &[]).fails(2, texts);
    };
    let verdict = "verdict: |m, answer| ()";
    let asked = format!("port: 1, send: \"x\", {verdict}");
    fails("intervall: 1", &["probe takes no option `intervall`", "did you mean `interval`?"]);
    fails(&format!("interval: 0, {asked}"), &["option `interval` of probe has to be at least 50 ms"]);
    fails(&format!("port: 0, send: \"x\", {verdict}"), &["probe takes a port from 1 to 65535, not 0"]);
    fails(&format!("send: \"x\", {verdict}"), &["probe lacks its `port`"]);
    fails("port: 1, send: \"x\"", &["probe lacks its `verdict`"]);
    fails(&format!("port: 1, {verdict}"), &["probe lacks its `send`", "http: \"/path\""]);
    fails(&format!("port: 1, send: \"x\", http: \"/\", {verdict}"), &["probe lacks its `send`"]);
    fails(&format!("port: 1, http: \"health\", {verdict}"), &["`health` is no path of a web server"]);
    fails(&format!("{asked}, headers: #{{ a: \"b\" }}"), &["`headers` go with `http`"]);
    let fails = |list: &str, text: &str| {
        run(&project, 1, &format!("probe({list}, || 1, #{{ {asked} }});"), &[]).fails(2, &[text]);
    };
    fails("[]", "probe is given no host");
    fails("[m, masters[1], m]", "probe is given m1 twice");
    fails("[1]", "probe is for lists of hosts");
}

#[test]
fn a_verdict_that_can_not_be_had_is_told_before_the_work_begins() {
    let project = Project::local();
    let server = Server::start(&project, "leader 5");
    for (verdict, text) in [
        ("#{ serves: 1 }", "has a `serves` that is neither true nor false"),
        ("#{ leads: true }", "says that a server leads and does not serve"),
        ("#{ serves: true, term: 1 }", "has no field `term`"),
        ("true", "has to be a map or ()"),
        ("fail(\"no\")", "no"),
    ] {
        let playbook = format!(
            "probe([m], || m.run(\"echo x >worked\", #{{ cwd: folder }}), #{{port: port, send: \"srvr\", verdict: |m, answer| {verdict} }});"
        );
        let ran = run(&project, server.port, &playbook, &[]);
        assert!(ran.stderr.contains(text), "{verdict}: {}", ran.stderr);
        assert!(!project.join("worked").exists(), "{verdict}");
    }
}

#[test]
fn a_web_server_is_asked_and_the_verdict_reads_the_body() {
    let project = Project::local();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut bytes = [0; 512];
            let read = socket.read(&mut bytes).unwrap_or(0);
            let asked = String::from_utf8_lossy(&bytes[..read]).into_owned();
            assert!(asked.starts_with("GET /health HTTP/1.0\r\n") && asked.contains("\r\nX-Who: me\r\n"), "{asked}");
            assert!(asked.contains(&format!("\r\nHost: m1:{port}\r\n")), "{asked}");
            let body = "{\"leader\":true,\"term\":9}";
            drop(write!(socket, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        }
    });
    let playbook = r#"
        fn verdict(answer) {
            let said = from_json(answer);
            #{ serves: true, leads: said.leader, epoch: said.term }
        }
        probe([m], || 1, #{port: port, http: "/health", headers: #{ "X-Who": "me" }, verdict: |m, answer| verdict(answer) });
    "#;
    run(&project, port, playbook, &[]).says(&["quorum: no gap in ", "leader m1"]);
    assert_eq!(told(&project, "members")[0]["epoch"], 9);
}
