"""The engine `usermode`: a control plane on the host, Docker and one node in a kernel of their own, without rights."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

from labs.engines import binaries, control_plane, node, ports
from labs.engines.base import STARTUP, Component, Engine
from labs.engines.control_plane import ControlPlane
from labs.engines.docker_engine import DOCKER, REGISTRY, REGISTRY_PORT, DockerEngine, docker_archive
from labs.engines.network import Network
from labs.engines.node import Node, node_name
from labs.engines.processes import Processes
from labs.engines.progress import Reporter, Step
from labs.engines.site import PORTS, Site
from labs.engines.startup import start_ports
from labs.engines.state import Record, State
from labs.engines.tools import Tools, find_tools
from labs.engines.usermode import guest
from labs.engines.usermode.guest import KERNEL, SWITCH, Guest
from labs.engines.usermode.startup import UsermodeStartup
from labs.errors import CommandFailed, NotSupported

__all__ = ["UsermodeEngine"]

MEMORY = 1024
"""MiB of the guest, of which it takes from the host what it has ever touched."""
CONTAINERD = "/run/containerd/containerd.sock"


class GuestNetwork:
    """The addresses in a guest, which has one for all that runs in it."""

    docker = guest.ADDRESS
    pod_cidr = staticmethod(Network.pod_cidr)

    @staticmethod
    def node(index: int) -> str:
        """The address of the only node."""
        return guest.ADDRESS


class UsermodeEngine(Engine):
    """One course's engines as ordinary processes of this user.

    Args:
        state: the course's folder.
        record: its record; read from the folder when not given.
    """

    kind = "usermode"

    def __init__(self, state: State, record: Record | None = None) -> None:
        self.record = record or state.read()
        self.folder, self.state, self.name = state, state.folder, self.record.name
        self.processes = Processes(state, self.record.id)
        self.network = GuestNetwork()
        self.nodes = [node_name(1)]
        self.context = "kube-labs" if self.name == "default" else f"kube-labs-{self.name}"
        self.registry = f"localhost:{REGISTRY_PORT}"
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
    def kubeconfig(self) -> Path:  # type: ignore[override]
        return self.plane.kubeconfig

    @property
    def docker_host(self) -> str:  # type: ignore[override]
        return f"unix://{self.state / 'docker/run/docker.sock'}"

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

    def up(self, reporter: Reporter) -> None:
        """Start what does not run; what is missing is fetched or built. Raises LabsError."""
        reporter.record_to(self.state / STARTUP)
        UsermodeStartup(self).run(reporter)

    def tools(self, step: Step) -> Tools:
        """The node's programs. Raises LabsError."""
        return find_tools(step, own_kernel=True)

    def docker(self, tools: Tools) -> DockerEngine:
        """The Docker Engine in the guest, which shares the node's containerd."""
        listen = f"tcp://{guest.ADDRESS}:{guest.DOCKER_PORT}"
        return DockerEngine(
            self.guest, self.folder, tools, dns=guest.GATEWAY, listen=listen, containerd=CONTAINERD, programs="bin"
        )

    def all_nodes(self, tools: Tools) -> list[Node]:
        """The only node."""
        return [Node(1, self.guest, self.folder, self.network, tools)]

    def route_pods(self, nodes: Sequence[Node]) -> None:
        """Let what pods send to the host bear the guest's address, the only one that the host's side knows."""
        for each in nodes:
            rule = ["-s", self.network.pod_cidr(each.index), "-o", "vec0", "-j", "MASQUERADE"]
            env = each.tools.env
            iptables = [guest.IPTABLES, "-w", "-t", "nat"]
            with suppress(CommandFailed):  # there is none yet
                self.guest.run([*iptables, "-D", "POSTROUTING", *rule], env=env)
            self.guest.run([*iptables, "-A", "POSTROUTING", *rule], env=env)

    def forwarding(self) -> dict:
        """How the forwarder to localhost reaches what it leads to."""
        return {"door": str(self.guest.socket), "nodes": [guest.ADDRESS]}

    # -- status and single components ---------------------------------------------------------------------------

    def status(self) -> list[Component]:
        node_parts = [f"{component}/{name}" for name in self.nodes for component in node.COMPONENTS]
        inside = {part.name: part for part in self._inside([DOCKER, REGISTRY, *node_parts])}
        names = [SWITCH, KERNEL, DOCKER, REGISTRY, *control_plane.COMPONENTS, *node_parts, ports.COMPONENT]
        parts = [inside.get(name) or self.processes.component(name) for name in names]
        return [ports.with_detail(part, self.state) for part in parts]

    def _inside(self, names: Sequence[str]) -> list[Component]:
        """The states of what runs in the guest, which cannot be asked when its kernel or its network has ended."""
        for each in (KERNEL, SWITCH):
            state = self.processes.component(each).state
            if state != "running":
                detail = f"its {each} ended" if state == "failed" else ""
                return [Component(name, state, log=self.guest.log(name), detail=detail) for name in names]
        return self.guest.components(names)

    def stop(self, name: str) -> None:
        self._may_change(name)
        self._keeper(name).stop(name, timeout=1 if name in ("etcd", "kube-apiserver") else 10)

    def start(self, name: str) -> None:
        self._may_change(name)
        step = Reporter(quiet=True).began(name)
        if name in control_plane.COMPONENTS:
            self.plane.start_component(name, binaries.ensure([name], step))
            self.plane.wait_started(name)
        elif name == DOCKER:
            self.docker(self.tools(step)).start()
        elif name == REGISTRY:
            self.docker(self.tools(step)).start_registry(binaries.ensure([REGISTRY], step)[REGISTRY])
        elif name == ports.COMPONENT:
            start_ports(self)
        else:
            component = name.partition("/")[0]
            programs = {} if component == "containerd" else binaries.ensure([component], step)
            self.all_nodes(self.tools(step))[0].start_component(component, programs)

    def _may_change(self, name: str) -> None:
        self.component(name)
        if name in (SWITCH, KERNEL):
            raise NotSupported(
                "Every other component hangs on the kernel and its network, so they are not started or stopped alone.",
                "`labs up` starts them with all that hangs on them.",
            )

    def _keeper(self, name: str) -> Processes | Guest:
        """Who knows a component: the guest, or the host."""
        is_inside = "/" in name or name in (DOCKER, REGISTRY)
        return self.guest if is_inside else self.processes

    def logs(self, name: str, lines: int = 50) -> str:
        self.component(name)
        return self._keeper(name).tail(name, lines)

    def load_image(self, reference: str) -> str:
        archive = docker_archive(self.docker_host, reference)
        for each in self.all_nodes(self.tools(Reporter(quiet=True).began("tools"))):
            each.import_bytes(archive)
        return reference

    # -- stop and down ------------------------------------------------------------------------------------------

    def halt(self) -> None:
        """Stop everything, and keep what it holds: images, containers, objects, volumes."""
        self.processes.forget()
        for name in (ports.COMPONENT, *reversed(control_plane.COMPONENTS)):
            self.stop_on_host(name)
        self.guest.end()
        self.processes.end_all()

    def stop_on_host(self, name: str) -> None:
        """Stop a component on the host; etcd and the API server, which would wait for their clients, at once."""
        self.processes.stop(name, timeout=1 if name in ("etcd", "kube-apiserver") else 10)

    def remove(self) -> None:
        """Stop everything and delete the course's folder. What was fetched or built stays in the cache."""
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
