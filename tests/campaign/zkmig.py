"""One zkmig process: started in the lab's network, followed through its events, held, signalled, killed."""

import json
import os
import re
import select
import signal
import subprocess
import threading
import time
from pathlib import Path

MARK = "ZKMIG_CAMPAIGN_CASE"


class Match:
    """The event that a case waits for: the n-th one with these fields, counted from another one when `after` names it.
    `step` is the beginning of the step's name."""

    def __init__(self, event, nth=1, after=None, **fields):
        self.event, self.nth, self.after, self.fields = event, nth, after, fields
        self.seen = 0

    def takes(self, event):
        """Whether this is the one. Counts those that are like it."""
        if self.after is not None:
            if self.after.takes(event):
                self.after = None
            return False
        if event.get("event") != self.event:
            return False
        for name, wanted in self.fields.items():
            found = event.get(name)
            if name == "step" and isinstance(found, str) and isinstance(wanted, str):
                if not found.startswith(wanted):
                    return False
            elif found != wanted:
                return False
        self.seen += 1
        return self.seen == self.nth

    def __str__(self):
        fields = " ".join(f"{name}={value}" for name, value in self.fields.items())
        return f"{self.event} {fields}".strip() + (f" ({self.nth})" if self.nth > 1 else "")


class Never(Exception):
    """An event did not come, or a process did not end."""


class Process:
    """A zkmig that runs."""

    def __init__(self, lab, binary, words, folder, number, environment, cwd, stdin=subprocess.DEVNULL):
        self.lab, self.words = lab, words
        self.log_file = folder / f"zkmig-{number}.log"
        self.events_file = folder / f"zkmig-{number}.ndjson"
        self.fifo = folder / f"zkmig-{number}.fifo"
        self.events = []
        self.code = None
        self.began = time.monotonic()
        self.ended = None
        self._watched = []
        self._news = threading.Condition()
        os.mkfifo(self.fifo)
        descriptor = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        command = [str(binary), *words]
        if words[0] in ("run", "resume"):
            command += ["--events", str(self.fifo)]
        with open(self.log_file, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                lab.inside(*command), stdin=stdin, stdout=log, stderr=log, cwd=cwd,
                env=environment, start_new_session=True)
        self._reader = threading.Thread(target=self._read, args=(descriptor,), daemon=True)
        self._reader.start()

    # Following it.

    def _read(self, descriptor):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        rest = b""
        with open(self.events_file, "wb", buffering=0) as kept:
            while True:
                ready = poll.poll(200)
                if not ready:
                    if self.process.poll() is not None:
                        break
                    continue
                piece = os.read(descriptor, 65536)
                if not piece:
                    break
                kept.write(piece)
                rest += piece
                *lines, rest = rest.split(b"\n")
                for line in lines:
                    self._take(json.loads(line))
        os.close(descriptor)
        with self._news:
            self._news.notify_all()

    def _take(self, event):
        event["at"] = time.monotonic()
        with self._news:
            self.events.append(event)
            for watched in list(self._watched):
                match, act, reached = watched
                if match.takes(event):
                    self._watched.remove(watched)
                    act(self)
                    reached.append(event)
            self._news.notify_all()

    def at(self, match, act=lambda process: None):
        """Calls `act` in the very moment in which the event arrives; gives what `reach` waits for."""
        reached = []
        with self._news:
            for event in self.events:
                if match.takes(event):
                    act(self)
                    reached.append(event)
                    return match, reached
            self._watched.append((match, act, reached))
        return match, reached

    def reach(self, awaited, timeout=300):
        """Waits for an event that `at` was told of."""
        match, reached = awaited
        deadline = time.monotonic() + timeout
        with self._news:
            while not reached:
                if not self._reader.is_alive():
                    raise Never(f"zkmig ended (exit code {self.process.poll()}) before {match}")
                if time.monotonic() > deadline:
                    raise Never(f"{match} did not come within {timeout} s")
                self._news.wait(0.5)
        return reached[0]

    def hold(self, match, timeout=300):
        """Stops it (SIGSTOP) at an event; `go` lets it go on."""
        return self.reach(self.at(match, lambda process: process.send(signal.SIGSTOP)), timeout)

    def go(self):
        """Lets it go on after `hold`."""
        self.send(signal.SIGCONT)

    def send(self, number):
        """Sends it a signal; nothing where it has ended."""
        try:
            os.kill(self.process.pid, number)
        except ProcessLookupError:
            pass

    def finish(self, timeout=400):
        """Waits for its end; gives its exit code."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired as hang:
            raise Never(f"zkmig {self.words[0]} did not end within {timeout} s") from hang
        finally:
            if self.process.poll() is not None and self.ended is None:
                self.ended = time.monotonic()
        self._reader.join(10)
        self.code = self.process.returncode
        return self.code

    def end(self):
        """Ends it whatever it does: for a case that went wrong."""
        if self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self._reader.join(10)
        self.fifo.unlink(missing_ok=True)

    # What it said.

    @property
    def run_id(self):
        """The run's id, from its first event."""
        return next((event.get("run") for event in self.events if event["event"] == "run_started"), None)

    @property
    def output(self):
        """What it printed."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def of(self, kind, **fields):
        """Its events of a kind with these fields."""
        return [event for event in self.events
                if event["event"] == kind and all(event.get(field) == value for field, value in fields.items())]

    @property
    def turns(self):
        """The hosts whose turn in a rolling block began: (step, host)."""
        step, found = None, []
        for event in self.events:
            if event["event"] == "step_started":
                step = event["step"]
            elif event["event"] == "rolling_turn":
                found.append((step, event["host"]))
        return found

    @property
    def changed(self):
        """How many changes its recap counts; None without a recap."""
        found = re.findall(r"^done in .*: ok=\d+ changed=(\d+) ", self.output, re.M)
        return int(found[-1]) if found else None


def left_behind(mark):
    """The processes on this machine that a case's zkmig started and that still run: (pid, command line)."""
    needle = f"{MARK}={mark}".encode()
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if needle not in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0"):
                continue
            words = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if words:
            found.append((int(entry), words))
    return found
