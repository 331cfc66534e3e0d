"""Restarts that came otherwise than was foreseen or promised, each by its case and its name there, with the reason.

What is in neither list fails its case, and so does what is in CAUSES: there the reason is known, and the promise should not have been
made. What is in EXCEPTIONS is no fault of a plan's."""

# {case: {"number: group": reason}}
EXCEPTIONS = {}

# Up to 3.4.9 a follower whose leader has gone reads its snapshot and its log again before it votes (ZooKeeperServer.shutdown@3.4.6 clears the
# database; @3.4.14 it is fast-forwarded).
READS_AGAIN = "the followers read their database again before they voted, as versions up to 3.4.9 do: an election takes as long as that, which no plan knows"
CAUSES = {}
