"""Looks at a lab's ZooKeepers from the lab's own network: a process of its own, asked in lines of JSON.

All the time it asks each master twice a second whether it leads, and keeps what must never be seen.
"""

import json
import random
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

from . import zookeeper

SWEEP = 0.25
SEEDS = "/zkmig-campaign"


def sweep(masters, timeout=0.4):
    """Every master's mode at one time."""
    answers = {}

    def one(address):
        answers[address] = zookeeper.mode(address, timeout)

    threads = [threading.Thread(target=one, args=(address,), daemon=True) for address in masters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def takes_writes(address):
    """Whether a server gets a write through: only a leader with its quorum does."""
    return creates(address, f"{SEEDS}/proof-{address}-{time.time_ns()}", 3.0)


def write(address):
    """Gets one write through by way of a server; whether it went."""
    return creates(address, f"/zkmig-campaign-{time.time_ns()}", 5.0)


def creates(address, path, timeout):
    """Whether a znode can be made by way of a server."""
    try:
        with zookeeper.Session(address, timeout) as session:
            session.create(path)
        return True
    except (OSError, zookeeper.Refused):
        return False


class Watchman:
    """The sweeps, for as long as the probe lives."""

    def __init__(self, masters):
        self.masters = masters
        self.sweeps = 0
        self.suspicions = 0
        self.violations = []
        # What each sweep saw: when it began and ended, who served, who led.
        self.history = deque(maxlen=20000)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            began = time.monotonic()
            answers = sweep(self.masters)
            self.history.append((began, time.monotonic(), [address for address, mode in answers.items() if mode],
                                 [address for address, mode in answers.items() if mode == "leader"]))
            self.look(answers)
            self.sweeps += 1
            time.sleep(max(0.0, SWEEP - (time.monotonic() - began)))

    def look(self, answers):
        """One of several that serves alone is wrong at once. A leader that has lost its followers says for a moment that it leads:
        two are wrong when both say it again and both get a write through."""
        alone = [address for address, mode in answers.items() if mode == "standalone"]
        if alone and len(self.masters) > 1:
            self.violations.append(f"{', '.join(alone)} served alone")
        leaders = [address for address, mode in answers.items() if mode == "leader"]
        if len(leaders) < 2:
            return
        self.suspicions += 1
        again = sweep(self.masters)
        still = [address for address in leaders if again[address] == "leader"]
        if len(still) > 1 and all(takes_writes(address) for address in still):
            self.violations.append(f"{' and '.join(still)} led at once")


def seed(masters, count):
    """Writes znodes of all sizes; gives their contents' seed."""
    number = random.randrange(1 << 30)
    with zookeeper.Session(masters[0]) as session:
        session.create(SEEDS)
        for index, data in enumerate(contents(number, count)):
            session.create(f"{SEEDS}/seed-{index:03}", data)
    return number


def contents(number, count):
    """The seeds' contents, from their number."""
    source = random.Random(number)
    return [source.randbytes(source.choice((0, 1, 100, 4000))) for _ in range(count)]


def missing(masters, number, count):
    """What is not as it was written, seen through every master that serves."""
    wrong = []
    for address in masters:
        if not zookeeper.mode(address):
            continue
        try:
            with zookeeper.Session(address) as session:
                session.sync(SEEDS)
                for index, data in enumerate(contents(number, count)):
                    if session.get(f"{SEEDS}/seed-{index:03}") != data:
                        wrong.append(f"seed-{index:03} differs through {address}")
        except (OSError, zookeeper.Refused) as error:
            wrong.append(f"the seeds can't be read through {address}: {error}")
    return wrong


def serve(masters):
    """Answers questions until the input ends."""
    watchman = Watchman(masters)
    for line in sys.stdin:
        question = json.loads(line)
        what = question["ask"]
        if what == "modes":
            answer = sweep(masters, 1.0)
        elif what == "ids":
            answer = {address: zookeeper.server_id(address) for address in masters}
        elif what == "seed":
            answer = seed(masters, question["count"])
        elif what == "missing":
            answer = missing(masters, question["number"], question["count"])
        elif what == "watchman":
            answer = {"sweeps": watchman.sweeps, "suspicions": watchman.suspicions, "violations": watchman.violations}
            if question["reset"]:
                watchman.sweeps, watchman.suspicions, watchman.violations = 0, 0, []
                watchman.history.clear()
        elif what == "history":
            answer = list(watchman.history)
        elif what == "write":
            answer = write(question["address"])
        else:
            raise ValueError(what)
        print(json.dumps(answer), flush=True)


class Probe:
    """The campaign's end of a probe."""

    def __init__(self, lab):
        self.process = subprocess.Popen(
            lab.inside(sys.executable, "-m", __name__, *lab.masters), cwd=Path(__file__).resolve().parents[1],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what, **more):
        """One question's answer."""
        self.process.stdin.write(json.dumps({"ask": what, **more}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the probe has ended")
        return json.loads(line)

    def close(self):
        """Ends the probe."""
        try:
            self.process.stdin.close()
            self.process.wait(10)
        except BrokenPipeError:
            # It has ended by itself; whoever asked it last was told.
            self.process.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


if __name__ == "__main__":
    serve(sys.argv[1:])
