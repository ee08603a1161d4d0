"""The steps that bring the engine `host` up, and those of `labs prepare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labs.engines.cluster import addons, control_plane, port_forwarder
from labs.engines.cluster.docker_engine import REGISTRY
from labs.engines.cluster.images import assemble
from labs.engines.cluster.startup import KUBERNETES, NAMED, CourseStartup, start_ports
from labs.engines.programs import command_line, system_programs
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.tasks import Task

if TYPE_CHECKING:
    from labs.engines.host.engine import HostEngine

__all__ = ["HostPreparation", "HostStartup"]


class HostStartup(CourseStartup):
    """One run of `labs up`.

    Args:
        engine: the engine that comes up.
    """

    engine: HostEngine

    def tasks(self) -> dict[str, Task]:
        return {
            "programs of the node": ((), self.find_tools),
            "network": ((), self.start_network),
            "Docker Engine": (("programs of the node", "network"), self.start_docker),
            "ports on localhost": (("Docker Engine",), lambda step: start_ports(self.engine)),
            "base images": ((), assemble.base_images),
            "images in Docker": (("Docker Engine", "base images"), self.load_base_images),
            "Go": ((), self.fetch_go),
            "registry program": self.built(REGISTRY),
            "registry": (("registry program", "Docker Engine"), self.start_registry),
            "pause": self.built("pause"),
            "Kubernetes programs": ((), self.ensure(*KUBERNETES)),
            "add-on programs": self.built(*addons.ADDONS, after=("Kubernetes programs",)),
            "control plane": (("Kubernetes programs", "network"), self.start_control_plane),
            "containerd": (("programs of the node", "network"), self.start_containerd),
            "rights": (("control plane",), self.grant_rights),
            "pause on the nodes": (("containerd", "pause"), self.import_pause),
            "nodes": (("control plane", "pause on the nodes"), self.start_nodes),
            "images on the nodes": (("containerd", "base images"), self.import_base_images),
            NAMED: (("registry", "images in Docker"), self.offer_stand_ins),
            "docker command": (("Docker Engine",), command_line.ensure),  # whoever waits, waits for Docker first
            "add-ons": (("nodes", "rights", "add-on programs"), self.start_addons),
        }

    def start_network(self, step: Step) -> None:
        """Make the network. What was bound to an earlier one would never answer again, so it is ended."""
        system_programs.ensure(system_programs.FOR_MACHINES, step)
        if self.engine.network.start():
            for component in (*control_plane.COMPONENTS, port_forwarder.COMPONENT):
                self.engine.processes.stop(component)


class HostPreparation(HostStartup):
    """One run of `labs prepare`.

    Args:
        engine: of a course that is made for this and removed afterwards.
    """

    def tasks(self) -> dict[str, Task]:
        tasks = self.fetched()
        self.goals = set(tasks)  # each is of use to a later start
        return tasks
