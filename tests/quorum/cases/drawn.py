"""Cases from starting states that are drawn at random; `starts.py` says how many of each kind."""

from starts import FAST, GAPS, KINDS, PROCEDURE, Start, drawn
from trial import Case, compare

# DC/OS never shipped it; others have it. In its server's code ids count only where they are in the list.
ZK38_KINDS = {3: {(3,): 2, (2, 1): 1}, 5: {(5,): 1, (3, 2): 1, (4, 1): 1, (3, 1, 1): 1}, 7: {(7,): 1}}
ZK38_GAPS = {3: 1, 5: 1}
SHORT = "3-2+1-1"


def random_cases(seed):
    """On ZooKeeper 3.4.14."""
    return [Case("random", name, start, compare, short=name == SHORT) for name, start in drawn(seed, KINDS, GAPS)]


def zk38_cases(seed):
    """On ZooKeeper 3.8: the procedure's cluster, and others."""
    starts = [("procedure", Start(PROCEDURE, check_ms=FAST, zookeeper="3.8")), *drawn(seed, ZK38_KINDS, ZK38_GAPS, "3.8")]
    return [Case("zk38", name, start, compare) for name, start in starts]
