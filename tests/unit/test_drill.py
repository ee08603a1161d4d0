"""A drill's mechanics without an engine, on a small paper: the clock, the score, what is recorded."""

from __future__ import annotations

import json
import re
from functools import partial
from types import SimpleNamespace

import pytest

from labs.checks import core
from labs.checks.context import ScopedContext
from labs.checks.core import expect
from labs.errors import CouldNotCheck, EngineError, LabsError, NotYet
from labs.exam.attempt import Attempt
from labs.exam.drill import Drill
from labs.exam.papers import Paper, Task
from labs.progress import store


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_PROGRESS", str(tmp_path / "data" / "progress.json"))


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def passes(self, minutes: float) -> None:
        self.now += 60 * minutes


@pytest.fixture
def clock():
    return Clock()


# The mechanics are shown on a paper of this test's own, so that no real one is written down here.
TASKS = (
    # title, domain, weight
    ("A pod", "D1", 20),
    ("A canary", "D2", 20),
    ("A log line", "D3", 15),
    ("A token", "D4", 25),
    ("A door", "D5", 20),
)


class World:
    """What the small paper's tasks find: which are solved, and what keeps some from being checked."""

    def __init__(self) -> None:
        self.solved: set[int] = set()
        self.broken: dict[int, Exception] = {}

    def paper(self) -> Paper:
        tasks = [
            Task(
                number,
                title,
                domain,
                weight,
                "web",
                f"Make {title.lower()} with the number @code@.",
                f"kubectl -n @web@ create {number}",
                partial(self.look, number),
            )
            for number, (title, domain, weight) in enumerate(TASKS, start=1)
        ]
        return Paper("small", "Small drill", 10, 60, ("web",), (), tuple(tasks))

    def look(self, number: int, context: ScopedContext) -> None:
        if number in self.broken:
            raise self.broken[number]
        expect(number in self.solved, expected=f"state {number}", observed=f"none in {context.namespace}")


@pytest.fixture
def world():
    return World()


@pytest.fixture
def lab(tmp_path):
    return SimpleNamespace(namespace="lab-08", folder=tmp_path, uses_kubernetes=False, clients=None)


@pytest.fixture
def drill(lab, clock, world, monkeypatch):
    """A drill of five tasks whose world costs nothing; they pass when `world.solved` names them."""
    found = Drill(lab, world.paper(), clock=clock)

    def begin(*, played):
        Attempt(clock(), found.paper.minutes, played=played, facts={"code": "1234"}).write(found._file)

    monkeypatch.setattr(found, "_begin", begin)
    return found


def test_a_scoped_context_is_the_lab_elsewhere(lab):
    context = ScopedContext(lab, "lab-08-web", {"code": "1"})
    assert (context.namespace, context.folder, context.facts) == ("lab-08-web", lab.folder, {"code": "1"})


def test_nothing_before_the_start(drill):
    for ask in (drill.tasks, drill.score, drill.stop, drill.results, lambda: drill.explain(1)):
        with pytest.raises(LabsError, match="has not begun"):
            ask()


def test_tasks_name_weight_domain_and_namespace(drill, capsys):
    drill.start()
    text = capsys.readouterr().out
    assert "Small drill: 5 tasks, 10 minutes, 60 % pass" in text
    assert "Task 4 · 25 % · Environment, Configuration and Security · namespace `lab-08-web`" in text
    assert "Make a token with the number 1234." in text
    assert "0 of 10 minutes" in text
    with pytest.raises(LabsError, match="1 to 5"):
        drill.paper.task(6)


def test_an_empty_drill_scores_nothing_and_is_not_recorded(drill, capsys):
    drill.start()
    drill.score()
    assert "0 %: not enough (60 % pass)" in capsys.readouterr().out
    assert store.drills() == {}


def test_the_score_tells_state_and_domains_and_never_why(drill, clock, world, capsys):
    drill.start()
    clock.passes(4)
    world.solved = {3, 4}
    capsys.readouterr()
    drill.score()
    text = capsys.readouterr().out
    assert "Environment, Configuration and Security  25 of 25 %" in text
    assert "Services and Networking                  0 of 20 %" in text
    assert "40 %: not enough" in text
    assert "4 of 10 minutes" in text
    assert "state 1" not in text
    assert drill.results() == {1: False, 2: False, 3: True, 4: True, 5: False}


def test_enough_is_enough(drill, world, capsys):
    drill.start()
    world.solved = {1, 2, 5}
    drill.score()
    assert "60 %: enough" in capsys.readouterr().out


def test_the_best_score_is_kept_of_equal_ones_the_quicker(drill, clock, world):
    drill.start()
    for minutes, solved in ((4, {1}), (2, {1, 2}), (2, {1, 2}), (1, {1})):
        clock.passes(minutes)
        world.solved = solved
        drill.score()
    best = store.drills()["small"]
    assert (best["percent"], best["minutes"]) == (40, 6)


def test_a_drill_survives_the_kernel(drill, lab, clock, capsys):
    drill.start()
    clock.passes(7)
    again = Drill(lab, World().paper(), clock=clock)
    again.tasks()
    assert "7 of 10 minutes" in capsys.readouterr().out


def test_starting_while_the_clock_runs_removes_nothing(drill, clock, capsys):
    drill.start()
    clock.passes(7)
    drill.start()
    assert "The drill goes on" in capsys.readouterr().out
    drill.start(restart=True)
    assert "0 of 10 minutes" in capsys.readouterr().out


