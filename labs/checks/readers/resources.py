"""What containers ask for and may have, however it is written, and what a quota's refusal says."""

from __future__ import annotations

from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import expect
from labs.checks.readers.containers import pod_spec
from labs.checks.readers.ownership import replica_sets_of
from labs.checks.readers.quantities import amount, is_amount

__all__ = ["FIELDS", "asked", "expect_amount", "expect_no_limit", "limited", "refusal"]

VERBS = {"requests": "asks for", "limits": "may have"}
FIELDS = "`kubectl set resources --help`; `-c` chooses the container."


def asked(container: Any, resource: str) -> Any:
    """What a container requests: where only a limit is stated, the server sets the request to the same."""
    stated = (container.resources and container.resources.requests) or {}
    return stated.get(resource, limited(container, resource))


def limited(container: Any, resource: str) -> Any:
    """A container's limit; None when it has none."""
    return ((container.resources and container.resources.limits) or {}).get(resource)


def expect_amount(workload: Any, container: Any, kind: str, resource: str, wanted: str) -> None:
    """A container requests an amount, or has it as its limit, in whichever unit.

    Args:
        workload: the Deployment (or the like).
        container: of its template.
        kind: ``"requests"`` or ``"limits"``.
        resource: ``"cpu"`` or ``"memory"``.
        wanted: such as ``"64Mi"``.

    Raises:
        NotYet: it does not.
    """
    seen = (asked if kind == "requests" else limited)(container, resource)
    name, verb = container.name, VERBS[kind]
    observed = f"{name} {verb} no {resource}" if kind == "requests" else f"{name} has no limit of {resource}"
    try_ = FIELDS
    if seen is not None:
        observed = f"{name} {verb} {seen} of {resource}"
        if resource == "memory" and str(seen).endswith("m"):
            try_ = "`m` is milli: these are thousandths of a byte. Mi are 1024 times 1024 bytes."
        elif resource == "memory" and amount(seen) * 1024**2 == amount(wanted) * 1000**2:
            try_ = "M is 1000 times 1000 bytes, Mi 1024 times 1024."
    elif getattr(pod_spec(workload), "resources", None):
        observed += "; the pod as a whole has resources"
        try_ = "State them in the container: `kubectl explain deployment.spec.template.spec.containers.resources`."
    expect(
        is_amount(seen, wanted),
        expected=f"{kind}.{resource}: {wanted} in the container {name} of {workload.metadata.name}",
        observed=f"{kind}.{resource}: {'none' if seen is None else seen}; {observed}",
        try_=try_,
    )


def expect_no_limit(workload: Any, container: Any, resource: str) -> None:
    """A container may have as much as is left over. Raises NotYet."""
    seen = limited(container, resource)
    expect(
        seen is None,
        expected=f"no limit of {resource} in the container {container.name} of {workload.metadata.name}",
        observed=f"limits.{resource}: {seen}",
        try_="`kubectl edit` can remove the line; `--limits=cpu=0` of `kubectl set resources` means none as well.",
    )


def refusal(lab: CheckContext, workload: Any) -> str:
    """What the newest ReplicaSet of a Deployment was told when it wanted a pod; empty when nobody refused one."""
    newest = replica_sets_of(lab, workload)[-1:]
    conditions = [c for s in newest for c in s.status.conditions or [] if c.type == "ReplicaFailure"]
    told = [c.message or "" for c in conditions if c.status == "True"]
    return told[0].partition("is forbidden: ")[2] or told[0] if told else ""
