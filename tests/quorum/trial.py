"""A case of the rehearsal campaign at work: one migration by a plan, and the same one in the documented order."""

from campaign import case, judge
from campaign.zkmig import Never

import leader
import measure
from starts import FAST

# How long a restart takes on a lab whose Exhibitor checks each second.
FAST_RESTART = "6s"
QUORUM, DOCUMENTED = "quorum", "documented"
BOTH = (QUORUM, DOCUMENTED)


class Case(case.Case):
    """One row of the table: from where it starts, and in which ways it is migrated from there."""

    def __init__(self, family, name, start, body, title="", strategies=BOTH, short=False, options=tuple(case.PATIENCE), patience=400,
                 agrees=True):
        super().__init__(family, name, f"{title}: {start}" if title else str(start), body, shape=start.shape, short=short)
        self.begins, self.strategies, self.options, self.patience = start, strategies, options, patience
        # Whether the operator agrees to restarts that cost more than elections.
        self.agrees = agrees

    def only(self, *strategies):
        """The same, in these ways only."""
        self.strategies = strategies
        return self

    @property
    def start(self):
        """What a result has to have begun from to count: a row with one half does not stand for one with two."""
        return f"{self.begins.key}; {' and '.join(self.strategies)}"


class Trial(case.Trial):
    """A case at work."""

    def __init__(self, *words, strategy=QUORUM):
        super().__init__(*words)
        self.strategy = strategy
        self.halves = {}
        self.agrees = self.case.agrees

    def begin(self, before=None):
        """Brings the leader to its place first: what the client notes is the migration's."""
        leader.place(self.lab, self.case.begins.leader)
        super().begin(before)

    def run(self, playbook=case.FORWARD, *more, state="state"):
        """Starts a plain run with the strategy."""
        words = [*self.case.options, "-e", f"strategy={self.strategy}", *(case.AGREED if self.agrees else ())]
        if self.strategy == QUORUM:
            words += ["-e", "watch=true"]
        if self.case.begins.check_ms == FAST:
            words += ["-e", f"restart_estimate={FAST_RESTART}"]
        return self.start("run", playbook, "-i", self.lab.inventory, "--yes", *words, *more, state=state)

    def passes_through(self, process):
        """What a run planned to write is an intended text."""
        self.cluster.planned |= measure.ensembles(process.events)

    def measured(self, process):
        """What a run planned, and what came."""
        lines = self.client.lines() if self.client else []
        found = measure.half(self.strategy, process.events, lines, self.probe.ask("history"))
        return found | {"exit": process.process.poll(), "seconds": round((process.ended or process.began) - process.began, 1),
                        "missing": self.missing, "violations": self.violations, "migrated": self.reached}

    def migrate(self):
        """One undisturbed migration, judged."""
        process = self.run()
        try:
            self.expect(process, 0, timeout=self.case.patience)
        except Never as hang:
            self.problems.append(str(hang))
            process.end()
        self.passes_through(process)
        judge.final(self)
        self.halves[self.strategy] = found = self.measured(process)
        if self.strategy == QUORUM:
            self.judge_promises(found)

    def judge_promises(self, found):
        """What a plan is held to in a case in which nothing happens. Predictions and gaps are judged over all cases."""
        self.check("no session is lost", found["lost_sessions"] == 0, str(found["lost_sessions"]))
        self.check("no prediction that did not come true is said to have", not found["glossed_over"], ", ".join(found["glossed_over"]))

    def documented(self):
        """The same starting state again, in the documented order."""
        other = Trial(self.case, self.lab, self.folder / DOCUMENTED, self.binary, strategy=DOCUMENTED)
        try:
            self.lab.prepare(self.case.shape)
            other.begin()
            other.migrate()
        finally:
            other.close(True)
        self.halves |= other.halves
        self.processes += other.processes
        self.checks += other.checks
        self.problems += [f"documented order: {problem}" for problem in other.problems]
        if not other.problems:
            other.result("", "")

    def end(self):
        """The end of a case with a fault: the next plain run, and the judgement of all. An undisturbed one is judged."""
        if self.case.family == "fault":
            # What was broken is mended: the run that goes on may cost what it must.
            self.agrees = True
            super().end()
            self.halves[QUORUM] = self.measured(self.processes[0])

    def result(self, binary, harness):
        """The case's line in the results."""
        return super().result(binary, harness) | {"halves": self.halves}


def compare(trial):
    """The body of an undisturbed case."""
    if QUORUM in trial.case.strategies:
        trial.migrate()
    if DOCUMENTED in trial.case.strategies:
        trial.documented()
