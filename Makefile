# Each target installs what it needs. Requirements: Python 3.11 or newer, and make.
.DEFAULT_GOAL := help
.PHONY: help demo test test-slow check form format bench eval peers load scale lambda clean

PYTHON ?= python3
# Arguments of bench, eval and scale, for example ARGS="hits memory --strict".
ARGS ?=
# Without uv on PATH, pip installs it into build/bootstrap.
UV := $(shell command -v uv 2>/dev/null || echo build/bootstrap/bin/uv)
RUN = $(UV) run --frozen --all-extras
# `loadgroup` runs tests of one xdist_group in one worker: they share a server or a model.
PYTEST = $(RUN) pytest --numprocesses auto --dist loadgroup
export PYTHONDONTWRITEBYTECODE = 1
export PATH := $(CURDIR)/build/bootstrap/bin:$(PATH)

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build/bootstrap/bin/uv:
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target build/bootstrap uv

demo: $(filter build/%,$(UV)) ## import sample notes, ask questions, show what the cache saves
	@$(UV) sync --quiet --frozen --no-dev --extra local
	@$(UV) run --frozen --no-sync tercet demo

test: form ## form, then the fast tests with coverage (under 5 minutes on two cores)
	$(PYTEST) -m "not slow" --cov --cov-report term:skip-covered --cov-fail-under 90

test-slow: $(filter build/%,$(UV)) ## the tests that `make test` leaves out
	$(PYTEST) -m slow

check: form ## form, then the unit tests (under a minute)
	$(RUN) pytest --quiet tests/unit

form: $(filter build/%,$(UV)) ## check format, lint and types
	@$(UV) sync --quiet --frozen --all-extras
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy

format: $(filter build/%,$(UV)) ## format the code and apply lint fixes
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

bench: $(filter build/%,$(UV)) ## measure performance beside the naive design; writes build/bench.json
	$(RUN) python -m tests.benchmarks $(ARGS)

eval: $(filter build/%,$(UV)) ## measure matching, freshness and hit rates; writes build/eval.json
	$(RUN) python -m tests.evaluation $(ARGS)

peers: build/peers/venv ## measure Tercet beside other caches, in an environment of their own
	build/peers/venv/bin/python -m tests.peers $(ARGS)

build/peers/venv: tests/peers/requirements.txt pyproject.toml $(filter build/%,$(UV))
	$(UV) venv --quiet --clear $@
	$(UV) pip install --quiet --python $@ --editable '.[local]' pytest --requirement $<
	@touch $@

load: $(filter build/%,$(UV)) ## 100 concurrent users for two minutes; adds to build/bench.json
	$(RUN) python -m tests.load

scale: $(filter build/%,$(UV)) ## simulate up to 10 million users; ARGS=check compares with a load test
	$(RUN) python -m tests.scale $(ARGS)

lambda: $(filter build/%,$(UV)) ## run the deployed build on the Lambda runtime, without Docker
	$(RUN) python -m tests.lambda_emulator

clean: ## remove build output, the virtual environment and local data
	rm -rf build .venv .tercet
