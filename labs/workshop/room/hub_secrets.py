"""What a JupyterHub in the cluster gets of a workshop: each learner's kubeconfig and access code, as Secrets.

`workshop/labs_hub.py` reads them there. They have the workshop's labels, so they go when it is removed.
"""

from __future__ import annotations

import base64
from typing import Any

from kubernetes.client.exceptions import ApiException

from labs.engines.seat import MANAGED_BY
from labs.errors import LabsError
from labs.workshop.room.access_codes import new_code
from labs.workshop.room.cluster import Cluster, translate_errors

__all__ = ["CODES", "KUBECONFIG", "remove", "require_hub_namespace", "secret_of", "store"]

KUBECONFIG = "kubeconfig"
"""The key under which a learner's Secret holds the kubeconfig."""

CODES = "labs-access-codes"
"""The Secret for the hub alone: a key for each learner's id, whose value is their access code."""

GROUPS = 3  # of four letters, 59 bits: the log-in form of that hub does not make who guesses wait


def secret_of(learner: str) -> str:
    """The name of the Secret with a learner's kubeconfig.

    Args:
        learner: the id.
    """
    return f"labs-kubeconfig-{learner}"


def require_hub_namespace(cluster: Cluster, workshop: str, namespace: str) -> None:
    """See that the hub's namespace is one that no learner can read, and that holds no other workshop.

    Args:
        cluster: the workshop's.
        workshop: its name.
        namespace: the hub's.

    Raises:
        LabsError: it is not so.
    """
    with translate_errors("look at the hub's namespace"):
        try:
            labels = cluster.clients.core.read_namespace(namespace).metadata.labels or {}
        except ApiException as error:
            if error.status != 404:
                raise
            raise LabsError(
                f"The cluster has no namespace {namespace!r}.", f"`kubectl create namespace {namespace}` makes it."
            ) from None
        if MANAGED_BY.items() <= labels.items():
            raise LabsError(
                f"The namespace {namespace!r} is a workshop's own, so learners may read in it, or it goes with it.",
                "Name the one that JupyterHub is installed in.",
            )
        selector = ",".join(f"{key}={value}" for key, value in MANAGED_BY.items())
        found = cluster.clients.core.list_namespaced_secret(namespace, label_selector=selector).items
    others = {item.metadata.labels["labs/workshop"] for item in found} - {workshop}
    if others:
        raise LabsError(
            f"The hub in {namespace!r} has the learners of the workshop {min(others)!r} already.",
            f"A hub is for one workshop: `labs workshop remove --workshop {min(others)}`, or install another hub.",
        )


def store(cluster: Cluster, workshop: str, namespace: str, kubeconfigs: dict[str, str]) -> dict[str, str]:
    """Put the learners' kubeconfigs where the hub finds them; who has an access code keeps it.

    Args:
        cluster: the workshop's.
        workshop: its name.
        namespace: the hub's.
        kubeconfigs: their texts, by the learners' ids.

    Returns:
        Everybody's access code, by their id.
    """
    with translate_errors("store the learners' kubeconfigs"):
        marks = {"labs/workshop": workshop}
        for learner, text in kubeconfigs.items():
            data = {KUBECONFIG: text}
            cluster.apply(_secret(secret_of(learner), namespace, {**marks, "labs/learner": learner}, data))
        codes = {learner: new_code(GROUPS) for learner in kubeconfigs} | _codes(cluster, namespace)
        cluster.apply(_secret(CODES, namespace, marks, codes))
    return codes


def remove(cluster: Cluster, selector: str) -> None:
    """Delete the Secrets, in all namespaces.

    Args:
        selector: of the workshop's labels.
    """
    for item in cluster.clients.core.list_secret_for_all_namespaces(label_selector=selector).items:
        cluster.delete("Secret", item.metadata.name, item.metadata.namespace)


def _codes(cluster: Cluster, namespace: str) -> dict[str, str]:
    try:
        found = cluster.clients.core.read_namespaced_secret(CODES, namespace).data or {}
    except ApiException as error:
        if error.status != 404:
            raise
        return {}
    return {learner: base64.b64decode(code).decode() for learner, code in found.items()}


def _secret(name: str, namespace: str, marks: dict[str, str], data: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": {**MANAGED_BY, **marks}},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }
