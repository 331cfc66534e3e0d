"""Clients that write into a cluster all the time, each through a member of its own and, when that one fails, through another.

`python3 -m members.writer KIND SPACE OUT ADDRESS…` writes until SIGTERM, then reads everything back. OUT gets a line of JSON for each
change in what the members say of their leader, and at the end one with the summary.
"""

import importlib
import json
import signal
import sys
import threading
import time

EVERY = 0.1
LOOK = 0.2
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
    deadline = time.monotonic() + PATIENCE
    while True:
        for address in members:
            try:
                session = kind.Session(address, space)
                try:
                    return set(session.written())
                finally:
                    session.close()
            except kind.Session.FAILURES:
                if time.monotonic() > deadline:
                    raise
        time.sleep(0.5)


def look(kind, members, out, over):
    """Notes each change in what a member says of its leader; gives nothing when the kind has nobody to ask."""
    last = {}
    while not over.wait(LOOK):
        for address in members:
            found = kind.state(address)
            if last.get(address) != found:
                last[address] = found
                out({"look": address, "state": found, "at": round(time.time(), 3)})


def main():
    """The command."""
    name, space, path, *members = sys.argv[1:]
    kind = importlib.import_module(f"members.{name}")
    over, lock = threading.Event(), threading.Lock()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with open(path, "w", encoding="utf-8", buffering=1) as file:
        def out(line):
            with lock:
                file.write(json.dumps(line) + "\n")
        kind.prepare(members[0], space)
        began = time.monotonic()
        writers = [Writer(number, kind, space, members, over) for number in range(len(members))]
        threading.Thread(target=look, args=(kind, members, out, over), daemon=True).start()
        while not any(writer.acknowledged for writer in writers) and not over.wait(0.02):
            pass
        out({"started": True})
        over.wait()
        ended = time.monotonic()
        for writer in writers:
            writer.thread.join(30)
        acknowledged = [pair for writer in writers for pair in writer.acknowledged]
        longest, gaps = gaps_of([at for at, _ in acknowledged if at < ended], began, ended)
        there = read_back(kind, space, members)
        out({"summary": {
            "acknowledged": len(acknowledged), "failures": sum(writer.failures for writer in writers), "seconds": round(ended - began, 1),
            "longest_gap": round(longest, 2), "gaps": [(round(at, 1), round(wait, 2)) for at, wait in gaps],
            "longest_wait": round(max(gaps_of([at for at, _ in writer.acknowledged if at < ended], began, ended)[0] for writer in writers), 2),
            "lost": sorted(name for _, name in acknowledged if name not in there),
        }})


if __name__ == "__main__":
    main()
