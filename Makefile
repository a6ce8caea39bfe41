# Every target first runs scripts/setup, which makes or refreshes .venv and ends at once when nothing has changed.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo start check format pages docs screenshots test mcp faults bench wheel lock clean
PYTHON := .venv/bin/python
# The embedded model's weights come with whatever installer there is: the one that setup brought will do.
export PATH := $(PATH):$(CURDIR)/.uv/bin
export UV_SYSTEM_CERTS ?= 1

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv with everything that is locked
	@scripts/setup

demo: setup ## Run a real task, an agent on the embedded model included
	@scripts/demo

start: setup ## Serve the API, advance runs and start them when due, on the database of the Errands home
	.venv/bin/errands start

check: setup ## Format, lint, types, import rules, sizes, names, docs
	@$(PYTHON) scripts/check.py

screenshots: setup ## Take the pictures of docs/images from seeded data; needs Chromium
	@PYTHONPATH=. $(PYTHON) scripts/screenshots.py

format: setup ## Format the code and mend what the linter can
	@.venv/bin/ruff format
	@.venv/bin/ruff check --fix

pages: setup ## Write the reference pages that are made from the code
	@$(PYTHON) scripts/reference_pages.py
	@$(PYTHON) scripts/template_pages.py

docs: setup ## Build the documentation site into site/
	@$(PYTHON) scripts/site.py build

test: setup ## Run the tests, fault scripts in their short form
	.venv/bin/pytest

mcp: setup ## Fetch programs of the MCP project, for the tests that are skipped without them
	@$(PYTHON) scripts/mcp_programs.py

faults: setup ## Run the fault scripts at full length (kills, freezes, lost database)
	ERRANDS_FAULTS=full .venv/bin/pytest tests/faults -v --timeout 3600

bench: setup ## Measure what the docs claim; fails where a figure misses its target
	@$(PYTHON) scripts/bench.py

wheel: setup ## Build the wheel, install it into an empty environment, and use it there without Node
	@$(PYTHON) scripts/try_wheel.py

lock: ## Compile requirements/*.txt anew from pyproject.toml (LOCK=--upgrade takes newer versions)
	@scripts/lock $(LOCK)

clean: ## Remove the environment, caches and the demo's home
	rm -rf .venv .uv .node .cache .errands src/errands/page web/node_modules web/src/api/generated .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
