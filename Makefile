# The course's commands. `make` alone lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready
URL    ?=

.DEFAULT_GOAL := help
.PHONY: help course test lab notebooks lint data base stamp colab-check clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(READY): requirements.txt requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else "Python 3.11 to 3.13 is needed, this is %d.%d: make PYTHON=python3.11 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt -c requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

course: $(READY)  ## clean, train QLoRA, score before and after, merge, prove the merge: build/course.json
	$(BIN)/python -m helpers course

# Two workers with a thread each: with more threads than cores they mostly wait for one another.
test: $(READY)  ## lint, all tests, and every notebook executed and compared
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests notebooks --nbval-lax --nbval-current-env \
	  --nbval-sanitize-with tests/nbval_sanitize.cfg --nbval-cell-timeout 600 --nbval-kernel-startup-timeout 180 \
	  -n 2 --dist loadfile --no-loadscope-reorder --durations 15

lab: $(READY)  ## JupyterLab on the course, on this machine only
	$(BIN)/jupyter lab --ip=127.0.0.1 --ServerApp.root_dir=$(CURDIR) --LabApp.default_url=/lab/tree/notebooks/00_environment.ipynb

notebooks: $(READY)  ## execute all notebooks, store their outputs, bring the ledger up to date
	$(BIN)/python -m helpers.notebooks
	$(BIN)/python -m helpers.ledger --update

data: $(READY)  ## rebuild data/tickets (seconds)
	$(BIN)/python data/build_tickets.py

base: $(READY)  ## train the embedded base again (four to eight hours on two cores; goes on where it was stopped)
	$(BIN)/python data/build_base.py

stamp: $(READY)  ## URL=...: write the course's address into setup cells and Colab badges
	$(BIN)/python -m helpers.stamp $(URL)

colab-check: $(READY)  ## prove the setup cell in a fresh environment with Colab's versions (minutes, 2 GB)
	$(BIN)/python tests/colab_check.py

clean:  ## remove what runs wrote, not the environment
	rm -rf build
