"""The tables: the one at a campaign's end, and docs/quorum.md from results.

`tests/quorum/table OUT…` prints the Markdown of one or several campaigns' results; the newest line of a case counts.
"""

from campaign.results import print_document

import bars
from trial import DOCUMENTED, QUORUM

TITLES = ("case", "starts from", "plan", "restarts", "joins right", "longest gap predicted", "gap", "by its own probe", "one session's wait", "sessions lost",
          "documented: gap", "one session's wait", "sessions lost", "verdict")


def seconds(found):
    """A time, or a dash where there is none."""
    return "-" if found is None else f"{found:.1f} s"


def row(line):
    """A case's cells."""
    halves = line.get("halves", {})
    ours, theirs = halves.get(QUORUM), halves.get(DOCUMENTED)
    cells = [line["id"], line["title"] + (f" ({'; '.join(line['notes'])})" if line["family"] == "fault" and line["notes"] else "")]
    if ours:
        plan = ours["plan"] or (f"none; done {ours['done']}" if ours["done"] else "none")
        if ours["replans"]:
            plan += f"; {len(ours['replans'])} planned anew: done {ours['done']}"
        joins = f"{ours['right']} of {ours['predicted']}" if ours["predicted"] else "no predictions"
        promise = " (elections)" if ours["elections_only"] else ""
        cells += [plan, str(ours["restarts"]), joins, foretold(ours["price"]) + promise,
                  seconds(ours["longest_gap"]), seconds((ours["probe"] or {}).get("longest_gap")), seconds(ours["longest_wait"]), lost(ours)]
    else:
        cells += ["-"] * 8
    cells += [seconds(theirs["longest_gap"]), seconds(theirs["longest_wait"]), lost(theirs)] if theirs else ["-"] * 3
    return cells


def foretold(price):
    """The longest gap of a plan: most likely, and at the worst."""
    return f"{price['longest_gap_seconds']:.1f} to {seconds(price['worst_gap_seconds'])}" if price else "-"


def lost(half):
    """How many sessions a half lost."""
    return "-" if half["lost_sessions"] is None else str(half["lost_sessions"])


def details(line):
    """What a terminal shows of a case below its line."""
    cells = row(line)
    said = [", ".join(f"{title} {cell}" for title, cell in list(zip(TITLES, cells))[2:-1] if cell != "-")]
    return said + [wrong for half in line.get("halves", {}).values() for wrong in half["wrong"]] + line["problems"]


def text(lines, limits=bars.WHOLE):
    """The table for a terminal, then the bars."""
    rows = [TITLES[:1] + TITLES[2:-1]] + [row(line)[:1] + row(line)[2:] for line in lines]
    widths = [max(len(cells[place]) for cells in rows) for place in range(len(rows[0]))]
    out = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip() for cells in rows]
    out += [""] + [f"{'reached' if holds else 'MISSED ':8} {name}: {found}" for name, holds, found in bars.bars(lines, limits)]
    return "\n".join(out + bars.comparison(lines))


def escaped(cell):
    """A cell of a Markdown table."""
    return cell.replace("|", "\\|").replace("\n", " ")


def markdown(results):
    """docs/quorum.md."""
    lines = list(results.values())
    out = [
        "# The rehearsal campaign", "",
        "Every row is one cluster on a lab, migrated twice from the same state: by a plan (`-e strategy=quorum`), and in the "
        "documented order (`-e strategy=documented`); a row with dashes there was made with `--planned`. ZooKeeper, systemd, journald, sshd and sudo are real, Exhibitor is a stand-in. "
        "Two clients for each master, with sessions of 10 s, wrote ten times a second through all of it.", "",
        "A *gap* is the time in which nobody's write was acknowledged, and no new session either: what the ensemble costs. *One session's wait* is the longest time "
        "between two acknowledged writes of one client: what an application waits. It is longer, and there are waits without a gap, "
        "because ZooKeeper's own library pauses: a random time of up to a second before each attempt to connect again, and a second more "
        "when it has tried every server. Both are those of the worst moment of a run. Sessions lost are those of all clients.", "",
        "    make quorum", "",
        "A plan names the masters by the last number of their addresses, in the order of their restarts: those in brackets together, "
        "a bar between the stages. A prediction is right when exactly those who were to serve after the restart did. The restarts, predictions and "
        "gaps of a case in which something was broken are those of its first run, or of all.", "",
        f"zkmig {', '.join(sorted({line['binary'] for line in lines}))}; harness {', '.join(sorted({line['harness'] for line in lines}))}. "
        f"{len(lines)} cases, {sum(line['checks'] for line in lines)} checks, {sum(line['seconds'] for line in lines) / 60:.0f} minutes of lab time.", "",
        "| what has to hold | | found |", "|---|---|---|",
    ]
    out += [f"| {name} | {'reached' if holds else '**missed**'} | {escaped(found)} |" for name, holds, found in bars.bars(lines)]
    out += [""] + [f"{said[0].upper()}{said[1:]}." for said in bars.comparison(lines)]
    families = {}
    for line in lines:
        families.setdefault(line["family"], []).append(line)
    for family, members in families.items():
        out += ["", f"## {family}", "", "| " + " | ".join(TITLES) + " |", "|" + "---|" * len(TITLES)]
        for line in sorted(members, key=lambda line: line["id"]):
            wrong = [said for half in line.get("halves", {}).values() for said in half["wrong"]]
            verdict = "; ".join([line["verdict"], *wrong, *line["problems"]])[:300]
            out.append("| " + " | ".join(escaped(cell) for cell in [*row(line), verdict]) + " |")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    print_document(markdown, "tests/quorum/table")
