"""What is said of all results together, and the tables."""

import json
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

from campaign import results, work

import bars
import measure
import table
from cases import all_cases
from trial import BACK, DOCUMENTED, QUORUM

from . import example


# The price where a leader has to notice that it has lost its quorum.
NOTICED = {"elections": 2, "longest_gap_seconds": 2.5, "worst_gap_seconds": 5.0}


def half(strategy=QUORUM, **more):
    """A half that is right in all."""
    found = measure.half(strategy, example.run(), example.client(), witness=example.witness(), end=600.0)
    each = [one | {"wrong": ""} for one in found["each"]]
    return found | {"missing": 0, "violations": [], "migrated": True, "exit": 0, "seconds": 60.0, "right": found["predicted"], "wrong": [], "each": each} | more


def but(number, **more):
    """The restarts of a half that is right in all, one of them so."""
    return [each | (more if at == number else {}) for at, each in enumerate(half()["each"], 1)]


def line(name="random-x", family="random", **more):
    """A result that is right in all."""
    return {"id": name, "family": family, "title": "122:1 193:3 203:2", "verdict": "right", "problems": [], "checks": 70, "notes": [],
            "exits": ["run 0"], "seconds": 130.0, "masters": 3, "binary": "0.1.0", "harness": "h", "start": None, "zookeeper": "3.4.14", "dcos": "1.10", "check_ms": 10000, "asked_max_down": None,
            "halves": {QUORUM: half(), DOCUMENTED: half(DOCUMENTED, longest_gap=8.4, longest_wait=9.6, lost_sessions=1)}} | more


def missed(*lines):
    """The names of the bars that these results miss."""
    return [name for name, holds, _ in bars.bars(list(lines)) if not holds]


KEPT = "no restart breaks its promise: somebody leads while it is down, within 3.0 s where elections only were promised"
FORESEEN = "none that was foreseen to serve after a restart, or not to, does otherwise"
WORST = "no gap above what its plan says at the worst, where no outage is foretold"
TOGETHER = "never more masters down by plan than max_down says, as announced and as their units show"


