"""The client library for RabbitMQ, which Python does not have: from PyPI, these bytes, into a folder of the user's cache.

`fetch` brings it, once, and has to be called where there is a network; to import `pika` from here needs none.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NAME, VERSION = "pika", "1.4.4"
SHA256 = "48de960c97a93b55db06b8be4c53eb977c9c8a2754c57cdae9097abcbd70ce04"
FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zkmig-tools" / f"{NAME}-{VERSION}"


def fetch():
    """Brings it where it is not there yet; raises RuntimeError, with what pip said."""
    if FOLDER.is_dir():
        return
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as work:
        wanted = Path(work) / "requirements.txt"
        wanted.write_text(f"{NAME}=={VERSION} --hash=sha256:{SHA256}\n", encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--require-hashes",
             "--target", f"{work}/got", "-r", str(wanted)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise RuntimeError(f"{NAME} {VERSION}, with which the clients of RabbitMQ write, could not be fetched with pip: {done.stderr.strip()[-500:]}")
        try:
            shutil.move(f"{work}/got", FOLDER)
        except shutil.Error:
            # Another one was quicker.
            if not FOLDER.is_dir():
                raise


def __getattr__(name):
    if name != NAME:
        raise AttributeError(name)
    sys.path.insert(0, str(FOLDER))
    return __import__(NAME)
