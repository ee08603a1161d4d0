"""The same meaning in another form: what no check may mind. Each takes an answer's objects and returns them changed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from labs.checks.facts import Fact, Free, Stated
from tests.checks.generated.objects import Key, Object, leaves, pod_of

Objects = dict[Key, Object]
Form = Callable[[Objects], bool]
"""Changes an answer's objects; whether there was anything to change."""

SLEEPER = {"image": "labs/shell:1", "command": ["sh", "-c", "trap exit TERM; while true; do sleep 1; done"]}


def forms(answer: Objects, facts: tuple[Fact, ...], there: Objects) -> dict[str, Form]:
    """The forms that change anything in an answer.

    Args:
        answer: the objects of the reference solution.
        facts: of the exercise.
        there: the objects that the exercise begins with: fields of theirs that cannot be changed stay.
    """
    free = {f"{f.kind} {f.name} {f.field}: {f.value}": _freed(f) for f in facts if isinstance(f, Free)}
    all_forms = {
        "a sidecar first": _sidecar(0),
        "a sidecar last": _sidecar(99),
        "an init container and a native sidecar": _before,
        "more labels and annotations": _labelled,
        "ports by name": _ports_by_name,
        "selectors as expressions": lambda objects: _expressions(objects, there),
        "quantities in bytes": _bytes,
        "variables one by one": _one_by_one,
        "Secrets as text": _string_data,
        "volumes projected": _projected,
        "files mounted alone": _sub_paths,
        "containers of other names": _renamed(facts),
        "a probe's path without slash": _bare_path,
        "a probe's port by name": _probe_by_name,
        "a second port": _second_port,
        "settings nobody asked about": _settings,
        "requests for resources": _requests,
        **free,
    }
    return {name: form for name, form in all_forms.items() if form(copy.deepcopy(answer))}


def _pods(objects: Objects, *, jobs: bool = True) -> Iterator[Object]:
    for item in objects.values():
        pod = pod_of(item)
        if pod and (jobs or item["kind"] not in {"Job", "CronJob"}):
            yield pod


def _sidecar(place: int) -> Form:
    def form(objects: Objects) -> bool:
        pods = list(_pods(objects, jobs=False))
        for pod in pods:
            pod["spec"]["containers"].insert(place, {"name": f"beside-{place}", **SLEEPER})
        return bool(pods)

    return form


def _before(objects: Objects) -> bool:
    pods = list(_pods(objects))
    for pod in pods:
        pod["spec"].setdefault("initContainers", []).extend(
            [
                {"name": "before", "image": "labs/shell:1", "command": ["true"]},
                {"name": "native", "restartPolicy": "Always", **SLEEPER},
            ]
        )
    return bool(pods)


def _labelled(objects: Objects) -> bool:
    for item in objects.values():
        for thing in (item, pod_of(item) or item):
            metadata = thing.setdefault("metadata", {})
            metadata.setdefault("labels", {})["team"] = "night-shift"
            metadata.setdefault("annotations", {})["example.com/why"] = "an exercise"
    return True


def _ports_by_name(objects: Objects) -> bool:
    changed = False
    for service in (item for item in objects.values() if item["kind"] == "Service"):
        selector = service["spec"].get("selector") or {}
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            chosen = [
                pod["spec"]["containers"][0]
                for key, item in objects.items()
                if key[2] == service["metadata"]["namespace"] and (pod := pod_of(item))
                if selector and selector.items() <= pod["metadata"].get("labels", {}).items()
            ]
            if not isinstance(target, int) or not chosen:
                continue
            for container in chosen:
                same = [p for p in container.setdefault("ports", []) if p["containerPort"] == target]
                entry = same[0] if same else {"containerPort": target}
                if not same:
                    container["ports"].append(entry)
                entry.setdefault("name", f"entry-{target}")
                port["targetPort"] = entry["name"]
            changed = True
    return changed


def _expressions(objects: Objects, there: Objects) -> bool:
    changed = False
    for key, item in objects.items():
        selector = item["spec"].get("selector") if item["kind"] == "Deployment" and key not in there else None
        if selector and selector.get("matchLabels"):
            labels = selector.pop("matchLabels")
            selector["matchExpressions"] = [{"key": k, "operator": "In", "values": [v]} for k, v in labels.items()]
            changed = True
    return changed


def _bytes(objects: Objects) -> bool:
    changed = False
    for item in objects.values():
        for _, holder, key, value in list(leaves(item)):
            if isinstance(value, str) and value.endswith("Mi") and value[:-2].isdigit():
                holder[key], changed = str(int(value[:-2]) * 2**20), True
    return changed


