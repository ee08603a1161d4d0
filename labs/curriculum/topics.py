"""What must be taught: founding topics, and the exam's items and domains."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path

from labs.curriculum import lessons

__all__ = ["CURRICULUM", "DOMAINS", "CurriculumItem", "curriculum"]

CURRICULUM = Path(lessons.__file__).with_name("curriculum.toml")


@dataclass
class CurriculumItem:
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


def curriculum(path: Path = CURRICULUM) -> dict[str, CurriculumItem]:
    """All items without their lessons: topics, and points of topics, by id.

    Args:
        path: a file in its form.
    """
    items = {}
    for topic, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
        items[topic] = CurriculumItem(topic, entry["title"])
        items |= {
            f"{topic}.{name}": CurriculumItem(f"{topic}.{name}", title)
            for name, title in entry.get("points", {}).items()
        }
    return items


#: The exam's domains with their weights in percent: the public curriculum v1.35 of the CNCF.
DOMAINS = {
    "D1": ("Application Design and Build", 20),
    "D2": ("Application Deployment", 20),
    "D3": ("Observability and Maintenance", 15),
    "D4": ("Environment, Configuration and Security", 25),
    "D5": ("Services and Networking", 20),
}
