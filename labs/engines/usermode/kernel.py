"""The user-mode kernel: found, downloaded, or built from the distribution's own kernel source."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from filelock import FileLock

from labs.engines import packages
from labs.engines.catalog import architecture
from labs.engines.compiling import follow
from labs.engines.download import BadDownload, Unreachable, fetch_release
from labs.engines.files import flush, write_at_once
from labs.engines.processes import run
from labs.engines.progress import Step
from labs.engines.state import cache_folder
from labs.engines.usermode import ready, source
from labs.engines.usermode.ready import CONFIG, OLDEST, digest
from labs.errors import CommandFailed, EngineError, NotSupported

__all__ = ["COMPILERS", "built", "ensure", "find", "source_of"]

VARIABLE = "LABS_KERNEL"
FILES = 1064  # that a build compiles, about
NEEDED_BYTES = 3 << 30
UNUSED = ("drivers/gpu/*.[ch]", "drivers/net/ethernet/*.[ch]", "drivers/net/wireless/*.[ch]", "drivers/media/*.[ch]",
          "sound/*.[ch]", "Documentation/*.rst", "arch/arm*/*.dts*", "tools/testing/*")  # fmt: skip
"""What of the source's 1.5 GB such a kernel is not made of; the files that configure it must stay."""
HELPERS = ("flex", "bison", "bc")
COMPILERS = ("gcc", "make", "xz")


def find() -> Path | None:
    """The kernel that $LABS_KERNEL names, else one on PATH, in an installed wheel or in the cache, else None.

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
    return ready.on_path() or ready.in_wheel() or _cached()


def _cached() -> Path | None:
    """The one that came last into the cache."""
    return max(_folder().glob(f"linux-*-{digest()}"), key=lambda path: path.stat().st_mtime, default=None)


def ensure(step: Step) -> Path:
    """The kernel's path; where there is none it is downloaded or built, once.

    Args:
        step: is told how far it is.

    Raises:
        LabsError: it cannot be built here.
    """
    with _alone():
        return find() or _download(step) or _build(step)


def built(step: Step) -> Path:
    """The kernel in the cache, whatever else there is, for those who publish it; where there is none it is built.

    Args:
        step: is told how far it is.

    Raises:
        LabsError: it cannot be built here.
    """
    with _alone():
        return _cached() or _build(step)


def source_of(kernel: Path) -> str:
    """The version of Debian's source that a kernel in the cache was built from, or empty."""
    note = _note(kernel)
    return note.read_text().strip() if note.exists() else ""


def _note(kernel: Path) -> Path:
    return kernel.with_name(f"{kernel.name}.source")


def _folder() -> Path:
    return cache_folder() / "kernel"


def _alone() -> FileLock:
    """A second course may be building it now."""
    _folder().mkdir(parents=True, exist_ok=True)
    return FileLock(_folder() / ".kernel.lock")


def _download(step: Step) -> Path | None:
    """The kernel of the release, where one is published and it is as its publisher describes."""
    item = ready.release()
    if item is None:
        return None
    draft = _folder() / ".release"
    try:
        step.update("looking for its release")
        fetch_release(item, ready.PROGRAM, draft, step)
        version = ready.version_of(draft)
        if not version:
            raise BadDownload(f"The kernel at {item.release} does not run here or lacks what the course needs.")
    except (BadDownload, Unreachable) as error:
        draft.unlink(missing_ok=True)
        step.reporter.console.print(f"  {error.what} The kernel is built instead.", highlight=False, markup=False)
        return None
    return draft.rename(_folder() / f"linux-{version}-{digest()}")


def _build(step: Step) -> Path:
    if unused := ready.unused_wheel():
        step.reporter.console.print(f"  {unused} The kernel is built.", highlight=False, markup=False)
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
        archive, debian = source.fetch(Path(temporary), OLDEST)
        step.update("unpacking the source")
        tree = _unpack(archive, Path(temporary))
        version = tree.name.removeprefix("linux-source-")
        environment = _environment()
        _make(tree, environment, f"KCONFIG_ALLCONFIG={CONFIG}", "allnoconfig")
        _refuse_gaps(tree)
        _compile(tree, environment, step)
        target = _folder() / f"linux-{version}-{digest()}"
        kernel = tree / "linux"
        run(["strip", kernel])
        kernel.chmod(0o755)
        flush(kernel)
        write_at_once(_note(target), f"{debian}\n")
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
    # the kernel bears these names, and may be given away
    environment |= {"KBUILD_BUILD_USER": "kube-labs", "KBUILD_BUILD_HOST": "kube-labs"}
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
    gaps = ready.gaps((tree / ".config").read_text())
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
