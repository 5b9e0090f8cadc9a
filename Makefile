# Two commands do all the set-up:  make demo   and   make test
#   make demo        train, convert, simulate, make bitstreams, write demo-out/report.html
#   make demo-learner  a chip that knows six digits learns four more in simulated RTL, write demo-learner-out/report.html
#   make test        everything that CI runs: linters, type checker, tests
#   make test-long   the heavy sweeps as well
#   make bench       executor, hardware and learner, measured, written to benchmarks/EXECUTOR.md, RESULTS.md and LEARNER.md
#   make bench-hls   the hls4ml backend beside plain hls4ml, written to benchmarks/HLS.md (half an hour)
#   make methods     every position policy on every recipe, trained where it is not yet, written to benchmarks/METHODS.md (hours)
#   make bits        the network of the demo on every board: bitstreams and their proofs, written to benchmarks/BOARDS.md (an hour)
#   make registers   what is made from hw/rdl/learner.rdl: cell, Python access, documentation
#   make calibrate   the cost model against synthesis, written to benchmarks/CALIBRATION.md
#   make wheel       dist/*.whl

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= 2

.PHONY: demo demo-learner test test-long lint bench bench-hls bits registers methods calibrate wheel tools clean
.DEFAULT_GOAL := demo

demo: $(READY)
	$(BIN)/lutwright demo --out demo-out

demo-learner: $(READY)
	$(BIN)/lutwright demo-learner --out demo-learner-out

# torch goes first and with its dependencies: a plain "torch" elsewhere would take the newest build.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "lutwright needs Python 3.11 or later, not " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock torch
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

# What no Python package brings. Icarus is the second opinion; Verilator compiles with g++, make and perl; icebox_vlog turns
# bitstreams of iCE40 parts back into Verilog.
tools:
	@missing=""; for tool in iverilog g++ perl; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	command -v icebox_vlog >/dev/null || missing="$$missing fpga-icestorm"; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq $$missing >/dev/null; \
	  else echo "make test needs$$missing: install them (Debian: apt-get install$$missing)"; exit 2; fi; fi

lint: $(READY)
	$(BIN)/ruff check sw sim tests benchmarks hw
	$(BIN)/mypy

test: tools $(READY) lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) -m "not long"

test-long: tools $(READY) lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS)

bench: $(READY)
	$(BIN)/python benchmarks/executor.py --out benchmarks/EXECUTOR.md
	$(BIN)/python benchmarks/hardware.py --out benchmarks/RESULTS.md
	$(BIN)/python benchmarks/learner.py --out benchmarks/LEARNER.md

bits: tools $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bits.py --jobs $(JOBS) --out benchmarks/BOARDS.md

bench-hls: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/hls.py --out benchmarks/HLS.md

registers: $(READY)
	$(BIN)/python hw/rdl/generate.py

methods: $(READY)
	for set in mnist fashion-mnist cifar10 spoken-digits; do $(BIN)/lutwright data get $$set || exit; done
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/methods.py --jobs $(JOBS) --route --out benchmarks/METHODS.md

calibrate: $(READY)
	$(BIN)/python benchmarks/calibrate.py --out benchmarks/CALIBRATION.md

wheel: $(READY)
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation -w dist .

clean:
	rm -rf demo-out demo-learner-out dist .pytest_cache .mypy_cache .ruff_cache
