"""How an object comes to its end: who asked for it, as far as it tells, and why it is still there; in plain words."""

from __future__ import annotations

from typing import Any

__all__ = ["SOMEBODY", "SOMETHING", "UNRECORDED", "kept_until", "who_asked"]

SOMEBODY, SOMETHING = "somebody", "somebody or a controller"
UNRECORDED = "An object does not record who asked to delete it; an audit log of the API server would."

# https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
_DISRUPTIONS = {
    "EvictionByEvictionAPI": (SOMEBODY, "asked to evict it, as `kubectl drain` does"),
    "PreemptionByScheduler": ("scheduler", "ends it to make room for a more important pod"),
    "DeletionByTaintManager": ("taint controller", "ends it: the node has a taint"),
    "DeletionByPodGC": ("pod garbage collector", "deletes it: its node is gone"),
}
# https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/
_REASONS = {
    "kubernetes.io/pvc-protection": "no pod uses it",
    "kubernetes.io/pv-protection": "no claim is bound to it",
    "foregroundDeletion": "all that it owns is deleted",
    "orphan": "what it owns has no owner any more",
    "batch.kubernetes.io/job-tracking": "its Job has counted it",
    "kubernetes": "all that is in it is deleted",  # of a Namespace
}


def kept_until(finalizer: str, users: list[dict[str, Any]]) -> str:
    """What a finalizer waits for, as a phrase that goes with "the API server ...".

    Args:
        finalizer: such as ``kubernetes.io/pvc-protection``.
        users: the pods that use the object, where it is a claim; those that have ended do not count.
    """
    names = [pod["metadata"]["name"] for pod in users if pod["status"].get("phase") not in {"Succeeded", "Failed"}]
    if finalizer == "kubernetes.io/pvc-protection" and names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        verb = "use it, have" if more else "uses it, has"
        return f"keeps it until Pod {names[0]}{more}, which {verb} ended"
    if reason := _REASONS.get(finalizer):
        return f"keeps it until {reason}"
    return f"keeps it until the one that set its finalizer {finalizer} has taken that away"


def who_asked(status: dict[str, Any], *, is_owned: bool) -> tuple[str, str]:
    """Who asked to delete an object, and in what words: a pod has a condition when it made room.

    Args:
        status: the object's.
        is_owned: whether a controller may have asked.
    """
    for condition in status.get("conditions") or []:
        if condition["type"] == "DisruptionTarget" and condition["status"] == "True":
            return _DISRUPTIONS.get(condition.get("reason", ""), (SOMEBODY, "asked to delete it"))
    return SOMETHING if is_owned else SOMEBODY, "asked to delete it"
