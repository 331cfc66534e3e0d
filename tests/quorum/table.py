"""The tables: the one at a campaign's end, and docs/quorum.md from results.

`tests/quorum/table OUT…` prints the Markdown of one or several campaigns' results; the newest line of a case counts. Results of several
builds are refused.
"""

from campaign.results import print_document

import bars
from cases import FAMILIES, all_cases
from exceptions import CAUSES, EXCEPTIONS
from starts import SEED
from trial import BACK, DOCUMENTED, QUORUM

TITLES = ("case", "starts from", "ZooKeeper", "checks", "plan", "restarts", "down at once: plan, units", "foreseen right", "promises kept",
          "no spare: planned, seen", "longest gap predicted", "gap", "one session's wait", "sessions lost",
          "documented: gap", "one session's wait", "sessions lost", "verdict")


def seconds(found):
    """A time, or a dash where there is none."""
    return "-" if found is None else f"{found:.1f} s"


def row(line):
    """A case's cells."""
    halves = line.get("halves", {})
    theirs = halves.get(DOCUMENTED)
    notes = f" ({'; '.join(line['notes'])})" if line["family"] == "fault" and line["notes"] else ""
    cells = [line["id"], line["title"] + notes, line.get("zookeeper") or "-", f"{line['check_ms'] / 1000:g} s" if line.get("check_ms") else "-"]
    cells += planned(halves[QUORUM]) if QUORUM in halves else ["-"] * 10
    if BACK in halves:
        cells = [f"{there}; back: {back}" if back != "-" else there for there, back in zip(cells, ["-"] * 4 + planned(halves[BACK]))]
    return cells + ([seconds(theirs["longest_gap"]), seconds(theirs["longest_wait"]), lost(theirs)] if theirs else ["-"] * 3)


def planned(half):
    """The cells of a planned migration."""
    plan = half["plan"] or (f"none; done {half['done']}" if half["done"] else "none")
    if half["replans"] or (half["plan"] and half["done"] != half["plan"]):
        plan += f"; done {half['done']}"
    told = [each for each in half["each"] if each["stop"] is not None]
    promised = [each for each in told if each["promise"] is not None]
    at_once = f"{half['told_together'] or '-'}, {half['seen_together'] or '-'}" + (f" (max_down {half['max_down']})" if half["max_down"] else "")
    price = half["price"] or {}
    return [plan, str(half["restarts"]), at_once,
            f"{half['right']} of {half['predicted']}" if half["predicted"] else "no predictions",
            f"{sum(1 for each in promised if not each['broken'])} of {len(promised)}, {sum(1 for each in promised if each['election'])} elections" if promised else "none made",
            f"{seconds(price.get('no_spare_seconds'))}, {seconds((half['probe'] or {}).get('without_spare'))}",
            foretold(half["price"]) + (" (elections)" if half["elections_only"] else ""),
            seconds(half["longest_gap"]), seconds(half["longest_wait"]), lost(half)]


def foretold(price):
    """The longest gap of a plan: most likely, and at the worst."""
    return f"{price['longest_gap_seconds']:.1f} to {seconds(price['worst_gap_seconds'])}" if price else "-"


def lost(half):
    """How many sessions a half lost."""
    return "-" if half["lost_sessions"] is None else str(half["lost_sessions"])


def wrong_of(line):
    """What came otherwise than foreseen, by its restart."""
    return [f"restart {each['name']}: {each['wrong']}" for half in line.get("halves", {}).values() for each in half["each"] if each["wrong"]]


def details(line):
    """What a terminal shows of a case below its line."""
    cells = row(line)
    said = [", ".join(f"{title} {cell}" for title, cell in list(zip(TITLES, cells))[2:-1] if cell != "-")]
    return said + [wrong for wrong in wrong_of(line) if not any(wrong in problem for problem in line["problems"])] + line["problems"]


