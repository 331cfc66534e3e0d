"""The clients that write through a whole case, and what became of their writes."""

import json
import os
import signal
import subprocess
import time

from .lab import LAB


class Client:
    """lab/lab watch, from the beginning of a case to its end."""

    def __init__(self, lab, folder):
        self.lab = lab
        self.file = folder / "client.ndjson"
        self.log = open(folder / "client.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [str(LAB), "watch", "--name", lab.name, "--out", str(self.file)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)

    def await_start(self, timeout=40):
        """Returns when the first write is under way."""
        deadline = time.monotonic() + timeout
        while not (self.file.exists() and self.file.stat().st_size):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError("the clients do not begin to write")
            time.sleep(0.05)

    def stop(self):
        """Ends it; gives its summary, empty when it did not end in good order."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(90)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        lines = self.file.read_text(encoding="utf-8").splitlines() if self.file.exists() else []
        summaries = [json.loads(line) for line in lines if '"summary"' in line]
        return summaries[-1] if summaries else {}

    def kill(self):
        """Ends it at once, for a case that went wrong."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def verify(self):
        """Looks again whether every acknowledged write is there; gives what is wrong, empty when nothing is, and how many
        writes are missing, None when that could not be seen."""
        done = subprocess.run(
            [str(LAB), "watch", "--name", self.lab.name, "--verify", str(self.file)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        counts = [json.loads(line)["missing"] for line in done.stdout.splitlines() if '"verified"' in line]
        wrong = "" if done.returncode == 0 else (done.stdout + done.stderr).strip()
        return wrong, sum(counts) if counts else None

    def lines(self):
        """What it noted: its start, gaps of the ensemble, waits of single sessions, lost sessions, its summary."""
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()]
