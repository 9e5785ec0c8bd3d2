# Bare `make` lists the targets. Each does its own set-up: a virtual environment in .venv with all extras.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test simulate soak-rating check bench bench-quick bench-latency bench-compare bench-kernels bench-store bench-wire bench-output bench-cache format clean soak-moves chaos bench-hot-pool bench-backlog bench-rebalance bench-cluster bench-customers soak scaling bench-scale bench-hot bench-page

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[embedded,dev]'
	@touch $@

demo: .venv/ready ## charge a month of usage on real servers, bill it, check that the sums agree
	@$(BIN)/python -m bench.demo

test: .venv/ready ## all tests, on real servers that they start themselves (some 25 minutes on 2 cores, 5 of them simulated worlds)
	$(BIN)/python -m pytest

SEEDS ?= 10000
JOBS ?= 0
simulate: .venv/ready ## make simulate SEEDS=100000 JOBS=2: worlds of crashes, zombies, moves and failovers; REPLAY=moving/17 one of them with its log
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) --jobs $(JOBS) $(if $(REPLAY),--replay $(REPLAY))

soak-rating: .venv/ready ## random catalogues by the million events: kernels against exact arithmetic (some 15 minutes)
	$(BIN)/python -m tests.rating_kernels.soak --catalogues 2000 --events 1000

soak-moves: .venv/ready ## families move all the time while 20,000 events a second flow for them; nothing differs (3 minutes)
	$(BIN)/python -m tests.charging.soak_moves

chaos: .venv/ready ## a hundred processes killed under load, disks filled, daemons paused; then all is right (10 minutes)
	$(BIN)/python -m tests.chaos.run

check: .venv/ready ## ruff, mypy strict, and the house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/house

bench: .venv/ready ## all of it: kernels, store, pipeline with a million customers, a hot pool, latency, and the page (an hour)
	$(BIN)/python -m bench.bench_kernels
	$(BIN)/python -m bench.bench_store
	$(BIN)/python -m bench.bench_pipeline
	$(BIN)/python -m bench.bench_hot_pool
	$(BIN)/python -m bench.bench_latency
	$(BIN)/python -m bench.bench_scale
	$(BIN)/python -m bench.page

bench-quick: .venv/ready ## events a second end to end, beside what the client alone can poll, in under 3 minutes
	$(BIN)/python -m bench.bench_pipeline --quick

bench-latency: .venv/ready ## from a message sent to its record published, open loop, at 10 % and 60 % of capacity
	$(BIN)/python -m bench.bench_latency

bench-scale: .venv/ready ## cost against customers, batch size and call length; one to four daemons
	$(BIN)/python -m bench.bench_scale

bench-page: .venv/ready ## bench/results/index.html: the newest figures and their plots
	$(BIN)/python -m bench.page

bench-hot: .venv/ready ## the hot kernels under pytest-benchmark, beside the run saved last
	$(BIN)/python -m pytest bench/hot_kernels.py --benchmark-autosave $(if $(wildcard .benchmarks/*/*.json),--benchmark-compare)

bench-compare: .venv/ready ## make bench-compare A=... B=...: what got slower between two files of bench/results
	$(BIN)/python -m bench.results $(A) $(B)

bench-kernels: .venv/ready ## events a second that the kernels decide on one core, a million balance groups
	$(BIN)/python -m bench.bench_kernels

bench-store: .venv/ready ## what a commit costs the store, beside a plain HSET; what a customer takes; 10^4 to 10^7 customers (20 minutes, 8 GB)
	$(BIN)/python -m bench.bench_store --ten-million

bench-hot-pool: .venv/ready ## two daemons on one sharing group of 1,000 members: rate, balance between them, gaps; exact
	$(BIN)/python -m bench.bench_hot_pool

bench-wire: .venv/ready ## CPU of an event on its way in: polled, cut, read
	$(BIN)/python -m bench.bench_wire

bench-output: .venv/ready ## what a rated record costs on its way out, broker included, by each compression
	$(BIN)/python -m bench.bench_output

bench-cache: .venv/ready ## what the daemon's cache costs: an event, a cold customer, bytes; 10^4 to 10^6 customers
	$(BIN)/python -m bench.bench_cache

bench-backlog: .venv/ready ## a backlog of two million events: memory, rate, and the latency of new events after it
	$(BIN)/python -m bench.bench_backlog

bench-rebalance: .venv/ready ## how long records stop when a daemon joins, leaves or dies
	$(BIN)/python -m bench.bench_rebalance

bench-cluster: .venv/ready ## the same backlog on one store and on three masters: overhead, not scale, on one machine
	$(BIN)/python -m bench.bench_cluster

bench-customers: .venv/ready ## cost of an event, memory and a restart with 10^4 to 10^6 customers (10^7: --most 10000000)
	$(BIN)/python -m bench.bench_customers

soak: .venv/ready ## make soak [MINUTES=20]: 60 % of capacity, daemons and store killed and replaced, exact at the end
	$(BIN)/python -m bench.soak --minutes $(or $(MINUTES),20)

scaling: .venv/ready ## compute the plan of docs/SCALING.md from the measured figures, and write it there
	$(BIN)/python -m bench.scaling --write

format: .venv/ready ## rewrite the code as ruff formats it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove what was built and the demo's data
	@if [ -d demo-data ] && [ -x $(BIN)/charging ]; then $(BIN)/charging servers stop --data-dir demo-data; fi
	rm -rf .venv demo-data build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