def text(lines, limits=bars.WHOLE):
    """The table for a terminal, then the bars."""
    rows = [TITLES[:1] + TITLES[2:-1]] + [row(line)[:1] + row(line)[2:] for line in lines]
    widths = [max(len(cells[place]) for cells in rows) for place in range(len(rows[0]))]
    out = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip() for cells in rows]
    out += [""] + [f"{'reached' if holds else 'MISSED ':8} {name}: {found}" for name, holds, found in bars.bars(lines, limits)]
    out += [f"exception: {case}, restart {name}: {reason}" for case, name, reason in bars.exceptions(lines)]
    return "\n".join(out + bars.comparison(lines))


def escaped(cell):
    """A cell of a Markdown table."""
    return cell.replace("|", "\\|").replace("\n", " ")


def elections(lines):
    """A line for each restart with which an election came, or a gap: what was said, and what the units, the sweeps and the clients saw."""
    for line, half in bars.undisturbed(lines):
        way = "" if half["strategy"] == QUORUM else ", back"
        for each in half["each"]:
            if each["stop"] is None or not (each["election"] or each["gap"] or each["broken"]):
                continue
            said = "an outage is foretold" if each["promise"] is None else f"at most {each['promise']:g} s" if each["election"] else "no election"
            led = ", ".join(host.rpartition(".")[2] for host in each["led_by"]) or "**nobody**"
            yield [line["id"] + way, each["name"], said, seconds(each["gap"]) if each["gap"] else "none above 0.25 s",
                   seconds(each["led_after"]), f"{each['down']:.1f} s", led, each["broken"] or "kept"]


ELECTIONS = ("case", "restart", "said", "nothing acknowledged for", "a leader seen after", "down for", "led meanwhile", "promise")


def spare(lines):
    """What each way costs on the procedure's cluster."""
    for line in lines:
        if line["family"] != "procedure":
            continue
        for half in line.get("halves", {}).values():
            probe = half["probe"] or {}
            way = "documented order" if half["strategy"] == DOCUMENTED else f"max_down={half['max_down']}"
            price = half["price"] if half["strategy"] == QUORUM else None
            yield [line.get("zookeeper") or "-", way, str(half["restarts"]), f"{price['elections']}, {probe.get('elections', '-')}" if price else f"-, {probe.get('elections', '-')}",
                   f"{seconds((price or {}).get('no_spare_seconds'))}, {seconds(probe.get('without_spare'))}",
                   ", ".join(f"{gap:.1f}" for gap in half["gaps"] if gap > 0.5) or "none", seconds(half["longest_wait"]), lost(half), seconds(half["seconds"])]


SPARE = ("ZooKeeper", "order", "restarts", "elections: planned, seen", "no spare: planned, seen", "gaps above 0.5 s", "one session's wait", "sessions lost", "whole run")


def of(titles, rows):
    """A Markdown table."""
    return ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles), *("| " + " | ".join(map(escaped, cells)) + " |" for cells in rows)]


HEAD = """# The rehearsal campaign

Every row is one cluster on a lab, migrated by a plan (`-e strategy=quorum`), in the documented order (`-e strategy=documented`), or there and back. ZooKeeper,
systemd, journald, sshd and sudo are real, Exhibitor is a stand-in. Two clients for each master, with sessions of 10 s, wrote all the time, together some forty times a second.

    make quorum

## What is looked at

An outage that lasts a restart must not pass for an election. So Exhibitor checks each 10 s or less often, which a restart takes longer than, and for each
restart those who are not zkmig say what came:

- the units of the masters: when each ZooKeeper ended and the next one was there, five times a second, from their control groups;
- a sweep over all servers four times a second: who serves, who leads. *Led meanwhile* is who led a quorum while those that were restarted were down;
- the clients: the times in which nobody's write was acknowledged, and no new session either (a *gap*).

A restart keeps its promise when a leader is there, by both, within the time that was said, 3 s where elections only were promised, and somebody led while it was
down. It is *foreseen right* when exactly those served afterwards that were to. *Down at once* is how many masters were announced to be down together, and how many were, by their
units. *One session's wait* is the longest time between two acknowledged writes of one client: it is longer than a gap, because ZooKeeper's library pauses before it connects again. *No spare* is the time in which one more failure would
have ended the quorum: as planned, and as the run's own probe saw it.

That an outage can't pass for an election was tried: a build whose model had one rule set for all of 3.4 moved 193:1 122:4 203:3 on 3.4.14, checks each 10 s. Its plan promised
elections only; the case failed with "restart 6: 122: nothing was acknowledged for 14.11 s, a leader was seen 13.79 s after the stop, nobody led while it was down, for 11.6 s".

A plan names the masters by the last number of their addresses, in the order of their restarts: those in brackets together, a bar between the stages. In a case in which something was broken, all is that of its
first run.
"""


