"""One attempt at a drill, and its clock: kept in a file, so that they survive the kernel."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["Attempt"]

BAR = 20  # characters of the clock


@dataclass
class Attempt:
    """One attempt at a drill.

    Attributes:
        started: seconds since the epoch.
        minutes: the time there is.
        stopped: as ``started``; None while the clock runs.
        played: whether the course solves it, not the learner.
        facts: what only this attempt knows, such as a number in a log.
    """

    started: float
    minutes: int
    stopped: float | None = None
    played: bool = False
    facts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Attempt | None:
        """The attempt that a file holds; None when there is none, or the file is damaged."""
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, file: Path) -> None:
        """Keep it in a file."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    def used(self, now: float) -> float:
        """Minutes since the start, or until the stop.

        Args:
            now: in seconds since the epoch.
        """
        end = self.stopped if self.stopped is not None else now
        return max(0.0, end - self.started) / 60

    def is_over(self, now: float) -> bool:
        """Whether the clock was stopped or the time has passed."""
        return self.stopped is not None or self.used(now) > self.minutes

    def stop(self, now: float) -> None:
        """Stop the clock; it never counts more than the time there is. Stopping it again changes nothing."""
        if self.stopped is None:
            self.stopped = min(now, self.started + 60 * self.minutes)

    def text(self, now: float) -> str:
        """The clock as a line of text."""
        used = self.used(now)
        filled = min(BAR, round(BAR * used / self.minutes))
        bar = "█" * filled + "░" * (BAR - filled)
        if self.played:
            return f"{bar} played by the course in {60 * used:.0f} seconds"
        if self.stopped is not None:
            return f"{bar} stopped after {used:.0f} of {self.minutes} minutes; what you do now is not recorded"
        if used > self.minutes:
            return f"{bar} time is over since {used - self.minutes:.0f} minutes; what you do now is not recorded"
        return f"{bar} {used:.0f} of {self.minutes} minutes used"
