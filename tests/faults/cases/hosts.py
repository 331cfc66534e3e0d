"""One host breaks in one way in each phase of a migration. What the run may end with is stated cell by cell."""

import time

from campaign.case import Case
from campaign.lab import THREE
from campaign.zkmig import Match, Never

FIRST, SECOND = "First rolling", "Second rolling"


def turn(step, number):
    """The beginning of a turn in a block."""
    return Match("rolling_turn", nth=number, after=Match("step_started", step=step))


def effect(step, name, after_turn, event="effect_finished"):
    """An effect of a turn of a block."""
    return Match(event, name=name, step=step, after=turn(step, after_turn))


# In each phase the moment at which a fault is laid.
PHASES = {
    "preflight": lambda: Match("step_started", step="Preflight"),
    "backup-and-write": lambda: Match("step_started", step="Back up"),
    "first-restart": lambda: turn(FIRST, 2),
    "between": lambda: Match("step_finished", step=FIRST),
    "second-write": lambda: Match("step_started", step="Write the ensemble"),
    "second-restart": lambda: turn(SECOND, 2),
    "proof": lambda: Match("step_started", step="Prove it"),
}

# Faults that need a moment of their own: Exhibitor dies between the writing of its file and its restart; the journal is
# lost between the cursor and the wait.
MOMENTS = {
    ("kill-exhibitor", "backup-and-write"): lambda: Match("effect_finished", name="copy", step="Write the static"),
    ("kill-exhibitor", "second-write"): lambda: Match("effect_finished", name="copy", step="Write the ensemble"),
    # Once the lists differ, the leader may be the only one that can lead.
    ("new-leader", "second-restart"): lambda: turn(SECOND, 1),
    ("vacuum-journal", "first-restart"): lambda: effect(FIRST, "cursor", 2),
    ("vacuum-journal", "second-restart"): lambda: effect(SECOND, "cursor", 2),
}

# What is laid before the run begins: a connection that stands would not show it, or the preflight would be past its look.
BEFORE = {("no-sudo", "preflight"), ("disk-full", "preflight"), ("broken-unit", "preflight")}
# How long systemd waits with a unit whose process was killed.
RESTART_SEC = 5

# Whom the fault hits: the host of the event; one whose turn has not come; the leader; or simply the first that does not lead.
IN_TURN = {"cut", "hang-sshd", "refuse-sshd", "no-sudo", "disk-full", "broken-unit", "vacuum-journal"}
STILL_TO_COME = {"kill-exhibitor", "kill-zk"}

# Exit codes: 3 a host failed, 4 it is unreachable, 5 a check or a gate stopped the run, 0 the fault did no harm.
# In the order of PHASES.
EXPECTED = {
    # ssh notices within its keepalives that nobody is there; everything after needs every host.
    "cut": [{4}, {4}, {4}, {4}, {4}, {4}, {4}],
    "hang-sshd": [{4}, {4}, {4}, {4}, {4}, {4}, {4}],
    "refuse-sshd": [{4}, {4}, {4}, {4}, {4}, {4}, {4}],
    # Laid before the run connects; later a shell that is root already stays it, a further one is refused, and so is the next run.
    "no-sudo": [{3}, {0, 3}, {0, 3}, {0, 3}, {0, 3}, {0, 3}, {0, 3}],
    # The preflight looks for space; writing needs it, this time or the next; restarting and proving don't.
    "disk-full": [{5}, {3}, {3}, {3}, {3}, {0}, {0}],
    # The preflight finds the drop-in; later the next restart of that host fails.
    "broken-unit": [{5}, {3}, {3}, {3}, {3}, {3}, {0}],
    # Exhibitor starts it again within its check: a check or a gate that looks meanwhile stops the run.
    "kill-zk": [{0, 5}, {0, 5}, {0, 5}, {0, 5}, {0, 5}, {0, 5}, {0}],
    # systemd waits five seconds; ZooKeeper ends with it, and the file that is there applies then. A gate waits for it.
    "kill-exhibitor": [{0, 5}, {0, 5}, {0, 5}, {0, 5}, {0, 5}, {0, 5}, {0}],
    # A gate that looks during the election is closed.
    "new-leader": [{0, 5}, {0, 5}, {0, 5}, {0, 5}, {0, 5}, {0, 5}, {0}],
    # What was written before a cursor is nobody's business, and what comes after it still comes.
    "vacuum-journal": [{0}, {0}, {0}, {0}, {0}, {0}, {0}],
}
SAID = {
    "cut": "one master is cut off", "hang-sshd": "sshd of one master hangs", "refuse-sshd": "sshd of one master refuses",
    "no-sudo": "sudo is revoked on one master", "disk-full": "the disk of one master is full",
    "broken-unit": "the unit of one master does not start", "kill-zk": "ZooKeeper is killed on one master",
    "kill-exhibitor": "Exhibitor is killed on one master", "new-leader": "another master leads",
    "vacuum-journal": "the journal of one master is rotated and vacuumed",
}
SHORT = {("cut", "first-restart"), ("kill-exhibitor", "backup-and-write"), ("broken-unit", "second-restart")}


