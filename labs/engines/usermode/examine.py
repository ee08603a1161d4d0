"""Whether the engine `usermode` can start here, and what it cannot do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from labs.engines.finding import MISSING, OK, REMARK, Finding
from labs.engines.usermode import kernel, ready
from labs.errors import LabsError, NotSupported

__all__ = ["examine"]

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
    if unused := ready.unused_wheel():
        yield Finding(REMARK, "wheel of the kernel", unused)
    if found is None and (published := ready.release()):
        words = f"will be downloaded from {published.release}, or built (about 8 minutes) where that does not answer"
        yield Finding(REMARK, "user-mode kernel", words)
        return
    if found is None:
        lacking = [program for program in kernel.COMPILERS if not shutil.which(program)]
        words = f"will be built (about 8 minutes on two cores, once), and {', '.join(lacking)} is missing"
        if lacking:
            yield Finding(
                MISSING, "user-mode kernel", words, "install build-essential, or name a kernel in LABS_KERNEL"
            )
        else:
            yield Finding(REMARK, "user-mode kernel", "will be built (about 8 minutes on two cores, once)")
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


def _trials(found: Path) -> Iterator[Finding]:
    from labs.engines.usermode.guest import memory_folder  # what it needs does not exist on Windows

    try:
        environment = {**os.environ, "TMPDIR": str(memory_folder())}
    except NotSupported as error:
        yield Finding(MISSING, "memory that may be executed", error.what, error.todo)
        return
    with tempfile.TemporaryDirectory() as folder:
        argv = [
            found,
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
                argv, capture_output=True, text=True, errors="replace", timeout=20, check=False, env=environment
            )
            said = done.stdout + done.stderr
        except (OSError, subprocess.TimeoutExpired) as error:
            yield Finding(MISSING, "user-mode kernel", f"does not run here: {error}", "name another in LABS_KERNEL")
            return
    for words, (subject, todo) in TRIALS.items():
        answer = re.search(rf"Checking .*{words}.*\.\.\.(.*)", said)
        if answer and answer[1].strip() == "OK":
            yield Finding(OK, subject, "allowed")
        else:
            yield Finding(MISSING, subject, answer[1].strip() if answer else "refused", todo)
