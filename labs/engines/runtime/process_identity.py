"""Which process is which: process ids are used again, and a clock that is set moves every moment that was noted."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

__all__ = ["children", "identity", "is_process"]


def identity(pid: int) -> str:
    """What no other process on this machine is or will be; empty when there is no such process.

    It is this start of the system, and the ticks from then to the process's own start.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        if not Path("/proc/self/stat").exists():  # not Linux
            with suppress(psutil.Error):
                return str(psutil.Process(pid).create_time())
        return ""
    return f"{_system_start()}:{_fields(stat)[19]}"


def is_process(pid: int, noted: str, born: float = 0.0) -> bool:
    """Whether a process still is the one that was noted.

    Args:
        pid: its id.
        noted: its `identity`; empty in what an older version wrote down.
        born: when it was started, in seconds of the epoch; looked at only where ``noted`` is empty.
    """
    if noted:
        return identity(pid) == noted
    try:
        return abs(psutil.Process(pid).create_time() - born) < 1
    except (psutil.Error, OSError):
        return False


def children(pid: int) -> list[int]:
    """The processes that one has started and that have not ended, without a look at any clock."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if _fields(file.read_text(encoding="utf-8", errors="replace"))[1] == str(pid):
                found.append(int(file.parent.name))
    return found


def _fields(stat: str) -> list[str]:
    """The fields of /proc/PID/stat after the program's name, which may hold spaces and parentheses; see proc(5)."""
    return stat.rpartition(")")[2].split()


@cache
def _system_start() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return ""
