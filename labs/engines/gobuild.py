"""Builds programs from Go modules whose versions and checksums a go.mod and a go.sum pin, in `go` or `go-docker`."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from filelock import FileLock

from labs.engines import catalog
from labs.engines.compiling import follow
from labs.engines.files import flush
from labs.engines.processes import run
from labs.engines.progress import Step
from labs.engines.state import cache_folder
from labs.errors import CommandFailed, EngineError

__all__ = ["build", "find_go"]

MODULES = Path(__file__).parent
NEEDED_BYTES = 6 << 30
COMPILING = 0.85  # of a build's time; the rest is linking, which tells nothing of itself


def find_go() -> Path | None:
    """A Go on PATH or in the cache that is new enough, or None."""
    for candidate in (shutil.which("go"), _wheel_folder() / "bin" / "go"):
        if candidate and Path(candidate).exists() and _is_new_enough(Path(candidate)):
            return Path(candidate)
    return None


def build(name: str, target: Path, step: Step) -> None:
    """Build one executable.

    Args:
        name: of the build in the catalog.
        target: the executable's path; it appears when it is complete.
        step: is told how far the build is.

    Raises:
        EngineError: there is no Go, no network, not enough disk, or the build failed.
        Cancelled: another task failed.
    """
    wanted = catalog.builds()[name]
    free = shutil.disk_usage(target.parent).free
    if free < NEEDED_BYTES:
        raise EngineError(
            f"The disk has {free >> 20} MB free at {target.parent}, and a build needs about {NEEDED_BYTES >> 30} GB.",
            "Free some, or set LABS_CACHE to a folder on another disk.",
        )
    with FileLock(cache_folder() / ".go-toolchain.lock"):  # another build may be fetching it
        go = find_go() or _fetch_go(step)
    for left in target.parent.glob(f".build-{name}.*"):  # of a build that was killed; the caller holds this one's lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".build-{name}.", ignore_cleanup_errors=True) as folder:
        environment = _environment(Path(folder))
        step.update("fetching the modules")
        module, tags = MODULES / wanted.module, f"-tags={wanted.tags}"
        listed = _run([go, "list", "-deps", tags, wanted.package], environment, module, timeout=900)
        file = Path(folder) / name
        argv = [go, "build", "-v", "-trimpath", "-mod=readonly", tags, "-o", file]
        argv += ["-ldflags", f"-s -w {wanted.ldflags}", wanted.package]
        _compile([str(word) for word in argv], environment, module, len(listed.splitlines()), step)
        file.chmod(0o755)  # other users run it, whatever our umask
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
            left = (time.monotonic() - began) * (1 / fraction - 1)
            step.update(f"{seen} of at most {total} packages, about {left / 60:.0f} min left", fraction)

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
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GO") or k in ("GOPROXY", "GOSUMDB", "GOPRIVATE")}
    cache = cache_folder()
    return {
        **kept,
        "CGO_ENABLED": "0",
        "GOCACHE": str(cache / "go-build"),
        "GOMODCACHE": str(cache / "go-mod"),
        "GOTMPDIR": str(folder),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-buildvcs=false",
        "HOME": os.environ.get("HOME", str(cache)),
    }


def _is_new_enough(go: Path) -> bool:
    try:
        environment = {**os.environ, "GOTOOLCHAIN": "local"}  # its own, not one that it would fetch
        found = re.search(r"go(\d+(?:\.\d+)*)", run([go, "env", "GOVERSION"], env=environment, timeout=20))
    except CommandFailed:
        return False

    def numbers(version: str) -> list[int]:
        return [int(part) for part in version.split(".")]

    return bool(found) and numbers(found[1]) >= numbers(catalog.toolchain()["minimum"])


def _wheel_folder() -> Path:
    return cache_folder() / "go-toolchain"


def _fetch_go(step: Step) -> Path:
    """Put the Go of a PyPI wheel into the cache."""
    minimum, wheel = catalog.toolchain()["minimum"], catalog.toolchain()["wheel"]
    step.update(f"no Go {minimum} or newer here: fetching the wheel {wheel}")
    folder = _wheel_folder()
    try:
        run(
            [sys.executable, "-m", "pip", "install", "-q", "--target", folder, "--upgrade", f"{wheel}>={minimum}"],
            timeout=600,
        )
    except CommandFailed as error:
        raise EngineError(
            f"There is no Go {minimum} or newer here, and the wheel {wheel} could not be fetched: {error.what}",
            "Install Go, or put Kubernetes' programs on PATH (conda-forge has them), then run `labs up` again.",
        ) from error
    found = find_go()
    if found is None:
        raise EngineError(f"The wheel {wheel} holds no Go that runs here.", "Install Go, then run `labs up` again.")
    return found
