"""What has to hold of all cases together. Each bar: its name, whether it is reached, what was found. Pure."""

from statistics import median

from exceptions import EXCEPTIONS
from trial import BACK, DOCUMENTED, QUORUM
from witness import ELECTION, unseen, wanting

# On the procedure's own cluster, in seconds.
PROCEDURE = 2.5


class Limits:
    """The longest times without a leader, in seconds: where elections only were promised, and on the procedure's own cluster."""

    def __init__(self, election, procedure):
        self.election, self.procedure = election, procedure


WHOLE = Limits(election=ELECTION, procedure=PROCEDURE)
# The short form is part of every test, on machines that do other things besides: it is held to what an operator agrees to by
# default, which is less than any restart takes.
SHORT = Limits(election=5.0, procedure=5.0)


def undisturbed(lines):
    """The planned halves of the cases in which nothing happens but the migration, also the ways back."""
    return [(line, half) for line in lines if line["family"] != "fault" for name, half in line.get("halves", {}).items() if name in (QUORUM, BACK)]


def restarts(lines):
    """Every restart that was foretold in them, by its name: (case and restart, what was said and seen). What is listed as an
    exception is left out."""
    found = []
    for line, half in undisturbed(lines):
        listed = EXCEPTIONS.get(line["id"], {})
        way = "" if half["strategy"] == QUORUM else f" ({half['strategy']})"
        found += [(f"{line['id']}{way}, restart {each['name']}", each) for each in half["each"] if each["name"] not in listed]
    return found


def exceptions(lines):
    """The restarts of these results that are listed: (case, restart, reason)."""
    known = {line["id"] for line in lines}
    return [(case, name, reason) for case, listed in EXCEPTIONS.items() if case in known for name, reason in listed.items()]


def bars(lines, limits=WHOLE):
    """All of them, over the results of a campaign."""
    quiet = undisturbed(lines)
    halves = [(line["id"], half) for line in lines for half in line.get("halves", {}).values()]
    found = []

    def none_of(name, bad, count, what):
        found.append((name, not bad, f"{'; '.join(bad[:5])}{f'; and {len(bad) - 5} more' if len(bad) > 5 else ''}" if bad else f"none of {count} {what}" if count else f"no {what}"))

    if quiet:
        told = restarts(lines)
        made = [(name, each) for name, each in told if each["stop"] is not None]
        promised = [(name, each) for name, each in made if each["promise"] is not None]
        elections = [(name, each) for name, each in promised if each["election"] and each["promise"] <= ELECTION]
        found.append(("every case foretells its restarts", all(half["each"] for _, half in quiet if half["strategy"] == QUORUM), f"{len(told)} in {len(quiet)} migrations"))
        none_of("every restart whose outcome was told was seen by the units", [name for name, each in told if unseen(each)], len(told), "was not")
        broken = [f"{name}: {wrong}" for name, each in promised if (wrong := wanting(each, limits.election))]
        none_of(f"no restart breaks its promise: somebody leads while it is down, within {limits.election} s where elections only were promised", broken, len(promised), "restarts that promised")
        if elections:
            # To the clients; what is seen by the sweeps is longer by the time from one to the next.
            longest, where = max((each["gap"], name) for name, each in elections)
            found.append((f"the longest of {len(elections)} elections that were promised to begin at once takes at most {limits.election} s", longest <= limits.election, f"{longest} s ({where})"))
        none_of("none that was foreseen to serve after a restart, or not to, does otherwise", [f"{name}: {each['wrong']}" for name, each in told if each["wrong"]], len(told), "restarts")
        # Of an outage a plan says how long it takes "or more".
        bounded = [(line, half) for line, half in quiet if all(each["promise"] is not None for each in half["each"])]
        none_of("no gap above what its plan says at the worst, where no outage is foretold",
                [f"{line['id']}: {half['longest_gap']} s instead of {half['price']['worst_gap_seconds']} s" for line, half in bounded
                 if half["price"] and half["longest_gap"] is not None and half["longest_gap"] > max(half["price"]["worst_gap_seconds"], limits.election)],
                len(bounded), "migrations")
        none_of("never more masters down by plan than max_down says, as announced and as their units show",
                [f"{line['id']}: {half['told_together']} announced, {half['seen_together']} seen, at most {half['max_down']} by its plan" for line, half in quiet
                 if half["max_down"] and max(half["told_together"] or 0, half["seen_together"] or 0) > half["max_down"]],
                sum(1 for _, half in quiet if half["max_down"]), "migrations")
        none_of("max_down is what was asked for",
                [line["id"] for line, half in quiet if line.get("asked_max_down") and half["max_down"] != line["asked_max_down"]],
                sum(1 for line, _ in quiet if line.get("asked_max_down")), "migrations that asked")
        none_of("as many restarts as planned, unless what was left was planned anew",
                [f"{line['id']}: {half['restarts']}, planned {half['price']['restarts']}" for line, half in quiet if differs(half)], len(quiet), "migrations")
        none_of("no more elections than planned, unless what was left was planned anew",
                [f"{line['id']}: {half['probe']['elections']}, planned {half['price']['elections']}" for line, half in quiet
                 if as_planned(half) and not waited(half) and half["probe"] and half["probe"]["elections"] > half["price"]["elections"]], len(quiet), "migrations")
        procedure = [(line["id"], half["longest_gap"]) for line, half in quiet if line["family"] == "procedure" and half["longest_gap"] is not None]
        if procedure:
            worst = max(procedure, key=lambda pair: pair[1])
            found.append((f"no gap above {limits.procedure} s on the procedure's own cluster", worst[1] <= limits.procedure, f"the longest of {len(procedure)} migrations: {worst[1]} s ({worst[0]})"))
        none_of("no lost session", [f"{half['lost_sessions']} in {line['id']}" for line, half in quiet if half["lost_sessions"] != 0], len(quiet), "migrations")
    none_of("no lost write", [f"{half['missing']} in {name}" for name, half in halves if half["missing"] != 0], len(halves), "migrations")
    none_of("never two leaders, and none serves alone", [name for name, half in halves if half["violations"]], len(halves), "migrations")
    none_of("every case is migrated", [line["id"] for line in lines if not migrated(line)], len(lines), "cases")
    return found


