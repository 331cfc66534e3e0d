"""A run's events as they are recorded, in the parts that the campaign reads, and the clients' lines beside them."""

A, B, C = "10.10.0.122", "10.10.0.193", "10.10.0.203"
FIRST, SECOND = "First rolling restart", "Second rolling restart"
TODAY, FINAL = f"1:{A},3:{B},2:{C}", f"1:{A},2:{B},3:{C}"


def plan(**more):
    """The playbook's plan."""
    return {"strategy": "quorum", "elections_only": True,
            "stages": [{"ensemble": TODAY, "restarts": [[C], [A, B]]}, {"ensemble": FINAL, "restarts": [[C], [B], [A]]}],
            "price": {"elections": 2, "gap_seconds": 3.0, "longest_gap_seconds": 1.6, "worst_gap_seconds": 3.0, "no_spare_seconds": 40}, **more}


def told(name, data, step=None):
    """An event of the playbook."""
    return {"event": "data", "name": name, "data": data, "step": step, "at": 100.0}


def predicted(step, hosts, joins, looking=(), leader=None):
    """A prediction."""
    return told("predicted", {"hosts": hosts, "joins": list(joins), "looking": list(looking), "leader": leader, "election": False,
                              "quorum_while_down": True, "gap_seconds": 0}, step)


def outcome(step, hosts, serving, leader=A, as_predicted=True):
    """What came of it."""
    return told("outcome", {"hosts": hosts, "serving": list(serving), "leader": leader, "as_predicted": as_predicted}, step)


def restart(step, host, outcome_="changed"):
    """A restart that was carried out."""
    return {"event": "effect_finished", "name": "restart", "kind": "action", "outcome": outcome_, "host": host, "step": step}


def renumbering():
    """The second stage: the first restart joins nobody, as predicted; the second one joins against the prediction."""
    return [
        predicted(SECOND, [C], [A, B], [C], leader=A), restart(SECOND, C), outcome(SECOND, [C], [A, B]),
        predicted(SECOND, [B], [A], [B, C], leader=A), restart(SECOND, B), outcome(SECOND, [B], [A, B], as_predicted=False),
        predicted(SECOND, [A], [A, B, C]), restart(SECOND, A), outcome(SECOND, [A], [A, B, C], leader=C),
    ]


def run():
    """A whole one."""
    return [
        {"event": "run_started", "run": "1"}, told("plan", plan()),
        predicted(FIRST, [C], [A, B, C], leader=A), restart(FIRST, C), outcome(FIRST, [C], [A, B, C]),
        predicted(FIRST, [A, B], [A, B, C], leader=C), restart(FIRST, A), restart(FIRST, B), outcome(FIRST, [A, B], [A, B, C], leader=B),
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
