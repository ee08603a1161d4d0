"""A learner's disk: a file of this server that grows as it is filled, and no further than the instructor said."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from labs.engines.host.mounts import mounted_below
from labs.engines.programs import system_programs
from labs.engines.runtime.command import run as run_program
from labs.errors import CommandFailed, LabsError, NotSupported

__all__ = ["LearnerDisk", "require_disks"]

ROOM = 64 << 20  # bytes that are kept back, so that who has filled the disk can sign in and make room
FULL = 32 << 20  # bytes free below which it counts as full
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class LearnerDisk:
    """The file, and where it is mounted.

    Args:
        image: the file; it outlives the engines.
        mount_point: where it is mounted, a folder of the course's: what is mounted there goes when the engines stop.
        gigabytes: its size; 0 for no limit, then there is no disk.
    """

    def __init__(self, image: Path, mount_point: Path, gigabytes: int) -> None:
        self.image, self.mount_point, self.gigabytes = image, mount_point, gigabytes

    @property
    def is_limited(self) -> bool:
        return self.gigabytes > 0

    def mount(self) -> None:
        """Make it, let it grow and mount it, unless it is mounted.

        Raises:
            LabsError
        """
        if not self.is_limited:
            return
        try:
            if self.mount_point not in mounted_below(self.mount_point):
                self._make()
                self.mount_point.mkdir(parents=True, exist_ok=True)
                # without the last, the tables of its inodes would be filled with zeros: a gigabyte for a class
                run(["mount", "-o", "loop,nodev,discard,noinit_itable", self.image, self.mount_point])
        except (OSError, CommandFailed, NotSupported) as error:
            raise LabsError(
                f"The disk {self.image} cannot be used: {getattr(error, 'output', '').strip() or error}",
                "`labs workshop serve --disk 0` goes without disks of the learners' own, and so without a limit.",
            ) from error
        self._keep_room()

    def _make(self) -> None:
        """Make the file, or let it grow; it never shrinks, for what is on it might not fit."""
        size = self.gigabytes << 30
        if self.image.exists():
            if self.image.stat().st_size < size:
                os.truncate(self.image, size)
                run(["e2fsck", "-f", "-p", self.image])
                run(["resize2fs", self.image])
            return
        self.image.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.image.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.truncate(descriptor, size)
        os.close(descriptor)
        # a journal of 16 MB is enough for one learner
        run(["mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=16", "-E", "lazy_itable_init=1", draft])
        draft.rename(self.image)

    def _keep_room(self) -> None:
        """A file that nobody can fill; when the disk is full, it goes, until there is room for it again."""
        kept, free = self.mount_point / "kept-back", shutil.disk_usage(self.mount_point).free
        if kept.exists() and free < FULL:
            kept.unlink()
        elif not kept.exists() and free > 4 * ROOM:
            with kept.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, ROOM)


def require_disks() -> None:
    """Raise LabsError where this system mounts no files, as in many containers."""
    try:
        system_programs.ensure(system_programs.FOR_DISKS)
        run(["losetup", "--find"])
        return
    except CommandFailed as error:
        why = error.output.strip() or error.what
    except LabsError as error:
        why = error.what
    raise LabsError(
        f"Learners cannot have disks of their own here: {why}",
        "`labs workshop serve --disk 0` goes without, and so without a limit: one learner may fill the disk for all.",
    )


def run(argv: list[str | Path]) -> str:
    """Run a program of the system's administrators, independent of our own PATH.

    Raises:
        LabsError
    """
    return run_program([system_programs.find_program(str(argv[0])), *argv[1:]], env={"PATH": PATH})
