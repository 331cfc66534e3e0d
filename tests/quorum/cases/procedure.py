"""The procedure's own five masters, in a real Exhibitor's time: with one master down by plan, with two, and in the documented order."""

from starts import PROCEDURE, REAL, Start
from trial import DOCUMENTED, QUORUM, Case, compare

# What the procedure's cluster ran has the rules of 3.4.6; most of DC/OS had those of 3.4.14.
VERSIONS = ("3.4.6", "3.4.14")


def cases():
    """Three of each version: together they are what the three ways cost."""
    found = []
    for version in VERSIONS:
        start = Start(PROCEDURE, check_ms=REAL, zookeeper=version)
        for most in (1, 2):
            found.append(Case("procedure", f"{version}-max-down-{most}", start, compare, title=f"the procedure's cluster, max_down={most}",
                              strategies=(QUORUM,), max_down=most))
        found.append(Case("procedure", f"{version}-documented", start, compare, title="the procedure's cluster, in the documented order",
                          strategies=(DOCUMENTED,)))
    return found
