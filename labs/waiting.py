"""Every poll loop of the course: a condition, a limit in time, the last state that was seen, and a hint."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

from labs.errors import LabsError, Timeout

__all__ = ["http_status", "last_events", "wait_for", "wait_for_http", "wait_for_pods", "wait_for_rollout", "wait_gone"]

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T | None],
    timeout: float = 60,
    *,
    what: str = "the condition to hold",
    hint: str = "",
    state: Callable[[], str] | None = None,
    interval: float = 0.2,
) -> T:
    """Ask again and again until a condition holds.

    Args:
        condition: returns a true value when the waiting is over. What it raises is not caught.
        timeout: limit, in seconds. The condition is asked at least once.
        what: what is waited for, as it should read after "Waited 60 s for".
        hint: one sentence on what to do when it does not come.
        state: describes the last state; asked once, after the limit has passed.
        interval: time between two questions, in seconds.

    Returns:
        The true value that the condition returned.

    Raises:
        Timeout: the limit has passed.
    """
    limit = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        left = limit - time.monotonic()
        if left <= 0:
            break
        time.sleep(min(interval, left))
    seen = f"; last seen: {_describe_state(state)}" if state else ""
    raise Timeout(f"Waited {timeout:g} s for {what}{seen}.", hint)


def wait_gone(
    read: Callable[[], Any],
    timeout: float = 60,
    *,
    what: str = "the object to be gone",
    hint: str = "",
    state: Callable[[], str] | None = None,
) -> None:
    """Wait until an object no longer exists.

    Args:
        read: reads the object, such as ``lambda: apps.read_namespaced_deployment("web", "lab-04")`` or
            ``lambda: docker_client.containers.get("web")``; the object is gone when this raises a 404.
        timeout: limit, in seconds.
        what: what is waited for, as it should read after "Waited 60 s for".
        hint: one sentence on what to do when it does not come.
        state: describes the last state.

    Raises:
        Timeout: the object still exists.
    """

    def gone() -> bool:
        try:
            read()
        except Exception as error:
            if http_status(error) == 404:
                return True
            raise
        return False

    wait_for(gone, timeout, what=what, hint=hint, state=state)


def wait_for_rollout(apps: Any, name: str, namespace: str, timeout: float = 120) -> Any:
    """Wait until a Deployment has rolled out, by the same rule as ``kubectl rollout status``.

    Args:
        apps: a ``kubernetes.client.AppsV1Api``.
        name: the Deployment.
        namespace: its namespace.
        timeout: limit, in seconds.

    Returns:
        The Deployment as it was last read.

    Raises:
        Timeout: it did not roll out in time, or Kubernetes gave up (``progressDeadlineSeconds``).
    """
    last: dict[str, Any] = {}
    hint = f"`kubectl describe deployment {name} -n {namespace}` and `kubectl get pods -n {namespace}` show why."

    def state() -> str:
        return f"{_rollout(last['deployment'])}{_events_of(apps, namespace)}"

    def done() -> Any:
        last["deployment"] = deployment = apps.read_namespaced_deployment(name, namespace)
        if (deployment.status.observed_generation or 0) < deployment.metadata.generation:
            return None  # the status speaks of an older spec
        for condition in deployment.status.conditions or []:
            if condition.type == "Progressing" and condition.reason == "ProgressDeadlineExceeded":
                raise Timeout(f'Deployment "{name}" gave up before {timeout:g} s; last seen: {state()}.', hint)
        status = deployment.status
        wanted = deployment.spec.replicas
        return (
            (status.updated_replicas or 0) == wanted
            and (status.replicas or 0) == wanted
            and (status.available_replicas or 0) == wanted
            and deployment
        )

    return wait_for(done, timeout, what=f'Deployment "{name}" to roll out', hint=hint, state=state)


def wait_for_pods(core: Any, namespace: str, selector: str, count: int, timeout: float = 120) -> list[Any]:
    """Wait until exactly ``count`` pods match a selector and each is Ready; pods that are being deleted do not count.

    Args:
        core: a ``kubernetes.client.CoreV1Api``.
        namespace: where to look.
        selector: a label selector, such as ``"app=web"``.
        count: how many; 0 waits until none is left.
        timeout: limit, in seconds.

    Returns:
        The pods, ordered by name.

    Raises:
        Timeout: there were fewer or more, or one of them was not Ready.
        LabsError: the namespace is gone, so none will come.
    """
    last: dict[str, Any] = {"pods": [], "asked": False}

    def done() -> bool:
        found = core.list_namespaced_pod(namespace, label_selector=selector).items
        last["pods"] = pods = [p for p in found if p.metadata.deletion_timestamp is None]
        if count and not pods and not last["asked"]:
            last["asked"] = True
            _expect_namespace(core, namespace)
        return len(pods) == count and all(_ready(p) for p in pods)

    def state() -> str:
        pods = last["pods"]
        names = f" ({', '.join(sorted(p.metadata.name for p in pods))})" if len(pods) > count else ""
        return f"{len(pods)} pods{names}, {sum(_ready(p) for p in pods)} Ready{_events_of(core, namespace)}"

    wait_for(
        done,
        timeout,
        what=f"{count} Ready pods that match {selector}",
        hint=f"`kubectl describe pods -l {selector} -n {namespace}` shows why.",
        state=state,
    )
    return sorted(last["pods"], key=lambda p: p.metadata.name)


def _expect_namespace(core: Any, namespace: str) -> None:
    try:
        phase = core.read_namespace(namespace).status.phase
    except Exception as error:
        if http_status(error) != 404:  # who may not read namespaces may still wait for pods
            return
        phase = "gone"
    if phase != "Active":
        state = "gone" if phase == "gone" else "being deleted"
        todo = "`lab.reset()` makes a lesson's namespace again; then start from the first cell."
        raise LabsError(f"The namespace {namespace} is {state}, so no pod will come.", todo)


def wait_for_http(url: str, expect: str | None = None, timeout: float = 30) -> str:
    """Wait until a URL answers with a 2xx status. No proxy is used.

    Args:
        url: such as ``"http://localhost:8080/"``.
        expect: text that the body must contain.
        timeout: limit, in seconds.

    Returns:
        The body.

    Raises:
        Timeout: no such answer came in time.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    last = {"seen": "nothing"}

    def answer() -> tuple[str] | None:
        try:
            with opener.open(url, timeout=5) as response:
                body = response.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            last["seen"] = f"status {error.code}"
        except (OSError, http.client.HTTPException) as error:  # refused, reset, timed out, no HTTP
            last["seen"] = str(getattr(error, "reason", error)) or type(error).__name__
        else:
            last["seen"] = f"the answer {body[:80]!r}"
            if expect is None or expect in body:
                return (body,)
        return None

    wanted = f"{url} to answer" + (f" with {expect!r}" if expect else "")
    return wait_for(
        answer,
        timeout,
        what=wanted,
        hint="Is the container or pod behind it running and ready, and is the port the right one?",
        state=lambda: last["seen"],
    )[0]


