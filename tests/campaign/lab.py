"""One lab of the campaign: booted, reset, disturbed by lab/lab, and looked into from outside, past its sshd."""

import os
import subprocess
import time
from pathlib import Path

from .probe import Probe

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "lab" / "lab"
RUN = Path("/run/zkmig-lab")

FILE = "/opt/mesosphere/etc/exhibitor"
ORIGINAL = "/opt/mesosphere/etc/exhibitor.orig"
BACKUP_FOLDER = "/var/lib/dcos/zkmig-backup"
LOCK = "/var/lib/zkmig/lock"
DATA = "/var/lib/dcos/exhibitor"
CHECK_MS = 300


# The masters in the inventory's order, as lab/lib/common.sh has them: a lab of fewer takes the first.
MASTERS = ("10.10.0.193", "10.10.0.122", "10.10.0.203", "10.10.0.104", "10.10.0.169", "10.10.0.20", "10.10.0.9",
           "10.10.0.31", "10.10.0.57")


class Shape:
    """How a lab is booted: `ids` in the inventory's order, `more` other words of lab/lab up. Cases of one shape share a lab."""

    # Whether a lab of it can be brought back to its start without a boot; it has ZooKeepers to look at then.
    resets = True

    def __init__(self, name, masters, ids, check_ms=CHECK_MS, zookeeper="3.4.14", layout="bare", dcos="1.10", more=()):
        self.name, self.masters, self.ids, self.check_ms = name, masters, ids, check_ms
        self.zookeeper, self.layout, self.dcos, self.more = zookeeper, layout, dcos, tuple(more)

    @property
    def words(self):
        """What lab/lab is told when it boots one."""
        return ["--masters", str(self.masters), "--ids", self.ids, "--check-ms", str(self.check_ms), "--zookeeper", self.zookeeper,
                "--layout", self.layout, "--dcos", self.dcos, *self.more]

    def __eq__(self, other):
        return isinstance(other, Shape) and vars(self) == vars(other)

    def __hash__(self):
        return hash(tuple(self.words))


# Three masters of which one keeps its id, so that a second restart takes the ensemble's time and not an election's limits;
# and the procedure's own five.
THREE = Shape("3", 3, "1,2,3")
FIVE = Shape("5", 5, "1,4,2,5,3")
# On the ZooKeeper backend an Exhibitor that has not heard of its store by its first check starts ZooKeeper alone. A real one
# has 30 seconds for that; a busy machine has to have a few.
FIVE_PATIENT = Shape("5", 5, "1,4,2,5,3", check_ms=3000)


class LabError(Exception):
    """The lab itself did not do what it was asked to."""


