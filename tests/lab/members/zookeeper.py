"""ZooKeeper: a session with one server that creates znodes, what was created, and what a server says of its epoch."""

from campaign import zookeeper

UNIT = "dcos-exhibitor.service"
PORT = 2181
# A client's own patience with one write.
TIMEOUT = 2.0


class Session:
    """A session with one server. `space` is the znode under which all of a run are made."""

    FAILURES = (zookeeper.Refused, OSError)

    def __init__(self, address, space):
        self.session, self.path = zookeeper.Session(address, TIMEOUT), f"/{space}"

    def write(self, name):
        """Returns when the quorum has it."""
        self.session.create(f"{self.path}/{name}")

    def written(self):
        """The names of all writes that are there."""
        self.session.sync(self.path)
        return self.session.children(self.path)

    def close(self):
        """Ends it."""
        self.session.__exit__()


def prepare(address, space):
    """The znode."""
    with zookeeper.Session(address) as session:
        session.create(f"/{space}")


def led(address):
    """The epoch of a leader, from the newest transaction that it tells of; None where this one does not lead.

    A new epoch's first transaction is its leader's own, so that it shows as soon as it serves."""
    answer = dict(line.split(": ", 1) for line in zookeeper.ask(address, "srvr").splitlines() if ": " in line)
    return int(answer["Zxid"], 16) >> 32 if answer.get("Mode") == "leader" else None
