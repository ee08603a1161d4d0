"""How much memory programs may still take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import psutil

__all__ = ["available_memory"]

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def available_memory() -> int:
    """The bytes that this machine has free for programs, or that a limit leaves to all that runs in our control group.

    A limit may be on our group or on any above it; a container sees its own as the topmost.
    """
    return min([psutil.virtual_memory().available, *_limits()])


def _limits() -> Iterator[int]:
    for file in _files():
        with suppress(OSError, ValueError):  # the topmost group of v2 has no such file; "max" is no number
            yield int(file.read_text(encoding="utf-8"))


def _files() -> Iterator[Path]:
    """Where a limit may be written, under cgroup v1, v2, and both, where v2 is a folder of v1's; see cgroups(7)."""
    rows = ["0::/", "0:memory:/"]  # a container's limit is in the topmost groups that it sees
    with suppress(OSError):
        rows += OWN_GROUPS.read_text(encoding="utf-8", errors="replace").splitlines()
    for row in rows:
        _, controllers, path = [*row.split(":", 2), "", ""][:3]
        group = PurePosixPath(path)
        if ".." in group.parts:  # it lies outside of what this container sees
            continue
        for part in (group, *group.parents):
            below = part.as_posix().lstrip("/")
            if not controllers:
                yield CGROUPS / below / "memory.max"
                yield CGROUPS / "unified" / below / "memory.max"
            elif "memory" in controllers.split(","):
                yield CGROUPS / "memory" / below / "memory.limit_in_bytes"
