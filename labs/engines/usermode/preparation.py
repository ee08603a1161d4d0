"""Everything fetched and built, and a disk with the images on it, so that a course needs seconds and no network."""

from __future__ import annotations

from labs.engines.cluster import ingress
from labs.engines.cluster.addons import PODS
from labs.engines.cluster.images import assemble
from labs.engines.runtime.reporter import Step
from labs.engines.runtime.tasks import Task
from labs.engines.usermode.disk import GuestDisk, template_has
from labs.engines.usermode.guest import AGENT
from labs.engines.usermode.startup import UsermodeStartup

__all__ = ["UsermodePreparation"]


class UsermodePreparation(UsermodeStartup):
    """One run of `labs prepare`.

    Args:
        engine: of a course that is made for this and removed afterwards.
    """

    def tasks(self) -> dict[str, Task]:
        fetched: dict[str, Task] = {
            "user-mode kernel": ((), self.find_kernel),
            "guest's programs": self.built("gvproxy", AGENT),
            "dockerd": ((), self.engine.dockerd),
            **self.fetched(),
        }
        self.goals = {*fetched, "disk with the images"}  # what is fetched is of use without the disk
        needed = tuple(name for name in fetched if name != ingress.TITLE)  # that one is for who wants it
        return {**fetched, "disk with the images": (needed, self.make_template)}

    def make_template(self, step: Step) -> None:
        """Import all images on a new disk, and keep that."""
        disk = GuestDisk(self.engine.state)
        archives = [*assemble.base_images(step).values(), *assemble.system_images(["pause", *PODS]).values()]
        if template_has(archives):
            return
        self.engine.state.make_folder(disk.folder, mode=0o700)
        disk.format(self.tools)
        for work, detail in (
            (self.start_guest, "starting the kernel"),
            (self.start_containerd, "starting containerd"),
            (self.start_docker, "starting Docker"),
            (self.load_base_images, "loading images into Docker"),
            (self.unpack_images, "importing images"),
        ):
            step.update(detail)
            work(step)
        step.update("stopping the kernel")
        self.engine.halt()
        step.update("keeping the disk")
        disk.keep_as_template()

    def unpack_images(self, step: Step) -> None:
        archives = {**assemble.base_images(step), **assemble.system_images(["pause", *PODS])}
        for node in self.engine.all_nodes(self.tools):
            node.import_images(archives, unpack=True)
