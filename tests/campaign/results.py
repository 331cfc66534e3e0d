"""The results of a campaign, as they are kept and counted."""

import json
import sys
from pathlib import Path


def read(path):
    """The newest result of each case in a results.ndjson."""
    found = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                result = json.loads(line)
            except ValueError:
                # A campaign that was killed while it wrote.
                continue
            found[result["id"]] = result
    return found


def print_document(markdown, command):
    """A command that prints the document of one or several campaigns' results: the newest line of a case counts."""
    if len(sys.argv) < 2:
        sys.exit(f"{command} OUT…: the folders of the results")
    found = {}
    for folder in sys.argv[1:]:
        part = read(Path(folder) / "results.ndjson")
        if not part:
            sys.exit(f"{folder} holds no results")
        found.update(part)
    builds = sorted({line["binary"] for line in found.values()})
    if len(builds) > 1:
        sys.exit(f"{command}: these results are of several builds of zkmig, {', '.join(builds)}: a table is of one. Run what is left again with the build that counts")
    sys.stdout.write(markdown(found))


def summary(cases, results, counts):
    """A line a family, then the rows that are not right."""
    families = {}
    rows = []
    for case in cases:
        line = results.get(case.id)
        row = families.setdefault(case.family, [0, 0, 0, 0])
        row[0] += 1
        if line and counts(line):
            row[1] += 1
        elif line and line["verdict"] == "wrong":
            row[2] += 1
            rows.append(f"  {case.id}: {case.title}")
            rows += [f"      {problem[:300]}" for problem in line["problems"]]
        else:
            row[3] += 1
            rows.append(f"  {case.id}: not run")
    lines = [f"{'family':12} {'cases':>6} {'right':>6} {'wrong':>6} {'not run':>8}"]
    for family, row in families.items():
        lines.append(f"{family:12} {row[0]:6} {row[1]:6} {row[2]:6} {row[3]:8}")
    total = [sum(row[place] for row in families.values()) for place in range(4)]
    lines.append(f"{'all':12} {total[0]:6} {total[1]:6} {total[2]:6} {total[3]:8}")
    return "\n".join(lines + rows)
