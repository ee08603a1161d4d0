"""Whether the engine `host` can start here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from labs.engines.doctor.finding import MISSING, OK, REMARK, Finding
from labs.engines.host import trial as host_trial
from labs.engines.programs import system_programs
from labs.engines.runtime.privileges import refusal
from labs.errors import NotSupported

__all__ = ["examine", "packages"]

UNIFIED = Path("/sys/fs/cgroup/cgroup.controllers")  # only where there is cgroup v2 alone
HIERARCHIES = Path("/proc/cgroups")  # v1's; kernels of today may have none


def examine() -> Iterator[Finding]:
    """Look at the rights and the kernel that the engine needs."""
    yield from _rights()
    yield from _kernel()
    yield from _cgroups()
    if not _lacking_programs():
        yield Finding(OK, "ip, nsenter and the like", "on this system or in the cache")


def packages() -> Iterator[str]:
    """What the engine lacks and Debian's packages have."""
    if lacking := _lacking_programs():
        yield f"{', '.join(lacking)} (about 8 MB)"


def _lacking_programs() -> list[str]:
    return [name for name in system_programs.FOR_MACHINES if not system_programs.search_program(name)]


def _rights() -> Iterator[Finding]:
    if os.geteuid() == 0:
        yield Finding(OK, "rights", "root")
        return
    if why := refusal():
        yield Finding(MISSING, "rights", f"you are not root, and {why}", "sudo -v && labs up")
    else:
        yield Finding(OK, "rights", "sudo without a password")


def _kernel() -> Iterator[Finding]:
    try:
        trial = host_trial.attempt()
    except NotSupported:
        observed = "namespaces, links and overlay file systems were not tried: that needs root's rights"
        yield Finding(REMARK, "kernel", observed, "sudo labs doctor")
        return
    if trial.fault:
        yield Finding(MISSING, f"kernel: {trial.fault}", f"{trial.sentence}{trial.excuse}", trial.todo)
    else:
        links = "links and " if trial.links else ""  # that needs `ip`, of which the findings on programs tell
        yield Finding(OK, "kernel", f"namespaces, {links}overlay file systems can be made")


def _cgroups() -> Iterator[Finding]:
    needed, have = {"cpu", "memory", "pids"}, _controllers(UNIFIED)
    version = "v2"
    if have is None:  # v1, or both at once: then v2 is a folder of v1's, and controllers are v1's
        needed |= {"cpuacct", "cpuset", "devices", "freezer"}
        have, version = _controllers(HIERARCHIES), "v1"
    if have is None:
        observed = f"neither {UNIFIED} nor {HIERARCHIES} can be read: limits would not hold"
        yield Finding(MISSING, "cgroups", observed, "mount cgroups, or run the course on the machine itself")
    elif lacking := sorted(needed - have):
        observed = f"{version}, without {', '.join(lacking)}: limits would not hold"
        yield Finding(MISSING, "cgroups", observed, "add cgroup_enable=memory to the kernel's command line")
    else:
        yield Finding(OK, "cgroups", f"{version} with {', '.join(sorted(needed))}")


def _controllers(file: Path) -> set[str] | None:
    """The controllers that a file of the kernel's lists and that are in use; None where there is no such file."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return None
    if file == UNIFIED:
        return {*text.split()}
    rows = [line.split() for line in text.splitlines()[1:]]
    return {row[0] for row in rows if row[1:2] != ["0"]}  # the second is the hierarchy's number; 0 is v2's or none
