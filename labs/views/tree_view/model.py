"""Objects as trees: every field with its values in one or more versions, who set it, and whether they differ."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from labs.kube.object_diff import as_dict, spec_of

__all__ = ["asked_and_is", "grow", "masked", "set_by"]

ABSENT: Any = object()
_NAMING = ("name", "type", "containerPort", "port", "ip", "uid", "key")  # by which items of a list are told apart
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# What the API server fills in where nothing is asked for (the API reference, under each field).
DEFAULTS: dict[str, tuple[Any, ...]] = {
    "progressDeadlineSeconds": (600,), "revisionHistoryLimit": (10,), "maxSurge": ("25%",),
    "maxUnavailable": ("25%",), "terminationGracePeriodSeconds": (30,), "dnsPolicy": ("ClusterFirst",),
    "restartPolicy": ("Always",), "schedulerName": ("default-scheduler",), "securityContext": ({},),
    "terminationMessagePath": ("/dev/termination-log",), "terminationMessagePolicy": ("File",),
    "imagePullPolicy": ("IfNotPresent", "Always"), "resources": ({},), "protocol": ("TCP",),
    "sessionAffinity": ("None",), "internalTrafficPolicy": ("Cluster",), "ipFamilies": (["IPv4"],),
    "ipFamilyPolicy": ("SingleStack",), "timeoutSeconds": (1,), "successThreshold": (1,), "failureThreshold": (3,),
    "scheme": ("HTTP",), "enableServiceLinks": (True,), "preemptionPolicy": ("PreemptLowerPriority",),
    "priority": (0,), "serviceAccount": ("default",), "serviceAccountName": ("default",), "defaultMode": (420,),
    "backoffLimit": (6,), "completionMode": ("NonIndexed",), "suspend": (False,), "manualSelector": (False,),
    "externalTrafficPolicy": ("Cluster",), "podReplacementPolicy": ("TerminatingOrFailed",),
    "allocateLoadBalancerNodePorts": (True,), "strategy": (), "tolerations": (), "volumeMode": ("Filesystem",),
    "podManagementPolicy": ("OrderedReady",), "creationTimestamp": (None,),
}  # fmt: skip


@dataclass(frozen=True)
class Hidden:
    """A Secret's value: its length, and a digest by which two can be compared."""

    size: int
    digest: str

    def __str__(self) -> str:
        return f"(hidden, {self.size} byte{'s'[: self.size != 1]})"


def masked(thing: Any) -> dict[str, Any]:
    """An object as a plain dictionary; of a Secret, no value can be read.

    Args:
        thing: as for `labs.kube.object_diff.as_dict`.

    Raises:
        LabsError: as `labs.kube.object_diff.as_dict`.
    """
    found = as_dict(thing)
    if found.get("kind") == "Secret":
        for field in ("data", "stringData"):
            if isinstance(found.get(field), dict):
                found[field] = {key: _hidden(value, field == "data") for key, value in found[field].items()}
        notes = (found.get("metadata") or {}).get("annotations") or {}
        if _APPLIED in notes:  # it repeats the values
            notes[_APPLIED] = _hidden(notes[_APPLIED], is_encoded=False)
    return found


def _hidden(value: Any, is_encoded: bool) -> Hidden:
    raw = str(value or "").encode()
    if is_encoded:
        with suppress(Error, ValueError):  # the API server would refuse it; its length is as good
            raw = b64decode(raw, validate=True)
    return Hidden(len(raw), hashlib.sha256(raw).hexdigest())


def grow(versions: Sequence[Any], path: str = "", key: str = "") -> dict[str, Any]:
    """One field and what is below it, over one or more versions of an object.

    Args:
        versions: the value in each; `ABSENT` where it is not.
        path: where it is, such as ``spec.template``.
        key: what it is called.

    Returns:
        ``id`` and ``key``; ``texts``, the value in each version (empty for one with fields of its own, None where it is
        absent); ``differs``, whether the versions do; ``below``, its fields.
    """
    there = [v for v in versions if v is not ABSENT]
    names = _names(there)
    below = []
    for name in names:
        values = [_pick(v, name) for v in versions]
        is_item = any(isinstance(v, list) for v in there)
        where = f"{path}[{name}]" if is_item else f"{path}.{name}".lstrip(".")
        below.append(grow(values, where, f"- {name}" if is_item else name))
    return {
        "id": path,
        "key": key,
        "texts": [None if v is ABSENT else _text(v) for v in versions],
        "differs": any((v is ABSENT) != (versions[0] is ABSENT) or v != versions[0] for v in versions[1:]),
        "below": below,
    }


def _names(values: list[Any]) -> list[str]:
    """The fields of dictionaries, or the items of lists, of all versions."""
    names: dict[str, None] = {}
    for value in values:
        if isinstance(value, dict):
            names.update(dict.fromkeys(map(str, value)))
        elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            names.update(dict.fromkeys(_items(value)))
    return list(names)


