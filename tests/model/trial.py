"""One trial: an ensemble of real servers that gets other ids, restart by restart, and what came of each."""

import shutil
import time

from client import Session, Writer
from server import CLIENT, Server

# How long servers stay down while nobody leads, in seconds: longer than any election, so that an outage is seen as one.
DOWN = 10.0
# How long who leads and who serves has to stay the same until it counts.
STEADY = 8.0
# How long is waited for that.
PATIENCE = 45.0


class Broken(Exception):
    """The trial could not be made: nothing is learned from it."""


class Ensemble:
    def __init__(self, case, network, folder, jars):
        self.case = case
        self.ids = dict(case["before"])
        names = list(self.ids)
        self.addresses = {name: f"127.{network}.0.{at + 1}" for at, name in enumerate(names)}
        versions = case["version"] if isinstance(case["version"], dict) else {name: case["version"] for name in names}
        options = {"tick": case.get("tick", 2000), "init_limit": case.get("init_limit", 10)}
        self.servers = {name: Server(name, self.addresses[name], f"{folder}/{name}", f"{jars}/{versions[name]}", **options) for name in names}
        self.majority = len(names) // 2 + 1

    def modes(self):
        return {name: server.mode() for name, server in self.servers.items()}

    def wait(self, what, condition, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if condition(self.modes()):
                return
            time.sleep(0.2)
        raise Broken(f"{what}: {self.modes()}")

    def up(self, leader):
        """Starts all servers so that `leader` leads, whatever its id: it is given the last transaction before the others."""
        names = list(self.servers)
        for name in names:
            self.servers[name].configure(self.ids, self.addresses)
        others = [name for name in names if name != leader]
        first = [leader, *others[: self.majority - 1]]
        second = [leader, *others[-(self.majority - 1) :]]
        for name in first:
            self.servers[name].start()
        self.wait("nobody leads at first", lambda modes: "leader" in modes.values(), PATIENCE)
        with Session(self.addresses[next(n for n, m in self.modes().items() if m)], CLIENT) as session:
            session.write(b"first")
        self.stop(first)
        for name in second:
            self.servers[name].start()
        self.wait(f"{leader} does not lead", lambda modes: modes[leader] == "leader", PATIENCE)
        for name in others:
            if name not in second:
                self.servers[name].start()
        self.wait("not all serve", lambda modes: all(modes.values()), PATIENCE)

    def stop(self, names):
        for name in names:
            self.servers[name].kill()

    def settled(self):
        """How the servers look when it has stayed the same for a while, or when all serve; nobody leading counts at the end only."""
        began = since = time.monotonic()
        last = None
        while time.monotonic() - began < PATIENCE and not all(server.listens() for server in self.servers.values()):
            time.sleep(0.2)
        while time.monotonic() - began < PATIENCE:
            modes = self.modes()
            if modes != last:
                last, since = modes, time.monotonic()
            held = time.monotonic() - since
            if (held >= STEADY and leading(modes)) or (held >= 1.0 and all(modes.values()) and list(modes.values()).count("leader") == 1):
                return modes
            time.sleep(0.2)
        return last

    def restart(self, group, after):
        """Stops a group, its leader last, starts it with another list, and tells what came of it."""
        before = self.modes()
        leader = leading(before)
        group = [name for name in group if name != leader] + [name for name in group if name == leader]
        stopped = time.monotonic()
        self.stop(group)
        elected = None
        while time.monotonic() - stopped < DOWN:
            modes = self.modes()
            # One that was stopped in the place of a leader still answers for a moment as if it led.
            if leading(modes) and time.monotonic() - stopped > 0.3:
                elected = elected or time.monotonic()
                if time.monotonic() - elected > 2.0:
                    break
            else:
                elected = None
            time.sleep(0.1)
        down = self.modes()
        for name in group:
            self.servers[name].configure(after, self.addresses)
            self.servers[name].start()
        modes = self.settled()
        told = {
            "servers": group,
            "leader_before": leader,
            "serving_before": serving(before),
            "leader_while_down": leading(down),
            "serving_while_down": serving(down),
            "leader": leading(modes),
            "serving": serving(modes),
            "elected_after": round(elected - stopped, 1) if elected else None,
        }
        return told, stopped

    def run(self):
        """Makes the trial; gives one record a stage."""
        records = []
        self.up(self.case["leader"])
        writer = Writer(self.addresses.values(), CLIENT)
        try:
            for stage in self.case["stages"]:
                restarts = []
                for step, group in enumerate(stage["order"]):
                    told, stopped = self.restart(group, stage["after"])
                    told["gap"] = round(writer.longest_gap(stopped, time.monotonic()), 1)
                    restarts.append(told)
                    # What comes after an outage tells nothing that a plan relies on, and a plan holds for the leader that it was made
                    # for: with another one it is made anew.
                    expected = stage.get("leaders")
                    if not told["leader_while_down"] or (expected and told["leader"] != expected[step]):
                        break
                records.append({"version": self.case["version"], "before": self.ids, "after": stage["after"], "restarts": restarts})
                if len(restarts) < len(stage["order"]) or (stage.get("leaders") and told["leader"] != stage["leaders"][-1]):
                    break
                self.ids = dict(stage["after"])
        finally:
            writer.close()
        return records


def leading(modes):
    leaders = [name for name, mode in modes.items() if mode == "leader"]
    if len(leaders) > 1:
        # Which of two still counts is known a tick later: nobody is asked to tell.
        return None
    return leaders[0] if leaders else None


def serving(modes):
    return [name for name, mode in modes.items() if mode in ("leader", "follower")]


def trial(case, network, folder, jars):
    ensemble = Ensemble(case, network, folder, jars)
    try:
        return ensemble.run()
    finally:
        ensemble.stop(ensemble.servers)
        if not case.get("keep"):
            for server in ensemble.servers.values():
                shutil.rmtree(f"{server.folder}/data", ignore_errors=True)
