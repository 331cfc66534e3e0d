//! A connection that ends: the next effect makes another, what was in hand is told and not repeated, locks are held again.
//!
//! The playbooks work on a host over a real sshd, and cut its connections from another host, which is this machine.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::fs;

use support::sshd::Sshd;
use support::{Project, ended, signal, wait_for};

struct Hosts {
    sshd: Sshd,
    project: Project,
}

impl Hosts {
    fn new() -> Self {
        Self::of(Sshd::start(""))
    }

    fn of(sshd: Sshd) -> Self {
        let project = Project::new(&format!(
            "all:\n  hosts:\n    m1:\n      ansible_host: 127.0.0.1\n      ansible_port: {}\n      ansible_ssh_private_key_file: {}\n      \
             zkmig_ssh_config: FOLDER/ssh_config\n      zkmig_lock_file: FOLDER/lock\n    here:\n      ansible_connection: local\n      \
             zkmig_lock_file: FOLDER/lock-here\n",
            sshd.port,
            sshd.path("user").display(),
        ));
        let known = sshd.path("known_hosts").display().to_string();
        project.file("ssh_config", &format!("UserKnownHostsFile {known}\nGlobalKnownHostsFile none\n"));
        Self { sshd, project }
    }

    /// A playbook: `m` is the host, `here` this machine, F the folder of the project, CUT what ends the connections.
    fn playbook(&self, text: &str) -> String {
        let text = format!("let m = hosts(\"m1\")[0];\nlet here = hosts(\"here\")[0];\n{text}");
        let cut = format!("pkill -KILL -P {}", self.sshd.id());
        text.replace("CUT", &cut).replace("F/", &format!("{}/", self.project.path().display()))
    }

    fn run(&self, text: &str) -> support::Ran {
        self.project.run(&self.playbook(text), &["-v"])
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.project.join(name)).unwrap_or_default()
    }
}

#[test]
fn the_next_effect_connects_again_and_the_lock_is_held_again() {
    let hosts = Hosts::new();
    hosts
        .run(
            "m.run(\"echo one >>F/count\");\n\
             here.run(\"CUT; while [ ! -e F/lock.ended ]; do sleep 0.05; done\");\n\
             m.run(\"echo two >>F/count\");\n\
             if m.stat(\"F/lock.ended\").exists || !m.stat(\"F/lock\").exists { fail(\"the lock is not held\"); }\n\
             here.run(\"CUT; while [ ! -e F/lock.ended ]; do sleep 0.05; done\");\n\
             m.copy(\"F/copied\", #{ content: \"text\" });",
        )
        .says(&["its lock is held again"]);
    assert_eq!((hosts.text("count"), hosts.text("copied")), ("one\ntwo\n".to_owned(), "text".to_owned()));
    assert!(!hosts.project.join("lock").exists() && !hosts.project.join("lock.ended").exists());
}

#[test]
fn a_lock_that_went_with_the_connection_is_taken_again_whoever_connects_first() {
    let hosts = Hosts::new();
    hosts
        .run(
            "m.run(\"echo one >>F/count\");\n\
             here.run(\"CUT; while [ ! -e F/lock.ended ]; do sleep 0.05; done; rm -f F/lock F/lock.ended\");\n\
             m.run(\"[ -e F/lock ] && echo two >>F/count\");\n\
             // Nothing is done there until the run renews its locks.\n\
             here.run(\"CUT; rm -f F/lock F/lock.ended; while [ ! -e F/lock ]; do sleep 0.05; done\");\n\
             m.run(\"echo three >>F/count\");",
        )
        .says(&["its lock is held again"]);
    assert_eq!(hosts.text("count"), "one\ntwo\nthree\n");
    assert!(!hosts.project.join("lock").exists());
}

#[test]
fn what_was_in_hand_is_told_and_not_repeated() {
    let hosts = Hosts::new();
    let cut = "m.run(\"echo x >>F/count; CUT; sleep 30; echo late >>F/count\");";
    hosts.run(cut).fails(4, &["while this was under way", "whether it was done is not known"]);
    assert_eq!(hosts.text("count"), "x\n");
    hosts
        .run(&format!("try {{ {cut} }} catch (e) {{ note(`kind ${{e.kind}}`); }}\nm.run(\"echo y >>F/count\");"))
        .says(&["kind unreachable"]);
    assert_eq!(hosts.text("count"), "x\nx\ny\n");
}

