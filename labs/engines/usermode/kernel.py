"""The user-mode kernel: found, downloaded, or built from the distribution's own kernel source."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from filelock import FileLock

from labs.engines.programs import debian_packages
from labs.engines.programs.catalog import architecture
from labs.engines.programs.download import BadDownload, Unreachable, fetch_release
from labs.engines.runtime.command import run
from labs.engines.runtime.files import flush, is_noexec, write_at_once
from labs.engines.runtime.reporter import Step, time_left
from labs.engines.runtime.streamed_command import follow
from labs.engines.runtime.user_folders import cache_folder
from labs.engines.usermode import compiler, kernel_source, prebuilt_kernel
from labs.engines.usermode.prebuilt_kernel import CONFIG, OLDEST, digest
from labs.errors import CommandFailed, EngineError, NotSupported

__all__ = ["built", "ensure", "find", "source_of"]

VARIABLE = "LABS_KERNEL"
FILES = 1064  # that a build compiles, about
NEEDED_BYTES = 3 << 30
UNUSED = ("drivers/gpu/*.[ch]", "drivers/net/ethernet/*.[ch]", "drivers/net/wireless/*.[ch]", "drivers/media/*.[ch]",
          "sound/*.[ch]", "Documentation/*.rst", "arch/arm*/*.dts*", "tools/testing/*")  # fmt: skip
"""What of the source's 1.5 GB such a kernel is not made of; the files that configure it must stay."""


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
    return prebuilt_kernel.on_path() or prebuilt_kernel.in_wheel() or _cached()


def _cached() -> Path | None:
    """The one that came last into the cache."""
    return max(_folder().glob(f"linux-*-{digest()}"), key=lambda path: path.stat().st_mtime, default=None)


def ensure(step: Step) -> Path:
    """The kernel's path; where there is none it is downloaded or built, once.

    Args:
        step: reports how far it is.

    Raises:
        LabsError: it cannot be built here.
    """
    with _alone():
        return find() or _download(step) or _build(step)


def built(step: Step) -> Path:
    """The kernel in the cache, even if there are others, for those who publish it; where there is none it is built.

    Args:
        step: reports how far it is.

    Raises:
        LabsError: it cannot be built here.
    """
    with _alone():
        return _cached() or _build(step)


def source_of(kernel: Path) -> str:
    """The version of Debian's source that a kernel in the cache was built from, or empty."""
    note = _note(kernel)
    return note.read_text(encoding="utf-8").strip() if note.exists() else ""


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
    item = prebuilt_kernel.release()
    if item is None:
        return None
    draft = _folder() / ".release"
    try:
        step.update("looking for its release")
        fetch_release(item, prebuilt_kernel.PROGRAM, draft, step)
        version = prebuilt_kernel.version_of(draft)
        if not version:
            raise BadDownload(f"The kernel at {item.release} does not run here or lacks what the course needs.")
    except (BadDownload, Unreachable) as error:
        draft.unlink(missing_ok=True)
        step.reporter.console.print(f"  {error.what} The kernel is built instead.", highlight=False, markup=False)
        return None
    return draft.rename(_folder() / f"linux-{version}-{digest()}")


def _build(step: Step) -> Path:
    if unused := prebuilt_kernel.unused_wheel():
        step.reporter.console.print(f"  {unused} The kernel is built.", highlight=False, markup=False)
    place = _build_folder()
    if (free := shutil.disk_usage(place).free) < NEEDED_BYTES:
        raise EngineError(
            f"The disk has {free >> 20} MB free at {place}, and building the kernel needs about 3 GB.",
            "Free some, or set LABS_CACHE to a folder on another disk.",
        )
    prefix = f".build-{hashlib.sha256(os.fsencode(_folder())).hexdigest()[:8]}-"  # other caches may build elsewhere too
    for left in {
        *_folder().glob(".build-*"),
        *place.glob(f"{prefix}*"),
    }:  # of a build that was killed; we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=prefix, ignore_cleanup_errors=True) as temporary:
        debian_packages.fetch_lists("the user-mode kernel")
        kernel_source.mirror()  # where there is no such source, nothing else need be fetched
        environment = compiler.environment(Path(temporary), step)
        # the kernel contains these names, and may be given away
        environment |= {"KBUILD_BUILD_USER": "kube-labs", "KBUILD_BUILD_HOST": "kube-labs"}
        step.update("fetching the source")
        archive, debian = kernel_source.fetch(Path(temporary), OLDEST)
        if replaced := kernel_source.replacement(debian):
            step.reporter.console.print(f"  {replaced}", highlight=False, markup=False)
        step.update("unpacking the source")
        tree = _unpack(archive, Path(temporary), environment)
        version = tree.name.removeprefix("linux-source-")
        _make(tree, environment, f"KCONFIG_ALLCONFIG={CONFIG}", "allnoconfig")
        _refuse_gaps(tree)
        _compile(tree, environment, step)
        target = _folder() / f"linux-{version}-{digest()}"
        kernel = tree / "linux"
        run(["strip", kernel], env=environment)
        draft = _folder() / ".built"
        shutil.copyfile(kernel, draft)
        draft.chmod(0o755)
        flush(draft)
        write_at_once(_note(target), f"{debian}\n")
        return draft.rename(target)


def _build_folder() -> Path:
    """Where the kernel is built: in the cache, unless the kernel's Makefiles do not work there.

    Raises:
        NotSupported: nor do they elsewhere.
    """
    for place in (_folder(), Path("/var/tmp"), Path(tempfile.gettempdir())):
        if not re.search(r"[\s:]", str(place)) and os.access(place, os.W_OK) and not is_noexec(place):
            return place
    raise NotSupported(
        f"The kernel cannot be built in {_folder()}, whose path has a space or a colon, nor in a folder for temporary "
        "files.",
        "Set LABS_CACHE to another folder.",
    )


def _unpack(archive: Path, folder: Path, environment: dict[str, str]) -> Path:
    """Unpack the parts that a user-mode kernel is made of."""
    try:
        parts = [f"--exclude=*/{part}" for part in UNUSED]
        run(["tar", "-C", folder, "-xf", archive, *parts], env=environment, timeout=600)
    except CommandFailed as error:
        raise EngineError(
            f"The kernel's source {archive.name} is damaged or the disk is full: {error.what}",
            "It is fetched again by the next `labs up`; see that some gigabytes are free.",
        ) from error
    return next(folder.glob("linux-source-*"))


def _make(tree: Path, environment: dict[str, str], *arguments: str) -> None:
    try:
        run(["make", "ARCH=um", *arguments], cwd=tree, env=environment, timeout=300)
    except CommandFailed as error:
        raise EngineError(f"The kernel could not be configured: {error.what}", "Run `labs up` again.") from error


def _refuse_gaps(tree: Path) -> None:
    """Say at once what of our configuration this source no longer knows; without it a lesson would fail, much later."""
    gaps = prebuilt_kernel.gaps((tree / ".config").read_text(encoding="utf-8"))
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
            step.update(f"{seen} of about {FILES} files{time_left(began, fraction)}", fraction)

    argv = ["make", "ARCH=um", f"-j{os.cpu_count()}", "linux"]
    status, text = follow(argv, cwd=tree, env=environment, on_line=tell)
    if status and "no space left" in text.lower():
        raise EngineError(
            "The disk became full while the kernel was built.", "Free some gigabytes, then run `labs up` again."
        )
    if status:
        raise EngineError(f"The kernel was not built: {text[-600:]}", "`labs doctor` tells what is missing.")
