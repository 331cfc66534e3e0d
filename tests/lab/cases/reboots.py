"""Masters that reboot, with their own systemd, wherever a run may meet it."""

import time

from campaign.case import AS_IT_IS, Case
from campaign.zkmig import Match, Never

from .shapes import QUICK_PATIENT

PLAYBOOK = r"""
//! Meets a reboot in a wait, in a retry, between two steps, and in a rolling block that makes them itself.
let masters = hosts("masters");

fn boot(m) {
    m.run("cat /proc/sys/kernel/random/boot_id", #{ read_only: true }).stdout.trimmed()
}

let before = step("Look", || masters.each(|m| boot(m)));

step("In a wait", || {
    let m = masters[0];
    wait_until("it is in another boot", || boot(m) != before[m.name], #{ timeout: "2m", interval: "1s" });
});

step("In a retry", || {
    let m = masters[1];
    retry(|| if boot(m) == before[m.name] { fail("it is still in the boot of before") }, #{ times: 60, delay: "1s" });
});

step("Between two steps", || {
    let m = masters[2];
    m.run("echo between >>/root/reached");
    if boot(m) == before[m.name] { fail("it was not rebooted") }
});

step("In a rolling block", || rolling(masters, |m| {
    let back = m.reboot(#{ timeout: "2m" });
    note(`${m.name} is in the boot ${back.boot_id}`);
}, #{
    after: |m| wait_until("Exhibitor runs again", || m.service("dcos-exhibitor.service").status().active_state == "active", #{ timeout: "2m" }),
}));
"""


def boots(trial):
    """The boot that each master is in."""
    return {host: trial.on(host, "cat /proc/sys/kernel/random/boot_id").strip() for host in trial.lab.masters}


def rebooted(trial, host):
    """Reboots a master, and returns when its sshd takes connections in the next boot."""
    before = boots(trial)[host]
    trial.lab.root(host, ["systemctl", "reboot"])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if trial.lab.root(host, ["sh", "-c", f"systemctl is-active -q ssh && ! grep -q {before} /proc/sys/kernel/random/boot_id"])[0] == 0:
                return
        except Exception:  # whatever a host that goes down or comes up makes of a look into it
            pass
        time.sleep(0.1)
    raise Never(f"{host} did not come back from its reboot")


def everywhere(trial):
    """The run goes on after each of them, with its locks, and each host was rebooted as often as it was to."""
    first, second, third = trial.lab.masters
    playbook = trial.folder / "reboots.rhai"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    start = boots(trial)
    process = trial.run(playbook)
    for step, host, reboot in (
        # Goes down while the wait looks, and comes up while it does.
        ("In a wait", first, lambda host: trial.lab.root(host, ["systemctl", "reboot"])),
        ("In a retry", second, lambda host: trial.lab.root(host, ["systemctl", "reboot"])),
        ("Between two steps", third, lambda host: rebooted(trial, host)),
    ):
        process.hold(Match("step_started", step=step))
        reboot(host)
        process.go()
    process.reach(process.at(Match("step_started", step="In a rolling block")))
    between = boots(trial)
    trial.expect(process, 0, timeout=300, what="a run that meets reboots")
    after = boots(trial)
    for host in trial.lab.masters:
        trial.check(f"{host} was rebooted from outside, and by the run", len({start[host], between[host], after[host]}) == 3,
                    f"{start[host]}, {between[host]}, {after[host]}")
    trial.says("connected again, and its lock is held again")
    reached = trial.on(third, "cat /root/reached").split()
    trial.check("what followed the reboot was done once", reached == ["between"], str(reached))


def cases():
    """Each is in CI."""
    return [Case("reboots", "everywhere", "masters that reboot in a wait, a retry, between steps and in a rolling block", everywhere,
                 shape=QUICK_PATIENT, ends=AS_IT_IS, short=True)]
