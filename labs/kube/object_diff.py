"""Comparing Kubernetes objects by what was asked for, without what the API server adds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import yaml
from kubernetes.client import ApiClient

from labs.errors import LabsError

__all__ = ["as_dict", "compare", "count_fields", "differences", "overview", "spec_of"]

# What the API server and the controllers set, by the API conventions ("Metadata") and each kind's documentation.
SERVER_METADATA = (
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields",
    "resourceVersion", "selfLink", "uid",
)  # fmt: skip
SERVER_ANNOTATIONS = re.compile(
    r"kubectl\.kubernetes\.io/last-applied-configuration|deployment\.kubernetes\.io/.*|deprecated\.daemonset\.template\.generation"
    r"|pv\.kubernetes\.io/.*|volume\.(beta\.)?kubernetes\.io/.*|batch\.kubernetes\.io/job-tracking"
)
SERVER_LABELS = re.compile(
    r"(batch\.kubernetes\.io/)?(controller-uid|job-name)|pod-template-hash|controller-revision-hash"
)
SERVER_SPEC = {
    "Service": ("clusterIPs", "healthCheckNodePort"),
    "Pod": ("nodeName",),
    "PersistentVolumeClaim": ("volumeName",),
    "Job": ("selector",),
}
IDENTITY = ("kind", "metadata.name")
# An empty mapping that says something: `emptyDir: {}` is a volume, `podSelector: {}` selects every pod.
MEANINGFUL_EMPTY = {"emptyDir", "podSelector", "namespaceSelector"}

_MODEL_KIND = re.compile(r"V\d+(?:(?:alpha|beta)\d+)?([A-Z]\w+)")


def as_dict(thing: Any) -> dict[str, Any]:
    """A Kubernetes object as a plain dictionary, spelled as in YAML.

    Args:
        thing: a model of the Kubernetes client, a dictionary, YAML or JSON text, or the lines that
            ``out = !kubectl get ... -o yaml`` gives.

    Raises:
        LabsError: it is none of these, or the text is not one object.
    """
    if isinstance(thing, Mapping):
        return deepcopy(dict(thing))
    if isinstance(thing, str | Sequence):
        text = thing if isinstance(thing, str) else "\n".join(str(line) for line in thing)
        try:
            parsed = yaml.safe_load(text)
        except yaml.YAMLError:
            parsed = None
        if not text.strip():
            raise LabsError(
                "The command printed nothing.", "Some `kubectl` commands do so when they would change nothing."
            )
        if not isinstance(parsed, dict) or not {"kind", "metadata"} & parsed.keys():  # "Error: ..." is YAML, too
            raise LabsError(
                f"This is not one object in YAML or JSON: {text.strip()[:80]!r}.", "Did the command print an error?"
            )
        return parsed
    found = ApiClient().sanitize_for_serialization(thing)
    if not isinstance(found, dict):
        raise LabsError(
            f"A {type(thing).__name__} is not a Kubernetes object.", "Pass a client's model, a dict, or YAML."
        )
    if match := _MODEL_KIND.fullmatch(type(thing).__name__):
        found.setdefault("kind", match[1])  # the items of a list come without
    return found


def spec_of(thing: Any) -> dict[str, Any]:
    """What was asked for: the object without what the server adds, and without fields that say nothing.

    Args:
        thing: as in `as_dict`.
    """
    found = as_dict(thing)
    found.pop("status", None)
    metadata = found.get("metadata") or {}
    for field in SERVER_METADATA:
        metadata.pop(field, None)
    _drop(metadata.get("annotations"), SERVER_ANNOTATIONS)
    spec, kind = found.get("spec"), found.get("kind", "")
    if isinstance(spec, dict):
        _strip_spec(spec, kind)
        if kind in {"Job", "Pod"}:
            _drop(metadata.get("labels"), SERVER_LABELS)
            _drop(((spec.get("template") or {}).get("metadata") or {}).get("labels"), SERVER_LABELS)
        _drop_token_volume(spec)
        template = spec.get("template")
        if isinstance(template, dict):
            (template.get("metadata") or {}).pop("creationTimestamp", None)
    return _pruned(found)


def compare(things: Mapping[str, Any], ignore: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Prove that objects ask for the same.

    Args:
        things: the objects by what to call them, such as ``{"Python": deployment, "kubectl": lines}``.
        ignore: paths to leave out, such as ``"metadata.name"``.

    Returns:
        What each asks for.

    Raises:
        LabsError: fewer than two objects, or two differ; the message names the first fields.
    """
    if len(things) < 2:
        raise LabsError("There is nothing to compare with.", "Pass two objects or more.")
    specs = {name: spec_of(thing) for name, thing in things.items()}
    for field in ("apiVersion", "kind"):  # a list's items come without them
        specified = next((spec[field] for spec in specs.values() if field in spec), None)
        for spec in specs.values():
            if specified is not None:
                spec.setdefault(field, specified)
    for spec in specs.values():
        for path in ignore:
            _remove_path(spec, path.split("."))
    (first, expected), *others = specs.items()
    for name, spec in others:
        found = list(differences(expected, spec))
        if found:
            shown = "; ".join(f"{path}: {_short(a)} / {_short(b)}" for path, a, b in found[:3])
            more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
            is_another = any(path in IDENTITY for path, *_ in found)
            raise LabsError(
                f"{first} and {name} differ in {len(found)} field{'s'[: len(found) != 1]}: {shown}{more}.",
                "One of them is another object: run the cell that makes it."
                if is_another
                else "Change one of them until they ask for the same.",
            )
    return specs


