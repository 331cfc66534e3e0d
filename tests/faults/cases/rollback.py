"""The way back to the ZooKeeper backend, from every state that a migration passes through."""

import signal

from campaign.case import AS_IT_IS, BACK, Case, ORIGINAL
from campaign.lab import FIVE_PATIENT
from campaign.zkmig import Match

from .hosts import FIRST, SECOND, turn


def killed(trial, moment):
    """Stops a migration in this very moment, as a crash does, and takes the lock that it left away."""
    process = trial.run()
    process.hold(moment)
    process.send(signal.SIGKILL)
    process.finish(20)
    trial.unlock()


def interrupted(trial, moment):
    """Stops a migration behind the turn that begins with this moment, as an operator does."""
    process = trial.run()
    process.reach(process.at(moment, lambda run: run.send(signal.SIGINT)))
    trial.expect(process, 130, what="the migration, interrupted")


def finished(trial):
    """A whole migration."""
    trial.expect(trial.run(), 0, timeout=300, what="the migration")


def body(reach):
    """Gets to the state, and goes back."""
    def back(trial):
        reach(trial)
        trial.at_rest()
        process = trial.run(BACK, state="back")
        trial.expect(process, 0, timeout=400, what="the way back")
    return back


def refused(trial):
    """Without the external ensemble a master that restarts would serve alone: the way back is refused, and nothing touched."""
    finished(trial)
    masters = trial.lab.masters
    trial.lab.cut_external()
    before = {host: trial.lab.started(host) for host in masters}
    process = trial.run(BACK, state="back")
    trial.expect(process, 5, timeout=120, what="the way back")
    touched = [host for host in masters if trial.lab.started(host) != before[host]]
    trial.check("nothing is restarted", not touched, ", ".join(touched))
    trial.check("no file is changed", all(trial.cluster.name_of(host, trial.lab.read(host, "/opt/mesosphere/etc/exhibitor")) == "final ids" for host in masters))
    trial.check("it says why", "external" in process.output)


def cases():
    """Every state."""
    states = [
        ("after-backup", "after the backup", lambda trial: killed(trial, Match("step_finished", step="Back up"))),
        ("after-first-write", "after the first write", lambda trial: killed(trial, Match("step_finished", step="Write the static"))),
    ]
    for count in range(1, 6):
        states.append((f"first-{count}", f"after {count} first restarts", lambda trial, count=count: interrupted(trial, turn(FIRST, count))))
    states.append(("after-second-write", "after the second write", lambda trial: killed(trial, Match("step_finished", step="Write the ensemble"))))
    for count in range(1, 6):
        states.append((f"second-{count}", f"after {count} second restarts", lambda trial, count=count: interrupted(trial, turn(SECOND, count))))
    states.append(("finished", "from the migrated state", finished))
    found = [Case("rollback", name, f"the way back {title}", body(reach), shape=FIVE_PATIENT, ends=ORIGINAL, short=name == "first-2")
             for name, title, reach in states]
    found.append(Case("rollback", "refused", "the way back with the external ensemble cut off: refused", refused, shape=FIVE_PATIENT, ends=AS_IT_IS))
    return found
