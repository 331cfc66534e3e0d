"""Whole migrations: of clusters of every size and kind, from where a run died, and as an operator starts them."""

from campaign.case import AS_IT_IS, Case, FORWARD
from campaign.lab import Shape
from campaign.zkmig import Match

from .environment import means_what_systemd_takes_it_for
from .shapes import PROCEDURE, QUICK, SEVEN, SHARED, STAYING
from .units import are_as_the_effects_say

MYID = "/var/lib/dcos/exhibitor/zookeeper/snapshot/myid"


def as_systemd_has_it(trial):
    """What is read and done beside a systemd is what that systemd says."""
    means_what_systemd_takes_it_for(trial)
    are_as_the_effects_say(trial)


def whole(*words):
    """Check first, migrate with clients writing, run again."""
    def body(trial):
        trial.checked(FORWARD, *words)
        trial.forward(*words)
        trial.migrated()
        trial.changes_nothing(FORWARD, *words)
    return body


def plain(*words):
    """One run."""
    def body(trial):
        trial.forward(*words)
    return body


def elections_that_may_wait(trial):
    """On this ZooKeeper every election may wait in vain: the operator has to agree to it."""
    pairs, agreed = ["-e", "max_down=2"], ["-e", "max_gap=43s"]
    trial.refused("may wait in vain", *pairs)
    trial.says("-e max_gap=43s agrees to that")
    whole(*pairs, *agreed)(trial)


def one_master(trial):
    """Exhibitor ignores the backend where it is alone."""
    process = trial.forward()
    trial.says("one master")
    trial.check("nothing changed", process.changed == 0, f"changed={process.changed}")


def final_ids(trial):
    """In the order of the texts 10.10.0.122, .193, .203 have 1, 2, 3; the inventory's order is 193, 122, 203."""
    trial.forward()
    trial.says("No second restart is needed")


def ids_that_disagree(trial):
    """An id that its sources do not agree about is asked for; then the migration, with config.yaml."""
    host = trial.lab.masters[0]
    trial.on(host, f"cp {MYID} /root/myid; echo 9 >{MYID}")
    trial.refused("its sources disagree")
    trial.says("9 +myid file")
    trial.on(host, f"cp /root/myid {MYID}")
    given = trial.folder / "config.yaml"
    given.write_text("cluster_name: x\nexhibitor_storage_backend: zookeeper # as it was\nexhibitor_zk_hosts: 10.10.0.249:2181\n"
                     "exhibitor_zk_path: /\nroles: y\n", encoding="utf-8")
    trial.forward("-e", f"config_yaml={given}")
    new = given.with_suffix(".yaml.static").read_text(encoding="utf-8")
    trial.check("the new config.yaml is beside the old one",
                new == "cluster_name: x\nexhibitor_storage_backend: static # as it was\nroles: y\n", new)


def half_migrated(trial):
    """A run that dies goes on from what the hosts show, wherever it died."""
    for step in ("Write the static", "First rolling", "Write the ensemble", "Second rolling"):
        trial.killed(Match("effect_finished", step=step, outcome="changed"))
    trial.forward()
    trial.migrated()
    trial.changes_nothing()


def without_rest(trial):
    """Where Exhibitor's service can't be reached, when the operator says so; and with a sudo that wants a password."""
    trial.refused("no answer on port 8182", "-e", "exhibitor_port=8182")
    trial.says("require_rest=false")
    operator = ["-e", "ansible_user=operator"]
    trial.forward("-e", "exhibitor_port=8182", "-e", "require_rest=false", *operator, "-e", "ansible_become_password=rehearsal")
    trial.migrated()
    trial.check("the password is not in the output", "rehearsal" not in trial.last.output)
    trial.forward(*operator, want=3)
    trial.says("wants the password")
    trial.forward(*operator, "-e", "ansible_become_password=wrong", want=3)
    trial.says("does not take the password")


def cases():
    """The long ones first."""
    alone = Shape("1", 1, "1")
    return [
        Case("forward", "3.8", "ZooKeeper 3.8, whose lines have the id", elections_that_may_wait, short=True,
             shape=Shape("5", 5, "1,4,2,5,3", check_ms=1000, zookeeper="3.8", layout="myid")),
        Case("forward", "five", "the procedure's masters", whole(), shape=PROCEDURE, short=True),
        Case("forward", "half-migrated", "killed in every step, and gone on with", half_migrated, shape=QUICK, short=True),
        Case("forward", "ids-that-disagree", "an id that its sources do not agree about, and config.yaml", ids_that_disagree, shape=QUICK, short=True),
        Case("forward", "without-rest", "without Exhibitor's service, and with a sudo that wants a password", without_rest, shape=QUICK, short=True),
        Case("forward", "seven", "seven masters", plain("-e", "max_down=2"), shape=SEVEN, short=True),
        Case("forward", "gaps", "ids with gaps, in another layout of the journal", plain(), shape=Shape("3", 3, "7,3,8", layout="thread"), short=True),
        Case("forward", "shared-folder", "the configuration in a shared folder", plain(), shape=SHARED, short=True),
        Case("forward", "final-ids", "the ids of an upgrade already", final_ids, shape=STAYING, short=True),
        Case("forward", "one-master", "one master", one_master, shape=alone, ends=AS_IT_IS, short=True),
        Case("forward", "environment", "environment files mean what systemd takes them for, and units are what the effects say", as_systemd_has_it, shape=alone, ends=AS_IT_IS,
             short=True),
    ]