def broken(lines):
    """Every restart that broke its promise or came otherwise than was foreseen, with the cause where it is known."""
    for line, half in bars.undisturbed(lines):
        listed = EXCEPTIONS.get(line["id"], {})
        for each in half["each"]:
            if (each["broken"] or each["wrong"]) and each["name"] not in listed:
                yield [line["id"], each["name"], "; ".join(filter(None, [each["broken"], each["wrong"]])), CAUSES.get(line["id"], {}).get(each["name"], "not known")]


def not_run(lines):
    """The cases of which these results have none, a line for each family."""
    known = {line["id"] for line in lines}
    for family in FAMILIES:
        cases = [case.id for case in all_cases(SEED) if case.family == family]
        left = [case for case in cases if case not in known]
        if left:
            made = [case for case in cases if case in known]
            which = "all" if not made else ", ".join(left) if len(left) <= len(made) else f"all but {', '.join(made)}"
            yield [family, f"{len(left)} of {len(cases)}", which]


def busy(lines):
    """How busy the machine was."""
    loads = [(line["load"], line["cores"]) for line in lines if "load" in line]
    return f" The machine's load was {min(loads)[0]:g} to {max(loads)[0]:g} on {loads[-1][1]} cores." if loads else ""


def markdown(results):
    """docs/quorum.md."""
    lines = list(results.values())
    out = [HEAD,
           f"zkmig {', '.join(sorted({line['binary'] for line in lines}))}; harness {', '.join(sorted({line['harness'] for line in lines}))}. "
           f"{len(lines)} cases, {sum(line['checks'] for line in lines)} checks, {sum(line['seconds'] for line in lines) / 60:.0f} minutes of lab time.{busy(lines)}", "",
           "## What has to hold", ""]
    out += of(("what", "", "found"), [(name, "reached" if holds else "**missed**", found) for name, holds, found in bars.bars(lines)])
    out += [""] + [f"{said[0].upper()}{said[1:]}." for said in bars.comparison(lines)]
    listed = bars.exceptions(lines)
    out += ["", "## Exceptions", ""] + (of(("case", "restart", "reason"), listed) if listed else ["None."])
    if rows := list(broken(lines)):
        out += ["", "## Not kept, and why", "", *of(("case", "restart", "what came", "why"), rows)]
    if rows := list(not_run(lines)):
        out += ["", "## Not run with this build", "", *of(("family", "cases", "which"), rows)]
    if rows := list(spare(lines)):
        out += ["", "## The procedure's cluster: what each order costs", "", *of(SPARE, rows)]
    families = {}
    for line in lines:
        families.setdefault(line["family"], []).append(line)
    for family, members in families.items():
        rows = []
        for line in sorted(members, key=lambda line: line["id"]):
            verdict = "; ".join([line["verdict"], *wrong_of(line), *line["problems"]])
            rows.append([*row(line), verdict if len(verdict) < 400 else verdict[:400] + "…"])
        out += ["", f"## {family}", "", *of(TITLES, rows)]
    if rows := list(elections(lines)):
        out += ["", "## Restart by restart", "", "Those with an election, a gap, or a broken promise.", "", *of(ELECTIONS, rows)]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    print_document(markdown, "tests/quorum/table")
