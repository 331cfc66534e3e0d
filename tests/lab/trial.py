"""A lab test at work: runs with the exit code that they have to end with, what they have to say, and what they have to leave alone."""

import re
import signal
import time

from campaign import case, judge
from campaign.case import BACK, FORWARD
from campaign.lab import LabError

# A restart that is over within a second or two may be quicker than a leader that has to notice that its quorum is gone: then
# another one may be elected than in a cluster with Exhibitor's timing. No lab needs to be waited for as long as that.
TIMING = ["-e", "forward_after=20"]
# Of what has failed so much is shown of what the last run said.
TAIL = 60

# What a check mode run must leave alone: contents, times and processes.
UNTOUCHED = """
cd /opt/mesosphere && find . -type f -exec sha256sum {} + | sort -k2
find . /var/lib/dcos/exhibitor/conf /var/lib/dcos/exhibitor/zookeeper/snapshot/myid -printf "%p %T@ %i %m %U %G\\n" | sort
ls -d /var/lib/dcos/zkmig-backup 2>/dev/null
systemctl show -p MainPID -p ExecMainStartTimestampMonotonic dcos-exhibitor.service
cat /var/lib/dcos/exhibitor/zk.pid
"""


class Trial(case.Trial):
    """A lab test at work. A line is kept for every check."""

    def __init__(self, *words):
        super().__init__(*words)
        self.born = time.monotonic()
        self.prepared = 0.0
        self.said = []
        self.passed = 0
        self.last = None
        # The results of the single checks of a judgement that is being made.
        self.judging = None

    # Telling what was found.

    def check(self, name, holds, found=""):
        if self.judging is not None:
            self.judging.append(bool(holds))
            if not holds:
                self.fail(name, found)
            return bool(holds)
        self.checks += 1
        if holds:
            self.passed += 1
            self.said.append(f"ok: {self.case.id}: {name}")
        else:
            self.fail(name, found)
            if self.last:
                self.said += [f"  | {line}" for line in self.last.output.splitlines()[-TAIL:]]
        return bool(holds)

    def fail(self, name, found):
        """Keeps what does not hold."""
        self.problems.append(f"{name}: {found}" if found else name)
        self.said.append(f"FAILED: {self.case.id}: {self.problems[-1]}")

    def judged(self, what, *judges):
        """What a judge has to say, in one line: its checks count as one."""
        self.judging = []
        try:
            for each in judges:
                each(self)
        finally:
            checks, self.judging = self.judging, None
        if all(checks):
            self.check(f"{what} ({len(checks)} things)", True)
        elif self.last:
            self.said += [f"  | {line}" for line in self.last.output.splitlines()[-TAIL:]]

    def says(self, pattern):
        """What the last run has to say: a regular expression, for a line."""
        self.check(f'says "{pattern}"', re.search(pattern, self.last.output, re.M))

    def secret_is_nowhere(self, secret):
        """A secret is in no output, event or record of this case."""
        places = [*self.folder.glob("zkmig-*.log"), *self.folder.glob("zkmig-*.ndjson")]
        for state in self.folder.parent.glob(self.state("*").name):
            places += [file for file in state.rglob("*") if file.is_file()]
        found = [file.name for file in places if secret.encode() in file.read_bytes()]
        self.check("the secret is nowhere", places and not found, ", ".join(found))

    # Runs.

    def begin(self, before=None):
        super().begin(before)
        self.prepared = time.monotonic() - self.born

    def run(self, playbook=FORWARD, *more, state="state"):
        """Starts a run of a playbook; the bundled ones are told of this lab's timing."""
        timing = TIMING if playbook in (FORWARD, BACK) else []
        self.last = self.start("run", str(playbook), "-i", self.lab.inventory, "--yes", *timing, *more, state=state)
        return self.last

    def runs(self, want, playbook, *more, timeout=500):
        """A run that has to end with this exit code."""
        process = self.run(playbook, *more)
        self.expect(process, want, timeout=timeout, what=" ".join([str(playbook), *more]))
        return process

    def forward(self, *more, want=0):
        """A migration."""
        return self.runs(want, FORWARD, *more)

    def back(self, *more, want=0):
        """The way back."""
        return self.runs(want, BACK, *more)

    def changes_nothing(self, playbook=FORWARD, *more):
        """A run that finds nothing to do."""
        process = self.runs(0, playbook, *more)
        self.check("it changes nothing", process.changed == 0, f"changed={process.changed}")

    def refused(self, pattern, *more, playbook=FORWARD):
        """A run that says why not, with exit code 5, and touches nothing."""
        before = self.fingerprint()
        self.runs(5, playbook, *more)
        self.says(pattern)
        self.untouched_since(before, "a refused cluster is not touched")

    def checked(self, playbook=FORWARD, *more):
        """A check mode run, which touches nothing."""
        before = self.fingerprint()
        self.runs(0, playbook, "--check", "--diff", *more)
        self.untouched_since(before, "check mode changes nothing")

    def killed(self, moment, playbook=FORWARD):
        """A run that dies in this very moment, as a crash does. Its locks are dead then, and taken away."""
        process = self.run(playbook)
        process.hold(moment)
        process.send(signal.SIGKILL)
        process.finish(20)
        self.check(f"killed at {moment}", process.code == -signal.SIGKILL, f"exit code {process.code}")
        self.unlock()

    def during(self, moment, act, want, *more, playbook=FORWARD):
        """A run that stands still in this moment while something else happens, goes on, and ends with this exit code."""
        process = self.run(playbook, *more)
        process.hold(moment)
        act()
        process.go()
        self.expect(process, want, timeout=500, what=f"{playbook}, {act.__name__} at {moment}")
        return process

    # The masters.

    def on(self, host, script):
        """Runs a script as root on a master; gives what it prints."""
        code, out = self.lab.root(host, ["sh", "-c", script], timeout=120)
        if code != 0:
            raise LabError(f"{host}: exit code {code} of: {script}\n{out}")
        return out

    def fault(self, kind, *hosts):
        """Lays a fault on these masters, or on all."""
        for host in hosts or self.lab.masters:
            self.lab.fault(kind, host)

    def fingerprint(self, without=""):
        """What tells whether anything was touched, by master; without the lines that have this in them."""
        def of(host):
            lines = self.lab.root(host, ["sh", "-c", UNTOUCHED])[1].splitlines()
            return [line for line in lines if not without or without not in line]
        return {host: of(host) for host in self.lab.masters}

    def untouched_since(self, before, name, without=""):
        """Compares fingerprints."""
        after = self.fingerprint(without)
        differ = [f"{host}: {line}" for host in before for line in sorted(set(before[host]) ^ set(after[host])) if not without or without not in line]
        self.check(name, not differ, "; ".join(differ))

    def serving(self):
        """The masters that lead or follow."""
        return [host for host, mode in self.probe.ask("modes").items() if mode in ("leader", "follower")]

    def none_alone(self):
        """No master runs beside the others."""
        modes = self.probe.ask("modes")
        self.check("no master runs alone", "standalone" not in modes.values(), str(modes))

    # Right ends, as the judge knows them.

    def migrated(self):
        """The state that every migration ends in."""
        self.judged("every master runs its final id, with the final file", judge.migrated, judge.files, judge.originals)

    def returned(self):
        """The state that every way back ends in."""
        self.judged("every master runs its original id, on the original backend and file", judge.returned, judge.files, judge.originals)

    def back_and_proven(self):
        """The way back, and what has to hold after it."""
        process = self.back()
        self.returned()
        return process

    def end(self):
        self.nothing_goes_on()
        self.judged(f"the judge finds it {self.ends}", judge.final)

    def result(self, binary, harness):
        found = super().result(binary, harness)
        # What a case ran into is no check.
        said = [*self.said, *(f"FAILED: {self.case.id}: {text}" for text in self.problems if not any(text in line for line in self.said))]
        return found | {"said": [*said, *self.notes], "passed": self.passed, "failed": len(self.problems), "prepared": round(self.prepared, 1)}
