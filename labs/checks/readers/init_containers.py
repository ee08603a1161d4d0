"""What checks read of init containers and native sidecars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import expect, settle
from labs.checks.readers.containers import command_text
from labs.checks.readers.pod_containers import log_of
from labs.checks.readers.pods import is_ready, reasons
from labs.checks.readers.volumes import read_pod
from labs.checks.readers.workloads import name_of
from labs.errors import NotYet

__all__ = [
    "expect_initialised",
    "expect_native",
    "expect_startup_probe",
    "expect_waits_for",
    "is_sidecar",
    "names_text",
    "still_initialising",
    "waiting_for",
]


def is_sidecar(container: Any) -> bool:
    """Whether an init container is a native sidecar, which goes on beside the others."""
    return container.restart_policy == "Always"


def names_text(containers: Iterable[Any]) -> str:
    """Containers' names as a verdict tells them; ``none`` where there are none."""
    return " and ".join(container.name for container in containers) or "none"


def waiting_for(spec: Any, host: str) -> list[Any]:
    """The init containers of a pod's spec that must end and whose command names a host.

    One that asks in a loop is among them, and so is one that asks once: it fails, and the kubelet starts it again.
    """
    return [c for c in spec.init_containers or [] if not is_sidecar(c) and host in command_text(c)]


def expect_waits_for(pod: Any, host: str, url: str) -> None:
    """An init container asks for a host before anything goes on.

    Args:
        pod: the pod.
        host: its name, as it stands in the command.
        url: what the brief asks for, for the verdict.

    Raises:
        NotYet: none does; the verdict says what there is in its place.
    """
    spec, expected = pod.spec, f"an init container of {name_of(pod)} that waits until {url} answers"
    waiting, all_of_them = waiting_for(spec, host), spec.init_containers or []
    sidecars = [c for c in all_of_them if is_sidecar(c) and host in command_text(c)]
    expect(
        waiting or not sidecars,
        expected=expected,
        observed=f"{names_text(sidecars)} is a sidecar: the next container does not wait for its end",
        try_="What does its `restartPolicy` say? A pod's containers are fixed: make the pod again.",
    )
    expect(
        waiting,
        expected=expected,
        observed=f"no init container asks {host}; its init containers: {names_text(all_of_them)}",
        try_="`until ...; do sleep 1; done` asks again and again. A pod's containers are fixed: make the pod again.",
    )


def expect_native(container: Any, spec: Any, *, before: str, again: str = "") -> None:
    """A container is a native sidecar.

    Args:
        container: one of the spec's.
        spec: of the pod.
        before: the container that starts after it, for the verdict.
        again: how the object can be changed, for the verdict.

    Raises:
        NotYet: it is another kind of container.
    """
    expected = f"{container.name} to be a native sidecar"
    expect(
        container not in spec.containers,
        expected=expected,
        observed="it stands under `containers`: a pod starts all of these at once, and ends only when all of them have",
        try_=f"Which list is started first, and may hold what never ends? {again}".strip(),
    )
    expect(
        is_sidecar(container),
        expected=expected,
        observed=f"it is an init container, which must end before {before} starts",
        try_=f"`kubectl explain pod.spec.initContainers.restartPolicy`. {again}".strip(),
    )


def expect_startup_probe(container: Any, port: int, *, again: str = "") -> None:
    """A native sidecar has a startup probe, which holds the next container back until it has succeeded.

    Args:
        container: the sidecar.
        port: what the brief asks for, for the verdict.
        again: how the object can be changed, for the verdict.

    Raises:
        NotYet: it has none.
    """
    other = " (a readinessProbe does not hold the next container back)" if container.readiness_probe else ""
    expect(
        container.startup_probe,
        expected=f"a startupProbe of {container.name} at port {port}",
        observed=f"none{other}",
        try_=f"`kubectl explain pod.spec.initContainers.startupProbe`. {again}".strip(),
    )


def still_initialising(lab: CheckContext, pod: Any) -> Iterator[tuple[str, str]]:
    """The init containers of a pod that must end and still run: each with its log's last line.

    Args:
        lab: the lesson's lab.
        pod: the pod.
    """
    must_end = {c.name for c in pod.spec.init_containers or [] if not is_sidecar(c)}
    for status in pod.status.init_container_statuses or []:
        if status.name in must_end and status.state.running:
            yield status.name, log_of(lab, pod, status.name, tail_lines=1).strip()[-80:]


def expect_initialised(lab: CheckContext, name: str, more: str = "") -> Any:
    """A pod's init containers have ended, and it is ready.

    Args:
        lab: the lesson's lab.
        name: the pod's.
        more: what else was observed, when it is not.

    Returns:
        The pod.

    Raises:
        NotYet: it is not; the verdict says which init container still runs, and what it said last.
    """

    def ready() -> Any:
        pod = read_pod(lab, name)
        if is_ready(pod):
            return pod
        for running, said in still_initialising(lab, pod):
            statuses = pod.status.init_container_statuses
            ended = sum(bool(status.state.terminated) for status in statuses)
            raise NotYet(
                f"the pod {name} to be ready",
                f"Init:{ended}/{len(statuses)}: {running} runs{f', and says {said!r}' if said else ''}{more}",
                f"`kubectl logs {name} -c {running}` shows what it waits for.",
            )
        raise NotYet(
            f"the pod {name} to be ready",
            f"{pod.status.phase}{reasons([pod])}{more}",
            f"`kubectl describe pod {name}` tells each container's state, `kubectl logs {name} -c NAME` its words.",
        )

    return settle(ready)
