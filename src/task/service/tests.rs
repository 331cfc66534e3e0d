use super::super::bench::Bench;
use super::*;
use crate::error::Kind;

const SYSTEMCTL: &str = r#"#!/bin/sh
state=$0.state
case $1 in
show)
    for unit; do :; done
    case $unit in no-such*) echo LoadState=not-found; echo ActiveState=inactive; exit 0 ;; esac
    echo "Id=$unit"; echo LoadState=loaded; echo "ActiveState=$(cat "$state")"; echo SubState=running
    [ "$(cat "$state")" = active ] && echo MainPID=4711 || echo MainPID=0
    echo ExecMainStartTimestampMonotonic=1500000; echo UnitFileState=disabled
    echo FragmentPath=/etc/systemd/system/x.service; echo "DropInPaths=/a.conf /b.conf"; echo Result=exit-code
    [ ! -f "$0.slow" ] || echo Job=815 ;;
start|restart) [ ! -f "$0.slow" ] || { echo activating >"$state"; exec sleep 60; } ;;
esac
case $1 in
--no-block) echo deactivating >"$state" ;;
start|restart) [ ! -f "$0.broken" ] || { echo failed >"$state"; echo "Job for $2 failed." >&2; exit 1; }; echo active >"$state" ;;
stop) echo inactive >"$state" ;;
esac
"#;

fn bench(state: &str) -> Bench {
    let mut bench = Bench::new();
    bench.program("systemctl", SYSTEMCTL);
    bench.program("journalctl", "#!/bin/sh\necho '2017 java: ERROR: \u{1b}[1m EXHIBITOR_BACKEND must be set'\n");
    bench.file("bin/systemctl.state", state);
    bench
}

#[tokio::test]
async fn a_status_has_times_by_the_wall_clock() {
    let bench = bench("active");
    let status = status(&bench.context(), "x").await.expect("success");
    assert_eq!((status.unit.as_str(), status.exists, status.main_pid), ("x.service", true, Some(4711)));
    assert_eq!(status.drop_ins, ["/a.conf", "/b.conf"]);
    assert_eq!((status.restarts, status.is_active(), status.is_enabled()), (None, true, false));
    let uptime = std::fs::read_to_string("/proc/uptime").expect("a clock");
    let uptime: f64 = uptime.split(' ').next().and_then(|text| text.parse().ok()).expect("a number");
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64();
    let expected = now - uptime + 1.5;
    assert!((status.started_at.expect("a time") - expected).abs() < 1.0);
}

#[tokio::test]
async fn a_unit_is_brought_to_a_state_once() {
    let bench = bench("inactive");
    let done = ensure(&bench.context(), "x", Goal::Started, None).await.expect("success");
    assert!(done.changed.changed && !done.before.is_active() && done.after.is_active());
    assert!(!ensure(&bench.context(), "x", Goal::Started, None).await.expect("success").changed.changed);
    assert!(ensure(&bench.context(), "x", Goal::Stopped, None).await.expect("success").changed.changed);
}

#[tokio::test]
async fn check_mode_predicts_a_state_and_makes_no_action() {
    let bench = bench("active");
    assert!(ensure(&bench.check(), "x", Goal::Stopped, None).await.expect("success").changed.changed);
    assert!(!status(&bench.check(), "x").await.expect("success").is_active());
    assert!(!ensure(&bench.check(), "x", Goal::Stopped, None).await.expect("success").changed.changed);
    assert!(status(&bench.context(), "x").await.expect("success").is_active());
    let error = act(&bench.check(), "x", Verb::Restart, true, None).await.expect_err("a defect");
    assert_eq!(error.kind(), Kind::Defect);
}

#[tokio::test]
async fn a_failed_start_shows_the_units_journal() {
    let bench = bench("inactive");
    bench.file("bin/systemctl.broken", "");
    let error = act(&bench.context(), "x", Verb::Restart, true, None).await.expect_err("a failure");
    assert_eq!(error.to_string(), "here: systemctl restart x.service failed: Job for x.service failed.");
    assert_eq!(error.parts().details[0], "x.service is failed (running), result exit-code");
    assert!(error.parts().details[1].ends_with("ERROR: \\u{1b}[1m EXHIBITOR_BACKEND must be set"), "{error:?}");
}

#[tokio::test]
async fn a_start_that_takes_too_long_says_that_systemd_is_still_at_it() {
    let mut bench = bench("inactive");
    bench.file("bin/systemctl.slow", "");
    bench.timeout = Duration::from_secs(1);
    let error = ensure(&bench.context(), "x", Goal::Started, None).await.expect_err("a time-out");
    assert_eq!(error.to_string(), "here: systemctl start x.service did not end within 1 s");
    assert_eq!(error.parts().details, ["x.service is still activating (running); systemd's job 815 for it goes on"]);
    assert!(error.parts().hints[0].contains("systemctl cancel 815"), "{error:?}");
}

#[tokio::test]
async fn a_restart_need_not_be_waited_for() {
    let bench = bench("active");
    let done = act(&bench.context(), "x", Verb::Restart, false, None).await.expect("success");
    assert_eq!(done.changed.summary.as_deref(), Some("told to restart"));
    assert_eq!((done.before.is_active(), done.after.active_state.as_str()), (true, "deactivating"));
}

#[tokio::test]
async fn a_unit_that_is_not_there_can_not_be_started() {
    let bench = bench("inactive");
    assert!(!status(&bench.context(), "no-such").await.expect("success").exists);
    let error = ensure(&bench.context(), "no-such", Goal::Started, None).await.expect_err("a failure");
    assert_eq!(error.to_string(), "here: there is no unit no-such.service");
}

#[test]
fn what_is_no_unit_name_is_refused() {
    assert_eq!(unit_name("dcos-exhibitor").ok().as_deref(), Some("dcos-exhibitor.service"));
    assert_eq!(unit_name("getty@tty1.service").ok().as_deref(), Some("getty@tty1.service"));
    assert_eq!(unit_name("a.b").ok().as_deref(), Some("a.b.service"));
    assert_eq!(unit_name("x.timer").ok().as_deref(), Some("x.timer"));
    for wrong in ["", "--all", "a b", "a;b", "a/b", "*", "$(id)"] {
        assert!(unit_name(wrong).is_err(), "{wrong}");
    }
}
