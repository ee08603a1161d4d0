"""A run of tests says what it is at, and keeps how long each test took."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run_summary import failures, table, unsteady

pytest_plugins = ["pytester"]

TESTS = """
import time
import pytest

@pytest.fixture
def slow():
    time.sleep(0.3)

@pytest.mark.parametrize("number", range(3))
def test_it(slow, number):
    assert number != 1
"""

LOADS = """
import sys
sys.path.insert(0, {root!r})
from tests import progress
progress.Progress.__init__.__defaults__ = (0.2,)
pytest_configure = progress.register
"""


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "--numprocesses=2"]])
def test_message_and_times(pytester, monkeypatch, workers):
    times = pytester.path / "times.jsonl"
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("LABS_TEST_PHASE", "lessons")
    monkeypatch.setenv("LABS_TEST_MESSAGES", "3")
    monkeypatch.setenv("LABS_TEST_TIMES", str(times))
    pytester.makeconftest(LOADS.format(root=str(Path(__file__).parents[2])))
    pytester.makepyfile(TESTS)
    command = f"{shlex.join([sys.executable, '-m', 'pytest', *workers])} 3> messages"  # as run.sh has it
    done = subprocess.run(["sh", "-c", command], cwd=pytester.path, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "lessons:" not in done.stdout
    begun, *going_on = (pytester.path / "messages").read_text().splitlines()
    assert begun.endswith("] lessons: begins")
    assert any("of 3 tests done" in line and "now" in line and "test_it" in line for line in going_on)
    rows = [json.loads(line) for line in times.read_text().splitlines()]
    assert [row["phase"] for row in rows] == ["lessons"] * 3
    assert all(row["seconds"] >= 0.3 for row in rows)
    assert [row["failed"] for row in sorted(rows, key=lambda row: row["test"])] == [False, True, False]
    assert "test_it[2]" in table(times.read_text().splitlines())


def test_slowest_come_first():
    lines = [json.dumps({"phase": "unit", "test": f"t{n}", "seconds": n}) for n in range(30)]
    head, first, *_, last = table(lines).splitlines()
    assert head == "The slowest 20 of 30 tests, which took 435 s in sum:"
    assert first.split() == ["29.0", "s", "unit", "t29"]
    assert last.split()[-1] == "t10"
    assert table([]) == "No test has run."


def test_what_passed_at_the_second_try_only_is_told():
    tries = [("a", True), ("b", False), ("c", True), ("a", False), ("c", True)]
    lines = [json.dumps({"phase": "lessons", "test": test, "failed": failed}) for test, failed in tries]
    assert unsteady(lines).splitlines()[1:] == ["  lessons  a"]
    assert unsteady(lines[1:2]) == ""
    assert failures(lines, "lessons") == ["a", "c"]
    assert failures(lines, "Binder") == []
