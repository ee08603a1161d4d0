"""What checks read of StatefulSets: their pods by number, and each pod's own claim."""

from __future__ import annotations

from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect, settle
from labs.checks.readers.containers import Program, container_of
from labs.checks.readers.pods import is_ready, reasons
from labs.checks.readers.quantities import is_amount
from labs.checks.readers.volumes import default_classes, mounted
from labs.checks.readers.workloads import name_of, pods_of

__all__ = ["expect_all_ready", "expect_claims", "expect_own_claim", "pods_by_number"]


def pods_by_number(lab: CheckContext, item: Any) -> list[Any]:
    """The ready pods of a StatefulSet, from number 0 on. Args: ``lab``; ``item``, the StatefulSet."""
    ready = [pod for pod in pods_of(lab, item) if is_ready(pod)]
    return sorted(ready, key=lambda pod: int(name_of(pod).rpartition("-")[2]))


def expect_all_ready(lab: CheckContext, item: Any, copies: int) -> None:
    """A StatefulSet comes to its number of ready pods. Raises NotYet, which says what they wait for."""
    name = name_of(item)

    def state() -> bool:
        pods = pods_of(lab, item)
        ready = [pod for pod in pods if is_ready(pod)]
        expect(
            len(ready) == copies,
            expected=f"{copies} ready pods of {name}",
            observed=f"{len(ready)} ready{reasons(pods)}",
            try_=f"`kubectl describe pod {name}-0` and `kubectl describe pvc` end with what they wait for.",
        )
        return True

    settle(state)


def expect_claims(lab: CheckContext, item: Any, copies: int, size: str) -> None:
    """The claims that a StatefulSet makes, and those that are there for its pods, are of the default class and a size.

    Args:
        lab: the lesson's lab.
        item: the StatefulSet.
        copies: how many pods it is to have.
        size: what each claim asks for, such as ``"20Mi"``.

    Raises:
        NotYet: one is not, or there are none.
    """
    default, templates = default_classes(lab), item.spec.volume_claim_templates or []
    expect(
        templates,
        expected=f"a claim for each pod of {name_of(item)}",
        observed="no volumeClaimTemplates",
        try_="`kubectl explain statefulset.spec.volumeClaimTemplates`",
    )
    claims = clients(lab).core.list_namespaced_persistent_volume_claim(lab.namespace).items
    names = {f"{name_of(each)}-{name_of(item)}-{number}" for each in templates for number in range(copies)}
    asked = [(f"claims by the template {name_of(each)}", each.spec) for each in templates]
    asked += [(f"the claim {name_of(claim)}", claim.spec) for claim in claims if name_of(claim) in names]
    for what, spec in asked:
        chosen, storage = spec.storage_class_name, (spec.resources.requests or {}).get("storage")
        expect(
            chosen is None or chosen in default,
            expected=f"claims of the class {' or '.join(default)}, the default",
            observed=f"{what} of the class {chosen or 'that has no name'}",
            try_="`kubectl get storageclasses,pvc`; neither a template's class nor a claim's can be changed; claims "
            "stay when their StatefulSet goes.",
        )
        expect(
            is_amount(storage, size),
            expected=f"claims that ask for {size}, as before",
            observed=f"{what}: {storage}",
            try_="It was to stay as it is: make StatefulSet and claims again.",
        )


def expect_own_claim(pod: Any, path: str, program: Program) -> None:
    """A pod of a StatefulSet mounts the claim that was made for it, and may write there.

    Args:
        pod: the pod.
        path: where it is mounted.
        program: says in which container, as for `container_of`.

    Raises:
        NotYet: something else is mounted there, or nothing.
    """
    volume, mount = mounted(pod.spec, f"the pod {name_of(pod)}", container_of(pod, program).name, path)
    claim = volume.persistent_volume_claim
    expect(
        claim and claim.claim_name.endswith(f"-{name_of(pod)}") and not mount.read_only,
        expected=f"the claim of {name_of(pod)} at {path}, where its program can write",
        observed=f"the claim {claim.claim_name}{', read-only' if mount.read_only else ''}"
        if claim
        else f"the volume {volume.name}, which is no claim",
        try_="`volumeClaimTemplates` makes a claim for each pod; a mount gives its name.",
    )
