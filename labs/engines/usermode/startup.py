"""The steps that bring the engine `usermode` up."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from labs.engines.addons import ADDONS
from labs.engines.docker_engine import REGISTRY
from labs.engines.files import forbids_programs
from labs.engines.progress import Reporter, Step, Task
from labs.engines.startup import KUBERNETES, Startup, start_ports
from labs.engines.state import cache_folder
from labs.engines.usermode import kernel
from labs.engines.usermode.guest import AGENT
from labs.errors import NotSupported

if TYPE_CHECKING:
    from labs.engines.usermode.engine import UsermodeEngine

__all__ = ["UsermodeStartup"]

ADDRESSES = 12 << 30
"""What etcd, the largest, has mapped, in bytes."""


class UsermodeStartup(Startup):
    """One run of `labs up`. Args: ``engine``, the engine that comes up."""

    engine: UsermodeEngine

    def run(self, reporter: Reporter) -> None:
        """Do all steps. Raises LabsError."""
        _refuse_limits()
        folders = {"LABS_CACHE": cache_folder(), "LABS_STATE": self.engine.state}  # programs run from both
        for variable, folder in folders.items():
            folder.mkdir(parents=True, exist_ok=True)
            if forbids_programs(folder):
                raise NotSupported(
                    f"The folder {folder} is mounted `noexec`, so the course's programs do not run from there.",
                    f"Set {variable} to a folder on another disk.",
                )
        super().run(reporter)

    def tasks(self) -> dict[str, Task]:
        """The steps, by the names that are shown."""
        return {
            "programs of the node": ((), self.find_tools),
            "user-mode kernel": ((), self.find_kernel),
            "guest's programs": ((), self.ensure("gvproxy", AGENT)),
            "guest": (("programs of the node", "user-mode kernel", "guest's programs"), self.start_guest),
            "pause": ((), self.ensure("pause")),
            "containerd": (("guest", "pause"), self.start_containerd),
            "dockerd": ((), self.engine.dockerd),
            "Docker Engine": (("containerd", "dockerd"), self.start_docker),
            "base images": (("Docker Engine",), self.load_base_images),
            "Kubernetes programs": ((), self.ensure(*KUBERNETES)),
            "add-on programs": (("Kubernetes programs",), self.ensure(*ADDONS, REGISTRY)),
            "registry": (("add-on programs", "Docker Engine"), self.start_registry),
            "control plane": (("Kubernetes programs",), self.start_control_plane),
            "nodes": (("control plane", "containerd"), self.start_nodes),
            "images on the nodes": (("containerd", "base images"), self.import_base_images),
            "add-ons": (("nodes", "add-on programs"), self.start_addons),
            "ports on localhost": (("control plane", "Docker Engine"), lambda step: start_ports(self.engine)),
        }

    def find_kernel(self, step: Step) -> None:
        """Find the kernel, or build it."""
        self.programs["linux"] = kernel.ensure(step)

    def start_guest(self, step: Step) -> None:
        """Start the kernel. What speaks with it does so anew each time, so nothing else need be started again."""
        if note := self.engine.guest.start(self.programs, self.tools):
            step.reporter.console.print(f"  kernel: {note}", highlight=False, markup=False)


def _refuse_limits() -> None:
    """Say at once that a limit of this session does not leave enough to the programs, which would end in a trace."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if 0 <= limit < ADDRESSES:
        raise NotSupported(
            f"Each program may have {limit >> 30} GB of addresses here (`ulimit -v`), and etcd takes 12, most of them "
            "without memory.",
            "Run `ulimit -v unlimited` first, or ask who has set the limit.",
        )
