use std::sync::Mutex;

use super::super::Progress;
use super::super::bench::Bench;
use super::*;
use crate::error::Kind;

#[tokio::test]
async fn a_script_gets_its_standard_input_environment_and_folder() {
    let bench = Bench::new();
    let mut options = Options::script("cat; printf ' %s %s' \"$TOKEN\" \"$PWD\"; echo no >&2");
    options.stdin = Some(b"in\0put".to_vec());
    options.env = vec![("TOKEN".to_owned(), "it's $HOME\nhere".to_owned())];
    options.cwd = Some("/usr".to_owned());
    let output = run(&bench.context(), &options).await.expect("success");
    assert_eq!(output.stdout, "in\0put it's $HOME\nhere /usr");
    assert_eq!((output.stderr.as_str(), output.status), ("no\n", 0));
}

#[tokio::test]
async fn words_are_not_looked_into_by_a_shell() {
    let bench = Bench::new();
    let output =
        run(&bench.context(), &Options::words(["printf", "%s|", "$HOME", "a b", "'", ";id"])).await.expect("success");
    assert_eq!(output.stdout, "$HOME|a b|'|;id|");
}

#[tokio::test]
async fn a_secret_of_the_environment_is_in_no_process_list() {
    let bench = Bench::new();
    let mut options = Options::script("tr '\\0' ' ' </proc/$$/cmdline");
    options.env = vec![("TOKEN".to_owned(), "hunter2".to_owned())];
    let output = run(&bench.context(), &options).await.expect("success");
    assert!(!output.stdout.contains("hunter2") && !output.stdout.contains("cmdline"), "{}", output.stdout);
}

#[tokio::test]
async fn a_failure_shows_the_status_and_the_last_lines() {
    let bench = Bench::new();
    let error =
        run(&bench.context(), &Options::script("seq 20; echo 'b\u{1b}ad' >&2; exit 3")).await.expect_err("a failure");
    assert_eq!(error.to_string(), "here: the command failed with exit status 3");
    let details = error.parts().details.join("\n");
    assert_eq!(details, "stderr:\nb\\u{1b}ad\nstdout:\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20");
}

#[tokio::test]
async fn a_missing_command_is_explained() {
    let bench = Bench::new();
    let error = run(&bench.context(), &Options::words(["no-such-command-here"])).await.expect_err("a failure");
    assert!(error.parts().hints.iter().any(|hint| hint.contains("not found")), "{error:?}");
}

#[tokio::test]
async fn a_signal_is_named() {
    let bench = Bench::new();
    let error = run(&bench.context(), &Options::script("kill -TERM $$")).await.expect_err("a failure");
    assert_eq!(error.to_string(), "here: the command was ended by SIGTERM (exit status 143)");
}

#[tokio::test]
async fn statuses_that_are_accepted_are_no_failures() {
    let bench = Bench::new();
    let mut options = Options::script("exit 3");
    options.accept = vec![0, 3];
    assert_eq!(run(&bench.context(), &options).await.expect("success").status, 3);
}

#[tokio::test]
async fn a_command_is_not_run_outside_its_folder() {
    let bench = Bench::new();
    let marker = bench.path("ran");
    let mut options = Options::script(format!("touch {marker}"));
    options.cwd = Some("/no/such/folder".to_owned());
    options.accept = vec![0, 125];
    let error = run(&bench.context(), &options).await.expect_err("a failure");
    assert_eq!(error.to_string(), "here: can't enter the folder /no/such/folder");
    assert!(!std::path::Path::new(&marker).exists());
}

#[tokio::test]
async fn long_outputs_are_kept_at_both_ends_and_saved_whole() {
    let bench = Bench::new();
    let mut options = Options::script("seq 1 2000000");
    options.capture = 1000;
    options.save = Some(bench.folder.path().join("all"));
    let output = run(&bench.context(), &options).await.expect("success");
    let saved = std::fs::read(bench.path("all")).expect("the file");
    assert_eq!(output.saved, Some(saved.len() as u64));
    assert_eq!(output.stdout_left_out, saved.len() as u64 - 1000);
    assert!(output.stdout.starts_with("1\n2\n") && output.stdout.ends_with("1999999\n2000000\n"));
    assert!(output.stdout.len() < 1100);
    assert!(saved.ends_with(b"1999999\n2000000\n"));
}

