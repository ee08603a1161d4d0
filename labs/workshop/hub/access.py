"""A plain way into the cluster for each learner: a namespace, and a service account that may edit what is in it.

It may also look at nodes: lessons do, and the engine `attached` does to see whether an image must go by the registry.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import yaml

from labs.engines.addons import direct, kubectl_for
from labs.engines.host import HostEngine
from labs.engines.processes import run
from labs.workshop.hub.workshop import Seat, Workshop

__all__ = ["grant"]

HOURS = 24 * 14
SECURITY = {"pod-security.kubernetes.io/enforce": "baseline"}
"""The nodes' root is the server's, so a privileged pod, or one with a folder of its node, would be as well."""


def grant(workshop: Workshop, seats: Iterable[Seat]) -> None:
    """Write the kubeconfig of everybody who has none. Raises CommandFailed.

    Args:
        workshop: the workshop.
        seats: of the learners.
    """
    for seat in seats:
        file = workshop.kubeconfig(seat)
        if not file.exists():
            workshop.state.make_folder(file.parent, mode=0o700)
            workshop.state.write_file(file, yaml.safe_dump(_kubeconfig(workshop.engine, seat.name)))


def _kubeconfig(engine: HostEngine, name: str) -> dict:
    subject = [{"kind": "ServiceAccount", "name": "learner", "namespace": name}]
    rbac = "rbac.authorization.k8s.io"
    nodes = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": SECURITY}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "learner", "namespace": name}},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "learner", "namespace": name},
            "subjects": subject,
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "edit"},
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "workshop-nodes"},
            "rules": [nodes],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"workshop-nodes-{name}"},
            "subjects": subject,
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "workshop-nodes"},
        },
    ]
    kubectl = kubectl_for(engine.kubeconfig)
    run([*kubectl, "apply", "-f", "-"], input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}),
        env=direct())  # fmt: skip
    token = run([*kubectl, "create", "token", "learner", "-n", name, f"--duration={HOURS}h"], env=direct()).strip()
    cluster = yaml.safe_load(engine.kubeconfig.read_text())["clusters"][0]["cluster"]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "workshop", "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": "workshop", "context": {"cluster": "workshop", "user": name, "namespace": name}}],
        "current-context": "workshop",
    }
