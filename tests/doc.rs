//! The documentation of what a playbook can call: every example is checked, and those that this machine can bear are run.

mod support;

use support::Project;
use zkmig::script::catalog;

#[test]
fn every_example_is_a_playbook_without_a_mistake() {
    for entry in catalog::entries() {
        let project = Project::local();
        project.file("templates/motd.j2", "{{ name }}\n").file("play.rhai", entry.example);
        let ran = project.zkmig(&["lint", "play.rhai", "-i", "hosts.yaml"]);
        assert_eq!(ran.code, 0, "{}:\n{}\n{}", entry.name, entry.example, ran.stderr);
    }
}

#[test]
fn every_example_that_is_no_comment_runs() {
    for entry in catalog::entries() {
        let ran = Project::local().run(entry.example, &["--yes", "--check"]);
        assert_eq!(ran.code, 0, "{}:\n{}\n{}", entry.name, entry.example, ran.stderr);
    }
}

#[test]
fn doc_lists_and_explains_every_function() {
    let project = Project::local();
    let overview = project.zkmig(&["doc"]);
    for entry in catalog::entries() {
        overview.says(&[entry.usage]);
        project.zkmig(&["doc", entry.name]).says(&["Example", entry.usage]);
    }
    project.zkmig(&["doc", "plan"]).says(&["zookeeper::plan(request)"]);
    for name in ["host.run", "m.run", "m.run(…)"] {
        let page = project.zkmig(&["doc", name]);
        page.says(&["host.run(command)"]);
        assert_eq!(page.stdout.matches("Example").count(), 1, "{}", page.stdout);
    }
    project.zkmig(&["doc", "masters.each"]).says(&["hosts.each(|host| …)"]);
    project.zkmig(&["doc", "host.rum"]).fails(2, &["there is no function `host.rum`", "did you mean `run`?"]);
    project.zkmig(&["doc", "zookeeper::plna"]).fails(2, &["did you mean `plan`?"]);
    project.zkmig(&["doc", "wait_untill"]).fails(2, &["did you mean `wait_until`?"]);
}
