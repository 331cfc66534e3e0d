"""Has one master lead, whatever its id is."""

import time

from .lab import LabError

# In seconds, beyond what Exhibitor waits before it starts ZooKeeper: two check periods on the ZooKeeper backend.
PATIENCE = 60


def place(lab, wanted):
    """Returns when this master leads and all serve.

    An election is won by who has the newest transaction, and only among those by the highest id. So half of the others
    miss a transaction, and then elect together with the wanted one, while the other half is away.
    """
    if wanted is None or lab.probe.ask("modes")[wanted] == "leader":
        return
    others = [address for address in lab.masters if address != wanted]
    behind, ahead = others[:len(others) // 2], others[len(others) // 2:]
    stop(lab, behind)
    until(lab, f"a write goes through {wanted}", lambda: lab.probe.ask("write", address=wanted))
    stop(lab, ahead)
    start(lab, behind)
    # It may have led before, and not have noticed yet that the other half is away.
    until(lab, f"{wanted} leads the first half", lambda: leads(lab.probe.ask("modes"), wanted, behind))
    start(lab, ahead)
    until(lab, f"all serve, {wanted} leads", lambda: leads(lab.probe.ask("modes"), wanted, others))


def leads(modes, leader, followers):
    """Whether this one leads, and these follow."""
    return modes[leader] == "leader" and all(modes[follower] == "follower" for follower in followers)


def until(lab, what, holds):
    """Waits for what has to come."""
    patience = PATIENCE + 3 * lab.shape.check_ms / 1000
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            raise LabError(f"before the case, it did not come within {patience:g} s that {what}")
        time.sleep(0.2)


def stop(lab, hosts):
    """Exhibitor and ZooKeeper end on these masters."""
    for host in hosts:
        systemctl(lab, host, "stop")


def start(lab, hosts):
    """They are started again."""
    for host in hosts:
        systemctl(lab, host, "start", "--no-block")


def systemctl(lab, host, *words):
    code, output = lab.root(host, ["systemctl", *words, "dcos-exhibitor.service"], timeout=60)
    if code != 0:
        raise LabError(f"{host}: systemctl {words[0]}: {output}")
