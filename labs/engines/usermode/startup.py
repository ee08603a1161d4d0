"""The steps that bring the engine `usermode` up."""

from __future__ import annotations

import re
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from labs.engines.cluster.addons import ADDONS
from labs.engines.cluster.docker_engine import REGISTRY
from labs.engines.cluster.images import assemble
from labs.engines.cluster.startup import KUBERNETES, NAMED, CourseStartup, start_ports
from labs.engines.programs import command_line
from labs.engines.runtime.files import is_noexec
from labs.engines.runtime.reporter import Reporter, Step
from labs.engines.runtime.tasks import Task
from labs.engines.runtime.user_folders import cache_folder
from labs.engines.usermode import kernel
from labs.engines.usermode.guest import AGENT, INIT
from labs.errors import NotSupported

if TYPE_CHECKING:
    from labs.engines.usermode.engine import UsermodeEngine

__all__ = ["UsermodeStartup"]

ADDRESSES = 12 << 30
"""What etcd, the largest, has mapped, in bytes."""


class UsermodeStartup(CourseStartup):
    """One run of `labs up`.

    Args:
        engine: the engine that comes up.
    """

    engine: UsermodeEngine

    def run(self, reporter: Reporter) -> None:
        """Do all steps.

        Raises:
            LabsError
        """
        _refuse_limits()
        _refuse_spaces(self.engine.folder, "Set LABS_STATE to another folder.")
        _refuse_spaces(INIT.parent, "Move the course to another folder.")
        folders = {"LABS_CACHE": cache_folder(), "LABS_STATE": self.engine.folder}  # programs run from both
        for variable, folder in folders.items():
            folder.mkdir(parents=True, exist_ok=True)
            if is_noexec(folder):
                raise NotSupported(
                    f"The folder {folder} is mounted `noexec`, so the course's programs do not run from there.",
                    f"Set {variable} to a folder on another disk.",
                )
        super().run(reporter)

    def tasks(self) -> dict[str, Task]:
        return {
            "programs of the node": ((), self.find_tools),
            "user-mode kernel": ((), self.find_kernel),
            "Go": ((), self.fetch_go),
            "guest's programs": self.built("gvproxy", AGENT),
            "guest": (("programs of the node", "user-mode kernel", "guest's programs"), self.start_guest),
            "containerd": (("guest",), self.start_containerd),
            "dockerd": ((), self.engine.dockerd),
            "Docker Engine": (("containerd", "dockerd"), self.start_docker),
            "ports on localhost": (("Docker Engine",), lambda step: start_ports(self.engine)),
            "base images": ((), assemble.base_images),
            "images in Docker": (("Docker Engine", "base images"), self.load_base_images),
            "registry program": self.built(REGISTRY),
            "registry": (("registry program", "Docker Engine"), self.start_registry),
            "pause": self.built("pause"),
            "Kubernetes programs": ((), self.ensure(*KUBERNETES)),
            "add-on programs": self.built(*ADDONS, after=("Kubernetes programs",)),
            "control plane": (("Kubernetes programs",), self.start_control_plane),
            "rights": (("control plane",), self.grant_rights),
            "pause on the nodes": (("containerd", "pause"), self.import_pause),
            "nodes": (("control plane", "pause on the nodes"), self.start_nodes),
            "images on the nodes": (("containerd", "base images"), self.import_base_images),
            NAMED: (("registry", "images in Docker"), self.offer_stand_ins),
            "docker command": (("programs of the node",), command_line.ensure),
            "add-ons": (("nodes", "rights", "add-on programs"), self.start_addons),
        }

    def find_kernel(self, step: Step) -> None:
        """Find the kernel, or build it."""
        self.programs["linux"] = kernel.ensure(step)

    def start_guest(self, step: Step) -> None:
        """Start the kernel. Its clients connect again each time, so nothing else needs a restart."""
        if note := self.engine.guest.start(self.programs, self.tools):
            step.reporter.console.print(f"  kernel: {note}", highlight=False, markup=False)


def _refuse_spaces(folder: Path, todo: str) -> None:
    """Say at once that a path would be two words on the kernel's command line."""
    if re.search(r"\s", str(folder)):
        raise NotSupported(f"The user-mode kernel cannot be given a path with a space, such as {folder}.", todo)


def _refuse_limits() -> None:
    """Say at once that a limit of this session does not leave enough to the programs, which would end in a trace."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if 0 <= limit < ADDRESSES:
        raise NotSupported(
            f"Each program may have {limit >> 30} GB of addresses here (`ulimit -v`), and etcd takes 12, most of them "
            "without memory.",
            "Run `ulimit -v unlimited` first, or ask who has set the limit.",
        )
