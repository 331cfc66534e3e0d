//! `zkmig:quorum` and its adapters, with members that are files and answers that real servers gave.

mod support;

use support::Project;

/// Three members, each a file with what it is: `serves`, `leads`, or nothing that can be read.
fn members(states: [&str; 3]) -> Project {
    let project = Project::new(
        "stores:\n  hosts:\n    m1: { zkmig_lock_file: FOLDER/lock-m1 }\n    m2: { zkmig_lock_file: FOLDER/lock-m2 }\n    m3: { zkmig_lock_file: FOLDER/lock-m3 }\n  vars:\n    ansible_connection: local\n",
    );
    for (number, state) in states.iter().enumerate() {
        project.file(&format!("m{}", number + 1), state);
    }
    project
}

/// A roll of them, with these options besides.
fn roll(project: &Project, more: &str) -> support::Ran {
    let folder = project.path().display();
    project.run(
        &format!(
            r#"
            import "zkmig:quorum" as quorum;
            let members = hosts("stores");
            quorum::roll(members, #{{
                look: |m| {{
                    let state = m.run(`cat {folder}/${{m.name}}`, #{{ read_only: true }}).stdout;
                    #{{ serves: state != "", leads: state == "leads" }}
                }},
                restart: |m| {{ note(`restart of ${{m.name}}`); m.run(`[ -s {folder}/${{m.name}} ] || printf serves >{folder}/${{m.name}}`); }},
                settle_timeout: "1s",
                {more}
            }});
            "#
        ),
        &[],
    )
}

/// The members in the order of their restarts.
fn order(ran: &support::Ran) -> Vec<String> {
    let said = format!("{}{}", ran.stdout, ran.stderr);
    said.lines().filter_map(|line| line.split("restart of ").nth(1)).map(str::to_owned).collect()
}

#[test]
fn the_leader_is_restarted_last() {
    let project = members(["leads", "serves", "serves"]);
    let ran = roll(&project, "");
    ran.says(&[]);
    assert_eq!(order(&ran), ["m2", "m3", "m1"]);
}

#[test]
fn a_member_that_is_down_is_restarted_first() {
    let ran = roll(&members(["leads", "serves", ""]), "");
    ran.says(&[]);
    assert_eq!(order(&ran), ["m3", "m2", "m1"]);
}

#[test]
fn a_verdict_of_the_callers_need_not_know_of_a_member_that_is_restarted_because_it_is_down() {
    let healthy =
        r#"healthy: |asked, seen| if asked.all(|m| seen[m.name].serves) { true } else { "somebody does not serve" },"#;
    let ran = roll(&members(["leads", "serves", ""]), healthy);
    ran.says(&[]);
    assert_eq!(order(&ran), ["m3", "m2", "m1"]);
    // With fewer than a quorum nobody is restarted, whatever the verdict is.
    let ran = roll(&members(["leads", "", ""]), "healthy: |asked, seen| true,");
    ran.fails(5, &["fewer serve than a quorum needs"]);
    assert!(order(&ran).is_empty(), "{:?}", order(&ran));
}

#[test]
fn two_members_down_stop_a_roll_and_the_page_tells_how_all_are() {
    let ran = roll(&members(["leads", "", ""]), "");
    ran.fails(5, &["THE QUORUM IS DOWN, as far as can be seen: 1 of 3 serve, 2 are needed", "DOES NOT SERVE"]);
    assert!(order(&ran).is_empty(), "{:?}", order(&ran));
}

#[test]
fn a_member_that_cant_be_asked_is_told_beside_the_others() {
    let project = members(["leads", "serves", "serves"]);
    std::fs::remove_file(project.join("m3")).expect("it is there");
    // It is taken for one that is down, and its restart brings it back.
    let ran = roll(&project, "");
    ran.says(&[]);
    assert_eq!(order(&ran), ["m3", "m2", "m1"]);
    std::fs::remove_file(project.join("m3")).expect("it is there");
    std::fs::remove_file(project.join("m2")).expect("it is there");
    roll(&project, "").fails(5, &["can't be seen: ", "THE QUORUM IS DOWN, as far as can be seen: 1 of 3 serve"]);
}

