"""Drills without an engine: papers, the clock, what is recorded; and the plan that counts with them."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest

from labs.checks import core, judging, verdict
from labs.checks.context import ScopedContext
from labs.curriculum.topics import DOMAINS
from labs.errors import LabsError, NotYet
from labs.exam.attempt import Attempt
from labs.exam.drill import Drill
from labs.exam.papers import paper, papers
from labs.progress import store, study_plan


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


@pytest.fixture
def lab(tmp_path):
    return SimpleNamespace(namespace="lab-08", folder=tmp_path, uses_kubernetes=False, clients=None)


@pytest.fixture
def drill(lab, clock, monkeypatch):
    """A drill whose world costs nothing and whose tasks pass when `drill.solved` names them."""
    found = Drill(lab, "first", clock=clock)
    found.solved = set()

    def begin(*, played):
        Attempt(clock(), found.paper.minutes, played=played, facts={"code": "1234"}).write(found._file)

    def judge(check, context):
        number = int(check.id.rpartition("-")[2])
        status = verdict.PASSED if number in found.solved else verdict.NOT_YET
        return judging._verdict(SimpleNamespace(id=check.id, title=check.title, why=""), status, "a", "b", "c")

    monkeypatch.setattr(found, "_begin", begin)
    monkeypatch.setattr(core, "judge", judge)
    return found


@pytest.mark.parametrize("name", papers())
def test_a_paper_weighs_as_the_exam_does(name):
    found = paper(name)
    for domain, (_, weight) in DOMAINS.items():
        assert sum(task.weight for task in found.tasks if task.domain == domain) == weight, f"the tasks of {domain}"
    assert sum(weight for _, weight in DOMAINS.values()) == 100
    assert {task.namespace for task in found.tasks} == set(found.namespaces)


@pytest.mark.parametrize("name", papers())
def test_a_paper_is_whole(name, lab):
    found = paper(name)
    texts = [text for task in found.tasks for text in (task.text, task.solution)]
    texts += [stage.manifest for stage in found.stages]
    for text in texts:
        assert text.strip()
        assert "@" not in found.fill(text, lab, {"code": "1234"}).replace("${@", "")
    assert all(f"-n @{task.namespace}@" in task.solution for task in found.tasks)


def test_the_first_drill_is_ten_tasks_in_thirty_minutes():
    found = paper("first")
    assert (len(found.tasks), found.minutes, found.enough) == (10, 30, 66)


def test_a_drill_that_is_not_there(lab):
    with pytest.raises(LabsError, match="There is first"):
        Drill(lab, "second")
    with pytest.raises(LabsError, match="1 to 10"):
        paper("first").task(11)


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
    assert "Task 7 · 13 % · Environment, Configuration and Security · namespace `lab-08-ingest`" in text
    assert "sesame-1234" in text
    assert "0 of 30 minutes" in text


def test_an_empty_drill_scores_nothing_and_is_not_recorded(drill, capsys):
    drill.start()
    drill.score()
    assert "0 %: not enough (66 % pass)" in capsys.readouterr().out
    assert store.drills() == {}


def test_the_score_tells_state_and_domains_and_never_why(drill, clock, capsys):
    drill.start()
    clock.passes(12)
    drill.solved = {7, 8, 9}
    capsys.readouterr()
    drill.score()
    text = capsys.readouterr().out
    assert "Environment, Configuration and Security  25 of 25 %" in text
    assert "Services and Networking                  10 of 20 %" in text
    assert "35 %: not enough" in text
    assert "12 of 30 minutes" in text
    assert "expected" not in text


def test_the_best_score_is_kept_of_equal_ones_the_quicker(drill, clock):
    drill.start()
    for minutes, solved in ((10, {1, 2}), (5, {1, 2, 3}), (5, {1, 2, 3}), (5, {1})):
        clock.passes(minutes)
        drill.solved = solved
        drill.score()
    best = store.drills()["first"]
    assert (best["percent"], best["minutes"]) == (28, 15)


def test_a_drill_survives_the_kernel(drill, lab, clock, capsys):
    drill.start()
    clock.passes(7)
    again = Drill(lab, "first", clock=clock)
    again.tasks()
    assert "7 of 30 minutes" in capsys.readouterr().out


def test_starting_while_the_clock_runs_removes_nothing(drill, clock, capsys):
    drill.start()
    clock.passes(7)
    drill.start()
    assert "The drill goes on" in capsys.readouterr().out
    drill.start(restart=True)
    assert "0 of 30 minutes" in capsys.readouterr().out


def test_after_the_bell_nothing_is_recorded(drill, clock, capsys):
    drill.start()
    clock.passes(31)
    drill.solved = set(range(1, 11))
    drill.score()
    drill.stop()
    text = capsys.readouterr().out
    assert "100 %" in text
    assert "time is over since 1 minutes" in text
    assert store.drills() == {}


def test_after_the_stop_nothing_is_recorded(drill, clock):
    drill.start()
    clock.passes(20)
    drill.solved = {1}
    drill.stop()
    drill.solved = set(range(1, 11))
    drill.score()
    drill.stop()
    assert store.drills()["first"]["percent"] == 10


def test_no_word_of_the_solution_while_the_clock_runs(drill, clock, capsys):
    drill.start()
    clock.passes(10)
    for ask in (drill.explain, drill.solution):
        with pytest.raises(LabsError, match="20 minutes left"):
            ask(3)
    with pytest.raises(LabsError, match="still runs"):
        drill.play()
    drill.stop()
    drill.solution(3)
    drill.explain(3)
    text = capsys.readouterr().out
    assert "kubectl -n lab-08-web rollout undo deployment/page" in text
    assert "first-3 not yet" in text


def test_time_that_is_over_opens_the_solutions_too(drill, clock, capsys):
    drill.start()
    clock.passes(30.1)
    drill.solution(9)
    assert "create service nodeport shop" in capsys.readouterr().out


def test_the_course_that_plays_sets_no_record(drill, monkeypatch, capsys):
    typed = []
    monkeypatch.setattr(drill, "_type", lambda script, given="": typed.append(script))
    drill.solved = set(range(1, 11))
    drill.play()
    assert len(typed) == 10
    assert "played by the course" in capsys.readouterr().out
    assert store.drills() == {}
    drill.start()  # begins again
    assert "0 of 30 minutes used" in capsys.readouterr().out


def test_a_wrong_solution_of_the_course_is_an_error(drill, monkeypatch):
    monkeypatch.setattr(drill, "_type", lambda script, given="": None)
    drill.solved = {1, 2}
    with pytest.raises(LabsError, match="own solution of task 3"):
        drill.play()


def test_an_engine_that_does_not_answer_is_no_score(drill, monkeypatch):
    drill.start()
    broken = SimpleNamespace(status=verdict.COULD_NOT_CHECK, passed=False, error=lambda: LabsError("No API server."))
    monkeypatch.setattr(core, "judge", lambda check, context: broken)
    with pytest.raises(LabsError, match="No API server"):
        drill.score()
    assert store.drills() == {}


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


def test_the_plan_has_each_lesson_once_and_twice_again():
    days = study_plan.plan(date(2027, 2, 8))
    assert [day.number for day in days] == list(range(1, 22))
    assert days[-1].date == date(2027, 2, 28)
    assert days[-1].other == "the exam"
    for number in study_plan.exercises():
        assert sum(number in day.learn for day in days) == 1
        assert sum(number in day.again for day in days) == 2
    assert all(day.learn or day.again or day.other for day in days)


@pytest.mark.parametrize("count", [1, 5, 12, 30])
def test_the_plan_takes_any_number_of_lessons(monkeypatch, count):
    monkeypatch.setattr(study_plan, "exercises", lambda: {f"{n:02}": [f"ex-{n:02}-1"] for n in range(count)})
    days = study_plan.plan(date(2027, 2, 8))
    assert sum(len(day.learn) for day in days) == count
    assert max(day.number for day in days if day.again) < 21


def test_what_comes_back_today():
    today = date(2027, 2, 15)
    solved = {f"ex-04-{k}": (datetime(2027, 2, 15, 12) - timedelta(days=k)).astimezone().isoformat() for k in (1, 3, 7)}
    assert study_plan.due(solved, today) == {"ex-04-3": 3, "ex-04-7": 7}


def test_the_plan_shows_what_is_solved(capsys):
    store.record("ex-04-1")
    store.record_drill("first", 70, 20)
    study_plan.show_plan(today=date.today() + timedelta(days=3))
    text = capsys.readouterr().out
    assert "1 of 3" in text
    assert "Comes back today: ex-04-1 (after 3 days)" in text
    assert "Best first drill: 70 % in 20 minutes" in text
    assert "← today" in text
