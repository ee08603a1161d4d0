# `make lab` to learn, `make test` to test. Everything is installed into .venv and the user's cache folder.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: lab test test-all lint lock pictures down

lab: $(BIN)/labs ## set up, start the engines, open JupyterLab
	$(BIN)/labs lab

test: lint ## every test but the slow ones, nbval over every solved notebook included
	tests/run.sh

test-all: lint ## every test
	tests/run.sh --all

lint: $(BIN)/labs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/labs build --check

pictures: $(BIN)/labs ## the README's pictures anew, as the tests in a browser see the page
	LABS_SHOTS=build/shots $(BIN)/pytest tests/browser -k "loses_no_request or while_a_cell_runs or who_is_where"
	cp build/shots/rollout-update.png build/shots/cluster-live.png build/shots/room.png docs/pictures/

down: $(BIN)/labs ## stop and remove the engines
	$(BIN)/labs down

lock: $(BIN)/labs ## write requirements.lock anew from pyproject.toml, for Debian 12's Python as the oldest
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11.2 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --upgrade --extra test --extra workshop pyproject.toml -o requirements.lock

$(BIN)/labs: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps -e .
	touch $@
