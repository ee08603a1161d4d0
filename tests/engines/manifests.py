"""Kubernetes objects that several tests make."""

from __future__ import annotations

import json


def pod(name: str, image: str, command: str = "", **spec) -> dict:
    """A pod of one container that runs a shell command, or the image's own; ``spec`` adds to the pod's."""
    container = {"name": "main", "image": image, "imagePullPolicy": spec.pop("pull", "IfNotPresent")}
    if command:
        container["command"] = ["sh", "-c", command]
    container["volumeMounts"] = spec.pop("mounts", [])
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container], **spec},
    }


def deployment(name: str, image: str) -> dict:
    """A Deployment of one pod."""
    template = pod(name, image, restartPolicy="Always")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": template["metadata"], "spec": template["spec"]},
        },
    }


def service(name: str, node_port: int = 0) -> dict:
    """A Service on port 80 for the pods of the same name; with ``node_port``, also on each node."""
    port = {"port": 80, **({"nodePort": node_port} if node_port else {})}
    kind = "NodePort" if node_port else "ClusterIP"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"type": kind, "selector": {"app": name}, "ports": [port]},
    }


def claim(name: str) -> dict:
    """A PersistentVolumeClaim of the default StorageClass."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
    }


def as_text(*objects: dict) -> str:
    """What `kubectl apply -f -` reads."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