def as_planned(half):
    """Whether a run had a plan, and carried out just that: the restarts that it announced, in their order."""
    return bool(half["price"]) and half["strategy"] == QUORUM and half["done"] == half["plan"]


def waited(half):
    """Whether an election took as long as its plan had said that it might, by which a leader is elected again."""
    return any(each["promise"] is not None and each["promise"] > ELECTION and (each.get("led_after") or 0) > ELECTION for each in half["each"])


def differs(half):
    """Whether a run announced its plan's restarts and made another number of them."""
    return as_planned(half) and half["restarts"] != half["price"].get("restarts", half["restarts"])


def migrated(line):
    """Whether a case ended in the state that it was to end in. Where a plan did, the documented order may have stopped: half-way it can come to
    a state from which it finds no further, with the quorum up."""
    halves = line.get("halves", {})
    if BACK in halves and not halves[BACK]["migrated"]:
        return False
    half = halves.get(QUORUM) or halves.get(DOCUMENTED)
    return bool(half) and half["migrated"]


def comparison(lines):
    """What the documented order cost beside it, in words."""
    stopped = [line["id"] for line in lines if DOCUMENTED in line.get("halves", {}) and not line["halves"][DOCUMENTED]["migrated"]]
    return foretold(lines) + costs(lines) + ([f"the documented order stopped half-way: {', '.join(stopped)}"] if stopped else [])


def foretold(lines):
    """The outages that plans foretold, because no order was found that takes elections only."""
    found = [f"{name} ({each['gap']} s)" for name, each in restarts(lines) if each["promise"] is None and each["stop"] is not None]
    return [f"an outage was foretold of {len(found)} restarts: {', '.join(found)}"] if found else []


def costs(lines):
    """What both cost where both came to their end."""
    pairs = [(line["halves"][QUORUM], line["halves"][DOCUMENTED]) for line in lines if {QUORUM, DOCUMENTED} <= set(line.get("halves", {}))]
    pairs = [(ours, theirs) for ours, theirs in pairs if ours["longest_gap"] is not None and theirs["longest_gap"] is not None and theirs["migrated"]]
    if not pairs:
        return []

    def of(times):
        return f"median {median(times):.1f} s, longest {max(times):.1f} s"
    return [
        f"longest gaps of {len(pairs)} cases: planned {of([ours['longest_gap'] for ours, _ in pairs])}; documented order {of([theirs['longest_gap'] for _, theirs in pairs])}",
        f"longest waits of one session: planned {of([ours['longest_wait'] for ours, _ in pairs])}; documented order {of([theirs['longest_wait'] for _, theirs in pairs])}",
        f"sessions lost: planned {sum(ours['lost_sessions'] for ours, _ in pairs)}; documented order {sum(theirs['lost_sessions'] for _, theirs in pairs)}",
    ]
