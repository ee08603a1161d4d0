"""One step that some component took, and the natural order of such steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["BAD", "RANK", "SAID_BY_EVENT", "SAID_BY_STATE", "Fact"]

# The natural order of what happens to one object; what is recorded in one second is shown in this order.
RANK = {
    step: rank
    for rank, steps in enumerate(
        (
            ("created",), ("changed",), ("scaled",), ("uncreated",), ("waits",), ("unscheduled",), ("node chosen",),
            ("volume asked",), ("provisioning",), ("provisioned",), ("bound",), ("scheduled",),
            ("unmounted", "unsandboxed"), ("pulling",), ("pulled", "unpulled"), ("pull back-off",), ("made", "unmade"),
            ("started", "unstarted"), ("probe Startup", "probe Readiness", "probe Liveness"), ("ready",),
            ("restarting",), ("ended",), ("back-off",), ("endpoint",), ("unready",),
            ("complete", "failed"), ("deleted",), ("kept",), ("killing", "evicted"), ("endpoint gone",), ("last end",),
            ("gone",),
        )
    )
    for step in steps
}  # fmt: skip
BAD = {
    "unscheduled",
    "unmounted",
    "unsandboxed",
    "unpulled",
    "unmade",
    "unstarted",
    "uncreated",
    "failed",
    "lost",
    "restarting",
}
SAID_BY_EVENT, SAID_BY_STATE = 2, 1


@dataclass
class Fact:
    """One step.

    Attributes:
        key: by which two traces of the same step are known as one.
        at: when, in seconds since 1970.
        who: the component, such as ``kubelet node1``.
        did: a phrase, such as ``started container web``.
        kind, name: of the object that it was done to.
        uid: of the object whose chain of steps this belongs to.
        step: as in `RANK`.
        mark: as the front end draws it: ``good``, ``wait``, ``bad``, ``gone`` or ``done``.
        detail: the cluster's own words.
        exact: whether the time is finer than a second.
        tally: how often, by the trace that tells so.
        last: when for the last time; 0 if only once.
        weight: the heavier of two traces of one step says what it was.
        group: the uid of the owner, for order among objects.
        container: which one of a pod's it is about, where it is about one.
        turn: the container's place in the order of start, where its pod has one; else -1.
        goes_on: whether the container runs beside those that start after it.
    """

    key: tuple[Any, ...]
    at: float
    who: str
    did: str
    kind: str
    name: str
    uid: str
    step: str
    mark: str = "none"
    detail: str = ""
    exact: bool = False
    tally: dict[Any, int] = field(default_factory=dict)
    last: float = 0.0
    weight: int = SAID_BY_STATE
    group: str = ""
    container: str = ""
    turn: int = -1
    goes_on: bool = True

    @property
    def count(self) -> int:
        """How often, as the best witness tells."""
        best = max((weight for weight, _ in self.tally), default=0)
        return sum(n for (weight, _), n in self.tally.items() if weight == best) or 1

    @property
    def rank(self) -> int:
        return RANK.get(self.step, RANK["ready"])
