# doorstep: `make` prints this help. It needs make and Python >= 3.11, nothing else; each target makes .venv if need be.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PLUGINS := $(wildcard plugins/*/pyproject.toml)
PLUGIN_LOCKS := $(wildcard plugins/*/requirements.lock)
EDITABLE := -e . $(patsubst %/pyproject.toml,-e ./%,$(PLUGINS))
WORKERS ?= auto
ARGS ?=
# Who is done takes over half of what waits for another.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
export PATH := $(or $(PATH),/usr/local/bin:/usr/bin:/bin)

.PHONY: help demo up down status link test test-16 stories screenshots axe translations fuzz shuffles check journey drill pour races labels resume bench format lock wheel clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## a whole shop played through its journey, and a page to look at
	@$(BIN)/doorstep demo $(ARGS)

up: $(STAMP) ## start database, web and worker
	@$(BIN)/doorstep up $(ARGS)

down: $(STAMP) ## stop them
	@$(BIN)/doorstep down $(ARGS)

status: $(STAMP) ## what runs, and where
	@$(BIN)/doorstep status $(ARGS)

link: $(STAMP) ## an address that lets you in once
	@$(BIN)/doorstep link $(ARGS)

test: $(STAMP) ## all tests (WORKERS=1 for one at a time, ARGS="-k mug" for some)
	@$(PYTEST) $(ARGS)

test-16: $(STAMP) ## the same on PostgreSQL 16
	@DOORSTEP_PG=16 $(PYTEST) $(ARGS)

stories: $(STAMP) ## the stories alone: what doorstep does, told by its tests
	@$(PYTEST) tests/stories $(ARGS)

screenshots: $(STAMP) ## every page of the console as a picture in screenshots/ (ARGS="--only order --language uk")
	@$(BIN)/python -m tests.browser.shoot $(ARGS)

axe: $(STAMP) ## every page in each light, at each width, as each role: it fits, and axe-core finds nothing that is serious
	@DOORSTEP_AXE=all $(PYTEST) tests/browser/test_pages.py $(ARGS)

translations: $(STAMP) ## bring the console's catalogs in step with its texts; tells what is not translated
	@$(BIN)/python tools/translations.py

fuzz: $(STAMP) ## everything the API's document allows, and what it does not (EXAMPLES=100 of each operation)
	@DOORSTEP_FUZZ=$(or $(EXAMPLES),100) $(BIN)/python -m pytest -s tests/doors/test_openapi.py -k schemathesis

shuffles: $(STAMP) ## ten thousand shuffles of parcels' news, with repeats: each parcel ends in one state
	@DOORSTEP_SHUFFLES=$(or $(SHUFFLES),10000) $(BIN)/python -m pytest tests/rules/test_tracking.py $(ARGS)

check: $(STAMP) ## lint, format, types, import rule
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Some files are not formatted. To mend: make format."; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/python tools/check_imports.py
	@$(BIN)/python tools/print_journey.py --check

journey: $(STAMP) ## print the journey table into README.md and docs/words.md
	@$(BIN)/python tools/print_journey.py

drill: $(STAMP) ## 2,000 orders through every verb while everything is killed -9 (about ten minutes)
	@$(BIN)/python -m tests.drills.kill $(ARGS)

pour: $(STAMP) ## a minute of orders over 64 connections while web and database are killed -9 mid-batch
	@$(BIN)/python -m tests.drills.intake $(ARGS)

races: $(STAMP) ## 64 clients, one SKU, 1,000 units, 10,000 tries; carts in opposite order
	@$(BIN)/python -m tests.drills.race $(ARGS)

labels: $(STAMP) ## 1,000 labels of a carrier that loses answers beside one that does not: none is paid twice, none waits
	@$(BIN)/python -m tests.drills.labels $(ARGS)

resume: $(STAMP) ## years of orders imported while the import is killed -9 twenty times (needs DOORSTEP_DATA)
	@$(BIN)/python -m tests.drills.importing $(ARGS)

bench: $(STAMP) ## measure, minutes each: ARGS="intake --json", or journey, reads, import; all four without
	@if [ -n "$(ARGS)" ]; then $(BIN)/python -m bench $(ARGS); else \
	  for name in intake journey reads import; do $(BIN)/python -m bench $$name --json || exit 1; done; fi

format: $(STAMP) ## put the code in its form
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

lock: $(STAMP) ## choose the newest allowed versions anew and write requirements.lock (needs uv)
	@uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet --output-file requirements.lock

wheel: $(STAMP) ## what `pip install` installs, in dist/: doorstep, and each plugin
	@for folder in . $(dir $(PLUGINS)); do \
	  (cd $$folder && $(CURDIR)/$(BIN)/hatchling build --target wheel --directory $(CURDIR)/dist) || exit 1; done

clean: ## take away .venv and the caches
	@rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

# uv where it is, pip else; either way the exact versions of requirements.lock and of what plugins lock beside it, and
# nothing that is in none but doorstep and the plugins of this checkout, as they lie here. It runs on the quickest Python
# of the PATH, or on the one that is named: make PYTHON=python3.13.
$(STAMP): pyproject.toml requirements.lock $(PLUGINS) $(PLUGIN_LOCKS)
	@echo "Installing what doorstep needs into $(VENV), once; a minute or two."
	@[ ! -x $(BIN)/python ] || exit 0; \
	python="$(PYTHON)"; [ -n "$$python" ] || python="$$(sh tools/quickest_python.sh)"; \
	if [ -z "$$python" ]; then \
	  echo "doorstep needs Python 3.11 or newer that can make environments, and found none on the PATH."; \
	  echo "On Debian: apt install python3-venv"; exit 1; \
	elif command -v uv >/dev/null 2>&1; then uv venv --quiet --python "$$python" $(VENV); \
	else "$$python" -m venv $(VENV) || { echo "python -m venv failed; on Debian: apt install python3-venv"; exit 1; }; fi
	@{ if command -v uv >/dev/null 2>&1; then \
	  uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes $(patsubst %,-r %,$(PLUGIN_LOCKS)) && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(EDITABLE); \
	else \
	  export PIP_DISABLE_PIP_VERSION_CHECK=1; \
	  $(BIN)/python -m pip install -qq --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install -qq --no-deps --require-hashes $(patsubst %,-r %,$(PLUGIN_LOCKS)) && \
	  $(BIN)/python -m pip install -qq --no-deps --no-build-isolation $(EDITABLE); \
	fi; } || { echo "Not all packages could be fetched: see above. Without a way to the internet, name a mirror"; \
	  echo "(PIP_INDEX_URL, or UV_DEFAULT_INDEX for uv). The same command again goes on from here."; exit 1; }
	@touch $@
