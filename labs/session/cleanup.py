"""What a lesson makes on the engines, and how it is removed: what carries its labels, and never anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from labs.errors import LabsError
from labs.session import definitions
from labs.waiting import wait_for, wait_gone

__all__ = ["ensure_namespace", "remove_cluster_objects", "remove_namespace", "wait_namespace_gone"]

MANAGED_BY = {"app.kubernetes.io/managed-by": "labs"}
GRACE = 1  # seconds that a pod gets to end by itself when its lesson is reset


def ensure_namespace(core: client.CoreV1Api, name: str, labels: dict[str, str], timeout: float = 120) -> bool:
    """Make a lesson's namespace unless it exists; one that is being deleted is waited for.

    Args:
        core: the client.
        name: the namespace.
        labels: the labels that make it ours.
        timeout: limit, in seconds.

    Returns:
        Whether it was made now.

    Raises:
        LabsError: a namespace of this name is not ours, or the cluster does not let us make one.
        Timeout: it was not usable in time.
    """
    labels = MANAGED_BY | labels
    existing = _read(core, name)
    if existing is not None and existing.status.phase == "Terminating":
        wait_namespace_gone(core, name, timeout)
        existing = None
    if existing is not None:
        _require_ours(existing, labels)
        return False
    try:
        core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name, labels=labels)))
    except ApiException as error:
        if error.status == 403:
            flags = " ".join(f"{key}={value}" for key, value in labels.items())
            raise LabsError(
                f"You may not make the namespace {name} in this cluster.",
                f"Ask for it: `kubectl create namespace {name} && kubectl label namespace {name} {flags}`.",
            ) from error
        if error.status != 409:  # 409: made by another notebook since it was looked for
            raise
    wait_for(
        lambda: _exists(lambda: core.read_namespaced_service_account("default", name)),
        timeout=75,  # a controller that lost the API server several times waits up to a minute before it asks again
        what=f"the default ServiceAccount in {name}",
        hint="The controller manager makes it: `labs status` in a terminal shows whether it runs.",
    )
    return True


def remove_cluster_objects(
    core: client.CoreV1Api, namespace: str, marks: dict[str, str], labels: dict[str, str]
) -> Iterator[str]:
    """Remove a lesson's namespaces with all that is in them, the kinds that it added, and its PersistentVolumes.

    Args:
        core: the client.
        namespace: the lesson's own namespace, such as ``lab-08``.
        marks: the labels of its namespaces.
        labels: the labels of its other objects.

    Yields:
        What is done, one sentence each.

    Raises:
        LabsError: a namespace of this name is not ours.
        Timeout: one of them was not deleted in time.
    """
    names = [namespace, *more_namespaces(core, namespace, marks)]
    waiting = [name for name in names if remove_namespace(core, name, marks)]
    added = definitions.definitions_of(core.api_client, namespace)
    definitions.release_objects(core.api_client, added)
    if waiting:
        what = f"the namespace{'s'[: len(waiting) > 1]} {', '.join(waiting)}"
        yield f"Deleting {what} ..."
        for name in waiting:
            wait_namespace_gone(core, name)
        yield f"Removed {what} with all that was in {'it' if len(waiting) == 1 else 'them'}."
    yield from definitions.remove_definitions(core.api_client, added)
    if removed := remove_volumes(core, names, labels):
        yield f"Removed {removed} PersistentVolume{'s'[: removed != 1]}."


def more_namespaces(core: client.CoreV1Api, name: str, labels: dict[str, str]) -> list[str]:
    """The further namespaces of a lesson: they carry its labels, and their names begin with its own one's.

    Args:
        core: the client.
        name: the lesson's own namespace, such as ``lab-08``.
        labels: the labels that make it ours.

    Returns:
        Such as ``["lab-08-ops", "lab-08-web"]``; empty where we may not look.
    """
    selector = ",".join(f"{key}={value}" for key, value in (MANAGED_BY | labels).items())
    try:
        items = core.list_namespace(label_selector=selector).items
    except ApiException as error:
        if error.status == 403:  # a shared cluster: then nobody could have made one either
            return []
        raise
    return sorted(i.metadata.name for i in items if i.metadata.name.startswith(f"{name}-"))


def remove_namespace(core: client.CoreV1Api, name: str, labels: dict[str, str]) -> bool:
    """Ask for a lesson's namespace to be deleted with all that is in it; its pods get one second to end.

    Returns:
        Whether there is something to wait for.

    Raises:
        LabsError: a namespace of this name is not ours.
    """
    existing = _read(core, name)
    if existing is None:
        return False
    _require_ours(existing, MANAGED_BY | labels)
    if existing.status.phase != "Terminating":
        core.delete_namespace(name)
    # From now on nothing can be made in it, so pods that are deleted do not come back.
    core.delete_collection_namespaced_pod(name, grace_period_seconds=GRACE)
    return True


def wait_namespace_gone(core: client.CoreV1Api, name: str, timeout: float = 120) -> None:
    """Wait until a namespace that is being deleted is gone.

    Raises:
        Timeout: it is still there; the message says what holds it.
    """

    def state() -> str:
        conditions = core.read_namespace(name).status.conditions or []
        return "; ".join(c.message for c in conditions if c.status == "True" and c.message) or "Terminating"

    wait_gone(
        lambda: core.read_namespace(name),
        timeout,
        what=f"the namespace {name} to be deleted",
        hint="`labs status` in a terminal shows whether the controller manager runs; a finalizer may hold an object.",
        state=state,
    )


def remove_volumes(core: client.CoreV1Api, namespaces: list[str], labels: dict[str, str], timeout: float = 60) -> int:
    """Remove a lesson's PersistentVolumes, which lie in no namespace; call it when its namespaces are gone.

    They are those that carry its labels, and those that claims in its namespaces have left behind (``Retain``).
    What the volumes held stays where it is, as Kubernetes does it.

    Args:
        core: the client.
        namespaces: the lesson's.
        labels: the labels that make a volume ours, such as ``{"labs.course": "default", "labs.lesson": "06"}``.
        timeout: limit, in seconds.

    Returns:
        How many were removed; 0 where we may not look.

    Raises:
        Timeout: one was still there: a claim elsewhere uses it.
    """
    try:
        volumes = core.list_persistent_volume().items
    except ApiException as error:
        if error.status == 403:  # a shared cluster: then no lesson could have made one either
            return 0
        raise
    names = [v.metadata.name for v in volumes if _is_ours(v, labels) or _is_leftover(v, namespaces)]
    for name in names:
        try:
            core.delete_persistent_volume(name)
        except ApiException as error:
            if error.status != 404:  # 404: its provisioner was quicker
                raise
    for name in names:
        wait_gone(
            partial(core.read_persistent_volume, name),
            timeout,
            what=f"the PersistentVolume {name} to be deleted",
            hint=f"`kubectl describe pv {name}` shows which claim holds it.",
        )
    return len(names)


def _is_ours(volume: client.V1PersistentVolume, labels: dict[str, str]) -> bool:
    return labels.items() <= (volume.metadata.labels or {}).items()


def _is_leftover(volume: client.V1PersistentVolume, namespaces: list[str]) -> bool:
    claim, policy = volume.spec.claim_ref, volume.spec.persistent_volume_reclaim_policy
    return claim is not None and claim.namespace in namespaces and policy == "Retain"


def _require_ours(namespace: client.V1Namespace, labels: dict[str, str]) -> None:
    name, carried = namespace.metadata.name, namespace.metadata.labels or {}
    if any(carried.get(key) != value for key, value in labels.items()):
        course = carried.get("labs/course")
        owner = (
            f"belongs to the course {course!r}"
            if course and course != labels.get("labs/course")
            else "was not made by this lesson"
        )
        raise LabsError(
            f"The namespace {name} {owner}, so it is left alone.",
            f'Use another: `open_lab(..., namespace="my-{name}")`.',
        )


def _read(core: client.CoreV1Api, name: str) -> client.V1Namespace | None:
    try:
        return core.read_namespace(name)
    except ApiException as error:
        if error.status == 404:
            return None
        raise


def _exists(read: Callable[[], Any]) -> bool:
    try:
        read()
    except ApiException as error:
        if error.status == 404:
            return False
        raise
    return True
