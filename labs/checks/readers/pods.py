"""Whether pods are ready, and why they are not, in the words of a verdict."""

from __future__ import annotations

from typing import Any

from labs.checks.readers.containers import statuses_of

__all__ = ["counted", "is_ready", "reasons"]


def is_ready(pod: Any) -> bool:
    """Whether a pod is Ready and stays: one that is being deleted is not."""
    ready = any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or [])
    return ready and pod.metadata.deletion_timestamp is None


def reasons(pods: list[Any]) -> str:
    """Why pods are not ready, as the end of a sentence: ``; ImagePullBackOff: labs/web:9``. Empty when all are."""
    found_reasons = set()
    for pod in pods:
        if is_ready(pod):
            continue
        for status in statuses_of(pod):
            if status.state.waiting and status.state.waiting.reason not in (None, "PodInitializing"):
                found_reasons.add(_waiting(status))
            elif end := status.state.terminated or (not status.ready and status.last_state.terminated):
                if end.exit_code:
                    found_reasons.add(_ended(status.name, end))
            elif status.state.running and not status.ready:
                found_reasons.add(f"{status.name} runs but is not ready")
        if not pod.status.container_statuses:
            found_reasons.add(_unscheduled(pod))
    return f"; {'; '.join(sorted(found_reasons))}" if found_reasons else ""


def _waiting(status: Any) -> str:
    waiting, end = status.state.waiting, status.last_state.terminated
    if waiting.reason == "RunContainerError" and waiting.message:
        return _not_started(status.name, waiting.message)
    if waiting.reason == "CrashLoopBackOff" and end:
        return f"{waiting.reason}: {_ended(status.name, end)}"
    if waiting.reason == "CreateContainerConfigError" and waiting.message:
        return f"{waiting.reason}: {waiting.message}"
    return f"{waiting.reason}: {status.image}"


def _ended(name: str, end: Any) -> str:
    if end.reason == "StartError" and end.message:
        return _not_started(name, end.message)
    return f"{name} ended with status {end.exit_code}"


def _not_started(name: str, message: str) -> str:
    """The runtime's last word; before it stand the layers that the message came through."""
    cause = message.rpartition("container process: ")[2].removeprefix("error during container init: ")
    return f"{name} did not start: {cause.removesuffix(': unknown')}"


def _unscheduled(pod: Any) -> str:
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False" and condition.message:
            return f"{pod.status.phase}: {condition.message.split('. ')[0].rstrip('.')}"
    return pod.status.phase or "Pending"


def counted(pods: list[Any]) -> str:
    """``1 pod``, ``2 pods``."""
    return f"{len(pods)} pod{'s'[: len(pods) != 1]}"
