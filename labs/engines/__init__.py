"""Where Docker and Kubernetes come from. Nothing outside this folder knows how they are run."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from labs.engines.base import Engine
from labs.engines.runtime.component import Component
from labs.errors import NotRunning, NotSupported

if TYPE_CHECKING:
    from labs.engines.runtime.state import Record, State

__all__ = ["Component", "Engine", "current", "kind", "of"]

KINDS: dict[str, tuple[str, str]] = {
    "host": ("labs.engines.host.engine", "HostEngine"),
    "usermode": ("labs.engines.usermode.engine", "UsermodeEngine"),
    "attached": ("labs.engines.attached.engine", "AttachedEngine"),
}


def kind(name: str) -> type[Engine]:
    """The engine of this kind.

    Raises:
        NotSupported: there is none.
    """
    if name not in KINDS:
        raise NotSupported(f"There is no engine {name!r}.", f"Choose one of: {', '.join(KINDS)}.")
    module, engine = KINDS[name]
    found: type[Engine] = getattr(importlib.import_module(module), engine)  # this one only: `import labs` stays quick
    return found


def of(state: State, record: Record | None = None) -> Engine:
    """The engine of a course's folder.

    Args:
        record: the course's, read from the folder when not given.
    """
    record = record or state.read()
    return kind(record.engine)(state, record)


def current(name: str | None = None) -> Engine:
    """The engine of a course that was started on this machine.

    Args:
        name: the course; without it ``$LABS_NAME``, else ``default``.

    Raises:
        NotRunning: there is no such course.
    """
    from labs.engines.runtime.state import State, course_name  # keeps `import labs` quick

    name = course_name(name)
    state = State.of(name, system=True)
    if not state.exists:
        raise NotRunning(
            f"No course {name!r} is up on this machine." if name != "default" else "The course is not up.",
            "Run `labs up` in a terminal, then run this cell again.",
        )
    return of(state)
