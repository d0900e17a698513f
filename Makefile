# Verbs of the project; each builds what it needs first.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH := src
export HF_HUB_OFFLINE ?= 1

.PHONY: repro test lint environment lock benchmark clean help

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

repro: environment ## train, score, fit and draw everything that is not up to date, then print the results
	dvc repro
	python -m trajectories.report

test: environment lint ## lint, types, import rules and all tests (a run of the smoke suite among them)
	OMP_NUM_THREADS=1 python -m pytest -n 2 --dist loadscope --no-loadscope-reorder # two workers, a core each

lint: $(BIN)/.installed ## style, types, import rules: the hooks of .pre-commit-config.yaml
	pre-commit run --all-files

environment: $(BIN)/.installed ## install the lock file into .venv; record the Python and packages that the corpus reads
	python -m trajectories.corpora.environment

# pip compiles on one core, so all cores do it afterwards; some files are meant for other versions of Python and stay as they are.
$(BIN)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(f"trajectories needs Python 3.11 or later, this is {sys.version.split()[0]}: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@echo "installing requirements.lock into .venv (a minute or two, most of it torch)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	@touch $@

benchmark: $(BIN)/.installed ## ours beside its peers, one process each, results checked
	$(BIN)/python -m pip install --quiet --requirement benchmarks/requirements.txt --constraint requirements.lock
	for script in benchmarks/*.py; do python $$script || exit 1; done

lock: ## resolve requirements.lock anew from pyproject.toml
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet setuptools 'torch==2.13.0' --editable '.[pipeline,huggingface,accelerate,mauve,development]'
	.venv-lock/bin/python -m pip freeze --all --exclude-editable | sed -E 's/\+cpu$$//; /^pip==/d' > requirements.lock
	rm -rf .venv-lock

clean: ## remove the environment and everything dvc can make again
	rm -rf .venv .shards data