class Lab:
    """A lab by its name."""

    def __init__(self, name, log):
        self.name, self.log = name, log
        self.shape = None
        self.masters = []
        self.probe = None
        self.disturbed = set()
        self.isolated = set()
        # Whether a host was off the network since the lab was booted or reset.
        self.was_cut = False
        self._inits = {}

    def command(self, *words, timeout=240):
        """Runs lab/lab; its output is in the lab's log. Gives what it printed on standard output."""
        line = [str(LAB), words[0], "--name", self.name, *words[1:]]
        try:
            done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired as hang:
            raise LabError(f"lab/lab {' '.join(words)} did not end within {timeout} s") from hang
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%H:%M:%S')} lab/lab {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        if done.returncode != 0:
            raise LabError(f"lab/lab {' '.join(words)}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def prepare(self, shape):
        """The lab in its starting state: booted in this shape, or reset when it runs in it already."""
        if self.shape == shape and shape.resets:
            try:
                for host in sorted(self.isolated):
                    self.rejoin(host)
                self.command("reset")
                self.disturbed.clear()
                self.was_cut = False
                self._look()
                return
            except LabError:
                # What a case did to it is beyond a reset; the reset's own words are in the log.
                self.down()
        elif self.shape:
            self.down()
        # It may have to wait for what is fetched and built once.
        self.command("up", *shape.words, timeout=900)
        self.shape = shape
        self.disturbed.clear()
        self.was_cut = False
        self.isolated.clear()
        self._inits = {}
        self.masters = self._addresses()
        self._look()

    def _look(self):
        """Has a probe look at the masters; one that has died is replaced."""
        if self.probe and self.probe.process.poll() is not None:
            self._look_away()
        if self.shape.resets:
            self.probe = self.probe or Probe(self)

    def _look_away(self):
        if self.probe:
            self.probe.close()
        self.probe = None

    def down(self):
        """Ends the lab."""
        self._look_away()
        self.shape = None
        self._inits = {}
        self.command("down")

    def fault(self, kind, host):
        """Lays a fault on a host, or heals it."""
        self.disturbed.add(host)
        self.was_cut = self.was_cut or kind == "cut"
        self.command("fault", kind, host)
        if kind == "heal":
            self.disturbed.discard(host)

    def isolate(self, host):
        """The host finds no other master, and they don't find it; whoever logs in there still can."""
        self.isolated.add(host)
        for other in self.masters:
            if other != host:
                self._route("add", host, other)

    def rejoin(self, host):
        """Undoes `isolate`."""
        self.isolated.discard(host)
        for other in self.masters:
            if other != host:
                self._route("del", host, other)

    def _route(self, verb, host, other):
        line = ["ip", "-n", f"{self.name}-{host}", "route", verb, "blackhole", f"{other}/32"]
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise LabError(f"{' '.join(line)}: {done.stderr.strip()}")

    def heal(self):
        """Heals every host on which something was laid."""
        for host in sorted(self.isolated):
            self.rejoin(host)
        for host in sorted(self.disturbed):
            self.fault("heal", host)

    @property
    def folder(self):
        """Where the lab keeps its files."""
        return RUN / self.name

    @property
    def inventory(self):
        """The lab's inventory."""
        return str(self.folder / "inventory.yml")

    def external(self):
        """The hosts of the external ensemble."""
        return sorted(entry.name for entry in (self.folder / "external").iterdir())

    def cut_external(self):
        """No server of the external ensemble can be reached any more."""
        for host in self.external():
            self.fault("cut", host)

    def heal_external(self, *hosts, timeout=60):
        """These servers of the external ensemble are back, or all, and serve: after a cut they elect anew."""
        hosts = hosts or self.external()
        for host in hosts:
            self.fault("heal", host)
        deadline = time.monotonic() + timeout
        while not all(self._elected(host) for host in hosts):
            if time.monotonic() > deadline:
                raise LabError(f"of the external ensemble {', '.join(hosts)} do not serve again within {timeout} s")
            time.sleep(0.3)

    def _elected(self, host):
        """Whether a server of the external ensemble leads or follows."""
        ask = f"exec 3<>/dev/tcp/{host}/2181 && printf srvr >&3 && grep -q ^Mode <&3"
        return subprocess.run(self.inside("timeout", "3", "bash", "-c", ask), stdin=subprocess.DEVNULL, capture_output=True).returncode == 0

    def inside(self, *command):
        """The command line that runs a command in the lab's network, under the pid that it is started with."""
        return ["nsenter", f"--net=/run/netns/{self.name}", "--", *command]

    def _addresses(self):
        lines = (self.folder / "inventory.yml").read_text(encoding="utf-8").splitlines()
        return [line.split()[1] for line in lines if line.strip().startswith("ansible_host:")]

    # Inside a master, without its sshd.

    def init(self, host):
        """The pid of a master's first process; another one after a reboot."""
        if host not in self._inits or not os.path.exists(f"/proc/{self._inits[host]}/exe"):
            pid = (self.folder / "masters" / host / "pid").read_text(encoding="utf-8").strip()
            # What boots it, its systemd-nspawn, its init.
            for _ in range(2):
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
                if not children:
                    raise LabError(f"{host} is not running")
                pid = children[0]
            self._inits[host] = int(pid)
        return self._inits[host]

    def root(self, host, command, timeout=30):
        """Runs a command as root in a master; gives the exit code and the output."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.init(host)), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--", *command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        return done.returncode, done.stdout

    def path(self, host, name):
        """A master's path as it is seen from here, its links followed as the master would."""
        base = f"/proc/{self.init(host)}/root"
        for _ in range(20):
            if not os.path.islink(base + name):
                break
            target = os.readlink(base + name)
            name = target if target.startswith("/") else os.path.join(os.path.dirname(name), target)
        return Path(base + name)

    def read(self, host, name):
        """A master's file; None where there is none."""
        try:
            return self.path(host, name).read_bytes()
        except FileNotFoundError:
            return None

    def is_link(self, host, name):
        """Whether a master's path is a symbolic link."""
        return os.path.islink(f"/proc/{self.init(host)}/root{name}")

    def find(self, host, folder, prefix):
        """The files below a master's folder whose names begin so."""
        base = self.path(host, folder)
        return [os.path.join(at, name) for at, _, names in os.walk(base) for name in names if name.startswith(prefix)]

    def pids(self, host):
        """Every process of a master, by its pid here."""
        own = os.readlink(f"/proc/{self.init(host)}/ns/pid")
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                if os.readlink(f"/proc/{entry}/ns/pid") == own:
                    found.append(int(entry))
            except OSError:
                continue
        return found

    def processes(self, host):
        """Every process of a master: (pid, its unit, its command line)."""
        found = []
        for pid in self.pids(host):
            try:
                groups = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()
                words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            except (OSError, IndexError):
                continue
            group = max((line.partition("/payload")[2] for line in groups), key=len, default="")
            if state != "Z":
                found.append((pid, group, words))
        return found

    def mounts(self, host):
        """What is mounted in a master, but for what systemd gives each of its units."""
        lines = Path(f"/proc/{self.init(host)}/mountinfo").read_text(encoding="utf-8").splitlines()
        return sorted(line.split()[4] for line in lines if "/run/credentials" not in line)

    def started(self, host):
        """What tells one run of Exhibitor from another: its unit's main pid and when it was started."""
        return self.root(host, ["systemctl", "show", "-p", "MainPID", "-p", "ExecMainStartTimestampMonotonic", "dcos-exhibitor.service"])[1]

    def exhibitor_command(self, host):
        """The command line of the Exhibitor that runs; empty when none does."""
        for _, group, words in self.processes(host):
            if group.endswith("dcos-exhibitor.service") and "exhibitor.jar" in words and "--hostname" in words:
                return words
        return ""
