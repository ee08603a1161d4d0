"""The steps that bring the engine `host` up, each begun as soon as what it needs is there."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labs.engines import addons, binaries, control_plane, ports
from labs.engines.docker_engine import REGISTRY
from labs.engines.images import assemble
from labs.engines.processes import run
from labs.engines.progress import Reporter, Step, Task, run_tasks
from labs.engines.state import owner
from labs.engines.tools import Tools
from labs.errors import CommandFailed
from labs.waiting import wait_for

if TYPE_CHECKING:
    from labs.engines.host import HostEngine

__all__ = ["Preparation", "Startup", "start_ports"]

NODE = re.compile(r"node[0-9]+")
KUBERNETES = (*control_plane.COMPONENTS, "kubelet", "kube-proxy")


class Startup:
    """One run of `labs up`. Args: ``engine``, the engine that comes up."""

    def __init__(self, engine: HostEngine) -> None:
        self.engine = engine
        self.programs: dict[str, Path] = {}
        self._tools: Tools | None = None

    def run(self, reporter: Reporter) -> None:
        """Do all steps. Raises LabsError; what was begun is kept for the next try."""
        uid, gid = owner()
        self.engine.folder.make_folder("lessons", mode=0o700, uid=uid, gid=gid)
        run_tasks(self.tasks(), reporter)

    def tasks(self) -> dict[str, Task]:
        """The steps, by the names that are shown."""
        return {
            "programs of the node": ((), self.find_tools),
            "network": ((), self.start_network),
            "Docker Engine": (("programs of the node", "network"), self.start_docker),
            "base images": (("Docker Engine",), self.load_base_images),
            "pause": ((), self.ensure("pause")),
            "Kubernetes programs": ((), self.ensure(*KUBERNETES)),
            "add-on programs": (("Kubernetes programs",), self.ensure(*addons.ADDONS, REGISTRY)),
            "registry": (("add-on programs", "Docker Engine"), self.start_registry),
            "control plane": (("Kubernetes programs", "network"), self.start_control_plane),
            "containerd": (("programs of the node", "network", "pause"), self.start_containerd),
            "nodes": (("control plane", "containerd"), self.start_nodes),
            "images on the nodes": (("containerd", "base images"), self.import_base_images),
            "add-ons": (("nodes", "add-on programs"), self.start_addons),
            "ports on localhost": (("control plane", "Docker Engine"), lambda step: start_ports(self.engine)),
        }

    @property
    def tools(self) -> Tools:
        assert self._tools is not None, "every step that needs the tools comes after find_tools"
        return self._tools

    def ensure(self, *programs: str) -> Callable[[Step], None]:
        """A step that finds, downloads or builds programs."""

        def work(step: Step) -> None:
            self.programs.update(binaries.ensure(programs, step))

        return work

    def find_tools(self, step: Step) -> None:
        self._tools = self.engine.tools(step)

    def start_network(self, step: Step) -> None:
        if self.engine.network.start():  # what was bound to an earlier network would never answer again
            for component in (*control_plane.COMPONENTS, ports.COMPONENT):
                self.engine.processes.stop(component)

    def start_docker(self, step: Step) -> None:
        self.engine.docker(self.tools).start(self.engine.dockerd(step))

    def start_registry(self, step: Step) -> None:
        self.engine.docker(self.tools).start_registry(self.programs[REGISTRY])

    def load_base_images(self, step: Step) -> None:
        archives = assemble.base_images(step)
        step.update("loading")
        self.engine.docker(self.tools).load(archives)

    def start_control_plane(self, step: Step) -> None:
        plane = self.engine.plane
        if self.engine.processes.component("kube-apiserver").state != "running":
            plane.issue(self.engine.context)
        else:
            plane.issue_new_nodes()
        for component in control_plane.COMPONENTS:
            step.update(component)
            plane.start_component(component, self.programs)
            if component == "kube-apiserver":
                plane.wait_ready()

    def start_containerd(self, step: Step) -> None:
        pause = assemble.system_images(["pause"])
        for node in self.engine.all_nodes(self.tools):
            step.update(node.name)
            node.start_containerd()
            node.import_images(pause)

    def start_nodes(self, step: Step) -> None:
        nodes = self.engine.all_nodes(self.tools)
        self.engine.route_pods(nodes)
        for node in nodes:
            node.start_kubelet(self.programs)
            node.start_proxy(self.programs)
        trouble = ""

        def ready() -> bool:
            nonlocal trouble
            try:
                trouble = ""
                return self._nodes_ready(step)
            except CommandFailed as error:  # an API server that does not answer just now may do so a moment later
                trouble = error.what
                return False

        wait_for(
            ready,
            timeout=90,
            what="the nodes to be Ready",
            hint="`labs logs kubelet/node1` and `labs logs kube-apiserver` show why.",
            state=lambda: trouble or "not Ready",
            interval=0.1,
        )

    def import_base_images(self, step: Step) -> None:
        archives = assemble.base_images(step)
        for node in self.engine.all_nodes(self.tools):
            step.update(node.name)
            node.import_images(archives)

    def import_addons(self, step: Step) -> None:
        archives = assemble.system_images(addons.ADDONS)
        for node in self.engine.all_nodes(self.tools):
            step.update(f"images on {node.name}")
            node.import_images(archives)

    def start_addons(self, step: Step) -> None:
        self.import_addons(step)
        step.update("applying")
        addons.apply(self.engine.kubeconfig)
        step.update("waiting for names to resolve")
        self._kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=90s", timeout=100)

    def _nodes_ready(self, step: Step) -> bool:
        engine = self.engine
        for name in engine.nodes:
            engine.daemons.check_alive(f"kubelet/{name}")
        known = json.loads(self._kubectl("get", "nodes", "-o", "json", timeout=10))["items"]
        found = [item for item in known if item["metadata"]["name"] in engine.nodes]
        for name in {item["metadata"]["name"] for item in known} - {*engine.nodes}:
            if NODE.fullmatch(name):  # taken away while no API server ran; Nodes of other names are somebody else's
                self._kubectl("delete", "node", name, "--ignore-not-found")
        for item in found:
            if not item["spec"].get("podCIDR"):
                name = item["metadata"]["name"]
                cidr = engine.network.pod_cidr(engine.nodes.index(name) + 1)
                self._kubectl("patch", "node", name, "-p", json.dumps({"spec": {"podCIDR": cidr, "podCIDRs": [cidr]}}))
        ready = sum(_is_ready(item, engine.daemons.born(f"kubelet/{item['metadata']['name']}")) for item in found)
        step.update(f"{ready} of {len(engine.nodes)} ready", ready / len(engine.nodes))
        return ready == len(engine.nodes)

    def _kubectl(self, *arguments: str, timeout: float = 30) -> str:
        kubectl = addons.kubectl_for(self.engine.kubeconfig)
        return run([*kubectl, *arguments], env=addons.direct(), timeout=timeout)


class Preparation(Startup):
    """One run of `labs prepare`. Args: ``engine``, of a course that is made for this and removed afterwards."""

    def tasks(self) -> dict[str, Task]:
        return {
            "programs of the node": ((), self.find_tools),
            "programs": ((), self.ensure(*KUBERNETES, *addons.ADDONS, REGISTRY, "pause")),
            "base images": ((), assemble.base_images),
        }


def start_ports(engine: HostEngine) -> None:
    """Start the forwarder to localhost, anew when what it leads to has changed."""
    config = {
        **engine.forwarding(),
        "docker_socket": str(engine.state / "docker/run/docker.sock"),
        "api": engine.plane.server.removeprefix("https://"),
        "ca": str(engine.state / "ca.crt"),
        "certificate": str(engine.plane.folder / "ports.crt"),
        "key": str(engine.plane.folder / "ports.key"),
    }
    text = json.dumps(config)
    file = engine.state / ports.CONFIG
    if not file.exists() or file.read_text() != text:
        engine.processes.stop(ports.COMPONENT)
        engine.folder.write_file(ports.CONFIG, text)
    engine.processes.start(ports.COMPONENT, [sys.executable, "-m", "labs.engines.ports", engine.state])


def _is_ready(node: dict, since: float) -> bool:
    """Whether a node says that it is ready, and has said so since its kubelet was started (seconds of the epoch)."""
    for condition in node["status"].get("conditions", []):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return datetime.fromisoformat(condition["lastHeartbeatTime"]).timestamp() >= since - 1
    return False
