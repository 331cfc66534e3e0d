"""Clusters of other quorum systems at work: clients that write all the time, and what the servers say of their leader."""
