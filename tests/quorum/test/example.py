"""A run's events as they are recorded, in the parts that the campaign reads, and the clients' lines beside them."""

from witness import Witness

A, B, C = "10.10.0.122", "10.10.0.193", "10.10.0.203"
FIRST, SECOND = "First rolling restart", "Second rolling restart"
TODAY, FINAL = f"1:{A},3:{B},2:{C}", f"1:{A},2:{B},3:{C}"


def plan(**more):
    """The playbook's plan."""
    return {"strategy": "quorum", "elections_only": True, "max_down": 2,
            "stages": [{"ensemble": TODAY, "restarts": [[C], [A, B]]}, {"ensemble": FINAL, "restarts": [[C], [B], [A]]}],
            "price": {"restarts": 6, "elections": 2, "gap_seconds": 3.0, "longest_gap_seconds": 1.6, "worst_gap_seconds": 3.0, "no_spare_seconds": 40}, **more}


def told(name, data, step=None, at=100.0):
    """An event of the playbook."""
    return {"event": "data", "name": name, "data": data, "step": step, "at": at}


def predicted(step, hosts, joins, looking=(), leader=None, at=100.0, election=False):
    """A prediction."""
    return told("predicted", {"hosts": hosts, "joins": list(joins), "looking": list(looking), "leader": leader, "election": election,
                              "quorum_while_down": True, "gap_seconds": 1.5 if election else 0}, step, at)


def outcome(step, hosts, serving, leader=A, as_predicted=True):
    """What came of it."""
    return told("outcome", {"hosts": hosts, "serving": list(serving), "leader": leader, "as_predicted": as_predicted}, step)


def restart(step, host, outcome_="changed"):
    """A restart that was carried out."""
    return {"event": "effect_finished", "name": "restart", "kind": "action", "outcome": outcome_, "host": host, "step": step}


def renumbering():
    """The second stage: the first restart joins nobody, as predicted; the second one joins against the prediction."""
    return [
        predicted(SECOND, [C], [A, B], [C], leader=A, at=300.0), restart(SECOND, C), outcome(SECOND, [C], [A, B]),
        predicted(SECOND, [B], [A], [B, C], leader=A, at=400.0), restart(SECOND, B), outcome(SECOND, [B], [A, B], as_predicted=False),
        predicted(SECOND, [A], [A, B, C], at=500.0, election=True), restart(SECOND, A), outcome(SECOND, [A], [A, B, C], leader=C),
    ]


def run():
    """A whole one."""
    return [
        {"event": "run_started", "run": "1"}, told("plan", plan()),
        predicted(FIRST, [C], [A, B, C], leader=A, at=100.0), restart(FIRST, C), outcome(FIRST, [C], [A, B, C]),
        predicted(FIRST, [A, B], [A, B, C], leader=C, at=200.0, election=True), restart(FIRST, A), restart(FIRST, B), outcome(FIRST, [A, B], [A, B, C], leader=B),
        *renumbering(),
        {"event": "availability", "seconds": 60, "gaps": [{"seconds": 1.2}], "longest_gap_seconds": 1.2, "without_spare_seconds": 8.0,
         "elections": 2},
    ]


def client():
    """The clients' notes."""
    return [
        {"event": "start", "path": "/w/1", "every_ms": 100, "sessions": 2},
        {"event": "gap", "ms": 1634}, {"event": "wait", "session": 1, "ms": 1634, "reconnected": True},
        {"event": "wait", "session": 2, "ms": 2871, "reconnected": True},
        {"event": "gap", "ms": 312}, {"event": "wait", "session": 1, "ms": 340, "reconnected": False},
        {"event": "summary", "path": "/w/1", "seconds": 60, "sessions": 2, "acknowledged": 990, "written": [500, 490], "longest_gap_ms": 1634,
         "longest_wait_ms": 2871, "lost_sessions": 0, "missing": 0},
    ]


def witness(leads_meanwhile=C):
    """What was seen of that run: every restart takes 15 s, and the elections 1.5 s. `leads_meanwhile` leads while A is down at the end."""
    units = [(0.0, A, 1, 11), (0.0, B, 2, 12), (0.0, C, 3, 13)]
    sweeps, leader = [], A
    for number, (at, hosts, other) in enumerate(((101.0, [C], A), (201.0, [A, B], C), (301.0, [C], A), (401.0, [B], A), (501.0, [A], leads_meanwhile)), 1):
        for host in hosts:
            units += [(at, host, None, None), (at + 0.5, host, 100 * number + hosts.index(host), None), (at + 15, host, 100 * number + hosts.index(host), 1000 * number + hosts.index(host))]
        moment = at - 1
        while moment < at + 30:
            silent = at <= moment < at + 1.5 and leader in hosts
            down = hosts if at <= moment < at + 15 else []
            leading = other if moment >= at else leader
            sweeps.append([moment, moment + 0.05, [] if silent else [each for each in (A, B, C) if each not in down or len(hosts) > 1],
                           [] if silent or not leading or (leading in down) else [leading]])
            moment += 0.25
        leader = other or A
    return Witness([A, B, C], sweeps, units, [(201.1, 202.6)])
