"""What other courses have of this machine's localhost, on which each port is there once."""

from __future__ import annotations

from contextlib import suppress

from labs import engines
from labs.engines.runtime.state import list_courses
from labs.errors import LabsError

__all__ = ["on_localhost", "shared_localhost"]


def on_localhost(name: str) -> dict[str, frozenset[int]]:
    """The ports of localhost that other courses of this user answer on.

    Args:
        name: the course that is asking.

    Returns:
        By the other's name; one that leads no port on is not there.
    """
    found = {}
    for state in list_courses():
        if state.folder.name == name:
            continue
        with suppress(LabsError, OSError, KeyError):  # it is being removed, or its record is damaged
            ports = engines.of(state).local_ports()
            if ports and ports.is_running:
                found[state.folder.name] = ports.listening
    return found


def shared_localhost(name: str) -> str:
    """What to say of the other courses when one starts: a sentence; empty where it has localhost to itself.

    Args:
        name: the course that starts.
    """
    others = on_localhost(name)
    if not others:
        return ""
    *names, last = others
    subject = f"The courses {', '.join(names)} and {last} run" if names else f"The course {last} runs"
    taken = [f"{port} for {other}" for other, ports in others.items() for port in sorted(ports)]
    now = f", now {', '.join(taken)}" if taken else ""
    return (
        f"{subject} on this machine, too. A port of localhost answers for the course that had it first{now}: "
        "do the same lesson in one of them at a time, or choose other ports."
    )
