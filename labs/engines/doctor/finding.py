"""What `labs doctor` finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

__all__ = ["MISSING", "OK", "REMARK", "Finding", "missing_requirements"]

OK, REMARK, MISSING = "ok", "remark", "missing"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: ``ok``, ``remark`` (works, but know this) or ``missing`` (an engine cannot start).
        subject: what was looked at.
        observed: what was found.
        todo: what repairs it; empty when nothing need be done.
        engine: the only engine that it matters to; empty when it matters to all that come with the course.
    """

    level: str
    subject: str
    observed: str
    todo: str = ""
    engine: str = ""

    def as_dict(self) -> dict[str, str]:
        """The same as plain JSON values."""
        return asdict(self)


def missing_requirements(engine: str, findings: Iterable[Finding]) -> list[str]:
    """What an engine cannot start without, of what was looked at."""
    return [each.subject for each in findings if each.level == MISSING and each.engine in ("", engine)]
