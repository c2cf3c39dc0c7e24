# One line a target; `make` alone lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run tune judge bench-engine bench-proxy observe test check fmt docs lock package ci clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready ## make .venv with everything in it (the first time compiles llama.cpp: about 11 minutes on 2 cores)

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "GuardTune needs Python 3.11 or newer; $(PYTHON) is older. Try: make setup PYTHON=/path/to/python3.11"; exit 1; }
	@command -v c++ >/dev/null || command -v g++ >/dev/null || { echo "A C++ compiler is needed to build llama.cpp. On Debian: apt-get install g++"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: setup ## serve the embedded model with the default policy on http://127.0.0.1:8000
	$(BIN)/guardtune serve $(ARGS)

tune: setup ## search for a better policy for the embedded model (aims at 10 minutes on 2 cores)
	$(BIN)/guardtune tune run --preset quick $(ARGS)

judge: setup ## train the embedded judges again from the data sets beside the project (about 10 minutes)
	$(BIN)/python scripts/train_judge.py $(ARGS)
	$(BIN)/python -m scripts.judge_training.refusal_card $(ARGS)

bench-engine: setup ## measure the engine against its peers (about 20 quiet minutes)
	$(BIN)/python -m benchmarks.engine $(ARGS)

bench-proxy: setup ## measure the proxy beside nginx, LiteLLM and proxies by hand (needs nginx and wrk)
	$(BIN)/python -m benchmarks.proxy $(ARGS)

observe: setup ## watch a proxy with a real Prometheus: every dashboard query with its value (needs prometheus)
	$(BIN)/python -m scripts.observability.observe $(ARGS)

test: setup ## run the tests (offline; real model, real client)
	$(BIN)/pytest -n 3 --dist loadfile $(ARGS)

check: setup ## lint, types, import layers, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/generate.py --check

fmt: setup ## format and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup ## write the generated files anew: references, schema, tables
	$(BIN)/python scripts/generate.py

lock: setup ## resolve requirements.lock anew, with hashes and without index addresses
	$(BIN)/uv pip compile pyproject.toml --group dev --extra demo --extra granian --extra otel --extra ray --extra relevance --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" --quiet --output-file requirements.lock

package: setup ## build the wheel and the source distribution into dist/
	$(BIN)/uv build --no-build-isolation --offline --python $(BIN)/python --out-dir dist .

ci: ## what CI runs
	bash .ci/run

clean: ## remove caches and build output; keeps .venv
	rm -rf dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
