# make demo: from a fresh checkout to the demo. make check: lint, types and the fast tests, in about 2 minutes.
# make test: everything that must hold before a commit, in about 10 minutes.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: install hooks demo check test lint types fast coverage coverage-store coverage-model docs bench

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[embedded,demo,excel,dev,docs]"
	touch $@

# checks of what is committed, before every commit
hooks: install
	$(BIN)/pre-commit install

demo: install
	$(BIN)/newaisle demo

check: lint
	$(MAKE) --jobs=2 --output-sync=target fast types

# two halves beside each other: tests with a store wait for servers most of the time; what one encoded, both have
test: export TEST_ENCODINGS = $(CURDIR)/.encodings.sqlite
test: lint
	$(BIN)/python -m coverage erase
	rm -f $(TEST_ENCODINGS)
	$(MAKE) --jobs=2 --output-sync=target coverage types

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff check --select TID251 src/newaisle/*/
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

fast: install
	TEST_ENCODINGS=$(CURDIR)/.encodings.sqlite OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not store and not slow"

coverage: coverage-store coverage-model
	$(BIN)/python -m coverage combine
	$(BIN)/python -m coverage report --fail-under=95

coverage-store: install
	COVERAGE_FILE=.coverage.store OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m store --cov --cov-report=

coverage-model: install
	COVERAGE_FILE=.coverage.model OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not store" --cov --cov-report=

# the site in site/; a broken link or a public name without a docstring fails
docs: export NO_MKDOCS_2_WARNING = 1
docs: install
	$(BIN)/mkdocs build --strict

bench: install
	set -e; for script in $(sort $(wildcard benchmarks/*.py)); do $(BIN)/python $$script; done
