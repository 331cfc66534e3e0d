"""The external ensemble dies: before a run, and in each phase of both ways. Forward needs no store once the files are written; the
way back needs it, and never lets a master start without it."""

import signal

from campaign.case import BACK, Case, FORWARD, MIGRATED, ORIGINAL
from campaign.lab import Shape
from campaign.zkmig import Match

from .hosts import FIRST, SECOND, effect, turn

# Ids of which two move, so that there is a second restart; an Exhibitor has some seconds to hear of its store.
RENUMBERED = Shape("3", 3, "1,2,3", check_ms=3000)
# Ids that stay, and the time that a real Exhibitor leaves between its start and ZooKeeper's: the loss can be seen in it.
STAYING = Shape("3", 3, "2,1,3", check_ms=20000)
GONE = ["-e", "external_gone=accept"]
RENUMBERING, LAST = "Restart with the original ids", "Restart on the original backend"


def touched(trial, before):
    """The masters whose Exhibitor is another than before."""
    return [host for host in trial.lab.masters if trial.lab.started(host) != before[host]]


def starts(trial):
    """Every master's Exhibitor, to be compared later."""
    return {host: trial.lab.started(host) for host in trial.lab.masters}


def refused(trial, process, before, words):
    """A run that refuses, touches nobody and says what the way out is."""
    trial.expect(process, 5, timeout=400)
    found = touched(trial, before)
    trial.check("nothing is restarted", not found, ", ".join(found))
    trial.check(f"it says {words}", words in process.output)


def go_forward(trial):
    """Forward with the operator's word that the store is gone."""
    trial.expect(trial.run(FORWARD, *GONE, state="accepted"), 0, timeout=500, what="forward, with external_gone=accept")


def forward_dead_from_the_start(trial):
    """Refused, with the way out; and forward with the operator's word."""
    trial.lab.cut_external()
    refused(trial, trial.run(), starts(trial), "external_gone=accept")
    go_forward(trial)
    trial.complete = True


def forward_dies(moment):
    """What was begun goes on to its end: the files that are written need no store."""
    def body(trial):
        process = trial.run()
        process.hold(moment())
        trial.lab.cut_external()
        process.go()
        trial.expect(process, 0, timeout=300)
        trial.complete = True
        trial.at_rest()
    return body


def forward_dies_with_the_run(trial):
    """The run dies in its first restart, and the store with it: the next run says so, and goes on with the operator's word."""
    process = trial.run()
    process.hold(turn(FIRST, 2))
    process.send(signal.SIGKILL)
    process.finish(20)
    trial.lab.cut_external()
    trial.unlock()
    trial.at_rest()
    refused(trial, trial.run(state="next"), starts(trial), "external_gone=accept")
    go_forward(trial)
    trial.complete = True


def migrated(trial):
    """A whole migration, for the way back to begin with."""
    trial.expect(trial.run(), 0, timeout=400, what="the migration")


def back_dead_from_the_start(trial):
    """Refused, and nothing touched; with the store it goes."""
    migrated(trial)
    trial.lab.cut_external()
    refused(trial, trial.run(BACK, state="back"), starts(trial), "external")
    trial.lab.heal_external()
    back_again(trial)


def back_again(trial):
    """The same command again, once the store is back."""
    trial.expect(trial.run(BACK, state="again"), 0, timeout=500, what="the way back, with the store")


def back_dies(moment):
    """The gate before the first start on the store is closed, whenever the store died; with the store it goes."""
    def body(trial):
        migrated(trial)
        process = trial.run(BACK, state="back")
        process.hold(moment())
        trial.lab.cut_external()
        process.go()
        trial.expect(process, 5, timeout=400, what="the way back, without its store")
        trial.check("it says that a master would run alone, or that it went back", "alone" in process.output or "runs on the static backend again" in process.output)
        trial.at_rest()
        trial.lab.heal_external()
        back_again(trial)
    return body


def back_dies_for_good(trial):
    """One master is on the store already when it dies: the others stay where they are, and forward is the way out."""
    migrated(trial)
    process = trial.run(BACK, state="back")
    process.hold(turn(LAST, 2))
    trial.lab.cut_external()
    process.go()
    trial.expect(process, 5, timeout=400, what="the way back, without its store")
    trial.at_rest()
    refused(trial, trial.run(state="next"), starts(trial), "external_gone=accept")
    go_forward(trial)
    trial.complete = True


def cases():
    """Six forward, six back."""
    forward = [
        ("forward-start", "dead from the start", forward_dead_from_the_start),
        ("forward-backup", "dies after the preflight", forward_dies(lambda: Match("step_started", step="Back up"))),
        ("forward-first", "dies in the first restart", forward_dies(lambda: turn(FIRST, 2))),
        ("forward-between", "dies between the two restarts", forward_dies(lambda: Match("step_finished", step=FIRST))),
        ("forward-second", "dies in the second restart", forward_dies(lambda: turn(SECOND, 2))),
        ("forward-with-the-run", "dies together with the run, in the first restart", forward_dies_with_the_run),
    ]
    back = [
        ("back-start", "dead from the start of the way back", back_dead_from_the_start, RENUMBERED, ORIGINAL),
        ("back-write", "dies before the original ids are given", back_dies(lambda: Match("step_started", step="Write the static")), RENUMBERED, ORIGINAL),
        ("back-renumbering", "dies while the original ids are given", back_dies(lambda: turn(RENUMBERING, 2)), RENUMBERED, ORIGINAL),
        ("back-put", "dies when the original file is put back", back_dies(lambda: Match("step_started", step="Put the original file back")), RENUMBERED, ORIGINAL),
        ("back-restarted", "dies right after a restart on it", back_dies(lambda: effect(LAST, "restart", 1)), STAYING, ORIGINAL),
        ("back-for-good", "dies for good in the last restart of the way back", back_dies_for_good, STAYING, MIGRATED),
    ]
    return [Case("external", name, f"the external ensemble {title}", body, shape=RENUMBERED, short=name == "forward-start") for name, title, body in forward] + [
        Case("external", name, f"the external ensemble {title}", body, shape=shape, ends=ends) for name, title, body, shape, ends in back]
