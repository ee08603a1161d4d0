"""The engine `host`: everything on this Linux machine, as root, in namespaces of its own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from labs.engines.base import DEFAULTS, CourseOptions
from labs.engines.cluster import control_plane, node, port_forwarder
from labs.engines.cluster.control_plane import ControlPlane
from labs.engines.cluster.control_plane_flags import USER, Site
from labs.engines.cluster.docker_engine import DOCKER, REGISTRY, DockerEngine
from labs.engines.cluster.node import Node, node_name
from labs.engines.host import netlink
from labs.engines.host.mounts import unmount_below
from labs.engines.host.namespace_machine import Bind, NamespaceMachine, remove_cgroups
from labs.engines.host.network import HOLDER, Network, choose_subnet
from labs.engines.host.startup import HostPreparation, HostStartup
from labs.engines.managed import ManagedEngine
from labs.engines.programs.node_tools import Tools, find_tools
from labs.engines.runtime.command import run
from labs.engines.runtime.component import Component
from labs.engines.runtime.privileges import sudo
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.state import Record, State
from labs.errors import CommandFailed, EngineError
from labs.kube.kubectl import direct, kubectl_for
from labs.waiting import wait_for

__all__ = ["HostEngine"]


class HostEngine(ManagedEngine):
    """One course's engines on this machine.

    Args:
        state: the course's folder.
        record: its record; read from the folder when not given.
    """

    kind = "host"
    needs_root = True
    steps = HostStartup
    preparation = HostPreparation
    DOCKER_MACHINE = "docker"

    network: Network
    fixed = (HOLDER,)

    def __init__(self, state: State, record: Record | None = None) -> None:
        super().__init__(state, record)
        self.daemons = self.processes
        self.network = Network(self.record, self.processes)
        self.nodes = [node_name(i) for i in range(1, self.record.nodes + 1)]

    @cached_property
    def plane(self) -> ControlPlane:
        """The control plane, beside the switch."""
        site = Site(
            address=self.network.control_plane,
            inside=self.network.control_plane,
            node=self.network.node,
            enter=self.network.enter,
            user=USER,
        )
        return ControlPlane(self.state, self.processes, site, self.nodes)

    @property
    def local_addresses(self) -> list[str]:  # the address by itself too: not every program understands networks
        return [self.network.control_plane, self.record.subnet]

    @classmethod
    def create(cls, state: State, *, name: str, options: CourseOptions = DEFAULTS) -> Self:
        """Write down a new course, or take the one that exists.

        Args:
            state: the course's folder.
            name: the course's name.
            options: of its ``nodes``, the last ones of too many are drained, and end.

        Raises:
            LabsError: no network is free, or a node could not be taken away.
        """
        nodes = options.nodes
        record = state.read() if state.exists else Record(name=name, engine=cls.kind, nodes=0)
        if nodes is not None and 0 < nodes < record.nodes:
            cls(state).remove_nodes(nodes)
        wanted = Record(**{**asdict(record), "nodes": nodes or record.nodes or 1, "subnet": choose_subnet(record)})
        if wanted != record:
            state.write(wanted)
        return cls(state)

    def remove_nodes(self, keep: int) -> None:
        """Take nodes away, with all that lies on their disks; pods that a controller owns are made again elsewhere.

        Args:
            keep: how many stay.

        Raises:
            LabsError: a part of one did not end.
        """
        for name in reversed(self.nodes[keep:]):
            answers = self.processes.component("kube-apiserver").state == "running"
            if answers:
                kubectl = kubectl_for(self.kubeconfig)
                drain = "--force --disable-eviction --ignore-daemonsets --delete-emptydir-data --grace-period=1"
                with suppress(CommandFailed):  # what does not end in time ends with the machine
                    run([*kubectl, "drain", name, *drain.split(), "--timeout=20s"], env=direct(), timeout=30)
            for component in reversed(node.COMPONENTS):
                self.processes.stop(f"{component}/{name}")
            if answers:  # not before its kubelet has ended, which would register it once more
                run([*kubectl, "delete", "node", name, "--ignore-not-found"], env=direct(), timeout=30)
            self.machine(name, ()).stop()
            remove_cgroups(self.record, name)
            for folder in ("nodes", "machines"):
                shutil.rmtree(self.folder / folder / name, ignore_errors=True)

    def tools(self, step: Step) -> Tools:
        return find_tools(step)

    def docker(self, tools: Tools) -> DockerEngine:
        """The Docker Engine, its machine started and linked to the network."""
        machine = self.machine(self.DOCKER_MACHINE, DockerEngine.binds(self.state, tools), tools)
        machine.start(self._hosts())
        self.network.attach(machine.require_pid(), self.DOCKER_MACHINE, self.network.docker)
        return DockerEngine(machine, self.state, tools, dns=self.network.host)

    def route_pods(self, nodes: Sequence[Node]) -> None:
        """Let the control plane and all machines reach the nodes' pods."""
        self.network.route_pods([node.index for node in nodes])

    def forwarding(self) -> dict[str, Any]:
        return {
            "docker_pid": self.machine(self.DOCKER_MACHINE, ()).require_pid(),
            "name_server": self.network.host,
            "nodes": [self.network.node(i) for i in range(1, self.record.nodes + 1)],
            "load_balancer": self.network.load_balancers,
        }

    def node(self, index: int, tools: Tools) -> Node:
        """A node, its machine started and linked to the network; ``index`` counts from 1."""
        name = node_name(index)
        machine = self.machine(name, Node.binds(name, self.state, tools), tools)
        machine.start(self._hosts())
        self.network.attach(machine.require_pid(), name, self.network.node(index))
        if index == 1:
            self.network.take_load_balancers(machine.require_pid())
        return Node(index, machine, self.state, self.network, tools)

    def machine(self, name: str, binds: Sequence[Bind], tools: Tools | None = None) -> NamespaceMachine:
        """A machine of this course by its name, started or not."""
        init = tools.init if tools else Path()
        return NamespaceMachine(
            name, record=self.record, state=self.state, processes=self.processes, binds=binds, init=init
        )

    def _hosts(self) -> dict[str, str]:
        nodes = {name: self.network.node(i) for i, name in enumerate(self.nodes, 1)}
        return {**nodes, "docker": self.network.docker, "control-plane": self.network.control_plane}

    # -- components: who is not root has `labs` change them with root's rights ------------------------------------

    def components(self) -> list[Component]:
        names = [HOLDER, DOCKER, REGISTRY, *control_plane.COMPONENTS]
        names += [f"{component}/{name}" for name in self.nodes for component in node.COMPONENTS]
        return [self.processes.component(name) for name in (*names, port_forwarder.COMPONENT)]

    def stop(self, name: str) -> None:
        self.require_changeable(name)
        if not self._as_root("component", "stop", name):
            super().stop(name)

    def kill(self, name: str) -> None:
        self.require_changeable(name)
        if not self._as_root("component", "kill", name):
            super().kill(name)

    def start(self, name: str) -> None:
        self.require_changeable(name)
        if not self._as_root("component", "start", name):
            super().start(name)

    def load_image(self, reference: str) -> str:
        return reference if self._as_root("load", reference) else super().load_image(reference)

    # -- stop and down ------------------------------------------------------------------------------------------

    def halt(self) -> None:
        self.processes.mark_unwanted()
        for name in [
            port_forwarder.COMPONENT,
            *(f"kubelet/{n}" for n in self.nodes),
            DOCKER,
            *reversed(control_plane.COMPONENTS),
        ]:
            self.end_component(name)
        self._end()

    def remove(self) -> None:
        self._end()
        self.state.remove()

    def _end(self) -> None:
        self.processes.end_all()
        unmount_below(self.folder)
        link = Network.link_name(self.record)
        if netlink.has_link(link):
            try:
                netlink.delete_link(link)
            except OSError:
                wait_for(lambda: not netlink.has_link(link), timeout=5, what=f"the link {link} to go")
        remove_cgroups(self.record)

    def _as_root(self, *arguments: str) -> bool:
        """Have `labs` do this with root's rights when we do not have them; return whether it did. Raises LabsError."""
        if os.geteuid() == 0:
            return False
        try:
            run(sudo([sys.executable, "-m", "labs.cli", "--name", self.name, *arguments]), timeout=180)
        except CommandFailed as error:
            raise EngineError(error.output.strip() or error.what) from error
        return True
