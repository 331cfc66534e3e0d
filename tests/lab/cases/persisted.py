"""A ZooKeeper that outlives its unit keeps its id: found before the run, or between its two restarts, where the canary shows it."""

from campaign import leader
from campaign.case import AS_IT_IS, Case
from campaign.zkmig import Match

from .shapes import MOVING, QUICK, SEVEN

RESTART = ["-e", "on_persisted_id=restart-process"]


def extras(trial):
    """A file that is read after the environment file decides which ids there are."""
    trial.fault("extras", trial.lab.masters[0])
    trial.refused("exhibitor-extras")


def already_running(trial):
    """The files have another id than the process."""
    trial.fault("already-running", trial.lab.masters[-1])
    trial.forward(want=5)
    trial.says("outside of dcos-exhibitor.service")
    trial.says("on_persisted_id=restart-process")
    trial.forward(*RESTART)


def leak(trial):
    """The process outlived its unit."""
    trial.fault("leak", trial.lab.masters[0])
    trial.forward(want=5)
    trial.says("on_persisted_id=restart-process")
    trial.forward(*RESTART)


def laid(trial, kind, want, *words):
    """Lays the fault on every master between the two restarts, where the preflight can't see it any more."""
    def everywhere():
        trial.fault(kind)
    everywhere.__name__ = f"{kind} on every master"
    trial.during(Match("step_started", step="Write the ensemble"), everywhere, want, *words)


def put_back(kind):
    """The first master of the second restart keeps its id: everything is put back."""
    def body(trial, *words):
        today = trial.cluster.today
        laid(trial, kind, 5, *words)
        trial.says(f"put back everywhere: {today}")
        trial.says("the ensemble is whole")
        trial.says("id by the list +runs with +myid +zoo.cfg")
        for host in trial.lab.masters:
            content = trial.lab.read(host, "/opt/mesosphere/etc/exhibitor")
            trial.check(f"{host} has its file of before", content == trial.cluster.static_file(host, today), repr(content))
        trial.check("all serve", len(trial.serving()) == len(trial.lab.masters), str(trial.serving()))
    return body


def pair_put_back(trial):
    """With this leader the first restart with other ids is one of two masters together: both are the canary."""
    leader.place(trial.lab, "10.10.0.193")
    put_back("leak")(trial, "-e", "max_down=2")
    restarts = {event["host"] for event in trial.last.of("effect_finished", name="restart", outcome="changed") if event["step"].startswith("Second rolling")}
    trial.check("two were restarted with the new list", len(restarts) == 2, ", ".join(sorted(restarts)))


def ended(trial):
    """The process that kept its id is ended, where the operator said so."""
    laid(trial, "leak", 0, *RESTART)
    trial.says("ending it, as on_persisted_id=restart-process says")


def cases():
    """Before the run and within it."""
    return [
        Case("persisted", "extras", "exhibitor-extras sets the ids", extras, shape=QUICK, ends=AS_IT_IS, short=True),
        Case("persisted", "already-running", "a ZooKeeper beside its unit, files anew", already_running, shape=QUICK, short=True),
        Case("persisted", "leak", "a ZooKeeper beside its unit", leak, shape=QUICK, short=True),
        Case("persisted", "canary-already-running", "the second restart's first master keeps its id, files anew", put_back("already-running"),
             shape=MOVING, ends=AS_IT_IS, short=True),
        Case("persisted", "canary-leak", "the second restart's first master keeps its id", put_back("leak"), shape=MOVING, ends=AS_IT_IS, short=True),
        Case("persisted", "canary-pair", "the second restart's first turn is of two, who keep their ids", pair_put_back, shape=SEVEN, ends=AS_IT_IS),
        Case("persisted", "canary-ended", "the same, and its process is ended", ended, shape=MOVING, short=True),
    ]
