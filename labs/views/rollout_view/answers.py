"""The part of a rollout's picture that needs no API server: the axis, and what users were answered on it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from labs.views.rollout_view.history import History, span_of
from labs.views.rollout_view.wording import version_of

__all__ = ["answers_in"]

UNASKED = 4.0  # seconds on the axis without a request that are worth a mark; a slow pace asks every other one
LANES = 8  # kinds of answers that are drawn
DOTS = 100  # places for answers on the axis, each kind


def answers_in(history: History, now: float, sets: list[dict[str, Any]]) -> dict[str, Any]:
    """The axis and the answers as the front end draws them.

    Args:
        history: of the rollout.
        now: seconds of the real clock.
        sets: the ReplicaSets of the picture; an answer has the look of the one that it must be of.
    """
    first, last = span_of(history, now)
    lanes, dots = _lanes(history, first, last, sets)
    return {
        "span": [round(first, 2), round(last, 2)],
        "now": round(min(history.clock.at(now), last), 2),
        "still": not history.clock.runs(now),
        "unasked": _unasked(history, first, min(history.clock.at(now), last)),
        "gaps": [[round(t, 2), round(left_out)] for t, left_out in history.clock.gaps if first < t < last],
        "lanes": lanes,
        "asked": history.outcomes.total(),
        "failed": sum(n for answer, n in history.outcomes.items() if answer.failed),
        "dots": dots,
    }


def _unasked(history: History, first: float, now: float) -> list[list[float]]:
    """From where to where on the axis nobody was asked: before the Deployment was there, or while this slept."""
    times = [first, *(t for t, _ in history.answers if first <= t <= now), now]
    return [[round(a, 2), round(b, 2)] for a, b in pairwise(times) if b - a >= UNASKED]


def _lanes(history: History, first: float, last: float, sets: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """A lane for each kind of answer, those that failed last, and the places of the answers on them."""
    seen = dict.fromkeys([a for t, a in history.answers if first <= t <= last])
    kinds = sorted({*history.outcomes, *seen}, key=lambda a: (a.failed, -history.outcomes[a], a.text))[:LANES]
    lanes: list[dict[str, Any]] = []
    for answer in sorted(kinds, key=lambda a: (a.failed, a.text)):
        fitting = "" if answer.failed else version_of(answer.text, sets)
        look = next((s["look"] for s in sets if s["id"] == fitting), None)
        lanes.append({"text": answer.text, "failed": answer.failed, "count": history.outcomes[answer], "look": look})
    rows: dict[tuple[str, bool], int] = {(lane["text"], lane["failed"]): i for i, lane in enumerate(lanes)}
    piece = (last - first) / DOTS
    dots: dict[tuple[int, int], list[Any]] = {}
    for t, answer in history.answers:
        row = rows.get((answer.text, answer.failed))
        if row is not None and first <= t <= last:
            dots.setdefault((row, int((t - first) / piece)), [round(t, 2), row])
    return lanes, list(dots.values())
