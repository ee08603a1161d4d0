"""The steps that the starts of all managed engines share; each begins as soon as what it needs is there."""

from __future__ import annotations

import json
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labs.engines.cluster import addons, control_plane, ingress, port_forwarder
from labs.engines.cluster.addresses import pod_cidr
from labs.engines.cluster.docker_engine import REGISTRY
from labs.engines.cluster.images import assemble, stand_ins
from labs.engines.cluster.node import POLICIES
from labs.engines.programs import binaries, command_line, go_toolchain
from labs.engines.programs.node_tools import Tools
from labs.engines.runtime.command import run
from labs.engines.runtime.reporter import Reporter, Step
from labs.engines.runtime.tasks import Task, run_tasks
from labs.engines.runtime.user_folders import owner
from labs.errors import CommandFailed, LabsError
from labs.kube.kubectl import direct, kubectl_for
from labs.waiting import wait_for

if TYPE_CHECKING:
    from labs.engines.managed import ManagedEngine

__all__ = ["KUBERNETES", "NAMED", "CourseStartup", "start_ports"]

NAMED = "images by their usual names"

NODE = re.compile(r"node[0-9]+")
KUBERNETES = (*control_plane.COMPONENTS, "kubelet", "kube-proxy")


class CourseStartup(ABC):
    """One run of `labs up`.

    Args:
        engine: the engine that comes up.
    """

    goals: Collection[str] | None = None
    """The steps that are of use by themselves; None for those that no other one needs."""

    engine: ManagedEngine

    def __init__(self, engine: ManagedEngine) -> None:
        self.engine = engine
        self.programs: dict[str, Path] = {}
        self._tools: Tools | None = None
        self._needs_go = False

    def run(self, reporter: Reporter) -> None:
        """Do all steps but those that need one that fails.

        Args:
            reporter: shows each.

        Raises:
            LabsError: a step failed; what is done is kept for the next try.
        """
        uid, gid = owner()
        self.engine.state.make_folder("lessons", mode=0o700, uid=uid, gid=gid)
        run_tasks(self.tasks(), reporter, goals=self.goals)

    @abstractmethod
    def tasks(self) -> dict[str, Task]:
        """The steps, by the names that are shown."""

    def fetched(self) -> dict[str, Task]:
        """The steps that find, fetch or build what every engine needs; they need no machine."""
        return {
            "programs of the node": ((), self.find_tools),
            "base images": ((), assemble.base_images),
            "Go": ((), self.fetch_go),
            "registry program": self.built(REGISTRY),
            "pause": self.built("pause"),
            "Kubernetes programs": ((), self.ensure(*KUBERNETES)),
            "add-on programs": self.built(*addons.ADDONS, after=("Kubernetes programs",)),
            "docker command": (("programs of the node",), command_line.ensure),
            ingress.TITLE: ((), ingress.ensure),
            NAMED: (("base images",), stand_ins.stand_ins),
            "Helm": self.built(command_line.HELM, after=("Kubernetes programs",)),
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

    def built(self, *programs: str, after: tuple[str, ...] = ()) -> Task:
        """The task that finds or builds programs; it waits for Go only where one of them must be built.

        Args:
            programs: names from the catalog.
            after: what else must be done before.
        """
        if binaries.must_be_built(programs):
            self._needs_go, after = True, (*after, "Go")
        return after, self.ensure(*programs)

    def fetch_go(self, step: Step) -> None:
        if self._needs_go:
            go_toolchain.ensure_go(step)

    def find_tools(self, step: Step) -> None:
        self._tools = self.engine.tools(step)

    def start_docker(self, step: Step) -> None:
        self.engine.docker(self.tools).start(self.engine.dockerd(step))

    def start_registry(self, step: Step) -> None:
        self.engine.docker(self.tools).start_registry(self.programs[REGISTRY])

    def load_base_images(self, step: Step) -> None:
        archives = assemble.base_images(step)
        step.update("loading")
        self.engine.docker(self.tools).load(archives)

    def offer_stand_ins(self, step: Step) -> None:
        """Serve images by the names that everyone types; who cannot have them goes on without."""
        try:
            archives = stand_ins.stand_ins(step)
        except LabsError as error:
            step.reporter.say(f"  Images such as nginx and busybox by their usual names are missing: {error.what}")
        else:
            self.engine.docker(self.tools).offer(archives)

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
        for node in self.engine.all_nodes(self.tools):
            step.update(node.name)
            node.start_containerd()

    def import_pause(self, step: Step) -> None:
        self._import(assemble.system_images(["pause"]), step)

    def start_nodes(self, step: Step) -> None:
        nodes = self.engine.all_nodes(self.tools)
        self.engine.route_pods(nodes)
        if not binaries.must_be_built([POLICIES]):  # before the first pod, where it is not just being built
            self.ensure(POLICIES)(step)
            for node in nodes:
                node.start_policies(self.programs)
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
        self._import(assemble.base_images(step), step)

    def _import(self, archives: Mapping[str, Path], step: Step) -> None:
        for node in self.engine.all_nodes(self.tools):
            step.update(f"images on {node.name}")
            node.import_images(archives)

    def grant_rights(self, step: Step) -> None:
        addons.apply(self.engine.kubeconfig, addons.manifests(addons.RIGHTS))

    def start_addons(self, step: Step) -> None:
        self._import(assemble.system_images(addons.PODS), step)
        step.update("applying")
        addons.apply(self.engine.kubeconfig, addons.manifests(addons.PODS))
        for node in self.engine.all_nodes(self.tools):
            node.start_policies(self.programs)
        step.update("waiting for names to resolve")
        self._kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=90s", timeout=100)

    def _nodes_ready(self, step: Step) -> bool:
        engine = self.engine
        for name in engine.nodes:
            engine.daemons.check_alive(f"kubelet/{name}")
        registered = json.loads(self._kubectl("get", "nodes", "-o", "json", timeout=10))["items"]
        found = [item for item in registered if item["metadata"]["name"] in engine.nodes]
        for name in {item["metadata"]["name"] for item in registered} - {*engine.nodes}:
            if NODE.fullmatch(name):  # taken away while no API server ran; Nodes of other names are somebody else's
                self._kubectl("delete", "node", name, "--ignore-not-found")
        for item in found:
            if not item["spec"].get("podCIDR"):
                name = item["metadata"]["name"]
                cidr = pod_cidr(engine.nodes.index(name) + 1)
                self._kubectl("patch", "node", name, "-p", json.dumps({"spec": {"podCIDR": cidr, "podCIDRs": [cidr]}}))
        ready = sum(_is_ready(item, engine.daemons.started_at(f"kubelet/{item['metadata']['name']}")) for item in found)
        step.update(f"{ready} of {len(engine.nodes)} ready", ready / len(engine.nodes))
        return ready == len(engine.nodes)

    def _kubectl(self, *arguments: str, timeout: float = 30) -> str:
        kubectl = kubectl_for(self.engine.kubeconfig)
        return run([*kubectl, *arguments], env=direct(), timeout=timeout)


def start_ports(engine: ManagedEngine) -> None:
    """Start the forwarder to localhost; restart it when what it leads to has changed."""
    config = {
        **engine.forwarding(),
        "docker_socket": str(engine.folder / "docker/run/docker.sock"),
        "api": engine.plane.server.removeprefix("https://"),
        "ca": str(engine.folder / "ca.crt"),
        "certificate": str(engine.plane.folder / "ports.crt"),
        "key": str(engine.plane.folder / "ports.key"),
    }
    text = json.dumps(config)
    file = engine.folder / port_forwarder.CONFIG
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        engine.processes.stop(port_forwarder.COMPONENT)
        engine.state.write_file(port_forwarder.CONFIG, text)
    engine.processes.start(
        port_forwarder.COMPONENT, [sys.executable, "-m", "labs.engines.cluster.port_forwarder", engine.folder]
    )


def _is_ready(node: dict, since: float) -> bool:
    """Whether a node says that it is ready, and has said so since its kubelet was started (seconds of the epoch)."""
    for condition in node["status"].get("conditions", []):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return datetime.fromisoformat(condition["lastHeartbeatTime"]).timestamp() >= since - 1
    return False