#[tokio::test]
async fn a_failed_command_leaves_no_saved_file() {
    let bench = Bench::new();
    let mut options = Options::script("echo half; exit 1");
    options.save = Some(bench.folder.path().join("all"));
    run(&bench.context(), &options).await.expect_err("a failure");
    assert_eq!(bench.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a_command_that_takes_too_long_fails_with_what_it_printed() {
    let mut bench = Bench::new();
    bench.timeout = Duration::from_millis(300);
    let error = run(&bench.context(), &Options::script("echo started; sleep 60")).await.expect_err("a failure");
    assert_eq!(error.to_string(), "here: the command did not end within 0.3 s");
    assert_eq!(error.parts().details, ["stdout:\nstarted"]);
}

#[tokio::test]
async fn only_commands_that_look_run_in_check_mode() {
    let bench = Bench::new();
    let error = run(&bench.check(), &Options::script("true")).await.expect_err("a refusal");
    assert_eq!(error.kind(), Kind::Defect);
    let options = Options { read_only: true, ..Options::script("echo looked") };
    assert_eq!(run(&bench.check(), &options).await.expect("success").stdout, "looked\n");
}

#[test]
fn mistakes_are_found_before_the_host_is_touched() {
    for (options, message) in [
        (Options::script(" \n"), "the command is empty"),
        (Options::words([""; 0]), "the command is empty"),
        (Options::script("a\0b"), "the command holds a NUL character"),
        (Options { cwd: Some("x".to_owned()), ..Options::script("id") }, "`x` is not an absolute path"),
        (
            Options { env: vec![("A B".to_owned(), String::new())], ..Options::script("id") },
            "`A B` can't be the name of an environment variable",
        ),
    ] {
        assert_eq!(options.text().expect_err("a mistake").to_string(), message);
    }
}

#[tokio::test]
async fn a_listener_hears_each_line() {
    struct Lines(Mutex<Vec<String>>);
    impl Progress for Lines {
        fn line(&self, _: Pipe, line: &str) {
            self.0.lock().expect("no panic").push(line.to_owned());
        }
        fn waiting(&self, _: &str) {}
    }
    let bench = Bench::new();
    let lines = Lines(Mutex::default());
    run(&bench.context_with(false, &lines), &Options::script("printf 'a\\nb'; printf 'c\\n'")).await.expect("success");
    assert_eq!(*lines.0.lock().expect("no panic"), ["a", "bc"]);
}

#[tokio::test]
async fn what_is_saved_has_a_limit_that_says_when_it_bites() {
    let bench = Bench::new();
    let mut options = Options::script("head -c 100000 /dev/zero");
    options.save = Some(bench.path("saved").into());
    options.save_max = 99_999;
    let error = run(&bench.context(), &options).await.expect_err("a failure");
    assert!(
        error.to_string().contains("longer than 99999 bytes") && error.to_string().starts_with("here: "),
        "{error}"
    );
    assert!(error.parts().hints.iter().any(|hint| hint.contains("save_max")));
    assert_eq!(bench.names(), Vec::<String>::new());
    options.save_max = 100_000;
    assert_eq!(run(&bench.context(), &options).await.expect("success").saved, Some(100_000));
}

#[tokio::test]
async fn output_that_is_not_utf8_is_marked() {
    let bench = Bench::new();
    for (script, is_utf8) in
        [("printf 'gr\\303\\274n'", true), ("printf 'gr\\374n'", false), ("printf '\\374' >&2", false)]
    {
        let output = run(&bench.context(), &Options::script(script)).await.expect("success");
        assert_eq!(output.is_utf8, is_utf8, "{script}");
    }
    // A character that is cut in two where the middle is left out is none that the command got wrong.
    let mut options = Options::script("for n in 1 2 3 4 5 6 7 8 9; do printf '\\342\\202\\254'; done");
    for capture in 2..16 {
        options.capture = capture;
        assert!(run(&bench.context(), &options).await.expect("success").is_utf8, "{capture}");
    }
}
