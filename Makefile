# make demo: from a fresh checkout to the demo. make test: everything that must hold before a commit.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: install demo test lint types coverage bench

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[embedded,demo,dev]"
	touch $@

demo: install
	$(BIN)/newaisle demo

test: lint types coverage

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff check --select TID251 src/newaisle/*/
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

coverage: install
	$(BIN)/python -m pytest --cov --cov-fail-under=90

bench: install
	set -e; for script in $(sort $(wildcard benchmarks/*.py)); do $(BIN)/python $$script; done
