"""What a simulated workshop was measured to take, as a table and as JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

__all__ = ["Figure", "mean_since", "percentile", "show", "slowest_queues", "times"]


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        part: of the workshop.
        what: it is.
        value: as a person reads it.
        numbers: the same for a script; seconds, megabytes, cores.
    """

    part: str
    what: str
    value: str
    numbers: Mapping[str, float]

    def as_dict(self) -> dict:
        """The same as plain JSON values."""
        return asdict(self)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below or at which so many percent lie: the nearest rank. ``values`` must not be empty."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def times(part: str, what: str, seconds: Sequence[float]) -> Figure:
    """How long something took: the median and all but one in a hundred."""
    if not seconds:
        return Figure(part, what, "none", {"count": 0})
    middle, most = percentile(seconds, 50), percentile(seconds, 99)
    text = f"p50 {_duration(middle)}, p99 {_duration(most)} ({len(seconds):,})"
    return Figure(part, what, text, {"count": len(seconds), "p50": middle, "p99": most})


def slowest_queues(before: Mapping[str, float], after: Mapping[str, float], most: int = 4) -> dict[str, float]:
    """The controllers whose work waited longest until it was begun, with the mean of these seconds.

    Args:
        before: the metrics, as `Simulation.metrics` gives them.
        after: the same, later.
        most: how many to return.
    """
    pattern = re.compile(r'(kube-\S+) workqueue_queue_duration_seconds_sum\{name="(.+)"\}')
    found = {}
    for name in after:
        match = pattern.fullmatch(name)
        if match and (count := _since(before, after, name.replace("_sum{", "_count{"))):
            found[match[2]] = _since(before, after, name) / count
    return dict(sorted(found.items(), key=lambda item: -item[1])[:most])


def mean_since(
    before: Mapping[str, float], after: Mapping[str, float], name: str, labels: str = ""
) -> tuple[float, float]:
    """How often something happened, and how many seconds it took on average.

    Args:
        before: the metrics, as `Simulation.metrics` gives them.
        after: the same, later.
        name: of a histogram or summary.
        labels: how its labels begin.
    """

    def total(what: str) -> float:
        return sum(_since(before, after, key) for key in after if key.startswith(f"{name}_{what}{labels}"))

    count = total("count")
    return count, total("sum") / count if count else 0.0


def show(figures: Sequence[Figure], console: Console, title: str) -> None:
    """Print the figures as a table."""
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for column in ("part", "", "measured"):
        table.add_column(column, overflow="fold")
    last = ""
    for figure in figures:
        table.add_row("" if figure.part == last else figure.part, figure.what, figure.value)
        last = figure.part
    console.print(table)


def _since(before: Mapping[str, float], after: Mapping[str, float], name: str) -> float:
    return after.get(name, 0) - before.get(name, 0)


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
