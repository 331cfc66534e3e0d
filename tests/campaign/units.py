"""What runs in the unit of every master, seen from outside: when a ZooKeeper ended, when the next one was there, and whether
its Exhibitor was restarted with it. No zkmig is asked."""

import os
import threading
import time
from pathlib import Path

EVERY = 0.2
UNIT = "dcos-exhibitor.service"
# Where the hierarchies of control groups are mounted: systemd's own, the newer one beside it, and the newer one alone.
MOUNTS = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")


class Units:
    """Looks at the units of a lab's masters until it is closed. `seen` has a (time, master, Exhibitor's pid, ZooKeeper's pid) for each
    change; a pid is None where there is none."""

    def __init__(self, lab):
        self.groups = {host: group_of(lab, host) for host in lab.masters}
        self.seen = []
        self.kinds = {}
        self.over = threading.Event()
        self.last = {}
        self.failed = None
        self.look()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while not self.over.wait(EVERY):
                self.look()
        except Exception as error:  # what ends the looking has to end the case, and a thread tells nobody
            self.failed = error

    def look(self):
        for host, group in self.groups.items():
            found = {"exhibitor": None, "zookeeper": None}
            for pid in pids(group):
                kind = self.kind(pid)
                if kind:
                    found[kind] = pid
            state = (found["exhibitor"], found["zookeeper"])
            if self.last.get(host) != state:
                self.last[host] = state
                self.seen.append((time.monotonic(), host, *state))

    def kind(self, pid):
        """What a process is. One that is neither may still become it, by exec."""
        if pid not in self.kinds:
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                return None
            kind = "zookeeper" if b"QuorumPeerMain" in words else "exhibitor" if b"exhibitor.jar" in words else None
            if not kind:
                return None
            self.kinds[pid] = kind
        return self.kinds[pid]

    def close(self):
        """Ends the looking; gives what was seen."""
        self.over.set()
        self.thread.join(5)
        if self.failed:
            raise RuntimeError(f"the masters' units could not be looked at all the time: {self.failed!r}")
        return self.seen


def group_of(lab, host):
    """The folder of a master's unit among the control groups: it is there only while something runs in it."""
    for line in Path(f"/proc/{lab.init(host)}/cgroup").read_text(encoding="utf-8").splitlines():
        name = line.partition(":")[2].partition(":")[2].removesuffix("/init.scope")
        if name.endswith("/payload"):
            for mount in MOUNTS:
                if os.path.isdir(mount + name):
                    return Path(f"{mount}{name}/system.slice/{UNIT}")
    raise RuntimeError(f"{host}: the control group of its units is not found")


def pids(group):
    """The processes of a control group and of those below it; none when it is gone."""
    found = []
    try:
        folders = [group, *(entry for entry in group.iterdir() if entry.is_dir())]
    except OSError:
        return []
    for folder in folders:
        try:
            found += [int(pid) for pid in (folder / "cgroup.procs").read_text(encoding="utf-8").split()]
        except OSError:
            # It may go at any moment.
            continue
    return found
