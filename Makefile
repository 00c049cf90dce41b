# Gravity: `make demo` runs everything, `make test` checks everything.
SHELL := /bin/bash
PYTHON ?= python3.11
PEOPLE ?=
BIN := .venv/bin
# pip takes extra wheels from PIP_FIND_LINKS; uv reads only its own variable.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)

.PHONY: venv lock contracts lint types layers test demo clean

# When and how long: kept with the environment, and for the demo's report in .gravity/.
venv: .venv/made.json
	@mkdir -p .gravity && cp .venv/made.json .gravity/venv.json

.venv/made.json: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or name it with make PYTHON=..."; exit 1; }
	@echo "making .venv from requirements.lock (303 packages) …"
	@set -e; started=$$(date +%s.%N); \
	test -x $(BIN)/python || $(PYTHON) -m venv .venv; \
	test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check uv; \
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock; \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .; \
	seconds=$$($(BIN)/python -c "import time; print(round(time.time() - $$started, 2))"); \
	printf '{"started": %s, "seconds": %s}\n' $$started $$seconds > .venv/made.json

# torch's line goes first: what is locked is preferred, and would be the CUDA build where the locked
# version without its +cpu is on the index too.
lock:
	@sed -i '/^torch==/d' requirements.lock
	$(BIN)/uv pip compile requirements.in -o requirements.lock --python-version 3.11 --quiet \
		--no-header --no-annotate --no-strip-markers --no-emit-index-url --no-emit-find-links
	@sed -i 's/+cpu$$//' requirements.lock

contracts: venv
	$(BIN)/protoc -I. --python_out=. --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy --mypy_out=quiet:. \
		contracts/events.proto contracts/ranking.proto

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	$(BIN)/mypy

layers: venv
	$(BIN)/lint-imports

test: lint types layers
# In the order of their names, not those with the most tests first: benchmarks, of which each test
# takes a minute, would come last and leave the other processes idle.
# One thread each: the processes share the cores, and threads that wait for each other take them.
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

demo: venv
	@exec $(BIN)/gravity demo $(if $(PEOPLE),--people $(PEOPLE))

clean: venv
	-$(BIN)/gravity down
	rm -rf .gravity mlruns