def last_events(core: Any, namespace: str, limit: int = 3) -> list[str]:
    """The newest warnings in a namespace, such as ``"FailedScheduling pod/web-1: 0/1 nodes are available"``.

    Args:
        core: a ``kubernetes.client.CoreV1Api``.
        namespace: where to look.
        limit: how many at most.
    """
    events = core.list_namespaced_event(namespace, field_selector="type=Warning").items
    events.sort(key=lambda e: str(e.last_timestamp or e.event_time or e.metadata.creation_timestamp))
    return [f"{e.reason} {_involved(e)}: {(e.message or '').strip()[:160]}" for e in events[-limit:]]


def _involved(event: Any) -> str:
    return f"{(event.involved_object.kind or '').lower()}/{event.involved_object.name}"


def _events_of(api: Any, namespace: str) -> str:
    """The last warnings as a clause of a sentence; empty where there are none or they cannot be read."""
    try:
        from kubernetes.client import CoreV1Api  # no client at package import time

        events = last_events(CoreV1Api(api.api_client), namespace)
    except Exception:  # the error to report is the time-out, not this
        return ""
    return f"; last events: {' | '.join(events)}" if events else ""


def _rollout(deployment: Any) -> str:
    status, wanted = deployment.status, deployment.spec.replicas
    return (
        f"{status.updated_replicas or 0} of {wanted} updated, {status.available_replicas or 0} available, "
        f"{max(0, (status.replicas or 0) - (status.updated_replicas or 0))} old left"
    )


def _ready(pod: Any) -> bool:
    return any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or [])


def _describe_state(state: Callable[[], str]) -> str:
    try:
        return state()
    except Exception as error:  # the time-out is the news; a state that cannot be read is part of it
        return f"unknown ({type(error).__name__})"


def http_status(error: Exception) -> int | None:
    """The HTTP status that either client's error carries; None for an error without one."""
    status = getattr(error, "status", None)
    return status if isinstance(status, int) else getattr(error, "status_code", None)
