"""`python -m benchmarks scale`: a small workshop on fake nodes, and nothing left of it."""

from __future__ import annotations

import json
import subprocess
import sys

import psutil
import pytest

from benchmarks.scale import COURSE
from labs.engines.runtime.state import State
from labs.waiting import wait_for
from tests.conftest import labs

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(1200)]  # KWOK may have to be built
SMALL = ("scale", "--learners", "3", "--lesson", "5", "--json")


def folder() -> State:
    return State.of(COURSE, system=True)


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    labs("down", name=COURSE)


def test_a_small_workshop_is_measured_and_removed():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *SMALL], capture_output=True, text=True, timeout=1100, check=False
    )
    assert done.returncode == 0, done.stderr
    figures = {(f["part"], f["what"]): f["numbers"] for f in json.loads(done.stdout)}
    assert figures["all begin", "POST deployments"]["count"] == 3
    assert figures["lesson", "rollout of 3 replicas"]["count"] == 1
    assert figures["lesson", "from a PATCH to its watcher"]["count"] == 3
    assert figures["holds", "objects"]["pods"] >= 3 * 3
    assert figures["delete", "all namespaces gone after"]["value"] < 60
    assert not folder().folder.exists()


def test_a_flag_reaches_its_component_and_a_kill_leaves_what_down_removes():
    flag = "--kube-api-qps=321"
    words = [sys.executable, "-m", "benchmarks", *SMALL, "--flag", f"kube-scheduler:{flag}"]

    def scheduler() -> list[psutil.Process]:
        return [p for p in psutil.process_iter(["cmdline"]) if flag in (p.info["cmdline"] or ())]

    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as measuring:
        wait_for(scheduler, timeout=1100, what="the scheduler to start")
        measuring.kill()
    assert labs("down", name=COURSE).returncode == 0
    assert not scheduler()
    assert not folder().folder.exists()
