"""How many pods each ReplicaSet of a rollout has now, and between which numbers the rollout keeps them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from labs.views.framework.pod_state import owner_of

__all__ = ["Counts", "RolloutLimits", "count", "limits_of"]


class RolloutLimits(NamedTuple):
    """Between what a rollout keeps its pods.

    Attributes:
        replicas: how many the Deployment wants.
        surge: how many more there may be meanwhile.
        unavailable: how many of them may be missing meanwhile.
        recreate: whether all old pods end before the first new one begins.
    """

    replicas: int
    surge: int
    unavailable: int
    recreate: bool = False

    @property
    def most(self) -> int:
        return self.replicas + self.surge

    @property
    def fewest(self) -> int:
        return self.replicas - self.unavailable


def limits_of(deployment: dict[str, Any]) -> RolloutLimits:
    """A Deployment's limits in pods, rounded as its controller does: surge up, unavailable down, never both to 0."""
    spec = deployment.get("spec", {})
    replicas, strategy = spec.get("replicas", 1), spec.get("strategy", {})
    if strategy.get("type") == "Recreate":
        return RolloutLimits(replicas, 0, replicas, recreate=True)
    steps = strategy.get("rollingUpdate") or {}
    surge = _pods(steps.get("maxSurge", "25%"), replicas, up=True)
    unavailable = _pods(steps.get("maxUnavailable", "25%"), replicas, up=False)
    if not surge and not unavailable:  # nothing could move: the controller takes one then (ResolveFenceposts)
        unavailable = 1
    return RolloutLimits(replicas, surge, min(unavailable, replicas))


def _pods(value: int | str, replicas: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        hundredths = int(value[:-1]) * replicas
        return -(-hundredths // 100) if up else hundredths // 100
    return int(value)


class Counts(NamedTuple):
    """Pods of one ReplicaSet; those that are being deleted are no longer among them."""

    has: int
    ready: int
    available: int


def count(pods: list[dict[str, Any]], deployment: dict[str, Any]) -> dict[str, Counts]:
    """Pods of each ReplicaSet's uid, without those that are being deleted or have ended.

    Args:
        pods: the Deployment's.
        deployment: whose ``minReadySeconds`` says when a ready pod is available.
    """
    patience = deployment["spec"].get("minReadySeconds", 0)
    found: dict[str, Counts] = {}
    for pod in pods:
        if pod["metadata"].get("deletionTimestamp") or pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
            continue
        uid = owner_of(pod)[2]
        conditions = pod.get("status", {}).get("conditions", [])
        ready = next((c for c in conditions if c["type"] == "Ready" and c["status"] == "True"), None)
        is_available = ready is not None and (not patience or _age(ready.get("lastTransitionTime")) >= patience)
        has, was_ready, available = found.get(uid, Counts(0, 0, 0))
        found[uid] = Counts(has + 1, was_ready + (ready is not None), available + is_available)
    return found


def _age(stamp: str | None) -> float:
    if not stamp:
        return 0.0
    return (datetime.now(UTC) - datetime.fromisoformat(stamp)).total_seconds()
