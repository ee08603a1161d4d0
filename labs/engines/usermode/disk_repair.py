"""Before a disk image is used: nobody else may have it, and it must be whole."""

from __future__ import annotations

import fcntl
import shutil
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from labs.engines.runtime.command import run
from labs.engines.runtime.processes import GONE
from labs.errors import CommandFailed, EngineError

__all__ = ["Damaged", "lock_image", "repair"]

FLOCK = "hhqqi4x"
"""The C structure that fcntl takes on x86-64: kind, whence, start, length, process."""
REPAIRED, NOT_FOUND = 3, 127
"""Of e2fsck's exit status, the bits that only say that something was repaired; and the shell's for no program."""

NEEDED_BYTES = 64 << 20  # more than a journal holds, for a repaired block may be one that the image did not have yet


class Damaged(Exception):
    """What is left of the image is not a file system."""


@contextmanager
def lock_image(image: Path) -> Iterator[None]:
    """Hold the lock that a kernel takes on its disk: with the disk of another it would start without one.

    Raises:
        EngineError: another program holds it.
    """
    with image.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EngineError(
                f"The course's disk {image} is in use by {_holder(file.fileno())}.",
                "End that one, or use a second course beside it: `labs --name NAME up`.",
            ) from None
        yield


def _holder(descriptor: int) -> str:
    asked = struct.pack(FLOCK, fcntl.F_WRLCK, 0, 0, 0, 0)
    pid = struct.unpack(FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))[-1]
    with suppress(*GONE, ValueError):
        if pid > 0:
            return f"another program, process {pid} ({psutil.Process(pid).name()})"
    return "a program that this machine does not show, as on another one that shares the folder"


def repair(image: Path, env: Mapping[str, str]) -> str:
    """Put a file system right that its kernel could not close; one that is whole costs a few milliseconds.

    Args:
        image: the disk; the caller has claimed it.
        env: the environment in which e2fsck is found.

    Returns:
        What a person should know of it; empty when nothing can be lost.

    Raises:
        Damaged: it cannot be put right.
        EngineError: there is no room to write what is put right.
    """
    if (free := shutil.disk_usage(image.parent).free) < NEEDED_BYTES:
        raise EngineError(
            f"The disk of this machine has {free >> 20} MB free at {image.parent}, so the course's disk cannot grow.",
            "Free a gigabyte, then run `labs up` again.",
        )
    if _e2fsck("-p", image, env) & ~REPAIRED == 0:
        return ""
    if _e2fsck("-y", image, env) & ~REPAIRED == 0:
        return (
            "the disk was damaged and has been repaired; if an image, a container or a volume is missing or broken, "
            "`labs down` and `labs up` begin from the start"
        )
    raise Damaged


def _e2fsck(how: str, image: Path, env: Mapping[str, str]) -> int:
    """Run e2fsck, and return its exit status; 0 where there is none: then the kernel replays the journal alone.

    Raises:
        CommandFailed: it was killed, which says nothing about the image.
    """
    try:
        run(["e2fsck", how, image], env=env, timeout=600)
    except CommandFailed as error:
        if error.returncode < 0:
            raise
        return 0 if error.returncode == NOT_FOUND else error.returncode
    return 0
