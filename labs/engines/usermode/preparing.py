"""Everything fetched and built, and a disk with the images on it, so that a course needs seconds and no network."""

from __future__ import annotations

from labs.engines.addons import ADDONS
from labs.engines.docker_engine import REGISTRY
from labs.engines.images import assemble
from labs.engines.progress import Step, Task
from labs.engines.startup import KUBERNETES
from labs.engines.usermode.disk import Disk, template_has
from labs.engines.usermode.guest import AGENT
from labs.engines.usermode.startup import UsermodeStartup

__all__ = ["UsermodePreparation"]


class UsermodePreparation(UsermodeStartup):
    """One run of `labs prepare`. Args: ``engine``, of a course that is made for this and removed afterwards."""

    def tasks(self) -> dict[str, Task]:
        fetched = {
            "programs of the node": ((), self.find_tools),
            "user-mode kernel": ((), self.find_kernel),
            "programs": ((), self.ensure(*KUBERNETES, *ADDONS, REGISTRY, "pause", "gvproxy", AGENT)),
            "dockerd": ((), self.engine.dockerd),
            "base images": ((), assemble.base_images),
        }
        return {**fetched, "disk with the images": (tuple(fetched), self.make_template)}

    def make_template(self, step: Step) -> None:
        """Import all images on a new disk, and keep that."""
        disk = Disk(self.engine.folder)
        archives = [*assemble.base_images(step).values(), *assemble.system_images(["pause", *ADDONS]).values()]
        if template_has(archives):
            return
        self.engine.folder.make_folder(disk.folder, mode=0o700)
        disk.format(self.tools)
        for work, told in (
            (self.start_guest, "starting the kernel"),
            (self.start_containerd, "starting containerd"),  # imports pause
            (self.start_docker, "starting Docker"),
            (self.load_base_images, "loading images into Docker"),
            (self.unpack_images, "importing images"),
        ):
            step.update(told)
            work(step)
        step.update("stopping the kernel")
        self.engine.halt()
        step.update("keeping the disk")
        disk.keep_as_template()

    def unpack_images(self, step: Step) -> None:
        archives = {**assemble.base_images(step), **assemble.system_images(["pause", *ADDONS])}
        for node in self.engine.all_nodes(self.tools):
            node.import_images(archives, unpack=True)
