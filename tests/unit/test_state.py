"""The course's folder: found again, written at once or not at all, kept from two commands at a time."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs.engines.runtime.state import Record, State, course_name
from labs.errors import EngineError, LabsError


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_STATE", str(tmp_path))
    return State.of("trial", system=True)


def test_a_record_is_read_as_it_was_written(state):
    record = Record(name="trial", nodes=3, subnet="10.213.1.0/24", settings={"docker": "unix:///x"})
    state.write(record)
    assert state.read() == record


def test_a_field_of_a_newer_version_is_passed_over(state):
    state.write(Record(name="trial"))
    file = state.folder / State.RECORD
    file.write_text(json.dumps({**json.loads(file.read_text()), "from_the_future": 1}))
    assert state.read().name == "trial"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"nodes": 1}'])
def test_an_unreadable_record_is_a_sentence(state, content):
    state.make_folder(state.folder)
    (state.folder / State.RECORD).write_text(content)
    with pytest.raises(EngineError, match="cannot be read") as caught:
        state.read()
    assert "labs down" in caught.value.todo


def test_a_secret_is_never_readable_by_others(state):
    state.make_folder(state.folder)
    path = state.write_file("key", "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in state.folder.iterdir()] == ["key"]  # no temporary file stays


def test_removal_outlives_a_notebook_that_writes_its_copy_meanwhile(state):
    state.write(Record(name="trial"))
    (state.folder / "kubeconfig").touch()
    ended = time.monotonic() + 0.5

    def copy_again_and_again():  # as `Lab` does in the thread of a view
        while time.monotonic() < ended:
            with suppress(OSError):
                copy = state.folder / "lessons/03/kubeconfig"
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.touch()

    notebook = threading.Thread(target=copy_again_and_again)
    notebook.start()
    while not (state.folder / "lessons").exists():
        time.sleep(0.01)
    state.remove()
    notebook.join()
    state.remove()  # what it wrote after the removal
    assert not state.folder.exists()


def test_a_second_command_is_told_to_wait(state):
    program = (
        "from labs.engines.runtime.state import State\nfrom labs.errors import EngineError\n"
        "try:\n    with State.of('trial', system=True).lock(): print('entered')\n"
        "except EngineError as error: print(error)"
    )
    with state.lock():
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Another `labs` command is changing the course 'trial'" in done.stdout


def test_remove_leaves_nothing(state, tmp_path):
    with state.lock():
        state.write(Record(name="trial"))
        state.make_folder("a/b/c")
        state.write_file("a/b/file", "x")
        state.remove()
    assert list(tmp_path.iterdir()) == []


@given(st.text(max_size=40))
def test_a_course_name_is_safe_in_paths_and_labels_or_refused(name):
    try:
        chosen = course_name(name or None)
    except LabsError:
        return
    assert 0 < len(chosen) <= 32
    assert chosen.strip("-") == chosen
    assert set(chosen) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
