# The two commands a newcomer needs: `make demo` and `make test`. Both set up what they need in .venv.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test lint unit e2e calibrate docs wheel bench clean help

help:            ## Say what there is to make
	@grep -E '^[a-z0-9]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.ready   ## Test the embedded reference candidate and leave a signed report
	$(BIN)/conformance run --demo

test: unit e2e         ## Run all tests: unit, attacks, packaging, then end to end against real products

unit: $(VENV)/.ready   ## Run the fast tests, on all cores
	$(BIN)/python -m pytest -q -n auto -m "not e2e" tests

e2e: $(VENV)/.ready    ## Run whole lines and real products (installs them into a cache)
	$(BIN)/python -m pytest -q -ra -m e2e tests

lint: $(VENV)/.ready   ## Check format, style, types and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy conformance suites profiles reports
	$(BIN)/lint-imports

calibrate: $(VENV)/.ready   ## Prove every check against its fault and keep the matrix beside the suites
	$(BIN)/conformance calibrate

docs: $(VENV)/.ready   ## Write the generated pages: command line, requirements, schemas
	$(BIN)/python docs/build.py

wheel: $(VENV)/.ready  ## Build the wheel into dist/
	$(BIN)/python -m hatchling build -t wheel

bench: $(VENV)/.ready  ## Run the benchmarks, side by side, printing ratios
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:                 ## Remove what was built and run here
	rm -rf .venv .conformance dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
