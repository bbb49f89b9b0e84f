# Set-up, demonstration, tests. Every target makes what it needs, on a machine with Python 3.11+ and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo wheel test quick unit lint bench clean
.DEFAULT_GOAL := demo

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or newer with its venv module"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[all,dev]"
	@touch $(STAMP)

# A whole search on procedural scenes: train, export, score, measure, log, front. Its set-up takes 4.7 GB of disk with
# PyTorch for CPUs, the search some minutes on two processors. The figures mean nothing: tiny networks, no real pictures.
demo: $(STAMP)
	@$(BIN)/mqn status demo >/dev/null 2>&1 && resume=--resume; set -x; $(BIN)/mqn search smoke --study demo --profile laptop $$resume
	$(BIN)/mqn front demo --html .mqn/demo/front.html --png .mqn/demo/front.png
	@echo
	@echo "front:   $(CURDIR)/.mqn/demo/front.html   and   $(CURDIR)/.mqn/demo/front.png"
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

# What every commit passes: no Ray, no TensorFlow, no browser; on every processor. Torch keeps to one thread, for
# two test processes with two threads each get in each other's way.
unit: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not integration" -n logical --dist loadfile

quick: lint unit

test: quick
	$(BIN)/python -m pytest -m integration

bench: $(STAMP)
	$(BIN)/python -m tests.benchmarks

# What can be made again. Studies are not: they stay in .mqn.
clean:
	rm -rf $(VENV) build dist
