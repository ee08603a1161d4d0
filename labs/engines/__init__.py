"""Where Docker and Kubernetes come from. Nothing outside this folder knows how they are run."""

from __future__ import annotations

from labs.engines.base import Component, Engine
from labs.errors import NotRunning

__all__ = ["Component", "Engine", "current"]


def current(name: str | None = None) -> Engine:
    """The engine of a course that was started on this machine.

    Args:
        name: the course; without it ``$LABS_NAME``, else ``default``.

    Raises:
        NotRunning: there is no such course.
    """
    from labs.engines.state import State, course_name  # keeps `import labs` quick

    name = course_name(name)
    state = State.of(name, system=True)
    if not state.exists:
        raise NotRunning(
            f"No course {name!r} is up on this machine." if name != "default" else "The course is not up.",
            "Run `labs up` in a terminal, then run this cell again.",
        )
    if state.read().engine == "attached":
        from labs.engines.attached import AttachedEngine

        return AttachedEngine(state)
    from labs.engines.host import HostEngine

    return HostEngine(state)
