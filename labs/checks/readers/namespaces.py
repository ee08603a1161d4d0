"""Reading an object of the lesson's namespace, and telling where else there is one of that name."""

from __future__ import annotations

import re
from typing import Any

from labs.checks.context import CheckContext
from labs.checks.core import clients, found
from labs.errors import NotYet
from labs.waiting import http_status

__all__ = ["elsewhere", "here"]

_LESSON = re.compile(r"lab-[0-9]{2}")


def here(lab: CheckContext, kind: str, name: str, *, called: str, try_: str, api: str = "core", again: str = "") -> Any:
    """An object that the exercise asks for.

    Args:
        lab: the lesson's lab.
        kind: as the Kubernetes client spells it in its methods, such as ``"persistent_volume_claim"``.
        name: the object's.
        called: what a verdict calls it, such as ``"a Service web"``.
        try_: what to try when there is none anywhere.
        api: which of the clients reads it, such as ``"apps"``.
        again: what to try when there is one in another namespace.

    Raises:
        NotYet: there is none in the lesson's namespace; the verdict says where else there is one.
    """
    read = getattr(getattr(clients(lab), api), f"read_namespaced_{kind}")
    try:
        return found(
            lambda: read(name, lab.namespace), expected=f"{called} in the namespace {lab.namespace}", try_=try_
        )
    except NotYet as missing:
        places = elsewhere(lab, kind, name, api=api)
        if not places:
            raise
        raise NotYet(
            missing.expected,
            f"none there, but one in the namespace {places[0]}",
            again or f"Make it again with `-n {lab.namespace}`.",
        ) from missing


def elsewhere(lab: CheckContext, kind: str, name: str, *, api: str = "core") -> list[str]:
    """The namespaces that have an object of this kind and name; none where we may not look.

    Other lessons' namespaces do not count: lessons call different things by one name.

    Args:
        lab: the lesson's lab.
        kind: as for `here`.
        name: the object's.
        api: as for `here`.
    """
    everywhere = getattr(getattr(clients(lab), api), f"list_{kind}_for_all_namespaces")
    try:
        found = {item.metadata.namespace for item in everywhere(field_selector=f"metadata.name={name}").items}
    except Exception as error:
        if http_status(error) == 403:  # a shared cluster: nobody may look everywhere
            return []
        raise
    return sorted(
        place for place in found if not _LESSON.match(place) or _lesson_of(place) == _lesson_of(lab.namespace)
    )


def _lesson_of(namespace: str) -> str:
    """A namespace without what a lesson adds for a second one: ``lab-08`` of ``lab-08-night``."""
    found = _LESSON.match(namespace)
    return found[0] if found else namespace
