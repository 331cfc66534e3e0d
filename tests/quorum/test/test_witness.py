"""What the units, the sweeps and the clients say of a restart."""

import unittest

from witness import ELECTION, Witness, downs, judged, promised

A, B, C = "10.10.0.122", "10.10.0.193", "10.10.0.203"
MASTERS = [A, B, C]


def units(*changes):
    """All three run from the beginning; then what changes: (time, master, Exhibitor's pid, ZooKeeper's)."""
    return [(0.0, A, 1, 11), (0.0, B, 2, 12), (0.0, C, 3, 13), *changes]


def sweeps(*parts):
    """A sweep each quarter of a second: (from, to, who serves, who leads)."""
    found = []
    for since, until, serving, leaders in parts:
        at = since
        while at < until:
            found.append([at, at + 0.05, serving, leaders])
            at += 0.25
    return found


# C, which leads, is restarted at 10, and back at 25.
RESTART = units((10.0, C, None, None), (10.4, C, 4, None), (25.0, C, 4, 14))


def election(after=1.5):
    """A leads in its place, so long after the stop."""
    return sweeps((8.0, 10.0, MASTERS, [C]), (10.0, 10.0 + after, [], []), (10.0 + after, 27.0, [A, B], [A]), (27.0, 40.0, MASTERS, [A]))


def outage():
    """Nobody leads until C is back and has been elected."""
    return sweeps((8.0, 10.0, MASTERS, [C]), (10.0, 26.5, [], []), (26.5, 40.0, MASTERS, [C]))


def restart(sweeps_, gaps=(), units_=RESTART, hosts=(C,)):
    return Witness(MASTERS, sweeps_, units_, gaps).restart(list(hosts), 9.0, 40.0)


class Seen(unittest.TestCase):
    def test_an_election_is_told_by_who_led_meanwhile(self):
        found = restart(election(), [(10.1, 11.6)])
        self.assertEqual((found["stop"], found["down"], found["led_by"], found["together"]), (10.0, 15.0, [A], 1))
        self.assertEqual((found["led_after"], found["gap"]), (1.55, 1.5))
        self.assertEqual(judged(ELECTION, found), "")

    def test_an_outage_does_not_pass_for_an_election_even_if_it_is_short(self):
        quick = units((10.0, C, None, None), (10.2, C, 4, None), (11.5, C, 4, 14))
        found = restart(sweeps((8.0, 10.0, MASTERS, [C]), (10.0, 12.0, [], []), (12.0, 40.0, MASTERS, [C])), [(10.0, 12.1)], quick)
        self.assertEqual((found["led_by"], found["gap"]), ([], 2.1))
        self.assertEqual(judged(ELECTION, found), "nobody led while it was down, for 1.5 s")

    def test_an_outage_of_a_whole_restart_says_so_thrice(self):
        found = restart(outage(), [(10.1, 26.6)])
        self.assertEqual(judged(ELECTION, found).count(";"), 2)
        self.assertEqual(judged(None, found), "")

    def test_nobody_has_to_lead_before_the_end_where_more_was_said(self):
        found = restart(outage(), [(10.1, 26.6)])
        self.assertEqual((found["led_by"], judged(43.0, found)), ([], ""))
        self.assertIn("nobody led while it was down", judged(14.9, found))

    def test_a_late_leader_is_seen_without_any_client(self):
        self.assertIn("a leader was seen 4.05 s after the stop", judged(ELECTION, restart(election(4.0))))

    def test_a_gap_later_in_the_restart_counts(self):
        self.assertIn("nothing was acknowledged for 4.0 s", judged(ELECTION, restart(election(), [(30.0, 34.0)])))

    def test_a_gap_of_the_restart_before_does_not(self):
        self.assertEqual(restart(election(), [(8.0, 9.3)])["gap"], 0.0)

    def test_a_gap_that_begins_before_the_process_has_ended_does(self):
        self.assertEqual(restart(election(), [(9.1, 11.6)])["gap"], 2.5)

    def test_one_who_was_stopped_and_says_that_it_leads_is_not_who_led_meanwhile(self):
        found = restart(sweeps((8.0, 40.0, MASTERS, [C])))
        self.assertEqual(found["led_by"], [])

    def test_a_leader_without_a_majority_leads_nobody(self):
        self.assertEqual(restart(sweeps((8.0, 40.0, [A], [A])))["led_by"], [])

    def test_two_who_say_that_they_lead_are_none(self):
        self.assertEqual(restart(sweeps((8.0, 40.0, MASTERS, [A, B])))["led_by"], [])

    def test_a_restart_that_was_put_off_is_none(self):
        self.assertIsNone(restart(election(), units_=units()))
        self.assertIsNone(restart(election(), hosts=(B, C)))

    def test_one_that_does_not_come_back_is_down_until_the_end(self):
        self.assertEqual(restart(election(), units_=RESTART[:-1])["down"], 30.0)


