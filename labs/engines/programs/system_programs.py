"""Programs that the course runs on this system itself: the system's own, or those of Debian packages in the cache.

A package in the cache is not installed, so its programs do not find their libraries. Each has a wrapper that starts it
through the system's own loader with the path of those libraries as an argument. In the environment that path would
reach what `nsenter` and its like run, which may be inside of a machine with other libraries.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from labs.engines.programs import debian_packages
from labs.engines.programs.catalog import architecture
from labs.engines.runtime.files import write_at_once
from labs.engines.runtime.reporter import Step
from labs.errors import NotSupported

__all__ = ["FOR_DISKS", "FOR_MACHINES", "ensure", "find_program", "search_program", "wrappers"]

FOR_MACHINES = ("ip", "nsenter", "unshare", "setpriv", "mount", "umount", "mountpoint", "pivot_root")
"""What machines and their network are made with."""
FOR_DISKS = ("mkfs.ext4", "e2fsck", "resize2fs", "losetup", "mount")
"""What the disks of a workshop's learners are made with."""
OF_PACKAGES = {
    "iproute2": ("ip",),
    "util-linux": ("nsenter", "unshare", "setpriv", "mountpoint", "pivot_root"),
    "mount": ("mount", "umount", "losetup"),
    "e2fsprogs": ("mkfs.ext4", "e2fsck", "resize2fs"),
}
LABEL = "system"
ADMINISTRATORS = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
"""Where systems keep such programs; the PATH of an ordinary user does not have all of them."""
WRAPPERS, LOADERS = "labs-bin", ".loader"
LOADER = {"amd64": "/lib64/ld-linux-x86-64.so.2", "arm64": "/lib/ld-linux-aarch64.so.1"}
"""Where the interface of each processor's Linux programs wants the loader to be."""
WRAPPER = """\
#!/bin/sh
# Starts a program of these packages with the libraries that came with it, wherever this folder lies. The loader is
# called by the program's name, so that the process has it.
here=${{0%/*}}
exec "$here/{loaders}/{name}" --library-path "{libraries}" "$here/../{program}" "$@"
"""


def find_program(name: str) -> str:
    """The path of a program that is to run on this system itself.

    Args:
        name: such as ``ip``.

    Raises:
        NotSupported: it is neither installed nor in the cache.
    """
    found = search_program(name)
    if found is None:
        package = next((package for package, names in OF_PACKAGES.items() if name in names), name)
        raise NotSupported(
            f"The program {name} is neither installed here nor in the course's cache.",
            f"`labs up` fetches it; or install it (Debian: `apt-get install {package}`).",
        )
    return found


def search_program(name: str) -> str | None:
    """As `find_program`, but None where there is none."""
    path = f"{os.environ.get('PATH', '')}:{ADMINISTRATORS}"
    folder = wrappers()
    return shutil.which(name, path=path) or (shutil.which(name, path=str(folder)) if folder else None)


def wrappers() -> Path | None:
    """The folder in the cache with a wrapper for each program of the packages, or None."""
    tree = debian_packages.unpacked(LABEL, list(OF_PACKAGES))
    return tree / WRAPPERS if tree else None


def ensure(names: tuple[str, ...], step: Step | None = None) -> None:
    """Fetch the packages when a program is missing on this system.

    Args:
        names: the programs.
        step: reports how far it is.

    Raises:
        NotSupported: this is no Debian or Ubuntu.
        EngineError: they could not be fetched.
    """
    missing = [name for name in names if not search_program(name)]
    if not missing:
        return
    with debian_packages.lock(LABEL):
        if debian_packages.unpacked(LABEL, list(OF_PACKAGES)):  # by another task, meanwhile
            return
        if step:
            step.update(f"fetching {', '.join(missing)}")
        tree = debian_packages.unpack_programs(", ".join(missing), list(OF_PACKAGES), LABEL)
        _write_wrappers(tree)
        debian_packages.note_unpacked(LABEL, list(OF_PACKAGES), tree)


def _write_wrappers(tree: Path) -> None:
    folder = tree / WRAPPERS
    (folder / LOADERS).mkdir(parents=True, exist_ok=True)
    libraries = ":".join(f"$here/../{library.relative_to(tree)}" for library in debian_packages.libraries(tree))
    for name in (name for names in OF_PACKAGES.values() for name in names):
        places = (tree / part / name for part in ("usr/bin", "usr/sbin", "bin", "sbin"))
        program = next((place for place in places if place.exists()), None)
        if program is None:
            continue  # another release has it in another package
        loader = folder / LOADERS / name
        loader.unlink(missing_ok=True)
        loader.symlink_to(LOADER[architecture()])
        text = WRAPPER.format(loaders=LOADERS, name=name, libraries=libraries, program=program.relative_to(tree))
        write_at_once(folder / name, text)
        (folder / name).chmod(0o755)
    for each in (folder, folder / LOADERS):
        each.chmod(0o755)  # other users run them, whatever our umask
