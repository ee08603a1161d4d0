"""Why an object that somebody has deleted is still there: its finalizers, in plain words."""

from __future__ import annotations

from typing import Any

__all__ = ["kept_until"]

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
    return f"keeps it until whoever set its finalizer {finalizer} has taken that away"
