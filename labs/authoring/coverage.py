"""Which lesson teaches what: the map from the curriculum to the cells and checks that cover it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labs import checks
from labs.curriculum import lessons
from labs.curriculum.topics import CURRICULUM, CurriculumItem, curriculum

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["cover", "gaps", "table"]


def cover(
    taught: Iterable[lessons.Lesson] | None = None, path: Path = CURRICULUM
) -> tuple[dict[str, CurriculumItem], list[str]]:
    """Fill in who covers what.

    Args:
        taught: the lessons; all of them when not given.
        path: the curriculum.

    Returns:
        The items by id, and one sentence for each id that a lesson or a check names and the curriculum does not have.
    """
    items, unknown = curriculum(path), []
    for lesson in lessons.lessons() if taught is None else taught:
        for kind, name in _marks(lesson):
            topic = name.partition(".")[0] if name.startswith("T") else name
            for each in dict.fromkeys((name, topic)):  # who covers a point covers its topic
                if each in items:
                    numbers = items[each].explained if kind == "markdown" else items[each].shown
                    numbers += [lesson.number] * (lesson.number not in numbers)
                else:
                    unknown.append(f"A cell of lesson {lesson.number} covers {each}, which is not in the curriculum.")
        for check in checks.checks_of(lesson.number):
            for name in check.covers:
                if name in items:
                    items[name].practised.append(check.id)
                else:
                    unknown.append(f"The check {check.id} covers {name}, which is not in the curriculum.")
    return items, unknown


def _marks(lesson: lessons.Lesson) -> Iterator[tuple[str, str]]:
    """What the cells of a lesson are marked with: the kind of cell, and an id."""
    for cell in lesson.notebook.cells:
        for name in str(cell.metadata.get("covers", "")).split():
            yield cell.cell_type, name


def gaps(items: dict[str, CurriculumItem]) -> list[str]:
    """What is missing, one sentence each: a founding topic needs an exercise, a point an explanation and a demo."""
    missing = []
    for item in items.values():
        if not item.id.startswith("T"):
            continue
        if not item.explained:
            missing.append(f"No cell explains {item.id}, {item.title}.")
        if not item.shown:
            missing.append(f"No cell shows {item.id}, {item.title}, on a live engine.")
        if "." not in item.id and not item.practised:
            missing.append(f"No exercise practises {item.id}, {item.title}.")
    return missing


def table(items: dict[str, CurriculumItem]) -> Table:
    """The map as a table for a terminal."""
    from rich.table import Table

    result = Table(box=None, pad_edge=False)
    for column in ("", "taught", "explained in", "shown in", "practised in"):
        result.add_column(column)
    for item in items.values():
        is_point = "." in item.id and item.id.startswith("T")
        practised = ", ".join(item.practised) or ("" if is_point else "[yellow]not yet")
        name = f"  {item.id}" if is_point else f"[bold]{item.id}"
        result.add_row(name, item.title, " ".join(item.explained), " ".join(item.shown), practised)
    return result
