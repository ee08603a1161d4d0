# `make lab` to learn, `make test` to test. Everything is installed into .venv and the user's cache folder.
.DEFAULT_GOAL := lab
PYTHON ?=
BIN := .venv/bin
# an environment whose folder was moved, or whose Python is gone, runs nothing any more
ifneq ($(shell [ ! -e $(BIN)/labs ] || { [ -x $(BIN)/python ] && grep -qF '$(CURDIR)/.venv/' $(BIN)/labs; } || echo stale),)
$(shell rm -f $(BIN)/labs)
endif

.PHONY: help lab check test test-lesson test-all coverage lint lock pictures down kubernetes version

N ?= 04
FAST := $(BIN)/pytest tests/unit --numprocesses=2

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

lab: $(BIN)/labs ## set up, start the engines, open JupyterLab
	$(BIN)/labs lab

check: lint ## before every commit: lint and the unit tests, which need no engine
	$(FAST) -q

test-lesson: $(BIN)/labs ## one lesson, N=04 without more: solved, untouched, its checks; on the course `test`, or $LABS_NAME
	$(BIN)/pytest -k "$(N) or drill" tests/notebooks tests/checks/test_lesson_$(N).py $(if $(filter 08,$(N)),$(wildcard tests/checks/test_drill*.py))

test: lint ## every test but the slow ones, nbval over every solved notebook included
	tests/run.sh

test-all: lint ## every test
	tests/run.sh --all

coverage: $(BIN)/labs ## which lines of labs/ the unit tests run
	@mkdir -p build
	COVERAGE_FILE=build/coverage $(FAST) -q --cov --cov-report=term:skip-covered

lint: $(BIN)/labs ## ruff, the layers, types, and notebooks as their sources give them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/mypy
	$(BIN)/labs build --check

pictures: $(BIN)/labs ## the README's pictures again, as the tests in a browser see the page
	LABS_SHOTS=build/shots $(BIN)/pytest tests/browser -k "loses_no_request or while_a_cell_runs or who_is_where"
	cp build/shots/rollout-update.png build/shots/cluster-live.png build/shots/room.png docs/pictures/

down: $(BIN)/labs ## stop and remove the engines
	$(BIN)/labs down

lock: $(BIN)/labs ## write requirements.lock again from pyproject.toml, for Debian 12's Python as the oldest
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11.2 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-strip-extras --upgrade --extra test --extra workshop pyproject.toml -o requirements.lock

kubernetes: NAME := kubernetes
kubernetes: version ## another Kubernetes in every file that names one: make kubernetes VERSION=1.37.3

version: $(BIN)/labs ## the same for another program: make version NAME=etcd VERSION=3.7.3
	@$(BIN)/python -m versions raise '$(NAME)' '$(VERSION)' $(if $(MINOR),--minor)

$(BIN)/labs: requirements.lock pyproject.toml
	@python=$$(sh setup/find_python.sh $(PYTHON)) && "$$python" setup/install.py
	@touch $@
