"""While the masters are renumbered, the leader dies, a planned joiner does not join, or a second master fails.

The run has to plan anew or to stop with a documented exit code; once what was broken is mended a quorum has to serve, and
the next plain run has to get to the end.
"""

import time

from campaign.zkmig import Match, Never
from starts import FAST, PROCEDURE, Start
from trial import QUORUM, Case

# 3 a host failed, 4 it is unreachable, 5 a check or a gate stopped the run.
STOPS = (3, 4, 5)
# How long somebody is away who comes back by himself: longer than a look, shorter than a run's patience.
WHILE = 20
# An Exhibitor whose ZooKeeper died starts it at its next check; then an election, and in the worst case a second one.
QUORUM_WITHIN = 60

# Others than the procedure's: nobody keeps the id; one of three does.
CYCLE = Start((2, 5, 1, 3, 4), check_ms=FAST)
SWAP = Start((3, 1, 2), check_ms=FAST)
OWN = Start(PROCEDURE, check_ms=FAST)


# The step in which ids change.
RENUMBERING = "Second rolling"


class Joining(Match):
    """A master that is to join is about to be restarted."""

    def __init__(self, nth):
        super().__init__("data", nth, name="predicted", step=RENUMBERING)

    def takes(self, event):
        return bool(joiners(event)) and super().takes(event)

    def __str__(self):
        return f"{super().__str__()} of one that joins"


def joiners(event):
    """Those of a prediction who are restarted and serve after it."""
    if event.get("event") != "data" or event["name"] != "predicted":
        return []
    return sorted(set(event["data"]["hosts"]) & set(event["data"]["joins"]))


def outcome(nth):
    """Between two steps: what came of a restart was looked at, and the next one is not begun."""
    return Match("data", nth, name="outcome", step=RENUMBERING)


def restarted(nth):
    """The command that restarts a master has returned: its Exhibitor runs anew, its ZooKeeper not yet."""
    return Match("effect_finished", nth, name="restart", outcome="changed", step=RENUMBERING)


def the_leader(trial):
    """Who leads; while ids change it may take an election until somebody does."""
    deadline = time.monotonic() + QUORUM_WITHIN
    while time.monotonic() < deadline:
        for host, mode in trial.probe.ask("modes").items():
            if mode == "leader":
                return host
        time.sleep(0.3)
    raise Never(f"nobody leads within {QUORUM_WITHIN} s")


def a_follower(trial, but):
    """One that follows and is none of these."""
    modes = trial.probe.ask("modes")
    return next((host for host in trial.lab.masters if modes[host] == "follower" and host not in but), None) or \
        next(host for host in trial.lab.masters if host not in but)


def serves(modes):
    """Whether a quorum serves."""
    return list(modes.values()).count("leader") == 1 and sum(1 for mode in modes.values() if mode) * 2 > len(modes)


def finish(trial, process, host, codes):
    """The run's end, and what must hold behind it: with everything mended a quorum serves."""
    code = trial.expect(process, *codes, timeout=trial.case.patience)
    trial.complete = code == 0
    trial.passes_through(process)
    if code:
        trial.check("it says how to go on", "again" in process.output or "resume" in process.output)
        trial.note(f"stopped with {code}")
    if code == 4:
        trial.check("it names the host", host in process.output, host)
    trial.lab.heal()
    deadline = time.monotonic() + QUORUM_WITHIN
    while not serves(modes := trial.probe.ask("modes")) and time.monotonic() < deadline:
        time.sleep(0.3)
    trial.check(f"a quorum serves within {QUORUM_WITHIN} s", serves(modes), str(modes))
    trial.at_rest()


def leader_dies(nth, await_next):
    """The leader dies between two steps. The run goes on at once, or when another one leads, if one does without the run's help:
    half-way, with every master up, it may take the next restart."""
    def body(trial):
        process = trial.run()
        process.hold(outcome(nth), trial.case.patience)
        host = the_leader(trial)
        trial.lab.fault("kill-zk", host)
        if await_next:
            try:
                trial.note(f"then {the_leader(trial)} leads")
            except Never as nobody:
                trial.note(f"then {nobody}")
        process.go()
        trial.note(f"on {host}")
        finish(trial, process, host, (0, *STOPS))
    return body


