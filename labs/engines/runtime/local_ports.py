"""What the course leads on from this machine's localhost, as its forwarder has last written it down."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from labs.engines.runtime.component import Component

__all__ = ["LocalPorts", "read_local_ports"]


@dataclass(frozen=True)
class LocalPorts:
    """The ports of 127.0.0.1 that a course has, or would have.

    Attributes:
        is_running: whether the forwarder runs.
        listening: the ports on which it listens.
        of_docker: those of them that lead to a container of Docker, and so not to a node port.
        problems: the ports that it wants and did not get, each with the system's words why.
        names_problem: why containers' questions about names of the outside are not answered; empty when they are.
    """

    is_running: bool
    listening: frozenset[int] = frozenset()
    of_docker: frozenset[int] = frozenset()
    problems: dict[int, str] = field(default_factory=dict)
    names_problem: str = ""


def read_local_ports(forwarder: Component, file: Path) -> LocalPorts | None:
    """What a forwarder has written down of its listeners; nothing counts while it does not run.

    Args:
        forwarder: the component.
        file: what it writes into.

    Returns:
        None when the file may not be read, so that nobody can tell.
    """
    if forwarder.state != "running":
        return LocalPorts(False)
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except PermissionError:
        return None
    except (OSError, ValueError):  # it has only just begun
        return LocalPorts(True)
    return LocalPorts(
        True,
        frozenset(said["listening"]),
        frozenset(said.get("docker", ())),
        {int(port): problem for port, problem in said["problems"].items()},
        said.get("names_problem", ""),
    )
