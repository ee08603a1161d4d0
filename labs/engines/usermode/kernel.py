"""The user-mode kernel: found, or built from the distribution's own kernel source."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from filelock import FileLock

from labs.engines import packages
from labs.engines.catalog import architecture
from labs.engines.compiling import follow
from labs.engines.files import flush
from labs.engines.processes import run
from labs.engines.progress import Step
from labs.engines.state import cache_folder
from labs.engines.usermode import source
from labs.errors import CommandFailed, EngineError, NotSupported

__all__ = ["OLDEST", "ensure", "find"]

VARIABLE = "LABS_KERNEL"
OLDEST = (6, 16)
"""The first kernel that traps its programs' system calls by seccomp; before, ptrace made each several times as dear."""
CONFIG = Path(__file__).with_name("kernel.config")
FILES = 1064  # that a build compiles, about
NEEDED_BYTES = 3 << 30
UNUSED = ("drivers/gpu/*.[ch]", "drivers/net/ethernet/*.[ch]", "drivers/net/wireless/*.[ch]", "drivers/media/*.[ch]",
          "sound/*.[ch]", "Documentation/*.rst", "arch/arm*/*.dts*", "tools/testing/*")  # fmt: skip
"""What of the source's 1.5 GB such a kernel is not made of; the files that configure it must stay."""
HELPERS = ("flex", "bison", "bc")
COMPILERS = ("gcc", "make", "xz")


def find() -> Path | None:
    """The kernel that $LABS_KERNEL names, else the one in the cache, else None.

    Raises:
        NotSupported: $LABS_KERNEL names no program, or there is no such kernel for this processor.
    """
    if architecture() != "amd64":
        raise NotSupported(
            "A user-mode kernel runs on x86-64 processors only.",
            "Use the engine `host`, as root, or attach to a cluster.",
        )
    named = os.environ.get(VARIABLE)
    if named:
        path = Path(named).expanduser().absolute()
        if not os.access(path, os.X_OK):
            raise NotSupported(
                f"{VARIABLE} names {named}, which is no program.", "Name a user-mode Linux kernel, or unset it."
            )
        return path
    built = sorted(_folder().glob(f"linux-*-{_digest()}"), key=lambda path: path.stat().st_mtime)
    return built[-1] if built else None


def ensure(step: Step) -> Path:
    """The kernel's path; where there is none it is built, once.

    Args:
        step: is told how far it is.

    Raises:
        LabsError: it cannot be built here.
    """
    _folder().mkdir(parents=True, exist_ok=True)
    with FileLock(_folder() / ".kernel.lock"):  # a second course may be building it now
        return find() or _build(step)


def _folder() -> Path:
    return cache_folder() / "kernel"


def _digest() -> str:
    """What tells kernels of another configuration apart."""
    return hashlib.sha256(CONFIG.read_bytes()).hexdigest()[:8]


def _build(step: Step) -> Path:
    missing = [program for program in COMPILERS if not shutil.which(program)]
    if missing:
        raise NotSupported(
            f"The user-mode kernel is built from source here, and {', '.join(missing)} is missing.",
            f"Install it (Debian: `apt-get install build-essential xz-utils`), or name a kernel in {VARIABLE}.",
        )
    if (free := shutil.disk_usage(_folder()).free) < NEEDED_BYTES:
        raise EngineError(
            f"The disk has {free >> 20} MB free at {_folder()}, and building the kernel needs about 3 GB.",
            "Free some, or set LABS_CACHE to a folder on another disk.",
        )
    for left in _folder().glob(".build-*"):  # of a build that was killed; we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=_folder(), prefix=".build-", ignore_cleanup_errors=True) as temporary:
        step.update("fetching the source")
        archive = source.fetch(Path(temporary), OLDEST)
        step.update("unpacking the source")
        tree = _unpack(archive, Path(temporary))
        version = tree.name.removeprefix("linux-source-")
        environment = _environment()
        _make(tree, environment, f"KCONFIG_ALLCONFIG={CONFIG}", "allnoconfig")
        _refuse_gaps(tree)
        _compile(tree, environment, step)
        target = _folder() / f"linux-{version}-{_digest()}"
        kernel = tree / "linux"
        run(["strip", kernel])
        kernel.chmod(0o755)
        flush(kernel)
        return kernel.rename(target)


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack the parts that a user-mode kernel is made of."""
    try:
        run(["tar", "-C", folder, "-xf", archive, *(f"--exclude=*/{part}" for part in UNUSED)], timeout=600)
    except CommandFailed as error:
        raise EngineError(
            f"The kernel's source {archive.name} is damaged or the disk is full: {error.what}",
            "It is fetched again by the next `labs up`; see that some gigabytes are free.",
        ) from error
    return next(folder.glob("linux-source-*"))


def _environment() -> dict[str, str]:
    """Ours, with those of the helpers that this system lacks."""
    environment = {k: v for k, v in os.environ.items() if k not in ("ARCH", "CFLAGS", "LDFLAGS", "MAKEFLAGS")}
    missing = [program for program in HELPERS if not shutil.which(program)]
    if missing:
        packages.fetch_lists("the user-mode kernel")
        prefix = packages.unpack(packages.download([*missing, "m4"], whole=False), "kernel-helpers")
        libraries = ":".join(str(path) for path in (prefix / "usr/lib").glob("*-linux-gnu*"))
        environment |= {
            "PATH": f"{prefix}/usr/bin:{environment['PATH']}",
            "LD_LIBRARY_PATH": libraries,
            "BISON_PKGDATADIR": str(prefix / "usr/share/bison"),
            "M4": shutil.which("m4") or str(prefix / "usr/bin/m4"),
        }
    return environment


def _make(tree: Path, environment: dict[str, str], *words: str) -> None:
    try:
        run(["make", "ARCH=um", *words], cwd=tree, env=environment, timeout=300)
    except CommandFailed as error:
        raise EngineError(f"The kernel could not be configured: {error.what}", "Run `labs up` again.") from error


def _refuse_gaps(tree: Path) -> None:
    """Say at once what of our configuration this source no longer knows; without it a lesson would fail, much later."""
    made = set((tree / ".config").read_text().splitlines())
    wanted = [line for line in CONFIG.read_text().splitlines() if re.fullmatch(r"CONFIG_\w+=y", line)]
    gaps = [line for line in wanted if line not in made]
    if gaps:
        raise EngineError(
            f"The source {tree.name} does not have {', '.join(gaps[:5])}.", f"Name another kernel in {VARIABLE}."
        )


def _compile(tree: Path, environment: dict[str, str], step: Step) -> None:
    began, seen = time.monotonic(), 0

    def tell(line: str) -> None:
        nonlocal seen
        if line.startswith("  CC "):
            seen += 1
            fraction = min(seen / FILES, 0.99)
            left = (time.monotonic() - began) * (1 / fraction - 1)
            step.update(f"{seen} of about {FILES} files, about {left / 60:.0f} min left", fraction)

    argv = ["make", "ARCH=um", f"-j{os.cpu_count()}", "linux"]
    status, text = follow(argv, cwd=tree, env=environment, on_line=tell)
    if status and "no space left" in text.lower():
        raise EngineError(
            "The disk became full while the kernel was built.", "Free some gigabytes, then run `labs up` again."
        )
    if status:
        raise EngineError(f"The kernel was not built: {text[-600:]}", "`labs doctor` tells what is missing.")
