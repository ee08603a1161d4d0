"""The one thread that paints: it gathers changes, and gives each view a new picture when it is due."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any

__all__ = ["forget", "opened_in_cell", "request"]

GAP = 0.1  # seconds between two pictures of one view, at least
SHARE = 10  # a view that takes long to paint waits ten times as long until it paints again

_wake = threading.Condition()
_due: dict[Any, float] = {}  # views that have changed, and when each may be painted
_next: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()
_thread: threading.Thread | None = None
_of_cell: dict[str, tuple[str, list[Any]]] = {}  # the views of each cell, and the run that made them


def request(view: Any) -> None:
    """Ask for a new picture of a view; returns at once.

    Args:
        view: the `labs.views.framework.view.View`.
    """
    global _thread  # noqa: PLW0603  (one painter for the process, begun when it is first needed)
    with _wake:
        _due.setdefault(view, max(time.monotonic(), _next.get(view, 0.0)))
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_paint_loop, name="painter of views", daemon=True)
            _thread.start()
        _wake.notify()


def forget(view: Any) -> None:
    """Stop painting a view, unless it asks again."""
    with _wake:
        _due.pop(view, None)


def opened_in_cell(view: Any) -> None:
    """Note that the running cell has opened a view, and close those that an earlier run of this cell had opened."""
    cell, run = _running_cell()
    if not cell:
        return
    earlier_run, views = _of_cell.get(cell, ("", []))
    if earlier_run != run:
        for old in views:
            old.close()
        views = []
    _of_cell[cell] = run, [*views, view]


def _running_cell() -> tuple[str, str]:
    """The ids of the cell that runs and of this run of it; two empty texts where the front end tells none."""
    from labs.display import in_notebook

    shell = in_notebook()
    parent = shell.get_parent() if shell and hasattr(shell, "get_parent") else {}
    return (parent.get("metadata") or {}).get("cellId", ""), (parent.get("header") or {}).get("msg_id", "")


def _paint_loop() -> None:
    while True:
        with _wake:
            while not _due:
                _wake.wait()
            now = time.monotonic()
            view, when = min(_due.items(), key=lambda item: item[1])
            if when > now:
                _wake.wait(when - now)
                continue
            del _due[view]
        began = time.monotonic()
        view.paint()
        ended = time.monotonic()
        with _wake:
            _next[view] = ended + max(GAP, (ended - began) * SHARE)
            if view in _due:
                _due[view] = max(_due[view], _next[view])
