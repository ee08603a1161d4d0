"""What a workshop is made of in the cluster: plain objects, written down once, applied by `labs.workshop.room.room`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from labs.engines.seat import MANAGED_BY, Seat
from labs.workshop.room.roster import Learner

__all__ = ["QUOTA", "cluster_objects", "learner_objects", "room_objects"]

ROLE = "labs-workshop-learner"  # cluster-wide: what a lesson looks at and no learner may change
POLICY = "labs-workshop-services"
RULES = "rules"
NAME = "labs/learner-name"
NUMBER = "labs/seat"
GIVEN = "labs/lessons"

QUOTA = {
    "pods": "25",
    "requests.memory": "1Gi",
    "limits.memory": "4Gi",
    "requests.cpu": "1",
    "services": "15",
    "services.nodeports": "10",
    "services.loadbalancers": "2",
    "configmaps": "50",
    "secrets": "50",
    "persistentvolumeclaims": "10",
    "requests.storage": "2Gi",
    "count/deployments.apps": "20",
    "count/replicasets.apps": "80",
    "count/jobs.batch": "20",
    "count/cronjobs.batch": "10",
}
"""What one learner may have at a time in one lesson; `labs workshop rehearse` measures what lessons need."""

DEFAULTS = {
    "default": {"memory": "128Mi", "ephemeral-storage": "256Mi"},
    "defaultRequest": {"cpu": "10m", "memory": "16Mi", "ephemeral-storage": "8Mi"},
    "max": {"memory": "512Mi", "ephemeral-storage": "512Mi"},
}


def cluster_objects() -> Iterator[dict[str, Any]]:
    """What all workshops of a cluster share: what learners may look at, and what no Service of theirs may ask for."""
    yield _object(
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
        ROLE,
        rules=[
            _may("get list watch", "nodes"),
            _may("get list watch", "storageclasses", "storage.k8s.io"),
            _may("get list watch", "ingressclasses", "networking.k8s.io"),
            _may("get list", "nodes", "metrics.k8s.io"),
        ],
    )
    # An external address is answered on every node, also for others' traffic (CVE-2020-8554).
    yield _object(
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicy",
        POLICY,
        spec={
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["services"],
                    }
                ]
            },
            "validations": [
                {
                    "expression": "!has(object.spec.externalIPs) || object.spec.externalIPs.size() == 0",
                    "message": "externalIPs could take other learners' traffic; a workshop does without them",
                }
            ],
        },
    )
    yield _object(
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicyBinding",
        POLICY,
        spec={
            "policyName": POLICY,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchLabels": MANAGED_BY}},
        },
    )


def room_objects(workshop: str, rules: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The workshop's own namespace: it holds learners' accounts and progress, out of their lessons' reach.

    Args:
        workshop: its name.
        rules: what the instructor chose, plain JSON values; kept, so that later commands keep to it.
    """
    marks = {"labs/workshop": workshop}
    yield _object("v1", "Namespace", workshop, marks)
    yield _object("v1", "ConfigMap", RULES, marks, workshop, data={RULES: json.dumps(rules)})


def learner_objects(
    learner: Learner, seat: Seat, lessons: list[str], quota: dict[str, str], pod_networks: list[str]
) -> Iterator[dict[str, Any]]:
    """All that one learner gets.

    Args:
        learner: who.
        seat: their place.
        lessons: such as ``["03", "04"]``; each gets a namespace, so that what two lessons call ``front`` never meets.
        quota: as `QUOTA`.
        pod_networks: the cluster's, such as ``["10.244.0.0/16"]``; empty where they are not known.
    """
    marks = {"labs/workshop": seat.workshop, "labs/learner": learner.id}
    account = {"kind": "ServiceAccount", "name": learner.id, "namespace": seat.workshop}
    notes = {NAME: learner.name, NUMBER: str(seat.number), GIVEN: " ".join(lessons)}
    yield _object("v1", "ServiceAccount", learner.id, marks, seat.workshop, notes)
    # The data is the learner's: applying this again does not mention it, so it stays.
    yield _object("v1", "ConfigMap", seat.report, marks, seat.workshop, notes)
    yield _object(
        "rbac.authorization.k8s.io/v1",
        "Role",
        seat.report,
        marks,
        seat.workshop,
        rules=[_may("get patch update", "configmaps", names=[seat.report])],
    )
    yield _binding(seat.report, ("Role", seat.report), account, marks, seat.workshop)
    yield _binding(f"{seat.workshop}-{learner.id}", ("ClusterRole", ROLE), account, marks)
    for lesson in lessons:
        yield from _lesson_objects(
            seat.namespace(lesson),
            marks=marks | {"labs/lesson": lesson},
            account=account,
            notes=notes,
            quota=quota,
            pod_networks=pod_networks,
        )


def _lesson_objects(
    namespace: str,
    *,
    marks: dict[str, str],
    account: dict[str, str],
    notes: dict[str, str],
    quota: dict[str, str],
    pod_networks: list[str],
) -> Iterator[dict[str, Any]]:
    # Without this level a pod could mount the node's files, and with them everybody's.
    levels = {"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/warn": "baseline"}
    yield _object("v1", "Namespace", namespace, marks | levels, notes=notes)
    for name, hard in _apart(quota):
        yield _object("v1", "ResourceQuota", name, marks, namespace, spec={"hard": hard})
    limits = [{"type": "Container", **DEFAULTS}]
    yield _object("v1", "LimitRange", "workshop", marks, namespace, spec={"limits": limits})
    # `edit` is Kubernetes' own role for users of a namespace: no quota, no roles, nothing of the namespace itself.
    yield _binding("workshop", ("ClusterRole", "edit"), account, marks, namespace)
    # Node ports and probes come from the nodes' addresses, which no selector names: all that is no other pod may enter.
    outside = [{"ipBlock": {"cidr": "0.0.0.0/0", "except": pod_networks}}] if pod_networks else []
    yield _object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "workshop",
        marks,
        namespace,
        spec={
            "podSelector": {},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {}}, *outside]}],
        },
    )


def _binding(
    name: str, role: tuple[str, str], account: dict[str, str], marks: dict[str, str], namespace: str = ""
) -> dict[str, Any]:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role[0], "name": role[1]}
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    return _object("rbac.authorization.k8s.io/v1", kind, name, marks, namespace, roleRef=reference, subjects=[account])


def _may(verbs: str, resource: str, group: str = "", names: list[str] | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [group], "resources": [resource], "verbs": verbs.split()}
    return rule | ({"resourceNames": names} if names else {})


def _apart(quota: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """A quota as several objects, by name.

    While pods and ReplicaSets come and go, controllers write theirs all the time, and who creates something that the
    same object counts is now and then refused with a conflict.
    """
    pods = {key: most for key, most in quota.items() if key == "pods" or key.endswith((".cpu", ".memory"))}
    sets = {key: most for key, most in quota.items() if key == "count/replicasets.apps"}
    rest = {key: most for key, most in quota.items() if key not in {**pods, **sets}}
    named = {"workshop": pods, "workshop-replicasets": sets, "workshop-objects": rest}
    yield from ((name, hard) for name, hard in named.items() if hard)


def _object(  # noqa: PLR0917  (in the order of a manifest)
    version: str,
    kind: str,
    name: str,
    labels: dict[str, str] | None = None,
    namespace: str = "",
    notes: dict[str, str] | None = None,
    **rest: Any,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": {**MANAGED_BY, **(labels or {})}}
    if namespace:
        metadata["namespace"] = namespace
    if notes:
        metadata["annotations"] = notes
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
