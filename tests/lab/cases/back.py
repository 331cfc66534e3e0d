"""The way back to the backend of before: from a whole migration, with its store lost at every moment, and where what it finds does
not fit."""

from campaign import judge
from campaign.case import BACK, Case, ORIGINAL
from campaign.lab import Shape
from campaign.zkmig import Match

from .shapes import QUICK_PATIENT, SHARED, STAYING

FIRST_START = "Restart on the original backend"
DATA = "/var/lib/dcos/exhibitor/zookeeper"


def finished(trial):
    """There, and back with clients writing all the time."""
    trial.forward()
    trial.checked(BACK)
    trial.says(r"^ +-EXHIBITOR_BACKEND=STATIC")
    trial.says(r"^ +\+ZK_CONFIG_ZPATH=/")
    trial.back_and_proven()
    trial.changes_nothing(BACK)


def external_down(trial):
    """Without the external ensemble a master that starts runs alone: nothing is touched; lost in the middle, nothing goes on."""
    trial.forward()
    trial.lab.cut_external()
    trial.refused("the store of the original backend serves every master: of the external ensemble .* do not serve", playbook=BACK)
    before = trial.fingerprint()
    trial.back("--check", want=5)
    trial.untouched_since(before, "check mode changes nothing")
    first, second, _ = trial.lab.external()
    trial.lab.fault("heal", first)
    trial.back(want=5)
    # Two of three are a majority. The loss comes right before the first restart onto the external ensemble.
    trial.lab.heal_external(first, second)
    trial.during(Match("step_started", step="Put the original file back"), trial.lab.cut_external, 5, playbook=BACK)
    trial.says("the gate before .* turn is closed: a master that starts now would run alone")
    trial.none_alone()
    trial.lab.heal_external()
    trial.back_and_proven()


def lost_in_the_start(trial):
    """The store is lost after the gate; the check period leaves the time to see it."""
    trial.forward()
    trial.during(copied(), trial.lab.cut_external, 5, playbook=BACK)
    trial.says("was lost while Exhibitor started")
    trial.says("runs on the static backend again")
    trial.none_alone()
    trial.check("all serve", len(trial.serving()) == 3, str(trial.serving()))
    trial.lab.heal_external()
    trial.back_and_proven()


def lost_too_late(trial):
    """The same, with an Exhibitor that starts ZooKeeper before the loss can be seen: it is stopped."""
    trial.forward()
    trial.during(copied(), trial.lab.cut_external, 5, playbook=BACK)
    trial.says("started ZooKeeper alone, so both were stopped")
    trial.says("version-2")
    trial.check("the others hold the quorum", len(trial.serving()) == 2, str(trial.serving()))
    # It did run alone for a moment, as it said: what counts is that it does not any more.
    trial.none_alone()
    trial.probe.ask("watchman", reset=True)
    trial.lab.heal_external()
    for host in trial.lab.masters:
        if trial.lab.root(host, ["systemctl", "is-active", "--quiet", "dcos-exhibitor"])[0] != 0:
            trial.on(host, f"cd {DATA} && rm -rf snapshot/version-2 transactions/version-2; systemctl start dcos-exhibitor")
    left = judge.until(lambda: len(trial.serving()) != 3, 60)
    trial.check("it follows again", not left, str(trial.serving()))
    trial.back_and_proven()


def copied():
    """The moment in which the first master has its original file, and nothing was restarted onto it."""
    return Match("effect_finished", step=FIRST_START, name="copy")


def does_not_fit(trial):
    """What the masters, the files and the store say has to fit together. This store is a file, which is easily changed."""
    trial.forward()
    host = trial.lab.masters[0]
    original = "/opt/mesosphere/etc/exhibitor.orig"
    stored = f"{trial.on(host, f'sed -n s/^EXHIBITOR_FSCONFIGDIR=//p {original}').strip()}/exhibitor.properties"

    def change(expression):
        trial.on(host, f"test -e /root/stored || cp {stored} /root/stored; sed '{expression}' /root/stored >/root/changed; cat /root/changed >{stored}")

    before = trial.fingerprint("exhibitor.orig")
    trial.on(host, f"cp {original} /root/orig; echo X=1 >>{original}")
    trial.refused("which is the original", playbook=BACK)
    trial.on(host, f"cp /root/orig {original}")
    # The shared configuration changed after the migration: another member, other ids, then no list at all. The ids that the
    # masters run with are those of an upgrade, so other stored ids are seen by their files and by nothing else.
    change("s/10.10.0.193/10.10.0.194/")
    trial.refused("the list is of these masters", playbook=BACK)
    change(r"s/\(servers-spec=\)[0-9]*/\19/")
    trial.back("--check")
    trial.says("Original ids: +.*9:10.10.0.193")
    change("/servers-spec/d")
    trial.refused("no servers-spec", playbook=BACK)
    change("")
    trial.untouched_since(before, "nothing was touched by all of that", without="exhibitor.orig")
    trial.back_and_proven()


def there_back_and_there(trial):
    """To the shared folder, and forward again."""
    trial.forward()
    trial.back_and_proven()
    trial.forward()
    trial.migrated()


def unit_that_waits(trial):
    """DC/OS 2.2's unit is up only when ZooKeeper answers, which on the ZooKeeper backend is after systemd has stopped waiting."""
    trial.forward()
    trial.back_and_proven()


def cases():
    """Those that CI has no time for are the fault campaign's too, at other moments."""
    seen, unseen = (Shape("3", 3, "2,1,3", check_ms=check) for check in (20000, 1000))
    return [
        Case("back", "external-down", "the store is down, and lost in the middle", external_down, shape=STAYING, ends=ORIGINAL, short=True),
        Case("back", "finished", "from the end of a migration", finished, shape=QUICK_PATIENT, ends=ORIGINAL, short=True),
        Case("back", "lost-in-the-start", "the store is lost while Exhibitor starts", lost_in_the_start, shape=seen, ends=ORIGINAL),
        Case("back", "lost-too-late", "the store is lost, and ZooKeeper started at once", lost_too_late, shape=unseen, ends=ORIGINAL),
        Case("back", "does-not-fit", "masters, files and store do not fit together", does_not_fit, shape=SHARED, ends=ORIGINAL),
        Case("back", "shared-folder", "to a shared folder, and forward again", there_back_and_there, shape=SHARED),
        Case("back", "unit-that-waits", "DC/OS 2.2's unit at the real check period", unit_that_waits, ends=ORIGINAL,
             shape=Shape("3", 3, "2,1,3", check_ms=30000, dcos="2.2")),
    ]
