"""The room view: an instructor sees who is at which exercise, since when, and what most learners get wrong."""

from __future__ import annotations

import threading
from typing import Any

from labs.views.view import View
from labs.workshop.overview import overview
from labs.workshop.room import Room, places_of

__all__ = ["RoomView", "room"]

TICK = 20  # seconds after which minutes are reckoned anew

MARKS = {"done": "✔", "bad": "✖", "wait": "◐", "none": "·"}


def room(place: Room) -> RoomView:
    """Show a workshop: learners by exercises, how long each has been at theirs, and the most frequent mistakes; live.

    Args:
        place: the workshop (`labs.workshop.room.Room`).
    """
    return RoomView(place, f"Workshop “{place.name}”")


class RoomView(View):
    """See `room`."""

    FRONT_END = "room"
    TITLE = "Workshop"

    def begin(self) -> None:
        self.follow("configmaps")
        self._ended = threading.Event()
        threading.Thread(target=self._tick, args=(self._ended,), name="watch the clock", daemon=True).start()

    def end(self) -> None:
        self._ended.set()

    def draw(self) -> dict[str, Any]:
        return overview(places_of(self.found("configmaps")))

    def tell(self, picture: dict[str, Any]) -> str:
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
