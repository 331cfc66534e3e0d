"""The rehearsal campaign: `tests/quorum/run` migrates clusters of many kinds by a plan and in the documented order, and
compares what was predicted with what came."""

import sys

from campaign import work

import bars
import table
from cases import FAMILIES, all_cases
from starts import distribution
from trial import QUORUM, Trial

SEED = 4


class Campaign(work.Campaign):
    """A campaign that also has bars to reach over all its cases."""

    limits = bars.WHOLE

    def details(self, line):
        return table.details(line)

    def conclude(self, lines):
        print()
        print(table.text(lines, self.limits))
        return sum(1 for _, holds, _ in bars.bars(lines, self.limits) if not holds)


def main():
    """The command."""
    parser = work.parser("quorum", FAMILIES, "Runs the rehearsal campaign on labs, as root.", "zkquorum")
    parser.add_argument("--seed", type=int, default=SEED, help=f"what the random starting states are drawn with (default {SEED})")
    parser.add_argument("--planned", action="store_true", help="leave out the documented order, which takes most of the time")
    options = parser.parse_args()
    cases = work.chosen(options, all_cases(options.seed), FAMILIES)
    if options.short or options.planned:
        cases = [case.only(QUORUM) for case in cases]
    if options.list:
        for case in cases:
            print(f"{case.id:24} {case.shape.name} masters  {case.title}")
        print("\n".join(["", f"{len(cases)} cases, by what they start from:", *distribution([case.begins for case in cases])]))
        return 0
    work.need_root_and(options.binary)
    campaign = Campaign("quorum", options, cases, Trial)
    if options.short:
        campaign.limits = bars.SHORT
    return campaign.run()


if __name__ == "__main__":
    sys.exit(main())
