"""Three weeks to the exam: the exercises of this course over 21 days, each again after three and after seven days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from labs import checks
from labs.curriculum import lessons
from labs.display import say, show, table
from labs.progress import store

__all__ = ["AGAIN", "Day", "due", "exercises", "plan", "show_plan"]

LEARNING = 12  # days; a lesson that is learned on the last of them comes back twice before the exam
AGAIN = (3, 7)  # days after which an exercise comes back
PROJECT = "your own project: take the same step there"
FIXED = {
    13: "first drill",
    14: "the domain in which you lost most",
    15: "simulator, session 1",
    16: "each task that you missed in it, again",
    17: "first drill, again: faster",
    18: "simulator, session 2",
    19: "the domain in which you lost most",
    20: "the day before: one easy drill, no new matter",
    21: "the exam",
}


@dataclass(frozen=True)
class Day:
    """One day of the plan.

    Attributes:
        number: from 1.
        date: when.
        learn: numbers of lessons to work through, such as ``("04",)``.
        again: numbers of lessons whose exercises come back.
        other: what else there is to do; may be empty.
    """

    number: int
    date: date
    learn: tuple[str, ...]
    again: tuple[str, ...]
    other: str = ""


def exercises() -> dict[str, list[str]]:
    """The exercises of each lesson that has some: ``{"04": ["ex-04-1", ...], ...}``."""
    found: dict[str, list[str]] = {}
    for check in checks.all_checks():
        found.setdefault(check.id.split("-")[1], []).append(check.id)
    return found


def plan(begin: date) -> list[Day]:
    """The plan's days.

    Args:
        begin: the first one.
    """
    numbers = sorted(exercises())
    learn = {number: 1 + position * LEARNING // len(numbers) for position, number in enumerate(numbers)}
    days = []
    for day in range(1, max(FIXED) + 1):
        new = tuple(n for n in numbers if learn[n] == day)
        again = tuple(n for n in numbers if day - learn[n] in AGAIN)
        other = FIXED.get(day, "" if new else PROJECT)
        days.append(Day(day, begin + timedelta(days=day - 1), new, again, other))
    return days


def due(passed: Mapping[str, str], today: date) -> dict[str, int]:
    """Solved exercises that come back today: three or seven days after they were first solved.

    Args:
        passed: exercises and the times at which they were first solved, as `labs.progress.store.load` gives them.
        today: the day.

    Returns:
        The exercises, and after how many days each comes back.
    """
    since = {exercise_id: (today - _day(time)).days for exercise_id, time in passed.items()}
    return {exercise_id: days for exercise_id, days in since.items() if days in AGAIN}


def show_plan(begin: str = "", today: date | None = None) -> None:
    """Show the plan, what of it is solved, and what comes back today.

    Args:
        begin: the first day, such as ``"2026-11-30"``; by default the day of your first solved exercise, else today.
        today: the day; by default this one.

    Raises:
        LabsError: the progress file is damaged.
        ValueError: ``begin`` is no date.
    """
    passed, today = store.load(), today or date.today()
    first = date.fromisoformat(begin) if begin else min([*map(_day, passed.values()), today])
    own = exercises()
    names = {lesson.number: lesson.name.replace("_", " ") for lesson in lessons.lessons()}
    rows = []
    for day in plan(first):
        solved = [f"{sum(x in passed for x in own[n])} of {len(own[n])}" for n in day.learn]
        todo = [names.get(n, n) for n in day.learn] + [day.other] * bool(day.other)
        mark = "← today" if day.date == today else ""
        rows.append(
            (str(day.number), f"{day.date:%a %d %b}", "; ".join(todo), ", ".join(solved), ", ".join(day.again), mark)
        )
    show(table(rows, ("day", "date", "to do", "solved", "again, from memory", ""), title="Three weeks to the exam"))
    back = [f"{exercise_id} (after {days} days)" for exercise_id, days in due(passed, today).items()]
    say(f"Comes back today: {', '.join(back) or 'nothing'}.")
    for name, best in store.drills().items():
        say(f"Best {name} drill: {best['percent']} % in {best['minutes']:.0f} minutes.")


def _day(time: str) -> date:
    """The local day of an ISO 8601 time."""
    return datetime.fromisoformat(time).astimezone().date()
