"""How a pod is, in a word, and why: what `kubectl get` and `kubectl describe` say, put together."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["PodState", "newest_warnings", "owner_of", "state_of"]

STARTING = {"ContainerCreating", "PodInitializing"}
# What the kubelet's and the scheduler's reasons mean, for anyone who meets them for the first time.
MEANINGS = {
    "ErrImagePull": "The image could not be fetched.",
    "ImagePullBackOff": "The image could not be fetched; the kubelet waits before it tries again.",
    "InvalidImageName": "This is no name of an image.",
    "CrashLoopBackOff": "Its program ends again and again; the kubelet waits before it restarts it.",
    "CreateContainerConfigError": "Its settings could not be put together: a ConfigMap, a Secret or a key is missing.",
    "RunContainerError": "Its program could not be started.",
    "Unschedulable": "No node takes it.",
}


class PodState(NamedTuple):
    """A pod in a word.

    Attributes:
        mark: ``good``, ``wait``, ``bad``, ``gone`` or ``done``, as the front end draws it.
        word: such as ``ready``, ``starting`` or ``ImagePullBackOff``.
        why: a sentence of the cluster's own, where it says one; else empty.
        restarts: how often its containers were started again.
    """

    mark: str
    word: str
    why: str
    restarts: int


def state_of(pod: dict[str, Any], warning: str = "") -> PodState:
    """How a pod is.

    Args:
        pod: as the API server gives it.
        warning: the newest warning about it, which tells of failed probes; the status does not.
    """
    status = pod.get("status", {})
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    restarts = sum(c.get("restartCount", 0) for c in containers)
    conditions = {c["type"]: c for c in status.get("conditions", [])}
    if pod["metadata"].get("deletionTimestamp"):
        state = "gone", "ending", "It was deleted, and has its grace period to stop."
    elif status.get("phase") in {"Succeeded", "Failed"}:
        state = _ended(status, containers)
    else:
        state = _unscheduled(conditions) or _waiting(containers) or _running(status, conditions, containers, warning)
    return PodState(*state, restarts)


def _ended(status: dict[str, Any], containers: list[dict[str, Any]]) -> tuple[str, str, str]:
    if status["phase"] == "Succeeded":
        return "done", "done", ""
    reasons = [c.get("state", {}).get("terminated", {}).get("reason", "") for c in containers]
    return "bad", status.get("reason") or next(filter(None, reasons), "failed"), status.get("message", "")


def _unscheduled(conditions: dict[str, Any]) -> tuple[str, str, str] | None:
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") != "False":
        return None
    reason = scheduled.get("reason", "Unschedulable")
    return "bad", reason, _explained(reason, scheduled.get("message", ""))


def _waiting(containers: list[dict[str, Any]]) -> tuple[str, str, str] | None:
    for container in containers:
        waiting = container.get("state", {}).get("waiting", {})
        reason = waiting.get("reason", "")
        if reason not in {*STARTING, ""}:
            message = f"{waiting.get('message', '')} {_last_end(container)}".strip()
            return "bad", reason, _explained(reason, message)
    return None


def _explained(reason: str, message: str) -> str:
    """The cluster's words, behind what they mean."""
    return f"{MEANINGS.get(reason, '')} {message}".strip()


def _running(
    status: dict[str, Any], conditions: dict[str, Any], containers: list[dict[str, Any]], warning: str
) -> tuple[str, str, str]:
    phase = status.get("phase")
    if conditions.get("Ready", {}).get("status") == "True":
        return "good", "ready", ""
    ended = [c["state"]["terminated"] for c in containers if c.get("state", {}).get("terminated", {}).get("exitCode")]
    if phase == "Running" and ended:
        return "bad", ended[0].get("reason", "Error"), f"Exit code {ended[0]['exitCode']}."
    if phase == "Running":
        return "bad" if warning else "wait", "not ready", warning
    if phase == "Unknown":
        return "bad", "unknown", "Its node does not report."
    return _pending(warning) if "PodScheduled" in conditions else ("wait", "new", "")


def _pending(warning: str) -> tuple[str, str, str]:
    """A pod that a node has, and that does not run yet. An event may come before the status that says the same."""
    if not warning or warning.startswith("FailedScheduling"):
        return "wait", "starting", ""
    reason = next((word for word in MEANINGS if word in warning), "")
    return "bad", reason or "cannot start yet", _explained(reason, warning)


def owner_of(thing: dict[str, Any]) -> tuple[str, str, str]:
    """Kind, name and uid of the object that controls one; three empty texts where nobody does."""
    for owner in thing["metadata"].get("ownerReferences", []):
        if owner.get("controller"):
            return owner["kind"], owner["name"], owner["uid"]
    return "", "", ""


def newest_warnings(events: list[dict[str, Any]]) -> dict[str, str]:
    """The newest warning about each object, by the object's uid."""
    newest: dict[str, tuple[str, str]] = {}
    for event in events:
        uid = event.get("involvedObject", {}).get("uid", "")
        series = event.get("series") or {}
        when = str(
            series.get("lastObservedTime")
            or event.get("lastTimestamp")
            or event.get("eventTime")
            or event["metadata"].get("creationTimestamp", "")
        )
        if event.get("type") == "Warning" and when >= newest.get(uid, ("", ""))[0]:
            newest[uid] = when, f"{event.get('reason', '')}: {(event.get('message') or '').strip()}"
    return {uid: text for uid, (_, text) in newest.items()}


def _last_end(container: dict[str, Any]) -> str:
    last = container.get("lastState", {}).get("terminated", {})
    return f"It ended last with exit code {last.get('exitCode')} ({last.get('reason', '')})." if last else ""
