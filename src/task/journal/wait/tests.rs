use super::*;
use crate::error::Kind;
use crate::task::bench::Bench;

/// A journal in a file: prints what is there, then follows it, as `journalctl -f --no-tail` does.
const JOURNALCTL: &str = "#!/bin/sh\necho \"$*\" >>\"$0.calls\"\nexec tail -n +1 -f \"$0.entries\"\n";

const CURSOR: &str = "s=a;i=a;b=b0;m=a;t=a;x=1";

fn entry(number: u64, message: &str) -> String {
    let message = serde_json::Value::from(message);
    format!(
        "{{\"__CURSOR\":\"s=a;i={number:x};b=b0;m={number:x};t={number:x};x=1\",\"_BOOT_ID\":\"b0\",\"_PID\":\"7\",\
         \"SYSLOG_IDENTIFIER\":\"java\",\"__MONOTONIC_TIMESTAMP\":\"{number}\",\"MESSAGE\":{message}}}\n"
    )
}

fn bench(entries: &str) -> Bench {
    let mut bench = Bench::new();
    bench.program("journalctl", JOURNALCTL);
    bench.file("bin/journalctl.entries", entries);
    bench
}

fn append(bench: &Bench, text: &str) {
    use std::io::Write as _;
    let mut file = std::fs::File::options().append(true).open(bench.path("bin/journalctl.entries")).expect("a file");
    file.write_all(text.as_bytes()).expect("a written file");
}

fn options(patterns: &[&str]) -> Options {
    Options {
        selection: Selection { since: Some(CURSOR.to_owned()), unit: Some("x.service".to_owned()), pid: None },
        patterns: patterns.iter().map(|regex| Pattern::new(*regex, regex).expect("a regex")).collect(),
        ..Options::default()
    }
}

#[tokio::test]
async fn a_line_that_comes_later_is_found_with_its_groups() {
    let bench = bench(&entry(10, "my id = 1"));
    let context = bench.context();
    let options = options(&["my id = (?<id>\\d+)(, x)?"]);
    let (matches, ()) = tokio::join!(wait(&context, &options), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        append(&bench, &entry(11, "nothing"));
        append(&bench, &entry(12, "Notification: my id = 4"));
    });
    let matches = matches.expect("a match");
    assert_eq!(matches[0].captures, [Some("my id = 4".to_owned()), Some("4".to_owned()), None]);
    assert_eq!(matches[0].named, [("id".to_owned(), "4".to_owned())].into());
    assert_eq!(matches[0].entry.pid, Some(7));
    let calls = std::fs::read_to_string(bench.path("bin/journalctl.calls")).expect("calls");
    assert_eq!(calls, format!("-f --no-tail -a -o json --no-pager --cursor={CURSOR} -u x.service\n"));
}

#[tokio::test]
async fn lines_between_the_cursor_and_the_wait_are_not_missed() {
    let bench = bench(&[entry(10, "serving"), entry(11, "serving again")].concat());
    let matches = wait(&bench.context(), &options(&["serving"])).await.expect("a match");
    assert_eq!(matches[0].entry.message, "serving again");
}

#[tokio::test]
async fn older_lines_never_match_even_when_the_cursors_own_entry_is_gone() {
    let mut bench = bench(&[entry(8, "serving"), entry(9, "serving")].concat());
    bench.timeout = Duration::from_millis(400);
    let error = wait(&bench.context(), &options(&["serving"])).await.expect_err("a time-out");
    assert!(error.to_string().starts_with("here: waited 0.4 s in the journal of x.service for /serving/"), "{error}");
}

#[tokio::test]
async fn all_of_several_are_waited_for_in_any_order() {
    let bench = bench(&[entry(11, "b"), entry(12, "a"), entry(13, "b again")].concat());
    let options = Options { need: Need::All, ..options(&["a$", "^b"]) };
    let matches = wait(&bench.context(), &options).await.expect("matches");
    let messages: Vec<&str> = matches.iter().map(|found| found.entry.message.as_str()).collect();
    assert_eq!(messages, ["a", "b"]);
}

#[tokio::test]
async fn a_time_out_says_what_is_missing_and_shows_the_last_lines() {
    let lines: String = (11..40).map(|number| entry(number, &format!("line {number} \u{1b}[31m"))).collect();
    let mut bench = bench(&format!("{lines}{}", entry(40, "leader elected")));
    bench.timeout = Duration::from_secs(3);
    let mut options = Options { need: Need::All, ..options(&["leader", "serving"]) };
    options.patterns[1].name = "up".to_owned();
    let error = wait(&bench.context(), &options).await.expect_err("a time-out");
    assert_eq!(error.kind(), Kind::Failed);
    assert!(error.to_string().contains("for up /serving/ in vain"), "{error}");
    let details = error.parts().details.join("\n");
    assert!(details.starts_with("30 lines were seen"), "{details}");
    assert!(details.contains("java[7]: line 31 \\u{1b}[31m") && !details.contains("line 30"), "{details}");
}

#[tokio::test]
async fn a_feared_line_ends_the_wait_at_once() {
    let bench = bench(&entry(11, "ERROR: EXHIBITOR_BACKEND must be set"));
    let fail_on = vec![Pattern::new("error", "^ERROR: ").expect("a regex")];
    let error = wait(&bench.context(), &Options { fail_on, ..options(&["serving"]) }).await.expect_err("a failure");
    assert!(error.to_string().ends_with("java[7]: ERROR: EXHIBITOR_BACKEND must be set"), "{error}");
}

#[tokio::test]
async fn a_flood_of_lines_does_not_delay_the_match() {
    let flood: String = (11..50_000).map(|number| entry(number, &"x".repeat(200))).collect();
    let bench = bench(&format!("{flood}{}", entry(50_001, "serving")));
    // In the time that the bench gives.
    wait(&bench.context(), &options(&["serving"])).await.expect("a match");
}

