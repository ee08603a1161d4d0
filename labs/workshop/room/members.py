"""The learners of a workshop, as the cluster knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labs.session import progress_report
from labs.workshop.room import manifests
from labs.workshop.room.roster import Learner

__all__ = ["Member", "members_of"]


@dataclass(frozen=True)
class Member:
    """A member of a workshop: a learner as the cluster knows them.

    Attributes:
        learner: who.
        number: their seat's, from 1.
        lessons: those they have namespaces for.
        report: what `labs.session.progress_report` has written; empty before the first lesson was opened.
    """

    learner: Learner
    number: int
    lessons: list[str]
    report: dict[str, Any]

    @property
    def shown(self) -> str:
        """What an instructor is shown: the name, or the seat's number where the learner wants it so."""
        return f"seat {self.number}" if self.report.get("hidden") else self.learner.name


def members_of(maps: list[dict[str, Any]]) -> list[Member]:
    """The learners whose ConfigMaps these are, by their seats.

    Args:
        maps: plain data; others are passed over.
    """
    found = []
    for item in maps:
        notes, labels = item["metadata"].get("annotations") or {}, item["metadata"].get("labels") or {}
        if manifests.NUMBER in notes and "labs/learner" in labels:
            who = Learner(labels["labs/learner"], notes.get(manifests.NAME, ""))
            report = progress_report.read((item.get("data") or {}).get(progress_report.KEY))
            found.append(Member(who, int(notes[manifests.NUMBER]), notes.get(manifests.GIVEN, "").split(), report))
    return sorted(found, key=lambda member: member.number)
