# One word per command; CI runs the same commands. `make` alone lists them.
# Pass options in ARGS: make test ARGS='tests/unit -x'

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := uv==0.13.9
ARGS ?=
BEGAN := $(shell date +%s)

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-rest test-long test-all faults bench figures check format lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(VENV)/.dev ## create .venv with everything development needs (half a minute, once)

demo: $(VENV)/.run ## see Linger at work on this machine, with a broker and a store from Python wheels
	@$(BIN)/linger demo $(ARGS)

test: $(VENV)/.dev ## run the tests in minutes, with a real Kafka and Redis if this machine can have them
	@$(if $(ARGS),$(BIN)/python -m tests.prepare && $(BIN)/python -m pytest $(ARGS),$(BIN)/python -m tests short --since $(BEGAN))

test-rest: $(VENV)/.dev ## run the slow tests that `make test` leaves out, and properties with more examples
	@$(BIN)/python -m tests rest --since $(BEGAN)

test-long: $(VENV)/.dev ## run what is too slow for CI: the most examples, the embedded servers, other versions of Python
	@$(BIN)/python -m tests long --since $(BEGAN)
	@$(BIN)/python -m tests.pythons

test-all: $(VENV)/.dev ## run all three
	@$(BIN)/python -m tests all --since $(BEGAN)
	@$(BIN)/python -m tests.pythons

faults: $(VENV)/.dev ## kill, freeze and cut off what Linger runs on, and count what is lost or doubled (half an hour)
	@$(BIN)/python -m tests.prepare
	@$(BIN)/python -m tests.faults $(ARGS)

bench: $(VENV)/.dev ## measure Linger and other programs at the same work; ARGS=--short takes under ten minutes
	@$(BIN)/python -m tests.prepare
	@$(BIN)/python -m benchmarks $(ARGS)

figures: $(VENV)/.dev ## measure Linger alone (an hour; ARGS=--short only shows that it works, in minutes)
	@$(BIN)/python -m tests.prepare
	@$(BIN)/python -m benchmarks.figures $(ARGS)

check: $(VENV)/.dev ## lint; check types, generated files, Dockerfile and docker-compose.yml
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell -D - -D docs/plain-words.txt
	$(BIN)/mypy
	$(BIN)/python -m schemas.generate --check
	$(BIN)/python -m workers.explain.rule_page --check
	$(BIN)/python -m workers.source_files.pack_page --check
	$(BIN)/python -m workers.catalogue.page --check
	$(BIN)/linger rules check --lint-fatal rules
	$(BIN)/linger sources check sources.yaml
	$(BIN)/linger sources test --packs
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

format: $(VENV)/.dev ## format the code and apply safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Existing pins are kept as far as pyproject.toml allows; make lock ARGS=--upgrade takes the newest of everything.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command 'make lock' $(ARGS) pyproject.toml
# The image (requirements-run.lock) has the extra 'registry', and includes the build requirements of pyproject.toml.
BUILD_REQUIRES = $(BIN)/python -c 'import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")'
lock: $(BIN)/python ## pin every dependency again, with hashes, in the three requirements*.lock files
	@$(BIN)/python -m pip install --quiet '$(UV)'
	$(COMPILE) --extra demo --extra registry --output-file requirements.lock
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	$(BUILD_REQUIRES) | $(COMPILE) - --extra registry --constraint requirements.lock --output-file requirements-run.lock

clean: ## remove .venv, caches and downloaded jars
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than its inputs, so each of these runs again only when an input has changed.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Linger needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo 'not there')." ; \
		echo "Name another one: make PYTHON=python3.11" ; exit 1 ; } >&2
	@echo 'Creating $(VENV) ...'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV) ; \
		echo "$(PYTHON) cannot create it; on Debian: apt-get install python3-venv" ; exit 1 ; } >&2

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	@echo 'Installing what Linger runs with ...'
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo 'Installing what its development needs ...'
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@
