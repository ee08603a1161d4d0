"""The objects that one learner of a workshop has: what is provisioned, and what a lesson makes of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

__all__ = ["LABEL", "PROGRESS", "REPLICAS", "SENT", "LearnerObjects", "node"]

LABEL = "kube-labs/simulated"
"""The label of all that a simulated learner has; its value is ``progress`` where that is kept."""
PROGRESS = "progress"
SENT = "kube-labs/sent"
"""The annotation that says when progress was written, in seconds of the epoch."""
REPLICAS = 3
EXERCISES = 27
"""As many as the course has, so that progress is as large as a real one."""

Wanted = tuple[str, dict]
"""A path of the API's, and an object to POST there."""


@dataclass(frozen=True)
class LearnerObjects:
    """What one simulated learner has.

    Args:
        index: which counts from 0.
    """

    index: int

    @property
    def namespace(self) -> str:
        return f"learner-{self.index:05}"

    @property
    def user(self) -> str:
        """Whom the API server sees when a notebook of theirs asks."""
        return f"system:serviceaccount:{self.namespace}:learner"

    def path(self, resource: str, group: str = "api/v1", name: str = "") -> str:
        """The address of one of their objects, or of all of a kind."""
        return f"/{group}/namespaces/{self.namespace}/{resource}" + (f"/{name}" if name else "")

    def provisioned(self) -> list[Wanted]:
        """What the instructor makes, in order."""
        rbac = "apis/rbac.authorization.k8s.io/v1"
        subject = [{"kind": "ServiceAccount", "name": "learner", "namespace": self.namespace}]
        role = {"apiGroup": rbac.split("/")[1], "kind": "Role", "name": "learner"}
        view = {"apiGroup": rbac.split("/")[1], "kind": "ClusterRole", "name": "view"}
        hard = {"pods": "20", "services": "10", "configmaps": "30", "secrets": "30", "requests.cpu": "4",
                "requests.memory": "4Gi", "limits.cpu": "8", "limits.memory": "8Gi"}  # fmt: skip
        container = {
            "type": "Container",
            "default": {"cpu": "500m", "memory": "128Mi"},
            "defaultRequest": {"cpu": "50m", "memory": "32Mi"},
        }
        everything = ["pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "events", "pods/log"]
        rules = [
            {"apiGroups": [""], "resources": everything, "verbs": ["*"]},
            {"apiGroups": ["apps", "batch", "networking.k8s.io"], "resources": ["*"], "verbs": ["*"]},
        ]
        inside: dict[str, dict[str, str]] = {"podSelector": {}}
        policy = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [inside]}]}
        return [
            ("/api/v1/namespaces", {"metadata": {"name": self.namespace, "labels": {LABEL: "namespace"}}}),
            (self.path("resourcequotas"), _named("quota", spec={"hard": hard})),
            (self.path("limitranges"), _named("limits", spec={"limits": [container]})),
            (self.path("serviceaccounts"), _named("learner")),
            (self.path("roles", rbac), _named("learner", rules=rules)),
            (self.path("rolebindings", rbac), _named("learner", subjects=subject, roleRef=role)),
            (self.path("rolebindings", rbac), _named("learner-view", subjects=subject, roleRef=view)),
            (self.path("networkpolicies", "apis/networking.k8s.io/v1"), _named("own", spec=policy)),
            (self.path("configmaps"), _named("progress", label=PROGRESS, data=self._progress(0))),
        ]

    def work(self) -> list[Wanted]:
        """What a lesson makes."""
        labels = {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [_container(1)]}}
        spec = {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template}
        ports = [{"port": 80, "targetPort": 80}]
        return [
            (self.path("configmaps"), _named("settings", data={"CITY": "Berlin", "EVERY": "5"})),
            (self.path("secrets"), _named("password", stringData={"password": "none"})),
            (self.path("services"), _named("web", spec={"selector": labels, "ports": ports})),
            (self.path("deployments", "apis/apps/v1"), _named("web", spec=spec)),
        ]

    def rollout(self, version: int) -> dict:
        """The change that rolls their Deployment out: another image."""
        return {"spec": {"template": {"spec": {"containers": [_container(version)]}}}}

    def solved(self, exercises: int) -> dict:
        """The change that writes their progress again, as a check does."""
        return {"metadata": {"annotations": {SENT: str(time.time())}}, "data": self._progress(exercises)}

    def _progress(self, exercises: int) -> dict[str, str]:
        verdict = {"status": "passed", "at": "2026-01-01T09:00:00+00:00", "hints": 1, "tries": 3}
        open_ = {"status": "not yet", "at": "2026-01-01T09:00:00+00:00", "hints": 0, "tries": 0}
        done = {f"ex-{i // 3:02}-{i % 3 + 1}": verdict if i < exercises else open_ for i in range(EXERCISES)}
        return {"progress.json": json.dumps(done)}


def node(index: int, pods: int) -> dict:
    """A fake node.

    Args:
        index: which counts from 0.
        pods: how many it takes.
    """
    name = f"fake-{index:04}"
    room = {"cpu": "32", "memory": "64Gi", "pods": str(pods)}
    cidr = f"10.{128 + index // 256}.{index % 256}.0/24"
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "type": "kwok"}},
        "spec": {"podCIDR": cidr, "podCIDRs": [cidr]},
        "status": {"allocatable": room, "capacity": room},
    }


def _named(name: str, *, label: str = "work", **content: object) -> dict:
    return {"metadata": {"name": name, "labels": {LABEL: label}}, **content}


def _container(version: int) -> dict:
    return {"name": "web", "image": f"labs/web:{version}"}
