"""What JupyterLab's pages ask of the server: in a real Jupyter server, without a browser and without engines."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from labs import jupyter
from labs.curriculum import lessons
from labs.errors import LabsError
from labs.jupyter import handlers
from labs.progress import store

TOKEN = "secret"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A Jupyter server that found the extension as it does in `labs lab`; its address."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"LABS_STATE": str(home / "state"), "LABS_PROGRESS": str(home / "progress.json"), "HOME": str(home)}
    environment = {**os.environ, **own, **jupyter.environment()}
    flags = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0"]
    flags += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={lessons.root()}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", *flags],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        limit = time.monotonic() + 60
        while True:
            try:
                ask(address, "api/status")
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < limit
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def ask(address: str, path: str, body: bytes | None = None, token: str = TOKEN, **headers: str) -> tuple[int, dict]:
    """The status and the JSON that the server answers."""
    sent = {"Authorization": f"token {token}", **headers} if token else headers
    try:
        with urllib.request.urlopen(urllib.request.Request(address + path, body, sent), timeout=30) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("name", ["engine", "standing", "help?exercise=ex-04-1", "progress"])
def test_nobody_without_the_token(server, name):
    assert ask(server, f"kube-labs/{name}", token="")[0] == 403


def test_nobody_writes_without_the_token(server):
    assert ask(server, "kube-labs/progress", b"{}", token="")[0] == 403


def test_engine_without_a_course(server):
    status, told = ask(server, "kube-labs/engine")
    assert (status, told["state"]) == (200, "absent")
    assert "`labs up`" in told["todo"]


def test_standing_names_notebooks_as_the_file_browser_does(server):
    status, told = ask(server, "kube-labs/standing")
    assert (status, told["folder"]) == (200, "notebooks")
    assert (lessons.root() / told["folder"] / told["lessons"][0]["notebook"]).exists()


def test_hints_one_after_the_other_and_the_last_again(server):
    answers = [ask(server, f"kube-labs/help?exercise=ex-04-1&number={k}")[1] for k in (1, 2, 3, 9)]
    assert [answer["title"] for answer in answers] == [f"Hint {k} of 3" for k in (1, 2, 3, 3)]
    assert answers[0]["markdown"] != answers[1]["markdown"]


def test_solution(server):
    status, told = ask(server, "kube-labs/help?exercise=ex-04-1")
    assert status == 200
    assert told["markdown"].startswith("```python\nstore = ")


@pytest.mark.parametrize("query", ["exercise=ex-99-1", "exercise=..%2F..", "exercise=ex-04-1&number=x"])
def test_what_there_is_not_is_a_sentence(server, query):
    status, told = ask(server, f"kube-labs/help?{query}")
    assert status == 400
    assert told["what"].endswith(".")


def test_progress_comes_back(server):
    passed = {"ex-04-1": "2026-01-01T00:00:00+00:00"}
    body = json.dumps({"version": 1, "passed": passed}).encode()
    assert ask(server, "kube-labs/progress", body) == (200, {"new": ["ex-04-1"]})
    assert ask(server, "kube-labs/progress", body) == (200, {"new": []})
    assert ask(server, "kube-labs/progress")[1]["passed"] == passed
    status, told = ask(server, "kube-labs/progress", b"no JSON")
    assert (status, told["what"]) == (400, "This is not a progress file of this course.")


def test_page_is_found_and_nothing_of_it_is_built():
    folder = jupyter.FOLDER / "labextensions" / "kube-labs"
    package = json.loads((folder / "package.json").read_text())
    assert (folder / package["jupyterlab"]["_build"]["load"]).exists()


def test_environment_keeps_what_was_named():
    found = jupyter.environment({"JUPYTER_PATH": "/mine"})
    assert found == {"JUPYTER_PATH": f"{jupyter.FOLDER}{os.pathsep}/mine", "JUPYTER_CONFIG_PATH": str(jupyter.FOLDER)}
    assert jupyter.environment(found) == found


def test_binder_names_the_same_folder():
    dockerfile = (lessons.root() / "binder" / "Dockerfile").read_text()
    for name in jupyter.environment({}):
        assert f"{name}=${{HOME}}/course/labs/jupyter" in dockerfile


def test_notebooks_in_another_folder(tmp_path):
    folder = lessons.root() / "notebooks"
    assert handlers.notebooks_in(str(folder)) == ""
    assert handlers.notebooks_in(str(folder.parent)) == "notebooks"
    assert handlers.notebooks_in(str(tmp_path)) is None
    (tmp_path / "04_roll_out_deployments.ipynb").touch()
    assert handlers.notebooks_in(str(tmp_path)) == ""


def test_too_large_to_be_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_PROGRESS", str(tmp_path / "progress.json"))
    with pytest.raises(LabsError, match="not a progress file"):
        handlers.merge(b" " * (handlers.LARGEST + 1))
    assert not Path(store.path()).exists()
