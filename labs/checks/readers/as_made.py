"""What an exercise leaves alone: objects of the setup, compared with what the setup declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect
from labs.checks.readers.namespaces import here
from labs.kube.object_diff import differences, spec_of
from labs.waiting import http_status

__all__ = ["declared_world", "expect_as_made", "one_container"]

KINDS = {  # where a client reads a kind, and what it calls it
    "ConfigMap": ("core", "config_map"),
    "Deployment": ("apps", "deployment"),
    "Secret": ("core", "secret"),
    "Service": ("core", "service"),
}
DEFAULTED = {"Deployment", "Service"}  # the server adds fields of its own
ASKED = "-asked"  # a name's ending
REFUSED = {400, 403, 409, 422}  # by a quota or a webhook: that says nothing about the object that is there


def expect_as_made(lab: CheckContext, declared: Mapping[str, Any], try_: str) -> Any:
    """An object is as the setup made it, what the server adds to it included; annotations do not count.

    Args:
        lab: the lesson's lab.
        declared: the object as the setup declares it: kind, name and what counts.
        try_: what to try when it was changed.

    Returns:
        The object.

    Raises:
        NotYet: it is gone, or it differs; the verdict names the first fields.
    """
    kind, name = declared["kind"], declared["metadata"]["name"]
    api, called = KINDS[kind]
    live = here(lab, called, name, api=api, called=f"the {kind} {name}", try_=try_)
    changed = list(_changes(kind, declared, _stored(lab, kind, declared), live))
    expect(not changed, expected=f"the {kind} {name} as it was", observed="; ".join(changed[:3]), try_=try_)
    return live


def declared_world(path: Path, kind: str, name: str) -> dict[str, Any]:
    """An object of a world's manifest, which the course itself has written.

    Args:
        path: the manifest.
        kind: the object's.
        name: the object's.
    """
    import yaml

    documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return next(d for d in documents if (d["kind"], d["metadata"]["name"]) == (kind, name))


def one_container(
    name: str,
    labels: Mapping[str, str],
    container: Mapping[str, Any],
    *,
    own: Mapping[str, str] | None = None,
    replicas: int = 1,
    pod_labels: Mapping[str, str] | None = None,
    **pod: Any,
) -> dict[str, Any]:
    """A Deployment with one container, as a setup declares it.

    Args:
        name: its name.
        labels: which its selector asks for.
        container: the container's fields.
        own: labels of the Deployment itself.
        replicas: how many pods.
        pod_labels: labels of the pods beside ``labels``.
        **pod: other fields of the pods, such as ``volumes``.
    """
    template = {"metadata": {"labels": {**labels, **(pod_labels or {})}}, "spec": {"containers": [container], **pod}}
    spec = {"replicas": replicas, "selector": {"matchLabels": dict(labels)}, "template": template}
    metadata = {"name": name, "labels": dict(own or {})}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _stored(lab: CheckContext, kind: str, declared: Mapping[str, Any]) -> Any:
    """What the API server would store for a declared object, asked under a free name; None when it refuses."""
    if kind not in DEFAULTED:
        return None
    api, called = KINDS[kind]
    metadata = {"name": f"{declared['metadata']['name']}{ASKED}", "labels": declared["metadata"].get("labels") or {}}
    create = getattr(getattr(clients(lab), api), f"create_namespaced_{called}")
    try:
        return create(lab.namespace, {**declared, "metadata": metadata}, dry_run="All")
    except Exception as error:
        if http_status(error) in REFUSED:
            return None
        raise


def _changes(kind: str, declared: Mapping[str, Any], stored: Any, live: Any) -> Iterator[str]:
    labels = declared["metadata"].get("labels") or {}
    for path, was, now in differences(labels, live.metadata.labels or {}, "metadata.labels"):
        if was is not None:
            yield f"{path}: {_text(now)}, was {was}"
    exact = stored is not None or kind not in DEFAULTED  # else a field that is not declared may be the server's
    for path, was, now in differences(_content(stored or declared), _content(live)):
        if exact or was is not None:
            secret = kind == "Secret" and was is not None and now is not None
            yield f"{path}: another value" if secret else f"{path}: {_text(now)}, was {_text(was)}"


def _content(thing: Any) -> dict[str, Any]:
    content = {key: value for key, value in spec_of(thing).items() if key in {"spec", "data"}}
    metadata = content.get("spec", {}).get("template", {}).get("metadata", {})
    metadata.pop("annotations", None)  # `kubectl rollout restart` writes there
    return content


def _text(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
