"""What the rest of the course knows of an engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from labs.engines.progress import Startup, read_startup
from labs.errors import NotSupported
from labs.workshop.seat import Seat

__all__ = ["STARTUP", "Component", "Engine"]

STARTUP = "startup.json"


@dataclass(frozen=True)
class Component:
    """One daemon of an engine.

    Attributes:
        name: such as ``kube-apiserver`` or ``kubelet/node1``.
        state: ``running``, ``stopped`` (nobody started it or it was told to stop) or ``failed`` (it ended by itself).
        pid: its process, as the kernel that it runs on counts them; None when it does not run, or elsewhere.
        memory: the bytes of memory that it has, those shared with others included; None where nobody knows.
        argv: the command line it was started with.
        log: the file that it writes to, or None.
        detail: a remark for a person.
    """

    name: str
    state: str
    pid: int | None = None
    argv: Sequence[str] = ()
    log: Path | None = None
    detail: str = ""
    memory: int | None = None

    def as_dict(self) -> dict:
        """The same as plain JSON values."""
        return {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}


class Engine(ABC):
    """A Docker Engine and a Kubernetes cluster that a course may use.

    Attributes:
        name: the course's name; one machine may hold several.
        kind: ``host`` or ``attached``.
        docker_host: a value for ``DOCKER_HOST``.
        kubeconfig: the course's own kubeconfig.
        context: the context in it.
        registry: where Docker pushes to and nodes pull from, such as ``localhost:5000``; None where there is none.
        nodes: the names of the cluster's nodes.
        state: the folder that holds everything which the course keeps on this machine.
        has_docker: False where a learner has a cluster only.
        seat: the learner's place in a workshop (`labs.workshop.seat.Seat`); None for a cluster of one's own.
    """

    name: str
    kind: str
    docker_host: str
    kubeconfig: Path
    context: str
    registry: str | None
    nodes: list[str]
    state: Path
    has_docker = True
    seat: Seat | None = None

    def startup(self) -> Startup | None:
        """How far the last `labs up` is, or how it ended; None where that was not written down."""
        return read_startup(self.state / STARTUP)

    @property
    def label(self) -> str:
        """The value of the label ``labs/course`` on all that lessons make, by which the course knows it as its own."""
        return self.name

    @property
    def local_addresses(self) -> list[str]:
        """Addresses and networks of the engine on this machine, to which no proxy leads."""
        return []

    @abstractmethod
    def status(self) -> list[Component]:
        """The state of every component."""

    def component(self, name: str) -> Component:
        """One component by its name.

        Raises:
            NotSupported: there is no such component in this engine.
        """
        components = self.status()
        for component in components:
            if component.name == name:
                return component
        known = ", ".join(c.name for c in components)
        raise NotSupported(f"This engine has no component {name!r}.", f"It has: {known}.")

    @abstractmethod
    def start(self, name: str) -> None:
        """Start one component that is not running, and wait until it answers."""

    @abstractmethod
    def stop(self, name: str) -> None:
        """Stop one component; what it holds stays."""

    @abstractmethod
    def kill(self, name: str) -> None:
        """End one component as a crash does."""

    @abstractmethod
    def logs(self, name: str, lines: int = 50) -> str:
        """The last ``lines`` lines that a component wrote."""

    @abstractmethod
    def load_image(self, reference: str) -> str:
        """Give an image of Docker to the nodes, as ``kind load docker-image`` does.

        Returns:
            The name that pods must use: ``reference`` itself, or its name in the registry that the user named.

        Raises:
            EngineError: Docker has no such image, or a node refused it.
        """
