# run, test, browser-test, check, image, image-test, smoke, bench, soak: one command each. What they make lies in .venv, models/*/, kernels/, data/, artefacts/.
PYTHON    ?= python3
DOCKER    ?= docker
MODEL     ?= all-MiniLM-L6-v2
PRECISION ?= $(or $(MODEL_PRECISION),int8)
IMAGE     ?= vectorspace:latest
# processes that the tests are shared out to, a file of tests to each in turn
JOBS      ?= 2
# 200 MB on disk, everything in it
BUDGET    ?= 200000000

export DOCKER
export VECTORSPACE_IMAGE = $(IMAGE)

BIN   := .venv/bin
PIP   := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes
MADE  := models/$(MODEL)/$(PRECISION)/card.json

.DEFAULT_GOAL := help
.PHONY: help run model test browser-test clients format lint types lock lock-check audit check image image-test smoke bench soak clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "make %-12s %s\n", $$1, $$2 }'

run: .venv/service $(MADE) kernels/library.so  ## the service on port 8000 (PORT=… for another)
	MODEL=$(MODEL) MODEL_PRECISION=$(PRECISION) $(BIN)/python -m app serve

model: $(MADE) kernels/library.so  ## the embedding model, made from its pinned source, and what computes it fast

test: .venv/tools models/$(MODEL)/int8/card.json models/$(MODEL)/fp32/card.json kernels/library.so  ## every test that needs no container
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

clients: .venv/tools $(MADE) kernels/library.so artefacts/clients/complete  ## the examples of docs/clients, with LangChain and LlamaIndex
	$(BIN)/python -m pytest tests/clients

browser-test: .venv/tools $(MADE) kernels/library.so  ## the page in a real browser; fails where Chromium is missing (make test skips it then)
	CI=true $(BIN)/python -m pytest tests/browser

check: format lint types lock-check audit test  ## format, lint, types, pins, known flaws, tests

format: .venv/tools
	$(BIN)/ruff format --check .

lint: .venv/tools
	$(BIN)/ruff check .

types: .venv/tools
	$(BIN)/mypy

lock-check: .venv/tools
	$(BIN)/python scripts/lock.py --check

audit: .venv/tools  ## known flaws in what is pinned; says so where their database cannot be reached
	$(BIN)/python scripts/audit.py

lock: .venv/tools  ## pin again after a change of pyproject.toml (UPGRADE=--upgrade for newer versions)
	$(BIN)/python scripts/lock.py $(UPGRADE)

image:  ## the image, and its size part by part; fails above the budget
	$(DOCKER) build -f Dockerfile.alpine -t $(IMAGE) --build-arg MODEL=$(MODEL) --build-arg PRECISION=$(PRECISION) \
		--build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) \
		--build-arg CREATED=$$(date -u +%Y-%m-%dT%H:%M:%SZ) .
	$(PYTHON) scripts/image/size.py $(IMAGE) --budget $(BUDGET)

image-test: .venv/tools models/$(MODEL)/int8/card.json models/$(MODEL)/fp32/card.json kernels/library.so  ## the built image, tested as it is run
	$(BIN)/python -m pytest tests/container -o addopts="-ra -s"

smoke:  ## the embedding smoke test against a fresh container
	$(PYTHON) scripts/image/smoke.py $(IMAGE)

bench: .venv/tools $(MADE) kernels/library.so  ## beside the peers, what musl costs, what the store does (PART=peers, overload, musl, store, stores; QUICK=--quick)
	$(BIN)/python -m benchmarks $(PART) $(QUICK)

soak: .venv/tools $(MADE) kernels/library.so  ## half an hour of mixed load: what fails, and whether memory stays flat (MINUTES=…)
	$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),30)

clean:  ## remove what was made here
	rm -rf .venv artefacts kernels/library.so models/*/int8 models/*/fp32 models/.cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

# the service alone, and with it what `make check` needs: two stamps over one environment
.venv/service: requirements.txt models/requirements.txt musl/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"Python 3.11 or newer is needed, $(PYTHON) is {sys.version.split()[0]}: make PYTHON=python3.12 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -r requirements.txt -r models/requirements.txt -r musl/requirements.txt
	touch $@

.venv/tools: .venv/service tests/requirements.txt tests/audit.txt
	$(PIP) -r tests/requirements.txt -r tests/audit.txt
	touch $@

# LangChain, LlamaIndex and what they ask for, apart from ours
artefacts/clients/complete: tests/clients/requirements.txt
	rm -rf artefacts/clients
	$(PYTHON) -m venv artefacts/clients
	artefacts/clients/bin/python -m pip --disable-pip-version-check install --quiet --no-deps -r $<
	touch $@

# operators of our own in C; on a processor that they are not for, nothing is made
kernels/library.so: $(wildcard kernels/*.py kernels/source/*) | .venv/service
	$(BIN)/python -m kernels

# models/NAME/PRECISION/card.json, made again when the recipe has changed
.SECONDEXPANSION:
models/%/card.json: models/$$(dir $$*)recipe.toml | .venv/service
	$(BIN)/python -m models $(notdir $(patsubst %/,%,$(dir $*))) --precision $(notdir $*)
