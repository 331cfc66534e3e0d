"""Starts of three masters with gaps in their ids whose plans were broken before: an election was promised, and an outage of a
whole restart came (193:1 122:4 203:3), or of a restart and a leader that waited for nobody (193:7 122:3 203:5); and one for which a plan took
far more restarts than it had to (193:5 122:9 203:2)."""

from starts import LONG, REAL, VERSIONS, Start
from trial import QUORUM, Case, compare

# In the inventory's order 193, 122, 203.
STARTS = (((1, 4, 3), "10.10.0.122"), ((7, 3, 5), None), ((5, 9, 2), None))
# The one that CI has: the version and the number of the start.
SHORT = ("3.4.14", 1)


def cases():
    """Each on every rule set, at both check periods; the quicker ones first."""
    return [Case("promise", f"{version}-{number}-{check // 1000}s", Start(ids, leader, check, version), compare, strategies=(QUORUM,),
                 short=(version, number) == SHORT and check == LONG)
            for check in (LONG, REAL) for number, (ids, leader) in enumerate(STARTS, 1) for version in VERSIONS]
