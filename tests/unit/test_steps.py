"""Steps of a start-up: in order, at once where they may; one that fails stops only what needs it."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
import time
from threading import Barrier, Event

import pytest

from labs.engines.runtime.reporter import Cancelled, Reporter, read_startup, time_left
from labs.engines.runtime.tasks import PartFailed, run_tasks
from labs.errors import EngineError


def run(tasks, reporter=None):
    with reporter or Reporter(quiet=True) as shown:
        run_tasks(tasks, shown)


def test_a_step_comes_after_what_it_needs():
    done = []
    run(
        {
            name: (before, lambda step, n=name: done.append(n))
            for name, before in {"c": ("b",), "b": ("a",), "a": ()}.items()
        }
    )
    assert done == ["a", "b", "c"]


def test_steps_that_need_nothing_of_each_other_run_at_once():
    meet = Barrier(2, timeout=5)
    run({name: ((), lambda step: meet.wait()) for name in "ab"})


def test_a_failure_is_raised_and_nothing_begins_that_needs_it():
    begun = []

    def fail(step):
        raise EngineError("It broke.")

    with pytest.raises(EngineError, match="It broke"):
        run({"a": ((), fail), "b": (("a",), lambda step: begun.append("b"))})
    assert begun == []


def failing(what="It broke.", todo=""):
    def fail(step):
        raise EngineError(what, todo)

    return fail


def test_what_does_not_need_the_failed_step_is_done():
    done = []

    def note(name):
        return lambda step: done.append(name)

    tasks = {
        "bad": ((), failing("It broke.", "Repair it.")),
        "below": (("bad",), note("below")),
        "far below": (("below", "good"), note("far below")),
        "good": ((), note("good")),
        "next": (("good",), note("next")),
    }
    with pytest.raises(PartFailed) as caught:
        run(tasks)
    assert done == ["good", "next"]
    assert caught.value.what == "It broke. Not done because of that: below, far below."
    assert caught.value.todo == "Repair it. The next `labs up` goes on where this one stopped."


def test_a_step_is_cancelled_when_all_that_it_leads_to_has_failed():
    ended, failed = [], Event()

    def fail(step):
        failed.wait(5)
        raise EngineError("It broke.")

    def build(step):
        failed.set()
        step.cancelled.wait(5)
        with pytest.raises(Cancelled):
            step.update("still here")
        ended.append("build")
        raise Cancelled

    tasks = {
        "network": ((), fail),
        "programs": ((), build),
        "more programs": (("programs",), lambda step: ended.append("more programs")),
        "control plane": (("network", "more programs"), lambda step: ended.append("control plane")),
    }
    with pytest.raises(PartFailed) as caught:
        run(tasks)
    assert ended == ["build"]
    assert caught.value.skipped == dict.fromkeys(["control plane", "programs", "more programs"], "network")
    assert list(caught.value.failed) == ["network"]


def test_a_step_goes_on_while_one_of_its_ends_can_be_reached():
    done, failed = [], Event()

    def build(step):
        assert failed.wait(5)
        step.update("still here")
        done.append("programs")

    def fail(step):
        failed.set()
        raise EngineError("It broke.")

    tasks = {
        "network": ((), fail),
        "programs": ((), build),
        "control plane": (("network", "programs"), lambda step: done.append("control plane")),
        "tool": (("programs",), lambda step: done.append("tool")),
    }
    with pytest.raises(PartFailed):
        run(tasks)
    assert done == ["programs", "tool"]


def test_steps_that_are_goals_by_themselves_go_on():
    done, failed = [], Event()

    def fail(step):
        failed.set()
        raise EngineError("It broke.")

    def fetch(step):
        assert failed.wait(5)
        step.update("fetching")
        done.append("other")

    tasks = {"bad": ((), fail), "other": ((), fetch), "both": (("bad", "other"), lambda step: done.append("both"))}
    with pytest.raises(PartFailed), Reporter(quiet=True) as reporter:
        run_tasks(tasks, reporter, goals=list(tasks))
    assert done == ["other"]


def test_several_failures_are_all_told_the_first_one_first(tmp_path):
    first = Event()

    def late(step):
        assert first.wait(5)
        raise EngineError("The second broke.", "Repair the second.")

    def early(step):
        try:
            raise EngineError("The first broke.", "Repair the first.")
        finally:
            first.set()

    reporter = Reporter(quiet=True)
    reporter.record_to(tmp_path / "startup.json")
    tasks = {"b": ((), late), "a": ((), early), "a2": (("a",), print), "b2": (("b",), print)}
    with pytest.raises(PartFailed) as caught:
        run(tasks, reporter)
    assert "The first broke." in caught.value.what
    assert "The second broke." in caught.value.what
    told = read_startup(tmp_path / "startup.json")
    assert told.failed == {"a": "The first broke. Repair the first.", "b": "The second broke. Repair the second."}
    assert told.skipped == {"a2": "a", "b2": "b"}
    assert told.why_not("a2") == "a: The first broke. Repair the first."
    assert told.why_not("c") == ""


def test_a_failure_is_told_when_it_happens_and_not_at_the_end_only(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    seen = []

    def look(step):
        seen.append(stream.getvalue())

    def wait(step):
        while "Repair it" not in stream.getvalue():
            assert not step.cancelled.wait(0.01)

    tasks = {"bad": ((), failing("It broke.", "Repair it.")), "good": ((), wait), "next": (("good",), look)}
    with pytest.raises(PartFailed):
        run(tasks, Reporter())
    assert "  ✗ bad (" in seen[0]
    assert "    It broke.\n    → Repair it.\n" in seen[0]


def test_what_nobody_foresaw_is_a_failed_part_too(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_CACHE", str(tmp_path))
    done = []

    def fail(step):
        raise OSError(28, "No space left on device")

    with pytest.raises(PartFailed, match="disk became full"):
        run({"bad": ((), fail), "good": ((), lambda step: done.append("good"))})
    assert done == ["good"]


def test_an_interrupt_ends_all():
    meet, ended = Barrier(3, timeout=5), []

    def go_on(step):
        meet.wait()
        step.reporter.cancelled.wait(5)
        try:
            step.update("still here")
        except Cancelled:
            ended.append(step.name)
            raise

    def interrupt():
        meet.wait()
        Event().wait(0.2)  # until the main thread waits for the steps
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        run({"a": ((), go_on), "b": ((), go_on), "c": (("a",), lambda step: ended.append("c"))})
    assert sorted(ended) == ["a", "b"]


def test_a_circle_is_refused():
    with pytest.raises(ValueError, match="cycle"):
        run({"a": (("b",), print), "b": (("a",), print)})


def test_the_file_of_an_older_version_is_read(tmp_path):
    file = tmp_path / "startup.json"
    old = {"pid": 1, "born": 0, "steps": {}, "done": ["nodes"], "error": "", "ended": True}
    file.write_text(json.dumps(old))
    assert read_startup(file).kubernetes_works
    assert (read_startup(file).failed, read_startup(file).skipped) == ({}, {})


def test_how_far_it_is_can_be_read_elsewhere(tmp_path):
    file = tmp_path / "startup.json"
    seen = []
    reporter = Reporter(quiet=True)
    reporter.record_to(file)
    run({"a": ((), lambda step: None), "b": (("a",), lambda step: seen.append(read_startup(file)))}, reporter)
    assert seen[0].running
    assert seen[0].done == ["a"]
    assert not read_startup(file).running


def test_an_error_can_be_read_elsewhere(tmp_path):
    reporter = Reporter(quiet=True)
    reporter.record_to(tmp_path / "startup.json")

    def fail(step):
        raise EngineError("It broke.", "Repair it.")

    with pytest.raises(EngineError):
        run({"a": ((), fail)}, reporter)
    assert read_startup(tmp_path / "startup.json").error == "It broke. Repair it."


@pytest.mark.parametrize(
    ("fraction", "words"),
    [(0.0, ""), (0.001, ""), (0.1, ", about 9 min left"), (0.5, ", about 1 min left"), (0.99, ", about 1 min left")],
)
def test_time_left_is_guessed_from_what_is_done(fraction, words):
    assert time_left(time.monotonic() - 60, fraction) == words
