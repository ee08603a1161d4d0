"""The room view: an instructor sees who is at which exercise, since when, and what most learners get wrong."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from labs.views.framework.view import View
from labs.workshop.room.members import members_of
from labs.workshop.room.overview import overview
from labs.workshop.room.room import Room

__all__ = ["RoomView", "room"]

TICK = 20  # seconds after which minutes are counted again

MARKS = {"done": "✔", "bad": "✖", "wait": "◐", "none": "·"}


def room(workshop: Room) -> RoomView:
    """Show a workshop: learners by exercises, how long each has been at theirs, and the most frequent mistakes; live.

    Args:
        workshop: the workshop (`labs.workshop.room.room.Room`).
    """
    return RoomView(workshop, f"Workshop “{workshop.name}”")


class RoomView(View):
    """See `room`."""

    FOLDER = Path(__file__).parent
    TITLE = "Workshop"

    def begin(self) -> None:
        self.follow("configmaps")
        self._ended = threading.Event()
        threading.Thread(target=self._tick, args=(self._ended,), name="watch the clock", daemon=True).start()

    def end(self) -> None:
        self._ended.set()

    def draw(self) -> dict[str, Any]:
        return overview(members_of(self.objects("configmaps")))

    def to_text(self, picture: dict[str, Any]) -> str:
        ids = [item["id"].removeprefix("ex-") for item in picture["exercises"]]
        width = max([len(row["name"]) for row in picture["learners"]], default=7)
        lines = [picture["summary"], f"{'learner':{width}}  {'  '.join(ids)}"]
        for row in picture["learners"]:
            cells = [f"{MARKS[c['mark']]}{c['tries'] or '':<3}" for c in row["cells"]]
            at = f"  {row['minutes']} min at {row['at']}" if row["at"] else ""
            lines.append(f"{row['name']:{width}}  {'  '.join(cells)}{at}{'  may be stuck' if row['stuck'] else ''}")
        lines += [
            f"{item['count']} × {item['exercise']}: expected {item['expected']}, observed {item['observed']}"
            for item in picture["wrong"]
        ]
        return "\n".join(lines)

    def _tick(self, ended: threading.Event) -> None:
        while not ended.wait(TICK):
            self.changed()
