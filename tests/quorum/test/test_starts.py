"""The starting states are of the kinds that the campaign promises, and the same for the same seed."""

import re
import unittest
from collections import Counter

from campaign.case import ROOT
from campaign.lab import MASTERS

import starts
from cases import all_cases
from cases.fault import CYCLE, OWN, SWAP
from starts import FAST, GAPS, KINDS, LONG, PROCEDURE, REAL, VERSIONS, Start, cycles, drawn, final, renumbered
from trial import DOCUMENTED, QUORUM


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
        self.assertEqual(tuple(renumbered(MASTERS, range(len(MASTERS)))), final(MASTERS))

    def test_there_are_as_many_random_cases_as_promised(self):
        cases = family("random")
        self.assertGreaterEqual(len(cases), 40)
        without = Counter(len(start.ids) for start in cases if not start.fixed)
        self.assertGreaterEqual(without[3], 6)
        self.assertGreaterEqual(without[5], 8)
        self.assertGreaterEqual(without[7], 8)
        self.assertGreaterEqual(without[9], 1)
        self.assertGreaterEqual(sum(1 for start in cases if start.fixed), 12)
        self.assertEqual({start.zookeeper for start in cases}, {"3.4.6", "3.4.14", "3.6", "3.8"})

    def test_sixty_have_gaps_in_their_ids_as_many_of_each_rule_set(self):
        cases = family("gaps")
        self.assertTrue(all(max(start.ids) > len(start.ids) for start in cases))
        self.assertEqual(Counter(start.zookeeper for start in cases), {version: 20 for version in VERSIONS})
        self.assertEqual(Counter(len(start.ids) for start in cases), {count: 3 * wanted for count, wanted in GAPS.items()})

    def test_the_first_of_them_have_some_of_each(self):
        first = [(start.zookeeper, len(start.ids)) for start in family("gaps")[:9]]
        self.assertEqual(set(first), {(version, count) for version in VERSIONS for count in GAPS})

    def test_one_down_by_plan_two_and_either_are_asked_of_those_with_gaps(self):
        asked = {(len(case.begins.ids) > 3, case.max_down) for case in all_cases(4) if case.family == "gaps"}
        self.assertEqual(asked, {(False, None), (True, None), (True, 1), (True, 2)})

    def test_no_check_is_quicker_than_an_election_but_where_something_is_broken(self):
        for case in all_cases(4):
            self.assertGreaterEqual(case.begins.check_ms, FAST if case.family == "fault" else LONG, case.id)
        self.assertTrue(all(case.begins.check_ms == REAL for case in all_cases(4) if case.family in ("procedure", "dcos22")))

    def test_each_case_is_of_its_kind(self):
        found = dict(drawn(4, KINDS, {}))
        for name, start in found.items():
            count, kind, _ = name.split("-")
            self.assertEqual((len(start.ids), kind_of(start)), (int(count), tuple(map(int, kind.split("+")))), name)

    def test_every_master_leads_somewhere_and_every_rank_without_a_fixed_point(self):
        cases = family("random")
        self.assertGreaterEqual({start.leader for start in cases + family("gaps")}, set(MASTERS[:7]))
        for count in (3, 5):
            ranks = {sorted(start.ids).index(start.ids[start.masters.index(start.leader)]) for start in cases
                     if len(start.ids) == count and not start.fixed and start.zookeeper == "3.4.14"}
            self.assertEqual(ranks, set(range(count)))

    def test_the_derangements_of_three_are_all_there_under_every_leader(self):
        found = {(start.ids, start.leader) for start in family("random")
                 if len(start.ids) == 3 and kind_of(start) == (3,) and start.zookeeper == "3.4.14"}
        self.assertEqual(len(found), 6)

    def test_no_state_comes_twice_in_a_family(self):
        for name in ("random", "gaps", "promise"):
            keys = [start.key for start in family(name)]
            self.assertEqual(len(keys), len(set(keys)))

    def test_a_seed_draws_the_same_again_and_another_one_others(self):
        self.assertEqual([start.key for start in family("random", 7)], [start.key for start in family("random", 7)])
        self.assertNotEqual([start.key for start in family("random", 7)], [start.key for start in family("random", 8)])

    def test_there_are_enough_cases_with_faults(self):
        self.assertGreaterEqual(len(family("fault")), 20)

    def test_those_that_broke_their_promise_are_there_on_each_rule_set_at_both_check_periods(self):
        found = {(start.ids, start.zookeeper, start.check_ms) for start in family("promise")}
        self.assertEqual(found, {(ids, version, check) for ids in ((1, 4, 3), (7, 3, 5), (5, 9, 2)) for version in VERSIONS for check in (LONG, REAL)})

    def test_the_procedures_cluster_is_moved_in_three_ways_on_each_version(self):
        found = {(case.begins.zookeeper, case.strategies, case.max_down) for case in all_cases(4) if case.family == "procedure"}
        self.assertEqual(found, {(version, *way) for version in ("3.4.6", "3.4.14") for way in (((QUORUM,), 1), ((QUORUM,), 2), ((DOCUMENTED,), None))})

    def test_another_check_period_is_another_start(self):
        case = all_cases(4)[6]
        before = case.start
        self.assertNotEqual(case.at(20000).start, before)
        self.assertIn("20000", case.shape.words)

    def test_the_faults_clusters_are_what_their_names_say(self):
        self.assertEqual([kind_of(start) for start in (OWN, CYCLE, SWAP)], [(4, 1), (5,), (2, 1)])

    def test_ids_are_ones_that_a_lab_takes(self):
        for case in all_cases(11):
            self.assertEqual(len(set(case.begins.ids)), len(case.begins.ids))
            self.assertTrue(all(1 <= number <= 255 for number in case.begins.ids))

    def test_every_case_has_a_name_of_its_own(self):
        names = [case.id for case in all_cases(4)]
        self.assertEqual(len(names), len(set(names)))

    def test_the_short_form_is_the_one_that_broke_its_promise(self):
        short = [case for case in all_cases(4) if case.short]
        self.assertEqual([(case.id, case.begins.ids, case.begins.zookeeper, case.begins.check_ms) for case in short],
                         [("promise-3.4.14-1-10s", (1, 4, 3), "3.4.14", 10000)])


if __name__ == "__main__":
    unittest.main()