class Bars(unittest.TestCase):
    def setUp(self):
        self.addCleanup(bars.EXCEPTIONS.clear)

    def test_what_is_right_misses_none(self):
        self.assertEqual(missed(line(), line("procedure-fast", "procedure")), [])

    def test_each_bar_can_be_missed(self):
        for change, name in (
            ({"each": but(5, led_by=[])}, KEPT),
            ({"each": but(1, gap=3.1)}, KEPT),
            ({"each": but(2, led_after=4.0)}, KEPT),
            ({"each": but(3, led_after=None)}, KEPT),
            ({"each": but(4, wrong="193 did not join")}, FORESEEN),
            ({"each": but(5, stop=None)}, "every restart whose outcome was told was seen by the units"),
            ({"each": []}, "every case foretells its restarts"),
            ({"longest_gap": 5.1, "price": NOTICED}, WORST),
            ({"told_together": 3}, TOGETHER),
            ({"seen_together": 3}, TOGETHER),
            ({"restarts": 7}, "as many restarts as planned, unless what was left was planned anew"),
            ({"probe": half()["probe"] | {"elections": 3}}, "no more elections than planned, unless what was left was planned anew"),
            ({"lost_sessions": 1}, "no lost session"),
            ({"missing": 2}, "no lost write"),
            ({"missing": None}, "no lost write"),
            ({"violations": ["two"]}, "never two leaders, and none serves alone"),
            ({"migrated": False}, "every case is migrated"),
        ):
            self.assertEqual(missed(line(halves={QUORUM: half(**change)})), [name], change)

    def test_one_restart_of_a_thousand_is_enough_to_miss_it(self):
        lines = [line(f"random-{number}") for number in range(200)]
        self.assertEqual(missed(*lines), [])
        self.assertEqual(missed(*lines, line(halves={QUORUM: half(each=but(5, led_by=[]))})), [KEPT])

    def test_an_election_that_took_long_is_told_of_its_own(self):
        found = missed(line(halves={QUORUM: half(each=but(2, gap=3.2))}))
        self.assertEqual(found, [KEPT, "the longest of 2 elections that were promised to begin at once takes at most 3.0 s"])

    def test_what_is_listed_with_its_reason_misses_none_and_is_told(self):
        broken = line(halves={QUORUM: half(each=but(4, wrong="193 joined"))})
        bars.EXCEPTIONS["random-x"] = {"4: 193": "it called first"}
        self.assertEqual(missed(broken), [])
        self.assertEqual(bars.exceptions([broken]), [("random-x", "4: 193", "it called first")])
        self.assertIn("| random-x | 4: 193 | it called first |", table.markdown({"random-x": broken}))
        self.assertEqual(missed(line("random-y", halves={QUORUM: half(each=but(4, wrong="193 joined"))})), [FORESEEN])

    def test_a_restart_that_was_put_off_or_promised_nothing_breaks_nothing(self):
        self.assertEqual(missed(line(halves={QUORUM: half(each=but(5, stop=None, open=True, led_by=[]))})), [])
        self.assertEqual(missed(line(halves={QUORUM: half(each=but(5, promise=None, led_by=[], gap=17.0))})), [])

    def test_a_leader_that_has_to_notice_has_the_time_that_its_plan_says(self):
        self.assertEqual(missed(line(halves={QUORUM: half(longest_gap=4.9, price=NOTICED | {"restarts": 6}, each=but(2, promise=5.0, gap=4.9))})), [])

    def test_the_procedures_own_cluster_has_a_stricter_one(self):
        self.assertEqual(missed(line(family="procedure", halves={QUORUM: half(longest_gap=2.7)})), ["no gap above 2.5 s on the procedure's own cluster"])

    def test_the_short_form_allows_a_busy_machine_less_than_a_restart(self):
        slow = [line(family="procedure", halves={QUORUM: half(longest_gap=4.9, each=but(2, gap=4.9, led_after=5.1))})]
        self.assertTrue(all(holds for _, holds, _ in bars.bars(slow, bars.SHORT)))
        for change in ({"longest_gap": 5.1}, {"each": but(2, gap=5.1)}, {"each": but(2, led_by=[])}):
            self.assertFalse(all(holds for _, holds, _ in bars.bars([line(family="procedure", halves={QUORUM: half(**change)})], bars.SHORT)), change)

    def test_one_at_a_time_has_to_be_planned_where_it_was_asked_for(self):
        self.assertEqual(missed(line(asked_max_down=1)), ["max_down is what was asked for"])
        self.assertEqual(missed(line(asked_max_down=2)), [])

    def test_a_way_back_is_held_to_the_same(self):
        self.assertEqual(missed(line(halves={QUORUM: half(), BACK: half(BACK, each=but(5, led_by=[]))})), [KEPT])
        self.assertEqual(missed(line(halves={QUORUM: half(), BACK: half(BACK, migrated=False)})), ["every case is migrated"])

    def test_what_one_session_waits_is_no_gap(self):
        self.assertEqual(missed(line(family="procedure", halves={QUORUM: half(longest_wait=5.0)})), [])

    def test_a_gap_that_was_not_promised_away_may_be_long(self):
        self.assertEqual(missed(line(halves={QUORUM: half(longest_gap=21.0, elections_only=False, price=NOTICED | {"restarts": 6, "worst_gap_seconds": 23.0}, each=but(2, promise=23.0, gap=21.0))})), [])

    def test_who_waited_in_vain_is_elected_again(self):
        probe = half()["probe"] | {"elections": 3}
        more = "no more elections than planned, unless what was left was planned anew"
        self.assertEqual(missed(line(halves={QUORUM: half(probe=probe, each=but(2, promise=43.0))})), [more])
        self.assertEqual(missed(line(halves={QUORUM: half(probe=probe, each=but(2, promise=43.0, led_after=21.0))})), [])

    def test_a_fault_may_cost_a_session_and_a_gap_but_no_write(self):
        self.assertEqual(missed(line(), line("fault-x", "fault", halves={QUORUM: half(longest_gap=20.0, lost_sessions=1, right=0)})), [])
        self.assertEqual(missed(line(), line("fault-x", "fault", halves={QUORUM: half(missing=1)})), ["no lost write"])

    def test_the_documented_order_is_held_to_writes_leaders_and_the_end(self):
        self.assertEqual(missed(line(halves={QUORUM: half(), DOCUMENTED: half(DOCUMENTED, missing=1)})), ["no lost write"])

    def test_a_documented_order_that_stops_is_told(self):
        stopped = line("random-y", halves={QUORUM: half(), DOCUMENTED: half(DOCUMENTED, migrated=False)})
        self.assertEqual(missed(line(), stopped), [])
        self.assertEqual(bars.comparison([line(), stopped])[-1], "the documented order stopped half-way: random-y")
        self.assertEqual(missed(line(halves={DOCUMENTED: half(DOCUMENTED, migrated=False)})), ["every case is migrated"])

    def test_a_case_that_broke_off_is_not_migrated(self):
        self.assertEqual(missed(line(), line(halves={})), ["every case is migrated"])

    def test_both_ways_stand_side_by_side(self):
        other = line("random-y", halves={QUORUM: half(longest_gap=1.36, longest_wait=2.2), DOCUMENTED: half(DOCUMENTED, longest_gap=8.4, longest_wait=9.6, lost_sessions=1)})
        self.assertEqual(bars.comparison([line(), other]), [
            "longest gaps of 2 cases: planned median 1.5 s, longest 1.6 s; documented order median 8.4 s, longest 8.4 s",
            "longest waits of one session: planned median 2.5 s, longest 2.9 s; documented order median 9.6 s, longest 9.6 s",
            "sessions lost: planned 0; documented order 2",
        ])


