"""What rolls cost, from results.

`tests/lab/table OUT…` prints the Markdown of one or several folders of results; the newest line of a case counts.
"""

from campaign.results import print_document

NAMES = {"roll": "by the library", "serial": "serial", "death": "by the library, stopped and resumed"}
HEAD = ["| members | what | order | restarts | elections | longest gap | one client's longest wait | a member down | most down at once | acknowledged writes lost |",
        "|---|---|---|---|---|---|---|---|---|---|"]


def markdown(results):
    """The page."""
    lines = sorted((line for line in results.values() if line["family"] == "members"), key=lambda line: (line["kind"], line["masters"], line["id"]))
    wrong = [line for line in lines if line["verdict"] != "right"]
    out = [
        "# What a roll costs, beside serial restarts", "",
        "Real servers in the lab, a client for each member that writes ten times a second and goes on to another member when its own fails. The "
        "inventory's first member leads before, as one that a serial play restarts first. *Serial* is what a play with `serial: 1` does: in the "
        "inventory's order, on when systemd calls the unit active. Elections are the difference of the servers' own terms (etcd, and the one queue of "
        "RabbitMQ) or epochs (ZooKeeper), from before the first restart to when the cluster is at rest; where a member is cut off, what it does to the term "
        "while it is alone is counted too, and shows when it comes back. A member is down while it takes no connection. A gap is a time in which no "
        "client had a write acknowledged.", "",
        "    make members", "",
        f"zkmig {', '.join(sorted({line['binary'] for line in lines}))}; harness {', '.join(sorted({line['harness'] for line in lines}))}. {len(lines)} cases, "
        f"{len(lines) - len(wrong)} right, {len(wrong)} wrong, {sum(line['checks'] for line in lines)} checks, "
        f"on {lines[0]['cores']} cores with a load of {min(line['load'] for line in lines):g} to {max(line['load'] for line in lines):g}.", "", *HEAD,
    ]
    for line in lines:
        for order, row in line.get("orders", {}).items():
            cells = [f"{line['masters']} of {line['kind']} {line['versions']}", line["title"].partition(": ")[2], NAMES[order], row["restarts"], row["elections"],
                     f"{row['longest_gap']:.2f} s", f"{row['longest_wait']:.2f} s", f"{row['down']:.1f} s", row["most_down"], f"{row['lost']} of {row['acknowledged']}"]
            out.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    if wrong:
        out += ["", "## Wrong", ""] + [f"- {line['id']}: {'; '.join(line['problems'])[:300]}" for line in wrong]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    print_document(markdown, "tests/lab/table")
