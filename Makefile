# Two commands do everything on a fresh machine with Python >= 3.10 and a C++ compiler:
# `make demo` and `make test`.

PYTHON ?= python3
# Development and tests take this one; pyproject.toml's extra keeps a range.
TORCH ?= torch==2.13.0
# A folder of files for the figures (make figures CORPUS=DIR), and the corpus for training.
CORPUS ?=

LIGHT := .venv/light
DEV := .venv/dev
SOURCES := pyproject.toml CMakeLists.txt $(wildcard nncomp/csrc/*)

.DEFAULT_GOAL := help
.PHONY: help demo develop check test lint figures speed golden clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(LIGHT)/.done: $(SOURCES)
	$(PYTHON) -m venv $(LIGHT)
	$(LIGHT)/bin/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(DEV)/.done: $(SOURCES)
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check "$(TORCH)" \
		"scikit-build-core>=0.10" "nanobind>=2.4" ninja
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
		-e '.[dev]'
	touch $@

demo: $(LIGHT)/.done ## environment and build, then a real file there and back
	$(LIGHT)/bin/python tools/demo.py

develop: $(DEV)/.done ## editable install with torch and the test tools in .venv/dev

lint: $(DEV)/.done
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy

check: $(DEV)/.done lint ## lint, types and the quick tests: seconds
	$(DEV)/bin/python -m pytest -q -m 'not slow and not gpu'

test: $(DEV)/.done $(LIGHT)/.done lint ## every test that needs no GPU: minutes
	$(LIGHT)/bin/python tools/demo.py
	NNCOMP_LIGHT_PYTHON=$(CURDIR)/$(LIGHT)/bin/python $(DEV)/bin/python -m pytest -m 'not gpu'

figures: $(DEV)/.done ## CORPUS=DIR: round trip, bytes and speed of every file in a folder
	$(DEV)/bin/python tools/figures.py "$(CORPUS)"

clean: ## remove what was built
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
