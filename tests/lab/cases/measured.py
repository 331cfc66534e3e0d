"""What measures time, and so has the machine for itself: a probe's gap beside the clients', and waits on a journal full of noise."""

import re
import time
from pathlib import Path

from campaign.case import AS_IT_IS, Case

from .shapes import PROCEDURE, QUICK

PROBE = """
let masters = hosts("masters");
fn mode(m) { m.tcp(2181, "srvr", #{ refused: "" }) }
probe(masters, || {
    let leader = masters.filter(|m| mode(m).contains("Mode: leader"))[0];
    leader.service("dcos-exhibitor.service").restart();
    wait_until("all serve again", || {
        let modes = masters.map(|m| mode(m));
        modes.filter(|mode| mode.contains("Mode: ")).len() == masters.len() && !mode(leader).contains("Mode: leader")
    }, #{ interval: "250ms" });
}, #{ port: 2181, send: "srvr", verdict: |m, answer| zookeeper::role(answer, masters.len()) });
"""
NOISE = """
let masters = hosts("masters");
let delays = step("Wait in the noise", || masters.each(|m| {
    let journal = m.journal("noisy.service");
    let cursor = journal.cursor();
    m.run("systemd-run --quiet --collect --unit=noisy sh -c 'i=0; while [ $i -lt 12000 ]; do i=$((i + 1)); echo \\"line $i of a noisy service that says much and means little\\"; [ $((i % 100)) -ne 0 ] || sleep 0.1; done'");
    let found = journal.wait("line 10000 ", #{ since: cursor, timeout: "60s" });
    now() - found.time
}));
for delay in delays.values() { note(`delay ${delay}`); }
"""
MEMORY_KB = 102400


def probe(trial):
    """Nobody can write in a gap, so the clients' is no shorter. It is longer by the first one's search for a server that serves
    again, and its write."""
    playbook = trial.folder / "probe.rhai"
    playbook.write_text(PROBE, encoding="utf-8")
    process = trial.runs(0, playbook)
    trial.says(r"^quorum: 1 gap, .* without a spare; leader 10\.10\.0\.[0-9]+ → 10\.10\.0\.[0-9]+$")
    clients = trial.client.stop().get("longest_gap_ms", 0) / 1000
    found = re.search(r'"seconds":([0-9.]+),"uncertainty_seconds":([0-9.]+)', process.events_file.read_text(encoding="utf-8"))
    gap, exact = (float(each) for each in found.groups()) if found else (0.0, 0.0)
    trial.note(f"clients {clients} s, probe {gap} s ± {exact} s")
    trial.check("the probe's gap is the clients', but for what both can't see", gap > 0 and gap - exact < clients < gap + exact + 1,
                f"clients {clients} s, probe {gap} s ± {exact} s")


def memory(pid):
    """The most memory that a process has held, in kB; 0 when it is gone."""
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.M)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def noise(trial):
    """A noisy journal delays no wait, and is not held in memory."""
    playbook = trial.folder / "noise.rhai"
    playbook.write_text(NOISE, encoding="utf-8")
    process = trial.run(playbook)
    peak = 0
    while process.process.poll() is None:
        peak = max(peak, memory(process.process.pid))
        time.sleep(0.1)
    trial.expect(process, 0, what="the waits end")
    delays = [float(each) for each in re.findall(r"delay ([0-9.]+)", process.output)]
    trial.check("no wait is delayed by more than a second", len(delays) == len(trial.lab.masters) and max(delays) <= 1, str(delays))
    trial.note(f"delays up to {max(delays, default=0):.2f} s, peak memory {peak // 1024} MiB")
    trial.check("less than 100 MiB of memory", 0 < peak < MEMORY_KB, f"{peak} kB")


def cases():
    """Both are alone."""
    found = [
        Case("measured", "noise", "waits on a journal full of noise", noise, shape=PROCEDURE, ends=AS_IT_IS, short=True),
        Case("measured", "probe", "a probe's gap is the clients'", probe, shape=QUICK, ends=AS_IT_IS, short=True),
    ]
    for case in found:
        case.alone = True
    return found
