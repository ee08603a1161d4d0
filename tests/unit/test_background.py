"""When JupyterLab opens, and what a lesson says of a start in which a part has failed."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from labs.engines import background
from labs.engines.host import trial
from labs.engines.runtime.component import Component
from labs.engines.runtime.reporter import Startup
from labs.errors import EngineError, NotRunning
from labs.session.kernel_environment import wait_for_startup

DOCKER = ["Docker Engine", "images in Docker"]
NO_PAUSE = {"failed": {"pause": "It broke. Repair it."}, "skipped": {"nodes": "pause"}}


@pytest.fixture
def up(monkeypatch, tmp_path):
    """`labs up` is a program that writes down how far it is, and ends, or goes on for five seconds."""
    for name in ("state", "cache"):
        monkeypatch.setenv(f"LABS_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("LABS_NAME", "trial")
    monkeypatch.setattr(trial, "attempt", lambda: trial.Trial("namespaces", "unshare: refused"))
    folder = tmp_path / "state" / "trial"
    folder.mkdir(parents=True)

    def ends_with(status: int | None, **told) -> None:
        file = tmp_path / "told.json"
        file.write_text(json.dumps({"pid": 1, "born": 0, "steps": {}, "done": [], "error": "", "ended": True, **told}))
        program = tmp_path / "up"
        end = "sleep 5" if status is None else f"echo '✗ It broke.'; exit {status}"
        program.write_text(f"#!/bin/sh\ncp {file} {folder}/startup.json\n{end}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))

    return ends_with


def test_opens_while_the_rest_is_at_work(up):
    up(None, done=DOCKER)
    assert background.up_in_background(patience=20) is None


def test_opens_with_a_warning_when_docker_works(up):
    up(2, done=DOCKER, **NO_PAUSE)
    warning = background.up_in_background(patience=20)
    assert warning.what == "Docker works, but pause failed: It broke. Repair it. Not there because of that: nodes."
    assert "`labs up` in a terminal goes on" in warning.todo


def test_opens_with_a_warning_when_kubernetes_works(up):
    up(2, done=["nodes"], failed={"Docker Engine": "It broke."})
    assert background.up_in_background(patience=20).what.startswith("Kubernetes works, but Docker Engine failed")


def test_ends_with_the_error_when_nothing_works(up):
    up(2, done=["network"], failed={"programs of the node": "It broke."})
    with pytest.raises(EngineError, match=r"^It broke\."):
        background.up_in_background(patience=20)


def engine(startup: Startup, **states: str) -> SimpleNamespace:
    components = [Component(name.replace("__", "/").replace("_", "-"), state) for name, state in states.items()]
    return SimpleNamespace(startup=lambda: startup, status=lambda: components)


@pytest.mark.parametrize("running", [True, False])
def test_lesson_does_not_wait_for_what_will_not_come(running):
    startup = Startup(running, {"registry": ""}, DOCKER, "It broke.", 1, **NO_PAUSE)
    with pytest.raises(NotRunning) as caught:
        wait_for_startup(engine(startup, kube_apiserver="stopped", kubelet__node1="stopped"))
    assert "pause: It broke. Repair it." in caught.value.what
    assert "lessons 00 and 02 need only Docker" in caught.value.todo


def test_lesson_opens_when_the_cluster_runs_after_all():
    startup = Startup(False, {}, DOCKER, "It broke.", 1, failed={"nodes": "Waited 90 s."})
    wait_for_startup(engine(startup, kube_apiserver="running", kubelet__node1="running"))


def test_lesson_opens_when_what_failed_is_not_the_nodes():
    startup = Startup(True, {}, [*DOCKER, "nodes"], "It broke.", 1, failed={"add-ons": "It broke."})
    wait_for_startup(engine(startup, kube_apiserver="running", kubelet__node1="running"))
