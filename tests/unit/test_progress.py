"""The progress file."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime

import pytest

from labs.errors import LabsError
from labs.progress import store


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    path = tmp_path / "data" / "progress.json"
    monkeypatch.setenv("LABS_PROGRESS", str(path))
    return path


def test_nothing_yet(file):
    assert store.load() == {}
    assert not file.exists()


def test_default_place_is_the_users_data_folder(monkeypatch):
    monkeypatch.delenv("LABS_PROGRESS")
    assert store.path().parts[-2:] == ("kube-labs", "progress.json")


def test_solved_exercises_are_remembered_in_order(file):
    for check_id in ("ex-04-2", "ex-02-1", "ex-04-1"):
        store.record(check_id)
    assert list(store.load()) == ["ex-02-1", "ex-04-1", "ex-04-2"]
    assert datetime.fromisoformat(store.load()["ex-04-1"]).utcoffset().total_seconds() == 0
    assert [p.name for p in file.parent.iterdir() if not p.name.endswith(".lock")] == ["progress.json"]


def test_the_first_time_counts(file):
    file.parent.mkdir()
    file.write_text(json.dumps({"version": 1, "passed": {"ex-04-1": "2026-01-01T00:00:00+00:00"}}))
    before = file.stat().st_mtime_ns
    store.record("ex-04-1")
    assert store.load()["ex-04-1"] == "2026-01-01T00:00:00+00:00"
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"version": 1}',
        '{"version": 2, "passed": {}}',
        '{"version": 1, "passed": {"a": 1}}',
        "null",
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(file, content):
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(LabsError, match="is not a progress file"):
        store.record("ex-04-1")
    assert file.read_text() == content


def test_progress_of_another_machine(file, tmp_path):
    other = tmp_path / "downloaded.json"
    passed = {"ex-02-1": "2026-01-01T00:00:00+00:00", "ex-04-1": "2026-01-02T00:00:00+00:00"}
    other.write_text(json.dumps({"version": 1, "passed": passed}))
    store.record("ex-04-1")
    assert store.merge(other) == ["ex-02-1"]
    assert store.load() == passed  # the earlier time of each
    assert store.merge(other) == []


def test_merging_what_is_not_there(tmp_path):
    with pytest.raises(LabsError, match="There is no file"):
        store.merge(tmp_path / "nothing.json")


def test_reset_one_lesson_or_all():
    for check_id in ("ex-02-1", "ex-04-1", "ex-04-2"):
        store.record(check_id)
    store.reset("04")
    assert list(store.load()) == ["ex-02-1"]
    store.reset()
    assert store.load() == {}


def test_two_processes_lose_nothing(file):
    code = "import sys; from labs.progress import store\nfor k in range(20): store.record(f'ex-{sys.argv[1]}-{k}')"
    running = [subprocess.Popen([sys.executable, "-c", code, lesson]) for lesson in ("02", "04")]
    assert [process.wait() for process in running] == [0, 0]
    assert len(store.load()) == 40


def test_a_place_that_cannot_be_written(monkeypatch, file):
    file.parent.write_text("a file, not a folder")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        store.record("ex-04-1")
