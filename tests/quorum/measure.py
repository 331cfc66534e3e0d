"""What a run planned and predicted, and what came: read from its events, from the clients' notes and from what was seen of the
units and the servers. Pure."""

from datetime import datetime

from starts import short
from witness import Witness, judged, promised

# The watchman looks twice a second, and the playbook's own look is as old as its answers.
CONFIRMED_BEFORE, CONFIRMED_AFTER = 3.0, 1.5


def data(events, name):
    """What the playbook told under this name."""
    return [event["data"] for event in events if event["event"] == "data" and event.get("name") == name]


def group(hosts):
    """Masters that restart together."""
    names = [short(host) for host in hosts]
    return names[0] if len(names) == 1 else f"[{' '.join(names)}]"


def short_form(plan):
    """A plan in one line: who restarts in which order, those together in brackets, a bar between the stages."""
    stages = [" ".join(group(hosts) for hosts in stage["restarts"]) for stage in plan["stages"]]
    return " | ".join(stage or "-" for stage in stages)


def ensembles(events):
    """Every ensemble that the run's plans pass through."""
    return {stage["ensemble"] for plan in data(events, "plan") for stage in plan["stages"]}


def restarts(events):
    """The masters that were restarted, in order, with the step: (step, host)."""
    return [(event.get("step"), event["host"]) for event in events
            if event["event"] == "effect_finished" and event.get("name") == "restart" and event["outcome"] == "changed"]


def as_done(events):
    """The restarts as they came, in the form of a plan: those that were announced together in brackets. A run that announces
    nothing restarts one by one."""
    groups = []
    told = [(event.get("step"), event["data"]["hosts"]) for event in events if event["event"] == "data" and event["name"] == "predicted"]
    for step, hosts in told or [(step, [host]) for step, host in restarts(events)]:
        if not groups or groups[-1][0] != step:
            groups.append((step, []))
        groups[-1][1].append(group(hosts))
    return " | ".join(" ".join(hosts) for _, hosts in groups)


def predictions(events, history=()):
    """Each prediction with what came of it. One without an outcome is left open: the run did not get there, or did not
    look."""
    found, waiting, plan = [], None, None
    for event in events:
        if event["event"] != "data":
            continue
        if event["name"] == "plan":
            plan = event["data"]
        elif event["name"] == "predicted":
            waiting = event["data"]
            found.append({"hosts": waiting["hosts"], "step": event.get("step"), "at": event.get("at"), "open": True,
                          "election": waiting.get("election"), "gap_seconds": waiting.get("gap_seconds"), "promise": promised(waiting, plan)})
        elif event["name"] == "outcome" and waiting and sorted(waiting["hosts"]) == sorted(event["data"]["hosts"]):
            found[-1] |= compared(waiting, event, history)
            waiting = None
    return found


def compared(predicted, event, history):
    """A prediction beside its outcome."""
    outcome = event["data"]
    serving = set(outcome["serving"])
    missing = sorted(set(predicted["joins"]) - serving)
    unexpected = sorted(set(predicted["looking"]) & serving)
    wrong = []
    if missing:
        wrong.append(f"{', '.join(map(short, missing))} did not join")
    if unexpected:
        wrong.append(f"{', '.join(map(short, unexpected))} joined")
    leader = predicted["leader"] is None or predicted["leader"] == outcome["leader"]
    return {"open": False, "right": not wrong, "wrong": "; ".join(wrong), "leader": leader, "said": outcome["as_predicted"],
            "seen": confirmed(serving, event.get("at"), history)}


def confirmed(serving, at, history):
    """Whether somebody else saw the same at that time; None when nobody looked."""
    sweeps = [sweep for sweep in history if at is not None and at - CONFIRMED_BEFORE < sweep[1] and sweep[0] < at + CONFIRMED_AFTER]
    return any(set(sweep[2]) == serving for sweep in sweeps) if sweeps else None