def leader_moves(nth):
    """The leader stands still until another one leads, and then follows."""
    def body(trial):
        process = trial.run()
        process.hold(outcome(nth), trial.case.patience)
        host = the_leader(trial)
        trial.lab.fault("new-leader", host)
        process.go()
        trial.note(f"on {host}")
        finish(trial, process, host, (0, *STOPS))
    return body


def does_not_join(nth, comes_back):
    """A master that was to join is restarted and finds nobody: for a while, or until the run has ended."""
    def body(trial):
        process = trial.run()
        event = process.hold(Joining(nth), trial.case.patience)
        host = joiners(event)[0]
        trial.lab.isolate(host)
        process.go()
        trial.note(f"on {host}")
        if comes_back:
            wait(process, WHILE)
            trial.lab.rejoin(host)
        finish(trial, process, host, (0, *STOPS) if comes_back else STOPS)
    return body


def cut_off(nth):
    """A master that was to join is off the network before it has."""
    def body(trial):
        process = trial.run()
        event = process.hold(Joining(nth), trial.case.patience)
        host = joiners(event)[0]
        trial.lab.fault("cut", host)
        process.go()
        trial.note(f"on {host}")
        finish(trial, process, host, STOPS)
    return body


def second_fails(nth, fault):
    """While one master is restarted, another one fails."""
    def body(trial):
        process = trial.run()
        event = process.hold(restarted(nth), trial.case.patience)
        host = a_follower(trial, {event["host"]})
        if fault == "isolate":
            trial.lab.isolate(host)
        else:
            trial.lab.fault(fault, host)
        process.go()
        trial.note(f"on {host} while {event['host']} is restarted")
        if fault == "isolate":
            wait(process, WHILE)
            trial.lab.rejoin(host)
        finish(trial, process, host, STOPS if fault == "cut" else (0, *STOPS))
    return body


def wait(process, seconds):
    """Lets a fault last, at most until the run has ended."""
    deadline = time.monotonic() + seconds
    while process.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)


def cases():
    """Every kind of fault at several restarts."""
    rows = [(f"leader-dies-{nth}", OWN, leader_dies(nth, nth % 2 == 0), f"the leader dies after restart {nth} of the renumbering") for nth in (1, 2, 3, 4)]
    rows += [(f"leader-moves-{nth}", OWN, leader_moves(nth), f"another leads after restart {nth} of the renumbering") for nth in (1, 3)]
    rows += [("leader-dies-cycle", CYCLE, leader_dies(2, False), "the leader dies after restart 2, nobody keeps the id"),
             ("leader-dies-three", SWAP, leader_dies(1, True), "the leader dies after restart 1, three masters")]
    rows += [(f"joiner-late-{nth}", OWN, does_not_join(nth, True), f"the {nth}. that is to join finds nobody for {WHILE} s") for nth in (1, 2)]
    rows += [("joiner-late-cycle", CYCLE, does_not_join(1, True), f"the 1. that is to join finds nobody for {WHILE} s, nobody keeps the id")]
    rows += [(f"joiner-never-{nth}", OWN, does_not_join(nth, False), f"the {nth}. that is to join finds nobody") for nth in (1, 2)]
    rows += [("joiner-cut", OWN, cut_off(1), "the 1. that is to join is cut off")]
    rows += [(f"second-dies-{nth}", OWN, second_fails(nth, "kill-zk"), f"another's ZooKeeper dies during restart {nth}") for nth in (1, 2, 3)]
    rows += [("second-exhibitor", OWN, second_fails(2, "kill-exhibitor"), "another's Exhibitor dies during restart 2"),
             ("second-late", OWN, second_fails(2, "isolate"), f"another finds nobody for {WHILE} s during restart 2"),
             ("second-cut", OWN, second_fails(3, "cut"), "another is cut off during restart 3"),
             ("second-dies-three", SWAP, second_fails(1, "kill-zk"), "another's ZooKeeper dies during restart 1, three masters")]
    # Where a plan needs no more than elections, none is agreed to.
    return [Case("fault", name, start, body, title=title, strategies=(QUORUM,), agrees=start is not OWN) for name, start, body, title in rows]
