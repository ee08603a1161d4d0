"""The engine `host`: everything on this Linux machine, as root, in namespaces of its own."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from contextlib import closing
from pathlib import Path

from labs.engines import addons, binaries, control_plane, node, ports
from labs.engines.base import Component, Engine
from labs.engines.control_plane import ControlPlane
from labs.engines.docker_engine import DOCKER, REGISTRY, REGISTRY_PORT, DockerEngine
from labs.engines.images import assemble
from labs.engines.machine import Machine, cgroup_path, remove_cgroups
from labs.engines.network import HOLDER, Network, choose_subnet
from labs.engines.node import Node, node_name
from labs.engines.processes import Processes, run
from labs.engines.progress import Reporter, Step, Task, run_tasks
from labs.engines.state import Record, State
from labs.engines.tools import Tools, find_tools
from labs.errors import CommandFailed, EngineError, NotSupported
from labs.waiting import wait_for

__all__ = ["HostEngine"]

DOCKER_MACHINE = "docker"
KUBERNETES = (*control_plane.COMPONENTS[1:], "kubelet", "kube-proxy")


class HostEngine(Engine):
    """One course's engines on this machine.

    Args:
        state: the course's folder; its record must exist.
    """

    kind = "host"

    def __init__(self, state: State) -> None:
        self.record = state.read()
        self._state, self.state, self.name = state, state.folder, self.record.name
        self.processes = Processes(state, self.record.id)
        self.network = Network(self.record, self.processes)
        self.nodes = [node_name(i) for i in range(1, self.record.nodes + 1)]
        self.context = "kube-labs" if self.name == "default" else f"kube-labs-{self.name}"
        self.registry = f"localhost:{REGISTRY_PORT}"
        self.plane = ControlPlane(state, self.processes, self.network, self.nodes)

    @property
    def kubeconfig(self) -> Path:  # type: ignore[override]
        return self.plane.kubeconfig

    @property
    def docker_host(self) -> str:  # type: ignore[override]
        return f"unix://{self.state / 'docker/run/docker.sock'}"

    # -- up ---------------------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, state: State, *, name: str, nodes: int) -> HostEngine:
        """Write down a new course, or take the one that exists. Raises NotSupported for another number of nodes."""
        if state.exists:
            record = state.read()
            if record.nodes != nodes:
                raise NotSupported(
                    f"The course {name!r} has {record.nodes} node(s), not {nodes}.",
                    "Run `labs down` first, or choose another course: `labs --name NAME up`.",
                )
        else:
            record = Record(name=name, engine="host", nodes=nodes)
        subnet = choose_subnet(record)
        if subnet != record.subnet or not state.exists:
            record.subnet = subnet
            state.write(record)
        return cls(state)

    def up(self, reporter: Reporter) -> None:
        """Start what does not run; what is missing is fetched or built. Raises LabsError."""
        kube = [*control_plane.COMPONENTS, "kubelet", "kube-proxy"]
        found: dict[str, Path] = {}
        tools: list[Tools] = []

        def program_step(names):
            def work(step: Step) -> None:
                found.update(binaries.ensure(names, step))

            return work

        def get_tools(step: Step) -> None:
            tools.append(find_tools(step))

        def docker(step: Step) -> None:
            self._docker(tools[0]).start()

        def load(step: Step) -> None:
            archives = assemble.base_images(step)
            engine = self._docker(tools[0])
            mark = self.state / "docker/data/.loaded"
            digest = assemble.digest_of(archives)
            if not mark.exists() or mark.read_text() != digest:
                step.update("loading")
                engine.load(archives)
                mark.write_text(digest)

        def plane(step: Step) -> None:
            self.plane.issue(self.context)
            for component in control_plane.COMPONENTS:
                step.update(component)
                self.plane.start_component(component, found)
                if component == "kube-apiserver":
                    self.plane.wait_ready()

        def containerds(step: Step) -> None:
            _, pause = assemble.system_image("pause")
            for each in self._all_nodes(tools[0]):
                step.update(each.name)
                each.start_containerd()
                each.import_images([pause])

        def kubelets(step: Step) -> None:
            for each in self._all_nodes(tools[0]):
                each.start_kubelet(found)
                each.start_proxy(found)
            self.network.route_pods(range(1, self.record.nodes + 1))
            self._wait_nodes(step)

        def images(step: Step) -> None:
            archives = assemble.base_images(step)
            for each in self._all_nodes(tools[0]):
                step.update(each.name)
                each.import_images(archives)

        def cluster_services(step: Step) -> None:
            system = [assemble.system_image(program)[1] for program in addons.ADDONS]
            for each in self._all_nodes(tools[0]):
                step.update(f"images on {each.name}")
                each.import_images(system)
            step.update("applying")
            addons.apply(self.kubeconfig)
            step.update("waiting for names to resolve")
            self._wait_addons()

        tasks: dict[str, Task] = {
            "programs of the node": ((), get_tools),
            "network": ((), lambda step: self.network.start()),
            "Docker Engine": (("programs of the node", "network"), docker),
            "base images": (("Docker Engine",), load),
            "pause": ((), program_step(["pause"])),
            "Kubernetes programs": ((), program_step(kube)),
            "add-on programs": (("Kubernetes programs",), program_step([*addons.ADDONS, REGISTRY])),
            "registry": (("add-on programs", "Docker Engine"), lambda step: self._docker(tools[0]).start_registry(found[REGISTRY])),
            "control plane": (("Kubernetes programs", "network"), plane),
            "containerd": (("programs of the node", "network", "pause"), containerds),
            "nodes": (("control plane", "containerd"), kubelets),
            "images on the nodes": (("containerd", "base images"), images),
            "add-ons": (("nodes", "add-on programs"), cluster_services),
            "ports on localhost": (("control plane", "Docker Engine"), lambda step: self._start_ports()),
        }
        run_tasks(tasks, reporter)

    def _docker(self, tools: Tools) -> DockerEngine:
        machine = self._machine(DOCKER_MACHINE, DockerEngine.binds(self._state, tools, None), tools)
        if machine.start(self._hosts()):
            self.network.attach(machine.pid, DOCKER_MACHINE, self.network.docker)
        return DockerEngine(machine, self._state, tools)

    def _node(self, index: int, tools: Tools) -> Node:
        name = node_name(index)
        machine = self._machine(name, Node.binds(name, self._state, tools), tools)
        if machine.start(self._hosts()):
            self.network.attach(machine.pid, name, self.network.node(index))
            machine.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"], env=tools.env)
        return Node(index, machine, self._state, self.network, tools)

    def _all_nodes(self, tools: Tools) -> list[Node]:
        return [self._node(i, tools) for i in range(1, self.record.nodes + 1)]

    def _machine(self, name: str, binds, tools: Tools) -> Machine:
        return Machine(
            name, record=self.record, state=self._state, processes=self.processes, binds=binds, init=tools.init
        )

    def _hosts(self) -> dict[str, str]:
        nodes = {name: self.network.node(i) for i, name in enumerate(self.nodes, 1)}
        return {**nodes, DOCKER_MACHINE: self.network.docker, "control-plane": self.network.control_plane}

    def _kubectl(self, *arguments: str, timeout: float = 30) -> str:
        return run([addons.kubectl(), f"--kubeconfig={self.kubeconfig}", *arguments], timeout=timeout)

    def _wait_nodes(self, step: Step) -> None:
        def ready() -> bool:
            for name in self.nodes:
                self.processes.check_alive(f"kubelet/{name}")
            nodes = json.loads(self._kubectl("get", "nodes", "-o", "json"))["items"]
            for item in nodes:
                index = self.nodes.index(item["metadata"]["name"]) + 1
                if not item["spec"].get("podCIDR"):
                    patch = {"spec": {"podCIDR": self.network.pod_cidr(index), "podCIDRs": [self.network.pod_cidr(index)]}}
                    self._kubectl("patch", "node", item["metadata"]["name"], "-p", json.dumps(patch))
            conditions = [c for item in nodes for c in item["status"].get("conditions", [])]
            count = sum(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
            step.update(f"{count} of {len(self.nodes)} ready", count / len(self.nodes))
            return count == len(self.nodes)

        wait_for(ready, timeout=90, what="the nodes to be Ready", hint="`labs logs kubelet/node1` shows why.", interval=0.1)

    def _wait_addons(self) -> None:
        self._kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=90s", timeout=100)

    def _start_ports(self) -> None:
        machine = self.processes.component(f"machine/{DOCKER_MACHINE}").pid
        inner = Machine(DOCKER_MACHINE, record=self.record, state=self._state, processes=self.processes, binds=(), init=Path())
        config = {
            "docker_pid": inner.pid or machine,
            "docker_socket": str(self.state / "docker/run/docker.sock"),
            "nodes": [self.network.node(i) for i in range(1, self.record.nodes + 1)],
            "api": self.plane.server.removeprefix("https://"),
            "ca": str(self.state / "ca.crt"),
            "certificate": str(self.plane.folder / "ports.crt"),
            "key": str(self.plane.folder / "ports.key"),
        }
        self._state.write_file(ports.CONFIG, json.dumps(config))
        self.processes.start(ports.COMPONENT, [sys.executable, "-m", "labs.engines.ports", self.state])

    # -- status and single components -----------------------------------------------------------------------------------

    def status(self) -> list[Component]:
        names = [DOCKER, REGISTRY, *control_plane.COMPONENTS]
        names += [f"{component}/{name}" for name in self.nodes for component in node.COMPONENTS]
        names += [ports.COMPONENT]
        return [self._with_detail(self.processes.component(name)) for name in names]

    def _with_detail(self, component: Component) -> Component:
        if component.name == ports.COMPONENT and component.state == "running":
            try:
                told = json.loads((self.state / ports.STATE).read_text())
            except (OSError, ValueError):
                return component
            words = [f"localhost:{p} is taken by another program" for p in told["problems"]]
            words = words or ([f"localhost:{', '.join(map(str, told['listening']))}"] if told["listening"] else [])
            return Component(component.name, component.state, component.pid, component.argv, component.log, "; ".join(words))
        return component

    def stop(self, name: str) -> None:
        self.component(name)
        self._need_root()
        self.processes.stop(name)

    def start(self, name: str) -> None:
        self.component(name)
        self._need_root()
        reporter = Reporter(quiet=True)
        step = reporter.began(name)
        if name in control_plane.COMPONENTS:
            self.plane.start_component(name, binaries.ensure([name], step))
            if name in ("etcd", "kube-apiserver") and self.processes.component("kube-apiserver").state == "running":
                self.plane.wait_ready()
        elif name == DOCKER:
            self._docker(find_tools(step)).start()
        elif name == REGISTRY:
            self._docker(find_tools(step)).start_registry(binaries.ensure([REGISTRY], step)[REGISTRY])
        elif name == ports.COMPONENT:
            self._start_ports()
        else:
            component, _, where = name.partition("/")
            each = self._node(self.nodes.index(where) + 1, find_tools(step))
            programs = {} if component == "containerd" else binaries.ensure([component], step)
            each.start_component(component, programs)

    def logs(self, name: str, lines: int = 50) -> str:
        self.component(name)
        return self.processes.tail(name, lines)

    def load_image(self, reference: str) -> None:
        import docker  # noqa: PLC0415

        with closing(docker.DockerClient(base_url=self.docker_host, timeout=120)) as client:
            try:
                archive = b"".join(client.images.get(reference).save(named=reference))
            except docker.errors.ImageNotFound:
                have = sorted(tag for image in client.images.list() for tag in image.tags)
                raise EngineError(
                    f"Docker has no image {reference!r}.", f"Build it first; Docker has: {', '.join(have)}."
                ) from None
        tools = find_tools(Reporter(quiet=True).began("tools"))
        for each in self._all_nodes(tools):
            each.import_stream(io.BytesIO(archive))

    # -- stop and down --------------------------------------------------------------------------------------------------

    def halt(self) -> None:
        """Stop everything, and keep what it holds: images, containers, objects, volumes."""
        self._need_root()
        self.processes.forget()
        for name in [ports.COMPONENT, *(f"kubelet/{n}" for n in self.nodes), DOCKER, *reversed(control_plane.COMPONENTS)]:
            self.processes.stop(name, timeout=15)
        self._end()

    def remove(self) -> None:
        """Stop everything and delete the course's folder. What was fetched or built stays in the cache."""
        self._need_root()
        self._end()
        self._state.remove()

    def _end(self) -> None:
        self.processes.end_all()
        link = Network.link_name(self.record)
        if Path(f"/sys/class/net/{link}").exists():
            try:
                run(["ip", "link", "delete", link])
            except CommandFailed:
                wait_for(lambda: not Path(f"/sys/class/net/{link}").exists(), timeout=5, what=f"the link {link} to go")
        remove_cgroups(self.record)

    def _need_root(self) -> None:
        if os.geteuid():
            raise NotSupported("This needs root's rights.", "Run it in a terminal with sudo: `sudo labs ...`.")
