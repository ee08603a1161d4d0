"""The engines' state in the few words that fit on a page: starting, ready, stopped, at fault, or not there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from labs import engines
from labs.engines.base import Component
from labs.engines.progress import Startup
from labs.errors import LabsError, NotRunning

__all__ = ["Remembered", "describe", "engine_state"]

DOCKER_READY = {"Docker Engine", "base images"}
"""The steps of a start after which the lessons that need Docker only can begin."""


def engine_state() -> dict[str, Any]:
    """The state of this process' course, as plain JSON values; never raises.

    Returns:
        A dictionary::

            {"state": "starting",       # or "ready", "stopped", "fault", "absent"
             "brief": "Kubernetes programs 43 %",        # fits into a status bar
             "sentence": "...", "todo": "...",           # what there is, and what to do; todo may be empty
             "steps": [{"name": "Kubernetes programs", "detail": "...", "percent": 43}],    # percent may be None
             "done": ["network"],                        # steps that are done
             "course": "default", "kind": "host",        # empty when there is no course
             "id": "0a1b2c3d"}                           # another one when the course was set up anew
    """
    try:
        engine = engines.current()
        startup = engine.startup()
        # while it starts the file tells all: to ask components that are just coming up costs time and says less
        components = [] if startup and startup.running else engine.status()
    except NotRunning as error:
        return _absent(error)
    except LabsError as error:
        return _state("fault", "fault", error.what, error.todo)
    except Exception as error:  # a page that shows nothing helps nobody
        what = f"The state of the engines cannot be told ({type(error).__name__}: {error})."
        return _state("fault", "fault", what, "`labs status` in a terminal may say more.")
    record = getattr(engine, "record", None)
    whose = {"course": engine.name, "kind": engine.kind, "id": getattr(record, "id", "")}
    return {**describe(startup, components), **whose}


def describe(startup: Startup | None, components: Sequence[Component]) -> dict[str, Any]:
    """What the last start and the components come to. Returns: as `engine_state`, without the course's own.

    Args:
        startup: how far the last `labs up` is, or how it ended.
        components: the state of each; not looked at while a start is at work.
    """
    if startup and startup.running:
        return _starting(startup)
    failed = [c.name for c in components if c.state == "failed"]
    stopped = [c.name for c in components if c.state == "stopped"]
    if not failed and not stopped:
        return _state("ready", "ready", "Docker and Kubernetes are running.", "")
    if len(stopped) == len(components):
        if startup and startup.error:
            return _state("fault", "fault", f"The last start ended with: {startup.error}", "`labs up` tries again.")
        return _state(
            "stopped", "stopped", "The course is stopped; nothing of it is lost.", "`labs up` starts it again."
        )
    if failed:
        why = f"`labs up` starts what is missing; `labs logs {failed[0]}` shows why it ended."
        return _state("fault", f"fault: {_list(failed)}", f"Ended by itself: {', '.join(failed)}.", why)
    sentence = f"Stopped: {', '.join(stopped)}. All else is running."
    todo = "If no lesson asked you to stop it: `labs up` starts what is missing."
    return _state("fault", f"{_list(stopped)} stopped", sentence, todo)


def _starting(startup: Startup) -> dict[str, Any]:
    steps = [
        {"name": name, "detail": detail, "percent": _percent(startup.fractions.get(name))}
        for name, detail in startup.steps.items()
    ]
    known = [step for step in steps if step["percent"] is not None]
    slowest = min(known, key=lambda step: step["percent"], default=None)
    brief = f"{slowest['name']} {slowest['percent']} %" if slowest else "starting"
    docker = set(startup.done) >= DOCKER_READY
    sentence = "Docker is ready, Kubernetes is starting." if docker else "Docker and Kubernetes are starting."
    todo = "Lessons 00 and 02 can begin." if docker else "You can read meanwhile; cells that need them wait."
    return _state("starting", brief, sentence, todo, steps=steps, done=startup.done)


def _percent(fraction: float | None) -> int | None:
    return None if fraction is None else round(100 * min(max(fraction, 0), 1))


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _absent(error: NotRunning) -> dict[str, Any]:
    todo = "`labs up` in a terminal starts it; then run the notebook's cells again from the top."
    return _state("absent", "not running", error.what, todo)


def _state(state: str, brief: str, sentence: str, todo: str, **more: Any) -> dict[str, Any]:
    told = {"state": state, "brief": brief, "sentence": sentence, "todo": todo}
    return {**told, "steps": [], "done": [], "course": "", "kind": "", "id": "", **more}


class Remembered:
    """A function whose answer is good for a while, so that several open pages cost no more than one.

    Args:
        function: without arguments; only one thread runs it at a time.
        seconds: how long an answer is good.
    """

    def __init__(self, function: Callable[[], dict[str, Any]], seconds: float) -> None:
        self.function, self.seconds = function, seconds
        self._lock, self._answer, self._at = Lock(), None, 0.0

    def __call__(self) -> dict[str, Any]:
        with self._lock:
            if self._answer is None or time.monotonic() - self._at > self.seconds:
                self._answer = self.function()
                self._at = time.monotonic()
            return self._answer
