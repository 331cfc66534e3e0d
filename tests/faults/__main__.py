"""The fault campaign: `tests/faults/run` breaks migrations on labs in every way it knows, and judges what is left."""

import sys

from campaign.case import Case, Trial
from campaign.lab import THREE, Lab
from campaign.work import Campaign, chosen, need_root_and, parser
from cases import FAMILIES, all_cases, kill


def arguments():
    """The command line."""
    found = parser("faults", FAMILIES, "Runs the fault campaign on labs, as root.", "zkfaults")
    found.add_argument("--record", action="store_true", help="record a whole run as the list of moments to kill at, and run no case")
    return found.parse_args()


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
    cases = [] if options.record else chosen(options, all_cases(), FAMILIES)
    if options.list:
        for case in cases:
            print(f"{case.id:42} {case.shape.name} masters  {case.title}")
        return 0
    need_root_and(options.binary)
    if options.record:
        return record(options)
    return Campaign("faults", options, cases).run()


if __name__ == "__main__":
    sys.exit(main())
