"""The rehearsal campaign: `tests/quorum/run` migrates clusters of many kinds by a plan and in the documented order, and
compares what was predicted with what came."""

import sys

from campaign import work

import bars
import table
from cases import FAMILIES, all_cases
from starts import LONG, SEED, distribution
from trial import QUORUM, Trial


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
    parser.add_argument("--check-ms", type=int, default=LONG, metavar="N",
                        help=f"Exhibitor's check period where a case does not name its own (default {LONG}; less than {LONG} lets a short outage look like an election to the clients)")
    options = parser.parse_args()
    cases = work.chosen(options, [case.at(options.check_ms) if case.begins.check_ms == LONG else case for case in all_cases(options.seed)], FAMILIES)
    if options.planned:
        cases = [case.only(QUORUM) for case in cases if QUORUM in case.strategies]
    if options.list:
        for case in cases:
            print(f"{case.id:24} {case.shape.name} masters  ZooKeeper {case.begins.zookeeper:6} {case.begins.check_ms // 1000:2} s  {case.title}")
        print("\n".join(["", f"{len(cases)} cases, by what they start from:", *distribution([case.begins for case in cases])]))
        return 0
    work.need_root_and(options.binary)
    campaign = Campaign("quorum", options, cases, Trial)
    if options.short:
        campaign.limits = bars.SHORT
        for case in cases:
            case.election = bars.SHORT.election
    return campaign.run()


if __name__ == "__main__":
    sys.exit(main())
