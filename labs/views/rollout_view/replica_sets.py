"""The ReplicaSets of a rollout that have a line in its picture, each with a colour that it keeps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labs.views.framework.pod_state import owner_of
from labs.views.rollout_view.counts import Counts, count
from labs.views.rollout_view.wording import REVISION, images_of, revision_of, was_of

__all__ = ["ReplicaSets"]

SHOWN = 6  # ReplicaSets at 0 that have a line of their own because they had pods in this picture
COLOURS = 50  # so many of the last ones keep theirs


class ReplicaSets:
    """A Deployment's ReplicaSets, also those that are gone and still drawn."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}
        self._order: list[str] = []  # their uids, by which each keeps its colour

    def __contains__(self, uid: str) -> bool:
        return uid in self._known

    def note(self, things: Iterable[dict[str, Any]]) -> None:
        """Take them as they are now."""
        for thing in things:
            self._known[thing["metadata"]["uid"]] = thing

    def lines(
        self, here: set[str], drawn: set[str], pods: list[dict[str, Any]], deployment: dict[str, Any], *, is_gone: bool
    ) -> tuple[list[dict[str, Any]], list[str]]:
        """The ReplicaSets that are drawn, newest first, and the names of those at rest; others are forgotten.

        Args:
            here: uids of those that the cluster has.
            drawn: uids of those that have pods somewhere in the picture.
            pods: the Deployment's.
            deployment: as it was last.
            is_gone: whether it was deleted.
        """
        self._known = {uid: thing for uid, thing in self._known.items() if uid in here or uid in drawn}
        revision = deployment["metadata"].get("annotations", {}).get(REVISION, "")
        counts = count(pods, deployment)
        ending: dict[str, int] = {}
        for pod in pods:
            if pod["metadata"].get("deletionTimestamp"):
                ending[owner_of(pod)[2]] = ending.get(owner_of(pod)[2], 0) + 1
        shown: list[dict[str, Any]] = []
        resting: list[str] = []
        for uid, thing in sorted(self._known.items(), key=lambda item: revision_of(item[1]), reverse=True):
            wants = 0 if is_gone or uid not in here else thing["spec"].get("replicas", 1)
            is_current = str(revision_of(thing)) == revision and not is_gone
            has, ready, _ = counts.get(uid, Counts(0, 0, 0))
            is_idle = not (wants or has or ending.get(uid) or is_current)
            if is_idle and (uid not in drawn or len(shown) >= SHOWN):
                resting.append(f"{revision_of(thing)} ({', '.join(images_of(thing))})")
                continue
            if uid not in self._order:
                self._order = [*self._order[-COLOURS:], uid]
            shown.append(
                {
                    "id": uid,
                    "name": thing["metadata"]["name"],
                    "revision": str(revision_of(thing) or "?"),
                    "was": was_of(thing),
                    "image": ", ".join(images_of(thing)),
                    "current": is_current,
                    "wants": wants,
                    "has": has,
                    "ready": ready,
                    "ending": ending.get(uid, 0),
                    "look": self._order.index(uid),
                }
            )
        return shown, resting
