# make demo and make test are all a newcomer needs; both set up .venv first, once.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One process a core; each leaves the others their core.
SPREAD := -n auto --dist worksteal

.PHONY: setup demo test test-fast check docs bench lock clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) not found; ssr needs Python 3.11 or newer: make PYTHON=python3 setup"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (PyTorch is large: some minutes the first time)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)

demo: setup
	$(BIN)/ssr demo --overwrite

test: setup
	$(BIN)/python -m pytest $(SPREAD)

test-fast: setup
	$(BIN)/python -m pytest $(SPREAD) -m "not slow"

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: setup
	$(BIN)/python benchmarks/run.py

lock: setup
	$(BIN)/python -m pip freeze --exclude-editable > requirements-dev.lock

clean:
	rm -rf $(VENV) demo
