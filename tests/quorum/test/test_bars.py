"""What is said of all results together, and the tables."""

import json
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

from campaign import results, work

import bars
import measure
import table
from cases import all_cases
from trial import DOCUMENTED, QUORUM

from . import example


# The price where a leader has to notice that it has lost its quorum.
NOTICED = {"longest_gap_seconds": 2.5, "worst_gap_seconds": 5.0}


def half(strategy=QUORUM, **more):
    """A half that is right in all."""
    found = measure.half(strategy, example.run(), example.client())
    return found | {"missing": 0, "violations": [], "migrated": True, "exit": 0, "seconds": 60.0, "right": found["predicted"], "wrong": []} | more


def line(name="random-x", family="random", **more):
    """A result that is right in all."""
    return {"id": name, "family": family, "title": "122:1 193:3 203:2", "verdict": "right", "problems": [], "checks": 70, "notes": [],
            "exits": ["run 0"], "seconds": 130.0, "masters": 3, "binary": "0.1.0", "harness": "h", "start": None,
            "halves": {QUORUM: half(), DOCUMENTED: half(DOCUMENTED, longest_gap=8.4, longest_wait=9.6, lost_sessions=1)}} | more


def missed(*lines):
    """The names of the bars that these results miss."""
    return [name for name, holds, _ in bars.bars(list(lines)) if not holds]


class Bars(unittest.TestCase):
    def test_what_is_right_misses_none(self):
        self.assertEqual(missed(line(), line("procedure-fast", "procedure")), [])

    def test_each_bar_can_be_missed(self):
        for change, name in (
            ({"right": 4}, "at least 95% of the predictions are right"),
            ({"longest_gap": 5.1, "price": NOTICED}, "no gap above what its plan says at the worst"),
            ({"lost_sessions": 1}, "no lost session"),
            ({"missing": 2}, "no lost write"),
            ({"missing": None}, "no lost write"),
            ({"violations": ["two"]}, "never two leaders, and none serves alone"),
            ({"migrated": False}, "every case is migrated"),
        ):
            self.assertEqual(missed(line(halves={QUORUM: half(**change)})), [name])

    def test_elections_that_begin_at_once_have_one_more(self):
        names = ["no gap above 3.0 s where only elections that begin at once were promised", "no gap above what its plan says at the worst"]
        self.assertEqual(missed(line(halves={QUORUM: half(longest_gap=3.1)})), names)
        self.assertEqual(missed(line(halves={QUORUM: half(longest_gap=4.9, price=NOTICED)})), [])

    def test_the_procedures_own_cluster_has_a_stricter_one(self):
        self.assertEqual(missed(line(family="procedure", halves={QUORUM: half(longest_gap=2.7)})), ["no gap above 2.5 s on the procedure's own cluster"])

    def test_the_short_form_allows_a_busy_machine_less_than_a_restart(self):
        slow = [line(family="procedure", halves={QUORUM: half(longest_gap=4.9)})]
        self.assertTrue(all(holds for _, holds, _ in bars.bars(slow, bars.SHORT)))
        slow[0]["halves"][QUORUM]["longest_gap"] = 5.1
        self.assertFalse(all(holds for _, holds, _ in bars.bars(slow, bars.SHORT)))

    def test_no_predictions_are_not_right_ones(self):
        found = measure.half(QUORUM, [], example.client()) | {"missing": 0, "violations": [], "migrated": True}
        self.assertEqual(missed(line(halves={QUORUM: found})), ["at least 95% of the predictions are right"])

    def test_what_one_session_waits_is_no_gap(self):
        self.assertEqual(missed(line(family="procedure", halves={QUORUM: half(longest_wait=5.0)})), [])

    def test_a_gap_that_was_not_promised_away_may_be_long(self):
        self.assertEqual(missed(line(halves={QUORUM: half(longest_gap=21.0, elections_only=False, price=NOTICED | {"worst_gap_seconds": 23.0})})), [])

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
        self.assertEqual(table.row(line())[2:], ["203 [122 193] | 203 193 122", "6", "5 of 5", "1.6 to 3.0 s (elections)", "1.6 s", "1.2 s", "2.9 s", "0", "8.4 s", "9.6 s", "1"])

    def test_a_run_that_told_nothing_has_a_row_too(self):
        found = measure.half(QUORUM, [event for event in example.run() if event["event"] == "effect_finished"], example.client())
        self.assertEqual(table.row(line(halves={QUORUM: found}))[2:5], ["none; done 203 122 193 | 203 193 122", "6", "no predictions"])

    def test_a_case_that_broke_off_has_a_row_too(self):
        self.assertEqual(table.row(line(halves={}))[2:], ["-"] * 11)
        self.assertIn("random-x", table.text([line(halves={})]))

    def test_the_markdown_has_a_cell_for_each_title(self):
        text = table.markdown({"a": line(), "b": line("fault-x", "fault", halves={}, verdict="wrong", problems=["a | b"])})
        rows = [each for each in text.splitlines() if each.startswith("| random-x") or each.startswith("| fault-x")]
        self.assertEqual([each.replace("\\|", "").count("|") for each in rows], [len(table.TITLES) + 1] * 2)

    def test_results_are_read_from_their_file_the_newest_of_a_case(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results.ndjson"
            path.write_text("\n".join([json.dumps(line(verdict="wrong")), json.dumps(line()), '{"id": "torn']), encoding="utf-8")
            self.assertEqual(results.read(path)["random-x"]["verdict"], "right")


class Resuming(unittest.TestCase):
    def campaign(self):
        return SimpleNamespace(version="0.1.0", harness="h")

    def test_a_right_result_counts_for_the_state_that_it_began_from(self):
        case = all_cases(4)[2]
        found = line(start=case.start)
        self.assertTrue(work.Campaign.is_done(self.campaign(), found, case.start))
        self.assertFalse(work.Campaign.is_done(self.campaign(), found, all_cases(5)[2].start))
        self.assertFalse(work.Campaign.is_done(self.campaign(), found | {"verdict": "wrong"}, case.start))
        self.assertFalse(work.Campaign.is_done(self.campaign(), found | {"binary": "0.2.0"}, case.start))

    def test_the_folder_of_the_results_is_absolute(self):
        """A relative one was no place for zkmig's state: all labs then shared the user's, and one resumed another one's run."""
        options = work.parser("quorum", ("random",), "", "lab").parse_args(["--out", "target/some"])
        self.assertTrue(options.out.is_absolute())

    def test_a_short_result_does_not_stand_for_a_whole_one(self):
        whole, short = all_cases(4)[1], all_cases(4)[1].only(QUORUM)
        self.assertNotEqual(whole.start, short.start)


if __name__ == "__main__":
    unittest.main()
