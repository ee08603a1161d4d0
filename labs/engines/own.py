"""What the engines that come with the course have in common: single components, images, start-up."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from labs.engines import binaries, control_plane, ports
from labs.engines.base import STARTUP, Component, Engine
from labs.engines.control_plane import ControlPlane
from labs.engines.docker_engine import DOCKER, REGISTRY, REGISTRY_PORT, DockerEngine, docker_archive
from labs.engines.node import Node
from labs.engines.processes import Processes
from labs.engines.progress import Reporter, Step
from labs.engines.startup import Preparation, Startup, start_ports
from labs.engines.state import Record, State
from labs.engines.tools import Tools
from labs.errors import NotSupported

__all__ = ["OwnEngine"]


class OwnEngine(Engine):
    """A Docker Engine and a cluster that the course starts itself.

    Args:
        state: the course's folder.
        record: its record; read from the folder when not given.

    Attributes:
        processes: the course's processes on this machine.
        plane: the control plane.
        steps: the steps in which it starts.
        preparation: the steps that make a later start need neither the network nor minutes.
        fixed: the components on which every other one hangs.
    """

    plane: ControlPlane
    steps: type[Startup] = Startup
    preparation: type[Startup] = Preparation
    fixed: Sequence[str] = ()

    def __init__(self, state: State, record: Record | None = None) -> None:
        self.record = record or state.read()
        self.folder, self.state, self.name = state, state.folder, self.record.name
        self.processes = Processes(state, self.record.id)
        self.context = "kube-labs" if self.name == "default" else f"kube-labs-{self.name}"
        self.registry = f"localhost:{REGISTRY_PORT}"

    @property
    def kubeconfig(self) -> Path:  # type: ignore[override]
        return self.plane.kubeconfig

    @property
    def docker_host(self) -> str:  # type: ignore[override]
        return f"unix://{self.state / 'docker/run/docker.sock'}"

    def up(self, reporter: Reporter) -> None:
        """Start what does not run; what is missing is fetched or built. Raises LabsError."""
        reporter.record_to(self.state / STARTUP)
        self.steps(self).run(reporter)

    def prepare(self, reporter: Reporter) -> None:
        """Fetch and build all that a course needs, and start none. Raises LabsError."""
        self.preparation(self).run(reporter)

    @abstractmethod
    def tools(self, step: Step) -> Tools:
        """The node's programs. Raises LabsError."""

    @abstractmethod
    def docker(self, tools: Tools) -> DockerEngine:
        """The Docker Engine, with the machine that it runs in."""

    @abstractmethod
    def node(self, index: int, tools: Tools) -> Node:
        """A node, with the machine that it runs in; ``index`` counts from 1."""

    def all_nodes(self, tools: Tools) -> list[Node]:
        """Every node."""
        return [self.node(index, tools) for index in range(1, len(self.nodes) + 1)]

    @abstractmethod
    def route_pods(self, nodes: Sequence[Node]) -> None:
        """Let the control plane and all machines reach the nodes' pods."""

    @abstractmethod
    def forwarding(self) -> dict:
        """How the forwarder to localhost reaches what it leads to."""

    def keeper(self, name: str):
        """Who starts and ends a component, and keeps its log."""
        return self.processes

    def status(self) -> list[Component]:
        return [ports.with_detail(part, self.state) for part in self.components()]

    @abstractmethod
    def components(self) -> list[Component]:
        """The state of every component, as its keeper knows it."""

    def stop(self, name: str) -> None:
        self.may_change(name)
        self.end_component(name)

    def kill(self, name: str) -> None:
        self.may_change(name)
        self.keeper(name).kill(name)

    def end_component(self, name: str) -> None:
        """End a component, whatever hangs on it."""
        # etcd and the API server wait for their clients to leave; killed, they lose nothing that was written
        self.keeper(name).stop(name, timeout=1 if name in ("etcd", "kube-apiserver") else 10)

    def start(self, name: str) -> None:
        self.may_change(name)
        step = Reporter(quiet=True).began(name)
        if name in control_plane.COMPONENTS:
            self.plane.start_component(name, binaries.ensure([name], step))
            self.plane.wait_started(name)
        elif name == DOCKER:
            self.docker(self.tools(step)).start(self.dockerd(step))
        elif name == REGISTRY:
            self.docker(self.tools(step)).start_registry(binaries.ensure([REGISTRY], step)[REGISTRY])
        elif name == ports.COMPONENT:
            start_ports(self)
        else:
            component, _, where = name.partition("/")
            programs = {} if component == "containerd" else binaries.ensure([component], step)
            self.node(self.nodes.index(where) + 1, self.tools(step)).start_component(component, programs)

    def dockerd(self, step: Step) -> Path | None:
        """A dockerd of the course's own, or None where the one among the node's programs serves."""
        return None

    def may_change(self, name: str) -> None:
        """Raise NotSupported for a component that there is not, or that is not started or stopped alone."""
        self.component(name)
        if name in self.fixed:
            raise NotSupported(
                f"Every other component hangs on the {name}, so it is not started or stopped alone.",
                "`labs up` starts it with all that hangs on it.",
            )

    def logs(self, name: str, lines: int = 50) -> str:
        self.component(name)
        return self.keeper(name).tail(name, lines)

    def load_image(self, reference: str) -> str:
        archive = docker_archive(self.docker_host, reference)
        for each in self.all_nodes(self.tools(Reporter(quiet=True).began("tools"))):
            each.import_bytes(archive)
        return reference

    @abstractmethod
    def halt(self) -> None:
        """Stop everything, and keep what it holds: images, containers, objects, volumes."""

    @abstractmethod
    def remove(self) -> None:
        """Stop everything and delete the course's folder. What was fetched or built stays in the cache."""
