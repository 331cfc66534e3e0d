"""The way back from a migration that died at every place, and from a way back that died."""

from campaign import judge
from campaign.case import BACK, Case, ORIGINAL
from campaign.lab import Shape
from campaign.zkmig import Match

from .shapes import PATIENT

FIVE = Shape("5", 5, "1,4,2,5,3", check_ms=3000)
# Five masters of which none keeps its id: a list between.
FIVE_BETWEEN = Shape("5", 5, "2,5,1,3,4", check_ms=3000)
FIRST, SECOND = "First rolling", "Second rolling"
BETWEEN = "Rolling restart with the ensemble between"
RENUMBERING, LAST = "Restart with the original", "Restart on the original"


def changed(step, effect, count):
    """The moment in which a step has made so many changes of an effect."""
    return Match("effect_finished", nth=count, step=step, name=effect, outcome="changed")


def only_written(trial):
    """Nothing was restarted: only the files go back. Then an Exhibitor that crashes and takes its new file early."""
    trial.killed(changed("Back up", "backup", 2))
    trial.back_and_proven()
    trial.killed(changed("Write the static", "copy", 2))
    trial.back_and_proven()
    trial.says("no restart")
    trial.killed(changed("Write the static", "copy", 3))
    host = trial.lab.masters[-1]
    trial.fault("kill-exhibitor", host)
    # systemd starts it after 5 s.
    late = judge.until(lambda: "--configtype=static" not in trial.lab.exhibitor_command(host), 30)
    trial.check("the file was taken early", not late, trial.lab.exhibitor_command(host))
    trial.back_and_proven()
    trial.says(r"\(1 restarts\)")


def first_restarts(*counts):
    """From the middle of the first restart; and forward again."""
    def body(trial):
        for count in counts:
            trial.killed(changed(FIRST, "restart", count))
            trial.back_and_proven()
        trial.forward()
    return body


def second_restarts(said):
    """From the middle of the second restart: below the majority back, above it forward first; and forward again."""
    def body(trial):
        for count, words in said.items():
            trial.killed(changed(SECOND, "restart", count))
            trial.back_and_proven()
            trial.says(words)
        trial.forward()
        trial.migrated()
    return body


def between(trial):
    """From the middle of a list between, and of the way back through one."""
    trial.killed(changed(BETWEEN, "restart", 2))
    trial.back_and_proven()
    trial.says("BACK: 2 of 5 masters have ids between, a minority")
    trial.killed(changed(BETWEEN, "restart", 3))
    trial.forward()
    trial.says("In between:")
    trial.migrated()
    trial.killed(changed(BETWEEN, "restart", 2), playbook=BACK)
    trial.back_and_proven()
    trial.killed(changed("Write the ensemble as", "copy", 1))
    trial.back_and_proven()
    trial.says("All masters have ids between")


def way_back_dies(trial):
    """The way back is started again wherever it died."""
    trial.forward()
    # Right after the copy comes the restart: a kill there may be too late to find that master on the old side.
    for step, effect, count in (("Write the static", "copy", 2), (RENUMBERING, "restart", 1), (RENUMBERING, "restart", 2),
                                (LAST, "copy", 1), (LAST, "restart", 1)):
        trial.killed(changed(step, effect, count), playbook=BACK)
        if (step, count) == (RENUMBERING, 1):
            final = [host for host in trial.lab.masters
                     if trial.cluster.name_of(host, trial.lab.read(host, "/opt/mesosphere/etc/exhibitor")) == "final ids"]
            trial.check("the files tell the way", not final, ", ".join(final))
    trial.back_and_proven()


def forward_after_a_dead_way_back(trial):
    """After the way back died the migration goes forward."""
    for step, count in ((RENUMBERING, 1), (RENUMBERING, 2), (LAST, 1), (LAST, 3)):
        trial.forward()
        trial.migrated()
        trial.killed(changed(step, "restart", count), playbook=BACK)
    trial.forward()


def cases():
    """None of them is in CI: the fault campaign has the same places, and others."""
    three = {1: "BACK: 1 of 3 masters have their final ids, a minority", 2: "FORWARD FIRST: 2 of 3"}
    five = {1: "BACK: 1 of 5 masters have their final ids, a minority", 2: "BACK: 2 of 5 masters have their final ids, a minority",
            3: "FORWARD FIRST: 3 of 5", 4: "FORWARD FIRST: 4 of 5", 5: "All masters have their final ids"}
    return [
        Case("back-killed", "only-written", "nothing was restarted", only_written, shape=PATIENT, ends=ORIGINAL),
        Case("back-killed", "first", "in the first restart", first_restarts(1, 2, 3), shape=PATIENT),
        Case("back-killed", "first-of-five", "in the first restart of five", first_restarts(2, 4), shape=FIVE),
        Case("back-killed", "second", "in the second restart", second_restarts(three), shape=PATIENT),
        Case("back-killed", "second-of-five", "in the second restart of five", second_restarts(five), shape=FIVE),
        Case("back-killed", "between", "with a list between", between, shape=FIVE_BETWEEN, ends=ORIGINAL),
        Case("back-killed", "dies", "the way back dies, and is begun again", way_back_dies, shape=PATIENT, ends=ORIGINAL),
        Case("back-killed", "dies-forward", "the way back dies, and the migration goes forward", forward_after_a_dead_way_back, shape=PATIENT),
    ]
