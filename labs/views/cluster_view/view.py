"""The cluster view: who owns which pods, how they are, and which of them a Service sends requests to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labs.views.framework.context import ViewContext
from labs.views.framework.pod_state import newest_warnings, owner_of, state_of
from labs.views.framework.view import View

__all__ = ["ClusterView", "cluster"]

OWNERS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "jobs": "Job",
    "replicationcontrollers": "ReplicationController",
}


def cluster(lab: ViewContext) -> ClusterView:
    """Show a lesson's namespace: owners, pods with their state and reason, Services and the pods they reach; live.

    Args:
        lab: the lesson, from `open_lab`.
    """
    return ClusterView(lab, f"Namespace {lab.namespace}")


class ClusterView(View):
    """See `cluster`."""

    FOLDER = Path(__file__).parent
    TITLE = "Cluster"

    def begin(self) -> None:
        for resource in ("nodes", "pods", "services", "endpointslices", "replicasets", *OWNERS):
            self.follow(resource)
        self.follow("events", fields="type=Warning")

    def draw(self) -> dict[str, Any]:
        warnings = newest_warnings(self.objects("events"))
        pods = [_pod(pod, warnings.get(pod["metadata"]["uid"], "")) for pod in self.objects("pods")]
        owners = [_owner(thing, kind) for resource, kind in OWNERS.items() for thing in self.objects(resource)]
        sets = [_owner(thing, "ReplicaSet") for thing in self.objects("replicasets")]
        services = [_service(s, self.objects("endpointslices"), pods) for s in self.objects("services")]
        for owner in (*owners, *sets):
            owner["why"] = owner["why"] or warnings.get(owner["id"], "")
        known = {owner["id"] for owner in owners}
        keeps = {pod["owner"] for pod in pods}  # a ReplicaSet's status no longer counts pods that are ending
        shown = [s for s in sets if s["wants"] or s["has"] or s["id"] in keeps or s["owner"] not in known]
        ready, counted = sum(p["mark"] == "good" for p in pods), [p for p in pods if p["mark"] not in {"gone", "done"}]
        bad = [p for p in pods if p["mark"] == "bad"]
        ending = sum(p["mark"] == "gone" for p in pods)
        summary = f"{ready} of {len(counted)} pods ready" + (f", {ending} more ending" if ending else "")
        summary += (
            f"; {bad[0]['name']}: {bad[0]['word']}" if len(bad) == 1 else f"; {len(bad)} in trouble" if bad else ""
        )
        return {
            "summary": summary,
            "nodes": [_node(node, pods) for node in self.objects("nodes")],
            "owners": owners,
            "sets": shown,
            "resting": len(sets) - len(shown),
            "pods": pods,
            "services": services,
        }

    def to_text(self, picture: dict[str, Any]) -> str:
        lines = [picture["summary"]]
        lines += [f"node {n['name']}: {n['word']}, {n['pods']} pods here" for n in picture["nodes"]]
        of: dict[str, list[dict[str, Any]]] = {}
        for thing in (*picture["sets"], *picture["pods"]):
            of.setdefault(thing["owner"], []).append(thing)
        known = {thing["id"] for thing in (*picture["owners"], *picture["sets"])}

        def add(thing: dict[str, Any], depth: int) -> None:
            lines.append("  " * depth + _line(thing))
            for child in of.get(thing["id"], []):
                add(child, depth + 1)

        for thing in (*picture["owners"], *(t for o, children in of.items() if o not in known for t in children)):
            add(thing, 0)
        for service in picture["services"]:
            to = ", ".join(f"{e['name']}{'' if e['ready'] else ' (not ready: gets nothing)'}" for e in service["to"])
            lines.append(f"Service {service['name']} ({service['word']}) → {to or service['why'] or 'nobody'}")
        return "\n".join(lines)


def _line(thing: dict[str, Any]) -> str:
    why = f" ({_cut(thing['why'])})" if thing["why"] else ""
    if thing["kind"] == "Pod":
        again = f", {thing['restarts']} restarts" if thing["restarts"] else ""
        return f"Pod {thing['name']}: {thing['word']}{again}{why}"
    return f"{thing['kind']} {thing['name']}: {thing['word']}{why}"


def _cut(text: str, length: int = 200) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _node(node: dict[str, Any], pods: list[dict[str, Any]]) -> dict[str, Any]:
    name = node["metadata"]["name"]
    condition: dict[str, Any] = next((c for c in node["status"].get("conditions", []) if c["type"] == "Ready"), {})
    ready = condition.get("status") == "True"
    word = ("Ready" if ready else "NotReady") + (", cordoned" if node["spec"].get("unschedulable") else "")
    here = sum(p["node"] == name for p in pods)
    why = "" if ready else condition.get("message", "")
    return {"name": name, "mark": "good" if ready else "bad", "word": word, "why": why, "pods": here}


def _pod(pod: dict[str, Any], warning: str) -> dict[str, Any]:
    state = state_of(pod, warning)
    spec, status = pod["spec"], pod.get("status", {})
    return {
        "id": pod["metadata"]["uid"],
        "kind": "Pod",
        "name": pod["metadata"]["name"],
        "owner": owner_of(pod)[2],
        "mark": state.mark,
        "word": state.word,
        "why": state.why or ("" if state.mark in {"good", "done", "gone"} else warning),
        "restarts": state.restarts,
        "node": spec.get("nodeName", ""),
        "ip": status.get("podIP", ""),
        "images": [c["image"] for c in spec["containers"]],
        "labels": pod["metadata"].get("labels", {}),
    }


def _owner(thing: dict[str, Any], kind: str) -> dict[str, Any]:
    spec, status = thing.get("spec", {}), thing.get("status", {})
    wants = {
        "DaemonSet": status.get("desiredNumberScheduled", 0),
        "Job": spec.get("completions", 1),
    }.get(kind, spec.get("replicas", 1))
    has = {"DaemonSet": status.get("numberReady", 0), "Job": status.get("succeeded", 0)}.get(
        kind, status.get("readyReplicas", 0)
    )
    failed: dict[str, Any] = next(
        (
            c
            for c in status.get("conditions", [])
            if (c["type"], c["status"]) in {("Progressing", "False"), ("ReplicaFailure", "True"), ("Failed", "True")}
        ),
        {},
    )
    containers = spec.get("template", {}).get("spec", {}).get("containers", [])
    word = f"{has} of {wants} {'done' if kind == 'Job' else 'ready'}" + (", paused" if spec.get("paused") else "")
    return {
        "id": thing["metadata"]["uid"],
        "kind": kind,
        "name": thing["metadata"]["name"],
        "owner": owner_of(thing)[2],
        "mark": "bad" if failed else "good" if has >= wants else "wait",
        "word": word,
        "why": f"{failed['reason']}: {failed.get('message', '')}" if failed else "",
        "wants": wants,
        "has": has,
        "images": [c["image"] for c in containers],
    }


def _service(service: dict[str, Any], slices: list[dict[str, Any]], pods: list[dict[str, Any]]) -> dict[str, Any]:
    name, spec = service["metadata"]["name"], service["spec"]
    to = []
    for piece in slices:
        if piece["metadata"].get("labels", {}).get("kubernetes.io/service-name") != name:
            continue
        for endpoint in piece.get("endpoints") or []:
            target = endpoint.get("targetRef") or {}
            ready = endpoint.get("conditions", {}).get("ready", True)
            to.append(
                {"id": target.get("uid", ""), "name": target.get("name") or endpoint["addresses"][0], "ready": ready}
            )
    selector = ",".join(f"{k}={v}" for k, v in (spec.get("selector") or {}).items())
    ports = ", ".join(_port(port) for port in spec.get("ports") or [])
    where = f"{spec.get('type', 'ClusterIP')} {spec.get('clusterIP', '')}".strip()
    wanted = (spec.get("selector") or {}).items()
    is_matched = any(wanted <= pod["labels"].items() for pod in pods)
    why = "" if to or is_matched else f"no pod has {selector}" if selector else "it has no selector"
    if not to and spec.get("externalName"):
        why = f"a name for {spec['externalName']}"
    ready = sum(e["ready"] for e in to)
    return {
        "id": service["metadata"]["uid"],
        "name": name,
        "word": ", ".join(filter(None, (where, ports))),
        "where": where,
        "ports": ports,
        "selector": selector,
        "to": sorted(to, key=lambda e: e["name"]),
        "mark": "good" if ready else "bad" if selector else "none",
        "why": why or ("" if ready else "no pod of it is ready"),
    }


def _port(port: dict[str, Any]) -> str:
    protocol = f"/{port['protocol']}" if port.get("protocol", "TCP") != "TCP" else ""
    node = f" (node port {port['nodePort']})" if port.get("nodePort") else ""
    return f"port {port['port']}{protocol}{node}"
