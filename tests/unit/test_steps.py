"""Steps of a start-up: in order, at once where they may, stopped when one fails."""

from __future__ import annotations

from threading import Barrier

import pytest

from labs.engines.progress import Cancelled, Reporter, read_startup, run_tasks
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


def test_a_failure_is_raised_and_nothing_begins_after_it():
    begun = []

    def fail(step):
        raise EngineError("It broke.")

    with pytest.raises(EngineError, match="It broke"):
        run({"a": ((), fail), "b": (("a",), lambda step: begun.append("b"))})
    assert begun == []


def test_a_step_that_reports_is_cancelled_by_a_failure_elsewhere():
    ended = []
    failed = Barrier(2, timeout=5)

    def fail(step):
        failed.wait()
        raise EngineError("It broke.")

    def go_on(step):
        failed.wait()
        step.reporter.cancelled.wait(5)
        with pytest.raises(Cancelled):
            step.update("still here")
        ended.append(True)

    with pytest.raises(EngineError):
        run({"a": ((), fail), "b": ((), go_on)})
    assert ended == [True]


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
        raise EngineError("It broke.", "Mend it.")

    with pytest.raises(EngineError):
        run({"a": ((), fail)}, reporter)
    assert read_startup(tmp_path / "startup.json").error == "It broke. Mend it."
