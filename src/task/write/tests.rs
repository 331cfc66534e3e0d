use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::super::bench::Bench;
use super::super::read;
use super::*;

fn mode_of(path: &str) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

pub(super) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}

/// A small file system of its own; only root can make one.
struct Mount(String);

impl Mount {
    fn new(bench: &Bench, options: &str) -> Option<Self> {
        let path = bench.path("mount");
        std::fs::create_dir_all(&path).expect("a folder");
        if !is_root() {
            return None;
        }
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none", &path]).output();
        let done = done.expect("mount");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Some(Self(path))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").args(["-l", &self.0]).output());
    }
}

#[tokio::test]
async fn a_new_file_is_readable_by_all_and_a_second_time_nothing_changes() {
    let bench = Bench::new();
    let path = bench.path("it's new");
    let written = write(&bench.context(), &path, b"hello\n", &Options::default()).await.expect("success");
    assert!(written.changed.changed && written.created);
    assert_eq!(written.changed.summary.as_deref(), Some("created"));
    assert_eq!(
        written.changed.diff,
        Some(Diff { path: path.clone(), before: String::new(), after: "hello\n".to_owned() })
    );
    assert_eq!((std::fs::read(&path).ok(), mode_of(&path)), (Some(b"hello\n".to_vec()), 0o644));
    let again = write(&bench.context(), &path, b"hello\n", &Options::default()).await.expect("success");
    assert_eq!(again.changed, Changed::default());
    assert_eq!(bench.names(), ["it's new"]);
}

#[tokio::test]
async fn replacing_keeps_the_link_the_mode_and_the_owner_and_moves_the_time() {
    let bench = Bench::new();
    let path = bench.file("real", "old\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("a mode");
    if is_root() {
        std::os::unix::fs::chown(&path, Some(4242), Some(4343)).expect("an owner");
    }
    let long_ago = SystemTime::now() - Duration::from_secs(9000);
    std::fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(long_ago)).expect("a time");
    symlink("real", bench.path("link")).expect("a link");
    let before = std::fs::metadata(&path).expect("a file");
    let written = write(&bench.context(), &bench.path("link"), b"new\n", &Options::default()).await.expect("success");
    let after = std::fs::metadata(&path).expect("a file");
    assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
    assert_ne!(after.ino(), before.ino(), "the file was edited in place");
    assert!(after.mtime() > before.mtime() + 8000, "the time of change is the old one");
    assert_eq!(std::fs::read_link(bench.path("link")).ok(), Some("real".into()));
    assert!(written.changed.summary.is_some_and(|summary| summary.starts_with("content (links to /")));
    assert_eq!(bench.names(), ["link", "real"]);
}

#[tokio::test]
async fn a_file_that_only_its_owner_may_read_is_replaced_too() {
    let bench = Bench::new();
    let path = bench.file("file", "old");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).expect("a mode");
    write(&bench.context(), &path, b"new", &Options::default()).await.expect("success");
    assert_eq!((mode_of(&path), std::fs::read(&path).ok()), (0o400, Some(b"new".to_vec())));
}

#[tokio::test]
async fn a_mode_alone_is_a_change() {
    let bench = Bench::new();
    let path = bench.file("file", "same");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let options = Options { mode: Some(0o600), ..Options::default() };
    let would = write(&bench.check(), &path, b"same", &options).await.expect("success");
    assert_eq!((would.changed.summary.as_deref(), mode_of(&path)), (Some("mode 0644 → 0600"), 0o644));
    let did = write(&bench.context(), &path, b"same", &options).await.expect("success");
    assert_eq!((did.changed.summary.as_deref(), mode_of(&path)), (Some("mode 0644 → 0600"), 0o600));
    assert!(!write(&bench.context(), &path, b"same", &options).await.expect("success").changed.changed);
}

