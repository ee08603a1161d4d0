"""What an instructor chooses for a workshop."""

from __future__ import annotations

from dataclasses import dataclass, field

from labs.curriculum.lessons import with_fact
from labs.workshop.room import manifests

__all__ = ["Rules"]


@dataclass(frozen=True)
class Rules:
    """What an instructor chooses for a room.

    Attributes:
        lessons: such as ``["03", "04"]``.
        quota: as `labs.workshop.room.manifests.QUOTA`.
        address: where the cluster's node ports answer.
        registry: where learners push images; empty where there is none.
        server: the API server's address as learners reach it; empty for the instructor's own.
    """

    lessons: list[str] = field(default_factory=lambda: with_fact("shared-cluster"))
    quota: dict[str, str] = field(default_factory=lambda: dict(manifests.QUOTA))
    address: str = "localhost"
    registry: str = ""
    server: str = ""
