# make demo          set everything up and watch a task being solved in the sandbox
# make test          set everything up and run the tests            (make test ARGS="-k fences -x")
# make check         format, lint, types, lock file, and the wheel in an empty environment
# make soak          the long tests                                 make bench   the measurements
# make stop-engine   end the container engine that a setup started  make lock    refresh the pins
# make fix           let ruff format and mend what it can

BIN := .venv/bin
# Found by their names, so that a project with none yet says so.
BENCHMARKS := $(sort $(filter-out benchmarks/_%,$(wildcard benchmarks/*.py)))

.PHONY: help demo test-tools test soak bench check fix format lint types lock-holds wheel venv sandbox stop-engine lock
.NOTPARALLEL:

help:
	@sed -n 's/^# //p' Makefile | head -6

venv:
	@.ci/venv

# The engine and the sandbox image; at a terminal it asks before it installs anything.
sandbox: venv
	@$(BIN)/assistant sandbox build

# Without a sandbox the demo says so and runs its own code locally.
demo: venv
	@$(BIN)/assistant sandbox build || test $$? -eq 5
	@$(BIN)/assistant demo

test-tools:
	@.ci/test-tools

test: sandbox test-tools
	@$(BIN)/pytest $(ARGS)

soak: sandbox
	@.ci/test-tools soak
	@$(BIN)/pytest -m "slow and not live" --timeout=3600 $(ARGS)

bench: sandbox
	@$(if $(BENCHMARKS),,echo "There are no benchmarks yet.")
	@set -e; for file in $(BENCHMARKS); do echo "== $$file"; $(BIN)/python $$file; done

check: format lint types lock-holds wheel

format: venv
	@$(BIN)/ruff format --check --quiet . || { echo "Run: make fix"; exit 1; }

lint: venv
	@$(BIN)/ruff check --quiet .

types: venv
	@$(BIN)/mypy

lock-holds: venv
	@$(BIN)/pip --disable-pip-version-check check || { echo "Run: make lock"; exit 1; }

wheel: venv
	@.ci/wheel

fix: venv
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

stop-engine: venv
	@$(BIN)/assistant sandbox stop

lock:
	@.ci/lock
