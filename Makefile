# Two commands do everything: `make run` and `make test`. Both need Python 3.11+ and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
TESTS ?= tests

.DEFAULT_GOAL := help
.PHONY: help run test lint bench chaos audit fuzz clean lock

help:
	@echo "make run   [ARGS=...]   start the bot; without tokens the terminal chat on the demo team"
	@echo "make test  [TESTS=...]  the whole suite"
	@echo "make lint               ruff, mypy"
	@echo "make bench              speed, as ratios to a bare echo bot"
	@echo "make audit              licences and known vulnerabilities of what is locked"
	@echo "make fuzz               atheris on the gate, the readers and the parsers, a minute each"
	@echo "make chaos              kill -9 loops and platform faults, bounded to 5 minutes"

# The stamp is newer than the lock file, or the environment is made again from it.
$(VENV)/.run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=python3.12 or the like.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked packages (once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/.run
	@$(BIN)/quotadesk run $(ARGS)

# Half as many workers again as cores: tests that talk to a running bot mostly wait.
WORKERS ?= $(shell $(PYTHON) -c 'import os; n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(); print(n + (n + 1) // 2)')

test: $(VENV)/.test
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS) $(ARGS)

lint: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.test
	@$(BIN)/python -m bench $(ARGS)

chaos: $(VENV)/.test
	@$(BIN)/python -m bench.chaos $(ARGS)

audit: $(VENV)/.test
	@$(BIN)/python deploy/licences.py
	@$(BIN)/python deploy/audit.py

# Linux only; its own lock file, so that nobody else needs it. ARGS="--seconds 600 gate" looks longer at one reader.
fuzz: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	@$(BIN)/python -m bench.fuzz $(ARGS)

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build *.egg-info

# Writes the lock files anew (needs uv): every version with its hashes, no index address.
lock:
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml --extra postgres --extra otel -o requirements.lock
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --group dev pyproject.toml --extra postgres --extra otel -c requirements.lock -o requirements-dev.lock
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --group fuzz -o requirements-fuzz.lock
	@echo "setuptools>=80" | uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header - -c requirements-dev.lock -o requirements-build.lock
