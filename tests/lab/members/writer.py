"""Clients that write into a cluster all the time, each through a member of its own and, when that one fails, through another.

`python3 -m members.writer KIND SPACE OUT ADDRESS…` writes until SIGTERM, then reads everything back. OUT gets a line of JSON when the first
write was acknowledged, and at the end one with the summary.
"""

import importlib
import json
import signal
import socket
import sys
import threading
import time

EVERY = 0.1
LOOK = 0.1
# A busy machine may keep a member from its connections for so long; one that is cut off takes none for longer.
PATIENCE_TO_CONNECT = 1.5
# What takes longer between two acknowledged writes is a gap.
GAP = 0.25
# How long the cluster may take, when all is over, to show what it has.
PATIENCE = 60.0


class Writer:
    """One client."""

    def __init__(self, number, kind, space, members, over):
        self.number, self.kind, self.space, self.over = number, kind, space, over
        # Each begins at another one.
        self.members = members[number % len(members):] + members[:number % len(members)]
        self.acknowledged = []
        self.failures = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        session, count = None, 0
        while not self.over.is_set():
            name = f"{self.number}-{count}"
            count += 1
            try:
                session = session or self.kind.Session(self.members[0], self.space)
                session.write(name)
                self.acknowledged.append((time.monotonic(), name))
                self.over.wait(EVERY)
            except self.kind.Session.FAILURES:
                # It may be there or not: nobody was told.
                self.failures += 1
                if session:
                    session.close()
                session = None
                self.members.append(self.members.pop(0))
                self.over.wait(EVERY / 2)
        if session:
            session.close()


def gaps_of(times, began, ended):
    """The longest time between two of them, and all that are gaps: (seconds since the beginning, how long)."""
    marks = [began, *sorted(times), ended]
    waits = [(before - began, after - before) for before, after in zip(marks, marks[1:])]
    return max(wait for _, wait in waits), [wait for wait in waits if wait[1] > GAP]


def read_back(kind, space, members):
    """What is there, through the first member that tells; raises what the last one failed with."""
    deadline, found = time.monotonic() + PATIENCE, set()
    while True:
        for address in members:
            try:
                session = kind.Session(address, space)
                try:
                    # What is told before it fails counts: from a queue it is gone.
                    for name in session.written():
                        found.add(name)
                    return found
                finally:
                    session.close()
            except kind.Session.FAILURES:
                if time.monotonic() > deadline:
                    raise
        time.sleep(0.5)


class Watch:
    """Who of the members takes connections. One that does not is down for its clients, whatever its process does."""

    def __init__(self, port, members, over):
        self.port, self.over = port, over
        # By member: from when until when; what is still down has no end.
        self.down = {address: [] for address in members}
        self.threads = [threading.Thread(target=self.run, args=(address,), daemon=True) for address in members]
        for thread in self.threads:
            thread.start()

    def run(self, address):
        spans, was_up = self.down[address], True
        while not self.over.is_set():
            asked = time.monotonic()
            is_up = self.takes(address)
            if was_up and not is_up:
                spans.append([asked, None])
            elif is_up and not was_up:
                spans[-1][1] = time.monotonic()
            was_up = is_up
            self.over.wait(LOOK)

    def takes(self, address):
        """Whether it takes a connection."""
        try:
            socket.create_connection((address, self.port), PATIENCE_TO_CONNECT).close()
            return True
        except OSError:
            return False

    def told(self, ended):
        """(seconds in which any was down, how many were at once at most), when it is over."""
        for thread in self.threads:
            thread.join(2 * PATIENCE_TO_CONNECT)
        return down_of([(start, end or ended) for spans in self.down.values() for start, end in spans])


def down_of(spans):
    """(seconds that are in any of these spans, how many hold the same moment at most)."""
    changes = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    total, most, count, since = 0.0, 0, 0, 0.0
    for at, change in changes:
        if count > 0:
            total += at - since
        count, since = count + change, at
        most = max(most, count)
    return total, most


def main():
    """The command."""
    name, space, path, *members = sys.argv[1:]
    kind = importlib.import_module(f"members.{name}")
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with open(path, "w", encoding="utf-8", buffering=1) as file:
        def out(line):
            file.write(json.dumps(line) + "\n")
        kind.prepare(members[0], space)
        began = time.monotonic()
        writers = [Writer(number, kind, space, members, over) for number in range(len(members))]
        watch = Watch(kind.PORT, members, over)
        while not any(writer.acknowledged for writer in writers) and not over.wait(0.02):
            pass
        out({"started": True})
        over.wait()
        ended = time.monotonic()
        for writer in writers:
            writer.thread.join(30)
        acknowledged = [pair for writer in writers for pair in writer.acknowledged]
        longest, gaps = gaps_of([at for at, _ in acknowledged if at < ended], began, ended)
        down, most_down = watch.told(ended)
        there = read_back(kind, space, members)
        out({"summary": {
            "acknowledged": len(acknowledged), "failures": sum(writer.failures for writer in writers), "seconds": round(ended - began, 1),
            "longest_gap": round(longest, 2), "gaps": [(round(at, 1), round(wait, 2)) for at, wait in gaps],
            "longest_wait": round(max(gaps_of([at for at, _ in writer.acknowledged if at < ended], began, ended)[0] for writer in writers), 2),
            "down": round(down, 1), "most_down": most_down,
            "lost": sorted(name for _, name in acknowledged if name not in there),
        }})


if __name__ == "__main__":
    main()
