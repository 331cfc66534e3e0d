# Everything that is done to the project, by name. A fresh Debian or Ubuntu machine needs cargo and root.
.PHONY: help build demo test fast lab campaigns bench fuzz faults faults-short quorum members

help:
	@echo "make demo      boot a real five-master cluster here and migrate it"
	@echo "make test      the three parts below, one after the other; ends with a line of counts"
	@echo "make fast      formatting, clippy, unit and integration tests: needs no lab"
	@echo "make lab       whole migrations on real clusters, and the lab's own promises"
	@echo "make campaigns the short forms of 'make faults' and 'make quorum'"
	@echo "make faults    break migrations in every way and judge what is left: about an hour, ends with a table"
	@echo "make faults-short  the most telling of its cases, in four minutes"
	@echo "make quorum    rehearse migrations of many clusters, planned and in the documented order: under three hours, ends with a table"
	@echo "make members   roll clusters of etcd, RabbitMQ and ZooKeeper, beside serial restarts: some 40 minutes, tests/lab/table makes a table of it"
	@echo "make bench     how long steps take, beside plain ssh, in one run; and many hosts on one sshd (BASELINE=an older zkmig)"
	@echo "make fuzz      feed the parsers with nonsense for SECONDS (600) and a new SEED, optimised and with every check on"
	@echo "make build     target/release/zkmig"

build:
	cargo build --release --locked

demo: build
	tools/demo

test:
	tools/test

fast lab campaigns:
	tools/test $@

bench: build
	tools/bench
	tools/bench-scale

SECONDS ?= 600
SEED ?= $(shell date +%s)
# Optimised, and with the checks of a debug build.
fuzz:
	ZKMIG_FUZZ_SECONDS=$(SECONDS) ZKMIG_FUZZ_SEED=$(SEED) CARGO_PROFILE_DEV_OPT_LEVEL=3 cargo test --locked --test fuzz

# In parts and on other terms: tests/faults/run --help. What was right already is left out when it is started again.
faults: build
	tests/faults/run --labs 4 --resume

faults-short: build
	tests/faults/run --short --labs 3 --out target/faults-short

# The same: tests/quorum/run --help. The gaps that it measures are elections: more labs than cores would stretch them.
quorum: build
	tests/quorum/run --labs 2 --resume

# One lab after the other: RabbitMQ wants the processors for itself.
members: build
	tests/lab/run --only members --all --labs 1 --out target/members
