"""What was learnt, for the class and for one: tables from reports, and the pages that papermill makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from labs.workshop.report import report

BEGAN = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


def at(minutes: int) -> str:
    return (BEGAN + timedelta(minutes=minutes)).isoformat()


def solved(minutes: int, tries: int = 1) -> dict:
    return {"status": "passed", "tries": tries, "passed": at(minutes)}


@pytest.fixture
def content() -> dict:
    wrong = {"status": "not yet", "tries": 4, "expected": "3 ready replicas", "observed": "2 ready"}
    opened = {"opened": {"04": at(0)}, "lesson": "04"}
    reports = [
        {**opened, "exercises": {"ex-04-1": solved(10), "ex-04-2": solved(25, 3)}},
        {**opened, "exercises": {"ex-04-1": solved(20, 2), "ex-04-2": wrong}, "hidden": True},
        {},
    ]
    learners = [
        {"id": f"l{n}", "name": f"Zoë <{n}>", "number": n, "lessons": ["04"], "report": told}
        for n, told in enumerate(reports, 1)
    ]
    return {"workshop": "room", "made": "2026-11-27T12:00", "learners": learners}


def test_exercises_of_the_class(content):
    first, second, third = str(report.exercises(content)).splitlines()[-3:]
    assert "2 of 3" in first
    assert " 15 " in first  # the median of 10 and 20 minutes
    assert "1 of 3" in second
    assert "1 × expected 3 ready replicas, observed 2 ready" in second
    assert "0 of 3" in third


def test_only_what_the_workshop_taught_counts_for_the_class(content):
    class_text, own = str(report.topics(content)), str(report.topics(content, "l1"))
    assert "3 of 9" in next(line for line in class_text.splitlines() if line.split()[:1] == ["T5"])
    assert "T3" not in class_text
    assert any(line.split()[:1] == ["T3"] for line in own.splitlines())  # what to practise next


def test_who_wants_it_has_no_name_in_the_report(content):
    text = str(report.learners(content))
    assert "seat 2" in text
    assert "Zoë <2>" not in text
    assert "Zoë <1>" in text


def test_pages(content, tmp_path):
    content["learners"] = content["learners"][:1]
    began: list[str] = []
    pages = report.write(content, tmp_path / "out", began.append)
    assert [page.name for page in pages] == ["class.html", "learner-l1.html"]
    assert began == ["the class", "Zoë <1>"]
    texts = [page.read_text(encoding="utf-8") for page in pages]
    assert all("2 of 3 exercises solved" in text for text in texts)
    assert all("report.load" not in text for text in texts)  # no code
    assert "Zoë &lt;1&gt;" in texts[0]
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0
