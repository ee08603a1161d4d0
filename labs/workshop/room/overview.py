"""Who is where in a room, and who may be stuck: computed from the learners' reports, for the view and the reports."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from labs import checks
from labs.curriculum import lessons
from labs.workshop.room.members import Member

__all__ = ["Standing", "exercises_of", "overview", "solving_times", "standing_of", "wrong_answers"]

TRIES = 3  # unsolved after this many checks ...
MINUTES = 8  # ... and this long at it, or
LONG = 25  # ... this long at it without a check: somebody may be stuck


@dataclass(frozen=True)
class Standing:
    """Where one learner is.

    Attributes:
        exercise: the one they are at; empty when all of the open lesson is solved, or none was opened.
        minutes: how long they have been at it.
        tries: how often they have checked it.
        solved: how many exercises they have solved.
        is_stuck: whether they may need help.
    """

    exercise: str
    minutes: int
    tries: int
    solved: int
    is_stuck: bool


def exercises_of(numbers: list[str]) -> list[tuple[str, str]]:
    """The ids and titles of the exercises of some lessons, in order.

    Args:
        numbers: such as ``["03", "04"]``.
    """
    return [(item.id, item.title) for number in sorted(numbers) for item in checks.checks_of(number)]


def standing_of(report: dict[str, Any], now: datetime | None = None) -> Standing:
    """Where a learner is, by their report.

    Args:
        report: from `labs.session.progress_report.read`; a time that is none counts for nothing.
        now: the time, with its zone; the present by default.
    """
    now = now or datetime.now(UTC)
    done = report.get("exercises") or {}
    solved = [item for item in done.values() if item.get("passed")]
    lesson = report.get("lesson", "")
    ids = [one for one, _ in exercises_of([lesson])] if lesson in _numbers() else []
    at = next((one for one in ids if not done.get(one, {}).get("passed")), "")
    if not at:
        return Standing("", 0, 0, len(solved), False)
    earlier = [_time(done[one].get("passed")) for one in ids if one in done]
    since = max([moment for moment in (_time(report.get("since")), *earlier) if moment], default=now)
    minutes, tries = max(int((now - since).total_seconds() // 60), 0), done.get(at, {}).get("tries", 0)
    is_stuck = (tries >= TRIES and minutes >= MINUTES) or minutes >= LONG
    return Standing(at, minutes, tries, len(solved), is_stuck)


def solving_times(report: dict[str, Any]) -> dict[str, float]:
    """The minutes that each solved exercise took: since the one solved before it, or since its lesson was opened.

    Args:
        report: as of `standing_of`.
    """
    opened = report.get("opened") or {}
    done = {k: moment for k, v in (report.get("exercises") or {}).items() if (moment := _time(v.get("passed")))}
    found = {}
    for exercise, moment in done.items():
        lesson = exercise.split("-")[1] if exercise.count("-") == 2 else ""
        starts = [other for k, other in done.items() if other < moment and k.startswith(f"ex-{lesson}-")]
        starts += [start] if (start := _time(opened.get(lesson))) and start <= moment else []
        if starts:
            found[exercise] = (moment - max(starts)).total_seconds() / 60
    return found


def wrong_answers(members: list[Member]) -> list[dict[str, Any]]:
    """What checks see that is not yet right, the most frequent first.

    Args:
        members: the learners.

    Returns:
        Dictionaries with ``exercise``, ``expected``, ``observed``, ``count`` and ``who``, the names as shown.
    """
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for member in members:
        for exercise, item in (member.report.get("exercises") or {}).items():
            if item.get("status") == checks.NOT_YET and not item.get("passed"):  # who has solved it may have cleaned up
                texts = (item.get(key, "").replace(member.learner.id, "…") for key in ("expected", "observed"))
                groups[exercise, *texts].append(member.shown)
    found = [
        {"exercise": exercise, "expected": expected, "observed": observed, "count": len(who), "who": who}
        for (exercise, expected, observed), who in groups.items()
    ]
    return sorted(found, key=lambda item: (-item["count"], item["exercise"], item["observed"]))


def overview(members: list[Member], now: datetime | None = None) -> dict[str, Any]:
    """A room as a grid of learners by exercises.

    Args:
        members: the learners, by their seats.
        now: as of `standing_of`.

    Returns:
        Plain data: ``exercises`` (``id``, ``title``, ``solved``), ``learners`` (``id``, ``name``, ``at``, ``minutes``,
        ``stuck``, ``solved``, ``cells``), ``wrong`` as of `wrong_answers`, and a ``summary``. A cell has the keys
        ``mark`` (none, wait, bad, done), ``tries``, ``expected``, ``observed`` and ``last``, when it was checked.
    """
    columns = exercises_of(sorted({lesson for member in members for lesson in member.lessons}))
    rows, stuck, solved = [], 0, [0] * len(columns)
    for member in members:
        standing, done = standing_of(member.report, now), (member.report.get("exercises") or {})
        cells = [_cell(done.get(exercise, {}), exercise == standing.exercise) for exercise, _ in columns]
        solved = [count + (cell["mark"] == "done") for count, cell in zip(solved, cells, strict=True)]
        stuck += standing.is_stuck
        rows.append(
            {
                "id": member.learner.id,
                "name": member.shown,
                "at": standing.exercise,
                "minutes": standing.minutes,
                "stuck": standing.is_stuck,
                "solved": standing.solved,
                "cells": cells,
            }
        )
    begun = sum(bool(member.report) for member in members)
    summary = f"{begun} of {len(members)} have begun; {sum(solved)} of {len(members) * len(columns)} exercises solved"
    summary += f"; {stuck} may be stuck" if stuck else ""
    heads = [
        {"id": exercise, "title": title, "solved": count}
        for (exercise, title), count in zip(columns, solved, strict=True)
    ]
    return {"summary": summary, "exercises": heads, "learners": rows, "wrong": wrong_answers(members)[:5]}


def _cell(item: dict[str, Any], here: bool) -> dict[str, Any]:
    mark = "done" if item.get("passed") else "bad" if item.get("status") else "wait" if here else "none"
    texts = {key: item.get(key, "") for key in ("expected", "observed")}
    return {"mark": mark, "tries": item.get("tries", 0), "last": item.get("last", ""), **texts}


def _numbers() -> list[str]:
    return [lesson.number for lesson in lessons.lessons()]


def _time(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
