//! What holds of a replaced file whatever happens: its content, what it had beside its content, and nothing left over.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use rustix::fs::{XattrFlags, getxattr, setxattr};

use super::super::bench::Bench;
use super::super::{absent, backup, link};
use super::tests::is_root;
use super::*;

/// A program of the bench's own in the place of the shell, for as long as the tests run.
fn shell(bench: &mut Bench, text: &str) {
    bench.program("shell", text);
    bench.shell.program = Box::leak(bench.path("bin/shell").into_boxed_str());
}

fn program(bench: &mut Bench, name: &str, text: &str) {
    bench.program(name, text);
}

fn xattr(path: &str, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 1000];
    let length = getxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

fn left_over(bench: &Bench) -> Vec<String> {
    bench.names().into_iter().filter(|name| name.starts_with(".zkmig")).collect()
}

#[tokio::test]
async fn the_content_is_on_the_disk_before_the_file_is_replaced_and_the_folder_after() {
    let mut bench = Bench::new();
    let path = bench.file("file", "old");
    let log = bench.path("log");
    let calls = "fsync,fdatasync,rename,renameat,renameat2,openat,unlink,unlinkat,linkat,symlinkat,symlink";
    shell(&mut bench, &format!("#!/bin/sh\nexec strace -f -y -qq -o {log} -e trace={calls} sh \"$@\"\n"));
    let folder = bench.folder.path().display().to_string();
    // The places of the calls that begin so, in their order.
    let calls = |begins: &[&str]| -> Vec<usize> {
        let text = std::fs::read_to_string(&log).expect("strace wrote its log");
        let lines: Vec<&str> =
            text.lines().filter_map(|line| line.split_once(' ').map(|(_, call)| call.trim())).collect();
        let done = |line: &&str| line.ends_with("= 0");
        let place = |begin: &&str| lines.iter().position(|line| line.starts_with(*begin) && done(line));
        begins.iter().map(|begin| place(begin).unwrap_or_else(|| panic!("no {begin} in {text}"))).collect()
    };
    write(&bench.context(), &path, b"new", &Options::default()).await.expect("success");
    let order = calls(&[&format!("fsync(1<{folder}/.zkmig."), "rename", &format!("fsync(1<{folder}>")]);
    assert!(order.is_sorted(), "{order:?}");
    backup::backup(&bench.context(), &path, &bench.path("orig"), false).await.expect("success");
    let order = calls(&[&format!("fsync(1<{folder}/.zkmig."), "linkat", &format!("fsync(1<{folder}>")]);
    assert!(order.is_sorted(), "{order:?}");
    link::link(&bench.context(), &bench.path("link"), "file").await.expect("success");
    let order = calls(&["symlink", "rename", &format!("fsync(1<{folder}>")]);
    assert!(order.is_sorted(), "{order:?}");
    absent::absent(&bench.context(), &bench.path("link"), false).await.expect("success");
    let order = calls(&["unlink", &format!("fsync(1<{folder}>")]);
    assert!(order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn extended_attributes_and_access_control_lists_are_kept() {
    let bench = Bench::new();
    let path = bench.file("file", "old");
    setxattr(&path, "user.note", b"by hand", XattrFlags::empty()).expect("a file system with attributes");
    // Version 2, then tag, permissions and id of: the owner, a user, the group, the mask, the others.
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, may, id) in [(1, 6, u32::MAX), (2, 4, 65534), (4, 4, u32::MAX), (0x10, 4, u32::MAX), (0x20, 0, u32::MAX)]
    {
        list.extend([u16::to_le_bytes(tag), u16::to_le_bytes(may)].concat());
        list.extend(u32::to_le_bytes(id));
    }
    setxattr(&path, "system.posix_acl_access", &list, XattrFlags::empty()).expect("a file system with lists");
    for content in [b"new".as_slice(), &vec![b'x'; MAX_STDIN + 1]] {
        write(&bench.context(), &path, content, &Options::default()).await.expect("success");
        assert_eq!(std::fs::read(&path).ok().as_deref(), Some(content));
        assert_eq!(xattr(&path, "user.note").as_deref(), Some(b"by hand".as_slice()));
        assert_eq!(xattr(&path, "system.posix_acl_access"), Some(list.clone()));
    }
    let to = bench.path("orig");
    backup::backup(&bench.context(), &path, &to, false).await.expect("success");
    assert_eq!(
        (xattr(&to, "user.note").as_deref(), xattr(&to, "system.posix_acl_access")),
        (Some(b"by hand".as_slice()), Some(list))
    );
}

/// What can be proven without SELinux: that its tools are called, with what. Its file is made in a namespace of its own.
#[tokio::test]
async fn the_selinux_context_is_taken_from_the_old_file_or_from_the_policy() {
    if !is_root() {
        return;
    }
    let mut bench = Bench::new();
    let (path, log) = (bench.file("file", "old"), bench.path("bin/log"));
    for name in ["chcon", "restorecon"] {
        program(&mut bench, name, &format!("#!/bin/sh\necho {name} \"$@\" >>{log}\n"));
    }
    // A cp that can't copy attributes, such as busybox's.
    program(&mut bench, "cp", "#!/bin/sh\nexit 1\n");
    let fake =
        "mount -t tmpfs none /sys/fs && mkdir /sys/fs/selinux && echo 1 >/sys/fs/selinux/enforce && exec sh \"$@\"";
    shell(&mut bench, &format!("#!/bin/sh\nexec unshare -m sh -c '{fake}' sh \"$@\"\n"));
    write(&bench.context(), &path, b"new", &Options::default()).await.expect("success");
    write(&bench.context(), &bench.path("born"), b"new", &Options::default()).await.expect("success");
    let log = std::fs::read_to_string(log).expect("the tools were called");
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0] == "chcon --reference=../file ./content", "{log}");
    assert_eq!(lines[1..], [format!("restorecon {}", bench.path("born"))]);
}