#[tokio::test]
async fn an_owner_is_given_to_a_new_file() {
    let bench = Bench::new();
    if !is_root() {
        return;
    }
    let path = bench.path("file");
    let options = Options {
        owner: Some("4242".to_owned()),
        group: Some("4343".to_owned()),
        mode: Some(0o4755),
        ..Options::default()
    };
    write(&bench.context(), &path, b"x", &options).await.expect("success");
    let data = std::fs::metadata(&path).expect("a file");
    assert_eq!((data.uid(), data.gid(), mode_of(&path)), (4242, 4343, 0o4755));
    let options = Options { owner: Some("no-such-user".to_owned()), ..Options::default() };
    let error = write(&bench.check(), &path, b"x", &options).await.expect_err("a failure");
    assert_eq!(error.parts().causes, ["there is no user named no-such-user"]);
}

#[tokio::test]
async fn binary_contents_of_any_size_arrive_whole() {
    let bench = Bench::new();
    let path = bench.path("large");
    let content: Vec<u8> = (0..=255).cycle().take(5 * MAX_STDIN / 2).collect();
    let written = write(&bench.context(), &path, &content, &Options::default()).await.expect("success");
    assert!(written.changed.diff.is_none());
    assert!(std::fs::read(&path).is_ok_and(|read| read == content));
    let again = write(&bench.context(), &path, &content, &Options::default()).await.expect("success");
    assert!(!again.changed.changed);
    let options = Options { mode: Some(0o600), ..Options::default() };
    write(&bench.context(), &path, &content, &options).await.expect("success");
    assert_eq!(mode_of(&path), 0o600);
    assert_eq!(bench.names(), ["large"]);
}

#[tokio::test]
async fn somebody_elses_change_is_not_overwritten() {
    let bench = Bench::new();
    let path = bench.file("file", "theirs");
    let options = Options { expect: Some(read::sha256(b"ours")), ..Options::default() };
    let error = write(&bench.context(), &path, b"new", &options).await.expect_err("a failure");
    assert!(error.to_string().contains("somebody else has changed it"), "{error}");
    assert_eq!(std::fs::read(&path).ok(), Some(b"theirs".to_vec()));
    let options = Options { expect: Some(read::sha256(b"theirs")), ..Options::default() };
    write(&bench.context(), &path, b"new", &options).await.expect("success");
    // Who is interrupted and comes again finds the work done.
    assert!(!write(&bench.context(), &path, b"new", &options).await.expect("success").changed.changed);
}

#[tokio::test]
async fn a_full_disk_leaves_the_old_content_and_no_temporary_file() {
    let bench = Bench::new();
    let Some(mount) = Mount::new(&bench, "size=64k") else { return };
    let path = format!("{}/file", mount.0);
    std::fs::write(&path, "old").expect("a written file");
    for size in [200_000, 3 * MAX_STDIN] {
        let error =
            write(&bench.context(), &path, &vec![b'x'; size], &Options::default()).await.expect_err("a failure");
        assert!(error.to_string().contains("No space left on device"), "{error}");
        assert!(error.parts().hints[0].contains("old content"), "{error:?}");
        assert_eq!(std::fs::read(&path).ok(), Some(b"old".to_vec()));
        assert_eq!(std::fs::read_dir(&mount.0).map(Iterator::count).ok(), Some(1));
    }
}

#[tokio::test]
async fn a_read_only_file_system_is_named_in_check_mode_and_for_real() {
    let bench = Bench::new();
    let Some(mount) = Mount::new(&bench, "size=64k") else { return };
    let path = format!("{}/file", mount.0);
    std::fs::write(&path, "old").expect("a written file");
    let done = Command::new("mount").args(["-o", "remount,ro", &mount.0]).output().expect("mount");
    assert!(done.status.success());
    let error = write(&bench.context(), &path, b"new", &Options::default()).await.expect_err("a failure");
    assert!(error.to_string().contains("Read-only file system"), "{error}");
    let error = write(&bench.check(), &path, b"new", &Options::default()).await.expect_err("a failure");
    assert!(error.to_string().contains("can't be written to"), "{error}");
    assert_eq!(std::fs::read(&path).ok(), Some(b"old".to_vec()));
}

