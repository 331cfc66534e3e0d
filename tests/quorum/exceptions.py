"""Restarts that came otherwise than was foreseen or promised, each by its case and its name there, with the reason.

What is in neither list fails its case, and so does what is in CAUSES: there the reason is known, and the promise should not have been
made. What is in EXCEPTIONS is no fault of a plan's."""

# {case: {"number: group": reason}}
EXCEPTIONS = {}

# Up to 3.4.9 a follower whose leader has gone reads its snapshot and its log again before it votes (ZooKeeperServer.shutdown@3.4.6 clears the
# database; @3.4.14 shutdown fast-forwards it). The journals of the masters have "Reading snapshot" between LOOKING and "New election".


def reads_again(seconds):
    """The cause, with what the journals say of it."""
    return (f"the followers read their database again before they voted, {seconds} s, as versions up to 3.4.9 do, with some 10,000 to 20,000 transactions since "
            "their snapshots, on a busy machine: an election takes as long as that, which no plan knows")


CAUSES = {
    "procedure-3.4.6-max-down-1": {"5: 104": reads_again("0.8 to 1.6"), "10: 169": reads_again("3.3 to 4.2"), "13: 193": reads_again("1.4 to 1.5"), "15: 169": reads_again("1.4 to 1.9")},
    "procedure-3.4.6-max-down-2": {"8: [122 169]": reads_again("0.9")},
}
