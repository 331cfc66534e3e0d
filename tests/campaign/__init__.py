"""What the campaigns share: labs, a client that writes, a look from outside, zkmig followed through its events, and the
judgement of what is left. `tests/faults` and `tests/quorum` are made of it."""
