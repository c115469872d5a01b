# Each target does all its own set-up: Python 3.11 or newer and make are enough.
.DEFAULT_GOAL := help
.PHONY: help demo test check form format bench eval load lambda clean

PYTHON ?= python3
# uv comes from the machine, else by pip into build/, where it disturbs nothing.
UV := $(shell command -v uv 2>/dev/null || echo build/bootstrap/bin/uv)
RUN = $(UV) run --frozen --all-extras
export PYTHONDONTWRITEBYTECODE = 1
export PATH := $(CURDIR)/build/bootstrap/bin:$(PATH)

help: ## show what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

build/bootstrap/bin/uv:
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target build/bootstrap uv

demo: $(filter build/%,$(UV)) ## import sample notes, ask, and see what the cache saves
	@$(UV) sync --quiet --frozen --no-dev --extra local
	@$(UV) run --frozen --no-sync tercet demo

test: form ## every test, with coverage (under 12 minutes on two cores)
	$(RUN) pytest --numprocesses 2 --dist loadgroup --cov --cov-report term:skip-covered --cov-fail-under 90

check: form ## format, lint, types, unit tests (under a minute)
	$(RUN) pytest --quiet tests/unit

form: $(filter build/%,$(UV)) ## format, lint, types
	@$(UV) sync --quiet --frozen --all-extras
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy

format: $(filter build/%,$(UV)) ## put the code in form
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

bench: $(filter build/%,$(UV)) ## measure beside the naive design; writes build/bench.json
	$(RUN) python -m tests.benchmarks

eval: $(filter build/%,$(UV)) ## judge matching, freshness and hit rates; writes build/eval.json
	$(RUN) python -m tests.evaluation

load: $(filter build/%,$(UV)) ## 100 users at once for two minutes; adds to build/bench.json
	$(RUN) python -m tests.load

lambda: $(filter build/%,$(UV)) ## run what is deployed on Lambda's own runtime, without Docker
	$(RUN) python -m infra.aws.emulator

clean: ## remove what was built
	rm -rf build .venv .tercet
