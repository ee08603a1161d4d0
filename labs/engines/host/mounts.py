"""The mounts that a course has made in this system's own namespace: found by where they are, so none is forgotten."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import partial
from pathlib import Path

from labs.engines.programs.system_programs import find_program
from labs.engines.runtime.command import run
from labs.errors import CommandFailed, Timeout
from labs.waiting import wait_for

__all__ = ["mounted_below", "unmount_below"]

MOUNTS = Path("/proc/self/mountinfo")


def mounted_below(folder: Path) -> list[Path]:
    """The mount points on a folder or below it, innermost first.

    Args:
        folder: the folder.
    """
    places = (Path(_plain(line.split()[4])) for line in os.fsdecode(MOUNTS.read_bytes()).splitlines())
    found = {place for place in places if place == folder or folder in place.parents}
    return sorted(found, key=lambda place: len(place.parts), reverse=True)


def unmount_below(folder: Path) -> None:
    """Take away all that is mounted on a folder or below it. What used it must have ended.

    Args:
        folder: one of the course's own.

    Raises:
        CommandFailed: the system refused.
    """

    def unmount(place: Path) -> bool:
        with suppress(CommandFailed):
            run([find_program("umount"), place])
        return place not in mounted_below(folder)

    for place in mounted_below(folder):
        try:
            wait_for(partial(unmount, place), timeout=5, what=f"{place} to be free", interval=0.1)
        except Timeout:  # somebody looks into it: it goes with them
            run([find_program("umount"), "--lazy", place])


def _plain(text: str) -> str:
    """A path as it is: the kernel writes a space as ``\\040``."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
