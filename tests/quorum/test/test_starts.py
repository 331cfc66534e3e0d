"""The starting states are of the kinds that the campaign promises, and the same for the same seed."""

import re
import unittest
from collections import Counter

from campaign.case import ROOT
from campaign.lab import MASTERS

import starts
from cases import all_cases
from cases.fault import CYCLE, OWN, SWAP
from starts import GAPS, KINDS, PROCEDURE, Start, cycles, drawn, final, renumbered


def family(name, seed=4):
    return [case.begins for case in all_cases(seed) if case.family == name]


def kind_of(start):
    """The lengths of the cycles of a start without gaps."""
    move = dict(zip(start.final, start.ids))
    return cycles([move[number] - 1 for number in range(1, len(move) + 1)])


class Starts(unittest.TestCase):
    def test_the_masters_are_the_labs(self):
        text = (ROOT / "lab" / "lib" / "common.sh").read_text(encoding="utf-8")
        self.assertEqual(tuple(re.search(r"ALL_MASTERS=\(([^)]*)\)", text)[1].split()), MASTERS)

    def test_the_procedures_cluster_is_the_procedures(self):
        start = Start(PROCEDURE)
        self.assertEqual(str(start), "104:5 122:4 169:3 193:1 203:2")
        self.assertEqual(dict(zip(map(starts.short, start.masters), start.final)), {"104": 1, "122": 2, "169": 3, "193": 4, "203": 5})

    def test_final_ids_are_in_the_order_of_strings(self):
        self.assertEqual(final(["10.0.0.9", "10.0.0.10"]), (2, 1))

    def test_a_cycle_is_told_by_its_length(self):
        self.assertEqual(cycles([1, 2, 0, 3]), (3, 1))
        self.assertEqual(cycles([1, 0, 3, 2, 4]), (2, 2, 1))

    def test_the_identity_needs_no_renumbering(self):
        self.assertEqual(tuple(renumbered(MASTERS, range(7))), final(MASTERS))

    def test_there_are_as_many_random_cases_as_promised(self):
        cases = family("random")
        self.assertGreaterEqual(len(cases), 40)
        without = Counter(len(start.ids) for start in cases if not start.fixed and sorted(start.ids) == list(range(1, len(start.ids) + 1)))
        self.assertGreaterEqual(without[3], 6)
        self.assertGreaterEqual(without[5], 8)
        self.assertGreaterEqual(without[7], 8)
        self.assertGreaterEqual(sum(1 for start in cases if max(start.ids) > len(start.ids)), sum(GAPS.values()))
        self.assertGreaterEqual(sum(1 for start in cases if start.fixed), 12)

    def test_each_case_is_of_its_kind(self):
        found = dict(drawn(4, KINDS, {}))
        for name, start in found.items():
            count, kind, _ = name.split("-")
            self.assertEqual((len(start.ids), kind_of(start)), (int(count), tuple(map(int, kind.split("+")))), name)

    def test_every_master_leads_somewhere_and_every_rank_without_a_fixed_point(self):
        cases = family("random")
        self.assertEqual({start.leader for start in cases}, set(MASTERS))
        for count in (3, 5):
            ranks = {sorted(start.ids).index(start.ids[start.masters.index(start.leader)]) for start in cases
                     if len(start.ids) == count and not start.fixed}
            self.assertEqual(ranks, set(range(count)))

    def test_the_derangements_of_three_are_all_there_under_every_leader(self):
        found = {(start.ids, start.leader) for start in family("random") if len(start.ids) == 3 and kind_of_or_none(start) == (3,)}
        self.assertEqual(len(found), 6)

    def test_no_state_comes_twice_in_a_family(self):
        for name in ("random", "zk38"):
            keys = [start.key for start in family(name)]
            self.assertEqual(len(keys), len(set(keys)))

    def test_a_seed_draws_the_same_again_and_another_one_others(self):
        self.assertEqual([start.key for start in family("random", 7)], [start.key for start in family("random", 7)])
        self.assertNotEqual([start.key for start in family("random", 7)], [start.key for start in family("random", 8)])

    def test_there_are_enough_cases_on_3_8_and_with_faults(self):
        self.assertGreaterEqual(len(family("zk38")), 10)
        self.assertTrue(all(start.shape.zookeeper == "3.8" for start in family("zk38")))
        self.assertGreaterEqual(len(family("fault")), 20)

    def test_the_faults_clusters_are_what_their_names_say(self):
        self.assertEqual([kind_of(start) for start in (OWN, CYCLE, SWAP)], [(4, 1), (5,), (2, 1)])

    def test_ids_are_ones_that_a_lab_takes(self):
        for case in all_cases(11):
            self.assertEqual(len(set(case.begins.ids)), len(case.begins.ids))
            self.assertTrue(all(1 <= number <= 255 for number in case.begins.ids))

    def test_every_case_has_a_name_of_its_own(self):
        names = [case.id for case in all_cases(4)]
        self.assertEqual(len(names), len(set(names)))

    def test_the_short_form_has_two_cases(self):
        self.assertEqual([case.id for case in all_cases(4) if case.short], ["procedure-fast", "random-3-2+1-1"])


def kind_of_or_none(start):
    return kind_of(start) if max(start.ids) == len(start.ids) else None


if __name__ == "__main__":
    unittest.main()
