"""What Docker and a node ask of the machine and the network that they run in, no matter what those are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from labs.engines.runtime.component import Component

__all__ = ["Daemons", "Machine", "NodeNetwork"]


class Daemons(Protocol):
    """The daemons that run in a machine, or on this system: started elsewhere, looked at and ended here."""

    def component(self, name: str) -> Component:
        """The state of a daemon."""

    def started_at(self, name: str) -> float:
        """When a daemon that runs was started, in seconds of the epoch; 0 when it does not run."""

    def stop(self, name: str, *, timeout: float = 10) -> None:
        """Ask a daemon to end; kill it when it has not after ``timeout`` seconds."""

    def kill(self, name: str) -> None:
        """End a daemon as a crash does."""

    def check_alive(self, name: str) -> None:
        """Raise EngineError with the last words of a daemon that has ended."""

    def tail(self, name: str, lines: int) -> str:
        """The last lines of a daemon's log."""


class Machine(Protocol):
    """A Linux system of the course's own: namespaces of this one, or a guest with a kernel of its own."""

    @property
    def daemons(self) -> Daemons:
        """Who knows of what runs in it."""

    def run(
        self, argv: Sequence[str | Path], *, env: Mapping[str, str], input: bytes | None = None, timeout: float = 60
    ) -> str:
        """Run a program to its end, and return what it printed.

        Args:
            argv: the program and its arguments, as the machine sees them.
            env: all of its environment.
            input: what it reads.
            timeout: seconds.

        Raises:
            CommandFailed: it ended with an error or took too long.
        """

    def spawn(self, component: str, argv: Sequence[str | Path], *, env: Mapping[str, str]) -> int:
        """Start a daemon unless it runs; return its process id."""

    def offer(self, name: str, script: str) -> None:
        """Put a program into the machine's PATH.

        Args:
            name: the program's.
            script: its text.
        """

    def archive_path_inside(self, archive: Path) -> str | None:
        """Where the machine sees an image archive of the cache; None where it does not."""


class NodeNetwork(Protocol):
    """The addresses that a node must know."""

    @property
    def docker(self) -> str:
        """The address of the Docker Engine's machine."""

    def node(self, index: int) -> str:
        """The address of a node.

        Args:
            index: from 1.
        """
