"""The fault campaign: `tests/faults/run` breaks migrations on labs in every way it knows, and judges what is left."""

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

import table
from case import ROOT, Case, Trial, fingerprint
from cases import FAMILIES, all_cases, kill
from lab import THREE, Lab, LabError
from probe import Probe


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/faults/run", description="Runs the fault campaign on labs, as root.")
    parser.add_argument("--labs", type=int, default=2, help="how many labs work at once (default 2)")
    parser.add_argument("--only", metavar="FAMILY[,FAMILY]", help=f"these families only: {', '.join(FAMILIES)}")
    parser.add_argument("--case", nargs="+", metavar="ID", help="these cases only; a * at the end stands for anything")
    parser.add_argument("--short", action="store_true", help="the few most telling cases of each family")
    parser.add_argument("--resume", action="store_true", help="leave out what is right in OUT for this binary and this harness")
    parser.add_argument("--out", type=Path, default=ROOT / "target" / "faults", help="the folder of the results (default target/faults)")
    parser.add_argument("--binary", type=Path, default=ROOT / "target" / "release" / "zkmig", help="the zkmig to put to the test")
    parser.add_argument("--name", default="zkfaults", help="what the labs' names begin with")
    parser.add_argument("--record", action="store_true", help="record a whole run as the list of moments to kill at, and run no case")
    parser.add_argument("--list", action="store_true", help="list the cases, and run none")
    return parser.parse_args()


def chosen(options):
    """The cases that the command line asks for, as chains in the order of their work."""
    cases = all_cases()
    if options.only:
        families = options.only.split(",")
        unknown = [family for family in families if family not in FAMILIES]
        if unknown:
            sys.exit(f"there is no family {', '.join(unknown)}; there are {', '.join(FAMILIES)}")
        cases = [case for case in cases if case.family in families]
    if options.short:
        cases = [case for case in cases if case.short]
    if options.case:
        def named(case):
            return any(case.id.startswith(name[:-1]) if name.endswith("*") else case.id == name for name in options.case)
        cases = [case for case in cases if named(case)]
    if not cases:
        sys.exit("no case is chosen; --list shows them")
    return cases


def chains(cases):
    """Cases that follow one another on one cluster, together; the others alone."""
    found = {}
    for case in cases:
        found.setdefault(case.chain or case.id, []).append(case)
    return list(found.values())


class Campaign:
    """The work that is left, the labs that do it, and what came out."""

    def __init__(self, options, cases):
        self.options = options
        self.out = options.out
        # A copy, because another build may replace it meanwhile.
        self.out.mkdir(parents=True, exist_ok=True)
        self.binary = (self.out / "zkmig").resolve()
        shutil.copy2(options.binary, self.binary)
        self.version = subprocess.run([str(self.binary), "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
        self.version += f" ({fingerprint(self.binary)})"
        self.harness = fingerprint(ROOT / "tests" / "faults", ROOT / "lab", ROOT / "playbooks")
        self.results = table.read(self.out / "results.ndjson")
        self.cases = cases
        done = {line["id"] for line in self.results.values() if self.is_done(line)} if options.resume else set()
        # A chain is taken up again from its beginning: its later cases rest on the earlier ones.
        self.left = [chain for chain in chains(cases) if any(case.id not in done for case in chain)]
        self.skipped = len(cases) - sum(len(chain) for chain in self.left)
        self.total = sum(len(chain) for chain in self.left)
        self.count = 0
        self.stopping = False
        self.lock = threading.Lock()

    def is_done(self, line):
        """Whether a result counts for what is tested now."""
        return line["verdict"] == "right" and line["binary"] == self.version and line["harness"] == self.harness

    def take(self, shape):
        """The next chain for a lab: one of its own shape before it is booted anew in another."""
        with self.lock:
            if self.stopping or not self.left:
                return None
            place = next((place for place, chain in enumerate(self.left) if shape is None or chain[0].shape is shape), 0)
            return self.left.pop(place)

    def report(self, line):
        """Keeps a result, and shows it."""
        with self.lock:
            self.count += 1
            self.results[line["id"]] = line
            with open(self.out / "results.ndjson", "a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            print(f"{self.count:4}/{self.total} {line['verdict']:5} {line['seconds']:6.1f} s  {line['id']:42} {', '.join(line['exits'])}", flush=True)
            for problem in line["problems"]:
                print(f"              {problem[:400]}", flush=True)

    def work(self, number):
        """One lab's work, until nothing is left."""
        lab = Lab(f"{self.options.name}{number}", self.out / f"lab-{number}.log")
        probe = None
        try:
            while (chain := self.take(lab.shape)) is not None:
                probe = self.carry_out(chain, lab, probe)
        finally:
            if probe:
                probe.close()
            try:
                lab.down()
            except LabError as error:
                print(f"{error}", file=sys.stderr)

    def carry_out(self, chain, lab, probe):
        """A chain's cases, one after the other, on one cluster. Gives the probe for the next chain."""
        before = None
        for case in chain:
            began = time.monotonic()
            last = case is chain[-1]
            trial = Trial(case, lab, self.out / "cases" / case.id, self.binary)
            try:
                if before is None:
                    probe = self.ready(lab, case, probe)
                trial.probe = probe
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
        return probe

    @staticmethod
    def ready(lab, case, probe):
        """The lab in the shape and the starting state that a case asks for, and its probe."""
        boots = lab.boots
        lab.prepare(case.shape)
        if probe and lab.boots == boots and probe.process.poll() is None:
            return probe
        if probe:
            probe.close()
        return Probe(lab)

    def run(self):
        """All of it; gives the process's exit code."""
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
        lines = [self.results.get(case.id) for case in self.cases]
        passed = sum(1 for line in lines if line and self.is_done(line))
        print()
        print(table.summary(self.cases, self.results, self.is_done))
        print(f"{minutes:.1f} minutes, {self.options.labs} labs, {os.cpu_count()} cores")
        print(f"faults: {passed} passed, {len(lines) - passed} failed", flush=True)
        return 0 if passed == len(lines) else 1


def record(options):
    """Writes reference.json from a run on a lab of three masters."""
    options.out.mkdir(parents=True, exist_ok=True)
    lab = Lab(f"{options.name}1", options.out / "lab-1.log")
    try:
        lab.prepare(THREE)
        trial = Trial(Case("record", "run", "", None), lab, options.out / "record", options.binary.resolve())
        process = trial.run()
        if process.finish(300) != 0:
            sys.exit(process.output)
        kill.record(process.events)
    finally:
        lab.down()
    return 0


def main():
    """The command."""
    options = arguments()
    if options.case and any("," in name for name in options.case):
        options.case = [part for name in options.case for part in name.split(",")]
    cases = [] if options.record else chosen(options)
    if options.list:
        for case in cases:
            print(f"{case.id:42} {case.shape.name} masters  {case.title}")
        return 0
    if os.geteuid() != 0:
        sys.exit("the campaign needs root, for its labs. Repeat the command with sudo.")
    if not options.binary.exists():
        sys.exit(f"there is no {options.binary}; make it with: make build")
    if options.record:
        return record(options)
    campaign = Campaign(options, cases)

    def stop(*_):
        # The cases in hand come to their end, so that no lab is left half way.
        campaign.stopping = True
        print("stopping: the cases in hand come to their end", flush=True)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return campaign.run()


if __name__ == "__main__":
    sys.exit(main())
