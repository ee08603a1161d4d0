"""A namespace that an instructor gave: a learner can neither make nor delete it, but can empty it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from labs.engines.seat import MANAGED_BY
from labs.errors import LabsError
from labs.waiting import wait_for

__all__ = ["empty", "require_namespace"]

NOT_OURS = ",".join(f"{key}!={value}" for key, value in MANAGED_BY.items())
OWNERS_FIRST = (
    ("AppsV1Api", "deployment"),
    ("AppsV1Api", "stateful_set"),
    ("AppsV1Api", "daemon_set"),
    ("BatchV1Api", "cron_job"),
    ("BatchV1Api", "job"),
    ("AppsV1Api", "replica_set"),
    ("CoreV1Api", "replication_controller"),
    ("CoreV1Api", "pod"),
    ("CoreV1Api", "service"),
    ("CoreV1Api", "persistent_volume_claim"),
    ("CoreV1Api", "config_map"),
    ("CoreV1Api", "secret"),
    ("CoreV1Api", "service_account"),
    ("NetworkingV1Api", "ingress"),
    ("NetworkingV1Api", "network_policy"),
    ("PolicyV1Api", "pod_disruption_budget"),
    ("AutoscalingV2Api", "horizontal_pod_autoscaler"),
)
"""What lessons make in a namespace. Objects that Kubernetes keeps there itself are left out by name."""

KEPT = {"config_map": "kube-root-ca.crt", "service_account": "default"}


def require_namespace(core: client.CoreV1Api, namespace: str) -> None:
    """Raise LabsError where the namespace is not there, or no longer belongs to this learner."""
    try:
        if core.read_namespace(namespace).status.phase == "Active":
            return
        what = f"Your namespace {namespace} is just being made again."
    except ApiException as error:
        if error.status not in (403, 404):
            raise
        what = f"There is no namespace {namespace} for you: the workshop does not hold this lesson, or has ended."
    raise LabsError(what, "Ask your instructor; lessons that need only Docker, 00 and 02, work without one.")


def empty(api: client.ApiClient, namespace: str, timeout: float = 180) -> Iterator[str]:
    """Delete everything that the learner made in the namespace.

    Args:
        api: the client.
        namespace: the learner's.
        timeout: seconds until pods and claims must be gone.

    Yields:
        What is done, a sentence each.

    Raises:
        Timeout: something did not go.
    """
    yield f"Emptying the namespace {namespace} ..."
    for group, kind in OWNERS_FIRST:
        query: dict[str, Any] = {"label_selector": NOT_OURS, "grace_period_seconds": 1}
        if kind in KEPT:
            query["field_selector"] = f"metadata.name!={KEPT[kind]}"
        getattr(getattr(client, group)(api), f"delete_collection_namespaced_{kind}")(namespace, **query)
    core = client.CoreV1Api(api)

    def left() -> list[str]:
        pods = core.list_namespaced_pod(namespace).items
        claims = core.list_namespaced_persistent_volume_claim(namespace).items
        return [thing.metadata.name for thing in (*pods, *claims)]

    wait_for(
        lambda: not left(),
        timeout,
        what=f"the namespace {namespace} to be empty",
        hint="`kubectl describe pod` says what holds one; `lab.reset()` can be repeated.",
        state=lambda: ", ".join(left()),
    )
    yield f"The namespace {namespace} is empty."