#[tokio::test]
async fn a_file_that_nobody_may_change_stays_and_nothing_is_left_over() {
    let bench = Bench::new();
    let path = bench.file("file", "old");
    if is_root() {
        assert!(Command::new("chattr").args(["+i", &path]).status().expect("chattr").success());
    } else {
        std::fs::set_permissions(bench.folder.path(), std::fs::Permissions::from_mode(0o555)).expect("a mode");
    }
    let mut errors = Vec::new();
    for size in [3, MAX_STDIN + 1] {
        errors
            .push(write(&bench.context(), &path, &vec![b'x'; size], &Options::default()).await.expect_err("a failure"));
        assert_eq!((std::fs::read(&path).ok(), left_over(&bench)), (Some(b"old".to_vec()), vec![]));
    }
    if is_root() {
        assert!(Command::new("chattr").args(["-i", &path]).status().expect("chattr").success());
    } else {
        std::fs::set_permissions(bench.folder.path(), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    for error in errors {
        assert!(error.to_string().contains("not permitted") || error.to_string().contains("denied"), "{error}");
        assert!(!error.parts().hints.is_empty());
    }
}

#[tokio::test]
async fn a_group_that_is_killed_in_the_middle_leaves_the_old_content_and_the_next_write_tidies_up() {
    // In the middle of the one piece, and in the middle of the second of three.
    for (size, dies_at) in [(10, 1), (2 * MAX_STDIN + 1, 2)] {
        let mut bench = Bench::new();
        let path = bench.file("file", "old");
        let count = bench.path("bin/count");
        program(
            &mut bench,
            "cat",
            &format!(
                "#!/bin/sh\necho x >>{count}\n[ $(wc -l <{count}) -lt {dies_at} ] || kill -KILL 0\nexec /bin/cat \"$@\"\n"
            ),
        );
        let error =
            write(&bench.context(), &path, &vec![b'x'; size], &Options::default()).await.expect_err("a failure");
        assert!(error.to_string().contains("SIGKILL"), "{error}");
        assert_eq!(std::fs::read(&path).ok(), Some(b"old".to_vec()));
        assert_eq!(left_over(&bench).len(), 1, "nothing was under way");
        std::fs::remove_file(bench.path("bin/cat")).expect("a removed file");
        write(&bench.context(), &path, b"new", &Options::default()).await.expect("success");
        assert_eq!((std::fs::read(&path).ok(), left_over(&bench)), (Some(b"new".to_vec()), vec![]));
    }
}

#[tokio::test]
async fn what_a_killed_script_left_is_swept_though_its_process_id_is_taken_and_what_is_in_use_stays() {
    let bench = Bench::new();
    let path = bench.file("file", "old");
    // Process 1 is never one of ours.
    bench.file(".zkmig.1.abcdef", "");
    symlink("nowhere", bench.path(".zkmig.1.link00")).expect("a link");
    let mut living = Command::new("sh")
        .args(["-c", "read x; : zkmig"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("a shell");
    let used = format!(".zkmig.{}.abcdef", living.id());
    bench.file(&used, "");
    link::link(&bench.context(), &bench.path("link"), "file").await.expect("success");
    assert_eq!(left_over(&bench), std::slice::from_ref(&used));
    drop(living.kill());
    drop(living.wait());
    write(&bench.context(), &path, b"new", &Options::default()).await.expect("success");
    assert_eq!(left_over(&bench), Vec::<String>::new());
}
