# `make demo` and `make test` are all a fresh machine needs (git, Python 3.11 to 3.13, make).

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Data folder and interpreter of the peers, for `make parity` alone; see docs/parity.md.
DATA ?= data
PEER_PYTHON ?= $(VENV)-peer/bin/python

# TensorFlow's start-up notes hide what we print.
export TF_CPP_MIN_LOG_LEVEL ?= 3
export TF_ENABLE_ONEDNN_OPTS ?= 1

.PHONY: demo test test-tensorflow test-jax lint types parity clean

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

test: test-tensorflow test-jax

test-tensorflow: $(VENV)/.dev
	$(BIN)/python -m pytest

# The same files of the network, its objectives and decoding on Keras's JAX backend.
test-jax: $(VENV)/.dev
	KERAS_BACKEND=jax $(BIN)/python -m pytest tests/models tests/objectives tests/generation

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] <= (3, 13), "Python 3.11 to 3.13 is needed, this is " + sys.version'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cpu]'
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
