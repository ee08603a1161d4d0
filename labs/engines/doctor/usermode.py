"""Whether the engine `usermode` can start here, and what it cannot do."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from labs.engines.doctor.finding import MISSING, OK, REMARK, Finding
from labs.engines.usermode import compiler, kernel, prebuilt_kernel
from labs.errors import LabsError, NotSupported

__all__ = ["examine", "packages"]

TRIALS = {
    "PROT_EXEC mmap": (
        "memory that may be executed",
        "the folder for temporary files forbids it: set TMPDIR to another",
    ),
    "seccomp filters": (
        "system calls by seccomp",
        "this system forbids filters of them, so the kernel cannot run here",
    ),
}
"""What the kernel tries when it starts, by its own words: what it is, and what to do when it is refused."""


def examine() -> Iterator[Finding]:
    """Look at what the engine needs. The kernel itself is asked, where there is one."""
    try:
        found = kernel.find()
    except LabsError as error:
        yield Finding(MISSING, "user-mode kernel", error.what, error.todo)
        return
    if unused := prebuilt_kernel.unused_wheel():
        yield Finding(REMARK, "wheel of the kernel", unused)
    if found is None and (published := prebuilt_kernel.release()):
        observed = f"will be downloaded from {published.release}, or built (about 8 minutes) where that does not answer"
        yield Finding(REMARK, "user-mode kernel", observed)
        return
    if found is None:
        if _is_ubuntu():
            observed = "is built from Debian's kernel source, which Ubuntu does not have"
            yield Finding(MISSING, "user-mode kernel", observed, "name one that was built elsewhere in LABS_KERNEL")
            return
        lacking = compiler.lacking()
        size = "55 MB" if "gcc" in lacking else "2 MB"
        fetched = f"; {', '.join(lacking)} will come from Debian packages (about {size})" if lacking else ""
        yield Finding(REMARK, "user-mode kernel", f"will be built (about 8 minutes on two cores, once){fetched}")
        return
    yield Finding(OK, "user-mode kernel", str(found))
    yield from _trials(found)
    yield Finding(
        REMARK, "limit of usermode", "one node; two to four times slower than `host` with containers and pods"
    )
    yield Finding(
        REMARK,
        "limit of usermode",
        "who is root in its kernel may read what you may read on this machine, and may change it",
    )


def packages() -> Iterator[str]:
    """What the engine lacks and Debian's packages have."""
    try:
        if kernel.find() is None and prebuilt_kernel.release() is None:
            yield "the user-mode kernel's source (about 160 MB)"
    except LabsError:
        return  # what is wrong with it is said by `examine`


def _is_ubuntu() -> bool:
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return False
    return "ubuntu" in (system.get("ID", ""), *system.get("ID_LIKE", "").split())


def _trials(found: Path) -> Iterator[Finding]:
    from labs.engines.usermode.guest import memory_folder  # what it needs does not exist on Windows

    try:
        environment = {**os.environ, "TMPDIR": str(memory_folder())}
    except NotSupported as error:
        yield Finding(MISSING, "memory that may be executed", error.what, error.todo)
        return
    with tempfile.TemporaryDirectory() as folder:
        argv = [
            str(found),
            "mem=64M",
            "seccomp=on",
            "root=none",
            "con=null",
            "con0=null,fd:1",
            f"uml_dir={folder}",
            "panic=-1",
        ]
        try:
            done = subprocess.run(
                argv, capture_output=True, encoding="utf-8", errors="replace", timeout=20, check=False, env=environment
            )
            output = done.stdout + done.stderr
        except (OSError, subprocess.TimeoutExpired) as error:
            yield Finding(MISSING, "user-mode kernel", f"does not run here: {error}", "name another in LABS_KERNEL")
            return
    for phrase, (subject, todo) in TRIALS.items():
        answer = re.search(rf"Checking .*{phrase}.*\.\.\.(.*)", output)
        if answer and answer[1].strip() == "OK":
            yield Finding(OK, subject, "allowed")
        else:
            yield Finding(MISSING, subject, answer[1].strip() if answer else "refused", todo)
