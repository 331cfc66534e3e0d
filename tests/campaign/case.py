"""A case: what it is called, what it does, and what it may rely on while it does it."""

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from . import judge
from . import lab as labs
from .client import Client
from .zkmig import MARK, Never, Process

ROOT = labs.ROOT
FORWARD = "playbooks/zk-to-static.rhai"
BACK = "playbooks/static-to-zk.rhai"
# A lab's master is back within seconds: what does not come within a minute does not come.
PATIENCE = ["-e", "restart_timeout=60s", "-e", "settle_timeout=80s", "-e", "forward_after=20"]
# A run that goes on from where another was broken pays what it must.
AGREED = ["-e", "max_gap=1h"]
SEEDS = 12

MIGRATED, ORIGINAL, AS_IT_IS = "migrated", "original", "as it is"


class Case:
    """One row of the table. `body` is called with a Trial; cases of one chain follow one another on one cluster."""

    # What a result of an earlier campaign has to have begun from to count for this case; None where the id says it all.
    start = None
    # The class that carries it out, where it is not its campaign's.
    trial = None
    # Whether it measures what labs side by side would stretch.
    alone = False

    def __init__(self, family, name, title, body, shape=labs.THREE, ends=MIGRATED, chain=None, again=False, short=False):
        self.family, self.id, self.title, self.body = family, f"{family}-{name}", title, body
        self.shape, self.ends, self.chain, self.again, self.short = shape, ends, chain, again, short


class Trial:
    """One case at work on its lab."""

    def __init__(self, case, lab, folder, binary):
        self.case, self.lab, self.folder, self.binary = case, lab, folder, binary
        self.ends = case.ends
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # A folder of sockets has to have a short name.
        self.runtime = Path(f"/run/zkmig-run/{lab.name}")
        self.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.mark = f"{case.id}-{os.getpid()}-{time.time_ns()}"
        self.processes = []
        self.problems = []
        self.checks = 0
        self.notes = []
        self.client = self.cluster = None
        self.complete = self.goes_on = self.reached = False
        # Acknowledged writes that are not there; None until somebody looked.
        self.missing = None
        self.violations = []
        self.seconds = 0.0

    @property
    def probe(self):
        """The look at the lab's ZooKeepers."""
        return self.lab.probe

    # Telling what was found.

    def check(self, name, holds, found=""):
        """One thing that has to hold."""
        self.checks += 1
        if not holds:
            self.problems.append(f"{name}: {found}" if found else name)
        return bool(holds)

    def note(self, text):
        """Something that the row of the table says."""
        self.notes.append(text)

    # The run of a case.

    def begin(self, before=None):
        """Remembers the cluster as it is, writes the seeds, starts the client; or goes on where the chain's case before
        has stopped."""
        if before:
            self.client, self.cluster, self.goes_on = before.client, before.cluster, True
            return
        self.probe.ask("watchman", reset=True)
        for folder in self.folder.parent.glob(f"{self.state('*').name}"):
            shutil.rmtree(folder)
        self.client = Client(self.lab, self.folder)
        self.cluster = judge.Cluster.of(self.lab, self.probe, SEEDS)
        self.client.await_start()

    def environment(self, state="state"):
        """The environment of a zkmig: folders of its own, and the mark by which its processes are found."""
        folder = self.state(state)
        folder.mkdir(exist_ok=True)
        return {**os.environ, "XDG_STATE_HOME": str(folder), "XDG_RUNTIME_DIR": str(self.runtime), MARK: self.mark}

    def state(self, name):
        """The state folder of that name. Chained cases share theirs."""
        return self.folder.parent / f"{self.case.chain or self.case.id}.{name}"

    def start(self, *words, state="state", stdin=subprocess.DEVNULL):
        """Starts zkmig with these words, and a standard input where it is asked for one."""
        process = Process(self.lab, self.binary, list(words), self.folder, len(self.processes) + 1,
                          self.environment(state), ROOT, stdin)
        self.processes.append(process)
        return process

    def run(self, playbook=FORWARD, *more, state="state"):
        """Starts a plain run."""
        return self.start("run", playbook, "-i", self.lab.inventory, "--yes", *PATIENCE, *AGREED, *more, state=state)

    def resume(self, *more, state="state"):
        """Starts a resume of the newest unfinished run."""
        return self.start("resume", "--yes", *more, state=state)

    def unlock(self):
        """Takes dead locks away."""
        code = self.start("unlock", "-i", self.lab.inventory, "masters", "-y").finish(60)
        self.check("unlock takes the dead lock away", code == 0, f"exit code {code}")

    def expect(self, process, *codes, timeout=400, what=""):
        """Waits for a process's end, with one of these exit codes."""
        code = process.finish(timeout)
        wanted = " or ".join(str(each) for each in codes)
        self.check(f"exit code {wanted}{' (' + what + ')' if what else ''}", code in codes, f"it was {code}")
        return code

    def at_rest(self):
        """What must hold whenever no zkmig runs: nothing is left running, files are whole, ids are unique, nothing is lost."""
        judge.at_rest(self)

    def nothing_goes_on(self):
        """Every zkmig has ended by itself; then the lab is healed."""
        for process in self.processes:
            if process.process.poll() is None:
                self.check("every zkmig has ended by itself", False, f"zkmig {process.words[0]} still runs")
                process.end()
        self.lab.heal()

    def end(self):
        """Brings the cluster to where the case ends, and judges it."""
        self.nothing_goes_on()
        if self.ends == MIGRATED:
            self.reach_migrated()
        judge.final(self)

    def step_over(self):
        """Judges a case that is not its chain's last: the next one goes on from here, with the client still writing."""
        self.at_rest()

    def reach_migrated(self):
        """The next plain run, from an empty state folder, reaches the migrated state."""
        judge.settled_enough(self)
        if judge.locks(self):
            self.unlock()
        process = self.run(state="last")
        code = self.expect(process, 0, timeout=500, what="the next plain run")
        if code == 0 and self.complete:
            self.check("nothing was left to do for it", process.changed == 0, f"changed={process.changed}")
        if code == 0 and self.case.again:
            again = self.run(state="again")
            if self.expect(again, 0, timeout=240, what="one more plain run") == 0:
                self.check("one more run changes nothing", again.changed == 0, f"changed={again.changed}")

    def close(self, last):
        """Leaves nothing of the case running; its client only when no other case goes on with it."""
        for process in self.processes:
            process.end()
        if last and self.client:
            self.client.kill()

    def result(self, binary, harness):
        """The case's line in the results."""
        right = not self.problems
        if right:
            for file in list(self.folder.glob("*.ndjson")):
                file.unlink()
        return {
            "id": self.case.id, "family": self.case.family, "title": self.case.title,
            "verdict": "right" if right else "wrong", "problems": self.problems, "checks": self.checks,
            "notes": self.notes,
            "exits": [f"{process.words[0]} {process.process.poll()}" for process in self.processes],
            "seconds": round(self.seconds, 1), "masters": len(self.lab.masters),
            "binary": binary, "harness": harness, "start": self.case.start,
            # Of the last five minutes: on a busy machine elections take longer.
            "load": round(os.getloadavg()[1], 1), "cores": os.cpu_count(),
        }


def fingerprint(*paths):
    """What tells one version of files from another."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(path.parent)).encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


__all__ = ["AGREED", "AS_IT_IS", "BACK", "FORWARD", "MIGRATED", "ORIGINAL", "Case", "Never", "Trial", "fingerprint"]