#[test]
fn a_lock_that_was_lost_with_the_connection_is_told_of_also_where_nothing_is_begun_after_that() {
    let hosts = Hosts::new();
    let take = |by: &str| format!("m.run(\"echo x >>F/count; {by}; CUT; sleep 30\");");
    let taken = "printf 'run=other\\\\ntoken=t\\\\nwho=eve\\\\n' >F/lock";
    let ran = hosts.run(&take(taken));
    let whose = "the lock on m1 is no longer this run's: eve has it now, with run other";
    ran.fails(4, &["whether it was done is not known", whose]);
    assert!(!ran.stdout.contains("unlocked: m1"), "{}", ran.stdout);
    assert!(hosts.text("lock").contains("run=other"));
    fs::remove_file(hosts.project.join("lock")).unwrap();
    hosts.run(&take("rm F/lock")).fails(4, &["is no longer this run's: somebody has removed it"]);
    // With the run's last word.
    let ran = hosts.run(&format!("here.run(\"{taken}\");\nm.run(\"true\", #{{ read_only: true }});"));
    ran.says(&[whose]);
    assert!(!ran.stdout.contains("unlocked: m1") && ran.stdout.contains("unlocked: here"), "{}", ran.stdout);
}

#[test]
fn waits_and_retries_go_on_over_it() {
    let hosts = Hosts::new();
    let ran = hosts
        .run(
            "wait_until(\"it is there\", || {\n\
                m.run(\"echo look >>F/looks; n=$(wc -l <F/looks); [ $n != 2 ] || { CUT; sleep 30; }; [ $n -ge 4 ]\", #{ read_only: true });\n\
                true\n\
             }, #{ interval: \"10ms\" });\n\
             retry(|| m.run(\"echo try >>F/tries; [ $(wc -l <F/tries) -ge 2 ] || { CUT; sleep 30; }\"), #{ delay: \"10ms\" });",
        );
    ran.says(&[]);
    // What was tried again is nothing that the run has come to.
    assert!(!ran.stdout.contains("unreachable=1") && ran.stdout.contains("unreachable=0"), "{}", ran.stdout);
    assert_eq!((hosts.text("looks").lines().count(), hosts.text("tries").lines().count()), (4, 2));
}

#[test]
fn a_rolling_turn_whose_connection_ends_stops_the_block() {
    let hosts = Hosts::new();
    hosts
        .run("rolling([m, here], |h| h.run(if h == m { \"CUT; sleep 30\" } else { \"echo two >>F/count\" }));")
        .fails(4, &["the rolling block stopped at m1", "not touched: here"]);
    assert_eq!(hosts.text("count"), "");
}

#[test]
fn a_host_whose_lock_was_taken_meanwhile_is_left_alone() {
    let hosts = Hosts::new();
    hosts
        .run(
            "m.run(\"echo one >>F/count\");\n\
             here.run(\"CUT; while [ ! -e F/lock.ended ]; do sleep 0.05; done; printf 'run=other\\\\ntoken=t\\\\nwho=eve\\\\n' >F/lock\");\n\
             m.run(\"echo two >>F/count\");",
        )
        .fails(
            6,
            &["is no longer this run's: eve has it now, with run other", "its connection had ended", "changed so far:"],
        );
    assert_eq!(hosts.text("count"), "one\n");
    assert!(hosts.text("lock").contains("run=other"));
}

#[test]
fn a_host_that_was_down_is_waited_for() {
    let mut hosts = Hosts::new();
    let text = hosts.playbook(
        "m.run(\"touch F/one\");\n\
         here.run(\"while [ ! -e F/down ]; do sleep 0.05; done\", #{ timeout: 60 });\n\
         m.reachable(#{ timeout: \"60s\" });\n\
         m.run(\"touch F/two\");",
    );
    hosts.project.file("play.rhai", &text);
    let arguments = ["run", "play.rhai", "-i", "hosts.yaml", "--events", "events"];
    let mut child = hosts.project.start(&arguments);
    wait_for("the first command", || hosts.project.join("one").exists());
    hosts.sshd.stop();
    hosts.project.file("down", "");
    wait_for("a look in vain", || hosts.text("events").contains("refuses connections"));
    hosts.sshd.serve();
    assert!(child.wait().unwrap().success(), "{}", hosts.text("events"));
    assert!(hosts.project.join("two").exists());
    // Down to the end.
    let started = std::time::Instant::now();
    hosts.sshd.stop();
    hosts.project.run("hosts(\"m1\")[0].reachable();", &[]).fails(4, &["refuses connections"]);
    assert!(started.elapsed() < std::time::Duration::from_secs(30));
}

