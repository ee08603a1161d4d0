"""What the rest of the course, and `labs up`, `stop` and `down`, know of an engine."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from labs.engines.runtime.component import Component
from labs.engines.runtime.local_ports import LocalPorts
from labs.engines.runtime.reporter import Reporter, Startup, read_startup
from labs.engines.runtime.state import Record, State
from labs.engines.seat import Seat
from labs.errors import NotSupported

__all__ = ["DEFAULTS", "STARTUP", "CourseOptions", "Engine"]

STARTUP = "startup.json"


@dataclass(frozen=True)
class CourseOptions:
    """What the user asks of a course; an engine raises NotSupported for what it cannot fulfil.

    Attributes:
        nodes: how many nodes the course is to have; None for one, or for as many as it has.
        context: attach to this kubeconfig context.
        kubeconfig: the file that holds it; empty for kubectl's usual places.
        docker: attach to this Docker Engine: a value for ``DOCKER_HOST``, or ``none`` to do without.
        registry: a registry that Docker and the cluster reach under the same name; may be empty.
    """

    nodes: int | None = None
    context: str = ""
    kubeconfig: str = ""
    docker: str = ""
    registry: str = ""

    @property
    def names_other(self) -> bool:
        """Whether the user has named a cluster or a Docker Engine that the course does not start."""
        return bool(self.context or self.docker)


DEFAULTS = CourseOptions()


class Engine(ABC):
    """A Docker Engine and a Kubernetes cluster that a course may use.

    Attributes:
        kind: ``host``, ``usermode`` or ``attached``.
        needs_root: whether root starts, stops and removes it.
        is_managed: whether the course starts its daemons, and so stops and removes them.
        name: the course's name; one machine may hold several.
        record: what is written down of the course.
        state: what the course keeps on this machine.
        context: the context in the course's kubeconfig.
        registry: where Docker pushes to and nodes pull from, such as ``localhost:5000``; None where there is none.
        local_registry: where programs on this machine reach the same one; None where they do not.
        nodes: the names of the cluster's nodes.
        folder: the folder that holds it.
        has_docker: False where a learner has a cluster only.
        seat: the learner's place in a workshop (`labs.engines.seat.Seat`); None for a cluster of one's own.
    """

    kind: ClassVar[str]
    needs_root: ClassVar[bool] = False
    is_managed: ClassVar[bool] = True

    name: str
    record: Record
    state: State
    context: str
    registry: str | None
    local_registry: str | None = None
    nodes: list[str]
    folder: Path
    has_docker: bool = True
    seat: Seat | None = None

    @abstractmethod
    def __init__(self, state: State, record: Record | None = None) -> None:
        """Take a course that exists.

        Args:
            state: its folder.
            record: read from there when not given.
        """

    @classmethod
    def state_of(cls, name: str) -> State:
        """The folder of the course ``name``: the one that exists, else where a new one of this kind belongs."""
        return State.of(name, system=cls.is_managed and os.geteuid() == 0)

    @classmethod
    @abstractmethod
    def create(cls, state: State, *, name: str, options: CourseOptions = DEFAULTS) -> Self:
        """Write down a new course, or take the one that exists and change it as the options say. Starts nothing.

        Args:
            state: the course's folder.
            name: the course's name.
            options: what the user asks of it.

        Raises:
            LabsError: an option is not for this engine, or cannot be fulfilled.
        """

    @abstractmethod
    def up(self, reporter: Reporter) -> None:
        """Start what does not run.

        Args:
            reporter: shows each step.

        Raises:
            LabsError
        """

    @abstractmethod
    def prepare(self, reporter: Reporter) -> None:
        """Fetch and build all that a course needs, and start none.

        Args:
            reporter: shows each step.

        Raises:
            LabsError
        """

    @abstractmethod
    def halt(self) -> None:
        """Stop everything that the course has started, and keep what it holds: images, containers, objects, volumes."""

    @abstractmethod
    def remove(self) -> None:
        """Remove everything that the course and its lessons have made, and its folder; the cache stays.

        Raises:
            LabsError: something could not be removed; the record of it is kept.
        """

    @property
    @abstractmethod
    def docker_host(self) -> str:
        """A value for ``DOCKER_HOST``."""

    @property
    @abstractmethod
    def kubeconfig(self) -> Path:
        """The course's own kubeconfig."""

    def startup(self) -> Startup | None:
        """How far the last `labs up` is, or how it ended; None where that was not written down."""
        return read_startup(self.folder / STARTUP)

    @property
    def label(self) -> str:
        """The value of the label ``labs/course`` on all that lessons make, so that the course recognises it."""
        return self.name

    @property
    def local_addresses(self) -> list[str]:
        """Addresses and networks of the engine on this machine, to which no proxy leads."""
        return []

    def command_folders(self) -> list[Path]:
        """Folders with commands of the course's own for a learner's PATH; what is not there is the machine's."""
        return []

    def local_ports(self) -> LocalPorts | None:
        """What the course leads on from this machine's localhost; None where nothing of the course does."""
        return None

    def enable(self, extra: str, reporter: Reporter) -> str:
        """Start what a cluster has only where somebody wants it.

        Args:
            extra: ``ingress``.
            reporter: shows how far it is.

        Returns:
            Where it is reached, as a sentence.

        Raises:
            LabsError: there is no such extra, or it could not be started.
        """
        raise NotSupported(
            "The course puts nothing into a cluster that it is attached to.",
            f"Ask who runs the cluster for it, or install it yourself ({extra}).",
        )

    def disable(self, extra: str) -> None:
        """Remove what `enable` has started.

        Args:
            extra: as there.

        Raises:
            LabsError
        """
        raise NotSupported(f"The course has put no {extra} into this cluster.")

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
        names = ", ".join(c.name for c in components)
        raise NotSupported(f"This engine has no component {name!r}.", f"It has: {names}.")

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