def victim(trial, fault, process, event):
    """The host that the fault hits."""
    masters = trial.lab.masters
    if fault == "new-leader":
        return leader(trial)
    if event.get("host") and (fault in IN_TURN or event["event"] != "rolling_turn"):
        return event["host"]
    if fault in STILL_TO_COME and event["event"] == "rolling_turn":
        step = process.of("step_started")[-1]["step"]
        done = [host for where, host in process.turns if where == step]
        return next(host for host in masters if host not in done)
    modes = trial.probe.ask("modes")
    return next((host for host in masters if modes[host] != "leader"), masters[0])


def leader(trial):
    """Who leads; in the middle of a renumbering it may take an election until somebody does."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for host, mode in trial.probe.ask("modes").items():
            if mode == "leader":
                return host
        time.sleep(0.3)
    raise Never("nobody leads within 60 s")


def body(fault, phase, codes):
    """Holds the run at the moment, lays the fault, lets it go on."""
    def break_it(trial):
        if (fault, phase) in BEFORE:
            host = trial.lab.masters[0]
            trial.lab.fault(fault, host)
            process = trial.run()
        else:
            process = trial.run()
            event = process.hold(MOMENTS.get((fault, phase), PHASES[phase])())
            host = victim(trial, fault, process, event)
            trial.lab.fault(fault, host)
            process.go()
        going = time.monotonic()
        trial.note(f"on {host}")
        code = trial.expect(process, *sorted(codes), timeout=300)
        trial.complete = code == 0
        if code:
            trial.check("it names the host, or says what does not hold", host in process.output or code == 5, host)
            trial.check("it says how to go on", "again" in process.output or "resume" in process.output)
        if fault == "kill-exhibitor" and code == 0:
            early = [restart for restart in process.of("effect_started", name="restart") if 0 < restart["at"] - going < RESTART_SEC - 1]
            # The run is stopped a few milliseconds after its event: a gate may have looked at the host in them.
            if any(event["seq"] < look["seq"] and look["at"] < going for look in process.of("effect_finished", host=host)):
                early = []
            trial.check("no other is restarted before systemd has started it again", not early, str(early[:1]))
        if fault == "no-sudo" and code == 0:
            refused = trial.run(state="refused")
            trial.expect(refused, 3, timeout=60, what="the next run, sudo still revoked")
            trial.check("it names the host that refuses", host in refused.output, host)
        trial.lab.fault("heal", host)
        trial.at_rest()
    return break_it


def told(trial, host):
    """Waits until the new Exhibitor has said that it started ZooKeeper: the last line that the wait needs."""
    deadline = time.monotonic() + 60
    started = trial.lab.root(host, ["systemctl", "show", "-p", "ExecMainStartTimestamp", "--value", "dcos-exhibitor.service"])[1].strip()
    while time.monotonic() < deadline:
        lines = trial.lab.root(host, ["journalctl", "-u", "dcos-exhibitor.service", "-o", "cat", "--since", started])[1]
        if "Process started via" in lines:
            return
        time.sleep(0.2)
    raise Never(f"Exhibitor on {host} does not start ZooKeeper within 60 s")


def lost_lines(trial):
    """The lines that a wait is to find are lost between the restart and the wait: it ends at its deadline, at the latest."""
    process = trial.run()
    event = process.hold(effect(FIRST, "restart", 2))
    told(trial, event["host"])
    trial.lab.fault("vacuum-journal", event["host"])
    trial.note(f"on {event['host']}")
    process.go()
    code = trial.expect(process, 0, 3, timeout=300)
    trial.complete = code == 0
    trial.at_rest()


def cases():
    """A case a cell."""
    found = []
    for fault, cells in EXPECTED.items():
        for phase, codes in zip(PHASES, cells):
            found.append(Case("hosts", f"{fault}-{phase}", f"{SAID[fault]}, phase {phase.replace('-', ' ')}", body(fault, phase, codes),
                              shape=THREE, short=(fault, phase) in SHORT))
    found.append(Case("hosts", "vacuum-journal-lost-lines", "the lines that a wait needs are vacuumed before it reads them", lost_lines))
    return found