#[test]
fn the_first_interrupt_ends_a_wait_for_a_host() {
    let mut hosts = Hosts::new();
    let text = hosts.playbook(
        "m.run(\"touch F/one\");\n\
         here.run(\"while [ ! -e F/down ]; do sleep 0.05; done\", #{ timeout: 60 });\n\
         m.reachable(#{ timeout: \"600s\" });",
    );
    hosts.project.file("play.rhai", &text);
    let mut child = hosts.project.start(&["run", "play.rhai", "-i", "hosts.yaml", "--events", "events"]);
    wait_for("the first command", || hosts.project.join("one").exists());
    hosts.sshd.stop();
    hosts.project.file("down", "");
    wait_for("a look in vain", || hosts.text("events").contains("refuses connections"));
    signal(&child, "INT");
    assert_eq!(ended(&mut child), Some(130), "{}", hosts.text("events"));
}

#[test]
fn a_host_that_was_left_out_is_not_asked_for_its_lock() {
    let mut hosts = Hosts::new();
    // That something is changed is not to be seen before it is: the locks are taken then.
    let text = hosts.playbook(
        "let all = hosts(\"m1:here\", #{ unreachable: \"skip\" });\n\
         here.run(\"touch F/one; while [ ! -e F/down ]; do sleep 0.05; done\", #{ read_only: true });\n\
         all.each(|h| h.run(\"true\", #{ read_only: true }));\n\
         let change = Fn(\"r\" + \"un\");\n\
         change.call(here, \"[ -e F/lock-here ] && touch F/two\");",
    );
    hosts.project.file("play.rhai", &text);
    let mut child = hosts.project.start(&["run", "play.rhai", "-i", "hosts.yaml", "--events", "events"]);
    wait_for("the first command", || hosts.project.join("one").exists());
    hosts.sshd.stop();
    hosts.project.file("down", "");
    assert_eq!(child.wait().unwrap().code(), Some(4), "{}", hosts.text("events"));
    assert!(hosts.project.join("two").exists(), "{}", hosts.text("events"));
    assert!(hosts.text("events").contains("but without m1"), "{}", hosts.text("events"));
}

#[test]
fn a_reboot_is_proven_and_not_made_twice() {
    if !rustix::process::geteuid().is_root() {
        println!("not root: nothing was tested");
        return;
    }
    // A host of its own boot id: where its sshd looks there is another file in its place.
    let folder = tempfile::Builder::new().suffix("-boot").tempdir().unwrap();
    let boot = folder.path().join("boot");
    fs::write(&boot, "first\n").unwrap();
    let mount = format!("mount --bind {} /proc/sys/kernel/random/boot_id && exec \"$@\"", boot.display());
    let hosts = Hosts::of(Sshd::start_below(&["unshare", "-m", "sh", "-c", &mount, "sh"], ""));
    let boot = boot.display();
    let text = format!(
        "step(\"Reboot\", || {{\n\
            let back = m.reboot(#{{ timeout: \"60s\", command: \"echo x >>F/reboots; echo boot$(wc -l <F/reboots) >{boot}; CUT; sleep 30\" }});\n\
            note(`boot ${{back.boot_id}} changed ${{back.changed}}`);\n\
            m.run(\"[ -e F/ok ]\");\n\
         }});"
    );
    hosts.run(&text).fails(3, &["exit status 1"]);
    assert_eq!(hosts.text("reboots"), "x\n");
    hosts.project.file("ok", "");
    hosts.project.zkmig(&["resume", "-y"]).says(&["boot boot1 changed false"]);
    assert_eq!(hosts.text("reboots"), "x\n");
    // The next run does, and says so where nothing came of it.
    hosts.run(&text).says(&["boot boot2 changed true"]);
    hosts
        .run("m.reboot(#{ timeout: \"2s\", command: \"true\" });")
        .fails(3, &["was not back from its reboot within 2 s", "still in the boot of before"]);
    hosts
        .run("m.reboot(#{ command: \"echo no right >&2; exit 1\" });")
        .fails(3, &["did not: exit status 1", "no right"]);
}
