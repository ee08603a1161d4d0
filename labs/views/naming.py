"""Objects by the names that kubectl understands: `deploy/front`, `pods/web-1`, `service/front`."""

from __future__ import annotations

from typing import NamedTuple

from labs.errors import LabsError
from labs.views.feed import KINDS

__all__ = ["Named", "named"]

# resource: kind and kubectl's short name (`kubectl api-resources`)
_KNOWN = {
    "nodes": ("Node", "no"),
    "pods": ("Pod", "po"),
    "services": ("Service", "svc"),
    "configmaps": ("ConfigMap", "cm"),
    "secrets": ("Secret", ""),
    "persistentvolumeclaims": ("PersistentVolumeClaim", "pvc"),
    "replicationcontrollers": ("ReplicationController", "rc"),
    "deployments": ("Deployment", "deploy"),
    "replicasets": ("ReplicaSet", "rs"),
    "statefulsets": ("StatefulSet", "sts"),
    "daemonsets": ("DaemonSet", "ds"),
    "jobs": ("Job", ""),
    "cronjobs": ("CronJob", "cj"),
    "endpointslices": ("EndpointSlice", ""),
    "ingresses": ("Ingress", "ing"),
    "networkpolicies": ("NetworkPolicy", "netpol"),
}
_VERSIONS = {
    "CoreV1Api": "v1",
    "AppsV1Api": "apps/v1",
    "BatchV1Api": "batch/v1",
    "DiscoveryV1Api": "discovery.k8s.io/v1",
    "NetworkingV1Api": "networking.k8s.io/v1",
}
KIND_OF = {resource: kind for resource, (kind, _) in _KNOWN.items()}
_RESOURCE_OF = {
    word: resource for resource, (kind, short) in _KNOWN.items() for word in (resource, kind.lower(), short) if word
}


class Named(NamedTuple):
    """An object by name. Attributes: ``resource`` as in `labs.views.feed.KINDS`, ``kind``, ``name``."""

    resource: str
    kind: str
    name: str

    @property
    def api_version(self) -> str:
        """Such as ``apps/v1``; the items of a list come without."""
        return _VERSIONS[KINDS[self.resource][0]]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def named(text: str) -> Named:
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
        raise LabsError(
            f"The views know no kind {kind!r}.", f"They know {', '.join(k.lower() for k in KIND_OF.values())}."
        )
    return Named(resource, KIND_OF[resource], name)