def test_after_the_bell_nothing_is_recorded(drill, clock, world, capsys):
    drill.start()
    clock.passes(11)
    world.solved = {1, 2, 3, 4, 5}
    drill.score()
    drill.stop()
    text = capsys.readouterr().out
    assert "100 %" in text
    assert "time is over since 1 minutes" in text
    assert store.drills() == {}


def test_after_the_stop_nothing_is_recorded(drill, clock, world):
    drill.start()
    clock.passes(6)
    world.solved = {1}
    drill.stop()
    world.solved = {1, 2, 3, 4, 5}
    drill.score()
    drill.stop()
    assert store.drills()["small"]["percent"] == 20


def test_no_word_of_the_solution_while_the_clock_runs(drill, clock, capsys):
    drill.start()
    clock.passes(4)
    for ask in (drill.explain, drill.solution):
        with pytest.raises(LabsError, match="6 minutes left"):
            ask(3)
    with pytest.raises(LabsError, match="still runs"):
        drill.play()
    drill.stop()
    drill.solution(3)
    drill.explain(3)
    text = capsys.readouterr().out
    assert "kubectl -n lab-08-web create 3" in text
    assert "small-3 not yet" in text
    assert "none in lab-08-web" in text


def test_time_that_is_over_opens_the_solutions_too(drill, clock, capsys):
    drill.start()
    clock.passes(10.1)
    drill.solution(5)
    assert "kubectl -n lab-08-web create 5" in capsys.readouterr().out


def test_the_course_that_plays_sets_no_record(drill, world, monkeypatch, capsys):
    typed = []
    monkeypatch.setattr(drill, "_type", lambda script, given="": typed.append(script))
    world.solved = {1, 2, 3, 4, 5}
    drill.play()
    assert typed == [f"kubectl -n lab-08-web create {number}" for number in range(1, 6)]
    assert "played by the course" in capsys.readouterr().out
    assert store.drills() == {}
    drill.start()  # begins again
    assert "0 of 10 minutes used" in capsys.readouterr().out


def test_a_wrong_solution_of_the_course_is_an_error(drill, world, monkeypatch):
    monkeypatch.setattr(drill, "_type", lambda script, given="": None)
    world.solved = {1, 2}
    with pytest.raises(LabsError, match="own solution of task 3"):
        drill.play()


DOWN = EngineError("The API server does not answer.", "`labs up` starts it.")


@pytest.mark.parametrize("ask", ["score", "stop"])
def test_a_task_that_could_not_be_checked_takes_nothing_from_the_others(drill, clock, world, capsys, ask):
    drill.start()
    clock.passes(4)
    world.solved, world.broken = {1, 2, 3, 4, 5}, {3: DOWN}
    capsys.readouterr()
    getattr(drill, ask)()
    text = capsys.readouterr().out
    assert re.search(r"^ *3 +A log line .*could not check", text, re.MULTILINE), text
    assert "Task 3 (15 %) could not be checked, and counts nothing: The API server does not answer." in text
    assert "85 %: enough" in text
    assert (store.drills()["small"]["percent"], store.drills()["small"]["minutes"]) == (85, 4)
    with pytest.raises(CouldNotCheck, match="does not answer"):
        drill.results()


@pytest.mark.parametrize("ask", ["score", "stop", "results"])
def test_an_engine_that_does_not_answer_is_no_score(drill, clock, world, capsys, ask):
    drill.start()
    clock.passes(4)
    world.solved = {1, 2, 3, 4, 5}
    world.broken = dict.fromkeys(world.solved, DOWN)
    with pytest.raises(CouldNotCheck, match="The API server does not answer"):
        getattr(drill, ask)()
    assert store.drills() == {}
    world.broken = {}
    clock.passes(1)
    drill.stop()  # the clock went on
    assert store.drills()["small"]["percent"] == 100
    assert "stopped after 5 of 10 minutes" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"started": 1}'])
def test_a_damaged_file_is_no_try(drill, content):
    drill._file.write_text(content)
    with pytest.raises(LabsError, match="has not begun"):
        drill.score()


def test_drills_travel_with_the_progress(tmp_path):
    other = tmp_path / "other.json"
    best = {"percent": 80, "minutes": 25.0, "at": "2026-01-01T00:00:00+00:00"}
    other.write_text(json.dumps({"version": 1, "passed": {}, "drills": {"first": best}}))
    store.record("ex-04-1")
    store.record_drill("first", 70, 20)
    store.merge(other)
    assert store.drills() == {"first": best}
    store.record_drill("first", 75, 1)
    assert store.drills() == {"first": best}
    store.reset("04")
    assert (store.load(), store.drills()) == ({}, {"first": best})
    store.reset()
    assert store.drills() == {}


@pytest.mark.parametrize("drills", [[], {"first": 3}, {"first": {"percent": "80", "minutes": 1, "at": "x"}}])
def test_damaged_drills_are_refused(drills):
    store.path().parent.mkdir()
    store.path().write_text(json.dumps({"version": 1, "passed": {}, "drills": drills}))
    with pytest.raises(LabsError, match="not a progress file"):
        store.load()


def test_patience_is_given_back():
    usual = core.PATIENCE

    def fail():
        with core.patience(0.1):
            assert core.PATIENCE == 0.1
            raise NotYet("a", "b")

    with pytest.raises(NotYet):
        fail()
    assert usual == core.PATIENCE