#[tokio::test]
async fn a_journalctl_that_ends_is_no_time_out() {
    let mut bench = bench("");
    bench.program("journalctl", "#!/bin/sh\necho 'Failed to seek to cursor' >&2\nexit 1\n");
    let error = wait(&bench.context(), &options(&["serving"])).await.expect_err("a failure");
    assert!(error.to_string().contains("journalctl ended with exit status 1"), "{error}");
    assert_eq!(error.parts().details, ["Failed to seek to cursor"]);
}

#[tokio::test]
async fn a_host_that_keeps_no_journal_is_no_time_out() {
    let mut bench = bench("");
    // As systemd 252 has it.
    let journalctl = "#!/bin/sh\ncase $1 in -f) exec sleep 60 ;; esac\necho 'No journal files were found.' >&2\n";
    bench.program("journalctl", journalctl);
    let mut options = options(&["serving"]);
    options.selection.since = Some(super::super::cursor(&bench.context()).await.expect("an empty cursor"));
    let error = wait(&bench.context(), &options).await.expect_err("a failure");
    assert_eq!(error.to_string(), "here: the host keeps no journal, so that nothing can be waited for in it");
    assert!(error.parts().hints[0].contains("Storage="), "{error:?}");
}

#[tokio::test]
async fn a_host_whose_journald_keeps_nothing_any_more_is_no_time_out() {
    let bench = bench(&entry(10, "of earlier times"));
    // In the place of what reads its configuration.
    let options = options(&["serving"]);
    let context = bench.context();
    let mut watch = Watch::new(&context, &options);
    assert!(watch.heard(b"storage none /etc/systemd/journald").is_ok(), "the line goes on");
    let error = watch.heard(b".conf\n").expect_err("a failure");
    assert_eq!(error.to_string(), "here: the host keeps no journal, so that nothing can be waited for in it");
    assert!(error.parts().hints[0].starts_with("`Storage=` in /etc/systemd/journald.conf on the host"), "{error:?}");
}

/// As systemd reads it: of each name the weightiest file, all of them in the order of their names, the last value that is one.
#[test]
fn what_journald_keeps_is_what_its_files_and_their_order_say() {
    for (files, none) in [
        (&[][..], None),
        (&[("etc/journald.conf", "[Journal]\n#Storage=none\n")], None),
        (&[("etc/journald.conf", "[Journal]\n Storage = none \n\nCompress=yes\n")], Some("etc/journald.conf")),
        (&[("etc/journald.conf", "[Other]\nStorage=none\n")], None),
        (&[("etc/journald.conf", "[Journal]\nStorage=none\nStorage=nothing\nStorage=\n")], Some("etc/journald.conf")),
        (&[("etc/journald.conf", "[Journal]\nStorage=none\nStorage=auto")], None),
        (&[("usr/journald.conf", "[Journal]\nStorage=none"), ("etc/journald.conf", "[Journal]\n")], None),
        (
            &[
                ("etc/journald.conf", "[Journal]\nStorage=none"),
                ("usr/journald.conf.d/a.conf", "[Journal]\nStorage=volatile"),
            ],
            None,
        ),
        (
            &[
                ("etc/journald.conf", "[Journal]\nStorage=none"),
                ("usr/journald.conf.d/a.conf", "[Journal]\nStorage=volatile"),
                ("etc/journald.conf.d/a.conf", ""),
                ("usr/journald.conf.d/a b.conf", "[Journal]\nCompress=no\n[Other]\nStorage=auto"),
                ("usr/journald.conf.d/z.disabled", "[Journal]\nStorage=auto"),
            ],
            Some("etc/journald.conf"),
        ),
        (
            &[
                ("etc/journald.conf.d/a.conf", "[Journal]\nStorage=auto"),
                ("usr/journald.conf.d/a b.conf", "[Journal]\nStorage=none"),
            ],
            None,
        ),
        (
            &[
                ("etc/journald.conf.d/a.conf", "[Journal]\nStorage=auto"),
                ("usr/journald.conf.d/b b.conf", "[Journal]\nStorage=none"),
            ],
            Some("usr/journald.conf.d/b b.conf"),
        ),
    ] {
        let root = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let folder = |name: &str| root.path().join(name).display().to_string();
        let Script { common, text } = shell::script(STORAGE, &[&folder("etc"), &folder("run"), &folder("usr")]);
        let ran =
            std::process::Command::new("sh").arg("-c").arg(format!("{common}{text}echo on")).output().expect("a shell");
        let (said, on) = (String::from_utf8_lossy(&ran.stderr), String::from_utf8_lossy(&ran.stdout));
        let expected = none.map(|file| format!("storage none {}\n", folder(file))).unwrap_or_default();
        assert_eq!((&*said, &*on), (expected.as_str(), if none.is_some() { "" } else { "on\n" }), "{files:?}");
    }
}

#[tokio::test]
async fn mistakes_are_told_before_the_host_is_touched() {
    let bench = bench("");
    let mut without = options(&["a"]);
    without.selection.since = None;
    assert_eq!(wait(&bench.context(), &without).await.expect_err("a mistake").kind(), Kind::Input);
    assert_eq!(wait(&bench.context(), &options(&[])).await.expect_err("a mistake").kind(), Kind::Input);
    assert_eq!(wait(&bench.check(), &options(&["a"])).await.expect_err("a defect").kind(), Kind::Defect);
    assert_eq!(Pattern::new("x", "(").expect_err("a mistake").kind(), Kind::Input);
    assert!(!std::path::Path::new(&bench.path("bin/journalctl.calls")).exists());
}
