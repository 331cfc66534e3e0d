"""The look at the masters' units."""

import tempfile
import time
import unittest
from pathlib import Path
from types import SimpleNamespace

from campaign import units


class Looking(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.group = Path(folder.name) / "unit"
        before = units.group_of
        units.group_of = lambda lab, host: self.group
        self.addCleanup(setattr, units, "group_of", before)

    def watched(self):
        return units.Units(SimpleNamespace(masters=["10.10.0.122"]))

    def test_a_unit_that_is_gone_runs_nothing(self):
        self.assertEqual(units.pids(self.group), [])

    def test_processes_of_groups_below_count(self):
        (self.group / "below").mkdir(parents=True)
        (self.group / "cgroup.procs").write_text("1\n2\n")
        (self.group / "below" / "cgroup.procs").write_text("3\n")
        (self.group / "gone").mkdir()
        self.assertEqual(units.pids(self.group), [1, 2, 3])

    def test_a_look_that_fails_is_no_sign_that_nothing_happened(self):
        watched = self.watched()

        def fails():
            raise FileNotFoundError("vanished")
        watched.look = fails
        deadline = time.monotonic() + 10
        while watched.thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        with self.assertRaisesRegex(RuntimeError, "could not be looked at all the time.*vanished"):
            watched.close()


if __name__ == "__main__":
    unittest.main()
