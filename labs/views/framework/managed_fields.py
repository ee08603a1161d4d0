"""The fields that a writer owns, as an object's ``managedFields`` name them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

__all__ = ["few", "leaves_of"]


def leaves_of(fields: dict[str, Any], path: str = "") -> Iterator[str]:
    """The paths in a ``fieldsV1``, without its prefixes: ``spec.template.spec.containers[web].image``."""
    for key, below in fields.items():
        if key == ".":
            continue
        kind, _, name = key.partition(":")
        where = f"{path}.{name}".lstrip(".") if kind == "f" else f"{path}[{_short_key(name)}]"
        if below and set(below) != {"."}:
            yield from leaves_of(below, where)
        else:
            yield where


def _short_key(text: str) -> str:
    """A list's key as one word: ``{"name":"web"}`` is ``web``."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return ",".join(str(v) for v in found.values()) if isinstance(found, dict) else str(found)


def few(fields: list[str]) -> str:
    """The last words of some paths, three at most, as a phrase."""
    names = list(dict.fromkeys(field.rsplit(".", 1)[-1] for field in fields))
    if not names:
        return "it"
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
