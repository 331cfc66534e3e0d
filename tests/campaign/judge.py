"""What "right" means: one named check for each thing that a case must leave behind it."""

import re
import time

from . import lab as labs
from .zkmig import left_behind

# A killed zkmig can't end its ssh masters; they end by themselves when they have had no channel for half a minute. And what ran on a host that was
# cut off lives there until the other side tries again to send, up to 51 s after the last time.
GRACE_UNHEARD = 75
GRACE = 8
BACKEND = re.compile(r"--configtype=\w+")
ENSEMBLE = re.compile(r"\d+:[0-9.]+(,\d+:[0-9.]+)+")


class Cluster:
    """The cluster as it was before the case: what may be found later follows from it."""

    def __init__(self, masters, ids, original, backend, seeds, count, mounts, units):
        # `backend` is the word of Exhibitor's command line that chooses it.
        self.masters, self.ids, self.original, self.backend = masters, ids, original, backend
        self.seeds, self.count, self.mounts, self.units = seeds, count, mounts, units
        ordered = sorted(masters)
        self.canonical_ids = {address: place for place, address in enumerate(ordered, 1)}
        self.today = ensemble(ids)
        # Further ensembles that a run said it would pass through.
        self.planned = set()
        self.canonical = ensemble(self.canonical_ids)

    @classmethod
    def of(cls, lab, probe, count):
        """Reads a cluster that is in its starting state."""
        ids = probe.ask("ids")
        original = {host: lab.read(host, labs.FILE) for host in lab.masters}
        mounts = {host: lab.mounts(host) for host in lab.masters}
        units = {host: {group for _, group, _ in lab.processes(host)} for host in lab.masters}
        backend = BACKEND.search(lab.exhibitor_command(lab.masters[0]))[0]
        return cls(lab.masters, ids, original, backend, probe.ask("seed", count=count), count, mounts, units)

    def name_of(self, host, content):
        """Which of the intended texts this is; None when it is none of them."""
        names = {self.static_file(host, ensemble(zookeeper_ids(text))): "planned ids" for text in self.planned}
        names |= {self.original[host]: "original", self.static_file(host, self.canonical): "final ids", self.static_file(host, self.today): "today's ids"}
        return names.get(content)

    def static_file(self, host, listed):
        """A master's environment file of the static backend with this ensemble, as zkmig writes it: what is not the backend's stays, as
        DC/OS 2.2's lines on TLS, which stand before it."""
        kept = [line for line in (self.original[host] or b"").splitlines(keepends=True)
                if not line.startswith((b"EXHIBITOR_BACKEND=", b"EXHIBITOR_STATICENSEMBLE=", b"ZK_CONFIG_", b"EXHIBITOR_FSCONFIGDIR="))]
        return b"".join(kept) + f"EXHIBITOR_BACKEND=STATIC\nEXHIBITOR_STATICENSEMBLE={listed}\n".encode()


def ensemble(ids):
    """The text of an ensemble with these ids."""
    return ",".join(f"{ids[address]}:{address}" for address in sorted(ids))


def zookeeper_ids(ensemble):
    """The ids by address of an ensemble's text."""
    return {address: int(number) for number, _, address in (entry.partition(":") for entry in ensemble.split(","))}


