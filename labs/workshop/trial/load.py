"""Thirty learners at once, simulated on real engines: what they wait for, and what breaks."""

from __future__ import annotations

import asyncio
import random
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psutil

from labs.workshop.room.room import Room
from labs.workshop.trial.simulated_learner import Run, SimulatedLearner

__all__ = ["Load", "measure", "percentile"]

STAGGER = 1.0  # seconds between two learners' first cells: nobody in a room begins in the same moment


@dataclass
class Load:
    """What a room's load was.

    Attributes:
        runs: each learner's lessons, as ``(learner, run)``.
        requests: seconds of each request of a bystander, one a second, that lists a learner's pods.
        refused: how many of these failed.
        pods: the most pods at a time.
        memory: the most memory in use by this machine beyond what it began with, in bytes.
        processors: the share of all processors in use, from 0 to 1, on average.
        seconds: from the first cell to the last.
    """

    runs: list[tuple[str, Run]] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)
    refused: int = 0
    pods: int = 0
    memory: int = 0
    processors: float = 0.0
    seconds: float = 0.0

    @property
    def failures(self) -> list[str]:
        """Everything that went wrong, a sentence each."""
        return [f"{learner}: {failure}" for learner, run in self.runs for failure in run.failures]

    @property
    def verdicts(self) -> list[float]:
        """The seconds of each check."""
        return sorted(seconds for _, run in self.runs for seconds in run.verdicts)

    def rows(self) -> list[tuple[str, str]]:
        """The figures, each with its name."""
        cells = sum(run.cells for _, run in self.runs)
        rows = [
            ("learners", str(len({learner for learner, _ in self.runs}))),
            ("lessons worked through", str(len(self.runs))),
            ("cells / checks", f"{cells} / {len(self.verdicts)}"),
            ("wall time", f"{self.seconds / 60:.1f} min"),
            ("failures", str(len(self.failures))),
        ]
        for name, values in (("verdict", self.verdicts), ("API request", sorted(self.requests))):
            if values:
                middle, high = percentile(values, 50), percentile(values, 95)
                rows.append((f"{name}, median / 95 % / longest", f"{middle:.2f} / {high:.2f} / {values[-1]:.2f} s"))
        return [
            *rows,
            ("API requests that failed", str(self.refused)),
            ("pods at a time, at most", str(self.pods)),
            ("memory on top, at most", f"{self.memory / 1e9:.1f} GB"),
            ("processors in use, on average", f"{self.processors:.0%}"),
        ]


def percentile(ordered: list[float], percent: int) -> float:
    """The value that this share of an ordered list does not exceed.

    Args:
        percent: from 1 to 99.
    """
    if len(ordered) == 1:
        return ordered[0]
    return statistics.quantiles(ordered, n=100, method="inclusive")[percent - 1]


def measure(
    room: Room,
    learners: list[SimulatedLearner],
    lessons: list[str],
    think: float,
    report: Callable[[str], None] = lambda _: None,
) -> Load:
    """Let learners work through lessons at once.

    Args:
        room: theirs.
        learners: who have joined.
        lessons: such as ``["03", "04"]``, in this order.
        think: seconds that a learner thinks before a cell, on average.
        report: called with a sentence after each lesson.
    """
    load, ended = Load(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(room, learners[0], lessons[0], load, ended), daemon=True)
    psutil.cpu_percent()  # counts from here
    began = time.monotonic()
    watcher.start()
    try:
        asyncio.run(_all(learners, lessons, think, load, report))
    finally:
        load.seconds = time.monotonic() - began
        load.processors = psutil.cpu_percent() / 100
        ended.set()
        watcher.join(10)
    return load


async def _all(
    learners: list[SimulatedLearner], lessons: list[str], think: float, load: Load, report: Callable[[str], None]
) -> None:
    async def one(number: int, learner: SimulatedLearner) -> None:
        chance = random.Random(number)  # the same room each time

        async def pause(_: Any) -> None:
            await asyncio.sleep(chance.uniform(0.2, 1.8) * think)

        await asyncio.sleep(number * STAGGER)
        for lesson in lessons:
            try:
                run = await learner.work_through(lesson, pause)
            except Exception as error:  # a kernel that does not start, for one, is a figure too
                run = Run(lesson, failures=[f"lesson {lesson}: {type(error).__name__}: {error}"])
            load.runs.append((learner.seat.learner, run))
            wrong = f", {len(run.failures)} failures" if run.failures else ""
            report(f"{learner.seat.learner} has worked through {lesson} in {run.seconds:.0f} s{wrong}")

    await asyncio.gather(*(one(number, learner) for number, learner in enumerate(learners)))


def _watch(room: Room, learner: SimulatedLearner, lesson: str, load: Load, ended: threading.Event) -> None:
    """Ask as a bystander does, once a second."""
    core, first = room.clients.core, psutil.virtual_memory().available
    namespace = learner.seat.namespace(lesson)
    while not ended.wait(1):
        load.memory = max(load.memory, first - psutil.virtual_memory().available)
        began = time.monotonic()
        try:
            core.list_namespaced_pod(namespace)
            load.requests.append(time.monotonic() - began)
        except Exception:
            load.refused += 1
        with suppress(Exception):
            load.pods = max(load.pods, len(core.list_pod_for_all_namespaces(_request_timeout=10).items))
