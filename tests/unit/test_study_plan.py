"""The plan of three weeks, and what it counts with."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from labs.progress import store, study_plan


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_PROGRESS", str(tmp_path / "data" / "progress.json"))


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
