"""DC/OS 2.2's unit, whose start lasts until ZooKeeper answers, for up to a minute: forward, and back to the ZooKeeper backend."""

from starts import PROCEDURE, REAL, Start
from trial import QUORUM, Case, there_and_back

THREE = (1, 4, 2)


def cases():
    """Three masters and five, in a real Exhibitor's time."""
    return [Case("dcos22", str(len(ids)), Start(ids, check_ms=REAL, dcos="2.2"), there_and_back, title="DC/OS 2.2, forward and back",
                 strategies=(QUORUM,)) for ids in (THREE, PROCEDURE)]
