"""docs/faults.md from results.

`tests/faults/table OUT…` prints the Markdown of one or several campaigns' results; the newest line of a case counts.
"""

from campaign.results import print_document


def markdown(results):
    """docs/faults.md."""
    lines = list(results.values())
    families = {}
    for line in lines:
        families.setdefault(line["family"], []).append(line)
    binaries = sorted({line["binary"] for line in lines})
    harnesses = sorted({line["harness"] for line in lines})
    right = sum(1 for line in lines if line["verdict"] == "right")
    out = [
        "# The fault campaign", "",
        "Every row is one case on a lab: real ZooKeeper 3.4.14 servers, real systemd, journald, sshd and sudo; a client wrote "
        "all the time, together up to forty times a second. What \"right\" means is in `tests/campaign/judge.py`: every znode written before is "
        "there, ids are unique, every environment file is whole and one of the intended texts, `exhibitor.orig` is the original, "
        "never two leaders, the exit code is the documented one, nothing runs on after the process, and the next plain run "
        "reaches the migrated state (or, for the way back, the original one was reached).", "",
        "    make faults", "",
        f"zkmig {', '.join(binaries)}; harness {', '.join(harnesses)}. {len(lines)} cases, {right} right, {len(lines) - right} wrong, "
        f"{sum(line['checks'] for line in lines)} checks, {sum(line['seconds'] for line in lines) / 60:.0f} minutes of lab time.", "",
        "| family | cases | right | wrong |", "|---|---|---|---|",
    ]
    for family, rows in families.items():
        good = sum(1 for line in rows if line["verdict"] == "right")
        out.append(f"| {family} | {len(rows)} | {good} | {len(rows) - good} |")
    for family, rows in families.items():
        out += ["", f"## {family}", "", "| case | what was done | masters | exit codes | seconds | verdict |", "|---|---|---|---|---|---|"]
        for line in sorted(rows, key=lambda line: line["id"]):
            verdict = line["verdict"] + ("" if line["verdict"] == "right" else ": " + "; ".join(line["problems"])[:200])
            done = line["title"] + (f" ({'; '.join(line['notes'])})" if line["notes"] else "")
            cells = [line["id"], done, str(line["masters"]), ", ".join(line["exits"]), f"{line['seconds']:.0f}", verdict]
            out.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    print_document(markdown, "tests/faults/table")
