# make run | test | check | fix | bench | drill: each sets up what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PORT ?= 8501
# Many tests mostly wait, so more of them than two cores can carry run at once.
SIDE_BY_SIDE ?= 3
RUN := $(VENV)/.installed
STUDIO := $(VENV)/.installed-studio
DEV := $(VENV)/.installed-dev

.PHONY: help run test check fix bench drill live pictures mockups clean

help:
	@echo "make run       start the app on http://localhost:$(PORT)"
	@echo "make test      run all tests"
	@echo "make check     lint, types, import rules"
	@echo "make fix       format and mend what can be mended"
	@echo "make bench     one line a figure"
	@echo "make drill     long crash and soak runs"
	@echo "make live      look at the real Replicate, for at most 10 cents (asks first)"
	@echo "make pictures  take the pictures in docs/pictures again"
	@echo "make mockups   render the sheet of offline products again"

run: $(RUN) $(STUDIO)
	@exec $(PY) -m streamlit run app.py --server.port $(PORT)

test: $(DEV)
	@$(PY) -m pytest -n $(SIDE_BY_SIDE) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(DEV)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(PY) -m tests.rules

fix: $(DEV)
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

bench: $(DEV)
	@$(PY) -m bench

drill: $(DEV)
	@$(PY) -m pytest -m drill --timeout=3600 $(ARGS)

live: $(RUN)
	@$(PY) -m tests.live

pictures: $(DEV)
	@$(PY) -m tests.pictures

mockups: $(DEV)
	@$(PY) -m tests.mockups

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# A plain file as the mark, so that the second start only compares two dates.
$(PY):
	@command -v $(PYTHON) >/dev/null || { \
	  echo "adgen needs Python 3.11 or newer, and $(PYTHON) is not there. Install it, or name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "adgen needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name a newer one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(RUN): requirements.txt constraints.txt | $(PY)
	@echo "Installing what the app needs (about a minute, once)"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	@touch $@

# The app also runs without: pictures made offline are plain title frames then.
$(STUDIO): requirements-studio.txt $(RUN)
	@echo "Installing the photo studio for pictures made offline (260 MB, once)"
	@if $(PY) -m pip install --quiet --disable-pip-version-check -r requirements-studio.txt -c constraints.txt; then \
	  touch $@; \
	else \
	  echo "The photo studio could not be installed. The app starts with plain title frames; make run tries again." >&2; \
	fi

$(DEV): requirements-dev.txt $(RUN) $(STUDIO)
	@echo "Installing what the tests need"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	@touch $@
