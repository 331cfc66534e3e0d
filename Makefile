# Everything that is done to the project, by name. A fresh Debian or Ubuntu machine needs cargo and root.
.PHONY: help build demo test fast lab-test bench clean-lab

help:
	@echo "make demo      boot a real five-master cluster here and migrate it"
	@echo "make test      formatting, clippy, unit, integration and lab tests; ends with a line of counts"
	@echo "make fast      the same without the lab"
	@echo "make bench     how long steps take, beside plain ssh, in one run"
	@echo "make fuzz      feed the parsers with nonsense for SECONDS (600) and a new SEED, optimised and with every check on"
	@echo "make build     target/release/zkmig"

build:
	cargo build --release --locked

demo: build
	tools/demo

test:
	tools/test

fast:
	tools/test --fast

bench: build
	tools/bench

SECONDS ?= 600
SEED ?= $(shell date +%s)
fuzz:
	ZKMIG_FUZZ_SECONDS=$(SECONDS) ZKMIG_FUZZ_SEED=$(SEED) cargo test --locked --profile fuzz --test fuzz
