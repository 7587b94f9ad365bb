# One word for each habit. Needs make and Python 3.11 or newer; the first use fills .venv.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEER := .ci/mlmd/venv/.ready
NEO4J := benchmarks/bench_neo4j.py

# PYTHON=/path/to/python names another interpreter for the environment.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

# SIZE=small keeps `make bench` to seconds; ARGS goes to pytest as it is.
SIZE ?= full
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo test lint types bench bench-neo4j docs

help: ## list these words
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(READY) ## fill .venv with the package, its tools and the demo's libraries

demo: $(READY) ## train real models, record them, and ask where they came from
	@$(BIN)/python -m lineage.cli.demo

test: $(READY) ## run the tests, with coverage
	@$(BIN)/python -m pytest --cov $(ARGS)

lint: $(READY) ## check format and style
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(READY) ## check types, for the oldest and the newest Python
	@$(BIN)/mypy -p lineage
	@$(BIN)/mypy -p lineage --python-version 3.14

bench: $(READY) $(PEER) ## measure, beside ML Metadata; SIZE=small for a quick look
	@LINEAGE_BENCH_SIZE=$(SIZE) $(BIN)/python -m pytest benchmarks --ignore $(NEO4J) $(ARGS)

bench-neo4j: $(READY) ## measure a store in Neo4j
	@LINEAGE_BENCH_SIZE=$(SIZE) $(BIN)/python -m pytest $(NEO4J) $(ARGS)

docs: $(READY) ## run every Python block of the README and of docs/
	@$(BIN)/python -m pytest tests/test_docs.py $(ARGS)

# A .venv that was cut short, or whose interpreter is gone, is made anew.
$(READY): pyproject.toml
	@$(if $(PYTHON),,$(error found no Python 3.11 or newer; name one with PYTHON=/path/to/python))
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null \
		|| $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,demo,bench]'
	@touch $@

# The real ML Metadata, in an environment of its own; there are wheels for Python 3.11 alone.
$(PEER): .ci/mlmd/build.sh
	@echo "Installing ML Metadata into $(dir $@)"
	@$<
	@touch $@