def _items(values: list[Any]) -> dict[str, Any]:
    """A list's items by what tells them apart: ``web`` for a container of this name, else the place in the list."""
    for field in _NAMING:
        names = [str(item.get(field)) if isinstance(item, dict) and field in item else "" for item in values]
        if all(names) and len(set(names)) == len(names):
            return dict(zip(names, values, strict=True))
    return {str(index): item for index, item in enumerate(values)}


def _pick(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return next((v for k, v in value.items() if str(k) == name), ABSENT)
    return _items(value).get(name, ABSENT) if isinstance(value, list) else ABSENT


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "" if value else "{}"
    if isinstance(value, list):
        if any(isinstance(item, dict | list) for item in value):
            return ""
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, str):
        return (
            value
            if value and value == value.strip() and not _looks_else(value)
            else json.dumps(value, ensure_ascii=False)
        )
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _looks_else(text: str) -> bool:
    """Whether a text looks like a number or a truth value, so that it needs quotes to be read as what it is."""
    try:
        float(text)
    except ValueError:
        return text.lower() in {"true", "false", "null", "yes", "no", "on", "off"}
    return True


def set_by(thing: dict[str, Any]) -> dict[str, str]:
    """Which fields nobody asked for: ``server`` or ``default``, by path; those below are not told.

    Args:
        thing: the object as the API server gives it, or as `masked` does.
    """
    shown = deepcopy(thing)
    asked = spec_of(shown)
    notes = (thing.get("metadata") or {}).get("annotations") or {}
    try:
        applied = json.loads(notes[_APPLIED])
    except (KeyError, ValueError, TypeError):
        applied = ABSENT
    found: dict[str, str] = {}

    def look(value: Any, wish: Any, wrote: Any, path: str) -> None:
        for name in _names([value]):
            part = _pick(value, name)
            here = f"{path}[{name}]" if isinstance(value, list) else f"{path}.{name}".lstrip(".")
            if here == "status":
                continue
            wanted, written = _pick(wish, name), _pick(wrote, name) if wrote is not ABSENT else ABSENT
            is_default = name in DEFAULTS and (part in DEFAULTS[name] or not DEFAULTS[name])
            if is_default and written is ABSENT:
                found[here] = "default"
            elif wanted is ABSENT and part not in ({}, [], None):
                found[here] = "server"
            else:
                look(part, wanted, written, here)

    look(thing, asked, applied, "")
    return found


def asked_and_is(thing: dict[str, Any]) -> Iterator[dict[str, str]]:
    """What is asked for beside what is: ``what``, ``asked``, ``is`` and ``mark`` for each pair that the kind has.

    Args:
        thing: the object as the API server gives it.
    """
    kind, spec, status = thing.get("kind", ""), thing.get("spec") or {}, thing.get("status") or {}

    def pair(what: str, asked: Any, found: Any, good: bool) -> dict[str, str]:
        return {"what": what, "asked": str(asked), "is": str(found), "mark": "good" if good else "wait"}

    if kind in {"Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"}:
        wants = spec.get("replicas", 1)
        ready, latest = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
        more = status.get("unavailableReplicas", 0)  # of the new template or the old
        yield pair("replicas", wants, f"{ready} ready{f', {more} not' if more else ''}", ready == wants and not more)
        if kind in {"Deployment", "StatefulSet"}:
            yield pair("pods of the newest template", wants, latest, latest == wants)
    elif kind == "DaemonSet":
        wants, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        yield pair("pods", f"{wants} (one for each node)", f"{ready} ready", ready == wants)
    elif kind == "Job":
        wants, done, failed = spec.get("completions", 1), status.get("succeeded", 0), status.get("failed", 0)
        has = f"{done} succeeded, {status.get('active', 0)} active, {failed} failed"
        yield pair("completions", wants, has, done == wants)
    elif kind == "PersistentVolumeClaim":
        wants = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "?")
        has = (status.get("capacity") or {}).get("storage", "none yet")
        phase = status.get("phase", "?")
        yield pair("storage", wants, f"{has}, {phase}", phase == "Bound")
    elif kind == "Pod":
        now = {c["name"]: c for c in status.get("containerStatuses") or []}
        for container in spec.get("containers") or []:
            current: dict[str, Any] = now.get(container["name"]) or {}
            states: dict[str, dict[str, Any]] = current.get("state") or {}
            state, detail = next(iter(states.items()), ("not made yet", {}))
            word = f"{state}: {detail['reason']}" if detail.get("reason") else state
            word += "" if state != "running" else ", ready" if current.get("ready") else ", not ready"
            yield pair(f"container {container['name']}", container.get("image"), word, bool(current.get("ready")))
    meta = thing.get("metadata") or {}
    if "observedGeneration" in status and "generation" in meta and kind != "Pod":
        asked, seen = meta["generation"], status["observedGeneration"]
        yield pair("changes asked for (generation)", asked, f"{seen} seen by its controller", asked == seen)