#[tokio::test]
async fn a_write_that_is_ended_leaves_the_old_content_and_the_next_one_tidies_up() {
    for signal in ["TERM", "KILL"] {
        let mut bench = Bench::new();
        let path = bench.file("file", "old");
        // A cat that never ends, between the temporary file and the rename.
        bench.program("cat", &format!("#!/bin/sh\nkill -{signal} $PPID\nsleep 0.2\n"));
        let error = write(&bench.context(), &path, b"new", &Options::default()).await.expect_err("a failure");
        assert!(error.to_string().contains(&format!("SIG{signal}")), "{error}");
        assert_eq!(std::fs::read(&path).ok(), Some(b"old".to_vec()));
        if signal == "TERM" {
            assert_eq!(bench.names(), ["bin", "file"]);
        }
        std::fs::remove_file(bench.path("bin/cat")).expect("a removed file");
        write(&bench.context(), &path, b"new", &Options::default()).await.expect("success");
        assert_eq!(
            (bench.names(), std::fs::read(&path).ok()),
            (vec!["bin".to_owned(), "file".to_owned()], Some(b"new".to_vec()))
        );
    }
}

#[tokio::test]
async fn check_mode_changes_nothing_and_the_run_goes_on_from_its_predictions() {
    let bench = Bench::new();
    let path = bench.file("real", "old\n");
    symlink(&path, bench.path("link")).expect("a link");
    let link = bench.path("link");
    let would = write(&bench.check(), &link, b"new\n", &Options::default()).await.expect("success");
    assert_eq!(
        would.changed.diff,
        Some(Diff { path: link.clone(), before: "old\n".to_owned(), after: "new\n".to_owned() })
    );
    assert_eq!(std::fs::read(&path).ok(), Some(b"old\n".to_vec()));
    // The other name of the same file knows of it, in both directions.
    let would = write(&bench.check(), &path, b"newer\n", &Options::default()).await.expect("success");
    assert_eq!(would.changed.diff.map(|diff| diff.before).as_deref(), Some("new\n"));
    let read = read::read(&bench.check(), &link, &read::Options::default()).await.expect("success");
    assert_eq!(read.map(|content| content.bytes), Some(b"newer\n".to_vec()));
    assert!(!write(&bench.check(), &link, b"newer\n", &Options::default()).await.expect("success").changed.changed);
    assert_eq!(bench.names(), ["link", "real"]);
}

#[tokio::test]
async fn a_missing_folder_and_a_folder_in_the_way_are_errors_in_both_modes() {
    let bench = Bench::new();
    for context in [bench.context(), bench.check()] {
        let error = write(&context, &bench.path("no/file"), b"", &Options::default()).await.expect_err("a failure");
        assert!(error.to_string().ends_with("/no does not exist"), "{error}");
        let error = write(&context, &bench.path(""), b"", &Options::default()).await.expect_err("a failure");
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }
    bench.predictions.record(bench.path("no"), Predicted::Directory);
    let would = write(&bench.check(), &bench.path("no/file"), b"x", &Options::default()).await.expect("success");
    assert!(would.created);
}

#[tokio::test]
async fn a_secret_is_shown_in_no_difference() {
    let bench = Bench::new();
    let path = bench.file("file", "hunter1");
    let options = Options { secret: true, ..Options::default() };
    let written = write(&bench.context(), &path, b"hunter2", &options).await.expect("success");
    assert_eq!((written.changed.changed, written.changed.diff), (true, None));
}

#[tokio::test]
async fn the_shells_that_hosts_have_do_the_same() {
    for program in ["dash", "bash"] {
        if Command::new(program).args(["-c", ":"]).status().is_err() {
            continue;
        }
        let mut bench = Bench::new();
        bench.shell.program = program;
        let path = bench.file("file", "old");
        let options = Options { mode: Some(0o600), ..Options::default() };
        let written = write(&bench.context(), &path, b"new", &options).await.expect("success");
        assert!(written.changed.changed, "{program}");
        assert_eq!((std::fs::read(&path).ok(), mode_of(&path)), (Some(b"new".to_vec()), 0o600), "{program}");
    }
}
