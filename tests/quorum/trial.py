"""A case of the rehearsal campaign at work: one migration by a plan, in the documented order, or there and back."""

import time

from campaign import case, judge, leader
from campaign.client import Client
from campaign.units import Units
from campaign.zkmig import Never

import measure
from exceptions import EXCEPTIONS
from starts import FAST
from witness import ELECTION, Witness, unseen, wanting

# How long a restart takes on a lab whose Exhibitor checks each second, and beyond a longer check period.
FAST_RESTART, BEYOND_CHECK = 6, 6
# What a run may take for each restart beyond the check period, and besides, in seconds.
EACH, BESIDES = 25, 240
QUORUM, DOCUMENTED, BACK = "quorum", "documented", "back"
BOTH = (QUORUM, DOCUMENTED)
UNIT = "dcos-exhibitor.service"


class Case(case.Case):
    """One row of the table: from where it starts, and in which ways it is migrated from there."""

    def __init__(self, family, name, start, body, title="", strategies=BOTH, short=False, agrees=True, max_down=None):
        super().__init__(family, name, f"{title}: {start}" if title else str(start), body, shape=start.shape, short=short)
        self.begins, self.strategies, self.max_down = start, strategies, max_down
        # Whether the operator agrees to restarts that cost more than elections.
        self.agrees = agrees
        # How long an election may take that was promised to begin at once, in seconds.
        self.election = ELECTION

    def at(self, check_ms):
        """The same, with another check period of Exhibitor."""
        self.begins.check_ms = check_ms
        self.shape = self.begins.shape
        return self

    def only(self, *strategies):
        """The same, in these ways only."""
        self.strategies = strategies
        return self

    @property
    def start(self):
        """What a result has to have begun from to count: a row with one half does not stand for one with two."""
        return f"{self.begins.key}; {' and '.join(self.strategies)}; max_down {self.max_down or 'auto'}"

    @property
    def estimate(self):
        """How long a restart takes, in seconds."""
        check = self.begins.check_ms
        return FAST_RESTART if check == FAST else check // 1000 + BEYOND_CHECK

    @property
    def patience(self):
        """How long a run may take, in seconds: each master is restarted up to five times."""
        return BESIDES + 5 * len(self.begins.ids) * (self.begins.check_ms // 1000 + EACH)

    @property
    def options(self):
        """What a run is told of the lab's times. With a check period that is near a real one's, all is as an operator has it."""
        return [*(case.PATIENCE if self.begins.check_ms == FAST else []), "-e", f"restart_estimate={self.estimate}s"]


class Trial(case.Trial):
    """A case at work."""

    def __init__(self, *words, strategy=QUORUM):
        super().__init__(*words)
        self.strategy = strategy
        self.halves = {}
        self.agrees = self.case.agrees
        self.units = None

    def begin(self, before=None):
        """Brings the leader to its place first: what the client notes is the migration's."""
        leader.place(self.lab, self.case.begins.leader)
        super().begin(before)
        self.units = Units(self.lab)

    def begin_after(self, forward):
        """Goes on from where another one has ended, on the same cluster, with clients of its own."""
        self.probe.ask("watchman", reset=True)
        self.cluster = forward.cluster
        self.client = Client(self.lab, self.folder)
        self.client.await_start()
        self.units = Units(self.lab)

    def run(self, playbook=case.FORWARD, *more, state="state"):
        """Starts a plain run with the strategy."""
        strategy = DOCUMENTED if self.strategy == DOCUMENTED else QUORUM
        words = [*self.case.options, "-e", f"strategy={strategy}", "-e", "watch=true", *(case.AGREED if self.agrees else ())]
        if self.case.max_down and strategy == QUORUM:
            words += ["-e", f"max_down={self.case.max_down}"]
        return self.start("run", playbook, "-i", self.lab.inventory, "--yes", *words, *more, state=state)

    def passes_through(self, process):
        """What a run planned to write is an intended text."""
        self.cluster.planned |= measure.ensembles(process.events)

    def measured(self, process):
        """What a run planned, and what came."""
        lines = self.client.lines() if self.client else []
        history = self.probe.ask("history")
        units = self.units.close() if self.units else []
        witness = Witness(self.lab.masters, history, units, measure.gaps(lines, time.monotonic() - time.time()))
        found = measure.half(self.strategy, process.events, lines, history, witness, process.ended or time.monotonic())
        return found | {"exit": process.process.poll(), "seconds": round((process.ended or process.began) - process.began, 1),
                        "missing": self.missing, "violations": self.violations, "migrated": self.reached}

    def migrate(self, playbook=case.FORWARD):
        """One undisturbed migration, judged."""
        process = self.run(playbook)
        try:
            self.expect(process, 0, timeout=self.case.patience)
        except Never as hang:
            self.problems.append(str(hang))
            process.end()
        self.passes_through(process)
        judge.final(self)
        self.halves[self.strategy] = found = self.measured(process)
        if self.strategy != DOCUMENTED:
            self.judge_promises(found)
        if self.problems or any(each["broken"] for each in found["each"]):
            self.keep_journals()

    def judge_promises(self, found):
        """What a plan is held to in a case in which nothing happens: each restart by itself. What is listed as an exception is
        counted over all cases."""
        listed = EXCEPTIONS.get(self.case.id, {})
        for each in found["each"]:
            if each["name"] not in listed:
                self.check(f"restart {each['name']} is seen by the units", not unseen(each), "its outcome was told")
                wrong = wanting(each, self.case.election)
                self.check(f"restart {each['name']} keeps its promise", not wrong, wrong)
                self.check(f"restart {each['name']} comes to what was foreseen", each["open"] or each["right"], each["wrong"])
        self.check("no session is lost", found["lost_sessions"] == 0, str(found["lost_sessions"]))
        self.check("no prediction that did not come true is said to have", not found["glossed_over"], ", ".join(found["glossed_over"]))
        if found["max_down"]:
            self.check(f"never more than {found['max_down']} down by plan, as announced", (found["told_together"] or 0) <= found["max_down"], str(found["told_together"]))
            self.check(f"never more than {found['max_down']} down by plan, as the units show", found["seen_together"] <= found["max_down"], str(found["seen_together"]))

    def keep_journals(self):
        """What every master's Exhibitor and ZooKeeper said, beside the events: the evidence of what went wrong."""
        for host in self.lab.masters:
            text = self.lab.root(host, ["journalctl", "-u", UNIT, "-o", "short-precise", "--no-pager"], timeout=60)[1]
            (self.folder / f"journal-{host}.log").write_text(text, encoding="utf-8")

    def documented(self):
        """The same starting state again, in the documented order."""
        other = Trial(self.case, self.lab, self.folder / DOCUMENTED, self.binary, strategy=DOCUMENTED)
        try:
            self.lab.prepare(self.case.shape)
            other.begin()
            other.migrate()
        finally:
            other.close(True)
        self.take_over(other, "documented order")

    def back(self):
        """From the end of the migration back to the backend that it began with."""
        other = Trial(self.case, self.lab, self.folder / BACK, self.binary, strategy=BACK)
        other.ends = case.ORIGINAL
        try:
            other.begin_after(self)
            other.migrate(case.BACK)
        finally:
            other.close(True)
        self.take_over(other, "way back")

    def take_over(self, other, name):
        """What another run on the same lab has come to."""
        self.halves |= other.halves
        self.processes += other.processes
        self.checks += other.checks
        self.notes += other.notes
        self.problems += [f"{name}: {problem}" for problem in other.problems]
        if not other.problems:
            other.result("", "")

    def end(self):
        """The end of a case with a fault: the next plain run, and the judgement of all. An undisturbed one is judged."""
        if self.case.family == "fault":
            # What was broken is mended: the run that goes on may cost what it must.
            self.agrees = True
            super().end()
            self.halves[QUORUM] = self.measured(self.processes[0])

    def close(self, last):
        """Leaves nothing of the case running."""
        super().close(last)
        if self.units:
            self.units.over.set()

    def result(self, binary, harness):
        """The case's line in the results."""
        begins = self.case.begins
        return super().result(binary, harness) | {"halves": self.halves, "zookeeper": begins.zookeeper, "dcos": begins.dcos, "check_ms": begins.check_ms,
                                                  "asked_max_down": self.case.max_down}


def compare(trial):
    """The body of an undisturbed case."""
    if QUORUM in trial.case.strategies:
        trial.migrate()
    else:
        trial.strategy = DOCUMENTED
        trial.migrate()
        return
    if DOCUMENTED in trial.case.strategies:
        trial.documented()


def there_and_back(trial):
    """The body of a case that also takes the way back."""
    trial.migrate()
    if not trial.problems:
        trial.back()
