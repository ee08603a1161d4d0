"""User-mode kernels that somebody has made already: on PATH, in an installed wheel, as a release file."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import shutil
from pathlib import Path
from types import ModuleType

from labs.engines.programs import catalog
from labs.engines.runtime.command import run
from labs.errors import CommandFailed

__all__ = ["CONFIG", "OLDEST", "PROGRAM", "WHEEL", "digest", "gaps", "in_wheel", "on_path", "release", "release_name",
           "unused_wheel", "version_of"]  # fmt: skip

CONFIG = Path(__file__).with_name("kernel.config")
OLDEST = (6, 16)
"""The first kernel that traps its programs' system calls by seccomp; before, ptrace made each several times as dear."""
PROGRAM = "kube-labs-kernel"
NAMES = (PROGRAM, "linux.uml")  # ours, and that of Debian's package, should it ever have all we need
WHEEL = "kube_labs_kernel"
RELEASE = "LABS_KERNEL_RELEASE"


def digest() -> str:
    """What distinguishes kernels of different configurations."""
    return hashlib.sha256(CONFIG.read_bytes()).hexdigest()[:8]


def gaps(made: str) -> list[str]:
    """What of our configuration is not in that of a kernel, which is given as text."""
    there = set(made.splitlines())
    wanted = [line for line in CONFIG.read_text(encoding="utf-8").splitlines() if re.fullmatch(r"CONFIG_\w+=y", line)]
    return [line for line in wanted if line not in there]


def version_of(program: Path) -> str:
    """A kernel's version, such as ``7.2.13``; empty when it does not run here, is too old or lacks what we need.

    It is asked for the configuration that it was built with: it prints that and ends, within milliseconds.
    """
    try:
        config = run([program, "--showconfig"], timeout=20)
    except CommandFailed:
        return ""
    head = re.search(r"^# Linux/\w+ ((\d+)\.(\d+)\S*) Kernel Configuration$", config, re.M)
    if not head or (int(head[2]), int(head[3])) < OLDEST or gaps(config):
        return ""
    return head[1]


def on_path() -> Path | None:
    """A kernel on PATH that has all we need, no matter who built it."""
    found = (Path(path).absolute() for name in NAMES if (path := shutil.which(name)))
    return next((path for path in found if version_of(path)), None)


def in_wheel() -> Path | None:
    """The kernel in the installed wheel, if it was built with our configuration."""
    wheel = _wheel()
    if wheel is None or digest() != wheel.CONFIG or not os.access(wheel.EXECUTABLE, os.X_OK):
        return None
    return wheel.EXECUTABLE


def unused_wheel() -> str:
    """Why the installed wheel is not used, as a sentence; empty where it is used or there is none."""
    wheel = _wheel()
    if wheel is None or in_wheel():
        return ""
    if digest() == wheel.CONFIG:
        return f"The installed wheel {WHEEL} is incomplete: {wheel.EXECUTABLE} is no program."
    return f"The installed wheel {WHEEL} has a kernel of the configuration {wheel.CONFIG}, and {digest()} is wanted."


def _wheel() -> ModuleType | None:
    try:
        return importlib.import_module(WHEEL)
    except ImportError:
        return None


def release() -> catalog.CatalogItem | None:
    """The release file that has such a kernel; None when no address is known, so that nothing is contacted.

    $LABS_KERNEL_RELEASE is the address of the folder that holds it, instead of the catalog's. A pinned checksum belongs
    to the catalog's file, since no two builds give the same bytes; for another folder's the one beside it counts.
    """
    if os.environ.get("LABS_NO_DOWNLOAD", "unreachable") not in ("", "unreachable"):  # that was another's server
        return None
    published = catalog.kernel_release()
    base = os.environ.get(RELEASE, published["release"]).rstrip("/")
    if not base:
        return None
    pinned = published["sha256"] if base == published["release"].rstrip("/") else ""
    address = f"{base}/{release_name()}"
    return catalog.CatalogItem("kernel", digest(), (PROGRAM,), "", address, f"{address}.sha256", sha256=pinned)


def release_name() -> str:
    """The release file's name: the configuration is in it, so a kernel of another is not even found."""
    return f"{PROGRAM}-{digest()}-linux-amd64"