class Tables(unittest.TestCase):
    def test_a_row_says_what_was_planned_and_what_came(self):
        self.assertEqual(table.row(line())[2:], ["3.4.14", "10 s", "203 [122 193] | 203 193 122", "6", "2, 2 (max_down 2)", "5 of 5", "5 of 5, 2 elections",
                                                 "40.0 s, 8.0 s", "1.6 to 3.0 s (elections)", "1.6 s", "2.9 s", "0", "8.4 s", "9.6 s", "1"])

    def test_a_row_there_and_back_has_both(self):
        cells = table.row(line(halves={QUORUM: half(), BACK: half(BACK, longest_gap=2.2)}))
        self.assertEqual(cells[5], "6; back: 6")
        self.assertEqual(cells[11], "1.6 s; back: 2.2 s")

    def test_each_election_has_a_line_and_an_outage_says_that_nobody_led(self):
        found = list(table.elections([line(halves={QUORUM: half(each=but(5, led_by=[], broken="nobody led"))})]))
        self.assertEqual(found, [["random-x", "2: [122 193]", "at most 3 s", "1.5 s", "1.6 s", "15.0 s", "203", "kept"],
                                 ["random-x", "5: 122", "at most 3 s", "none above 0.25 s", "1.6 s", "15.0 s", "**nobody**", "nobody led"]])

    def test_an_outage_that_was_foretold_is_told(self):
        lines = [line(halves={QUORUM: half(each=but(5, promise=None, gap=17.6))})]
        self.assertEqual(bars.comparison(lines), ["an outage was foretold of 1 restarts: random-x, restart 5: 122 (17.6 s)"])

    def test_what_broke_is_told_with_its_cause_or_that_none_is_known(self):
        lines = [line(halves={QUORUM: half(each=but(5, broken="nobody led"))})]
        self.assertEqual(list(table.broken(lines)), [["random-x", "5: 122", "nobody led", "not known"]])
        self.assertIn("## Not kept, and why", table.markdown({"random-x": lines[0]}))

    def test_what_was_not_run_is_said(self):
        rows = {family: (count, which) for family, count, which in table.not_run([line("dcos22-3", "dcos22")])}
        self.assertEqual(rows["dcos22"], ("1 of 2", "dcos22-5"))
        self.assertEqual(rows["gaps"], ("60 of 60", "all"))

    def test_several_builds_are_no_table(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, build in (("one", "0.1.0 (a)"), ("two", "0.1.0 (b)")):
                (Path(folder) / name).mkdir()
                (Path(folder) / name / "results.ndjson").write_text(json.dumps(line(name, binary=build)), encoding="utf-8")
            argv, sys.argv = sys.argv, ["table", f"{folder}/one", f"{folder}/two"]
            try:
                with self.assertRaisesRegex(SystemExit, "of several builds of zkmig, 0.1.0 .a., 0.1.0 .b."):
                    results.print_document(table.markdown, "tests/quorum/table")
            finally:
                sys.argv = argv

    def test_a_run_that_told_nothing_has_a_row_too(self):
        found = measure.half(QUORUM, [event for event in example.run() if event["event"] == "effect_finished"], example.client())
        self.assertEqual(table.row(line(halves={QUORUM: found}))[4:8], ["none; done 203 122 193 | 203 193 122", "6", "-, -", "no predictions"])

    def test_a_case_that_broke_off_has_a_row_too(self):
        self.assertEqual(table.row(line(halves={}))[4:], ["-"] * 13)
        self.assertIn("random-x", table.text([line(halves={})]))

    def test_the_markdown_has_a_cell_for_each_title(self):
        text = table.markdown({"a": line(), "b": line("fault-x", "fault", halves={}, verdict="wrong", problems=["a | b"])})
        rows = [each for each in text.splitlines() if each.startswith(("| random-x | 122", "| fault-x | 122"))]
        self.assertEqual([each.replace("\\|", "").count("|") for each in rows], [len(table.TITLES) + 1] * 2)

    def test_results_are_read_from_their_file_the_newest_of_a_case(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results.ndjson"
            path.write_text("\n".join([json.dumps(line(verdict="wrong")), json.dumps(line()), '{"id": "torn']), encoding="utf-8")
            self.assertEqual(results.read(path)["random-x"]["verdict"], "right")


def drawn(seed):
    """A case that is drawn at random, and made in both ways."""
    return next(case for case in all_cases(seed) if case.id == "random-5-5-1")


class Resuming(unittest.TestCase):
    def campaign(self):
        return SimpleNamespace(version="0.1.0", harness="h")

    def test_a_right_result_counts_for_the_state_that_it_began_from(self):
        case = drawn(4)
        found = line(start=case.start)
        self.assertTrue(work.Campaign.is_done(self.campaign(), found, case.start))
        self.assertFalse(work.Campaign.is_done(self.campaign(), found, drawn(5).start))
        self.assertFalse(work.Campaign.is_done(self.campaign(), found | {"verdict": "wrong"}, case.start))
        self.assertFalse(work.Campaign.is_done(self.campaign(), found | {"binary": "0.2.0"}, case.start))

    def test_the_folder_of_the_results_is_absolute(self):
        """A relative one was no place for zkmig's state: all labs then shared the user's, and one resumed another one's run."""
        options = work.parser("quorum", ("random",), "", "lab").parse_args(["--out", "target/some"])
        self.assertTrue(options.out.is_absolute())

    def test_a_short_result_does_not_stand_for_a_whole_one(self):
        whole, short = drawn(4), drawn(4).only(QUORUM)
        self.assertNotEqual(whole.start, short.start)


if __name__ == "__main__":
    unittest.main()
