# Set-up, demonstration, tests. Every target makes what it needs, on a machine with Python 3.11+ and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Bytecode is kept: tests start hundreds of processes, and each would compile the package anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup demo wheel test quick unit lint bench faults simulate clean
.DEFAULT_GOAL := demo

setup: $(STAMP)

# Bytecode is made on every processor; pip would use one. Some files of libraries are no Python: these are passed over.
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or newer with its venv module"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable ".[all,dev]"
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $(STAMP)

# A whole search on procedural scenes: train, export, score, measure, log, front. Its set-up takes 4.7 GB of disk with
# PyTorch for CPUs, the search some minutes on two processors. The figures mean nothing: tiny networks, no real pictures.
demo: $(STAMP)
	@$(BIN)/mqn status demo >/dev/null 2>&1 && resume=--resume; set -x; $(BIN)/mqn search smoke --study demo --profile laptop $$resume
	$(BIN)/mqn front demo --html .mqn/demo/front.html --png .mqn/demo/front.png
	$(BIN)/mqn convert dashboards/photo.jpg --output .mqn/demo/photo_hdr.jpg
	@echo
	@echo "front:   $(CURDIR)/.mqn/demo/front.html   and   $(CURDIR)/.mqn/demo/front.png"
	@echo "a photo: $(CURDIR)/.mqn/demo/photo_hdr.jpg   (Ultra HDR by the model in the box; open it in Chrome on an HDR display)"
	@echo "runs:    $(BIN)/mqn ui       (MLflow's pages on this study)"
	@echo "a model: $(BIN)/mqn select demo --by psnr_tm --output .mqn/demo/bundle"
	@echo "Everything works here. The figures mean nothing: tiny networks, trained for seconds on procedural scenes."

# The package as one file for other machines: dist/mqn_platform-VERSION-py3-none-any.whl. Needs Python alone.
DIST ?= dist
BUILDER ?= build/wheel
wheel:
	$(PYTHON) -m venv $(BUILDER)
	rm -f $(DIST)/mqn_platform-*.whl
	$(BUILDER)/bin/python -m pip wheel --quiet --no-deps --wheel-dir $(DIST) .
	@echo "pip install '$$(ls $(DIST)/mqn_platform-*.whl)[all]'   or, on a device, [agent]"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/structure

# Torch keeps to one thread: two test processes with two threads each get in each other's way.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest

# No Ray, no TensorFlow, no browser; on every processor.
UNIT = $(PYTEST) -n logical --dist loadfile --ignore tests/structure

unit: $(STAMP)
	$(UNIT) -m "not integration"

# What every commit passes, in a minute: all but the tests that take a fifth of a second or more.
quick: lint
	$(UNIT) -m "not integration and not slow"

# Two at a time, for they wait more than they compute; see tests/support/scheduling.py.
test: lint unit
	$(PYTEST) -m integration -n 2 --dist loadgroup --no-loadscope-reorder

bench: $(STAMP)
	$(BIN)/python -m tests.benchmarks

# Kills, cuts, fills and shifts whatever studies stand on, in an order that the seed gives; see tests/lab/faults. A
# portion of it is part of `make test`. Needs PostgreSQL; as root, a node has a network of its own and disks fill up.
SEED ?= 0
FAULTS ?= 100
MINUTES ?= 30
faults: $(STAMP)
	$(BIN)/python -m tests.lab.faults --seed $(SEED) --faults $(FAULTS) --minutes $(MINUTES)

# 10,000 trials on 256 workers and 40 devices in simulated time, with failures: is the study exact, what did it cost?
simulate: $(STAMP)
	$(BIN)/python -m tests.lab.simulation --trials 10000

# What can be made again. Studies are not: they stay in .mqn.
clean:
	rm -rf $(VENV) build dist
