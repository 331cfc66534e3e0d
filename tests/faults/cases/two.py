"""Two operators start at once: exactly one runs, and the other learns within a second who does."""

import getpass
import signal
import socket
import time

from campaign.case import Case, Never
from campaign.zkmig import Match

ROUNDS = 20
# Rounds that let the one that runs come to its end; the others are interrupted, so that a round takes seconds.
WHOLE = (7, 14, 20)


def loser_of(pair, timeout=40):
    """The one of the two that ends first, while the other goes on."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        for process, other in (pair, pair[::-1]):
            if process.process.poll() is not None:
                process.finish(1)
                return process, other
        time.sleep(0.01)
    raise Never("neither of the two has ended: both run")


def body(number):
    """One round."""
    def race(trial):
        pair = (trial.run(state="one"), trial.run(state="two"))
        # Interrupted after its first change or, where there is nothing left to change there, after the backup.
        stops = [(process, process.at(Match("step_finished", step="Back up"), lambda run: run.send(signal.SIGINT)))
                 for process in (pair if number not in WHOLE else ())]
        loser, winner = loser_of(pair)
        trial.check("the one that does not run exits with 6", loser.code == 6, f"it was {loser.code}")
        connected = max((event["ms"] for event in loser.of("host_connected")), default=0) / 1000
        took = loser.ended - loser.began - connected
        trial.check("within a second or so beyond its connecting", took < 3, f"{took:.1f} s")
        trial.note(f"refused after {took:.1f} s")
        for fact, text in (("run id", winner.run_id or "?"), ("who", getpass.getuser()), ("from where", socket.gethostname()),
                           ("playbook", "zk-to-static.rhai"), ("when", time.strftime("%Y-%m-%d", time.gmtime()))):
            trial.check(f"it names the other's {fact}", text in loser.output, text)
        trial.check("it began no step", not loser.of("step_started"))
        if stops:
            trial.expect(winner, 130, what="the one that runs, interrupted")
        else:
            trial.complete = trial.expect(winner, 0, timeout=300, what="the one that runs") == 0
        trial.check("it got past the locks", bool(winner.of("step_finished", step="Preflight")))
    return race


def step_over(number):
    """The chain that a round belongs to: each ends with a whole migration."""
    return next(place for place, last in enumerate(WHOLE, 1) if number <= last)


def cases():
    """Twenty rounds, on three clusters."""
    return [
        Case("two", f"round-{number:02}", f"two operators at once, round {number}: the one that runs {'comes to its end' if number in WHOLE else 'is interrupted'}",
             body(number), chain=f"two-{step_over(number)}", short=number == WHOLE[0])
        for number in range(1, ROUNDS + 1)
    ]
