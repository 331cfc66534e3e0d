//! Effects on this machine, as a playbook calls them: what they say they did is what they did, in check mode too.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use support::{Project, Ran};

const HOST: &str = "masters:\n  hosts:\n    m1: { zkmig_lock_file: FOLDER/lock-m1 }\n  vars:\n    ansible_connection: local\n    \
                    ansible_become_method: runuser\n";

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// What a playbook does with the one host `m`, and with `f`, a folder that all users may enter.
fn does(project: &Project, text: &str, more: &[&str]) -> Ran {
    fs::set_permissions(project.path(), Permissions::from_mode(0o755)).unwrap();
    let folder = project.path().display();
    project.run(&format!("let m = hosts(\"masters\")[0];\nlet f = \"{folder}\";\n{text}\n"), more)
}

/// The same as a user who is not root; nothing where nobody can become him.
fn as_nobody(project: &Project, text: &str, more: &[&str]) -> Option<Ran> {
    if !is_root() {
        assert!(std::env::var_os("CI").is_none(), "CI has to run these tests as root");
        return None;
    }
    Some(does(project, text, more))
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// A program that stands in for one of the host's.
fn program(project: &Project, name: &str, text: &str) {
    project.file(&format!("bin/{name}"), text);
    fs::set_permissions(project.join(&format!("bin/{name}")), Permissions::from_mode(0o755)).unwrap();
}

/// Does it with the project's own programs before the host's.
fn does_with_programs(project: &Project, text: &str, more: &[&str]) -> Ran {
    fs::set_permissions(project.path(), Permissions::from_mode(0o755)).unwrap();
    let folder = project.path().display();
    project.file("play.rhai", &format!("let m = hosts(\"masters\")[0];\nlet f = \"{folder}\";\n{text}\n"));
    let path = format!("{folder}/bin:{}", std::env::var("PATH").unwrap());
    project.zkmig_with(&[("PATH", &path)], &[&["run", "play.rhai", "-i", "hosts.yaml"], more].concat())
}

/// What may not be looked at is not absent: every effect says why it can't tell, in check mode as in a run.
#[test]
fn what_may_not_be_looked_at_is_not_absent() {
    let project = Project::new(HOST);
    fs::create_dir(project.join("secret")).unwrap();
    project.file("secret/file", "x").file("open", "y");
    fs::set_permissions(project.join("open"), Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(project.join("secret"), Permissions::from_mode(0o700)).unwrap();
    for call in [
        "m.file(f + \"/secret/file\", #{ state: \"absent\", become: \"nobody\" })",
        "m.file(f + \"/secret/none\", #{ state: \"absent\", become: \"nobody\" })",
        "m.file(f + \"/secret/file\", #{ mode: \"0600\", become: \"nobody\" })",
        "m.file(f + \"/secret/d\", #{ state: \"directory\", become: \"nobody\" })",
        "m.file(f + \"/secret/l\", #{ state: \"link\", target: \"x\", become: \"nobody\" })",
        "m.backup(f + \"/secret/file\", \"/tmp/zkmig-none\", #{ become: \"nobody\" })",
        "m.backup(f + \"/open\", f + \"/secret/open\", #{ become: \"nobody\" })",
        "m.copy(f + \"/secret/file\", #{ content: \"z\", become: \"nobody\" })",
        "m.read(f + \"/secret/file\", #{ missing: \"\", become: \"nobody\" })",
        "m.stat(f + \"/secret/file\", #{ become: \"nobody\" })",
        "m.line(f + \"/secret/file\", \"z\", #{ create: true, become: \"nobody\" })",
    ] {
        for more in [&[][..], &["--check"]] {
            let Some(ran) = as_nobody(&project, call, more) else { return };
            ran.fails(3, &["/secret may not be entered", "m1"]);
        }
    }
    assert_eq!(fs::read_to_string(project.join("secret/file")).unwrap(), "x");
}

#[test]
fn a_path_that_can_not_be_used_is_told_why() {
    let project = Project::new(HOST);
    symlink("circle", project.join("circle")).unwrap();
    project.file("file", "x");
    let long = "n".repeat(256);
    for (path, why) in [
        ("circle", "leads around in a circle"),
        ("circle/x", "leads around in a circle"),
        (long.as_str(), "longer than 255 bytes"),
        ("file/x", "/file is there, and is not a folder"),
    ] {
        for more in [&[][..], &["--check"]] {
            does(&project, &format!("m.copy(f + \"/{path}\", #{{ content: \"x\" }});"), more).fails(3, &[why]);
        }
    }
}

#[test]
fn after_one_call_a_folder_has_the_mode_that_was_asked_for() {
    let project = Project::new(HOST);
    fs::create_dir(project.join("d")).unwrap();
    fs::set_permissions(project.join("d"), Permissions::from_mode(0o2755)).unwrap();
    let call = "note(`changed: ${m.file(f + \"/d\", #{ state: \"directory\", mode: \"0755\" }).changed}`);";
    does(&project, call, &["--check"]).says(&["changed: true"]);
    does(&project, call, &[]).says(&["changed: true"]);
    assert_eq!(mode_of(&project.join("d")), 0o755);
    does(&project, call, &[]).says(&["changed: false"]);
    // A new one has what its folder hands on, unless a mode is asked for.
    fs::set_permissions(project.join("d"), Permissions::from_mode(0o2755)).unwrap();
    let text = "m.file(f + \"/d/a\", #{ state: \"directory\" });\nm.file(f + \"/d/b\", #{ state: \"directory\", mode: \"0750\" });";
    does(&project, text, &[]).says(&[]);
    assert_eq!((mode_of(&project.join("d/a")), mode_of(&project.join("d/b"))), (0o2755, 0o750));
}

#[test]
fn an_option_that_a_state_does_not_have_is_refused() {
    let project = Project::new(HOST);
    for (options, what) in [
        ("state: \"directory\", recursive: true", "`recursive` does not go with the state \"directory\""),
        ("recursive: true, mode: \"0644\"", "`recursive` does not go with the state \"file\""),
        ("state: \"absent\", parents: true", "`parents` does not go with the state \"absent\""),
        ("state: \"link\", target: \"x\", mode: \"0644\"", "`mode` does not go with the state \"link\""),
        ("state: \"absent\", owner: \"root\"", "`owner` does not go with the state \"absent\""),
    ] {
        does(&project, &format!("m.file(f + \"/x\", #{{ {options} }});"), &[]).fails(2, &[what, "play.rhai:3"]);
    }
}

#[test]
fn the_target_of_a_link_is_never_an_option() {
    let project = Project::new(HOST);
    for target in ["-s", "--help", "-", "--", "-T/x", "$HOME `id`"] {
        let call = format!("m.file(f + \"/l\", #{{ state: \"link\", target: \"{target}\" }});");
        does(&project, &call, &[]).says(&[]);
        assert_eq!(fs::read_link(project.join("l")).unwrap(), Path::new(target));
        does(&project, &call, &[]).says(&["changed=0"]);
    }
}

#[test]
fn a_line_of_a_file_with_other_line_ends_is_found_and_written_with_them() {
    let project = Project::new(HOST);
    project.file("dos.ini", "\u{feff}a=1\r\nb=2\r\n");
    let text = "note(`one: ${m.line(f + \"/dos.ini\", \"a=1\", #{}).changed}`);\n\
                note(`two: ${m.line(f + \"/dos.ini\", \"b=3\", #{ matching: `^b=\\d+$` }).changed}`);\n\
                note(`three: ${m.line(f + \"/dos.ini\", \"c=4\", #{}).changed}`);";
    does(&project, text, &[]).says(&["one: false", "two: true", "three: true"]);
    assert_eq!(fs::read_to_string(project.join("dos.ini")).unwrap(), "\u{feff}a=1\r\nb=3\r\nc=4\r\n");
    does(&project, text, &[]).says(&["changed=0"]);
}

/// A folder of `nobody`'s, and a file of root's that he would like to write to.
fn foreign(project: &Project) {
    fs::create_dir(project.join("his")).unwrap();
    std::os::unix::fs::chown(project.join("his"), Some(65534), Some(65534)).unwrap();
    project.file("root/victim", "root's");
}

/// The owner of a folder swaps what root has just made in it, in the very moment.
#[test]
fn root_writes_into_the_folder_of_another_user_and_is_not_led_away() {
    if !is_root() {
        return;
    }
    let project = Project::new(HOST);
    foreign(&project);
    let folder = project.path().display();
    program(
        &project,
        "mktemp",
        &format!(
            "#!/bin/sh\nmade=$(/usr/bin/mktemp \"$@\") || exit 1\nmv \"$made\" \"$made.his\"\n\
             if [ -d \"$made.his\" ]; then ln -s {folder}/root \"$made\"; else ln -s {folder}/root/victim \"$made\"; fi\n\
             chown -h nobody \"$made\"\necho \"$made\"\n"
        ),
    );
    project.file("his/old", "x");
    let large = "x".repeat(1_500_000);
    project.file("large", &large);
    for call in [
        "m.copy(f + \"/his/new\", #{ content: \"evil\", owner: \"nobody\" })",
        "m.copy(f + \"/his/old\", #{ content: \"evil\" })",
        "m.copy(f + \"/his/large\", #{ file: \"large\" })",
        "m.backup(f + \"/his/old\", f + \"/his/old.orig\", #{})",
        "m.file(f + \"/his/link\", #{ state: \"link\", target: \"evil\" })",
    ] {
        does_with_programs(&project, call, &[]).fails(3, &["somebody else works in the folder"]);
        let victim = project.join("root/victim");
        assert_eq!(
            (fs::read_to_string(&victim).unwrap().as_str(), fs::metadata(&victim).unwrap().uid()),
            ("root's", 0)
        );
        assert_eq!(fs::read_dir(project.join("root")).unwrap().count(), 1, "{call}");
    }
    assert_eq!(fs::read_to_string(project.join("his/old")).unwrap(), "x");
}

/// The owner of a folder puts a link in the place of a file after it was looked at and before it is given away.
#[test]
fn an_owner_or_mode_is_given_to_what_was_looked_at() {
    if !is_root() {
        return;
    }
    let project = Project::new(HOST);
    foreign(&project);
    let folder = project.path().display();
    program(
        &project,
        "stat",
        &format!(
            "#!/bin/sh\nfor last; do :; done\n/usr/bin/stat \"$@\"\nstatus=$?\ncase $last in */his/file) rm -f {folder}/his/file; \
             ln -s {folder}/root/victim {folder}/his/file ;; */his/folder) rmdir {folder}/his/folder; ln -s {folder}/root {folder}/his/folder ;; \
             esac 2>/dev/null\nexit $status\n"
        ),
    );
    for call in [
        "m.file(f + \"/his/file\", #{ owner: \"nobody\", mode: \"0666\" })",
        "m.copy(f + \"/his/file\", #{ content: \"his\", owner: \"nobody\", mode: \"0666\" })",
        "m.file(f + \"/his/folder\", #{ state: \"directory\", owner: \"nobody\", mode: \"0777\" })",
    ] {
        let _ = fs::remove_file(project.join("his/file"));
        let _ = fs::remove_file(project.join("his/folder"));
        project.file("his/file", "his");
        let _ = fs::create_dir(project.join("his/folder"));
        does_with_programs(&project, call, &[]).fails(3, &["something else has come in its place"]);
        for path in ["root/victim", "root"] {
            let found = fs::metadata(project.join(path)).unwrap();
            assert_eq!((found.uid(), found.mode() & 0o022), (0, 0), "{call}");
        }
    }
}

/// What is sure to fail in a run fails in check mode.
#[test]
fn check_mode_fails_where_the_run_will() {
    if !is_root() {
        return;
    }
    let project = Project::new(HOST);
    project.file("fixed", "old").file("mine", "old");
    fs::set_permissions(project.join("mine"), Permissions::from_mode(0o666)).unwrap();
    fs::create_dir(project.join("all")).unwrap();
    fs::create_dir(project.join("disk")).unwrap();
    fs::set_permissions(project.join("all"), Permissions::from_mode(0o777)).unwrap();
    fs::copy(project.join("mine"), project.join("all/mine")).unwrap();
    assert!(Command::new("chattr").arg("+i").arg(project.join("fixed")).status().unwrap().success());
    let disk = project.join("disk");
    assert!(
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(&disk).status().unwrap().success()
    );
    project.file("large", &"x".repeat(200_000));
    let mut wrong = Vec::new();
    for (call, why) in [
        ("m.copy(f + \"/fixed\", #{ content: \"new\" })", "immutable"),
        ("m.file(f + \"/fixed\", #{ mode: \"0600\" })", "immutable"),
        ("m.file(f + \"/fixed\", #{ state: \"absent\" })", "immutable"),
        ("m.copy(f + \"/disk/x\", #{ file: \"large\" })", "No space left"),
        ("m.copy(f + \"/all/mine\", #{ content: \"new\", become: \"nobody\" })", "its owner can't be kept"),
        ("m.file(f + \"/all/mine\", #{ mode: \"0600\", become: \"nobody\" })", "only its owner or root"),
        ("m.copy(f + \"/all/x\", #{ content: \"new\", owner: \"root\", become: \"nobody\" })", "only root"),
    ] {
        for more in [&["--check"][..], &[]] {
            let ran = does(&project, call, more);
            let as_told = more.is_empty() || ran.stderr.contains(why);
            if ran.code != 3 || !as_told {
                wrong.push(format!("{call} {more:?}: {} {}", ran.code, ran.stderr));
            }
        }
    }
    assert!(Command::new("chattr").arg("-i").arg(project.join("fixed")).status().unwrap().success());
    assert!(Command::new("umount").arg("-l").arg(&disk).status().unwrap().success());
    assert_eq!(wrong, Vec::<String>::new());
}

/// What only a command would have made is unknown in check mode, and said so.
#[test]
fn a_first_check_of_a_new_host_comes_to_its_end() {
    let project = Project::new(HOST);
    let text = "step(\"Make the user\", || m.run(\"useradd zkmig-app\"));\n\
                step(\"Unpack\", || m.run(`tar -xf app.tar -C ${f}/app`));\n\
                step(\"Configure\", || {\n\
                m.copy(f + \"/mine\", #{ content: \"x\", owner: \"zkmig-app\" });\n\
                m.copy(f + \"/app/conf\", #{ content: \"x\" });\n\
                m.line(f + \"/app/ini\", \"a=1\", #{});\n\
                m.file(f + \"/app/bin\", #{ mode: \"0755\" });\n\
                m.file(f + \"/app/d\", #{ state: \"directory\" });\n\
                m.backup(f + \"/app/ini\", f + \"/ini.orig\", #{});\n});";
    let ran = does(&project, text, &["--check"]);
    ran.says(&[
        "unknown: there is no user named zkmig-app, and step \"Make the user\" was not run",
        "/app does not exist, and step \"Unpack\" was not run",
    ]);
    // Without such a step it is what it is.
    does(&project, "m.copy(f + \"/mine\", #{ content: \"x\", owner: \"zkmig-app\" });", &["--check"])
        .fails(3, &["there is no user named zkmig-app"]);
    let reads = "step(\"Unpack\", || m.run(`tar -xf app.tar -C ${f}/app`));\nlet v = m.read(f + \"/app/version\");\nif v == \"1\" { note(\"one\"); }";
    does(&project, reads, &["--check"]).fails(5, &["/app/version", "step \"Unpack\" was not run"]);
}

/// A stand-in for systemd, with a unit for each way in which one can be. It keeps what it was told in `log`.
const SYSTEMCTL: &str = r#"#!/bin/sh
dir=${0%/*}
for unit; do :; done
state() { cat "$dir/state.$unit" 2>/dev/null || echo "$1"; }
show() {
    echo "Id=$unit"
    case $unit in
        none.service) echo LoadState=not-found; echo ActiveState=inactive; return ;;
        gone.service) echo LoadState=not-found; echo "ActiveState=$(state active)"; echo MainPID=4711; return ;;
        masked.service) echo LoadState=masked; echo UnitFileState=masked; echo ActiveState=inactive; return ;;
    esac
    echo LoadState=loaded
    case $unit in
        static.service) echo UnitFileState=static; echo ActiveState=inactive ;;
        pulled.service) echo UnitFileState=static; echo ActiveState=active; echo WantedBy=multi-user.target ;;
        timed.service) echo UnitFileState=static; echo ActiveState=inactive; echo TriggeredBy=timed.timer ;;
        linked.service) echo UnitFileState=linked; echo ActiveState=inactive; echo "FragmentPath=$dir/linked.service" ;;
        moved.service) echo UnitFileState=enabled; echo ActiveState=active; echo "FragmentPath=$dir/moved.service" ;;
        also.service) echo UnitFileState=indirect; echo ActiveState=inactive; echo "FragmentPath=$dir/also.service" ;;
        also.socket) echo "UnitFileState=$(state disabled)" ;;
        condition.service) echo "ActiveState=inactive"; echo ConditionResult=no; echo Type=simple
            echo ConditionTimestampMonotonic=5 ;;
        # It has ended, and is forgotten.
        once.service) echo ActiveState=inactive; echo ConditionResult=no; echo Type=oneshot; echo Result=success ;;
        when.service) echo ActiveState=inactive; echo ConditionResult=no; echo Type=simple; echo Result=success
            echo "FragmentPath=$dir/when.service" ;;
        short.service) echo "ActiveState=$(state inactive)"; echo Type=simple; echo Result=exit-code
            # The next look finds it dead.
            [ "$(state inactive)" != active ] || echo failed >"$dir/state.$unit" ;;
        again.service) echo "ActiveState=$(state inactive)"; echo Type=notify; date +ExecMainStartTimestampMonotonic=%N ;;
        good.service) echo "ActiveState=$(state inactive)"; echo Type=simple; echo ExecMainStartTimestampMonotonic=5 ;;
        sticky.service) echo ActiveState=active; echo TriggeredBy=sticky.socket ;;
    esac
}
case $1 in
    show) show; exit 0 ;;
    is-enabled) exit 1 ;;
esac
echo "$*" >>"$dir/log"
case "$1 $unit" in
    "start none.service" | "restart none.service") echo "Unit none.service not found." >&2; exit 5 ;;
    "enable also.service") echo enabled >"$dir/state.also.socket" ;;
    "start "* | "restart "*) echo active >"$dir/state.$unit" ;;
    "stop "*) echo inactive >"$dir/state.$unit" ;;
esac
"#;

fn systemd() -> Project {
    let project = Project::new(HOST);
    program(&project, "systemctl", SYSTEMCTL);
    program(&project, "journalctl", "#!/bin/sh\necho 'x: what the unit said last'\n");
    project.file("bin/linked.service", "[Service]\nExecStart=/bin/true\n");
    project.file("bin/when.service", "[Unit]\nConditionPathExists=/no\n");
    project.file("bin/moved.service", "[Install]\nWantedBy=zkmig-new.target\n");
    project.file("bin/also.service", "[Install]\nAlso=also.socket\n");
    project
}

/// How a unit is afterwards decides, not what systemctl ends with.
#[test]
fn a_unit_is_as_it_was_asked_for_or_the_effect_fails() {
    for (call, what) in [
        ("service(\"static\").enable()", "static.service can't be enabled: its unit file has no [Install] section"),
        ("service(\"timed\").enable()", "it is started by timed.timer: enable that"),
        ("service(\"linked\").enable()", "linked.service can't be enabled"),
        ("service(\"masked\").enable()", "masked.service can't be enabled: it is masked"),
        ("service(\"masked\").start()", "masked.service can't be started: it is masked"),
        ("service(\"pulled\").disable()", "pulled in by multi-user.target"),
        ("service(\"none\").start()", "there is no unit none.service"),
        ("service(\"none\").restart()", "there is no unit none.service"),
        ("service(\"masked\").restart()", "masked"),
    ] {
        for more in [&["--check"][..], &[]] {
            does_with_programs(&systemd(), &format!("m.{call};"), more).fails(3, &[what]);
        }
    }
    for (call, what) in [
        ("service(\"condition\").start()", "a condition of its unit does not hold"),
        ("service(\"condition\").restart()", "a condition of its unit does not hold"),
        ("service(\"when\").start()", "it ended at once, or a condition of its unit does not hold"),
        ("service(\"short\").start()", "short.service was started and does not stay up"),
        ("service(\"short\").restart()", "what the unit said last"),
        ("service(\"again\").start(#{ stable: \"50ms\" })", "systemd started it again"),
        ("service(\"again\").restart(#{ stable: \"50ms\" })", "systemd started it again"),
        ("service(\"sticky\").stop()", "it is started by sticky.socket"),
    ] {
        does_with_programs(&systemd(), &format!("m.{call};"), &[]).fails(3, &[what]);
    }
    does_with_programs(&systemd(), "m.service(\"good\").restart(#{ stable: \"2m\" });", &[]).fails(2, &["`stable`"]);
    does_with_programs(&systemd(), "m.service(\"good\").restart(#{ stable: 1, wait: false });", &[])
        .fails(2, &["`wait: false`"]);
}

#[test]
fn a_change_of_a_unit_is_told_once() {
    for (call, twice) in [
        ("service(\"good\").start()", false),
        ("service(\"gone\").stop()", false),
        ("service(\"also\").enable()", false),
        // It does something each time.
        ("service(\"once\").start()", true),
    ] {
        let project = systemd();
        let text = format!("note(`changed: ${{m.{call}.changed}}`);");
        does_with_programs(&project, &text, &["--check"]).says(&["changed: true"]);
        assert!(!project.join("bin/log").exists());
        does_with_programs(&project, &text, &[]).says(&["changed: true"]);
        does_with_programs(&project, &text, &[]).says(&[&format!("changed: {twice}")]);
    }
    let project = systemd();
    for call in ["service(\"pulled\").enable()", "service(\"none\").stop()", "service(\"none\").disable()"] {
        does_with_programs(&project, &format!("note(`changed: ${{m.{call}.changed}}`);"), &[])
            .says(&["changed: false"]);
    }
    does_with_programs(&project, "m.service(\"moved\").enable();", &[]).says(&["it was not in zkmig-new.target.wants"]);
    assert_eq!(fs::read_to_string(project.join("bin/log")).unwrap(), "reenable moved.service\n");
}

/// A unit whose file the run would write can be enabled and started by it.
#[test]
fn check_mode_knows_of_units_that_the_run_would_make() {
    let project = systemd();
    let unit = |install: &str| {
        format!(
            "m.copy(\"/etc/systemd/system/zkmig-none.service\", #{{ content: \"[Service]\\nExecStart=/bin/true\\n{install}\" }});\n\
             m.file(\"/etc/systemd/system/none.service\", #{{ state: \"link\", target: \"zkmig-none.service\" }});\n"
        )
    };
    let text = "note(`enabled: ${m.service(\"none\").enable().changed}, again: ${m.service(\"none\").enable().changed}`);\n\
                note(`started: ${m.service(\"none\").start().changed}`);\n\
                note(`now: ${m.service(\"none\").status().active_state}`);\nm.service(\"none\").restart();";
    let with = unit("[Install]\\nWantedBy=multi-user.target\\n") + text;
    does_with_programs(&project, &with, &["--check"]).says(&[
        "enabled: true, again: false",
        "started: true",
        "now: active",
    ]);
    does_with_programs(&project, &(unit("") + text), &["--check"]).fails(3, &["none.service can't be enabled"]);
    let installed = "step(\"Install\", || m.run(\"apt-get install none\"));\nm.service(\"none\").enable();\nm.service(\"none\").restart();";
    does_with_programs(&project, installed, &["--check"])
        .says(&["unknown: there is no unit none.service yet, and step \"Install\" was not run"]);
}
