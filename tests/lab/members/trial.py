"""A case on a cluster of another quorum system: its clients, its servers' own words, and what has to hold at the end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from campaign import judge, leader
from campaign import lab as labs
from trial import Trial

from . import fetched

FOLDER = Path(__file__).resolve().parents[1]
UNITS = {"etcd": "etcd.service", "rabbitmq": "rabbitmq-server.service", "zookeeper": "dcos-exhibitor.service"}
# RabbitMQ's tools are slow, and on a machine with other labs many times as slow.
PATIENCE = 900
# Where Python finds what runs in the lab's network.
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{FOLDER}:{FOLDER.parent}"}


class Shape(labs.Shape):
    """A lab of etcd or RabbitMQ."""

    resets = False

    def __init__(self, kind, members, *more):
        super().__init__(f"{kind} {members}", members, "", more=more)
        self.kind = kind

    @property
    def words(self):
        return [f"--{self.kind}", str(self.masters), *self.more]


class Ensemble(labs.Shape):
    """A lab of ZooKeepers that keep their ids, each under an Exhibitor on the static backend."""

    def __init__(self, members):
        super().__init__(f"zookeeper {members}", members, ",".join(str(number + 1) for number in range(members)), check_ms=1000, more=("--backend", "static"))
        self.kind = "zookeeper"


class Clients:
    """The clients of one order of restarts."""

    def __init__(self, trial, name):
        self.file = trial.folder / f"{name}.ndjson"
        self.log = open(trial.folder / f"{name}.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            trial.lab.inside(sys.executable, "-m", "members.writer", trial.kind, f"{name}-{time.time_ns()}", str(self.file), *trial.lab.masters),
            cwd=FOLDER, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        deadline = time.monotonic() + 90
        while not self.of("started"):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"the clients do not begin to write: {Path(self.log.name).read_text(encoding='utf-8')[-500:]}")
            time.sleep(0.05)

    def of(self, kind):
        """Its lines of a kind."""
        if not self.file.exists():
            return []
        lines = [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
        return [line for line in lines if kind in line]

    def stop(self):
        """Ends them; gives the summary, once everything was read back."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
        self.process.wait(150)
        self.log.close()
        found = self.of("summary")
        if not found:
            raise RuntimeError(f"the clients ended without a summary: {Path(self.log.name).read_text(encoding='utf-8')[-500:]}")
        return found[0]["summary"]

    def kill(self):
        """Ends them at once, for a case that went wrong."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Members(Trial):
    """A case on such a cluster. `orders` is what each order of restarts came to."""

    def __init__(self, *words):
        super().__init__(*words)
        self.kind = self.case.shape.kind
        self.unit = UNITS[self.kind]
        self.orders = {}
        self.versions = ""
        self.running = None

    def begin(self, before=None):
        if self.kind == "rabbitmq":
            fetched.fetch()
        lab = self.lab
        mounts = {host: lab.mounts(host) for host in lab.masters}
        units = {host: {group for _, group, _ in lab.processes(host)} for host in lab.masters}
        self.cluster = judge.Cluster(lab.masters, {}, {}, "", 0, 0, mounts, units)
        self.prepared = time.monotonic() - self.born
        self.versions = self.version()

    def version(self):
        """What the first of the inventory runs, as the lab tells it."""
        return self.case.shape.zookeeper if self.kind == "zookeeper" else self.lab.command("status").splitlines()[1].split()[-1]

    def run_members(self, want, text, *more, state="state"):
        """A run of this playbook, with the exit code that it has to end with."""
        process = self.start_members(text, *more, state=state)
        self.expect(process, want, timeout=PATIENCE, what="the roll")
        return process

    def start_members(self, text, *more, state="state"):
        """Starts a run of this playbook."""
        playbook = self.folder / "roll.rhai"
        playbook.write_text(text, encoding="utf-8")
        self.last = self.start("run", str(playbook), "-i", self.lab.inventory, "--yes", *more, state=state)
        return self.last

    # The servers' own words.

    def ask(self, host, *command):
        """What a command prints on a host that can be asked; None else."""
        code, out = self.lab.root(host, list(command), timeout=180)
        return out if code == 0 else None

    def leader(self):
        """(term, leader's address) by the servers' own words: etcd's term, ZooKeeper's epoch, the term of the one queue of RabbitMQ. Who
        comes back after a cut may make them elect anew."""
        ask = {"etcd": self.etcd_leader, "rabbitmq": self.queue_leader, "zookeeper": self.ensemble_leader}[self.kind]
        deadline = time.monotonic() + 120
        while (found := ask()) is None:
            if time.monotonic() > deadline:
                raise RuntimeError("nobody leads")
            time.sleep(0.3)
        return found

    def etcd_leader(self):
        script = "import json, sys; from members import etcd; print(json.dumps([etcd.state(each) for each in sys.argv[1:]]))"
        found = json.loads(self.inside(script))
        for host, state in zip(self.lab.masters, found):
            if state and state[1] == state[2]:
                return max(each[0] for each in found if each), host
        return None

    def ensemble_leader(self):
        script = "import json, sys; from members import zookeeper; print(json.dumps([zookeeper.led(each) for each in sys.argv[1:]]))"
        found = [(epoch, host) for host, epoch in zip(self.lab.masters, json.loads(self.inside(script))) if epoch is not None]
        return found[0] if len(found) == 1 else None

    def inside(self, script):
        """What a piece of Python prints that runs in the lab's network."""
        done = subprocess.run(self.lab.inside(sys.executable, "-c", script, *self.lab.masters), cwd=FOLDER, env=ENVIRONMENT, capture_output=True, text=True,
                              timeout=60)
        if done.returncode != 0:
            raise RuntimeError(done.stderr[-500:])
        return done.stdout

    def queue_leader(self):
        for host in self.lab.masters:
            queues = self.ask(host, "rabbitmqctl", "--quiet", "--formatter", "json", "list_queues", "name", "leader")
            for queue in json.loads(queues) if queues else []:
                rows = self.ask(host, "rabbitmq-queues", "--quiet", "quorum_status", queue["name"], "--formatter", "json")
                terms = [row["Term"] for row in json.loads(rows) if isinstance(row.get("Term"), int)]
                return max(terms), address_of(queue["leader"])
        return None

    def started(self):
        """What tells one run of each server from another."""
        return {host: self.lab.root(host, ["systemctl", "show", "-p", "MainPID", "-p", "ExecMainStartTimestampMonotonic", self.unit])[1]
                for host in self.lab.masters}

    # The orders.

    def under_load(self, name, act):
        """Restarts while clients write, the inventory's first member leading before. Gives (what `act` gave, the order's row)."""
        first = self.lab.masters[0]
        if self.kind == "etcd":
            self.inside(f"import sys; from members import etcd; etcd.hand_over(sys.argv[1:], {first!r})")
        elif self.kind == "zookeeper":
            leader.place(self.lab, first)
        self.running = Clients(self, name)
        before, led = self.leader()
        self.check(f"{name}: the first of the inventory leads before", led == first, led)
        runs, began = self.started(), time.monotonic()
        given = act()
        took = time.monotonic() - began
        after, leads = self.leader()
        restarted = [host for host, run in self.started().items() if run != runs[host]]
        summary = self.running.stop()
        row = {**summary, "restarts": len(restarted), "elections": after - before, "took": round(took, 1), "leader": [led, leads],
               "lost": len(summary["lost"])}
        self.orders[name] = row
        self.note(f"{name}: {row['restarts']} restarts in {took:.0f} s, elections {row['elections']}, longest gap {row['longest_gap']} s, one client's longest wait "
                  f"{row['longest_wait']} s, a member down for {row['down']} s ({row['most_down']} at most), lost {row['lost']} of {row['acknowledged']}")
        return given, row

    def serial(self):
        """What a serial play does: in the inventory's order, on when systemd calls the unit active."""
        for host in self.lab.masters:
            self.on(host, f"systemctl restart {self.unit} && systemctl is-active --quiet {self.unit}")

    def step_over(self):
        self.end()

    def end(self):
        self.nothing_goes_on()
        judge.nothing_runs_on(self)
        locked = judge.locks(self)
        self.check("no lock stays", not locked, ", ".join(locked))

    def close(self, last):
        super().close(last)
        if self.running:
            self.running.kill()

    def result(self, binary, harness):
        return super().result(binary, harness) | {"orders": self.orders, "versions": self.versions, "kind": self.kind}


def address_of(node):
    """The address of a node of RabbitMQ, whose host is named after it."""
    return re.search(r"ip-([0-9-]+)", node)[1].replace("-", ".")