def overview(things: Mapping[str, Any], specs: Mapping[str, dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """One row for each object: what it is called, its kind, its name, and how many fields it asks for.

    Args:
        things: the objects, as in `compare`.
        specs: what each asks for, as `compare` returns it.
    """
    rows = []
    for name, spec in specs.items():
        own_name = (as_dict(things[name]).get("metadata") or {}).get("name", "?")
        rows.append((name, str(spec.get("kind", "?")), str(own_name), str(count_fields(spec))))
    return rows


def differences(a: Any, b: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The paths at which two plain structures differ, with both values; None stands for a missing one."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(a.keys() | b.keys()):
            yield from differences(a.get(key), b.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from differences(x, y, f"{path}[{index}]")
    elif a != b:
        yield path, a, b


def count_fields(thing: Any) -> int:
    """The number of values in a plain structure."""
    if isinstance(thing, dict | list):
        return sum(count_fields(value) for value in (thing.values() if isinstance(thing, dict) else thing)) or 1
    return 1


def _strip_spec(spec: dict[str, Any], kind: str) -> None:
    for field in SERVER_SPEC.get(kind, ()):
        spec.pop(field, None)
    if kind == "Service":
        if spec.get("clusterIP") != "None":  # "None" is asked for: a headless Service
            spec.pop("clusterIP", None)
        for port in spec.get("ports") or []:
            port.pop("nodePort", None)


def _drop_token_volume(spec: dict[str, Any]) -> None:
    """The ServiceAccount token's volume, which admission adds to a pod under a random name."""
    for volumes_of in (spec, *(spec.get("containers") or []), *(spec.get("initContainers") or [])):
        for field in ("volumes", "volumeMounts"):
            if field in volumes_of:
                retained = [v for v in volumes_of[field] or [] if not str(v.get("name")).startswith("kube-api-access-")]
                volumes_of[field] = retained


def _drop(mapping: dict[str, Any] | None, keys: re.Pattern[str]) -> None:
    if mapping is None:
        return
    for key in [key for key in mapping if keys.fullmatch(key)]:
        mapping.pop(key)


def _pruned(thing: Any) -> Any:
    """Without None and without empty mappings and lists, which the API server treats as absent."""
    if isinstance(thing, list):
        return [_pruned(value) for value in thing]
    if not isinstance(thing, dict):
        return thing
    retained = {key: _pruned(value) for key, value in thing.items() if value is not None}
    return {key: value for key, value in retained.items() if value not in ({}, []) or key in MEANINGFUL_EMPTY}


def _remove_path(thing: Any, path: list[str]) -> None:
    *parents, last = path
    for part in parents:
        thing = thing.get(part) if isinstance(thing, dict) else None
    if isinstance(thing, dict):
        thing.pop(last, None)


def _short(value: Any) -> str:
    text = "(none)" if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
