"""The timeline: what each component did for an object and for those that it owns, in order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from labs.views.framework.context import ViewContext
from labs.views.framework.pod_state import state_of
from labs.views.framework.resource_names import ResourceName, parse_name
from labs.views.framework.view import View
from labs.views.timeline_view.object_history import ObjectHistory
from labs.views.timeline_view.ordering import rows_of

__all__ = ["TimelineView", "timeline"]

# what tells of an object of a kind, besides the kind itself and the events
WITH = {
    "deployments": ("replicasets", "pods", "endpointslices"),
    "replicasets": ("pods", "endpointslices"),
    "replicationcontrollers": ("pods", "endpointslices"),
    "statefulsets": ("pods", "endpointslices"),
    "daemonsets": ("pods", "endpointslices"),
    "cronjobs": ("jobs", "pods"),
    "jobs": ("pods",),
    "pods": ("endpointslices",),
    "services": ("endpointslices", "pods"),
    "persistentvolumeclaims": ("pods",),
}


def timeline(lab: ViewContext, name: str) -> TimelineView:
    """Show what each component did for an object and for those that it owns, in order; live.

    What was seen stays, also when the object is deleted and when its events expire (after an hour).

    Args:
        lab: the lesson, from `open_lab`.
        name: kind and name as for kubectl, such as ``"deployment/front"`` or ``"po/web-1"``; it need not exist yet.

    Raises:
        LabsError: the name has another form, or its kind is unknown.
    """
    return TimelineView(lab, parse_name(name))


class TimelineView(View):
    """See `timeline`."""

    FOLDER = Path(__file__).parent
    TITLE = "Timeline"

    def __init__(self, lab: ViewContext, name: ResourceName) -> None:
        """Begin.

        Args:
            lab: as for `timeline`.
            name: the object.
        """
        self._history = ObjectHistory(name)
        self._one_at_a_time = Lock()  # the cell draws the first picture, a thread the others
        super().__init__(lab, f"What happened to {name}")

    def begin(self) -> None:
        for resource in (self._history.name.resource, *WITH.get(self._history.name.resource, ())):
            self.follow(resource)
        # a node's events have no namespace, which puts them into this one
        self.follow("events", namespace="default" if self._history.name.kind == "Node" else "")

    def draw(self) -> dict[str, Any]:
        history, of = self._history, self._history.name
        if not self.is_filled():
            return {"summary": f"Looking for {of} ...", "state": "absent", "note": "", **rows_of(())}
        things = {resource: self.objects(resource) for resource in (of.resource, *WITH.get(of.resource, ()))}
        with self._one_at_a_time:
            history.update(things, self.objects("events"), time.time())
            table = rows_of(history.facts.values())
            is_over = history.state == "deleted"
            return {
                "summary": _summary(history, table),
                "state": history.state,
                "over": is_over,
                "note": _note(history),
                **table,
            }

    def to_text(self, picture: dict[str, Any]) -> str:
        lines = [picture["summary"], *([picture["note"]] if picture["note"] else [])]
        if not picture["rows"]:
            return "\n".join(lines)
        rows = [("time", "who", "what", "to what")]
        for row in picture["rows"]:
            again = f" ({row['again']})" if row["again"] else ""
            rows.append((row["at"], row["who"], f"{_SIGNS.get(row['mark'], '')}{row['did']}{again}", row["about"]))
            if row["mark"] == "bad" and row["detail"][0]["text"]:
                rows.append(("", "", f"  {row['detail'][0]['text'][:200]}", ""))
        return "\n".join([*lines, *_columns(rows), f"0 s is {picture['began']}. {WITHIN}"])


WITHIN = "Clusters note whole seconds: what happened within one second is in the order of cause and effect."
_SIGNS = {"bad": "✖ ", "wait": "◐ "}


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows if not row[2].startswith("  ")) for i in range(3)]
    return [
        "  ".join(
            [row[0].rjust(widths[0]), *(row[i].ljust(widths[i]) for i in (1, 2)), row[3]],
        ).rstrip()
        for row in rows
    ]


def _note(history: ObjectHistory) -> str:
    if history.state == "absent":
        return f"There is no {history.name} yet. It appears here when it is made."
    if history.state == "deleted":
        return f"{history.name} is deleted. This is what was seen of it."
    return ""


def _summary(history: ObjectHistory, table: dict[str, Any]) -> str:
    if history.state == "absent":
        return "not made yet"
    bad = sum(row["mark"] == "bad" for row in table["rows"])
    steps = f"{_many(len(table['rows']), 'step')} in {table['lasted']}" if table["rows"] else "no steps seen"
    return f"{_now(history)}; {steps}" + (f", {_many(bad, 'failure')}" if bad else "")


def _now(history: ObjectHistory) -> str:
    """How the object is, in a few words."""
    if history.root is None:
        return "deleted"
    if history.name.kind != "Pod" and history.root["metadata"].get("deletionTimestamp"):
        return "being deleted"
    if history.name.kind == "Pod":
        return state_of(history.root).word
    if history.name.kind == "PersistentVolumeClaim":
        return (history.root.get("status") or {}).get("phase", "Pending")
    if history.name.kind in {"Job", "CronJob"}:
        states = [state_of(pod).mark for pod in history.pods]
        return f"{_many(states.count('done'), 'pod')} done" + (
            f", {states.count('bad')} failed" if "bad" in states else ""
        )
    ready = sum(state_of(pod).mark == "good" for pod in history.pods)
    return f"{ready} of {_many(len(history.pods), 'pod')} ready" if history.pods else "it exists"


def _many(n: int, noun: str) -> str:
    return f"{n} {noun}{'s'[: n != 1]}"
