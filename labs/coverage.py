"""Which lesson teaches what: the map from the curriculum to the cells and checks that cover it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from labs import checks, lessons

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Item", "cover", "curriculum", "gaps", "table"]

CURRICULUM = Path(__file__).with_name("curriculum.toml")


@dataclass
class Item:
    """A topic of the curriculum, or one point of it.

    Attributes:
        id: ``T6``, ``T6.immutable`` or ``D4.5``.
        title: what is taught.
        explained: numbers of the lessons that explain it.
        shown: numbers of the lessons that show it on a live engine.
        practised: ids of exercises whose checks cover it.
    """

    id: str
    title: str
    explained: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    practised: list[str] = field(default_factory=list)

    def as_dict(self) -> dict:
        return asdict(self)


def curriculum(path: Path = CURRICULUM) -> dict[str, Item]:
    """All items without their lessons: topics, and points of topics, by id. Args: ``path``, a file in its form."""
    items = {}
    for topic, told in tomllib.loads(path.read_text(encoding="utf-8")).items():
        items[topic] = Item(topic, told["title"])
        items |= {f"{topic}.{name}": Item(f"{topic}.{name}", title) for name, title in told.get("points", {}).items()}
    return items


def cover(taught: Iterable[lessons.Lesson] | None = None, path: Path = CURRICULUM) -> tuple[dict[str, Item], list[str]]:
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


def gaps(items: dict[str, Item]) -> list[str]:
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


def table(items: dict[str, Item]) -> Table:
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