def _one_by_one(objects: Objects) -> bool:
    changed = False
    for pod in _pods(objects):
        for container in pod["spec"]["containers"]:
            for source in container.get("envFrom", []):
                for kind, ref, field in (
                    ("ConfigMap", "configMapRef", "configMapKeyRef"),
                    ("Secret", "secretRef", "secretKeyRef"),
                ):
                    held = next(
                        (i for k, i in objects.items() if ref in source and k[:2] == (kind, source[ref]["name"])), None
                    )
                    if held is None:
                        return False
                    container.setdefault("env", []).extend(
                        {"name": key, "valueFrom": {field: {"name": source[ref]["name"], "key": key}}}
                        for key in held["data"]
                    ) if ref in source else None
                    changed = True
            container.pop("envFrom", None)
    return changed


def _string_data(objects: Objects) -> bool:
    import base64

    secrets = [item for item in objects.values() if item["kind"] == "Secret"]
    for item in secrets:
        item["stringData"] = {k: base64.b64decode(v).decode() for k, v in item.pop("data").items()}
    return bool(secrets)


def _projected(objects: Objects) -> bool:
    changed = False
    for pod in _pods(objects):
        for volume in pod["spec"].get("volumes", []):
            for kind, name in (("configMap", "name"), ("secret", "secretName")):
                if kind in volume:
                    volume["projected"] = {"sources": [{kind: {"name": volume.pop(kind)[name]}}]}
                    changed = True
    return changed


def _sub_paths(objects: Objects) -> bool:
    changed = False
    for pod in _pods(objects):
        held = {}
        for volume in pod["spec"].get("volumes", []):
            name = volume.get("configMap", {}).get("name") or volume.get("secret", {}).get("secretName")
            item = next(
                (i for k, i in objects.items() if name and k[0] in {"ConfigMap", "Secret"} and k[1] == name), None
            )
            if item:
                held[volume["name"]] = list(item["data"])
        for container in pod["spec"]["containers"]:
            mounts: list[Any] = []
            for mount in container.get("volumeMounts", []):
                keys = held.get(mount["name"], [])
                changed = changed or bool(keys)
                each = [mount | {"mountPath": f"{mount['mountPath'].rstrip('/')}/{k}", "subPath": k} for k in keys]
                mounts += each or [mount]
            container["volumeMounts"] = mounts
    return changed


def _renamed(facts: tuple[Fact, ...]) -> Form:
    stated = {f.value for f in facts if isinstance(f, Stated) and f.field == "containers.name"}

    def form(objects: Objects) -> bool:
        changed = False
        for pod in _pods(objects):
            for number, container in enumerate(pod["spec"]["containers"]):
                if container["name"] not in stated:
                    container["name"], changed = f"part-{number}", True
        return changed

    return form


def _probes(objects: Objects) -> Iterator[tuple[Object, Object]]:
    for pod in _pods(objects):
        for container in pod["spec"]["containers"]:
            if get := container.get("readinessProbe", {}).get("httpGet"):
                yield container, get


def _bare_path(objects: Objects) -> bool:
    changed = False
    for _, get in _probes(objects):
        get["path"], changed = get["path"].lstrip("/"), True
    return changed


def _probe_by_name(objects: Objects) -> bool:
    changed = False
    for container, get in _probes(objects):
        if isinstance(get["port"], int):
            same = [p for p in container.setdefault("ports", []) if p["containerPort"] == get["port"]]
            if not same:
                container["ports"].append({"containerPort": get["port"], "name": "asked"})
            get["port"] = (same[0].setdefault("name", "asked")) if same else "asked"
            changed = True
    return changed


def _second_port(objects: Objects) -> bool:
    changed = False
    for item in objects.values():
        if item["kind"] == "Service" and len(item["spec"]["ports"]) == 1:
            item["spec"]["ports"][0].setdefault("name", "main")
            item["spec"]["ports"].append({"name": "metrics", "port": 9102, "targetPort": 9102})
            changed = True
    return changed


def _settings(objects: Objects) -> bool:
    changed = False
    for item in objects.values():
        if item["kind"] == "Deployment":
            item["spec"] |= {"minReadySeconds": 1, "revisionHistoryLimit": 5}
        pod = pod_of(item)
        if pod:
            pod["spec"] |= {
                "terminationGracePeriodSeconds": 1,
                "enableServiceLinks": False,
                "automountServiceAccountToken": False,
            }
            changed = True
    return changed


def _requests(objects: Objects) -> bool:
    pods = list(_pods(objects))
    for pod in pods:
        for container in pod["spec"]["containers"]:
            container["resources"] = {"requests": {"cpu": 0.001, "memory": "1Mi"}, "limits": {"memory": "256Mi"}}
    return bool(pods)


def _freed(fact: Free) -> Form:
    def form(objects: Objects) -> bool:
        for key, item in objects.items():
            if key[:2] == (fact.kind, fact.name):
                *path, last = fact.field.split(".")
                holder = item
                for name in path:
                    holder = holder[name]
                holder[last] = fact.value
                return True
        return False

    return form
