"""The resources that views watch, and objects by the names that kubectl understands: `deploy/front`, `pods/web-1`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from labs.errors import LabsError

__all__ = ["RESOURCES", "Resource", "ResourceName", "parse_name"]

_VERSIONS = {
    "CoreV1Api": "v1",
    "AppsV1Api": "apps/v1",
    "BatchV1Api": "batch/v1",
    "DiscoveryV1Api": "discovery.k8s.io/v1",
    "NetworkingV1Api": "networking.k8s.io/v1",
}


@dataclass(frozen=True)
class Resource:
    """A resource that views can watch.

    Attributes:
        api: the client's class, such as ``AppsV1Api``.
        method: its method that lists the resource.
        kind: such as ``Deployment``.
        short: kubectl's short name (`kubectl api-resources`), or empty.
        is_named: whether `parse_name` takes an object of it.
    """

    api: str
    method: str
    kind: str
    short: str = ""
    is_named: bool = True

    @property
    def is_namespaced(self) -> bool:
        return self.method.startswith("list_namespaced_")

    @property
    def api_version(self) -> str:
        """Such as ``apps/v1``."""
        return _VERSIONS[self.api]


RESOURCES = {
    "nodes": Resource("CoreV1Api", "list_node", "Node", "no"),
    "pods": Resource("CoreV1Api", "list_namespaced_pod", "Pod", "po"),
    "services": Resource("CoreV1Api", "list_namespaced_service", "Service", "svc"),
    "events": Resource("CoreV1Api", "list_namespaced_event", "Event", is_named=False),
    "configmaps": Resource("CoreV1Api", "list_namespaced_config_map", "ConfigMap", "cm"),
    "secrets": Resource("CoreV1Api", "list_namespaced_secret", "Secret"),
    "persistentvolumeclaims": Resource(
        "CoreV1Api", "list_namespaced_persistent_volume_claim", "PersistentVolumeClaim", "pvc"
    ),
    "replicationcontrollers": Resource(
        "CoreV1Api", "list_namespaced_replication_controller", "ReplicationController", "rc"
    ),
    "deployments": Resource("AppsV1Api", "list_namespaced_deployment", "Deployment", "deploy"),
    "replicasets": Resource("AppsV1Api", "list_namespaced_replica_set", "ReplicaSet", "rs"),
    "statefulsets": Resource("AppsV1Api", "list_namespaced_stateful_set", "StatefulSet", "sts"),
    "daemonsets": Resource("AppsV1Api", "list_namespaced_daemon_set", "DaemonSet", "ds"),
    "jobs": Resource("BatchV1Api", "list_namespaced_job", "Job"),
    "cronjobs": Resource("BatchV1Api", "list_namespaced_cron_job", "CronJob", "cj"),
    "endpointslices": Resource("DiscoveryV1Api", "list_namespaced_endpoint_slice", "EndpointSlice"),
    "ingresses": Resource("NetworkingV1Api", "list_namespaced_ingress", "Ingress", "ing"),
    "networkpolicies": Resource("NetworkingV1Api", "list_namespaced_network_policy", "NetworkPolicy", "netpol"),
}
"""The resources that can be watched."""

_RESOURCE_OF = {
    word: name
    for name, resource in RESOURCES.items()
    for word in (name, resource.kind.lower(), resource.short)
    if word and resource.is_named
}


class ResourceName(NamedTuple):
    """An object by name.

    Attributes:
        resource: as in `RESOURCES`.
        kind: such as ``Deployment``.
        name: the object's.
    """

    resource: str
    kind: str
    name: str

    @property
    def api_version(self) -> str:
        """Such as ``apps/v1``; the items of a list come without."""
        return RESOURCES[self.resource].api_version

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def parse_name(text: str) -> ResourceName:
    """What a text such as ``"deploy/front"`` or ``"deployment.apps/front"`` means.

    Args:
        text: kind and name with a slash between them; the kind as kubectl takes it.

    Raises:
        LabsError: it has no such form, or the views do not know the kind.
    """
    kind, slash, name = str(text).strip().partition("/")
    resource = _RESOURCE_OF.get(kind.split(".")[0].lower())
    if not slash or not name or "/" in name:
        raise LabsError(f"{text!r} names no object.", 'Write kind and name, such as "deployment/front".')
    if resource is None:
        known = ", ".join(each.kind.lower() for each in RESOURCES.values() if each.is_named)
        raise LabsError(f"The views know no kind {kind!r}.", f"They know {known}.")
    return ResourceName(resource, RESOURCES[resource].kind, name)
