"""Who is where, who may be stuck, and what most get wrong: from reports, honest and forged ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from labs.engines.seat import SEATS, Seat
from labs.session.progress_report import read
from labs.workshop.room.members import Member
from labs.workshop.room.overview import overview, standing_of, wrong_answers
from labs.workshop.room.roster import Learner

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def ago(minutes: int) -> str:
    return (NOW - timedelta(minutes=minutes)).isoformat()


def tried(tries: int, minutes: int = 1, observed: str = "none", **more) -> dict:
    return {
        "status": "not yet",
        "tries": tries,
        "last": ago(minutes),
        "expected": "a pod",
        "observed": observed,
        **more,
    }


def member(number: int, report: dict, name: str = "") -> Member:
    return Member(Learner(f"l{number}", name or f"Learner {number}"), number, ["04"], report)


@pytest.mark.parametrize(
    ("report", "exercise", "minutes", "is_stuck"),
    [
        ({}, "", 0, False),
        ({"lesson": "04", "since": ago(5)}, "ex-04-1", 5, False),
        ({"lesson": "04", "since": ago(40), "exercises": {}}, "ex-04-1", 40, True),
        ({"lesson": "04", "since": ago(9), "exercises": {"ex-04-1": tried(3)}}, "ex-04-1", 9, True),
        ({"lesson": "04", "since": ago(9), "exercises": {"ex-04-1": tried(2)}}, "ex-04-1", 9, False),
        ({"lesson": "04", "since": ago(30), "exercises": {"ex-04-1": {"passed": ago(2)}}}, "ex-04-2", 2, False),
        ({"lesson": "04", "exercises": {f"ex-04-{n}": {"passed": ago(2)} for n in (1, 2, 3)}}, "", 0, False),
    ],
)
def test_where_a_learner_is(report, exercise, minutes, is_stuck):
    found = standing_of(report, NOW)
    assert (found.exercise, found.minutes, found.is_stuck) == (exercise, minutes, is_stuck)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"lesson": "99", "since": 7}',
        '{"lesson": {"a": 1}, "exercises": []}',
        '{"lesson": "04", "since": "yesterday", "exercises": {"ex-04-1": 3, "ex-04-2": {"tries": "x", "passed": []}}}',
        '{"lesson": "04", "since": "2026-01-01T00:00:00", "exercises": {"ex-04-1": {"status": "not yet"}}}',
    ],
)
def test_a_forged_report_harms_nobody(text):
    picture = overview([member(1, read(text)), member(2, {"lesson": "04", "since": ago(3)})], NOW)
    assert picture["learners"][1]["minutes"] == 3


def test_the_most_frequent_mistake_comes_first():
    members = [
        member(1, {"exercises": {"ex-04-1": tried(1, observed="none in room-l1-04")}}),
        member(2, {"exercises": {"ex-04-1": tried(4, observed="none in room-l2-04"), "ex-04-2": tried(1)}}),
        member(3, {"exercises": {"ex-04-2": tried(1, passed=ago(3))}, "hidden": True}),
    ]
    first, second = wrong_answers(members)
    assert (first["exercise"], first["count"], first["who"]) == ("ex-04-1", 2, ["Learner 1", "Learner 2"])
    assert (second["exercise"], second["count"]) == ("ex-04-2", 1)  # the third has solved it meanwhile


def test_the_grid():
    reports = [{"lesson": "04", "since": ago(1), "exercises": {"ex-04-1": {"passed": ago(1), "tries": 2}}}, {}]
    picture = overview([member(number, report) for number, report in enumerate(reports, 1)], NOW)
    assert [item["id"] for item in picture["exercises"]] == ["ex-04-1", "ex-04-2", "ex-04-3"]
    assert [cell["mark"] for cell in picture["learners"][0]["cells"]] == ["done", "wait", "none"]
    assert picture["summary"] == "1 of 2 have begun; 1 of 6 exercises solved"


def test_who_wants_it_is_shown_without_a_name():
    assert overview([member(7, {"hidden": True}, "Ada")], NOW)["learners"][0]["name"] == "seat 7"


def test_node_ports_of_a_seat():
    one, last = Seat("room", "ada", 1), Seat("room", "zoe", SEATS)
    assert one.personal("nodePort: 30041, 8080, localhost:30030/x") == "nodePort: 30091, 8080, localhost:30080/x"
    assert one.personal(one.personal("30041")) == "30091"
    ports = {seat.port(port) for seat in (one, last) for port in range(30030, 30080)}
    assert len(ports) == 100
    assert max(ports) <= 32767
