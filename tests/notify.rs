//! Notifications: what a change asks for is done once, and a failure, a kill or a further attempt does not lose it.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use support::{Project, Ran, signal, wait_for};

/// What is notified leaves a line in `log`, as does all else that is done.
const HEAD: &str = r#"
    let masters = hosts("masters");
    on_notify("restart", |m| m.run(`echo restart-${m.name} >>${vars.folder}/log; [ ! -e ${vars.folder}/bad ]`));
"#;

fn folder(project: &Project) -> String {
    format!("folder={}", project.path().display())
}

fn run(project: &Project, more: &[&str]) -> Ran {
    let folder = folder(project);
    project.zkmig(&[&["run", "play.rhai", "-i", "hosts.yaml", "-e", &folder], more].concat())
}

fn log(project: &Project) -> String {
    std::fs::read_to_string(project.join("log")).unwrap_or_default().replace('\n', " ")
}

#[test]
fn what_is_notified_is_done_once_at_the_end_of_the_step_on_one_host_after_the_other() {
    let project = Project::local();
    let steps = r#"
        step("Configure", || {
            for m in masters {
                if m.copy(`${vars.folder}/one-${m.name}`, #{ content: "x" }).changed { notify("restart", m); }
                if m.copy(`${vars.folder}/two-${m.name}`, #{ content: "x" }).changed { notify("restart", m); }
            }
            masters[0].run(`echo end >>${vars.folder}/log`);
            7
        });
        step("After", || masters[0].run(`echo after >>${vars.folder}/log`));
    "#;
    project.file("play.rhai", &format!("{HEAD}{steps}"));
    run(&project, &["--check"]).says(&["would run"]);
    assert_eq!(log(&project), "");
    run(&project, &[]).says(&["notified"]);
    assert_eq!(log(&project), "end restart-m1 restart-m2 after ");
    // Nothing changed, nothing notified.
    run(&project, &[]).says(&[]);
    assert_eq!(log(&project), "end restart-m1 restart-m2 after end after ");
}

#[test]
fn flush_notified_does_it_where_it_stands() {
    let project = Project::local();
    let steps = r#"step("Configure", || { notify("restart", masters); flush_notified(); masters[0].run(`echo end >>${vars.folder}/log`); });"#;
    project.file("play.rhai", &format!("{HEAD}{steps}"));
    run(&project, &[]).says(&[]);
    assert_eq!(log(&project), "restart-m1 restart-m2 end ");
}

#[test]
fn a_notification_outlives_a_kill_before_and_after_it_was_made() {
    let hold = "masters[0].run(`touch ${vars.folder}/holding; while [ -e ${vars.folder}/hold ]; do sleep 0.1; done`);";
    let change = "let made = masters[1].copy(`${vars.folder}/made`, #{ content: \"x\" });";
    let notify = "if made.changed { notify(\"restart\", masters[1]); }";
    for body in [format!("{change} {notify} {hold}"), format!("{change} {hold} {notify}")] {
        let project = Project::local();
        project.file("play.rhai", &format!("{HEAD} step(\"Configure\", || {{ {body} 1 }});")).file("hold", "");
        let mut child = project.start(&["run", "play.rhai", "-i", "hosts.yaml", "-e", &folder(&project)]);
        wait_for("the middle of the step", || project.join("holding").exists());
        signal(&child, "KILL");
        child.wait().unwrap();
        std::fs::remove_file(project.join("hold")).unwrap();
        wait_for("the host's note that the run is dead", || {
            project.join("lock-m1.ended").exists() && project.join("lock-m2.ended").exists()
        });
        project.zkmig(&["resume", "-y"]).says(&["attempt 2"]);
        assert_eq!(log(&project), "restart-m2 ", "{body}");
    }
}

#[test]
fn a_notification_that_fails_is_named_and_done_by_the_next_attempt() {
    let project = Project::local();
    let steps = "step(\"Configure\", || { notify(\"restart\", masters); 1 });";
    project.file("play.rhai", &format!("{HEAD}{steps}")).file("bad", "");
    run(&project, &[]).fails(3, &["notified, and not done yet: restart", "go on: zkmig resume"]);
    std::fs::remove_file(project.join("bad")).unwrap();
    project.zkmig(&["resume", "-y"]).says(&[]);
    assert_eq!(log(&project), "restart-m1 restart-m1 restart-m2 ");
    // A playbook that goes on in spite of the failure does not come to its end in silence.
    let steps = "try { step(\"Configure\", || { notify(\"restart\", masters); 1 }); } catch { }";
    project.file("play.rhai", &format!("{HEAD}{steps}")).file("bad", "");
    run(&project, &[]).fails(5, &["not all that was notified was done", "m2: restart"]);
}

#[test]
fn a_notification_that_nobody_hears_is_an_error() {
    let project = Project::local();
    for (steps, said) in [
        ("notify(\"restart\", masters);", "outside of a step"),
        ("step(\"S\", || notify(\"restrat\", masters));", "did you mean `restart`?"),
        ("on_notify(\"restart\", |m| 1);", "says twice"),
    ] {
        project.file("play.rhai", &format!("{HEAD}{steps}"));
        let ran = run(&project, &[]);
        assert!(ran.code == 2 && ran.stderr.contains(said), "{steps}\n{}", ran.stderr);
    }
}
