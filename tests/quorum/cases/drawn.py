"""Cases from starting states that are drawn at random; `starts.py` says how many of each kind."""

from starts import GAPS, KINDS, OTHER_KINDS, OTHER_VERSIONS, VERSIONS, drawn
from trial import QUORUM, Case, compare


def gaps_cases(seed):
    """Ids with gaps, as a cluster has them whose masters were replaced. The documented order is left out: what they show is whether plans hold."""
    found = {version: list(drawn(seed, {}, GAPS, version)) for version in VERSIONS}
    # Taken in turn, so that a campaign that is ended early has some of each.
    rows = [(version, name, start) for number in range(sum(GAPS.values())) for version, starts in found.items() for name, start in [starts[spread(number)]]]
    return [Case("gaps", f"{version}-{name.replace('-gaps', '')}", start, compare, strategies=(QUORUM,), max_down=most_down(start, name))
            for version, name, start in rows]


def most_down(start, name):
    """How many may be down by plan: 1, 2, or what the plan finds cheaper, by turns. Of three masters there is no choice."""
    return None if len(start.ids) == 3 else (1, 2, None)[int(name.rpartition("-")[2]) % 3]


def spread(number):
    """The order in which the starts of one version are taken: few masters and many by turns."""
    places = {}
    at = 0
    for count, wanted in GAPS.items():
        places[count] = list(range(at, at + wanted))
        at += wanted
    order = []
    while any(places.values()):
        order += [left.pop(0) for left in places.values() if left]
    return order[number]


def random_cases(seed):
    """Ids without gaps: all kinds of them on ZooKeeper 3.4.14, some on the others."""
    cases = [Case("random", name, start, compare) for name, start in drawn(seed, KINDS, {})]
    for version in OTHER_VERSIONS:
        cases += [Case("random", f"{version}-{name}", start, compare) for name, start in drawn(seed, OTHER_KINDS, {}, version)]
    return cases
