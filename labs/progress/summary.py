"""Where a learner stands: what is solved of each lesson, CKAD domain and founding topic, and what is next.

Read from the progress file, the registered checks and the head of each lesson source; no engine is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from labs import checks
from labs.curriculum import lessons
from labs.curriculum.topics import DOMAINS, curriculum
from labs.errors import LabsError
from labs.progress import store

__all__ = ["share", "standing"]

_TITLE = re.compile(r"^# # (.+)$", re.MULTILINE)
_MINUTES = re.compile(r"^# \*Time\*: about ([0-9]+) minutes", re.MULTILINE)


def standing(passed: dict[str, str] | None = None) -> dict[str, Any]:
    """Where a learner stands, as plain JSON values. Cheap: a few milliseconds after the first call.

    Args:
        passed: solved exercises and when; by default, what this machine's progress file says.

    Returns:
        A dictionary::

            {"lessons": [{"number": "04", "title": "Roll out Deployments", "notebook": "04_roll_out_deployments.ipynb",
                          "minutes": 60,                             # None where the lesson does not tell
                          "solved": 1, "count": 3,
                          "exercises": [{"id": "ex-04-1", "title": "...", "passed": "2026-01-01T00:00:00+00:00"}]}],
             "domains": [{"id": "D1", "title": "...", "weight": 20, "solved": 1, "count": 8}, ...],
             "topics": [{"id": "T1", "title": "CKAD preparation", "solved": 0, "count": 3}, ...],
             "next": {"lesson": "04", "exercise": "ex-04-2", "notebook": "..."},   # None when all is solved
             "solved": 1, "count": 27,
             "problem": ""}     # a sentence when the progress file cannot be read; then nothing counts as solved

        ``passed`` is the time at which an exercise was first solved, None when it is not. A domain or topic counts each
        exercise once that practises any of its items; one exercise may count in several.

    Raises:
        LabsError: there are no lessons, or their file names are wrong.
    """
    problem = ""
    if passed is None:
        try:
            passed = store.load()
        except (LabsError, OSError) as error:
            passed, problem = {}, str(error)
    rows = [_lesson(lesson, passed) for lesson in lessons.lessons()]
    practised = [check for row in rows for check in checks.checks_of(row["number"])]
    titles = curriculum()
    topics = [item for item in titles.values() if re.fullmatch(r"T[0-9]", item.id)]
    ids = [exercise["id"] for row in rows for exercise in row["exercises"]]
    return {
        "lessons": rows,
        "domains": [
            {"id": domain, "title": title, "weight": weight, **share(domain, practised, passed)}
            for domain, (title, weight) in DOMAINS.items()
        ],
        "topics": [{"id": item.id, "title": item.title, **share(item.id, practised, passed)} for item in topics],
        "next": _next(rows),
        "solved": sum(i in passed for i in ids),
        "count": len(ids),
        "problem": problem,
    }


def _lesson(lesson: lessons.Lesson, passed: dict[str, str]) -> dict[str, Any]:
    title, minutes = _head(lesson.path, lesson.path.stat().st_mtime_ns)
    own = [{"id": c.id, "title": c.title, "passed": passed.get(c.id)} for c in checks.checks_of(lesson.number)]
    return {
        "number": lesson.number,
        "title": title or lesson.name,
        "notebook": f"{lesson.name}.ipynb",
        "minutes": minutes,
        "solved": sum(exercise["passed"] is not None for exercise in own),
        "count": len(own),
        "exercises": own,
    }


@lru_cache(maxsize=64)
def _head(path: Path, _changed: int) -> tuple[str, int | None]:
    """A lesson's title and minutes by two patterns: to parse all sources as notebooks would take a second or more."""
    text = path.read_text(encoding="utf-8", errors="replace")
    title, minutes = _TITLE.search(text), _MINUTES.search(text)
    return title[1].strip() if title else "", int(minutes[1]) if minutes else None


def share(item: str, practised: Iterable[checks.Check], passed: Iterable[str]) -> dict[str, int]:
    """How many of some exercises practise an item of the curriculum, and how many of these are solved.

    Args:
        item: a topic, domain or point, such as ``D2``.
        practised: the checks of the exercises.
        passed: ids of solved ones.

    Returns:
        ``{"solved": ..., "count": ...}``.
    """
    own = [c.id for c in practised if any(name == item or name.startswith(f"{item}.") for name in c.covers)]
    return {"solved": sum(i in passed for i in own), "count": len(own)}


def _next(rows: list[dict[str, Any]]) -> dict[str, str] | None:
    for row in rows:
        for exercise in row["exercises"]:
            if not exercise["passed"]:
                return {"lesson": row["number"], "exercise": exercise["id"], "notebook": row["notebook"]}
    return None
