"""Connections that a check really tries, from a learner's pods, and which policies speak for them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from labs.checks.context import CheckContext, ScopedContext
from labs.checks.core import settle
from labs.checks.readers.namespaces import here
from labs.checks.readers.pod_containers import run_in
from labs.checks.readers.pods import is_ready, reasons
from labs.checks.readers.policies import EGRESS, INGRESS, policies_of, policies_text, too_wide
from labs.checks.readers.workloads import name_of
from labs.errors import CouldNotCheck, NotYet

__all__ = ["Attempt", "expect_traffic"]

SECONDS = 2  # within which an answer comes, if one does
ASK = "timeout {} wget -qO /dev/null http://{}:{}/hostname 2>/dev/null && echo came || echo lost"
NAMES = "A name is a question to DNS, at port 53, UDP and TCP: do the Egress policies of {} allow it?"


@dataclass(frozen=True)
class Attempt:
    """A request that a pod sends to another one.

    Attributes:
        source: the pod that asks.
        target: the pod that is asked, in the lesson's namespace; also the name of its Service.
        port: the pod's.
        namespace: the source's; the lesson's when empty.
        is_by_name: whether the Service's name is used rather than the pod's address.
        stated_port: the one port that the brief allows here.
        wall: whose policies the brief means, should it come through: the target's `INGRESS` or the source's `EGRESS`.
    """

    source: str
    target: str
    port: int
    namespace: str = ""
    is_by_name: bool = False
    stated_port: int = 8000
    wall: str = INGRESS

    def __str__(self) -> str:
        place = f" of {self.namespace}" if self.namespace else ""
        return f"{self.source}{place} to reach {self.target} at port {self.port}"


def expect_traffic(lab: CheckContext, may: Sequence[Attempt], may_not: Sequence[Attempt]) -> None:
    """Some connections come through, and others do not.

    Args:
        lab: the lesson's lab.
        may: those that must.
        may_not: those that must not.

    Raises:
        NotYet: one does what it should not; the verdict says which policies speak for the two pods.
        CouldNotCheck: a wall does not hold, and it may be the cluster that does not enforce policies.
    """

    def state() -> bool:
        came = _tried(lab, [*may, *may_not])
        for attempt in may:
            if not came[attempt]:
                raise _lost(lab, attempt)
        for attempt in may_not:
            if came[attempt]:
                raise _came(lab, attempt)
        return True

    settle(state)


def _tried(lab: CheckContext, attempts: Sequence[Attempt]) -> dict[Attempt, bool]:
    pods = {(a.namespace, a.source): _pod(lab, a.source, a.namespace) for a in attempts}
    pods |= {("", a.target): _pod(lab, a.target) for a in attempts}

    def comes(attempt: Attempt) -> bool:
        source = pods[attempt.namespace, attempt.source]
        host = attempt.target if attempt.is_by_name else pods["", attempt.target].status.pod_ip
        command = ASK.format(SECONDS, host, attempt.port)
        place = ScopedContext(lab, source.metadata.namespace, {})
        return "came" in run_in(place, attempt.source, source.spec.containers[0].name, command)

    with ThreadPoolExecutor(max_workers=4) as pool:
        return dict(zip(attempts, pool.map(comes, attempts), strict=True))


def _pod(lab: CheckContext, name: str, namespace: str = "") -> Any:
    place = ScopedContext(lab, namespace or lab.namespace, {})
    again = "The lesson's cells make it; run them again."
    pod = here(place, "pod", name, called=f"the pod {name}", try_=again)
    if not is_ready(pod):
        raise NotYet(f"the pod {name} to be ready", f"it is not{reasons([pod])}", f"`kubectl get pods`. {again}")
    return pod


def _lost(lab: CheckContext, attempt: Attempt) -> NotYet:
    source, target = _pod(lab, attempt.source, attempt.namespace), _pod(lab, attempt.target)
    by_address = Attempt(attempt.source, attempt.target, attempt.port, attempt.namespace)
    if attempt.is_by_name and _tried(lab, [by_address])[by_address]:
        return NotYet(
            f"{attempt}, by its name",
            f"by its address it does, by its name it does not; {policies_text(lab, source, EGRESS)}",
            NAMES.format(attempt.source),
        )
    told = [policies_text(lab, target, INGRESS)]
    if policies_of(lab, source, EGRESS):
        told.append(policies_text(lab, source, EGRESS))
    return NotYet(
        str(attempt),
        f"no answer within {SECONDS} s; {'; '.join(told)}",
        f"Does one of them list {attempt.source}, by the labels that it and its namespace have, and the pod's port?",
    )


def _came(lab: CheckContext, attempt: Attempt) -> NotYet:
    source, target = _pod(lab, attempt.source, attempt.namespace), _pod(lab, attempt.target)
    pod = target if attempt.wall == INGRESS else source
    found = policies_of(lab, pod, attempt.wall)
    if found:
        _expect_enforced(lab, attempt)
    where = f"{name_of(source)}{f' of {attempt.namespace}' if attempt.namespace else ''}"
    why, try_ = too_wide(found, attempt.port, attempt.stated_port)
    return NotYet(
        f"no way for {attempt}",
        f"{where} reaches it; {why or policies_text(lab, pod, attempt.wall)}",
        try_ or "`kubectl describe networkpolicies` tells what each allows; what one allows, no other takes back.",
    )


def _expect_enforced(lab: CheckContext, attempt: Attempt) -> None:
    """That a connection comes through says something about policies only where they hold. Raises CouldNotCheck."""
    if not lab.engine.is_managed:
        raise CouldNotCheck(
            f"{attempt.source} reaches {attempt.target} at port {attempt.port} although policies speak for them, and "
            "whether this cluster enforces policies the course cannot know.",
            "Ask who runs it; on the course's own engine they are enforced.",
        )
    for part in lab.engine.status():
        if part.name.startswith("network-policies/") and (part.state != "running" or part.detail):
            raise CouldNotCheck(f"{part.name}: {part.detail or part.state}.", "`labs status` shows it.")
