# One word for each habit. Needs make and Python 3.11 or newer; the first use fills .venv.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := $(VENV)/.demo
EXTRAS := dev,demo,bench
DEMO_EXTRAS := demo,web
PEER := .ci/mlmd/venv/.ready
MLFLOW := .ci/mlflow/venv/.ready
LIBRARIES := $(basename $(notdir $(wildcard .ci/libraries/*.txt)))
SITE := .venv-site
UI := web/node_modules/.ready
NEO4J := benchmarks/bench_neo4j.py
BESIDE_MLFLOW := benchmarks/bench_mlflow.py

# PYTHON=/path/to/python names another interpreter for the environment.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

# SIZE=small keeps `make bench` to seconds; ARGS goes to pytest as it is; MINUTES bounds `make soak`.
SIZE ?= full
ARGS ?=
MINUTES ?= 10

# All tests are shared out among the processors, and their coverage is judged; a part is neither.
WHOLE := --cov --numprocesses auto --durations 20 --durations-min 5

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo check format test lint types soak real bench bench-neo4j docs site ui

help: ## list these words
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(READY) ## fill .venv with the package, its tools and the demo's libraries

# Where the tools are installed, so is what the demo needs; else only that is.
demo: $(if $(wildcard $(READY)),$(READY),$(DEMO)) ## train real models, record them, and ask where they came from
	@$(BIN)/python -m lineage.cli.demo

check: lint types ## lint, types and the quick tests: what to run before each commit
	@$(BIN)/python -m pytest --numprocesses auto -m 'not neo4j and not slow' $(ARGS)

format: $(READY) ## put files into the format, and repair what can be repaired
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

test: $(READY) ## run the tests, with coverage; ARGS=tests/test_store.py or ARGS='-k plugins' runs a part
	@$(BIN)/python -m pytest $(or $(ARGS),$(WHOLE))

lint: $(READY) ## check format and style
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(READY) ## check types, for the oldest and the newest Python, and those of the tests
	@$(BIN)/mypy -p lineage -p tests
	@$(BIN)/mypy -p lineage --python-version 3.14

soak: $(READY) ## try random examples, kills and full disks for MINUTES=10, with new seeds each round
	@$(BIN)/python -m tests.soak --minutes $(MINUTES) -- $(ARGS)

bench: $(READY) $(PEER) ## measure, beside ML Metadata; SIZE=small for a quick look
	@LINEAGE_BENCH_SIZE=$(SIZE) $(BIN)/python -m pytest benchmarks --ignore $(NEO4J) --ignore $(BESIDE_MLFLOW) $(ARGS)

bench-neo4j: $(READY) ## measure a store in Neo4j
	@LINEAGE_BENCH_SIZE=$(SIZE) $(BIN)/python -m pytest $(NEO4J) $(ARGS)

docs: $(READY) ## run every Python and console block of the README and of docs/
	@$(BIN)/python -m pytest tests/test_docs.py $(ARGS)

site: $(SITE)/.ready ## build the documentation as a site, with the API reference, in build/site
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --quiet
	@echo "The site is in build/site: $(SITE)/bin/mkdocs serve shows it"

ui: $(UI) ## check and build the script of the pages, from web/ into lineage/web; needs Node.js
	@web/node_modules/.bin/tsc --project web
	@node web/build.mjs

real: $(READY) $(SITE)/.ready $(MLFLOW) ## try what takes other systems: the site, MLflow, and the libraries that record themselves
	@.ci/libraries/build.sh $(LIBRARIES)
	@$(BIN)/python -m pytest -m real $(ARGS)
	@LINEAGE_BENCH_SIZE=$(SIZE) $(BIN)/python -m pytest $(BESIDE_MLFLOW)

# Only the tools: the reference is made of our sources, which are not imported.
$(SITE)/.ready: pyproject.toml
	@$(if $(PYTHON),,$(error found no Python 3.11 or newer; name one with PYTHON=/path/to/python))
	@echo "Installing the tools of the site into $(SITE)"
	@$(PYTHON) -m venv --clear $(SITE)
	@$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["site"], sep="\n")' \
		| $(SITE)/bin/python -m pip install --quiet --disable-pip-version-check --requirement /dev/stdin
	@touch $@

$(UI): web/package.json web/package-lock.json
	@echo "Installing the tools of web/ into $(dir $@)"
	@npm ci --prefix web --silent
	@touch $@

# A .venv that was cut short, or whose interpreter is gone, is made anew.
define install
	@$(if $(PYTHON),,$(error found no Python 3.11 or newer; name one with PYTHON=/path/to/python))
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null \
		|| { echo "Making $(VENV) with $(PYTHON)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "Installing lineage and $(1) into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(2)]'
endef

$(READY): pyproject.toml
	$(call install,all tools,$(EXTRAS))
	@touch $(DEMO) $@

$(DEMO): pyproject.toml
	$(call install,scikit-learn and the pages,$(DEMO_EXTRAS))
	@touch $@

# MLflow as people install it; the tests of `make real` run it beside ours.
$(MLFLOW): .ci/mlflow/build.sh | $(READY)
	@echo "Installing MLflow into $(dir $@)"
	@$<
	@touch $@

# The real ML Metadata, in an environment of its own; there are wheels for Python 3.11 alone.
$(PEER): .ci/mlmd/build.sh
	@echo "Installing ML Metadata into $(dir $@)"
	@$<
	@touch $@