#[test]
fn a_mistake_in_look_is_told_as_one() {
    let ran = members(["leads", "serves", "serves"]).run(
        r#"
        import "zkmig:quorum" as quorum;
        quorum::roll(hosts("stores"), #{ look: |m| { let queue = #{ a: [1], b: [2] }; let of_b = |x| queue.b.contains(x); queue.a.filter(of_b) }, restart: |m| () });
        "#,
        &[],
    );
    assert_ne!(ran.code, 0);
    assert!(ran.stderr.contains("`look` failed: ") && !ran.stderr.contains("no property `kind`"), "{}", ran.stderr);
}

/// A member of RabbitMQ 3.10.8 in the lab: what its tools said, but for what the adapter does not read.
fn rabbitmq(hostname: &str, queues: &str, maintenance: &str) -> support::Ran {
    let project = members(["", "", ""]);
    let script = format!(
        r#"#!/bin/sh
case "$*" in
*cluster_status*) echo '{{"alarms":[],"cluster_name":"rabbit@ip-10-10-0-193","maintenance_status":{{"rabbit@ip-10-10-0-122":"not under maintenance","rabbit@ip-10-10-0-193":"{maintenance}"}},"partitions":{{}},"disk_nodes":["rabbit@ip-10-10-0-122","rabbit@ip-10-10-0-193","rabbit@ip-10-10-0-203"],"ram_nodes":[],"running_nodes":["rabbit@ip-10-10-0-122","rabbit@ip-10-10-0-203","rabbit@ip-10-10-0-193"]}}' ;;
*eval*) echo "'rabbit@ip-10-10-0-193'" ;;
*list_queues*) echo '{queues}' ;;
*) exit 64 ;;
esac
"#
    );
    project.file("bin/rabbitmqctl", &script);
    project.file("bin/hostname", &format!("#!/bin/sh\necho {hostname}\n"));
    std::process::Command::new("chmod")
        .args(["+x", "bin/rabbitmqctl", "bin/hostname"])
        .current_dir(project.path())
        .status()
        .expect("chmod");
    project.file(
        "look.rhai",
        "import \"zkmig:quorum/rabbitmq\" as rabbitmq;\nlet seen = hosts(\"m1\").each(|m| rabbitmq::look(m));\nnote(as_json(seen[\"m1\"]));\n",
    );
    let path = format!("{}:{}", project.join("bin").display(), std::env::var("PATH").unwrap_or_default());
    project.zkmig_with(&[("PATH", &path)], &["run", "look.rhai", "-i", "hosts.yaml"])
}

const ALL: &str = r#"[{"name":"q","type":"quorum","leader":"rabbit@ip-10-10-0-193","members":["rabbit@ip-10-10-0-193","rabbit@ip-10-10-0-203","rabbit@ip-10-10-0-122"],"online":["rabbit@ip-10-10-0-193","rabbit@ip-10-10-0-203","rabbit@ip-10-10-0-122"]}]"#;

#[test]
fn a_node_of_rabbitmq_serves_though_a_queue_misses_another_one() {
    rabbitmq("ip-10-10-0-193", ALL, "not under maintenance").says(&[
        r#""serves":true"#,
        r#""queues":1"#,
        r#""away":[]"#,
    ]);
    let without = ALL.replace(
        r#""online":["rabbit@ip-10-10-0-193","rabbit@ip-10-10-0-203","#,
        r#""online":["rabbit@ip-10-10-0-193","#,
    );
    rabbitmq("ip-10-10-0-193", &without, "not under maintenance").says(&[
        r#""serves":true"#,
        r#""away":["rabbit@ip-10-10-0-203"]"#,
        "queue q is without rabbit@ip-10-10-0-203",
    ]);
}

#[test]
fn a_node_of_rabbitmq_whose_name_is_not_its_hosts_says_it_itself() {
    rabbitmq("broker-1", ALL, "not under maintenance").says(&[r#""serves":true"#, r#""queues":1"#]);
    // Who is asked under the name of another node sees what that one leads.
    rabbitmq("ip-10-10-0-203", ALL, "not under maintenance").says(&[r#""serves":true"#, r#""queues":0"#]);
}

#[test]
fn a_node_of_rabbitmq_that_does_not_run_is_told_by_the_line_that_says_so() {
    let ran = members(["", "", ""]).run(
        r#"
        import "zkmig:quorum/rabbitmq" as rabbitmq;
        note(rabbitmq::told("Error: unable to perform an operation on node 'rabbit@a'.\nDIAGNOSTICS\n\nrabbit@a:\n  * connected to epmd (port 4369) on a\n  * epmd reports: node 'rabbit' not running at all\n\nCurrent node details:\n * Erlang cookie hash: lrRbwqtg8nlSW5TFb2HN6w=="));
        note(rabbitmq::told("Error: no\nadvice"));
        note(rabbitmq::told(""));
        "#,
        &[],
    );
    ran.says(&[
        "  epmd reports: node 'rabbit' not running at all\n",
        "  Error: no\n",
        "rabbitmqctl failed and said nothing",
    ]);
}

#[test]
fn a_node_of_rabbitmq_that_a_stopped_roll_left_drained_does_not_serve() {
    rabbitmq("ip-10-10-0-193", ALL, "in maintenance mode").says(&[r#""serves":false"#, "it is in maintenance mode"]);
}
