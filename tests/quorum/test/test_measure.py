"""What is read from a recorded run."""

import unittest

import measure
from cases.fault import Joining, joiners, outcome, restarted

from . import example
from .example import A, B, C, FIRST, SECOND


class Measure(unittest.TestCase):
    def test_a_plan_has_a_short_form(self):
        self.assertEqual(measure.short_form(example.plan()), "203 [122 193] | 203 193 122")

    def test_a_whole_run_is_measured(self):
        found = measure.half("quorum", example.run(), example.client())
        self.assertEqual(found["plan"], "203 [122 193] | 203 193 122")
        self.assertEqual(found["done"], "203 [122 193] | 203 193 122")
        self.assertEqual(found["restarts"], 6)
        self.assertEqual((found["predicted"], found["right"], found["open"]), (5, 4, 0))
        self.assertEqual(found["wrong"], ["restart of 193: 193 joined"])
        # Who was to lead was wrong after the pair, and open at the end.
        self.assertEqual(found["leaders_right"], 4)
        # One client's waits are no gaps of the ensemble.
        self.assertEqual((found["gaps"], found["longest_gap"]), ([1.63, 0.31], 1.63))
        self.assertEqual((found["longest_wait"], found["sessions"], found["lost_sessions"]), (2.87, 2, 0))
        self.assertEqual(found["probe"], {"longest_gap": 1.2, "gaps": [1.2], "without_spare": 8.0, "elections": 2})
        self.assertIs(found["elections_only"], True)
        self.assertEqual(found["replans"], [])

    def test_each_restart_has_what_was_said_and_what_was_seen_of_it(self):
        found = measure.half("quorum", example.run(), example.client(), witness=example.witness(), end=600.0)
        self.assertEqual([each["name"] for each in found["each"]], ["1: 203", "2: [122 193]", "3: 203", "4: 193", "5: 122"])
        self.assertEqual([each["stop"] for each in found["each"]], [101.0, 201.0, 301.0, 401.0, 501.0])
        self.assertEqual([each["promise"] for each in found["each"]], [3.0] * 5)
        self.assertEqual([each["broken"] for each in found["each"]], [""] * 5)
        self.assertEqual([each["led_by"] for each in found["each"]], [[A], [C], [A], [A], [C]])
        self.assertEqual([each["gap"] for each in found["each"]], [0.0, 1.5, 0.0, 0.0, 0.0])
        self.assertEqual([each["wrong"] for each in found["each"]], ["", "", "", "193 joined", ""])
        self.assertEqual((found["told_together"], found["seen_together"], found["max_down"]), (2, 2, 2))

    def test_an_outage_breaks_the_promise_of_its_restart_alone(self):
        found = measure.half("quorum", example.run(), example.client(), witness=example.witness(leads_meanwhile=None), end=600.0)
        self.assertEqual([bool(each["broken"]) for each in found["each"]], [False] * 4 + [True])

    def test_a_gap_has_its_place_on_everybodys_clock(self):
        lines = [{"event": "gap", "at": "1970-01-01T00:00:10.500000000Z", "ms": 1500}, {"event": "gap", "at": "1970-01-01T00:00:20Z", "ms": 300}]
        self.assertEqual([tuple(round(each, 3) for each in gap) for gap in measure.gaps(lines, 100.0)], [(109.0, 110.5), (119.7, 120.0)])

    def test_a_run_that_tells_nothing_has_no_predictions(self):
        events = [event for event in example.run() if event["event"] not in ("data", "availability")]
        found = measure.half("documented", events, example.client())
        self.assertEqual((found["plan"], found["price"], found["elections_only"], found["probe"]), (None, None, None, None))
        self.assertEqual((found["predicted"], found["right"]), (0, 0))
        self.assertEqual(found["done"], "203 122 193 | 203 193 122")

    def test_the_probe_is_heard_in_either_form(self):
        event = example.run()[-1]
        both = [measure.probe([event]), measure.probe([example.told("availability", event)])]
        self.assertEqual(both[0], both[1])

    def test_clients_that_did_not_end_in_good_order_tell_no_gap(self):
        found = measure.half("quorum", [], example.client()[:-1])
        self.assertEqual((found["longest_gap"], found["longest_wait"], found["lost_sessions"]), (None, None, None))

    def test_one_that_was_to_join_and_did_not_is_wrong_whatever_the_playbook_says(self):
        events = [example.predicted(SECOND, [C], [A, B, C]), example.outcome(SECOND, [C], [A, B])]
        found = measure.half("quorum", events, [])
        self.assertEqual((found["right"], found["wrong"], found["glossed_over"]), (0, ["restart of 203: 203 did not join"], ["203"]))

    def test_a_prediction_without_an_outcome_is_open(self):
        events = [example.predicted(SECOND, [C], [A, B]), example.predicted(SECOND, [C], [A, B, C]), example.outcome(SECOND, [C], [A, B, C])]
        found = measure.half("quorum", events, [])
        self.assertEqual((found["predicted"], found["right"], found["open"]), (1, 1, 1))

    def test_an_outcome_of_others_closes_nothing(self):
        events = [example.predicted(SECOND, [C], [A, B]), example.outcome(SECOND, [B], [A, B])]
        self.assertEqual(measure.half("quorum", events, [])["open"], 1)

    def test_a_replan_is_told_and_the_first_plan_stays_the_promise(self):
        events = [example.told("plan", example.plan()), example.told("plan", example.plan(elections_only=False))]
        found = measure.half("quorum", events, [])
        self.assertEqual((found["replans"], found["elections_only"]), (["203 [122 193] | 203 193 122"], True))

    def test_the_watchman_confirms_what_was_seen_or_does_not(self):
        events = [example.predicted(SECOND, [C], [A, B], [C]), example.outcome(SECOND, [C], [A, B])]
        near, far = [99.0, 99.4, [A, B], [A]], [60.0, 60.4, [A, B], [A]]
        self.assertEqual(measure.half("quorum", events, [], [near])["unseen"], [])
        self.assertEqual(measure.half("quorum", events, [], [[99.0, 99.4, [A], []]])["unseen"], ["203"])
        self.assertEqual(measure.half("quorum", events, [], [far])["unseen"], [])

    def test_all_ensembles_of_a_plan_are_intended(self):
        self.assertEqual(measure.ensembles(example.run()), {example.TODAY, example.FINAL})

    def test_a_restart_that_failed_is_none(self):
        self.assertEqual(measure.restarts([example.restart(FIRST, A, "failed"), example.restart(FIRST, B)]), [(FIRST, B)])


class Moments(unittest.TestCase):
    def reached(self, match):
        return next((event for event in example.run() if match.takes(event)), None)

    def test_the_first_restarts_are_no_renumbering(self):
        self.assertEqual(self.reached(outcome(1))["step"], SECOND)
        self.assertEqual(self.reached(outcome(2))["data"]["hosts"], [B])
        self.assertEqual(self.reached(restarted(1))["host"], C)
        self.assertEqual(self.reached(restarted(3))["host"], A)

    def test_the_first_to_join_is_the_first_that_is_predicted_to(self):
        self.assertEqual(self.reached(Joining(1))["data"]["hosts"], [A])
        self.assertIsNone(self.reached(Joining(2)))

    def test_one_that_is_to_look_is_no_joiner(self):
        self.assertEqual(joiners(example.predicted(SECOND, [C], [A, B], [C])), [])
        self.assertEqual(joiners(example.restart(SECOND, C)), [])


if __name__ == "__main__":
    unittest.main()
