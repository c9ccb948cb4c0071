# Two commands matter: `make demo` runs the portal on this machine, `make test` proves it.
# Both set everything up first: Python packages, Node packages and the browser bundles.

SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
PATH := $(CURDIR)/.venv/bin:$(PATH)
export PATH PORT
# Images of Python often ask for no bytecode. Every process of the portal would compile itself and its
# libraries anew each time it starts, which takes three times as long.
unexport PYTHONDONTWRITEBYTECODE

PACKAGES := .venv/.installed
NODE_PACKAGES := node_modules/.installed
ASSETS := static/dist/manifest.json
ASSET_SOURCES := $(shell find static/src -type f 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help test tools together setup assets browser demo restart reset verify check unit journeys guides bench load drill lint format lock
.DELETE_ON_ERROR:

help:
	@echo "make demo    run the portal with everything it needs on http://localhost:$(PORT) (PORT=… moves it,"
	@echo "             DEMO_SCALE=small has two clients and two months instead of 300 and a year)"
	@echo "make test    linters, types, the test suite and the browser journeys"
	@echo "make bench   the benchmarks, each beside what it is measured against (BENCH=P1,P9 chooses);"
	@echo "             make load is one of them: a thousand people on line"
	@echo "make drill   what the portal must withstand, done to it: DRILL=R1,R2 COUNT=20 SEED=1"
	@echo "make guides  take the pictures of the users' guides anew"
	@echo "make verify  check every invariant of the running demo"
	@echo "make restart  new processes for the running demo, one by one: nobody notices"
	@echo "make reset   forget the data of the demo"
	@echo "make coverage  how much of the kernel and of the investments the tests reach, at least 95% each"
	@echo "make lint    linters and types only; make format rewrites the code to please them"
	@echo "make assets  bundle the browser code; make lock compiles requirements.lock anew"

# Set-up

# --no-deps: the lock names every package already, and older pips cannot check hashes of extras. Two
# pips, each with half of the names, and nothing compiled before it is used: it takes half the time.
$(PACKAGES): requirements.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "Stakehold needs Python 3.11 or later (found: $(PYTHON)); name one with PYTHON=…"; exit 1; }
	@.venv/bin/python -c pass 2>/dev/null || { rm -rf .venv; "$(PYTHON)" -m venv .venv; } \
		|| { echo "python3 -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
	awk '/^[^ ]/ { n++ } { print > (".venv/lock." n % 2) }' requirements.lock
	printf '%s\n' .venv/lock.0 .venv/lock.1 | xargs -n 1 -P 2 .venv/bin/python -m pip install --quiet \
		--disable-pip-version-check --no-deps --no-compile --require-hashes -r
	.venv/bin/python -m pip check
	@touch $@

$(NODE_PACKAGES): $(PACKAGES) package-lock.json .npmrc
	npm ci --no-progress --loglevel=error
	@touch $@

$(ASSETS): $(NODE_PACKAGES) static/build.mjs $(ASSET_SOURCES)
	node static/build.mjs

setup: $(ASSETS)

assets: $(ASSETS)

browser: $(PACKAGES)
	.venv/bin/python -m tests.support.chromium

# The portal. `exec` makes the supervisor make's own child, so that stopping make stops it.

demo: setup
	@exec .venv/bin/python -m app demo --stop-with-parent

restart: $(PACKAGES)
	.venv/bin/python -m app restart

reset: $(PACKAGES)
	.venv/bin/python -m app reset

verify: $(PACKAGES)
	.venv/bin/python -m app verify

# Proof. The journeys run by themselves: Playwright leaves an event loop behind it.
# What is fetched and what only reads the code goes on together, each told about when it is done.
test: $(PACKAGES)
	@$(MAKE) --no-print-directory --jobs --output-sync=target together
	@$(MAKE) --no-print-directory unit journeys

# Both may ask apt, which serves one at a time.
tools: $(PACKAGES)
	.venv/bin/python -m tests.support.chromium
	.venv/bin/python -m tests.support.promtool  # judges the alert rules

together: setup tools check

check: $(PACKAGES)
	ruff check .
	ruff format --check .
	mypy app workers
	lint-imports

# Whole files, in the order that tests/conftest.py and e2e/conftest.py give them. Three at a time on two
# processors where some wait for others; two where each has a portal of its own.
FILES := --dist loadfile --no-loadscope-reorder

unit: setup
	pytest tests -n 3 $(FILES)

# Of where money is kept and moved: lines and branches together as pyproject.toml says, then branches
# alone, each at least 95% of both.
coverage: setup
	pytest tests -n 3 $(FILES) --ignore=tests/drills --cov --cov-report= --cov-fail-under=0
	coverage report --include='app/kernel/*'
	coverage report --include='app/domains/investments/*'
	.venv/bin/python -m tests.support.branches

journeys: setup browser
	pytest e2e -n 2 $(FILES)

# Over the demo's year of data; its people and amounts are the same each time, its days are not.
guides: setup browser
	GUIDES=1 DEMO_SCALE=full pytest e2e/test_guides.py

# One after the other even under `make -j`: they share two cores and one output.
ifneq ($(MAKECMDGOALS),together)
.NOTPARALLEL:
endif

bench: setup browser
	.venv/bin/python -m bench

load: setup
	BENCH=P8 .venv/bin/python -m bench

lint: check

drill: setup
	.venv/bin/python -m drills

format: $(PACKAGES)
	ruff check --fix .
	ruff format .

# Locks. uv lives in a throwaway environment; no index lines, so the lock names no host.

COMPILE := uv pip compile --quiet --generate-hashes --no-strip-extras --no-emit-index-url \
	--no-header --no-annotate --python-version 3.11 --universal

lock:
	@directory=$$(mktemp -d) && trap 'rm -rf "$$directory"' EXIT \
		&& "$(PYTHON)" -m venv "$$directory" && "$$directory/bin/python" -m pip install --quiet uv \
		&& "$$directory/bin/"$(COMPILE) pyproject.toml --all-extras -o requirements.lock \
		&& "$$directory/bin/"$(COMPILE) pyproject.toml -o deploy/requirements.lock \
		&& "$$directory/bin/"$(COMPILE) bench/requirements-peers.in -o bench/requirements-peers.lock \
		&& "$$directory/bin/"$(COMPILE) drills/requirements-mutation.in -o drills/requirements-mutation.lock
