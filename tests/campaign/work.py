"""The work of a campaign: its cases go to labs, each lab takes the next one when it is free, and every result is kept."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

from . import results
from .case import ROOT, Trial, fingerprint
from .lab import Lab, LabError


def parser(name, families, description, prefix):
    """The part of the command line that every campaign has."""
    found = argparse.ArgumentParser(prog=f"tests/{name}/run", description=description)
    found.add_argument("--labs", type=int, default=2, help="how many labs work at once (default 2)")
    found.add_argument("--only", metavar="FAMILY[,FAMILY]", help=f"these families only: {', '.join(families)}")
    found.add_argument("--case", nargs="+", metavar="ID", help="these cases only; a * at the end stands for anything")
    found.add_argument("--short", action="store_true", help="the few most telling cases of each family")
    found.add_argument("--resume", action="store_true", help="leave out what is right in OUT for this binary and this harness")
    # The state folders lie in it, and zkmig takes no relative path for them, as the standard has it.
    found.add_argument("--out", type=lambda text: Path(text).resolve(), default=ROOT / "target" / name, help=f"the folder of the results (default target/{name})")
    found.add_argument("--binary", type=Path, default=ROOT / "target" / "release" / "zkmig", help="the zkmig to put to the test")
    found.add_argument("--name", default=prefix, help="what the labs' names begin with")
    found.add_argument("--list", action="store_true", help="list the cases, and run none")
    return found


def chosen(options, cases, families):
    """The cases that the command line asks for."""
    if options.only:
        wanted = options.only.split(",")
        unknown = [family for family in wanted if family not in families]
        if unknown:
            sys.exit(f"there is no family {', '.join(unknown)}; there are {', '.join(families)}")
        cases = [case for case in cases if case.family in wanted]
    if options.short:
        cases = [case for case in cases if case.short]
    if options.case:
        names = [part for name in options.case for part in name.split(",")]

        def named(case):
            return any(case.id.startswith(name[:-1]) if name.endswith("*") else case.id == name for name in names)
        cases = [case for case in cases if named(case)]
    if not cases:
        sys.exit("no case is chosen; --list shows them")
    return cases


def need_root_and(binary):
    """Refuses what no campaign can do without."""
    if os.geteuid() != 0:
        sys.exit("the campaign needs root, for its labs. Repeat the command with sudo.")
    if not binary.exists():
        sys.exit(f"there is no {binary}; make it with: make build")


def chains(cases):
    """Cases that follow one another on one cluster, together; the others alone."""
    found = {}
    for case in cases:
        found.setdefault(case.chain or case.id, []).append(case)
    return list(found.values())


class Campaign:
    """The work that is left, the labs that do it, and what came out. `name` is its folder below tests."""

    def __init__(self, name, options, cases, trial=Trial):
        self.name, self.options, self.trial = name, options, trial
        self.out = options.out
        # A copy, because another build may replace it meanwhile.
        self.out.mkdir(parents=True, exist_ok=True)
        self.binary = (self.out / "zkmig").resolve()
        shutil.copy2(options.binary, self.binary)
        self.version = subprocess.run([str(self.binary), "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
        self.version += f" ({fingerprint(self.binary)})"
        self.harness = fingerprint(ROOT / "tests" / name, ROOT / "tests" / "campaign", ROOT / "lab", ROOT / "playbooks", ROOT / "library")
        # What another build has come to says nothing of this one.
        self.results = {name: line for name, line in results.read(self.out / "results.ndjson").items() if line["binary"] == self.version}
        self.cases = cases
        starts = {case.id: case.start for case in cases}
        done = {line["id"] for line in self.results.values() if self.is_done(line, starts.get(line["id"]))} if options.resume else set()
        # A chain is taken up again from its beginning: its later cases rest on the earlier ones.
        self.left = [chain for chain in chains(cases) if any(case.id not in done for case in chain)]
        self.skipped = len(cases) - sum(len(chain) for chain in self.left)
        self.total = sum(len(chain) for chain in self.left)
        # What each lab that is at work is booted as.
        self.shapes = {}
        self.count = 0
        self.stopping = False
        self.lock = threading.Lock()

    def is_done(self, line, start):
        """Whether a result counts for what is tested now: this binary, this harness, and the starting state that the case
        of this name has now."""
        return (line["verdict"] == "right" and line["binary"] == self.version and line["harness"] == self.harness
                and line.get("start") == start)

    def take(self, number, shape):
        """The next chain for a lab: one of its own shape before it is booted anew in another, which is best one that no other
        lab has. What has to be alone comes last, when no other lab is at work."""
        with self.lock:
            self.shapes.pop(number, None)
            together = [chain for chain in self.left if not chain[0].alone]
            left = together or (self.left if not self.shapes else [])
            if self.stopping or not left:
                return None
            own = (chain for chain in left if chain[0].shape == shape)
            new = (chain for chain in left if chain[0].shape not in self.shapes.values())
            chain = next(own, None) or next(new, None) or left[0]
            self.left.remove(chain)
            self.shapes[number] = chain[0].shape
            return chain

    def report(self, line):
        """Keeps a result, and shows it."""
        with self.lock:
            self.count += 1
            self.results[line["id"]] = line
            with open(self.out / "results.ndjson", "a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            print(f"{self.count:4}/{self.total} {line['verdict']:5} {line['seconds']:6.1f} s  {line['id']:42} {', '.join(line['exits'])}", flush=True)
            for said in self.details(line):
                print(f"              {said[:400]}", flush=True)

    def details(self, line):
        """What is said below a result's line."""
        return line["problems"]

    def work(self, number):
        """One lab's work, until nothing is left."""
        lab = Lab(f"{self.options.name}{number}", self.out / f"lab-{number}.log")
        try:
            while (chain := self.take(number, lab.shape)) is not None:
                self.carry_out(chain, lab)
        finally:
            try:
                lab.down()
            except LabError as error:
                print(f"{error}", file=sys.stderr)

    def carry_out(self, chain, lab):
        """A chain's cases, one after the other, on one cluster."""
        before = None
        for case in chain:
            began = time.monotonic()
            last = case is chain[-1]
            trial = (case.trial or self.trial)(case, lab, self.out / "cases" / case.id, self.binary)
            try:
                if before is None:
                    lab.prepare(case.shape)
                trial.begin(before)
                case.body(trial)
                if last:
                    trial.end()
                else:
                    trial.step_over()
            except Exception as error:  # whatever a case runs into, it must not take the others with it
                trial.problems.append(f"{type(error).__name__}: {error}")
                with open(self.out / "errors.log", "a", encoding="utf-8") as log:
                    log.write(f"{case.id}\n{traceback.format_exc()}\n")
            trial.seconds = time.monotonic() - began
            # What follows a case that went wrong gets a cluster of its own.
            before = trial if not trial.problems else None
            trial.close(last or before is None)
            self.report(trial.result(self.version, self.harness))

    def run(self):
        """All of it; gives the process's exit code."""
        def stop(*_):
            # The cases in hand come to their end, so that no lab is left half way.
            self.stopping = True
            print("stopping: the cases in hand come to their end", flush=True)
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        began = time.monotonic()
        print(f"{self.total} cases on {self.options.labs} labs, zkmig {self.version}, harness {self.harness}"
              + (f"; {self.skipped} are right already" if self.skipped else ""), flush=True)
        workers = [threading.Thread(target=self.work, args=(number + 1,)) for number in range(min(self.options.labs, len(self.left)))]
        for worker in workers:
            worker.start()
        for worker in workers:
            while worker.is_alive():
                worker.join(0.5)
        minutes = (time.monotonic() - began) / 60
        lines = {case.id: self.results.get(case.id) for case in self.cases}
        starts = {case.id: case.start for case in self.cases}
        counted = [line for line in lines.values() if line and self.is_done(line, starts[line["id"]])]
        print()
        print(results.summary(self.cases, self.results, lambda line: line in counted))
        print(f"{minutes:.1f} minutes, {self.options.labs} labs, {os.cpu_count()} cores")
        missed = self.conclude([line for line in lines.values() if line])
        passed, failed = self.counts(counted, lines, missed)
        print(f"{self.name}: {passed} passed, {failed} failed", flush=True)
        return 1 if failed else 0

    def counts(self, counted, lines, missed):
        """How many things are right, and how many are not, of the results by case's name (None where a case was not run), of which
        `counted` are right."""
        return len(counted), len(lines) - len(counted) + missed

    def conclude(self, lines):
        """What is said of all results together; gives how many things that have to hold of them together don't."""
        return 0
