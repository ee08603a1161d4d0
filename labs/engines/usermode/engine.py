"""The engine `usermode`: a control plane on the host, Docker and one node in a kernel of their own, without rights."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from labs.engines.base import DEFAULTS, CourseOptions
from labs.engines.cluster import control_plane, node, port_forwarder
from labs.engines.cluster.addresses import pod_cidr
from labs.engines.cluster.control_plane import ControlPlane
from labs.engines.cluster.control_plane_flags import PORTS, Site
from labs.engines.cluster.docker_engine import DOCKER, REGISTRY, DockerEngine
from labs.engines.cluster.machine import Daemons
from labs.engines.cluster.node import Node, node_name
from labs.engines.managed import ManagedEngine
from labs.engines.programs.node_tools import Tools, find_tools
from labs.engines.runtime.component import Component
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.state import Record, State
from labs.engines.usermode import dockerd, guest
from labs.engines.usermode.disk import GuestDisk
from labs.engines.usermode.guest import KERNEL, SWITCH, Guest
from labs.engines.usermode.preparation import UsermodePreparation
from labs.engines.usermode.startup import UsermodeStartup
from labs.errors import CommandFailed, NotSupported

__all__ = ["UsermodeEngine"]

CONTAINERD = "/run/containerd/containerd.sock"


class GuestNetwork:
    """The addresses in a guest, which has one for all that runs in it."""

    docker = guest.ADDRESS

    @staticmethod
    def node(index: int) -> str:
        """The address of the only node."""
        return guest.ADDRESS


class UsermodeEngine(ManagedEngine):
    """One course's engines as ordinary processes of this user.

    Args:
        state: the course's folder.
        record: its record; read from the folder when not given.
    """

    kind = "usermode"
    steps = UsermodeStartup
    preparation = UsermodePreparation
    fixed = (SWITCH, KERNEL)

    def __init__(self, state: State, record: Record | None = None) -> None:
        super().__init__(state, record)
        self.network = GuestNetwork()
        self.nodes = [node_name(1)]
        self.daemons: Guest
        self.guest = self.daemons = Guest(state, self.processes, self.nodes[0])

    @cached_property
    def plane(self) -> ControlPlane:
        """The control plane, on this host's loopback."""
        site = Site(
            address="127.0.0.1",
            inside=guest.HOST,
            node=self.network.node,
            ports=self.record.settings["ports"],
            egress=self.guest.socket,
        )
        return ControlPlane(self.state, self.processes, site, self.nodes)

    @property
    def local_addresses(self) -> list[str]:
        return ["127.0.0.1"]

    @classmethod
    def create(cls, state: State, *, name: str, options: CourseOptions = DEFAULTS) -> Self:
        """Write down a new course, or take the one that exists.

        Args:
            state: the course's folder.
            name: the course's name.
            options: its ``nodes`` must be None or 1.

        Raises:
            NotSupported: more than one node is wanted.
        """
        if options.nodes not in (None, 1):
            raise NotSupported("The engine `usermode` has one node.", "Several need the engine `host`, and so root.")
        record = state.read() if state.exists else Record(name=name, engine=cls.kind, nodes=1)
        engine = cls(state, record)
        ports = record.settings.get("ports", {})
        running = any(engine.processes.component(name).state == "running" for name in control_plane.COMPONENTS)
        if not running and not (ports and all(_is_free(port) for port in ports.values())):
            record = Record(**{**asdict(record), "settings": {**record.settings, "ports": _free_ports()}})
            state.write(record)
        return cls(state)

    def tools(self, step: Step) -> Tools:
        found = find_tools(step, own_kernel=True)
        return replace(found, env={**found.env, "PATH": f"{guest.PROGRAMS}:{found.env['PATH']}"})

    def dockerd(self, step: Step) -> Path | None:
        return dockerd.ensure(step)

    def docker(self, tools: Tools) -> DockerEngine:
        """The Docker Engine in the guest, which shares the node's containerd."""
        listen = f"unix://{guest.DOCKER_SOCKET}"
        return DockerEngine(
            self.guest, self.state, tools, dns=guest.ADDRESS, listen=listen, containerd=CONTAINERD, programs="bin"
        )

    def node(self, index: int, tools: Tools) -> Node:
        return Node(index, self.guest, self.state, self.network, tools)

    def route_pods(self, nodes: Sequence[Node]) -> None:
        """Let pods reach the API server, and nothing else of the host's.

        What they send there has the guest's address, the only one that the host's side knows.
        """
        api = ["-d", guest.HOST, "-p", "tcp", "--dport", str(self.record.settings["ports"]["kube-apiserver"])]
        for each in nodes:
            rules = [
                ("nat", "POSTROUTING", ["-s", pod_cidr(each.index), "-o", "vec0", "-j", "MASQUERADE"]),
                ("filter", "DOCKER-USER", ["-o", "vec0", *api, "-j", "RETURN"]),
            ]
            for table, chain, rule in rules:
                iptables = ["iptables", "-w", "-t", table]
                with suppress(CommandFailed):  # there is none yet
                    self.guest.run([*iptables, "-D", chain, *rule], env=each.tools.env)
                self.guest.run([*iptables, "-I", chain, *rule], env=each.tools.env)

    def forwarding(self) -> dict[str, Any]:
        return {"agent": str(self.guest.socket), "nodes": [guest.ADDRESS]}

    def components(self) -> list[Component]:
        node_parts = [f"{component}/{name}" for name in self.nodes for component in node.COMPONENTS]
        inside = {part.name: part for part in self._inside([DOCKER, REGISTRY, *node_parts])}
        names = [SWITCH, KERNEL, DOCKER, REGISTRY, *control_plane.COMPONENTS, *node_parts, port_forwarder.COMPONENT]
        found = [inside.get(name) or self.processes.component(name) for name in names]
        return [self._with_condition(each) if each.name == KERNEL and each.pid else each for each in found]

    def _with_condition(self, kernel: Component) -> Component:
        """The kernel that runs, with what is wrong with it."""
        if self.guest.is_degraded():
            lost = "a program in it was killed from outside, as when this machine's memory is short"
            return replace(kernel, state="failed", detail=lost)
        return replace(kernel, detail=GuestDisk(self.state).note)

    def _inside(self, names: Sequence[str]) -> list[Component]:
        """The states of what runs in the guest, which cannot be asked when its kernel or its network has ended."""
        for each in (KERNEL, SWITCH):
            state = self.processes.component(each).state
            if state != "running":
                detail = f"its {each} ended" if state == "failed" else ""
                return [Component(name, state, log=self.guest.log(name), detail=detail) for name in names]
        return self.guest.components(names)

    def supervisor(self, name: str) -> Daemons:
        is_inside = "/" in name or name in (DOCKER, REGISTRY)
        return self.guest if is_inside else self.processes

    def halt(self) -> None:
        self.processes.mark_unwanted()
        for name in (port_forwarder.COMPONENT, *reversed(control_plane.COMPONENTS)):
            self.end_component(name)
        self.guest.end()
        self.processes.end_all()

    def remove(self) -> None:
        self.processes.end_all()
        self.state.remove()


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as trial, suppress(OSError):
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(("127.0.0.1", port))
        return True
    return False


def _free_ports() -> dict[str, int]:
    """A port on 127.0.0.1 for everything that the control plane listens on, all of them free now."""
    with_socket = {}
    try:
        for name in PORTS:
            with_socket[name] = socket.socket()
            with_socket[name].bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in with_socket.items()}
    finally:
        for each in with_socket.values():
            each.close()
