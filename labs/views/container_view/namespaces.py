"""A container from both sides: its namespaces and processes as the machine has them, and as it sees them itself."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["MEANING", "Proc", "find_proc", "namespaces", "pair", "table_of", "table_of_text"]

MEANING = {
    "pid": "process numbers",
    "net": "addresses, ports, routes",
    "mnt": "the filesystem",
    "uts": "the host name",
    "ipc": "shared memory",
    "user": "user numbers",
    "cgroup": "the root of control groups",
}


class Proc:
    """The /proc in which Docker's process numbers count.

    Args:
        root: that folder.
        host: the folder of a process that has the machine's own namespaces.
    """

    def __init__(self, root: Path, host: Path) -> None:
        self.root, self.host = root, host

    def namespaces(self, pid: int) -> dict[str, tuple[int, int]] | None:
        """Of each kind the numbers of a process's namespace and of the machine's; None where they may not be read."""
        try:
            return {kind: (self._inode(self.root / str(pid), kind), self._inode(self.host, kind)) for kind in MEANING}
        except OSError:
            return None

    def inner_pid(self, pid: int) -> int | None:
        """A process's number in its own namespace; None where nobody knows."""
        with suppress(OSError, ValueError):
            for line in (self.root / str(pid) / "status").read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith("NSpid:"):
                    return int(line.split()[-1])
        return None

    @staticmethod
    def _inode(process: Path, kind: str) -> int:
        return int(os.readlink(process / "ns" / kind).partition("[")[2].rstrip("]"))


def find_proc(container_id: str, pid: int, docker_pid: int | None) -> Proc | None:
    """Find it, and be sure that a number means the same process there as for Docker; None where it is out of reach.

    Args:
        container_id: its whole id, which the process's control group must name.
        pid: the container's first process, as Docker says.
        docker_pid: the process of dockerd itself, where the course runs it: it may have a process table of its own.
    """
    places = [(Path("/proc"), Path("/proc/1"))]
    if docker_pid:
        own = Path("/proc") / str(docker_pid)
        places = [(own / "root" / "proc", own), *places]
    for root, host in places:
        with suppress(OSError):
            if container_id in (root / str(pid) / "cgroup").read_text(encoding="utf-8", errors="replace"):
                return Proc(root, host)
    return None


def namespaces(
    attrs: dict[str, Any], numbers: dict[str, tuple[int, int]] | None, *, remapped: bool = False
) -> list[dict[str, Any]]:
    """A container's namespaces, each with whose it is.

    Args:
        attrs: as ``docker inspect`` gives them.
        numbers: what `Proc.namespaces` found; None to tell only what Docker was told.
        remapped: whether Docker maps users (``userns-remap``).

    Returns:
        For each kind: ``kind``, ``meaning``, ``whose``, ``is_own``, and ``own`` and ``host``, the numbers or None.
    """
    rows = []
    for kind, meaning in MEANING.items():
        whose, is_own = _asked(kind, attrs.get("HostConfig") or {}, remapped)
        own, host = numbers[kind] if numbers else (None, None)
        if numbers:
            is_own = own != host
            whose = "shared with the machine" if not is_own else whose if "container" in whose else "its own"
        rows.append({"kind": kind, "meaning": meaning, "whose": whose, "is_own": is_own, "own": own, "host": host})
    return rows


_MODES = {"pid": "PidMode", "net": "NetworkMode", "uts": "UTSMode", "ipc": "IpcMode", "cgroup": "CgroupnsMode"}


def _asked(kind: str, config: dict[str, Any], remapped: bool) -> tuple[str, bool]:
    mode = config.get(_MODES.get(kind, "")) or ""
    if kind == "user":
        is_own = remapped and config.get("UsernsMode") != "host"
        return ("its own" if is_own else "shared with the machine"), is_own
    if mode == "host" or (kind == "cgroup" and not mode):  # Docker says "" only where the kernel has none
        return "shared with the machine", False
    if mode.startswith("container:"):
        return f"shared with container {mode.removeprefix('container:')[:12]}", True
    return "its own", True


def table_of(top: dict[str, Any]) -> list[dict[str, Any]]:
    """Processes out of ``container.top()`` or the like: ``pid``, ``user`` and ``command`` of each.

    Args:
        top: ``Titles`` and ``Processes``.
    """
    titles = [title.upper() for title in top.get("Titles") or []]
    at = {name: next((titles.index(t) for t in tried if t in titles), -1) for name, tried in _TITLES.items()}
    rows = []
    for row in top.get("Processes") or []:
        found = {name: row[i] if 0 <= i < len(row) else "" for name, i in at.items()}
        if found["pid"].strip().isdigit():
            rows.append({"pid": int(found["pid"]), "user": found["user"], "command": found["command"]})
    return sorted(rows, key=lambda row: row["pid"])


_TITLES = {"pid": ("PID",), "user": ("USER", "UID"), "command": ("COMMAND", "CMD", "ARGS")}


def table_of_text(output: str) -> list[dict[str, Any]]:
    """Processes out of what ``ps`` printed."""
    lines = output.splitlines()
    titles = lines[0].split() if lines else []
    return table_of({"Titles": titles, "Processes": [line.split(None, len(titles) - 1) for line in lines[1:]]})


def pair(host: list[dict[str, Any]], inner: dict[int, int | None] | None, listed: list[dict[str, Any]]) -> list[dict]:
    """The same processes from both sides.

    Args:
        host: as `table_of` returns them, numbered by the machine.
        inner: the container's own number for each of the machine's; None where /proc cannot be read.
        listed: else, what ``ps`` in the container told; paired by command, in order.

    Returns:
        ``pid``, ``inner`` (None where unknown), ``user``, ``command``.
    """
    left = list(listed)
    rows = []
    for process in host:
        number = inner.get(process["pid"]) if inner else None
        if not inner:
            match = next((other for other in left if other["command"].strip() == process["command"].strip()), None)
            if match:
                left.remove(match)
                number = match["pid"]
        rows.append({**process, "inner": number})
    return rows