class Downs(unittest.TestCase):
    def test_a_zookeeper_that_its_own_exhibitor_ends_is_no_restart_of_the_unit(self):
        found = downs(units((5.0, A, 1, None), (6.0, A, 1, 21), (10.0, C, None, None), (10.4, C, 4, None), (25.0, C, 4, 14)))
        self.assertEqual([(each["host"], each["from"], each["to"], each["restart"]) for each in found], [(A, 5.0, 6.0, False), (C, 10.0, 25.0, True)])

    def test_one_that_came_between_two_looks_is_seen_by_its_pid(self):
        self.assertEqual(downs(units((10.0, C, 4, 14))), [{"host": C, "from": 10.0, "to": 10.0, "restart": True}])

    def test_how_many_were_down_at_once(self):
        pair = units((10.0, A, None, None), (10.5, C, None, None), (11.0, A, 7, None), (11.0, C, 8, None), (25.0, A, 7, 17), (25.5, C, 8, 18))
        self.assertEqual(Witness(MASTERS, units=pair).most_together(), 2)
        self.assertEqual(Witness(MASTERS, units=RESTART).most_together(), 1)
        one_after_the_other = units((10.0, A, None, None), (11.0, A, 7, None), (25.0, A, 7, 17), (25.0, C, None, None), (26.0, C, 8, None), (40.0, C, 8, 18))
        self.assertEqual(Witness(MASTERS, units=one_after_the_other).most_together(), 1)

    def test_one_that_its_exhibitor_kicks_meanwhile_is_not_down_by_plan(self):
        self.assertEqual(Witness(MASTERS, units=[*RESTART[:-1], (20.0, B, 2, None), (21.0, B, 2, 22), RESTART[-1]]).most_together(), 1)


class Promises(unittest.TestCase):
    PLAN = {"elections_only": True, "price": {"worst_gap_seconds": 5.0}}

    def promised(self, plan=PLAN, **more):
        return promised({"quorum_while_down": True, "election": True, "gap_seconds": 1.5, **more}, plan)

    def test_elections_only_promise_three_seconds(self):
        self.assertEqual(self.promised(), 3.0)
        self.assertEqual(self.promised(election=False, gap_seconds=0), 3.0)

    def test_a_leader_that_has_to_notice_may_take_as_long_as_the_plan_says(self):
        self.assertEqual(self.promised(gap_seconds=2.5), 5.0)

    def test_an_outage_that_was_foretold_promises_nothing(self):
        self.assertIsNone(self.promised(quorum_while_down=False))

    def test_where_elections_may_be_late_the_plan_says_how_late(self):
        plan = {"elections_only": False, "price": {"worst_gap_seconds": 23.0}}
        self.assertEqual(self.promised(plan), 23.0)
        self.assertEqual(self.promised(plan, election=False, gap_seconds=0), 3.0)

    def test_what_a_restart_says_of_itself_goes_before(self):
        self.assertEqual(self.promised({"elections_only": False, "price": {"worst_gap_seconds": 23.0}}, worst_gap_seconds=3.0), 3.0)


if __name__ == "__main__":
    unittest.main()