def seen(told, witness, end):
    """Each prediction with what those outside saw of it, and what is wrong with that."""
    ends = [each["at"] for each in told[1:]] + [end]
    for number, (each, until) in enumerate(zip(told, ends), 1):
        found = witness.restart(each["hosts"], each["at"], until)
        yield {
            "name": f"{number}: {group(each['hosts'])}", "hosts": [short(host) for host in each["hosts"]], "step": each["step"],
            "election": each["election"], "promise": each["promise"], "open": each["open"], "right": each.get("right"), "wrong": each.get("wrong", ""),
            "broken": judged(each["promise"], found), **(found or {"stop": None}),
        }


def gaps(lines, clock):
    """The times without anything acknowledged, (from, to), by the clock of everybody else. `clock` is what has to be added to the
    time of day."""
    found = []
    for line in lines:
        if line["event"] == "gap" and "at" in line:
            end = moment(line["at"]) + clock
            found.append((end - line["ms"] / 1000, end))
    return found


def moment(text):
    """A time of day, such as 2026-11-27T20:51:59.701250518Z, in seconds."""
    whole = datetime.strptime(text[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z").timestamp()
    return whole + float("0" + text[19:].rstrip("Z"))


def client(lines):
    """What the ensemble cost the clients, and what one of them waited at most, in seconds."""
    summary = next((line for line in reversed(lines) if line["event"] == "summary"), None)
    return {
        "gaps": [round(line["ms"] / 1000, 2) for line in lines if line["event"] == "gap"],
        "longest_gap": round(summary["longest_gap_ms"] / 1000, 2) if summary else None,
        "longest_wait": round(summary["longest_wait_ms"] / 1000, 2) if summary else None,
        "sessions": summary["sessions"] if summary else None,
        "lost_sessions": summary["lost_sessions"] if summary else None,
        "acknowledged": summary["acknowledged"] if summary else None,
    }


def probe(events):
    """What the run's own probe saw, in seconds; None where it has none. It is an event of its own, or among the playbook's."""
    found = data(events, "availability") + [event for event in events if event["event"] == "availability"]
    if not found:
        return None
    # One for each rolling block.
    return {"longest_gap": max(each["longest_gap_seconds"] for each in found), "gaps": [gap["seconds"] for each in found for gap in each["gaps"]],
            "without_spare": round(sum(each["without_spare_seconds"] for each in found), 1), "elections": sum(each["elections"] for each in found)}


def half(strategy, events, lines, history=(), witness=None, end=float("inf")):
    """One run of a case: all that the tables and the bars are made from. `end` is when the run had ended."""
    plans = data(events, "plan")
    first = plans[0] if plans else None
    told = predictions(events, history)
    closed = [each for each in told if not each["open"]]
    return {
        "strategy": strategy,
        "plan": short_form(first) if first else None,
        "stages": [stage["ensemble"] for stage in first["stages"]] if first else [],
        "max_down": first.get("max_down") if first else None,
        "price": first["price"] if first else None,
        "other_price": first.get("other_price") if first else None,
        "documented_price": first.get("documented_price") if first else None,
        "elections_only": first["elections_only"] if first else None,
        "replans": [short_form(plan) for plan in plans[1:]],
        "done": as_done(events),
        "restarts": len(restarts(events)),
        "each": list(seen(told, witness, end)) if witness else [],
        "told_together": max((len(each["hosts"]) for each in told), default=None),
        "seen_together": witness.most_together() if witness else None,
        "predicted": len(closed),
        "right": sum(1 for each in closed if each["right"]),
        "leaders_right": sum(1 for each in closed if each["leader"]),
        "open": len(told) - len(closed),
        "wrong": [f"restart of {group(each['hosts'])}: {each['wrong']}" for each in closed if not each["right"]],
        "glossed_over": [group(each["hosts"]) for each in closed if each["said"] and not each["right"]],
        "unseen": [group(each["hosts"]) for each in closed if each["seen"] is False],
        "probe": probe(events),
        **client(lines),
    }
