# SPDX-License-Identifier: Apache-2.0
# `make` lists the targets. Everything is installed in .venv; models go to the XDG data directory.
# Each step leaves a stamp in .venv/.stamps that is as new as what the step was made from.
# A lock file names everything, so pip resolves nothing (--no-deps): given a say, pip 23 takes the
# newest release for `coverage[toml]`, finds no hash for it, and fails on the day it is published.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
ENGINE := $(VENV)/lib/nearward-llama
MODEL := smollm2-135m-instruct-q4_1
# What the engine computes on: cpu, cuda, metal or vulkan; as installed, unless told otherwise.
INSTALLED_BACKEND := $(shell sed -n 's/.*"backend": "\([a-z]*\)".*/\1/p' $(ENGINE)/engine.json 2>/dev/null)
BACKEND ?= $(or $(INSTALLED_BACKEND),cpu)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
ARGS ?=
DATA ?= ../shared/data

# What decides which engine is brought, and how it is compiled.
ENGINE_SOURCES := $(addprefix local_engine/,build.py build_steps.py device.py landlock.py pins.py pip_client.py) lock/engine.txt

# The first interpreter that is new enough and can make environments.
find_python = for p in "$(PYTHON)" python3 python3.13 python3.12 python3.11; do \
	[ -n "$$p" ] && "$$p" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
		>/dev/null 2>&1 && { echo "$$p"; exit 0; }; done; true

# $(call step,what,command): one line when it starts and one with its seconds when it is done.
define step
	@mkdir -p $(STAMPS); printf '==> %s\n' '$(1)'; from=$$SECONDS; \
	{ $(2); } || { printf '==> %s: failed\n' '$(1)' >&2; exit 1; }; \
	printf '==> %s: done in %ss\n' '$(1)' "$$((SECONDS - from))"; touch $@
endef

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  ARGS=... is handed on, e.g. make serve ARGS='--port 8500', make test ARGS='-k audit'"

# --- installing ---------------------------------------------------------------------------------

.PHONY: setup
setup: ## Install everything that `serve` needs (BACKEND=cuda|metal|vulkan for a GPU)
	@$(MAKE) --jobs=3 installed

.PHONY: setup-test
setup-test: ## Install what the tests and checks need as well
	@$(MAKE) --jobs=3 installed-test

.PHONY: installed
installed: $(STAMPS)/package $(STAMPS)/engine model
	@:

.PHONY: installed-test
installed-test: installed $(STAMPS)/dev
	@:

$(STAMPS)/venv:
	@py=$$($(find_python)); [ -n "$$py" ] || { \
		echo "nearward needs Python 3.11 or newer with the venv module (Debian: python3-venv);" >&2; \
		echo "name one with: make PYTHON=/path/to/python3 ..." >&2; exit 1; }; \
	"$$py" -m venv $(VENV); mkdir -p $(STAMPS); touch $@

# The compiler's tools come first, so that the engine compiles while the rest is fetched.
$(STAMPS)/build: lock/build.txt | $(STAMPS)/venv
	$(call step,build tools,$(PIP) install --no-deps --require-hashes -r lock/build.txt)

$(STAMPS)/core: lock/core.txt | $(STAMPS)/build
	$(call step,packages,$(PIP) install --no-deps --require-hashes -r lock/core.txt)

$(STAMPS)/package: pyproject.toml $(STAMPS)/core
	$(call step,nearward,$(PIP) install --no-deps --no-build-isolation --editable .)

$(STAMPS)/engine: $(ENGINE_SOURCES) | $(STAMPS)/build
	$(call step,engine (compiling takes two or three minutes),$(BIN)/python -m local_engine.build --prefix $(ENGINE) --backend $(BACKEND))

# Another backend than the installed one was asked for.
ifneq ($(BACKEND),$(or $(INSTALLED_BACKEND),$(BACKEND)))
.PHONY: $(STAMPS)/engine
endif

# The prebuilt engine stands in for want of a compiler: look for one again at each start.
ifneq ($(shell grep -ls '"key": "prebuilt"' $(ENGINE)/engine.json),)
.PHONY: $(STAMPS)/engine
endif

# Without a stamp: the model lies outside .venv, and the store knows best whether it is whole.
.PHONY: model
model: | $(STAMPS)/package
	@$(BIN)/python -m local_engine.store pull $(MODEL)

$(STAMPS)/dev: lock/dev.txt lock/cloud.txt $(STAMPS)/package
	$(call step,packages for tests and the cloud extra,$(PIP) install --no-deps --require-hashes -r lock/dev.txt -r lock/cloud.txt && $(PIP) check)

# --- running ------------------------------------------------------------------------------------

.PHONY: serve
serve: setup ## Install what is missing, then run the gateway on 127.0.0.1:8400
	@exec $(BIN)/nearward serve $(ARGS)

.PHONY: demo
demo: setup ## As serve, with a cloud-shaped server beside it: for the README's demo
	@$(BIN)/python -m tests.doubles --port 9000 & cloud=$$!; trap "kill $$cloud" EXIT; \
	$(BIN)/nearward serve --config deploy/examples/demo.yaml $(ARGS)

.PHONY: test
test: setup-test ## Install what is missing, then run the default test suite
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: bench
bench: setup-test ## Run the speed measurements (on an otherwise idle machine)
	@$(BIN)/python -m pytest -m bench -p no:randomly $(ARGS)

# DATA holds labelled prompts, word lists and running text; see tests/training/privacy.
.PHONY: train-privacy
train-privacy: $(STAMPS)/dev ## Make the privacy detector's lexicon and weights again, and its report
	@$(BIN)/python -m tests.training.privacy --data '$(DATA)' $(ARGS)

# --- checking -----------------------------------------------------------------------------------

.PHONY: check
check: lint type arch ## Run all static checks

.PHONY: lint
lint: $(STAMPS)/dev ## Check style and layout
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: format
format: $(STAMPS)/dev ## Lay out the code and mend what can be mended safely
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

.PHONY: type
type: $(STAMPS)/dev ## Check types
	@$(BIN)/mypy

.PHONY: arch
arch: $(STAMPS)/dev ## Check imports, sizes and the other rules of the house
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest -q tests/architecture $(ARGS)

.PHONY: cover
cover: setup-test ## Run the tests with coverage and hold its floors
	@$(BIN)/coverage erase
	@LOCAL_ENGINE_WRITABLE='$(CURDIR)' $(BIN)/python -m pytest --cov --cov-report= $(ARGS)
	@$(MAKE) floors

# Reads the data that a run with --cov left behind.
.PHONY: floors
floors: $(STAMPS)/dev
	@$(BIN)/coverage report --include='policies/*' --fail-under=100
	@$(BIN)/coverage report --fail-under=90

# --- keeping ------------------------------------------------------------------------------------

.PHONY: lock
lock: $(STAMPS)/venv ## Resolve the dependencies again into lock/*.txt
	@PYTHON=$(BIN)/python lock/refresh.sh

.PHONY: clean
clean: ## Remove what checks and tests leave behind
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* dist
	@find gateway local_engine policies tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## Remove the environment too (the models stay in the data directory)
	@rm -rf $(VENV)
