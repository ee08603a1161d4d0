"""What belongs to a workload: by the owner that an object names, never by labels, which anybody can give."""

from __future__ import annotations

from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients

__all__ = ["is_owned_by", "owner_of", "owners_of_pods", "replica_sets_of", "revision_of"]

REVISION = "deployment.kubernetes.io/revision"


def is_owned_by(thing: Any, uids: set[str]) -> bool:
    """Whether the controller of an object is one of these.

    Args:
        thing: the object.
        uids: those of possible controllers.
    """
    return any(owner.controller and owner.uid in uids for owner in thing.metadata.owner_references or [])


def owner_of(pod: Any) -> str | None:
    """The kind of a pod's controller; None when it has none."""
    return next((owner.kind for owner in pod.metadata.owner_references or [] if owner.controller), None)


def replica_sets_of(lab: CheckContext, workload: Any) -> list[Any]:
    """The ReplicaSets that a Deployment owns, in the order of their revisions."""
    sets = clients(lab).apps.list_namespaced_replica_set(lab.namespace).items
    return sorted((s for s in sets if is_owned_by(s, {workload.metadata.uid})), key=revision_of)


def revision_of(replica_set: Any) -> int:
    """The revision of its Deployment that a ReplicaSet is; 0 while it has none."""
    return int((replica_set.metadata.annotations or {}).get(REVISION, 0))


def owners_of_pods(lab: CheckContext, workload: Any) -> set[str]:
    """The uids that the pods of a workload name as their owner: its ReplicaSets', and its own."""
    is_deployment = hasattr(workload.spec, "paused")  # objects that the client has read do not tell their kind
    sets = replica_sets_of(lab, workload) if is_deployment else []
    return {workload.metadata.uid, *(item.metadata.uid for item in sets)}
