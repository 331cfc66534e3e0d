"""The lab tests: `tests/lab/run` carries out migrations on labs, there and back, and makes every check that follows from them."""

import os
import sys
from pathlib import Path

from campaign.work import Campaign, chosen, need_root_and, parser
from cases import FAMILIES, all_cases
from trial import Trial


def arguments():
    """The command line."""
    found = parser("lab", FAMILIES, "Runs the lab tests, as root. Without a CASE those that CI has.", "zktest")
    found.add_argument("cases", metavar="CASE", nargs="*", help="these cases only; a * at the end stands for anything")
    found.add_argument("--all", action="store_true", help="the long cases too, which CI leaves out")
    if "ZKMIG" in os.environ:
        found.set_defaults(binary=Path(os.environ["ZKMIG"]))
    if "LAB_NAME" in os.environ:
        found.set_defaults(name=os.environ["LAB_NAME"])
    options = found.parse_args()
    options.case = [*(options.case or []), *options.cases] or None
    options.short = not (options.all or options.case or options.only or options.list)
    return options


class LabTests(Campaign):
    """A campaign in which every check is shown and counted."""

    def details(self, line):
        return line["said"]

    def conclude(self, lines):
        print("how long each took, its boot or reset in it:")
        for line in sorted(lines, key=lambda line: -line["seconds"]):
            print(f"  {line['seconds']:6.1f} s  {line['id']:30} {line['prepared']:5.1f} s to begin")
        return 0

    def counts(self, counted, lines, missed):
        known = [line for line in lines.values() if line]
        return sum(line["passed"] for line in known), sum(line["failed"] for line in known) + len(lines) - len(known)


def main():
    """The command."""
    options = arguments()
    cases = chosen(options, all_cases(), FAMILIES)
    if options.list:
        for case in cases:
            print(f"{case.id:30} {'' if case.short else 'long  '}{case.title}")
        return 0
    need_root_and(options.binary)
    return LabTests("lab", options, cases, Trial).run()


if __name__ == "__main__":
    sys.exit(main())
