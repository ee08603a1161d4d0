"""The evening before: every lesson of the room, run by papermill in a seat of the room, and what it would take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from kubernetes.utils.quantity import parse_quantity

from labs.authoring import notebooks
from labs.curriculum import lessons
from labs.workshop.room.room import Room
from labs.workshop.trial.simulated_learner import SimulatedLearner, personal_notebook

__all__ = ["Rehearsed", "rehearse"]

LOOK = 0.5  # seconds between two looks at the quota
NEAR = 0.8  # of a quota; above this share a learner who tries things out would reach it


@dataclass
class Rehearsed:
    """How one lesson went.

    Attributes:
        lesson: such as ``"04"``.
        seconds: how long its solved notebook took.
        failure: what went wrong first; empty when nothing did.
        used: the most of each quota that was in use at a time, and its limit, as Kubernetes writes them.
        notebook: what papermill wrote, to look at.
    """

    lesson: str
    seconds: float = 0.0
    failure: str = ""
    used: dict[str, tuple[str, str]] = field(default_factory=dict)
    notebook: Path | None = None

    @property
    def tight(self) -> list[str]:
        """The quotas of which little was left, a clause each."""
        return [
            f"{name}: {used} of {hard}"
            for name, (used, hard) in sorted(self.used.items())
            if parse_quantity(hard) and parse_quantity(used) > NEAR * float(parse_quantity(hard))
        ]


def rehearse(
    room: Room,
    learner: SimulatedLearner,
    numbers: list[str],
    out: Path,
    *,
    patience: int = 120,
    began: Callable[[str], None] = lambda _: None,
) -> list[Rehearsed]:
    """Run lessons in a seat.

    Args:
        room: a room; its quotas are what is measured.
        learner: who has joined.
        numbers: the lessons.
        out: a folder for the notebooks that were run.
        patience: seconds that a lesson's cells wait for anything (their parameter ``TIMEOUT``).
        began: called with each lesson's number.
    """
    out.mkdir(parents=True, exist_ok=True)
    found = []
    for number in numbers:
        began(number)
        found.append(_one(room, learner, number, out, patience))
    return found


def _one(room: Room, learner: SimulatedLearner, number: str, out: Path, patience: int) -> Rehearsed:
    lesson = lessons.lesson(number)
    source, done = out / f"{lesson.name}.given.ipynb", out / f"{lesson.name}.ipynb"
    nbformat.write(personal_notebook(notebooks.solved_path(lesson), learner.seat), source)
    result, ended, began = Rehearsed(number, notebook=done), threading.Event(), time.monotonic()
    watcher = threading.Thread(target=_watch_quota, args=(room, learner, result, ended), daemon=True)
    watcher.start()
    try:
        result.failure = learner.run_by_papermill(source, done, patience)
    finally:
        result.seconds = time.monotonic() - began
        ended.set()
        watcher.join(5)
        source.unlink(missing_ok=True)
    return result


def _watch_quota(room: Room, learner: SimulatedLearner, result: Rehearsed, ended: threading.Event) -> None:
    namespace = learner.seat.namespace(result.lesson)
    while not ended.wait(LOOK):
        with suppress(Exception):  # a look that fails is one fewer
            statuses = [quota.status for quota in room.clients.core.list_namespaced_resource_quota(namespace).items]
            hard = {name: most for status in statuses for name, most in (status.hard or {}).items()}
            for name, used in [pair for status in statuses for pair in (status.used or {}).items()]:
                most, _ = result.used.get(name, ("0", ""))
                if parse_quantity(used) >= parse_quantity(most):
                    result.used[name] = used, hard.get(name, "0")
