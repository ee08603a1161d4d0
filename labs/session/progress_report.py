"""What a learner's notebook tells the instructor of a workshop: one ConfigMap, which the learner can read and change.

It is told: which lesson is open since when, and of each exercise how often it was checked, with the last verdict.
Nothing that a learner types is told. A report that fails never fails a lesson.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException

from labs.errors import LabsError

if TYPE_CHECKING:
    from labs.checks import Verdict
    from labs.session.lab import Lab

__all__ = ["KEY", "SHOWN", "checked", "hide_name", "opened", "read"]

KEY = "report.json"
PATIENCE = 3  # seconds that a report may take; a check has taken longer than that
TEXTS = ("status", "expected", "observed", "first", "last", "passed")
LONGEST = 300  # characters kept of what a check saw
SHOWN = (
    "This is a workshop: your instructor sees the lesson that you have open, and which exercises you have checked with "
    "what verdict. `lab.hide_name()` shows them your seat's number instead of your name."
)


def read(text: str | None) -> dict[str, Any]:
    """What a report says. Learners can write it by hand, so what is not as it should be is left out.

    Args:
        text: the ConfigMap's value under `KEY`.

    Returns:
        A dictionary, of which every key may be missing: ``lesson`` and ``since`` (ISO 8601), ``opened`` (lessons and
        when), ``hidden``, and ``exercises``: ids, each with ``tries`` (a number) and ``status``, ``expected``,
        ``observed``, ``first``, ``last`` and ``passed`` (texts).
    """
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    plain = {key: found[key] for key in ("lesson", "since") if isinstance(found.get(key), str)}
    exercises, opened = found.get("exercises"), found.get("opened")
    if isinstance(exercises, dict):
        plain["exercises"] = {k: _plain(v) for k, v in exercises.items() if isinstance(v, dict)}
    if isinstance(opened, dict):
        plain["opened"] = {k: v for k, v in opened.items() if isinstance(v, str)}
    return plain | ({"hidden": True} if found.get("hidden") is True else {})


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    tries = item.get("tries")
    texts = {key: item[key] for key in TEXTS if isinstance(item.get(key), str)}
    return {"tries": tries if isinstance(tries, int) and tries >= 0 else 0, **texts}


def opened(lab: Lab) -> None:
    """Tell that a lesson was opened; nothing outside a workshop."""

    def note(report: dict[str, Any]) -> None:
        now = _now()
        report.setdefault("opened", {}).setdefault(lab.lesson, now)
        if report.get("lesson") != lab.lesson:
            report |= {"lesson": lab.lesson, "since": now}

    with suppress(Exception):
        _change(lab, note)


def checked(lab: Lab, verdict: Verdict) -> None:
    """Tell what a check said; nothing outside a workshop."""

    def note(report: dict[str, Any]) -> None:
        now = _now()
        exercise = report.setdefault("exercises", {}).setdefault(verdict.check_id, {"tries": 0, "first": now})
        exercise |= {"status": verdict.status, "tries": exercise["tries"] + 1, "last": now}
        exercise |= {"expected": verdict.expected[:LONGEST], "observed": verdict.observed[:LONGEST]}
        if verdict.passed:
            exercise.setdefault("passed", now)

    with suppress(Exception):
        _change(lab, note)


def hide_name(lab: Lab, hidden: bool) -> None:
    """Ask that the instructor be shown a seat's number, or again the name.

    Raises:
        LabsError: this is no workshop, or it could not be written down.
    """
    if not lab.engine.seat:
        raise LabsError("This is no workshop: nobody but you sees how you get on.")
    try:
        _change(lab, lambda report: report.update(hidden=hidden))
    except Exception as error:
        raise LabsError(
            f"The workshop's cluster did not take it: {error}.", "Run it again; if it stays so, tell your instructor."
        ) from error


def _change(lab: Lab, note: Callable[[dict[str, Any]], Any]) -> None:
    """Change the report. Another notebook may be at it as well: then it is read again."""
    seat = lab.engine.seat
    if not seat:
        return
    core = lab.clients.core
    for _ in range(4):
        found = core.read_namespaced_config_map(seat.report, seat.workshop, _request_timeout=PATIENCE)
        report = read((found.data or {}).get(KEY))
        note(report)
        found.data = {KEY: json.dumps(report, ensure_ascii=False)}
        try:
            core.replace_namespaced_config_map(seat.report, seat.workshop, found, _request_timeout=PATIENCE)
            return
        except ApiException as error:
            if error.status != 409:
                raise


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
