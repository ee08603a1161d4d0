"""What the engines that come with the course have in common: single components, images, start-up."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from labs.engines.base import STARTUP, Engine
from labs.engines.cluster import control_plane, ingress, network_policies, port_forwarder
from labs.engines.cluster.control_plane import ControlPlane
from labs.engines.cluster.docker_engine import (
    DOCKER,
    REGISTRY,
    REGISTRY_PORT,
    DockerEngine,
    docker_archive,
    with_version,
)
from labs.engines.cluster.machine import Daemons, NodeNetwork
from labs.engines.cluster.node import Node
from labs.engines.cluster.startup import CourseStartup, start_ports
from labs.engines.programs import binaries, command_line
from labs.engines.programs.node_tools import Tools
from labs.engines.runtime.component import Component
from labs.engines.runtime.local_ports import LocalPorts, read_local_ports
from labs.engines.runtime.processes import Processes
from labs.engines.runtime.reporter import Reporter, Step
from labs.engines.runtime.state import Record, State
from labs.errors import NotRunning, NotSupported

__all__ = ["ManagedEngine"]

EXTRAS = {ingress.NAME: ingress.TITLE}
"""What a learner may switch on."""


class ManagedEngine(Engine):
    """A Docker Engine and a cluster that the course starts itself.

    Args:
        state: the course's folder.
        record: its record; read from the folder when not given.

    Attributes:
        processes: the course's processes on this machine.
        daemons: who knows of what runs on the nodes.
        network: the addresses that nodes must know.
        steps: the steps in which it starts.
        preparation: the steps that make a later start need neither the network nor minutes.
        fixed: the components on which every other one hangs.
    """

    steps: ClassVar[type[CourseStartup]]
    preparation: ClassVar[type[CourseStartup]]
    fixed: ClassVar[Sequence[str]] = ()

    daemons: Daemons
    network: NodeNetwork

    def __init__(self, state: State, record: Record | None = None) -> None:
        self.record = record or state.read()
        self.state, self.folder, self.name = state, state.folder, self.record.name
        self.processes = Processes(state, self.record.id)
        self.context = "kube-labs" if self.name == "default" else f"kube-labs-{self.name}"
        self.registry = f"localhost:{REGISTRY_PORT}"
        self.local_registry = f"localhost:{port_forwarder.REGISTRY_HERE}"

    @property
    @abstractmethod
    def plane(self) -> ControlPlane:
        """The control plane."""

    @property
    def kubeconfig(self) -> Path:
        return self.plane.kubeconfig

    @property
    def docker_host(self) -> str:
        return f"unix://{self.folder / 'docker/run/docker.sock'}"

    def up(self, reporter: Reporter) -> None:
        reporter.record_to(self.folder / STARTUP)
        self.steps(self).run(reporter)

    def prepare(self, reporter: Reporter) -> None:
        self.preparation(self).run(reporter)

    @abstractmethod
    def tools(self, step: Step) -> Tools:
        """The node's programs.

        Raises:
            LabsError
        """

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
    def forwarding(self) -> dict[str, Any]:
        """How the forwarder to localhost reaches what it leads to."""

    def supervisor(self, name: str) -> Daemons:
        """Who starts and ends a component, and keeps its log."""
        return self.processes

    def status(self) -> list[Component]:
        return [self._with_detail(part) for part in self.components()]

    def _with_detail(self, part: Component) -> Component:
        part = port_forwarder.with_detail(part, self.folder)
        part = network_policies.with_detail(part, partial(self.supervisor(part.name).tail, part.name, 1))
        return with_version(part, self.folder)

    def command_folders(self) -> list[Path]:
        docker = command_line.docker_folder()
        return [*([docker] if docker else []), command_line.helm_folder()]

    def local_ports(self) -> LocalPorts | None:
        forwarder = self.processes.component(port_forwarder.COMPONENT)
        return read_local_ports(forwarder, self.folder / port_forwarder.STATE)

    @abstractmethod
    def components(self) -> list[Component]:
        """The state of every component, as its supervisor knows it."""

    def stop(self, name: str) -> None:
        self.require_changeable(name)
        self.end_component(name)

    def kill(self, name: str) -> None:
        self.require_changeable(name)
        self.supervisor(name).kill(name)

    def end_component(self, name: str) -> None:
        """End a component, even if others depend on it."""
        # etcd and the API server wait for their clients to leave; killed, they lose nothing that was written
        self.supervisor(name).stop(name, timeout=1 if name in ("etcd", "kube-apiserver") else 10)

    def start(self, name: str) -> None:
        self.require_changeable(name)
        step = Reporter(quiet=True).begin(name)
        if name in control_plane.COMPONENTS:
            self.plane.start_component(name, binaries.ensure([name], step))
            self.plane.wait_started(name)
        elif name == DOCKER:
            self.docker(self.tools(step)).start(self.dockerd(step))
        elif name == REGISTRY:
            self.docker(self.tools(step)).start_registry(binaries.ensure([REGISTRY], step)[REGISTRY])
        elif name == port_forwarder.COMPONENT:
            start_ports(self)
        else:
            component, _, where = name.partition("/")
            programs = {} if component == "containerd" else binaries.ensure([component], step)
            self.node(self.nodes.index(where) + 1, self.tools(step)).start_component(component, programs)

    def enable(self, extra: str, reporter: Reporter) -> str:
        self._require_extra(extra)
        step = reporter.begin(EXTRAS[extra])
        ingress.enable(self, step)
        reporter.end(EXTRAS[extra], None)
        return f"It serves every Ingress, at http://localhost:{ingress.HTTP_PORT} and https://localhost:{ingress.HTTPS_PORT}."

    def disable(self, extra: str) -> None:
        self._require_extra(extra)
        ingress.disable(self)

    def _require_extra(self, extra: str) -> None:
        if extra not in EXTRAS:
            raise NotSupported(f"There is nothing called {extra!r} to switch on.", f"There is: {', '.join(EXTRAS)}.")
        if self.processes.component("kube-apiserver").state != "running":
            raise NotRunning("The cluster does not run.", "`labs up` starts it.")

    def dockerd(self, step: Step) -> Path | None:
        """A dockerd of the course's own, or None where the one among the node's programs serves."""
        return None

    def require_changeable(self, name: str) -> None:
        """Raise NotSupported for a component that there is not, or that is not started or stopped alone."""
        self.component(name)
        if name in self.fixed:
            raise NotSupported(
                f"Every other component hangs on the {name}, so it is not started or stopped alone.",
                "`labs up` starts it with all that hangs on it.",
            )

    def logs(self, name: str, lines: int = 50) -> str:
        self.component(name)
        return self.supervisor(name).tail(name, lines)

    def load_image(self, reference: str) -> str:
        archive = docker_archive(self.docker_host, reference)
        for each in self.all_nodes(self.tools(Reporter(quiet=True).begin("tools"))):
            each.import_bytes(archive)
        return reference
