"""Restarts that came otherwise than was foreseen or promised, each by its case and its name there, with the reason.

What is in neither list fails its case, and so does what is in CAUSES: there the reason is known, and the promise should not have been
made. What is in EXCEPTIONS is no fault of a plan's."""

# {case: {"number: group": reason}}
EXCEPTIONS = {}

# Up to 3.4.9 a follower whose leader has gone reads its snapshot and its log again before it votes (ZooKeeperServer.shutdown@3.4.6 clears the
# database; @3.4.14 shutdown fast-forwards it). The journals of the masters have "Reading snapshot" between LOOKING and "New election".


def reads_again(seconds):
    """The cause, with what the journals say of it."""
    return (f"the followers read their database again before they voted, {seconds} s, as versions up to 3.4.9 do, with up to 20,000 transactions since "
            "their snapshots, on a busy machine: an election takes as long as that, which no plan knows")


CAUSES = {
    "procedure-3.4.6-max-down-1": {"5: 104": reads_again("0.8 to 1.6"), "10: 169": reads_again("3.3 to 4.2"), "13: 193": reads_again("1.4 to 1.5"), "15: 169": reads_again("1.4 to 1.9")},
    "procedure-3.4.6-max-down-2": {"8: [122 169]": reads_again("0.9")},
    "gaps-3.4.6-5-1": {"10: [193 169]": reads_again("1.1")},
    "gaps-3.8-5-1": {"10: 169": "ZOOKEEPER-4685: 193, elected after 0.5 s, alone had the last transaction (0x30000271f; the others 0x30000271e). It took the others' acknowledgement of it for "
                     "their answer to the new leader (\"NEWLEADER ACK from sid: 1 is from a different epoch\"), and waited in vain until they gave up after 10 s, twice. The model takes it "
                     "that all who served have the last transaction (electing.rs, late)"},
    "gaps-3.8-3-1": {"8: 193": "acknowledged writes were lost, and the run stopped because of it. 122 was elected and sent 203, whose data was older, what it missed; 203 wrote down the new epoch before "
                     "these transactions, 122 waited in vain for its answer (ZOOKEEPER-4685), and 203 looked again with epoch 7 and zxid 0x50000037a. 193 came back with epoch 6 and 0x6000003ed, "
                     "followed 203 because of the epoch, and its transactions of epoch 6 were gone. The plan had said: late, up to 23 s; what can be lost by that it did not say"},
    "promise-3.8-1-10s": {"8: 122": "ZOOKEEPER-4685 twice in a row: 193, elected, waited 20 s in vain for 203, and again, elected anew, until 203 had given up and come back after 10 s. "
                          "The plan takes it to happen once at the most"},
}
