"""The engine `usermode`: a control plane on the host, Docker and one node in a kernel of their own, without rights."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

from labs.engines import control_plane, node, ports
from labs.engines.base import Component
from labs.engines.control_plane import ControlPlane
from labs.engines.docker_engine import DOCKER, REGISTRY, DockerEngine
from labs.engines.network import Network
from labs.engines.node import Node, node_name
from labs.engines.own import OwnEngine
from labs.engines.processes import Processes
from labs.engines.progress import Step
from labs.engines.site import PORTS, Site
from labs.engines.state import Record, State
from labs.engines.tools import Tools, find_tools
from labs.engines.usermode import dockerd, guest
from labs.engines.usermode.disk import Disk
from labs.engines.usermode.guest import KERNEL, SWITCH, Guest
from labs.engines.usermode.preparing import UsermodePreparation
from labs.engines.usermode.startup import UsermodeStartup
from labs.errors import CommandFailed, NotSupported

__all__ = ["UsermodeEngine"]

CONTAINERD = "/run/containerd/containerd.sock"


class GuestNetwork:
    """The addresses in a guest, which has one for all that runs in it."""

    docker = guest.ADDRESS
    pod_cidr = staticmethod(Network.pod_cidr)

    @staticmethod
    def node(index: int) -> str:
        """The address of the only node."""
        return guest.ADDRESS


class UsermodeEngine(OwnEngine):
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
        return ControlPlane(self.folder, self.processes, site, self.nodes)

    @property
    def local_addresses(self) -> list[str]:
        return ["127.0.0.1"]

    @classmethod
    def create(cls, state: State, *, name: str, nodes: int | None = None) -> UsermodeEngine:
        """Write down a new course, or take the one that exists.

        Args:
            state: the course's folder.
            name: the course's name.
            nodes: None or 1.

        Raises:
            NotSupported: more than one node is wanted.
        """
        if nodes not in (None, 1):
            raise NotSupported("The engine `usermode` has one node.", "Several need the engine `host`, and so root.")
        record = state.read() if state.exists else Record(name=name, engine="usermode", nodes=1)
        engine = cls(state, record)
        known = record.settings.get("ports", {})
        running = any(engine.processes.component(name).state == "running" for name in control_plane.COMPONENTS)
        if not running and not (known and all(_is_free(port) for port in known.values())):
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
            self.guest, self.folder, tools, dns=guest.ADDRESS, listen=listen, containerd=CONTAINERD, programs="bin"
        )

    def node(self, index: int, tools: Tools) -> Node:
        return Node(index, self.guest, self.folder, self.network, tools)

    def route_pods(self, nodes: Sequence[Node]) -> None:
        """Let pods reach the API server, and nothing else of the host's.

        What they send there bears the guest's address, the only one that the host's side knows.
        """
        api = ["-d", guest.HOST, "-p", "tcp", "--dport", str(self.record.settings["ports"]["kube-apiserver"])]
        for each in nodes:
            rules = [
                ("nat", "POSTROUTING", ["-s", self.network.pod_cidr(each.index), "-o", "vec0", "-j", "MASQUERADE"]),
                ("filter", "DOCKER-USER", ["-o", "vec0", *api, "-j", "RETURN"]),
            ]
            for table, chain, rule in rules:
                iptables = ["iptables", "-w", "-t", table]
                with suppress(CommandFailed):  # there is none yet
                    self.guest.run([*iptables, "-D", chain, *rule], env=each.tools.env)
                self.guest.run([*iptables, "-I", chain, *rule], env=each.tools.env)

    def forwarding(self) -> dict:
        return {"door": str(self.guest.socket), "nodes": [guest.ADDRESS]}

    def components(self) -> list[Component]:
        node_parts = [f"{component}/{name}" for name in self.nodes for component in node.COMPONENTS]
        inside = {part.name: part for part in self._inside([DOCKER, REGISTRY, *node_parts])}
        names = [SWITCH, KERNEL, DOCKER, REGISTRY, *control_plane.COMPONENTS, *node_parts, ports.COMPONENT]
        found = [inside.get(name) or self.processes.component(name) for name in names]
        return [self._remarked(each) if each.name == KERNEL and each.pid else each for each in found]

    def _remarked(self, kernel: Component) -> Component:
        """The kernel that runs, with what is wrong with it."""
        if self.guest.is_ailing():
            lost = "a program in it was killed from outside, as when this machine's memory is short"
            return replace(kernel, state="failed", detail=lost)
        return replace(kernel, detail=Disk(self.folder).note)

    def _inside(self, names: Sequence[str]) -> list[Component]:
        """The states of what runs in the guest, which cannot be asked when its kernel or its network has ended."""
        for each in (KERNEL, SWITCH):
            state = self.processes.component(each).state
            if state != "running":
                detail = f"its {each} ended" if state == "failed" else ""
                return [Component(name, state, log=self.guest.log(name), detail=detail) for name in names]
        return self.guest.components(names)

    def keeper(self, name: str) -> Processes | Guest:
        is_inside = "/" in name or name in (DOCKER, REGISTRY)
        return self.guest if is_inside else self.processes

    def halt(self) -> None:
        self.processes.forget()
        for name in (ports.COMPONENT, *reversed(control_plane.COMPONENTS)):
            self.end_component(name)
        self.guest.end()
        self.processes.end_all()

    def remove(self) -> None:
        self.processes.end_all()
        self.folder.remove()


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
