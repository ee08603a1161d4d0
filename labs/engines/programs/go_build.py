"""Builds programs from Go modules whose versions and checksums a go.mod and a go.sum pin, in `go` or `go-docker`."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from labs.engines.programs import catalog, go_modules
from labs.engines.programs.go_toolchain import ensure_go, go_environment
from labs.engines.runtime.command import run
from labs.engines.runtime.files import flush
from labs.engines.runtime.memory import available_memory
from labs.engines.runtime.reporter import Step, time_left
from labs.engines.runtime.streamed_command import follow
from labs.engines.runtime.user_folders import cache_folder
from labs.errors import CommandFailed, EngineError

__all__ = ["build"]

NEEDED_BYTES = 6 << 30
PLENTY, PLENTY_PER_CPU = 4 << 30, 2 << 30
"""Bytes of memory: two compilers and a linker that collect no garbage take 5 GB, and builds overlap."""
COMPILING = 0.85  # of a build's time; the rest is linking, which reports no progress


def build(name: str, target: Path, step: Step) -> None:
    """Build one executable.

    Args:
        name: of the build in the catalog.
        target: the executable's path; it appears when it is complete.
        step: reports how far the build is.

    Raises:
        EngineError: there is no Go, no network, not enough disk, the build failed, or what it makes is of another
            version than the catalog names.
        Cancelled: another task failed.
    """
    wanted = catalog.builds()[name]
    go_modules.require_catalog_modules(wanted)
    free = shutil.disk_usage(target.parent).free
    if free < NEEDED_BYTES:
        raise EngineError(
            f"The disk has {free >> 20} MB free at {target.parent}, and a build needs about {NEEDED_BYTES >> 30} GB.",
            "Free some, or set LABS_CACHE to a folder on another disk.",
        )
    step.update("waiting for Go")
    go = ensure_go(step)
    for left in target.parent.glob(f".build-{name}.*"):  # of a build that was killed; the caller holds this one's lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".build-{name}.", ignore_cleanup_errors=True) as folder:
        environment = _environment(Path(folder))
        step.update("fetching the modules")
        module, tags = wanted.folder / wanted.module, f"-tags={wanted.tags}"
        listed = _run([go, "list", "-deps", tags, wanted.package], environment, module, timeout=900)
        file = Path(folder) / name
        # the linker throws debug information away, so it need not be made
        argv = [
            "nice",
            "-n",
            str(wanted.nice),
            go,
            "build",
            "-v",
            "-trimpath",
            "-mod=readonly",
            "-gcflags=all=-dwarf=false",
        ]
        argv += [tags, "-o", file]
        argv += ["-ldflags", f"-s -w {wanted.ldflags}", wanted.package]
        _compile([str(word) for word in argv], environment, module, len(listed.splitlines()), step)
        file.chmod(0o755)  # other users run it, whatever our umask
        go_modules.require_catalog_program(file, wanted, go)
        flush(file)
        file.rename(target)


def _compile(argv: list[str], environment: dict[str, str], module: Path, total: int, step: Step) -> None:
    """Run ``go build -v``, which names each package that it compiles."""
    began, seen = time.monotonic(), 0

    def tell(line: str) -> None:
        nonlocal seen
        if re.fullmatch(r"[\w.\-/~]+", line.strip()):
            seen += 1
            fraction = min(COMPILING * seen / total, COMPILING)
            step.update(f"{seen} of at most {total} packages{time_left(began, fraction)}", fraction)

    status, text = follow(argv, cwd=module, env=environment, on_line=tell)
    if status:
        if "no space left" in text:
            raise EngineError(
                f"The disk became full while {argv[-1]} was built.",
                "Free some gigabytes, then run `labs up` again: what was compiled is kept.",
            )
        raise EngineError(
            f"{argv[-1]} could not be built: {text[-600:]}",
            "Check the network and run `labs up` again: what was compiled is kept.",
        )


def _run(argv: list[str | Path], environment: dict[str, str], module: Path, timeout: float) -> str:
    try:
        return run(argv, env=environment, timeout=timeout, cwd=module)
    except CommandFailed as error:
        raise EngineError(
            f"The Go modules could not be fetched: {error.what}", "Check the network, then run `labs up` again."
        ) from error


def _environment(folder: Path) -> dict[str, str]:
    """The user's environment without what changes a build; Go's caches lie in ours, what is temporary in ``folder``."""
    settings = {
        k: v for k, v in os.environ.items() if not k.startswith("GO") or k in ("GOPROXY", "GOSUMDB", "GOPRIVATE")
    }
    cache = cache_folder()
    if available_memory() > PLENTY + PLENTY_PER_CPU * (os.cpu_count() or 1):  # Go starts a compiler for each
        settings["GOGC"] = "off"  # the compiler collects no garbage: a sixth less work
    return {
        **settings,
        **go_environment(),
        "CGO_ENABLED": "0",
        "GOCACHE": str(cache / "go-build"),
        "GOMODCACHE": str(cache / "go-mod"),
        "GOTMPDIR": str(folder),
        "GOFLAGS": "-buildvcs=false",
        "HOME": os.environ.get("HOME", str(cache)),
    }
