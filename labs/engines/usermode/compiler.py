"""What the user-mode kernel is built with: this system's own compiler and helpers, else those of Debian packages.

The packages are not installed. The compiler finds its own parts beside itself, and their libraries by the environment.
The C library and its headers lie in a folder of their own, the compiler's sysroot, so that no program of the build is
started with that library and the system's loader, which would not fit.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from labs.engines.programs import debian_packages
from labs.engines.runtime.command import run
from labs.engines.runtime.reporter import Step
from labs.errors import CommandFailed

__all__ = ["environment", "lacking"]

COMPILER = ("gcc", "binutils", "libc6-dev")
HELPERS = {"make": "make", "flex": "flex", "bison": "bison", "bc": "bc", "xz": "xz-utils"}
"""The programs, and their packages."""
OF_SYSROOT = ("libc6", "libc-dev", "linux-libc-dev", "libcrypt", "libgcc-s1")
"""How the names of the packages begin that the compiler's results are made of."""
TRIAL = '#include <stdio.h>\n#include <linux/if.h>\nint main(void) { return puts("") < 0; }\n'


def lacking() -> list[str]:
    """The programs that this system does not have; ``gcc`` also stands for its headers and the linker."""
    return [*([] if _compiles() else ["gcc"]), *(name for name in HELPERS if not shutil.which(name))]


def environment(folder: Path, step: Step) -> dict[str, str]:
    """Ours, with the programs that this system lacks, which are fetched.

    Args:
        folder: where the build keeps what is temporary: 240 MB when there is no compiler.
        step: reports how far it is.

    Raises:
        NotSupported: something is missing, and this is no Debian or Ubuntu.
        EngineError: it could not be fetched.
    """
    ours = {k: v for k, v in os.environ.items() if k not in ("ARCH", "CFLAGS", "LDFLAGS", "MAKEFLAGS")}
    missing = lacking()
    if not missing:
        return ours
    step.update(f"fetching {', '.join(missing)}")
    debian_packages.fetch_lists("the user-mode kernel's compiler")
    compiler = "gcc" in missing
    names = [*(COMPILER if compiler else ()), *(HELPERS[name] for name in missing if name != "gcc"), "m4"]
    debs = debian_packages.download(names, whole=compiler)
    step.update(f"unpacking {', '.join(missing)}")
    tree = debian_packages.unpack_into(folder / "helpers", [deb for deb in debs if not _is_of_sysroot(deb)])
    path = [str(tree / "usr/bin"), str(tree / "bin"), ours.get("PATH", os.defpath)]
    if compiler:
        sysroot = debian_packages.unpack_into(folder / "libraries", [deb for deb in debs if _is_of_sysroot(deb)])
        path.insert(0, str(_wrap(tree, sysroot, folder / "compiler")))
    return ours | {
        "PATH": ":".join(path),
        "LD_LIBRARY_PATH": ":".join(map(str, debian_packages.libraries(tree))),
        **({"BISON_PKGDATADIR": str(tree / "usr/share/bison")} if "bison" in missing else {}),
        "M4": shutil.which("m4") or str(tree / "usr/bin/m4"),
    }


def _compiles() -> bool:
    """Whether this system has a compiler with all that belongs to it."""
    if not all(shutil.which(name) for name in ("gcc", "ld", "ar", "strip")):
        return False
    try:
        run(["gcc", "-x", "c", "-", "-o", os.devnull], input=TRIAL, timeout=60)
    except CommandFailed:
        return False
    return True


def _is_of_sysroot(deb: Path) -> bool:
    return deb.name.startswith(OF_SYSROOT)


def _wrap(tree: Path, sysroot: Path, folder: Path) -> Path:
    """Make the compiler under its usual names, and return their folder."""
    for name in ("lib", "lib64"):  # what the linker is told of the C library leads there, wherever the packages have it
        if not (sysroot / name).exists():
            (sysroot / name).symlink_to(f"usr/{name}")
    folder.mkdir()
    for name in ("gcc", "cc"):
        wrapper = folder / name
        wrapper.write_text(f"#!/bin/sh\nexec '{tree}/usr/bin/gcc' '--sysroot={sysroot}' \"$@\"\n", encoding="utf-8")
        wrapper.chmod(0o755)
    return folder