def until(holds, seconds):
    """Looks until there is nothing to complain of any more, or the time is up; gives what was seen last."""
    deadline = time.monotonic() + seconds
    while (found := holds()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def at_rest(trial):
    """What must hold whenever no zkmig runs."""
    nothing_runs_on(trial)
    whole(trial)


def whole(trial):
    """What must hold at any moment, whatever has died."""
    files(trial)
    originals(trial)
    ids(trial)
    no_two_leaders(trial)
    seeds(trial)


def final(trial):
    """All checks of a case that has come to its end."""
    lab = trial.lab
    before = len(trial.problems)
    if trial.ends == "migrated":
        migrated(trial)
    elif trial.ends == "original":
        returned(trial)
    trial.reached = len(trial.problems) == before
    at_rest(trial)
    writes(trial)
    if trial.ends != "as it is":
        for host in lab.masters:
            left = lab.find(host, "/opt/mesosphere", ".zkmig.") + lab.find(host, labs.BACKUP_FOLDER, ".zkmig.")
            trial.check(f"{host}: no temporary file stays", not left, ", ".join(left))
            trial.check(f"{host}: the lock is gone", lab.read(host, labs.LOCK) is None, str(lab.read(host, labs.LOCK)))


def writes(trial):
    """Every write of the clients that was acknowledged is there."""
    summary = trial.client.stop()
    trial.check("the clients ended with a summary", bool(summary))
    wrong, trial.missing = trial.client.verify()
    trial.check("every write that was acknowledged is there", not wrong, wrong)
    if summary:
        trial.note(f"longest gap {summary['longest_gap_ms'] / 1000:.1f} s, one session's longest wait {summary['longest_wait_ms'] / 1000:.1f} s")


def nothing_runs_on(trial):
    """No process of the run here, none on the masters, and nothing mounted."""
    # A host hears of the end of a process that was killed, or of a connection that was cut, when TCP tries again.
    unheard = trial.lab.was_cut or any(process.process.poll() in (-9, 4) for process in trial.processes)
    grace = GRACE_UNHEARD if unheard else GRACE
    here = until(lambda: left_behind(trial.mark), grace)
    trial.check("nothing runs on here", not here, "; ".join(words for _, words in here))
    for host in trial.lab.masters:
        there = until(lambda host=host: runs_on(trial, host), grace)
        trial.check(f"{host}: nothing runs on", not there, "; ".join(there))
        mounts = trial.lab.mounts(host)
        trial.check(f"{host}: nothing is mounted", mounts == trial.cluster.mounts[host], str(set(mounts) ^ set(trial.cluster.mounts[host])))


def work_ends(trial):
    """After a kill -9: what ran on the masters for the run has ended, though its connections stand for a while."""
    for host in trial.lab.masters:
        there = until(lambda host=host: [each for each in runs_on(trial, host) if ": sshd: " not in each], GRACE)
        trial.check(f"{host}: the dead run's work has ended", not there, "; ".join(there))


def runs_on(trial, host):
    """What runs in a master's sshd but the one that listens, or in a unit that was not there before."""
    return [f"{group}: {words}" for _, group, words in trial.lab.processes(host)
            if (group.endswith("/ssh.service") and "[listener]" not in words and "sshd -D" not in words)
            or (group not in trial.cluster.units[host] and not group.endswith("dcos-exhibitor.service"))]


def files(trial):
    """Every environment file is whole, one of the intended texts, and where it was."""
    for host in trial.lab.masters:
        content = trial.lab.read(host, labs.FILE)
        name = trial.cluster.name_of(host, content)
        trial.check(f"{host}: the file is whole and one of the intended texts", name is not None, repr(content))
        trial.check(f"{host}: the file is still a link into its package", trial.lab.is_link(host, labs.FILE))


def originals(trial):
    """The backups are absent or the original, byte for byte."""
    for host in trial.lab.masters:
        for name in (labs.ORIGINAL, f"{labs.BACKUP_FOLDER}/exhibitor.orig"):
            content = trial.lab.read(host, name)
            trial.check(f"{host}: {name} is the original", content in (None, trial.cluster.original[host]), repr(content))


def ids(trial):
    """No two servers run with one id. In the middle of a renumbering this holds for those of each list: an id that one has
    got is still run with by the one that has to give it up. One without a list has the ids of today's."""
    today = trial.cluster.today
    sides = {}
    for host, found in trial.probe.ask("ids").items():
        if found is not None:
            listed = ENSEMBLE.search(trial.lab.exhibitor_command(host))
            sides.setdefault(listed[0] if listed else today, []).append(found)
    for side in sides.values():
        trial.check("the running ids are unique", len(side) == len(set(side)), str(sides))


def no_two_leaders(trial):
    """The watchman saw nothing that must never be."""
    seen = trial.probe.ask("watchman", reset=False)
    trial.violations = seen["violations"]
    trial.check("never two leaders, and none served alone", not seen["violations"], "; ".join(seen["violations"]))
    trial.check("the watchman has looked", seen["sweeps"] > 0)


def seeds(trial):
    """Every znode of before is as it was written, through every master that serves."""
    cluster = trial.cluster
    wrong = until(lambda: trial.probe.ask("missing", number=cluster.seeds, count=cluster.count), GRACE)
    trial.check("every znode written before is there", not wrong, "; ".join(wrong[:3]))


def locks(trial):
    """The masters on which a lock lies."""
    return [host for host in trial.lab.masters if trial.lab.read(host, labs.LOCK) is not None]


def settled_enough(trial):
    """Gives sshd on every master the time to be back after a fault was healed: no plain run begins before an operator's
    own login would work. What Exhibitor and ZooKeeper do meanwhile is for the run itself to wait for."""
    def deaf():
        return [host for host in trial.lab.masters if trial.lab.root(host, ["systemctl", "is-active", "--quiet", "ssh"])[0] != 0]
    found = until(deaf, 20)
    trial.check("every sshd is back", not found, ", ".join(found))


def migrated(trial):
    """The end of every migration: the last file, with the original beside it, and the last ids."""
    cluster = trial.cluster
    ends_as(trial, lambda host: cluster.static_file(host, cluster.canonical), cluster.canonical_ids, "--configtype=static")
    for host in trial.lab.masters:
        for name in (labs.ORIGINAL, f"{labs.BACKUP_FOLDER}/exhibitor.orig"):
            trial.check(f"{host}: {name} is there", trial.lab.read(host, name) is not None)


def returned(trial):
    """The end of every way back: files, ids and backend are those of before."""
    ends_as(trial, lambda host: trial.cluster.original[host], trial.cluster.ids, trial.cluster.backend)


def ends_as(trial, text, wanted, kind):
    """Every master has its file, runs its id on that backend, and serves with one leader."""
    lab = trial.lab
    for host in lab.masters:
        trial.check(f"{host}: the file is the last one", lab.read(host, labs.FILE) == text(host), repr(lab.read(host, labs.FILE)))
        command = lab.exhibitor_command(host)
        trial.check(f"{host}: Exhibitor runs with it", kind in command, command or "no Exhibitor runs")
    found = trial.probe.ask("ids")
    trial.check("every server runs its id", found == wanted, f"{found}, not {wanted}")
    modes = trial.probe.ask("modes")
    trial.check("all serve", all(mode in ("leader", "follower") for mode in modes.values()), str(modes))
    trial.check("one leads", list(modes.values()).count("leader") == 1, str(modes))
