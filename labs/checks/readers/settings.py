"""What checks read of ConfigMaps and Secrets themselves."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients, expect
from labs.checks.readers.containers import all_containers, words_of
from labs.checks.readers.namespaces import elsewhere
from labs.checks.readers.workloads import name_of
from labs.errors import NotYet
from labs.waiting import http_status

__all__ = [
    "decoded",
    "expect_hidden",
    "keys_of",
    "list_settings",
    "read_settings",
    "settings_elsewhere",
    "settings_object",
    "token_of",
    "value_of",
]


def settings_object(lab: CheckContext, kind: str, name: str) -> Any:
    """A ConfigMap or Secret that the exercise asks for. Raises NotYet, which says what there is instead."""
    item = read_settings(lab, kind, name)
    if item is None:
        other = "Secret" if kind == "ConfigMap" else "ConfigMap"
        places = settings_elsewhere(lab, kind, name)
        observed, try_ = "none", f"`kubectl get {kind.lower()}s -n {lab.namespace}` lists yours."
        if places:
            observed = f"none there, but one in the namespace {places[0]}"
            try_ = f"A pod sees those of its own namespace only: make it with `-n {lab.namespace}`, or without `-n`."
        elif read_settings(lab, other, name):
            observed, try_ = f"none, but a {other} {name}", "What is the difference between the two kinds for?"
        raise NotYet(f"a {kind} {name} in the namespace {lab.namespace}", observed, try_)
    return item


def read_settings(lab: CheckContext, kind: str, name: str) -> Any:
    """A ConfigMap or a Secret; None when there is none."""
    core = clients(lab).core
    read = core.read_namespaced_config_map if kind == "ConfigMap" else core.read_namespaced_secret
    try:
        return read(name, lab.namespace)
    except Exception as error:
        if http_status(error) == 404:
            return None
        raise


def list_settings(lab: CheckContext, kind: str) -> list[Any]:
    """All ConfigMaps or Secrets of the lesson's namespace."""
    core = clients(lab).core
    items = core.list_namespaced_config_map if kind == "ConfigMap" else core.list_namespaced_secret
    return items(lab.namespace).items


def settings_elsewhere(lab: CheckContext, kind: str, name: str) -> list[str]:
    """The namespaces that have a ConfigMap or a Secret of this name."""
    return elsewhere(lab, "config_map" if kind == "ConfigMap" else "secret", name)


def keys_of(item: Any) -> list[str]:
    """The keys of a ConfigMap or a Secret, in order."""
    return sorted(item.data or {})


def value_of(item: Any, key: str) -> str | None:
    """A key's text; that of a Secret is decoded once."""
    value = (item.data or {}).get(key)
    is_secret = not hasattr(item, "binary_data")
    return b64decode(value).decode(errors="replace") if value is not None and is_secret else value


def decoded(text: str | None) -> str:
    """What base64 says; empty for what is none."""
    try:
        return b64decode((text or "").strip(), validate=True).decode().strip()
    except (binascii.Error, ValueError):
        return ""


def token_of(lab: CheckContext, name: str) -> str:
    """The key ``token`` of a Secret, decoded once.

    Raises:
        NotYet: there is none, or spaces and ends of lines are around it.
    """
    value = value_of(settings_object(lab, "Secret", name), "token")
    held = ", ".join(keys_of(settings_object(lab, "Secret", name))) or "none"
    expected = f"a key token in the Secret {name}"
    value = expect(value, expected=expected, observed=f"its keys: {held}", try_="Capitals count.")
    expect(
        value == value.strip(),
        expected=f"a token without spaces and ends of lines in the Secret {name}",
        observed=repr(value)[-6:],
        try_="`echo` ends with an end of line, `echo -n` does not; `od -c` shows it.",
    )
    return value


def expect_hidden(lab: CheckContext, secret: str, token: str) -> None:
    """A Secret's value stands in no ConfigMap and in no Deployment. Raises NotYet."""
    core, apps = clients(lab).core, clients(lab).apps
    maps = core.list_namespaced_config_map(lab.namespace).items
    places = [f"ConfigMap {name_of(item)}" for item in maps if token in (item.data or {}).values()]
    for item in apps.list_namespaced_deployment(lab.namespace).items:
        containers = all_containers(item.spec.template.spec)
        values = [v.value for c in containers for v in c.env or []]
        if token in values or any(word.endswith(f"={token}") for c in containers for word in words_of(c)):
            places.append(f"Deployment {name_of(item)}")
    expect(
        not places,
        expected=f"the token in the Secret {secret} only",
        observed=f"it can be read in the {' and the '.join(places)}",
        try_="Who may look at those? Take it out there, and refer to the Secret.",
    )
