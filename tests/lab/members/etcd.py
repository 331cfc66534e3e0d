"""etcd over its JSON gateway: one connection that writes, what was written, and what a member says of its leader."""

import base64
import http.client
import json

UNIT = "etcd.service"
PORT = 2379
# A client's own patience with one write. etcd answers within 7 s or says that it can't.
TIMEOUT = 2.0


class Refused(Exception):
    """The member did not take it."""


def coded(text):
    """As the gateway has keys and values."""
    return base64.b64encode(text.encode()).decode()


def ask(connection, path, question):
    """One question; raises Refused, OSError or HTTPException."""
    connection.request("POST", path, json.dumps(question), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise Refused(said.decode(errors="replace"))
    return json.loads(said)


class Session:
    """A connection to one member. `space` is what the writes of one run have in common."""

    FAILURES = (Refused, OSError, http.client.HTTPException, ValueError)

    def __init__(self, address, space):
        self.connection, self.space = http.client.HTTPConnection(address, PORT, timeout=TIMEOUT), space

    def write(self, name):
        """Returns when the quorum has it."""
        ask(self.connection, "/v3/kv/put", {"key": coded(f"{self.space}/{name}"), "value": coded(name)})

    def written(self):
        """The names of all writes that are there."""
        first = f"{self.space}/"
        found = ask(self.connection, "/v3/kv/range", {"key": coded(first), "range_end": coded(first[:-1] + "0"), "limit": "0"})
        return [base64.b64decode(pair["value"]).decode() for pair in found.get("kvs", [])]

    def close(self):
        """Ends it."""
        self.connection.close()


def prepare(address, space):
    """What has to be there before the first write: nothing."""


def state(address):
    """What a member says of its leader: (term, the leader's id, its own id, version); None where it has none or does not answer."""
    connection = http.client.HTTPConnection(address, PORT, timeout=1.0)
    try:
        found = ask(connection, "/v3/maintenance/status", {})
        leader = found.get("leader", "0")
        return (int(found["raftTerm"]), leader, found["header"]["member_id"], found["version"]) if leader != "0" else None
    except (*Session.FAILURES, KeyError):
        return None
    finally:
        connection.close()


def hand_over(members, wanted):
    """Has one member lead. Its leader is asked for it."""
    states = {address: state(address) for address in members}
    target = states[wanted][2]
    for address, found in states.items():
        if found and found[1] == found[2] != target:
            connection = http.client.HTTPConnection(address, PORT, timeout=10.0)
            try:
                ask(connection, "/v3/maintenance/transfer-leadership", {"targetID": target})
            finally:
                connection.close()
