"""The model against real ZooKeeper: runs the cases of a file, and appends what came of each stage to another.

    python3 tests/model CASES.ndjson OUTCOMES.ndjson [--jars FOLDER] [--at-once 2]

A case is a line: `version`, `before` (ids by server), `leader`, and `stages`, each with `after` and the `order` of its restarts,
a list of groups. Cases whose outcome is there already are left out, so that a run that was cut short goes on.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from trial import Broken, trial


def main():
    options = argparse.ArgumentParser()
    options.add_argument("cases")
    options.add_argument("outcomes")
    options.add_argument("--jars", default=os.path.expanduser("~/.cache/zkmig-model"))
    options.add_argument("--at-once", type=int, default=2)
    options.add_argument("--network", type=int, default=77)
    options.add_argument("--keep", action="store_true", help="keep the logs of every trial")
    asked = options.parse_args()
    with open(asked.cases) as file:
        cases = [json.loads(line) for line in file if line.strip()]
    done = set()
    if os.path.exists(asked.outcomes):
        with open(asked.outcomes) as file:
            done = {json.loads(line).get("case") for line in file}
    free = list(range(asked.network, asked.network + asked.at_once))
    lock = threading.Lock()

    def one(at, case):
        key = case.get("name", f"{at}")
        if key in done:
            return True
        with lock:
            network = free.pop()
        folder = tempfile.mkdtemp(prefix="zkmig-model-")
        began = time.monotonic()
        try:
            records = trial(case, network, folder, asked.jars)
        except (Broken, OSError) as error:
            print(f"{key}: not made: {error} (logs in {folder})", flush=True)
            return False
        finally:
            with lock:
                free.append(network)
        with lock, open(asked.outcomes, "a") as file:
            for record in records:
                file.write(json.dumps({"case": key, **record}) + "\n")
        told = " | ".join(
            " ".join(f"{'+'.join(r['servers'])}:{r['leader_while_down'] or 'NOBODY'}>{r['leader'] or 'nobody'}/{len(r['serving'])}({r['gap']})" for r in record["restarts"])
            for record in records
        )
        print(f"{key}: {case['version']} {time.monotonic() - began:.0f} s {told}", flush=True)
        if asked.keep:
            print(f"   logs in {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        return True

    with ThreadPoolExecutor(asked.at_once) as pool:
        made = list(pool.map(lambda pair: one(*pair), enumerate(cases)))
    return 0 if all(made) else 1


if __name__ == "__main__":
    sys.exit(main())
