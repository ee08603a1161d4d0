"""The progress view: what is solved of each lesson and each part of the exam, and what is next."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from labs.progress import store as progress_file
from labs.progress.summary import standing
from labs.views.framework.view import View

__all__ = ["ProgressView", "progress"]

LOOK = 2  # seconds between two looks at the progress file


def progress() -> ProgressView:
    """Show what you solved of each lesson, of the exam's domains and of the course's topics, and what is next; live."""
    return ProgressView()


class ProgressView(View):
    """See `progress`."""

    FOLDER = Path(__file__).parent
    TITLE = "Your progress"

    def begin(self) -> None:
        self._ended = threading.Event()
        threading.Thread(target=self._watch, args=(self._ended,), name="watch progress", daemon=True).start()

    def end(self) -> None:
        self._ended.set()

    def draw(self) -> dict[str, Any]:
        found = standing()
        ahead = found["next"]
        title = next((row["title"] for row in found["lessons"] if ahead and row["number"] == ahead["lesson"]), "")
        next_step = f"next: {ahead['exercise']} in lesson {ahead['lesson']}, {title}" if ahead else "all is solved"
        return {**found, "summary": f"{found['solved']} of {found['count']} exercises solved; {next_step}"}

    def to_text(self, picture: dict[str, Any]) -> str:
        lines = [picture["summary"], *([picture["problem"]] if picture["problem"] else [])]
        lines += [
            f"lesson {row['number']} {row['title']}: {row['solved']} of {row['count']}" for row in picture["lessons"]
        ]
        lines += [
            f"exam {row['id']} {row['title']} ({row['weight']} %): {row['solved']} of {row['count']}"
            for row in picture["domains"]
        ]
        return "\n".join(lines)

    def _watch(self, ended: threading.Event) -> None:
        """The file is replaced in one step, so its time tells of every change."""
        seen = _changed()
        while not ended.wait(LOOK):
            now = _changed()
            if now != seen:
                seen = now
                self.changed()


def _changed() -> int:
    try:
        return progress_file.path().stat().st_mtime_ns
    except OSError:
        return 0
