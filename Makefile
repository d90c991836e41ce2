# `make demo` and `make test` are all a fresh machine needs (git, Python 3.11 to 3.13, make).

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Processes that tests run in; each may take 3 GB.
WORKERS ?= 2
# Data folder and interpreter of the peers (made if it is the default), for `make parity` alone.
DATA ?= data
PEER_PYTHON ?= $(VENV)-peer/bin/python

.PHONY: demo test test-tensorflow test-jax test-interop lint types parity clean

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

test: test-tensorflow test-jax

# A file's tests stay in one process, so that they share what they set up; the slowest files come first.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-tensorflow: $(VENV)/.dev
	$(PYTEST) --ignore=tests/interop

# Other tools read what we write and write what we read; it installs them, torch in the build for CPUs where the
# index has one.
test-interop: $(VENV)/.interop
	$(PYTEST) tests/interop

# The same files of the network, its objectives and decoding on Keras's JAX backend.
test-jax: $(VENV)/.dev
	KERAS_BACKEND=jax $(PYTEST) tests/models tests/objectives tests/generation/test_synonyms.py tests/generation/engines/test_keras_engine.py tests/training/test_grad_cache.py tests/training/test_devices.py

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

$(VENV)/.interop: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[interop]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps bert4keras==0.11.5
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/.demo

# Runs bert4keras, transformers and sentence-transformers beside us and writes docs/parity.md; about twenty minutes on two cores. The report names what failed or has not run.
parity: $(VENV)/.dev $(PEER_PYTHON)
	for part in tokenizer text_segmentation network training_step objectives sampling; do \
	    $(BIN)/python parity/$$part.py $(DATA) --peer-python $(PEER_PYTHON) --output runs/parity; \
	done
	$(BIN)/python parity/report.py --results runs/parity --output docs/parity.md

$(VENV)-peer/bin/python:
	$(PYTHON) -m venv $(VENV)-peer
	$@ -m pip install --quiet --disable-pip-version-check tensorflow-cpu==2.19.1 tf-keras==2.19.0 torch==2.13.0 transformers==5.23.0 sentence-transformers==6.2.0 jieba
	$@ -m pip install --quiet --disable-pip-version-check --no-deps bert4keras==0.11.5

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
