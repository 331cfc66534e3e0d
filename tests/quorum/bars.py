"""What has to hold of all cases together. Each bar: its name, whether it is reached, what was found. Pure."""

from statistics import median

from trial import DOCUMENTED, QUORUM

SHARE = 0.95
# What a plan says of the longest gap, in seconds, where all that it takes are elections that begin at once.
AT_ONCE = 3.0


class Limits:
    """The longest gaps, in seconds: where only elections that begin at once were promised, and on the procedure's own cluster."""

    def __init__(self, election, procedure):
        self.election, self.procedure = election, procedure


WHOLE = Limits(election=3.0, procedure=2.5)
# The short form is part of every test, on machines that do other things besides: it is held to what an operator agrees to by
# default, which is less than any restart takes.
SHORT = Limits(election=5.0, procedure=5.0)


def undisturbed(lines):
    """The planned halves of the cases in which nothing happens but the migration."""
    return [(line, line["halves"][QUORUM]) for line in lines if line["family"] != "fault" and QUORUM in line.get("halves", {})]


def bars(lines, limits=WHOLE):
    """All of them, over the results of a campaign."""
    quiet = undisturbed(lines)
    halves = [(line["id"], half) for line in lines for half in line.get("halves", {}).values()]
    found = []

    def bar(name, holds, text):
        found.append((name, bool(holds), text))

    def none_of(name, bad, all_of):
        bar(name, not bad, f"{', '.join(bad[:5])}{' and more' if len(bad) > 5 else ''}" if bad else f"none in {len(all_of)}")

    if quiet:
        predicted = sum(half["predicted"] for _, half in quiet)
        right = sum(half["right"] for _, half in quiet)
        name = f"at least {SHARE:.0%} of the predictions are right"
        bar(name, predicted and right >= SHARE * predicted, f"{right} of {predicted}, {right / predicted:.1%}" if predicted else "no predictions")
        planned = [(line["id"], half["longest_gap"], half["price"]["worst_gap_seconds"], half["elections_only"])
                   for line, half in quiet if half["price"] and half["longest_gap"] is not None]
        promised = [(name, gap) for name, gap, said, elections_only in planned if elections_only and said <= AT_ONCE]
        if promised:
            worst = max(promised, key=lambda pair: pair[1])
            bar(f"no gap above {limits.election} s where only elections that begin at once were promised", worst[1] <= limits.election,
                f"the longest of {len(promised)} cases: {worst[1]} s ({worst[0]})")
        none_of("no gap above what its plan says at the worst", [f"{gap} s instead of {said} s in {name}" for name, gap, said, _ in planned if gap > max(said, limits.election)], planned)
        procedure = [(line["id"], half["longest_gap"]) for line, half in quiet if line["family"] == "procedure" and half["longest_gap"] is not None]
        if procedure:
            worst = max(procedure, key=lambda pair: pair[1])
            bar(f"no gap above {limits.procedure} s on the procedure's own cluster", worst[1] <= limits.procedure, f"the longest of {len(procedure)} cases: {worst[1]} s ({worst[0]})")
        lost = [f"{half['lost_sessions']} in {line['id']}" for line, half in quiet if half["lost_sessions"] != 0]
        none_of("no lost session", lost, quiet)
    none_of("no lost write", [f"{half['missing']} in {name}" for name, half in halves if half["missing"] != 0], halves)
    none_of("never two leaders, and none serves alone", [name for name, half in halves if half["violations"]], halves)
    none_of("every case is migrated", [line["id"] for line in lines if not migrated(line)], lines)
    return found


def migrated(line):
    """Whether a case ended in the migrated state. Where a plan did, the documented order may have stopped: half-way it can come to
    a state from which it finds no further, with the quorum up."""
    halves = line.get("halves", {})
    half = halves.get(QUORUM) or halves.get(DOCUMENTED)
    return bool(half) and half["migrated"]


def comparison(lines):
    """What the documented order cost beside it, in words."""
    stopped = [line["id"] for line in lines if DOCUMENTED in line.get("halves", {}) and not line["halves"][DOCUMENTED]["migrated"]]
    return costs(lines) + ([f"the documented order stopped half-way: {', '.join(stopped)}"] if stopped else [])


def costs(lines):
    """What both cost where both came to their end."""
    pairs = [(line["halves"][QUORUM], line["halves"][DOCUMENTED]) for line in lines if set(line.get("halves", {})) == {QUORUM, DOCUMENTED}]
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
