"""The timeline: what each component did for an object and for those that it owns, in order."""

from __future__ import annotations

import time
from threading import Lock
from typing import Any

from labs.views.naming import Named, named
from labs.views.pods import state_of
from labs.views.story import Story
from labs.views.telling import rows_of
from labs.views.view import View

__all__ = ["Timeline", "timeline"]

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


def timeline(lab: Any, name: str) -> Timeline:
    """Show what each component did for an object and for those that it owns, in order; live.

    What was seen stays, also when the object is deleted and when its events expire (after an hour).

    Args:
        lab: the lesson, from `open_lab`.
        name: kind and name as for kubectl, such as ``"deployment/front"`` or ``"po/web-1"``; it need not exist yet.

    Raises:
        LabsError: the name has another form, or its kind is unknown.
    """
    return Timeline(lab, named(name))


class Timeline(View):
    """See `timeline`."""

    FRONT_END = "timeline"
    TITLE = "Timeline"

    def __init__(self, lab: Any, name: Named) -> None:
        """Begin. Args: ``lab`` as for `timeline`; ``name``, the object."""
        self._story, self._one_at_a_time = Story(name), Lock()  # the cell draws the first picture, a thread the others
        super().__init__(lab, f"What happened to {name}")

    def begin(self) -> None:
        for resource in (self._story.name.resource, *WITH.get(self._story.name.resource, ())):
            self.follow(resource)
        # a node's events have no namespace, which puts them into this one
        self.follow("events", namespace="default" if self._story.name.kind == "Node" else "")

    def draw(self) -> dict[str, Any]:
        story, of = self._story, self._story.name
        if not all(subscription.is_filled for subscription in self._subscriptions.values()):
            return {"summary": f"Looking for {of} ...", "state": "absent", "note": "", **rows_of(())}
        things = {resource: self.found(resource) for resource in (of.resource, *WITH.get(of.resource, ()))}
        with self._one_at_a_time:
            story.look(things, self.found("events"), time.time())
            told = rows_of(story.facts.values())
            is_over = story.state == "deleted"
            return {
                "summary": _summary(story, told),
                "state": story.state,
                "over": is_over,
                "note": _note(story),
                **told,
            }

    def tell(self, picture: dict[str, Any]) -> str:
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


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows if not row[2].startswith("  ")) for i in range(3)]
    return [
        "  ".join(
            [row[0].rjust(widths[0]), *(row[i].ljust(widths[i]) for i in (1, 2)), row[3]],
        ).rstrip()
        for row in rows
    ]


def _note(story: Story) -> str:
    if story.state == "absent":
        return f"There is no {story.name} yet. It appears here when it is made."
    if story.state == "deleted":
        return f"{story.name} is deleted. This is what was seen of it."
    return ""


def _summary(story: Story, told: dict[str, Any]) -> str:
    if story.state == "absent":
        return "not made yet"
    bad = sum(row["mark"] == "bad" for row in told["rows"])
    steps = f"{_many(len(told['rows']), 'step')} in {told['lasted']}" if told["rows"] else "no steps seen"
    return f"{_now(story)}; {steps}" + (f", {_many(bad, 'failure')}" if bad else "")


def _now(story: Story) -> str:
    """How the object is, in a few words."""
    if story.root is None:
        return "deleted"
    if story.name.kind != "Pod" and story.root["metadata"].get("deletionTimestamp"):
        return "being deleted"
    if story.name.kind == "Pod":
        return state_of(story.root).word
    if story.name.kind == "PersistentVolumeClaim":
        return (story.root.get("status") or {}).get("phase", "Pending")
    if story.name.kind in {"Job", "CronJob"}:
        states = [state_of(pod).mark for pod in story.pods]
        return f"{_many(states.count('done'), 'pod')} done" + (
            f", {states.count('bad')} failed" if "bad" in states else ""
        )
    ready = sum(state_of(pod).mark == "good" for pod in story.pods)
    return f"{ready} of {_many(len(story.pods), 'pod')} ready" if story.pods else "it exists"


def _many(n: int, noun: str) -> str:
    return f"{n} {noun}{'s'[: n != 1]}"
