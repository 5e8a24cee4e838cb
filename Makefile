PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench install install-dev clean

demo: install ## open the page
	$(BIN)/python app.py --open $(foreach index,$(INDEX),--index $(index)) $(if $(PORT),--port $(PORT))

test: install-dev ## run every test, the browser's included
	$(BIN)/python -m pytest

check: install-dev ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: install ## speed against peers, in one run (compiles llama.cpp the first time)
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-bench.txt
	$(BIN)/python -m benchmarks.run --output bench.json --picture bench.png
	$(BIN)/python -m benchmarks.wikipedia

install: $(VENV)/.installed ## the environment and the embedded assets
	$(BIN)/python -m data.assets

install-dev: $(VENV)/.installed-dev
	$(BIN)/python -m data.assets

# Who answers for questions to a live wiki; see docs/wikipedia.md.
export LFQA_CONTACT

# The stamps are newer than the requirements once everything in them is installed.
$(VENV)/.installed: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements-train.txt requirements-scale.txt $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": name one with make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

clean: ## remove the environment; the assets stay in the cache
	rm -rf $(VENV)
