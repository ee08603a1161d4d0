"""Objects as manifests: what is in a lesson's namespaces, without what the server adds."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Kind, name and namespace of an object."""

KINDS = (
    "deployments,statefulsets,daemonsets,services,configmaps,secrets,persistentvolumeclaims,pods,jobs,cronjobs,"
    "ingresses,networkpolicies"
)
ADDED = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "finalizers")
ADDED_NOTES = ("kubectl.kubernetes.io/last-applied", "deployment.kubernetes.io/", "pv.kubernetes.io/", "volume.")
ADDED_TO_SERVICES = ("clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "externalTrafficPolicy")
WITH_TEMPLATE = {"Deployment", "StatefulSet", "DaemonSet", "Job"}
JOB_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name")


def key_of(item: Object) -> Key:
    return item["kind"], item["metadata"]["name"], item["metadata"]["namespace"]


def captured(namespaces: Sequence[str]) -> dict[Key, Object]:
    """What a learner has made there, as it could be applied again."""
    found = {}
    for namespace in namespaces:
        command = ["kubectl", "-n", namespace, "get", KINDS, "-o", "json"]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)
        for item in json.loads(done.stdout)["items"]:
            if not item["metadata"].get("ownerReferences") and item["metadata"]["name"] != "kube-root-ca.crt":
                found[key_of(item)] = cleaned(item)
    return found


def cleaned(item: Object) -> Object:
    """An object without what the server adds to it."""
    item = copy.deepcopy(item)
    item.pop("status", None)
    metadata, spec = item["metadata"], item.get("spec") or {}
    for name in ADDED:
        metadata.pop(name, None)
    notes = {k: v for k, v in metadata.pop("annotations", {}).items() if not k.startswith(ADDED_NOTES)}
    if notes:
        metadata["annotations"] = notes
    if item["kind"] == "Service":
        for name in ADDED_TO_SERVICES:
            spec.pop(name, None)
        if spec.get("clusterIP") != "None":
            spec.pop("clusterIP", None)
    if item["kind"] == "PersistentVolumeClaim":
        spec.pop("volumeName", None)
    if item["kind"] == "Job":
        spec.pop("selector", None)
        for labels in (metadata.get("labels", {}), spec["template"]["metadata"].get("labels", {})):
            for name in JOB_LABELS:
                labels.pop(name, None)
    if item["kind"] == "Pod":
        _clean_pod(spec)
    return item


def _clean_pod(spec: Object) -> None:
    """Take away what the scheduler and admission put into a pod."""
    for name in ("nodeName", "serviceAccount", "serviceAccountName", "tolerations", "priority", "preemptionPolicy"):
        spec.pop(name, None)
    spec["volumes"] = [v for v in spec.get("volumes", []) if not v["name"].startswith("kube-api-access")]
    for container in [*spec["containers"], *spec.get("initContainers", [])]:
        mounts = [m for m in container.get("volumeMounts", []) if not m["name"].startswith("kube-api-access")]
        container["volumeMounts"] = mounts


def pod_of(item: Object) -> Object | None:
    """The metadata and the spec of an object's pods; None when it has none."""
    if item["kind"] == "Pod":
        return item
    if item["kind"] == "CronJob":
        return item["spec"]["jobTemplate"]["spec"]["template"]
    return item.get("spec", {}).get("template") if item["kind"] in WITH_TEMPLATE else None


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any, Any]]:
    """Path without indexes, container, its key or index, and value of each scalar in a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        below = (*path, key) if isinstance(key, str) else path
        if isinstance(inner, dict | list):
            yield from leaves(inner, below)
        else:
            yield below, value, key, inner


def reaches(path: tuple[str, ...], field: str) -> bool:
    """Whether a path ends with a field's keys, or leads on from there, as into a map of labels."""
    keys = tuple(field.split("."))
    return any(path[i : i + len(keys)] == keys for i in range(len(path)))
